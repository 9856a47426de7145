//! Who is connected, on every surface: asked for shard by shard when somebody looks, and at no cost while nobody does.
//!
//! A surface enlists each of its clients with [`LocalShard::enlist`]. What a client was sent and what waits for it is not
//! counted for this: it is told from its positions, which are there anyway.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::broker::shard::LocalShard;
use crate::domain::ids::{ClientId, ProjectId};
use crate::domain::time::Timestamp;

/// Closings that are remembered.
const CLOSINGS_MAX: usize = 256;
/// Letters of a client's name.
const NAME_CHARS_MAX: usize = 60;

/// Where a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// The socket of a project room.
    Room,
    /// Server-sent events of a project room.
    Sse,
    /// Socket.IO.
    SocketIo,
    /// The channel socket.
    Channels,
}

impl Surface {
    /// All of them.
    pub const ALL: [Surface; 4] = [Surface::Room, Surface::Sse, Surface::SocketIo, Surface::Channels];

    /// As figures name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Surface::Room => "room",
            Surface::Sse => "sse",
            Surface::SocketIo => "socketio",
            Surface::Channels => "channels",
        }
    }
}

/// What a client is, as it says itself or as its `User-Agent` lets us guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientType {
    /// A browser or another program with windows.
    Gui,
    /// On a phone.
    Mobile,
    /// The plug-in of a photo program.
    Lightroom,
    /// Anything else.
    #[default]
    Unknown,
}

impl ClientType {
    /// All of them.
    pub const ALL: [ClientType; 4] = [Self::Gui, Self::Mobile, Self::Lightroom, Self::Unknown];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gui => "gui",
            Self::Mobile => "mobile",
            Self::Lightroom => "lightroom",
            Self::Unknown => "unknown",
        }
    }

    /// What a client says it is; any other name is unknown.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).unwrap_or_default()
    }

    /// What a `User-Agent` looks like, and a short name for it.
    pub fn guess(user_agent: &str) -> (Self, String) {
        let has = |word: &str| user_agent.contains(word);
        let browser = user_agent.starts_with("Mozilla/");
        let kind = match browser {
            true if has("Mobile") || has("Android") || has("iPhone") || has("iPad") => Self::Mobile,
            true => Self::Gui,
            false if has("Lightroom") => Self::Lightroom,
            false => Self::Unknown,
        };
        // Browsers name each other; the one that says more than the others is the one that it is.
        let products = ["Edg/", "OPR/", "Firefox/", "Chrome/", "Version/"];
        let product = products.iter().find_map(|name| user_agent.find(name)).filter(|_| browser).unwrap_or(0);
        let name = user_agent[product..].split([' ', ';']).next().unwrap_or_default();
        (kind, name.replace("Version/", "Safari/").chars().take(NAME_CHARS_MAX).collect())
    }
}

/// What does not change about a client.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its id.
    pub id: ClientId,
    /// Where it is connected.
    pub surface: Surface,
    /// What it is.
    pub kind: ClientType,
    /// What it calls itself.
    pub name: Box<str>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// When it connected.
    pub connected_at: Timestamp,
    /// The same moment in milliseconds of the shard's clock.
    pub since_ms: u64,
}

/// How a client stands at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Events that it was given.
    pub sent: u64,
    /// Events that it is behind by.
    pub behind: u64,
    /// Bytes that wait for it to take them.
    pub queued_bytes: u64,
    /// When it was last heard, in milliseconds of the shard's clock.
    pub heard_ms: u64,
}

impl Standing {
    /// Takes the events of another seat of the same client in.
    pub fn add_seat(&mut self, seat: Standing) {
        self.sent += seat.sent;
        self.behind += seat.behind;
    }
}

/// What is said to clients besides events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The message as JSON: a text or an object.
    pub message: String,
    /// When it was said.
    pub at: Timestamp,
}

/// A client, as its surface knows it.
pub trait LiveClient: 'static {
    /// What does not change.
    fn card(&self) -> &Card;
    /// How it stands; asked of every client, so it builds nothing.
    fn standing(&self) -> Standing;
    /// What it reads, like `project:ID`.
    fn subscriptions(&self) -> Vec<String>;
    /// Whose client it is.
    fn who(&self) -> String;
    /// What carries it, like `websocket`.
    fn protocol(&self) -> &'static str;
    /// Tells it something; false when it cannot be told anything yet.
    fn say(&self, announcement: &Announcement) -> bool;
    /// Puts it out; it is told why.
    fn disconnect(&self, reason: &str);
    /// Why it went: a close code, and words.
    fn farewell(&self) -> (u16, String);
}

