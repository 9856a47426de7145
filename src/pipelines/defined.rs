//! Every pipeline of this server: the built-in ones, what the configuration makes of them, and those it adds. Built once
//! when the server starts, and once more for a run that was begun under another configuration.
//!
//! What is built lives as long as the process: agents have names without an owner. That is bounded, for a configuration is
//! read once, and definitions of earlier ones come from runs that were left unfinished.

mod agent;
mod executors;
mod pictures;
mod policy;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::pipeline::PipelineDefinition;
use crate::pipelines::defined::agent::Draft;
use crate::pipelines::{PARALLEL, Pipeline, graph};

/// The most agents of one run that may be let work at once: each has a thread.
const PARALLEL_MAX: usize = 64;
/// The pipelines; cheap to clone.
#[derive(Clone)]
pub struct Pipelines {
    inner: Arc<Inner>,
}

struct Inner {
    builtin: fn(&str) -> Option<Pipeline>,
    defined: BTreeMap<String, (Pipeline, Arc<str>)>,
    /// Those of runs that began under another configuration, by their stored form.
    of_runs: Mutex<HashMap<Arc<str>, Option<Pipeline>>>,
}

impl From<fn(&str) -> Option<Pipeline>> for Pipelines {
    fn from(builtin: fn(&str) -> Option<Pipeline>) -> Self {
        Self { inner: Arc::new(Inner { builtin, defined: BTreeMap::new(), of_runs: Mutex::default() }) }
    }
}

impl Pipelines {
    /// The built-in pipelines with what was written about them, and those that were added.
    ///
    /// # Errors
    /// Everything that does not fit together.
    pub fn new(
        builtin: fn(&str) -> Option<Pipeline>,
        definitions: &[PipelineDefinition],
    ) -> Result<Self, Vec<String>> {
        let (mut defined, mut problems) = (BTreeMap::new(), Vec::new());
        for definition in definitions {
            match build(builtin, definition) {
                Ok(pipeline) => {
                    defined.insert(definition.name.clone(), (pipeline, definition.to_stored().into()));
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { inner: Arc::new(Inner { builtin, defined, of_runs: Mutex::default() }) })
    }

    /// The pipeline of that name.
    pub fn find(&self, name: &str) -> Option<Pipeline> {
        match self.inner.defined.get(name) {
            Some((pipeline, _)) => Some(pipeline.clone()),
            None => (self.inner.builtin)(name),
        }
    }

    /// Names of pipelines that the configuration adds or changes.
    pub fn defined(&self) -> impl Iterator<Item = &str> {
        self.inner.defined.keys().map(String::as_str)
    }

    /// What a run of that pipeline keeps; nothing for a built-in one that nobody changed.
    pub fn definition(&self, name: &str) -> Option<Arc<str>> {
        self.inner.defined.get(name).map(|(_, stored)| stored.clone())
    }

    /// The pipeline of a run that kept this definition.
    pub fn of_run(&self, name: &str, definition: Option<&Arc<str>>) -> Option<Pipeline> {
        let Some(stored) = definition else {
            // It was begun when nobody had changed the built-in one.
            return (self.inner.builtin)(name).or_else(|| self.find(name));
        };
        match self.inner.defined.get(name) {
            Some((pipeline, now)) if now == stored => return Some(pipeline.clone()),
            _ => {}
        }
        let mut of_runs = self.inner.of_runs.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let definition = PipelineDefinition::from_stored(stored).ok()?;
            build(self.inner.builtin, &definition)
                .inspect_err(|problems| {
                    log::error!("a run's pipeline cannot be built: {}", problems.join("; "))
                })
                .ok()
        };
        of_runs.entry(stored.clone()).or_insert_with(build).clone()
    }
}

fn build(
    builtin: fn(&str) -> Option<Pipeline>,
    definition: &PipelineDefinition,
) -> Result<Pipeline, Vec<String>> {
    let name = &definition.name;
    let mut base = builtin(name);
    let pictures = base.is_some() && pictures::is_outside(definition);
    if pictures {
        base = Some(pictures::PIPELINE);
    }
    let mut problems = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for agent in base.iter().flat_map(|base| base.agents) {
        let said = definition.agents.iter().find(|said| said.name.as_deref() == Some(agent.name));
        drafts.push(Draft { builtin: Some(agent), said: said.cloned().unwrap_or_default(), pictures });
    }
    for said in &definition.agents {
        let given = said.name.as_deref().unwrap_or_default();
        if definition.agents.iter().filter(|other| other.name.as_deref() == Some(given)).count() > 1 {
            problems.push(format!("pipeline.{name}.agent {given} stands more than once"));
        }
        if drafts.iter().all(|draft| draft.name() != given) {
            drafts.push(Draft { builtin: None, said: said.clone(), pictures });
        }
    }
    if drafts.is_empty() {
        problems.push(format!("pipeline.{name} has no agents: write [[agent]]"));
    }
    problems.sort();
    problems.dedup();
    let names: Vec<&str> = drafts.iter().map(Draft::name).collect();
    let needs: Vec<Option<Vec<String>>> = drafts.iter().map(|draft| draft.said.needs.clone()).collect();
    let order = match graph::order(&names, &needs) {
        Ok(order) => order,
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|wrong| format!("pipeline.{name}.{wrong}")));
            return Err(problems);
        }
    };
    let mut agents = Vec::with_capacity(drafts.len());
    for place in &order {
        let draft = &drafts[place.from];
        match draft.build(definition, builtin, place.needs.clone()) {
            Ok(agent) => agents.push(agent),
            Err(wrong) => problems.extend(
                wrong.into_iter().map(|wrong| format!("pipeline.{name}.agent {}: {wrong}", draft.name())),
            ),
        }
    }
    let parallel = definition.parallel.unwrap_or(PARALLEL);
    if !(1..=PARALLEL_MAX).contains(&parallel) {
        problems.push(format!(
            "pipeline.{name}.parallel = {parallel} is not allowed; allowed: 1 to {PARALLEL_MAX}"
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Pipeline {
        name: leak(name),
        agents: Box::leak(agents.into_boxed_slice()),
        parallel,
        check_brief: base.map_or(not_blank, |base| base.check_brief),
    })
}

fn not_blank(brief: &str) -> Result<(), String> {
    if brief.trim().is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[cfg(test)]
mod tests;
