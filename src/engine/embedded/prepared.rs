//! A batch as the writer wants it: everything that must be encoded is encoded already, on the caller's thread, so that
//! the one writer spends its time on the store alone.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::audit::AuditEntry;
use crate::domain::event::{EventBody, NewEvent, Reach};
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::retention::Upkeep;
use crate::engine::{Change, EngineError, KeptAnswer, SavedState};

/// One change, encoded.
pub(super) enum Prepared {
    CreateProject {
        id: ProjectId,
        created_at: Timestamp,
        record: String,
    },
    UpdateProject(Box<Project>),
    RemoveProject(ProjectId),
    InsertRun {
        run: RunRow,
        beside_active: bool,
    },
    UpdateRun {
        run: RunRow,
        expected_version: u64,
    },
    Append {
        room: ProjectId,
        events: Vec<PreparedEvent>,
    },
    KeepAnswer {
        key: String,
        answer: KeptAnswer,
        now: Timestamp,
    },
    Produce {
        room: ProjectId,
        producer: String,
        expected: Option<(u64, u64)>,
        newest: (u64, u64),
        now: Timestamp,
    },
    NoteOnce {
        name: String,
        value: String,
    },
    ForgetNotes {
        prefix: String,
    },
    Note {
        name: String,
        value: Option<String>,
    },
    Audit {
        id: AuditId,
        record: String,
    },
    SaveState {
        room: ProjectId,
        state: SavedState,
    },
    CutLog {
        room: ProjectId,
        through: u64,
    },
    ForgetFiles(RunId),
    Upkeep(Upkeep),
}

impl Prepared {
    /// Whether it keeps the store within its bounds, which is no part of how long an append takes.
    pub(super) fn is_upkeep(&self) -> bool {
        matches!(self, Prepared::CutLog { .. } | Prepared::ForgetFiles(_) | Prepared::Upkeep(_))
    }
}

/// An event without a number.
pub(super) struct PreparedEvent {
    pub(super) run_id: Option<RunId>,
    pub(super) body_json: Arc<str>,
    pub(super) reach: Reach,
}

/// A run: the columns that are searched and the record.
pub(super) struct RunRow {
    pub(super) id: RunId,
    pub(super) project_id: ProjectId,
    pub(super) pipeline: String,
    pub(super) status: RunStatus,
    pub(super) priority: i32,
    pub(super) created_at: Timestamp,
    pub(super) version: u64,
    pub(super) record: String,
}

/// Encodes a change.
pub(super) fn prepare(change: Change) -> Result<Prepared, EngineError> {
    Ok(match change {
        Change::CreateProject(project) => Prepared::CreateProject {
            id: project.id,
            created_at: project.created_at,
            record: json(&project)?,
        },
        Change::UpdateProject(project) => Prepared::UpdateProject(Box::new(project)),
        Change::RemoveProject(id) => Prepared::RemoveProject(id),
        Change::InsertRun { run, beside_active } => Prepared::InsertRun { run: row(run)?, beside_active },
        Change::UpdateRun { mut run, expected_version } => {
            run.version = expected_version + 1;
            Prepared::UpdateRun { run: row(run)?, expected_version }
        }
        Change::Append { room, events } => {
            Prepared::Append { room, events: events.iter().map(event).collect::<Result<_, _>>()? }
        }
        Change::KeepAnswer { key, answer, now } => Prepared::KeepAnswer { key, answer, now },
        Change::Produce { room, producer, expected, newest, now } => {
            Prepared::Produce { room, producer, expected, newest, now }
        }
        Change::Note { name, value } => Prepared::Note { name, value },
        Change::Audit(entry) => Prepared::Audit { id: entry.id, record: json::<AuditEntry>(&entry)? },
        Change::NoteOnce { name, value } => Prepared::NoteOnce { name, value },
        Change::ForgetNotes { prefix } => Prepared::ForgetNotes { prefix },
        Change::SaveState { room, state } => Prepared::SaveState { room, state },
        Change::CutLog { room, through } => Prepared::CutLog { room, through },
        Change::ForgetFiles(run) => Prepared::ForgetFiles(run),
        Change::Upkeep(upkeep) => Prepared::Upkeep(upkeep),
    })
}

fn row(run: Run) -> Result<RunRow, EngineError> {
    let record = json(&run)?;
    Ok(RunRow {
        id: run.id,
        project_id: run.project_id,
        pipeline: run.pipeline,
        status: run.status,
        priority: run.priority,
        created_at: run.created_at,
        version: run.version,
        record,
    })
}

fn event(event: &NewEvent) -> Result<PreparedEvent, EngineError> {
    // Of what belongs to no run nothing can be told outside its room.
    let reach = event.run_id.map_or(Reach::Room, |_| event.body.reach());
    Ok(PreparedEvent { run_id: event.run_id, body_json: json::<EventBody>(&event.body)?.into(), reach })
}

fn json<T: Serialize>(value: &T) -> Result<String, EngineError> {
    serde_json::to_string(value).map_err(|error| EngineError::Storage(format!("cannot be encoded: {error}")))
}
