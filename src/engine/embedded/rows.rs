//! Questions to the tables, for readers and for the writer.

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::domain::audit::AuditEntry;
use crate::domain::event::LoggedEvent;
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{AgentStatus, Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::producers::Producer;
use crate::engine::retention::{LogWeight, RoomLog};
use crate::engine::{KeptAnswer, LogBounds, LogPage, ProjectPage, ProjectQuery, ReadLimit, SavedState};

/// Newest runs that are looked through for durations of agents. More would not say more about the next one.
const DURATION_RUNS_MAX: i64 = 200;

/// A page of projects, each with the run that says how it stands. Both runs that may be are the first of an index: a project
/// may have thousands.
pub(super) const PROJECTS: &str = "
    SELECT projects.record, runs.record
    FROM projects LEFT JOIN runs ON runs.number = COALESCE(
        (SELECT number FROM runs WHERE room = projects.room AND active = 1 AND status <> 'queued'
         ORDER BY created_at DESC, id DESC LIMIT 1),
        (SELECT number FROM runs WHERE room = projects.room ORDER BY created_at DESC, id DESC LIMIT 1))
    WHERE (projects.created_at, projects.id) < (?1, ?2) AND (?3 IS NULL OR runs.status = ?3)
    ORDER BY projects.created_at DESC, projects.id DESC LIMIT ?4";

/// A page of what was noted under names of a span.
pub(super) const NOTES: &str =
    "SELECT name, value FROM notes WHERE name >= ?1 AND name > ?2 AND name < ?3 ORDER BY name LIMIT ?4";

/// Forgets what was noted under names of a span.
pub(super) const FORGET_NOTES: &str = "DELETE FROM notes WHERE name >= ?1 AND name < ?2";

/// A room's log.
pub(super) struct Log {
    /// The room's number in the store.
    pub(super) room: i64,
    pub(super) bounds: LogBounds,
}

/// Where a room's log begins and ends.
pub(super) fn log(connection: &Connection, id: ProjectId) -> rusqlite::Result<Option<Log>> {
    connection
        .prepare_cached(
            "SELECT room, epoch, first_seq,
                    COALESCE((SELECT MAX(seq) FROM events WHERE events.room = projects.room), first_seq - 1)
             FROM projects WHERE id = ?",
        )?
        .query_row([id.0.as_bytes()], |row| {
            let bounds =
                LogBounds { epoch: Epoch(row.get(1)?), first: natural(row, 2)?, last: natural(row, 3)? };
            Ok(Log { room: row.get(0)?, bounds })
        })
        .optional()
}

/// Events after a number; none when there is no such project.
pub(super) fn read_log(
    connection: &Connection,
    id: ProjectId,
    after: u64,
    limit: ReadLimit,
) -> rusqlite::Result<Option<LogPage>> {
    let Some(log) = log(connection, id)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, run, body FROM events WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
    )?;
    let events_max = limit.events.max(1);
    let mut rows =
        statement.query(params![log.room, integer(after), integer(events_max as u64).saturating_add(1)])?;
    let mut page = LogPage { events: Vec::new(), more: false };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(3)?.as_str()?;
        bytes += body.len();
        let full = page.events.len() == events_max || bytes > limit.bytes;
        if full && !page.events.is_empty() {
            page.more = true;
            break;
        }
        page.events.push(LoggedEvent {
            seq: natural(row, 0)?,
            at: Timestamp(row.get(1)?),
            run_id: row.get::<_, Option<[u8; 16]>>(2)?.map(|id| RunId(Uuid::from_bytes(id))),
            body_json: body.into(),
        });
    }
    Ok(Some(page))
}

/// The saved fold of a room.
pub(super) fn saved_state(connection: &Connection, id: ProjectId) -> rusqlite::Result<Option<SavedState>> {
    connection
        .prepare_cached("SELECT seq, state FROM states JOIN projects USING (room) WHERE projects.id = ?")?
        .query_row([id.0.as_bytes()], |row| {
            Ok(SavedState { seq: natural(row, 0)?, state_json: row.get_ref(1)?.as_str()?.into() })
        })
        .optional()
}

/// A project.
pub(super) fn project(connection: &Connection, id: ProjectId) -> rusqlite::Result<Option<Project>> {
    connection
        .prepare_cached("SELECT record FROM projects WHERE id = ?")?
        .query_row([id.0.as_bytes()], |row| record(row, 0))
        .optional()
}

/// A page of projects, newest first, each with its run that works or rests, else with its newest.
pub(super) fn projects(connection: &Connection, query: &ProjectQuery) -> rusqlite::Result<ProjectPage> {
    let (before_at, before_id) = match query.before {
        Some((at, id)) => (at.0, id.0),
        None => (i64::MAX, Uuid::max()),
    };
    let mut statement = connection.prepare_cached(PROJECTS)?;
    let status = query.status.map(RunStatus::as_str);
    let one_more = integer(query.limit as u64).saturating_add(1);
    let mut rows = statement.query(params![before_at, before_id.as_bytes(), status, one_more])?;
    let mut page = ProjectPage { projects: Vec::new(), more: false };
    while let Some(row) = rows.next()? {
        if page.projects.len() == query.limit {
            page.more = true;
            break;
        }
        let newest_run = match row.get_ref(1)?.as_str_or_null()? {
            Some(text) => Some(decode(1, text)?),
            None => None,
        };
        page.projects.push((record(row, 0)?, newest_run));
    }
    Ok(page)
}

