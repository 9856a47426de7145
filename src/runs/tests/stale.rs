//! What was read before somebody changed it comes late: nobody acts on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::domain::audit::AuditEntry;
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::run::{Project, Run, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::house::{HouseBounds, HousePage};
use crate::engine::producers::Producer;
use crate::engine::retention::{LogWeight, RoomLog};
use crate::engine::{
    Batch, Committed, Engine, EngineEvents, EngineFuture, EngineStats, KeptAnswer, LogBounds, LogPage,
    ProjectPage, ProjectQuery, ReadLimit, SavedState,
};
use crate::runs::tests::{Gate, House, eventually, plain, settings};

/// An engine whose next answer about a run that rests comes when it is let.
struct Late {
    inner: Arc<dyn Engine>,
    holds: AtomicBool,
    held: Arc<AtomicBool>,
    let_go: Arc<Notify>,
}

macro_rules! as_it_is {
    ($($name:ident($($given:ident: $what:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($given: $what),*) -> EngineFuture<$answer> {
            self.inner.$name($($given),*)
        })*
    };
}

impl Engine for Late {
    fn set_events(&self, events: Arc<dyn EngineEvents>) {
        self.inner.set_events(events);
    }

    fn run(&self, id: RunId) -> EngineFuture<Option<Run>> {
        let read = self.inner.run(id);
        if !self.holds.load(Ordering::SeqCst) {
            return read;
        }
        let (held, let_go) = (self.held.clone(), self.let_go.clone());
        Box::pin(async move {
            let run = read.await?;
            if run.as_ref().is_some_and(|run| run.status == RunStatus::Paused)
                && !held.swap(true, Ordering::SeqCst)
            {
                let_go.notified().await;
            }
            Ok(run)
        })
    }

    as_it_is! {
        commit(batch: Batch) -> Committed;
        log_bounds(room: ProjectId) -> Option<LogBounds>;
        read_log(room: ProjectId, after: u64, limit: ReadLimit) -> LogPage;
        house_bounds() -> HouseBounds;
        read_house(after: u64, limit: ReadLimit) -> HousePage;
        saved_state(room: ProjectId) -> Option<SavedState>;
        project(id: ProjectId) -> Option<Project>;
        projects(query: ProjectQuery) -> ProjectPage;
        runs_of(project: ProjectId, limit: usize) -> Vec<Run>;
        active_runs() -> Vec<Run>;
        agent_durations(pipeline: String, definition: Option<Arc<str>>, per_agent: usize) -> Vec<(String, u64)>;
        idempotent_answer(key: String, now: Timestamp) -> Option<KeptAnswer>;
        producer(room: ProjectId, producer: String) -> Option<Producer>;
        rooms(after: Option<ProjectId>, limit: usize) -> Vec<RoomLog>;
        weigh_log(room: ProjectId, after: u64, limit: ReadLimit) -> LogWeight;
        last_before(room: ProjectId, time: Timestamp) -> u64;
        all_runs(after: Option<RunId>, limit: usize) -> Vec<Run>;
        note(name: String) -> Option<String>;
        audit(before: Option<AuditId>, limit: usize) -> Vec<AuditEntry>;
        notes(prefix: String, after: Option<String>, limit: usize) -> Vec<(String, String)>;
        stats() -> EngineStats;
        close() -> ();
    }
}

#[actix_rt::test]
async fn a_run_that_is_resumed_while_its_pause_is_still_read_waits_for_its_turn() {
    let house = House::new();
    let late = Arc::new(Late {
        inner: house.engine.clone(),
        holds: AtomicBool::new(false),
        held: Arc::default(),
        let_go: Arc::default(),
    });
    let house = House { engine: late.clone(), ..house };
    let gate = Gate::hold("one", false);
    let boot = house.boot(settings(), Some(gate.clone()), plain);
    let project = house.project("x").await;
    let run = boot.enqueue(&project).await.unwrap();
    gate.arrived(1).await;
    boot.runs.pause(run.id, "ada".to_owned()).await.unwrap();
    boot.runs.pause_queue(true, "ada".to_owned()).await.unwrap();
    late.holds.store(true, Ordering::SeqCst);
    gate.open();
    eventually("the look after the pause", async || late.held.load(Ordering::SeqCst)).await;
    late.holds.store(false, Ordering::SeqCst);
    assert_eq!(boot.runs.resume(run.id, "ada".to_owned()).await.unwrap(), RunStatus::Queued);
    late.let_go.notify_one();
    // The late answer is there before this one.
    for _ in 0..3 {
        assert_eq!(boot.runs.snapshot().await.unwrap().queue_depth, 1);
    }
    boot.runs.pause_queue(false, "ada".to_owned()).await.unwrap();
    let (run, _) = house.ended(run.id).await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(boot.runs.queue().await.unwrap().resting, 0);
    boot.idle().await;
}
