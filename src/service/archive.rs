//! All files of a run in one archive.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::artifacts;
use crate::auth::Caller;
use crate::domain::run::RunStatus;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::service::files::{FilesOf, StoredFile, files_of};

/// What the packager calls its archive.
const PACKAGED: &str = "app.zip";
/// Bytes of one piece of an archive that is made while it is sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// Pieces that wait for the client to take them; then the making waits.
const CHUNKS_MAX: usize = 4;

/// An archive.
pub enum Archive {
    /// The run packed it itself.
    Packed(StoredFile),
    /// It is made while it is sent.
    Made(mpsc::Receiver<io::Result<Bytes>>),
}

impl Service {
    /// The archive of a project or run with a name for it: what the packager packed, else the files so far. One that is
    /// not the result of a run that completed says so in its name.
    ///
    /// # Errors
    /// When there is no such project or run, or it has no files yet.
    pub async fn archive(&self, caller: Caller, of: FilesOf) -> Result<(String, Archive), ServiceError> {
        let run = self.files_run(caller, of).await?.ok_or(ServiceError::NotFound("file"))?;
        let project = file_name(&self.stored_project(run.project_id).await?.name);
        let name = match run.status {
            RunStatus::Completed => format!("{project}.zip"),
            ended if ended.is_terminal() => format!("{project}-{}.zip", ended.as_str().replace('_', "-")),
            _ => format!("{project}-unfinished.zip"),
        };
        let files = files_of(&run);
        if let Some(packed) = files.iter().find(|file| file.path == PACKAGED) {
            return Ok((name, Archive::Packed(self.stored(packed.clone())?)));
        }
        if files.is_empty() {
            return Err(ServiceError::NotFound("file"));
        }
        let artifacts = self.ground().artifacts.clone();
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let files: Vec<(String, String)> = files.into_iter().map(|file| (file.path, file.sha256)).collect();
        tokio::task::spawn_blocking(move || {
            let pieces = Pieces { sender: sender.clone(), waiting: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = artifacts::archive(artifacts.blobs(), &files, pieces) {
                log::warn!("an archive was not finished: {error}");
                // The client must see that it is not whole; when it is gone, nobody need.
                let _ = sender.blocking_send(Err(io::Error::other(error)));
            }
        });
        Ok((name, Archive::Made(receiver)))
    }
}

/// Hands what is written on in pieces.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.waiting, Vec::with_capacity(CHUNK_BYTES)));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// A name for a file made of a project's name: ASCII letters, digits and hyphens.
fn file_name(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let joined: String = words.join("-").chars().take(60).collect();
    if joined.is_empty() { "project".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_archives_are_plain() {
        for (name, expected) in [
            ("Reading list", "reading-list"),
            ("  a/../b\"\r\n", "a-b"),
            ("Ümläut", "ml-ut"),
            ("🎭", "project"),
        ] {
            assert_eq!(file_name(name), expected, "{name}");
        }
    }
}
