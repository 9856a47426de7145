//! What projects, runs and lines look like over REST; PROTOCOL section 2.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{AgentStatus, ManifestFile, Project, Run, RunAgent, TokenUsage};
use crate::service::control::RunView;
use crate::service::files::{FilesOf, ProjectFile, has_files};
use crate::service::projects::ProjectView;

/// What stays as it is in a segment of a path: the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a project is.
pub fn project_path(id: ProjectId) -> String {
    format!("/api/projects/{id}")
}

/// Where a run is.
pub fn run_path(id: RunId) -> String {
    format!("/api/runs/{id}")
}

/// Where a project's socket is.
pub fn socket_path(id: ProjectId) -> String {
    format!("/api/ws/projects/{id}")
}

/// A project without its state.
pub fn project(project: &Project, ws_url: &str) -> Value {
    let path = project_path(project.id);
    json!({
        "id": project.id,
        "name": project.name,
        "brief": project.brief,
        "pipeline": project.pipeline,
        "params": project.params,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "ws_url": ws_url,
        "files_url": format!("{path}/files"),
        "archive_url": format!("{path}/archive.zip"),
    })
}

/// A project with its state. The state is encoded already, once per position, so it is spliced in.
pub fn project_view(view: &ProjectView, ws_url: &str) -> String {
    let mut document = project(&view.project, ws_url);
    let agents: Vec<Value> = (1..)
        .zip(&view.agents)
        .map(|(index, agent)| json!({ "agent": agent.agent, "title": agent.title, "index": index }))
        .collect();
    document["agents"] = Value::Array(agents);
    document["position"] = Value::String(view.room.position.to_string());
    let mut text = document.to_string();
    text.pop();
    text.push_str(r#","state":"#);
    text.push_str(&view.room.state_json);
    text.push('}');
    text
}

/// A project in a list.
pub fn project_line(project: &Project, run: Option<&Run>) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "brief": project.brief,
        "pipeline": project.pipeline,
        "status": run.map(|run| run.status),
        "progress": run.map_or(0.0, |run| run.progress),
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "run_id": run.map(|run| run.id),
    })
}

/// A run.
pub fn run(run: &Run) -> Value {
    let agents: Vec<Value> = (1..)
        .zip(&run.agents)
        .map(|(index, agent)| {
            json!({
                "agent": agent.agent,
                "title": agent.title,
                "index": index,
                "status": agent.status,
                "summary": agent.summary,
                "started_at": agent.started_at,
                "duration_ms": agent.duration_ms,
                "failed_tries": agent.failed_tries,
                "answer": agent.answer,
                "files": agent.output.as_ref().map_or(0, |output| output.files.len()),
                "preview_url": shown(run, agent).map(|(of, preview)| preview_url(of, preview)),
                "usage": agent.usage.map(usage),
            })
        })
        .collect();
    let path = run_path(run.id);
    let has_files = has_files(run);
    let until = run.started_at.unwrap_or_else(|| run.ended_at.unwrap_or(run.created_at));
    json!({
        "id": run.id,
        "project_id": run.project_id,
        "pipeline": run.pipeline,
        "brief": run.brief,
        "params": run.params,
        "priority": run.priority,
        "lane": run.control.lane,
        "caller": run.control.caller,
        "status": run.status,
        "progress": run.progress,
        "message": run.message,
        "agents": agents,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "cancel_requested_at": run.cancel_requested_at,
        "queued_ms": until.since(run.created_at),
        "duration_ms": run.ended_at.map(|ended| match run.started_at {
            Some(_) => run.worked_ms(ended),
            None => ended.since(run.created_at),
        }),
        "paused": run.control.paused,
        "gate": run.control.gate,
        "halted_ms": run.control.halted_ms,
        "error": run.error,
        "evidence": run.evidence,
        "crash_attempts": run.crash_attempts,
        "retry_of": run.retry_of,
        "files_url": format!("{path}/files"),
        "archive_url": has_files.then(|| format!("{path}/archive.zip")),
        "usage": run.usage().map(usage),
        "worker": run.control.worker,
    })
}

/// What models have used.
fn usage(usage: TokenUsage) -> Value {
    // Sums of fractions have an end that nobody set as a price.
    let rounded = |cost: f64| (cost * 1e9).round() / 1e9;
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens(),
        "cost": usage.cost.map(rounded),
    })
}

