//! The tables, how they came about, and how a connection is set up.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::engine::embedded::{Durability, OpenError};

/// Prepared statements kept per connection; more than the engine has.
const STATEMENTS_MAX: usize = 64;

/// What turns schema number `n` into `n + 1`, for `n` from 0. A step that was once released is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    // 1: projects, logs, runs, idempotency keys, saved folds.
    //
    // The last number of a log is its greatest one, or `first_seq - 1` when none can be read, so that an append
    // touches the log alone. AUTOINCREMENT: the number of a removed room never names another.
    "
    CREATE TABLE projects (
        room INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        first_seq INTEGER NOT NULL DEFAULT 1,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX projects_by_age ON projects (created_at, id);

    CREATE TABLE events (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        run BLOB,
        body TEXT NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        room INTEGER NOT NULL,
        pipeline TEXT NOT NULL,
        status TEXT NOT NULL,
        active INTEGER NOT NULL,
        priority INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_of_project ON runs (room, created_at, id);
    CREATE INDEX runs_of_pipeline ON runs (pipeline, created_at, id);
    CREATE INDEX runs_by_status ON runs (status);
    CREATE INDEX runs_in_queue ON runs (priority DESC, created_at, id) WHERE active = 1;

    CREATE TABLE answers (
        key TEXT PRIMARY KEY,
        body_sha256 TEXT NOT NULL,
        status INTEGER NOT NULL,
        answer TEXT NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answers_by_expiry ON answers (expires_at);

    CREATE TABLE states (
        room INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
    ",
    // 2: rooms whose project is removed and whose events and runs are still to be cleared away.
    "CREATE TABLE removed (room INTEGER PRIMARY KEY) STRICT;",
    // 3: notes of the whole house, such as who paused the queue.
    "
    CREATE TABLE notes (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    ",
    // 4: who publishes from outside, and how far each has come. `answers` is JSON: `[[seq, seq of the log], …]`.
    "
    CREATE TABLE producers (
        room INTEGER NOT NULL,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        heard_at INTEGER NOT NULL,
        answers TEXT NOT NULL,
        PRIMARY KEY (room, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX producers_by_age ON producers (heard_at);
    ",
    // 5: who did what.
    "
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        record TEXT NOT NULL
    ) STRICT;
    ",
    // 6: the order of the whole house over the logs. Nobody can have a position in it from before it was there, so what
    // is in the logs already needs none. `standing`: the event says how its run stands.
    "
    CREATE TABLE house (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        standing INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX house_by_room ON house (room, seq);

    CREATE TABLE house_order (
        place INTEGER PRIMARY KEY CHECK (place = 1),
        epoch INTEGER NOT NULL,
        lost INTEGER NOT NULL
    ) STRICT;
    INSERT INTO house_order (place, epoch, lost) VALUES (1, abs(random() % 4294967296), 0);
    ",
    // 7: runs that have begun and not ended: a list of projects asks each for its own first. Those that wait in the queue
    // are not in it, so to accept a run costs the same as before.
    "CREATE INDEX runs_at_work ON runs (room, created_at, id) WHERE active = 1 AND status <> 'queued';",
];

/// As `PRAGMA auto_vacuum` says that free pages can be given back piece by piece.
const INCREMENTAL: i64 = 2;
/// A store from before that could be given back is rewritten up to this size, once; a larger one would keep the start
/// waiting, and uses its free pages again without ever becoming smaller.
const REWRITTEN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Opens the connection that writes and brings the schema up to date.
pub(super) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    // Where SQLite may not write it opens for reading without a word.
    if connection.is_readonly("main").map_err(failed)? {
        let reason = "the file is read-only".to_owned();
        return Err(OpenError::NotWritable { path: path.to_owned(), reason });
    }
    let found = version(&connection).map_err(failed)?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    // Before anything is in the file; without effect later.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(failed)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let reason = "the file system cannot share memory between connections (write-ahead log)".to_owned();
        return Err(OpenError::Other { path: path.to_owned(), reason });
    }
    set_up_writer(&connection, durability).map_err(failed)?;
    migrate(&mut connection, found).map_err(failed)?;
    make_shrinkable(&connection, path).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -256;")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Looks for damage; the first thing found.
pub(super) fn quick_check(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // A negative number is not ours; as a huge one it is refused like that of a newer program.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn set_up_writer(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Disk => "FULL",
        Durability::Process => "NORMAL",
    };
    // After a checkpoint the write-ahead log is cut back to 16 MiB, so that one large batch does not keep the space.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous};
         PRAGMA journal_size_limit = 16777216;
         PRAGMA temp_store = MEMORY;"
    ))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

fn make_shrinkable(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let now: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
    if now == INCREMENTAL {
        return Ok(());
    }
    if std::fs::metadata(path).map_or(0, |file| file.len()) > REWRITTEN_BYTES_MAX {
        log::info!(
            "the store is from an earlier version: it uses free space again, but its file will not shrink"
        );
        return Ok(());
    }
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")
}

fn migrate(connection: &mut Connection, found: usize) -> rusqlite::Result<()> {
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}", step + 1))?;
        transaction.commit()?;
    }
    Ok(())
}
