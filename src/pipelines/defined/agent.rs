//! One agent: what was written of it over what is built in.

use std::path::Path;

use crate::domain::pipeline::{AgentDefinition, ExecutorKind, PipelineDefinition};
use crate::pipelines::defined::{leak, pictures};
use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::{AgentSetup, ExecutorSpec};
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, Pipeline, modelled, when};

/// An agent that is not settled yet.
pub(super) struct Draft {
    pub(super) builtin: Option<&'static Agent>,
    pub(super) said: AgentDefinition,
    /// It is one of a pipeline whose pictures are made outside.
    pub(super) pictures: bool,
}

impl Draft {
    pub(super) fn name(&self) -> &str {
        self.builtin.map_or_else(|| self.said.name.as_deref().unwrap_or_default(), |agent| agent.name)
    }

    /// The agent, or everything that is wrong with it.
    pub(super) fn build(
        &self,
        definition: &PipelineDefinition,
        builtin: fn(&str) -> Option<Pipeline>,
        needs: Option<Vec<usize>>,
    ) -> Result<Agent, Vec<String>> {
        let said = self.said.over(&definition.defaults);
        let is_picture = self.pictures && self.name() == pictures::RENDERER;
        let mut making = Making { folder: Path::new(&definition.folder), said: &said, problems: Vec::new() };
        let stands_for = self.builtin.map(|agent| format!("{}/{}", definition.name, agent.name));
        let model_can =
            stands_for.as_deref().and_then(modelled::prompt).is_some() || said.prompt_text.is_some();
        // A word about the whole pipeline does not concern agents that only this program can carry out.
        let general =
            definition.executor.filter(|kind| *kind != ExecutorKind::Openai || model_can || is_picture);
        let kind =
            said.executor.or(if self.builtin.is_some() || said.function.is_none() { general } else { None });
        // What is said of all of such a pipeline is about who makes the picture.
        let kind = if self.pictures && !is_picture && self.builtin.is_some() {
            Some(pictures::kind_of(&self.said).unwrap_or(ExecutorKind::Builtin))
        } else {
            kind
        };
        let (mut run, mut version): (fn(&AgentInputs, &dyn AgentHost) -> _, u32) = (no_function, 1);
        if let Some(agent) = self.builtin {
            (run, version) = (agent.run, agent.version);
        }
        let kind = kind.unwrap_or(if said.command.is_some() {
            ExecutorKind::Command
        } else if said.url.is_some() {
            ExecutorKind::Http
        } else if said.prompt_text.is_some() {
            ExecutorKind::Openai
        } else {
            ExecutorKind::Builtin
        });
        let executor = match kind {
            _ if is_picture => ExecutorSpec::Picture(Box::leak(Box::new(making.picture(kind)))),
            ExecutorKind::Automatic1111 | ExecutorKind::Comfyui => {
                making.problem(format!(
                    "executor = \"{}\" makes pictures: it is for the pipeline image and its agent {}",
                    kind.as_str(),
                    pictures::RENDERER
                ));
                ExecutorSpec::Builtin
            }
            ExecutorKind::Builtin => {
                match (&said.function, self.builtin) {
                    (Some(function), _) => match function_of(builtin, function) {
                        Some(agent) => (run, version) = (agent.run, agent.version),
                        None => making.problem(format!("function {function} is none; write it like app/verifier")),
                    },
                    (None, Some(_)) => {}
                    (None, None) => making.problem(
                        "says neither who carries it out (executor) nor what (function, command, url or prompt)",
                    ),
                }
                ExecutorSpec::Builtin
            }
            ExecutorKind::Command => ExecutorSpec::Command(Box::leak(Box::new(making.command()))),
            ExecutorKind::Http => ExecutorSpec::Http(Box::leak(Box::new(making.http()))),
            ExecutorKind::Openai => ExecutorSpec::OpenAi(Box::leak(Box::new(making.openai(stands_for)))),
        };
        let when = said.when.as_deref().map(|text| {
            if let Err(error) = when::check(text) {
                making.problem(format!("when: {error}"));
            }
            leak(text)
        });
        let weight = said.weight.unwrap_or_else(|| self.builtin.map_or(1.0, |agent| agent.weight));
        if !(weight.is_finite() && weight > 0.0) {
            making.problem("weight must be more than 0".to_owned());
        }
        let policy = making.policy(self.builtin.map_or(&AgentPolicy::DEFAULT, |agent| &agent.policy));
        if !making.problems.is_empty() {
            return Err(making.problems);
        }
        let title = said.title.clone().unwrap_or_else(|| match self.builtin {
            Some(agent) => agent.title.to_owned(),
            None => title_of(self.name()),
        });
        Ok(Agent {
            name: leak(self.name()),
            title: leak(&title),
            weight,
            version: said.version.unwrap_or(version),
            run,
            policy,
            setup: AgentSetup {
                executor,
                needs: needs.map(|needs| &*Box::leak(needs.into_boxed_slice())),
                when,
            },
        })
    }
}

fn no_function(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    Err(AgentError::failed("this agent has no function of its own"))
}

fn function_of(builtin: fn(&str) -> Option<Pipeline>, function: &str) -> Option<&'static Agent> {
    let (pipeline, agent) = function.split_once('/')?;
    builtin(pipeline)?.agents.iter().find(|known| known.name == agent)
}

fn title_of(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What was written of an agent on its way to what is ready to use; what is wrong with it is collected.
pub(super) struct Making<'a> {
    pub(super) folder: &'a Path,
    pub(super) said: &'a AgentDefinition,
    pub(super) problems: Vec<String>,
}

impl Making<'_> {
    pub(super) fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    /// A number within bounds, both included.
    pub(super) fn bounded(&mut self, key: &str, given: Option<u64>, default: u64, min: u64, max: u64) -> u64 {
        let value = given.unwrap_or(default);
        if !(min..=max).contains(&value) {
            self.problem(format!("{key} = {value} is not allowed; allowed: {min} to {max}"));
        }
        value
    }
}
