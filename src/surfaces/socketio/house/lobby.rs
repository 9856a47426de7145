//! What every Socket.IO client hears, and what the dashboard hears: one actor makes it once for all of them.
//!
//! Clients read from two bounded lines of messages and from slots of which only the newest counts. One that falls off a line
//! is told how things stand and goes on from there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use crate::auth::Caller;
use crate::broker::clients::ClientQuery;
use crate::broker::inbox::{Batch, InboxReader};
use crate::broker::{RunNews, RunStep};
use crate::domain::event::{EventBody, LoggedEvent};
use crate::domain::ids::RunId;
use crate::domain::run::{Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::watch::AdminNews;
use crate::surfaces::admin::{stats_json, wire};
use crate::surfaces::vocabulary::{Happening, IMAGE_PIPELINE, happening, row};
use crate::telemetry::system::{SystemSample, SystemSampler};

/// News that may wait for the lobby; beyond that it looks at the runs anew.
const NEWS_CAPACITY: usize = 8_192;
/// Messages that a client may be behind by before it is told how things stand instead.
const LINE_CAPACITY: usize = 512;
const TELEMETRY_EVERY: Duration = Duration::from_secs(1);
const METRICS_EVERY: Duration = Duration::from_secs(2);
/// A job's progress is told to the dashboard at most this often.
const JOB_UPDATE_EVERY_MS: u64 = 1_000;
/// Ticks of [`METRICS_EVERY`] between two samples while nobody looks at the dashboard.
const UNWATCHED_TICKS: u32 = 5;
/// Clients that the dashboard is shown without asking: those that are furthest behind, then the newest.
const CLIENTS_SHOWN: usize = 50;
/// Clients that went and are shown without asking.
const CLOSINGS_SHOWN: usize = 20;
/// Rooms that are shown without asking.
const ROOMS_SHOWN: usize = 20;
/// Runs that are shown to who comes to the dashboard.
const RUNS_SHOWN: usize = 200;
/// Entries of the audit log that are shown to who comes to the dashboard.
const ENTRIES_SHOWN: usize = 30;
/// Letters of a brief that stand for a job.
const BRIEF_CHARS: usize = 120;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A message for many.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// The name of the event.
    pub(super) name: &'static str,
    /// Its payload as JSON.
    pub(super) payload: String,
}

/// The ears of a client.
#[derive(Clone)]
pub struct Lobby(Arc<Lines>);

struct Lines {
    everyone: broadcast::Sender<Arc<Said>>,
    dashboard: broadcast::Sender<Arc<Said>>,
    status: watch::Sender<Arc<str>>,
    telemetry: watch::Sender<Arc<str>>,
    metrics: watch::Sender<Arc<str>>,
}

impl Lobby {
    /// Starts the actor behind it. Needs a running actix system.
    pub fn start(service: Service) -> Self {
        let (nothing, board): (Arc<str>, _) = (Arc::from(""), Board::new(service.picture_backend()));
        let lines = Arc::new(Lines {
            everyone: broadcast::Sender::new(LINE_CAPACITY),
            dashboard: broadcast::Sender::new(LINE_CAPACITY),
            status: watch::Sender::new(board.status(true).to_string().into()),
            telemetry: watch::Sender::new(nothing.clone()),
            metrics: watch::Sender::new(nothing),
        });
        let (news, steps) = (service.broker().watch(NEWS_CAPACITY), service.broker().steps());
        let news_of_admins = service.admin_news();
        LobbyActor {
            service: service.clone(),
            lines: lines.clone(),
            board,
            sampler: SystemSampler::default(),
            news: Some(news),
            steps,
            // The first look is not put off: what comes later is held against it.
            unwatched_ticks: UNWATCHED_TICKS,
        }
        .start();
        let told_anew = service.clone();
        actix::spawn(tell_admin_news(news_of_admins, lines.clone(), async move || {
            dashboard_state(&told_anew).await.map(|state| state.to_string())
        }));
        Self(lines)
    }

    pub(super) fn everyone(&self) -> broadcast::Receiver<Arc<Said>> {
        self.0.everyone.subscribe()
    }

