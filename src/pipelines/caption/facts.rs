//! The second agent: what can be measured of each image, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::pictures::class::{Classified, Texture, classify};
use crate::pictures::codes::{self, Code};
use crate::pictures::colour::{Named, Share};
use crate::pictures::layout::Layout;
use crate::pictures::sharpness::Sharpness;
use crate::pictures::tone::{Brightness, Tone};
use crate::pictures::{Limits, Picture, decode};
use crate::pipelines::caption::decoder::{FileFacts, INVENTORY, Inventory, pretty};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which it says what was measured.
pub(crate) const FACTS: &str = "facts.json";
/// Colours with a smaller share are not told.
const COLOUR_SHARE_MIN: f64 = 0.02;
/// Colours that are told.
const COLOURS_MAX: usize = 6;

/// What was measured of all images.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AllFacts {
    /// By name.
    pub(crate) images: Vec<ImageFacts>,
}

/// What is known of one image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ImageFacts {
    /// Its name.
    pub(crate) item: String,
    /// What the decoder said of it.
    pub(crate) file: FileFacts,
    /// What was measured.
    #[serde(flatten)]
    pub(crate) measured: Measured,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// What kind of image it is.
    pub(crate) class: Classified,
    /// The colours it has most of.
    pub(crate) colours: Vec<Share>,
    /// How it is laid out.
    pub(crate) layout: Layout,
    /// Its light; none when nothing of it is seen.
    pub(crate) tone: Option<Tone>,
    /// How bright that is.
    pub(crate) brightness: Option<Brightness>,
    /// Whether it is sharp.
    pub(crate) sharpness: Sharpness,
    /// Codes that were decoded.
    pub(crate) codes: Vec<Code>,
    /// Whether the search for codes was given up: there may be some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) codes_given_up: bool,
}

pub(crate) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let inventory: Inventory = inputs.files.json(INVENTORY)?;
    let usable: Vec<_> =
        inventory.images.into_iter().filter_map(|entry| Some((entry.item, entry.file?))).collect();
    let total = usable.len();
    let (mut all, mut failed) = (AllFacts::default(), Vec::new());
    for (number, (item, file)) in usable.into_iter().enumerate() {
        host.check()?;
        host.progress(number as f64 / total as f64 * 100.0, &format!("{} of {total}: {item}", number + 1));
        let input = inputs.inputs.iter().find(|input| input.name == item);
        let input = input.ok_or_else(|| AgentError::failed(format!("{item} is no image of this run")))?;
        let bytes = host.input(input)?;
        // A rule that stumbles over one picture costs that picture.
        let measured = match decode(&bytes, &Limits::default()) {
            Ok(picture) => catch_unwind(AssertUnwindSafe(|| measure(&picture)))
                .map_err(|_| "it cannot be measured".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match measured {
            Ok(measured) => {
                host.log(LogLevel::Info, &said(&item, &measured));
                if measured.codes_given_up {
                    host.log(LogLevel::Warning, &format!("{item}: {}", codes::TooMuch));
                }
                all.images.push(ImageFacts { item, file, measured });
            }
            Err(problem) => {
                host.log(LogLevel::Error, &format!("{item}: {problem}"));
                failed.push(format!("{item} ({problem})"));
            }
        }
    }
    if all.images.is_empty() {
        let message = format!("none of {total} images can be measured: {}", failed.join(", "));
        return Err(AgentError::failed(message));
    }
    if !failed.is_empty() {
        host.fell_short(&format!("{} images could not be measured: {}", failed.len(), failed.join(", ")));
    }
    let codes: usize = all.images.iter().map(|image| image.measured.codes.len()).sum();
    let summary = format!("{} images measured, {codes} codes decoded", all.images.len());
    Ok(AgentOutput { files: vec![OutputFile::text(FACTS, pretty(&all)?)], summary })
}

/// Measures a picture.
pub(crate) fn measure(picture: &Picture) -> Measured {
    let pixels = &picture.pixels;
    let named = Named::of(pixels);
    let layout = Layout::of(&named);
    let found = codes::find(pixels);
    let codes_given_up = found.is_err();
    let codes = found.unwrap_or_default();
    let tone = Tone::of(pixels);
    let mut colours = named.shares();
    colours.retain(|share| share.share >= COLOUR_SHARE_MIN);
    colours.truncate(COLOURS_MAX);
    Measured {
        class: classify(Texture::of(pixels), &layout, &codes, &picture.metadata),
        colours,
        layout,
        brightness: tone.as_ref().map(Tone::brightness),
        tone,
        sharpness: Sharpness::of(pixels),
        codes,
        codes_given_up,
    }
}

fn said(item: &str, measured: &Measured) -> String {
    let colours: Vec<String> = measured
        .colours
        .iter()
        .take(3)
        .map(|share| format!("{} {:.0} %", share.hex, share.share * 100.0))
        .collect();
    format!("{item}: {}; {}", measured.class.rule, colours.join(", "))
}
