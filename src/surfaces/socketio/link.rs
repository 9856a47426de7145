//! One live session: its machine, its polls and WebSockets, and the connection of the protocol above.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::auth::Caller;
use crate::broker::clients::Standing;
use crate::broker::shard::LocalShard;
use crate::surfaces::socketio::engine::packet::{Message, Packet, encode};
use crate::surfaces::socketio::engine::session::{Effect, EngineSession, PollId, SocketId};
use crate::surfaces::socketio::hub::Tally;
use crate::surfaces::websocket::pace::{Pace, Verdict};
use crate::surfaces::websocket::{Peer, frame};

/// Close code: the session is over.
const CLOSE_OVER: u16 = 1000;
/// What is remembered of a session that broke the protocol.
const CLOSE_PROTOCOL: u16 = 1002;
/// What is remembered of a session whose client is gone without a word.
const CLOSE_ABNORMAL: u16 = 1006;
/// What is remembered of a session that kept to no measure.
const CLOSE_POLICY: u16 = 1008;

/// What a protocol above Engine.IO does with a session. Dropped when the session is over.
pub trait Connection: 'static {
    /// A message came.
    ///
    /// # Errors
    /// When it breaks the protocol; the session ends.
    fn message(&mut self, link: &Link, message: Message) -> Result<(), Broken>;

    /// Looks at the clock; false ends the session.
    fn advance(&mut self, _now_ms: u64) -> bool {
        true
    }

    /// Whether nobody has come in over this session yet; such sessions give way when there are too many.
    fn is_idle(&self) -> bool {
        false
    }
}

/// A client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Who opened a session.
#[derive(Clone, Debug)]
pub struct Opener {
    /// Who it is, as the request said.
    pub caller: Caller,
    /// What the client says it is.
    pub user_agent: Arc<str>,
}

/// What a poll is answered.
pub(super) enum PollAnswer {
    /// Packets.
    Body(String),
    /// The session does not take polls.
    Refused,
}

/// A live session, as everything on its thread sees it.
#[derive(Clone)]
pub struct Link(Rc<Live>);

struct Live {
    sid: String,
    opener: Opener,
    shard: LocalShard,
    tally: Rc<Tally>,
    queued: Cell<usize>,
    sent: Cell<u64>,
    heard_ms: Cell<u64>,
    why: Cell<Option<(u16, &'static str)>>,
    engine: RefCell<EngineSession>,
    connection: RefCell<Option<Box<dyn Connection>>>,
    polls: RefCell<Vec<(PollId, oneshot::Sender<PollAnswer>)>>,
    sockets: RefCell<Vec<(SocketId, Peer)>>,
    waker: RefCell<Option<Waker>>,
    /// A held poll is looked after.
    holding: Cell<bool>,
    pace: RefCell<Pace>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tally.left(self.queued.get());
    }
}

impl Link {
    pub(super) fn new(
        sid: String,
        opener: Opener,
        shard: LocalShard,
        tally: Rc<Tally>,
        engine: EngineSession,
        pace: Pace,
    ) -> Self {
        tally.came();
        let heard_ms = Cell::new(shard.now_ms());
        Self(Rc::new(Live {
            sid,
            opener,
            shard,
            tally,
            queued: Cell::new(0),
            sent: Cell::new(0),
            heard_ms,
            why: Cell::new(None),
            engine: RefCell::new(engine),
            connection: RefCell::new(None),
            polls: RefCell::default(),
            sockets: RefCell::default(),
            waker: RefCell::new(None),
            holding: Cell::new(false),
            pace: RefCell::new(pace),
        }))
    }

    /// The name of the session; who knows it may speak for it.
    pub(super) fn sid(&self) -> &str {
        &self.0.sid
    }

    /// Who opened it.
    pub fn opener(&self) -> &Opener {
        &self.0.opener
    }

    /// How it stands; events that wait in rooms are not in it.
    pub fn standing(&self) -> Standing {
        let engine = self.0.engine.borrow();
        let socket = engine.live_socket().and_then(|socket| self.peer(socket));
        let waiting = socket.map_or(0, |peer| peer.outlet.pending_bytes());
        Standing {
            sent: self.0.sent.get(),
            behind: 0,
            queued_bytes: (engine.queue_bytes() + waiting) as u64,
            heard_ms: self.0.heard_ms.get(),
        }
    }

