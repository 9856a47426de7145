//! A client of a project room as operators see it.

use std::cell::RefCell;

use crate::auth::Caller;
use crate::broker::clients::{Announcement, Card, LiveClient, Standing};
use crate::domain::ids::ProjectId;
use crate::surfaces::room::codec::CLOSE_DISCONNECTED;
use crate::surfaces::room::protocol::announcement_json;
use crate::surfaces::websocket::Peer;

/// A client of a room.
pub(super) struct RoomClient {
    card: Card,
    room: ProjectId,
    peer: Peer,
    who: RefCell<Box<str>>,
}

impl RoomClient {
    pub(super) fn new(card: Card, room: ProjectId, peer: Peer, caller: &Caller) -> Self {
        Self { card, room, peer, who: RefCell::new(caller.name().into()) }
    }

    /// The client is this caller from now on.
    pub(super) fn become_caller(&self, caller: &Caller) {
        *self.who.borrow_mut() = caller.name().into();
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
        self.who.borrow().to_string()
    }

    fn protocol(&self) -> &'static str {
        "websocket"
    }

    fn say(&self, announcement: &Announcement) {
        // One that has not joined yet hears `connection` first of all.
        if !self.peer.outlet.has_seat() {
            return;
        }
        self.peer.send_text(&announcement_json(announcement));
    }

    fn disconnect(&self, reason: &str) {
        self.peer.outlet.give_reason(reason);
        self.peer.close(CLOSE_DISCONNECTED, "disconnected by an administrator");
    }

    fn farewell(&self) -> (u16, String) {
        (self.peer.outlet.close_code(), self.peer.outlet.close_reason())
    }
}
