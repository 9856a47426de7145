//! The only definition of a room's state: the fold of its log. `static/js/client/fold.js` is its twin in the browser;
//! both are checked with the vectors in `tests/vectors/fold`.

mod bounds;
mod stored;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use self::bounds::STATE_BYTES_MAX;
pub use self::stored::StoredState;
use crate::domain::encoded::cut_to;
use crate::domain::event::{Artifact, Completion, Eta, EventBody, LogLevel, LogLine, LoggedEvent};
use crate::domain::ids::RunId;
use crate::domain::run::{AgentStatus, RunStatus};
use crate::domain::time::Timestamp;

/// What a room looks like after some events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoomState {
    /// State of the run that has the page; none before the first.
    pub status: Option<RunStatus>,
    /// 0 to 100.
    pub progress: f64,
    /// What the run says of itself.
    pub message: String,
    /// How long it is expected to take from here.
    pub eta: Option<Eta>,
    /// When that was said; there only with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_at: Option<Timestamp>,
    /// The run that has the page: the one that works, else the last that did, else the one that waits.
    pub run: Option<RunSummary>,
    /// The agents that have begun, by their place; of very many, the last.
    pub agents: Vec<AgentState>,
    /// The log of that run.
    pub log: LogState,
    /// The newest files of that run, as many as the state may carry, in the order in which their paths first appeared.
    pub artifacts: Vec<Artifact>,
    /// How many files that run has made.
    pub artifacts_total: u64,
    /// How that run ended.
    pub completion: Option<Completion>,
}

/// The run that a room shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// When the room first heard of it.
    pub queued_at: Timestamp,
    /// When it started to work.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Since when it is paused or waits for a person; its clock stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted_at: Option<Timestamp>,
    /// How long its clock stood before that.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub halted_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What became of an agent so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// Its name.
    pub agent: String,
    /// Its name for people.
    pub title: String,
    /// Its place, from 1.
    pub index: u32,
    /// How many agents the run has.
    pub total: u32,
    /// What happened to it last.
    pub status: AgentStatus,
    /// For people.
    pub message: String,
    /// 0 to 100.
    pub progress: f64,
    /// How long it took, once it ended.
    pub duration_ms: Option<u64>,
}

/// The end of a run's log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogState {
    /// Lines written so far.
    pub total: u64,
    /// The newest of them.
    pub tail: VecDeque<TailLine>,
}

/// A line with what its event said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TailLine {
    /// Number, time and text.
    #[serde(flatten)]
    pub line: LogLine,
    /// Its level.
    pub level: LogLevel,
    /// Who wrote it.
    pub agent: Option<String>,
}

impl RunSummary {
    fn note(&mut self, status: RunStatus, at: Timestamp) {
        match status {
            // A run that never started has no clock to stand.
            RunStatus::Paused | RunStatus::Waiting if self.started_at.is_some() => {
                self.halted_at.get_or_insert(at);
            }
            RunStatus::Running => {
                self.started_at.get_or_insert(at);
                self.go_on(at);
            }
            _ => {}
        }
    }

    fn go_on(&mut self, at: Timestamp) {
        if let Some(since) = self.halted_at.take() {
            self.halted_ms += at.since(since);
        }
    }
}

impl RoomState {
    /// Whether a run that says this of itself begins on a clean page. Nothing has to be remembered of those that wait:
    /// one run of a project works at a time, and it says so when it starts.
    fn gives_page_to(&self, id: RunId, status: RunStatus) -> bool {
        let Some(shown) = self.run.as_ref().map(|run| run.id) else { return true };
        match status {
            // It goes on where it was: a run that is queued again after a crash keeps its page.
            _ if shown == id => false,
            RunStatus::Starting => true,
            // A run that waits takes nothing from one that has not ended, be that paused.
            RunStatus::Queued => self.status.is_none_or(RunStatus::is_terminal),
            RunStatus::Running => shown < id,
            // A run that was replaced, or that is cancelled while it waits, takes the page from nobody.
            _ => false,
        }
    }

    /// The state after one more event of the log.
    ///
    /// # Errors
    /// When the event cannot be read; then the state is as it was.
    pub fn apply_logged(&mut self, event: &LoggedEvent) -> Result<(), serde_json::Error> {
        // What an application says for itself is not part of the state, so it need not be read.
        if !event.body_json.starts_with(r#"{"type":"event""#) {
            self.apply(event.run_id, event.at, &event.body()?);
        }
        Ok(())
    }

