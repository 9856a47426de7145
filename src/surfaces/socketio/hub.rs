//! The sessions of one HTTP worker thread, and the way to a session that lives on another one.
//!
//! A session stays on the thread that opened it: its readers, timers and WebSocket are there. A poll may arrive anywhere;
//! the name of the session says which thread it has to go to.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::sync::oneshot;

use crate::broker::shard::LocalShard;
use crate::clock::random_bytes;
use crate::surfaces::socketio::engine::session::{EngineSession, PollId, SocketId, Terms};
use crate::surfaces::socketio::link::{Connection, Link, Opener, PollAnswer};
use crate::surfaces::websocket::Peer;
use crate::surfaces::websocket::pace::{Pace, Verdict};

/// Bytes of a session's name: one for its thread, the others from chance.
const SID_BYTES: usize = 18;
/// Bytes that may wait for all polling sessions of a thread together.
const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What every session of a hub is opened with.
pub trait Protocol: 'static {
    /// A session was opened.
    fn open(&self, link: &Link) -> Box<dyn Connection>;
}

/// Bounds of a hub.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// Times and sizes of a session.
    pub terms: Terms,
    /// Sessions of all threads together.
    pub sessions_max: usize,
    /// Sessions of one thread that nobody has come in over; beyond that the oldest gives way.
    pub idle_max: usize,
    /// Packets a session may send per second, on average.
    pub packets_per_second_max: u64,
}

/// What the hubs of all threads share.
#[derive(Debug, Default)]
pub struct Shared {
    sessions: AtomicUsize,
    next_id: AtomicU64,
}

impl Shared {
    /// Sessions that are open.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }
}

/// Counts the sessions of a thread and what waits for them.
pub(super) struct Tally {
    shared: Arc<Shared>,
    shard: LocalShard,
    queued: Cell<usize>,
}

impl Tally {
    pub(super) fn came(&self) {
        self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        self.shard.counters().socketio_sessions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left(&self, queued: usize) {
        self.shared.sessions.fetch_sub(1, Ordering::Relaxed);
        self.shard.counters().socketio_sessions.fetch_sub(1, Ordering::Relaxed);
        self.queued(queued, 0);
    }

    pub(super) fn queued(&self, before: usize, now: usize) {
        self.queued.set((self.queued.get() + now).saturating_sub(before));
    }
}

/// The sessions of one thread.
#[derive(Clone)]
pub struct Hub(Rc<Inner>);

struct Inner {
    shard: LocalShard,
    shared: Arc<Shared>,
    limits: HubLimits,
    protocol: Box<dyn Protocol>,
    tally: Rc<Tally>,
    sessions: RefCell<HashMap<String, Link>>,
    idle: RefCell<VecDeque<String>>,
}

/// Why no session is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are as many as may be.
    Sessions,
    /// There is no chance to be had.
    Names,
}

thread_local! {
    static HUBS: RefCell<Vec<Weak<Inner>>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the clock for the sessions of a thread.
struct Sweeper(Weak<Inner>);

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(hub) = self.0.upgrade() else { return ctx.stop() };
        let interval_ms = hub.limits.terms.ping_interval_ms.min(hub.limits.terms.ping_timeout_ms);
        ctx.run_interval(Duration::from_millis((interval_ms / 20).clamp(10, 500)), |sweeper, ctx| {
            match sweeper.0.upgrade() {
                Some(hub) => Hub(hub).sweep(),
                None => ctx.stop(),
            }
        });
    }
}

