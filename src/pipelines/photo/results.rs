//! What became of each file that was given: the results of a run, as JSON and as a table.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::darkroom::recipe::{Preset, Recipe};
use crate::domain::caption::row;
use crate::domain::photo::photo_id;
use crate::pipelines::{AgentError, AgentHost};

/// The file with the results.
pub const RESULTS: &str = "results.json";
/// The same as a table.
pub const TABLE: &str = "results.csv";
/// Names of broken files in one sentence.
const NAMED_MAX: usize = 8;

/// What became of the files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoResults {
    /// The preset that recipes began with.
    pub preset: Preset,
    /// Every file that was given, by name.
    pub photos: Vec<PhotoResult>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoResult {
    /// Its name.
    pub item: String,
    /// Of its content.
    pub sha256: String,
    /// In a word.
    pub status: PhotoStatus,
    /// Why it was not exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the file says of itself, and what was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Value>,
    /// Why it is the best of its burst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_of_burst: Option<String>,
    /// How it was developed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// A small picture without recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// A small picture as the developer's recipe makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Files that were made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ExportedFile>,
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Where it is.
    pub path: String,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes.
    pub size: u64,
}

/// What became of a file, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// It was developed, and files were made of it.
    Exported,
    /// It cannot be used.
    Failed,
    /// Another file has the same content.
    Duplicate,
    /// Another photo of its burst is better.
    LeftOut,
    /// A person turned it down.
    Rejected,
}

impl PhotoStatus {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Failed => "failed",
            Self::Duplicate => "duplicate",
            Self::LeftOut => "left_out",
            Self::Rejected => "rejected",
        }
    }
}

/// How far a session is when its photos are imported, and when they are measured: shares of the work of all agents.
pub(super) const IMPORTED_PERCENT: u64 = 8;
pub(super) const MEASURED_PERCENT: u64 = 43;

/// What is told of a photo in any case.
pub(super) fn told_of(item: &str, sha256: &str) -> Value {
    json!({ "photo_id": photo_id(sha256), "file_name": item })
}

/// Tells how far the session is.
pub(super) fn session_updated(host: &dyn AgentHost, percent: u64, counts: Value) {
    host.tell("session_updated", json!({ "progress_percent": percent, "counts": counts }));
}

/// The results as a table.
pub(super) fn table(results: &PhotoResults) -> String {
    let mut table = row(["item", "status", "reason", "recipe", "files", "sha256"].map(str::to_owned));
    for photo in &results.photos {
        let files: Vec<&str> = photo.files.iter().map(|file| file.path.as_str()).collect();
        table.push_str(&row([
            photo.item.clone(),
            photo.status.as_str().to_owned(),
            photo.reason.clone().unwrap_or_default(),
            photo.recipe.as_ref().map(Recipe::words).unwrap_or_default(),
            files.join(" "),
            photo.sha256.clone(),
        ]));
    }
    table
}

/// JSON as all agents here write it.
pub(super) fn pretty<T: Serialize>(value: &T) -> Result<String, AgentError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| AgentError::failed(format!("a file has no JSON form: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// Files and reasons in one sentence.
pub(super) fn named(broken: &[(&str, &str)]) -> String {
    let names: Vec<String> =
        broken.iter().take(NAMED_MAX).map(|(item, why)| format!("{item} ({why})")).collect();
    let more = broken.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more, see {RESULTS}") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
