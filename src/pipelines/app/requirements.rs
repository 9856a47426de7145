//! Agent 2: maps every sentence to what is to be built, or says that it is not covered. Writes `REQUIREMENTS.md` and
//! `requirements.json`.

use std::fmt::Write as _;

use serde::Serialize;

use super::grammar::{self, Understanding};
use super::intake::{json_file, one_line};
use super::spec::{Brief, Requirements};
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// `requirements.json` with one more key than [`Requirements`] reads: what became of each sentence. A sentence may ask
/// for several requirements, and one that repeats another asks for the same.
#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    requirements: &'a Requirements,
    sentences: Vec<SentenceRow<'a>>,
}

#[derive(Serialize)]
struct SentenceRow<'a> {
    id: &'a str,
    covered: bool,
    requirements: &'a [String],
}

/// Runs the agent.
///
/// # Errors
/// When `brief.json` is missing or malformed, nothing is kept, or the run is to be cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let brief = Brief::read(&inputs.files)?;
    host.progress(20.0, "mapping sentences to requirements");
    let understanding = grammar::understand(&brief);
    host.check()?;
    if understanding.model.entities.is_empty() {
        return Err(AgentError::Failed {
            message: "no sentence says what is to be kept, like `books with title and author`".to_owned(),
            file: Some("brief.json".to_owned()),
            line: None,
        });
    }
    log(&understanding, host);
    host.progress(70.0, "writing the requirements");
    let found = &understanding.requirements;
    let sentences = understanding
        .verdicts
        .iter()
        .map(|verdict| SentenceRow {
            id: &verdict.sentence,
            covered: verdict.problem.is_none(),
            requirements: &verdict.requirements,
        })
        .collect();
    let files = vec![
        OutputFile::text("REQUIREMENTS.md", markdown(&understanding)),
        json_file("requirements.json", &File { requirements: found, sentences })?,
    ];
    host.check()?;
    host.progress(100.0, "requirements written");
    let criteria: usize = found.requirements.iter().map(|requirement| requirement.criteria.len()).sum();
    Ok(AgentOutput {
        files,
        summary: format!(
            "{} requirements with {criteria} acceptance criteria, {} of {} sentences covered",
            found.requirements.len(),
            found.sentences_covered,
            found.sentences_total
        ),
    })
}

/// What was understood from which sentence.
fn log(understanding: &Understanding, host: &dyn AgentHost) {
    let texts: std::collections::BTreeMap<&str, &str> = understanding
        .requirements
        .requirements
        .iter()
        .map(|requirement| (requirement.id.as_str(), requirement.text.as_str()))
        .collect();
    for verdict in &understanding.verdicts {
        for id in &verdict.requirements {
            let text = texts.get(id.as_str()).copied().unwrap_or_default();
            host.log(
                LogLevel::Info,
                &format!("{} `{}` -> {id} {text}", verdict.sentence, one_line(&verdict.text)),
            );
        }
        match &verdict.problem {
            Some(reason) => host.log(
                LogLevel::Warning,
                &format!("{} `{}` is not covered: {reason}", verdict.sentence, one_line(&verdict.text)),
            ),
            None if verdict.requirements.is_empty() => host.log(
                LogLevel::Info,
                &format!("{} `{}` leaves out what it names", verdict.sentence, one_line(&verdict.text)),
            ),
            None => {}
        }
    }
    for assumption in &understanding.assumptions {
        host.log(LogLevel::Info, &format!("assumed: {}", one_line(assumption)));
    }
    let implied =
        understanding.requirements.requirements.iter().filter(|found| found.sentence.is_none()).count();
    host.log(LogLevel::Info, &format!("{implied} requirements are implied by what is kept"));
}

