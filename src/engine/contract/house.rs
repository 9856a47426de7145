//! Rule 10: the order of the whole house.

use super::*;
use crate::domain::event::{AgentUpdate, StatusUpdate};
use crate::domain::house::HouseEvent;
use crate::engine::house::HouseBounds;
use crate::engine::retention::Upkeep;

fn status(run: RunId, message: &str) -> NewEvent {
    let body = EventBody::StatusUpdate(StatusUpdate {
        status: RunStatus::Running,
        progress: 1.0,
        message: message.to_owned(),
        eta: None,
    });
    NewEvent { run_id: Some(run), body }
}

fn agent(run: RunId, message: &str) -> NewEvent {
    let body = EventBody::AgentUpdate(AgentUpdate {
        agent: "a".to_owned(),
        title: "A".to_owned(),
        index: 1,
        total: 1,
        status: AgentStatus::Started,
        message: message.to_owned(),
        progress: 0.0,
        duration_ms: None,
    });
    NewEvent { run_id: Some(run), body }
}

fn said(body_json: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body_json).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

fn say(room: ProjectId, events: &[NewEvent]) -> Change {
    Change::Append { room, events: events.to_vec() }
}

async fn house(engine: &dyn Engine, after: u64) -> (HouseBounds, Vec<HouseEvent>) {
    let page = engine.read_house(after, ReadLimit { events: 1_000, bytes: usize::MAX }).await.unwrap();
    assert!(!page.more);
    assert_eq!(page.bounds, engine.house_bounds().await.unwrap());
    (page.bounds, page.events)
}

fn messages(events: &[HouseEvent]) -> Vec<String> {
    events.iter().map(|event| said(&event.event.body_json)).collect()
}

#[derive(Default)]
struct Grown(Mutex<Vec<u64>>);

impl EngineEvents for Grown {
    fn appended(&self, _: ProjectId, _: Epoch, _: &[LoggedEvent]) {}

    fn cut(&self, _: ProjectId, _: u64) {}

    fn removed(&self, _: ProjectId) {}

    fn grown(&self, last: u64) {
        self.0.lock().unwrap().push(last);
    }
}

pub async fn the_house_has_one_order(factory: &impl Factory) {
    let engine = factory.open();
    let ear = Arc::new(Grown::default());
    engine.set_events(ear.clone());
    assert_eq!(house(&*engine, 0).await.1, []);
    let (one, two) = (with_project(&*engine).await.id, with_project(&*engine).await.id);
    let (first, second) = (RunId::generate(), RunId::generate());
    // Neither what an application says, nor what belongs to no run, has a place.
    let of_none = NewEvent { run_id: None, ..status(first, "of no run") };
    commit(&*engine, [say(one, &[event("x"), status(first, "1"), of_none]), append(two, &["y"])])
        .await
        .unwrap();
    assert_eq!(*ear.0.lock().unwrap(), [1]);
    commit(&*engine, [say(two, &[status(second, "2"), agent(second, "3")])]).await.unwrap();
    // A batch that is refused takes no number.
    let refused =
        commit(&*engine, [say(one, &[status(first, "never")]), append(ProjectId::generate(), &["z"])]);
    assert!(refused.await.is_err());
    commit(&*engine, [say(one, &[agent(first, "4")]), say(two, &[status(second, "5")])]).await.unwrap();
    assert_eq!(*ear.0.lock().unwrap(), [1, 3, 5]);

    let (bounds, events) = house(&*engine, 0).await;
    assert_eq!((bounds.lost, bounds.last), (0, 5));
    assert_eq!(messages(&events), ["1", "2", "3", "4", "5"]);
    let places: Vec<_> =
        events.iter().map(|event| (event.number, event.room, event.event.seq, event.event.run_id)).collect();
    let (first, second) = (Some(first), Some(second));
    assert_eq!(
        places,
        [
            (1, one, 2, first),
            (2, two, 2, second),
            (3, two, 3, second),
            (4, one, 4, first),
            (5, two, 4, second)
        ]
    );
    assert_eq!(events[1].event, log_of(&*engine, two).await[1]);
    let page = engine.read_house(1, ReadLimit { events: 2, bytes: usize::MAX }).await.unwrap();
    assert_eq!((messages(&page.events), page.more), (vec!["2".to_owned(), "3".to_owned()], true));
    let page = engine.read_house(1, ReadLimit { events: 9, bytes: 1 }).await.unwrap();
    assert_eq!((page.events.len(), page.more), (1, true));
}

