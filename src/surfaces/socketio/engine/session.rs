//! One Engine.IO session as plain data: what comes in and the time go in, what is to be done comes out.
//!
//! A session is polled until a WebSocket takes over. The upgrade is one step of this machine, so a poll that arrives after
//! it is refused however close it follows.

use std::collections::VecDeque;

use crate::surfaces::socketio::engine::packet::{
    BadPacket, Message, Packet, decode, decode_payload, encode_payload,
};

/// How long a poll that comes while a WebSocket is probed is held before it is ended with nothing. A client that has
/// finished its upgrade sends no further poll, so one that does is refused; the upgrade and the poll come over two
/// connections, and the hold gives them time to be read in the order they were sent in.
const PROBE_HOLD_MS: u64 = 50;
/// How long a probed WebSocket may take to finish the upgrade.
const UPGRADE_WITHIN_MS: u64 = 10_000;
/// A heartbeat that goes out late by less than this counts as sent in time: the clock is looked at now and then.
const LATE_MS: u64 = 60;
/// How long one last poll is still answered after the client has said goodbye: the two come over two connections.
const LAST_POLL_WITHIN_MS: u64 = 500;

/// Packets in one answer to a poll: python-engineio takes no more and gives its connection up.
const ANSWER_PACKETS_MAX: usize = 16;

/// Times and sizes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long after the opening, and after each answer, the server pings.
    pub ping_interval_ms: u64,
    /// How long the client may take to answer.
    pub ping_timeout_ms: u64,
    /// Bytes of one body, and of one message.
    pub max_payload: usize,
    /// Bytes that may wait for a client that does not poll.
    pub queue_bytes_max: usize,
}

/// Names one poll request of a session.
pub type PollId = u64;
/// Names one WebSocket of a session.
pub type SocketId = u64;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer a poll with this body.
    Answer(PollId, String),
    /// Refuse a poll.
    Refuse(PollId),
    /// Send a packet on a WebSocket.
    Send(SocketId, Packet),
    /// Close a WebSocket.
    Close(SocketId),
    /// The session is over.
    Over,
}

