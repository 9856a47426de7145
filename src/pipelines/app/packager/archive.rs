//! The zip: the same files give the same bytes.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::pipelines::{AgentError, AgentHost, FileSet};

/// One level for good; another would give other bytes.
const COMPRESSION_LEVEL: i64 = 6;
/// Readable by everybody, as sources are.
const PERMISSIONS: u32 = 0o644;

/// Every file under `<folder>/`, by name.
pub(super) fn zip(folder: &str, files: &FileSet, host: &dyn AgentHost) -> Result<Vec<u8>, AgentError> {
    // 1980-01-01 00:00, the beginning of the format's time.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(COMPRESSION_LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(PERMISSIONS);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files.iter() {
        host.check()?;
        let failed =
            |message: String| AgentError::Failed { message, file: Some(path.to_owned()), line: None };
        if !is_inside(path) {
            return Err(failed("this path leads out of the archive".to_owned()));
        }
        writer.start_file(format!("{folder}/{path}"), options).map_err(|error| failed(error.to_string()))?;
        writer.write_all(bytes).map_err(|error| failed(error.to_string()))?;
    }
    let written = writer.finish().map_err(|error| AgentError::failed(error.to_string()))?;
    Ok(written.into_inner())
}

fn is_inside(path: &str) -> bool {
    let parts_are_names = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    parts_are_names && !path.contains(['\\', '\0', ':'])
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;
    use zip::ZipArchive;

    use super::*;
    use crate::domain::event::LogLevel;
    use crate::domain::script::{ScriptJob, ScriptOutcome};

    struct Idle;

    impl AgentHost for Idle {
        fn log(&self, _: LogLevel, _: &str) {}
        fn progress(&self, _: f64, _: &str) {}
        fn check(&self) -> Result<(), AgentError> {
            Ok(())
        }
        fn run_scripts(
            &self,
            _: &ScriptJob,
            _: &mut dyn FnMut(usize, &ScriptOutcome),
        ) -> Result<Vec<ScriptOutcome>, AgentError> {
            Err(AgentError::Cancelled)
        }
    }

    fn set(files: &[(String, Vec<u8>)]) -> FileSet {
        let mut set = FileSet::default();
        for (path, bytes) in files {
            set.insert(path.clone(), bytes.clone());
        }
        set
    }

    proptest! {
        #[test]
        fn the_same_files_give_the_same_bytes_and_come_out_again(
            files in proptest::collection::btree_map("[a-z]{1,4}(/[a-zé .]{0,3}[a-z]){0,2}", proptest::collection::vec(any::<u8>(), 0..200), 0..8),
        ) {
            let forwards: Vec<_> = files.clone().into_iter().collect();
            let backwards: Vec<_> = files.clone().into_iter().rev().collect();
            let zip = zip("app", &set(&forwards), &Idle).expect("these are ordinary names");
            prop_assert_eq!(&zip, &super::zip("app", &set(&backwards), &Idle).expect("these are ordinary names"));
            let mut archive = ZipArchive::new(Cursor::new(zip)).expect("it is a zip");
            prop_assert_eq!(archive.len(), files.len());
            for (index, (path, bytes)) in files.iter().enumerate() {
                let mut entry = archive.by_index(index).expect("it is there");
                prop_assert_eq!(entry.name().expect("it is UTF-8"), format!("app/{}", path));
                prop_assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(PERMISSIONS));
                prop_assert_eq!(entry.last_modified(), Some(DateTime::DEFAULT));
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("it is whole");
                prop_assert_eq!(&content, bytes);
            }
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["../a", "/a", "a/../../b", "a//b", "", "C:\\a", "a\0b", "./a"] {
            let files = set(&[(path.to_owned(), Vec::new())]);
            assert!(matches!(zip("app", &files, &Idle), Err(AgentError::Failed { .. })), "{path}");
        }
    }
}
