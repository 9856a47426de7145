//! Contents by their hash: written once, never changed, shared by whoever has the same.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use sha2::{Digest, Sha256};

use crate::artifacts::ArtifactError;
use crate::domain::time::Timestamp;

/// Begins the name of a file that is still being written.
const UNFINISHED: &str = "unfinished-";

/// A content that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Blob {
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The contents.
#[derive(Debug)]
pub struct Blobs {
    root: PathBuf,
    /// Tells apart the unfinished files of one process.
    next: AtomicU64,
    /// Held for writing by a sweep while it decides on a file, so that no one finds a file that is about to go.
    sweep: RwLock<()>,
}

impl Blobs {
    /// Opens the contents in a folder, which is made when it is not there.
    pub(super) fn open(root: &Path) -> Result<Self, ArtifactError> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned(), next: AtomicU64::new(0), sweep: RwLock::new(()) })
    }

    /// Keeps a content. When it returns, the content is on the disk under its name.
    ///
    /// # Errors
    /// When the disk is full or fails; then nothing is left under the name.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, ArtifactError> {
        let blob = Blob { sha256: hex::encode(Sha256::digest(bytes)), size: bytes.len() as u64 };
        let path = self.name(&blob.sha256)?;
        let _no_sweep = self.sweep.read().unwrap_or_else(PoisonError::into_inner);
        if let Ok(kept) = File::open(&path)
            && kept.metadata()?.len() == blob.size
        {
            // As young as a new one, so that a sweep leaves it to whoever is about to mention it.
            touch(&kept)?;
            return Ok(blob);
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
        let written = write_durably(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        if let Err(error) = written {
            // It may never have been made; a sweep finds it otherwise.
            let _ = fs::remove_file(&unfinished);
            return Err(error.into());
        }
        Ok(blob)
    }

    /// Reads a content and checks that it is what its name says.
    ///
    /// # Errors
    /// When it is not there or is damaged.
    pub fn read(&self, sha256: &str) -> Result<Vec<u8>, ArtifactError> {
        let bytes = fs::read(self.name(sha256)?)?;
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Err(ArtifactError::Damaged { sha256: sha256.to_owned() });
        }
        Ok(bytes)
    }

    /// Where a content lies, to be served with ranges. The file there never changes.
    ///
    /// # Errors
    /// When it is not there.
    pub fn path(&self, sha256: &str) -> Result<PathBuf, ArtifactError> {
        let path = self.name(sha256)?;
        if path.is_file() { Ok(path) } else { Err(ArtifactError::NotFound) }
    }

    /// Whether a content is there with that size.
    pub fn contains(&self, sha256: &str, size: u64) -> bool {
        self.name(sha256)
            .and_then(|path| Ok(fs::metadata(path)?))
            .is_ok_and(|file| file.is_file() && file.len() == size)
    }

    /// Removes what is not in `keep` and was last put before `put_before`. Leave enough time for a content that was put
    /// but is not mentioned anywhere yet.
    ///
    /// # Errors
    /// When the file system fails; what was removed until then stays removed.
    pub fn collect_garbage(
        &self,
        keep: impl Iterator<Item = String>,
        put_before: Timestamp,
    ) -> Result<Swept, ArtifactError> {
        let keep: HashSet<String> = keep.collect();
        let put_before = UNIX_EPOCH + Duration::from_millis(u64::try_from(put_before.0).unwrap_or(0));
        let mut swept = Swept::default();
        for folder in fs::read_dir(&self.root)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                let (Some(first), Some(rest)) = (
                    folder.file_name().to_str().map(str::to_owned),
                    file.file_name().to_str().map(str::to_owned),
                ) else {
                    continue;
                };
                if keep.contains(&format!("{first}{rest}")) {
                    continue;
                }
                if let Some(bytes) = self.remove_if_old(&file.path(), put_before)? {
                    swept.files += 1;
                    swept.bytes += bytes;
                }
            }
        }
        Ok(swept)
    }

    fn remove_if_old(&self, path: &Path, put_before: SystemTime) -> Result<Option<u64>, ArtifactError> {
        let _no_put = self.sweep.write().unwrap_or_else(PoisonError::into_inner);
        let file = match fs::metadata(path) {
            Ok(file) => file,
            // Finished and renamed, or removed, since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if file.modified()? >= put_before {
            return Ok(None);
        }
        fs::remove_file(path)?;
        Ok(Some(file.len()))
    }

    fn name(&self, sha256: &str) -> Result<PathBuf, ArtifactError> {
        let well_formed =
            sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !well_formed {
            return Err(ArtifactError::BadHash);
        }
        let (first, rest) = sha256.split_at(2);
        Ok(self.root.join(first).join(rest))
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    if file.metadata()?.len() != bytes.len() as u64 {
        return Err(io::Error::other("the file is not as long as what was written"));
    }
    file.sync_all()
}