    pub(super) fn dashboard(&self) -> broadcast::Receiver<Arc<Said>> {
        self.0.dashboard.subscribe()
    }

    /// How the image pipeline stands now.
    pub fn status(&self) -> Arc<str> {
        self.0.status.borrow().clone()
    }

    pub(super) fn telemetry(&self) -> watch::Receiver<Arc<str>> {
        self.0.telemetry.subscribe()
    }

    pub(super) fn metrics(&self) -> watch::Receiver<Arc<str>> {
        self.0.metrics.subscribe()
    }
}

/// A run as the lobby knows it.
#[derive(Clone, Debug)]
struct Job {
    run: Run,
    image_url: Option<String>,
    step: Option<RunStep>,
    told_at: Option<Timestamp>,
}

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Everyone,
    Dashboard,
}

/// The runs that have not ended, as plain data.
#[derive(Debug)]
struct Board {
    /// Who makes the pictures.
    backend: &'static str,
    jobs: HashMap<RunId, Job>,
    /// The day that `completed_today` counts, in days since 1970.
    day: i64,
    completed_today: u64,
}

impl Board {
    fn new(backend: &'static str) -> Self {
        Self { backend, jobs: HashMap::new(), day: 0, completed_today: 0 }
    }

    fn learn(&mut self, run: Run) {
        self.jobs.entry(run.id).or_insert(Job { run, image_url: None, step: None, told_at: None });
    }

    /// A step is taken; the event that says it comes next.
    fn stepped(&mut self, step: RunStep) {
        if let Some(job) = self.jobs.get_mut(&step.run) {
            job.step = Some(step);
        }
    }

    /// What an event makes the house say.
    fn take(&mut self, id: RunId, event: &LoggedEvent, ready: bool) -> Vec<(Audience, Said)> {
        let (Ok(body), Some(job)) = (event.body(), self.jobs.get_mut(&id)) else { return Vec::new() };
        let before = job.run.status;
        match &body {
            EventBody::StatusUpdate(update) => {
                job.run.status = update.status;
                job.run.progress = job.run.progress.max(update.progress);
                job.run.message.clone_from(&update.message);
                if update.status == RunStatus::Running {
                    job.run.started_at.get_or_insert(event.at);
                }
            }
            EventBody::Artifact(artifact) if is_shown(&artifact.media_type) => {
                job.image_url = Some(artifact.url.clone());
            }
            EventBody::Completion(completion) => job.run.status = completion.status,
            _ => {}
        }
        let Some(what) = happening(&body) else { return Vec::new() };
        let job = job.clone();
        if job.run.status.is_terminal() {
            self.jobs.remove(&id);
        }
        if what == Happening::Completed {
            self.count_completed(event.at);
        }
        let mut said = Vec::new();
        if job.run.pipeline == IMAGE_PIPELINE {
            for name in row(what).everyone {
                let payload = match *name {
                    "status" => self.status(ready),
                    name => image_payload(name, &job, &body, event.at),
                };
                said.push((Audience::Everyone, Said { name, payload: payload.to_string() }));
            }
            // That it pauses or goes on is a change of the status as well.
            if what == Happening::Progress && job.run.status != before {
                said.push((
                    Audience::Everyone,
                    Said { name: "status", payload: self.status(ready).to_string() },
                ));
            }
        }
        let often = what == Happening::Progress
            && job.told_at.is_some_and(|told| event.at.since(told) < JOB_UPDATE_EVERY_MS);
        if !often {
            if let Some(known) = self.jobs.get_mut(&id) {
                known.told_at = Some(event.at);
            }
            for name in row(what).dashboard {
                let payload = match *name {
                    "admin_alert" => json!({
                        "level": "error",
                        "title": format!("Job {}", job.run.status.as_str().replace('_', " ")),
                        "message": failure(&body, &job.run),
                    }),
                    _ => json!({ "job": job_json(&job.run) }),
                };
                said.push((Audience::Dashboard, Said { name, payload: payload.to_string() }));
            }
        }
        said
    }

