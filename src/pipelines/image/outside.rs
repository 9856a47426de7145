//! The `image` pipeline with a renderer outside of this program: a model reads the prompt, so there is no vocabulary, and
//! no scene that could be compared. What it makes is judged and packed all the same.
//!
//! ```text
//! renderer                              somebody else: a picture and who made it
//!     -> finisher -> inspector -> packager  the picture with its recipe, what can be measured of it
//! ```

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::pipelines::image::finisher::IMAGE;
use crate::pipelines::image::params::{self, Params};
use crate::pipelines::image::picture::{self, FORMATS, Format, Picture};
use crate::pipelines::image::reader::PROMPT_CHARS_MAX;
use crate::pipelines::image::recipe::{self, Recipe};
use crate::pipelines::image::{inspector, packager};
use crate::pipelines::policy::AgentPolicy;
use crate::pipelines::setup::AgentSetup;
use crate::pipelines::{Agent, AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile, Pipeline};

/// The agent that is carried out elsewhere.
pub const RENDERER: &str = "renderer";
/// Who made the picture, in a file beside it.
pub const BACKEND: &str = "backend.json";

/// The pipeline, whose first agent has no function of its own.
pub const PIPELINE: Pipeline =
    Pipeline { name: "image", agents: AGENTS, parallel: 1, check_brief: check_prompt };

static AGENTS: &[Agent] = &[
    agent(RENDERER, "Renderer", 20_000.0, nothing),
    agent("finisher", "Finisher", 200.0, finish),
    agent("inspector", "Inspector", 50.0, inspect),
    agent("packager", "Packager", 5.0, pack),
];

const fn agent(
    name: &'static str,
    title: &'static str,
    weight: f64,
    run: fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>,
) -> Agent {
    let policy = AgentPolicy::DEFAULT;
    Agent { name, title, weight, version: params::VERSION, run, policy, setup: AgentSetup::BUILTIN }
}

/// Who made a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The executor, like `comfyui`.
    pub executor: String,
    /// The model or the program, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The seed that it says it took, when that is not the one it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Backend {
    /// Like `comfyui, model.safetensors`.
    fn said(&self) -> String {
        match &self.model {
            Some(model) => format!("{}, {model}", self.executor),
            None => self.executor.clone(),
        }
    }
}

/// The name of the file that the renderer leaves, by its format.
pub fn file_name(format: Format) -> String {
    format!("picture.{}", format.extension())
}

/// Whether a prompt can be handed on.
///
/// # Errors
/// When it is empty or too long.
pub fn check_prompt(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    match length {
        _ if text.trim().is_empty() => Err("the prompt is empty".into()),
        _ if length > PROMPT_CHARS_MAX => {
            Err(format!("the prompt has {length} characters; at most {PROMPT_CHARS_MAX} are allowed"))
        }
        _ => Ok(()),
    }
}

fn nothing(_: &AgentInputs, _: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    Err(AgentError::failed("the renderer is set to be outside of this program, and nothing says where"))
}

/// The finisher: the picture as a PNG that carries its recipe.
fn finish(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let picture = made(inputs)?;
    host.check()?;
    let recipe = recipe_of(inputs)?;
    let file = recipe::png(picture.width, picture.height, &picture.pixels, Some(&recipe))
        .map_err(|error| AgentError::failed(format!("the picture cannot be written: {error}")))?;
    host.log(LogLevel::Info, &format!("{IMAGE}: {} bytes, recipe inside", file.len()));
    let summary = format!("{} x {} pixels", picture.width, picture.height);
    Ok(AgentOutput { files: vec![OutputFile { path: IMAGE.into(), bytes: file }], summary })
}

/// The picture that the renderer left.
fn made(inputs: &AgentInputs) -> Result<Picture, AgentError> {
    let files = FORMATS.iter().map(|format| file_name(*format));
    let mut found = files.filter_map(|path| Some((inputs.files.get(&path)?, path)));
    let (bytes, path) = found.next().ok_or_else(|| AgentError::failed("the renderer left no picture"))?;
    picture::read(bytes).map_err(|why| broken(&path, &format!("this picture cannot be read: {why}")))
}

fn recipe_of(inputs: &AgentInputs) -> Result<Recipe, AgentError> {
    let backend = inputs.files.json(BACKEND)?;
    Ok(Recipe { backend: Some(backend), ..Params::of(inputs).recipe(&inputs.brief) })
}

fn broken(path: &str, message: &str) -> AgentError {
    AgentError::Failed { message: message.to_owned(), file: Some(path.to_owned()), line: None }
}

/// The inspector: what can be measured without a scene.
fn inspect(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let file =
        inputs.files.get(IMAGE).ok_or_else(|| broken(IMAGE, "an earlier agent did not write this file"))?;
    let picture =
        picture::read(file).map_err(|why| broken(IMAGE, &format!("this picture cannot be read: {why}")))?;
    let carried = recipe::read(file).map_err(|why| broken(IMAGE, &why))?;
    if carried != recipe_of(inputs)? {
        return Err(broken(IMAGE, "the recipe in this picture is not the one it was made by"));
    }
    host.check()?;
    let mut report = inspector::measured(&picture.pixels, picture.width as usize);
    report.recipe = true;
    report.backend = carried.backend;
    report.warnings = inspector::warnings(&report);
    let params = Params::of(inputs);
    if (params.width, params.height) != (picture.width, picture.height) {
        report.warnings.push(format!(
            "{} x {} pixels were asked for, {} x {} made",
            params.width, params.height, picture.width, picture.height
        ));
    }
    inspector::said(report, host)
}

/// The packager: in words what was made, by whom, and how to ask for it again.
fn pack(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let image = inputs.files.get(IMAGE).ok_or_else(|| AgentError::failed("there is no picture to pack"))?;
    let carried = recipe::read(image).map_err(AgentError::failed)?;
    let mut readme = packager::heading(&carried.prompt);
    let params = Params::of(inputs);
    let backend = carried.backend.clone().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(
        readme,
        "Made by {}; asked for: {} x {} pixels, {} steps, seed {}.\n\nWhether the same prompt and params give the same picture is \
         up to who made it; `{IMAGE}` carries both, and who that was.",
        backend.said().replace(['\n', '\r'], " "),
        params.width,
        params.height,
        params.steps,
        params.seed
    );
    packager::packed(&carried, readme)
}
