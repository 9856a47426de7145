//! The keeper over a real engine and real files, with a clock in the hand.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::artifacts::{LineQuery, NewLine};
use crate::clock::ManualClock;
use crate::config::{Config, RetentionConfig};
use crate::domain::event::{Custom, EventBody, LogLevel, NewEvent, StatusUpdate};
use crate::domain::fold::RoomState;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{AgentManifest, AgentStatus, ManifestFile, Project, Run, RunAgent, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::embedded::{Durability, EmbeddedEngine, EmbeddedOptions};
use crate::engine::retention::RoomLog;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

struct House {
    _directory: TempDir,
    engine: Arc<dyn Engine>,
    artifacts: Artifacts,
    clock: Arc<ManualClock>,
    keeper: Keeper,
}

/// A house whose clock stands a day after the files it makes; nothing is removed unless `change` says so.
fn house(change: impl FnOnce(&mut RetentionConfig)) -> House {
    let directory = tempfile::tempdir().unwrap();
    let now = crate::clock::SystemClock.now();
    let clock = Arc::new(ManualClock::new(Timestamp(now.0 + DAY_MS)));
    let options = EmbeddedOptions { durability: Durability::Process };
    let engine: Arc<dyn Engine> =
        Arc::new(EmbeddedEngine::open(directory.path(), options, clock.clone()).unwrap());
    let artifacts = Artifacts::open(&directory.path().join("artifacts")).unwrap();
    let mut config = RetentionConfig {
        every_ms: 86_400_000,
        events_days: 0,
        room_events_max: 0,
        room_bytes_max: 0,
        events_bytes_max: 0,
        lines_days: 0,
        lines_bytes_max: 0,
        files_days: 0,
        files_bytes_max: 0,
        ..Config::default().retention
    };
    change(&mut config);
    let keeper = Keeper::start(KeeperDeps {
        engine: engine.clone(),
        artifacts: artifacts.clone(),
        clock: clock.clone(),
        rules: (&config).into(),
    })
    .unwrap();
    House { _directory: directory, engine, artifacts, clock, keeper }
}

impl House {
    async fn commit(&self, changes: impl Into<Vec<Change>>) {
        self.engine.commit(Batch::of(changes)).await.unwrap();
    }

    async fn room(&self) -> ProjectId {
        let project = Project {
            id: ProjectId::generate(),
            name: "Kept".to_owned(),
            brief: String::new(),
            pipeline: "app".to_owned(),
            params: serde_json::Map::new(),
            created_at: self.clock.now(),
            updated_at: self.clock.now(),
        };
        let id = project.id;
        self.commit([Change::CreateProject(project)]).await;
        id
    }

    async fn run(&self, project: ProjectId, status: RunStatus, contents: &[&[u8]]) -> Run {
        let files = contents.iter().map(|content| {
            let blob = self.artifacts.blobs().put(content).unwrap();
            ManifestFile { path: blob.sha256.clone(), sha256: blob.sha256, size: blob.size }
        });
        let agent = RunAgent {
            status: Some(AgentStatus::Completed),
            output: Some(AgentManifest { key: String::new(), files: files.collect() }),
            ..RunAgent::new("intake", "Intake")
        };
        let now = self.clock.now();
        let run = Run {
            status,
            message: String::new(),
            agents: vec![agent],
            ended_at: status.is_terminal().then_some(now),
            ..Run::new(RunId::generate(), project, "app".to_owned(), now)
        };
        self.commit([Change::InsertRun { run: run.clone(), beside_active: true }]).await;
        run
    }

    async fn has_files(&self, run: &Run) -> bool {
        self.engine.run(run.id).await.unwrap().unwrap().agents[0].output.is_some()
    }

    fn kept(&self, content: &[u8]) -> bool {
        let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(content));
        self.artifacts.blobs().contains(&sha256, content.len() as u64)
    }

    /// Appends events, one commit each; answers the fold of them all.
    async fn append(&self, room: ProjectId, count: usize, bytes: usize) -> RoomState {
        let events = (0..count).map(|number| {
            let body = match number % 2 {
                0 => EventBody::StatusUpdate(StatusUpdate {
                    status: RunStatus::Running,
                    progress: (number % 90) as f64,
                    message: format!("step {number}"),
                    eta: None,
                }),
                _ => EventBody::Event(Custom { name: "n".to_owned(), data: "x".repeat(bytes).into() }),
            };
            NewEvent { run_id: None, body }
        });
        self.commit([Change::Append { room, events: events.collect() }]).await;
        self.whole_fold(room).await
    }

    async fn log(&self, room: ProjectId) -> RoomLog {
        let rooms = self.engine.rooms(None, 1000).await.unwrap();
        rooms.into_iter().find(|log| log.room == room).unwrap()
    }

    /// The saved fold with what the log has behind it.
    async fn whole_fold(&self, room: ProjectId) -> RoomState {
        let saved = self.engine.saved_state(room).await.unwrap();
        let (mut state, mut seq) = match saved {
            Some(saved) => (serde_json::from_str(&saved.state_json).unwrap(), saved.seq),
            None => (RoomState::default(), 0),
        };
        let all = ReadLimit { events: usize::MAX, bytes: usize::MAX };
        for event in self.engine.read_log(room, seq, all).await.unwrap().events {
            seq += 1;
            assert_eq!(event.seq, seq, "the fold and what is left meet");
            state.apply_logged(&event).unwrap();
        }
        state
    }

    fn line(&self, run: &Run, text: &str) {
        let at = self.clock.now();
        let line = NewLine { at, level: LogLevel::Info, agent: None, text };
        self.artifacts.logs().open_run(run.id).unwrap().append(&[line]).unwrap();
    }

    fn lines(&self, run: &Run) -> usize {
        let query = LineQuery { limit: 100, ..LineQuery::default() };
        self.artifacts.logs().open_run(run.id).unwrap().read(&query).unwrap().lines.len()
    }
}

