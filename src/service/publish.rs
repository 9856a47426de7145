//! Events from outside: a worker that is not one of our agents tells a room what it does.
//!
//! What a run of this server says of itself is said by the run alone: each of its changes is one transaction with the
//! record. So states and agents are taken from outside only for projects that have no run here; log lines, files and an
//! application's own events at any time. Lines join the log of the run they belong to and are numbered with it, and are
//! said at the pace of the room (`outside_lines`).

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::artifacts::{ArtifactPath, LINE_BYTES_MAX};
use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::{BrokerError, Committing};
use crate::config::LimitsConfig;
use crate::domain::event::{EventBody, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Position;
use crate::domain::run::Run;
use crate::engine::{Batch, Change, EngineError, KeptAnswer};
use crate::service::Service;
use crate::service::error::{FieldError, ServiceError};
use crate::service::idempotency::{IdempotencyKey, KEPT_FOR_MS};
use crate::service::outside_lines::RoomLines;

/// Events of one request.
pub const ITEMS_MAX: usize = 1_000;
/// Lines of one log event.
const LINES_MAX: usize = 1_000;
/// Characters of names.
const NAME_CHARS_MAX: usize = 200;
/// Characters of messages.
const MESSAGE_CHARS_MAX: usize = 4_000;
/// How often a request is tried that meets its own twin.
const TWIN_TRIES: usize = 3;

/// One event from outside.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The run it speaks of.
    pub run_id: Option<RunId>,
    /// What it says. Numbers of log lines are given here, whatever stands there.
    pub body: EventBody,
    /// By which a repeated event is known.
    pub producer: Option<ProducerSeq>,
}

impl Publication {
    /// Whether it means the same whatever else the project holds, so that nothing need be read before it is stored.
    fn stands_alone(&self) -> bool {
        let plain = matches!(self.body, EventBody::Event(_) | EventBody::Artifact(_));
        plain && self.run_id.is_none() && self.producer.is_none()
    }
}

/// A producer's own number for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerSeq {
    /// Who.
    pub producer: String,
    /// Which life of it.
    pub epoch: u64,
    /// Which event of that life.
    pub seq: u64,
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// At or behind the last of the events that could be said at once. Log lines above the pace of the room are kept, and
    /// said or said to be skipped soon after.
    pub position: Position,
    /// How many were new.
    pub accepted: usize,
    /// How many were known already.
    pub duplicates: usize,
}

/// What is becoming of a publication whose place in the order of the log is settled.
#[derive(Debug)]
pub enum Publishing {
    /// It is on its way to the disk; how many events it has.
    Committing(Committing, usize),
    /// It is known already what became of it.
    Done(Published),
}

impl Publishing {
    /// Waits until it is durable.
    ///
    /// # Errors
    /// When there is no such project, or it cannot be stored.
    pub async fn published(self) -> Result<Published, ServiceError> {
        match self {
            Publishing::Committing(commit, accepted) => {
                let positions = commit.await?.positions;
                let position = positions.last().copied().ok_or_else(|| {
                    ServiceError::Internal("an append was answered without a position".to_owned())
                })?;
                Ok(Published { position, accepted, duplicates: 0 })
            }
            Publishing::Done(published) => Ok(published),
        }
    }
}

impl Service {
    /// Publishes events into a room, all of them or none. When it answers, everything that is published later comes
    /// later in the log too.
    ///
    /// # Errors
    /// When there is no such project, an event is wrong, or the project's state does not allow it.
    pub async fn publish(
        &self,
        caller: Caller,
        project: ProjectId,
        items: Vec<Publication>,
        key: Option<IdempotencyKey>,
    ) -> Result<Publishing, ServiceError> {
        caller.may_in(Action::Publish, project)?;
        check_items(&items, &self.config().limits)?;
        if key.is_none() && items.iter().all(Publication::stands_alone) {
            // The engine itself sees whether there is such a project; nothing else need be known.
            let accepted = items.len();
            let events = items.into_iter().map(|item| NewEvent { run_id: None, body: item.body }).collect();
            let commit =
                self.ground().broker.committing(Batch::of([Change::Append { room: project, events }]));
            return Ok(Publishing::Committing(commit, accepted));
        }
        self.publish_in_context(project, &items, key.as_ref()).await.map(Publishing::Done)
    }

    /// Publishes what has to be looked at beside the project's runs, its log or earlier publications.
    async fn publish_in_context(
        &self,
        project: ProjectId,
        items: &[Publication],
        key: Option<&IdempotencyKey>,
    ) -> Result<Published, ServiceError> {
        let engine = &self.ground().engine;
        self.stored_project(project).await?;
        let newest = engine.runs_of(project, 1).await?.into_iter().next();
        for item in items {
            check_allowed(item, newest.as_ref())?;
            if let Some(run) = item.run_id {
                let known = engine.run(run).await?.is_some_and(|run| run.project_id == project);
                if !known {
                    return Err(ServiceError::invalid("run_id", "is no run of this project"));
                }
            }
        }
        let newest = newest.map(|run| run.id);
        // Lines get their numbers one request after the other; all else is put in order by the engine.
        let has_lines = items.iter().any(|item| matches!(item.body, EventBody::Log(_)));
        let mut lines = if has_lines { Some(self.room_lines(project).await) } else { None };
        for _ in 0..TWIN_TRIES {
            match self.try_publish(project, newest, items, key, lines.as_deref_mut()).await {
                Err(EngineError::KeyTaken(_)) => {}
                answer => {
                    if let Some(lines) = lines.as_deref_mut() {
                        self.attend(lines);
                    }
                    return answer?;
                }
            }
        }
        Err(ServiceError::Unavailable)
    }

