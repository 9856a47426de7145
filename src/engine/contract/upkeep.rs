//! Rules 8 and 9: cutting logs, forgetting files, clearing up.

use super::*;
use crate::domain::run::{AgentManifest, ManifestFile};
use crate::engine::retention::{Kept, LogWeight, RoomLog, Upkeep};

fn save(room: ProjectId, seq: u64) -> Change {
    let state = SavedState { seq, state_json: format!(r#"{{"covers":{seq}}}"#).into() };
    Change::SaveState { room, state }
}

fn cut(room: ProjectId, through: u64) -> Change {
    Change::CutLog { room, through }
}

async fn bounds(engine: &dyn Engine, room: ProjectId) -> (u64, u64) {
    let bounds = engine.log_bounds(room).await.unwrap().unwrap();
    (bounds.first, bounds.last)
}

const TEN: [&str; 10] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

pub async fn a_log_is_cut_only_under_its_saved_fold(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &TEN)]).await.unwrap();
    assert_eq!(commit(&*engine, [cut(room, 1)]).await.unwrap_err(), EngineError::NotSaved(0));
    commit(&*engine, [save(room, 6)]).await.unwrap();
    assert_eq!(commit(&*engine, [cut(room, 7)]).await.unwrap_err(), EngineError::NotSaved(6));
    assert_eq!(bounds(&*engine, room).await, (1, 10));
    assert_eq!(log_of(&*engine, room).await.len(), 10);
    commit(&*engine, [cut(room, 6)]).await.unwrap();
    assert_eq!(bounds(&*engine, room).await, (7, 10));
    // With the fold that covers it in the same batch; again, and less, are nothing.
    commit(&*engine, [save(room, 9), cut(room, 8), cut(room, 8), cut(room, 2)]).await.unwrap();
    assert_eq!(bounds(&*engine, room).await, (9, 10));
    // A batch that is refused cuts nothing.
    let refused =
        commit(&*engine, [save(room, 10), cut(room, 10), update(&a_run(&a_project()), RunStatus::Failed, 1)]);
    assert!(refused.await.is_err());
    assert_eq!(bounds(&*engine, room).await, (9, 10));
    assert_eq!(engine.saved_state(room).await.unwrap().unwrap().seq, 9);
    // A fold that is ahead of the log is none of it.
    commit(&*engine, [save(room, 99)]).await.unwrap();
    assert_eq!(commit(&*engine, [cut(room, 10)]).await.unwrap_err(), EngineError::NotSaved(99));
    let stranger = ProjectId::generate();
    assert_eq!(commit(&*engine, [cut(stranger, 1)]).await.unwrap_err(), EngineError::NotFound("project"));
}

pub async fn numbers_go_on_after_a_cut(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &TEN), save(room, 10), cut(room, 4)]).await.unwrap();
    let page = engine.read_log(room, 0, ReadLimit { events: 3, bytes: usize::MAX }).await.unwrap();
    assert_eq!(page.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(page.more && !page.follows(0) && !page.follows(3) && page.follows(4));
    // All of it; "at most to its end".
    commit(&*engine, [cut(room, u64::MAX)]).await.unwrap();
    assert_eq!(bounds(&*engine, room).await, (11, 10));
    assert_eq!(log_of(&*engine, room).await, []);
    let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
    engine.close().await.unwrap();
    drop(engine);
    let engine = factory.open();
    assert_eq!(bounds(&*engine, room).await, (11, 10));
    let committed = commit(&*engine, [append(room, &["11"])]).await.unwrap();
    assert_eq!(committed.positions, [Position { epoch, seq: 11 }]);
    assert_eq!(names_of(&*engine, room).await, [(11, "11".to_owned())]);
}

pub async fn a_cut_is_announced_before_the_answer(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &TEN[..2]), save(room, 2)]).await.unwrap();
    commit(&*engine, [cut(room, 1), append(room, &["3"])]).await.unwrap();
    let heard = ear.heard();
    assert!(heard.contains(&Heard::Cut(room, 2)), "{heard:?}");
    assert_eq!(commit(&*engine, [cut(room, 9)]).await.unwrap_err(), EngineError::NotSaved(2));
    // Nothing went, so nothing is said.
    commit(&*engine, [cut(room, 1)]).await.unwrap();
    assert_eq!(ear.heard(), heard);
}

