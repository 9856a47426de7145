//! Files of a run: contents by their hash, archives, and the lines of its log.
//!
//! Everything here blocks; callers on an async thread hand it to the blocking pool.
//!
//! ```text
//! ROOT/blobs/ab/cdef…      contents, named by their SHA-256; never changed, shared by whoever has the same
//! ROOT/logs/RUN/…          lines of a run's log in segments, with an index beside each
//! ROOT/room-logs/PROJECT/… likewise, lines that workers outside wrote for no run
//! ```

mod archive;
mod blobs;
mod path;
mod run_log;

pub use archive::archive;
pub use blobs::{Blob, Blobs, Swept};
pub use path::{ArtifactPath, BadPath, PATH_BYTES_MAX, media_type};
pub use run_log::{
    LINE_BYTES_MAX, LinePage, LineQuery, Lines, LogStore, NewLine, PAGE_LINES_MAX, RunLog, StoredLine,
    StoredLog, as_one_line,
};

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Contents and logs below one folder; cheap to clone.
#[derive(Clone, Debug)]
pub struct Artifacts {
    blobs: Arc<Blobs>,
    logs: LogStore,
    room_logs: LogStore,
}

impl Artifacts {
    /// Opens the store in the folder `root`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written: better said at the start than by the first run.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        let (blobs, logs, room_logs) = (root.join("blobs"), root.join("logs"), root.join("room-logs"));
        let opened = Self {
            blobs: Arc::new(Blobs::open(&blobs)?),
            logs: LogStore::open(&logs)?,
            room_logs: LogStore::open(&room_logs)?,
        };
        for folder in [blobs, logs, room_logs] {
            let probe = folder.join("probe");
            fs::write(&probe, "")?;
            fs::remove_file(probe)?;
        }
        Ok(opened)
    }

    /// The contents.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The logs of runs.
    pub fn logs(&self) -> &LogStore {
        &self.logs
    }

    /// The logs of rooms: lines that belong to no run.
    pub fn room_logs(&self) -> &LogStore {
        &self.room_logs
    }
}

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// There is no such content.
    #[error("there is no such file")]
    NotFound,
    /// Not the hexadecimal form of a SHA-256.
    #[error("this is no SHA-256 in lower-case hexadecimal digits")]
    BadHash,
    /// A path that may not name a file.
    #[error("the path {0}")]
    BadPath(#[from] BadPath),
    /// A content that is not what its name says.
    #[error("the stored content {sha256} is damaged")]
    Damaged {
        /// Its name.
        sha256: String,
    },
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The file system failed.
    #[error("the file store failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for ArtifactError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ArtifactError::DiskFull,
            io::ErrorKind::NotFound => ArtifactError::NotFound,
            _ => ArtifactError::Io(error),
        }
    }
}
