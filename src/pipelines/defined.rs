//! Every pipeline of this server: the built-in ones, what the configuration makes of them, and those it adds. Built once
//! when the server starts, and once more for a run that was begun under another configuration.
//!
//! What is built lives as long as the process: agents have names without an owner. That is bounded, for a configuration is
//! read once, and definitions of earlier ones come from runs that were left unfinished.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::pipeline::{
    AgentDefinition, ExecutorKind, PipelineDefinition, ReplyForm, RetryRuleDefinition,
};
use crate::pipelines::policy::{AgentLimits, AgentPolicy, Gate, RetryPolicy, RetryRule};
use crate::pipelines::setup::{
    AgentSetup, CommandSpec, ExecutorSpec, HttpSpec, OpenAiSpec, Patience, Prices, ProcessLimits,
};
use crate::pipelines::{
    Agent, AgentError, AgentHost, AgentInputs, AgentOutput, PARALLEL, Pipeline, graph, modelled, prompt,
    schema, when,
};

/// Variables of the server that a program gets when nothing is said.
const ENV_ALLOW: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// How long a program has to stop.
const GRACE_MS: u64 = 3_000;
/// The longest a program may have to stop: a cancel is carried out within ten seconds.
const GRACE_MS_MAX: u64 = 8_000;
const FILE_BYTES: u64 = 256 << 20;
const OPEN_FILES: u64 = 256;
const OUTPUT_BYTES: u64 = 256 << 20;
const CONNECT_MS: u64 = 10_000;
const STALL_MS: u64 = 60_000;
const POLL_MS: u64 = 1_000;
const REPAIRS_MAX: u32 = 2;
/// The most agents of one run that may be let work at once: each has a thread.
const PARALLEL_MAX: usize = 64;
/// A model server that nothing was said about.
const BASE_URL: &str = "https://api.openai.com/v1";
const KEY_ENV: &str = "OPENAI_API_KEY";

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
    let base = builtin(name);
    let mut problems = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for agent in base.iter().flat_map(|base| base.agents) {
        let said = definition.agents.iter().find(|said| said.name.as_deref() == Some(agent.name));
        drafts.push(Draft { builtin: Some(agent), said: said.cloned().unwrap_or_default() });
    }
    for said in &definition.agents {
        let given = said.name.as_deref().unwrap_or_default();
        if definition.agents.iter().filter(|other| other.name.as_deref() == Some(given)).count() > 1 {
            problems.push(format!("pipeline.{name}.agent {given} stands more than once"));
        }
        if drafts.iter().all(|draft| draft.name() != given) {
            drafts.push(Draft { builtin: None, said: said.clone() });
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

/// An agent that is not settled yet.
struct Draft {
    builtin: Option<&'static Agent>,
    said: AgentDefinition,
}

impl Draft {
    fn name(&self) -> &str {
        self.builtin.map_or_else(|| self.said.name.as_deref().unwrap_or_default(), |agent| agent.name)
    }

    fn build(
        &self,
        definition: &PipelineDefinition,
        builtin: fn(&str) -> Option<Pipeline>,
        needs: Option<Vec<usize>>,
    ) -> Result<Agent, Vec<String>> {
        let said = self.said.over(&definition.defaults);
        let mut making = Making { folder: Path::new(&definition.folder), said: &said, problems: Vec::new() };
        let stands_for = self.builtin.map(|agent| format!("{}/{}", definition.name, agent.name));
        let model_can =
            stands_for.as_deref().and_then(modelled::prompt).is_some() || said.prompt_text.is_some();
        // A word about the whole pipeline does not concern agents that only this program can carry out.
        let general = definition.executor.filter(|kind| *kind != ExecutorKind::Openai || model_can);
        let kind =
            said.executor.or(if self.builtin.is_some() || said.function.is_none() { general } else { None });
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

struct Making<'a> {
    folder: &'a Path,
    said: &'a AgentDefinition,
    problems: Vec<String>,
}

impl Making<'_> {
    fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    /// A number within bounds, both included.
    fn bounded(&mut self, key: &str, given: Option<u64>, default: u64, min: u64, max: u64) -> u64 {
        let value = given.unwrap_or(default);
        if !(min..=max).contains(&value) {
            self.problem(format!("{key} = {value} is not allowed; allowed: {min} to {max}"));
        }
        value
    }

    fn patterns(&mut self) -> Vec<String> {
        let patterns = self.said.outputs.clone().unwrap_or_default();
        for pattern in &patterns {
            let leaves = pattern.starts_with('/') || pattern.contains('\\');
            if leaves || pattern.split('/').any(|part| matches!(part, "" | "." | "..")) {
                self.problem(format!("outputs: {pattern} is no relative path"));
            }
        }
        patterns
    }

    fn variables(&mut self, key: &str, names: &[String]) {
        for name in names {
            let ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !ok {
                self.problem(format!("{key}: {name:?} is no name of a variable"));
            }
        }
    }

    fn command(&mut self) -> CommandSpec {
        let said = self.said;
        let mut command = said.command.clone().unwrap_or_default();
        if command.is_empty() || command.iter().any(|part| part.contains('\0')) || command[0].is_empty() {
            self.problem("executor = \"command\" needs command = [\"program\", \"argument\", …]");
        }
        let folder = self.folder.to_string_lossy();
        for part in &mut command {
            *part = part.replace("{folder}", &folder);
        }
        // A program with a slash in its name is found from the configuration's folder, others on the path.
        if let Some(program) = command.first_mut()
            && program.contains('/')
            && !program.starts_with('/')
        {
            *program = self.folder.join(&*program).to_string_lossy().into_owned();
        }
        let env = said.env.clone().unwrap_or_default();
        self.variables("env", &env.keys().cloned().collect::<Vec<_>>());
        let env_allow = said
            .env_allow
            .clone()
            .unwrap_or_else(|| ENV_ALLOW.iter().map(|name| (*name).to_owned()).collect());
        self.variables("env_allow", &env_allow);
        let secrets = said.secrets.clone().unwrap_or_default();
        self.variables("secrets", &secrets);
        let limits = &said.limits;
        CommandSpec {
            command,
            env,
            env_allow,
            secrets,
            outputs: self.patterns(),
            grace_ms: self.bounded("grace_ms", said.grace_ms, GRACE_MS, 0, GRACE_MS_MAX),
            limits: ProcessLimits {
                cpu_ms: limits
                    .cpu_ms
                    .map(|given| self.bounded("limits.cpu_ms", Some(given), 0, 1_000, u64::MAX)),
                memory_bytes: limits
                    .memory_bytes
                    .map(|given| self.bounded("limits.memory_bytes", Some(given), 0, 64 << 20, u64::MAX)),
                file_bytes: self.bounded("limits.file_bytes", limits.file_bytes, FILE_BYTES, 1024, 1 << 40),
                open_files: self.bounded("limits.open_files", limits.open_files, OPEN_FILES, 16, 65_536),
                output_bytes: self.bounded(
                    "limits.output_bytes",
                    limits.output_bytes,
                    OUTPUT_BYTES,
                    1024,
                    1 << 31,
                ),
            },
        }
    }

    fn address(&mut self, key: &str, given: &str) -> String {
        if !(given.starts_with("http://") || given.starts_with("https://"))
            || given.contains(char::is_whitespace)
        {
            self.problem(format!(
                "{key} = {given:?} is not allowed; allowed: an address that begins with http:// or https://"
            ));
        }
        given.trim_end_matches('/').to_owned()
    }

    fn patience(&mut self) -> Patience {
        Patience {
            connect_ms: self.bounded("connect_ms", self.said.connect_ms, CONNECT_MS, 100, 600_000),
            stall_ms: self.bounded("stall_ms", self.said.stall_ms, STALL_MS, 100, 3_600_000),
        }
    }

    fn http(&mut self) -> HttpSpec {
        let said = self.said;
        let url = match &said.url {
            Some(url) => self.address("url", url),
            None => {
                self.problem("executor = \"http\" needs url");
                String::new()
            }
        };
        HttpSpec {
            url,
            headers: said.headers.clone().unwrap_or_default(),
            signing_env: said.signing_env.clone(),
            secrets: said.secrets.clone().unwrap_or_default(),
            outputs: self.patterns(),
            poll_ms: self.bounded("poll_ms", said.poll_ms, POLL_MS, 50, 3_600_000),
            patience: self.patience(),
            output_bytes: self.bounded(
                "limits.output_bytes",
                said.limits.output_bytes,
                OUTPUT_BYTES,
                1024,
                1 << 31,
            ),
        }
    }

    fn openai(&mut self, stands_for: Option<String>) -> OpenAiSpec {
        let said = self.said;
        let own = stands_for.as_deref().and_then(modelled::prompt);
        let text = match (&said.prompt_text, own) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => {
                self.problem("executor = \"openai\" needs prompt, the file of a template");
                String::new()
            }
        };
        if let Err(error) = prompt::check(&text) {
            self.problem(format!("prompt: {error}"));
        }
        if said.model.as_deref().unwrap_or_default().is_empty() {
            self.problem("executor = \"openai\" needs model, here or in the variable OPENAI_MODEL");
        }
        if said.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            self.problem("temperature must be from 0 to 2");
        }
        let reply = said.reply.unwrap_or_default();
        let outputs = match (&stands_for, &said.outputs) {
            (Some(agent), None) => modelled::outputs(agent),
            _ => self.patterns(),
        };
        if reply == ReplyForm::Json && (outputs.len() != 1 || !super::glob::is_plain(&outputs[0])) {
            self.problem("reply = \"json\" needs outputs with the one path that the reply is written to");
        }
        if reply == ReplyForm::Files && outputs.is_empty() {
            self.problem("executor = \"openai\" needs outputs, the paths it writes");
        }
        let schema = said.schema_text.as_deref().and_then(|text| {
            let schema = serde_json::from_str(text).map_err(|error| format!("schema is not JSON: {error}"));
            let schema = schema.and_then(|value| schema::check_schema(&value).map(|()| value));
            schema.map_err(|error| self.problem(format!("schema: {error}"))).ok()
        });
        OpenAiSpec {
            base_url: self.address("base_url", said.base_url.as_deref().unwrap_or(BASE_URL)),
            model: said.model.clone().unwrap_or_default(),
            key_env: said.key_env.clone().unwrap_or_else(|| KEY_ENV.to_owned()),
            headers: said.headers.clone().unwrap_or_default(),
            secrets: said.secrets.clone().unwrap_or_default(),
            prompt: text,
            temperature: said.temperature,
            reply_tokens_max: said.reply_tokens_max,
            run_tokens_max: said.run_tokens_max,
            prices: self.prices(),
            repairs_max: said.repairs_max.unwrap_or(REPAIRS_MAX).min(10),
            reply,
            schema,
            outputs,
            stands_for,
            patience: self.patience(),
        }
    }

    /// What tokens cost, when one of the two prices was set.
    fn prices(&mut self) -> Option<Prices> {
        let (prompt, completion) = (self.said.price_in, self.said.price_out);
        for (key, price) in [("price_in", prompt), ("price_out", completion)] {
            if price.is_some_and(|price| !(price.is_finite() && price >= 0.0)) {
                self.problem(format!("{key} must be 0 or more: the price of 1,000 tokens"));
            }
        }
        let set = prompt.is_some() || completion.is_some();
        set.then(|| Prices { prompt: prompt.unwrap_or(0.0), completion: completion.unwrap_or(0.0) })
    }

    fn policy(&mut self, default: &AgentPolicy) -> AgentPolicy {
        let said = self.said;
        let rule = |said: &RetryRuleDefinition, default: RetryRule| RetryRule {
            retries_max: said.retries_max.unwrap_or(default.retries_max),
            base_ms: said.base_ms.unwrap_or(if default.base_ms == 0 { 500 } else { default.base_ms }),
            pause_ms_max: said.pause_ms_max.unwrap_or(if default.pause_ms_max == 0 {
                30_000
            } else {
                default.pause_ms_max
            }),
        };
        let settled = |said: &RetryRuleDefinition, default: RetryRule| {
            if *said == RetryRuleDefinition::default() { default } else { rule(said, default) }
        };
        if said.gate.question.is_none() && said.gate.timeout_ms.is_some() {
            self.problem("gate needs a question");
        }
        AgentPolicy {
            retry: RetryPolicy {
                transient: settled(&said.retry.transient, default.retry.transient),
                rate_limited: settled(&said.retry.rate_limited, default.retry.rate_limited),
                timed_out: settled(&said.retry.timed_out, default.retry.timed_out),
            },
            limits: AgentLimits {
                timeout_ms: said.limits.timeout_ms.or(default.limits.timeout_ms),
                silence_timeout_ms: said.limits.silence_timeout_ms.or(default.limits.silence_timeout_ms),
            },
            gate: match &said.gate.question {
                Some(question) => {
                    Some(Gate { question: question.clone().into(), timeout_ms: said.gate.timeout_ms })
                }
                None => default.gate.clone(),
            },
            resources: match &said.resources {
                Some(resources) => {
                    resources.iter().map(|name| name.clone().into()).collect::<Vec<_>>().into()
                }
                None => default.resources.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
