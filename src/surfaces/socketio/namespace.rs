//! Socket.IO over a session: namespaces, events and their answers. What an application does with them is its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::surfaces::socketio::engine::packet::Message;
use crate::surfaces::socketio::hub::Protocol;
use crate::surfaces::socketio::link::{Broken, Connection, Link};
use crate::surfaces::socketio::packet::{self, Ack, Args, Decoder, Event, Packet};

/// Namespaces one session may be in.
const NAMESPACES_MAX: usize = 16;
/// Events of ours whose answer may be awaited at the same time, per namespace; the oldest gives way.
const AWAITED_MAX: usize = 256;
/// Bytes of a client's name within a namespace.
const SID_BYTES: usize = 15;

/// What an application does with clients.
pub trait Application: 'static {
    /// A client wants to come into a namespace. Answers what hears it from then on.
    ///
    /// # Errors
    /// With what the client is told when it may not.
    fn connect(&self, client: &Client, auth: Option<&RawValue>) -> Result<Box<dyn Member>, String>;
}

/// What hears a client in a namespace. Dropped when the client leaves.
pub trait Member: 'static {
    /// The client was told that it is in.
    fn entered(&mut self, _client: &Client) {}

    /// An event came.
    fn event(&mut self, client: &Client, event: Event);
}

/// A client in a namespace.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

struct Inner {
    link: Link,
    namespace: String,
    sid: String,
    next_ack: Cell<u64>,
    awaited: RefCell<HashMap<u64, OnAnswer>>,
}

type OnAnswer = Box<dyn FnOnce(&Client, Args)>;

impl Client {
    fn new(link: &Link, namespace: &str) -> Option<Self> {
        use base64::Engine as _;
        let mut bytes = [0; SID_BYTES];
        crate::clock::random_bytes(&mut bytes).ok()?;
        Some(Self(Rc::new(Inner {
            link: link.clone(),
            namespace: namespace.to_owned(),
            sid: base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
            next_ack: Cell::new(0),
            awaited: RefCell::default(),
        })))
    }

    /// The session it came over.
    pub fn link(&self) -> &Link {
        &self.0.link
    }

    /// Where it is.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// Its name, which others may know.
    pub fn sid(&self) -> &str {
        &self.0.sid
    }

    /// Sends an event whose arguments are JSON values with commas between them.
    pub fn emit(&self, name: &str, args: &str) {
        self.say(packet::event(&self.0.namespace, None, name, args, 0), &[]);
    }

    /// Sends an event with bytes.
    pub fn emit_args(&self, name: &str, args: &Args) {
        let text = packet::event(&self.0.namespace, None, name, &args.joined(), args.attachments.len());
        self.say(text, &args.attachments);
    }

    /// Sends an event and hears its answer.
    pub fn ask(&self, name: &str, args: &Args, then: impl FnOnce(&Client, Args) + 'static) {
        let id = self.0.next_ack.get();
        self.0.next_ack.set(id + 1);
        {
            let mut awaited = self.0.awaited.borrow_mut();
            if awaited.len() >= AWAITED_MAX
                && let Some(oldest) = awaited.keys().min().copied()
            {
                awaited.remove(&oldest);
            }
            awaited.insert(id, Box::new(then));
        }
        let text = packet::event(&self.0.namespace, Some(id), name, &args.joined(), args.attachments.len());
        self.say(text, &args.attachments);
    }

    /// Answers an event with JSON values with commas between them; an event that wants no answer gets none.
    pub fn answer(&self, id: Option<u64>, args: &str) {
        if let Some(id) = id {
            self.say(packet::ack(&self.0.namespace, id, args, 0), &[]);
        }
    }

    /// Answers an event with bytes.
    pub fn answer_args(&self, id: Option<u64>, args: &Args) {
        if let Some(id) = id {
            let text = packet::ack(&self.0.namespace, id, &args.joined(), args.attachments.len());
            self.say(text, &args.attachments);
        }
    }

