//! What the server itself says at the end: its log, event by event, and its state. Checked before anybody is measured by it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::client::http::Http;
use crate::cli::client::room::{Heard, read_message};
use crate::cli::verify::witness::{state_hash, text_hash};
use crate::domain::event::EventBody;
use crate::domain::fold::RoomState;
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;

/// Name of the events that our publishers publish.
pub(super) const EVENT_NAME: &str = "verify";
/// Events of one page of the log.
const PAGE: usize = 2_000;

/// A room as the server has it.
#[derive(Debug)]
pub(super) struct Truth {
    /// Where the log ends.
    pub(super) head: Position,
    /// The server's state there.
    pub(super) state_hash: String,
    /// The log.
    pub(super) events: BTreeMap<u64, LogEvent>,
    /// What is wrong with the log itself.
    pub(super) complaints: Vec<String>,
}

/// An event of the log.
#[derive(Debug)]
pub(super) struct LogEvent {
    /// Its very text.
    pub(super) text_hash: u64,
    /// The number that our publisher gave it.
    published: Option<u64>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    position: String,
    more: bool,
}

#[derive(Deserialize)]
struct Project {
    position: String,
    state: RoomState,
}

impl Truth {
    /// Where the log ends and the state there, without the log.
    ///
    /// # Errors
    /// When the server does not say.
    pub(super) async fn of_state(http: &mut Http, room: ProjectId) -> anyhow::Result<(Position, RoomState)> {
        let answer = http.get(&format!("/api/projects/{room}")).await?.expect(200)?;
        let project: Project = serde_json::from_slice(&answer.body)?;
        Ok((project.position.parse()?, project.state))
    }

    /// Reads everything. `acknowledged` is how many events of ours the server has taken.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) async fn read(http: &mut Http, room: ProjectId, acknowledged: u64) -> anyhow::Result<Truth> {
        let (head, state) = Truth::of_state(http, room).await?;
        let mut texts = Vec::new();
        let mut since = Position { seq: 0, ..head };
        loop {
            let path = format!("/api/projects/{room}/events?since={since}&limit={PAGE}");
            let answer = http.get(&path).await?;
            if answer.status == 410 {
                // The log begins later: the answer says where.
                let gap_end = answer.json()?["gap"]["to_seq"].as_u64();
                let to = gap_end.ok_or_else(|| anyhow::anyhow!("a gap without an end"))?;
                anyhow::ensure!(to > since.seq, "a gap that does not go on");
                since.seq = to;
                continue;
            }
            let answer = answer.expect(200)?;
            let page: Page<'_> = serde_json::from_slice(&answer.body)?;
            texts.extend(page.events.iter().map(|event| event.get().to_owned()));
            since = page.position.parse()?;
            if !page.more {
                break;
            }
        }
        Ok(Truth::of(head, &state, &texts, acknowledged))
    }

    /// Checks a log: no hole, nothing of ours lost, doubled or reordered, and the state is its fold.
    pub(super) fn of(head: Position, state: &RoomState, texts: &[String], acknowledged: u64) -> Truth {
        let mut truth =
            Truth { head, state_hash: state_hash(state), events: BTreeMap::new(), complaints: Vec::new() };
        let mut fold = RoomState::default();
        let mut last = None;
        for text in texts {
            let delivery = match read_message(text) {
                Ok(Heard::Event(delivery)) => delivery,
                Ok(_) => {
                    truth.complaints.push("the log holds what does not belong to a log".to_owned());
                    continue;
                }
                Err(error) => {
                    truth.complaints.push(format!("the log holds what cannot be read: {error}"));
                    continue;
                }
            };
            let seq = delivery.position.seq;
            if last.is_some_and(|last| seq != last + 1) || delivery.position.epoch != head.epoch {
                truth.complaints.push(format!("the log goes from {} to {seq}", last.unwrap_or_default()));
            }
            last = Some(seq);
            fold.apply(delivery.run_id, delivery.at, &delivery.body);
            let published = match &delivery.body {
                EventBody::Event(event) if event.name == EVENT_NAME => event.data["n"].as_u64(),
                _ => None,
            };
            truth.events.insert(seq, LogEvent { text_hash: text_hash(text), published });
        }
        if last.unwrap_or_default() != head.seq {
            truth
                .complaints
                .push(format!("the log ends at {} and the state at {head}", last.unwrap_or_default()));
        }
        let whole = truth.first_kept() == 1;
        if whole && state_hash(&fold) != truth.state_hash {
            truth.complaints.push("the server's state is not the fold of its log".to_owned());
        }
        // What retention has taken away was ours as well, from the front.
        let published: Vec<u64> = truth.events.values().filter_map(|event| event.published).collect();
        let first = (acknowledged + 1).saturating_sub(published.len() as u64);
        let in_order = published.iter().copied().eq(first..=acknowledged);
        if !in_order || (whole && published.len() as u64 != acknowledged) {
            truth.complaints.push(format!(
                "{acknowledged} events were taken, and the log holds {}, or not in their order",
                published.len()
            ));
        }
        truth
    }

    /// The first number that the log still has.
    pub(super) fn first_kept(&self) -> u64 {
        self.events.keys().next().copied().unwrap_or(self.head.seq + 1)
    }
}
