//! A pipeline in text, for whoever wrote it: who follows whom, and who carries each out.

use std::fmt::Write;

use crate::pipelines::Pipeline;
use crate::pipelines::setup::{ExecutorSpec, PictureSpec};

/// One line per agent, as comments of a configuration file.
pub fn graph(pipeline: &Pipeline) -> String {
    let agents = pipeline.agents.len();
    let mut text =
        format!("# pipeline {}: {agents} agent{}", pipeline.name, if agents == 1 { "" } else { "s" });
    let width = pipeline.agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0);
    for (index, agent) in pipeline.agents.iter().enumerate() {
        let needs = match agent.setup.needs {
            None if index == 0 => "begins".to_owned(),
            None => "after all above".to_owned(),
            Some([]) => "needs nothing".to_owned(),
            Some(needs) => {
                let names: Vec<&str> = needs.iter().map(|need| pipeline.agents[*need].name).collect();
                format!("after {}", names.join(", "))
            }
        };
        let who = match agent.setup.executor {
            ExecutorSpec::Builtin => String::new(),
            ExecutorSpec::Command(spec) => spec.command.join(" "),
            ExecutorSpec::Http(spec) => spec.url.clone(),
            ExecutorSpec::OpenAi(spec) => format!("{} at {}", spec.model, spec.base_url),
            ExecutorSpec::Picture(PictureSpec::Program { program, .. }) => program.command.join(" "),
            ExecutorSpec::Picture(PictureSpec::Http(spec)) => spec.url.clone(),
            ExecutorSpec::Picture(PictureSpec::Server(spec)) => match &spec.model {
                Some(model) => format!("{model} at {}", spec.base_url),
                None => spec.base_url.clone(),
            },
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n#   {:>2}. {:width$}  {:8} {who}{}({needs})",
            index + 1,
            agent.name,
            agent.setup.executor.name(),
            if who.is_empty() { "" } else { "  " },
        );
        if let Some(when) = agent.setup.when {
            let _ = write!(text, " when {when}");
        }
        if let Some(gate) = &agent.policy.gate {
            let _ = write!(text, " gate: {}", gate.question);
        }
    }
    text
}
