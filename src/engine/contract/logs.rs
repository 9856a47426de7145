//! Rules 5 and 6, and the reading of logs.

use std::sync::{Arc, Mutex};

use super::*;

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

    fn cut(&self, _: ProjectId, _: u64) {}

    fn removed(&self, _: ProjectId) {}

    fn grown(&self, _: u64) {}
}