pub async fn rooms_say_where_their_logs_stand(factory: &impl Factory) {
    let engine = factory.open();
    let mut expected = Vec::new();
    for events in 0..7_usize {
        let room = with_project(&*engine).await.id;
        commit(&*engine, [append(room, &TEN[..events])]).await.unwrap();
        if events > 3 {
            commit(&*engine, [save(room, 4), cut(room, 3)]).await.unwrap();
        }
        let bounds = engine.log_bounds(room).await.unwrap().unwrap();
        let oldest_at = log_of(&*engine, room).await.first().map(|event| event.at);
        expected.push(RoomLog { room, bounds, oldest_at, saved: if events > 3 { 4 } else { 0 } });
    }
    expected.sort_by_key(|log| log.room);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = engine.rooms(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.room);
        assert!(page.len() <= 3);
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub async fn a_log_is_weighed_in_steps(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &["a", "ä", "🎭"])]).await.unwrap();
    let log = log_of(&*engine, room).await;
    let sizes: Vec<u64> = log.iter().map(|event| event.body_json.len() as u64).collect();
    let weigh = |after, events, bytes| engine.weigh_log(room, after, ReadLimit { events, bytes });
    let weight = |range: std::ops::Range<usize>| LogWeight {
        events: range.len() as u64,
        bytes: sizes[range.clone()].iter().sum(),
        through: range.end as u64,
        newest_at: Some(log[range.end - 1].at),
    };
    assert_eq!(weigh(0, 10, usize::MAX).await.unwrap(), weight(0..3));
    assert_eq!(weigh(0, 2, usize::MAX).await.unwrap(), weight(0..2));
    assert_eq!(weigh(1, 10, usize::MAX).await.unwrap(), weight(1..3));
    assert_eq!(weigh(0, 10, (sizes[0] + sizes[1]) as usize).await.unwrap(), weight(0..2));
    assert_eq!(weigh(0, 0, 0).await.unwrap(), weight(0..1));
    let nothing = LogWeight { through: 3, ..LogWeight::default() };
    assert_eq!(weigh(3, 10, usize::MAX).await.unwrap(), nothing);
    let stranger = engine.weigh_log(ProjectId::generate(), 0, ReadLimit { events: 1, bytes: 1 });
    assert_eq!(stranger.await.unwrap_err(), EngineError::NotFound("project"));
}

pub async fn the_last_event_before_a_time_is_found(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    assert_eq!(engine.last_before(room, Timestamp(i64::MAX)).await.unwrap(), 0);
    for name in TEN {
        commit(&*engine, [append(room, &[name])]).await.unwrap();
    }
    commit(&*engine, [save(room, 10), cut(room, 2)]).await.unwrap();
    let log = log_of(&*engine, room).await;
    let mut times: Vec<Timestamp> = log.iter().flat_map(|event| [event.at, event.at.plus_ms(1)]).collect();
    times.extend([Timestamp(0), Timestamp(i64::MAX)]);
    for time in times {
        let expected = 2 + log.iter().filter(|event| event.at < time).count() as u64;
        assert_eq!(engine.last_before(room, time).await.unwrap(), expected, "{time}");
    }
}

pub async fn all_runs_are_read_in_the_order_of_their_ids(factory: &impl Factory) {
    let engine = factory.open();
    let mut ids = Vec::new();
    for number in 0..7 {
        let project = with_project(&*engine).await;
        let status = if number % 2 == 0 { RunStatus::Completed } else { RunStatus::Queued };
        let run = Run { status, ..a_run(&project) };
        ids.push(run.id);
        commit(&*engine, [insert(&run)]).await.unwrap();
    }
    ids.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = engine.all_runs(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|run| run.id));
    }
    assert_eq!(seen, ids);
}

pub async fn files_are_forgotten_of_ended_runs_alone(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let file = ManifestFile { path: "a.txt".to_owned(), sha256: "00".repeat(32), size: 1 };
    let agent = RunAgent {
        status: Some(AgentStatus::Completed),
        summary: Some("1 file".to_owned()),
        started_at: Some(NOW),
        duration_ms: Some(7),
        output: Some(AgentManifest { key: "key".to_owned(), files: vec![file] }),
        ..RunAgent::new("intake", "Intake")
    };
    let run = Run { status: RunStatus::Running, agents: vec![agent], ..a_run(&project) };
    commit(&*engine, [insert(&run)]).await.unwrap();
    let refused = commit(&*engine, [Change::ForgetFiles(run.id)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(run.id));
    assert_eq!(engine.run(run.id).await.unwrap().as_ref(), Some(&run));
    commit(&*engine, [update(&run, RunStatus::Failed, 1), Change::ForgetFiles(run.id)]).await.unwrap();
    let mut expected = Run { status: RunStatus::Failed, version: 2, ..run.clone() };
    expected.agents[0].output = None;
    assert_eq!(engine.run(run.id).await.unwrap(), Some(expected));
    let durations = engine.agent_durations("app".to_owned(), None, 5).await.unwrap();
    assert_eq!(durations, [("intake".to_owned(), 7)]);
    let refused = commit(&*engine, [Change::ForgetFiles(RunId::generate())]).await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("run"));
}