    /// Puts the client out; official clients do not come back by themselves then.
    pub fn disconnect(&self) {
        self.say(packet::disconnect(&self.0.namespace), &[]);
        self.0.link.close();
    }

    fn say(&self, text: String, attachments: &[Bytes]) {
        self.0.link.send(Message::Text(text));
        for bytes in attachments {
            self.0.link.send(Message::Binary(bytes.clone()));
        }
    }
}

/// Socket.IO for the sessions of a hub.
pub struct SocketIo {
    application: Rc<dyn Application>,
    connect_timeout_ms: u64,
    bytes_max: usize,
}

impl SocketIo {
    /// Socket.IO for `application`. A session that has not come into a namespace after `connect_timeout_ms` ends;
    /// attachments of one packet have at most `bytes_max` bytes together.
    pub fn new(application: Rc<dyn Application>, connect_timeout_ms: u64, bytes_max: usize) -> Self {
        Self { application, connect_timeout_ms, bytes_max }
    }
}

impl Protocol for SocketIo {
    fn open(&self, link: &Link) -> Box<dyn Connection> {
        Box::new(Namespaces {
            application: self.application.clone(),
            decoder: Decoder::new(self.bytes_max),
            members: HashMap::new(),
            connect_until_ms: Some(link.shard().now_ms() + self.connect_timeout_ms),
        })
    }
}

struct Namespaces {
    application: Rc<dyn Application>,
    decoder: Decoder,
    members: HashMap<String, (Client, Box<dyn Member>)>,
    /// Until the first namespace was entered.
    connect_until_ms: Option<u64>,
}

impl Namespaces {
    fn connect(&mut self, link: &Link, namespace: &str, auth: Option<&RawValue>) -> Result<(), Broken> {
        if self.members.contains_key(namespace) {
            return Err(Broken);
        }
        let refused = |message: &str| {
            link.send(Message::Text(packet::connect_error(namespace, message)));
            Ok(())
        };
        if self.members.len() >= NAMESPACES_MAX {
            return refused("Too many namespaces");
        }
        let Some(client) = Client::new(link, namespace) else {
            return refused("The server has no name to give");
        };
        match self.application.connect(&client, auth) {
            Ok(mut member) => {
                self.connect_until_ms = None;
                link.send(Message::Text(packet::connected(namespace, client.sid())));
                member.entered(&client);
                self.members.insert(namespace.to_owned(), (client, member));
                Ok(())
            }
            Err(message) => refused(&message),
        }
    }

    fn packet(&mut self, link: &Link, packet: Packet) -> Result<(), Broken> {
        match packet {
            Packet::Connect { namespace, auth } => self.connect(link, &namespace, auth.as_deref()),
            Packet::Disconnect { namespace } => self.members.remove(&namespace).map(|_| ()).ok_or(Broken),
            Packet::Event(event) => {
                let (client, member) = self.members.get_mut(&event.namespace).ok_or(Broken)?;
                member.event(client, event);
                Ok(())
            }
            Packet::Ack(Ack { namespace, id, args }) => {
                let (client, _) = self.members.get(&namespace).ok_or(Broken)?;
                let then = client.0.awaited.borrow_mut().remove(&id);
                // An answer that nobody waits for any more is passed over.
                if let Some(then) = then {
                    then(client, args);
                }
                Ok(())
            }
        }
    }
}

impl Connection for Namespaces {
    fn message(&mut self, link: &Link, message: Message) -> Result<(), Broken> {
        let packet = match message {
            Message::Text(text) => self.decoder.text(&text),
            Message::Binary(bytes) => self.decoder.binary(bytes),
        };
        match packet {
            Ok(Some(packet)) => self.packet(link, packet),
            Ok(None) => Ok(()),
            Err(bad) => {
                log::debug!("a session was ended: {bad}");
                Err(Broken)
            }
        }
    }

    fn advance(&mut self, now_ms: u64) -> bool {
        self.connect_until_ms.is_none_or(|until| now_ms < until)
    }

    fn is_idle(&self) -> bool {
        self.connect_until_ms.is_some()
    }
}
