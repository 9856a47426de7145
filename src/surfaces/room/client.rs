//! A client of a project room as operators see it.

use std::cell::Cell;

use crate::auth::{Caller, TokenName};
use crate::broker::clients::{Announcement, Card, LiveClient, Standing};
use crate::domain::ids::ProjectId;
use crate::domain::role::Role;
use crate::surfaces::room::codec::CLOSE_DISCONNECTED;
use crate::surfaces::room::protocol::announcement_json;
use crate::surfaces::websocket::Peer;

/// A client of a room.
pub(super) struct RoomClient {
    card: Card,
    room: ProjectId,
    peer: Peer,
    /// As much of the caller as its name is made of: there may be many idle clients.
    who: Cell<(Option<Role>, TokenName)>,
}

impl RoomClient {
    pub(super) fn new(card: Card, room: ProjectId, peer: Peer, caller: &Caller) -> Self {
        Self { card, room, peer, who: Cell::new((caller.role, caller.token)) }
    }

    /// The client is this caller from now on.
    pub(super) fn become_caller(&self, caller: &Caller) {
        self.who.set((caller.role, caller.token));
    }
}

impl LiveClient for RoomClient {
    fn card(&self) -> &Card {
        &self.card
    }

    fn standing(&self) -> Standing {
        self.peer.shard.standing_of(&self.peer.outlet)
    }

    fn subscriptions(&self) -> Vec<String> {
        vec![format!("project:{}", self.room)]
    }

    fn who(&self) -> String {
        let (role, token) = self.who.get();
        token.name(role)
    }

    fn protocol(&self) -> &'static str {
        "websocket"
    }

    fn say(&self, announcement: &Announcement) -> bool {
        // One that has not joined yet hears `connection` first of all.
        let joined = self.peer.outlet.has_seat();
        if joined {
            self.peer.send_text(&announcement_json(announcement));
        }
        joined
    }

    fn disconnect(&self, reason: &str) {
        self.peer.outlet.give_reason(reason);
        self.peer.close(CLOSE_DISCONNECTED, "disconnected by an administrator");
    }

    fn farewell(&self) -> (u16, String) {
        (self.peer.outlet.close_code(), self.peer.outlet.close_reason())
    }
}
