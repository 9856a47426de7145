//! Files as a zip archive that is the same bytes for the same files, whenever and wherever it is made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::artifacts::{ArtifactError, ArtifactPath, Blobs};

/// Writes an archive of `files`, sorted by path; of two with the same path, the later. It is written from the front to
/// the back, so `writer` may be a pipe to a client.
///
/// # Errors
/// When a path is not safe (before the first byte is written), a content is missing, or the writer fails.
pub fn archive<W: Write>(blobs: &Blobs, files: &[(String, String)], writer: W) -> Result<W, ArtifactError> {
    let mut sorted = BTreeMap::new();
    for (path, sha256) in files {
        sorted.insert(ArtifactPath::parse(path)?, sha256);
    }
    let mut zip = ZipWriter::new_stream(writer);
    // The time is part of the format: the first that it can say stands for none.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (path, sha256) in sorted {
        let mut content = File::open(blobs.path(sha256)?)?;
        zip.start_file(path.as_str(), options).map_err(zip_error)?;
        io::copy(&mut content, &mut zip)?;
    }
    let mut writer = zip.finish().map_err(zip_error)?.into_inner();
    writer.flush()?;
    Ok(writer)
}

fn zip_error(error: zip::result::ZipError) -> ArtifactError {
    match error {
        zip::result::ZipError::Io(error) => error.into(),
        other => ArtifactError::Io(io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn put(blobs: &Blobs, files: &[(&str, &str)]) -> Vec<(String, String)> {
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), blobs.put(text.as_bytes()).unwrap().sha256))
            .collect()
    }

    #[test]
    fn is_the_same_whatever_the_order_and_unpacks_to_the_same_files() {
        let root = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(root.path()).unwrap();
        let long = "the same again and again\n".repeat(1000);
        let mut files =
            put(&blobs, &[("src/b.js", &long), ("index.html", "<p>"), ("ü.txt", "ü"), ("empty", "")]);
        let first = archive(&blobs, &files, Vec::new()).unwrap();
        files.reverse();
        let second = archive(&blobs, &files, Vec::new()).unwrap();
        assert_eq!(first, second);
        assert!(first.len() < long.len() / 10);

        let mut zip = zip::ZipArchive::new(Cursor::new(first)).unwrap();
        let mut unpacked = Vec::new();
        for index in 0..zip.len() {
            let mut file = zip.by_index(index).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(file.last_modified(), Some(DateTime::default()));
            unpacked.push((file.name().unwrap().to_string(), text));
        }
        let expected = [("empty", ""), ("index.html", "<p>"), ("src/b.js", &long), ("ü.txt", "ü")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(unpacked, expected);
    }

    #[test]
    fn the_later_of_two_wins_and_unsafe_paths_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(root.path()).unwrap();
        let twice = put(&blobs, &[("a", "old"), ("a", "new")]);
        let zip = archive(&blobs, &twice, Vec::new()).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut text = String::new();
        zip.by_index(0).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((zip.len(), text.as_str()), (1, "new"));

        let mut written = Vec::new();
        for bad in ["../up", "/root", "a\\b"] {
            let files = put(&blobs, &[("fine", "x"), (bad, "x")]);
            let refused = archive(&blobs, &files, &mut written);
            assert!(matches!(refused, Err(ArtifactError::BadPath(_))), "{bad}");
        }
        assert!(written.is_empty());
        let missing = [("a".to_owned(), "0".repeat(64))];
        assert!(matches!(archive(&blobs, &missing, Vec::new()), Err(ArtifactError::NotFound)));
    }
}
