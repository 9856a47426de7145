//! Looks after the server: samples for the charts, rules, alerts, and news for whoever operates it.

pub mod alerts;
pub mod rules;
pub mod sample;

use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use self::alerts::{Alert, AlertBook, AlertState, NotAcknowledged};
use self::rules::Rule;
use self::sample::{History, Sample};
use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::audit::AuditEntry;
use crate::domain::control::Signed;
use crate::engine::{Batch, Change};
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::stats::ServerStats;

/// The note of the engine that holds the alerts.
const NOTE: &str = "alerts";
/// News that a listener may be behind by; beyond that it misses some and asks.
const NEWS_CAPACITY: usize = 256;

/// Something that operators hear at once.
#[derive(Clone, Debug)]
pub enum AdminNews {
    /// An alert was raised, acknowledged or cleared.
    Alert(AlertState, Alert),
    /// Somebody did something.
    Audit(AuditEntry),
}

/// What is looked after.
pub(in crate::service) struct Watch {
    history: Mutex<History>,
    /// None until it was read from the engine. Held over a change and its note, so that notes are in order.
    book: tokio::sync::Mutex<Option<KeptBook>>,
    news: broadcast::Sender<AdminNews>,
}

/// The alerts, and whether the engine has them so.
#[derive(Clone)]
struct KeptBook {
    book: AlertBook,
    noted: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            history: Mutex::default(),
            book: tokio::sync::Mutex::default(),
            news: broadcast::Sender::new(NEWS_CAPACITY),
        }
    }
}

/// Alerts as they stand.
#[derive(Clone, Debug, Default)]
pub struct AlertsView {
    /// Those that are on, the newest first.
    pub active: Vec<Alert>,
    /// Those that are over, the newest first.
    pub cleared: Vec<Alert>,
}

impl Service {
    /// Hears of alerts and of what people do. For the house itself: whoever passes it on asks who may hear it.
    pub fn admin_news(&self) -> broadcast::Receiver<AdminNews> {
        self.0.watch.news.subscribe()
    }

    pub(in crate::service) fn tell_admins(&self, news: AdminNews) {
        // Nobody may be listening.
        let _ = self.0.watch.news.send(news);
    }

    /// Takes a sample, lets the rules look at it, and says what it found.
    ///
    /// # Errors
    /// When the caller may not see the server, or the store does not answer.
    pub async fn take_sample(&self, caller: Caller) -> Result<(ServerStats, Sample), ServiceError> {
        let stats = self.stats(caller).await?;
        let sample = {
            let mut history = self.0.watch.history.lock().unwrap_or_else(PoisonError::into_inner);
            let sample = Sample::of(&stats, history.newest());
            history.push(sample.clone());
            sample
        };
        self.judge().await?;
        Ok((stats, sample))
    }

    async fn judge(&self) -> Result<(), ServiceError> {
        let mut slot = self.0.watch.book.lock().await;
        let KeptBook { mut book, noted } = self.known_book(&slot).await?;
        let changed: Vec<(AlertState, Alert)> = {
            let history = self.0.watch.history.lock().unwrap_or_else(PoisonError::into_inner);
            let (config, now) = (&self.config().alerts, self.now());
            let read = |rule: Rule| match rule.read(config, &history) {
                Some(reading) => book.read(&reading, now),
                None => book.off(rule, now),
            };
            Rule::ALL.into_iter().filter_map(read).collect()
        };
        let mut noted = noted && changed.is_empty();
        if !noted {
            // A disk that is full is what an alert may be about: it is told all the same, and noted when that works again.
            let kept = self.note_alerts(&book).await;
            noted = kept.inspect_err(|error| log::warn!("alerts cannot be noted now: {error}")).is_ok();
        }
        *slot = Some(KeptBook { book, noted });
        for (state, alert) in changed {
            log::info!("alert {} was {state:?}: {}", alert.title, alert.message);
            self.tell_admins(AdminNews::Alert(state, alert));
        }
        Ok(())
    }

    async fn known_book(&self, known: &Option<KeptBook>) -> Result<KeptBook, ServiceError> {
        if let Some(kept) = known {
            return Ok(kept.clone());
        }
        let noted = self.ground().engine.note(NOTE.to_owned()).await?;
        let book = noted.map_or_else(AlertBook::default, |text| {
            serde_json::from_str(&text).unwrap_or_else(|error| {
                log::warn!("the alerts that were noted cannot be read and begin anew: {error}");
                AlertBook::default()
            })
        });
        Ok(KeptBook { book, noted: true })
    }

    async fn note_alerts(&self, book: &AlertBook) -> Result<(), ServiceError> {
        let value = serde_json::to_string(book).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let note = Change::Note { name: NOTE.to_owned(), value: Some(value) };
        self.ground().engine.commit(Batch::of([note])).await?;
        Ok(())
    }

    /// The samples of the last minutes, the oldest first.
    ///
    /// # Errors
    /// When the caller may not see the server.
    pub fn history(&self, caller: Caller) -> Result<Vec<Sample>, ServiceError> {
        caller.may(Action::SeeServer)?;
        let history = self.0.watch.history.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(history.samples().cloned().collect())
    }

    /// Alerts as they stand.
    ///
    /// # Errors
    /// When the caller may not see the server, or the store does not answer.
    pub async fn alerts(&self, caller: Caller) -> Result<AlertsView, ServiceError> {
        caller.may(Action::SeeServer)?;
        let slot = self.0.watch.book.lock().await;
        let KeptBook { book, .. } = self.known_book(&slot).await?;
        Ok(AlertsView {
            active: book.active().cloned().collect(),
            cleared: book.cleared().cloned().collect(),
        })
    }

    /// Takes notice of an alert, in the caller's name.
    ///
    /// # Errors
    /// When the caller may not, the alert is not on, or somebody has already.
    pub async fn acknowledge(&self, caller: Caller, id: u64) -> Result<Alert, ServiceError> {
        caller.may(Action::ManageAlerts)?;
        let outcome = self.sign_alert(caller, id).await;
        let detail = outcome.as_ref().ok().map(|alert| alert.title.clone());
        self.audited(caller, "alert.acknowledge", Some(id.to_string()), detail, outcome).await
    }

    async fn sign_alert(&self, caller: Caller, id: u64) -> Result<Alert, ServiceError> {
        let mut slot = self.0.watch.book.lock().await;
        let KeptBook { mut book, .. } = self.known_book(&slot).await?;
        let signed = Signed { by: caller.name(), at: self.now() };
        let alert = book.acknowledge(id, signed).map_err(|refused| match refused {
            NotAcknowledged::Unknown => ServiceError::NotFound("alert that is on"),
            NotAcknowledged::Already(signed) => {
                ServiceError::Conflict(format!("{} has acknowledged it at {}", signed.by, signed.at))
            }
        })?;
        self.note_alerts(&book).await?;
        *slot = Some(KeptBook { book, noted: true });
        // While the book is held: it is told in the order in which it happened.
        self.tell_admins(AdminNews::Alert(AlertState::Acknowledged, alert.clone()));
        Ok(alert)
    }
}