fn upkeep(now: Timestamp, rows_max: usize) -> Change {
    Change::Upkeep(Upkeep { now, rows_max, bytes_max: usize::MAX, spare_bytes_max: u64::MAX })
}

/// Does pieces until there is no more; answers them.
async fn pieces(engine: &dyn Engine, now: Timestamp, rows_max: usize) -> Vec<Kept> {
    let mut pieces = Vec::new();
    loop {
        let kept = commit(engine, [upkeep(now, rows_max)]).await.unwrap().kept;
        pieces.push(kept);
        if !kept.more {
            return pieces;
        }
    }
}

pub async fn what_a_removed_project_left_goes_in_pieces(factory: &impl Factory) {
    let engine = factory.open();
    let (gone, stays) = (with_project(&*engine).await, with_project(&*engine).await);
    let mut runs = Vec::new();
    for project in [&gone, &stays] {
        commit(&*engine, [append(project.id, &TEN)]).await.unwrap();
        for _ in 0..3 {
            let run = Run { status: RunStatus::Completed, ..a_run(project) };
            commit(&*engine, [insert(&run)]).await.unwrap();
            runs.push(run.id);
        }
    }
    commit(&*engine, [Change::RemoveProject(gone.id)]).await.unwrap();
    // For every read it is gone at once.
    assert_eq!(engine.run(runs[0]).await.unwrap(), None);
    assert_eq!(engine.all_runs(None, 100).await.unwrap().len(), 3);
    assert_eq!(engine.rooms(None, 100).await.unwrap().len(), 1);
    assert_eq!(engine.stats().await.unwrap().runs_by_status, [(RunStatus::Completed, 3)]);
    let forgotten = commit(&*engine, [Change::ForgetFiles(runs[0])]).await;
    assert_eq!(forgotten.unwrap_err(), EngineError::NotFound("run"));
    // And the same id may be used at once; what is cleared away is not the new one's.
    commit(&*engine, [Change::CreateProject(gone.clone()), append(gone.id, &["new"])]).await.unwrap();
    let pieces = pieces(&*engine, NOW, 4).await;
    assert!(pieces.iter().all(|kept| kept.events <= 4), "{pieces:?}");
    let sum = |figure: fn(&Kept) -> u64| pieces.iter().map(figure).sum::<u64>();
    assert_eq!((sum(|kept| kept.events), sum(|kept| kept.runs)), (10, 3));
    assert!(sum(|kept| kept.event_bytes) > 100);
    assert_eq!(names_of(&*engine, gone.id).await, numbered(&["new"]));
    assert_eq!(names_of(&*engine, stays.id).await, numbered(&TEN));
    assert_eq!(engine.runs_of(stays.id, 10).await.unwrap().len(), 3);
    assert_eq!(engine.stats().await.unwrap().runs_by_status, [(RunStatus::Completed, 3)]);
    let last = commit(&*engine, [upkeep(NOW, 4)]).await.unwrap().kept;
    assert_eq!(last, Kept::default());
}

pub async fn expired_answers_go_in_pieces(factory: &impl Factory) {
    let engine = factory.open();
    for number in 0..10_u64 {
        let answer = kept("{}", NOW.plus_ms(number));
        let keep = Change::KeepAnswer { key: format!("key {number}"), answer, now: Timestamp(0) };
        commit(&*engine, [keep]).await.unwrap();
    }
    let answers = |pieces: &[Kept]| pieces.iter().map(|kept| kept.answers).collect::<Vec<_>>();
    assert_eq!(answers(&pieces(&*engine, NOW.plus_ms(4), 3).await), [3, 2, 0]);
    assert_eq!(answers(&pieces(&*engine, NOW.plus_ms(4), 3).await), [0]);
    for number in 0..10_u64 {
        let found = engine.idempotent_answer(format!("key {number}"), Timestamp(0)).await.unwrap();
        assert_eq!(found.is_some(), number > 4, "{number}");
    }
}
