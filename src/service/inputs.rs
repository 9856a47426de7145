//! Files that a project is given for its runs: uploaded ones, and those of a folder that the operator has opened. A run
//! gets them as they are when it is accepted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::artifacts::ArtifactPath;
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
use crate::service::folder::of_folder;
use crate::service::upload_room::Room;
use crate::service::{Service, blocking};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 160;
/// Names of files in what is said of an upload.
const NAMED_MAX: usize = 5;

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

impl Noted {
    fn read(value: &str) -> Result<Self, ServiceError> {
        serde_json::from_str(value)
            .map_err(|error| ServiceError::Internal(format!("an input cannot be read: {error}")))
    }
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
        let names: Vec<&str> = files.iter().take(NAMED_MAX).map(|(name, _)| name.as_str()).collect();
        let more = if files.len() > NAMED_MAX { " and others" } else { "" };
        let detail = format!("{} files: {}{more}", files.len(), names.join(", "));
        let added = self.added(caller, id, files).await;
        self.audited(caller, "input.add", Some(id.to_string()), Some(detail), added).await
    }

    async fn added(
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
            } else if !names.insert(name.clone()) {
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
        wrong.extend(self.too_many(id, &names).await?);
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
        // What is counted stays true while nobody else adds. Contents that are stored and not noted go in time.
        let _alone = self.0.adding.lock().await;
        if let Some(wrong) = self.too_many(id, &names).await? {
            return Err(ServiceError::Invalid(vec![wrong]));
        }
        self.ground().broker.commit(Batch::of(changes)).await?;
        Ok(inputs)
    }

    /// What is wrong when a project would have too many files with these.
    async fn too_many(
        &self,
        id: ProjectId,
        names: &BTreeSet<String>,
    ) -> Result<Option<FieldError>, ServiceError> {
        let before = self.stored_inputs(id).await?;
        let others = before.iter().filter(|input| !names.contains(&input.name)).count();
        let (count, max) = (others + names.len(), self.config().limits.inputs_max);
        let message = format!("would be {count} in this project; at most {max} are kept");
        Ok((count > max).then(|| FieldError::new("files", message)))
    }

    /// Waits for room to read an upload of so many bytes. The room is given back when what is returned is dropped, so it is
    /// kept until the files are stored.
    ///
    /// # Errors
    /// When there is none for too long.
    pub async fn room_for_upload(&self, bytes: usize) -> Result<Room, ServiceError> {
        self.0.uploads.take(bytes).await
    }

    /// Forgets a file of a project. Runs that were given it keep it.
    ///
    /// # Errors
    /// When there is no such project or file.
    pub async fn remove_input(&self, caller: Caller, id: ProjectId, name: &str) -> Result<(), ServiceError> {
        let removed = self.removed_input(caller, id, name).await;
        self.audited(caller, "input.remove", Some(id.to_string()), Some(name.to_owned()), removed).await
    }

    async fn removed_input(&self, caller: Caller, id: ProjectId, name: &str) -> Result<(), ServiceError> {
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
        let noted = self.ground().engine.note(format!("{}{name}", prefix(id))).await?;
        let noted = Noted::read(&noted.ok_or(ServiceError::NotFound("file"))?)?;
        self.stored(as_file(name, &noted.sha256, noted.size))
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
        let notes = self.ground().engine.notes(prefix.clone(), None, usize::MAX).await?;
        notes
            .into_iter()
            .map(|(name, value)| {
                let noted = Noted::read(&value)?;
                let name = name.strip_prefix(&prefix).unwrap_or_default().to_owned();
                Ok(ProjectInput { name, sha256: noted.sha256, size: noted.size, at: noted.at })
            })
            .collect()
    }

    /// What a run of a project is given: what was uploaded, and what its params name.
    pub(super) async fn inputs_of_run(
        &self,
        project: &Project,
        params: &Map<String, Value>,
    ) -> Result<Vec<RunInput>, ServiceError> {
        let param = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
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
