//! Files of a run, and of a project: what its newest run that made any has made so far.

use std::path::PathBuf;

use crate::artifacts::{ArtifactError, ArtifactPath};
use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::run::{ManifestFile, Run, RunAgent};
use crate::service::error::ServiceError;
use crate::service::{Service, blocking};

/// Newest runs of a project that are looked at for files.
const RUNS_LOOKED_AT: usize = 20;

/// Whose files are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesOf {
    /// Those of the newest run of a project that has any.
    Project(ProjectId),
    /// Those of this run, whatever came after it.
    Run(RunId),
}

/// A file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Relative path.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
    /// Who made it.
    pub agent: Option<String>,
}

/// A content on disk, to be served.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// What it is.
    pub file: ProjectFile,
    /// Where it lies; what lies there never changes.
    pub stored_at: PathBuf,
}

/// Files of a run by path; of two with the same path, the later agent's. What an agent showed last of what it did not finish
/// is no result.
pub fn files_of(run: &Run) -> Vec<ProjectFile> {
    let mut files: Vec<ProjectFile> = Vec::new();
    for agent in &run.agents {
        let preview = agent.preview.iter().filter(|_| !run.status.is_terminal());
        for file in agent.output.iter().flat_map(|output| &output.files).chain(preview).chain(&agent.early) {
            let file = of_agent(agent, file);
            match files.binary_search_by(|known| known.path.cmp(&file.path)) {
                Ok(place) => files[place] = file,
                Err(place) => files.insert(place, file),
            }
        }
    }
    files
}

fn of_agent(agent: &RunAgent, file: &ManifestFile) -> ProjectFile {
    ProjectFile {
        path: file.path.clone(),
        media_type: crate::artifacts::media_type(&file.path),
        size: file.size,
        sha256: file.sha256.clone(),
        agent: Some(agent.agent.clone()),
    }
}

/// The last preview at that path, where no file has it.
fn preview_of(run: &Run, path: &str) -> Option<ProjectFile> {
    let mut agents = run.agents.iter().rev();
    agents.find_map(|agent| Some(of_agent(agent, agent.preview.as_ref().filter(|file| file.path == path)?)))
}

/// Whether a run has made any file.
pub fn has_files(run: &Run) -> bool {
    let made = |agent: &RunAgent| {
        let output = agent.output.as_ref().is_some_and(|output| !output.files.is_empty());
        output || !agent.early.is_empty() || (agent.preview.is_some() && !run.status.is_terminal())
    };
    run.agents.iter().any(made)
}

impl Service {
    /// The run whose files are asked for; none while a project has no files.
    ///
    /// # Errors
    /// When there is no such project or run.
    pub async fn files_run(&self, caller: Caller, of: FilesOf) -> Result<Option<Run>, ServiceError> {
        match of {
            FilesOf::Project(project) => {
                caller.may_in(Action::Read, project)?;
                self.run_with_files(project).await
            }
            FilesOf::Run(run) => self.run(caller, run).await.map(Some),
        }
    }

    /// Files of a project or run, by path; none before the first.
    ///
    /// # Errors
    /// When there is no such project or run.
    pub async fn files(&self, caller: Caller, of: FilesOf) -> Result<Vec<ProjectFile>, ServiceError> {
        let run = self.files_run(caller, of).await?;
        Ok(run.as_ref().map(files_of).unwrap_or_default())
    }

    /// A file by its path, decoded but not yet trusted.
    ///
    /// # Errors
    /// When the path is not one a file can have, or there is no such file.
    pub async fn file(&self, caller: Caller, of: FilesOf, path: &str) -> Result<StoredFile, ServiceError> {
        let path =
            ArtifactPath::parse(path).map_err(|error| ServiceError::invalid("path", error.to_string()))?;
        let run = self.files_run(caller, of).await?.ok_or(ServiceError::NotFound("file"))?;
        let mut files = files_of(&run);
        let file = match files.binary_search_by(|file| file.path.as_str().cmp(path.as_str())) {
            Ok(place) => files.swap_remove(place),
            Err(_) => preview_of(&run, path.as_str()).ok_or(ServiceError::NotFound("file"))?,
        };
        self.stored(file)
    }

    /// Removes what belongs to runs that are gone. Contents are shared and go with the next sweep of the store.
    pub(crate) async fn remove_files_of(&self, room: ProjectId, runs: &[Run]) {
        let artifacts = self.ground().artifacts.clone();
        let runs: Vec<_> = runs.iter().map(|run| run.id).collect();
        let removed = blocking(move || {
            artifacts.room_logs().remove_room(room)?;
            runs.into_iter().try_for_each(|run| artifacts.logs().remove_run(run)).map_err(ServiceError::from)
        });
        if let Err(error) = removed.await {
            log::warn!("the log of a removed run stays on disk: {error}");
        }
    }

    pub(crate) fn stored(&self, file: ProjectFile) -> Result<StoredFile, ServiceError> {
        let stored_at = self.ground().artifacts.blobs().path(&file.sha256)?;
        Ok(StoredFile { file, stored_at })
    }

    /// The newest run that has files. One that waits for its turn, or was cancelled while it did, hides nothing of what
    /// an earlier one made.
    pub(crate) async fn run_with_files(&self, project: ProjectId) -> Result<Option<Run>, ServiceError> {
        let engine = &self.ground().engine;
        // The newest alone is nearly always enough, and a page asks for many files.
        for count in [1, RUNS_LOOKED_AT] {
            let runs = engine.runs_of(project, count).await?;
            if runs.is_empty() {
                // No run may also mean no project.
                self.stored_project(project).await?;
            }
            let found = runs.into_iter().find(has_files);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl From<ArtifactError> for ServiceError {
    fn from(error: ArtifactError) -> Self {
        match error {
            ArtifactError::NotFound => Self::NotFound("file"),
            ArtifactError::BadPath(error) => Self::invalid("path", error.to_string()),
            ArtifactError::DiskFull => Self::DiskFull,
            other => Self::Internal(other.to_string()),
        }
    }
}
