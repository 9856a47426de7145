//! Rooms and shards over a real engine: no hole, no double, whatever the readers do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;

use crate::broker::follow::Follow;
use crate::broker::frame::{Encoder, Encoders};
use crate::broker::room::Room;
use crate::broker::shard::{Heartbeat, Phrases};
use crate::broker::{Broker, BrokerError, Gap};
use crate::clock::SystemClock;
use crate::domain::event::{
    AgentUpdate, Artifact, Completion, Custom, EventBody, LogLevel, LogLine, LogLines, LoggedEvent, NewEvent,
    StatusUpdate,
};
use crate::domain::fold::{RoomState, STATE_BYTES_MAX};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{AgentStatus, Project, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::embedded::{EmbeddedEngine, EmbeddedOptions};
use crate::engine::{Batch, Change, Engine, LogBounds, ReadLimit, SavedState};

struct Numbers;

impl crate::broker::house::HouseEncoder for Numbers {
    fn encode(
        &self,
        _: Epoch,
        _: u64,
        _: &crate::domain::house::HouseEvent,
    ) -> Vec<crate::broker::house::HouseMessage> {
        Vec::new()
    }
}

impl Encoder for Numbers {
    fn encode(&self, _: ProjectId, _: Epoch, event: &LoggedEvent) -> Bytes {
        Bytes::from(format!("{} ", event.seq))
    }
}

struct Silent;

impl Phrases for Silent {
    fn slot(&self, json: &str) -> Bytes {
        Bytes::copy_from_slice(json.as_bytes())
    }

    fn presence(&self, _: u64) -> Bytes {
        Bytes::new()
    }
    fn ping(&self) -> Bytes {
        Bytes::new()
    }
    fn shutdown(&self, _: u64) -> (Bytes, u16) {
        (Bytes::new(), 4000)
    }
    fn follow_later(&self, reconnect_in_ms: u64) -> Bytes {
        Bytes::from(format!("later {reconnect_in_ms};"))
    }
    fn removed(&self) -> (Bytes, u16) {
        (Bytes::new(), 4504)
    }
}

fn encoders() -> Encoders {
    Encoders {
        room_socket: Arc::new(Numbers),
        sse: Arc::new(Numbers),
        tasks: Arc::new(Numbers),
        house: Arc::new(Numbers),
    }
}

struct House {
    broker: Broker,
    engine: Arc<dyn Engine>,
    room: ProjectId,
    _dir: tempfile::TempDir,
}

async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let engine: Arc<dyn Engine> = Arc::new(
        EmbeddedEngine::open(dir.path(), EmbeddedOptions::default(), Arc::new(SystemClock)).unwrap(),
    );
    let heartbeat = Heartbeat { ping_ms: 25_000, silence_ms: 60_000, stall_ms: 60_000 };
    let broker = Broker::new(engine.clone(), encoders(), Arc::new(Silent), heartbeat);
    broker.local_shard();
    let room = ProjectId::generate();
    broker.commit(Batch::of([Change::CreateProject(project(room))])).await.unwrap();
    House { broker, engine, room, _dir: dir }
}

