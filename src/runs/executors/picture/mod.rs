//! Pictures that are made outside of this program: by a program, a worker, or a server of pictures in its own protocol.
//!
//! Whoever makes it, the reply is judged here, where it can be said of who made it, and where a retry asks again: one whole
//! PNG, JPEG or WebP of sane size. Later agents find it beside a note of who that was.

mod comfy_ui;
mod comfy_ui_socket;
mod open_ai;
mod program;
mod server;
mod web_ui;

use crate::domain::event::LogLevel;
use crate::pipelines::image::outside::{BACKEND, Backend, file_name};
use crate::pipelines::image::params::Params;
use crate::pipelines::image::picture;
use crate::pipelines::setup::{PictureProtocol, PictureServerSpec, PictureSpec};
use crate::pipelines::{AgentError, AgentInputs, AgentOutput, OutputFile};
use crate::runs::executors::command::Commands;
use crate::runs::executors::{ExecutorHost, http};

/// The names that a program or a worker gives its picture.
const NAMES: [&str; 4] = ["image.png", "image.jpg", "image.jpeg", "image.webp"];
/// The name of a preview, without its end.
const PREVIEW: &str = "preview";

/// What a maker hands over.
struct Made {
    bytes: Vec<u8>,
    backend: Backend,
}

pub(super) fn execute(
    spec: &'static PictureSpec,
    agent: &str,
    inputs: &AgentInputs,
    host: &dyn ExecutorHost,
    commands: &Commands,
) -> Result<AgentOutput, AgentError> {
    let (made, others) = match spec {
        PictureSpec::Program { program, model } => {
            let model = model.clone().or_else(|| program::name(&program.command));
            taken(spec, model, commands.execute(program, agent, inputs, host)?)?
        }
        PictureSpec::Http(worker) => taken(spec, None, http::execute(worker, agent, inputs, host)?)?,
        PictureSpec::Server(server) => (ask(server, inputs, host)?, Vec::new()),
    };
    let picture = picture::read(&made.bytes)
        .map_err(|why| AgentError::failed(format!("{} sent no picture: {why}", spec.name())))?;
    let summary = format!(
        "{} x {} pixels by {}",
        picture.width,
        picture.height,
        made.backend.model.as_deref().unwrap_or(spec.name())
    );
    let backend =
        serde_json::to_string_pretty(&made.backend).map_err(|error| AgentError::failed(error.to_string()))?;
    let mut files = others;
    files.push(OutputFile { path: file_name(picture.format), bytes: made.bytes });
    files.push(OutputFile::text(BACKEND, backend + "\n"));
    Ok(AgentOutput { files, summary })
}

fn ask(
    spec: &'static PictureServerSpec,
    inputs: &AgentInputs,
    host: &dyn ExecutorHost,
) -> Result<Made, AgentError> {
    let server = server::Server::new(spec)?;
    let wish = Wish::of(spec, inputs);
    host.log(
        LogLevel::Info,
        &format!(
            "asks {} for {} x {} pixels, {} steps",
            spec.protocol.as_str(),
            wish.width,
            wish.height,
            wish.steps
        ),
    );
    match spec.protocol {
        PictureProtocol::OpenAi => open_ai::make(&server, &wish, host),
        PictureProtocol::Automatic1111 => web_ui::make(&server, &wish, host),
        PictureProtocol::ComfyUi => comfy_ui::make(&server, &wish, host),
    }
}

/// The picture of a program or a worker, and its other files.
fn taken(
    spec: &PictureSpec,
    model: Option<String>,
    mut output: AgentOutput,
) -> Result<(Made, Vec<OutputFile>), AgentError> {
    let place = NAMES.iter().find_map(|name| output.files.iter().position(|file| file.path == *name));
    let Some(place) = place else {
        let message = format!("{} made no picture: it must be named {}", spec.name(), NAMES.join(", "));
        return Err(AgentError::failed(message));
    };
    let bytes = output.files.swap_remove(place).bytes;
    // Names that later agents and this one give are theirs.
    let is_ours = |path: &str| {
        path == BACKEND
            || path.starts_with("picture.")
            || path.starts_with("preview.")
            || NAMES.contains(&path)
    };
    output.files.retain(|file| !is_ours(&file.path));
    let backend = Backend { executor: spec.name().to_owned(), model, seed: None };
    Ok((Made { bytes, backend }, output.files))
}

/// What a server is asked for.
#[derive(Debug, PartialEq)]
struct Wish {
    prompt: String,
    width: u32,
    height: u32,
    steps: u32,
    seed: u64,
}

impl Wish {
    fn of(spec: &PictureServerSpec, inputs: &AgentInputs) -> Self {
        let params = Params::of(inputs);
        let (width, height) = match spec.protocol {
            // Models of diffusion work on blocks of eight pixels.
            PictureProtocol::Automatic1111 | PictureProtocol::ComfyUi if spec.sizes.is_empty() => {
                (params.width.next_multiple_of(8), params.height.next_multiple_of(8))
            }
            _ => nearest(&spec.sizes, (params.width, params.height)),
        };
        Self { prompt: inputs.brief.trim().to_owned(), width, height, steps: params.steps, seed: params.seed }
    }
}

/// Of some sizes the one whose shape is nearest, then the one whose area is; without sizes the one that was asked for.
fn nearest(sizes: &[(u32, u32)], asked: (u32, u32)) -> (u32, u32) {
    let ratio = |of: (u32, u32)| f64::from(of.0) / f64::from(of.1);
    let area = |of: (u32, u32)| f64::from(of.0) * f64::from(of.1);
    let far = |of: (u32, u32)| ((ratio(of) / ratio(asked)).ln().abs(), (area(of) / area(asked)).ln().abs());
    let by_distance = |one: &&(u32, u32), other: &&(u32, u32)| {
        let ((shape, size), (other_shape, other_size)) = (far(**one), far(**other));
        shape.total_cmp(&other_shape).then(size.total_cmp(&other_size))
    };
    sizes.iter().min_by(by_distance).copied().unwrap_or(asked)
}

/// Shows a preview when it is a picture; answers whether it is.
fn show(host: &dyn ExecutorHost, bytes: Vec<u8>, step: u64, of: u64) -> bool {
    let Some(format) = picture::format_of(&bytes) else { return false };
    let path = format!("{PREVIEW}.{}", format.extension());
    host.preview(&OutputFile { path, bytes }, step, of);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_the_nearest_shape_is_asked_for() {
        let sizes = [(1024, 1024), (1536, 1024), (1024, 1536), (512, 512)];
        for (asked, expected) in [
            ((768, 512), (1536, 1024)),
            ((512, 768), (1024, 1536)),
            ((500, 520), (512, 512)),
            ((2000, 2000), (1024, 1024)),
        ] {
            assert_eq!(nearest(&sizes, asked), expected, "{asked:?}");
        }
        assert_eq!(nearest(&[], (70, 90)), (70, 90));
    }
}