impl Hub {
    /// The hub of this thread; call it once per thread and `shared`.
    pub fn start(
        shard: LocalShard,
        shared: Arc<Shared>,
        limits: HubLimits,
        protocol: Box<dyn Protocol>,
    ) -> Self {
        let tally = Rc::new(Tally { shared: shared.clone(), shard: shard.clone(), queued: Cell::new(0) });
        let inner = Rc::new(Inner {
            shard,
            shared,
            limits,
            protocol,
            tally,
            sessions: RefCell::default(),
            idle: RefCell::default(),
        });
        HUBS.with_borrow_mut(|hubs| {
            hubs.retain(|hub| hub.strong_count() > 0);
            hubs.push(Rc::downgrade(&inner));
        });
        Sweeper(Rc::downgrade(&inner)).start();
        let leaving = Rc::downgrade(&inner);
        inner.shard.on_leave(move || {
            if let Some(hub) = leaving.upgrade() {
                Hub(hub).stop();
            }
        });
        Self(inner)
    }

    /// The hub of this thread that shares `shared`.
    fn of_thread(shared: &Arc<Shared>) -> Option<Hub> {
        HUBS.with_borrow(|hubs| {
            let hubs = hubs.iter().filter_map(Weak::upgrade);
            hubs.into_iter().find(|hub| Arc::ptr_eq(&hub.shared, shared)).map(Hub)
        })
    }

    /// The shard of this thread.
    pub fn shard(&self) -> &LocalShard {
        &self.0.shard
    }

    /// The bounds.
    pub fn limits(&self) -> &HubLimits {
        &self.0.limits
    }

    /// What all threads share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// A number that no other poll or WebSocket has.
    pub(super) fn next_id(&self) -> u64 {
        self.0.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The thread that a session lives on; none when this is no name of a session.
    pub(super) fn home_of(sid: &str) -> Option<usize> {
        let mut bytes = [0; SID_BYTES];
        (URL_SAFE_NO_PAD.decode_slice(sid, &mut bytes) == Ok(SID_BYTES)).then_some(usize::from(bytes[0]))
    }

    /// Does something with the hub of another thread, or of this one. None when there is no such thread.
    pub(super) async fn at<T: Send + 'static>(
        &self,
        home: usize,
        work: impl FnOnce(&Hub) -> T + Send + 'static,
    ) -> Option<T> {
        if home == self.0.shard.index() {
            return Some(work(self));
        }
        let (answer, answered) = oneshot::channel();
        self.tell(home, move |hub| {
            // Whoever asked may be gone.
            let _ = answer.send(work(hub));
        });
        answered.await.ok()
    }

    /// As [`Hub::at`], without an answer.
    pub(super) fn tell(&self, home: usize, work: impl FnOnce(&Hub) + Send + 'static) {
        let shared = self.0.shared.clone();
        self.0.shard.run_on(home, move |_| {
            if let Some(hub) = Hub::of_thread(&shared) {
                work(&hub);
            }
        });
    }

