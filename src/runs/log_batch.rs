//! Which lines of a run's log go into which event: few events under any load, and what is left out is said. Plain data.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::event::{LineRange, LogLevel, LogLine, LogLines};
use crate::domain::time::Timestamp;

/// Lines of one event.
pub(crate) const EVENT_LINES_MAX: usize = 100;
/// Bytes of text of one event.
pub(crate) const EVENT_BYTES_MAX: usize = 32 * 1024;
/// Events within any second; the end of a run may add [`LAST_EVENTS_MAX`].
pub(crate) const EVENTS_PER_SECOND_MAX: usize = 20;
/// Events that the end of a run may add to say its last lines.
pub(crate) const LAST_EVENTS_MAX: usize = 4;
/// Lines that wait; of more, the oldest are left out.
const WAITING_LINES_MAX: usize = 400;
/// Bytes of text that wait.
const WAITING_BYTES_MAX: usize = 4 * EVENT_BYTES_MAX;
/// Bytes of one line within an event; the whole line stands in the log of the run.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// Lines that were written and not yet said.
#[derive(Debug, Default)]
pub(crate) struct LogBatch {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    skipped: Option<LineRange>,
    /// When the newest events were taken, at most [`EVENTS_PER_SECOND_MAX`] of them.
    taken_at: VecDeque<Timestamp>,
}

#[derive(Debug)]
struct Waiting {
    level: LogLevel,
    agent: Option<Arc<str>>,
    line: LogLine,
}

impl LogBatch {
    /// A line was written. Lines come in the order of their numbers.
    pub(crate) fn push(&mut self, level: LogLevel, agent: Option<Arc<str>>, mut line: LogLine) {
        if line.text.len() > LINE_BYTES_MAX {
            let end = line.text.floor_char_boundary(LINE_BYTES_MAX);
            line.text = format!("{}…", &line.text[..end]).into();
        }
        self.bytes += line.text.len();
        self.waiting.push_back(Waiting { level, agent, line });
        while self.waiting.len() > WAITING_LINES_MAX || self.bytes > WAITING_BYTES_MAX {
            self.skip_oldest();
        }
    }

