//! The page of a project: everything that is known at this moment stands in it, and it goes on live from there.

use askama::Template;
use serde::Deserialize;

use crate::domain::fold::{AgentState, RoomState};
use crate::domain::ids::ProjectId;
use crate::domain::run::AgentStatus;
use crate::surfaces::pages::{base, embedded, status_text, tone};

/// What the page of a project shows.
#[derive(Debug)]
pub struct ProjectView {
    project: Answer,
    initial: String,
    read_only: bool,
}

/// As much of the answer of `GET /api/projects/{id}` as stands in the page itself.
#[derive(Debug, Deserialize)]
struct Answer {
    id: ProjectId,
    name: String,
    brief: String,
    #[serde(default)]
    pipeline: String,
    agents: Vec<PipelineAgent>,
    state: RoomState,
    archive_url: String,
}

#[derive(Debug, Deserialize)]
struct PipelineAgent {
    title: String,
    index: u32,
}

impl ProjectView {
    /// From what `GET /api/projects/{id}` answers.
    ///
    /// # Errors
    /// When it does not have that shape.
    pub fn from_json(project_json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            project: serde_json::from_str(project_json)?,
            initial: embedded(project_json),
            read_only: false,
        })
    }

    /// The same for somebody who only reads, when `read_only`: what changes something is not offered.
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }
}

#[derive(Template)]
#[template(path = "pages/project.html")]
pub(super) struct Page<'a> {
    assets: &'static str,
    id: ProjectId,
    name: &'a str,
    brief: &'a str,
    status: &'static str,
    tone: &'static str,
    message: &'a str,
    progress: u32,
    agents: Vec<AgentRow<'a>>,
    files: u64,
    archive_url: Option<&'a str>,
    initial: &'a str,
    read_only: bool,
    is_of_captions: bool,
}

/// A line of the agents rail.
struct AgentRow<'a> {
    index: u32,
    title: &'a str,
    message: &'a str,
    tone: &'static str,
    progress: u32,
}

impl<'a> Page<'a> {
    pub(super) fn new(view: &'a ProjectView) -> Self {
        let Answer { id, name, brief, pipeline, agents, state, archive_url } = &view.project;
        let heard = |index: u32| state.agents.iter().find(|agent| agent.index == index);
        Self {
            assets: base(),
            id: *id,
            name,
            brief,
            status: status_text(state.status),
            tone: tone(state.status),
            message: &state.message,
            progress: percent(state.progress),
            agents: agents.iter().map(|agent| AgentRow::new(agent, heard(agent.index))).collect(),
            files: state.artifacts_total,
            archive_url: (state.artifacts_total > 0).then_some(archive_url),
            initial: &view.initial,
            read_only: view.read_only,
            is_of_captions: pipeline == crate::domain::caption::PIPELINE,
        }
    }
}

impl<'a> AgentRow<'a> {
    fn new(agent: &'a PipelineAgent, heard: Option<&'a AgentState>) -> Self {
        Self {
            index: agent.index,
            title: &agent.title,
            message: heard.map_or("", |heard| &heard.message),
            tone: match heard.map(|heard| heard.status) {
                None => "wait",
                Some(AgentStatus::Started | AgentStatus::Progress) => "standby",
                Some(AgentStatus::Completed | AgentStatus::Reused) => "go",
                Some(AgentStatus::Failed) => "stop",
                Some(AgentStatus::Skipped) => "off",
            },
            progress: heard.map_or(0, |heard| percent(heard.progress)),
        }
    }
}

/// A whole number to show. Rounded down: 99.9 % is not finished.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and 100 after the clamp"
)]
fn percent(progress: f64) -> u32 {
    progress.clamp(0.0, 100.0) as u32
}
