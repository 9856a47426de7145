//! Why the store could not be opened, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::engine::embedded::is_disk_full;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("the data directory {} is in use by another process{}", .directory.display(), pid_text(*.pid))]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The process, when it said so.
        pid: Option<u32>,
    },
    /// The store was written by a newer version of this program.
    #[error(
        "{} was written by a newer version (schema {found}, this version knows up to {known}); run that version, or \
         start with another data directory",
        .path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema this program knows.
        known: usize,
    },
    /// The store cannot be written.
    #[error("{} cannot be written: {reason}", .path.display())]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk is full.
    #[error("{} cannot be opened: the disk is full", .path.display())]
    DiskFull {
        /// The file or directory.
        path: PathBuf,
    },
    /// The store is damaged.
    #[error(
        "{} is damaged ({reason}); restore it from a backup, or move it away to start with an empty store",
        .path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Anything else.
    #[error("{} cannot be opened: {reason}", .path.display())]
    Other {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn from_io(path: &Path, error: &io::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => OpenError::NotWritable { path, reason },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::DiskFull { path },
            _ => OpenError::Other { path, reason },
        }
    }

    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            _ if is_disk_full(error) => OpenError::DiskFull { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, reason },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                OpenError::NotWritable { path, reason }
            }
            _ => OpenError::Other { path, reason },
        }
    }
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