    /// The outer error is the engine's, so that a twin can be seen.
    async fn try_publish(
        &self,
        project: ProjectId,
        newest: Option<RunId>,
        items: &[Publication],
        key: Option<&IdempotencyKey>,
        mut lines: Option<&mut RoomLines>,
    ) -> Result<Result<Published, ServiceError>, EngineError> {
        let ground = self.ground();
        let now = ground.clock.now();
        let mut changes = Vec::new();
        if let Some(key) = key {
            match key.kept(&*ground.engine, now).await {
                Ok(None) => {}
                Ok(Some(_)) => return self.nothing_new(project, items.len()).await,
                Err(error) => return Ok(Err(error)),
            }
            let answer = key.keep(202, "{}".to_owned(), now);
            changes.push(Change::KeepAnswer { key: key.key.clone(), answer, now });
        }
        let mut fresh = Vec::with_capacity(items.len());
        for item in items {
            if let Some(producer) = &item.producer {
                let key = producer_key(project, producer);
                let answer = KeptAnswer {
                    body_sha256: hash(&item.body),
                    status: 202,
                    answer: "{}".to_owned(),
                    expires_at: now.plus_ms(KEPT_FOR_MS),
                };
                match ground.engine.idempotent_answer(key.clone(), now).await? {
                    Some(kept) if kept.body_sha256 == answer.body_sha256 => continue,
                    Some(_) => return Ok(Err(ServiceError::KeyReused)),
                    None => changes.push(Change::KeepAnswer { key, answer, now }),
                }
            }
            fresh.push(item);
        }
        if fresh.is_empty() {
            return self.nothing_new(project, items.len()).await;
        }
        let mut events: Vec<NewEvent> = Vec::new();
        for item in &fresh {
            match (&item.body, lines.as_deref_mut()) {
                // Lines that follow one another share events: they are said when something else comes, or at the end.
                (EventBody::Log(log), Some(lines)) => {
                    let run = item.run_id.or(newest);
                    match self.write_lines(project, run, log).await {
                        Ok(first) => lines.push(run, log, first),
                        Err(error) => return Ok(Err(error)),
                    }
                }
                (body, lines) => {
                    if let Some(lines) = lines {
                        let ends = matches!(body, EventBody::Completion(_));
                        events.extend(if ends { lines.take_last(now) } else { lines.take(now) });
                    }
                    events.push(NewEvent { run_id: item.run_id, body: body.clone() });
                }
            }
        }
        if let Some(lines) = lines.as_deref_mut() {
            events.extend(lines.take(now));
        }
        if !events.is_empty() {
            changes.push(Change::Append { room: project, events: events.clone() });
        }
        let committed = match ground.broker.commit(Batch::of(changes)).await {
            Ok(committed) => committed,
            Err(error) => {
                if let Some(lines) = lines {
                    lines.missed(&events);
                }
                return match error {
                    BrokerError::Engine(error) => Err(error),
                    error => Ok(Err(error.into())),
                };
            }
        };
        let position = match committed.positions.last() {
            Some(position) => *position,
            // All of it waits to be said.
            None => self.head(project).await?,
        };
        let accepted = fresh.len();
        Ok(Ok(Published { position, accepted, duplicates: items.len() - accepted }))
    }

    async fn nothing_new(
        &self,
        project: ProjectId,
        duplicates: usize,
    ) -> Result<Result<Published, ServiceError>, EngineError> {
        Ok(Ok(Published { position: self.head(project).await?, accepted: 0, duplicates }))
    }

    /// Where the log of a room stands.
    async fn head(&self, project: ProjectId) -> Result<Position, EngineError> {
        let bounds = self.ground().engine.log_bounds(project).await?;
        let bounds = bounds.ok_or(EngineError::NotFound("project"))?;
        Ok(Position { epoch: bounds.epoch, seq: bounds.last })
    }
}

fn producer_key(project: ProjectId, producer: &ProducerSeq) -> String {
    format!("produce:{project}:{}:{}:{}", producer.epoch, producer.seq, producer.producer)
}

fn hash(body: &EventBody) -> String {
    let json = serde_json::to_vec(body).expect("events have text keys and finite numbers only");
    hex::encode(Sha256::digest(json))
}

/// Whether the project's runs leave room for this.
fn check_allowed(item: &Publication, newest: Option<&Run>) -> Result<(), ServiceError> {
    match (&item.body, newest) {
        (_, None) | (EventBody::Log(_) | EventBody::Artifact(_) | EventBody::Event(_), _) => Ok(()),
        _ => {
            let why = "this project has runs on this server, and they say their states themselves";
            Err(ServiceError::Conflict(why.to_owned()))
        }
    }
}

