//! How things stand now, for the channels: the queue, the server, what runs short. Looked at only while somebody follows; the
//! newest alone counts, so there is nothing to keep and nothing to tell again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::auth::Caller;
use crate::config::AlertsConfig;
use crate::domain::channel::CHANNELS;
use crate::domain::control::Lane;
use crate::domain::time::Timestamp;
use crate::service::Service;
use crate::service::control::QueueView;
use crate::service::watch::rules::{Rule, Verdict};
use crate::surfaces::vocabulary::channel_of;
use crate::telemetry::resources::{Space, disk_space, memory_space};
use crate::telemetry::system::{SystemSample, SystemSampler};

/// How often things are looked at when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often they are looked at most, however much happens.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How often the figures of the server are told when nothing else about it has changed.
const SYSTEM_EVERY_MS: u64 = 10_000;
/// What the machine may run short of; the rules for alerts say when it does.
const RESOURCES: [Rule; 2] = [Rule::Disk, Rule::Memory];

/// How something stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// The type of the message.
    pub(super) kind: &'static str,
    /// What it is about, where a type is told of several things.
    about: Option<Rule>,
    /// The channel it is on.
    pub(super) channel: u8,
    /// Which look it is of: a later one is newer.
    pub(super) version: u64,
    /// When that was.
    pub(super) at: Timestamp,
    /// What there is to say, a JSON object.
    pub(super) members: Arc<str>,
}

impl Moment {
    /// The name of its channel.
    pub(super) fn channel_name(&self) -> &'static str {
        CHANNELS[usize::from(self.channel)]
    }
}

/// All that stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The newest version.
    pub(super) version: u64,
    /// One per thing, the newest last.
    pub(super) moments: Vec<Moment>,
}

/// Hears how things stand.
#[derive(Clone)]
pub struct Moments(watch::Receiver<Arc<Standing>>);

impl Moments {
    /// Starts to look. Needs a running actix system.
    pub fn start(service: Service) -> Self {
        let (tell, hear) = watch::channel(Arc::default());
        actix::spawn(watch_over(service, tell));
        Self(hear)
    }

    /// Waits until something stands otherwise.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// How things stand.
    pub(super) fn newest(&mut self) -> Arc<Standing> {
        self.0.borrow_and_update().clone()
    }
}

