//! Which lines of a log go into which event: few events under any load, and what is left out is said. Plain data; how
//! much may be said in a room is up to its [`LogPace`].

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::encoded::{cut_to, json_bytes};
use crate::domain::event::{LineRange, LogLevel, LogLine, LogLines};
use crate::domain::time::Timestamp;
use crate::runs::log_pace::LogPace;

/// Lines of one event.
pub(crate) const EVENT_LINES_MAX: usize = 100;
/// Bytes of one event as it is sent.
pub(crate) const EVENT_BYTES_MAX: usize = 32 * 1024;
/// Lines that wait; of more, the oldest are left out.
const WAITING_LINES_MAX: usize = 400;
/// Bytes of waiting lines as they are sent.
const WAITING_BYTES_MAX: usize = 4 * EVENT_BYTES_MAX;
/// Bytes of one line's text within an event, as JSON; the whole line stands in the log of the run.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024;
/// What a line takes besides its text.
const LINE_FRAME_BYTES: usize = 72;
/// What an event takes besides its lines and its agent: what the log adds to it, and the frame around it.
const EVENT_FRAME_BYTES: usize = 512;

/// Lines that were written and not yet said.
#[derive(Debug, Default)]
pub(crate) struct LogBatch {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    skipped: Option<LineRange>,
}

#[derive(Debug)]
struct Waiting {
    level: LogLevel,
    agent: Option<Arc<str>>,
    line: LogLine,
    bytes: usize,
}

impl Waiting {
    /// What an event of this line alone takes.
    fn event_bytes(&self) -> usize {
        EVENT_FRAME_BYTES + self.agent.as_deref().map_or(0, json_bytes) + self.bytes
    }

    fn joins(&self, before: &Waiting) -> bool {
        self.level == before.level && self.agent == before.agent
    }
}

impl LogBatch {
    /// A line was written. Lines come in the order of their numbers.
    pub(crate) fn push(&mut self, level: LogLevel, agent: Option<Arc<str>>, mut line: LogLine) {
        let mut text_bytes = json_bytes(&line.text);
        if text_bytes > LINE_BYTES_MAX {
            line.text = cut_to(&line.text, LINE_BYTES_MAX).into();
            text_bytes = LINE_BYTES_MAX;
        }
        let bytes = LINE_FRAME_BYTES + text_bytes;
        self.bytes += bytes;
        self.waiting.push_back(Waiting { level, agent, line, bytes });
        while self.waiting.len() > WAITING_LINES_MAX || self.bytes > WAITING_BYTES_MAX {
            self.skip_oldest();
        }
    }

    /// What may be said now.
    pub(crate) fn take(&mut self, now: Timestamp, pace: &mut LogPace) -> Vec<LogLines> {
        let mut events = Vec::new();
        loop {
            let allowed = pace.allowed(now);
            let bytes_max = usize::try_from(allowed.bytes).unwrap_or(usize::MAX);
            let fits = self.waiting.front().is_some_and(|first| first.event_bytes() <= bytes_max);
            if allowed.events == 0 || !fits {
                return events;
            }
            let Some((event, bytes)) = self.next_event(bytes_max) else { return events };
            pace.said(bytes as u64);
            events.push(event);
        }
    }

