//! The pages of texts for images: where a person looks them over, and where a new set begins.

use askama::Template;
use serde::Deserialize;

use crate::domain::ids::ProjectId;
use crate::surfaces::pages::{base, embedded};

/// What the page shows before its script has asked for more.
#[derive(Debug)]
pub(super) struct ReviewView {
    project: Answer,
    initial: String,
    read_only: bool,
}

#[derive(Debug, Deserialize)]
struct Answer {
    id: ProjectId,
    name: String,
    pipeline: String,
}

impl ReviewView {
    /// From what `GET /api/projects/{id}` answers.
    pub(super) fn from_json(project_json: &str, read_only: bool) -> Result<Self, serde_json::Error> {
        Ok(Self { project: serde_json::from_str(project_json)?, initial: embedded(project_json), read_only })
    }

    /// Whether the project has texts for images at all.
    pub(super) fn is_of_captions(&self) -> bool {
        self.project.pipeline == crate::domain::caption::PIPELINE
    }
}

#[derive(Template)]
#[template(path = "pages/review.html")]
pub(super) struct Page<'a> {
    assets: &'static str,
    id: ProjectId,
    name: &'a str,
    initial: &'a str,
    read_only: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(view: &'a ReviewView) -> Self {
        let ReviewView { project, initial, read_only } = view;
        Self { assets: base(), id: project.id, name: &project.name, initial, read_only: *read_only }
    }
}

#[derive(Template)]
#[template(path = "pages/captions.html")]
pub(super) struct NewPage {
    assets: &'static str,
}

impl NewPage {
    pub(super) fn new() -> Self {
        Self { assets: base() }
    }
}
