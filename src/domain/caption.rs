//! Texts for images: what a run of the `caption` pipeline hands on, what people decide about it, and the table of both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::time::Timestamp;

/// The file of a run in which its results stand.
pub const RESULTS_FILE: &str = "results.json";
/// The name of the event that says what somebody decided.
pub const DECIDED_EVENT: &str = "caption_decided";
/// The pipeline whose runs have such results.
pub const PIPELINE: &str = "caption";

/// What a run hands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptionResults {
    /// Language of the texts, `en` or `de`.
    pub language: String,
    /// Characters that a text may have.
    pub max_length: u64,
    /// Every image that was given, by name.
    pub images: Vec<CaptionedImage>,
}

/// One image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaptionedImage {
    /// Its name.
    pub item: String,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Why there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
    /// How sure it is, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// What the text says and on which fact that stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Words of the text that no fact bears out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// What is odd about the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The file of its small copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// What was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Value>,
}

/// A part of a text and the fact it stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The words.
    pub text: String,
    /// The fact, like `layout.halves_across`.
    pub fact: String,
    /// How sure the fact is, 0 to 1.
    pub trust: f64,
}

/// What somebody decided about the text of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The image.
    pub item: String,
    /// What.
    pub verdict: Verdict,
    /// The text that holds: none when it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The text is good.
    Approved,
    /// Another text is.
    Edited,
    /// Neither.
    Rejected,
}

impl Verdict {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
        }
    }
}

/// The results as a table, with what was decided.
pub fn csv(results: &CaptionResults, decisions: &BTreeMap<String, Decision>) -> String {
    let head = [
        "item",
        "status",
        "alt_text",
        "language",
        "confidence",
        "decision",
        "decided_by",
        "problem",
        "sha256",
    ];
    let mut table = row(head.map(str::to_owned));
    for image in &results.images {
        let decision = decisions.get(&image.item);
        let status = if image.problem.is_some() { "failed" } else { "described" };
        let text = match decision {
            Some(decision) => decision.text.clone(),
            None => image.alt_text.clone(),
        };
        table.push_str(&row([
            image.item.clone(),
            status.to_owned(),
            text.unwrap_or_default(),
            results.language.clone(),
            image.confidence.map(|confidence| format!("{confidence:.2}")).unwrap_or_default(),
            decision.map(|decision| decision.verdict.as_str().to_owned()).unwrap_or_default(),
            decision.map(|decision| decision.by.clone()).unwrap_or_default(),
            image.problem.clone().unwrap_or_default(),
            image.sha256.clone(),
        ]));
    }
    table
}

/// A line of a table (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe in front.
pub fn row<const CELLS: usize>(cells: [String; CELLS]) -> String {
    let cells = cells.map(|cell| {
        let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@', '|', '%'])
            || cell.starts_with(['\t', '\r', '\n']);
        let cell = if is_formula { format!("'{cell}") } else { cell };
        match cell.contains(['"', ',', ';', '\n', '\r', '\'']) || cell != cell.trim() {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        }
    });
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_holds_no_formulas_and_quotes_what_must_be() {
        let image = |item: &str, text: &str| CaptionedImage {
            item: item.to_owned(),
            alt_text: Some(text.to_owned()),
            confidence: Some(0.876),
            sha256: "ab".to_owned(),
            ..CaptionedImage::default()
        };
        let mut broken = image("=cmd|' /C calc'!A0.png", "");
        (broken.problem, broken.alt_text, broken.confidence) = (Some("cut, off".to_owned()), None, None);
        let images = vec![
            image("a.png", "QR code reading \"=1+1\", twice"),
            image("b.png", "=HYPERLINK(\"http://x\")"),
            image("c.png", " @SUM(A1)"),
            image("d.png", "never seen"),
            broken,
        ];
        let results = CaptionResults { language: "en".to_owned(), max_length: 125, images };
        let decided = Decision {
            item: "d.png".to_owned(),
            verdict: Verdict::Edited,
            text: Some("-2 degrees".to_owned()),
            reason: None,
            by: "ann".to_owned(),
            at: Timestamp(0),
        };
        let table = csv(&results, &BTreeMap::from([("d.png".to_owned(), decided)]));
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines[1], "a.png,described,\"QR code reading \"\"=1+1\"\", twice\",en,0.88,,,,ab");
        assert_eq!(lines[2], "b.png,described,\"'=HYPERLINK(\"\"http://x\"\")\",en,0.88,,,,ab");
        assert_eq!(lines[3], "c.png,described,\"' @SUM(A1)\",en,0.88,,,,ab");
        assert_eq!(lines[4], "d.png,described,\"'-2 degrees\",en,0.88,edited,ann,,ab");
        assert_eq!(lines[5], "\"'=cmd|' /C calc'!A0.png\",failed,,en,,,,\"cut, off\",ab");
    }
}
