//! The log of a run, or of a room where none wrote it: any range of it, or all of it as text.

use std::io;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::artifacts::{LinePage, LineQuery, RunLog};
use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::event::LogLevel;
use crate::domain::ids::{ProjectId, RunId};
use crate::service::error::ServiceError;
use crate::service::{Service, blocking};

/// Bytes of one piece of a download.
const CHUNK_BYTES: usize = 64 * 1024;
/// Pieces that wait for the client to take them; then the reading waits.
const CHUNKS_MAX: usize = 4;

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOf {
    /// That of a run.
    Run(RunId),
    /// What workers outside wrote in a room for no run.
    Room(ProjectId),
}

/// Which lines to read.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Numbers from here on.
    pub from: u64,
    /// At most so many.
    pub limit: usize,
    /// Those of this agent.
    pub agent: Option<String>,
    /// Those of this level and above.
    pub level: Option<LogLevel>,
    /// Those that contain this text, in capital or small letters.
    pub text: Option<String>,
}

impl Service {
    /// Lines of a range that match.
    ///
    /// # Errors
    /// When there is no such run or project.
    pub async fn logs(&self, caller: Caller, of: LogOf, query: LogQuery) -> Result<LinePage, ServiceError> {
        let log = self.readable_log(caller, of).await?;
        let LogQuery { from, limit, agent, level, text } = query;
        let query = LineQuery { from, limit, agent, level, text };
        blocking(move || Ok(log.read(&query)?)).await
    }

    async fn readable_log(&self, caller: Caller, of: LogOf) -> Result<RunLog, ServiceError> {
        match of {
            LogOf::Run(run) => drop(self.run(caller, run).await?),
            LogOf::Room(room) => {
                caller.may_in(Action::Read, room)?;
                drop(self.stored_project(room).await?);
            }
        }
        let artifacts = self.ground().artifacts.clone();
        blocking(move || {
            Ok(match of {
                LogOf::Run(run) => artifacts.logs().open_run(run)?,
                LogOf::Room(room) => artifacts.room_logs().open_room(room)?,
            })
        })
        .await
    }

    /// All lines as text, in pieces.
    ///
    /// # Errors
    /// When there is no such run or project.
    pub async fn logs_text(
        &self,
        caller: Caller,
        of: LogOf,
    ) -> Result<mpsc::Receiver<io::Result<Bytes>>, ServiceError> {
        let log = self.readable_log(caller, of).await?;
        let (lines, total) = blocking(move || {
            let total = log.total()?;
            Ok((log.lines(LineQuery::default())?, total))
        })
        .await?;
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        tokio::task::spawn_blocking(move || {
            let mut piece = String::new();
            let mut next = 1;
            for line in lines {
                match line {
                    Ok(line) => {
                        note_gone(&mut piece, next, line.n);
                        next = line.n + 1;
                        piece.push_str(&line.to_string());
                        piece.push('\n');
                    }
                    Err(error) => {
                        log::warn!("the download of a log was not finished: {error}");
                        let _ = sender.blocking_send(Err(io::Error::other(error)));
                        return;
                    }
                }
                if piece.len() >= CHUNK_BYTES
                    && sender.blocking_send(Ok(Bytes::from(std::mem::take(&mut piece)))).is_err()
                {
                    // The client is gone.
                    return;
                }
            }
            note_gone(&mut piece, next, total + 1);
            if !piece.is_empty() {
                let _ = sender.blocking_send(Ok(Bytes::from(piece)));
            }
        });
        Ok(receiver)
    }
}

/// Says which lines before `found` are missing, in place of them.
fn note_gone(text: &mut String, next: u64, found: u64) {
    if next < found {
        text.push_str(&format!("(lines {next} to {} were removed after their time)\n", found - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_said_where_it_was() {
        for (next, found, expected) in
            [(1, 1, ""), (1, 8, "(lines 1 to 7 were removed after their time)\n"), (9, 8, "")]
        {
            let mut text = String::new();
            note_gone(&mut text, next, found);
            assert_eq!(text, expected);
        }
    }
}
