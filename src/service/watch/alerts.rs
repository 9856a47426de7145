//! Alerts: raised and cleared by rules, acknowledged by people. Plain data that is kept as one note of the engine.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::control::Signed;
use crate::domain::time::Timestamp;
use crate::service::watch::rules::{Level, Reading, Rule, Verdict};

/// Alerts that are over and still shown.
const CLEARED_MAX: usize = 20;
/// Samples in a row that must be good before an alert is over.
const GOOD_IN_A_ROW: u32 = 3;

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number; never given twice.
    pub id: u64,
    /// Which rule raised it.
    pub rule: Rule,
    /// How serious it is.
    pub level: Level,
    /// In a few words.
    pub title: String,
    /// In a sentence, as it was when it was last looked at.
    pub message: String,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// Who has taken notice.
    pub acknowledged: Option<Signed>,
    /// When it was over.
    pub cleared_at: Option<Timestamp>,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It was raised.
    Raised,
    /// Somebody has taken notice.
    Acknowledged,
    /// It is over.
    Cleared,
}

/// All alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertBook {
    next_id: u64,
    active: Vec<Alert>,
    cleared: VecDeque<Alert>,
    /// How often in a row each rule was bad, or good; begins anew with the server.
    #[serde(skip)]
    streaks: BTreeMap<Rule, (u32, u32)>,
}

/// Why an alert cannot be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAcknowledged {
    /// There is no such alert that is still on.
    Unknown,
    /// Somebody has already.
    Already(Signed),
}

impl AlertBook {
    /// Those that are on, the newest first.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.active.iter().rev()
    }

    /// Those that are over, the newest first.
    pub fn cleared(&self) -> impl Iterator<Item = &Alert> {
        self.cleared.iter().rev()
    }

    /// Takes a reading of a rule in; answers what changed.
    pub fn read(&mut self, reading: &Reading, now: Timestamp) -> Option<(AlertState, Alert)> {
        let rule = reading.rule;
        let (bad, good) = self.streaks.entry(rule).or_default();
        match reading.verdict {
            Verdict::Bad => (*bad, *good) = (bad.saturating_add(1), 0),
            Verdict::Near => (*bad, *good) = (0, 0),
            Verdict::Good => (*bad, *good) = (0, good.saturating_add(1)),
        }
        let (bad, good) = (*bad, *good);
        let place = self.active.iter().position(|alert| alert.rule == rule);
        match place {
            None if bad >= rule.patience() => {
                self.next_id += 1;
                let alert = Alert {
                    id: self.next_id,
                    rule,
                    level: rule.level(),
                    title: rule.title().to_owned(),
                    message: rule.message(reading.value, reading.limit),
                    raised_at: now,
                    acknowledged: None,
                    cleared_at: None,
                };
                self.active.push(alert.clone());
                Some((AlertState::Raised, alert))
            }
            Some(place) if good >= GOOD_IN_A_ROW => self.clear(place, now),
            Some(place) => {
                if reading.verdict == Verdict::Bad {
                    self.active[place].message = rule.message(reading.value, reading.limit);
                }
                None
            }
            None => None,
        }
    }

    /// The rule was turned off: what it raised is over.
    pub fn off(&mut self, rule: Rule, now: Timestamp) -> Option<(AlertState, Alert)> {
        let place = self.active.iter().position(|alert| alert.rule == rule)?;
        self.clear(place, now)
    }

    fn clear(&mut self, place: usize, now: Timestamp) -> Option<(AlertState, Alert)> {
        let mut alert = self.active.remove(place);
        alert.cleared_at = Some(now);
        self.cleared.push_back(alert.clone());
        while self.cleared.len() > CLEARED_MAX {
            self.cleared.pop_front();
        }
        Some((AlertState::Cleared, alert))
    }

    /// Somebody takes notice of an alert.
    ///
    /// # Errors
    /// When it is not on, or somebody has already.
    pub fn acknowledge(&mut self, id: u64, signed: Signed) -> Result<Alert, NotAcknowledged> {
        let alert = self.active.iter_mut().find(|alert| alert.id == id).ok_or(NotAcknowledged::Unknown)?;
        if let Some(before) = &alert.acknowledged {
            return Err(NotAcknowledged::Already(before.clone()));
        }
        alert.acknowledged = Some(signed);
        Ok(alert.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(verdict: Verdict, value: f64) -> Reading {
        Reading { rule: Rule::Queue, value, limit: 10.0, verdict }
    }

    fn signed(by: &str) -> Signed {
        Signed { by: by.to_owned(), at: Timestamp(9) }
    }

    #[test]
    fn it_is_raised_once_and_over_only_when_it_stays_good() {
        use Verdict::{Bad, Good, Near};
        let mut book = AlertBook::default();
        let steps = [
            (Bad, None),
            (Near, None),
            (Bad, None),
            (Bad, Some(AlertState::Raised)),
            (Bad, None),
            (Good, None),
            (Good, None),
            (Near, None),
            (Good, None),
            (Bad, None),
            (Good, None),
            (Good, None),
            (Good, Some(AlertState::Cleared)),
            (Good, None),
        ];
        for (at, (verdict, expected)) in (0..).zip(steps) {
            let changed = book.read(&reading(verdict, 12.0), Timestamp(at));
            assert_eq!(changed.map(|(state, _)| state), expected, "step {at}");
        }
        assert_eq!((book.active().count(), book.cleared().count()), (0, 1));
        assert_eq!(book.cleared().next().unwrap().cleared_at, Some(Timestamp(12)));
    }

    #[test]
    fn what_is_acknowledged_stays_so_and_outlives_a_restart() {
        let mut book = AlertBook::default();
        for _ in 0..2 {
            book.read(&reading(Verdict::Bad, 12.0), Timestamp(1));
        }
        assert_eq!(book.acknowledge(7, signed("a")), Err(NotAcknowledged::Unknown));
        assert_eq!(book.acknowledge(1, signed("a")).unwrap().acknowledged, Some(signed("a")));
        assert_eq!(book.acknowledge(1, signed("b")), Err(NotAcknowledged::Already(signed("a"))));
        let kept = serde_json::to_string(&book).unwrap();
        let mut book: AlertBook = serde_json::from_str(&kept).unwrap();
        for _ in 0..5 {
            assert_eq!(book.read(&reading(Verdict::Bad, 30.0), Timestamp(2)), None);
        }
        let alert = book.active().next().unwrap().clone();
        assert_eq!((alert.id, alert.acknowledged), (1, Some(signed("a"))));
        assert!(alert.message.starts_with("30 "), "{}", alert.message);
        // It comes back after it was over: another alert, which nobody has seen yet.
        for verdict in [Verdict::Good, Verdict::Good, Verdict::Good, Verdict::Bad, Verdict::Bad] {
            book.read(&reading(verdict, 12.0), Timestamp(3));
        }
        let again = book.active().next().unwrap();
        assert_eq!((again.id, &again.acknowledged), (2, &None));
    }
}
