//! What a picture may be asked to be.

use serde_json::{Map, Value, json};

use crate::pipelines::AgentInputs;
use crate::pipelines::image::recipe::Recipe;

/// Raised whenever the same recipe may give another picture.
pub const VERSION: u32 = 1;
/// Steps when none are asked for.
pub const STEPS_USUAL: u64 = 16;
/// Most steps.
pub const STEPS_MAX: u64 = 512;
/// Least width and height.
pub const SIZE_MIN: u64 = 64;
/// Width when none is asked for.
pub const WIDTH_USUAL: u64 = 768;
/// Height when none is asked for.
pub const HEIGHT_USUAL: u64 = 512;

/// Params of the pipeline, defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Chooses everything that is left to chance.
    pub seed: u64,
    /// How many steps.
    pub steps: u32,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Params {
    /// The params of a run, which were checked when it was accepted.
    pub fn of(inputs: &AgentInputs) -> Self {
        let number = |name: &str, usual: u64, min: u64, max: u64| {
            let given = inputs.params.get(name).and_then(Value::as_u64).unwrap_or(usual);
            u32::try_from(given.clamp(min, max)).unwrap_or(u32::MAX)
        };
        let size_max = u64::from(crate::pipelines::image::render::SIZE_MAX);
        Self {
            seed: inputs.seed(),
            steps: number("steps", STEPS_USUAL, 1, STEPS_MAX),
            width: number("width", WIDTH_USUAL, SIZE_MIN, size_max),
            height: number("height", HEIGHT_USUAL, SIZE_MIN, size_max),
        }
    }

    /// The recipe of a prompt with these params.
    pub fn recipe(&self, prompt: &str) -> Recipe {
        let mut params = Map::new();
        params.insert("seed".into(), json!(self.seed));
        params.insert("steps".into(), json!(self.steps));
        params.insert("width".into(), json!(self.width));
        params.insert("height".into(), json!(self.height));
        Recipe { pipeline: "image".into(), version: VERSION, prompt: prompt.trim().to_owned(), params }
    }
}