    fn count_completed(&mut self, at: Timestamp) {
        let day = at.0.div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.completed_today) = (day, 0);
        }
        self.completed_today += 1;
    }

    fn completed_today(&self, now: Timestamp) -> u64 {
        if now.0.div_euclid(DAY_MS) == self.day { self.completed_today } else { 0 }
    }

    /// How the image pipeline stands.
    fn status(&self, ready: bool) -> Value {
        let image = || self.jobs.values().filter(|job| job.run.pipeline == IMAGE_PIPELINE);
        let working = image().filter(|job| job.run.status != RunStatus::Queued).min_by_key(|job| job.run.id);
        let queued = image().filter(|job| job.run.status == RunStatus::Queued).count();
        let state = match (working, queued) {
            (Some(job), _) => job.run.status.as_str(),
            (None, 0) => "idle",
            (None, _) => RunStatus::Queued.as_str(),
        };
        json!({
            "state": state,
            "job_id": working.map(|job| job.run.id),
            "queue": queued,
            "backend": self.backend,
            "ready": ready,
        })
    }
}

/// Whether a browser shows such a picture.
fn is_shown(media_type: &str) -> bool {
    matches!(
        media_type,
        "image/png" | "image/jpeg" | "image/webp" | "image/gif" | "image/avif" | "image/svg+xml"
    )
}

fn image_payload(name: &str, job: &Job, body: &EventBody, at: Timestamp) -> Value {
    let run = &job.run;
    let param = |name: &str| run.params.get(name).cloned().unwrap_or(Value::Null);
    let elapsed_ms = run.started_at.map_or(0, |started| at.since(started));
    match (name, body) {
        ("progress", EventBody::StatusUpdate(update)) => {
            let step = job.step.as_ref();
            json!({
                "job_id": run.id,
                "step": step.map_or(0, |step| step.step),
                "total_steps": step.map(|step| step.of).or(param("steps").as_u64()),
                "percent": run.progress,
                "elapsed_ms": elapsed_ms,
                "eta_ms": update.eta.map(|eta| eta.high_ms),
                "preview_url": job.image_url.as_deref().or(step.map(|step| step.preview_url.as_ref())),
            })
        }
        ("completed", EventBody::Completion(completion)) => json!({
            "job_id": run.id,
            "image_url": job.image_url,
            "elapsed_ms": completion.duration_ms,
            "seed": param("seed"),
        }),
        ("error", body) => json!({ "job_id": run.id, "message": failure(body, run) }),
        _ => json!({ "job_id": run.id, "prompt": run.brief, "steps": param("steps") }),
    }
}

fn failure(body: &EventBody, run: &Run) -> String {
    match body {
        EventBody::Completion(completion) => completion
            .error
            .as_ref()
            .map_or_else(|| completion.message.clone(), |error| error.message.clone()),
        _ => run.message.clone(),
    }
}

fn job_json(run: &Run) -> Value {
    json!({
        "id": run.id,
        "project_id": run.project_id,
        "pipeline": run.pipeline,
        "status": run.status,
        "progress": run.progress,
        "message": run.message,
        "brief": run.brief.chars().take(BRIEF_CHARS).collect::<String>(),
        "priority": run.priority,
        "created_at": run.created_at,
        "started_at": run.started_at,
    })
}

fn telemetry_json(sample: &SystemSample) -> Value {
    const MIB: f64 = 1024.0 * 1024.0;
    let rounded = |figure: f64| (figure * 10.0).round() / 10.0;
    let share = match (sample.memory_bytes, sample.memory_total_bytes) {
        (Some(used), Some(total)) if total > 0 => Some(rounded(100.0 * used as f64 / total as f64)),
        _ => None,
    };
    json!({
        "cpu_percent": sample.cpu_percent,
        "accelerator_percent": null,
        "memory_mb": sample.memory_bytes.map(|bytes| rounded(bytes as f64 / MIB)),
        "memory_percent": share,
        "power_w": null,
    })
}

struct LobbyActor {
    service: Service,
    lines: Arc<Lines>,
    board: Board,
    sampler: SystemSampler,
    news: Option<InboxReader<RunNews>>,
    steps: broadcast::Receiver<RunStep>,
    /// Ticks since the last sample that nobody looked at.
    unwatched_ticks: u32,
}

