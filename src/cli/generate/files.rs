//! Files of a run on their way into a folder of the maker.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::auth::Caller;
use crate::service::Service;
use crate::service::files::FilesOf;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// How many files.
    pub(super) files: usize,
    /// Their bytes.
    pub(super) bytes: u64,
    /// `requirements.json`, when it is among them.
    pub(super) requirements: Option<String>,
}

/// Whether a folder may be written to: it is new, or empty, or the maker insists. Writing into it is tried, and leaves
/// nothing behind: a run that takes minutes must not end where nothing can be written.
pub(super) fn check_target(out: &Path, force: bool) -> anyhow::Result<()> {
    match fs::read_dir(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be used", out.display())),
        Ok(mut entries) => {
            if entries.next().is_some() && !force {
                bail!("{} is not empty; --force writes into it all the same", out.display());
            }
        }
    }
    let missing: Vec<&Path> =
        out.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    let tried = fs::create_dir_all(out).and_then(|()| {
        let probe = out.join(format!(".callboard-{}", std::process::id()));
        fs::write(&probe, "").and_then(|()| fs::remove_file(&probe))
    });
    for folder in missing {
        // Those that were made; one that somebody uses by now stays.
        let _ = fs::remove_dir(folder);
    }
    tried.with_context(|| format!("{} cannot be written to", out.display()))
}

/// A folder for a project of this name, below the working directory.
pub(super) fn folder_for(name: &str) -> PathBuf {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    PathBuf::from(if words.is_empty() { "callboard-app".to_owned() } else { words.join("-") })
}

/// Writes every file of a run. Their paths were checked when they were made and are checked again on
/// the way out, so none leaves the folder.
pub(super) async fn write(service: &Service, of: FilesOf, out: &Path) -> anyhow::Result<Written> {
    let mut written = Written::default();
    for file in service.files(Caller::HOUSE, of).await? {
        let stored = service.file(Caller::HOUSE, of, &file.path).await?;
        let target = out.join(&stored.file.path);
        let parent = target.parent().unwrap_or(out);
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        let bytes = fs::copy(&stored.stored_at, &target)
            .with_context(|| format!("{} cannot be written", target.display()))?;
        if file.path == "requirements.json" {
            written.requirements = fs::read_to_string(&stored.stored_at).ok();
        }
        written.files += 1;
        written.bytes += bytes;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_refused_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_target(&dir.path().join("new/below"), false).is_ok());
        assert!(!dir.path().join("new").exists(), "trying leaves nothing behind");
        assert!(check_target(dir.path(), false).is_ok());
        fs::write(dir.path().join("a"), "").unwrap();
        assert!(check_target(dir.path(), false).is_err());
        assert!(check_target(dir.path(), true).is_ok());
        assert!(check_target(&dir.path().join("a"), true).is_err(), "a file is no folder");
    }

    #[test]
    fn folders_are_named_after_the_project() {
        assert_eq!(folder_for("A reading list"), PathBuf::from("a-reading-list"));
        assert_eq!(folder_for("../.."), PathBuf::from("callboard-app"));
    }
}
