//! One suite for every engine: a function per rule of the contract in the module above, and per documented answer.
//!
//! An engine's tests call `contract::rules!(factory)` in a module of their own and get a test for each.

#![allow(missing_docs, reason = "the name of a rule says what holds")]

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use crate::domain::event::{Custom, EventBody, LoggedEvent, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{AgentStatus, Project, Run, RunAgent, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::{
    Batch, Change, Committed, Engine, EngineError, EngineEvents, KeptAnswer, LogBounds, ProjectQuery,
    ReadLimit, SavedState,
};

/// Opens the engine under test; every call opens the same store again.
pub trait Factory {
    /// Opens the store.
    fn open(&self) -> Arc<dyn Engine>;
}

/// A test per rule, for the engine of this factory.
macro_rules! rules {
    ($factory:expr) => {
        $crate::engine::contract::rules!(
            $factory;
            a_batch_is_done_whole_or_not_at_all
            changes_are_done_in_order
            a_refused_batch_leaves_the_others_of_its_group
            numbers_have_no_holes
            positions_are_those_after_each_append
            an_update_needs_the_expected_version
            an_update_needs_an_allowed_transition
            one_of_a_hundred_wins_a_transition
            events_are_announced_before_the_answer
            order_holds_under_many_publishers
            a_removed_room_is_announced
            reads_see_what_was_answered
            everything_outlives_a_restart
            a_batch_that_is_waiting_outlives_close
            a_closed_engine_refuses
            too_much_waiting_is_busy
            the_log_is_read_in_pages
            a_body_is_stored_as_it_was_encoded
            a_taken_id_is_refused
            an_unknown_project_is_not_found
            a_project_is_updated_but_not_its_origin
            a_project_goes_with_all_that_is_its_own
            a_project_with_an_active_run_stays
            a_second_active_run_is_refused
            the_queue_is_served_by_priority_then_age
            projects_are_listed_newest_first
            runs_are_listed_newest_first
            durations_come_from_completed_agents
            a_kept_answer_holds_its_key_until_it_expires
            two_with_the_same_key_are_done_once
            a_saved_state_is_only_replaced_by_a_newer_one
            figures_count_what_was_done
        );
    };
    ($factory:expr; $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $crate::engine::contract::$rule(&$factory).await;
            }
        )*
    };
}
pub(crate) use rules;

// What the rules are written with.

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn a_project() -> Project {
    Project {
        id: ProjectId::generate(),
        name: "Reading list".to_owned(),
        brief: "Books with title and author".to_owned(),
        pipeline: "app".to_owned(),
        params: serde_json::Map::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn a_run(project: &Project) -> Run {
    Run {
        id: RunId::generate(),
        project_id: project.id,
        pipeline: project.pipeline.clone(),
        brief: project.brief.clone(),
        params: serde_json::Map::new(),
        priority: 0,
        status: RunStatus::Queued,
        version: 1,
        progress: 0.0,
        message: String::new(),
        agents: Vec::new(),
        created_at: NOW,
        started_at: None,
        ended_at: None,
        cancel_requested_at: None,
        error: None,
        evidence: None,
        crash_attempts: 0,
        lease: None,
        retry_of: None,
    }
}

fn event(name: &str) -> NewEvent {
    let body = EventBody::Event(Custom { name: name.to_owned(), data: serde_json::Value::Null });
    NewEvent { run_id: None, body }
}

fn append(room: ProjectId, names: &[&str]) -> Change {
    Change::Append { room, events: names.iter().map(|name| event(name)).collect() }
}

fn insert(run: &Run) -> Change {
    Change::InsertRun { run: run.clone(), beside_active: false }
}

fn update(run: &Run, status: RunStatus, expected_version: u64) -> Change {
    Change::UpdateRun { run: Run { status, ..run.clone() }, expected_version }
}

fn kept(answer: &str, expires_at: Timestamp) -> KeptAnswer {
    KeptAnswer { body_sha256: "00".to_owned(), status: 202, answer: answer.to_owned(), expires_at }
}

async fn commit(engine: &dyn Engine, changes: impl Into<Vec<Change>>) -> Result<Committed, EngineError> {
    engine.commit(Batch::of(changes)).await
}

async fn with_project(engine: &dyn Engine) -> Project {
    let project = a_project();
    commit(engine, [Change::CreateProject(project.clone())]).await.unwrap();
    project
}

async fn log_of(engine: &dyn Engine, room: ProjectId) -> Vec<LoggedEvent> {
    let all = ReadLimit { events: 1_000_000, bytes: usize::MAX };
    engine.read_log(room, 0, all).await.unwrap().events
}

async fn names_of(engine: &dyn Engine, room: ProjectId) -> Vec<(u64, String)> {
    log_of(engine, room).await.iter().map(|event| (event.seq, name_of(event))).collect()
}

fn name_of(event: &LoggedEvent) -> String {
    match event.body().unwrap() {
        EventBody::Event(custom) => custom.name,
        other => panic!("{other:?}"),
    }
}

fn numbered(names: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(names.iter().map(|name| (*name).to_owned())).collect()
}

/// Remembers what it hears; can be made to hold the writer back.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    held: Mutex<bool>,
    released: Condvar,
}

#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Appended(ProjectId, Epoch, u64, String),
    Removed(ProjectId),
}

