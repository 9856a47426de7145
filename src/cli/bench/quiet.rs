//! What goes on without fan-out: sockets that are idle, clients that join, events that are appended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::cli::bench::fan::publication;
use crate::cli::bench::histogram::{Histogram, Percentiles};
use crate::cli::bench::listeners::{Ears, listen, stamp};
use crate::cli::bench::process::Process;
use crate::cli::bench::{Ground, make_rooms};
use crate::cli::client::http::Http;
use crate::cli::client::room::{Heard, RoomLink, Transport};
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;

/// Sockets that are opened before memory is looked at, so that what is needed once is there.
const FIRST_SOCKETS: usize = 50;
/// Rooms of idle sockets.
const IDLE_ROOMS: usize = 10;
/// How long idle sockets may settle.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long one join may take.
const JOINS_WITHIN: Duration = Duration::from_secs(60);
/// Events of one request, when a log is filled.
const BATCH: usize = 500;

/// Memory of the server per idle socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleFigures {
    pub(super) sockets: usize,
    pub(super) bytes_each: Option<f64>,
    pub(super) open_us: f64,
}

/// Opens idle sockets and looks at the server's memory before and after.
///
/// # Errors
/// When a socket cannot be opened or is lost.
pub(super) async fn idle(ground: &Ground, sockets: usize) -> anyhow::Result<IdleFigures> {
    let rooms = make_rooms(ground, IDLE_ROOMS).await?;
    let ears = Ears::new(1);
    let first = listen(&ground.target, &rooms, FIRST_SOCKETS.div_ceil(IDLE_ROOMS), &ears).await?;
    sleep(SETTLE).await;
    let before = ground.process.and_then(Process::memory_bytes);
    let each = sockets.div_ceil(IDLE_ROOMS);
    let began = Instant::now();
    let more = listen(&ground.target, &rooms, each, &ears).await?;
    let open_us = began.elapsed().as_secs_f64() * 1e6 / (each * IDLE_ROOMS) as f64;
    sleep(SETTLE).await;
    let after = ground.process.and_then(Process::memory_bytes);
    if ears.lost.get() > 0 {
        bail!("{} idle sockets were lost", ears.lost.get());
    }
    drop((first, more));
    let bytes = before.zip(after).map(|(before, after)| after as f64 - before as f64);
    let sockets = each * IDLE_ROOMS;
    Ok(IdleFigures { sockets, bytes_each: bytes.map(|bytes| bytes / sockets as f64), open_us })
}

/// What joining costs, one client after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct JoinFigures {
    pub(super) name: &'static str,
    pub(super) joins: u64,
    pub(super) events_each: u64,
    pub(super) time: Percentiles,
    /// Processor time of the server per join, in microseconds.
    pub(super) server_us: Option<f64>,
}

/// Joins a room with a short log and one with a long log, at its end and from its beginning.
///
/// # Errors
/// When the server does not do what it is asked.
pub(super) async fn joins(
    ground: &Ground,
    log_events: usize,
    bytes: usize,
    time: Duration,
) -> anyhow::Result<Vec<JoinFigures>> {
    let rooms = make_rooms(ground, 2).await?;
    let (short, long) = (rooms[0], rooms[1]);
    fill(ground, short, 1, bytes).await?;
    let end = fill(ground, long, log_events, bytes).await?;
    let start = Position { seq: 0, ..end };
    Ok(vec![
        join(ground, "short log", short, None, time).await?,
        join(ground, "long log, state only", long, None, time).await?,
        join(ground, "long log, from its start", long, Some((start, end.seq)), time).await?,
    ])
}

async fn fill(ground: &Ground, room: ProjectId, events: usize, bytes: usize) -> anyhow::Result<Position> {
    let mut http = Http::new(ground.target.clone());
    let mut end = None;
    for from in (0..events).step_by(BATCH) {
        let batch = (from..events.min(from + BATCH))
            .map(|n| serde_json::from_str(&publication(&stamp(0, n as u64, 0), bytes)))
            .collect::<Result<Vec<Value>, _>>()?;
        let path = format!("/api/projects/{room}/events");
        let answer = http.post(&path, &json!(batch).to_string()).await?.expect(202)?.json()?;
        end = answer["position"].as_str().and_then(|position| position.parse().ok());
    }
    end.context("the server gave no position")
}

