//! The third agent: a text of each image. A text is put together from parts, each of which stands on one fact; the most
//! telling parts come first, and those that do not fit any more are left out. There is no part without a fact.

use serde::{Deserialize, Serialize};

use crate::domain::caption::Claim;
use crate::pictures::class::Class;
use crate::pictures::metadata::is_unseen;
use crate::pictures::sharpness::Level;
use crate::pipelines::caption::Wanted;
use crate::pipelines::caption::decoder::pretty;
use crate::pipelines::caption::facts::{AllFacts, FACTS, ImageFacts};
use crate::pipelines::caption::words::Language;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The file in which the texts stand.
pub(crate) const CAPTIONS: &str = "captions.json";
/// A colour is named when so much of the picture has it.
const COLOUR_SHARE_MIN: f64 = 0.08;
/// What is less sure is not said.
const TRUST_MIN: f64 = 0.55;
/// Regions that are said.
const REGIONS_MAX: usize = 3;
/// A quotation is cut to no less than this.
pub(super) const QUOTED_MIN: usize = 8;
/// Stands behind a quotation that was cut.
pub(super) const CUT: char = '…';

/// The texts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Captions {
    /// One per image.
    pub(crate) images: Vec<Caption>,
}

/// The text of an image. A model need not say more than `item` and `alt_text`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Caption {
    /// The image.
    pub(crate) item: String,
    /// The text.
    pub(crate) alt_text: String,
    /// How sure it is, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<f64>,
    /// What it stands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<Claim>,
}

pub(crate) fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let facts: AllFacts = inputs.files.json(FACTS)?;
    let wanted = Wanted::of(inputs);
    let mut captions = Captions::default();
    for image in &facts.images {
        host.check()?;
        captions.images.push(write(image, wanted));
    }
    let count = captions.images.len();
    let longest = captions.images.iter().map(|caption| caption.alt_text.chars().count()).max().unwrap_or(0);
    let summary = format!("{count} texts, the longest of {longest} of {} characters", wanted.max_length);
    Ok(AgentOutput { files: vec![OutputFile::text(CAPTIONS, pretty(&captions)?)], summary })
}

/// A part of a text.
struct Part {
    words: String,
    fact: &'static str,
    trust: f64,
}

/// The text of one image.
pub(crate) fn write(image: &ImageFacts, wanted: Wanted) -> Caption {
    let (lead, parts) = parts(image, wanted);
    let mut claims = vec![claim(&lead)];
    let mut text = lead.words;
    for part in parts.into_iter().filter(|part| part.trust >= TRUST_MIN) {
        let joint = if claims.len() == 1 { ": " } else { ", " };
        if part.words.chars().count() <= room(&text, wanted) {
            text.push_str(joint);
            text.push_str(&part.words);
            claims.push(claim(&part));
        }
    }
    text.push('.');
    let confidence = claims.iter().map(|claim| claim.trust).fold(1.0, f64::min);
    Caption { item: image.item.clone(), alt_text: text, confidence: Some(hundredths(confidence)), claims }
}

/// All that can be claimed of an image, whether there is room for it or not.
pub(super) fn claims(image: &ImageFacts, wanted: Wanted) -> Vec<Claim> {
    let (lead, parts) = parts(image, wanted);
    std::iter::once(&lead).chain(parts.iter().filter(|part| part.trust >= TRUST_MIN)).map(claim).collect()
}

/// Characters that a part may have behind a text: it takes a joint of two in front, and a full stop at the end.
fn room(text: &str, wanted: Wanted) -> usize {
    wanted.max_length.saturating_sub(text.chars().count() + 3)
}

