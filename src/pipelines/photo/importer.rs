//! The first agent: looks at every file that was given, without decoding its pixels, and says which cannot be photos and
//! why, and which are there twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::darkroom::negative::upright;
use crate::domain::event::LogLevel;
use crate::domain::run::RunInput;
use crate::pictures::Limits;
use crate::pictures::decode::{Format, header};
use crate::pictures::metadata::Metadata;
use crate::pipelines::photo::results::{IMPORTED_PERCENT, named, pretty, session_updated, told_of};
use crate::pipelines::photo::wanted::Wanted;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which it says what there is.
pub(super) const INVENTORY: &str = "inventory.json";

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Inventory {
    /// Every file that was given, by name.
    pub(super) photos: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its name.
    pub(super) item: String,
    /// Its place, from 1.
    pub(super) number: usize,
    /// Of its content; empty when it could not be had.
    pub(super) sha256: String,
    /// Bytes.
    pub(super) size: u64,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    /// The file that has the same content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) duplicate_of: Option<String>,
    /// What is odd about it though it can be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// What it is, when it looks like a photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<FileFacts>,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileFacts {
    /// What its content is.
    pub(super) format: Format,
    /// As it is to be seen.
    pub(super) width: u32,
    /// As it is to be seen.
    pub(super) height: u32,
    /// Its EXIF orientation.
    pub(super) orientation: u8,
    /// What it says of its camera and itself.
    pub(super) metadata: Metadata,
}

impl FileFacts {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl Inventory {
    /// Files that look like photos and are there once.
    pub(super) fn usable(&self) -> Vec<(&Entry, &FileFacts)> {
        self.photos.iter().filter_map(|entry| Some((entry, entry.file.as_ref()?))).collect()
    }
}

/// The input of an item.
pub(super) fn input<'a>(inputs: &'a AgentInputs, item: &str) -> Result<&'a RunInput, AgentError> {
    let found = inputs.inputs.iter().find(|input| input.name == item);
    found.ok_or_else(|| AgentError::failed(format!("{item} is no photo of this run")))
}

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let wanted = Wanted::of(inputs);
    let missing = wanted.only.iter().find(|name| !inputs.inputs.iter().any(|input| input.name == **name));
    if let Some(name) = missing {
        return Err(AgentError::failed(format!("params.only names {name}, which was not given to this run")));
    }
    let mut given: Vec<&RunInput> = inputs
        .inputs
        .iter()
        .filter(|input| wanted.only.is_empty() || wanted.only.contains(&input.name))
        .collect();
    if given.is_empty() {
        return Err(AgentError::failed("there are no photos: upload some, or name a folder"));
    }
    given.sort_by(|one, other| one.name.cmp(&other.name));
    let (total, mut inventory) = (given.len(), Inventory::default());
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (place, input) in given.into_iter().enumerate() {
        host.check()?;
        let said = format!("{} of {total}: {}", place + 1, input.name);
        host.progress(place as f64 / total as f64 * 100.0, &said);
        let mut entry = Entry {
            item: input.name.clone(),
            number: place + 1,
            sha256: input.sha256.clone(),
            size: input.size,
            problem: input.problem.clone(),
            ..Entry::default()
        };
        if entry.problem.is_none() {
            match known.get(input.sha256.as_str()) {
                Some(before) => entry.duplicate_of = Some((*before).to_owned()),
                None => {
                    known.insert(&input.sha256, &input.name);
                    look(&mut entry, &host.input(input)?);
                }
            }
        }
        match (&entry.problem, &entry.duplicate_of) {
            (Some(problem), _) => host.log(LogLevel::Error, &format!("{}: {problem}", entry.item)),
            (_, Some(before)) => {
                host.log(
                    LogLevel::Warning,
                    &format!("{}: the same content as {before}; left out", entry.item),
                );
            }
            _ => {
                host.log(LogLevel::Info, &words(&entry));
                host.tell("photo_imported", imported(&entry));
            }
        }
        inventory.photos.push(entry);
    }
    let broken: Vec<_> = inventory
        .photos
        .iter()
        .filter_map(|entry| Some((entry.item.as_str(), entry.problem.as_deref()?)))
        .collect();
    let usable = inventory.usable().len();
    if usable == 0 {
        return Err(AgentError::failed(format!("none of {total} photos can be used: {}", named(&broken))));
    }
    if !broken.is_empty() {
        let message = format!("{} of {total} photos cannot be imported: {}", broken.len(), named(&broken));
        host.fell_short(&message);
    }
    session_updated(
        host,
        IMPORTED_PERCENT,
        json!({ "photos": total, "usable": usable, "failed": broken.len() }),
    );
    let doubles = total - usable - broken.len();
    let doubled = if doubles > 0 { format!(", {doubles} there twice") } else { String::new() };
    let summary = format!("{usable} of {total} photos imported{doubled}");
    Ok(AgentOutput { files: vec![OutputFile::text(INVENTORY, pretty(&inventory)?)], summary })
}

fn imported(entry: &Entry) -> Value {
    let mut data = told_of(&entry.item, &entry.sha256);
    data["file_path"] = json!(entry.item);
    if let Some(file) = &entry.file {
        data["format"] = json!(file.format);
        data["width"] = json!(file.width);
        data["height"] = json!(file.height);
        data["taken_at"] = json!(file.metadata.taken_at);
    }
    data
}

fn look(entry: &mut Entry, bytes: &[u8]) {
    let found = match header(bytes, &Limits::default()) {
        Ok(found) => found,
        Err(error) => {
            entry.problem = Some(error.to_string());
            return;
        }
    };
    if let Some(promised) = Format::of_name(&entry.item).filter(|promised| *promised != found.format) {
        let (promised, is) = (promised.as_str(), found.format.as_str());
        entry.notes.push(format!("its name promises {promised}, its content is {is}"));
    }
    if found.animated {
        entry.notes.push("it moves; its first picture is taken".to_owned());
    }
    let (width, height) = upright(found.width, found.height, found.orientation);
    entry.file = Some(FileFacts {
        format: found.format,
        width,
        height,
        orientation: found.orientation,
        metadata: found.metadata,
    });
}

fn words(entry: &Entry) -> String {
    let Some(file) = &entry.file else { return entry.item.clone() };
    let camera = file.metadata.model.as_ref().map(|model| format!(", {model}")).unwrap_or_default();
    let taken = file.metadata.taken_at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
    let notes: String = entry.notes.iter().map(|note| format!("; {note}")).collect();
    let (format, width, height) = (file.format.as_str(), file.width, file.height);
    format!("{}: {format}, {width} x {height}{camera}{taken}{notes}", entry.item)
}
