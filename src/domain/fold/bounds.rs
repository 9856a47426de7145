//! What keeps a state small, whatever is said in its room: everybody who joins gets it in one message.
//!
//! Sizes are those of the JSON. Each part has a share, and its oldest entries go first; a text that is too long is cut. The
//! rules are the same in the browser, or a state that was folded there would differ from the one that is sent.

use std::collections::VecDeque;

use crate::domain::encoded::{cut_to, json_bytes};
use crate::domain::event::{AgentUpdate, Artifact, Completion, RunError};
use crate::domain::fold::{AgentState, TailLine};

/// Bytes of a state as JSON, whatever was said: with what a `connection` adds it stays below 64 KiB.
pub const STATE_BYTES_MAX: usize = 63 * 1024;

/// Lines that the state carries; older ones are fetched.
const TAIL_LINES_MAX: usize = 200;
/// What these lines take together.
const TAIL_BYTES_MAX: usize = 28 * 1024;
/// What a line takes besides its text and its agent.
const TAIL_LINE_BYTES: usize = 104;

/// What the artifacts take together; `artifacts_total` says how many there are.
const ARTIFACTS_BYTES_MAX: usize = 14 * 1024;
/// What one takes besides its texts.
const ARTIFACT_BYTES: usize = 100;

/// What the agents take together.
const AGENTS_BYTES_MAX: usize = 12 * 1024;
/// What one takes besides its texts.
const AGENT_BYTES: usize = 180;
/// What each of its names may take.
const NAME_BYTES_MAX: usize = 256;
/// What its message may take.
const AGENT_MESSAGE_BYTES_MAX: usize = 512;

/// What the message of the run may take.
pub(super) const MESSAGE_BYTES_MAX: usize = 1024;
/// What the message of its error may take, and an address: one that is longer is left out, since a part leads nowhere.
const ERROR_BYTES_MAX: usize = 2048;

pub(super) fn agent(update: &AgentUpdate) -> AgentState {
    AgentState {
        agent: cut_to(&update.agent, NAME_BYTES_MAX).into_owned(),
        title: cut_to(&update.title, NAME_BYTES_MAX).into_owned(),
        index: update.index,
        total: update.total,
        status: update.status,
        message: cut_to(&update.message, AGENT_MESSAGE_BYTES_MAX).into_owned(),
        progress: update.progress,
        duration_ms: update.duration_ms,
    }
}

pub(super) fn keep_agents(agents: &mut Vec<AgentState>) {
    let size = |agent: &AgentState| {
        AGENT_BYTES + json_bytes(&agent.agent) + json_bytes(&agent.title) + json_bytes(&agent.message)
    };
    let kept = newest(agents.iter().rev().map(size), usize::MAX, AGENTS_BYTES_MAX);
    agents.drain(..agents.len() - kept);
}

pub(super) fn keep_tail(tail: &mut VecDeque<TailLine>) {
    let size = |line: &TailLine| {
        TAIL_LINE_BYTES + json_bytes(&line.line.text) + line.agent.as_deref().map_or(0, json_bytes)
    };
    let kept = newest(tail.iter().rev().map(size), TAIL_LINES_MAX, TAIL_BYTES_MAX);
    tail.drain(..tail.len() - kept);
}

pub(super) fn keep_artifacts(artifacts: &mut Vec<Artifact>) {
    let size = |artifact: &Artifact| {
        let Artifact { path, media_type, size: _, sha256, url, agent } = artifact;
        let texts = [path, media_type, sha256, url].map(|text| json_bytes(text));
        ARTIFACT_BYTES + texts.iter().sum::<usize>() + agent.as_deref().map_or(0, json_bytes)
    };
    let kept = newest(artifacts.iter().rev().map(size), usize::MAX, ARTIFACTS_BYTES_MAX);
    artifacts.drain(..artifacts.len() - kept);
}

pub(super) fn completion(completion: &Completion) -> Completion {
    let cut = |text: &String, bytes_max: usize| cut_to(text, bytes_max).into_owned();
    Completion {
        message: cut(&completion.message, MESSAGE_BYTES_MAX),
        download_url: completion.download_url.clone().filter(|url| json_bytes(url) <= ERROR_BYTES_MAX),
        error: completion.error.as_ref().map(|error| RunError {
            agent: error.agent.as_ref().map(|agent| cut(agent, NAME_BYTES_MAX)),
            message: cut(&error.message, ERROR_BYTES_MAX),
            file: error.file.as_ref().map(|file| cut(file, MESSAGE_BYTES_MAX)),
            line: error.line,
        }),
        ..completion.clone()
    }
}