    /// All that is left, in few events: the newest lines. What they leave out they say.
    pub(crate) fn take_last(&mut self, now: Timestamp, pace: &mut LogPace) -> Vec<LogLines> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let allowed = pace.allowed_last(now);
        let bytes_max = usize::try_from(allowed.bytes).unwrap_or(usize::MAX);
        // The very last line is said in any case.
        while self.waiting.len() > 1 && !self.fits_in(allowed.events, bytes_max) {
            self.skip_oldest();
        }
        std::iter::from_fn(|| self.next_event(EVENT_BYTES_MAX))
            .map(|(event, bytes)| {
                pace.said(bytes as u64);
                event
            })
            .collect()
    }

    /// Whether nothing waits to be said.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// These lines were taken, but could not be said after all.
    pub(crate) fn missed(&mut self, lines: LineRange) {
        let from = self.skipped.map_or(lines.from, |skipped| skipped.from.min(lines.from));
        self.skipped = Some(LineRange { from, to: lines.to });
    }

    fn next_event(&mut self, bytes_max: usize) -> Option<(LogLines, usize)> {
        let first = self.waiting.pop_front()?;
        let bytes_max = bytes_max.min(EVENT_BYTES_MAX);
        let mut event_bytes = first.event_bytes();
        let mut line_bytes = first.bytes;
        let mut lines = vec![first.line.clone()];
        while lines.len() < EVENT_LINES_MAX {
            let Some(next) =
                self.waiting.pop_front_if(|next| next.joins(&first) && event_bytes + next.bytes <= bytes_max)
            else {
                break;
            };
            event_bytes += next.bytes;
            line_bytes += next.bytes;
            lines.push(next.line);
        }
        self.bytes -= line_bytes;
        let agent = first.agent.as_deref().map(str::to_owned);
        Some((LogLines { level: first.level, agent, lines, skipped: self.skipped.take() }, event_bytes))
    }

    /// Whether the waiting lines fill no more than so many events and bytes.
    fn fits_in(&self, events_max: u64, bytes_max: usize) -> bool {
        let (mut events, mut all_bytes, mut lines, mut bytes) = (0, 0, 0, 0);
        let mut before: Option<&Waiting> = None;
        for next in &self.waiting {
            let joins = before.is_some_and(|before| next.joins(before))
                && lines < EVENT_LINES_MAX
                && bytes + next.bytes <= EVENT_BYTES_MAX;
            if joins {
                lines += 1;
                bytes += next.bytes;
                all_bytes += next.bytes;
            } else {
                events += 1;
                (lines, bytes) = (1, next.event_bytes());
                all_bytes += bytes;
            }
            before = Some(next);
        }
        events <= events_max && all_bytes <= bytes_max
    }

    fn skip_oldest(&mut self) {
        if let Some(oldest) = self.waiting.pop_front() {
            self.bytes -= oldest.bytes;
            let n = oldest.line.n;
            self.missed(LineRange { from: n, to: n });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runs::log_pace::{BYTES_PER_SECOND_MAX, EVENTS_PER_SECOND_MAX, LAST_EVENTS_MAX, SharedPace};

    fn line(n: u64, text: &str) -> LogLine {
        LogLine { n, at: Timestamp(0), text: text.into() }
    }

    #[test]
    fn lines_of_one_event_share_level_and_agent() {
        let mut batch = LogBatch::default();
        let pace = SharedPace::fresh(Timestamp(0));
        let intake: Arc<str> = "intake".into();
        batch.push(LogLevel::Info, Some(intake.clone()), line(1, "a"));
        batch.push(LogLevel::Info, Some(intake.clone()), line(2, "b"));
        batch.push(LogLevel::Warning, Some(intake), line(3, "c"));
        batch.push(LogLevel::Warning, None, line(4, "d"));
        let events = batch.take(Timestamp(0), &mut pace.lock());
        let shape: Vec<_> = events.iter().map(|event| (event.level, event.lines.len())).collect();
        assert_eq!(shape, [(LogLevel::Info, 2), (LogLevel::Warning, 1), (LogLevel::Warning, 1)]);
        assert!(batch.take_last(Timestamp(0), &mut pace.lock()).is_empty());
    }

    #[test]
    fn a_flood_is_said_in_few_events_that_leave_no_line_unmentioned() {
        let mut batch = LogBatch::default();
        let pace = SharedPace::fresh(Timestamp(0));
        let mut events = Vec::new();
        for n in 1..=100_000u64 {
            batch.push(LogLevel::Info, None, line(n, "a line of some length that an agent printed"));
            // A thousand lines every 50 ms: 5 seconds of flood.
            if n % 1_000 == 0 {
                let now = Timestamp(i64::try_from(n / 20).unwrap());
                events.extend(batch.take(now, &mut pace.lock()));
            }
        }
        assert!((40..=6 * EVENTS_PER_SECOND_MAX as usize).contains(&events.len()), "{}", events.len());
        events.extend(batch.take_last(Timestamp(5_000), &mut pace.lock()));
        check_covers(&events, 100_000);
        assert_eq!(events.last().unwrap().lines.last().unwrap().n, 100_000);
    }

    #[test]
    fn the_last_lines_of_a_run_are_said_in_few_events_whatever_their_levels() {
        let mut batch = LogBatch::default();
        let pace = SharedPace::fresh(Timestamp(0));
        for n in 1..=300 {
            batch.push(if n % 2 == 0 { LogLevel::Info } else { LogLevel::Debug }, None, line(n, "x"));
        }
        let events = batch.take_last(Timestamp(0), &mut pace.lock());
        assert_eq!(events.len() as u64, LAST_EVENTS_MAX);
        assert_eq!(events[0].skipped, Some(LineRange { from: 1, to: 296 }));
        check_covers(&events, 300);
    }

    #[test]
    fn a_very_long_line_is_cut_at_a_character() {
        for text in ["ö".repeat(100_000), "\u{1}".repeat(16 * 1024), "\"".repeat(16 * 1024)] {
            let mut batch = LogBatch::default();
            batch.push(LogLevel::Info, None, line(1, &text));
            let events = batch.take(Timestamp(0), &mut SharedPace::fresh(Timestamp(0)).lock());
            let said = &events[0].lines[0].text;
            assert!(said.ends_with('…') && serde_json::to_string(said).unwrap().len() <= LINE_BYTES_MAX + 2);
        }
    }

    #[test]
    fn lines_that_could_not_be_said_are_said_to_be_skipped() {
        let mut batch = LogBatch::default();
        let pace = SharedPace::fresh(Timestamp(0));
        batch.push(LogLevel::Info, None, line(1, "a"));
        batch.push(LogLevel::Info, None, line(2, "b"));
        let taken = batch.take(Timestamp(0), &mut pace.lock());
        assert_eq!(taken[0].lines.len(), 2);
        batch.missed(LineRange { from: 1, to: 2 });
        batch.push(LogLevel::Info, None, line(3, "c"));
        let events = batch.take(Timestamp(0), &mut pace.lock());
        assert_eq!(events[0].skipped, Some(LineRange { from: 1, to: 2 }));
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
        fn every_line_is_said_or_said_to_be_skipped_and_no_second_says_too_much(
            steps in prop::collection::vec((0usize..3, 0usize..12_000, 0i64..200, any::<bool>()), 1..900),
        ) {
            let mut batch = LogBatch::default();
            let pace = SharedPace::fresh(Timestamp(0));
            let (mut now, mut events, mut said) = (0, Vec::new(), Vec::new());
            let total = u64::try_from(steps.len()).unwrap();
            for (n, (level, size, passed, take)) in (1u64..).zip(steps) {
                let level = [LogLevel::Info, LogLevel::Warning, LogLevel::Error][level];
                let text = if size % 5 == 0 { "\u{2}" } else { "x" };
                batch.push(level, None, line(n, &text.repeat(size)));
                now += passed / 20;
                if take {
                    for event in batch.take(Timestamp(now), &mut pace.lock()) {
                        let bytes = serde_json::to_string(&event).unwrap().len() as u64;
                        prop_assert!(event.lines.len() <= EVENT_LINES_MAX && bytes <= EVENT_BYTES_MAX as u64);
                        events.push(event);
                        said.push((now, bytes));
                    }
                }
            }
            let last = batch.take_last(Timestamp(now), &mut pace.lock());
            said.extend(last.iter().map(|event| (now, serde_json::to_string(event).unwrap().len() as u64)));
            for (place, (since, _)) in said.iter().enumerate() {
                let within: Vec<_> = said[place..].iter().take_while(|(at, _)| at - since < 1_000).collect();
                prop_assert!(within.len() as u64 <= EVENTS_PER_SECOND_MAX);
                prop_assert!(within.iter().map(|(_, bytes)| bytes).sum::<u64>() <= BYTES_PER_SECOND_MAX);
            }
            events.extend(last);
            check_covers(&events, total);
        }
    }
}