impl Ear {
    fn on(engine: &dyn Engine) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        engine.set_events(ear.clone());
        ear
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }
}

impl EngineEvents for Ear {
    fn appended(&self, room: ProjectId, epoch: Epoch, events: &[LoggedEvent]) {
        let heard = events.iter().map(|event| Heard::Appended(room, epoch, event.seq, name_of(event)));
        self.heard.lock().unwrap().extend(heard);
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.released.wait(held).unwrap();
        }
    }

    fn removed(&self, room: ProjectId) {
        self.heard.lock().unwrap().push(Heard::Removed(room));
    }
}

// Rule 1: one transaction per batch.

pub async fn a_batch_is_done_whole_or_not_at_all(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    let nowhere = ProjectId::generate();
    let refused = commit(
        &*engine,
        [
            append(project.id, &["lost"]),
            insert(&run),
            Change::KeepAnswer { key: "key".to_owned(), answer: kept("{}", NOW.plus_ms(1)), now: NOW },
            Change::SaveState { room: project.id, state: SavedState { seq: 1, state_json: "{}".into() } },
            append(nowhere, &["nowhere"]),
        ],
    )
    .await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"));
    assert_eq!(log_of(&*engine, project.id).await, []);
    assert_eq!(engine.run(run.id).await.unwrap(), None);
    assert_eq!(engine.idempotent_answer("key".to_owned(), NOW).await.unwrap(), None);
    assert_eq!(engine.saved_state(project.id).await.unwrap(), None);
}

pub async fn changes_are_done_in_order(factory: &impl Factory) {
    let engine = factory.open();
    let project = a_project();
    let run = a_run(&project);
    commit(
        &*engine,
        [
            Change::CreateProject(project.clone()),
            insert(&run),
            update(&run, RunStatus::Starting, 1),
            update(&run, RunStatus::Running, 2),
            update(&run, RunStatus::Completed, 3),
            insert(&a_run(&project)),
        ],
    )
    .await
    .unwrap();
    let stored = engine.run(run.id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.version), (RunStatus::Completed, 4));

    // A project can be removed and made again in one batch, and is then another one.
    let other = a_project();
    commit(
        &*engine,
        [
            Change::CreateProject(other.clone()),
            append(other.id, &["before"]),
            Change::RemoveProject(other.id),
            Change::CreateProject(other.clone()),
            append(other.id, &["after"]),
        ],
    )
    .await
    .unwrap();
    assert_eq!(names_of(&*engine, other.id).await, numbered(&["after"]));
}

pub async fn a_refused_batch_leaves_the_others_of_its_group(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let mut answers = Vec::new();
    // Handed over together, so that an engine that groups has them in one group.
    for number in 0..60 {
        let name = number.to_string();
        let changes = match number % 3 {
            0 => vec![append(project.id, &[&name])],
            1 => vec![append(project.id, &[&name]), update(&run, RunStatus::Starting, 99)],
            _ => vec![append(project.id, &[&name]), append(ProjectId::generate(), &["nowhere"])],
        };
        answers.push((number, engine.commit(Batch::of(changes))));
    }
    let mut expected = Vec::new();
    for (number, answer) in answers {
        match (number % 3, answer.await) {
            (0, Ok(committed)) => {
                expected.push(number.to_string());
                assert_eq!(committed.positions[0].seq, expected.len() as u64);
            }
            (1, Err(error)) => assert_eq!(error, EngineError::Conflict(RunStatus::Queued)),
            (2, Err(error)) => assert_eq!(error, EngineError::NotFound("project")),
            (_, other) => panic!("batch {number}: {other:?}"),
        }
    }
    let names: Vec<_> = names_of(&*engine, project.id).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, expected);
}

// Rule 2: numbers without holes.