    /// What may be said now.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<LogLines> {
        let mut events = Vec::new();
        while !self.waiting.is_empty() && self.may_say(now) {
            events.extend(self.next_event());
            self.taken_at.push_back(now);
        }
        events
    }

    /// All that is left, in at most [`LAST_EVENTS_MAX`] events: the newest lines.
    pub(crate) fn take_last(&mut self) -> Vec<LogLines> {
        while self.events_needed() > LAST_EVENTS_MAX {
            self.skip_oldest();
        }
        std::iter::from_fn(|| self.next_event()).collect()
    }

    fn may_say(&mut self, now: Timestamp) -> bool {
        // A clock that went back would keep everyone waiting: what lies in the future is forgotten.
        while self.taken_at.front().is_some_and(|at| now.since(*at) >= 1_000 || *at > now) {
            self.taken_at.pop_front();
        }
        self.taken_at.len() < EVENTS_PER_SECOND_MAX
    }

    fn next_event(&mut self) -> Option<LogLines> {
        let first = self.waiting.pop_front()?;
        let mut bytes = first.line.text.len();
        let (level, agent) = (first.level, first.agent);
        let mut lines = vec![first.line];
        while lines.len() < EVENT_LINES_MAX {
            let Some(next) = self.waiting.pop_front_if(|next| {
                next.level == level && next.agent == agent && bytes + next.line.text.len() <= EVENT_BYTES_MAX
            }) else {
                break;
            };
            bytes += next.line.text.len();
            lines.push(next.line);
        }
        self.bytes -= bytes;
        Some(LogLines {
            level,
            agent: agent.as_deref().map(str::to_owned),
            lines,
            skipped: self.skipped.take(),
        })
    }

    /// How many events the waiting lines would fill.
    fn events_needed(&self) -> usize {
        let (mut events, mut lines, mut bytes) = (0, 0, 0);
        let mut before: Option<&Waiting> = None;
        for next in &self.waiting {
            let size = next.line.text.len();
            let joins = before.is_some_and(|before| before.level == next.level && before.agent == next.agent)
                && lines < EVENT_LINES_MAX
                && bytes + size <= EVENT_BYTES_MAX;
            if joins {
                lines += 1;
                bytes += size;
            } else {
                events += 1;
                (lines, bytes) = (1, size);
            }
            before = Some(next);
        }
        events
    }

    fn skip_oldest(&mut self) {
        if let Some(oldest) = self.waiting.pop_front() {
            self.bytes -= oldest.line.text.len();
            let n = oldest.line.n;
            self.skipped = Some(LineRange { from: self.skipped.map_or(n, |range| range.from), to: n });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(n: u64, text: &str) -> LogLine {
        LogLine { n, at: Timestamp(0), text: text.into() }
    }

    #[test]
    fn lines_of_one_event_share_level_and_agent() {
        let mut batch = LogBatch::default();
        let intake: Arc<str> = "intake".into();
        batch.push(LogLevel::Info, Some(intake.clone()), line(1, "a"));
        batch.push(LogLevel::Info, Some(intake.clone()), line(2, "b"));
        batch.push(LogLevel::Warning, Some(intake), line(3, "c"));
        batch.push(LogLevel::Warning, None, line(4, "d"));
        let events = batch.take(Timestamp(0));
        let shape: Vec<_> = events.iter().map(|event| (event.level, event.lines.len())).collect();
        assert_eq!(shape, [(LogLevel::Info, 2), (LogLevel::Warning, 1), (LogLevel::Warning, 1)]);
        assert!(batch.take_last().is_empty());
    }

    #[test]
    fn a_flood_is_said_in_few_events_that_leave_no_line_unmentioned() {
        let mut batch = LogBatch::default();
        let mut events = Vec::new();
        for n in 1..=100_000u64 {
            batch.push(LogLevel::Info, None, line(n, "a line of some length that an agent printed"));
            // A thousand lines every 50 ms: 5 seconds of flood.
            if n % 1_000 == 0 {
                events.extend(batch.take(Timestamp(i64::try_from(n / 20).unwrap())));
            }
        }
        assert!(events.len() <= 6 * EVENTS_PER_SECOND_MAX, "{}", events.len());
        events.extend(batch.take_last());
        check_covers(&events, 100_000);
        assert_eq!(events.last().unwrap().lines.last().unwrap().n, 100_000);
    }

    #[test]
    fn the_last_lines_of_a_run_are_said_in_few_events_whatever_their_levels() {
        let mut batch = LogBatch::default();
        for n in 1..=300 {
            batch.push(if n % 2 == 0 { LogLevel::Info } else { LogLevel::Debug }, None, line(n, "x"));
        }
        let events = batch.take_last();
        assert_eq!(events.len(), LAST_EVENTS_MAX);
        assert_eq!(events[0].skipped, Some(LineRange { from: 1, to: 296 }));
        check_covers(&events, 300);
    }

    #[test]
    fn a_very_long_line_is_cut_at_a_character() {
        let mut batch = LogBatch::default();
        batch.push(LogLevel::Info, None, line(1, &"ö".repeat(100_000)));
        let events = batch.take(Timestamp(0));
        assert!(
            events[0].lines[0].text.ends_with('…') && events[0].lines[0].text.len() <= LINE_BYTES_MAX + 3
        );
    }

    /// Every line from 1 to `last` is in exactly one event, or in exactly one skipped range.
    fn check_covers(events: &[LogLines], last: u64) {
        let mut next = 1;
        for event in events {
            if let Some(skipped) = event.skipped {
                assert_eq!(skipped.from, next);
                assert!(skipped.to >= skipped.from);
                next = skipped.to + 1;
            }
            for line in &event.lines {
                assert_eq!(line.n, next);
                next += 1;
            }
        }
        assert_eq!(next, last + 1);
    }

    proptest! {
        #[test]
        fn every_line_is_said_or_said_to_be_skipped(
            steps in prop::collection::vec((0usize..3, 0usize..12_000, 0i64..200, any::<bool>()), 1..900),
        ) {
            let mut batch = LogBatch::default();
            let (mut now, mut events, mut times) = (0, Vec::new(), Vec::new());
            let total = u64::try_from(steps.len()).unwrap();
            for (n, (level, size, passed, take)) in (1u64..).zip(steps) {
                let level = [LogLevel::Info, LogLevel::Warning, LogLevel::Error][level];
                batch.push(level, None, line(n, &"x".repeat(size)));
                now += passed / 20;
                if take {
                    for event in batch.take(Timestamp(now)) {
                        let bytes: usize = event.lines.iter().map(|line| line.text.len()).sum();
                        prop_assert!(event.lines.len() <= EVENT_LINES_MAX && bytes <= EVENT_BYTES_MAX);
                        events.push(event);
                        times.push(now);
                    }
                }
            }
            for (index, at) in times.iter().enumerate() {
                if let Some(later) = times.get(index + EVENTS_PER_SECOND_MAX) {
                    prop_assert!(later - at >= 1_000);
                }
            }
            events.extend(batch.take_last());
            check_covers(&events, total);
        }
    }
}