/// A client as operators see it.
#[derive(Clone, Debug)]
pub struct ClientView {
    /// What does not change.
    pub card: Card,
    /// What carries it.
    pub protocol: &'static str,
    /// Whose it is.
    pub who: String,
    /// What it reads.
    pub subscriptions: Vec<String>,
    /// How it stands.
    pub standing: Standing,
    /// When it was last heard.
    pub heard_at: Timestamp,
}

/// A client that has gone.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Who it was.
    pub card: Card,
    /// Whose it was.
    pub who: String,
    /// What it read.
    pub subscriptions: Vec<String>,
    /// Events that it was given.
    pub sent: u64,
    /// When it went.
    pub closed_at: Timestamp,
    /// The close code; on surfaces without any, the one that says the same.
    pub code: u16,
    /// Why.
    pub reason: String,
}

/// Which clients somebody wants to see.
#[derive(Clone, Debug, Default)]
pub struct ClientQuery {
    /// At most so many of each shard.
    pub limit: usize,
    /// Only on this surface.
    pub surface: Option<Surface>,
    /// Only of this type.
    pub kind: Option<ClientType>,
    /// Only those that read exactly this.
    pub reads: Option<String>,
    /// Only those whose id, name, address or subscriptions have this in them.
    pub text: Option<String>,
}

/// A room as operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomFigures {
    /// Which.
    pub room: ProjectId,
    /// Who reads it.
    pub viewers: u64,
    /// Readers that are behind.
    pub lagging: u64,
    /// Events that the slowest is behind by.
    pub behind_max: u64,
    /// Its newest event.
    pub seq: u64,
}

/// How many clients there are of each type, and the last that went.
#[derive(Default)]
pub struct Roll {
    by_type: [AtomicU64; ClientType::ALL.len()],
    closings: Mutex<VecDeque<Closing>>,
}

impl Roll {
    /// How many clients there are of each type.
    pub fn by_type(&self) -> [(ClientType, u64); ClientType::ALL.len()] {
        ClientType::ALL.map(|kind| (kind, self.by_type[kind as usize].load(Ordering::Relaxed)))
    }

    /// The last clients that went, the newest first.
    pub fn closings(&self) -> Vec<Closing> {
        self.closings.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    fn closed(&self, closing: Closing) {
        let mut closings = self.closings.lock().unwrap_or_else(PoisonError::into_inner);
        if closings.len() == CLOSINGS_MAX {
            closings.pop_front();
        }
        closings.push_back(closing);
    }
}

/// Held by a client for as long as it lives.
pub struct Enlisted {
    shard: LocalShard,
    key: usize,
}

impl Enlisted {
    /// The client is described like this from now on.
    pub fn describe_as(&self, client: Rc<dyn LiveClient>) {
        let mut clients = self.shard.clients().borrow_mut();
        let Some(listed) = clients.get_mut(self.key) else { return };
        let by_type = &self.shard.counters().roll.by_type;
        by_type[client.card().kind as usize].fetch_add(1, Ordering::Relaxed);
        by_type[listed.card().kind as usize].fetch_sub(1, Ordering::Relaxed);
        *listed = client;
    }
}

impl Drop for Enlisted {
    fn drop(&mut self) {
        let gone = self.shard.clients().borrow_mut().try_remove(self.key);
        let Some(client) = gone else { return };
        let (card, roll) = (client.card(), &self.shard.counters().roll);
        roll.by_type[card.kind as usize].fetch_sub(1, Ordering::Relaxed);
        let (code, reason) = client.farewell();
        roll.closed(Closing {
            card: card.clone(),
            who: client.who(),
            subscriptions: client.subscriptions(),
            sent: client.standing().sent,
            closed_at: card.connected_at.plus_ms(self.shard.now_ms().saturating_sub(card.since_ms)),
            code,
            reason: if reason.is_empty() { usual_reason(code).to_owned() } else { reason },
        });
    }
}

impl LocalShard {
    /// Takes a client into the roll.
    pub fn enlist(&self, client: Rc<dyn LiveClient>) -> Enlisted {
        self.counters().roll.by_type[client.card().kind as usize].fetch_add(1, Ordering::Relaxed);
        let key = self.clients().borrow_mut().insert(client);
        Enlisted { shard: self.clone(), key }
    }

