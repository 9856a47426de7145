//! The verifier on a small app: what passes, what is mended, what makes the run red.

use callboard::pipelines::app::verifier::report::Report;
use callboard::pipelines::app::verifier::verify;
use callboard::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, FileSet, OutputFile};

use crate::support::sample_app::{Host, files, inputs};

type Called = Option<Result<AgentOutput, AgentError>>;

fn nobody(_: &str, _: &AgentInputs, _: &dyn AgentHost) -> Called {
    None
}

/// Agents that write the good files again.
fn everybody(name: &str, inputs: &AgentInputs, _: &dyn AgentHost) -> Called {
    let (good, starts): (_, &[&str]) = match name {
        "core-logic" => (files(), &["src/core/"]),
        "interface" => (files(), &["index.html", "app."]),
        "tests" => (files(), &["test/"]),
        "design" => (files(), &["tokens.css"]),
        "data" => (files(), &["package.json"]),
        _ => return None,
    };
    // An agent never sees what it or a later one wrote.
    assert!(
        inputs.files.iter().all(|(path, _)| !starts.iter().any(|start| path.starts_with(start))),
        "{name}"
    );
    let files = good
        .iter()
        .filter(|(path, _)| starts.iter().any(|start| path.starts_with(start)))
        .map(|(path, bytes)| OutputFile { path: path.to_owned(), bytes: bytes.to_vec() })
        .collect();
    Some(Ok(AgentOutput { files, summary: String::new() }))
}

fn report(output: &AgentOutput) -> Report {
    let mut files = FileSet::default();
    for file in &output.files {
        files.insert(file.path.clone(), file.bytes.clone());
    }
    Report::read(&files).expect("the last file is the report")
}

fn with(path: &str, change: impl Fn(&str) -> String) -> FileSet {
    let mut files = files();
    let text = change(files.text(path).expect("the sample has it"));
    files.insert(path, text.into_bytes());
    files
}

