//! One client of the house: what it asks, and what it has joined.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::auth::policy::Action;
use crate::auth::{Auth, AuthError, Caller, Ended};
use crate::broker::clients::{Card, Enlisted};
use crate::broker::follow::FollowStream;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Position;
use crate::service::Service;
use crate::service::error::ServiceError;
use crate::surfaces::http::passes::{Pass, words};
use crate::surfaces::socketio::house::TASKS_MAX;
use crate::surfaces::socketio::house::client::HouseClient;
use crate::surfaces::socketio::house::lobby::Lobby;
use crate::surfaces::socketio::house::pump::pump;
use crate::surfaces::socketio::house::tasks::{Snapshot, snapshot};
use crate::surfaces::socketio::namespace::{Client, Member};
use crate::surfaces::socketio::packet::Event;
use crate::surfaces::websocket::manners::close_code;

/// A task that a client has joined.
pub(super) struct Task {
    /// The run.
    pub(super) run: RunId,
    /// Its project.
    room: ProjectId,
    /// Where it stands in the room's log.
    pub(super) frames: FollowStream,
    /// How far the run is, as it was last told.
    pub(super) standing: String,
}

/// What a client and its pump share.
pub(super) struct Desk {
    /// Rooms and runs.
    pub(super) service: Service,
    /// What everyone hears.
    pub(super) lobby: Lobby,
    auth: Auth,
    caller: Cell<Caller>,
    pass: RefCell<Option<Pass>>,
    /// The tasks it has joined.
    pub(super) tasks: RefCell<Vec<Task>>,
    /// Tasks whose room is being opened.
    joining: Cell<usize>,
    /// Whether it hears the dashboard.
    pub(super) dashboard: Cell<bool>,
    /// Something of the above has changed.
    pub(super) changed: Notify,
    /// The client has left.
    pub(super) left: Cell<bool>,
}

/// A client of the house.
pub(super) struct HouseMember {
    desk: Rc<Desk>,
    since: Vec<(RunId, Position)>,
    listed: Option<(Rc<HouseClient>, Enlisted)>,
}

/// What a client is told when something does not work.
struct Refused {
    code: &'static str,
    message: String,
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        let code = match &error {
            ServiceError::Auth(_) => "forbidden",
            ServiceError::NotFound(_) => "not_found",
            ServiceError::Invalid(_) => "invalid",
            ServiceError::Unavailable => "unavailable",
            _ => "refused",
        };
        let message = match &error {
            ServiceError::NotFound("run") => "there is no such task".to_owned(),
            error => error.to_string(),
        };
        Self { code, message }
    }
}

