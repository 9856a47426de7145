//! The lines of a run's log: append-only segments on disk, any range of them at once.
//!
//! Lines have reached the operating system when `append` returns: they outlive the end of the process, but the last ones
//! may be lost with the power. What the room's log says of them is only a reference.

mod block;
mod line;
mod read;
mod segment;
#[cfg(test)]
mod tests;

pub use line::{LINE_BYTES_MAX, NewLine, StoredLine, as_one_line};
pub use read::{LinePage, LineQuery, PAGE_LINES_MAX};

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use uuid::Uuid;

use crate::artifacts::run_log::segment::{Segment, SegmentFiles};
use crate::artifacts::{ArtifactError, Swept};
use crate::domain::event::LineRange;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::time::Timestamp;

/// Size of a segment: a folder of a few files, each small enough to be copied and looked at.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Logs that were open and are closed are forgotten when there are more entries than this.
const OPEN_LOGS_KEPT: usize = 64;

/// The logs of all runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct LogStore {
    root: Arc<Path>,
    segment_bytes: u64,
    /// Whoever opens the log of a run gets the same one, so that there is one writer and one count of its lines.
    open: Arc<Mutex<HashMap<Uuid, Weak<Inner>>>>,
}

/// What the log of a run takes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLog {
    /// Which run.
    pub run: RunId,
    /// Bytes of its files.
    pub bytes: u64,
    /// When it was last written to.
    pub written_at: Timestamp,
}

/// The log of one run; cheap to clone, and the same for all who opened it.
#[derive(Clone, Debug)]
pub struct RunLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// A segment that has reached this size is followed by a new one.
    segment_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether `segments` says what is on disk.
    known: bool,
    removed: bool,
    segments: Vec<Segment>,
    /// Of the last segment.
    files: Option<SegmentFiles>,
}

impl LogStore {
    /// Opens the logs in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        Self::open_with(root, SEGMENT_BYTES)
    }

    fn open_with(root: &Path, segment_bytes: u64) -> Result<Self, ArtifactError> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.into(), segment_bytes, open: Arc::default() })
    }

    /// Opens the log of a run; a run without a log has an empty one. A last line that a crash tore is cut off.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open_run(&self, run: RunId) -> Result<RunLog, ArtifactError> {
        self.open_log(run.0)
    }

    /// Opens the log of a room, for lines that belong to no run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open_room(&self, room: ProjectId) -> Result<RunLog, ArtifactError> {
        self.open_log(room.0)
    }

    fn open_log(&self, run: Uuid) -> Result<RunLog, ArtifactError> {
        let log = RunLog(self.shared(&mut self.entries(), run));
        // Not under the lock of all logs: the recovery of one must not keep the others waiting.
        drop(log.state()?);
        Ok(log)
    }

    /// Removes the log of a run. Whoever has it open can no longer append.
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn remove_run(&self, run: RunId) -> Result<(), ArtifactError> {
        self.remove_log(run.0)
    }

    /// Removes the log of a room.
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn remove_room(&self, room: ProjectId) -> Result<(), ArtifactError> {
        self.remove_log(room.0)
    }

    fn remove_log(&self, run: Uuid) -> Result<(), ArtifactError> {
        let mut entries = self.entries();
        let inner = self.shared(&mut entries, run);
        entries.remove(&run);
        let mut state = inner.lock();
        *state = State { known: true, removed: true, ..State::default() };
        match fs::remove_dir_all(&inner.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Every log that has a folder, with what it takes on the disk.
    ///
    /// # Errors
    /// When the folders cannot be listed.
    pub fn stored(&self) -> Result<Vec<StoredLog>, ArtifactError> {
        let mut stored = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let Some(run) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let mut log = StoredLog { run, bytes: 0, written_at: Timestamp(0) };
            match fs::read_dir(entry.path()) {
                Ok(files) => files.flatten().filter_map(|file| file.metadata().ok()).for_each(|file| {
                    log.bytes += file.len();
                    log.written_at = log.written_at.max(modified_at(&file));
                }),
                // Removed since the list was begun.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            }
            stored.push(log);
        }
        Ok(stored)
    }

    /// Puts a file beside the log of a run, in place of one of that name; it goes with the log. A crash may tear it.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put_beside(&self, run: RunId, name: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let folder = self.root.join(run.to_string());
        fs::create_dir_all(&folder)?;
        let fresh = folder.join(format!("{name}.new"));
        fs::write(&fresh, bytes)?;
        Ok(fs::rename(fresh, folder.join(name))?)
    }

    /// A file beside the log of a run.
    pub fn read_beside(&self, run: RunId, name: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(run.to_string()).join(name)).ok()
    }

    /// Removes a file beside the log of a run, if there is one.
    pub fn remove_beside(&self, run: RunId, name: &str) {
        // What cannot be removed goes with the log.
        let _ = fs::remove_file(self.root.join(run.to_string()).join(name));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Weak<Inner>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self, entries: &mut HashMap<Uuid, Weak<Inner>>, run: Uuid) -> Arc<Inner> {
        if let Some(inner) = entries.get(&run).and_then(Weak::upgrade) {
            return inner;
        }
        if entries.len() >= OPEN_LOGS_KEPT {
            entries.retain(|_, inner| inner.strong_count() > 0);
        }
        let folder = self.root.join(run.to_string());
        let inner = Arc::new(Inner { folder, segment_bytes: self.segment_bytes, state: Mutex::default() });
        entries.insert(run, Arc::downgrade(&inner));
        inner
    }
}