#[tokio::test]
async fn without_rules_everything_stays() {
    let house = house(|_| {});
    let room = house.room().await;
    house.append(room, 300, 10).await;
    let run = house.run(room, RunStatus::Completed, &[b"a"]).await;
    house.line(&run, "line");
    house.clock.advance(1000 * DAY_MS);
    house.keeper.pass().await;
    house.keeper.pass().await;
    let log = house.log(room).await;
    assert_eq!((log.bounds.first, log.bounds.last), (1, 300));
    assert!(house.kept(b"a") && house.lines(&run) == 1 && house.has_files(&run).await);
    let totals = house.keeper.totals();
    assert_eq!((totals.passes, totals.events, totals.failed), (2, 0, None));
}

#[tokio::test]
async fn events_go_by_their_age_and_the_fold_stays_whole() {
    let house = house(|config| config.events_days = 10);
    let room = house.room().await;
    house.append(room, 1500, 10).await;
    house.clock.advance(6 * DAY_MS);
    let state = house.append(room, 200, 10).await;
    house.keeper.pass().await;
    assert_eq!(house.log(room).await.bounds.first, 1);
    house.clock.advance(6 * DAY_MS);
    house.keeper.pass().await;
    let log = house.log(room).await;
    assert_eq!((log.bounds.first, log.bounds.last, log.saved), (1501, 1700, 1700));
    assert_eq!(house.whole_fold(room).await, state);
    house.clock.advance(6 * DAY_MS);
    house.keeper.pass().await;
    let log = house.log(room).await;
    assert_eq!((log.bounds.first, log.bounds.last), (1701, 1700));
    assert_eq!(house.whole_fold(room).await, state);
    let totals = house.keeper.totals();
    assert_eq!((totals.events, totals.passes, totals.last_pass_at), (1700, 3, Some(house.clock.now())));
}

#[tokio::test]
async fn a_room_keeps_to_its_count_and_to_its_bytes() {
    let house = house(|config| {
        config.room_events_max = 700;
        config.room_bytes_max = 100_000;
    });
    let (many, large) = (house.room().await, house.room().await);
    let states = [house.append(many, 2000, 1).await, house.append(large, 400, 2000).await];
    house.keeper.pass().await;
    let log = house.log(many).await;
    assert_eq!(log.bounds.last - log.bounds.first + 1, 700);
    let log = house.log(large).await;
    let all = ReadLimit { events: usize::MAX, bytes: usize::MAX };
    let weight = house.engine.weigh_log(large, 0, all).await.unwrap();
    assert!(weight.bytes <= 100_000 && weight.bytes > 90_000, "{weight:?} {log:?}");
    assert_eq!([house.whole_fold(many).await, house.whole_fold(large).await], states);
    // What came since is weighed on top of what is known.
    house.append(large, 20, 2000).await;
    house.keeper.pass().await;
    let weight = house.engine.weigh_log(large, 0, all).await.unwrap();
    assert!(weight.bytes <= 100_000 && weight.bytes > 90_000, "{weight:?}");
}

#[tokio::test]
async fn all_rooms_together_lose_the_oldest_first() {
    let house = house(|config| config.events_bytes_max = 300_000);
    let mut rooms = Vec::new();
    for _ in 0..4 {
        let room = house.room().await;
        let state = house.append(room, 100, 2000).await;
        rooms.push((room, state));
        house.clock.advance(1000);
    }
    house.keeper.pass().await;
    let mut first = Vec::new();
    for (room, state) in &rooms {
        assert_eq!(house.whole_fold(*room).await, *state);
        first.push(house.log(*room).await.bounds.first);
    }
    assert_eq!((first[0], first[2], first[3]), (101, 1, 1), "{first:?}");
    assert!(first[1] > 1 && first[1] < 101, "{first:?}");
}