pub async fn numbers_have_no_holes(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let room = project.id;
    let bounds = engine.log_bounds(room).await.unwrap().unwrap();
    assert_eq!((bounds.first, bounds.last), (1, 0));
    commit(&*engine, [append(room, &["a", "b"])]).await.unwrap();
    let refused = [append(room, &["refused"]), Change::CreateProject(project.clone())];
    commit(&*engine, refused).await.unwrap_err();
    commit(&*engine, [append(room, &["c"])]).await.unwrap();
    assert_eq!(names_of(&*engine, room).await, numbered(&["a", "b", "c"]));
    let end = LogBounds { epoch: bounds.epoch, first: 1, last: 3 };
    assert_eq!(engine.log_bounds(room).await.unwrap(), Some(end));
    assert_eq!(engine.log_bounds(ProjectId::generate()).await.unwrap(), None);
}

pub async fn positions_are_those_after_each_append(factory: &impl Factory) {
    let engine = factory.open();
    let (first, second) = (with_project(&*engine).await.id, with_project(&*engine).await.id);
    let changes =
        [append(first, &["a", "b"]), append(second, &["c"]), append(first, &["d"]), append(second, &[])];
    let committed = commit(&*engine, changes).await.unwrap();
    let mut expected = Vec::new();
    for (room, seq) in [(first, 2), (second, 1), (first, 3), (second, 1)] {
        let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
        expected.push(Position { epoch, seq });
    }
    assert_eq!(committed.positions, expected);
}

// Rule 3: compare and set.

pub async fn an_update_needs_the_expected_version(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    for wrong in [0, 2, u64::MAX - 1] {
        let refused = commit(&*engine, [update(&run, RunStatus::Starting, wrong)]).await;
        assert_eq!(refused.unwrap_err(), EngineError::Conflict(RunStatus::Queued), "{wrong}");
    }
    let misnumbered = Run { version: 77, message: "starting".to_owned(), ..run.clone() };
    commit(&*engine, [update(&misnumbered, RunStatus::Starting, 1)]).await.unwrap();
    let stored = engine.run(run.id).await.unwrap().unwrap();
    assert_eq!(stored, Run { version: 2, status: RunStatus::Starting, ..misnumbered });

    let unknown = commit(&*engine, [update(&a_run(&project), RunStatus::Starting, 1)]).await;
    assert_eq!(unknown.unwrap_err(), EngineError::NotFound("run"));
}

pub async fn an_update_needs_an_allowed_transition(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    for from in RunStatus::ALL {
        for to in RunStatus::ALL {
            let run = Run { status: from, ..a_run(&project) };
            commit(&*engine, [Change::InsertRun { run: run.clone(), beside_active: true }]).await.unwrap();
            let answer = commit(&*engine, [update(&run, to, 1)]).await;
            let stored = engine.run(run.id).await.unwrap().unwrap();
            if from.may_become(to) {
                answer.unwrap();
                assert_eq!((stored.status, stored.version), (to, 2), "{from:?} -> {to:?}");
            } else {
                assert_eq!(answer.unwrap_err(), EngineError::Conflict(from), "{from:?} -> {to:?}");
                assert_eq!((stored.status, stored.version), (from, 1), "{from:?} -> {to:?}");
            }
        }
    }
}