/// Why something of a client was refused; the session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Not a packet.
    #[error(transparent)]
    Packet(#[from] BadPacket),
    /// A packet that only the server sends.
    #[error("a client may not send this packet")]
    Direction,
    /// The session is over, or lives on another transport.
    #[error("the session is not on this transport")]
    Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Polling,
    Socket(SocketId),
    /// Over; a last poll may still be answered until then.
    Over {
        last_poll_until_ms: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    socket: SocketId,
    probed: bool,
    until_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Poll {
    id: PollId,
    since_ms: u64,
}

/// A session.
#[derive(Debug)]
pub struct EngineSession {
    terms: Terms,
    transport: Transport,
    probe: Option<Probe>,
    poll: Option<Poll>,
    queue: VecDeque<Packet>,
    queue_bytes: usize,
    ping_at_ms: u64,
    pong_until_ms: Option<u64>,
    effects: Vec<Effect>,
}

impl EngineSession {
    /// A session that is polled.
    pub fn polling(terms: Terms, now_ms: u64) -> Self {
        Self::new(terms, Transport::Polling, now_ms)
    }

    /// A session on a WebSocket.
    pub fn socket(terms: Terms, socket: SocketId, now_ms: u64) -> Self {
        Self::new(terms, Transport::Socket(socket), now_ms)
    }

    fn new(terms: Terms, transport: Transport, now_ms: u64) -> Self {
        Self {
            terms,
            transport,
            probe: None,
            poll: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            ping_at_ms: now_ms + terms.ping_interval_ms,
            pong_until_ms: None,
            effects: Vec::new(),
        }
    }

    /// What is to be done since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.transport, Transport::Over { .. })
    }

    /// Whether it is over and nothing of it needs to be remembered.
    pub fn is_gone(&self, now_ms: u64) -> bool {
        matches!(self.transport, Transport::Over { last_poll_until_ms } if now_ms >= last_poll_until_ms)
    }

    /// Whether a WebSocket may still take it over.
    pub fn may_upgrade(&self) -> bool {
        self.transport == Transport::Polling && self.probe.is_none()
    }

    /// The WebSocket it lives on.
    pub fn live_socket(&self) -> Option<SocketId> {
        match self.transport {
            Transport::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    /// Bytes that wait for a poll.
    pub fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// When a poll that is held is to be ended; nobody should wait for the next look at the clock there.
    pub fn held_until_ms(&self) -> Option<u64> {
        let probed = self.probe.is_some_and(|probe| probe.probed);
        self.poll.filter(|_| probed).map(|poll| poll.since_ms + PROBE_HOLD_MS)
    }

    /// A poll came. A second one at the same time ends the session.
    pub fn poll(&mut self, id: PollId, now_ms: u64) {
        self.advance(now_ms);
        match self.transport {
            Transport::Polling => {}
            Transport::Over { last_poll_until_ms } if now_ms < last_poll_until_ms => {
                self.transport = Transport::Over { last_poll_until_ms: 0 };
                return self.answer(id, &[Packet::Noop]);
            }
            _ => return self.effects.push(Effect::Refuse(id)),
        }
        if let Some(first) = self.poll.take() {
            self.answer(first.id, &[Packet::Close]);
            self.effects.push(Effect::Refuse(id));
            return self.end();
        }
        self.poll = Some(Poll { id, since_ms: now_ms });
        self.flush();
    }

    /// The client gave a poll up: what it was to carry may be lost, so the session is over.
    pub fn poll_aborted(&mut self, id: PollId) {
        if self.poll.is_some_and(|poll| poll.id == id) {
            self.poll = None;
            self.end();
        }
    }

    /// A body was posted; answers its messages.
    ///
    /// # Errors
    /// When it is not well formed, or not expected; the session is over then.
    pub fn post(&mut self, body: &str, now_ms: u64) -> Result<Vec<Message>, Violation> {
        self.advance(now_ms);
        if self.transport != Transport::Polling {
            return Err(Violation::Transport);
        }
        let mut messages = Vec::new();
        let packets = match decode_payload(body) {
            Ok(packets) => packets,
            Err(bad) => {
                self.violated();
                return Err(bad.into());
            }
        };
        for packet in packets {
            if self.is_over() {
                break;
            }
            match packet {
                Packet::Message(message) => messages.push(message),
                Packet::Close => self.said_goodbye(now_ms),
                other => self.heard(&other, now_ms)?,
            }
        }
        Ok(messages)
    }

    /// A WebSocket wants to take over. False when it may not.
    pub fn probe_opened(&mut self, socket: SocketId, now_ms: u64) -> bool {
        self.advance(now_ms);
        if !self.may_upgrade() {
            return false;
        }
        self.probe = Some(Probe { socket, probed: false, until_ms: now_ms + UPGRADE_WITHIN_MS });
        true
    }

    /// A text frame came on a WebSocket; answers its message.
    ///
    /// # Errors
    /// When it is not well formed, or not expected. On the session's own WebSocket the session is over then, on a probed
    /// one the probe is.
    pub fn frame(&mut self, socket: SocketId, text: &str, now_ms: u64) -> Result<Option<Message>, Violation> {
        self.advance(now_ms);
        if self.probe.is_some_and(|probe| probe.socket == socket) {
            return self.probe_frame(socket, text, now_ms).map(|()| None);
        }
        if self.live_socket() != Some(socket) {
            return Err(Violation::Transport);
        }
        match decode(text) {
            Ok(Packet::Message(message)) => Ok(Some(message)),
            Ok(Packet::Close) => {
                self.effects.push(Effect::Close(socket));
                self.end();
                Ok(None)
            }
            Ok(other) => self.heard(&other, now_ms).map(|()| None),
            Err(bad) => {
                self.violated();
                Err(bad.into())
            }
        }
    }

    /// Whether a binary frame on this WebSocket is a message of the session.
    pub fn takes_binary(&self, socket: SocketId) -> bool {
        self.live_socket() == Some(socket)
    }

    /// A WebSocket is gone.
    pub fn socket_closed(&mut self, socket: SocketId) {
        if self.probe.is_some_and(|probe| probe.socket == socket) {
            self.probe = None;
            self.flush();
        } else if self.live_socket() == Some(socket) {
            self.end();
        }
    }

    /// Says something.
    pub fn send(&mut self, message: Message) {
        match self.transport {
            Transport::Socket(socket) => self.effects.push(Effect::Send(socket, Packet::Message(message))),
            Transport::Polling => {
                self.queue_bytes += message.weight();
                self.queue.push_back(Packet::Message(message));
                // Whoever asks without listening is let go.
                if self.queue_bytes > self.terms.queue_bytes_max {
                    self.close();
                }
            }
            Transport::Over { .. } => {}
        }
    }

    /// Answers the waiting poll with what waits.
    pub fn flush(&mut self) {
        if self.queue.is_empty() || self.transport != Transport::Polling {
            return;
        }
        let Some(poll) = self.poll.take() else { return };
        let (mut count, mut bytes) = (0, 0);
        for packet in self.queue.iter().take(ANSWER_PACKETS_MAX) {
            let weight = weight(packet);
            if count > 0 && bytes + weight > self.terms.max_payload {
                break;
            }
            bytes += weight;
            count += 1;
        }
        let packets: Vec<Packet> = self.queue.drain(..count).collect();
        self.queue_bytes -= bytes;
        if self.queue.is_empty() {
            // An idle session keeps no room.
            self.queue = VecDeque::new();
        }
        self.answer(poll.id, &packets);
    }

    /// Ends the session, and tells the client.
    pub fn close(&mut self) {
        if let Some(poll) = self.poll.take() {
            self.answer(poll.id, &[Packet::Close]);
        }
        if let Some(socket) = self.live_socket() {
            self.effects.push(Effect::Close(socket));
        }
        self.end();
    }

    /// Looks at the clock.
    pub fn advance(&mut self, now_ms: u64) {
        if self.is_over() {
            return;
        }
        if self.pong_until_ms.is_some_and(|until| now_ms >= until) {
            return self.close();
        }
        if self.pong_until_ms.is_none() && now_ms >= self.ping_at_ms {
            let sent_ms = self.ping_at_ms.max(now_ms.saturating_sub(LATE_MS));
            self.pong_until_ms = Some(sent_ms + self.terms.ping_timeout_ms);
            match self.transport {
                Transport::Socket(socket) => {
                    self.effects.push(Effect::Send(socket, Packet::Ping(String::new())))
                }
                _ => {
                    self.queue_bytes += 2;
                    self.queue.push_back(Packet::Ping(String::new()));
                    self.flush();
                }
            }
            // Nobody looked for so long that the answer is overdue as well.
            return self.advance(now_ms);
        }
        let Some(probe) = self.probe else { return };
        if now_ms >= probe.until_ms {
            self.probe = None;
            self.effects.push(Effect::Close(probe.socket));
        } else if probe.probed
            && let Some(poll) = self.poll
            && now_ms >= poll.since_ms + PROBE_HOLD_MS
        {
            self.poll = None;
            self.answer(poll.id, &[Packet::Noop]);
        }
    }

    fn probe_frame(&mut self, socket: SocketId, text: &str, now_ms: u64) -> Result<(), Violation> {
        let wrong = match decode(text) {
            Ok(Packet::Ping(data)) if data == "probe" => {
                if let Some(probe) = &mut self.probe {
                    probe.probed = true;
                }
                self.effects.push(Effect::Send(socket, Packet::Pong(data)));
                // A poll that waits is ended, so that the client can pause polling.
                self.advance(now_ms);
                return Ok(());
            }
            Ok(Packet::Upgrade) if self.probe.is_some_and(|probe| probe.probed) => {
                self.upgrade(socket);
                return Ok(());
            }
            Ok(_) => Violation::Direction,
            Err(bad) => bad.into(),
        };
        self.probe = None;
        self.effects.push(Effect::Close(socket));
        self.flush();
        Err(wrong)
    }

    fn upgrade(&mut self, socket: SocketId) {
        self.probe = None;
        self.transport = Transport::Socket(socket);
        if let Some(poll) = self.poll.take() {
            self.effects.push(Effect::Refuse(poll.id));
        }
        self.queue_bytes = 0;
        for packet in std::mem::take(&mut self.queue) {
            self.effects.push(Effect::Send(socket, packet));
        }
    }

    /// Packets that are the same on every transport.
    fn heard(&mut self, packet: &Packet, now_ms: u64) -> Result<(), Violation> {
        match packet {
            Packet::Pong(_) if self.pong_until_ms.is_some() => {
                self.pong_until_ms = None;
                self.ping_at_ms = now_ms + self.terms.ping_interval_ms;
                Ok(())
            }
            // Nothing was asked; the reference lets these pass as well.
            Packet::Pong(_) | Packet::Noop | Packet::Upgrade => Ok(()),
            _ => {
                self.violated();
                Err(Violation::Direction)
            }
        }
    }

    fn said_goodbye(&mut self, now_ms: u64) {
        let last_poll_until_ms = match self.poll.take() {
            Some(poll) => {
                self.answer(poll.id, &[Packet::Noop]);
                0
            }
            None => now_ms + LAST_POLL_WITHIN_MS,
        };
        self.end();
        self.transport = Transport::Over { last_poll_until_ms };
    }

    fn violated(&mut self) {
        self.close();
    }

    fn end(&mut self) {
        if self.is_over() {
            return;
        }
        if let Some(poll) = self.poll.take() {
            self.effects.push(Effect::Refuse(poll.id));
        }
        if let Some(probe) = self.probe.take() {
            self.effects.push(Effect::Close(probe.socket));
        }
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
        self.transport = Transport::Over { last_poll_until_ms: 0 };
        self.effects.push(Effect::Over);
    }

    fn answer(&mut self, poll: PollId, packets: &[Packet]) {
        self.effects.push(Effect::Answer(poll, encode_payload(packets)));
    }
}

fn weight(packet: &Packet) -> usize {
    match packet {
        Packet::Message(message) => message.weight(),
        _ => 2,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
