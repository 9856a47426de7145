//! The agents of this pipeline on a model: what it is asked, what it must write and whether that holds.
//!
//! All but the verifier and the packager can be carried out by a model. Each prompt shows what the built-in agent wrote for
//! a brief of its own, so that a model sees the very shapes that later agents read; its reply is read with the same
//! types. Whether the app works is judged by the verifier, as ever.

use std::sync::OnceLock;

use serde::Deserialize;

use super::design::Design;
use super::spec::{Brief, Model, Requirements};
use crate::domain::event::LogLevel;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::prompt::Example;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, FileSet, OutputFile};

/// The brief whose files are shown as an example.
const EXAMPLE_BRIEF: &str = "A plant diary: plants with name, room, status (fine, thirsty, sick) and last watered date; search by \
                             name, filter by status, sort by name; count per status";

/// An agent that a model can carry out.
struct Modelled {
    agent: &'static str,
    prompt: &'static str,
    /// Patterns of what it writes.
    outputs: &'static [&'static str],
}

macro_rules! modelled {
    ($agent:literal, $outputs:expr) => {
        Modelled {
            agent: concat!("app/", $agent),
            prompt: include_str!(concat!("../../../templates/prompts/app/", $agent, ".jinja")),
            outputs: &$outputs,
        }
    };
}

static MODELLED: &[Modelled] = &[
    modelled!("intake", ["brief.json"]),
    modelled!("requirements", ["REQUIREMENTS.md", "requirements.json"]),
    modelled!("domain-model", ["model.json", "model.svg"]),
    modelled!("architect", ["plan.json"]),
    modelled!("contract", ["openapi.json"]),
    modelled!("data", ["package.json", "src/data/**"]),
    modelled!("core-logic", ["src/core/**"]),
    modelled!("design", ["design.json", "icon.svg", "tokens.css"]),
    modelled!("interface", ["app.css", "app.js", "index.html", "src/ui/**"]),
    modelled!("tests", ["test/**", "testing/**"]),
];

fn find(agent: &str) -> Option<&'static Modelled> {
    MODELLED.iter().find(|known| known.agent == agent)
}

/// The prompt of an agent, like `app/intake`; none when only this program can carry it out.
pub fn prompt(agent: &str) -> Option<&'static str> {
    find(agent).map(|known| known.prompt)
}

/// Patterns of what an agent writes.
pub fn outputs(agent: &str) -> Vec<String> {
    find(agent).into_iter().flat_map(|known| known.outputs).map(|path| (*path).to_owned()).collect()
}

/// What the built-in agent wrote for the brief of the example.
pub fn example(agent: &str) -> Option<&'static Example> {
    static EXAMPLES: OnceLock<Vec<(&'static str, Example)>> = OnceLock::new();
    let examples = EXAMPLES.get_or_init(|| {
        let mut inputs = AgentInputs { brief: EXAMPLE_BRIEF.to_owned(), ..Default::default() };
        let mut examples = Vec::new();
        for known in MODELLED {
            let agent =
                super::AGENTS.iter().find(|agent| known.agent.strip_prefix("app/") == Some(agent.name));
            let Some(Ok(output)) = agent.map(|agent| (agent.run)(&inputs, &Alone)) else { break };
            for file in &output.files {
                inputs.files.insert(file.path.clone(), file.bytes.clone());
            }
            examples.push((known.agent, Example { brief: EXAMPLE_BRIEF.to_owned(), files: output.files }));
        }
        examples
    });
    examples.iter().find(|(name, _)| *name == agent).map(|(_, example)| example)
}