pub async fn one_of_a_hundred_wins_a_transition(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (engine, run) = (engine.clone(), run.clone());
        tasks.spawn(async move {
            let name = number.to_string();
            let changes = [append(run.project_id, &[&name]), update(&run, RunStatus::Starting, 1)];
            (name, engine.commit(Batch::of(changes)).await)
        });
    }
    let mut winners = Vec::new();
    while let Some(task) = tasks.join_next().await {
        match task.unwrap() {
            (name, Ok(_)) => winners.push(name),
            (_, Err(error)) => assert_eq!(error, EngineError::Conflict(RunStatus::Starting)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(names_of(&*engine, project.id).await, numbered(&[&winners[0]]));
}

// Rule 4: persist, then publish.

pub async fn events_are_announced_before_the_answer(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
    for number in 1..=20_u64 {
        let name = number.to_string();
        commit(&*engine, [append(room, &[&name])]).await.unwrap();
        let heard = ear.heard();
        assert_eq!(heard.len(), number as usize);
        assert_eq!(heard.last(), Some(&Heard::Appended(room, epoch, number, name)));
    }
    let refused = [append(room, &["refused"]), append(ProjectId::generate(), &["nowhere"])];
    commit(&*engine, refused).await.unwrap_err();
    assert_eq!(ear.heard().len(), 20);
}

pub async fn order_holds_under_many_publishers(factory: &impl Factory) {
    const ROOMS: usize = 8;
    const PUBLISHERS: usize = 64;
    const BATCHES: usize = 25;
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(with_project(&*engine).await.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (engine, rooms) = (engine.clone(), rooms.clone());
        tasks.spawn(async move {
            for batch in 0..BATCHES {
                let name = format!("{publisher}/{batch}");
                let room = rooms[(publisher + batch) % ROOMS];
                let committed = engine.commit(Batch::of([append(room, &[&name, &name])])).await.unwrap();
                let seq = committed.positions[0].seq;
                let after = ReadLimit { events: 2, bytes: usize::MAX };
                let page = engine.read_log(room, seq - 2, after).await.unwrap();
                assert_eq!(page.events.iter().map(name_of).collect::<Vec<_>>(), [&*name, &*name]);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let mut heard = BTreeMap::<ProjectId, Vec<(u64, String)>>::new();
    for item in ear.heard() {
        if let Heard::Appended(room, _, seq, name) = item {
            heard.entry(room).or_default().push((seq, name));
        }
    }
    assert_eq!(heard.values().map(Vec::len).sum::<usize>(), 2 * PUBLISHERS * BATCHES);
    for room in rooms {
        // Exactly once, in order, without holes, and the same as what is stored.
        assert!(heard[&room].iter().map(|(seq, _)| *seq).eq(1..=heard[&room].len() as u64));
        assert_eq!(heard[&room], names_of(&*engine, room).await);
    }
}

pub async fn a_removed_room_is_announced(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    commit(&*engine, [append(room, &["last"])]).await.unwrap();
    let epoch = engine.log_bounds(room).await.unwrap().unwrap().epoch;
    commit(&*engine, [Change::RemoveProject(room)]).await.unwrap();
    let expected = [Heard::Appended(room, epoch, 1, "last".to_owned()), Heard::Removed(room)];
    assert_eq!(ear.heard(), expected);
}

// Rule 5: reads see what was answered.

pub async fn reads_see_what_was_answered(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    for number in 1..=100_u64 {
        commit(&*engine, [append(project.id, &["event"])]).await.unwrap();
        // Asked together, so that every reader of an engine that has several gets one.
        let reads: Vec<_> = (0..8).map(|_| engine.log_bounds(project.id)).collect();
        for read in reads {
            assert_eq!(read.await.unwrap().unwrap().last, number);
        }
    }
}

// Rule 6: a log outlives a restart.

pub async fn everything_outlives_a_restart(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    let state = SavedState { seq: 2, state_json: r#"{"progress":1}"#.into() };
    let answer = kept("{}", NOW.plus_ms(1000));
    commit(
        &*engine,
        [
            insert(&run),
            append(project.id, &["a", "b"]),
            Change::SaveState { room: project.id, state: state.clone() },
            Change::KeepAnswer { key: "key".to_owned(), answer: answer.clone(), now: NOW },
        ],
    )
    .await
    .unwrap();
    let bounds = engine.log_bounds(project.id).await.unwrap();
    let log = log_of(&*engine, project.id).await;
    engine.close().await.unwrap();
    drop(engine);

    let engine = factory.open();
    assert_eq!(engine.project(project.id).await.unwrap().as_ref(), Some(&project));
    assert_eq!(engine.run(run.id).await.unwrap(), Some(run));
    assert_eq!(engine.log_bounds(project.id).await.unwrap(), bounds);
    assert_eq!(log_of(&*engine, project.id).await, log);
    assert_eq!(engine.saved_state(project.id).await.unwrap(), Some(state));
    assert_eq!(engine.idempotent_answer("key".to_owned(), NOW).await.unwrap(), Some(answer));
    let committed = commit(&*engine, [append(project.id, &["c"])]).await.unwrap();
    assert_eq!(committed.positions, [Position { epoch: bounds.unwrap().epoch, seq: 3 }]);
}

pub async fn a_batch_that_is_waiting_outlives_close(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let answers: Vec<_> = (0..200).map(|_| engine.commit(Batch::of([append(room, &["waiting"])]))).collect();
    engine.close().await.unwrap();
    for answer in answers {
        answer.await.unwrap();
    }
    drop(engine);
    let engine = factory.open();
    assert_eq!(engine.log_bounds(room).await.unwrap().unwrap().last, 200);
}

pub async fn a_closed_engine_refuses(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    engine.close().await.unwrap();
    assert_eq!(commit(&*engine, [append(room, &["late"])]).await.unwrap_err(), EngineError::Closed);
    assert_eq!(engine.log_bounds(room).await.unwrap_err(), EngineError::Closed);
    engine.close().await.unwrap();
}

// Rule 7: bounded.

pub async fn too_much_waiting_is_busy(factory: &impl Factory) {
    const MORE_THAN_ANY_BOUND: usize = 200_000;
    let engine = factory.open();
    let ear = Ear::on(&*engine);
    let room = with_project(&*engine).await.id;
    ear.hold();
    let mut answers = Vec::new();
    let mut refused = None;
    for _ in 0..MORE_THAN_ANY_BOUND {
        let mut answer = engine.commit(Batch::of([append(room, &["one of many"])]));
        // A refusal for want of room is said at once.
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => {
                refused = result.err();
                break;
            }
            Poll::Pending => answers.push(answer),
        }
    }
    assert_eq!(refused, Some(EngineError::Busy));
    ear.release();
    let accepted = answers.len() as u64;
    for answer in answers {
        answer.await.unwrap();
    }
    assert_eq!(engine.log_bounds(room).await.unwrap().unwrap().last, accepted);
    commit(&*engine, [append(room, &["room again"])]).await.unwrap();
}

// Reading.

pub async fn the_log_is_read_in_pages(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let names: Vec<String> = (1..=10).map(|number| format!("event {number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    commit(&*engine, [append(room, &names)]).await.unwrap();
    let body = log_of(&*engine, room).await[0].body_json.len();
    // (after, events, bytes) -> numbers, more
    let cases: [(u64, usize, usize, std::ops::RangeInclusive<u64>, bool); 10] = [
        (0, 100, usize::MAX, 1..=10, false),
        (0, 10, usize::MAX, 1..=10, false),
        (0, 9, usize::MAX, 1..=9, true),
        (7, 2, usize::MAX, 8..=9, true),
        (9, 1, usize::MAX, 10..=10, false),
        (0, 100, 3 * body, 1..=3, true),
        (0, 100, 3 * body - 1, 1..=2, true),
        (0, 0, 0, 1..=1, true),
        (9, 100, 1, 10..=10, false),
        (4, usize::MAX, usize::MAX, 5..=10, false),
    ];
    for (after, events, bytes, expected, more) in cases {
        let page = engine.read_log(room, after, ReadLimit { events, bytes }).await.unwrap();
        let numbers: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
        assert!(numbers.iter().copied().eq(expected), "{after} {events} {bytes}: {numbers:?}");
        assert_eq!(page.more, more, "{after} {events} {bytes}");
    }
    for after in [10, 11, u64::MAX] {
        let page = engine.read_log(room, after, ReadLimit { events: 5, bytes: 5 }).await.unwrap();
        assert!(page.events.is_empty() && !page.more, "{after}");
    }
}

pub async fn a_body_is_stored_as_it_was_encoded(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Arc::new(Bodies::default());
    engine.set_events(ear.clone());
    let project = with_project(&*engine).await;
    let run_id = Some(RunId::generate());
    let data = serde_json::json!({ "z": 1.5, "a": "\u{0}\u{1F600}\"\\\u{2028}", "n": null, "big": u64::MAX });
    let body = EventBody::Event(Custom { name: "exact \u{e4}".to_owned(), data });
    let events = vec![NewEvent { run_id, body: body.clone() }];
    commit(&*engine, [Change::Append { room: project.id, events }]).await.unwrap();
    let stored = log_of(&*engine, project.id).await;
    assert_eq!(&*stored[0].body_json, serde_json::to_string(&body).unwrap());
    assert_eq!((stored[0].body().unwrap(), stored[0].run_id), (body, run_id));
    assert_eq!(*ear.0.lock().unwrap(), stored);
}

#[derive(Default)]
struct Bodies(Mutex<Vec<LoggedEvent>>);

impl EngineEvents for Bodies {
    fn appended(&self, _: ProjectId, _: Epoch, events: &[LoggedEvent]) {
        self.0.lock().unwrap().extend_from_slice(events);
    }

    fn removed(&self, _: ProjectId) {}
}

// Projects and runs.

pub async fn a_taken_id_is_refused(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let again = commit(&*engine, [Change::CreateProject(project.clone())]).await;
    assert_eq!(again.unwrap_err(), EngineError::Taken);
    let again = commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await;
    assert_eq!(again.unwrap_err(), EngineError::Taken);
}

pub async fn an_unknown_project_is_not_found(factory: &impl Factory) {
    let engine = factory.open();
    let stranger = a_project();
    let state = SavedState { seq: 1, state_json: "{}".into() };
    for change in [
        Change::UpdateProject(stranger.clone()),
        Change::RemoveProject(stranger.id),
        insert(&a_run(&stranger)),
        append(stranger.id, &["event"]),
        append(stranger.id, &[]),
        Change::SaveState { room: stranger.id, state },
    ] {
        let refused = commit(&*engine, [change.clone()]).await;
        assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"), "{change:?}");
    }
    let limit = ReadLimit { events: 1, bytes: 1 };
    let refused = engine.read_log(stranger.id, 0, limit).await;
    assert_eq!(refused.unwrap_err(), EngineError::NotFound("project"));
    assert_eq!(engine.project(stranger.id).await.unwrap(), None);
    assert_eq!(engine.saved_state(stranger.id).await.unwrap(), None);
    assert_eq!(engine.run(RunId::generate()).await.unwrap(), None);
    assert_eq!(engine.runs_of(stranger.id, 10).await.unwrap(), []);
}

pub async fn a_project_is_updated_but_not_its_origin(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let mut changed = project.clone();
    changed.name = "Films".to_owned();
    changed.brief = "Films with title and year".to_owned();
    changed.params.insert("seed".to_owned(), 7.into());
    changed.updated_at = NOW.plus_ms(5);
    let meddled = Project { pipeline: "image".to_owned(), created_at: Timestamp(1), ..changed.clone() };
    commit(&*engine, [Change::UpdateProject(meddled)]).await.unwrap();
    assert_eq!(engine.project(project.id).await.unwrap(), Some(changed));
}

pub async fn a_project_goes_with_all_that_is_its_own(factory: &impl Factory) {
    let engine = factory.open();
    let (gone, stays) = (with_project(&*engine).await, with_project(&*engine).await);
    let mut runs = Vec::new();
    for project in [&gone, &stays] {
        let run = Run { status: RunStatus::Completed, ..a_run(project) };
        let state = SavedState { seq: 1, state_json: "{}".into() };
        let changes =
            [insert(&run), append(project.id, &["a", "b"]), Change::SaveState { room: project.id, state }];
        commit(&*engine, changes).await.unwrap();
        runs.push(run);
    }
    let epoch = engine.log_bounds(gone.id).await.unwrap().unwrap().epoch;
    commit(&*engine, [Change::RemoveProject(gone.id)]).await.unwrap();
    assert_eq!(engine.project(gone.id).await.unwrap(), None);
    assert_eq!(engine.log_bounds(gone.id).await.unwrap(), None);
    assert_eq!(engine.saved_state(gone.id).await.unwrap(), None);
    assert_eq!(engine.run(runs[0].id).await.unwrap(), None);
    assert_eq!(engine.runs_of(gone.id, 10).await.unwrap(), []);

    assert_eq!(engine.run(runs[1].id).await.unwrap().as_ref(), Some(&runs[1]));
    assert_eq!(names_of(&*engine, stays.id).await, numbered(&["a", "b"]));
    assert!(engine.saved_state(stays.id).await.unwrap().is_some());

    // The same id again: a new log, so an old position must not fit.
    commit(&*engine, [Change::CreateProject(gone.clone())]).await.unwrap();
    let fresh = engine.log_bounds(gone.id).await.unwrap().unwrap();
    assert_eq!((fresh.first, fresh.last), (1, 0));
    assert_ne!(fresh.epoch, epoch);
    assert_eq!(engine.saved_state(gone.id).await.unwrap(), None);
}

pub async fn a_project_with_an_active_run_stays(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run)]).await.unwrap();
    let refused = commit(&*engine, [Change::RemoveProject(project.id)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(run.id));
    commit(&*engine, [update(&run, RunStatus::Cancelled, 1), Change::RemoveProject(project.id)])
        .await
        .unwrap();
    assert_eq!(engine.project(project.id).await.unwrap(), None);
}

pub async fn a_second_active_run_is_refused(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let (first, second) = (a_run(&project), a_run(&project));
    commit(&*engine, [insert(&first)]).await.unwrap();
    let refused = commit(&*engine, [insert(&second)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(first.id));
    let beside = Run { created_at: NOW.plus_ms(1), ..a_run(&project) };
    commit(&*engine, [Change::InsertRun { run: beside.clone(), beside_active: true }]).await.unwrap();
    commit(&*engine, [update(&first, RunStatus::Cancelled, 1)]).await.unwrap();
    let refused = commit(&*engine, [insert(&second)]).await;
    assert_eq!(refused.unwrap_err(), EngineError::RunActive(beside.id));
    commit(&*engine, [update(&beside, RunStatus::Cancelled, 1)]).await.unwrap();
    commit(&*engine, [insert(&second)]).await.unwrap();
    // Another project does not matter.
    let other = with_project(&*engine).await;
    commit(&*engine, [insert(&a_run(&other))]).await.unwrap();
}

pub async fn the_queue_is_served_by_priority_then_age(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let mut ids = Vec::new();
    // (priority, age in ms before now, state), in the order in which they are to be served
    for (priority, age, status) in [
        (9, 10, RunStatus::Paused),
        (9, 10, RunStatus::Queued),
        (5, 99, RunStatus::Running),
        (0, 50, RunStatus::Queued),
        (0, 20, RunStatus::Cancelling),
        (-3, 99, RunStatus::Waiting),
    ] {
        let run = Run { priority, status, created_at: Timestamp(NOW.0 - age), ..a_run(&project) };
        ids.push(run.id);
        let (engine, changes) = (&*engine, [Change::InsertRun { run, beside_active: true }]);
        commit(engine, changes).await.unwrap();
    }
    for status in RunStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
        let run = Run { status, priority: 100, ..a_run(&project) };
        commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await.unwrap();
    }
    let served = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(served(engine.active_runs().await.unwrap()), ids);

    // A changed priority moves a run, a terminal state takes it out.
    let last = engine.run(ids[5]).await.unwrap().unwrap();
    let raised = Run { priority: 99, ..last };
    commit(&*engine, [update(&raised, RunStatus::Waiting, 1)]).await.unwrap();
    let first = engine.run(ids[0]).await.unwrap().unwrap();
    commit(&*engine, [update(&first, RunStatus::Cancelled, 1)]).await.unwrap();
    let expected = [ids[5], ids[1], ids[2], ids[3], ids[4]];
    assert_eq!(served(engine.active_runs().await.unwrap()), expected);
}

pub async fn projects_are_listed_newest_first(factory: &impl Factory) {
    let engine = factory.open();
    let mut projects = Vec::new();
    // Pairs of the same age: then the id decides.
    for number in 0..9 {
        let project = Project { created_at: NOW.plus_ms(number / 2), ..a_project() };
        commit(&*engine, [Change::CreateProject(project.clone())]).await.unwrap();
        projects.push(project);
    }
    projects.sort_by_key(|project| std::cmp::Reverse((project.created_at, project.id)));
    // The newest project has two runs, the next one run, the others none.
    let old = Run { status: RunStatus::Failed, ..a_run(&projects[0]) };
    let new = Run { created_at: NOW.plus_ms(9), ..a_run(&projects[0]) };
    let other = Run { status: RunStatus::Failed, ..a_run(&projects[1]) };
    commit(&*engine, [insert(&new), insert(&other)]).await.unwrap();
    commit(&*engine, [Change::InsertRun { run: old, beside_active: true }]).await.unwrap();

    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = engine.projects(ProjectQuery { limit: 4, before, status: None }).await.unwrap();
        before = page.projects.last().map(|(project, _)| (project.created_at, project.id));
        seen.extend(page.projects);
        if !page.more {
            break;
        }
        assert_eq!(seen.len() % 4, 0);
    }
    let newest = [Some(new.clone()), Some(other.clone())].into_iter().chain(std::iter::repeat(None));
    let expected: Vec<_> = projects.iter().cloned().zip(newest).collect();
    assert_eq!(seen, expected);

    for (status, expected) in [
        (RunStatus::Queued, vec![(projects[0].clone(), Some(new))]),
        (RunStatus::Failed, vec![(projects[1].clone(), Some(other))]),
        (RunStatus::Partial, vec![]),
    ] {
        let query = ProjectQuery { limit: 1, before: None, status: Some(status) };
        let page = engine.projects(query).await.unwrap();
        assert_eq!(page.projects, expected, "{status:?}");
        assert!(!page.more, "{status:?}");
    }
}

pub async fn runs_are_listed_newest_first(factory: &impl Factory) {
    let engine = factory.open();
    let (project, other) = (with_project(&*engine).await, with_project(&*engine).await);
    commit(&*engine, [insert(&a_run(&other))]).await.unwrap();
    let mut ids = Vec::new();
    for age in 0..5 {
        let run = Run { created_at: Timestamp(NOW.0 - age), ..a_run(&project) };
        ids.push(run.id);
        commit(&*engine, [Change::InsertRun { run, beside_active: true }]).await.unwrap();
    }
    for limit in [0, 3, 100] {
        let listed = engine.runs_of(project.id, limit).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|run| run.id).collect();
        assert_eq!(listed, ids[..limit.min(5)], "{limit}");
    }
}

pub async fn durations_come_from_completed_agents(factory: &impl Factory) {
    let engine = factory.open();
    let project = with_project(&*engine).await;
    let agent = |name: &str, status, duration_ms| RunAgent {
        agent: name.to_owned(),
        title: name.to_owned(),
        status,
        summary: None,
        started_at: None,
        duration_ms,
        output: None,
    };
    for number in 0..6_u64 {
        let mut run =
            Run { status: RunStatus::Completed, created_at: NOW.plus_ms(number), ..a_run(&project) };
        run.agents = vec![
            agent("intake", Some(AgentStatus::Completed), Some(number)),
            agent("plan", Some(AgentStatus::Reused), Some(1000)),
            // Completed in every second run only.
            match number % 2 {
                0 => agent("verify", Some(AgentStatus::Failed), Some(2000)),
                _ => agent("verify", Some(AgentStatus::Completed), Some(100 + number)),
            },
            agent("package", None, None),
        ];
        commit(&*engine, [insert(&run)]).await.unwrap();
    }
    let other = Run {
        pipeline: "image".to_owned(),
        status: RunStatus::Completed,
        agents: vec![agent("intake", Some(AgentStatus::Completed), Some(77))],
        ..a_run(&project)
    };
    commit(&*engine, [insert(&other)]).await.unwrap();
    let durations = engine.agent_durations("app".to_owned(), 3).await.unwrap();
    let of = |name: &str| {
        let of: Vec<u64> = durations.iter().filter(|(agent, _)| agent == name).map(|(_, ms)| *ms).collect();
        of
    };
    assert_eq!(of("intake"), [5, 4, 3]);
    assert_eq!(of("verify"), [105, 103, 101]);
    assert_eq!(durations.len(), 6);
    assert_eq!(engine.agent_durations("none".to_owned(), 3).await.unwrap(), []);
}

// Idempotency keys, saved states, figures.

pub async fn a_kept_answer_holds_its_key_until_it_expires(factory: &impl Factory) {
    let engine = factory.open();
    let keep = |answer: &KeptAnswer, now| {
        let change = Change::KeepAnswer { key: "scope key".to_owned(), answer: answer.clone(), now };
        engine.commit(Batch::of([change]))
    };
    let end = NOW.plus_ms(1000);
    let (first, second) = (kept("first", end), kept("second", end.plus_ms(1000)));
    keep(&first, NOW).await.unwrap();
    for now in [NOW, Timestamp(end.0 - 1)] {
        let taken = EngineError::KeyTaken(Box::new(first.clone()));
        assert_eq!(keep(&second, now).await.unwrap_err(), taken);
        // Even the very same answer: whoever comes second must not do its work again.
        assert_eq!(keep(&first, now).await.unwrap_err(), taken);
        let found = engine.idempotent_answer("scope key".to_owned(), now).await.unwrap();
        assert_eq!(found.as_ref(), Some(&first));
    }
    assert_eq!(engine.idempotent_answer("scope key".to_owned(), end).await.unwrap(), None);
    assert_eq!(engine.idempotent_answer("other key".to_owned(), NOW).await.unwrap(), None);
    keep(&second, end).await.unwrap();
    let found = engine.idempotent_answer("scope key".to_owned(), end).await.unwrap();
    assert_eq!(found, Some(second));
}

pub async fn two_with_the_same_key_are_done_once(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let answers: Vec<_> = (0..50)
        .map(|_| {
            let answer = kept("{}", NOW.plus_ms(1000));
            let keep = Change::KeepAnswer { key: "key".to_owned(), answer, now: NOW };
            engine.commit(Batch::of([append(room, &["once"]), keep]))
        })
        .collect();
    let mut done = 0;
    for answer in answers {
        match answer.await {
            Ok(_) => done += 1,
            Err(error) => assert!(matches!(error, EngineError::KeyTaken(_)), "{error}"),
        }
    }
    assert_eq!((done, log_of(&*engine, room).await.len()), (1, 1));
}

pub async fn a_saved_state_is_only_replaced_by_a_newer_one(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    assert_eq!(engine.saved_state(room).await.unwrap(), None);
    for (seq, json, kept) in
        [(5, "five", "five"), (4, "four", "five"), (5, "again", "five"), (6, "six", "six")]
    {
        let state = SavedState { seq, state_json: json.into() };
        commit(&*engine, [Change::SaveState { room, state }]).await.unwrap();
        let saved = engine.saved_state(room).await.unwrap().unwrap();
        assert_eq!(&*saved.state_json, kept, "{seq}");
    }
}

pub async fn figures_count_what_was_done(factory: &impl Factory) {
    let engine = factory.open();
    let before = engine.stats().await.unwrap();
    assert_eq!((before.projects, before.events_appended, before.last_write_at), (0, 0, None));
    let project = with_project(&*engine).await;
    with_project(&*engine).await;
    let run = a_run(&project);
    commit(&*engine, [insert(&run), append(project.id, &["a", "b", "c"])]).await.unwrap();
    let ended = Run { status: RunStatus::Failed, ..a_run(&project) };
    commit(&*engine, [Change::InsertRun { run: ended, beside_active: true }]).await.unwrap();
    let stats = engine.stats().await.unwrap();
    assert_eq!((stats.projects, stats.events_appended, stats.waiting), (2, 3, 0));
    let mut runs = stats.runs_by_status.clone();
    runs.sort_by_key(|(status, _)| status.as_str());
    assert_eq!(runs, [(RunStatus::Failed, 1), (RunStatus::Queued, 1)]);
    assert!(stats.last_write_at.is_some() && stats.size_bytes > 0);
    let [p50, p90, p99, max] = stats.append_us;
    assert!(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max, "{:?}", stats.append_us);
}
