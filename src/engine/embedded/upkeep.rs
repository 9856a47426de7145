//! Upkeep in pieces: what removed projects left, answers that have expired, space that nothing uses.
//!
//! A piece does one kind of work, the first that has any, so that it is short whatever there is to do.

use rusqlite::{Connection, OptionalExtension, params};

use crate::engine::ReadLimit;
use crate::engine::embedded::rows::{self, integer, natural};
use crate::engine::retention::{Kept, Upkeep};

/// Runs of one piece: a record has some tens of kilobytes.
const RUNS_PER_PIECE: i64 = 32;
/// Pages that one piece gives back; each may have to be moved first.
const PAGES_PER_PIECE: u64 = 64;

/// Does one piece within the transaction that is open.
pub(super) fn keep(connection: &Connection, piece: &Upkeep) -> rusqlite::Result<Kept> {
    let removed = connection
        .prepare_cached("SELECT room FROM removed ORDER BY room LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if let Some(room) = removed {
        return clear_room(connection, room, piece);
    }
    let answers = connection
        .prepare_cached(
            "DELETE FROM answers WHERE key IN
             (SELECT key FROM answers WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        )?
        .execute(params![piece.now.0, integer(piece.rows_max as u64)])?;
    if answers > 0 {
        return Ok(Kept { answers: answers as u64, more: true, ..Kept::default() });
    }
    give_back(connection, piece.spare_bytes_max)
}

fn clear_room(connection: &Connection, room: i64, piece: &Upkeep) -> rusqlite::Result<Kept> {
    let limit = ReadLimit { events: piece.rows_max, bytes: piece.bytes_max };
    let weight = rows::weigh(connection, room, 0, limit)?;
    let mut kept = Kept { events: weight.events, event_bytes: weight.bytes, more: true, ..Kept::default() };
    if weight.events > 0 {
        for sql in [
            "DELETE FROM events WHERE room = ? AND seq <= ?",
            "DELETE FROM house WHERE room = ? AND seq <= ?",
        ] {
            connection.prepare_cached(sql)?.execute(params![room, integer(weight.through)])?;
        }
        return Ok(kept);
    }
    let runs = connection
        .prepare_cached("DELETE FROM runs WHERE number IN (SELECT number FROM runs WHERE room = ? LIMIT ?)")?
        .execute([room, RUNS_PER_PIECE])?;
    if runs == 0 {
        connection.prepare_cached("DELETE FROM removed WHERE room = ?")?.execute([room])?;
    }
    kept.runs = runs as u64;
    Ok(kept)
}

fn give_back(connection: &Connection, spare_bytes_max: u64) -> rusqlite::Result<Kept> {
    let page_bytes = rows::page_bytes(connection)?;
    let free = || connection.query_row("PRAGMA freelist_count", [], |row| natural(row, 0));
    let before = free()?;
    let wanted = before.saturating_sub(spare_bytes_max / page_bytes).min(PAGES_PER_PIECE);
    if wanted == 0 {
        return Ok(Kept::default());
    }
    // A row per page: a single step would give back one page alone.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({wanted})"))?;
    let mut pages = statement.query([])?;
    while pages.next()?.is_some() {}
    drop(pages);
    drop(statement);
    let given_back = before.saturating_sub(free()?);
    // A store that cannot shrink gives nothing back, and asking again would not change that.
    Ok(Kept { given_back_bytes: given_back * page_bytes, more: given_back > 0, ..Kept::default() })
}
