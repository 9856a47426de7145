//! Agent 4: renders, step by step. Every step is a whole picture.

use crate::domain::event::LogLevel;
use crate::pipelines::image::hdr;
use crate::pipelines::image::params::Params;
use crate::pipelines::image::preview;
use crate::pipelines::image::render::trace::World;
use crate::pipelines::image::render::{Film, SAMPLES_PER_STEP};
use crate::pipelines::image::scene::{Light, Scene};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The agent.
///
/// # Errors
/// When earlier agents did not do their part, or on cancel.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let scene: Scene = inputs.files.json("scene.json")?;
    let light: Light = inputs.files.json("light.json")?;
    let params = Params::of(inputs);
    let world = World::new(&scene, &light, params.seed, params.width, params.height);
    let mut film = host
        .kept()
        .and_then(|kept| Film::load(&kept, params.width, params.height).ok())
        .filter(|film| film.steps() <= params.steps)
        .unwrap_or_else(|| Film::new(params.width, params.height));
    if film.steps() > 0 {
        host.log(LogLevel::Info, &format!("goes on after step {}", film.steps()));
    }
    let samples = params.steps * SAMPLES_PER_STEP;
    host.log(LogLevel::Info, &format!("{} x {} pixels, {samples} samples each", params.width, params.height));
    while film.steps() < params.steps {
        take_step(&mut film, &world, host)?;
        let (step, of) = (film.steps(), params.steps);
        host.progress(f64::from(step) * 100.0 / f64::from(of), &format!("step {step} of {of}"));
        if let Some(bytes) = preview::png(&film, &light) {
            let file = OutputFile { path: preview::PREVIEW.into(), bytes };
            host.preview(&file, u64::from(step), u64::from(of));
        }
        host.safe_point(&|| film.save())?;
    }
    let file = hdr::encode(params.width, params.height, params.steps, film.light());
    let rays = u64::from(params.width) * u64::from(params.height) * u64::from(samples);
    let summary = format!("{} steps, {rays} paths", params.steps);
    Ok(AgentOutput { files: vec![OutputFile { path: "light.hdr".into(), bytes: file }], summary })
}

/// One step, which ends early with an error on cancel.
fn take_step(film: &mut Film, world: &World<'_>, host: &dyn AgentHost) -> Result<(), AgentError> {
    host.check()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if film.step(world, threads, &|| host.check().is_err()) {
        return Ok(());
    }
    Err(host.check().err().unwrap_or(AgentError::Cancelled))
}
