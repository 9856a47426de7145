//! The last agent: holds every text against facts and limits, whoever wrote it, and hands on the results.

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::caption::{CaptionResults, CaptionedImage, Claim, RESULTS_FILE, csv};
use crate::domain::event::LogLevel;
use crate::pictures::metadata::is_unseen;
use crate::pipelines::caption::Wanted;
use crate::pipelines::caption::borne_out::unverified;
use crate::pipelines::caption::decoder::{INVENTORY, Inventory, pretty};
use crate::pipelines::caption::facts::{AllFacts, FACTS, ImageFacts};
use crate::pipelines::caption::writer::{self, CAPTIONS, Caption, Captions};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// A text with words that no fact bears out is at most this sure.
const UNVERIFIED_MAX: f64 = 0.3;
/// Images that are named when none has a text.
const NAMED_MAX: usize = 5;
/// A text that says more than the claims that were measured is at most this sure: most of it cannot be checked.
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
                    if checked.claims_dropped > 0 {
                        let (item, count) = (&image.item, checked.claims_dropped);
                        host.log(LogLevel::Warning, &format!("{item}: {count} claims stand on no fact"));
                    }
                    image.alt_text = Some(checked.text.to_owned());
                    image.confidence = Some(checked.confidence);
                    image.claims = checked.claims;
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
    let described = results.images.iter().filter(|image| image.problem.is_none()).count();
    if described == 0 {
        let problem = |image: &CaptionedImage| {
            format!("{} ({})", image.item, image.problem.as_deref().unwrap_or_default())
        };
        let problems: Vec<String> = results.images.iter().take(NAMED_MAX).map(problem).collect();
        let count = results.images.len();
        let message = format!("none of {count} images has a text that holds: {}", problems.join(", "));
        return Err(AgentError::failed(message));
    }
    if !without.is_empty() {
        host.fell_short(&format!("{} images have no text that holds: {}", without.len(), without.join(", ")));
    }
    let summary = format!("{described} of {} images described", results.images.len());
    let table = csv(&results, &BTreeMap::new());
    let files =
        vec![OutputFile::text(RESULTS_FILE, pretty(&results)?), OutputFile::text("results.csv", table)];
    Ok(AgentOutput { files, summary })
}

/// A text that holds.
pub(crate) struct Checked<'a> {
    pub(crate) text: &'a str,
    pub(crate) confidence: f64,
    /// Those of its claims that were measured.
    pub(crate) claims: Vec<Claim>,
    /// How many were not.
    pub(crate) claims_dropped: usize,
    pub(crate) unverified: Vec<String>,
}

/// Holds a text against its limits and against what was measured.
pub(crate) fn check<'a>(
    caption: &'a Caption,
    facts: &ImageFacts,
    wanted: Wanted,
) -> Result<Checked<'a>, String> {
    let text = caption.alt_text.as_str();
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err("its text is empty".to_owned());
    }
    if length > wanted.max_length {
        return Err(format!("its text has {length} characters; at most {} are allowed", wanted.max_length));
    }
    if text.chars().any(is_unseen) {
        return Err("its text holds characters that show nothing".to_owned());
    }
    // Whoever wrote it: a claim counts when the program could have made it, with the trust that the program has in it.
    let known = writer::claims(facts, wanted);
    let measured = |claim: &Claim| {
        let same = known.iter().find(|known| known.text == claim.text && known.fact == claim.fact);
        same.filter(|same| text.contains(&same.text)).cloned()
    };
    let claims: Vec<Claim> = caption.claims.iter().filter_map(measured).collect();
    let claims_dropped = caption.claims.len() - claims.len();
    let says_more = !is_all(text, &claims);
    let unverified = if says_more { unverified(text, facts) } else { Vec::new() };
    let given = caption.confidence.filter(|given| given.is_finite());
    let mut confidence = given.unwrap_or(WITHOUT_CLAIMS_MAX).clamp(0.0, 1.0);
    confidence = claims.iter().map(|claim| claim.trust).fold(confidence, f64::min);
    if says_more {
        confidence = confidence.min(WITHOUT_CLAIMS_MAX);
    }
    if !unverified.is_empty() {
        confidence = confidence.min(UNVERIFIED_MAX);
    }
    Ok(Checked { text, confidence, claims, claims_dropped, unverified })
}

/// Whether claims, with what joins them, are all that a text says.
fn is_all(text: &str, claims: &[Claim]) -> bool {
    let mut rest = text;
    for (number, claim) in claims.iter().enumerate() {
        let joint = ["", ": ", ", "][number.min(2)];
        let Some(behind) = rest.strip_prefix(joint).and_then(|rest| rest.strip_prefix(claim.text.as_str()))
        else {
            return false;
        };
        rest = behind;
    }
    !claims.is_empty() && rest == "."
}
