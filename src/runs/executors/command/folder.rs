//! The folder of one attempt: what a program finds when it starts and what it leaves behind.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::artifacts::ArtifactPath;
use crate::pipelines::glob::fits;
use crate::pipelines::{AgentError, AgentInputs, OutputFile};

/// Files that one attempt may hand on.
const OUTPUT_FILES_MAX: usize = 10_000;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 32;

/// The folder; removed with everything in it when it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder `mark` below `work` and writes the files of earlier agents into it.
    pub(super) fn make(work: &Path, mark: &str, inputs: &AgentInputs) -> io::Result<Self> {
        let folder = Self { root: std::path::absolute(work.join(mark))? };
        // What programs write is for this user alone.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.files())?;
        for (path, bytes) in inputs.files.iter() {
            let target = folder.files().join(path);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(target, bytes)?;
        }
        Ok(folder)
    }

    /// Where the program works.
    pub(super) fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// What the program reads.
    pub(super) fn context(&self) -> PathBuf {
        self.root.join("context.json")
    }

    /// Which process it is.
    pub(super) fn record(&self) -> PathBuf {
        self.root.join("process.json")
    }

    /// One file that the program named. It may not be reached through a link.
    pub(super) fn read(&self, path: &str, bytes_max: u64) -> Result<OutputFile, AgentError> {
        let failed =
            |why: String| AgentError::Failed { message: why, file: Some(path.to_owned()), line: None };
        let path = path.strip_prefix("./").unwrap_or(path);
        // A program knows its folder by its absolute path as well.
        let files = self.files();
        let path = Path::new(path).strip_prefix(&files).ok().and_then(Path::to_str).unwrap_or(path);
        ArtifactPath::parse(path).map_err(|why| failed(format!("this path {why}")))?;
        let mut place = files;
        for part in path.split('/') {
            place.push(part);
            let found =
                fs::symlink_metadata(&place).map_err(|_| failed("there is no such file".to_owned()))?;
            if found.file_type().is_symlink() {
                return Err(failed("this is a link, or lies behind one".to_owned()));
            }
        }
        read_file(&place, bytes_max)
            .map(|bytes| OutputFile { path: path.to_owned(), bytes })
            .map_err(|error| failed(format!("this file cannot be handed on: {error}")))
    }

    /// Every file that fits one of the patterns and is new or changed, by path.
    pub(super) fn collect(
        &self,
        patterns: &[String],
        inputs: &AgentInputs,
        bytes_max: u64,
    ) -> Result<Vec<OutputFile>, AgentError> {
        let mut paths = Vec::new();
        if !patterns.is_empty() {
            list(&self.files(), "", 0, &mut paths).map_err(|error| {
                AgentError::failed(format!("the files of the program cannot be listed: {error}"))
            })?;
        }
        paths.retain(|path| patterns.iter().any(|pattern| fits(pattern, path)));
        paths.sort_unstable();
        if paths.len() > OUTPUT_FILES_MAX {
            let message =
                format!("the program made {} files; at most {OUTPUT_FILES_MAX} are handed on", paths.len());
            return Err(AgentError::failed(message));
        }
        let (mut files, mut left) = (Vec::new(), bytes_max);
        for path in paths {
            let file = self.read(&path, left)?;
            if inputs.files.get(&path).is_none_or(|before| **before != *file.bytes) {
                left -= file.bytes.len() as u64;
                files.push(file);
            }
        }
        Ok(files)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            log::warn!("the folder {} of a program stays: {error}", self.root.display());
        }
    }
}

fn read_file(place: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let found = fs::symlink_metadata(place)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(place)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!(
            "only {bytes_max} bytes are left of what the agent may hand on"
        )));
    }
    Ok(bytes)
}

/// Paths of plain files; links are not followed.
fn list(folder: &Path, prefix: &str, depth: usize, into: &mut Vec<String>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A name that is no UTF-8 cannot be a path on the wire.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), &path, depth + 1, into)?;
        } else if kind.is_file() {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_changed_files_are_handed_on_and_links_are_not() {
        let work = tempfile::tempdir().unwrap();
        let mut inputs = AgentInputs::default();
        inputs.files.insert("in/same.txt", b"same".as_slice());
        inputs.files.insert("in/other.txt", b"before".as_slice());
        let folder = Folder::make(work.path(), "m", &inputs).unwrap();
        let files = folder.files();
        fs::write(files.join("in/other.txt"), "after").unwrap();
        fs::create_dir_all(files.join("out")).unwrap();
        fs::write(files.join("out/new.txt"), "new").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", files.join("out/passwd")).unwrap();
        std::os::unix::fs::symlink("/etc", files.join("etc")).unwrap();
        let collected = folder.collect(&["**".to_owned()], &inputs, 100).unwrap();
        let paths: Vec<&str> = collected.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["in/other.txt", "out/new.txt"]);
        for bad in ["out/passwd", "etc/passwd", "../m/context.json", "/etc/passwd", "out", "nothing", ""] {
            assert!(folder.read(bad, 100).is_err(), "{bad}");
        }
        let absolute = files.join("out/new.txt");
        assert_eq!(folder.read(absolute.to_str().unwrap(), 3).unwrap().path, "out/new.txt");
        assert!(folder.read("out/new.txt", 2).is_err(), "more than may be handed on");
        let root = folder.root.clone();
        drop(folder);
        assert!(!root.exists());
    }
}
