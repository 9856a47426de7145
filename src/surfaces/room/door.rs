//! The way into a project room: the checks of an upgrade, in order, and the session behind them.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::auth::policy::Action;
use crate::auth::{Auth, Caller};
use crate::broker::BrokerError;
use crate::clock::Clock;
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::service::Service;
use crate::surfaces::http::card;
use crate::surfaces::http::head_of;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::Query;
use crate::surfaces::room::session::RoomSession;
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::refusal::refuse;
use crate::surfaces::websocket::upgrade::Incoming;
use actix_web::http::StatusCode;

/// What the sockets of project rooms need; one per worker.
pub struct RoomDoor {
    /// Rooms and runs.
    pub service: Service,
    /// Who may come in.
    pub auth: Auth,
    /// The time for `pong`.
    pub clock: Arc<dyn Clock>,
    /// What a message may be.
    pub limits: MessageLimits,
    /// Connections that may be open at the same time.
    pub connections_max: usize,
    /// Messages that one client may send per second; 0 is without a limit.
    pub messages_per_second: u64,
    /// How often the server pings.
    pub heartbeat_ms: u64,
}

/// The prefix of the address of a room.
const PATH: &str = "/api/ws/projects/";

struct Admitted {
    room: ProjectId,
    since: Option<Position>,
    caller: Caller,
}

impl RoomDoor {
    /// Handles an upgrade to its end: a socket, or a refusal.
    pub async fn enter(self: Rc<Self>, incoming: Incoming) {
        match self.admit(&incoming).await {
            Ok(admitted) => {
                if let Err(error) = self.open(incoming, admitted).await {
                    log::debug!("a connection was lost in its handshake: {error}");
                }
            }
            Err(problem) => refuse(incoming, &problem).await,
        }
    }

    async fn open(self: Rc<Self>, incoming: Incoming, admitted: Admitted) -> std::io::Result<()> {
        let limits = self.limits;
        let user_agent = card::user_agent(incoming.request.head());
        let upgraded = incoming.accept().await?;
        let here = self.service.broker().local_shard();
        let home = here.better_home(admitted.room).unwrap_or(None);
        // The door of the thread the connection moves to is made anew there: it is cheap and not shared over threads.
        let parts = (self.service.clone(), self.auth.clone(), self.clock.clone());
        let (connections_max, heartbeat_ms) = (self.connections_max, self.heartbeat_ms);
        let messages_per_second = self.messages_per_second;
        let Admitted { room, since, caller } = admitted;
        upgraded.start(&here, home, limits, move |client| {
            let (service, auth, clock) = parts;
            let door = Rc::new(RoomDoor {
                service,
                auth,
                clock,
                limits,
                connections_max,
                messages_per_second,
                heartbeat_ms,
            });
            RoomSession::new(door, client, room, since, caller, user_agent)
        })
    }

    async fn admit(&self, incoming: &Incoming) -> Result<Admitted, Problem> {
        let head = incoming.request.head();
        let caller = self.auth.authorise_upgrade(&head_of(head))?;
        let Some(id) = head.uri.path().strip_prefix(PATH) else {
            return Err(Problem::not_found("no socket is served at this address"));
        };
        let room: ProjectId = id.parse().map_err(|_| no_such_project())?;
        incoming.check().map_err(|(status, detail)| Problem::new(status, "handshake", detail))?;
        let since = since(head.uri.query().unwrap_or_default())?;
        self.service.check_ready()?;
        let broker = self.service.broker();
        if broker.counters().connections.load(Ordering::Relaxed) >= self.connections_max as u64 {
            let detail = "the server has as many connections as it may";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-connections", detail));
        }
        // A stranger learns only after its token whether there is such a project.
        if caller.role.is_some() {
            caller.may_in(Action::Read, room)?;
        }
        if caller.role.is_some() && !broker.local_shard().serves(room) {
            broker.view(room).await.map_err(|error| match error {
                BrokerError::NoSuchRoom => no_such_project(),
                error => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()),
            })?;
        }
        Ok(Admitted { room, since, caller })
    }
}

fn no_such_project() -> Problem {
    Problem::not_found("there is no such project")
}

/// The position a client comes back with.
fn since(query: &str) -> Result<Option<Position>, Problem> {
    let mut query = Query::of(query);
    let since = query.text("since").map(|text| text.parse::<Position>());
    if let Some(Err(error)) = &since {
        query.wrong("since", error.to_string());
    }
    query.finish()?;
    Ok(since.and_then(Result::ok))
}
