//! Agent 5: develops the light to a picture that carries its recipe.

use crate::domain::event::LogLevel;
use crate::pipelines::image::finish::{Guide, developed, shining, smoothed, vignetted};
use crate::pipelines::image::hdr::{self, Picture};
use crate::pipelines::image::params::Params;
use crate::pipelines::image::recipe;
use crate::pipelines::image::render::trace::World;
use crate::pipelines::image::scene::{Light, Scene};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The picture of the run.
pub const IMAGE: &str = "image.png";

/// The agent.
///
/// # Errors
/// When earlier agents did not do their part, or on cancel.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let scene: Scene = inputs.files.json("scene.json")?;
    let light: Light = inputs.files.json("light.json")?;
    let params = Params::of(inputs);
    let picture = light_of(inputs)?;
    let world = World::new(&scene, &light, params.seed, picture.width, picture.height);
    host.check()?;
    let guide = Guide::new(&world, picture.width, picture.height);
    host.check()?;
    host.progress(40.0, "smoothing grain");
    let smooth = smoothed(&picture.light, picture.steps, &guide, picture.width);
    host.check()?;
    host.progress(80.0, "developing");
    let smooth = shining(smooth, picture.width, light.exposure);
    let pixels = developed(vignetted(smooth, picture.width, picture.height).into_iter(), &light);
    let file = recipe::png(picture.width, picture.height, &pixels, Some(&params.recipe(&inputs.brief)))
        .map_err(|error| AgentError::failed(format!("the picture cannot be written: {error}")))?;
    host.log(LogLevel::Info, &format!("{IMAGE}: {} bytes, recipe inside", file.len()));
    let summary = format!("{} x {} pixels", picture.width, picture.height);
    Ok(AgentOutput { files: vec![OutputFile { path: IMAGE.into(), bytes: file }], summary })
}

/// The light that the renderer wrote.
///
/// # Errors
/// When there is none, or it is broken.
pub fn light_of(inputs: &AgentInputs) -> Result<Picture, AgentError> {
    let failed = |message: &str| AgentError::Failed {
        message: message.to_owned(),
        file: Some("light.hdr".to_owned()),
        line: None,
    };
    let file =
        inputs.files.get("light.hdr").ok_or_else(|| failed("an earlier agent did not write this file"))?;
    hdr::decode(file).ok_or_else(|| failed("this file is not a whole picture"))
}
