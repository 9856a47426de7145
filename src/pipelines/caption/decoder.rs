//! The first agent: opens every image, says which cannot be used and why, and makes a small copy of each of the others to
//! look at.

use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;
use serde::{Deserialize, Serialize};

use crate::domain::event::LogLevel;
use crate::domain::run::RunInput;
use crate::pictures::colour::on_white;
use crate::pictures::metadata::Metadata;
use crate::pictures::{Format, Limits, Picture, decode};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which it says what there is.
pub(crate) const INVENTORY: &str = "inventory.json";
/// Long side of a small copy.
const COPY_SIDE: u32 = 640;
const COPY_QUALITY: u8 = 82;
/// Names of broken images in one sentence.
const NAMED_MAX: usize = 5;

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    /// Every image that was given, by name.
    pub(crate) images: Vec<Entry>,
}

/// One image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) item: String,
    /// Of its content; empty when it could not be had.
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// What is odd about it though it can be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// What it is, when it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileFacts>,
}

/// What is known of a file that was decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    /// What its content is.
    pub(crate) format: Format,
    /// As it is to be seen.
    pub(crate) width: u32,
    /// As it is to be seen.
    pub(crate) height: u32,
    /// The EXIF orientation that was applied.
    pub(crate) orientation: u8,
    /// Whether it moves; its first frame was looked at.
    pub(crate) animated: bool,
    /// What it says of itself.
    pub(crate) metadata: Metadata,
    /// Where its small copy is.
    pub(crate) preview: String,
}

pub(crate) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    if inputs.inputs.is_empty() {
        return Err(AgentError::failed("there are no images: upload some, or name a folder"));
    }
    let mut given: Vec<&RunInput> = inputs.inputs.iter().collect();
    given.sort_by(|one, other| one.name.cmp(&other.name));
    let (mut inventory, mut files) = (Inventory::default(), Vec::new());
    let total = given.len();
    for (number, input) in given.into_iter().enumerate() {
        host.check()?;
        host.progress(
            number as f64 / total as f64 * 100.0,
            &format!("{} of {total}: {}", number + 1, input.name),
        );
        let preview = format!("previews/{:04}.jpg", number + 1);
        let (entry, copy) = enter(input, preview, host)?;
        match &entry.problem {
            Some(problem) => host.log(LogLevel::Error, &format!("{}: {problem}", entry.item)),
            None => host.log(LogLevel::Info, &said(&entry)),
        }
        files.extend(copy);
        inventory.images.push(entry);
    }
    let broken: Vec<&Entry> = inventory.images.iter().filter(|entry| entry.problem.is_some()).collect();
    if broken.len() == total {
        return Err(AgentError::Failed {
            message: format!("none of {total} images can be used: {}", named(&broken)),
            file: broken.first().map(|entry| entry.item.clone()),
            line: None,
        });
    }
    if !broken.is_empty() {
        host.fell_short(&format!("{} of {total} images cannot be used: {}", broken.len(), named(&broken)));
    }
    let summary = format!("{} of {total} images decoded", total - broken.len());
    files.insert(0, OutputFile::text(INVENTORY, pretty(&inventory)?));
    Ok(AgentOutput { files, summary })
}

/// JSON as all agents here write it.
pub(crate) fn pretty<T: Serialize>(value: &T) -> Result<String, AgentError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| AgentError::failed(format!("a file has no JSON form: {error}")))?;
    text.push('\n');
    Ok(text)
}

fn enter(
    input: &RunInput,
    preview: String,
    host: &dyn AgentHost,
) -> Result<(Entry, Option<OutputFile>), AgentError> {
    let mut entry = Entry {
        item: input.name.clone(),
        sha256: input.sha256.clone(),
        size: input.size,
        problem: input.problem.clone(),
        ..Entry::default()
    };
    if entry.problem.is_some() {
        return Ok((entry, None));
    }
    let bytes = host.input(input)?;
    let picture = match decode(&bytes, &Limits::default()) {
        Ok(picture) => picture,
        Err(error) => {
            entry.problem = Some(error.to_string());
            return Ok((entry, None));
        }
    };
    if let Some(promised) = Format::of_name(&input.name).filter(|promised| *promised != picture.format) {
        let (promised, is) = (promised.as_str(), picture.format.as_str());
        entry.notes.push(format!("its name promises {promised}, its content is {is}"));
    }
    let (width, height) = picture.pixels.dimensions();
    let copy = copy(&picture).map(|bytes| OutputFile { path: preview.clone(), bytes })?;
    entry.file = Some(FileFacts {
        format: picture.format,
        width,
        height,
        orientation: picture.orientation,
        animated: picture.animated,
        metadata: picture.metadata,
        preview,
    });
    Ok((entry, Some(copy)))
}

/// A small JPEG, what is not seen being white.
fn copy(picture: &Picture) -> Result<Vec<u8>, AgentError> {
    let (width, height) = picture.pixels.dimensions();
    let image = DynamicImage::ImageRgba8(picture.pixels.clone());
    let small = if width.max(height) > COPY_SIDE { image.thumbnail(COPY_SIDE, COPY_SIDE) } else { image };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, COPY_QUALITY)
        .encode_image(&on_white(&small.into_rgba8()))
        .map_err(|error| AgentError::failed(format!("a small copy cannot be made: {error}")))?;
    Ok(bytes)
}

fn said(entry: &Entry) -> String {
    let Some(file) = &entry.file else { return entry.item.clone() };
    let notes: String = entry.notes.iter().map(|note| format!("; {note}")).collect();
    format!("{}: {}, {} x {}{notes}", entry.item, file.format.as_str(), file.width, file.height)
}

fn named(broken: &[&Entry]) -> String {
    let reason =
        |entry: &&Entry| format!("{} ({})", entry.item, entry.problem.as_deref().unwrap_or_default());
    let names: Vec<String> = broken.iter().take(NAMED_MAX).map(reason).collect();
    let more = broken.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
