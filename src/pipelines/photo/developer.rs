//! The fourth agent: a recipe for each photo, and a small picture of what it makes of it. Nothing is decided here for good:
//! a recipe is data.

use image::{ImageFormat, RgbImage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::darkroom::develop::develop;
use crate::darkroom::negative::Negative;
use crate::darkroom::print::{PrintFormat, print};
use crate::darkroom::recipe::{Preset, Recipe};
use crate::domain::event::LogLevel;
use crate::pipelines::photo::analyst::{ANALYSIS, Analysis, Photo};
use crate::pipelines::photo::crew;
use crate::pipelines::photo::results::pretty;
use crate::pipelines::photo::selector::{SELECTION, Selection};
use crate::pipelines::photo::wanted::Wanted;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file with the recipes.
pub(super) const RECIPES: &str = "recipes.json";
/// Long side of a small picture.
const AFTER_SIDE: u32 = 960;
const AFTER_QUALITY: u8 = 85;

/// How photos are to be developed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recipes {
    /// The preset they began with.
    pub(super) preset: Preset,
    /// By photo.
    pub(super) photos: Vec<Planned>,
}

/// How a photo is to be developed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Planned {
    /// The photo.
    pub(super) item: String,
    /// Whether it is exported.
    #[serde(default = "yes")]
    pub(super) approved: bool,
    /// How. Whoever changes it may make mistakes, so it is read where it is used.
    pub(super) recipe: Value,
}

fn yes() -> bool {
    true
}

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let analysis: Analysis = inputs.files.json(ANALYSIS)?;
    let selection: Selection = inputs.files.json(SELECTION)?;
    let wanted = Wanted::of(inputs);
    let mut planned: Vec<(&Photo, Recipe)> = Vec::new();
    for photo in analysis.photos.iter().filter(|photo| !selection.left_out.contains_key(&photo.item)) {
        let recipe = wanted.recipe(photo.measured.suggested_ev);
        let recipe =
            recipe.map_err(|why| AgentError::failed(format!("params.recipe is no recipe: {why}")))?;
        planned.push((photo, recipe));
    }
    let jobs: Vec<usize> = (0..planned.len()).collect();
    let (total, mut ready) = (jobs.len(), 0);
    crew::each(
        &jobs,
        |_| u64::from(AFTER_SIDE) * u64::from(AFTER_SIDE),
        host,
        |job| {
            let preview = &planned[job].0.preview;
            let copy = inputs.files.get(preview).cloned();
            copy.ok_or_else(|| AgentError::failed(format!("{preview} was not written")))
        },
        |job, copy, stop| {
            let copy = image::load_from_memory_with_format(&copy, ImageFormat::Jpeg);
            let copy: RgbImage = copy.map_err(|error| error.to_string())?.into_rgb8();
            let after = develop(&Negative::of_srgb(copy), &planned[job].1, AFTER_SIDE, 1, stop);
            print(&after.ok_or("it was stopped")?, PrintFormat::Jpeg, AFTER_QUALITY, None)
        },
        |job, result| {
            let (photo, recipe) = &planned[job];
            let bytes = result.and_then(|result| result).map_err(|why| {
                AgentError::failed(format!("a small picture of {} cannot be made: {why}", photo.item))
            })?;
            ready += 1;
            host.progress(
                ready as f64 / total as f64 * 100.0,
                &format!("{ready} of {total}: {}", photo.item),
            );
            let words = Some(recipe.words()).filter(|words| !words.is_empty());
            let words = words.unwrap_or_else(|| "as it is".to_owned());
            host.log(LogLevel::Info, &format!("{}: {words}", photo.item));
            let file = OutputFile { path: after_path(photo.number), bytes };
            host.preview(&file, ready as u64, total as u64);
            host.write(file)
        },
    )?;
    let photos = planned
        .iter()
        .map(|(photo, recipe)| {
            let recipe = serde_json::to_value(recipe)
                .map_err(|error| AgentError::failed(format!("a recipe has no JSON form: {error}")))?;
            Ok(Planned { item: photo.item.clone(), approved: true, recipe })
        })
        .collect::<Result<Vec<_>, AgentError>>()?;
    let recipes = Recipes { preset: wanted.preset, photos };
    let summary = format!("{total} recipes from preset {}", wanted.preset.as_str());
    Ok(AgentOutput { files: vec![OutputFile::text(RECIPES, pretty(&recipes)?)], summary })
}

/// Where the small picture of a photo is that was developed.
pub(super) fn after_path(number: usize) -> String {
    format!("developed/{number:04}.jpg")
}
