//! Agent 6: looks at the finished picture and measures what can be measured: is what was asked for in it, is it too dark,
//! too bright, too grainy.

use serde::Serialize;

use crate::domain::event::LogLevel;
use crate::pipelines::image::finish::Guide;
use crate::pipelines::image::finisher::{IMAGE, light_of};
use crate::pipelines::image::params::Params;
use crate::pipelines::image::reader::Prompt;
use crate::pipelines::image::recipe;
use crate::pipelines::image::render::trace::World;
use crate::pipelines::image::scene::{Light, Scene};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// A thing that takes up less of the picture is as good as not there.
const SEEN_SHARE_MIN: f32 = 0.000_5;
/// More than this share of one extreme is said.
const EXTREME_SHARE_MAX: f32 = 0.25;

/// What was found: `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Things in the scene with the share of the picture that shows them, from 0 to 1.
    pub things: Vec<Seen>,
    /// Words of the prompt that were ignored.
    pub ignored_words: Vec<String>,
    /// Mean brightness, 0 to 255.
    pub brightness: f32,
    /// Share of pixels that are black.
    pub black_share: f32,
    /// Share of pixels that are white.
    pub white_share: f32,
    /// Mean difference between neighbours in even areas, of 255.
    pub grain: f32,
    /// The picture carries a recipe that gives the same prompt and params.
    pub recipe: bool,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A thing of the scene.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// Its word.
    pub name: String,
    /// Share of the picture that shows it first.
    pub share: f32,
}

/// The agent.
///
/// # Errors
/// When the picture is missing, broken, of another size than asked for, or does not carry its recipe.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let scene: Scene = inputs.files.json("scene.json")?;
    let light: Light = inputs.files.json("light.json")?;
    let prompt: Prompt = inputs.files.json("prompt.json")?;
    let params = Params::of(inputs);
    let source = light_of(inputs)?;
    host.check()?;
    let world = World::new(&scene, &light, params.seed, source.width, source.height);
    let shares = Guide::new(&world, source.width, source.height).shares(scene.things.len());
    host.check()?;
    let file = inputs.files.get(IMAGE).ok_or_else(|| broken("an earlier agent did not write this file"))?;
    let pixels = decoded(file, (params.width, params.height))?;
    let carried = recipe::read(file).map_err(|error| broken(&error))?;
    if carried != params.recipe(&inputs.brief) {
        return Err(broken("the recipe in this picture is not the one it was made by"));
    }
    let things = scene
        .things
        .iter()
        .zip(shares)
        .map(|(thing, share)| Seen { name: thing.name.clone(), share })
        .collect();
    let mut report = measured(&pixels, params.width as usize);
    report.things = things;
    report.ignored_words = prompt.ignored().into_iter().map(str::to_owned).collect();
    report.recipe = true;
    report.warnings = warnings(&report);
    for warning in &report.warnings {
        host.log(LogLevel::Warning, warning);
    }
    let summary = match report.warnings.len() {
        0 => "nothing to complain about".to_owned(),
        1 => "1 warning".to_owned(),
        count => format!("{count} warnings"),
    };
    let json =
        serde_json::to_string_pretty(&report).map_err(|error| AgentError::failed(error.to_string()))?;
    Ok(AgentOutput { files: vec![OutputFile::text("report.json", json + "\n")], summary })
}

fn broken(message: &str) -> AgentError {
    AgentError::Failed { message: message.to_owned(), file: Some(IMAGE.to_owned()), line: None }
}

fn decoded(file: &[u8], size: (u32, u32)) -> Result<Vec<u8>, AgentError> {
    let unreadable = |error: png::DecodingError| broken(&format!("this picture cannot be read: {error}"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().map_err(unreadable)?;
    let found = (reader.info().width, reader.info().height);
    if found != size {
        return Err(broken(&format!(
            "{} x {} pixels were asked for, {} x {} made",
            size.0, size.1, found.0, found.1
        )));
    }
    let mut pixels = vec![0; size.0 as usize * size.1 as usize * 3];
    reader.next_frame(&mut pixels).map_err(unreadable)?;
    Ok(pixels)
}

fn measured(pixels: &[u8], width: usize) -> Report {
    let (triples, _) = pixels.as_chunks::<3>();
    let count = triples.len().max(1) as f32;
    let grey: Vec<f32> = triples
        .iter()
        .map(|[red, green, blue]| {
            0.2126 * f32::from(*red) + 0.7152 * f32::from(*green) + 0.0722 * f32::from(*blue)
        })
        .collect();
    let share = |test: &dyn Fn(f32) -> bool| grey.iter().filter(|value| test(**value)).count() as f32 / count;
    // Even areas are where neighbours differ little to both sides; edges are none of the grain.
    let (mut sum, mut even) = (0.0, 0.0_f32);
    for row in grey.chunks_exact(width.max(1)) {
        for three in row.windows(3) {
            let bend = (three[0] - 2.0 * three[1] + three[2]).abs();
            if bend < 24.0 && (three[0] - three[2]).abs() < 12.0 {
                sum += bend / 2.0;
                even += 1.0;
            }
        }
    }
    Report {
        width: width as u32,
        height: (grey.len() / width.max(1)) as u32,
        things: Vec::new(),
        ignored_words: Vec::new(),
        brightness: grey.iter().sum::<f32>() / count,
        black_share: share(&|value| value < 4.0),
        white_share: share(&|value| value > 251.0),
        grain: sum / even.max(1.0),
        recipe: false,
        warnings: Vec::new(),
    }
}

fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    for thing in report.things.iter().filter(|thing| thing.share < SEEN_SHARE_MIN) {
        warnings.push(format!("{} is hidden or too small to be seen", thing.name));
    }
    if report.black_share > EXTREME_SHARE_MAX {
        warnings.push(format!("{:.0} % of the picture is black", report.black_share * 100.0));
    }
    if report.white_share > EXTREME_SHARE_MAX {
        warnings.push(format!("{:.0} % of the picture is white", report.white_share * 100.0));
    }
    if report.grain > 4.0 {
        warnings.push("the picture is grainy: more steps would make it smoother".into());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_and_grain_are_measured() {
        let flat = measured(&[128; 30 * 3], 10);
        assert_eq!((flat.width, flat.height, flat.black_share, flat.white_share), (10, 3, 0.0, 0.0));
        assert!(flat.grain < 0.01 && (flat.brightness - 128.0).abs() < 0.01);
        let dark = measured(&[0; 30 * 3], 10);
        assert!(warnings(&dark).iter().any(|warning| warning.contains("100 % of the picture is black")));
        let rough: Vec<u8> = (0..300).flat_map(|at| [120 + (at % 2) as u8 * 11; 3]).collect();
        assert!(warnings(&measured(&rough, 30)).iter().any(|warning| warning.contains("grainy")));
    }
}