fn claim(part: &Part) -> Claim {
    Claim { text: part.words.clone(), fact: part.fact.to_owned(), trust: hundredths(part.trust) }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What can be said, the first part always.
fn parts(image: &ImageFacts, wanted: Wanted) -> (Part, Vec<Part>) {
    let (language, measured) = (wanted.language, &image.measured);
    let (class, layout) = (&measured.class, &measured.layout);
    let is_colourless = measured.tone.as_ref().is_some_and(|tone| tone.is_colourless());
    let is_sure = class.trust >= TRUST_MIN;
    let kind = if is_sure { class.class } else { Class::Unknown };
    let trust = if kind == Class::Unknown { 1.0 } else { class.trust };
    let lead = match kind {
        Class::Code => language.codes(measured.codes.len()),
        kind => language.class(kind, is_colourless),
    };
    let lead = Part { words: lead.to_owned(), fact: "class", trust };
    let mut parts = Vec::new();
    let mut say = |words: String, fact: &'static str, trust: f64| parts.push(Part { words, fact, trust });
    if let Some(colour) = layout.uniform {
        let colour = language.colour_noun(colour);
        let before = format!("{}: {colour}", lead.words);
        say(colour, "layout.uniform", 0.99);
        if let Some(words) = codes(image, language, kind, room(&before, wanted)) {
            say(words, "codes", 0.99);
        }
        return (lead, parts);
    }
    if let Some(words) = codes(image, language, kind, room(&lead.words, wanted)) {
        say(words, "codes", 0.99);
    }
    if kind == Class::Code {
        return (lead, parts);
    }
    let mut colours_said = false;
    if kind == Class::Document {
        // How many there are depends on what counts as one, so that is not said.
        let words = language.pick("lines that look like writing", "Zeilen, die wie Schrift aussehen");
        say(words.to_owned(), "class.texture.lines", class.trust);
    } else if let Some((words, fact)) = arrangement(image, language) {
        say(words, fact, 0.95);
        colours_said = true;
    }
    if !colours_said && let Some((words, trust)) = colours(image, language) {
        say(words, "colours", trust);
    }
    if layout.transparent >= 0.02 {
        say(
            language.pick("partly transparent", "teilweise durchsichtig").to_owned(),
            "layout.transparent",
            0.99,
        );
    }
    if image.file.animated {
        say(
            language
                .pick("animated, first frame described", "animiert, erstes Einzelbild beschrieben")
                .to_owned(),
            "file.animated",
            0.99,
        );
    }
    if matches!(kind, Class::Photo | Class::Unknown) {
        if let (Some(tone), Some(brightness)) = (&measured.tone, measured.brightness)
            && let Some(word) = language.brightness(brightness)
        {
            say(word.to_owned(), "brightness", tone.brightness_trust());
        }
        if kind == Class::Photo && measured.sharpness.level == Level::Blurred {
            let trust = (0.6 + (measured.sharpness.blur - 0.65)).min(0.9);
            say(language.pick("blurred", "unscharf").to_owned(), "sharpness", trust);
        }
        let (width, height) = (image.file.width, image.file.height);
        let format = match width.cmp(&height) {
            std::cmp::Ordering::Greater => language.pick("landscape format", "Querformat"),
            std::cmp::Ordering::Less => language.pick("portrait format", "Hochformat"),
            std::cmp::Ordering::Equal => language.pick("square format", "quadratisches Format"),
        };
        say(format.to_owned(), "file.width", 0.99);
    }
    if let Some(described) = &image.file.metadata.description {
        let words = match language {
            Language::English => format!("its file says {}", language.quoted(described)),
            Language::German => format!("die Datei sagt {}", language.quoted(described)),
        };
        say(words, "file.metadata.description", 0.7);
    }
    (lead, parts)
}

/// What decoded codes say, in so many characters: the whole of the first one's text, or its beginning, or that there is one.
/// How many there are is not said: there may be some that were not decoded.
fn codes(image: &ImageFacts, language: Language, kind: Class, room: usize) -> Option<String> {
    let codes = &image.measured.codes;
    let text: String = codes.first()?.text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    let text = text.trim();
    // A text about a code begins with that.
    let name = (kind != Class::Code).then(|| language.codes(codes.len()).to_owned());
    let (before, whole, cut) = match (language, &name, codes.len() > 1) {
        (Language::English, None, false) => (String::new(), "reads ", "begins with "),
        (Language::English, None, true) => ("one ".to_owned(), "reads ", "begins with "),
        (Language::English, Some(name), false) => (format!("{name} that "), "reads ", "begins with "),
        (Language::English, Some(name), true) => (format!("{name}, one "), "reads ", "begins with "),
        (Language::German, None, false) => (String::new(), "Inhalt ", "beginnt mit "),
        (Language::German, None, true) => ("einer ".to_owned(), "mit Inhalt ", "beginnt mit "),
        (Language::German, Some(name), false) => (format!("{name} "), "mit Inhalt ", "beginnt mit "),
        (Language::German, Some(name), true) => (format!("{name}, einer "), "mit Inhalt ", "beginnt mit "),
    };
    let length = |words: &str| words.chars().count();
    let all = format!("{before}{whole}{}", language.quoted(text));
    let left = room.saturating_sub(length(&format!("{before}{cut}{}", language.quoted(""))) + 1);
    match text.is_empty() {
        false if length(&all) <= room => Some(all),
        false if left >= QUOTED_MIN => {
            let beginning: String = text.chars().take(left).chain([CUT]).collect();
            Some(format!("{before}{cut}{}", language.quoted(&beginning)))
        }
        _ => name,
    }
}

/// How a picture is laid out, where that has an order.
fn arrangement(image: &ImageFacts, language: Language) -> Option<(String, &'static str)> {
    let layout = &image.measured.layout;
    let halves = |words: [&str; 2], colours: [_; 2]| {
        format!("{} {}, {} {}", words[0], language.colour(colours[0]), words[1], language.colour(colours[1]))
    };
    if let Some(colours) = layout.halves_across {
        let words =
            [language.pick("left half", "linke Hälfte"), language.pick("right half", "rechte Hälfte")];
        return Some((halves(words, colours), "layout.halves_across"));
    }
    if let Some(colours) = layout.halves_down {
        let words =
            [language.pick("upper half", "obere Hälfte"), language.pick("lower half", "untere Hälfte")];
        return Some((halves(words, colours), "layout.halves_down"));
    }
    let is_drawn = matches!(image.measured.class.class, Class::Graphic);
    let few = (1..=REGIONS_MAX).contains(&layout.region_count);
    let background = layout.background.filter(|_| is_drawn && few)?;
    if layout.framed {
        let (inside, frame) =
            (language.colour_noun(layout.regions[0].colour), language.colour_noun(background));
        let words = match language {
            Language::English => format!("{inside} with a {frame} frame"),
            Language::German => format!("{inside} mit Rahmen in {frame}"),
        };
        return Some((words, "layout.framed"));
    }
    let regions: Vec<String> = layout
        .regions
        .iter()
        .map(|region| language.region(region.shape, region.colour, region.position))
        .collect();
    let ground = match language {
        Language::English => format!("on a {} background", language.colour(background)),
        Language::German => format!("Hintergrund {}", language.colour(background)),
    };
    let joint = language.pick(" ", ", ");
    Some((format!("{}{joint}{ground}", language.list(&regions)), "layout.regions"))
}

/// The colours it has most of.
fn colours(image: &ImageFacts, language: Language) -> Option<(String, f64)> {
    let named: Vec<_> =
        image.measured.colours.iter().filter(|share| share.share >= COLOUR_SHARE_MIN).take(3).collect();
    let sum: f64 = named.iter().map(|share| share.share).sum();
    if named.is_empty() {
        return None;
    }
    let names: Vec<String> = named.iter().map(|share| language.colour_noun(share.name)).collect();
    // Less than that is not what the picture mainly is.
    let begin = match sum >= 0.6 {
        true => language.pick("mainly ", "vor allem "),
        false => language.pick("among its colours ", "unter den Farben "),
    };
    Some((format!("{begin}{}", language.list(&names)), (0.6 + sum * 0.4).min(0.98)))
}
