//! The home page: a form for a new project and the list of all.

use askama::Template;
use serde::Deserialize;

use crate::domain::ids::ProjectId;
use crate::domain::run::RunStatus;
use crate::surfaces::pages::{base, embedded, status_text};

/// What the home page shows.
#[derive(Debug)]
pub struct HomeView {
    projects: Vec<ListedProject>,
    initial: String,
}

#[derive(Debug, Deserialize)]
struct ListedProject {
    id: ProjectId,
    name: String,
    status: Option<RunStatus>,
}

impl ListedProject {
    fn status_text(&self) -> &'static str {
        status_text(self.status)
    }
}

impl HomeView {
    /// From what `GET /api/projects` answers.
    ///
    /// # Errors
    /// When it does not have that shape.
    pub fn from_json(projects_json: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Answer {
            projects: Vec<ListedProject>,
        }
        let Answer { projects } = serde_json::from_str(projects_json)?;
        Ok(Self { projects, initial: embedded(projects_json) })
    }
}

#[derive(Template)]
#[template(path = "pages/home.html")]
pub(super) struct Page<'a> {
    assets: &'static str,
    projects: &'a [ListedProject],
    initial: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn new(view: &'a HomeView) -> Self {
        Self { assets: base(), projects: &view.projects, initial: &view.initial }
    }
}