fn refused(code: &'static str, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

impl HouseMember {
    pub(super) fn new(
        service: Service,
        auth: Auth,
        lobby: Lobby,
        caller: Caller,
        since: Vec<(RunId, Position)>,
    ) -> Self {
        let desk = Desk {
            service,
            lobby,
            auth,
            caller: Cell::new(caller),
            pass: RefCell::default(),
            tasks: RefCell::default(),
            joining: Cell::new(0),
            dashboard: Cell::new(false),
            changed: Notify::new(),
            left: Cell::new(false),
        };
        Self { desk: Rc::new(desk), since, listed: None }
    }

    /// Operators see the client from now on.
    pub(super) fn enlist(&mut self, client: &Client, card: Card) {
        let listed = Rc::new(HouseClient::new(card, client.clone(), self.desk.clone()));
        let enlisted = client.link().shard().enlist(listed.clone());
        self.listed = Some((listed, enlisted));
    }

    /// Lets the client stay for as long as its caller may.
    pub(super) fn stay(&self, client: &Client) {
        self.desk.stay(client, self.listed.as_ref().map(|(listed, _)| Rc::downgrade(listed)));
    }

    /// Another token for a client that stays: who showed one before shows one in time again.
    fn refresh(&self, client: &Client, asked: &Value, ack: Option<u64>) -> Result<(), Refused> {
        let Some(Value::String(token)) = asked.get("token") else {
            return Err(refused("invalid", "the first argument must be an object with a \"token\""));
        };
        let auth = &self.desk.auth;
        let caller = auth.caller_of_token(token).and_then(|caller| {
            caller.may_somewhere(Action::Read)?;
            Ok(caller)
        });
        let caller = caller.map_err(|error| {
            log::info!("a client showed a token that gives no right: {error}");
            refused("forbidden", error.to_string())
        })?;
        let caller = caller.from_address(self.desk.caller.get().address);
        self.desk.caller.set(caller);
        self.desk.tasks.borrow_mut().retain(|task| caller.may_in(Action::Read, task.room).is_ok());
        self.desk.changed.notify_one();
        self.stay(client);
        let role = caller.role.map(|role| role.as_str());
        client.answer(ack, &json!({ "role": role, "expires_at": caller.expires_at }).to_string());
        Ok(())
    }
}

impl Desk {
    fn stay(&self, client: &Client, listed: Option<Weak<HouseClient>>) {
        let told = client.clone();
        let pass = Pass::keep(&self.auth, &self.caller.get(), move |ended| {
            log::info!("a Socket.IO client has to leave: {}", words(ended));
            let code = match ended {
                Ended::Revoked => "revoked",
                Ended::Expired => "expired",
            };
            if let Some(listed) = listed.as_ref().and_then(Weak::upgrade) {
                listed.give_reason(close_code(ended), words(ended));
            }
            let error = json!({ "task_id": null, "code": code, "message": words(ended) });
            told.emit("task_error", &error.to_string());
            told.disconnect();
            told.link().settle();
        });
        *self.pass.borrow_mut() = pass;
    }

    /// Whose client it is.
    pub(super) fn who(&self) -> String {
        self.caller.get().name()
    }

    /// Whether the client hears what concerns everybody: not when it is bound to some projects.
    pub(super) fn hears_everyone(&self) -> bool {
        self.caller.get().may(Action::Read).is_ok()
    }

    /// Whether the client still hears the dashboard: another token may not allow it.
    pub(super) fn hears_dashboard(&self) -> bool {
        self.dashboard.get() && self.caller.get().may(Action::SeeServer).is_ok()
    }
}

impl Drop for HouseMember {
    fn drop(&mut self) {
        self.desk.left.set(true);
        // First: what is said of a client that goes is told from what it has joined.
        self.listed.take();
        self.desk.pass.borrow_mut().take();
        self.desk.tasks.borrow_mut().clear();
        self.desk.changed.notify_one();
    }
}

impl Member for HouseMember {
    fn entered(&mut self, client: &Client) {
        let role = self.desk.caller.get().role.map(|role| role.as_str());
        client.emit("connected", &json!({ "client_id": client.sid(), "role": role }).to_string());
        if self.desk.hears_everyone() {
            client.emit("status", &self.desk.lobby.status());
        }
        // Subscribed before anything else happens, so that nothing falls between the status and the news.
        let everyone = self.desk.lobby.everyone();
        actix::spawn(pump(client.clone(), self.desk.clone(), everyone));
        for (run, since) in std::mem::take(&mut self.since) {
            join(client, &self.desk, run, Some(since), None);
        }
    }

    fn event(&mut self, client: &Client, event: Event) {
        let asked = event.args.value(0).unwrap_or_default();
        let task = || task_id(&asked);
        let outcome = match event.name.as_str() {
            "auth" => self.refresh(client, &asked, event.id),
            "request_status" if !self.desk.hears_everyone() => {
                Err(refused("forbidden", AuthError::OutOfScope.to_string()))
            }
            "request_status" => {
                let status = self.desk.lobby.status();
                client.emit("status", &status);
                client.answer(event.id, &status);
                Ok(())
            }
            "join_task" => task().and_then(|run| {
                let since = position(&asked)?;
                join(client, &self.desk, run, since, event.id);
                Ok(())
            }),
            "leave_task" => task().map(|run| {
                self.desk.tasks.borrow_mut().retain(|task| task.run != run);
                self.desk.changed.notify_one();
                client.answer(event.id, &json!({ "task_id": run, "left": true }).to_string());
            }),
            "cancel_task" => task().map(|run| cancel(client, &self.desk, run, event.id)),
            "get_task_status" => task().map(|run| tell_status(client, &self.desk, run, event.id)),
            "join_admin_dashboard" => self.join_dashboard(client, event.id),
            other => {
                let shown: String = other.chars().take(40).collect();
                let known = "request_status, join_task, leave_task, cancel_task, get_task_status, join_admin_dashboard, auth";
                Err(refused("unknown_event", format!("there is no event \"{shown}\"; known are {known}")))
            }
        };
        if let Err(wrong) = outcome {
            say_refused(client, asked.get("task_id"), &wrong, event.id);
        }
    }
}

impl HouseMember {
    fn join_dashboard(&self, client: &Client, ack: Option<u64>) -> Result<(), Refused> {
        self.desk
            .caller
            .get()
            .may(Action::SeeServer)
            .map_err(|error| refused("forbidden", error.to_string()))?;
        self.desk.dashboard.set(true);
        self.desk.changed.notify_one();
        client.answer(ack, &json!({ "joined": true }).to_string());
        Ok(())
    }
}

fn task_id(asked: &Value) -> Result<RunId, Refused> {
    match asked.get("task_id") {
        Some(Value::String(id)) => {
            id.parse().map_err(|_| refused("invalid", "\"task_id\" must be the UUID of a task"))
        }
        Some(_) => Err(refused("invalid", "\"task_id\" must be a text")),
        None => Err(refused("invalid", "the first argument must be an object with a \"task_id\"")),
    }
}

fn position(asked: &Value) -> Result<Option<Position>, Refused> {
    match asked.get("since") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(since)) => {
            since.parse().map(Some).map_err(|error| refused("invalid", format!("\"since\": {error}")))
        }
        Some(_) => Err(refused("invalid", "\"since\" must be a text")),
    }
}