async fn join(
    ground: &Ground,
    name: &'static str,
    room: ProjectId,
    since: Option<(Position, u64)>,
    time: Duration,
) -> anyhow::Result<JoinFigures> {
    let mut times = Histogram::default();
    let mut joins = 0;
    let cpu = |process: Option<Process>| process.and_then(Process::cpu);
    // Once before, for what is made once.
    one_join(ground, room, since).await?;
    let (began, before) = (Instant::now(), cpu(ground.process));
    while began.elapsed() < time {
        let joined = Instant::now();
        one_join(ground, room, since).await?;
        times.record(u64::try_from(joined.elapsed().as_micros())?);
        joins += 1;
    }
    let server = cpu(ground.process).zip(before).map(|(now, before)| (now - before).as_secs_f64());
    Ok(JoinFigures {
        name,
        joins,
        events_each: since.map_or(0, |(_, end)| end),
        time: times.percentiles(),
        server_us: server.map(|seconds| seconds * 1e6 / joins.max(1) as f64),
    })
}

async fn one_join(ground: &Ground, room: ProjectId, since: Option<(Position, u64)>) -> anyhow::Result<()> {
    let whole = async {
        match since {
            None => {
                let mut link = RoomLink::open(&ground.target, room, Transport::Socket, None, None).await?;
                while !matches!(link.next().await?, Heard::Opening(_)) {}
                link.say_goodbye().await;
            }
            Some((position, end)) => read_log(ground, room, position, end).await?,
        }
        anyhow::Ok(())
    };
    timeout(JOINS_WITHIN, whole).await.context("a join took too long")?
}

/// Reads events from a position on and looks at none but to count them.
async fn read_log(ground: &Ground, room: ProjectId, since: Position, end: u64) -> anyhow::Result<()> {
    use crate::cli::client::socket::{TEXT, open, take_frame};

    let mut wire = open(&ground.target, &format!("/api/ws/projects/{room}?since={since}"), None).await?;
    let mut left = end;
    while left > 0 {
        while let Some(frame) = take_frame(&mut wire.buffer)? {
            if frame.opcode == TEXT && frame.payload.starts_with(br#"{"type":"event""#) {
                left -= 1;
            }
        }
        if left > 0 {
            wire.fill().await?;
        }
    }
    Ok(())
}

/// What appending costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppendFigures {
    pub(super) publishers: usize,
    pub(super) appends: u64,
    pub(super) per_second: f64,
    pub(super) time: Percentiles,
    pub(super) server_us: Option<f64>,
}

/// Publishes one event per request, each publisher one after the other, into a room that nobody follows.
///
/// # Errors
/// When the server does not take an event.
pub(super) async fn append(
    ground: &Ground,
    publishers: usize,
    bytes: usize,
    time: Duration,
) -> anyhow::Result<AppendFigures> {
    let room = make_rooms(ground, 1).await?[0];
    let (times, appends) = (Rc::new(RefCell::new(Histogram::default())), Rc::new(Cell::new(0)));
    let before = ground.process.and_then(Process::cpu);
    let began = Instant::now();
    let running: Vec<_> = (0..publishers)
        .map(|publisher| {
            let (target, times, appends) = (ground.target.clone(), times.clone(), appends.clone());
            actix_rt::spawn(async move {
                let mut http = Http::new(target);
                let path = format!("/api/projects/{room}/events");
                while began.elapsed() < time {
                    let body = publication(&stamp(0, 0, publisher), bytes);
                    let asked = Instant::now();
                    http.post(&path, &body).await?.expect(202)?;
                    times.borrow_mut().record(u64::try_from(asked.elapsed().as_micros())?);
                    appends.set(appends.get() + 1);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for publisher in running {
        publisher.await??;
    }
    let wall = began.elapsed().as_secs_f64();
    let after = ground.process.and_then(Process::cpu);
    let appends: u64 = appends.get();
    let server = after.zip(before).map(|(after, before)| (after - before).as_secs_f64());
    let time = times.borrow().percentiles();
    Ok(AppendFigures {
        publishers,
        appends,
        per_second: appends as f64 / wall,
        time,
        server_us: server.map(|seconds| seconds * 1e6 / appends.max(1) as f64),
    })
}