fn check_items(items: &[Publication], limits: &LimitsConfig) -> Result<(), ServiceError> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(ServiceError::invalid("body", format!("must hold 1 to {ITEMS_MAX} events")));
    }
    let several = items.len() > 1;
    let mut wrong = Vec::new();
    for (place, item) in items.iter().enumerate() {
        for mut error in check_item(item, limits) {
            if several {
                error.field = format!("{place}.{}", error.field);
            }
            wrong.push(error);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
}

fn check_item(item: &Publication, limits: &LimitsConfig) -> Vec<FieldError> {
    let mut check = Check(Vec::new());
    if let Some(producer) = &item.producer {
        check.text("producer", &producer.producer, 1, NAME_CHARS_MAX);
    }
    match &item.body {
        EventBody::StatusUpdate(update) => {
            check.percent("progress", update.progress);
            check.text("message", &update.message, 0, MESSAGE_CHARS_MAX);
            check.that("status", !update.status.is_terminal(), "is terminal; publish a completion");
        }
        EventBody::AgentUpdate(update) => {
            check.text("agent", &update.agent, 1, NAME_CHARS_MAX);
            check.text("title", &update.title, 0, NAME_CHARS_MAX);
            check.text("message", &update.message, 0, MESSAGE_CHARS_MAX);
            check.percent("progress", update.progress);
            let in_range = (1..=1_000).contains(&update.total) && (1..=update.total).contains(&update.index);
            check.that("index", in_range, "must be from 1 to total, and total at most 1000");
        }
        EventBody::Log(log) => {
            let count = (1..=LINES_MAX).contains(&log.lines.len());
            check.that("lines", count, &format!("must hold 1 to {LINES_MAX} lines"));
            let short = log.lines.iter().all(|line| line.text.len() <= LINE_BYTES_MAX);
            check.that("lines", short, &format!("must each have at most {LINE_BYTES_MAX} bytes"));
            let single = log.lines.iter().all(|line| !line.text.contains(['\n', '\r']));
            check.that("lines", single, "must not hold line ends");
            check.text("agent", log.agent.as_deref().unwrap_or_default(), 0, NAME_CHARS_MAX);
        }
        EventBody::Artifact(artifact) => {
            if let Err(error) = ArtifactPath::parse(&artifact.path) {
                check.that("path", false, &error.to_string());
            }
            let hash = artifact.sha256.len() == 64
                && artifact.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            check.that("sha256", hash, "must be 64 lower-case hexadecimal digits");
            check.text("media_type", &artifact.media_type, 1, NAME_CHARS_MAX);
            check.url("url", &artifact.url);
        }
        EventBody::Completion(completion) => {
            check.that("status", completion.status.is_terminal(), "must be a terminal state");
            check.text("message", &completion.message, 0, MESSAGE_CHARS_MAX);
            if let Some(error) = &completion.error {
                // The state of the room carries it to everyone who joins.
                check.text("error.message", &error.message, 1, MESSAGE_CHARS_MAX);
                check.text("error.agent", error.agent.as_deref().unwrap_or_default(), 0, NAME_CHARS_MAX);
                check.text("error.file", error.file.as_deref().unwrap_or_default(), 0, MESSAGE_CHARS_MAX);
            }
            if let Some(url) = &completion.download_url {
                check.url("download_url", url);
            }
        }
        EventBody::Event(event) => {
            check.text("name", &event.name, 1, NAME_CHARS_MAX);
            let size = json_bytes(&event.data);
            let max = limits.event_bytes_max;
            check.that("data", size <= max, &format!("has {size} bytes as JSON; at most {max} are allowed"));
        }
    }
    check.0
}

fn json_bytes(value: &Value) -> usize {
    /// Counts what is written and keeps nothing of it.
    struct Count(usize);

    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("counting cannot fail, and a value has text keys");
    count.0
}

/// Wrong fields of one event.
struct Check(Vec<FieldError>);

impl Check {
    fn that(&mut self, field: &str, holds: bool, message: &str) {
        if !holds {
            self.0.push(FieldError::new(field, message));
        }
    }

    fn text(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let fits = (min..=max).contains(&text.chars().count());
        self.that(field, fits, &format!("must have {min} to {max} characters"));
    }

    fn percent(&mut self, field: &str, value: f64) {
        self.that(field, (0.0..=100.0).contains(&value), "must be from 0 to 100");
    }

    /// Pages turn these into links: an address of another scheme could be a script.
    fn url(&mut self, field: &str, url: &str) {
        let own = url.starts_with('/') && !url.starts_with("//") && !url.contains('\\');
        let safe = own || url.starts_with("https://") || url.starts_with("http://");
        let plain = url.len() <= 2_000 && url.bytes().all(|byte| byte.is_ascii_graphic());
        self.that(field, safe && plain, "must be an http or https address, or a path of this server");
    }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
