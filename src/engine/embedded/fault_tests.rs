//! What the embedded engine does when the machine fails it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::domain::event::{Custom, EventBody, LoggedEvent, NewEvent};
use crate::domain::position::Epoch;
use crate::engine::Change;
use crate::engine::retention::Upkeep;

/// Tells the child process of a test where to write, and how durably.
const CHILD_DIRECTORY: &str = "CALLBOARD_TEST_STORE";
const CHILD_DURABILITY: &str = "CALLBOARD_TEST_DURABILITY";

fn open(directory: &Path, durability: Durability) -> Result<EmbeddedEngine, OpenError> {
    EmbeddedEngine::open(directory, EmbeddedOptions { durability }, Arc::new(SystemClock))
}

fn a_project() -> Project {
    Project {
        id: ProjectId::generate(),
        name: "Ticket board".to_owned(),
        brief: String::new(),
        pipeline: "app".to_owned(),
        params: serde_json::Map::new(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

async fn with_room(engine: &EmbeddedEngine) -> ProjectId {
    let project = a_project();
    let id = project.id;
    engine.commit(Batch::of([Change::CreateProject(project)])).await.unwrap();
    id
}

fn append(room: ProjectId, text: &str) -> Batch {
    let body = EventBody::Event(Custom { name: "text".to_owned(), data: text.into() });
    Batch::of([Change::Append { room, events: vec![NewEvent { run_id: None, body }] }])
}

async fn log_of(engine: &EmbeddedEngine, room: ProjectId) -> Vec<LoggedEvent> {
    let all = ReadLimit { events: usize::MAX, bytes: usize::MAX };
    engine.read_log(room, 0, all).await.unwrap().events
}

#[tokio::test]
async fn a_second_opening_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Disk).unwrap();
    let refused = open(directory.path(), Durability::Disk).err().unwrap().to_string();
    assert!(refused.contains("in use by another process"), "{refused}");
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
    engine.close().await.unwrap();
    // Closed, though not dropped yet.
    open(directory.path(), Durability::Disk).unwrap();
}

#[tokio::test]
async fn a_clean_close_leaves_one_file_and_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Disk).unwrap();
    let room = with_room(&engine).await;
    engine.commit(append(room, "event")).await.unwrap();
    log_of(&engine, room).await;
    engine.close().await.unwrap();
    let mut names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["callboard.db", "callboard.lock"]);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Durability::Disk).unwrap());
    let path = directory.path().join(DATABASE_FILE);
    let meddling = rusqlite::Connection::open(&path).unwrap();
    meddling.execute_batch("PRAGMA user_version = 77").unwrap();
    meddling.close().unwrap();
    let before = fs::read(&path).unwrap();
    let refused = open(directory.path(), Durability::Disk).err().unwrap();
    assert!(matches!(refused, OpenError::NewerSchema { found: 77, .. }), "{refused}");
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(DATABASE_FILE), "not a database, but long enough".repeat(100)).unwrap();
    let refused = open(directory.path(), Durability::Disk).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn damage_is_noticed_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Disk).unwrap();
    let room = with_room(&engine).await;
    for _ in 0..200 {
        engine.commit(append(room, &"x".repeat(1000))).await.unwrap();
    }
    engine.close().await.unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    // What a crash leaves behind.
    fs::write(beside(&path, "-wal"), "torn").unwrap();
    let refused = open(directory.path(), Durability::Disk).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [file.clone(), file.join("below")] {
        let refused = open(&place, Durability::Disk).err().unwrap();
        assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
    }
    fs::create_dir(directory.path().join(DATABASE_FILE)).unwrap();
    let refused = open(directory.path(), Durability::Disk).err().unwrap();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_is_said_and_work_goes_on_when_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let limited = |connection: &rusqlite::Connection| {
        connection.query_row("PRAGMA max_page_count = 120", [], |_| Ok(()))
    };
    let options = EmbeddedOptions::default();
    let engine =
        EmbeddedEngine::open_with(directory.path(), options, Arc::new(SystemClock), limited).unwrap();
    let (large, small) = (with_room(&engine).await, with_room(&engine).await);
    engine.commit(append(small, "before")).await.unwrap();
    let text = "x".repeat(20_000);
    let mut stored = 0;
    let mut small_stored = 1;
    loop {
        // Together, so that a large one and a small one are in one group.
        let answers = [
            engine.commit(append(large, &text)),
            engine.commit(append(small, "beside")),
            engine.commit(append(large, &text)),
        ];
        let [first, beside, second] = answers;
        let (first, beside, second) = (first.await, beside.await, second.await);
        stored += u64::from(first.is_ok()) + u64::from(second.is_ok());
        small_stored += u64::from(beside.is_ok());
        if let Err(error) = first {
            assert_eq!(error, EngineError::DiskFull);
            break;
        }
    }
    assert!(stored > 5);
    // Nothing that was refused is there, everything that was answered is, and reading works.
    assert_eq!(log_of(&engine, large).await.len() as u64, stored);
    assert_eq!(log_of(&engine, small).await.len() as u64, small_stored);

    engine.commit(Batch::of([Change::RemoveProject(large)])).await.unwrap();
    // What a full disk has left is enough to make space.
    let upkeep = Upkeep { now: Timestamp(0), rows_max: 2, bytes_max: usize::MAX, spare_bytes_max: u64::MAX };
    while engine.commit(Batch::of([Change::Upkeep(upkeep)])).await.unwrap().kept.more {}
    let committed = engine.commit(append(small, &text)).await.unwrap();
    assert_eq!(committed.positions[0].seq, small_stored + 1);
    engine.close().await.unwrap();
    let engine = open(directory.path(), Durability::Disk).unwrap();
    assert_eq!(log_of(&engine, small).await.len() as u64, small_stored + 1);
}

