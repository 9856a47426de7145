//! One suite for every engine: a function per rule of the contract in the module above, and per documented answer.
//!
//! An engine's tests call `contract::rules!(factory)` in a module of their own and get a test for each.

#![allow(missing_docs, reason = "the name of a rule says what holds")]

mod commits;
mod house;
mod logs;
mod records;
mod upkeep;

pub use commits::*;
pub use house::*;
pub use logs::*;
pub use records::*;
pub use upkeep::*;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use crate::domain::audit::AuditEntry;
use crate::domain::event::{Custom, EventBody, LoggedEvent, NewEvent};
use crate::domain::ids::{AuditId, ProjectId, RunId};
use crate::domain::position::{Epoch, Position};
use crate::domain::run::{AgentStatus, Project, Run, RunAgent, RunStatus};
use crate::domain::time::Timestamp;
use crate::engine::producers::{FORGOTTEN_AFTER_MS, PRODUCERS_PER_ROOM_MAX};
use crate::engine::{
    Batch, Change, Committed, Engine, EngineError, EngineEvents, KeptAnswer, LogBounds, ProjectQuery,
    ReadLimit, SavedState,
};

/// Opens the engine under test; every call opens the same store again.
pub trait Factory {
    /// Opens the store.
    fn open(&self) -> Arc<dyn Engine>;
}

/// A test per rule, for the engine of this factory.
macro_rules! rules {
    ($factory:expr) => {
        $crate::engine::contract::rules!(
            $factory;
            a_batch_is_done_whole_or_not_at_all
            changes_are_done_in_order
            a_refused_batch_leaves_the_others_of_its_group
            numbers_have_no_holes
            positions_are_those_after_each_append
            an_update_needs_the_expected_version
            an_update_needs_an_allowed_transition
            one_of_a_hundred_wins_a_transition
            events_are_announced_before_the_answer
            order_holds_under_many_publishers
            a_removed_room_is_announced
            reads_see_what_was_answered
            everything_outlives_a_restart
            a_batch_that_is_waiting_outlives_close
            a_closed_engine_refuses
            too_much_waiting_is_busy
            the_log_is_read_in_pages
            a_body_is_stored_as_it_was_encoded
            a_taken_id_is_refused
            an_unknown_project_is_not_found
            a_project_is_updated_but_not_its_origin
            a_project_goes_with_all_that_is_its_own
            a_project_with_an_active_run_stays
            a_second_active_run_is_refused
            the_queue_is_served_by_priority_then_age
            projects_are_listed_newest_first
            runs_are_listed_newest_first
            durations_come_from_completed_agents
            notes_are_listed_by_the_start_of_their_names_and_the_first_one_wins
            a_note_stands_until_it_is_forgotten
            the_audit_log_is_read_backwards
            a_producer_goes_on_from_where_it_was_read
            producers_are_forgotten
            a_kept_answer_holds_its_key_until_it_expires
            two_with_the_same_key_are_done_once
            a_saved_state_is_only_replaced_by_a_newer_one
            figures_count_what_was_done
            a_log_is_cut_only_under_its_saved_fold
            numbers_go_on_after_a_cut
            a_cut_is_announced_before_the_answer
            rooms_say_where_their_logs_stand
            a_log_is_weighed_in_steps
            the_last_event_before_a_time_is_found
            all_runs_are_read_in_the_order_of_their_ids
            files_are_forgotten_of_ended_runs_alone
            what_a_removed_project_left_goes_in_pieces
            expired_answers_go_in_pieces
            the_house_has_one_order
            the_house_knows_how_a_run_stood_before
            the_order_of_the_house_outlives_a_restart
            what_a_cut_takes_is_lost_to_the_house
            what_a_removed_project_had_is_lost_to_the_house
        );
    };
    ($factory:expr; $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $crate::engine::contract::$rule(&$factory).await;
            }
        )*
    };
}
pub(crate) use rules;

// What the rules are written with.

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn a_project() -> Project {
    Project {
        id: ProjectId::generate(),
        name: "Reading list".to_owned(),
        brief: "Books with title and author".to_owned(),
        pipeline: "app".to_owned(),
        params: serde_json::Map::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn a_run(project: &Project) -> Run {
    Run {
        brief: project.brief.clone(),
        version: 1,
        message: String::new(),
        ..Run::new(RunId::generate(), project.id, project.pipeline.clone(), NOW)
    }
}

fn event(name: &str) -> NewEvent {
    let body = EventBody::Event(Custom { name: name.to_owned(), data: serde_json::Value::Null });
    NewEvent { run_id: None, body }
}

fn append(room: ProjectId, names: &[&str]) -> Change {
    Change::Append { room, events: names.iter().map(|name| event(name)).collect() }
}

fn insert(run: &Run) -> Change {
    Change::InsertRun { run: run.clone(), beside_active: false }
}

fn update(run: &Run, status: RunStatus, expected_version: u64) -> Change {
    Change::UpdateRun { run: Run { status, ..run.clone() }, expected_version }
}

fn kept(answer: &str, expires_at: Timestamp) -> KeptAnswer {
    KeptAnswer { body_sha256: "00".to_owned(), status: 202, answer: answer.to_owned(), expires_at }
}

async fn commit(engine: &dyn Engine, changes: impl Into<Vec<Change>>) -> Result<Committed, EngineError> {
    engine.commit(Batch::of(changes)).await
}

async fn with_project(engine: &dyn Engine) -> Project {
    let project = a_project();
    commit(engine, [Change::CreateProject(project.clone())]).await.unwrap();
    project
}

async fn log_of(engine: &dyn Engine, room: ProjectId) -> Vec<LoggedEvent> {
    let all = ReadLimit { events: 1_000_000, bytes: usize::MAX };
    engine.read_log(room, 0, all).await.unwrap().events
}

async fn names_of(engine: &dyn Engine, room: ProjectId) -> Vec<(u64, String)> {
    log_of(engine, room).await.iter().map(|event| (event.seq, name_of(event))).collect()
}

fn name_of(event: &LoggedEvent) -> String {
    match event.body().unwrap() {
        EventBody::Event(custom) => custom.name,
        other => panic!("{other:?}"),
    }
}

fn numbered(names: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(names.iter().map(|name| (*name).to_owned())).collect()
}

/// Remembers what it hears; can be made to hold the writer back.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    held: Mutex<bool>,
    released: Condvar,
}

#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Appended(ProjectId, Epoch, u64, String),
    Cut(ProjectId, u64),
    Removed(ProjectId),
}

impl Ear {
    fn on(engine: &dyn Engine) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        engine.set_events(ear.clone());
        ear
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }
}

impl EngineEvents for Ear {
    fn appended(&self, room: ProjectId, epoch: Epoch, events: &[LoggedEvent]) {
        let heard = events.iter().map(|event| Heard::Appended(room, epoch, event.seq, name_of(event)));
        self.heard.lock().unwrap().extend(heard);
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.released.wait(held).unwrap();
        }
    }

    fn cut(&self, room: ProjectId, first: u64) {
        self.heard.lock().unwrap().push(Heard::Cut(room, first));
    }

    fn removed(&self, room: ProjectId) {
        self.heard.lock().unwrap().push(Heard::Removed(room));
    }

    fn grown(&self, _: u64) {}
}
