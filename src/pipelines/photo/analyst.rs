//! The second agent: decodes every photo once, measures it and makes a small copy. What is damaged shows here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::darkroom::examine::{Examined, examine};
use crate::darkroom::negative::Negative;
use crate::darkroom::print::{PrintFormat, print};
use crate::darkroom::small::small;
use crate::domain::event::LogLevel;
use crate::pictures::Limits;
use crate::pipelines::photo::crew;
use crate::pipelines::photo::importer::{INVENTORY, Inventory, input};
use crate::pipelines::photo::results::{MEASURED_PERCENT, named, pretty, session_updated, told_of};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which it says what it measured.
pub(super) const ANALYSIS: &str = "analysis.json";
/// Long side of a small copy.
const COPY_SIDE: u32 = 1_280;
const COPY_QUALITY: u8 = 82;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Analysis {
    /// Photos, in the order of the inventory.
    pub(super) photos: Vec<Photo>,
    /// What turned out to be damaged, by name, with the reason.
    pub(super) failed: BTreeMap<String, String>,
}

/// One photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Photo {
    /// Its name.
    pub(super) item: String,
    /// Its place in the inventory.
    pub(super) number: usize,
    /// What its colours mean.
    pub(super) colours: String,
    /// What is odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// Where its small copy is, developed by no recipe.
    pub(super) preview: String,
    /// What was measured.
    pub(super) measured: Examined,
}

pub(super) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let inventory: Inventory = inputs.files.json(INVENTORY)?;
    let jobs = inventory.usable();
    let (total, mut ready, mut analysis) = (jobs.len(), 0, Analysis::default());
    crew::each(
        &jobs,
        |(_, file)| file.pixels(),
        host,
        |(entry, _)| host.input(input(inputs, &entry.item)?),
        |(entry, _), bytes, _| develop_small(&entry.item, entry.number, &bytes),
        |(entry, _), result| {
            ready += 1;
            host.progress(
                ready as f64 / total as f64 * 100.0,
                &format!("{ready} of {total}: {}", entry.item),
            );
            match result.and_then(|result| result) {
                Ok((photo, copy)) => {
                    host.log(LogLevel::Info, &words(&photo));
                    host.tell("photo_analyzed", analyzed(&photo, &entry.sha256));
                    let file = OutputFile { path: photo.preview.clone(), bytes: copy };
                    host.preview(&file, ready as u64, total as u64);
                    host.write(file)?;
                    analysis.photos.push(photo);
                }
                Err(problem) => {
                    host.log(LogLevel::Error, &format!("{}: {problem}", entry.item));
                    analysis.failed.insert(entry.item.clone(), problem);
                }
            }
            Ok(())
        },
    )?;
    analysis.photos.sort_by_key(|photo| photo.number);
    let failed: Vec<_> = analysis.failed.iter().map(|(item, why)| (item.as_str(), why.as_str())).collect();
    if analysis.photos.is_empty() {
        return Err(AgentError::failed(format!("none of {total} photos can be decoded: {}", named(&failed))));
    }
    if !failed.is_empty() {
        host.fell_short(&format!("{} of {total} photos cannot be decoded: {}", failed.len(), named(&failed)));
    }
    let counts = json!({ "photos": inventory.photos.len(), "measured": analysis.photos.len(), "failed": failed.len() });
    session_updated(host, MEASURED_PERCENT, counts);
    let summary = format!("{} photos measured", analysis.photos.len());
    Ok(AgentOutput { files: vec![OutputFile::text(ANALYSIS, pretty(&analysis)?)], summary })
}

fn develop_small(item: &str, number: usize, bytes: &[u8]) -> Result<(Photo, Vec<u8>), String> {
    let negative = Negative::open(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let copy = small(&negative, COPY_SIDE);
    let measured = examine(&negative, &copy);
    let mut notes: Vec<String> = negative.colour.ignored.iter().cloned().collect();
    if negative.had_alpha {
        notes.push("what is transparent is shown on white".to_owned());
    }
    let photo = Photo {
        item: item.to_owned(),
        number,
        colours: negative.colour.name.clone(),
        notes,
        preview: format!("previews/{number:04}.jpg"),
        measured,
    };
    Ok((photo, print(&copy, PrintFormat::Jpeg, COPY_QUALITY, None)?))
}

fn analyzed(photo: &Photo, sha256: &str) -> Value {
    let measured = &photo.measured;
    let mut data = told_of(&photo.item, sha256);
    data["lightness"] = json!(measured.tone.as_ref().map(|tone| tone.mean));
    data["clipped_light"] = json!(measured.tone.as_ref().map(|tone| tone.clipped_light));
    data["clipped_dark"] = json!(measured.tone.as_ref().map(|tone| tone.clipped_dark));
    data["suggested_ev"] = json!(measured.suggested_ev);
    data["detail"] = json!(measured.detail);
    data["noise"] = json!(measured.noise);
    data
}

fn words(photo: &Photo) -> String {
    let measured = &photo.measured;
    let mut words = vec![photo.colours.clone(), format!("detail {:.1}", measured.detail)];
    if let Some(tone) = &measured.tone {
        words.push(format!("lightness {:.0}", tone.mean));
        if tone.clipped_light > 0.01 {
            words.push(format!("{:.0} % burnt out", tone.clipped_light * 100.0));
        }
        if tone.clipped_dark > 0.01 {
            words.push(format!("{:.0} % blocked up", tone.clipped_dark * 100.0));
        }
    }
    words.push(format!("noise {:.1}", measured.noise));
    if let Some(horizon) = measured.horizon.filter(|horizon| horizon.tilt_degrees.abs() >= 0.5) {
        words.push(format!("horizon tilted by {:+.1}°", horizon.tilt_degrees));
    }
    words.extend(photo.notes.iter().cloned());
    format!("{}: {}", photo.item, words.join(", "))
}