/// A run with its place in the queue and what a person is asked.
pub fn run_view(view: &RunView) -> Value {
    let mut document = run(&view.run);
    if let Some((position, starts_in)) = view.place {
        document["position_in_queue"] = json!(position);
        document["starts_in"] = json!(starts_in);
    }
    if document["gate"].is_object() {
        document["gate"]["files"] = json!(view.gate_files);
    }
    document
}

/// Where a file is.
fn file_url(of: FilesOf, path: &str) -> String {
    let owner = match of {
        FilesOf::Project(project) => project_path(project),
        FilesOf::Run(run) => run_path(run),
    };
    format!("{owner}/files/{}", encoded_path(path))
}

/// A path as it stands in an address.
pub(super) fn encoded_path(path: &str) -> String {
    let segments: Vec<String> =
        path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
    segments.join("/")
}

/// What an agent that works shows of what it makes, or showed last before the run ended without it, and whose file that is:
/// a later run of the project has others.
fn shown<'a>(run: &Run, agent: &'a RunAgent) -> Option<(FilesOf, &'a ManifestFile)> {
    let preview = agent.preview.as_ref()?;
    match run.status.is_terminal() {
        true => Some((FilesOf::Run(run.id), preview)),
        false if agent.status.is_some_and(AgentStatus::is_ended) => None,
        false => Some((FilesOf::Project(run.project_id), preview)),
    }
}

/// The newest picture of what an agent is making, for who comes later. The address changes with the picture.
fn preview_url(of: FilesOf, preview: &ManifestFile) -> String {
    let version: String = preview.sha256.chars().take(12).collect();
    format!("{}?v={version}", file_url(of, &preview.path))
}

/// A file in a list.
pub fn file(of: FilesOf, file: &ProjectFile) -> Value {
    json!({
        "path": file.path,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "url": file_url(of, &file.path),
        "agent": file.agent,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::broker::RoomView;
    use crate::domain::fold::RoomState;
    use crate::domain::position::{Epoch, Position};
    use crate::domain::time::Timestamp;
    use crate::service::catalog::CatalogAgent;

    fn a_project() -> Project {
        Project {
            id: "0190a000-0000-7000-8000-000000000001".parse().unwrap(),
            name: "Books".into(),
            brief: "books".into(),
            pipeline: "app".into(),
            params: serde_json::Map::new(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn the_state_is_spliced_in() {
        let state = RoomState::default();
        let view = ProjectView {
            project: a_project(),
            agents: vec![CatalogAgent { agent: "intake".into(), title: "Intake".into() }],
            room: RoomView {
                state_json: serde_json::to_string(&state).unwrap().into(),
                state: Arc::new(state.clone()),
                position: Position { epoch: Epoch(1), seq: 0 },
            },
        };
        let document: Value = serde_json::from_str(&project_view(&view, "ws://x/y")).unwrap();
        assert_eq!(document["state"], serde_json::to_value(&state).unwrap());
        assert_eq!(document["agents"], json!([{ "agent": "intake", "title": "Intake", "index": 1 }]));
        assert_eq!(document["position"], "00000001-0");
        assert_eq!(document["ws_url"], "ws://x/y");
    }

    #[test]
    fn a_preview_has_an_address_that_changes_with_it() {
        let sha256 = "0123456789abcdef".to_owned();
        let preview = ManifestFile { path: "a b/1.png".into(), sha256, size: 1 };
        let id = a_project().id;
        let url = preview_url(FilesOf::Project(id), &preview);
        assert_eq!(url, format!("/api/projects/{id}/files/a%20b/1.png?v=0123456789ab"));
    }

    #[test]
    fn paths_of_files_are_escaped_in_addresses() {
        let id = a_project().id;
        let shown = file(
            FilesOf::Project(id),
            &ProjectFile {
                path: "a b/ü#?.html".into(),
                media_type: "text/html".into(),
                size: 1,
                sha256: String::new(),
                agent: None,
            },
        );
        assert_eq!(shown["url"], format!("/api/projects/{id}/files/a%20b/%C3%BC%23%3F.html"));
    }
}