impl LobbyActor {
    /// Looks at the runs that have not ended, and tells how things stand.
    fn look_anew(&mut self, ctx: &mut Context<Self>) {
        let (service, watched) = (self.service.clone(), self.lines.dashboard.receiver_count() > 0);
        let look = async move {
            let runs = service.active_runs(Caller::HOUSE).await?;
            let shown = if watched { Some(dashboard_state(&service).await?) } else { None };
            Ok::<_, ServiceError>((runs, shown))
        };
        ctx.wait(look.into_actor(self).map(|looked, actor, _| match looked {
            Ok((runs, shown)) => {
                actor.board.jobs.clear();
                runs.into_iter().for_each(|run| actor.board.learn(run));
                let status = actor.keep_status();
                let _ =
                    actor.lines.everyone.send(Arc::new(Said { name: "status", payload: status.to_string() }));
                if let Some(state) = shown {
                    let state = Said { name: "dashboard_state", payload: state.to_string() };
                    let _ = actor.lines.dashboard.send(Arc::new(state));
                }
            }
            Err(error) => log::warn!("the lobby cannot see the runs: {error}"),
        }));
    }

    fn keep_status(&self) -> Arc<str> {
        let status: Arc<str> = self.board.status(self.service.is_ready()).to_string().into();
        self.lines.status.send_replace(status.clone());
        status
    }