/// How many entries are kept, when these are their sizes from the newest on.
fn newest(sizes: impl Iterator<Item = usize>, count_max: usize, bytes_max: usize) -> usize {
    let mut bytes = 0;
    let mut kept = 0;
    for size in sizes {
        bytes += size;
        if kept == count_max || bytes > bytes_max {
            break;
        }
        kept += 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::event::{
        AgentUpdate, Artifact, Completion, Eta, EventBody, Evidence, LogLevel, LogLine, LogLines, RunError,
        StatusUpdate,
    };
    use crate::domain::fold::{RoomState, STATE_BYTES_MAX};
    use crate::domain::ids::RunId;
    use crate::domain::run::{AgentStatus, RunStatus};
    use crate::domain::time::Timestamp;

    /// Texts of any kind and length: short and long ones, of control characters, quotation marks, letters, emoji.
    fn text() -> impl Strategy<Value = String> {
        let unit = prop_oneof![Just("a"), Just("\u{1}"), Just("\""), Just("ö"), Just("🎭"), Just("word ")];
        let count = prop_oneof![0usize..40, 0usize..5_000];
        (unit, count).prop_map(|(unit, count)| unit.repeat(count))
    }

    fn body() -> impl Strategy<Value = EventBody> {
        let number = prop_oneof![0u64..100, Just(u64::MAX)];
        let index = prop_oneof![1u32..20, 1u32..1_000, Just(u32::MAX)];
        let progress = prop_oneof![Just(0.0), Just(100.0 / 3.0), Just(f64::MIN_POSITIVE)];
        let log = (prop::collection::vec((text(), number.clone()), 1..120), text());
        prop_oneof![
            (text(), progress.clone(), number.clone()).prop_map(|(message, progress, high_ms)| {
                let eta = Some(Eta { low_ms: high_ms, high_ms });
                EventBody::StatusUpdate(StatusUpdate { status: RunStatus::Running, progress, message, eta })
            }),
            (text(), text(), text(), index, number.clone(), progress).prop_map(
                |(agent, title, message, index, duration, progress)| {
                    let status = AgentStatus::Completed;
                    let duration_ms = Some(duration);
                    let total = u32::MAX;
                    let update =
                        AgentUpdate { agent, title, index, total, status, message, progress, duration_ms };
                    EventBody::AgentUpdate(update)
                }
            ),
            log.prop_map(|(lines, agent)| {
                let at = Timestamp(1_700_000_000_120);
                let line = |(text, n): (String, u64)| LogLine { n, at, text: text.into() };
                EventBody::Log(LogLines {
                    level: LogLevel::Warning,
                    agent: Some(agent),
                    lines: lines.into_iter().map(line).collect(),
                    skipped: None,
                })
            }),
            (text(), text(), text(), number.clone()).prop_map(|(path, media_type, url, size)| {
                let sha256 = "a".repeat(64);
                EventBody::Artifact(Artifact { path, media_type, size, sha256, url, agent: Some("x".into()) })
            }),
            (text(), text(), text(), text(), number).prop_map(|(message, url, error, agent, number)| {
                EventBody::Completion(Completion {
                    status: RunStatus::Cancelled,
                    success: false,
                    message: message.clone(),
                    duration_ms: number,
                    artifacts: number,
                    download_url: Some(url),
                    error: Some(RunError {
                        agent: Some(agent),
                        message: error,
                        file: Some(message),
                        line: Some(u32::MAX),
                    }),
                    evidence: Some(Evidence {
                        processes_ended: u32::MAX,
                        processes_left: u32::MAX,
                        took_ms: number,
                    }),
                })
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_state_is_small_whatever_was_said(bodies in prop::collection::vec(body(), 1..80)) {
            let (run, at) = (RunId::generate(), Timestamp(1_700_000_000_120));
            let mut state = RoomState::default();
            for body in bodies {
                state.apply(Some(run), at, &body);
                // Before the first status there is no run to speak of.
                state.apply(None, at, &body);
                let size = serde_json::to_string(&state).unwrap().len();
                prop_assert!(size <= STATE_BYTES_MAX, "{size} bytes");
            }
        }
    }

    #[test]
    fn many_long_lines_and_many_agents_at_once_fit() {
        let at = Timestamp(1_700_000_000_120);
        let mut state = RoomState::default();
        for n in 1..=1_000 {
            let line = LogLine { n, at, text: "x".repeat(60).into() };
            let (level, agent) = (LogLevel::Warning, Some("core-logic".to_owned()));
            let log = LogLines { level, agent, lines: vec![line], skipped: None };
            state.apply(None, at, &EventBody::Log(log));
            let index = u32::try_from(n).unwrap();
            let update = AgentUpdate {
                agent: format!("agent-{n}"),
                title: format!("Agent {n}"),
                index,
                total: 1_000,
                status: AgentStatus::Progress,
                message: "working".to_owned(),
                progress: 100.0 / 3.0,
                duration_ms: None,
            };
            state.apply(None, at, &EventBody::AgentUpdate(update));
        }
        assert!(serde_json::to_string(&state).unwrap().len() <= STATE_BYTES_MAX);
        assert!(state.log.tail.len() > 150, "{} lines", state.log.tail.len());
        assert_eq!(state.log.tail.back().unwrap().line.n, 1_000);
        assert!(state.agents.len() > 40, "{} agents", state.agents.len());
        assert_eq!(state.agents.last().unwrap().index, 1_000);
    }
}