    /// What carries it.
    pub fn protocol(&self) -> &'static str {
        match self.0.engine.borrow().live_socket() {
            Some(_) => "socket.io websocket",
            None => "socket.io polling",
        }
    }

    /// Why it is over, as a close code and words, when that is known.
    pub fn why(&self) -> Option<(u16, &'static str)> {
        self.0.why.get()
    }

    fn give_reason(&self, code: u16, why: &'static str) {
        self.0.why.set(self.0.why.get().or(Some((code, why))));
    }

    /// The thread it lives on.
    pub fn shard(&self) -> &LocalShard {
        &self.0.shard
    }

    /// Says something; it goes out with [`Link::settle`].
    pub fn send(&self, message: Message) {
        self.0.sent.set(self.0.sent.get() + 1);
        self.0.engine.borrow_mut().send(message);
    }

    /// Ends the session; the client is told.
    pub fn close(&self) {
        self.0.engine.borrow_mut().close();
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.0.engine.borrow().is_over()
    }

    /// Waits until the client has taken what it was sent. Answers false when the session is over.
    pub async fn room(&self) -> bool {
        std::future::poll_fn(|cx| {
            if self.is_over() {
                return Poll::Ready(false);
            }
            let socket = self.0.engine.borrow().live_socket();
            let taken = match socket.and_then(|socket| self.peer(socket)) {
                Some(peer) => {
                    let idle = peer.outlet.is_idle();
                    if !idle {
                        peer.outlet.wake_when_drained(cx.waker());
                    }
                    idle
                }
                None => self.0.engine.borrow().queue_bytes() == 0,
            };
            if taken {
                return Poll::Ready(true);
            }
            *self.0.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    pub(super) fn set_connection(&self, connection: Box<dyn Connection>) {
        *self.0.connection.borrow_mut() = Some(connection);
    }

    /// Whether nobody came in over it yet.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_over() && self.0.connection.borrow().as_ref().is_some_and(|connection| connection.is_idle())
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.engine.borrow().is_gone(self.0.shard.now_ms())
    }

    /// Whether more waits for a poll than anybody needs.
    pub(super) fn queue_is_long(&self) -> bool {
        self.0.engine.borrow().queue_bytes() > 16 * 1024
    }

    pub(super) fn poll(&self, id: PollId, answer: oneshot::Sender<PollAnswer>) {
        self.0.heard_ms.set(self.0.shard.now_ms());
        self.0.polls.borrow_mut().push((id, answer));
        self.0.engine.borrow_mut().poll(id, self.0.shard.now_ms());
        self.settle();
    }

    pub(super) fn poll_aborted(&self, id: PollId) {
        self.0.engine.borrow_mut().poll_aborted(id);
        self.settle();
    }

    /// A body was posted; answers how fast the session may go on, or nothing when it was refused.
    pub(super) fn post(&self, body: &str) -> Option<Verdict> {
        let posted = self.0.engine.borrow_mut().post(body, self.0.shard.now_ms());
        let messages = match posted {
            Ok(messages) => messages,
            Err(violation) => {
                log::debug!("a session was ended: {violation}");
                self.give_reason(CLOSE_PROTOCOL, "");
                self.settle();
                return None;
            }
        };
        let verdict = self.paced(messages.len().max(1));
        let mut well = true;
        for message in messages {
            well = well && self.deliver(message);
        }
        self.settle();
        well.then_some(verdict)
    }

    pub(super) fn add_socket(&self, id: SocketId, peer: Peer) {
        self.0.sockets.borrow_mut().push((id, peer));
    }

    /// Lets a WebSocket try to take over.
    pub(super) fn probe(&self, id: SocketId, peer: Peer) -> bool {
        let opened = self.0.engine.borrow_mut().probe_opened(id, self.0.shard.now_ms());
        if opened {
            self.add_socket(id, peer);
        }
        self.settle();
        opened
    }

    pub(super) fn text(&self, id: SocketId, text: &str) -> Verdict {
        let verdict = self.paced(1);
        let heard = self.0.engine.borrow_mut().frame(id, text, self.0.shard.now_ms());
        match heard {
            Ok(Some(message)) => {
                self.deliver(message);
            }
            Ok(None) => {}
            Err(violation) => {
                log::debug!("a WebSocket of a session was ended: {violation}");
                self.give_reason(CLOSE_PROTOCOL, "");
            }
        }
        self.settle();
        verdict
    }

    pub(super) fn binary(&self, id: SocketId, bytes: Bytes) -> Verdict {
        let verdict = self.paced(1);
        let takes = self.0.engine.borrow().takes_binary(id);
        if takes {
            self.deliver(Message::Binary(bytes));
        } else if let Some(peer) = self.peer(id) {
            peer.close(1003, "a probe is text");
        }
        self.settle();
        verdict
    }

    pub(super) fn socket_gone(&self, id: SocketId) {
        if self.0.engine.borrow().live_socket() == Some(id)
            && let Some(peer) = self.peer(id)
        {
            self.give_reason(peer.outlet.close_code(), "");
        }
        self.0.sockets.borrow_mut().retain(|(known, _)| *known != id);
        self.0.engine.borrow_mut().socket_closed(id);
        self.settle();
    }

    pub(super) fn advance(&self) {
        let now_ms = self.0.shard.now_ms();
        let was_over = self.is_over();
        self.0.engine.borrow_mut().advance(now_ms);
        if !was_over && self.is_over() {
            self.give_reason(CLOSE_ABNORMAL, "the client did not answer heartbeats");
        }
        let goes_on =
            self.0.connection.borrow_mut().as_mut().is_none_or(|connection| connection.advance(now_ms));
        if !goes_on {
            self.close();
        }
        self.settle();
    }

    /// Carries out what the session wants done. Call it after saying something.
    pub fn settle(&self) {
        self.0.engine.borrow_mut().flush();
        let effects = self.0.engine.borrow_mut().take_effects();
        let mut over = false;
        for effect in effects {
            match effect {
                Effect::Answer(poll, body) => self.answer(poll, PollAnswer::Body(body)),
                Effect::Refuse(poll) => self.answer(poll, PollAnswer::Refused),
                Effect::Send(socket, packet) => {
                    if let Some(peer) = self.peer(socket) {
                        peer.outlet.write(&match &packet {
                            Packet::Message(Message::Binary(bytes)) => frame::binary(bytes),
                            packet => frame::text(&encode(packet)),
                        });
                    }
                }
                Effect::Close(socket) => {
                    if let Some(peer) = self.peer(socket) {
                        peer.close(CLOSE_OVER, "");
                    }
                }
                Effect::Over => over = true,
            }
        }
        if over {
            self.release();
        }
        let queued = self.0.engine.borrow().queue_bytes();
        self.0.tally.queued(self.0.queued.replace(queued), queued);
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
        self.look_after_held_poll();
    }

    fn look_after_held_poll(&self) {
        let Some(until_ms) = self.0.engine.borrow().held_until_ms() else { return };
        if self.0.holding.replace(true) {
            return;
        }
        let link = self.clone();
        actix::spawn(async move {
            let left_ms = until_ms.saturating_sub(link.0.shard.now_ms());
            tokio::time::sleep(std::time::Duration::from_millis(left_ms)).await;
            link.0.holding.set(false);
            link.advance();
        });
    }

    /// Lets go of the connection, which may hold this link. Not while it is speaking: then the hub does it later.
    pub(super) fn release(&self) {
        let connection = self.0.connection.try_borrow_mut().ok().and_then(|mut slot| slot.take());
        drop(connection);
    }

    fn deliver(&self, message: Message) -> bool {
        if self.is_over() {
            return false;
        }
        let heard = match self.0.connection.borrow_mut().as_mut() {
            Some(connection) => connection.message(self, message),
            None => Ok(()),
        };
        if heard.is_err() {
            self.close();
        }
        heard.is_ok()
    }

    fn paced(&self, packets: usize) -> Verdict {
        self.0.heard_ms.set(self.0.shard.now_ms());
        let verdict = self.0.pace.borrow_mut().take(packets as u64, self.0.shard.now_ms());
        if verdict == Verdict::TooFast {
            self.give_reason(CLOSE_POLICY, "the client spoke too fast");
            log::debug!("a session was ended: it spoke too fast");
            self.close();
        }
        verdict
    }

    fn peer(&self, socket: SocketId) -> Option<Peer> {
        let sockets = self.0.sockets.borrow();
        sockets.iter().find(|(known, _)| *known == socket).map(|(_, peer)| peer.clone())
    }

    fn answer(&self, poll: PollId, answer: PollAnswer) {
        let mut polls = self.0.polls.borrow_mut();
        if let Some(place) = polls.iter().position(|(known, _)| *known == poll) {
            // A request that is gone needs no answer.
            let _ = polls.swap_remove(place).1.send(answer);
        }
    }
}