/// `REQUIREMENTS.md`.
fn markdown(understanding: &Understanding) -> String {
    let found = &understanding.requirements;
    let mut out = format!("# Requirements of {}\n\n", plain(&understanding.model.title));
    let _ = writeln!(
        out,
        "{} of {} sentences of the brief are covered.",
        found.sentences_covered, found.sentences_total
    );
    for requirement in &found.requirements {
        let _ = write!(out, "\n## {} {}\n\n", requirement.id, plain(&requirement.text));
        let sources: Vec<&grammar::Verdict> = understanding
            .verdicts
            .iter()
            .filter(|verdict| verdict.requirements.contains(&requirement.id))
            .collect();
        if sources.is_empty() {
            let _ = writeln!(out, "Implied by what is kept.\n");
        }
        for verdict in sources {
            let _ = writeln!(out, "> {}: {}\n", verdict.sentence, plain(&one_line(&verdict.text)));
        }
        for criterion in &requirement.criteria {
            let _ = writeln!(out, "- **{}** {}", criterion.id, plain(&criterion.text));
        }
    }
    if !found.not_covered.is_empty() {
        let _ = write!(out, "\n## Not covered\n\n");
        for missed in &found.not_covered {
            let _ = writeln!(
                out,
                "- **{}** \"{}\": {}",
                missed.sentence,
                plain(&one_line(&missed.text)),
                plain(&missed.reason)
            );
        }
    }
    if !understanding.assumptions.is_empty() {
        let _ = write!(out, "\n## Assumed\n\n");
        for assumption in &understanding.assumptions {
            let _ = writeln!(out, "- {}", plain(assumption));
        }
    }
    if !understanding.contradictions.is_empty() {
        let _ = write!(out, "\n## Contradictions\n\n");
        for contradiction in &understanding.contradictions {
            let _ = writeln!(out, "- {}", plain(contradiction));
        }
    }
    out
}