fn project(id: ProjectId) -> Project {
    Project {
        id,
        name: "test".into(),
        brief: "notes with text".into(),
        pipeline: "app".into(),
        params: serde_json::Map::new(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

impl House {
    async fn say(&self, count: usize) {
        let event = |n| NewEvent {
            run_id: None,
            body: EventBody::Event(Custom {
                name: "n".into(),
                data: serde_json::json!({ "n": n, "pad": "x".repeat(200) }),
            }),
        };
        self.broker.publish(self.room, (0..count).map(event).collect()).await.unwrap();
    }

    async fn follow(&self, since: Option<Position>) -> Follow {
        self.broker.follow(self.room, since).await.unwrap()
    }
}

/// Reads until the follower has seen `last`, and checks that nothing is missing or doubled.
async fn read_to(follow: &mut Follow, last: u64) {
    let mut next = follow.joined.position.seq + 1;
    while next <= last {
        let bytes = tokio::time::timeout(Duration::from_secs(10), follow.frames.next()).await;
        let bytes = bytes.expect("the reader must not starve").expect("the stream must go on");
        for number in std::str::from_utf8(&bytes).unwrap().split_whitespace() {
            assert_eq!(number.parse::<u64>().unwrap(), next);
            next += 1;
        }
    }
    follow.joined.position.seq = last;
    assert!(follow.frames.next().now_or_never().is_none(), "nothing comes after the last event");
}

#[actix_rt::test]
async fn a_reader_gets_everything_after_it_joined_once_and_in_order() {
    let house = house().await;
    house.say(3).await;
    let mut early = house.follow(None).await;
    assert_eq!(early.joined.position.seq, 3);
    assert!(early.joined.view.is_some() && !early.joined.resumed);
    for round in 1..=20 {
        house.say(round).await;
    }
    read_to(&mut early, 3 + 210).await;
}

#[actix_rt::test]
async fn resume_by_position_has_neither_hole_nor_double() {
    let house = house().await;
    house.say(50).await;
    let epoch = house.broker.view(house.room).await.unwrap().position.epoch;
    for seq in [0, 1, 25, 49, 50] {
        let mut reader = house.follow(Some(Position { epoch, seq })).await;
        assert!(reader.joined.resumed && reader.joined.view.is_none() && reader.joined.gap.is_none());
        read_to(&mut reader, 50).await;
    }
}

#[actix_rt::test]
async fn a_slow_reader_catches_up_from_the_log_and_costs_nobody() {
    let house = house().await;
    let mut slow = house.follow(None).await;
    let mut fast = house.follow(None).await;
    // Far more than a tail holds.
    for round in 1..=10 {
        house.say(1500).await;
        read_to(&mut fast, round * 1500).await;
    }
    house.say(1).await;
    read_to(&mut slow, 15_001).await;
    house.say(1).await;
    read_to(&mut slow, 15_002).await;
}

#[actix_rt::test]
async fn positions_of_another_life_of_the_log_get_a_gap_and_a_fresh_state() {
    let house = house().await;
    house.say(5).await;
    let known = house.broker.view(house.room).await.unwrap().position;
    let all = Gap { from_seq: 1, to_seq: 5 };
    // Nothing is missing where the log has never been.
    for (strange, gap) in [
        (Position { epoch: Epoch(known.epoch.0 ^ 1), seq: 2 }, Some(all)),
        (Position { seq: 99, ..known }, None),
    ] {
        let reader = house.follow(Some(strange)).await;
        assert_eq!(reader.joined.gap, gap);
        assert!(!reader.joined.resumed && reader.joined.view.is_some());
    }
}

#[actix_rt::test]
async fn an_unknown_room_is_refused_and_a_removed_one_ends_its_readers() {
    let house = house().await;
    let unknown = house.broker.follow(ProjectId::generate(), None).await;
    assert!(matches!(unknown.err(), Some(BrokerError::NoSuchRoom)));
    let mut reader = house.follow(None).await;
    house.broker.commit(Batch::of([Change::RemoveProject(house.room)])).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(5), reader.frames.next()).await.unwrap();
    assert!(end.is_none());
}

#[actix_rt::test]
async fn readers_that_come_and_go_while_events_flow_miss_nothing() {
    let house = Arc::new(house().await);
    let writer = {
        let house = house.clone();
        actix_rt::spawn(async move {
            for round in 0..200 {
                house.say(1 + round % 7).await;
            }
        })
    };
    let mut position = None;
    let mut seen = 0;
    let total: u64 = (0..200).map(|round| 1 + round % 7).sum();
    while seen < total {
        let mut reader = house.follow(position).await;
        let mut next = reader.joined.position.seq + 1;
        if position.is_some() {
            assert_eq!(reader.joined.position.seq, seen, "resumes where it was");
        }
        for _ in 0..3 {
            let Ok(Some(bytes)) =
                tokio::time::timeout(Duration::from_millis(200), reader.frames.next()).await
            else {
                break;
            };
            for number in std::str::from_utf8(&bytes).unwrap().split_whitespace() {
                assert_eq!(number.parse::<u64>().unwrap(), next);
                next += 1;
            }
        }
        seen = next - 1;
        position = Some(Position { epoch: reader.joined.position.epoch, seq: seen });
    }
    writer.await.unwrap();
}

fn some_event() -> impl Strategy<Value = (u8, EventBody)> {
    let run = 0u8..3;
    let status = prop::sample::select(RunStatus::ALL.to_vec());
    let text = "[a-zé€ ]{0,400}";
    let body = prop_oneof![
        (status, 0.0..100.0f64).prop_map(|(status, progress)| {
            let message = "m".into();
            EventBody::StatusUpdate(StatusUpdate { status, progress, message, eta: None })
        }),
        (1u32..5, 0.0..100.0f64).prop_map(|(index, progress)| EventBody::AgentUpdate(AgentUpdate {
            agent: format!("a{index}"),
            title: "A".into(),
            index,
            total: 4,
            status: AgentStatus::Progress,
            message: String::new(),
            progress,
            duration_ms: None,
        })),
        (1u64..1_000_000, prop::collection::vec(text, 1..60)).prop_map(|(from, texts)| {
            let line = |(n, text): (u64, String)| LogLine { n, at: Timestamp(1), text: text.into() };
            let lines = (from..).zip(texts).map(line).collect();
            EventBody::Log(LogLines { level: LogLevel::Info, agent: None, lines, skipped: None })
        }),
        (0u8..150).prop_map(|n| EventBody::Artifact(Artifact {
            path: format!("f{n}"),
            media_type: "text/plain".into(),
            size: 1,
            sha256: "00".into(),
            url: "/f".into(),
            agent: None,
        })),
        Just(EventBody::Completion(Completion {
            status: RunStatus::Completed,
            success: true,
            message: "done".into(),
            duration_ms: 1,
            artifacts: 1,
            download_url: None,
            error: None,
            evidence: None,
        })),
        Just(EventBody::Event(Custom { name: "x".into(), data: serde_json::Value::Null })),
    ];
    (run, body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A room that takes events in any pieces, is put away and comes back from a saved state, has the fold of its log.
    #[test]
    fn the_state_is_the_fold_of_the_log(
        events in prop::collection::vec(some_event(), 1..80),
        cuts in prop::collection::vec(1usize..20, 1..40),
        restart_at in 0usize..80,
    ) {
        let runs: Vec<RunId> = (0..3).map(|_| RunId::generate()).collect();
        let log: Vec<LoggedEvent> = (1u64..)
            .zip(&events)
            .map(|(seq, (run, body))| LoggedEvent {
                seq,
                at: Timestamp(seq as i64),
                run_id: Some(runs[usize::from(*run)]),
                body_json: serde_json::to_string(body).unwrap().into(),
            })
            .collect();
        let mut expected = RoomState::default();
        for event in &log {
            expected.apply(event.run_id, event.at, &event.body().unwrap());
        }
        let bounds = LogBounds { epoch: Epoch(1), first: 1, last: 0 };
        let encoders = Arc::new(encoders());
        let mut room = Room::new(ProjectId::generate(), bounds, RoomState::default(), 0, encoders.clone());
        let (mut at, mut cut) = (0, cuts.iter().cycle());
        while at < log.len() {
            let end = (at + cut.next().unwrap()).min(log.len());
            // Some of it twice, as an inbox and a read of the log may overlap.
            let from = at.saturating_sub(3);
            prop_assert!(!room.apply(log[from..end].iter().cloned()).behind);
            if at <= restart_at && restart_at < end {
                let view = room.view();
                let state = serde_json::from_str(&view.state_json).unwrap();
                room = Room::new(ProjectId::generate(), bounds, state, view.position.seq, encoders.clone());
            }
            at = end;
        }
        let state = room.view().state;
        prop_assert_eq!(&*state, &expected);
        prop_assert!(room.view().state_json.len() <= STATE_BYTES_MAX);
        // A hole stops it.
        let late = LoggedEvent { seq: log.len() as u64 + 2, ..log[0].clone() };
        prop_assert!(room.apply([late]).behind);
    }
}

#[test]
fn detaching_is_undone_by_a_newer_interest() {
    let bounds = LogBounds { epoch: Epoch(1), first: 1, last: 0 };
    let mut room = Room::new(ProjectId::generate(), bounds, RoomState::default(), 0, Arc::new(encoders()));
    room.attach(0, 1);
    assert_eq!(room.count(0, 2), Some(2));
    assert_eq!(room.count(0, 2), None);
    room.attach(0, 2);
    room.detach(0, 1);
    assert_eq!(room.listening().collect::<Vec<_>>(), [0]);
    room.detach(0, 2);
    assert_eq!(room.listening().count(), 0);
    assert_eq!(room.viewers(), 0);
}

#[actix_rt::test]
async fn a_room_whose_log_was_cut_says_the_gap() {
    let bounds = LogBounds { epoch: Epoch(7), first: 11, last: 20 };
    let mut room = Room::new(ProjectId::generate(), bounds, RoomState::default(), 20, Arc::new(encoders()));
    let joined = room.join(Some(Position { epoch: Epoch(7), seq: 4 }));
    assert_eq!(joined.gap, Some(Gap { from_seq: 5, to_seq: 10 }));
    assert!(!joined.resumed && joined.view.is_some());
    assert!(room.join(Some(Position { epoch: Epoch(7), seq: 10 })).resumed);
}

#[actix_rt::test]
async fn the_saved_state_spares_reading_the_log() {
    let house = house().await;
    house.say(2500).await;
    house.broker.view(house.room).await.unwrap();
    house.broker.stop(100, Duration::from_millis(10)).await;
    let saved = house.engine.saved_state(house.room).await.unwrap().unwrap();
    assert_eq!(saved.seq, 2500);
    let page =
        house.engine.read_log(house.room, 2499, ReadLimit { events: 5, bytes: 1 << 20 }).await.unwrap();
    assert_eq!(page.events.len(), 1);
}

#[actix_rt::test]
async fn a_room_is_found_once_its_project_was_made() {
    let house = house().await;
    let later = ProjectId::generate();
    for _ in 0..2 {
        // Asked for too early, then made, then removed: the same id may come again.
        assert!(matches!(house.broker.view(later).await, Err(BrokerError::NoSuchRoom)));
        house.broker.commit(Batch::of([Change::CreateProject(project(later))])).await.unwrap();
        assert_eq!(house.broker.view(later).await.unwrap().position.seq, 0);
        let mut follow = house.broker.follow(later, None).await.unwrap();
        let event = EventBody::Event(Custom { name: "n".into(), data: serde_json::Value::Null });
        house.broker.publish(later, vec![NewEvent { run_id: None, body: event }]).await.unwrap();
        read_to(&mut follow, 1).await;
        house.broker.commit(Batch::of([Change::RemoveProject(later)])).await.unwrap();
    }
}

#[actix_rt::test]
async fn a_live_room_hears_of_a_cut_before_it_is_answered() {
    let house = house().await;
    house.say(9).await;
    let epoch = house.broker.view(house.room).await.unwrap().position.epoch;
    let mut reader = house.follow(None).await;
    let state = SavedState { seq: 9, state_json: "{}".into() };
    let cut = Change::CutLog { room: house.room, through: 6 };
    let changes = [Change::SaveState { room: house.room, state }, cut];
    house.broker.commit(Batch::of(changes)).await.unwrap();
    let late = house.follow(Some(Position { epoch, seq: 5 })).await;
    assert_eq!(late.joined.gap, Some(Gap { from_seq: 6, to_seq: 6 }));
    let mut back = house.follow(Some(Position { epoch, seq: 6 })).await;
    assert!(back.joined.resumed);
    house.say(1).await;
    read_to(&mut back, 10).await;
    read_to(&mut reader, 10).await;
}

#[actix_rt::test]
async fn a_room_that_a_cut_has_overtaken_goes_on_from_the_saved_fold() {
    let house = house().await;
    house.say(5).await;
    let mut reader = house.follow(None).await;
    // More than the inbox of the room holds, and cut in the same breath.
    let event = EventBody::Event(Custom { name: "n".into(), data: serde_json::Value::Null });
    let events = vec![NewEvent { run_id: None, body: event }; 10_000];
    let state = RoomState { message: "as it was saved".into(), ..RoomState::default() };
    let state = SavedState { seq: 10_005, state_json: serde_json::to_string(&state).unwrap().into() };
    let changes = [
        Change::Append { room: house.room, events },
        Change::SaveState { room: house.room, state },
        Change::CutLog { room: house.room, through: 10_005 },
    ];
    house.broker.commit(Batch::of(changes)).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let view = loop {
        let view = house.broker.view(house.room).await.unwrap();
        if view.position.seq == 10_005 {
            break view;
        }
        assert!(std::time::Instant::now() < deadline, "the room must get there: {:?}", view.position);
        tokio::task::yield_now().await;
    };
    assert_eq!(view.state.message, "as it was saved");
    // The reader is ended rather than led over the hole.
    let mut next = 6;
    while let Some(bytes) =
        tokio::time::timeout(Duration::from_secs(10), reader.frames.next()).await.expect("it is ended")
    {
        for number in std::str::from_utf8(&bytes).unwrap().split_whitespace() {
            assert_eq!(number.parse::<u64>().unwrap(), next);
            next += 1;
        }
    }
    let epoch = view.position.epoch;
    let mut back = house.follow(Some(Position { epoch, seq: next - 1 })).await;
    assert_eq!(back.joined.gap, Some(Gap { from_seq: next, to_seq: 10_005 }));
    house.say(1).await;
    read_to(&mut back, 10_006).await;
}

#[actix_rt::test]
async fn who_begins_to_follow_is_heard_though_nobody_waits_just_then() {
    let house = house().await;
    let stream = house.broker.house();
    let mut arrivals = stream.arrivals();
    arrivals.seen();
    // Between the look whether there is anybody and the wait.
    let _follower = stream.follow();
    let heard = tokio::time::timeout(Duration::from_secs(10), arrivals.somebody_came()).await;
    assert!(heard.is_ok(), "somebody has come");
    let again = tokio::time::timeout(Duration::from_millis(20), arrivals.somebody_came()).await;
    assert!(again.is_err(), "nobody else has come");
}