impl RunLog {
    /// Writes lines at the end, all or none, and says which numbers they have. `to` is before `from` when there are no
    /// lines to write.
    ///
    /// # Errors
    /// When the disk is full or fails, or the log was removed.
    pub fn append(&self, lines: &[NewLine<'_>]) -> Result<LineRange, ArtifactError> {
        let mut state = self.state()?;
        if state.removed {
            return Err(ArtifactError::NotFound);
        }
        let from = state.total() + 1;
        if !lines.is_empty() {
            let written = state.append(&self.0, lines);
            if let Err(error) = written {
                // Whatever is on disk now, the next use takes stock of it.
                *state = State::default();
                return Err(error.into());
            }
        }
        Ok(LineRange { from, to: state.total() })
    }

    /// Lines written so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn total(&self) -> Result<u64, ArtifactError> {
        Ok(self.state()?.total())
    }

    /// Lines of a range that match.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(&self, query: &LineQuery) -> Result<LinePage, ArtifactError> {
        loop {
            let (plan, first) = {
                let state = self.state()?;
                (read::plan(&state.segments, query), state.first())
            };
            match read::read(plan, query) {
                // Its files went between the decision and the reading: what is left is another range.
                Err(ArtifactError::NotFound) if self.state()?.first() > first => {}
                read => return read,
            }
        }
    }

    /// The last lines, at most `limit`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read_tail(&self, limit: usize) -> Result<LinePage, ArtifactError> {
        let limit = limit.min(PAGE_LINES_MAX);
        let state = self.state()?;
        let query = LineQuery {
            from: (state.total() + 1).saturating_sub(limit as u64),
            limit,
            ..LineQuery::default()
        };
        drop(state);
        self.read(&query)
    }

    /// All lines that match, from `query.from` to the last one that is there now, whatever `query.limit` says.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn lines(&self, query: LineQuery) -> Result<Lines, ArtifactError> {
        let last = self.total()?;
        let query = LineQuery { limit: PAGE_LINES_MAX, ..query };
        Ok(Lines { log: self.clone(), query, last, page: Vec::new().into_iter(), at_end: false })
    }

    /// Removes the oldest segments until the log has at most `bytes_max` bytes; with 0, all lines. Numbers go on as if
    /// nothing had been removed.
    ///
    /// # Errors
    /// When the files cannot be removed; what was removed until then stays removed.
    pub fn remove_oldest(&self, bytes_max: u64) -> Result<Swept, ArtifactError> {
        let mut state = self.state()?;
        let removed = state.remove_oldest(&self.0.folder, bytes_max);
        if removed.is_err() {
            // Whatever is on disk now, the next use takes stock of it.
            *state = State { removed: state.removed, ..State::default() };
        }
        Ok(removed?)
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, ArtifactError> {
        let mut state = self.0.lock();
        if !state.known {
            state.segments = recover(&self.0.folder)?;
            state.known = true;
        }
        Ok(state)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn total(&self) -> u64 {
        self.segments.last().map_or(0, Segment::last)
    }

    /// The first line that is there, or the one that would be next.
    fn first(&self) -> u64 {
        self.segments.first().map_or(1, |segment| segment.first)
    }

    fn remove_oldest(&mut self, folder: &Path, bytes_max: u64) -> io::Result<Swept> {
        let mut swept = Swept::default();
        let mut bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        while bytes > bytes_max {
            if self.segments.len() == 1 {
                // An empty segment remembers how many lines there were. It must be there before the last one goes.
                let (segment, files) = Segment::create(folder, self.total() + 1)?;
                fs::File::open(folder)?.sync_all()?;
                self.segments.push(segment);
                self.files = Some(files);
            }
            let oldest = self.segments.remove(0);
            oldest.remove()?;
            bytes -= oldest.bytes;
            swept.files += 1;
            swept.bytes += oldest.bytes;
        }
        Ok(swept)
    }

    fn append(&mut self, log: &Inner, lines: &[NewLine<'_>]) -> io::Result<()> {
        let first = self.total() + 1;
        if self.segments.last().is_none_or(|last| last.bytes >= log.segment_bytes) {
            let (segment, files) = Segment::create(&log.folder, first)?;
            self.segments.push(segment);
            self.files = Some(files);
        }
        let segment = self.segments.last_mut().expect("one was made when there was none");
        let mut files = match self.files.take() {
            Some(files) => files,
            None => segment.open_files()?,
        };
        segment.append(&mut files, lines)?;
        self.files = Some(files);
        Ok(())
    }
}

fn modified_at(file: &fs::Metadata) -> Timestamp {
    let since = file.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}

/// The segments of a log as they are on disk.
fn recover(folder: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(first) = Segment::first_of(&path) {
            found.push((first, path));
        }
    }
    found.sort();
    let count = found.len();
    let mut segments = Vec::with_capacity(count);
    for (place, (first, path)) in (1..).zip(found) {
        segments.push(Segment::recover(path, first, place == count)?);
    }
    Ok(segments)
}

/// Lines of a log, read page by page. A number that is missing is that of a line that was removed.
#[derive(Debug)]
pub struct Lines {
    log: RunLog,
    query: LineQuery,
    last: u64,
    page: std::vec::IntoIter<StoredLine>,
    at_end: bool,
}

impl Iterator for Lines {
    type Item = Result<StoredLine, ArtifactError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.page.next() {
                // Lines that came later are not asked for: a download of a log that grows must end.
                return (line.n <= self.last).then_some(Ok(line));
            }
            if self.at_end || self.query.from > self.last {
                return None;
            }
            match self.log.read(&self.query) {
                Ok(page) => {
                    self.page = page.lines.into_iter();
                    match page.next_from {
                        Some(from) => self.query.from = from,
                        None => self.at_end = true,
                    }
                }
                Err(error) => {
                    self.at_end = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
