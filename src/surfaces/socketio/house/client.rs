//! A Socket.IO client as operators see it.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;

use crate::broker::clients::{Announcement, Card, LiveClient, Standing};
use crate::surfaces::room::codec::CLOSE_DISCONNECTED;
use crate::surfaces::socketio::house::member::Desk;
use crate::surfaces::socketio::namespace::Client;

/// A client of the house.
pub(super) struct HouseClient {
    card: Card,
    client: Client,
    desk: Rc<Desk>,
    why: RefCell<Option<(u16, String)>>,
}

impl HouseClient {
    pub(super) fn new(card: Card, client: Client, desk: Rc<Desk>) -> Self {
        Self { card, client, desk, why: RefCell::new(None) }
    }

    /// Why it goes; the first who says so is right.
    pub(super) fn give_reason(&self, code: u16, reason: &str) {
        self.why.borrow_mut().get_or_insert_with(|| (code, reason.to_owned()));
    }
}

impl LiveClient for HouseClient {
    fn card(&self) -> &Card {
        &self.card
    }

    fn standing(&self) -> Standing {
        let mut standing = self.client.link().standing();
        for task in self.desk.tasks.borrow().iter() {
            standing.behind += task.frames.seat().standing().behind;
        }
        standing
    }

    fn subscriptions(&self) -> Vec<String> {
        let mut read = Vec::new();
        if self.desk.hears_everyone() {
            read.push("everyone".to_owned());
        }
        if self.desk.hears_dashboard() {
            read.push("dashboard".to_owned());
        }
        read.extend(self.desk.tasks.borrow().iter().map(|task| format!("task:{}", task.run)));
        read
    }

    fn who(&self) -> String {
        self.desk.who()
    }

    fn protocol(&self) -> &'static str {
        self.client.link().protocol()
    }

    fn say(&self, announcement: &Announcement) -> bool {
        let Announcement { message, at } = announcement;
        self.client.emit("broadcast", &format!(r#"{{"timestamp":"{at}","message":{message}}}"#));
        self.client.link().settle();
        true
    }

    fn disconnect(&self, reason: &str) {
        self.give_reason(CLOSE_DISCONNECTED, reason);
        let message = "disconnected by an administrator";
        let told = json!({ "task_id": null, "code": "disconnected", "message": message });
        self.client.emit("task_error", &told.to_string());
        self.client.disconnect();
        self.client.link().settle();
    }

    fn farewell(&self) -> (u16, String) {
        if let Some(why) = self.why.borrow().clone() {
            return why;
        }
        let (code, words) = self.client.link().why().unwrap_or((1000, ""));
        (code, words.to_owned())
    }
}
