//! Who carries out an agent and when: the ready form of what a definition says. Everything here is settled, so an executor
//! has nothing left to decide.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::pipeline::ReplyForm;

/// Who carries out an agent and when.
#[derive(Clone, Copy, Debug)]
pub struct AgentSetup {
    /// Who carries it out.
    pub executor: ExecutorSpec,
    /// Places of the agents whose files it reads, itself not among them; none is every agent before it.
    pub needs: Option<&'static [usize]>,
    /// The agent is skipped when this expression is false.
    pub when: Option<&'static str>,
}

impl AgentSetup {
    /// A function of this program that always works.
    pub const BUILTIN: AgentSetup = AgentSetup { executor: ExecutorSpec::Builtin, needs: None, when: None };
}

/// Who carries out an agent, with all that was said about it.
#[derive(Clone, Copy, Debug)]
pub enum ExecutorSpec {
    /// The agent's own function.
    Builtin,
    /// A program.
    Command(&'static CommandSpec),
    /// A server that is asked over HTTP.
    Http(&'static HttpSpec),
    /// A server that speaks the chat-completions protocol.
    OpenAi(&'static OpenAiSpec),
    /// Somebody else who makes the picture of the `image` pipeline.
    Picture(&'static PictureSpec),
}

/// Who makes a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum PictureSpec {
    /// A program.
    Program {
        /// Which.
        program: CommandSpec,
        /// What it calls its model; without a word the name of the program.
        model: Option<String>,
    },
    /// A server that is asked over HTTP as any agent is.
    Http(HttpSpec),
    /// A server of pictures, in its own protocol.
    Server(PictureServerSpec),
}

impl PictureSpec {
    /// As its executor is written.
    pub fn as_str(&self) -> &'static str {
        match self {
            PictureSpec::Program { .. } => "command",
            PictureSpec::Http(_) => "http",
            PictureSpec::Server(server) => server.protocol.as_str(),
        }
    }
}

/// What a server of pictures speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PictureProtocol {
    /// That of OpenAI's images.
    OpenAi,
    /// That of AUTOMATIC1111's web UI.
    Automatic1111,
    /// That of ComfyUI.
    ComfyUi,
}

impl PictureProtocol {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PictureProtocol::OpenAi => "openai",
            PictureProtocol::Automatic1111 => "automatic1111",
            PictureProtocol::ComfyUi => "comfyui",
        }
    }
}

/// A server of pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PictureServerSpec {
    /// What it speaks.
    pub protocol: PictureProtocol,
    /// Its address, without a slash at its end.
    pub base_url: String,
    /// The model; none is what the server takes.
    pub model: Option<String>,
    /// The variable that holds the key; without a value no key is sent.
    pub key_env: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Variables whose values are masked.
    pub secrets: Vec<String>,
    /// What is not to be in the picture.
    pub negative_prompt: String,
    /// Sizes that it can make; none is any.
    pub sizes: Vec<(u32, u32)>,
    /// Further members of a request.
    pub request: BTreeMap<String, Value>,
    /// ComfyUI: the workflow, with places for prompt and params.
    pub workflow: Option<Value>,
    /// Pause between two questions for how it stands.
    pub poll_ms: u64,
    /// How the connection is treated; a picture that does not get on for `stall_ms` is given up.
    pub patience: Patience,
}

impl PictureSpec {
    /// Its name, as that of any executor.
    pub fn name(&self) -> &'static str {
        match self {
            PictureSpec::Program { .. } => "command",
            PictureSpec::Http(_) => "http",
            PictureSpec::Server(spec) => spec.protocol.as_str(),
        }
    }
}

/// A program and its walls.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandSpec {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables it gets besides those that are let through.
    pub env: BTreeMap<String, String>,
    /// Variables of the server that are let through.
    pub env_allow: Vec<String>,
    /// Variables of the server that are let through and masked.
    pub secrets: Vec<String>,
    /// Patterns of the files that it hands on.
    pub outputs: Vec<String>,
    /// How long it has to stop before it is ended by force.
    pub grace_ms: u64,
    /// What it may use.
    pub limits: ProcessLimits,
}

