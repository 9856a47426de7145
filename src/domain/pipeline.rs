//! A pipeline as somebody wrote it: agents, who carries each out, and how the house treats them. Plain data with a JSON
//! form, so that a run keeps the definition it was started with and goes on with it whatever the configuration says later.
//!
//! Nothing secret stands here: keys and tokens are named by the variable of the environment that holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a definition in its stored form, prompts and schemas included. It is written with every change of a run.
pub const DEFINITION_BYTES_MAX: usize = 256 * 1024;

/// The longest pause before an agent is tried again that can be set, and that a server may ask for.
pub const RETRY_PAUSE_MS_MAX: u64 = 60 * 60 * 1_000;

/// One pipeline as it was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineDefinition {
    /// The name a project gives in `pipeline`. That of a built-in one changes it.
    pub name: String,
    /// Who carries out those agents that can be carried out by others and say nothing themselves.
    pub executor: Option<ExecutorKind>,
    /// Agents of one run that may work at once.
    pub parallel: Option<usize>,
    /// The folder that relative paths start from.
    pub folder: String,
    /// What holds for each agent that says nothing about it.
    pub defaults: AgentDefinition,
    /// The agents.
    pub agents: Vec<AgentDefinition>,
}

/// Who carries out an agent's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorKind {
    /// A function of this program.
    Builtin,
    /// Any program.
    Command,
    /// A server that is asked over HTTP.
    Http,
    /// A server that speaks the chat-completions protocol; where a picture is made, that of OpenAI's images.
    Openai,
    /// A server of pictures that speaks as AUTOMATIC1111's web UI does.
    Automatic1111,
    /// ComfyUI, a server of pictures that carries out a workflow.
    Comfyui,
}

impl ExecutorKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ExecutorKind::Builtin => "builtin",
            ExecutorKind::Command => "command",
            ExecutorKind::Http => "http",
            ExecutorKind::Openai => "openai",
            ExecutorKind::Automatic1111 => "automatic1111",
            ExecutorKind::Comfyui => "comfyui",
        }
    }
}

/// One agent as it was written. What is missing has a default; docs/AGENTS.md has the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentDefinition {
    /// Its name on the wire.
    pub name: Option<String>,
    /// Its name on a page.
    pub title: Option<String>,
    /// Agents whose files it reads; without a word the one before it.
    pub needs: Option<Vec<String>>,
    /// Who carries it out.
    pub executor: Option<ExecutorKind>,
    /// The function of a built-in agent, like `app/verifier`.
    pub function: Option<String>,
    /// Its share of the work before anything was measured.
    pub weight: Option<f64>,
    /// Raised by hand when the same inputs may give other outputs.
    pub version: Option<u32>,
    /// An expression; the agent is skipped when it is false.
    pub when: Option<String>,
    /// Patterns of the files that it hands on.
    pub outputs: Option<Vec<String>>,
    /// What it occupies while it works.
    pub resources: Option<Vec<String>>,
    /// How long it may take and how much it may use.
    pub limits: LimitsDefinition,
    /// How it is tried again.
    pub retry: RetryDefinition,
    /// Whether a person is asked about its output.
    pub gate: GateDefinition,

    /// `command`: the program and its arguments.
    pub command: Option<Vec<String>>,
    /// `command`: variables it gets besides those that are let through.
    pub env: Option<BTreeMap<String, String>>,
    /// `command`: variables of the server that are let through.
    pub env_allow: Option<Vec<String>>,
    /// Variables of the server whose values are let through and never shown.
    pub secrets: Option<Vec<String>>,
    /// `command`: how long it has to stop before it is ended by force.
    pub grace_ms: Option<u64>,

    /// `http`: the address that is asked.
    pub url: Option<String>,
    /// `http`: the variable that holds the secret which requests are signed with.
    pub signing_env: Option<String>,
    /// `http`: pause between two questions to a status address.
    pub poll_ms: Option<u64>,
    /// `http`, `openai`: further headers of a request.
    pub headers: Option<BTreeMap<String, String>>,
    /// `http`, `openai`: how long a connection may take to be made.
    pub connect_ms: Option<u64>,
    /// `http`, `openai`: how long an answer may be silent.
    pub stall_ms: Option<u64>,

    /// `openai`: the address below which `/chat/completions` lies.
    pub base_url: Option<String>,
    /// `openai`: the model.
    pub model: Option<String>,
    /// `openai`: the variable that holds the key.
    pub key_env: Option<String>,
    /// `openai`: the file of the prompt, a template.
    pub prompt: Option<String>,
    /// `openai`: its text; taken from `prompt` when the configuration is read.
    pub prompt_text: Option<String>,
    /// `openai`: how much chance there is in the answer.
    pub temperature: Option<f64>,
    /// `openai`: tokens of one reply.
    pub reply_tokens_max: Option<u64>,
    /// `openai`: tokens that the agents of one run may use together.
    pub run_tokens_max: Option<u64>,
    /// `openai`: what 1,000 tokens of what is asked cost.
    pub price_in: Option<f64>,
    /// `openai`: what 1,000 tokens of what is answered cost.
    pub price_out: Option<f64>,
    /// `openai`: how often a reply that does not hold is sent back.
    pub repairs_max: Option<u32>,
    /// `openai`: the shape of the reply.
    pub reply: Option<ReplyForm>,
    /// `openai`: the file of the schema that a JSON reply must hold to.
    pub schema: Option<String>,
    /// `openai`: its text; taken from `schema` when the configuration is read.
    pub schema_text: Option<String>,

    /// `comfyui`: the file of the workflow.
    pub workflow: Option<String>,
    /// `comfyui`: its text; taken from `workflow` when the configuration is read.
    pub workflow_text: Option<String>,
    /// Servers of pictures: what is not to be in the picture.
    pub negative_prompt: Option<String>,
    /// Servers of pictures: the sizes they can make, like `1024x1024`; without a word any.
    pub sizes: Option<Vec<String>>,
    /// Servers of pictures: further members of a request.
    pub request: Option<BTreeMap<String, Value>>,
}

