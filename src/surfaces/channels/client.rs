//! A client of the channel socket as operators see it.

use std::rc::Rc;

use tokio::sync::watch;

use crate::broker::clients::{Announcement, Card, LiveClient, Standing};
use crate::broker::house::PLACES_PER_EVENT;
use crate::domain::channel::CHANNELS;
use crate::surfaces::channels::pump::Desk;
use crate::surfaces::room::codec::CLOSE_DISCONNECTED;
use crate::surfaces::room::protocol::announcement_json;
use crate::surfaces::websocket::Peer;

/// A client of the channels.
#[derive(Clone)]
pub(super) struct ChannelClient {
    /// What it is, as it says itself.
    pub(super) card: Card,
    pub(super) desk: Rc<Desk>,
    pub(super) peer: Peer,
    /// How far the house has gone.
    pub(super) head: watch::Receiver<u64>,
}

impl LiveClient for ChannelClient {
    fn card(&self) -> &Card {
        &self.card
    }

    fn standing(&self) -> Standing {
        let place = self.desk.position().map(|position| position.seq);
        let behind = place.map_or(0, |place| self.head.borrow().saturating_sub(place) / PLACES_PER_EVENT);
        let sent = self.desk.sent.get();
        Standing { sent, behind, ..self.peer.shard.standing_of(&self.peer.outlet) }
    }

    fn subscriptions(&self) -> Vec<String> {
        let places = self.desk.places.borrow();
        let heard = CHANNELS.iter().zip(0..).filter(|(_, number)| places.hears(*number));
        heard.map(|(name, _)| (*name).to_owned()).collect()
    }

    fn who(&self) -> String {
        self.desk.caller.get().name()
    }

    fn protocol(&self) -> &'static str {
        "websocket"
    }

    fn say(&self, announcement: &Announcement) -> bool {
        self.peer.send_text(&announcement_json(announcement));
        true
    }

    fn disconnect(&self, reason: &str) {
        self.peer.outlet.give_reason(reason);
        self.peer.close(CLOSE_DISCONNECTED, "disconnected by an administrator");
    }

    fn farewell(&self) -> (u16, String) {
        (self.peer.outlet.close_code(), self.peer.outlet.close_reason())
    }
}
