//! Questions about the order of the whole house.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::domain::event::LoggedEvent;
use crate::domain::house::HouseEvent;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Epoch;
use crate::domain::time::Timestamp;
use crate::engine::ReadLimit;
use crate::engine::embedded::rows::{integer, natural};
use crate::engine::house::{HouseBounds, HousePage};

/// Where the order stands.
pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<HouseBounds> {
    connection
        .prepare_cached(
            "SELECT epoch, lost, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'house'), 0)
             FROM house_order",
        )?
        .query_row([], |row| {
            Ok(HouseBounds { epoch: Epoch(row.get(0)?), lost: natural(row, 1)?, last: natural(row, 2)? })
        })
}

/// Events after a number. Those of removed projects are passed over: what is cleared away later is gone already.
pub(super) fn read(connection: &Connection, after: u64, limit: ReadLimit) -> rusqlite::Result<HousePage> {
    let mut page = HousePage { bounds: bounds(connection)?, events: Vec::new(), more: false };
    let mut statement = connection.prepare_cached(
        "SELECT house.number, projects.id, events.seq, events.at, events.run, events.body, house.room, house.standing
         FROM house JOIN projects USING (room) JOIN events USING (room, seq)
         WHERE house.number > ? ORDER BY house.number LIMIT ?",
    )?;
    let events_max = limit.events.max(1);
    let mut rows = statement.query(params![integer(after), integer(events_max as u64).saturating_add(1)])?;
    let mut bytes = 0;
    // How each run stands after the rows so far; the first of a run asks the rows before the page.
    let mut standings: HashMap<[u8; 16], Option<Arc<str>>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(5)?.as_str()?;
        bytes += body.len();
        let full = page.events.len() == events_max || bytes > limit.bytes;
        if full && !page.events.is_empty() {
            page.more = true;
            break;
        }
        let (seq, run) = (natural(row, 2)?, row.get::<_, Option<[u8; 16]>>(4)?);
        let body_json: Arc<str> = body.into();
        let mut before = None;
        if let Some(run) = run {
            before = match standings.get(&run) {
                Some(known) => known.clone(),
                None => standing_before(connection, row.get(6)?, seq, run)?,
            };
            let now = if row.get(7)? { Some(body_json.clone()) } else { before.clone() };
            standings.insert(run, now);
        }
        page.events.push(HouseEvent {
            number: natural(row, 0)?,
            room: ProjectId(Uuid::from_bytes(row.get(1)?)),
            event: LoggedEvent {
                seq,
                at: Timestamp(row.get(3)?),
                run_id: run.map(|id| RunId(Uuid::from_bytes(id))),
                body_json,
            },
            before,
        });
    }
    Ok(page)
}

/// What the status of a run was before an event of its room. A room has one run at work at a time, so this looks at a few
/// rows.
fn standing_before(
    connection: &Connection,
    room: i64,
    seq: u64,
    run: [u8; 16],
) -> rusqlite::Result<Option<Arc<str>>> {
    connection
        .prepare_cached(
            "SELECT events.body FROM house JOIN events USING (room, seq)
             WHERE house.room = ? AND house.seq < ? AND house.standing = 1 AND events.run = ?
             ORDER BY house.seq DESC LIMIT 1",
        )?
        .query_row(params![room, integer(seq), run], |row| Ok(row.get_ref(0)?.as_str()?.into()))
        .optional()
}
