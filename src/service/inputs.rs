//! Files that a project is given for its runs: uploaded ones, and those of a folder that the operator has opened. A run
//! gets them as they are when it is accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::artifacts::{ArtifactPath, Artifacts};
use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::event::{Custom, EventBody, NewEvent};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::photo;
use crate::domain::run::{Project, RunInput};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change};
use crate::service::error::{FieldError, ServiceError};
use crate::service::files::{ProjectFile, StoredFile};
use crate::service::{Service, blocking};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 160;
/// Ends of names that are taken from a folder.
const ENDS: [&str; 6] = ["jpg", "jpeg", "jpe", "png", "webp", "gif"];

/// How the notes of a project's inputs begin.
pub(crate) fn prefix(project: ProjectId) -> String {
    format!("{ALL}{project}/")
}

/// How the notes of all inputs begin; the keeper keeps what they name.
const ALL: &str = crate::engine::INPUT_NOTES;

/// A file that a project was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectInput {
    /// Its name.
    pub name: String,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// When it was given.
    pub at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    sha256: String,
    size: u64,
    at: Timestamp,
}

impl Service {
    /// Files that a project was given, by name.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn inputs(
        &self,
        caller: Caller,
        project: ProjectId,
    ) -> Result<Vec<ProjectInput>, ServiceError> {
        self.check_project(caller, Action::Read, project).await?;
        self.stored_inputs(project).await
    }

    /// Takes files in, all of them or none; those of the same name take the place of those before.
    ///
    /// # Errors
    /// When there is no such project, it takes no files, a name or a size is wrong, or there would be too many.
    pub async fn add_inputs(
        &self,
        caller: Caller,
        id: ProjectId,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<Vec<ProjectInput>, ServiceError> {
        self.may_give(caller, id).await?;
        let mut wrong = Vec::new();
        let mut names = BTreeSet::new();
        for (number, (name, bytes)) in files.iter().enumerate() {
            let field = |what: &str| format!("files[{number}].{what}");
            if let Err(message) = check_name(name) {
                wrong.push(FieldError::new(field("name"), message));
            } else if !names.insert(name) {
                wrong.push(FieldError::new(field("name"), "is given twice"));
            }
            let max = self.config().limits.input_bytes_max;
            if bytes.len() > max {
                wrong.push(FieldError::new(
                    field("size"),
                    format!("is {}; at most {max} bytes are taken", bytes.len()),
                ));
            }
        }
        if files.is_empty() {
            wrong.push(FieldError::new("files", "must hold at least one file"));
        }
        // What was counted stays true while nobody else adds: one upload after the other.
        let _alone = self.0.uploads.lock().await;
        let before = self.stored_inputs(id).await?;
        let all: BTreeSet<&str> = before
            .iter()
            .map(|input| input.name.as_str())
            .chain(names.iter().map(|name| name.as_str()))
            .collect();
        let max = self.config().limits.inputs_max;
        if all.len() > max {
            wrong.push(FieldError::new(
                "files",
                format!("would be {} in this project; at most {max} are kept", all.len()),
            ));
        }
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let (artifacts, at) = (self.ground().artifacts.clone(), self.ground().clock.now());
        let inputs = blocking(move || {
            let put = |(name, bytes): (String, Vec<u8>)| {
                let blob = artifacts.blobs().put(&bytes)?;
                Ok(ProjectInput { name, sha256: blob.sha256, size: blob.size, at })
            };
            files.into_iter().map(put).collect::<Result<Vec<_>, ServiceError>>()
        })
        .await?;
        let mut changes = Vec::new();
        let mut events = Vec::new();
        for input in &inputs {
            let noted = Noted { sha256: input.sha256.clone(), size: input.size, at };
            let value =
                serde_json::to_string(&noted).map_err(|error| ServiceError::Internal(error.to_string()))?;
            changes.push(Change::Note { name: format!("{}{}", prefix(id), input.name), value: Some(value) });
            let data = json!({ "name": input.name, "size": input.size, "sha256": input.sha256 });
            events.push(said("input_added", data));
        }
        // A project that was removed meanwhile has no room, and then nothing is noted either.
        changes.push(Change::Append { room: id, events });
        self.ground().broker.commit(Batch::of(changes)).await?;
        Ok(inputs)
    }

    /// Forgets a file of a project. Runs that were given it keep it.
    ///
    /// # Errors
    /// When there is no such project or file.
    pub async fn remove_input(&self, caller: Caller, id: ProjectId, name: &str) -> Result<(), ServiceError> {
        self.may_give(caller, id).await?;
        let note = format!("{}{name}", prefix(id));
        if self.ground().engine.note(note.clone()).await?.is_none() {
            return Err(ServiceError::NotFound("file"));
        }
        let events = vec![said("input_removed", json!({ "name": name }))];
        let changes = [Change::Note { name: note, value: None }, Change::Append { room: id, events }];
        self.ground().broker.commit(Batch::of(changes)).await?;
        Ok(())
    }

    /// A file that a project was given.
    ///
    /// # Errors
    /// When there is no such project or file.
    pub async fn input(&self, caller: Caller, id: ProjectId, name: &str) -> Result<StoredFile, ServiceError> {
        self.check_project(caller, Action::Read, id).await?;
        let inputs = self.stored_inputs(id).await?;
        let input =
            inputs.into_iter().find(|input| input.name == name).ok_or(ServiceError::NotFound("file"))?;
        self.stored(as_file(&input.name, &input.sha256, input.size))
    }

    /// A file that a run was given.
    ///
    /// # Errors
    /// When there is no such run or file.
    pub async fn run_input(&self, caller: Caller, id: RunId, name: &str) -> Result<StoredFile, ServiceError> {
        let run = self.run(caller, id).await?;
        let input = run.inputs.iter().find(|input| input.name == name && input.problem.is_none());
        let input = input.ok_or(ServiceError::NotFound("file"))?;
        self.stored(as_file(&input.name, &input.sha256, input.size))
    }

    /// Whether the caller may give files to a project that takes some.
    ///
    /// # Errors
    /// When the caller may not, there is no such project, or its pipeline takes no files.
    pub async fn may_give(&self, caller: Caller, id: ProjectId) -> Result<(), ServiceError> {
        caller.may_in(Action::ManageProjects, id)?;
        let project = self.stored_project(id).await?;
        if !self.ground().catalog.takes_images(&project.pipeline) {
            return Err(ServiceError::Conflict(format!(
                "runs of pipeline {} are given no files",
                project.pipeline
            )));
        }
        Ok(())
    }

    async fn stored_inputs(&self, project: ProjectId) -> Result<Vec<ProjectInput>, ServiceError> {
        let prefix = prefix(project);
        let notes = self.ground().engine.notes(prefix.clone()).await?;
        notes
            .into_iter()
            .map(|(name, value)| {
                let noted: Noted = serde_json::from_str(&value)
                    .map_err(|error| ServiceError::Internal(format!("an input cannot be read: {error}")))?;
                let name = name.strip_prefix(&prefix).unwrap_or_default().to_owned();
                Ok(ProjectInput { name, sha256: noted.sha256, size: noted.size, at: noted.at })
            })
            .collect()
    }

    /// What a run of a project is given: what was uploaded, and what lies in the folder that its params name.
    pub(crate) async fn inputs_of_run(
        &self,
        project: &Project,
        overrides: &Map<String, Value>,
    ) -> Result<Vec<RunInput>, ServiceError> {
        if !self.ground().catalog.takes_images(&project.pipeline) {
            return Ok(Vec::new());
        }
        let param = |name: &str| {
            let value = overrides.get(name).or_else(|| project.params.get(name));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let uploaded = self.stored_inputs(project.id).await?.into_iter();
        let mut inputs: BTreeMap<String, RunInput> = uploaded
            .map(|input| {
                (
                    input.name.clone(),
                    RunInput { name: input.name, sha256: input.sha256, size: input.size, problem: None },
                )
            })
            .collect();
        let folder = param("folder");
        if !folder.is_empty() {
            let config = self.config();
            let (key, folders) = match project.pipeline == photo::PIPELINE {
                true => ("photo.folders", config.photo.folders.clone()),
                false => ("caption.folders", config.caption.folders.clone()),
            };
            let artifacts = self.ground().artifacts.clone();
            let (bytes_max, count_max) =
                (self.config().limits.input_bytes_max, self.config().limits.inputs_max);
            let found =
                blocking(move || of_folder(key, &folders, &folder, &artifacts, bytes_max, count_max)).await?;
            add(&mut inputs, found);
        }
        if param("pages") == "configured" {
            let found = self.inputs_of_pages().await?;
            add(&mut inputs, found);
        }
        if inputs.is_empty() {
            let message = "are missing: upload images to the project, or name a folder in params.folder";
            return Err(ServiceError::invalid("inputs", message));
        }
        let (count, max) = (inputs.len(), self.config().limits.inputs_max);
        if count > max {
            return Err(ServiceError::invalid(
                "inputs",
                format!("are {count}; a run is given at most {max}"),
            ));
        }
        Ok(inputs.into_values().collect())
    }
}

/// Adds inputs; one whose name is taken gets a number in front.
pub(super) fn add(inputs: &mut BTreeMap<String, RunInput>, found: Vec<RunInput>) {
    for mut input in found {
        let name = input.name.clone();
        let mut number = 2;
        while inputs.contains_key(&input.name) {
            input.name = format!("{number}-{name}");
            number += 1;
        }
        inputs.insert(input.name.clone(), input);
    }
}

fn said(name: &str, data: Value) -> NewEvent {
    NewEvent { run_id: None, body: EventBody::Event(Custom { name: name.to_owned(), data }) }
}

fn as_file(name: &str, sha256: &str, size: u64) -> ProjectFile {
    let (path, sha256) = (name.to_owned(), sha256.to_owned());
    // What is no picture by its name is shown by no browser as anything.
    let media_type = Some(crate::artifacts::media_type(name))
        .filter(|kind| kind.starts_with("image/") && !kind.contains("svg"))
        .unwrap_or_else(|| "application/octet-stream".to_owned());
    ProjectFile { media_type, path, size, sha256, agent: None }
}

/// What is wrong with the name of a file.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is missing".to_owned());
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("has {} characters; at most {NAME_CHARS_MAX} are allowed", name.chars().count()));
    }
    if name.contains('/') {
        return Err("must be a name without folders".to_owned());
    }
    ArtifactPath::parse(name).map(drop).map_err(|why| why.to_string())
}

/// The pictures that lie in a folder: one of the configured ones, or one inside of them.
fn of_folder(
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
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        if end.is_some_and(|end| ENDS.contains(&end.as_str())) {
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