fn failed(files: FileSet) -> (String, Option<String>, Option<u32>) {
    match verify(&inputs(files), &Host::default(), &nobody) {
        Err(AgentError::Failed { message, file, line }) => (message, file, line),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn a_good_app_gets_a_report() {
    let host = Host::default();
    let output = verify(&inputs(files()), &host, &nobody).expect("the sample is good");
    assert_eq!(output.files.len(), 1);
    let report = report(&output);
    assert_eq!(report.tests.len(), 3);
    assert_eq!(report.parsed.javascript.len(), 5);
    assert_eq!(report.imports, 6);
    let proven: Vec<_> =
        report.criteria.iter().map(|line| (line.id.as_str(), line.requirement.as_str())).collect();
    assert_eq!(proven, [("R1.1", "R1"), ("R1.2", "R1"), ("R2.1", "R2")]);
    assert_eq!(report.sentences.text, "2 of 3 sentences implemented; not covered: \"Fly to the moon\"");
    assert!(report.mutation.total > 10, "{:?}", report.mutation);
    assert!(report.mutation.score >= 80.0, "{:#?}", report.mutation);
    assert_eq!(report.mutation.total, report.mutation.killed + report.mutation.survived);
    assert_eq!(report.mutation.survived, report.mutation.survivors.len());
    assert!(
        output.summary.starts_with("3 tests pass, 3 criteria proven, mutation score"),
        "{}",
        output.summary
    );
    assert!(host.progress.borrow().is_sorted(), "{:?}", host.progress);
    let again = verify(&inputs(files()), &Host::default(), &nobody).expect("the sample is good");
    assert_eq!(output, again);
}

#[test]
fn weak_tests_leave_survivors_and_a_warning() {
    let weak = "import { test } from 'node:test';\nimport { addBook, meanRating } from '../src/core/books.js';\n\
                test('R1.1 a', () => { addBook([], {}); });\ntest('R1.2 b', () => {});\n\
                test('R2.1 c', () => { meanRating([]); });\n";
    let output = verify(&inputs(with("test/books.test.js", |_| weak.to_owned())), &Host::default(), &nobody)
        .expect("weak tests pass");
    let report = report(&output);
    assert!(report.mutation.score < 80.0);
    assert_eq!(report.warnings.len(), 1);
    let survivor = &report.mutation.survivors[0];
    assert_eq!((survivor.file.as_str(), survivor.line), ("src/core/books.js", 3));
    assert_ne!(survivor.before, survivor.after);
}

#[test]
fn what_cannot_be_mended_fails_with_file_and_line() {
    let cases = [
        ("src/core/books.js", "let sum = 0;", "let sum = ;", "syntax", "src/core/books.js", Some(11)),
        ("src/core/books.js", "sum / books", "sum * books", "test", "test/books.test.js", Some(14)),
        (
            "src/ui/main.js",
            "root.append",
            "root.innerHTML = root.x; root.append",
            "security",
            "src/ui/main.js",
            Some(4),
        ),
        ("src/ui/main.js", "../data/seed.js", "../data/sea.js", "import", "src/ui/main.js", Some(2)),
        ("src/ui/main.js", "{ seed }", "{ sea }", "import", "src/ui/main.js", Some(2)),
        ("index.html", "id=\"q\"", "id=\"p\"", "html", "index.html", Some(4)),
        ("index.html", "app.js", "gone.js", "html", "index.html", Some(4)),
        ("app.css", "--ink", "--zap", "css-property", "app.css", Some(1)),
        ("openapi.json", "{}", "{\n,}", "json", "openapi.json", Some(2)),
        ("test/books.test.js", "'R1.2 a", "'a", "criterion", "requirements.json", None),
        ("test/books.test.js", "test('R1.2", "test.skip('R1.2", "criterion", "requirements.json", None),
        ("test/books.test.js", "'R1.2 a", "'R1.1 a", "criterion", "requirements.json", None),
    ];
    for (path, from, to, rule, file, line) in cases {
        let (message, found, found_line) = failed(with(path, |text| text.replace(from, to)));
        assert!(message.starts_with(rule), "{to}: {message}");
        assert_eq!((found.as_deref(), found_line), (Some(file), line), "{to}: {message}");
    }
}

#[test]
fn an_app_without_tests_is_not_verified() {
    let none = r#"{"requirements":[],"not_covered":[],"sentences_total":0,"sentences_covered":0}"#;
    let mut files = with("test/books.test.js", |_| String::new());
    files.insert("requirements.json", none.as_bytes());
    assert_eq!(failed(files).0, "criterion: the app has no tests");
}

#[test]
fn broken_files_are_made_again_by_their_agent() {
    let cases = [
        ("src/core/books.js", "let sum = 0;", "let sum = ;", "src/core/books.js"),
        ("src/core/books.js", "sum / books", "sum * books", "src/core/books.js"),
        ("src/core/books.js", "export function meanRating", "function meanRating", "src/core/books.js"),
        ("index.html", "id=\"q\"", "id=\"p\"", "index.html"),
        ("test/books.test.js", "'R1.2 a", "'a", "test/books.test.js"),
        ("tokens.css", "--ink", "--pen", "tokens.css"),
        ("package.json", "{", "[", "package.json"),
    ];
    for (path, from, to, mended) in cases {
        let output = verify(&inputs(with(path, |text| text.replace(from, to))), &Host::default(), &everybody)
            .unwrap_or_else(|error| panic!("{to}: {error}"));
        let report = report(&output);
        assert_eq!(report.repairs.len(), 1, "{to}: {:?}", report.repairs);
        assert_eq!((report.repairs[0].round, report.repairs[0].file.as_str()), (1, mended));
        let file =
            output.files.iter().find(|file| file.path == mended).expect("the repaired file is written");
        assert_eq!(file.bytes, files().get(mended).expect("the sample has it").to_vec());
        assert!(output.summary.ends_with(", 1 mended"), "{}", output.summary);
    }
}

#[test]
fn small_things_are_mended_without_an_agent() {
    let text_of = |output: &AgentOutput, path: &str| {
        let file = output.files.iter().find(|file| file.path == path).expect("it was mended");
        String::from_utf8(file.bytes.clone()).expect("it is text")
    };
    let files = with("src/ui/main.js", |text| text.replace("../data/seed.js", "../data/seed"));
    let output = verify(&inputs(files), &Host::default(), &nobody).expect("the ending is added");
    assert!(text_of(&output, "src/ui/main.js").contains("'../data/seed.js'"));
    let files = with("app.css", |text| format!("{text}a {{ color: var(--muted-text); }}\n"));
    let output = verify(&inputs(files), &Host::default(), &nobody).expect("the colour gets a value");
    assert!(text_of(&output, "app.css").contains("--muted-text: CanvasText;"));
}

#[test]
fn an_agent_that_repeats_its_mistake_makes_the_run_red() {
    let stubborn = |name: &str, _: &AgentInputs, _: &dyn AgentHost| -> Called {
        (name == "core-logic").then(|| {
            Ok(AgentOutput {
                files: vec![OutputFile::text("src/core/books.js", "export const x = ;")],
                summary: String::new(),
            })
        })
    };
    let files = with("src/core/books.js", |text| text.replace("let sum = 0;", "let sum = ;"));
    let error = verify(&inputs(files), &Host::default(), &stubborn).expect_err("it cannot be mended");
    assert!(matches!(error, AgentError::Failed { line: Some(1), .. }), "{error:?}");
}

#[test]
fn a_cancel_is_heard() {
    let host = Host { cancelled: true, ..Host::default() };
    assert_eq!(verify(&inputs(files()), &host, &nobody), Err(AgentError::Cancelled));
}
