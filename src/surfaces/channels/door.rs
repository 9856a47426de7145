//! The way to the channel socket: the checks of an upgrade, in order, and the session behind them.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;

use crate::auth::policy::Action;
use crate::auth::{Auth, Caller};
use crate::clock::Clock;
use crate::service::Service;
use crate::surfaces::channels::moments::Moments;
use crate::surfaces::channels::session::ChannelSession;
use crate::surfaces::http::card;
use crate::surfaces::http::head_of;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::Query;
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::refusal::refuse;
use crate::surfaces::websocket::upgrade::Incoming;

/// The address of the channel socket.
pub const PATH: &str = "/ws";

/// What the channel sockets need; one per worker.
pub struct ChannelDoor {
    /// Rooms and runs.
    pub service: Service,
    /// Who may come in.
    pub auth: Auth,
    /// The time for `pong`.
    pub clock: Arc<dyn Clock>,
    /// How things stand.
    pub moments: Moments,
    /// What a message may be.
    pub limits: MessageLimits,
    /// Connections that may be open at the same time.
    pub connections_max: usize,
    /// Messages that one client may send per second; 0 is without a limit.
    pub messages_per_second: u64,
    /// How often the server pings.
    pub heartbeat_ms: u64,
}

impl ChannelDoor {
    /// Handles an upgrade to its end: a socket, or a refusal.
    pub async fn enter(self: Rc<Self>, incoming: Incoming) {
        match self.admit(&incoming) {
            Ok(caller) => {
                if let Err(error) = self.open(incoming, caller).await {
                    log::debug!("a connection was lost in its handshake: {error}");
                }
            }
            Err(problem) => refuse(incoming, &problem).await,
        }
    }

    async fn open(self: Rc<Self>, incoming: Incoming, caller: Caller) -> std::io::Result<()> {
        let user_agent = card::user_agent(incoming.request.head());
        let upgraded = incoming.accept().await?;
        let (here, limits) = (self.service.broker().local_shard(), self.limits);
        // It hears of all rooms, so one thread is as good as another: it stays where it came in.
        upgraded
            .start_here(&here, limits, move |client| ChannelSession::new(self, client, caller, user_agent));
        Ok(())
    }

    fn admit(&self, incoming: &Incoming) -> Result<Caller, Problem> {
        let head = incoming.request.head();
        let caller = self.auth.authorise_upgrade(&head_of(head))?;
        incoming.check().map_err(|(status, detail)| Problem::new(status, "handshake", detail))?;
        Query::of(head.uri.query().unwrap_or_default()).finish()?;
        self.service.check_ready()?;
        let open = self.service.broker().counters().connections.load(Ordering::Relaxed);
        if open >= self.connections_max as u64 {
            let detail = "the server has as many connections as it may";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-connections", detail));
        }
        if caller.role.is_some() {
            caller.may_somewhere(Action::Read)?;
        }
        Ok(caller)
    }
}
