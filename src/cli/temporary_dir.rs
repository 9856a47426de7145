//! A data directory of a command that keeps nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A folder that goes when it is dropped.
pub(super) struct TemporaryDir {
    path: PathBuf,
    kept: bool,
}

impl TemporaryDir {
    /// A new one.
    pub(super) fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("callboard-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, kept: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It stays after all: somebody has to look into it.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            log::warn!("{} stays behind: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_unless_it_is_kept() {
        for kept in [false, true] {
            let mut dir = TemporaryDir::new().unwrap();
            let path = dir.path().to_owned();
            fs::write(path.join("a"), "").unwrap();
            if kept {
                dir.keep();
            }
            drop(dir);
            assert_eq!(path.exists(), kept);
            let _ = fs::remove_dir_all(path);
        }
    }
}