/// What is wrong with the files that a model wrote in the place of an agent, each as one sentence.
pub fn check(agent: &str, inputs: &AgentInputs, files: &[OutputFile]) -> Vec<String> {
    let mut set = inputs.files.clone();
    for file in files {
        set.insert(file.path.clone(), file.bytes.clone());
    }
    let mut wrong = Vec::new();
    let mut note = |result: Result<(), AgentError>| wrong.extend(result.err().map(|error| error.to_string()));
    for file in files {
        let path = file.path.as_str();
        note(match path {
            "brief.json" => Brief::read(&set).map(drop),
            "requirements.json" => Requirements::read(&set).map(drop),
            "model.json" => Model::read(&set).map(drop),
            "design.json" => Design::read(&set).map(drop),
            "plan.json" => set.json::<Plan>(path).map(drop),
            _ if path.ends_with(".json") => set.json::<serde_json::Value>(path).map(drop),
            _ => set.text(path).map(drop),
        });
    }
    for missing in planned(agent, &set).into_iter().filter(|path| set.get(path).is_none()) {
        wrong.push(format!("the plan gives {missing} to this agent, and it was not written"));
    }
    wrong
}

#[derive(Deserialize)]
struct Plan {
    modules: Vec<PlannedModule>,
}

#[derive(Deserialize)]
struct PlannedModule {
    path: String,
    agent: String,
}

/// The modules that the plan gives to an agent.
fn planned(agent: &str, files: &FileSet) -> Vec<String> {
    let Ok(plan) = files.json::<Plan>("plan.json") else { return Vec::new() };
    let name = agent.strip_prefix("app/").unwrap_or(agent);
    plan.modules.into_iter().filter(|module| module.agent == name).map(|module| module.path).collect()
}

/// Nobody listens, nothing ends it, and there is no sandbox: the agents of the example ask it only whether what came of
/// their own templates compiles, which a run of the same brief would show.
struct Alone;

impl AgentHost for Alone {
    fn log(&self, _: LogLevel, _: &str) {}

    fn progress(&self, _: f64, _: &str) {}

    fn check(&self) -> Result<(), AgentError> {
        Ok(())
    }

    fn run_scripts(
        &self,
        job: &ScriptJob,
        _: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        Ok(job.steps.iter().map(|_| ScriptOutcome::Parsed).collect())
    }
}

/// The output of the built-in agent for some inputs, for tests of what stands above.
#[doc(hidden)]
pub fn by_hand(agent: &str, inputs: &AgentInputs) -> Result<AgentOutput, AgentError> {
    let found = super::AGENTS.iter().find(|known| known.name == agent);
    let found = found.ok_or_else(|| AgentError::failed(format!("there is no agent {agent}")))?;
    (found.run)(inputs, &Alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::glob::fits;
    use crate::pipelines::prompt::render;

    /// What a built-in agent writes is allowed, checked as a model's reply, and fits into its prompt.
    #[test]
    fn the_built_in_agents_would_pass_as_models() {
        let mut inputs = AgentInputs {
            brief: "A reading list: books with title and status (to read, done)".to_owned(),
            ..Default::default()
        };
        for known in MODELLED {
            let name = known.agent.strip_prefix("app/").unwrap();
            let outputs = outputs(known.agent);
            let prompt = render(known.prompt, &inputs, &outputs, example(known.agent)).unwrap();
            assert!(prompt.contains("A plant diary") && prompt.contains("A reading list"), "{name}");
            let made = by_hand(name, &inputs).unwrap().files;
            assert_eq!(check(known.agent, &inputs, &made), Vec::<String>::new(), "{name}");
            for file in &made {
                assert!(outputs.iter().any(|pattern| fits(pattern, &file.path)), "{name}: {}", file.path);
                inputs.files.insert(file.path.clone(), file.bytes.clone());
            }
        }
    }

    #[test]
    fn a_reply_of_another_shape_is_told() {
        let inputs = AgentInputs::default();
        let wrong = check("app/intake", &inputs, &[OutputFile::text("brief.json", "{}")]);
        assert!(wrong[0].contains("expected shape") && wrong[0].contains("brief.json"), "{wrong:?}");
        let plan =
            OutputFile::text("plan.json", r#"{"modules":[{"path":"src/core/a.js","agent":"core-logic"}]}"#);
        let mut inputs = AgentInputs::default();
        inputs.files.insert(plan.path.clone(), plan.bytes);
        let wrong = check("app/core-logic", &inputs, &[OutputFile::text("src/core/b.js", "")]);
        assert_eq!(wrong, ["the plan gives src/core/a.js to this agent, and it was not written"]);
    }
}