    /// The state after one more event.
    pub fn apply(&mut self, run_id: Option<RunId>, at: Timestamp, body: &EventBody) {
        if let (Some(id), EventBody::StatusUpdate(update)) = (run_id, body)
            && self.gives_page_to(id, update.status)
        {
            *self = RoomState {
                run: Some(RunSummary {
                    id,
                    queued_at: at,
                    started_at: None,
                    ended_at: None,
                    halted_at: None,
                    halted_ms: 0,
                }),
                ..RoomState::default()
            };
        }
        // What another run says changes nothing: one that ended, or one that waits while this one works.
        if run_id.is_some() && run_id != self.run.as_ref().map(|run| run.id) {
            return;
        }
        match body {
            EventBody::StatusUpdate(update) => {
                self.status = Some(update.status);
                self.progress = self.progress.max(update.progress);
                self.message = cut_to(&update.message, bounds::MESSAGE_BYTES_MAX).into_owned();
                self.eta = update.eta;
                self.eta_at = update.eta.map(|_| at);
                if let Some(run) = &mut self.run {
                    run.note(update.status, at);
                }
            }
            EventBody::AgentUpdate(update) => {
                let agent = bounds::agent(update);
                match self.agents.binary_search_by_key(&agent.index, |agent| agent.index) {
                    Ok(place) => self.agents[place] = agent,
                    Err(place) => self.agents.insert(place, agent),
                }
                bounds::keep_agents(&mut self.agents);
            }
            EventBody::Log(log) => {
                for line in &log.lines {
                    self.log.total = self.log.total.max(line.n);
                    self.log.tail.push_back(TailLine {
                        line: line.clone(),
                        level: log.level,
                        agent: log.agent.clone(),
                    });
                }
                bounds::keep_tail(&mut self.log.tail);
            }
            EventBody::Artifact(artifact) => {
                match self.artifacts.iter_mut().find(|known| known.path == artifact.path) {
                    Some(known) => *known = artifact.clone(),
                    None => {
                        self.artifacts_total += 1;
                        self.artifacts.push(artifact.clone());
                    }
                }
                bounds::keep_artifacts(&mut self.artifacts);
            }
            EventBody::Completion(completion) => {
                self.status = Some(completion.status);
                if completion.success {
                    self.progress = 100.0;
                }
                self.eta = None;
                self.message = cut_to(&completion.message, bounds::MESSAGE_BYTES_MAX).into_owned();
                self.eta_at = None;
                if let Some(run) = &mut self.run {
                    run.go_on(at);
                    run.ended_at = Some(at);
                }
                self.completion = Some(bounds::completion(completion));
            }
            EventBody::Event(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        events: Vec<Sent>,
        checks: Vec<Check>,
    }

    #[derive(Deserialize)]
    struct Sent {
        timestamp: Timestamp,
        run_id: Option<RunId>,
        #[serde(flatten)]
        body: EventBody,
    }

    #[derive(Deserialize)]
    struct Check {
        after: usize,
        state: Value,
    }

    /// JSON with every number as a float, for 0 and 0.0 are the same number on the wire.
    fn as_sent(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().into(),
            Value::Array(items) => items.into_iter().map(as_sent).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, as_sent(value))).collect(),
            other => other,
        }
    }

    fn vectors() -> Vec<(String, Vector)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/fold");
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let vector = serde_json::from_slice(&fs::read(&path).unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                (path.display().to_string(), vector)
            })
            .collect()
    }

    #[test]
    fn agrees_with_the_vectors_that_the_browser_is_checked_with() {
        let vectors = vectors();
        assert!(vectors.len() >= 10);
        for (name, vector) in vectors {
            assert!(!vector.checks.is_empty(), "{name}");
            for check in vector.checks {
                let mut state = RoomState::default();
                for sent in &vector.events[..check.after] {
                    state.apply(sent.run_id, sent.timestamp, &sent.body);
                }
                let state = serde_json::to_value(&state).unwrap();
                assert_eq!(as_sent(state), as_sent(check.state), "{name} after {} events", check.after);
            }
        }
    }

    #[test]
    fn a_state_survives_being_stored() {
        for (name, vector) in vectors() {
            let mut state = RoomState::default();
            for sent in &vector.events {
                state.apply(sent.run_id, sent.timestamp, &sent.body);
                let stored = serde_json::to_string(&state).unwrap();
                state = serde_json::from_str(&stored).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            let last = vector.checks.into_iter().next_back().unwrap();
            if last.after == vector.events.len() {
                assert_eq!(as_sent(serde_json::to_value(&state).unwrap()), as_sent(last.state), "{name}");
            }
        }
    }
}