#[tokio::test]
async fn events_of_a_run_that_is_active_stay() {
    let house = house(|config| {
        config.room_events_max = 10;
        config.room_bytes_max = 10;
        config.events_bytes_max = 10;
        config.events_days = 1;
    });
    let room = house.room().await;
    house.append(room, 100, 10).await;
    house.clock.advance(1);
    let run = house.run(room, RunStatus::Running, &[]).await;
    house.append(room, 100, 10).await;
    house.clock.advance(9 * DAY_MS);
    house.keeper.pass().await;
    assert_eq!(house.log(room).await.bounds.first, 101);
    let ended = Run { status: RunStatus::Failed, ..run };
    house.commit([Change::UpdateRun { run: ended, expected_version: 0 }]).await;
    house.keeper.pass().await;
    assert_eq!(house.log(room).await.bounds.first, 201);
}

#[tokio::test]
async fn a_room_that_nobody_watched_is_folded() {
    let house = house(|_| {});
    let (long, short) = (house.room().await, house.room().await);
    let state = house.append(long, 5000, 10).await;
    house.append(short, 10, 10).await;
    house.keeper.pass().await;
    assert_eq!((house.log(long).await.saved, house.log(short).await.saved), (5000, 0));
    assert_eq!(house.whole_fold(long).await, state);
    assert_eq!(house.keeper.totals().states_saved, 1);
}

#[tokio::test]
async fn a_fold_that_cannot_be_read_is_never_cut_under() {
    let house = house(|config| config.room_events_max = 1);
    let room = house.room().await;
    house.append(room, 10, 10).await;
    let state = crate::engine::SavedState { seq: 5, state_json: "not a state".into() };
    house.commit([Change::SaveState { room, state }]).await;
    house.keeper.pass().await;
    let log = house.log(room).await;
    assert!(house.keeper.totals().failed.is_some());
    assert!(log.bounds.first <= 6, "{log:?}");
}

#[tokio::test]
async fn log_lines_go_weeks_after_their_run_ended() {
    let house = house(|config| config.lines_days = 7);
    let room = house.room().await;
    let old = house.run(room, RunStatus::Failed, &[]).await;
    let active = house.run(room, RunStatus::Running, &[]).await;
    let removed = Run { id: RunId::generate(), ..old.clone() };
    for run in [&old, &active, &removed] {
        house.line(run, "one");
        house.line(run, "two");
    }
    house.clock.advance(6 * DAY_MS);
    let recent = house.run(room, RunStatus::Completed, &[]).await;
    house.line(&recent, "one");
    house.keeper.pass().await;
    assert_eq!([house.lines(&old), house.lines(&active), house.lines(&removed)], [2, 2, 0]);
    house.clock.advance(2 * DAY_MS);
    house.keeper.pass().await;
    assert_eq!([house.lines(&old), house.lines(&active), house.lines(&recent)], [0, 2, 1]);
    let log = house.artifacts.logs().open_run(old.id).unwrap();
    assert_eq!(log.total().unwrap(), 2);
    let totals = house.keeper.totals();
    assert_eq!(totals.line_runs, 2);
    assert!(totals.line_bytes > 0);
}

#[tokio::test]
async fn log_lines_keep_to_their_bytes_together() {
    let house = house(|config| config.lines_bytes_max = 2_500);
    let room = house.room().await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        let run = house.run(room, RunStatus::Completed, &[]).await;
        house.line(&run, &"x".repeat(1_000));
        runs.push(run);
        house.clock.advance(1000);
    }
    house.keeper.pass().await;
    let lines: Vec<_> = runs.iter().map(|run| house.lines(run)).collect();
    assert_eq!(lines, [0, 0, 1, 1]);
}

#[tokio::test]
async fn files_of_old_runs_go_and_the_latest_stay() {
    let house = house(|config| config.files_days = 30);
    let room = house.room().await;
    let old = house.run(room, RunStatus::Completed, &[b"old", b"shared"]).await;
    house.clock.advance(1000);
    let completed = house.run(room, RunStatus::Completed, &[b"completed", b"shared"]).await;
    house.clock.advance(1000);
    let failed = house.run(room, RunStatus::Failed, &[b"failed"]).await;
    house.clock.advance(1000);
    let newest = house.run(room, RunStatus::Cancelled, &[b"newest"]).await;
    let other = house.run(house.room().await, RunStatus::Running, &[b"active"]).await;
    house.artifacts.blobs().put(b"nobody's").unwrap();
    house.clock.advance(31 * DAY_MS);
    house.keeper.pass().await;
    // First they are no longer named, and with the next look they are gone.
    assert!(house.kept(b"old") && !house.kept(b"nobody's"));
    house.keeper.pass().await;
    for (run, named) in [(&old, false), (&completed, true), (&failed, false), (&newest, true), (&other, true)]
    {
        assert_eq!(house.has_files(run).await, named, "{:?}", run.status);
    }
    for (content, kept) in [
        (&b"old"[..], false),
        (b"shared", true),
        (b"completed", true),
        (b"failed", false),
        (b"newest", true),
        (b"active", true),
    ] {
        assert_eq!(house.kept(content), kept, "{content:?}");
    }
    let totals = house.keeper.totals();
    assert_eq!((totals.file_runs, totals.files, totals.file_bytes), (2, 3, 8 + 3 + 6));
}

