//! What is kept how long. Plain data: figures in, decisions out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::config::RetentionConfig;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{Run, RunStatus};
use crate::domain::time::Timestamp;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How often it is looked after.
    pub every: Duration,
    /// Age of events.
    pub events_ms: Option<u64>,
    /// Events of one room.
    pub room_events_max: Option<u64>,
    /// Bytes of the events of one room.
    pub room_bytes_max: Option<u64>,
    /// Bytes of all events.
    pub events_bytes_max: Option<u64>,
    /// Age of log lines.
    pub lines_ms: Option<u64>,
    /// Bytes of all log lines.
    pub lines_bytes_max: Option<u64>,
    /// Age of files.
    pub files_ms: Option<u64>,
    /// Bytes of all files.
    pub files_bytes_max: Option<u64>,
    /// Whether the newest files of a project stay.
    pub latest_files: bool,
    /// Free space that stays in the store.
    pub spare_bytes_max: u64,
}

impl From<&RetentionConfig> for Rules {
    fn from(config: &RetentionConfig) -> Self {
        let limit = |number: u64| (number > 0).then_some(number);
        let days = |days: u64| limit(days).map(|days| days * DAY_MS);
        Self {
            every: Duration::from_millis(config.every_ms),
            events_ms: days(config.events_days),
            room_events_max: limit(config.room_events_max),
            room_bytes_max: limit(config.room_bytes_max),
            events_bytes_max: limit(config.events_bytes_max),
            lines_ms: days(config.lines_days),
            lines_bytes_max: limit(config.lines_bytes_max),
            files_ms: days(config.files_days),
            files_bytes_max: limit(config.files_bytes_max),
            latest_files: config.latest_files,
            spare_bytes_max: config.spare_bytes_max,
        }
    }
}

/// The moment before which something of that age is over; none when it is kept for ever.
pub(super) fn before(now: Timestamp, age_ms: Option<u64>) -> Option<Timestamp> {
    age_ms.map(|age| Timestamp(now.0.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX))))
}

/// What all runs on record say of files.
#[derive(Debug, Default)]
pub(super) struct FileUse {
    /// Place of a content in `contents` by its hash.
    places: HashMap<String, usize>,
    contents: Vec<Content>,
    /// Runs that have ended and name files.
    ended: Vec<EndedRun>,
    newest: HashMap<ProjectId, (Timestamp, RunId)>,
    newest_completed: HashMap<ProjectId, (Timestamp, RunId)>,
}

#[derive(Debug)]
struct Content {
    size: u64,
    /// How many runs name it.
    runs: u64,
}

#[derive(Debug)]
struct EndedRun {
    ended_at: Timestamp,
    id: RunId,
    contents: HashSet<usize>,
}

impl FileUse {
    /// Takes a run in.
    pub(super) fn add(&mut self, run: &Run) {
        let mut contents = HashSet::new();
        // What is shown before an agent is done can be fetched, also while the run rests and after it broke off.
        let made = run.agents.iter().flat_map(|agent| {
            let output = agent.output.iter().flat_map(|output| &output.files);
            output.chain(&agent.preview).chain(&agent.early)
        });
        let made = made.map(|file| (&file.sha256, file.size));
        let given = run.inputs.iter().filter(|input| input.problem.is_none());
        for (sha256, size) in made.chain(given.map(|input| (&input.sha256, input.size))) {
            let place = *self.places.entry(sha256.clone()).or_insert_with(|| {
                self.contents.push(Content { size, runs: 0 });
                self.contents.len() - 1
            });
            if contents.insert(place) {
                self.contents[place].runs += 1;
            }
        }
        let age = (run.created_at, run.id);
        let newer = |known: &mut (Timestamp, RunId)| *known = age.max(*known);
        self.newest.entry(run.project_id).and_modify(newer).or_insert(age);
        if run.status == RunStatus::Completed {
            self.newest_completed.entry(run.project_id).and_modify(newer).or_insert(age);
        }
        if run.status.is_terminal() && !contents.is_empty() {
            let ended_at = run.ended_at.unwrap_or(run.created_at);
            self.ended.push(EndedRun { ended_at, id: run.id, contents });
        }
    }

