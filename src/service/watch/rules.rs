//! When operators are alerted: pure questions to samples. Each rule has a threshold of the configuration, and clears only
//! some way below it, so that a figure at the threshold does not raise and clear all the time.

use serde::{Deserialize, Serialize};

use crate::config::AlertsConfig;
use crate::service::watch::sample::History;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Too many runs wait.
    Queue,
    /// Too many runs failed lately.
    Failures,
    /// The disk is nearly full.
    Disk,
    /// The machine is nearly out of memory.
    Memory,
    /// Too many sockets stay behind.
    Lagging,
}

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody should look.
    Warning,
    /// Somebody must do something.
    Error,
}

/// What a rule says of the newest sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Which rule.
    pub rule: Rule,
    /// The figure.
    pub value: f64,
    /// What it is held against.
    pub limit: f64,
    /// What it says.
    pub verdict: Verdict,
}

/// What a figure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is past the threshold.
    Bad,
    /// It is not, but not far enough from it to say that it is over.
    Near,
    /// All is well.
    Good,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 5] = [Rule::Queue, Rule::Failures, Rule::Disk, Rule::Memory, Rule::Lagging];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Queue => "queue",
            Rule::Failures => "failures",
            Rule::Disk => "disk",
            Rule::Memory => "memory",
            Rule::Lagging => "lagging",
        }
    }

    /// How serious it is.
    pub fn level(self) -> Level {
        match self {
            Rule::Queue | Rule::Lagging => Level::Warning,
            Rule::Failures | Rule::Disk | Rule::Memory => Level::Error,
        }
    }

    /// Samples in a row that must be bad before it is said.
    pub fn patience(self) -> u32 {
        match self {
            // A socket is behind for a moment with every burst.
            Rule::Lagging => 3,
            Rule::Failures => 1,
            _ => 2,
        }
    }

    /// In a few words.
    pub fn title(self) -> &'static str {
        match self {
            Rule::Queue => "The queue is long",
            Rule::Failures => "Runs are failing",
            Rule::Disk => "The disk is nearly full",
            Rule::Memory => "Memory is short",
            Rule::Lagging => "Sockets lag",
        }
    }

    /// In a sentence.
    pub fn message(self, value: f64, limit: f64) -> String {
        match self {
            Rule::Queue => format!("{value} runs wait; {limit} or more is worth a look."),
            Rule::Failures => {
                format!("{value} runs failed within five minutes; {limit} or more is too many.")
            }
            Rule::Disk => format!("{value} % of the disk is free; it should be {limit} % or more."),
            Rule::Memory => format!("{value} % of the memory is to be had; it should be {limit} % or more."),
            Rule::Lagging => format!("{value} sockets stay behind; {limit} or more is worth a look."),
        }
    }

    /// What the newest sample says; none when the rule is off, or the machine cannot tell.
    pub fn read(self, config: &AlertsConfig, history: &History) -> Option<Reading> {
        let newest = history.newest()?;
        let value = match self {
            Rule::Queue => newest.queued as f64,
            Rule::Failures => history.failures() as f64,
            Rule::Disk => newest.disk_free_percent?,
            Rule::Memory => newest.memory_free_percent?,
            Rule::Lagging => newest.lagging as f64,
        };
        self.judge(config, value)
    }

    /// What a figure says; none when the rule is off.
    pub fn judge(self, config: &AlertsConfig, value: f64) -> Option<Reading> {
        let (limit, too_low) = match self {
            Rule::Queue => (config.queue_depth, false),
            Rule::Failures => (config.failures, false),
            Rule::Disk => (config.disk_free_percent, true),
            Rule::Memory => (config.memory_free_percent, true),
            Rule::Lagging => (config.lagging, false),
        };
        let limit = limit as f64;
        let verdict = match too_low {
            _ if limit == 0.0 => return None,
            true if value < limit => Verdict::Bad,
            // A fifth above the limit, and at least one percent.
            true if value < limit + (limit / 5.0).max(1.0) => Verdict::Near,
            false if value >= limit => Verdict::Bad,
            false if value > limit * 0.8 => Verdict::Near,
            _ => Verdict::Good,
        };
        Some(Reading { rule: self, value, limit, verdict })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::service::watch::sample::Sample;

    const CONFIG: AlertsConfig = AlertsConfig {
        queue_depth: 10,
        failures: 2,
        disk_free_percent: 10,
        memory_free_percent: 5,
        lagging: 10,
    };

    fn verdict(rule: Rule, sample: Sample) -> Option<Verdict> {
        let mut history = History::default();
        history.push(Sample { at: Timestamp(0), ..Sample::default() });
        history.push(Sample { at: Timestamp(2_000), ..sample });
        rule.read(&CONFIG, &history).map(|reading| reading.verdict)
    }

    #[test]
    fn each_rule_is_bad_past_its_limit_and_good_only_well_within_it() {
        let queued = |queued| Sample { queued, ..Sample::default() };
        let failed = |failed_total| Sample { failed_total, ..Sample::default() };
        let disk = |percent| Sample { disk_free_percent: Some(percent), ..Sample::default() };
        let memory = |percent| Sample { memory_free_percent: Some(percent), ..Sample::default() };
        let lagging = |lagging| Sample { lagging, ..Sample::default() };
        for (rule, sample, expected) in [
            (Rule::Queue, queued(10), Verdict::Bad),
            (Rule::Queue, queued(9), Verdict::Near),
            (Rule::Queue, queued(8), Verdict::Good),
            (Rule::Failures, failed(2), Verdict::Bad),
            (Rule::Failures, failed(1), Verdict::Good),
            (Rule::Disk, disk(9.9), Verdict::Bad),
            (Rule::Disk, disk(11.9), Verdict::Near),
            (Rule::Disk, disk(12.0), Verdict::Good),
            (Rule::Memory, memory(4.0), Verdict::Bad),
            (Rule::Memory, memory(5.5), Verdict::Near),
            (Rule::Memory, memory(6.0), Verdict::Good),
            (Rule::Lagging, lagging(11), Verdict::Bad),
            (Rule::Lagging, lagging(0), Verdict::Good),
        ] {
            assert_eq!(verdict(rule, sample.clone()), Some(expected), "{rule:?} {sample:?}");
        }
    }

    #[test]
    fn what_is_off_or_cannot_be_told_says_nothing() {
        assert_eq!(verdict(Rule::Disk, Sample::default()), None);
        let mut history = History::default();
        assert_eq!(Rule::Queue.read(&CONFIG, &history), None);
        history.push(Sample { queued: 500, ..Sample::default() });
        assert_eq!(Rule::Queue.read(&AlertsConfig { queue_depth: 0, ..CONFIG }, &history), None);
    }
}