/// The shape of a model's reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// Fenced blocks, each a file.
    #[default]
    Files,
    /// One JSON value, which becomes the one file that `outputs` names.
    Json,
}

/// How long an agent may take and how much it may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsDefinition {
    /// For one try.
    pub timeout_ms: Option<u64>,
    /// Without a word.
    pub silence_timeout_ms: Option<u64>,
    /// Processor time of one process.
    pub cpu_ms: Option<u64>,
    /// Address space of one process.
    pub memory_bytes: Option<u64>,
    /// Size of one file.
    pub file_bytes: Option<u64>,
    /// Files that one process has open.
    pub open_files: Option<u64>,
    /// All files that are handed on.
    pub output_bytes: Option<u64>,
}

/// How an agent is tried again, by class of failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryDefinition {
    /// After what may be over soon.
    pub transient: RetryRuleDefinition,
    /// After having been asked to wait.
    pub rate_limited: RetryRuleDefinition,
    /// After a time limit.
    pub timed_out: RetryRuleDefinition,
}

/// How failures of one class are tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryRuleDefinition {
    /// Tries after the first one.
    pub retries_max: Option<u32>,
    /// Upper end of the first pause.
    pub base_ms: Option<u64>,
    /// Upper end of any pause.
    pub pause_ms_max: Option<u64>,
}

/// Whether a person is asked about an agent's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GateDefinition {
    /// What is asked; nothing asks nobody.
    pub question: Option<String>,
    /// How long the run waits for an answer.
    pub timeout_ms: Option<u64>,
}

impl AgentDefinition {
    /// This definition, with what it does not say taken from `defaults`.
    #[must_use]
    pub fn over(&self, defaults: &AgentDefinition) -> AgentDefinition {
        let mut merged = json(defaults);
        merge(&mut merged, json(self));
        // Both sides are of this very shape, and a merge keeps it.
        serde_json::from_value(merged).unwrap_or_else(|_| self.clone())
    }
}

impl PipelineDefinition {
    /// Its stored form: JSON without what was not said.
    pub fn to_stored(&self) -> String {
        let mut value = json(self);
        strip(&mut value);
        value.to_string()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is not one this version knows.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

fn json<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Lays `over` on `under`: what is null below stays, what is said above wins, objects go key by key.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over,
    }
}

/// Removes nulls, and objects that hold nothing else.
fn strip(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(strip);
        fields.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty()));
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(strip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_wins_over_the_defaults() {
        let defaults = AgentDefinition {
            model: Some("small".to_owned()),
            limits: LimitsDefinition { timeout_ms: Some(1), cpu_ms: Some(2), ..Default::default() },
            env: Some([("A".to_owned(), "1".to_owned())].into()),
            ..Default::default()
        };
        let agent = AgentDefinition {
            name: Some("write".to_owned()),
            limits: LimitsDefinition { timeout_ms: Some(9), ..Default::default() },
            env: Some([("B".to_owned(), "2".to_owned())].into()),
            ..Default::default()
        };
        let merged = agent.over(&defaults);
        assert_eq!((merged.name.as_deref(), merged.model.as_deref()), (Some("write"), Some("small")));
        assert_eq!((merged.limits.timeout_ms, merged.limits.cpu_ms), (Some(9), Some(2)));
        assert_eq!(merged.env.unwrap().len(), 2);
    }

    #[test]
    fn the_stored_form_says_what_was_said_and_reads_back() {
        let definition = PipelineDefinition {
            name: "x".to_owned(),
            executor: Some(ExecutorKind::Openai),
            agents: vec![AgentDefinition { name: Some("a".to_owned()), ..Default::default() }],
            ..Default::default()
        };
        let stored = definition.to_stored();
        assert_eq!(stored, r#"{"agents":[{"name":"a"}],"executor":"openai","folder":"","name":"x"}"#);
        assert_eq!(PipelineDefinition::from_stored(&stored).unwrap(), definition);
    }
}
