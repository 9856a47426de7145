//! What a worker outside publishes of the run that it drives: the record goes with it, in the same transaction.

use crate::domain::control::OutsideWorker;
use crate::domain::event::EventBody;
use crate::domain::ids::RunId;
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::Change;
use crate::runs::outside;
use crate::service::error::ServiceError;
use crate::service::publish::Publication;

/// The newest run of a project with what one request says of it.
pub(super) struct Driving {
    project: Project,
    newest: Option<Run>,
    /// What becomes of the record.
    change: RecordChange,
    now: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RecordChange {
    None,
    New,
    /// It was read with this version.
    Updated(u64),
}

impl Driving {
    pub(super) fn new(project: Project, newest: Option<Run>, now: Timestamp) -> Self {
        Self { project, newest, change: RecordChange::None, now }
    }

    /// Takes the next event: the run it is said of, and how it is said.
    pub(super) fn take(&mut self, item: &Publication) -> Result<(Option<RunId>, EventBody), ServiceError> {
        let is_state = says_state(&item.body);
        let named = |run: &Run| item.run_id == Some(run.id);
        match &self.newest {
            Some(run) if run.control.worker.is_some() => match self.driven_by(item) {
                Some(true) if item.run_id.is_none() || named(run) => self.of_driven(item),
                Some(false) if is_state || named(run) => {
                    let driver = run.control.worker.as_ref().map_or("", |worker| &worker.producer);
                    Err(conflict(format!(
                        "run {} is driven by worker {driver}, which alone speaks of it",
                        run.id
                    )))
                }
                Some(_) => Ok((item.run_id, item.body.clone())),
                None if named(run) || (is_state && item.lease_ms.is_none()) => {
                    Err(conflict(format!("run {} has ended: {}", run.id, run.message)))
                }
                None => self.of_none(item),
            },
            _ => self.of_none(item),
        }
    }

    /// The change of the record, when there is one, and the run as it is then.
    pub(super) fn into_change(self) -> Option<(Change, Run)> {
        let run = self.newest?;
        match self.change {
            RecordChange::None => None,
            RecordChange::New => Some((Change::InsertRun { run: run.clone(), beside_active: false }, run)),
            RecordChange::Updated(expected_version) => {
                Some((Change::UpdateRun { run: run.clone(), expected_version }, run))
            }
        }
    }

    /// The run that events without a name belong to.
    pub(super) fn newest(&self) -> Option<RunId> {
        self.newest.as_ref().map(|run| run.id)
    }

    /// The run that this producer drives or has driven last.
    pub(super) fn run_of(&self, producer: &str) -> Option<RunId> {
        let run = self.newest.as_ref()?;
        run.control.worker.as_ref().filter(|worker| worker.producer == producer).map(|_| run.id)
    }

    /// Whether the newest run, which has not ended, is driven by whoever says this.
    fn driven_by(&self, item: &Publication) -> Option<bool> {
        let run = self.newest.as_ref().filter(|run| !run.status.is_terminal())?;
        let driver = &run.control.worker.as_ref()?.producer;
        Some(item.producer.as_ref().is_some_and(|given| given.producer == *driver))
    }

    fn of_driven(&mut self, item: &Publication) -> Result<(Option<RunId>, EventBody), ServiceError> {
        let mut body = item.body.clone();
        if let EventBody::StatusUpdate(update) = &body
            && update.status != RunStatus::Running
        {
            let message = "must be running while a worker drives the run; its end is a completion";
            return Err(ServiceError::invalid("status", message));
        }
        let (Some(run), Some(given)) = (&mut self.newest, &item.producer) else { return Ok((None, body)) };
        if self.change == RecordChange::None {
            self.change = RecordChange::Updated(run.version);
        }
        if let Some(worker) = &mut run.control.worker {
            // A newer life of the worker goes on with the run; older ones were refused before.
            worker.epoch = given.epoch;
            worker.lease_ms = item.lease_ms.unwrap_or(worker.lease_ms);
            worker.until = self.now.plus_ms(worker.lease_ms);
        }
        outside::said(run, &mut body, self.now).map_err(|why| ServiceError::invalid("agent", why))?;
        Ok((Some(run.id), body))
    }

    /// No run is driven: the event begins one, or is of a project that has none, or concerns no state.
    fn of_none(&mut self, item: &Publication) -> Result<(Option<RunId>, EventBody), ServiceError> {
        let (Some(lease_ms), Some(given)) = (item.lease_ms, &item.producer) else {
            if self.newest.is_some() && says_state(&item.body) {
                let why = "this project has runs on this server, and they say their states themselves";
                return Err(conflict(why.to_owned()));
            }
            return Ok((item.run_id, item.body.clone()));
        };
        if let Some(active) = self.newest.as_ref().filter(|run| !run.status.is_terminal()) {
            return Err(ServiceError::RunActive(active.id));
        }
        if self.change != RecordChange::None {
            return Err(ServiceError::invalid("lease_ms", "begins a second run in one request"));
        }
        if item.run_id.is_some() {
            return Err(ServiceError::invalid("run_id", "is given by the answer when lease_ms begins a run"));
        }
        let (producer, epoch) = (given.producer.clone(), given.epoch);
        let worker = OutsideWorker { producer, epoch, lease_ms, until: self.now.plus_ms(lease_ms) };
        self.newest = Some(outside::begun(&self.project, self.newest(), worker, self.now));
        self.change = RecordChange::New;
        self.of_driven(item)
    }
}

/// Whether this is what runs of this server say themselves.
fn says_state(body: &EventBody) -> bool {
    !matches!(body, EventBody::Log(_) | EventBody::Artifact(_) | EventBody::Event(_))
}

fn conflict(why: String) -> ServiceError {
    ServiceError::Conflict(why)
}
