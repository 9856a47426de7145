//! `TRACEABILITY.md`: from a requirement to its sentence, its files and its tests.

use std::collections::BTreeMap;

use super::{Facts, plain};
use crate::pipelines::app::spec::{Intent, Requirement};

pub(super) fn write(facts: &Facts<'_>) -> String {
    let requirements = &facts.requirements;
    let mut page = format!("# Traceability of {}\n\n", plain(&facts.brief.title));
    page.push_str("Each requirement with the sentence it comes from, the files it lives in and the tests that prove it.\n\n");
    page.push_str("| Requirement | Sentence | Files | Tests |\n|---|---|---|---|\n");
    let sentences: BTreeMap<&str, &str> =
        facts.brief.sentences.iter().map(|sentence| (sentence.id.as_str(), sentence.text.as_str())).collect();
    for requirement in &requirements.requirements {
        let sentence = match &requirement.sentence {
            Some(id) => {
                format!("{}: {}", plain(id), plain(sentences.get(id.as_str()).copied().unwrap_or_default()))
            }
            None => "(implied)".to_owned(),
        };
        let files: Vec<_> = files(facts, requirement).iter().map(|path| format!("`{path}`")).collect();
        page.push_str(&format!(
            "| {} {} | {sentence} | {} | {} |\n",
            plain(&requirement.id),
            plain(&requirement.text),
            files.join("<br>"),
            tests(facts, requirement).join("<br>")
        ));
    }
    page.push_str("\n## Sentences without a requirement\n\n");
    if requirements.not_covered.is_empty() {
        page.push_str("None.\n");
    }
    for sentence in &requirements.not_covered {
        page.push_str(&format!(
            "- {}: \"{}\": {}\n",
            plain(&sentence.sentence),
            plain(&sentence.text),
            plain(&sentence.reason)
        ));
    }
    page
}

/// `passed: R1.1 …` for each acceptance criterion.
fn tests(facts: &Facts<'_>, requirement: &Requirement) -> Vec<String> {
    let describe = |id: &str, text: &str| match facts.report.criteria.iter().find(|line| line.id == id) {
        Some(line) => {
            let passed = facts
                .report
                .tests
                .iter()
                .any(|test| test.file == line.file && test.name == line.test && test.passed);
            let verdict = if passed { "passed" } else { "failed" };
            format!("{verdict}: {} (`{}`)", plain(&line.test), line.file)
        }
        None => format!("no test: {} {}", plain(id), plain(text)),
    };
    requirement.criteria.iter().map(|criterion| describe(&criterion.id, &criterion.text)).collect()
}

/// The files that a requirement lives in, as far as they exist.
fn files(facts: &Facts<'_>, requirement: &Requirement) -> Vec<String> {
    let (entity, core, page) = home(&requirement.intent);
    let mut candidates = Vec::new();
    candidates.extend(entity.map(|entity| format!("src/core/{entity}.js")));
    candidates.extend(core.iter().map(|name| format!("src/core/{name}.js")));
    candidates.extend(page.iter().map(|name| format!("src/ui/{name}.js")));
    if matches!(requirement.intent, Intent::Theme { .. }) {
        candidates.push("tokens.css".to_owned());
    }
    candidates.retain(|path| facts.files.get(path).is_some());
    candidates.dedup();
    candidates
}

/// The kind of record, the modules of the core and the modules of the page that an intent lives in.
fn home(intent: &Intent) -> (Option<&str>, &'static [&'static str], &'static [&'static str]) {
    const LIST: &[&str] = &["entity-page", "table", "cards"];
    match intent {
        Intent::Keep { entity, .. } => (Some(entity), &["model"], &["form", "inputs"]),
        Intent::Add { entity } | Intent::Edit { entity } => (Some(entity), &["store"], &["form"]),
        Intent::Remove { entity } => (Some(entity), &["store"], &["confirm"]),
        Intent::List { entity } | Intent::Limit { entity, .. } => (Some(entity), &["store"], LIST),
        Intent::Search { entity, .. } | Intent::Filter { entity, .. } | Intent::Sort { entity, .. } => {
            (Some(entity), &["query"], LIST)
        }
        Intent::MarkAs { entity, .. } | Intent::Transition { entity, .. } => {
            (Some(entity), &["transitions", "store"], &["record-parts"])
        }
        Intent::Due { entity, .. } => (Some(entity), &["due", "days"], &["record-parts"]),
        Intent::Total { entity, .. } => (Some(entity), &["totals", "groups"], &["figures"]),
        Intent::Count { entity, .. } => (Some(entity), &["counts", "totals", "groups"], &["figures"]),
        Intent::MaxLength { entity, .. }
        | Intent::Unique { entity, .. }
        | Intent::Required { entity, .. }
        | Intent::Between { entity, .. }
        | Intent::BelongsTo { entity, .. }
        | Intent::Derived { entity, .. } => (Some(entity), &[], &["form"]),
        Intent::NoOverlap { entity, .. } => (Some(entity), &["overlap"], &["form"]),
        Intent::Alert { entity, .. } => (Some(entity), &["alerts"], &["notices"]),
        Intent::Board { entity, .. } => (Some(entity), &["transitions", "store"], &["board"]),
        Intent::Calendar { entity, .. } => (Some(entity), &["calendar", "days"], &["calendar"]),
        Intent::CheckIn { entity, .. } | Intent::Streak { entity, .. } => {
            (Some(entity), &["streak", "days"], &["check-ins"])
        }
        Intent::Quiz { entity, .. } => (Some(entity), &["quiz"], &["quiz"]),
        Intent::Import { entity, .. } | Intent::Export { entity, .. } => {
            (Some(entity), &["transfer"], &["transfer"])
        }
        Intent::Undo {} => (None, &["history"], &["history"]),
        Intent::Statistics { entity } => (Some(entity), &["statistics"], &["statistics"]),
        Intent::Theme { .. } => (None, &[], &["theme"]),
    }
}
