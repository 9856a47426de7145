//! Projects: made, listed, shown, changed, removed.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::auth::Caller;
use crate::auth::caller::Scope;
use crate::auth::policy::Action;
use crate::broker::{BrokerError, RoomView};
use crate::domain::ids::ProjectId;
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::{Batch, Change, EngineError, KeptAnswer, ProjectQuery};
use crate::service::catalog::CatalogAgent;
use crate::service::error::{FieldError, ServiceError};
use crate::service::idempotency::IdempotencyKey;
use crate::service::{Service, blocking, captions, inputs, validate};

/// A project that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct NewProject {
    /// An id of the caller's choice.
    pub id: Option<ProjectId>,
    /// Its name; taken from the brief when absent.
    pub name: Option<String>,
    /// What is wanted.
    pub brief: String,
    /// Which pipeline; the first of the catalog when absent.
    pub pipeline: Option<String>,
    /// Params that differ from the defaults.
    pub params: Map<String, Value>,
}

/// What is to be different about a project.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// Another name.
    pub name: Option<String>,
    /// Another brief.
    pub brief: Option<String>,
    /// Other params, as a whole.
    pub params: Option<Map<String, Value>>,
}

/// A project as it stands.
#[derive(Clone, Debug)]
pub struct ProjectView {
    /// The project.
    pub project: Project,
    /// The agents of its pipeline, in order.
    pub agents: Vec<CatalogAgent>,
    /// What its room looks like.
    pub room: RoomView,
}

/// A page of projects.
#[derive(Clone, Debug)]
pub struct ProjectList {
    /// Projects with their newest run, newest project first.
    pub projects: Vec<(Project, Option<Run>)>,
    /// Where the next page begins.
    pub next: Option<(Timestamp, ProjectId)>,
}

/// Status of a project that was made, kept with its answer.
const CREATED: u16 = 201;

/// The part of the answer that is kept under an idempotency key.
fn json_of(project: &Project) -> Result<String, ServiceError> {
    serde_json::to_string(project).map_err(|error| ServiceError::Internal(error.to_string()))
}

fn project_of_kept(kept: &KeptAnswer) -> Result<Project, ServiceError> {
    serde_json::from_str(&kept.answer)
        .map_err(|error| ServiceError::Internal(format!("a kept answer cannot be read: {error}")))
}

impl Service {
    /// The pipelines that a project may be given.
    pub fn pipelines(&self) -> Vec<String> {
        self.ground().catalog.names()
    }