/// Sets the time of the last change to the file system's own now.
fn touch(file: &File) -> io::Result<()> {
    let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
    Ok(futimens(file, &times)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Timestamp = Timestamp(32_503_680_000_000);

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let root = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&root.path().join("blobs")).unwrap();
        (root, blobs)
    }

    fn files(blobs: &Blobs) -> usize {
        fs::read_dir(&blobs.root)
            .unwrap()
            .map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count())
            .sum()
    }

    #[test]
    fn keeps_by_content() {
        let (_root, blobs) = blobs();
        let abc = blobs.put(b"abc").unwrap();
        assert_eq!(abc.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(abc.size, 3);
        assert_eq!(blobs.put(b"abc").unwrap(), abc);
        assert_eq!(blobs.put(b"").unwrap().size, 0);
        assert_eq!(files(&blobs), 2);
        assert_eq!(blobs.read(&abc.sha256).unwrap(), b"abc");
        assert_eq!(fs::read(blobs.path(&abc.sha256).unwrap()).unwrap(), b"abc");
        assert!(blobs.contains(&abc.sha256, 3) && !blobs.contains(&abc.sha256, 4));
    }

    #[test]
    fn an_unknown_or_malformed_name_is_refused() {
        let (_root, blobs) = blobs();
        assert!(matches!(blobs.read(&"0".repeat(64)), Err(ArtifactError::NotFound)));
        assert!(matches!(blobs.path(&"0".repeat(64)), Err(ArtifactError::NotFound)));
        for bad in ["", "ab", "../../../etc/passwd", &"A".repeat(64), &format!("{}/", "a".repeat(63))] {
            assert!(matches!(blobs.path(bad), Err(ArtifactError::BadHash)), "{bad}");
            assert!(matches!(blobs.read(bad), Err(ArtifactError::BadHash)), "{bad}");
        }
    }

    #[test]
    fn a_torn_content_is_written_again_and_a_changed_one_is_noticed() {
        let (_root, blobs) = blobs();
        let blob = blobs.put(b"whole").unwrap();
        let path = blobs.path(&blob.sha256).unwrap();
        fs::write(&path, b"who").unwrap();
        assert!(matches!(blobs.read(&blob.sha256), Err(ArtifactError::Damaged { .. })));
        blobs.put(b"whole").unwrap();
        assert_eq!(blobs.read(&blob.sha256).unwrap(), b"whole");
    }

    #[test]
    fn many_put_the_same_at_once() {
        let (_root, blobs) = blobs();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..20_u32 {
                        let blob = blobs.put(&number.to_le_bytes()).unwrap();
                        assert_eq!(blobs.read(&blob.sha256).unwrap(), number.to_le_bytes());
                    }
                });
            }
        });
        assert_eq!(files(&blobs), 20);
    }

    #[test]
    fn a_sweep_takes_what_nobody_mentions_and_is_old_enough() {
        let (_root, blobs) = blobs();
        let (kept, gone) = (blobs.put(b"kept").unwrap(), blobs.put(b"gone").unwrap());
        let unfinished = blobs.path(&gone.sha256).unwrap().with_file_name(format!("{UNFINISHED}1-1"));
        fs::write(&unfinished, b"half").unwrap();
        let keep = || [kept.sha256.clone()].into_iter();

        assert_eq!(blobs.collect_garbage(keep(), Timestamp(0)).unwrap(), Swept::default());
        assert_eq!(blobs.collect_garbage(keep(), FAR).unwrap(), Swept { files: 2, bytes: 8 });
        assert!(blobs.contains(&kept.sha256, 4) && !blobs.contains(&gone.sha256, 4));
    }

    #[test]
    fn putting_again_makes_young_again() {
        let (_root, blobs) = blobs();
        let blob = blobs.put(b"old").unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(1000);
        let file = File::options().write(true).open(blobs.path(&blob.sha256).unwrap()).unwrap();
        file.set_modified(long_ago).unwrap();
        blobs.put(b"old").unwrap();
        let swept = blobs.collect_garbage(std::iter::empty(), Timestamp(2_000_000)).unwrap();
        assert_eq!(swept, Swept::default());
        file.set_modified(long_ago).unwrap();
        let swept = blobs.collect_garbage(std::iter::empty(), Timestamp(2_000_000)).unwrap();
        assert_eq!(swept.files, 1);
    }
}
