//! A reader of server-sent events as operators see it, and what it is told besides events.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use actix_web::web::Bytes;
use serde_json::json;
use tokio::sync::Notify;

use crate::auth::{Caller, Ended};
use crate::broker::clients::{Announcement, Card, LiveClient, Standing};
use crate::broker::follow::FollowSeat;
use crate::domain::ids::ProjectId;
use crate::surfaces::room::codec::CLOSE_DISCONNECTED;
use crate::surfaces::websocket::manners::close_code;

/// How long a browser that was put out stays away: event streams come back by themselves.
const AWAY_MS: u64 = 600_000;
/// Announcements that may wait for a reader; the oldest gives way.
const SAID_MAX: usize = 16;

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// It goes on, or the reader went by itself.
    #[default]
    None,
    /// Its token no longer holds.
    NoRight(Ended),
    /// The server or the room is gone.
    Left,
    /// An administrator put it out.
    PutOut,
}

/// What a reader is told next.
pub(super) enum Next {
    /// This.
    Say(Bytes),
    /// Nothing.
    Nothing,
    /// Nothing any more.
    End,
}

/// What a stream is told from outside.
#[derive(Default)]
pub(super) struct Over {
    /// Something of what follows has changed.
    pub(super) changed: Notify,
    said: RefCell<VecDeque<Bytes>>,
    ending: Cell<Ending>,
    reason: RefCell<String>,
}

impl Over {
    /// Ends the stream.
    pub(super) fn end(&self, ending: Ending, reason: &str) {
        if self.ending.get() == Ending::None {
            self.ending.set(ending);
            *self.reason.borrow_mut() = reason.to_owned();
        }
        self.changed.notify_one();
    }

    fn say(&self, text: String) {
        let mut said = self.said.borrow_mut();
        if said.len() == SAID_MAX {
            said.pop_front();
        }
        said.push_back(Bytes::from(text));
        self.changed.notify_one();
    }

    /// What the reader is told next.
    pub(super) fn next(&self) -> Next {
        let mut said = self.said.borrow_mut();
        let ends = self.ending.get() != Ending::None;
        if said.is_empty() {
            return if ends { Next::End } else { Next::Nothing };
        }
        if ends {
            // Once more, for the end itself.
            self.changed.notify_one();
        }
        Next::Say(said.drain(..).flatten().collect::<Vec<u8>>().into())
    }
}

/// A reader.
pub(super) struct SseClient {
    card: Card,
    room: ProjectId,
    who: String,
    seat: FollowSeat,
    over: Rc<Over>,
    heard_ms: u64,
}

impl SseClient {
    pub(super) fn new(
        card: Card,
        room: ProjectId,
        caller: &Caller,
        seat: FollowSeat,
        over: Rc<Over>,
    ) -> Self {
        let heard_ms = card.since_ms;
        Self { card, room, who: caller.name(), seat, over, heard_ms }
    }
}

impl LiveClient for SseClient {
    fn card(&self) -> &Card {
        &self.card
    }

    fn standing(&self) -> Standing {
        // A stream goes one way: the reader was heard when it asked for it.
        Standing { heard_ms: self.heard_ms, ..self.seat.standing() }
    }

    fn subscriptions(&self) -> Vec<String> {
        vec![format!("project:{}", self.room)]
    }

    fn who(&self) -> String {
        self.who.clone()
    }

    fn protocol(&self) -> &'static str {
        "event-stream"
    }

    fn say(&self, announcement: &Announcement) -> bool {
        // Without an id: it is no event of the log and moves no position.
        let Announcement { message, at } = announcement;
        self.over
            .say(format!("event: broadcast\ndata: {{\"timestamp\":\"{at}\",\"message\":{message}}}\n\n"));
        true
    }

    fn disconnect(&self, reason: &str) {
        let told = json!({ "code": CLOSE_DISCONNECTED, "message": "disconnected by an administrator" });
        self.over.say(format!("retry: {AWAY_MS}\nevent: disconnected\ndata: {told}\n\n"));
        self.over.end(Ending::PutOut, reason);
    }

    fn farewell(&self) -> (u16, String) {
        let code = match self.over.ending.get() {
            Ending::None => return (1005, "the reader went, or its connection broke off".to_owned()),
            Ending::NoRight(ended) => close_code(ended),
            Ending::Left => 1001,
            Ending::PutOut => CLOSE_DISCONNECTED,
        };
        (code, self.over.reason.borrow().clone())
    }
}
