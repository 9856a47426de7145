//! What one client has heard, and whether that can be: the checker. It folds the log by itself and trusts nobody.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::cli::client::room::{Delivery, Opening};
use crate::cli::verify::truth::Truth;
use crate::domain::fold::RoomState;
use crate::domain::position::Position;

/// Complaints of a client that are kept as text; all are counted.
const COMPLAINTS_KEPT: usize = 3;

/// A client's memory.
#[derive(Debug, Default)]
pub(super) struct Witness {
    position: Option<Position>,
    state: RoomState,
    /// What was heard, by its number, as a hash of the very text.
    heard: BTreeMap<u64, u64>,
    /// Numbers that were passed over.
    missing: BTreeSet<u64>,
    /// Ranges for which the server gave a state, because it said that the first of them are gone.
    gaps: Vec<(u64, u64)>,
    delivered: u64,
    doubled: u64,
    out_of_order: u64,
    complaints: Vec<String>,
    complaints_total: u64,
}

/// What became of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Findings {
    /// Events that came and were applied.
    pub(super) delivered: u64,
    /// Events that came although the client had them.
    pub(super) doubled: u64,
    /// Events that came after a later one.
    pub(super) out_of_order: u64,
    /// Events of the log that never came.
    pub(super) missing: u64,
    /// Times that the server said that something is gone.
    pub(super) gaps_said: u64,
    /// Events whose text is not that of the log.
    pub(super) altered: u64,
    /// Whether the client's own fold is the server's state.
    pub(super) state_equal: bool,
    /// Whether it stands where the log ends.
    pub(super) seq_equal: bool,
    /// Anything else that must not be.
    pub(super) violations: u64,
    /// Some of it in words.
    pub(super) complaints: Vec<String>,
}

impl Findings {
    /// Whether everything is as it must be.
    pub(super) fn good(&self) -> bool {
        self.doubled + self.out_of_order + self.missing + self.altered + self.violations == 0
            && self.state_equal
            && self.seq_equal
    }
}

/// A short name for a text.
pub(super) fn text_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ])
}

/// A short name for a state.
pub(super) fn state_hash(state: &RoomState) -> String {
    let json = serde_json::to_vec(state).expect("a state has text keys only");
    hex::encode(&Sha256::digest(json)[..8])
}

impl Witness {
    /// Where the client stands: what it comes back with.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    /// The first message of a connection that was asked for from where the client stands.
    pub(super) fn opened(&mut self, opening: Opening) {
        let own = self.position;
        if opening.resumed {
            if own != Some(opening.position) {
                self.complain(format!("resumed at {} and not at {own:?}", opening.position));
            }
            if opening.gap.is_some() || opening.state.is_some() {
                self.complain("resumed, and yet a gap or a state came".to_owned());
            }
            return;
        }
        let Some(state) = opening.state else {
            return self.complain(format!("neither resumed nor given a state at {}", opening.position));
        };
        if let Some(own) = own {
            let range = (own.seq + 1, opening.position.seq);
            match opening.gap {
                _ if own.epoch != opening.position.epoch => {
                    self.complain(format!(
                        "the log of {own} was lost, there is another at {}",
                        opening.position
                    ));
                }
                _ if opening.position.seq < own.seq => {
                    self.complain(format!("the log went back from {own} to {}", opening.position));
                }
                None => {
                    self.complain(format!("{own} was not resumed, and no gap was said"));
                    self.missing.extend(range.0..=range.1);
                }
                Some((from, to)) if from != range.0 || to > range.1 => {
                    self.complain(format!(
                        "a gap {from} to {to} was said between {own} and {}",
                        opening.position
                    ));
                    self.missing.extend(range.0..=range.1);
                }
                // The state stands for all of it; whether it was really gone is seen at the end.
                Some(_) => self.gaps.push(range),
            }
        }
        self.position = Some(opening.position);
        self.state = state;
    }

    /// An event came.
    pub(super) fn heard(&mut self, delivery: &Delivery) {
        let Some(own) = self.position else {
            return self.complain(format!("event {} came before anything else", delivery.position));
        };
        let seq = delivery.position.seq;
        if own.epoch != delivery.position.epoch {
            return self.complain(format!("event {} came to a client at {own}", delivery.position));
        }
        if seq <= own.seq {
            if self.missing.remove(&seq) {
                self.out_of_order += 1;
                self.heard.insert(seq, text_hash(&delivery.text));
            } else {
                self.doubled += 1;
            }
            return;
        }
        self.missing.extend(own.seq + 1..seq);
        self.heard.insert(seq, text_hash(&delivery.text));
        self.delivered += 1;
        self.state.apply(delivery.run_id, delivery.at, &delivery.body);
        self.position = Some(delivery.position);
    }

    /// Something came that must not be.
    pub(super) fn complain(&mut self, what: String) {
        self.complaints_total += 1;
        if self.complaints.len() < COMPLAINTS_KEPT {
            self.complaints.push(what);
        }
    }

    /// What became of this client, measured by the log and the state of the server.
    pub(super) fn findings(&self, truth: &Truth) -> Findings {
        let mut findings = Findings {
            delivered: self.delivered,
            doubled: self.doubled,
            out_of_order: self.out_of_order,
            gaps_said: self.gaps.len() as u64,
            violations: self.complaints_total,
            complaints: self.complaints.clone(),
            ..Findings::default()
        };
        let own = self.position.unwrap_or(Position { seq: 0, ..truth.head });
        findings.seq_equal = own == truth.head;
        findings.state_equal = state_hash(&self.state) == truth.state_hash;
        // Nobody can deliver what the log no longer has. A gap that was said although the log still has it is a loss.
        let first_kept = truth.first_kept();
        let untrue = self.gaps.iter().filter(|(from, _)| *from >= first_kept);
        findings.missing = self.missing.len() as u64
            + untrue.map(|(from, to)| to + 1 - from).sum::<u64>()
            + truth.head.seq.saturating_sub(own.seq);
        for (seq, hash) in &self.heard {
            let altered = match truth.events.get(seq) {
                Some(event) => event.text_hash != *hash,
                None => *seq >= first_kept,
            };
            if altered {
                findings.altered += 1;
                findings.complaints.push(format!("event {seq} is not that of the log"));
            }
        }
        findings.complaints.truncate(COMPLAINTS_KEPT);
        findings
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