    /// Hashes of all contents that a run names.
    pub(super) fn named(&self) -> impl Iterator<Item = String> {
        self.places.keys().cloned()
    }

    /// The runs whose files are over, the one that ended first in front.
    pub(super) fn over(mut self, rules: &Rules, now: Timestamp) -> Vec<RunId> {
        let mut stay = HashSet::new();
        if rules.latest_files {
            stay.extend(self.newest.values().chain(self.newest_completed.values()).map(|(_, id)| *id));
        }
        let before = before(now, rules.files_ms);
        let mut bytes: u64 = self.contents.iter().map(|content| content.size).sum();
        self.ended.sort_by_key(|run| (run.ended_at, run.id));
        let mut over = Vec::new();
        for run in self.ended.iter().filter(|run| !stay.contains(&run.id)) {
            let old = before.is_some_and(|before| run.ended_at < before);
            if !old && rules.files_bytes_max.is_none_or(|max| bytes <= max) {
                break;
            }
            for &place in &run.contents {
                let content = &mut self.contents[place];
                content.runs -= 1;
                if content.runs == 0 {
                    bytes -= content.size;
                }
            }
            over.push(run.id);
        }
        over
    }
}

/// The log lines of a run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndedLines {
    /// When it ended, or somebody last wrote a line.
    pub(super) at: Timestamp,
    pub(super) run: RunId,
    pub(super) bytes: u64,
}

/// The runs whose log lines are over, oldest first, of logs that have `bytes` together with those of active runs.
pub(super) fn lines_over(
    mut ended: Vec<EndedLines>,
    mut bytes: u64,
    rules: &Rules,
    now: Timestamp,
) -> Vec<EndedLines> {
    ended.sort_by_key(|lines| (lines.at, lines.run));
    let before = before(now, rules.lines_ms);
    ended.retain(|lines| {
        let old = before.is_some_and(|before| lines.at < before);
        let over = old || rules.lines_bytes_max.is_some_and(|max| bytes > max);
        if over {
            bytes = bytes.saturating_sub(lines.bytes);
        }
        over
    });
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn nothing_set_is_for_ever() {
        let mut config = Config::default().retention;
        let rules = Rules::from(&config);
        assert_eq!(rules.events_ms, Some(180 * DAY_MS));
        assert_eq!(rules.events_bytes_max, None);
        config.events_days = 0;
        assert_eq!(before(Timestamp(7), Rules::from(&config).events_ms), None);
        assert_eq!(before(Timestamp(7), Some(5)), Some(Timestamp(2)));
    }

    #[test]
    fn lines_go_by_age_and_then_the_oldest_until_all_fit() {
        let run = RunId::generate();
        let ended = |at, bytes| EndedLines { at: Timestamp(at), run, bytes };
        let logs = vec![ended(30, 5), ended(10, 1), ended(20, 7)];
        let mut rules = Rules::from(&Config::default().retention);
        for (lines_ms, lines_bytes_max, expected) in [
            (None, None, vec![]),
            (Some(85), None, vec![10]),
            (Some(75), None, vec![10, 20]),
            (None, Some(113), vec![]),
            (None, Some(112), vec![10]),
            (None, Some(105), vec![10, 20]),
            (Some(85), Some(105), vec![10, 20]),
            (None, Some(1), vec![10, 20, 30]),
        ] {
            rules = Rules { lines_ms, lines_bytes_max, ..rules };
            // Runs that have not ended hold the other 100 bytes.
            let over = lines_over(logs.clone(), 113, &rules, Timestamp(100));
            let over: Vec<i64> = over.iter().map(|lines| lines.at.0).collect();
            assert_eq!(over, expected, "{lines_ms:?} {lines_bytes_max:?}");
        }
    }
}
