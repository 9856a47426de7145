//! Images of a folder that the operator has opened, as they are when a run is accepted.

use std::path::{Path, PathBuf};

use crate::artifacts::Artifacts;
use crate::domain::run::RunInput;
use crate::pictures::Format;
use crate::service::error::ServiceError;

/// The pictures that lie in a folder: one of the configured ones, or one inside of them.
pub(super) fn of_folder(
    key: &str,
    folders: &[PathBuf],
    wanted: &str,
    artifacts: &Artifacts,
    bytes_max: usize,
    count_max: usize,
) -> Result<Vec<RunInput>, ServiceError> {
    let wrong = |message: String| ServiceError::invalid("params.folder", message);
    if folders.is_empty() {
        return Err(wrong(format!("cannot be used: the operator has opened no folder ({key})")));
    }
    // What lies outside and what is not there sound alike: nobody learns here what the machine holds.
    let inside = |path: &Path| {
        let path = path.canonicalize().ok()?;
        let is_inside =
            folders.iter().filter_map(|folder| folder.canonicalize().ok()).any(|root| path.starts_with(root));
        is_inside.then_some(path)
    };
    let folder = folders
        .iter()
        .find_map(|root| inside(&root.join(wanted)).filter(|path| path.is_dir()))
        .ok_or_else(|| wrong("is no folder inside the configured ones".to_owned()))?;
    let failed = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if Format::of_name(name).is_some() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(wrong("holds no JPEG, PNG, WebP or GIF file".to_owned()));
    }
    if names.len() > count_max {
        return Err(wrong(format!("holds {} images; a run is given at most {count_max}", names.len())));
    }
    let mut inputs = Vec::new();
    for name in names {
        let problem =
            |why: String| RunInput { name: name.clone(), sha256: String::new(), size: 0, problem: Some(why) };
        // A link may lead out of the folder.
        let input = match inside(&folder.join(&name)) {
            None => problem("it leads out of the configured folders, or nowhere".to_owned()),
            Some(path) => match read(&path, bytes_max) {
                Ok(bytes) => {
                    let blob = artifacts.blobs().put(&bytes)?;
                    RunInput { name, sha256: blob.sha256, size: blob.size, problem: None }
                }
                Err(why) => problem(why),
            },
        };
        inputs.push(input);
    }
    Ok(inputs)
}

fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("it cannot be read: {error}");
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Err("it is no plain file".to_owned());
    }
    if found.len() > bytes_max as u64 {
        return Err(format!("it has {} bytes; at most {bytes_max} are taken", found.len()));
    }
    std::fs::read(path).map_err(failed)
}
