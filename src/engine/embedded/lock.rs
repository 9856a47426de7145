//! One process per data directory: a lock file that the operating system frees when its holder dies.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::engine::embedded::OpenError;

/// Name of the lock file in the data directory.
const LOCK_FILE: &str = "callboard.lock";

/// Held while the store is open.
///
/// The file stays behind when the lock is freed: removing it would let two processes lock two different files.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the lock of a directory or says who has it.
    pub(super) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOCK_FILE);
        let failed = |error: io::Error| OpenError::from_io(&path, &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // The holder may be about to write its id; the refusal stands without it.
                let _ = file.read_to_string(&mut holder);
                return Err(OpenError::InUse {
                    directory: directory.to_owned(),
                    pid: holder.trim().parse().ok(),
                });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    /// Said and not left to the closing of the file: a child process that is just being started has a copy of it until
    /// it runs its own program, and would hold the lock for that moment.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            log::warn!("the lock of the data directory could not be freed: {error}");
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let refused = DirectoryLock::take(directory.path()).unwrap_err();
        assert!(
            matches!(refused, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
            "{refused}"
        );
        drop(first);
        DirectoryLock::take(directory.path()).unwrap();
    }

    #[test]
    fn is_free_at_once_though_a_copy_of_the_file_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let _copy = first.file.try_clone().unwrap();
        drop(first);
        DirectoryLock::take(directory.path()).unwrap();
    }
}