/// Words of the brief must not become markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        if matches!(sign, '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|') {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::super::spec::Model;
    use super::super::{domain_model, intake};
    use super::*;
    use crate::domain::script::{ScriptJob, ScriptOutcome};
    use crate::pipelines::FileSet;

    #[derive(Default)]
    struct Host {
        lines: RefCell<Vec<String>>,
        percent: Cell<f64>,
        checks_left: Cell<Option<u32>>,
    }

    impl AgentHost for Host {
        fn log(&self, _level: LogLevel, text: &str) {
            self.lines.borrow_mut().push(text.to_owned());
        }

        fn progress(&self, percent: f64, _message: &str) {
            assert!(percent >= self.percent.get(), "progress never falls");
            self.percent.set(percent);
        }

        fn check(&self) -> Result<(), AgentError> {
            match self.checks_left.get() {
                None => Ok(()),
                Some(0) => Err(AgentError::Cancelled),
                Some(left) => {
                    self.checks_left.set(Some(left - 1));
                    Ok(())
                }
            }
        }

        fn run_scripts(
            &self,
            _job: &ScriptJob,
            _on_step: &mut dyn FnMut(usize, &ScriptOutcome),
        ) -> Result<Vec<ScriptOutcome>, AgentError> {
            Err(AgentError::failed("these agents run no scripts"))
        }
    }

    type Run = fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>;

    const AGENTS: [Run; 3] = [intake::run, run, domain_model::run];

    fn run_all(brief: &str) -> (FileSet, Vec<String>, Vec<String>) {
        let mut inputs = AgentInputs { brief: brief.to_owned(), ..AgentInputs::default() };
        let mut lines = Vec::new();
        let mut summaries = Vec::new();
        for agent in AGENTS {
            let host = Host::default();
            let output = agent(&inputs, &host).expect("the brief is fine");
            assert!((host.percent.get() - 100.0).abs() < f64::EPSILON);
            for file in output.files {
                inputs.files.insert(file.path, file.bytes);
            }
            lines.extend(host.lines.into_inner());
            summaries.push(output.summary);
        }
        (inputs.files, lines, summaries)
    }

    const BRIEF: &str = "A shop: items with name & <size>, price and quantity; total is quantity times price; each item belongs to a shelf; users log in; search by name";

    #[test]
    fn three_agents_write_files_that_read_back() {
        let (files, lines, summaries) = run_all(BRIEF);
        let brief = Brief::read(&files).expect("brief.json reads back");
        let requirements = Requirements::read(&files).expect("requirements.json reads back");
        let model = Model::read(&files).expect("model.json reads back");
        assert_eq!(brief.slug, model.slug);
        assert_eq!(model.entities.len(), 2);
        assert_eq!((requirements.sentences_covered, requirements.sentences_total), (4, 5));
        let text = files.text("REQUIREMENTS.md").expect("written");
        assert!(text.contains("4 of 5 sentences"));
        for requirement in &requirements.requirements {
            for criterion in &requirement.criteria {
                assert!(text.contains(&format!("**{}**", criterion.id)));
            }
        }
        assert!(lines.iter().any(|line| line.starts_with("S5 `search by name` -> R")));
        assert!(lines.iter().any(|line| line.contains("is not covered")));
        assert_eq!(summaries[2], "2 entities, 7 fields, 1 relation");
    }

    #[test]
    fn the_same_brief_gives_the_same_bytes() {
        let write = || {
            let (files, _, _) = run_all(BRIEF);
            files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(write(), write());
    }

    #[test]
    fn the_schema_has_a_definition_per_entity() {
        let (files, _, _) = run_all(BRIEF);
        let schema: serde_json::Value = files.json("model.json").expect("JSON");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let item = &schema["$defs"]["item"];
        assert_eq!(item["additionalProperties"], false);
        assert_eq!(item["properties"]["total"]["readOnly"], true);
        assert_eq!(item["properties"]["shelf"]["x-reference"], "shelf");
        let required: Vec<&str> =
            item["required"].as_array().expect("a list").iter().filter_map(|key| key.as_str()).collect();
        assert!(required.contains(&"id") && !required.contains(&"total"));
    }

    #[test]
    fn the_diagram_is_well_formed_and_says_it_all() {
        let (files, _, _) = run_all(BRIEF);
        let svg = files.text("model.svg").expect("written");
        let model = Model::read(&files).expect("model.json reads back");
        for entity in &model.entities {
            assert!(svg.contains(&format!(">{}<", entity.label)));
            for field in &entity.fields {
                assert!(svg.contains(&field.label));
            }
        }
        assert!(svg.contains("class=\"arrow\""));
        assert!(svg.contains("prefers-color-scheme: dark"));
        for name in ["svg", "g", "style", "title", "desc", "text"] {
            let opened =
                svg.matches(&format!("<{name}>")).count() + svg.matches(&format!("<{name} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{name}>")).count(), "{name}");
        }
    }

    #[test]
    fn a_brief_that_cannot_be_worked_on_fails_with_the_reason() {
        let inputs = AgentInputs { brief: "asdf".to_owned(), ..AgentInputs::default() };
        let error = intake::run(&inputs, &Host::default()).expect_err("hopeless");
        assert!(error.to_string().contains("nothing that could be kept"));
    }

    #[test]
    fn a_missing_or_foreign_file_is_named() {
        let error = run(&AgentInputs::default(), &Host::default()).expect_err("no brief.json");
        assert!(error.to_string().contains("brief.json"));
        let (mut files, _, _) = run_all(BRIEF);
        let foreign = files
            .text("requirements.json")
            .expect("written")
            .replace("\"entity\": \"item\"", "\"entity\": \"thing\"");
        files.insert("requirements.json", foreign.into_bytes());
        let inputs = AgentInputs { brief: BRIEF.to_owned(), files, ..AgentInputs::default() };
        let error = domain_model::run(&inputs, &Host::default()).expect_err("does not fit");
        assert!(error.to_string().contains("requirements.json"));
    }

    #[test]
    fn cancel_is_heard_at_every_check() {
        let (files, _, _) = run_all(BRIEF);
        for agent in AGENTS {
            for after in 0..3 {
                let inputs =
                    AgentInputs { brief: BRIEF.to_owned(), files: files.clone(), ..AgentInputs::default() };
                let host = Host { checks_left: Cell::new(Some(after)), ..Host::default() };
                match agent(&inputs, &host) {
                    Err(AgentError::Cancelled) => {}
                    Ok(_) => assert!(after >= 2, "an agent checks at least twice"),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}
