//! What each change does to the tables.

use rusqlite::{Connection, OptionalExtension, params};

use uuid::Uuid;

use crate::clock::random_bytes;
use crate::domain::event::{LoggedEvent, Reach};
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{Project, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::embedded::heads::{Head, Heads};
use crate::engine::embedded::prepared::{Prepared, PreparedEvent, RunRow};
use crate::engine::embedded::rows::{self, integer, natural};
use crate::engine::embedded::upkeep;
use crate::engine::producers::{ANSWERS_MAX, FORGOTTEN_AFTER_MS, PRODUCERS_PER_ROOM_MAX};
use crate::engine::retention::Kept;
use crate::engine::{AUDIT_ENTRIES_MAX, EngineError, KeptAnswer, SavedState};

/// Expired answers that one kept answer clears away, so that the table shrinks without a long pause.
const EXPIRED_ANSWERS_PER_KEEP: i64 = 16;
/// Producers that were not heard for long and that one new one clears away.
const FORGOTTEN_PER_NEW_ONE: i64 = 16;

/// Why a batch was not done.
pub(super) enum Failure {
    /// The batch asks for what may not be; the store is well.
    Refused(EngineError),
    /// The store failed; nothing of the transaction can be relied on.
    Store(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Refused(error)
    }
}

/// What there is to say once a batch is durable, in order.
pub(super) enum News {
    /// Events were appended.
    Appended { room: ProjectId, epoch: Epoch, events: Vec<LoggedEvent> },
    /// A log begins later now.
    Cut { room: ProjectId, first: u64 },
    /// A room is gone.
    Removed(ProjectId),
    /// The order of the house goes up to here.
    Grown(u64),
}

/// What a batch came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) positions: Vec<Position>,
    pub(super) news: Vec<News>,
    pub(super) kept: Kept,
}

/// Does the changes of one batch within the transaction that is open.
pub(super) fn apply(
    connection: &Connection,
    heads: &mut Heads,
    at: Timestamp,
    changes: &[Prepared],
) -> Result<Outcome, Failure> {
    let mut work = Work { connection, heads, at, outcome: Outcome::default() };
    for change in changes {
        work.apply(change)?;
    }
    Ok(work.outcome)
}

struct Work<'a> {
    connection: &'a Connection,
    heads: &'a mut Heads,
    at: Timestamp,
    outcome: Outcome,
}