async fn watch_over(service: Service, tell: watch::Sender<Arc<Standing>>) {
    let house = service.broker().house().clone();
    let (mut head, mut arrivals, sampler) = (house.head(), house.arrivals(), SystemSampler::default());
    let alerts = service.config().alerts.clone();
    let mut board = Board { started_at: service.now(), ..Board::default() };
    while !tell.is_closed() {
        // Before it is looked whether there is anybody: who comes after that look wakes the wait.
        arrivals.seen();
        if house.followers() == 0 {
            // What is told next must not be what was so a while ago.
            board.forget();
            tell.send_replace(Arc::new(board.standing.clone()));
            arrivals.somebody_came().await;
        }
        head.borrow_and_update();
        if let Ok(queue) = service.queue(Caller::HOUSE).await {
            let look = Look {
                at: service.now(),
                draining: !service.is_ready(),
                spaces: [disk_space(&service.config().data_dir), memory_space()],
                queue,
            };
            if board.look(&look, &alerts, || sampler.sample()) {
                tell.send_replace(Arc::new(board.standing.clone()));
            }
        }
        tokio::time::sleep(LOOK_PAUSE).await;
        tokio::select! {
            _ = head.changed() => {}
            () = arrivals.somebody_came() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What a look has found.
struct Look {
    at: Timestamp,
    draining: bool,
    queue: QueueView,
    /// What is left of each of [`RESOURCES`].
    spaces: [Option<Space>; RESOURCES.len()],
}

/// What was found so far, as plain data.
#[derive(Default)]
struct Board {
    started_at: Timestamp,
    standing: Standing,
    queue: Option<QueueView>,
    status: Option<(&'static str, Vec<&'static str>)>,
    system_at: Option<Timestamp>,
    short: [bool; RESOURCES.len()],
}

impl Board {
    fn forget(&mut self) {
        let standing = Standing { version: self.standing.version, moments: Vec::new() };
        *self = Self { started_at: self.started_at, standing, ..Self::default() };
    }

    /// Takes a look in; whether anything is to be told.
    fn look(&mut self, look: &Look, alerts: &AlertsConfig, sample: impl FnOnce() -> SystemSample) -> bool {
        let before = self.standing.version;
        // How long the oldest has waited changes all the time and is no news.
        let queue = QueueView { oldest_queued_ms: None, ..look.queue.clone() };
        if self.queue.as_ref() != Some(&queue) {
            self.queue = Some(queue);
            self.say("queue_status", None, look.at, queue_members(&look.queue));
        }
        for (place, (resource, space)) in RESOURCES.into_iter().zip(look.spaces).enumerate() {
            let was = self.short[place];
            let now = is_short(was, resource, space, alerts);
            if let Some(space) = space.filter(|_| now && !was) {
                let members = warning_members(resource.as_str(), space);
                self.say("resource_warning", Some(resource), look.at, members);
            }
            if !now {
                self.standing.moments.retain(|moment| moment.about != Some(resource));
            }
            self.short[place] = now;
        }
        let warnings: Vec<_> = RESOURCES
            .iter()
            .zip(self.short)
            .filter(|(_, short)| *short)
            .map(|(rule, _)| rule.as_str())
            .collect();
        let status = match (look.draining, &look.queue.paused) {
            (true, _) => "draining",
            (false, Some(_)) => "paused",
            (false, None) => "running",
        };
        let standing = Some((status, warnings));
        let due = self.system_at.is_none_or(|told| look.at.since(told) >= SYSTEM_EVERY_MS);
        if due || self.status != standing {
            let members = system_members(status, self.started_at, look, &sample(), &standing);
            self.say("system_status", None, look.at, members);
            (self.status, self.system_at) = (standing, Some(look.at));
        }
        self.standing.version > before
    }

    fn say(&mut self, kind: &'static str, about: Option<Rule>, at: Timestamp, members: Value) {
        let Some(channel) = channel_of(kind) else { return };
        self.standing.version += 1;
        let (version, members) = (self.standing.version, members.to_string().into());
        // A warning of one resource does not take the place of another's.
        self.standing.moments.retain(|known| (known.kind, known.about) != (kind, about));
        self.standing.moments.push(Moment { kind, about, channel, version, at, members });
    }
}

/// Whether too little of it is left; who was warned stays warned until there is clearly more.
fn is_short(was: bool, resource: Rule, space: Option<Space>, alerts: &AlertsConfig) -> bool {
    let reading = space.and_then(Space::free_percent).and_then(|percent| resource.judge(alerts, percent));
    match reading.map(|reading| reading.verdict) {
        Some(Verdict::Bad) => true,
        Some(Verdict::Near) => was,
        Some(Verdict::Good) | None => false,
    }
}

fn queue_members(view: &QueueView) -> Value {
    let lanes: serde_json::Map<String, Value> = Lane::NAMES
        .into_iter()
        .zip(view.waiting)
        .map(|(lane, depth)| (lane.to_owned(), depth.into()))
        .collect();
    json!({
        "queue_depth": view.waiting.iter().sum::<usize>(),
        "lanes": lanes,
        "active": view.active,
        "active_max": view.active_max,
        "resting": view.resting,
        "paused": view.paused.is_some(),
        "oldest_queued_ms": view.oldest_queued_ms,
    })
}

fn warning_members(resource: &str, Space { free_bytes, total_bytes }: Space) -> Value {
    let message =
        format!("{resource} runs short: {} MiB of {} MiB are free", free_bytes >> 20, total_bytes >> 20);
    json!({ "resource": resource, "message": message, "free_bytes": free_bytes, "total_bytes": total_bytes })
}

fn system_members(
    status: &str,
    started_at: Timestamp,
    look: &Look,
    sample: &SystemSample,
    standing: &Option<(&'static str, Vec<&'static str>)>,
) -> Value {
    json!({
        "status": status,
        "uptime_s": look.at.since(started_at) / 1000,
        "active": look.queue.active,
        "queue_depth": look.queue.waiting.iter().sum::<usize>(),
        "cpu_percent": sample.cpu_percent,
        "memory_bytes": sample.memory_bytes,
        "disk_free_bytes": look.spaces[0].map(|disk| disk.free_bytes),
        "warnings": standing.as_ref().map(|(_, warnings)| warnings.clone()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::rest::describe::assert_described;

    const ALERTS: AlertsConfig = AlertsConfig {
        queue_depth: 0,
        failures: 0,
        disk_free_percent: 10,
        memory_free_percent: 5,
        lagging: 0,
    };

    /// So much of a hundred is free.
    fn free(percent: u64) -> Option<Space> {
        Some(Space { free_bytes: percent << 30, total_bytes: 100 << 30 })
    }

    fn look(at: i64, active: usize, disk_free: u64) -> Look {
        Look {
            at: Timestamp(at),
            draining: false,
            queue: QueueView {
                paused: None,
                active,
                active_max: 2,
                waiting: [0, 1, 0],
                resting: 0,
                oldest_queued_ms: Some(at.unsigned_abs()),
            },
            spaces: [free(disk_free), free(50)],
        }
    }

    fn told(board: &mut Board, look: &Look) -> Vec<&'static str> {
        let before = board.standing.version;
        assert_eq!(board.look(look, &ALERTS, SystemSample::default), board.standing.version > before);
        let new = board.standing.moments.iter().filter(|moment| moment.version > before);
        new.map(|moment| {
            let mut said: Value = serde_json::from_str(&moment.members).unwrap();
            for (name, value) in [("type", moment.kind), ("channel", moment.channel_name()), ("position", "")]
            {
                said[name] = value.into();
            }
            said["timestamp"] = json!(moment.at);
            assert_described(&format!("channels.{}", moment.kind), &said);
            moment.kind
        })
        .collect()
    }

    #[test]
    fn only_what_stands_otherwise_is_told() {
        let mut board = Board::default();
        let plenty = 50;
        assert_eq!(told(&mut board, &look(0, 1, plenty)), ["queue_status", "system_status"]);
        assert_eq!(told(&mut board, &look(900, 1, plenty)), [""; 0]);
        assert_eq!(told(&mut board, &look(1_000, 2, plenty)), ["queue_status"]);
        assert_eq!(told(&mut board, &look(10_000, 2, plenty)), ["system_status"]);
        let mut paused = look(11_000, 2, plenty);
        paused.draining = true;
        assert_eq!(told(&mut board, &paused), ["system_status"]);
        board.forget();
        assert!(board.standing.moments.is_empty());
        assert_eq!(told(&mut board, &look(12_000, 2, plenty)), ["queue_status", "system_status"]);
    }

    /// What is warned of now.
    fn warned(board: &Board) -> Vec<Option<Rule>> {
        let warnings = board.standing.moments.iter().filter(|moment| moment.kind == "resource_warning");
        warnings.map(|moment| moment.about).collect()
    }

    #[test]
    fn a_warning_comes_once_and_goes_with_its_cause() {
        let mut board = Board::default();
        told(&mut board, &look(0, 1, 10));
        assert_eq!(warned(&board), []);
        assert_eq!(told(&mut board, &look(1, 1, 9)), ["resource_warning", "system_status"]);
        // A little more is not enough to say that it is over.
        assert_eq!(told(&mut board, &look(2, 1, 11)), [""; 0]);
        assert_eq!(warned(&board), [Some(Rule::Disk)]);
        assert_eq!(told(&mut board, &look(3, 1, 20)), ["system_status"]);
        assert_eq!(warned(&board), []);
        // Nobody is warned of a little less than clearly enough.
        assert_eq!(told(&mut board, &look(4, 1, 11)), [""; 0]);
    }

    #[test]
    fn of_two_warnings_each_goes_alone() {
        let with = |disk, memory| Look { spaces: [free(disk), free(memory)], ..look(0, 1, disk) };
        let mut board = Board::default();
        told(&mut board, &with(1, 1));
        assert_eq!(warned(&board), [Some(Rule::Disk), Some(Rule::Memory)]);
        told(&mut board, &with(50, 1));
        assert_eq!(warned(&board), [Some(Rule::Memory)]);
        told(&mut board, &with(1, 50));
        assert_eq!(warned(&board), [Some(Rule::Disk)]);
        // What cannot be told is not warned of, and neither is what nobody wants to know.
        told(&mut board, &Look { spaces: [None, free(1)], ..look(0, 1, 1) });
        assert_eq!(warned(&board), [Some(Rule::Memory)]);
        let off = AlertsConfig { memory_free_percent: 0, ..ALERTS };
        board.look(&with(50, 1), &off, SystemSample::default);
        assert_eq!(warned(&board), []);
    }
}