#[tokio::test]
async fn a_listener_that_panics_does_not_end_the_writer() {
    struct Panics;
    impl EngineEvents for Panics {
        fn appended(&self, _: ProjectId, _: Epoch, _: &[LoggedEvent]) {
            panic!("as a listener should not");
        }
        fn cut(&self, _: ProjectId, _: u64) {}
        fn removed(&self, _: ProjectId) {}
        fn grown(&self, _: u64) {}
    }
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Process).unwrap();
    engine.set_events(Arc::new(Panics));
    let room = with_room(&engine).await;
    for number in 1..=3 {
        let committed = engine.commit(append(room, "event")).await.unwrap();
        assert_eq!(committed.positions[0].seq, number);
    }
}

#[tokio::test]
async fn a_batch_stands_though_nobody_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Process).unwrap();
    let room = with_room(&engine).await;
    drop(engine.commit(append(room, "given up")));
    let committed = engine.commit(append(room, "waited for")).await.unwrap();
    assert_eq!(committed.positions[0].seq, 2);
}

#[tokio::test]
async fn the_answer_says_how_safe_a_batch_is_and_events_carry_the_clock() {
    for (durability, on_disk) in [(Durability::Disk, true), (Durability::Process, false)] {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp(1000)));
        let options = EmbeddedOptions { durability };
        let engine = EmbeddedEngine::open(directory.path(), options, clock.clone()).unwrap();
        let room = with_room(&engine).await;
        clock.advance(234);
        assert_eq!(engine.commit(append(room, "event")).await.unwrap().on_disk, on_disk);
        assert_eq!(log_of(&engine, room).await[0].at, Timestamp(1234));
        assert_eq!(engine.stats().await.unwrap().last_write_at, Some(Timestamp(1234)));
    }
}

