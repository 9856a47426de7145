//! Reading a range of lines: which parts of which files, decided under the lock; the reading itself without it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::artifacts::ArtifactError;
use crate::artifacts::run_log::block::BLOCK_LINES;
use crate::artifacts::run_log::line::{self, StoredLine};
use crate::artifacts::run_log::segment::Segment;
use crate::domain::event::{LineRange, LogLevel};

/// Lines of one page.
pub const PAGE_LINES_MAX: usize = 5000;
/// Bytes that one page looks through, so that a search never keeps a thread long: some tens of milliseconds.
const PAGE_SCAN_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Which lines to read.
#[derive(Clone, Debug, Default)]
pub struct LineQuery {
    /// Numbers from here on; 0 is the same as 1.
    pub from: u64,
    /// At most so many lines, and never more than [`PAGE_LINES_MAX`].
    pub limit: usize,
    /// Those of this agent.
    pub agent: Option<String>,
    /// Those of this level and above.
    pub level: Option<LogLevel>,
    /// Those that contain this text, in capital or small letters.
    pub text: Option<String>,
}

/// Lines of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePage {
    /// The lines that were found, in order.
    pub lines: Vec<StoredLine>,
    /// Lines that the log has in all, found or not, those that are gone included.
    pub total: u64,
    /// Lines at the start of the log that were removed after their time.
    pub gone: Option<LineRange>,
    /// Where to go on; none at the end. A page of a search may be empty and yet not the last: it looks through a
    /// limited part of the log.
    pub next_from: Option<u64>,
}

/// A part of a file to look through.
struct Stretch {
    path: PathBuf,
    first: u64,
    start: u64,
    end: u64,
}

/// What to look through for one page.
pub(super) struct Plan {
    stretches: Vec<Stretch>,
    total: u64,
    gone: Option<LineRange>,
    /// The first line that the plan leaves to the next page.
    behind: Option<u64>,
}

impl LineQuery {
    fn from(&self) -> u64 {
        self.from.max(1)
    }

    fn limit(&self) -> usize {
        self.limit.min(PAGE_LINES_MAX)
    }

    fn takes_all(&self) -> bool {
        self.agent.is_none() && self.level.is_none() && self.text.is_none()
    }
}

/// Decides what to look through.
pub(super) fn plan(segments: &[Segment], query: &LineQuery) -> Plan {
    let total = segments.last().map_or(0, Segment::last);
    let first = segments.first().map_or(1, |segment| segment.first);
    let gone = (first > 1).then(|| LineRange { from: 1, to: first - 1 });
    let mut plan = Plan { stretches: Vec::new(), total, gone, behind: None };
    // Lines that are gone do not count for the limit.
    let from = query.from().max(first);
    let mut scan_bytes = 0;
    for segment in segments.iter().filter(|segment| segment.lines > 0 && segment.last() >= from) {
        let block = from.saturating_sub(segment.first) / BLOCK_LINES;
        for (first, start, block) in segment.blocks_from(block as usize) {
            if !block.may_hold(query.level, query.agent.as_deref()) {
                continue;
            }
            let enough = query.takes_all() && first >= from.saturating_add(query.limit() as u64);
            if enough || scan_bytes >= PAGE_SCAN_BYTES_MAX {
                plan.behind = Some(first);
                return plan;
            }
            scan_bytes += block.end - start;
            match plan.stretches.last_mut() {
                Some(last) if last.end == start && last.path == segment.path => last.end = block.end,
                _ => {
                    plan.stretches.push(Stretch { path: segment.path.clone(), first, start, end: block.end });
                }
            }
        }
    }
    plan
}

/// Looks through what was decided.
pub(super) fn read(plan: Plan, query: &LineQuery) -> Result<LinePage, ArtifactError> {
    let mut page = LinePage { lines: Vec::new(), total: plan.total, gone: plan.gone, next_from: plan.behind };
    if query.limit() == 0 {
        page.next_from = (query.from() <= plan.total).then(|| query.from());
        return Ok(page);
    }
    let needle = query.text.as_ref().map(|text| text.to_lowercase());
    let wanted = |line: &StoredLine| {
        query.level.is_none_or(|least| line.level >= least)
            && query.agent.as_ref().is_none_or(|agent| line.agent.as_ref() == Some(agent))
            && needle.as_ref().is_none_or(|needle| line.text.to_lowercase().contains(needle))
    };
    for stretch in plan.stretches {
        let length = usize::try_from(stretch.end - stretch.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        File::open(&stretch.path)?.read_exact_at(&mut bytes, stretch.start)?;
        let texts = bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty());
        for (n, text) in (stretch.first..).zip(texts).skip_while(|(n, _)| *n < query.from()) {
            if page.lines.len() == query.limit() {
                page.next_from = Some(n);
                return Ok(page);
            }
            let line = line::decode(n, text).map_err(io::Error::from)?;
            if wanted(&line) {
                page.lines.push(line);
            }
        }
    }
    Ok(page)
}
