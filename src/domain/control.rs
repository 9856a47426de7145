//! What people and the queue say of a run: its lane, who wants it, pauses, gates and their answers.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// How urgent a run is: lanes are served in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Somebody sits in front of it.
    Interactive,
    /// Anything else.
    #[default]
    Normal,
    /// Whenever there is nothing better to do.
    Bulk,
}

impl Lane {
    /// Their names on the wire, in the order in which they are served.
    pub const NAMES: [&'static str; 3] = ["interactive", "normal", "bulk"];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// The lane of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Interactive, Self::Normal, Self::Bulk].into_iter().find(|lane| lane.as_str() == text)
    }
}

/// Somebody did something at some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A person is asked about what an agent made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGate {
    /// The agent.
    pub agent: String,
    /// What is asked.
    pub question: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when an answer is waited for.
    pub expires_at: Option<Timestamp>,
}

/// What a person said at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// Yes or no.
    pub approved: bool,
    /// Who, and when.
    #[serde(flatten)]
    pub signed: Signed,
    /// The file whose text was replaced, or that was not good enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A worker outside that drives a run, and how long it may be silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideWorker {
    /// Under which name it publishes.
    pub producer: String,
    /// Its newest life.
    pub epoch: u64,
    /// How long it may be silent.
    pub lease_ms: u64,
    /// Until when it has to be heard again.
    pub until: Timestamp,
}

/// What people and the queue say of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunControl {
    /// How urgent it is.
    pub lane: Lane,
    /// Who asked for it.
    pub caller: Option<String>,
    /// What it occupies while it works, like `gpu`.
    pub resources: Vec<String>,
    /// Since when it waits in the queue this time; none is since it was accepted.
    pub queued_at: Option<Timestamp>,
    /// Who asked for a pause; while it is pausing or paused.
    pub paused: Option<Signed>,
    /// What a person is asked; while it is waiting.
    pub gate: Option<OpenGate>,
    /// Since when its clocks stand.
    pub halted_at: Option<Timestamp>,
    /// How long its clocks stood before that.
    pub halted_ms: u64,
    /// Who drives it, when that is a worker outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<OutsideWorker>,
}

impl RunControl {
    /// Its clocks stand from now on.
    pub fn halt(&mut self, now: Timestamp) {
        self.halted_at.get_or_insert(now);
    }

    /// Its clocks go on.
    pub fn go_on(&mut self, now: Timestamp) {
        if let Some(since) = self.halted_at.take() {
            self.halted_ms += now.since(since);
        }
    }

    /// How long its clocks have stood until `now`.
    pub fn halted_until(&self, now: Timestamp) -> u64 {
        self.halted_ms + self.halted_at.map_or(0, |since| now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_stand_and_go_on() {
        let mut control = RunControl::default();
        control.go_on(Timestamp(5));
        assert_eq!(control.halted_until(Timestamp(9)), 0);
        control.halt(Timestamp(10));
        control.halt(Timestamp(12));
        assert_eq!(control.halted_until(Timestamp(15)), 5);
        control.go_on(Timestamp(20));
        assert_eq!((control.halted_ms, control.halted_at), (10, None));
        control.halt(Timestamp(30));
        assert_eq!(control.halted_until(Timestamp(31)), 11);
    }

    #[test]
    fn lanes_read_back_and_sort_as_they_are_served() {
        let lanes: Vec<Lane> = Lane::NAMES.iter().map(|name| Lane::parse(name).unwrap()).collect();
        assert!(lanes.is_sorted());
        for lane in lanes {
            assert_eq!(serde_json::to_value(lane).unwrap(), lane.as_str());
        }
        assert_eq!(Lane::parse("Bulk"), None);
    }
}
