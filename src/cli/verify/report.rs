//! The outcome: as a table for people, and as one line of JSON for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::verify::witness::Findings;

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The seed: the same one plans the same faults.
    pub(super) seed: u64,
    /// How long it took.
    pub(super) seconds: f64,
    /// One for each client.
    pub(super) clients: Vec<Findings>,
    /// What is wrong with the logs themselves.
    pub(super) log_complaints: Vec<String>,
    /// Rooms.
    pub(super) rooms: u64,
    /// Events of all logs.
    pub(super) events: u64,
    /// Events that the server took from our publishers.
    pub(super) published: u64,
    /// How the runs ended.
    pub(super) runs: BTreeMap<&'static str, u64>,
    /// Connections beyond the first of each client.
    pub(super) reconnects: u64,
    /// Cuts and goodbyes of clients.
    pub(super) drops: u64,
    /// Stalls of clients.
    pub(super) stalls: u64,
    /// Connections that the server's end broke.
    pub(super) broken: u64,
    /// Kills of the server.
    pub(super) kills: u64,
}

impl Report {
    /// Whether everything is as it must be.
    pub(super) fn good(&self) -> bool {
        self.log_complaints.is_empty() && !self.clients.is_empty() && self.clients.iter().all(Findings::good)
    }

    fn sum(&self, of: impl Fn(&Findings) -> u64) -> u64 {
        self.clients.iter().map(of).sum()
    }

    fn equal(&self, of: impl Fn(&Findings) -> bool) -> u64 {
        self.clients.iter().filter(|findings| of(findings)).count() as u64
    }

    /// Share of the events that clients had to hear and did hear.
    fn delivered_percent(&self) -> f64 {
        let (delivered, missing) =
            (self.sum(|one| one.delivered + one.out_of_order), self.sum(|one| one.missing));
        match delivered + missing {
            0 => 100.0,
            due => 100.0 * delivered as f64 / due as f64,
        }
    }

    /// One line for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "tool": "verify",
            "good": self.good(),
            "seed": self.seed,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "clients": self.clients.len(),
            "rooms": self.rooms,
            "events": self.events,
            "published": self.published,
            "runs": self.runs,
            "delivered": self.sum(|one| one.delivered),
            "delivered_percent": self.delivered_percent(),
            "doubled": self.sum(|one| one.doubled),
            "out_of_order": self.sum(|one| one.out_of_order),
            "missing": self.sum(|one| one.missing),
            "altered": self.sum(|one| one.altered),
            "violations": self.sum(|one| one.violations),
            "gaps_said": self.sum(|one| one.gaps_said),
            "log_complaints": self.log_complaints.len(),
            "reconnects": self.reconnects,
            "drops": self.drops,
            "stalls": self.stalls,
            "broken_by_server": self.broken,
            "kills": self.kills,
            "states_equal": self.equal(|one| one.state_equal),
            "seqs_equal": self.equal(|one| one.seq_equal),
        })
    }

    /// The table.
    pub(super) fn table(&self) -> Vec<String> {
        let clients = self.clients.len();
        let runs: Vec<String> = self.runs.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let row = |name: &str, value: String| format!("  {name:<28} {value}");
        let mut lines = vec![
            row("clients, rooms", format!("{clients} in {}", self.rooms)),
            row("runs", if runs.is_empty() { "none".to_owned() } else { runs.join(", ") }),
            row(
                "events in the logs",
                format!("{}, {} of them published from outside", self.events, self.published),
            ),
            row("server killed (kill -9)", self.kills.to_string()),
            row("clients dropped, stalled", format!("{}, {}", self.drops, self.stalls)),
            row("connections the server lost", self.broken.to_string()),
            row("reconnects", self.reconnects.to_string()),
            row(
                "events delivered",
                format!("{} ({:.4} %)", self.sum(|one| one.delivered), self.delivered_percent()),
            ),
            row("doubled", self.sum(|one| one.doubled).to_string()),
            row("out of order", self.sum(|one| one.out_of_order).to_string()),
            row("missing", self.sum(|one| one.missing).to_string()),
            row("altered", self.sum(|one| one.altered).to_string()),
            row("against the protocol", self.sum(|one| one.violations).to_string()),
            row("gaps said", self.sum(|one| one.gaps_said).to_string()),
            row("positions equal", format!("{} of {clients}", self.equal(|one| one.seq_equal))),
            row("state hashes equal", format!("{} of {clients}", self.equal(|one| one.state_equal))),
        ];
        lines.extend(self.log_complaints.iter().map(|complaint| format!("  log: {complaint}")));
        let of_clients = self.clients.iter().enumerate().flat_map(|(client, findings)| {
            findings.complaints.iter().map(move |complaint| format!("  client {client}: {complaint}"))
        });
        lines.extend(of_clients.take(20));
        lines.push(if self.good() { "PROVED".to_owned() } else { "FAILED".to_owned() });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Findings {
        Findings { delivered: 9, state_equal: true, seq_equal: true, ..Findings::default() }
    }

    #[test]
    fn one_client_that_is_not_content_spoils_it() {
        let report = |clients| Report { clients, ..Report::default() };
        assert!(report(vec![good(), good()]).good());
        assert!(!report(vec![]).good(), "nobody has seen anything");
        for bad in [
            Findings { doubled: 1, ..good() },
            Findings { missing: 1, ..good() },
            Findings { out_of_order: 1, ..good() },
            Findings { altered: 1, ..good() },
            Findings { violations: 1, ..good() },
            Findings { state_equal: false, ..good() },
            Findings { seq_equal: false, ..good() },
        ] {
            let report = report(vec![good(), bad]);
            assert!(!report.good());
            assert_eq!(
                (report.json()["good"].clone(), report.table().pop()),
                (json!(false), Some("FAILED".into()))
            );
        }
        let log =
            Report { clients: vec![good()], log_complaints: vec!["a hole".into()], ..Report::default() };
        assert!(!log.good());
    }

    #[test]
    fn the_share_counts_what_is_missing() {
        let missing = Findings { delivered: 1, missing: 1, ..good() };
        let report = Report { clients: vec![missing], ..Report::default() };
        assert_eq!(report.json()["delivered_percent"], 50.0);
    }
}