#[tokio::test]
async fn what_an_agent_shows_before_it_is_done_stays_while_its_run_does() {
    let house = house(|config| config.files_days = 30);
    let room = house.room().await;
    let put = |content: &[u8]| {
        let blob = house.artifacts.blobs().put(content).unwrap();
        ManifestFile { path: blob.sha256.clone(), sha256: blob.sha256, size: blob.size }
    };
    let mut runs = Vec::new();
    for (before, status, preview, early) in [
        (RunStatus::Pausing, RunStatus::Paused, &b"paused preview"[..], &b"paused early"[..]),
        (RunStatus::Running, RunStatus::Waiting, b"waiting preview", b"waiting early"),
        (RunStatus::Running, RunStatus::Failed, b"failed preview", b"failed early"),
    ] {
        let mut run = house.run(room, before, &[]).await;
        run.status = status;
        run.ended_at = status.is_terminal().then(|| house.clock.now());
        run.agents[0].output = None;
        run.agents[0].preview = Some(put(preview));
        run.agents[0].early = vec![put(early)];
        house.commit([Change::UpdateRun { run: run.clone(), expected_version: 0 }]).await;
        runs.push(run);
        house.clock.advance(1000);
    }
    house.run(room, RunStatus::Completed, &[]).await;
    let resting = [&b"paused preview"[..], b"paused early", b"waiting preview", b"waiting early"];
    house.keeper.pass().await;
    let failed = [&b"failed preview"[..], b"failed early"];
    assert!(resting.into_iter().chain(failed).all(|content| house.kept(content)));
    // Those of a run that has ended go with its other files.
    house.clock.advance(31 * DAY_MS);
    house.keeper.pass().await;
    house.keeper.pass().await;
    assert!(resting.into_iter().all(|content| house.kept(content)));
    assert!(failed.into_iter().all(|content| !house.kept(content)));
    let failed = house.engine.run(runs[2].id).await.unwrap().unwrap();
    assert!(failed.agents[0].early.is_empty() && failed.agents[0].preview.is_none());
}

#[tokio::test]
async fn files_keep_to_their_bytes_together() {
    let house = house(|config| {
        config.files_bytes_max = 250;
        config.latest_files = false;
    });
    let room = house.room().await;
    let mut runs = Vec::new();
    for number in 0..4_u8 {
        runs.push(house.run(room, RunStatus::Completed, &[&[number; 100]]).await);
        house.clock.advance(1000);
    }
    house.keeper.pass().await;
    let mut named = Vec::new();
    for run in &runs {
        named.push(house.has_files(run).await);
    }
    assert_eq!(named, [false, false, true, true]);
}

#[tokio::test]
async fn what_a_removed_project_left_is_cleared_after_a_wake_up() {
    let house = house(|config| config.spare_bytes_max = 0);
    let room = house.room().await;
    house.append(room, 3000, 100).await;
    house.commit([Change::RemoveProject(room)]).await;
    house.keeper.wake();
    let deadline = Instant::now() + Duration::from_secs(20);
    while house.keeper.totals().given_back_bytes < 150_000 {
        assert!(Instant::now() < deadline, "{:?}", house.keeper.totals());
        tokio::task::yield_now().await;
    }
    let totals = house.keeper.totals();
    assert_eq!((totals.events, totals.passes), (3000, 0));
    assert!(totals.event_bytes > 150_000, "{totals:?}");
}

#[tokio::test]
async fn it_ends_between_two_steps() {
    let house = house(|config| config.room_events_max = 1);
    let room = house.room().await;
    house.append(room, 20_000, 10).await;
    tokio::join!(house.keeper.pass(), async {
        while house.log(room).await.bounds.first == 1 {
            tokio::task::yield_now().await;
        }
        house.keeper.stop(Duration::from_secs(20)).await;
    });
    let log = house.log(room).await;
    assert!(log.bounds.first > 1 && log.bounds.first < 20_000, "{log:?}");
    assert_eq!(house.keeper.totals().passes, 0);
}