    /// A finder of this thread's hub that may travel to another thread and find the hub there.
    pub(super) fn finder(&self) -> impl FnOnce() -> Option<Hub> + Send + 'static {
        let shared = self.0.shared.clone();
        move || Hub::of_thread(&shared)
    }

    /// Opens a session that is polled; answers its handshake.
    pub(super) fn open_polling(&self, opener: Opener) -> Result<String, Full> {
        let now_ms = self.0.shard.now_ms();
        let link = self.open(opener, EngineSession::polling(self.0.limits.terms, now_ms))?;
        Ok(self.handshake(link.sid(), &["websocket"]))
    }

    /// Opens a session on a WebSocket; answers it with its handshake.
    pub(super) fn open_socket(
        &self,
        opener: Opener,
        id: SocketId,
        peer: Peer,
    ) -> Result<(Link, String), Full> {
        let now_ms = self.0.shard.now_ms();
        let link = self.open(opener, EngineSession::socket(self.0.limits.terms, id, now_ms))?;
        link.add_socket(id, peer);
        let handshake = self.handshake(link.sid(), &[]);
        Ok((link, handshake))
    }

    /// Whether there is such a session.
    pub(super) fn knows(&self, sid: &str) -> bool {
        self.find(sid).is_some_and(|link| !link.is_over())
    }

    /// Lets a WebSocket try to take a session over.
    pub(super) fn probe(&self, sid: &str, id: SocketId, peer: Peer) -> Option<Link> {
        self.find(sid).filter(|link| link.probe(id, peer))
    }

    /// A poll of a session; dropping `answer` refuses it.
    pub(super) fn poll(&self, sid: &str, id: PollId, answer: oneshot::Sender<PollAnswer>) {
        if let Some(link) = self.find(sid) {
            link.poll(id, answer);
            self.forget_if_gone(&link);
        }
    }

    /// A poll was given up.
    pub(super) fn poll_aborted(&self, sid: &str, id: PollId) {
        if let Some(link) = self.find(sid) {
            link.poll_aborted(id);
            self.forget_if_gone(&link);
        }
    }

    /// A body for a session; none when it was refused.
    pub(super) fn post(&self, sid: &str, body: &str) -> Option<Verdict> {
        let link = self.find(sid)?;
        let verdict = link.post(body);
        self.forget_if_gone(&link);
        verdict
    }

    /// Ends every session; the server goes down.
    pub fn stop(&self) {
        for link in self.links() {
            link.close();
            link.settle();
        }
        self.forget_gone();
    }

    fn forget_gone(&self) {
        let gone: Vec<Link> = self.links().into_iter().filter(Link::is_gone).collect();
        for link in gone {
            self.forget_if_gone(&link);
        }
    }

    pub(super) fn forget_if_gone(&self, link: &Link) {
        if link.is_gone() {
            link.release();
            self.0.sessions.borrow_mut().remove(link.sid());
        }
    }

    fn sweep(&self) {
        for link in self.links() {
            link.advance();
        }
        self.forget_gone();
        // Each keeps to a bound of its own; all of them together have to keep to one as well.
        if self.0.tally.queued.get() > QUEUED_BYTES_MAX {
            log::warn!("too much waits for clients that do not poll; they are let go");
            for link in self.links() {
                if link.queue_is_long() {
                    link.close();
                    link.settle();
                }
            }
        }
    }

    fn links(&self) -> Vec<Link> {
        self.0.sessions.borrow().values().cloned().collect()
    }

    fn find(&self, sid: &str) -> Option<Link> {
        self.0.sessions.borrow().get(sid).cloned()
    }

    fn open(&self, opener: Opener, engine: EngineSession) -> Result<Link, Full> {
        let inner = &self.0;
        self.make_room();
        if inner.shared.sessions() >= inner.limits.sessions_max {
            return Err(Full::Sessions);
        }
        let mut bytes = [0; SID_BYTES];
        random_bytes(&mut bytes).map_err(|_| Full::Names)?;
        bytes[0] = u8::try_from(inner.shard.index()).map_err(|_| Full::Names)?;
        let sid = URL_SAFE_NO_PAD.encode(bytes);
        let pace = Pace::new(inner.limits.packets_per_second_max, inner.shard.now_ms());
        let link = Link::new(sid.clone(), opener, inner.shard.clone(), inner.tally.clone(), engine, pace);
        link.set_connection(inner.protocol.open(&link));
        inner.sessions.borrow_mut().insert(sid.clone(), link.clone());
        inner.idle.borrow_mut().push_back(sid);
        Ok(link)
    }

    /// Lets the oldest session go that nobody came in over, when there are too many of them: whoever opens sessions and
    /// says nothing shuts nobody else out.
    fn make_room(&self) {
        while self.0.idle.borrow().len() >= self.0.limits.idle_max {
            let Some(sid) = self.0.idle.borrow_mut().pop_front() else { return };
            if let Some(link) = self.find(&sid).filter(Link::is_idle) {
                link.close();
                link.settle();
                self.forget_if_gone(&link);
            }
        }
    }

    fn handshake(&self, sid: &str, upgrades: &[&str]) -> String {
        let terms = &self.0.limits.terms;
        json!({
            "sid": sid,
            "upgrades": upgrades,
            "pingInterval": terms.ping_interval_ms,
            "pingTimeout": terms.ping_timeout_ms,
            "maxPayload": terms.max_payload,
        })
        .to_string()
    }
}