/// A run.
pub(super) fn run(connection: &Connection, id: RunId) -> rusqlite::Result<Option<Run>> {
    connection
        .prepare_cached("SELECT record FROM runs WHERE id = ? AND room NOT IN (SELECT room FROM removed)")?
        .query_row([id.0.as_bytes()], |row| record(row, 0))
        .optional()
}

/// The newest runs of a project.
pub(super) fn runs_of(connection: &Connection, id: ProjectId, limit: usize) -> rusqlite::Result<Vec<Run>> {
    connection
        .prepare_cached(
            "SELECT runs.record FROM runs JOIN projects USING (room) WHERE projects.id = ?
             ORDER BY runs.created_at DESC, runs.id DESC LIMIT ?",
        )?
        .query_map(params![id.0.as_bytes(), integer(limit as u64)], |row| record(row, 0))?
        .collect()
}

/// All runs that are not terminal, in the order of the queue.
pub(super) fn active_runs(connection: &Connection) -> rusqlite::Result<Vec<Run>> {
    connection
        .prepare_cached("SELECT record FROM runs WHERE active = 1 ORDER BY priority DESC, created_at, id")?
        .query_map([], |row| record(row, 0))?
        .collect()
}

/// Durations of completed agents, those of the newest runs first.
pub(super) fn agent_durations(
    connection: &Connection,
    pipeline: &str,
    definition: Option<&str>,
    per_agent: usize,
) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM runs WHERE pipeline = ? AND active = 0 AND room NOT IN (SELECT room FROM removed)
         ORDER BY created_at DESC, id DESC LIMIT ?",
    )?;
    let mut rows = statement.query(params![pipeline, DURATION_RUNS_MAX])?;
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut durations = Vec::new();
    while let Some(row) = rows.next()? {
        let run: Run = record(row, 0)?;
        if run.definition.as_deref() != definition {
            continue;
        }
        for agent in run.agents {
            let count = counts.entry(agent.agent.clone()).or_default();
            let Some(duration_ms) = agent.duration_ms else { continue };
            if agent.status == Some(AgentStatus::Completed) && *count < per_agent {
                *count += 1;
                durations.push((agent.agent, duration_ms));
            }
        }
        if counts.values().all(|count| *count >= per_agent) {
            break;
        }
    }
    Ok(durations)
}

/// The answer under a key, unless it has expired.
pub(super) fn answer(
    connection: &Connection,
    key: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<KeptAnswer>> {
    connection
        .prepare_cached(
            "SELECT body_sha256, status, answer, expires_at FROM answers WHERE key = ? AND expires_at > ?",
        )?
        .query_row(params![key, now.0], |row| {
            Ok(KeptAnswer {
                body_sha256: row.get(0)?,
                status: row.get(1)?,
                answer: row.get(2)?,
                expires_at: Timestamp(row.get(3)?),
            })
        })
        .optional()
}

/// What a producer published last in a room whose log has this epoch.
pub(super) fn producer(
    connection: &Connection,
    room: i64,
    epoch: Epoch,
    name: &str,
) -> rusqlite::Result<Option<Producer>> {
    connection
        .prepare_cached("SELECT epoch, seq, answers FROM producers WHERE room = ? AND name = ?")?
        .query_row(params![room, name], |row| {
            let answers: Vec<(u64, u64)> = record(row, 2)?;
            let answers = answers.into_iter().map(|(last, seq)| (last, Position { epoch, seq })).collect();
            Ok(Producer { epoch: natural(row, 0)?, seq: natural(row, 1)?, answers })
        })
        .optional()
}

/// What was noted under a name.
pub(super) fn note(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM notes WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Entries of the audit log before one, newest first.
pub(super) fn audit(
    connection: &Connection,
    before: Option<AuditId>,
    limit: usize,
) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM audit
         WHERE ?1 IS NULL OR number < (SELECT number FROM audit WHERE id = ?1)
         ORDER BY number DESC LIMIT ?2",
    )?;
    let before = before.map(|id| *id.0.as_bytes());
    let entries = statement.query_map(params![before, integer(limit as u64)], |row| record(row, 0))?;
    entries.collect()
}

