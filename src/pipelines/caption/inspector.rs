//! The last agent: holds every text against facts and limits, whoever wrote it, and hands on the results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::domain::caption::{CaptionResults, CaptionedImage, RESULTS_FILE, csv};
use crate::domain::event::LogLevel;
use crate::pipelines::caption::Wanted;
use crate::pipelines::caption::decoder::{INVENTORY, Inventory, pretty};
use crate::pipelines::caption::facts::{AllFacts, FACTS, ImageFacts};
use crate::pipelines::caption::words::colour_words;
use crate::pipelines::caption::writer::{CAPTIONS, Caption, Captions};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// A text with words that no fact bears out is at most this sure.
const UNVERIFIED_MAX: f64 = 0.3;
/// A text whose writer names no facts is at most this sure: what it says beyond colours and codes was not checked.
const WITHOUT_CLAIMS_MAX: f64 = 0.6;

pub(crate) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let inventory: Inventory = inputs.files.json(INVENTORY)?;
    let facts: AllFacts = inputs.files.json(FACTS)?;
    let captions: Captions = inputs.files.json(CAPTIONS)?;
    let wanted = Wanted::of(inputs);
    let facts: BTreeMap<&str, &ImageFacts> =
        facts.images.iter().map(|image| (image.item.as_str(), image)).collect();
    let mut texts: BTreeMap<&str, &Caption> = BTreeMap::new();
    for caption in &captions.images {
        if !facts.contains_key(caption.item.as_str()) {
            host.log(LogLevel::Warning, &format!("{}: a text for no image of this run", caption.item));
        } else if texts.insert(&caption.item, caption).is_some() {
            host.log(LogLevel::Warning, &format!("{}: a second text; the last one counts", caption.item));
        }
    }
    let mut results = CaptionResults {
        language: wanted.language.tag().to_owned(),
        max_length: wanted.max_length as u64,
        images: Vec::new(),
    };
    let mut without = Vec::new();
    for entry in inventory.images {
        let mut image = CaptionedImage {
            item: entry.item,
            sha256: entry.sha256,
            size: entry.size,
            problem: entry.problem,
            notes: entry.notes,
            ..CaptionedImage::default()
        };
        if let Some(known) = facts.get(image.item.as_str()) {
            let checked = match texts.get(image.item.as_str()) {
                Some(caption) => check(caption, known, wanted),
                None => Err("nobody wrote a text for it".to_owned()),
            };
            image.preview = Some(known.file.preview.clone());
            image.facts = Some(json!({ "file": known.file, "measured": known.measured }));
            match checked {
                Ok(checked) => {
                    for word in &checked.unverified {
                        host.log(LogLevel::Warning, &format!("{}: “{word}” was not measured", image.item));
                    }
                    image.alt_text = Some(checked.caption.alt_text.clone());
                    image.confidence = Some(checked.confidence);
                    image.claims.clone_from(&checked.caption.claims);
                    image.unverified = checked.unverified;
                }
                Err(problem) => {
                    host.log(LogLevel::Error, &format!("{}: {problem}", image.item));
                    without.push(image.item.clone());
                    image.problem = Some(problem);
                }
            }
        } else if image.problem.is_none() {
            image.problem = Some("it could not be measured".to_owned());
        }
        results.images.push(image);
    }
    if !without.is_empty() {
        host.fell_short(&format!("{} images have no text that holds: {}", without.len(), without.join(", ")));
    }
    let described = results.images.iter().filter(|image| image.problem.is_none()).count();
    let summary = format!("{described} of {} images described", results.images.len());
    let table = csv(&results, &BTreeMap::new());
    let files =
        vec![OutputFile::text(RESULTS_FILE, pretty(&results)?), OutputFile::text("results.csv", table)];
    Ok(AgentOutput { files, summary })
}

/// A text that holds.
pub(crate) struct Checked<'a> {
    pub(crate) caption: &'a Caption,
    pub(crate) confidence: f64,
    pub(crate) unverified: Vec<String>,
}

/// Holds a text against its limits and against what was measured.
pub(crate) fn check<'a>(
    caption: &'a Caption,
    facts: &ImageFacts,
    wanted: Wanted,
) -> Result<Checked<'a>, String> {
    let text = &caption.alt_text;
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err("its text is empty".to_owned());
    }
    if length > wanted.max_length {
        return Err(format!("its text has {length} characters; at most {} are allowed", wanted.max_length));
    }
    if text.chars().any(char::is_control) {
        return Err("its text holds control characters".to_owned());
    }
    let unverified = unverified(text, facts);
    let mut confidence =
        caption.confidence.filter(|given| given.is_finite()).unwrap_or(WITHOUT_CLAIMS_MAX).clamp(0.0, 1.0);
    if caption.claims.is_empty() {
        confidence = confidence.min(WITHOUT_CLAIMS_MAX);
    }
    if !unverified.is_empty() {
        confidence = confidence.min(UNVERIFIED_MAX);
    }
    Ok(Checked { caption, confidence, unverified })
}

/// Words of colours and codes that no fact bears out. What is quoted from a code or from the file is not said by the text.
fn unverified(text: &str, facts: &ImageFacts) -> Vec<String> {
    let mut own = text.to_lowercase();
    let quoted = facts
        .measured
        .codes
        .iter()
        .map(|code| code.text.to_lowercase())
        .chain(facts.file.metadata.description.iter().map(|text| text.to_lowercase()));
    for quotation in quoted.filter(|quotation| !quotation.is_empty()) {
        own = own.replace(&quotation, " ");
    }
    // The beginning of a quotation that was cut.
    for (open, close) in [('“', '”'), ('„', '“')] {
        while let Some(from) = own.find(open)
            && let Some(to) = own[from + open.len_utf8()..].find(close)
        {
            let end = from + open.len_utf8() + to + close.len_utf8();
            own.replace_range(from..end, " ");
        }
    }
    let measured: BTreeSet<_> = facts.measured.colours.iter().map(|share| share.name).collect();
    let regions: BTreeSet<_> = facts.measured.layout.regions.iter().map(|region| region.colour).collect();
    let colours = colour_words();
    let mut unverified = Vec::new();
    for word in own.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let said = colours.iter().find(|(name, _)| is_form_of(word, name));
        let borne_out = said.is_none_or(|(_, by)| {
            by.iter().any(|colour| measured.contains(colour) || regions.contains(colour))
        });
        let is_code = word == "qr" && facts.measured.codes.is_empty();
        // What the name of a kind says is no colour.
        let is_kind = own.contains("black-and-white") || own.contains("schwarz-weiß");
        let of_kind = is_kind && matches!(word, "black" | "white" | "schwarz" | "weiß");
        if (!borne_out && !of_kind) || is_code {
            unverified.push(word.to_owned());
        }
    }
    unverified.sort();
    unverified.dedup();
    unverified
}

/// Whether a word is a colour, with a German ending or a `hell` or `dunkel` in front.
fn is_form_of(word: &str, name: &str) -> bool {
    let word =
        ["hell", "dunkel", "tief", "knall"].iter().find_map(|front| word.strip_prefix(front)).unwrap_or(word);
    word.strip_prefix(name).is_some_and(|end| {
        matches!(end, "" | "e" | "er" | "es" | "en" | "em" | "ish" | "lich" | "liche" | "licher" | "liches")
    })
}
