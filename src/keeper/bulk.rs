//! What lies in files: log lines of runs, and contents that nothing names any more.

use std::time::Instant;

use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change, EngineError, INPUT_NOTES};
use crate::keeper::rules::{self, EndedLines, FileUse};
use crate::keeper::{KeeperError, Pass};

/// Runs read at once: their records are some tens of kilobytes each.
const RUNS_PER_READ: usize = 64;
/// Notes read at once: they are some hundreds of bytes each.
const NOTES_PER_READ: usize = 1_000;
/// A content that nothing names stays this long after it was last put: an agent puts its files before its record names
/// them.
const UNNAMED_FOR_MS: u64 = 60 * 60 * 1000;

impl Pass {
    /// Removes log lines of runs that ended long ago, and those of runs that are no longer on record.
    pub(super) async fn keep_lines(&self) -> Result<(), KeeperError> {
        let (now, rules) = (self.deps.clock.now(), &self.deps.rules);
        let logs = self.deps.artifacts.logs();
        let stored = logs.stored()?;
        let bytes = stored.iter().map(|log| log.bytes).sum();
        let mut ended = Vec::new();
        for log in stored {
            let since = Instant::now();
            match self.deps.engine.run(log.run).await? {
                // The record is written before the first line, so this run is gone for good.
                None => {
                    logs.remove_run(log.run)?;
                    self.shared.add(|totals| {
                        totals.line_runs += 1;
                        totals.line_bytes += log.bytes;
                    });
                }
                Some(run) if run.status.is_terminal() && log.bytes > 0 => {
                    let at = run.ended_at.unwrap_or(run.created_at).max(log.written_at);
                    ended.push(EndedLines { at, run: log.run, bytes: log.bytes });
                }
                Some(_) => {}
            }
            self.rest(since).await?;
        }
        for lines in rules::lines_over(ended, bytes, rules, now) {
            let since = Instant::now();
            let swept = logs.open_run(lines.run)?.remove_oldest(0)?;
            self.shared.add(|totals| {
                totals.line_runs += 1;
                totals.line_bytes += swept.bytes;
            });
            self.rest(since).await?;
        }
        Ok(())
    }

    /// Removes contents that no run names, then lets runs that ended long ago name none any more. What they named goes
    /// with the next look and not with this one: somebody may just be about to repeat such a run.
    pub(super) async fn keep_files(&self) -> Result<(), KeeperError> {
        let (now, rules) = (self.deps.clock.now(), &self.deps.rules);
        let mut files = FileUse::default();
        let mut after = None;
        loop {
            let since = Instant::now();
            let page = self.deps.engine.all_runs(after, RUNS_PER_READ).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            page.iter().for_each(|run| files.add(run));
            self.rest(since).await?;
        }
        #[derive(serde::Deserialize)]
        struct Given {
            sha256: String,
        }
        let (mut given, mut after) = (Vec::new(), None);
        loop {
            let since = Instant::now();
            let page = self.deps.engine.notes(INPUT_NOTES.to_owned(), after, NOTES_PER_READ).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            given.extend(
                page.iter().filter_map(|(_, noted)| Some(serde_json::from_str::<Given>(noted).ok()?.sha256)),
            );
            self.rest(since).await?;
        }
        let put_before = Timestamp(now.0.saturating_sub(UNNAMED_FOR_MS as i64));
        let swept = self.deps.artifacts.blobs().collect_garbage(files.named().chain(given), put_before)?;
        self.shared.add(|totals| {
            totals.files += swept.files;
            totals.file_bytes += swept.bytes;
        });
        for run in files.over(rules, now) {
            let since = Instant::now();
            match self.commit(Batch::of([Change::ForgetFiles(run)])).await {
                Ok(_) => self.shared.add(|totals| totals.file_runs += 1),
                // Removed meanwhile.
                Err(KeeperError::Engine(EngineError::NotFound(_))) => {}
                Err(error) => return Err(error),
            }
            self.rest(since).await?;
        }
        Ok(())
    }
}