/// What was noted under names that begin like this, from behind one of them on.
pub(super) fn notes(
    connection: &Connection,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<(String, String)>> {
    // No name is empty.
    let after = after.unwrap_or_default();
    connection
        .prepare_cached(NOTES)?
        .query_map(params![prefix, after, end_of(prefix), integer(limit as u64)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// What lies behind all names that begin like this. Names are compared byte by byte, so they lie side by side, and UTF-8 is
/// in the order of its characters.
pub(super) fn end_of(prefix: &str) -> Value {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The step over the surrogates is one of this range.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Value::Text(end);
        }
    }
    // Every text is before every blob.
    Value::Blob(Vec::new())
}

/// How many projects there are, and how many runs in each state that has any.
pub(super) fn counts(connection: &Connection) -> rusqlite::Result<(u64, Vec<(RunStatus, u64)>)> {
    let projects =
        connection.prepare_cached("SELECT COUNT(*) FROM projects")?.query_row([], |row| natural(row, 0))?;
    let mut by_status = Vec::new();
    // All of them from the index alone, and then without those that only wait to be cleared away, usually none.
    let mut statement = connection.prepare_cached(
        "SELECT status, SUM(count) FROM (
             SELECT status, COUNT(*) AS count FROM runs GROUP BY status
             UNION ALL
             SELECT status, -COUNT(*) FROM runs WHERE room IN (SELECT room FROM removed) GROUP BY status
         ) GROUP BY status HAVING SUM(count) > 0",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(status) = RunStatus::parse(row.get_ref(0)?.as_str()?) {
            by_status.push((status, natural(row, 1)?));
        }
    }
    Ok((projects, by_status))
}

/// Where logs stand, in the order of the rooms' ids.
pub(super) fn rooms(
    connection: &Connection,
    after: Option<ProjectId>,
    limit: usize,
) -> rusqlite::Result<Vec<RoomLog>> {
    let after = after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec());
    connection
        .prepare_cached(
            "SELECT id, epoch, first_seq,
                    COALESCE((SELECT MAX(seq) FROM events WHERE events.room = projects.room), first_seq - 1),
                    (SELECT at FROM events WHERE events.room = projects.room ORDER BY seq LIMIT 1),
                    COALESCE((SELECT seq FROM states WHERE states.room = projects.room), 0)
             FROM projects WHERE id > ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![after, integer(limit as u64)], |row| {
            Ok(RoomLog {
                room: ProjectId(Uuid::from_bytes(row.get(0)?)),
                bounds: LogBounds {
                    epoch: Epoch(row.get(1)?),
                    first: natural(row, 2)?,
                    last: natural(row, 3)?,
                },
                oldest_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
                saved: natural(row, 5)?,
            })
        })?
        .collect()
}

/// What events of a room weigh, by the room's number in the store. Texts are not read for it, only their lengths.
pub(super) fn weigh(
    connection: &Connection,
    room: i64,
    after: u64,
    limit: ReadLimit,
) -> rusqlite::Result<LogWeight> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, octet_length(body) FROM events WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
    )?;
    let mut rows = statement.query(params![room, integer(after), integer(limit.events.max(1) as u64)])?;
    let mut weight = LogWeight { through: after, ..LogWeight::default() };
    while let Some(row) = rows.next()? {
        let bytes = weight.bytes + natural(row, 2)?;
        if weight.events > 0 && bytes > limit.bytes as u64 {
            break;
        }
        weight = LogWeight {
            events: weight.events + 1,
            bytes,
            through: natural(row, 0)?,
            newest_at: Some(Timestamp(row.get(1)?)),
        };
    }
    Ok(weight)
}

/// The last event before a time, found by halving.
pub(super) fn last_before(connection: &Connection, log: &Log, time: Timestamp) -> rusqlite::Result<u64> {
    let mut at = connection.prepare_cached("SELECT at FROM events WHERE room = ? AND seq = ?")?;
    let LogBounds { first, last, .. } = log.bounds;
    // All below `low` are before the time, all from `high` on are not.
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let taken_at: i64 = at.query_row(params![log.room, integer(middle)], |row| row.get(0))?;
        if taken_at < time.0 { low = middle + 1 } else { high = middle }
    }
    Ok(low - 1)
}

/// Runs in the order of their ids.
pub(super) fn all_runs(
    connection: &Connection,
    after: Option<RunId>,
    limit: usize,
) -> rusqlite::Result<Vec<Run>> {
    let after = after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec());
    connection
        .prepare_cached(
            "SELECT record FROM runs WHERE id > ? AND room NOT IN (SELECT room FROM removed)
             ORDER BY id LIMIT ?",
        )?
        .query_map(params![after, integer(limit as u64)], |row| record(row, 0))?
        .collect()
}

/// Bytes of the file that nothing uses.
pub(super) fn spare_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: u64 = connection.query_row("PRAGMA freelist_count", [], |row| natural(row, 0))?;
    Ok(pages * page_bytes(connection)?)
}

/// Bytes of a page.
pub(super) fn page_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("PRAGMA page_size", [], |row| natural(row, 0))
}

/// As the store keeps it; what does not fit is as good as endless here.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column that never holds less than 0.
pub(super) fn natural(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// A column that cannot be understood.
pub(super) fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

fn record<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    decode(column, row.get_ref(column)?.as_str()?)
}

fn decode<T: DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}