    /// The clients of this shard that fit, those that are furthest behind first, then the newest; and how many fit.
    pub fn look_up(&self, query: &ClientQuery) -> (Vec<ClientView>, u64) {
        let clients = self.clients().borrow();
        let text = query.text.as_deref().map(str::to_lowercase);
        let mut found: Vec<(Standing, &Rc<dyn LiveClient>)> = clients
            .iter()
            .map(|(_, client)| client)
            .filter(|client| fits(&***client, query, text.as_deref()))
            .map(|client| (client.standing(), client))
            .collect();
        let total = found.len() as u64;
        found.sort_by_key(|(standing, client)| {
            let behind = standing.behind + standing.queued_bytes;
            (std::cmp::Reverse(behind), std::cmp::Reverse(client.card().connected_at))
        });
        found.truncate(query.limit);
        let views = found.into_iter().map(|(standing, client)| view(&**client, standing)).collect();
        (views, total)
    }

    /// Tells the clients that read `channel`, or all of them; answers how many.
    pub fn announce(&self, announcement: &Announcement, channel: Option<&str>) -> u64 {
        // Whoever is told may leave at once, which changes the list.
        let clients: Vec<Rc<dyn LiveClient>> =
            self.clients().borrow().iter().map(|(_, client)| client.clone()).collect();
        let told = |client: &&Rc<dyn LiveClient>| reads(&***client, channel) && client.say(announcement);
        clients.iter().filter(told).count() as u64
    }

    /// Puts a client out; false when it is not here.
    pub fn put_out(&self, id: ClientId, reason: &str) -> bool {
        let found =
            self.clients().borrow().iter().find(|(_, one)| one.card().id == id).map(|(_, one)| one.clone());
        found.inspect(|client| client.disconnect(reason)).is_some()
    }
}

/// Whether a client reads exactly that, where anything is wanted.
fn reads(client: &dyn LiveClient, channel: Option<&str>) -> bool {
    channel.is_none_or(|channel| client.subscriptions().iter().any(|one| one == channel))
}

fn fits(client: &dyn LiveClient, query: &ClientQuery, text: Option<&str>) -> bool {
    let card = client.card();
    let has = |text: &str| {
        card.id.to_string().contains(text)
            || card.name.to_lowercase().contains(text)
            || card.address.is_some_and(|address| address.to_string().contains(text))
            || client.who().to_lowercase().contains(text)
            || client.subscriptions().iter().any(|one| one.contains(text))
    };
    query.surface.is_none_or(|surface| surface == card.surface)
        && query.kind.is_none_or(|kind| kind == card.kind)
        && reads(client, query.reads.as_deref())
        && text.is_none_or(has)
}

fn view(client: &dyn LiveClient, standing: Standing) -> ClientView {
    let card = client.card().clone();
    let heard_at = card.connected_at.plus_ms(standing.heard_ms.saturating_sub(card.since_ms));
    let (protocol, who) = (client.protocol(), client.who());
    ClientView { card, protocol, who, subscriptions: client.subscriptions(), standing, heard_at }
}

/// What a close code says when nobody gave a reason.
fn usual_reason(code: u16) -> &'static str {
    match code {
        1000 => "the client said goodbye",
        1001 => "the client left its page",
        1002 => "the client broke the protocol",
        1003 => "the client sent bytes where text is spoken",
        1005 => "the client closed without a code",
        1006 => "the connection broke off",
        1007 => "the client sent text that is no UTF-8",
        1009 => "the client sent too long a message",
        _ => "no reason was given",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_say_what_a_client_is() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        for (agent, kind, name) in [
            (chrome, ClientType::Gui, "Chrome/140.0.0.0"),
            (phone, ClientType::Mobile, "Safari/18.0"),
            ("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0", ClientType::Gui, "Firefox/140.0"),
            ("python-requests/2.32", ClientType::Unknown, "python-requests/2.32"),
            ("Lightroom/13 callboard/1", ClientType::Lightroom, "Lightroom/13"),
            ("Mozilla/5.0", ClientType::Gui, "Mozilla/5.0"),
            ("", ClientType::Unknown, ""),
        ] {
            assert_eq!(ClientType::guess(agent), (kind, name.to_owned()), "{agent}");
        }
        for kind in ClientType::ALL {
            assert_eq!(ClientType::parse(kind.as_str()), kind);
        }
        assert_eq!(ClientType::parse("toaster"), ClientType::Unknown);
    }
}
