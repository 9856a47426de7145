//! Events from outside: a worker that is not one of our agents tells a room what it does.
//!
//! What a run of this server says of itself is said by the run alone: each of its changes is one transaction with the
//! record. So states and agents are taken from outside only for projects that have no run here, or from the worker that
//! drives the newest one (`driving`); log lines, files and an application's own events at any time. Lines join the log of the run they belong to and are numbered with it, and are
//! said at the pace of the room (`outside_lines`).

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::{BrokerError, Committing};
use crate::domain::event::{EventBody, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Position;
use crate::domain::run::Project;
use crate::engine::{Batch, Change, EngineError};
use crate::service::Service;
use crate::service::driving::Driving;
use crate::service::error::ServiceError;
use crate::service::idempotency::IdempotencyKey;
use crate::service::outside_lines::RoomLines;
use crate::service::producers::{Followed, Taken};
use crate::service::publish_checks::check_items;

/// Events of one request.
pub const ITEMS_MAX: usize = 1_000;
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
    /// How long its producer may be silent from now on: it drives a run.
    pub lease_ms: Option<u64>,
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
    /// The run that the producer drives.
    pub run_id: Option<RunId>,
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
                Ok(Published { position, accepted, duplicates: 0, run_id: None })
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
        let project = self.stored_project(project).await?;
        // Lines get their numbers one request after the other, and a producer goes on request by request; all else is put
        // in order by the engine.
        let in_turn = |item: &Publication| matches!(item.body, EventBody::Log(_)) || item.producer.is_some();
        let mut lines =
            if items.iter().any(in_turn) { Some(self.room_lines(project.id).await) } else { None };
        for _ in 0..TWIN_TRIES {
            match self.try_publish(&project, items, key, lines.as_deref_mut()).await {
                Err(EngineError::KeyTaken(_) | EngineError::NotNext) => {}
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
        project: &Project,
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
                Ok(Some(_)) => return self.nothing_new(project.id, items.len()).await,
                Err(error) => return Ok(Err(error)),
            }
            let answer = key.keep(202, "{}".to_owned(), now);
            changes.push(Change::KeepAnswer { key: key.key.clone(), answer, now });
        }
        let mut followed = Followed::new(project.id);
        let mut fresh = Vec::with_capacity(items.len());
        let mut known = None;
        for item in items {
            let Some(producer) = &item.producer else {
                fresh.push(item);
                continue;
            };
            match followed.turn(&*ground.engine, producer).await? {
                Ok(Taken::Next) => fresh.push(item),
                Ok(Taken::Before(position)) => known = position.or(known),
                Err(error) => return Ok(Err(error)),
            }
        }
        let newest = ground.engine.runs_of(project.id, 1).await?.into_iter().next();
        let mut driving = Driving::new(project.clone(), newest, now);
        let producers = || items.iter().filter_map(|item| item.producer.as_ref());
        if let (true, Some(position)) = (fresh.is_empty(), known) {
            let run_id = producers().find_map(|given| driving.run_of(&given.producer));
            return Ok(Ok(Published { position, accepted: 0, duplicates: items.len(), run_id }));
        }
        let mut said = Vec::with_capacity(fresh.len());
        for item in &fresh {
            if let Err(refused) = self.check_named_run(project.id, item).await? {
                return Ok(Err(refused));
            }
            match driving.take(item) {
                Ok(body) => said.push(body),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        let run_id = producers().find_map(|given| driving.run_of(&given.producer));
        let newest = driving.newest();
        let record = driving.into_change();
        let mut events: Vec<NewEvent> = Vec::new();
        for (run, body) in &said {
            match (body, lines.as_deref_mut()) {
                // Lines that follow one another share events: they are said when something else comes, or at the end.
                (EventBody::Log(log), Some(lines)) => {
                    let run = run.or(newest);
                    match self.write_lines(project.id, run, log).await {
                        Ok(first) => lines.push(run, log, first),
                        Err(error) => return Ok(Err(error)),
                    }
                }
                (body, lines) => {
                    if let Some(lines) = lines {
                        let ends = matches!(body, EventBody::Completion(_));
                        events.extend(if ends { lines.take_last(now) } else { lines.take(now) });
                    }
                    events.push(NewEvent { run_id: *run, body: body.clone() });
                }
            }
        }
        if let Some(lines) = lines.as_deref_mut() {
            events.extend(lines.take(now));
        }
        // A new run is announced, and one that has ended is no longer looked after.
        let heard = record.as_ref().and_then(|(change, run)| {
            (matches!(change, Change::InsertRun { .. }) || run.status.is_terminal()).then(|| run.clone())
        });
        changes.extend(record.map(|(change, _)| change));
        if !events.is_empty() {
            changes.push(Change::Append { room: project.id, events: events.clone() });
        }
        changes.extend(followed.into_changes(now));
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
            None => self.head(project.id).await?,
        };
        if let Some(run) = heard {
            ground.runs.take_in(run).await;
        }
        let accepted = fresh.len();
        Ok(Ok(Published { position, accepted, duplicates: items.len() - accepted, run_id }))
    }

    async fn nothing_new(
        &self,
        project: ProjectId,
        duplicates: usize,
    ) -> Result<Result<Published, ServiceError>, EngineError> {
        Ok(Ok(Published { position: self.head(project).await?, accepted: 0, duplicates, run_id: None }))
    }

    /// Whether the run that an event names is one it may speak of.
    async fn check_named_run(
        &self,
        project: ProjectId,
        item: &Publication,
    ) -> Result<Result<(), ServiceError>, EngineError> {
        let Some(id) = item.run_id else { return Ok(Ok(())) };
        let run = self.ground().engine.run(id).await?.filter(|run| run.project_id == project);
        Ok(match run {
            None => Err(ServiceError::invalid("run_id", "is no run of this project")),
            Some(run) if run.control.worker.is_some() && run.status.is_terminal() => {
                Err(ServiceError::Conflict(format!("run {id} has ended: {}", run.message)))
            }
            Some(_) => Ok(()),
        })
    }

    /// Where the log of a room stands.
    async fn head(&self, project: ProjectId) -> Result<Position, EngineError> {
        let bounds = self.ground().engine.log_bounds(project).await?;
        let bounds = bounds.ok_or(EngineError::NotFound("project"))?;
        Ok(Position { epoch: bounds.epoch, seq: bounds.last })
    }
}
