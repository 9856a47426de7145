//! Imports go downwards only: reads the sources and fails on an arrow that the table of ARCHITECTURE does not have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which module may import which.
const TABLE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("telemetry", &["domain"]),
    ("config", &["domain"]),
    ("pictures", &[]),
    ("darkroom", &["pictures"]),
    ("pipelines", &["domain", "pictures", "darkroom"]),
    ("sandbox", &["domain"]),
    ("warden", &["domain"]),
    ("engine", &["domain", "clock", "config", "telemetry"]),
    ("artifacts", &["domain", "clock", "config", "telemetry"]),
    ("broker", &["domain", "clock", "config", "telemetry", "engine"]),
    (
        "runs",
        &["domain", "clock", "config", "telemetry", "engine", "artifacts", "broker", "pipelines", "sandbox"],
    ),
    ("keeper", &["domain", "clock", "config", "telemetry", "engine", "artifacts"]),
    ("auth", &["domain", "clock", "config", "engine"]),
    (
        "service",
        &[
            "domain",
            "clock",
            "config",
            "telemetry",
            "engine",
            "artifacts",
            "broker",
            "runs",
            "keeper",
            "auth",
            // A description goes into a file when somebody fetches it, after the run.
            "pictures",
        ],
    ),
    ("surfaces", &["service", "auth", "broker", "domain", "clock", "config", "telemetry"]),
    (
        "app",
        &[
            "domain",
            "clock",
            "telemetry",
            "config",
            "pipelines",
            "sandbox",
            "engine",
            "artifacts",
            "broker",
            "runs",
            "keeper",
            "auth",
            "service",
            "surfaces",
        ],
    ),
    // The sandbox is a subcommand of its own: a child process that needs nothing else of the house.
    // It is a door like the surfaces: it calls the service in process and keeps the tokens.
    ("cli", &["app", "auth", "service", "config", "telemetry", "domain", "clock", "sandbox", "warden"]),
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// Names of modules of ours that a source imports, with the line; what follows `#[cfg(test)] mod` does not count.
fn imports(source: &str) -> Vec<(usize, String)> {
    let product = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
    let mut found = Vec::new();
    for (number, line) in product.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let name: String = code[at + 7..]
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            if !name.is_empty() {
                found.push((number + 1, name));
            }
        }
    }
    found
}

#[test]
fn imports_go_downwards_only() {
    let table: BTreeMap<_, _> = TABLE.iter().copied().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources must be found");
    let mut wrong = Vec::new();
    for file in files {
        let place = file.strip_prefix(&root).unwrap();
        let module = place.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_test = place.file_stem().is_some_and(|stem| stem == "tests" || stem == "fixtures")
            || place.iter().any(|part| part == "tests");
        if matches!(module.as_str(), "lib" | "main") || is_test {
            continue;
        }
        let Some(allowed) = table.get(module.as_str()) else {
            wrong.push(format!("{}: module {module} is not in the table", place.display()));
            continue;
        };
        for (line, import) in imports(&std::fs::read_to_string(&file).unwrap()) {
            if import != module && table.contains_key(import.as_str()) && !allowed.contains(&import.as_str())
            {
                wrong.push(format!("{}:{line}: {module} imports {import}", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that go up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn an_import_is_seen_wherever_it_stands() {
    let source = "use crate::engine::Engine;\nfn f() -> crate::broker::Broker { todo() } // crate::app\n\
                  #[cfg(test)]\nmod tests { use crate::service::Service; }";
    assert_eq!(imports(source), [(1, "engine".to_owned()), (2, "broker".to_owned())]);
}