impl Work<'_> {
    fn apply(&mut self, change: &Prepared) -> Result<(), Failure> {
        match change {
            Prepared::CreateProject { id, created_at, record } => {
                self.create_project(*id, *created_at, record)
            }
            Prepared::UpdateProject(project) => self.update_project(project),
            Prepared::RemoveProject(id) => self.remove_project(*id),
            Prepared::InsertRun { run, beside_active } => self.insert_run(run, *beside_active),
            Prepared::UpdateRun { run, expected_version } => self.update_run(run, *expected_version),
            Prepared::Append { room, events } => self.append(*room, events),
            Prepared::KeepAnswer { key, answer, now } => self.keep_answer(key, answer, *now),
            Prepared::Produce { room, producer, expected, newest, now } => {
                self.produce(*room, producer, *expected, *newest, *now)
            }
            Prepared::Note { name, value } => self.note(name, value.as_deref()),
            Prepared::Audit { id, record } => self.audit(*id, record),
            Prepared::NoteOnce { name, value } => self.note_once(name, value),
            Prepared::ForgetNotes { prefix } => self.forget_notes(prefix),
            Prepared::SaveState { room, state } => self.save_state(*room, state),
            Prepared::CutLog { room, through } => self.cut_log(*room, *through),
            Prepared::ForgetFiles(run) => self.forget_files(*run),
            Prepared::Upkeep(piece) => {
                self.outcome.kept = upkeep::keep(self.connection, piece)?;
                Ok(())
            }
        }
    }

    /// The head of a room's log.
    fn head(&mut self, id: ProjectId) -> Result<Head, Failure> {
        if let Some(head) = self.heads.get(id) {
            return Ok(head);
        }
        let found = rows::log(self.connection, id)?.ok_or(EngineError::NotFound("project"))?;
        let head = Head { room: found.room, epoch: found.bounds.epoch, last: found.bounds.last };
        self.heads.learn(id, head);
        Ok(head)
    }

    fn create_project(&mut self, id: ProjectId, created_at: Timestamp, record: &str) -> Result<(), Failure> {
        if rows::log(self.connection, id)?.is_some() {
            return Err(EngineError::Taken.into());
        }
        let epoch = fresh_epoch()?;
        self.connection
            .prepare_cached("INSERT INTO projects (id, created_at, epoch, record) VALUES (?, ?, ?, ?)")?
            .execute(params![id.0.as_bytes(), created_at.0, epoch.0, record])?;
        let head = Head { room: self.connection.last_insert_rowid(), epoch, last: 0 };
        self.heads.set(id, Some(head));
        Ok(())
    }

    fn update_project(&mut self, changed: &Project) -> Result<(), Failure> {
        let stored = rows::project(self.connection, changed.id)?.ok_or(EngineError::NotFound("project"))?;
        // Pipeline and time of creation are not the caller's to change.
        let project = Project { pipeline: stored.pipeline, created_at: stored.created_at, ..changed.clone() };
        let record = serde_json::to_string(&project)
            .map_err(|error| EngineError::Storage(format!("cannot be encoded: {error}")))?;
        self.connection
            .prepare_cached("UPDATE projects SET record = ? WHERE id = ?")?
            .execute(params![record, changed.id.0.as_bytes()])?;
        Ok(())
    }

    fn remove_project(&mut self, id: ProjectId) -> Result<(), Failure> {
        let room = self.head(id)?.room;
        self.refuse_while_active(room)?;
        self.lose_from_house(room, u64::MAX)?;
        // Its events and runs may be many: nothing reads them any more, and upkeep clears them away piece by piece.
        for sql in [
            "INSERT INTO removed (room) VALUES (?)",
            "DELETE FROM states WHERE room = ?",
            "DELETE FROM producers WHERE room = ?",
            "DELETE FROM projects WHERE room = ?",
        ] {
            self.connection.prepare_cached(sql)?.execute([room])?;
        }
        self.heads.set(id, None);
        self.outcome.news.push(News::Removed(id));
        Ok(())
    }

    fn insert_run(&mut self, run: &RunRow, beside_active: bool) -> Result<(), Failure> {
        let room = self.head(run.project_id)?.room;
        let taken: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?)")?
            .query_row([run.id.0.as_bytes()], |row| row.get(0))?;
        if taken {
            return Err(EngineError::Taken.into());
        }
        if !beside_active {
            self.refuse_while_active(room)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO runs (id, room, pipeline, status, active, priority, created_at, version, record)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                run.id.0.as_bytes(),
                room,
                run.pipeline,
                run.status.as_str(),
                !run.status.is_terminal(),
                run.priority,
                run.created_at.0,
                integer(run.version),
                run.record,
            ])?;
        Ok(())
    }

    fn refuse_while_active(&self, room: i64) -> Result<(), Failure> {
        let active = self
            .connection
            .prepare_cached(
                "SELECT id FROM runs WHERE room = ? AND active = 1 ORDER BY created_at, id LIMIT 1",
            )?
            .query_row([room], |row| row.get(0).map(|id| RunId(Uuid::from_bytes(id))))
            .optional()?;
        match active {
            Some(id) => Err(EngineError::RunActive(id).into()),
            None => Ok(()),
        }
    }

    fn update_run(&mut self, run: &RunRow, expected_version: u64) -> Result<(), Failure> {
        let (number, status, version) = self
            .connection
            .prepare_cached(
                "SELECT runs.number, runs.status, runs.version FROM runs JOIN projects USING (room)
                 WHERE runs.id = ? AND projects.id = ?",
            )?
            .query_row([run.id.0.as_bytes(), run.project_id.0.as_bytes()], |row| {
                Ok((row.get::<_, i64>(0)?, status_of(row, 1)?, natural(row, 2)?))
            })
            .optional()?
            .ok_or(EngineError::NotFound("run"))?;
        if version != expected_version || !status.may_become(run.status) {
            return Err(EngineError::Conflict(status).into());
        }
        self.connection
            .prepare_cached(
                "UPDATE runs SET status = ?, active = ?, priority = ?, version = ?, record = ? WHERE number = ?",
            )?
            .execute(params![
                run.status.as_str(),
                !run.status.is_terminal(),
                run.priority,
                integer(run.version),
                run.record,
                number,
            ])?;
        Ok(())
    }

    fn append(&mut self, room: ProjectId, events: &[PreparedEvent]) -> Result<(), Failure> {
        let mut head = self.head(room)?;
        let mut logged = Vec::with_capacity(events.len());
        let mut grown = None;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO events (room, seq, at, run, body) VALUES (?, ?, ?, ?, ?)")?;
        for event in events {
            head.last += 1;
            insert.execute(params![
                head.room,
                integer(head.last),
                self.at.0,
                event.run_id.as_ref().map(|id| id.0.as_bytes()),
                &*event.body_json,
            ])?;
            if event.reach != Reach::Room {
                grown = Some(self.place_in_house(head.room, head.last, event.reach)?);
            }
            logged.push(LoggedEvent {
                seq: head.last,
                at: self.at,
                run_id: event.run_id,
                body_json: event.body_json.clone(),
            });
        }
        self.outcome.positions.push(Position { epoch: head.epoch, seq: head.last });
        if !logged.is_empty() {
            self.heads.set(room, Some(head));
            self.outcome.news.push(News::Appended { room, epoch: head.epoch, events: logged });
            self.outcome.news.extend(grown.map(News::Grown));
        }
        Ok(())
    }

    /// Gives an event its number in the house.
    fn place_in_house(&self, room: i64, seq: u64, reach: Reach) -> Result<u64, Failure> {
        self.connection
            .prepare_cached("INSERT INTO house (room, seq, standing) VALUES (?, ?, ?)")?
            .execute(params![room, integer(seq), reach == Reach::Standing])?;
        Ok(u64::try_from(self.connection.last_insert_rowid()).unwrap_or(0))
    }

    /// What of a room goes up to `through` can be read in the house no more either.
    fn lose_from_house(&self, room: i64, through: u64) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "UPDATE house_order SET lost = MAX(lost, COALESCE(
                 (SELECT number FROM house WHERE room = ? AND seq <= ? ORDER BY seq DESC LIMIT 1), 0))",
            )?
            .execute(params![room, integer(through)])?;
        Ok(())
    }

    fn keep_answer(&mut self, key: &str, answer: &KeptAnswer, now: Timestamp) -> Result<(), Failure> {
        if let Some(kept) = rows::answer(self.connection, key, now)? {
            return Err(EngineError::KeyTaken(Box::new(kept)).into());
        }
        self.connection
            .prepare_cached(
                "DELETE FROM answers WHERE key IN
                 (SELECT key FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
            )?
            .execute([now.0, EXPIRED_ANSWERS_PER_KEEP])?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO answers (key, body_sha256, status, answer, expires_at)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![key, answer.body_sha256, answer.status, answer.answer, answer.expires_at.0])?;
        Ok(())
    }

    fn produce(
        &mut self,
        room: ProjectId,
        name: &str,
        expected: Option<(u64, u64)>,
        (epoch, seq): (u64, u64),
        now: Timestamp,
    ) -> Result<(), Failure> {
        let head = self.head(room)?;
        let position = Position { epoch: head.epoch, seq: head.last };
        let known = rows::producer(self.connection, head.room, head.epoch, name)?;
        if known.as_ref().map(|known| (known.epoch, known.seq)) != expected {
            return Err(EngineError::NotNext.into());
        }
        if known.is_none() {
            self.make_place(head.room, now)?;
        }
        let mut answers =
            known.filter(|known| known.epoch == epoch).map_or_else(Vec::new, |known| known.answers);
        answers.push((seq, position));
        answers.drain(..answers.len().saturating_sub(ANSWERS_MAX));
        let answers: Vec<(u64, u64)> = answers.iter().map(|(seq, position)| (*seq, position.seq)).collect();
        let answers = serde_json::to_string(&answers)
            .map_err(|error| EngineError::Storage(format!("cannot be encoded: {error}")))?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO producers (room, name, epoch, seq, heard_at, answers)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![head.room, name, integer(epoch), integer(seq), now.0, answers])?;
        self.outcome.positions.push(position);
        Ok(())
    }

    /// Forgets producers that were not heard for long, and the one of a full room that was heard longest ago.
    fn make_place(&self, room: i64, now: Timestamp) -> Result<(), Failure> {
        let long_ago = now.0.saturating_sub_unsigned(FORGOTTEN_AFTER_MS);
        self.connection
            .prepare_cached(
                "DELETE FROM producers WHERE (room, name) IN
                 (SELECT room, name FROM producers WHERE heard_at < ? ORDER BY heard_at LIMIT ?)",
            )?
            .execute([long_ago, FORGOTTEN_PER_NEW_ONE])?;
        self.connection
            .prepare_cached(
                "DELETE FROM producers WHERE room = ?1 AND name IN
                 (SELECT name FROM producers WHERE room = ?1 ORDER BY heard_at DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute([room, integer(PRODUCERS_PER_ROOM_MAX as u64 - 1)])?;
        Ok(())
    }

    fn note(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        match value {
            Some(value) => self
                .connection
                .prepare_cached("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)")?
                .execute([name, value])?,
            None => self.connection.prepare_cached("DELETE FROM notes WHERE name = ?")?.execute([name])?,
        };
        Ok(())
    }

    fn audit(&mut self, id: AuditId, record: &str) -> Result<(), Failure> {
        self.connection
            .prepare_cached("INSERT INTO audit (id, record) VALUES (?, ?)")?
            .execute(params![id.0.as_bytes(), record])?;
        self.connection
            .prepare_cached("DELETE FROM audit WHERE number <= ?")?
            .execute([self.connection.last_insert_rowid() - integer(AUDIT_ENTRIES_MAX)])?;
        Ok(())
    }

    fn note_once(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let noted = self
            .connection
            .prepare_cached("INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING")?
            .execute([name, value])?;
        if noted == 0 { Err(EngineError::Taken.into()) } else { Ok(()) }
    }

    fn forget_notes(&mut self, prefix: &str) -> Result<(), Failure> {
        self.connection.prepare_cached(rows::FORGET_NOTES)?.execute(params![prefix, rows::end_of(prefix)])?;
        Ok(())
    }

    fn save_state(&mut self, room: ProjectId, state: &SavedState) -> Result<(), Failure> {
        let room = self.head(room)?.room;
        self.connection
            .prepare_cached(
                "INSERT INTO states (room, seq, state) VALUES (?, ?, ?)
                 ON CONFLICT (room) DO UPDATE SET seq = excluded.seq, state = excluded.state
                 WHERE excluded.seq > seq",
            )?
            .execute(params![room, integer(state.seq), &*state.state_json])?;
        Ok(())
    }

    fn cut_log(&mut self, id: ProjectId, through: u64) -> Result<(), Failure> {
        let head = self.head(id)?;
        let through = through.min(head.last);
        let first = self
            .connection
            .prepare_cached("SELECT first_seq FROM projects WHERE room = ?")?
            .query_row([head.room], |row| natural(row, 0))?;
        if through < first {
            return Ok(());
        }
        let saved = self
            .connection
            .prepare_cached("SELECT seq FROM states WHERE room = ?")?
            .query_row([head.room], |row| natural(row, 0))
            .optional()?
            .unwrap_or(0);
        // A fold that is ahead of the log is none of it.
        if saved < through || saved > head.last {
            return Err(EngineError::NotSaved(saved).into());
        }
        self.lose_from_house(head.room, through)?;
        for sql in [
            "DELETE FROM events WHERE room = ? AND seq <= ?",
            "DELETE FROM house WHERE room = ? AND seq <= ?",
        ] {
            self.connection.prepare_cached(sql)?.execute(params![head.room, integer(through)])?;
        }
        self.connection
            .prepare_cached("UPDATE projects SET first_seq = ? WHERE room = ?")?
            .execute(params![integer(through + 1), head.room])?;
        self.outcome.news.push(News::Cut { room: id, first: through + 1 });
        Ok(())
    }

    fn forget_files(&mut self, id: RunId) -> Result<(), Failure> {
        let mut run = rows::run(self.connection, id)?.ok_or(EngineError::NotFound("run"))?;
        if !run.status.is_terminal() {
            return Err(EngineError::RunActive(id).into());
        }
        for agent in &mut run.agents {
            agent.output = None;
            agent.preview = None;
            agent.early.clear();
        }
        run.inputs.clear();
        let record = serde_json::to_string(&run)
            .map_err(|error| EngineError::Storage(format!("cannot be encoded: {error}")))?;
        self.connection
            .prepare_cached("UPDATE runs SET record = ? WHERE id = ?")?
            .execute(params![record, id.0.as_bytes()])?;
        Ok(())
    }
}

fn status_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<RunStatus> {
    let text: String = row.get(column)?;
    RunStatus::parse(&text)
        .ok_or_else(|| rows::unreadable(column, format!("there is no run status `{text}`")))
}

fn fresh_epoch() -> Result<Epoch, EngineError> {
    let mut bytes = [0; 4];
    random_bytes(&mut bytes).map_err(|error| EngineError::Storage(format!("no random bytes: {error}")))?;
    Ok(Epoch(u32::from_le_bytes(bytes)))
}