    fn tell(&mut self, news: &[RunNews]) {
        loop {
            match self.steps.try_recv() {
                Ok(step) => self.board.stepped(step),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        let ready = self.service.is_ready();
        let said: Vec<_> = news.iter().flat_map(|one| self.board.take(one.run, &one.event, ready)).collect();
        // One that was learnt of after its end has nothing more to say.
        self.board.jobs.retain(|_, job| !job.run.status.is_terminal());
        // Who asks for the status because of what it was just told gets no older one.
        self.keep_status();
        for (audience, said) in said {
            let line = match audience {
                Audience::Everyone => &self.lines.everyone,
                Audience::Dashboard => &self.lines.dashboard,
            };
            // Nobody may be listening.
            let _ = line.send(Arc::new(said));
        }
    }

    fn measure(&mut self, ctx: &mut Context<Self>) {
        let watched = self.lines.metrics.receiver_count() > 0;
        self.unwatched_ticks += 1;
        if !watched && self.unwatched_ticks < UNWATCHED_TICKS {
            return;
        }
        self.unwatched_ticks = 0;
        let service = self.service.clone();
        let look = async move {
            let (stats, sample) = service.take_sample(Caller::HOUSE).await?;
            let view = if watched { Some(look(&service).await?) } else { None };
            Ok::<_, ServiceError>((stats, sample, view))
        };
        ctx.spawn(look.into_actor(self).map(|looked, actor, _| {
            let (stats, sample, view) = match looked {
                Ok((stats, sample, Some(view))) => (stats, sample, view),
                Ok(_) => return,
                Err(error) => return log::warn!("the server cannot be looked after: {error}"),
            };
            let count = |status| {
                let mut known = stats.engine.runs_by_status.iter();
                known.find(|(one, _)| *one == status).map_or(0, |(_, count)| *count)
            };
            let active: u64 =
                RunStatus::ALL.into_iter().filter(|status| !status.is_terminal()).map(count).sum();
            let mut metrics = json!({ "metrics": {
                "active_jobs": active,
                "queued_jobs": stats.queue_depth,
                "completed_today": actor.board.completed_today(stats.at),
                "system_load": stats.system.load.map(|load| load[0]),
                "cpu_percent": stats.system.cpu_percent,
                "memory_bytes": stats.system.memory_bytes,
                "connections": stats.broker.connections.total,
                "events_per_second": stats.broker.events.per_second,
                "uptime_s": stats.uptime_s,
                "stats": stats_json(&stats),
                "sample": sample,
            }});
            for (name, value) in view {
                metrics["metrics"][name] = value;
            }
            actor.lines.metrics.send_replace(metrics.to_string().into());
        }));
    }
}

/// What the dashboard shows besides the figures.
async fn look(service: &Service) -> Result<Vec<(&'static str, Value)>, ServiceError> {
    let query = ClientQuery { limit: CLIENTS_SHOWN, ..ClientQuery::default() };
    let clients = service.clients(Caller::HOUSE, &query).await?;
    let (rooms, rooms_total) = service.rooms(Caller::HOUSE, ROOMS_SHOWN).await?;
    let closed: Vec<Value> = clients.closed.iter().take(CLOSINGS_SHOWN).map(wire::closing).collect();
    Ok(vec![
        ("queue", crate::surfaces::rest::queue::document(&service.queue(Caller::HOUSE).await?)),
        ("clients", clients.clients.iter().map(wire::client).collect()),
        ("clients_total", clients.total.into()),
        ("closed", closed.into()),
        ("rooms", rooms.iter().map(wire::room).collect()),
        ("rooms_total", rooms_total.into()),
    ])
}

/// What somebody hears who comes to the dashboard: the last minutes, alerts, runs, and who did what lately.
pub(super) async fn dashboard_state(service: &Service) -> Result<Value, ServiceError> {
    let mut runs = service.active_runs(Caller::HOUSE).await?;
    runs.truncate(RUNS_SHOWN);
    let jobs: Vec<Value> = runs.iter().map(job_json).collect();
    let audit = service.audit_log(Caller::HOUSE, None, ENTRIES_SHOWN).await?;
    Ok(json!({
        "history": service.history(Caller::HOUSE)?,
        "alerts": wire::alerts(&service.alerts(Caller::HOUSE).await?),
        "jobs": jobs,
        "audit": audit,
    }))
}

/// Passes on to the dashboard what people do and what rules find.
async fn tell_admin_news(
    mut news: broadcast::Receiver<AdminNews>,
    lines: Arc<Lines>,
    state: impl AsyncFn() -> Result<String, ServiceError>,
) {
    loop {
        let said = match news.recv().await {
            Ok(AdminNews::Alert(state, alert)) => {
                Said { name: "admin_alert", payload: wire::alert_news(state, &alert).to_string() }
            }
            Ok(AdminNews::Audit(entry)) => {
                Said { name: "audit_entry", payload: json!({ "entry": entry }).to_string() }
            }
            // What was missed is summed up by how things stand.
            Err(broadcast::error::RecvError::Lagged(_)) => match state().await {
                Ok(payload) => Said { name: "dashboard_state", payload },
                Err(error) => {
                    log::warn!("the dashboard cannot be shown anew: {error}");
                    continue;
                }
            },
            Err(broadcast::error::RecvError::Closed) => return,
        };
        // Nobody may be listening.
        let _ = lines.dashboard.send(Arc::new(said));
    }
}

impl Actor for LobbyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look_anew(ctx);
        if let Some(news) = self.news.take() {
            ctx.add_stream(news);
        }
        ctx.run_interval(TELEMETRY_EVERY, |actor, _| {
            if actor.lines.telemetry.receiver_count() > 0 {
                let sample = telemetry_json(&actor.sampler.sample());
                actor.lines.telemetry.send_replace(sample.to_string().into());
            }
        });
        ctx.run_interval(METRICS_EVERY, |actor, ctx| actor.measure(ctx));
    }
}

impl StreamHandler<Batch<RunNews>> for LobbyActor {
    fn handle(&mut self, batch: Batch<RunNews>, ctx: &mut Self::Context) {
        if batch.overflowed {
            return self.look_anew(ctx);
        }
        let news = batch.items;
        let mut unknown: Vec<RunId> =
            news.iter().map(|one| one.run).filter(|run| !self.board.jobs.contains_key(run)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return self.tell(&news);
        }
        let service = self.service.clone();
        let runs = async move {
            let mut runs = Vec::new();
            for id in unknown {
                // A run whose project was removed meanwhile is nobody's any more.
                runs.extend(service.run(Caller::HOUSE, id).await.ok());
            }
            runs
        };
        // Nothing overtakes the news that wait here.
        ctx.wait(runs.into_actor(self).map(move |runs, actor, _| {
            runs.into_iter().for_each(|run| actor.board.learn(run));
            actor.tell(&news);
        }));
    }
}

#[cfg(test)]
#[path = "lobby_tests.rs"]
mod tests;
