//! Fan-out: publish, wait until everybody has heard it, publish again, in one or several lanes.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::cli::bench::histogram::Percentiles;
use crate::cli::bench::listeners::{Ears, STAMP_BYTES, listen, stamp};
use crate::cli::bench::process::Process;
use crate::cli::bench::{Ground, make_rooms};
use crate::cli::client::Target;
use crate::cli::client::http::Http;
use crate::domain::ids::ProjectId;

/// How long it is published before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long new sockets may settle: who is here is told to everybody.
const SETTLE: Duration = Duration::from_millis(700);
/// An event that took so long is lost.
const LOST_AFTER: Duration = Duration::from_secs(30);
/// Bytes of an event on the wire that are not its data: names, numbers, a time and ids.
const ENVELOPE_BYTES: usize = 190;

/// What a fan-out looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fan {
    pub(super) rooms: usize,
    pub(super) sockets_per_room: usize,
    pub(super) in_flight: usize,
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct FanFigures {
    pub(super) fan: Fan,
    pub(super) events: u64,
    pub(super) deliveries: u64,
    pub(super) per_second: f64,
    /// Processor time of the server per delivery: everything, publishing and storing too.
    pub(super) server_us: Option<f64>,
    /// Share of one processor that the server used.
    pub(super) server_busy: Option<f64>,
    /// Share of one processor that this program used.
    pub(super) own_busy: Option<f64>,
    /// From just before a publication to its reception.
    pub(super) latency: Percentiles,
}

/// Measures a fan-out.
///
/// # Errors
/// When an event does not arrive, or the server does not do what it is asked.
pub(super) async fn measure(ground: &Ground, fan: Fan) -> anyhow::Result<FanFigures> {
    let rooms = make_rooms(ground, fan.rooms).await?;
    let ears = Ears::new(fan.in_flight);
    let listeners = listen(&ground.target, &rooms, fan.sockets_per_room, &ears).await?;
    sleep(SETTLE).await;
    let lanes = Rc::new(Lanes { events: Cell::new(0), stopped: Cell::new(false), rooms });
    let running: Vec<_> = (0..fan.in_flight)
        .map(|lane| actix_rt::spawn(publish(ground.target.clone(), lane, fan, ears.clone(), lanes.clone())))
        .collect();
    sleep(WARM_UP).await;

    ears.reset();
    lanes.events.set(0);
    let (began, own) = (Instant::now(), Process::own().cpu());
    let server = ground.process.and_then(Process::cpu);
    sleep(fan.time).await;
    let wall = began.elapsed().as_secs_f64();
    let used = |before: Option<Duration>, now: Option<Duration>| Some((now? - before?).as_secs_f64());
    let server = used(server, ground.process.and_then(Process::cpu));
    let own = used(own, Process::own().cpu());
    let (events, deliveries) = (lanes.events.get(), ears.received.get());
    let latency = ears.latency.borrow().percentiles();

    lanes.stopped.set(true);
    for lane in running {
        lane.await??;
    }
    drop(listeners);
    if ears.lost.get() > 0 {
        bail!("{} sockets were lost while it was measured", ears.lost.get());
    }
    Ok(FanFigures {
        fan,
        events,
        deliveries,
        per_second: deliveries as f64 / wall,
        server_us: server.map(|seconds| seconds * 1e6 / deliveries.max(1) as f64),
        server_busy: server.map(|seconds| seconds / wall),
        own_busy: own.map(|seconds| seconds / wall),
        latency,
    })
}

struct Lanes {
    events: Cell<u64>,
    stopped: Cell<bool>,
    rooms: Vec<ProjectId>,
}

/// The body of a publication whose frame has about `bytes` bytes.
pub(super) fn publication(stamp: &str, bytes: usize) -> String {
    let padding = bytes.saturating_sub(ENVELOPE_BYTES + STAMP_BYTES);
    json!({ "type": "event", "name": "bench", "data": format!("{stamp}{}", "x".repeat(padding)) }).to_string()
}

async fn publish(
    target: Target,
    lane: usize,
    fan: Fan,
    ears: Rc<Ears>,
    lanes: Rc<Lanes>,
) -> anyhow::Result<()> {
    let mut http = Http::new(target);
    let paths: Vec<String> = lanes.rooms.iter().map(|room| format!("/api/projects/{room}/events")).collect();
    let listeners = u32::try_from(fan.sockets_per_room)?;
    // Every lane begins elsewhere.
    for path in paths.iter().cycle().skip(lane * paths.len() / fan.in_flight) {
        if lanes.stopped.get() {
            break;
        }
        let number = ears.expect(listeners);
        let body = publication(&stamp(ears.now_us(), number, lane), fan.bytes);
        http.post(path, &body).await?.expect(202)?;
        timeout(LOST_AFTER, async {
            while !ears.all_heard(number) {
                ears.bells[lane].notified().await;
            }
        })
        .await
        .context("an event did not arrive everywhere")?;
        lanes.events.set(lanes.events.get() + 1);
    }
    Ok(())
}