/// What the processes of a program may use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProcessLimits {
    /// Processor time of one process.
    pub cpu_ms: Option<u64>,
    /// Address space of one process.
    pub memory_bytes: Option<u64>,
    /// Size of one file.
    pub file_bytes: u64,
    /// Files that one process has open.
    pub open_files: u64,
    /// All files that are handed on.
    pub output_bytes: u64,
}

/// A server that is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpSpec {
    /// The address that is asked.
    pub url: String,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// The variable that holds the secret which requests are signed with.
    pub signing_env: Option<String>,
    /// Variables whose values are masked.
    pub secrets: Vec<String>,
    /// Patterns of the files that it hands on; none is all.
    pub outputs: Vec<String>,
    /// Pause between two questions to a status address.
    pub poll_ms: u64,
    /// How the connection is treated.
    pub patience: Patience,
    /// All files that are handed on.
    pub output_bytes: u64,
}

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Patience {
    /// To be made.
    pub connect_ms: u64,
    /// Without a byte.
    pub stall_ms: u64,
}

/// A model and what it is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenAiSpec {
    /// The address below which `/chat/completions` lies, without a slash at its end.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// The variable that holds the key; without a value no key is sent.
    pub key_env: String,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Variables whose values are masked.
    pub secrets: Vec<String>,
    /// The prompt, a template.
    pub prompt: String,
    /// How much chance there is in the answer.
    pub temperature: Option<f64>,
    /// Tokens of one reply.
    pub reply_tokens_max: Option<u64>,
    /// Tokens that the agents of one run may use together.
    pub run_tokens_max: Option<u64>,
    /// What tokens cost; no part of what decides an output.
    #[serde(skip)]
    pub prices: Option<Prices>,
    /// How often a reply that does not hold is sent back.
    pub repairs_max: u32,
    /// The shape of the reply.
    pub reply: ReplyForm,
    /// What a JSON reply must hold to.
    pub schema: Option<Value>,
    /// Patterns of the files that it hands on; each without a wildcard is a file that must be there.
    pub outputs: Vec<String>,
    /// The built-in agent whose place it takes, like `app/intake`: its reply is checked as that one's output.
    pub stands_for: Option<String>,
    /// How the connection is treated.
    pub patience: Patience,
}

/// What 1,000 tokens of a model cost, in any unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// Of what is asked.
    pub prompt: f64,
    /// Of what is answered.
    pub completion: f64,
}

impl Prices {
    /// What so many tokens cost.
    pub fn cost(self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        (prompt_tokens as f64 * self.prompt + completion_tokens as f64 * self.completion) / 1_000.0
    }
}

impl ExecutorSpec {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ExecutorSpec::Builtin => "builtin",
            ExecutorSpec::Command(_) => "command",
            ExecutorSpec::Http(_) => "http",
            ExecutorSpec::OpenAi(_) => "openai",
            ExecutorSpec::Picture(spec) => spec.name(),
        }
    }

    /// Changes with everything that was said about the executor, so that outputs of another one are not taken for its
    /// own. Nothing for a built-in agent, whose version says it all.
    pub fn fingerprint(self) -> Option<String> {
        let spec = match self {
            ExecutorSpec::Builtin => return None,
            ExecutorSpec::Command(spec) => serde_json::to_vec(spec),
            ExecutorSpec::Http(spec) => serde_json::to_vec(spec),
            ExecutorSpec::OpenAi(spec) => serde_json::to_vec(spec),
            ExecutorSpec::Picture(spec) => serde_json::to_vec(spec),
        };
        let json = spec.expect("strings, numbers and maps with string keys have a JSON form");
        Some(format!("{}:{}", self.name(), hex::encode(Sha256::digest(json))))
    }
}
