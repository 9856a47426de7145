//! Who makes the pictures of the `image` pipeline, when somebody else does.

use crate::domain::pipeline::{AgentDefinition, ExecutorKind, PipelineDefinition};
use crate::pipelines::Pipeline;
use crate::pipelines::defined::agent::Making;
use crate::pipelines::defined::executors::{BASE_URL, CONNECT_MS, KEY_ENV};
use crate::pipelines::image::params::SIZE_MIN;
use crate::pipelines::image::picture::SIDE_MAX;
use crate::pipelines::image::{outside, workflow};
use crate::pipelines::setup::{Patience, PictureProtocol, PictureServerSpec, PictureSpec};

/// The pipeline with a renderer outside.
pub(super) const PIPELINE: Pipeline = outside::PIPELINE;
/// Its agent that is carried out elsewhere.
pub(super) const RENDERER: &str = outside::RENDERER;
/// Where the servers listen that are usually started on the same machine.
const AUTOMATIC1111_URL: &str = "http://127.0.0.1:7860";
const COMFYUI_URL: &str = "http://127.0.0.1:8188";
/// Pause between two questions for how a picture stands.
const POLL_MS: u64 = 500;
/// A model may have to be loaded before anything is heard.
const STALL_MS: u64 = 300_000;
/// What a program or a worker hands on when nothing is said.
const OUTPUTS: &str = "image.*";

/// Whether a definition gives the pictures of the built-in pipeline to somebody else.
pub(super) fn is_outside(definition: &PipelineDefinition) -> bool {
    if definition.name != PIPELINE.name {
        return false;
    }
    let renderer = definition.agents.iter().find(|agent| agent.name.as_deref() == Some(RENDERER));
    let said = renderer.cloned().unwrap_or_default().over(&definition.defaults);
    let kind = said.executor.or(definition.executor).or_else(|| kind_of(&said));
    kind.is_some_and(|kind| kind != ExecutorKind::Builtin)
}

/// Who carries an agent out, by what it says itself.
pub(super) fn kind_of(said: &AgentDefinition) -> Option<ExecutorKind> {
    said.executor.or(if said.command.is_some() {
        Some(ExecutorKind::Command)
    } else if said.url.is_some() {
        Some(ExecutorKind::Http)
    } else {
        None
    })
}

impl Making<'_> {
    /// Who makes the picture.
    pub(super) fn picture(&mut self, kind: ExecutorKind) -> PictureSpec {
        let outputs = |outputs: &mut Vec<String>| {
            if outputs.is_empty() {
                outputs.push(OUTPUTS.to_owned());
            }
        };
        match kind {
            ExecutorKind::Command => {
                let mut program = self.command();
                outputs(&mut program.outputs);
                let model = self.said.model.clone().filter(|model| !model.is_empty());
                PictureSpec::Program { program, model }
            }
            ExecutorKind::Http => {
                let mut spec = self.http();
                outputs(&mut spec.outputs);
                PictureSpec::Http(spec)
            }
            ExecutorKind::Automatic1111 => self.picture_server(PictureProtocol::Automatic1111),
            ExecutorKind::Comfyui => self.picture_server(PictureProtocol::ComfyUi),
            // Otherwise it would not be outside.
            ExecutorKind::Openai | ExecutorKind::Builtin => self.picture_server(PictureProtocol::OpenAi),
        }
    }

    fn picture_server(&mut self, protocol: PictureProtocol) -> PictureSpec {
        let said = self.said;
        let usual_url = match protocol {
            PictureProtocol::OpenAi => BASE_URL,
            PictureProtocol::Automatic1111 => AUTOMATIC1111_URL,
            PictureProtocol::ComfyUi => COMFYUI_URL,
        };
        let usual_key = (protocol == PictureProtocol::OpenAi).then(|| KEY_ENV.to_owned());
        let key_env = said.key_env.clone().or(usual_key);
        self.variables("key_env", key_env.as_slice());
        let workflow = match protocol {
            PictureProtocol::ComfyUi => self.workflow(),
            _ if said.workflow.is_some() => {
                self.problem("workflow is for executor = \"comfyui\"");
                None
            }
            _ => None,
        };
        let request = said.request.clone().unwrap_or_default();
        if protocol == PictureProtocol::ComfyUi && !request.is_empty() {
            self.problem("request is for other servers: what ComfyUI is asked stands in its workflow");
        }
        PictureSpec::Server(PictureServerSpec {
            protocol,
            base_url: self.address("base_url", said.base_url.as_deref().unwrap_or(usual_url)),
            model: said.model.clone().filter(|model| !model.is_empty()),
            key_env,
            headers: said.headers.clone().unwrap_or_default(),
            secrets: said.secrets.clone().unwrap_or_default(),
            negative_prompt: said.negative_prompt.clone().unwrap_or_default(),
            sizes: self.sizes(),
            request,
            workflow,
            poll_ms: self.bounded("poll_ms", said.poll_ms, POLL_MS, 50, 60_000),
            patience: Patience {
                connect_ms: self.bounded("connect_ms", said.connect_ms, CONNECT_MS, 100, 600_000),
                stall_ms: self.bounded("stall_ms", said.stall_ms, STALL_MS, 100, 3_600_000),
            },
        })
    }

    fn workflow(&mut self) -> Option<serde_json::Value> {
        let said = self.said;
        let read = match &said.workflow_text {
            Some(text) => workflow::read(text).map_err(|why| format!("workflow {why}")),
            None => Ok(workflow::usual()),
        };
        let no_model = said.model.as_deref().unwrap_or_default().is_empty();
        match read {
            Ok(workflow) if no_model && workflow::has_place(&workflow, "model") => {
                self.problem(
                    "executor = \"comfyui\" needs model, the file of a checkpoint like \"sd_xl_base_1.0.safetensors\", or a \
                     workflow that names its own",
                );
                None
            }
            Ok(workflow) => Some(workflow),
            Err(why) => {
                self.problem(why);
                None
            }
        }
    }

    fn sizes(&mut self) -> Vec<(u32, u32)> {
        let (said, mut sizes) = (self.said, Vec::new());
        for text in said.sizes.iter().flatten() {
            let allowed = u32::try_from(SIZE_MIN).unwrap_or(1)..=SIDE_MAX;
            let size = text
                .split_once('x')
                .and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
            match size.filter(|(width, height)| allowed.contains(width) && allowed.contains(height)) {
                Some(size) => sizes.push(size),
                None => self.problem(format!(
                    "sizes: {text:?} is not allowed; allowed: two numbers from {SIZE_MIN} to {SIDE_MAX}, like \"1024x1024\""
                )),
            }
        }
        sizes
    }
}