    /// Makes a project.
    ///
    /// # Errors
    /// When fields are wrong, the id is taken, or the idempotency key stands for another request.
    pub async fn create_project(
        &self,
        caller: Caller,
        new: NewProject,
        key: Option<IdempotencyKey>,
    ) -> Result<Project, ServiceError> {
        caller.may(Action::ManageProjects)?;
        let now = self.ground().clock.now();
        if let Some(key) = &key
            && let Some(kept) = key.kept(&*self.ground().engine, now).await?
        {
            return project_of_kept(&kept);
        }
        let (catalog, limits) = (&*self.ground().catalog, &self.config().limits);
        let pipeline = new.pipeline.unwrap_or_else(|| catalog.names().into_iter().next().unwrap_or_default());
        let mut wrong = Vec::new();
        wrong.extend(new.name.as_deref().and_then(|name| validate::name(name, limits)));
        match validate::pipeline(&pipeline, catalog) {
            // Brief and params can be judged only by a pipeline that exists.
            Some(error) => wrong.push(error),
            None => {
                wrong.extend(self.wrong_brief(&new.brief, &pipeline).await?);
                wrong.extend(validate::params(&pipeline, &new.params));
            }
        }
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let name = new.name.map(|name| name.trim().to_owned());
        let project = Project {
            id: new.id.unwrap_or_else(ProjectId::generate),
            name: name.unwrap_or_else(|| validate::name_from_brief(&new.brief)),
            brief: new.brief,
            pipeline,
            params: new.params,
            created_at: now,
            updated_at: now,
        };
        let mut changes = Vec::with_capacity(2);
        // The key goes first: a request that is repeated hears its first answer, not that the id is taken.
        if let Some(key) = &key {
            let answer = key.keep(CREATED, json_of(&project)?, now);
            changes.push(Change::KeepAnswer { key: key.key.clone(), answer, now });
        }
        changes.push(Change::CreateProject(project.clone()));
        match (self.ground().broker.commit(Batch::of(changes)).await, key) {
            (Ok(_), _) => Ok(project),
            (Err(BrokerError::Engine(error)), Some(key)) => project_of_kept(&key.of_twin(error)?),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Projects, newest first.
    ///
    /// # Errors
    /// When the caller may not read.
    pub async fn list_projects(
        &self,
        caller: Caller,
        limit: usize,
        before: Option<(Timestamp, ProjectId)>,
        status: Option<RunStatus>,
    ) -> Result<ProjectList, ServiceError> {
        if let Scope::Projects(set) = caller.scope {
            return self.list_of(caller, set.ids(), limit, status).await;
        }
        caller.may(Action::Read)?;
        let page = self.ground().engine.projects(ProjectQuery { limit, before, status }).await?;
        let last = page.projects.last().map(|(project, _)| (project.created_at, project.id));
        Ok(ProjectList { next: last.filter(|_| page.more), projects: page.projects })
    }

    /// The projects that a caller is bound to; they are few and one page.
    async fn list_of(
        &self,
        caller: Caller,
        ids: &[ProjectId],
        limit: usize,
        status: Option<RunStatus>,
    ) -> Result<ProjectList, ServiceError> {
        let mut projects = Vec::new();
        for id in ids {
            caller.may_in(Action::Read, *id)?;
            let Some(project) = self.ground().engine.project(*id).await? else { continue };
            let run = self.ground().engine.runs_of(*id, 1).await?.pop();
            if status.is_none_or(|status| run.as_ref().is_some_and(|run| run.status == status)) {
                projects.push((project, run));
            }
        }
        projects.sort_by_key(|(project, _)| std::cmp::Reverse((project.created_at, project.id)));
        projects.truncate(limit);
        Ok(ProjectList { projects, next: None })
    }

    /// Whether there is such a project, for doors that keep something of their own about it.
    ///
    /// # Errors
    /// When there is none, or the caller may not do that with it.
    pub async fn check_project(
        &self,
        caller: Caller,
        action: Action,
        id: ProjectId,
    ) -> Result<(), ServiceError> {
        caller.may_in(action, id)?;
        self.stored_project(id).await.map(drop)
    }

    /// A project with what its room looks like.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn project(&self, caller: Caller, id: ProjectId) -> Result<ProjectView, ServiceError> {
        caller.may_in(Action::Read, id)?;
        let project = self.stored_project(id).await?;
        let room = self.ground().broker.view(id).await?;
        let agents = self.ground().catalog.agents(&project.pipeline).unwrap_or_default();
        Ok(ProjectView { project, agents, room })
    }

    /// What is wrong with a brief. To read one takes a moment, in which nobody's socket should wait.
    async fn wrong_brief(&self, brief: &str, pipeline: &str) -> Result<Option<FieldError>, ServiceError> {
        let (catalog, limits) = (Arc::clone(&self.ground().catalog), self.config().limits.clone());
        let (brief, pipeline) = (brief.to_owned(), pipeline.to_owned());
        blocking(move || Ok(validate::brief(&brief, &pipeline, &*catalog, &limits))).await
    }

    /// Changes a project. A run that was accepted already keeps the brief it was accepted with.
    ///
    /// # Errors
    /// When there is no such project or fields are wrong.
    pub async fn update_project(
        &self,
        caller: Caller,
        id: ProjectId,
        change: ProjectChange,
    ) -> Result<Project, ServiceError> {
        caller.may_in(Action::ManageProjects, id)?;
        let mut project = self.stored_project(id).await?;
        let limits = &self.config().limits;
        let mut wrong = Vec::new();
        wrong.extend(change.name.as_deref().and_then(|name| validate::name(name, limits)));
        if let Some(brief) = &change.brief {
            wrong.extend(self.wrong_brief(brief, &project.pipeline).await?);
        }
        let params = change.params.as_ref();
        wrong.extend(params.map(|params| validate::params(&project.pipeline, params)).unwrap_or_default());
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        if let Some(name) = change.name {
            project.name = name.trim().to_owned();
        }
        project.brief = change.brief.unwrap_or(project.brief);
        project.params = change.params.unwrap_or(project.params);
        project.updated_at = self.ground().clock.now();
        self.ground().broker.commit(Batch::of([Change::UpdateProject(project.clone())])).await?;
        Ok(project)
    }

    /// Removes a project with its runs, its log and its files.
    ///
    /// # Errors
    /// When there is no such project, or one of its runs is active.
    pub async fn delete_project(&self, caller: Caller, id: ProjectId) -> Result<(), ServiceError> {
        caller.may_in(Action::ManageProjects, id)?;
        let removed = self.remove_project(id).await;
        self.audited(caller, "project.remove", Some(id.to_string()), None, removed).await
    }

    async fn remove_project(&self, id: ProjectId) -> Result<(), ServiceError> {
        let runs = self.ground().engine.runs_of(id, usize::MAX).await?;
        let forget = [
            Change::ForgetNotes { prefix: inputs::prefix(id) },
            Change::ForgetNotes { prefix: captions::prefix(id) },
            Change::RemoveProject(id),
        ];
        match self.ground().engine.commit(Batch::of(forget)).await {
            Ok(_) => {}
            Err(EngineError::RunActive(run)) => {
                return Err(ServiceError::Conflict(format!(
                    "run {run} of this project is still active; cancel it first"
                )));
            }
            Err(error) => return Err(error.into()),
        }
        // The records are gone; what cannot be removed now is only disk space.
        self.remove_files_of(id, &runs).await;
        // Its events wait to be cleared away.
        self.ground().keeper.wake();
        Ok(())
    }

    pub(crate) async fn stored_project(&self, id: ProjectId) -> Result<Project, ServiceError> {
        self.ground().engine.project(id).await?.ok_or(ServiceError::NotFound("project"))
    }
}
