//! What a file says of itself: EXIF and XMP. None of it was measured, so whoever repeats it says where it is from.

use exif::{Exif, In, Tag, Value};
use serde::{Deserialize, Serialize};

use crate::pictures::xmp::{DESCRIPTION, XMP_BYTES_MAX, element};

/// Characters of one text that are kept.
const TEXT_CHARS_MAX: usize = 500;

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Who made the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Which camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The lens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// When it was taken, as the camera's clock said: `2024-05-01 12:30:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    /// Time of exposure in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_s: Option<f64>,
    /// The f-number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// Sensitivity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// Focal length in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// Whether it says where it was taken. The place itself is not read.
    pub has_place: bool,
    /// A description that somebody wrote into the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The program that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Whether it carries a colour profile. Colours are measured as sRGB all the same.
    pub colour_profile: bool,
}

impl Metadata {
    /// Whether it speaks of an exposure by a camera.
    pub fn is_of_camera(&self) -> bool {
        let camera = self.make.is_some() || self.model.is_some();
        camera && (self.exposure_s.is_some() || self.f_number.is_some() || self.iso.is_some())
    }
}

/// Reads the raw EXIF and XMP of a file; what cannot be read is left out.
pub fn read(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Metadata {
    let mut metadata = Metadata::default();
    if let Some(exif) = exif.and_then(|raw| exif::Reader::new().read_raw(raw.to_vec()).ok()) {
        metadata.make = text(&exif, Tag::Make);
        metadata.model = text(&exif, Tag::Model);
        metadata.lens = text(&exif, Tag::LensModel);
        metadata.software = text(&exif, Tag::Software);
        metadata.taken_at = text(&exif, Tag::DateTimeOriginal).and_then(|text| date(&text));
        metadata.exposure_s = number(&exif, Tag::ExposureTime);
        metadata.f_number = number(&exif, Tag::FNumber);
        metadata.focal_length_mm = number(&exif, Tag::FocalLength);
        metadata.iso = exif
            .get_field(Tag::PhotographicSensitivity, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0));
        metadata.has_place = exif.get_field(Tag::GPSLatitude, In::PRIMARY).is_some();
        metadata.description = text(&exif, Tag::ImageDescription);
    }
    if let Some(described) = xmp.and_then(description_of_xmp) {
        metadata.description = Some(described);
    }
    metadata
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    clean(&String::from_utf8_lossy(parts.first()?))
}

fn number(exif: &Exif, tag: Tag) -> Option<f64> {
    let number = match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(values) => values.first()?.to_f64(),
        Value::SRational(values) => values.first()?.to_f64(),
        _ => return None,
    };
    (number.is_finite() && number > 0.0).then_some(number)
}

/// `2024:05:01 12:30:00` as it is written elsewhere.
fn date(text: &str) -> Option<String> {
    let (day, time) = text.split_once(' ')?;
    let is_date = day.len() == 10 && time.len() == 8 && text.starts_with(|c: char| c.is_ascii_digit());
    (is_date && !text.starts_with("0000")).then(|| format!("{} {time}", day.replace(':', "-")))
}

/// Whether a character shows nothing, or turns the direction of what stands around it.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// One line without what cannot be seen.
fn clean(text: &str) -> Option<String> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || is_unseen(c)).filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(TEXT_CHARS_MAX).collect();
    (!line.is_empty()).then_some(line)
}

/// The first `dc:description` of an XMP packet; none of one that is longer than what is read.
pub fn description_of_xmp(packet: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(packet).ok().filter(|text| text.len() <= XMP_BYTES_MAX)?;
    let inside = |text, name| Some(&text[element(text, name, 0).ok()??.inside]);
    let item: &str = inside(inside(text, DESCRIPTION)?, "rdf:li")?;
    clean(&unescape(item))
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&apos;", "'").replace("&amp;", "&")
}