#[tokio::test]
async fn space_that_is_given_back_makes_the_file_smaller_and_what_is_spared_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path(), Durability::Process).unwrap();
    let (stays, goes) = (with_room(&engine).await, with_room(&engine).await);
    for number in 0..400 {
        engine.commit(append(if number % 2 == 0 { stays } else { goes }, &"x".repeat(10_000))).await.unwrap();
    }
    engine.commit(Batch::of([Change::RemoveProject(goes)])).await.unwrap();
    let keep = async |spare_bytes_max| {
        let (mut given_back, mut pieces) = (0, 0);
        loop {
            pieces += 1;
            assert!(pieces < 60, "a piece gives back many pages");
            let upkeep = Upkeep { now: Timestamp(0), rows_max: 50, bytes_max: 1 << 20, spare_bytes_max };
            let kept = engine.commit(Batch::of([Change::Upkeep(upkeep)])).await.unwrap().kept;
            given_back += kept.given_back_bytes;
            if !kept.more {
                return given_back;
            }
        }
    };
    assert_eq!(keep(u64::MAX).await, 0);
    let spare = engine.stats().await.unwrap().spare_bytes;
    assert!(spare > 1_500_000, "{spare}");
    let given_back = keep(500_000).await;
    let left = engine.stats().await.unwrap().spare_bytes;
    assert!(left <= 500_000 && left > 400_000, "{left}");
    assert_eq!(spare - left, given_back);
    engine.commit(append(stays, &"x".repeat(100_000))).await.unwrap();
    assert!(engine.stats().await.unwrap().spare_bytes < left - 90_000);
    assert!(keep(0).await > 0);
    engine.close().await.unwrap();
    assert!(bytes_of(&directory.path().join(DATABASE_FILE)) < 3_000_000);
    let engine = open(directory.path(), Durability::Process).unwrap();
    assert_eq!(log_of(&engine, stays).await.len(), 201);
}

#[tokio::test]
async fn a_store_of_the_first_schema_is_brought_up_to_date_and_shrinks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(schema::MIGRATIONS[0]).unwrap();
    old.execute_batch("PRAGMA user_version = 1; PRAGMA journal_mode = WAL").unwrap();
    old.close().unwrap();
    let engine = open(directory.path(), Durability::Process).unwrap();
    let room = with_room(&engine).await;
    engine.commit(append(room, &"x".repeat(1_000_000))).await.unwrap();
    engine.commit(Batch::of([Change::RemoveProject(room)])).await.unwrap();
    let upkeep = Upkeep { now: Timestamp(0), rows_max: 50, bytes_max: 1 << 20, spare_bytes_max: 0 };
    while engine.commit(Batch::of([Change::Upkeep(upkeep)])).await.unwrap().kept.more {}
    engine.close().await.unwrap();
    assert!(bytes_of(&path) < 200_000, "{}", bytes_of(&path));
}

/// The child process of the test below: writes and says what was answered, until it is killed.
#[test]
fn writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else { return };
    let durability = match std::env::var(CHILD_DURABILITY).as_deref() {
        Ok("disk") => Durability::Disk,
        _ => Durability::Process,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let engine = open(Path::new(&directory), durability).unwrap();
        let room = with_room(&engine).await;
        let mut answers = std::io::stdout();
        writeln!(answers, "room {room}").unwrap();
        loop {
            let waiting: Vec<_> = (0..8).map(|_| engine.commit(append(room, &"x".repeat(500)))).collect();
            for answer in waiting {
                let seq = answer.await.unwrap().positions[0].seq;
                writeln!(answers, "answered {seq}").unwrap();
            }
        }
    });
}

#[tokio::test]
async fn what_was_answered_outlives_kill_nine() {
    for durability in ["disk", "process"] {
        for enough in [1, 50, 2000] {
            let directory = tempfile::tempdir().unwrap();
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "engine::embedded::fault_tests::writes_until_it_is_killed", "--nocapture"])
                .env(CHILD_DIRECTORY, directory.path())
                .env(CHILD_DURABILITY, durability)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut room = None;
            let mut answered = 0;
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                if let Some(id) = line.split("room ").nth(1) {
                    room = Some(id.parse::<ProjectId>().unwrap());
                }
                if let Some(seq) = line.strip_prefix("answered ") {
                    answered = seq.parse::<u64>().unwrap();
                }
                if answered == enough {
                    child.kill().unwrap();
                }
            }
            child.wait().unwrap();

            let engine = open(directory.path(), Durability::Disk).unwrap();
            let log = log_of(&engine, room.unwrap()).await;
            assert!(answered >= enough && log.len() as u64 >= answered, "{answered} {}", log.len());
            assert!(log.iter().map(|event| event.seq).eq(1..=log.len() as u64));
            let committed = engine.commit(append(room.unwrap(), "goes on")).await.unwrap();
            assert_eq!(committed.positions[0].seq, log.len() as u64 + 1);
        }
    }
}
