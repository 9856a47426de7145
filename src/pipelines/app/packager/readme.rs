//! `README.md` of the generated app.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::{Facts, plain, size};

/// What files are for, where the plan does not say it.
const PURPOSES: [(&str, &str); 22] = [
    ("README.md", "this page"),
    ("TRACEABILITY.md", "which sentence became what, and which test proves it"),
    ("standalone.html", "the whole app in one file"),
    ("provenance.json", "what it was made from, with a hash of every file"),
    ("index.html", "the page of the app"),
    ("app.css", "how it looks"),
    ("app.js", "starts the app"),
    ("tokens.css", "colours, sizes and distances"),
    ("icon.svg", "icon of the app"),
    ("design.json", "palette with measured contrasts"),
    ("package.json", "says that the files are modules"),
    ("brief.json", "the brief, cut into sentences"),
    ("requirements.json", "what was understood, for programs"),
    ("REQUIREMENTS.md", "what was understood, for people"),
    ("model.json", "records and their fields, as a JSON Schema"),
    ("model.svg", "records and their fields, as a picture"),
    ("plan.json", "modules and what they need of each other"),
    ("openapi.json", "operations of the store, described as if it were a service"),
    ("report.json", "what was checked, and with what result"),
    ("src/data/seed.js", "records to begin with"),
    ("src/data/storage.js", "where records are kept"),
    ("testing/support.js", "what tests share"),
];

#[derive(Deserialize)]
struct Plan {
    modules: Vec<PlannedModule>,
}

#[derive(Deserialize)]
struct PlannedModule {
    path: String,
    purpose: String,
}

pub(super) fn write(facts: &Facts<'_>) -> String {
    let Facts { brief, requirements, report, .. } = facts;
    let mut page = format!("# {}\n\n", plain(&brief.title));
    line(&mut page, "A web app without dependencies, generated from this brief:\n");
    for words in facts.words.lines() {
        line(&mut page, format!("> {}", plain(words)).trim_end());
    }
    line(&mut page, "\n## Open it\n");
    line(
        &mut page,
        "Double-click `standalone.html`: the whole app in one file. What you enter stays in your browser.\n",
    );
    line(
        &mut page,
        "To work on the sources, serve this folder with any web server and open `index.html`, for example:\n",
    );
    line(&mut page, "```sh\npython3 -m http.server 8000 --bind 127.0.0.1\n```");
    line(&mut page, "\n## Test it\n");
    line(&mut page, "With Node.js 20 or newer, in this folder:\n\n```sh\nnode --test\n```\n");
    line(
        &mut page,
        &format!(
            "{} tests passed when the app was made, {} acceptance criteria have a test of their own",
            report.tests.len(),
            report.criteria.len()
        ),
    );
    line(&mut page, &format!("(`TRACEABILITY.md`). {}\n", mutation(facts)));
    line(&mut page, "## What it does\n");
    for requirement in &requirements.requirements {
        line(&mut page, &format!("- {} ({})", plain(&requirement.text), plain(&requirement.id)));
    }
    not_covered(facts, &mut page);
    files(facts, &mut page);
    page
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

fn mutation(facts: &Facts<'_>) -> String {
    let mutation = &facts.report.mutation;
    if mutation.total == 0 {
        return "No small change of the code was there to be tried.".to_owned();
    }
    let mut text = format!(
        "Of {} small changes to `src/core`, the tests noticed {}: a mutation score of {:.1} %.",
        mutation.total, mutation.killed, mutation.score
    );
    if mutation.survived > 0 {
        text.push_str(" The ones they did not notice are listed in `report.json`.");
    }
    text
}

fn not_covered(facts: &Facts<'_>, page: &mut String) {
    let requirements = &facts.requirements;
    line(page, "\n## What it does not do\n");
    if requirements.not_covered.is_empty() {
        line(
            page,
            &format!("Every sentence of the brief was implemented ({}).", requirements.sentences_total),
        );
    } else {
        line(
            page,
            &format!(
                "{} of {} sentences were implemented. These were not:\n",
                requirements.sentences_covered, requirements.sentences_total
            ),
        );
        for sentence in &requirements.not_covered {
            line(page, &format!("- \"{}\": {}", plain(&sentence.text), plain(&sentence.reason)));
        }
    }
    if !facts.brief.contradictions.is_empty() {
        line(page, "\nThe brief contradicts itself:\n");
        for contradiction in &facts.brief.contradictions {
            line(page, &format!("- {}", plain(contradiction)));
        }
    }
}

fn files(facts: &Facts<'_>, page: &mut String) {
    let planned: BTreeMap<String, String> = facts
        .files
        .json::<Plan>("plan.json")
        .map(|plan| plan.modules.into_iter().map(|module| (module.path, module.purpose)).collect())
        .unwrap_or_default();
    line(page, "\n## Files\n\n| File | Size | What |\n|---|---:|---|");
    for (path, bytes) in facts.files.iter() {
        let known = PURPOSES.iter().find(|(name, _)| *name == path).map(|(_, purpose)| (*purpose).to_owned());
        let what =
            planned.get(path).map(|purpose| plain(purpose)).or(known).unwrap_or_else(|| by_folder(path));
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{path}` | {} | {what} |", size(bytes.len()));
    }
    line(
        page,
        "\nBeside these: this page, `TRACEABILITY.md`, `standalone.html` and `provenance.json` (what the app was made from, with a hash of every file).",
    );
}

fn by_folder(path: &str) -> String {
    let what = match path.split('/').collect::<Vec<_>>()[..] {
        ["src", "core", ..] => "rules of the app, without a page",
        ["src", "ui", ..] => "part of the page",
        ["src", "data", ..] => "data",
        ["test" | "testing", ..] => "tests",
        _ => "",
    };
    what.to_owned()
}