pub async fn the_house_knows_how_a_run_stood_before(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let (run, other) = (RunId::generate(), RunId::generate());
    let all = [
        agent(run, "0"),
        status(run, "1"),
        agent(run, "2"),
        status(other, "3"),
        agent(run, "4"),
        status(run, "5"),
    ];
    commit(&*engine, [say(room, &all)]).await.unwrap();
    let before = |events: &[HouseEvent]| -> Vec<Option<String>> {
        events.iter().map(|event| event.before.as_deref().map(said)).collect()
    };
    let one = || Some("1".to_owned());
    let expected = [None, None, one(), None, one(), one()];
    assert_eq!(before(&house(&*engine, 0).await.1), expected);
    // The same from wherever it is read.
    for after in 1..6_usize {
        assert_eq!(before(&house(&*engine, after as u64).await.1), expected[after..], "after {after}");
    }
}

pub async fn the_order_of_the_house_outlives_a_restart(factory: &impl Factory) {
    let engine = factory.open();
    let room = with_project(&*engine).await.id;
    let run = RunId::generate();
    commit(&*engine, [say(room, &[status(run, "1"), status(run, "2")])]).await.unwrap();
    let before = house(&*engine, 0).await;
    engine.close().await.unwrap();
    drop(engine);
    let engine = factory.open();
    assert_eq!(house(&*engine, 0).await, before);
    commit(&*engine, [say(room, &[status(run, "3")])]).await.unwrap();
    let (bounds, events) = house(&*engine, 2).await;
    assert_eq!((bounds.epoch, bounds.last, messages(&events)), (before.0.epoch, 3, vec!["3".to_owned()]));
}

pub async fn what_a_cut_takes_is_lost_to_the_house(factory: &impl Factory) {
    let engine = factory.open();
    let (room, other) = (with_project(&*engine).await.id, with_project(&*engine).await.id);
    let run = RunId::generate();
    commit(&*engine, [say(room, &[status(run, "1")]), say(other, &[status(run, "2")])]).await.unwrap();
    commit(&*engine, [say(room, &[status(run, "3"), event("x"), status(run, "4")])]).await.unwrap();
    let save = |seq| Change::SaveState { room, state: SavedState { seq, state_json: "{}".into() } };
    commit(&*engine, [save(3), Change::CutLog { room, through: 3 }]).await.unwrap();
    let (bounds, events) = house(&*engine, 0).await;
    assert_eq!((bounds.lost, bounds.last, messages(&events)), (3, 4, vec!["2".to_owned(), "4".to_owned()]));
    // Also the newest; its number is not given again, and a cut that takes nothing of the house loses nothing.
    commit(&*engine, [save(4), Change::CutLog { room, through: 4 }, append(room, &["y"])]).await.unwrap();
    commit(&*engine, [save(5), Change::CutLog { room, through: 5 }]).await.unwrap();
    commit(&*engine, [say(other, &[status(run, "5")])]).await.unwrap();
    let (bounds, events) = house(&*engine, 2).await;
    assert_eq!((bounds.lost, bounds.last), (4, 5));
    assert_eq!((events[0].number, messages(&events)), (5, vec!["5".to_owned()]));
}

pub async fn what_a_removed_project_had_is_lost_to_the_house(factory: &impl Factory) {
    let engine = factory.open();
    let (room, other) = (with_project(&*engine).await.id, with_project(&*engine).await.id);
    let run = RunId::generate();
    commit(&*engine, [say(room, &[status(run, "1"), status(run, "2")]), say(other, &[status(run, "3")])])
        .await
        .unwrap();
    commit(&*engine, [Change::RemoveProject(room)]).await.unwrap();
    let check = async || {
        let (bounds, events) = house(&*engine, 0).await;
        assert_eq!((bounds.lost, bounds.last, messages(&events)), (2, 3, vec!["3".to_owned()]));
    };
    check().await;
    let piece = Upkeep { now: NOW, rows_max: 10, bytes_max: 1_000, spare_bytes_max: u64::MAX };
    while commit(&*engine, [Change::Upkeep(piece)]).await.unwrap().kept.more {}
    check().await;
}