fn say_refused(client: &Client, task: Option<&Value>, wrong: &Refused, ack: Option<u64>) {
    let error = json!({ "task_id": task, "code": wrong.code, "message": wrong.message });
    client.emit("task_error", &error.to_string());
    client.answer(ack, &json!({ "error": error }).to_string());
}

/// Gives up a place among the tasks that are being joined, whatever becomes of it.
struct Joining(Rc<Desk>);

impl Drop for Joining {
    fn drop(&mut self) {
        self.0.joining.set(self.0.joining.get() - 1);
    }
}

/// Joins a task: what is missed or how it stands first, then everything that follows.
fn join(client: &Client, desk: &Rc<Desk>, run: RunId, since: Option<Position>, ack: Option<u64>) {
    let joined = desk.tasks.borrow().iter().filter(|task| task.run != run).count();
    if joined + desk.joining.get() >= TASKS_MAX {
        let wrong = refused("too_many", format!("a client may join at most {TASKS_MAX} tasks"));
        return say_refused(client, Some(&json!(run)), &wrong, ack);
    }
    desk.joining.set(desk.joining.get() + 1);
    let (client, desk) = (client.clone(), desk.clone());
    let place = Joining(desk.clone());
    actix::spawn(async move {
        match open(&desk, run, since).await {
            // The client may have gone meanwhile.
            _ if desk.left.get() => {}
            Ok((task, snapshot, answer)) => {
                desk.tasks.borrow_mut().retain(|known| known.run != run);
                client.answer(ack, &answer.to_string());
                if let Some(snapshot) = snapshot {
                    client.emit("progress_update", &snapshot.status.to_string());
                    if let Some((name, payload)) = &snapshot.ended {
                        client.emit(name, &payload.to_string());
                    }
                }
                desk.tasks.borrow_mut().push(task);
                desk.changed.notify_one();
            }
            Err(wrong) => say_refused(&client, Some(&json!(run)), &wrong, ack),
        }
        drop(place);
        client.link().settle();
    });
}

async fn open(
    desk: &Desk,
    run: RunId,
    since: Option<Position>,
) -> Result<(Task, Option<Snapshot>, Value), Refused> {
    let service = &desk.service;
    let room = service.run(desk.caller.get(), run).await?.project_id;
    let follow = service.follow_tasks(desk.caller.get(), room, since).await?;
    // Read after the room was joined: nothing lies between.
    let record = service.run(desk.caller.get(), run).await?;
    let joined = &follow.joined;
    let known = snapshot(&record, joined.view.as_ref(), Some(joined.position), service.now());
    let mut answer = known.status.clone();
    answer["resumed"] = json!(joined.resumed);
    answer["gap"] = json!(joined.gap.map(|gap| json!({ "from_seq": gap.from_seq, "to_seq": gap.to_seq })));
    let task = Task { run, room, frames: follow.frames, standing: known.standing.clone() };
    Ok((task, (!joined.resumed).then_some(known), answer))
}

fn cancel(client: &Client, desk: &Rc<Desk>, run: RunId, ack: Option<u64>) {
    let (client, desk) = (client.clone(), desk.clone());
    actix::spawn(async move {
        match desk.service.cancel(desk.caller.get(), run).await {
            Ok(cancelled) => {
                let already = cancelled.already.map(|status| status.as_str());
                let answer = json!({ "task_id": run, "status": cancelled.status, "already": already });
                client.answer(ack, &answer.to_string());
            }
            Err(error) => say_refused(&client, Some(&json!(run)), &error.into(), ack),
        }
        client.link().settle();
    });
}

/// Answers how a task stands: with an acknowledgement when one is wanted, and with the event.
fn tell_status(client: &Client, desk: &Rc<Desk>, run: RunId, ack: Option<u64>) {
    let (client, desk) = (client.clone(), desk.clone());
    actix::spawn(async move {
        match status_of(&desk, run).await {
            Ok(snapshot) => {
                client.answer(ack, &snapshot.status.to_string());
                client.emit("progress_update", &snapshot.status.to_string());
            }
            Err(wrong) => say_refused(&client, Some(&json!(run)), &wrong, ack),
        }
        client.link().settle();
    });
}

async fn status_of(desk: &Desk, run: RunId) -> Result<Snapshot, Refused> {
    let record = desk.service.run(desk.caller.get(), run).await?;
    let view = desk.service.broker().view(record.project_id).await.map_err(ServiceError::from)?;
    Ok(snapshot(&record, Some(&view), Some(view.position), desk.service.now()))
}
