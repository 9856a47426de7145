//! The way into a project room: the checks of an upgrade, in order, and the session behind them.

use std::rc::Rc;
use std::sync::Arc;

use actix_http::HttpMessage;
use actix_web::http::{StatusCode, header};
use futures_util::future::LocalBoxFuture;

use crate::auth::policy::Action;
use crate::auth::{Auth, AuthError, Caller, Head};
use crate::broker::{Broker, BrokerError};
use crate::clock::Clock;
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::position::Position;
use crate::surfaces::room::session::RoomSession;
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::upgrade::Incoming;

/// Cancels a run of a project; refusals are a code and a text for the client.
pub type CancelRun = Arc<
    dyn Fn(Caller, ProjectId, RunId) -> LocalBoxFuture<'static, Result<(), (&'static str, String)>>
        + Send
        + Sync,
>;

/// What the sockets of project rooms need; one per worker.
pub struct RoomDoor {
    /// Rooms.
    pub broker: Broker,
    /// Who may come in.
    pub auth: Auth,
    /// The time for `pong`.
    pub clock: Arc<dyn Clock>,
    /// Cancels a run.
    pub cancel: CancelRun,
    /// What a message may be.
    pub limits: MessageLimits,
    /// Connections that may be open at the same time.
    pub connections_max: usize,
    /// How often the server pings.
    pub heartbeat_ms: u64,
}

/// The prefix of the address of a room.
const PATH: &str = "/api/ws/projects/";

struct Refusal {
    status: u16,
    title: &'static str,
    detail: String,
}

impl Refusal {
    fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into() }
    }
}

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
            Err(refusal) => {
                let reason = StatusCode::from_u16(refusal.status)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .unwrap_or("");
                let body = serde_json::json!({
                    "type": "about:blank", "title": refusal.title, "status": refusal.status, "detail": refusal.detail,
                });
                let mut headers =
                    vec![("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")];
                match refusal.status {
                    401 => headers.push(("WWW-Authenticate", "Bearer")),
                    405 => headers.push(("Allow", "GET")),
                    426 => headers.push(("Sec-WebSocket-Version", "13")),
                    503 => headers.push(("Retry-After", "5")),
                    _ => {}
                }
                incoming.refuse(refusal.status, reason, &headers, &body.to_string()).await;
            }
        }
    }

    async fn open(self: Rc<Self>, incoming: Incoming, admitted: Admitted) -> std::io::Result<()> {
        let limits = self.limits;
        let upgraded = incoming.accept().await?;
        let here = self.broker.local_shard();
        let home = here.better_home(admitted.room).unwrap_or(None);
        // The door of the thread the connection moves to is made anew there: it is cheap and not shared over threads.
        let parts = (self.broker.clone(), self.auth.clone(), self.clock.clone(), self.cancel.clone());
        let (connections_max, heartbeat_ms) = (self.connections_max, self.heartbeat_ms);
        let Admitted { room, since, caller } = admitted;
        upgraded.start(&here, home, limits, move |client| {
            let (broker, auth, clock, cancel) = parts;
            let door =
                Rc::new(RoomDoor { broker, auth, clock, cancel, limits, connections_max, heartbeat_ms });
            RoomSession { door, client, room, since, caller, malformed: 0, joined: false }
        })
    }

    async fn admit(&self, incoming: &Incoming) -> Result<Admitted, Refusal> {
        let request = &incoming.request;
        let header = |name: header::HeaderName| {
            let mut all = request.headers().get_all(name);
            let first = all.next().and_then(|value| value.to_str().ok());
            // Two headers where one is meant are an attempt to have two readers see different things.
            if all.next().is_some() { None } else { first }
        };
        let uri = request.uri();
        let query = uri.query().unwrap_or("");
        let head = Head {
            method: request.method().as_str(),
            query,
            host: header(header::HOST),
            origin: header(header::ORIGIN),
            authorization: header(header::AUTHORIZATION),
            cookie: header(header::COOKIE),
            forwarded: ["forwarded", "x-forwarded-for", "x-real-ip"]
                .iter()
                .any(|name| request.headers().contains_key(*name)),
            peer: incoming.peer_addr(),
        };
        let caller = self.auth.authorise_upgrade(&head).map_err(|error| match error {
            AuthError::NoToken { .. } | AuthError::BadToken => {
                Refusal::new(401, "Unauthorized", error.to_string())
            }
            error => Refusal::new(403, "Forbidden", error.to_string()),
        })?;
        let Some(id) = uri.path().strip_prefix(PATH) else {
            return Err(Refusal::new(404, "Not Found", "no socket is served at this address"));
        };
        let no_such = || Refusal::new(404, "Not Found", "there is no such project");
        let room: ProjectId = id.parse().map_err(|_| no_such())?;
        incoming
            .check()
            .map_err(|(status, detail)| Refusal::new(status, "Not a WebSocket handshake", detail))?;
        let since = since(query).map_err(|detail| Refusal::new(400, "Bad Request", detail))?;
        if self.broker.counters().connections.load(std::sync::atomic::Ordering::Relaxed)
            >= self.connections_max as u64
        {
            return Err(Refusal::new(
                503,
                "Too many connections",
                "the server has as many connections as it may",
            ));
        }
        // A stranger learns only after its token whether there is such a project.
        if caller.may(Action::Read).is_ok() {
            self.broker.view(room).await.map_err(|error| match error {
                BrokerError::NoSuchRoom => no_such(),
                error => Refusal::new(503, "Unavailable", error.to_string()),
            })?;
        }
        Ok(Admitted { room, since, caller })
    }
}

/// The position a client comes back with.
fn since(query: &str) -> Result<Option<Position>, String> {
    for pair in query.split('&') {
        if let Some(value) = pair.strip_prefix("since=")
            && !value.is_empty()
        {
            return value.parse().map(Some).map_err(|error| format!("since: {error}"));
        }
    }
    Ok(None)
}
