//! One client: follows a room, suffers its faults, comes back with its position, and tells its witness.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::cli::client::Target;
use crate::cli::client::room::{Heard, RoomLink};
use crate::cli::verify::plan::{ClientPlan, Fault, FaultKind};
use crate::cli::verify::witness::Witness;
use crate::domain::ids::ProjectId;

/// How long a connection may take to open and to say its first word.
const OPENS_WITHIN: Duration = Duration::from_secs(20);

/// What all clients count together, for whoever watches.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Clients that are connected now.
    pub(super) connected: Cell<u64>,
    /// Events that came.
    pub(super) delivered: Cell<u64>,
    /// Connections that were opened.
    pub(super) connections: Cell<u64>,
    /// Tries that found no server, or one that refused.
    pub(super) refused: Cell<u64>,
    /// Connections that the server's end broke.
    pub(super) broken: Cell<u64>,
    /// Cuts and goodbyes.
    pub(super) drops: Cell<u64>,
    /// Stalls.
    pub(super) stalls: Cell<u64>,
    /// Kills of the server.
    pub(super) kills: Cell<u64>,
    /// Runs that have ended.
    pub(super) runs_ended: Cell<u64>,
    /// Events that the server has taken from our publishers.
    pub(super) published: Cell<u64>,
}

/// Counts one more.
pub(super) fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

/// What a client is told while it lives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// Faults happen.
    Storm,
    /// Nothing goes wrong any more; it ends when it stands at this number.
    Calm(u64),
}

/// A client.
pub(super) struct Client {
    target: Target,
    room: ProjectId,
    plan: ClientPlan,
    witness: Rc<RefCell<Witness>>,
    board: Rc<Board>,
    phase: watch::Receiver<Phase>,
    fault: Fault,
    due: Instant,
}

/// Why a connection is not read from any more.
enum Left {
    /// A fault happened.
    Fault(Fault),
    /// The other end broke it.
    Broken,
    /// Everything has come.
    Done,
}

impl Client {
    /// A client that has heard nothing yet.
    pub(super) fn new(
        target: Target,
        room: ProjectId,
        mut plan: ClientPlan,
        witness: Rc<RefCell<Witness>>,
        board: Rc<Board>,
        phase: watch::Receiver<Phase>,
    ) -> Client {
        let fault = plan.fault();
        let due = Instant::now() + fault.after;
        Client { target, room, plan, witness, board, phase, fault, due }
    }

    /// Lives until everything has come.
    pub(super) async fn live(mut self) {
        while !self.is_done() {
            let Some(mut link) = self.connect().await else {
                count(&self.board.refused);
                sleep(self.plan.retry_after()).await;
                continue;
            };
            self.board.connected.set(self.board.connected.get() + 1);
            let left = self.stay(&mut link).await;
            self.board.connected.set(self.board.connected.get() - 1);
            let away = match left {
                Left::Fault(Fault { kind: FaultKind::Goodbye, lasts, .. }) => {
                    link.say_goodbye().await;
                    lasts
                }
                Left::Fault(fault) => {
                    drop(link);
                    fault.lasts
                }
                Left::Broken => {
                    drop(link);
                    count(&self.board.broken);
                    self.plan.retry_after()
                }
                Left::Done => return,
            };
            sleep(away).await;
        }
    }

    /// Reads on, over every stall, until the connection is to be left.
    async fn stay(&mut self, link: &mut RoomLink) -> Left {
        loop {
            let left = self.read(link).await;
            let Left::Fault(fault) = left else { return left };
            self.fault = self.plan.fault();
            self.due = Instant::now() + fault.lasts + self.fault.after;
            if fault.kind != FaultKind::Stall {
                count(&self.board.drops);
                return left;
            }
            count(&self.board.stalls);
            sleep(fault.lasts).await;
        }
    }

    fn is_done(&self) -> bool {
        let here = self.witness.borrow().position().map(|position| position.seq);
        matches!(*self.phase.borrow(), Phase::Calm(end) if here >= Some(end))
    }

    async fn connect(&mut self) -> Option<RoomLink> {
        let (transport, receive_bytes) = self.plan.connection();
        let since = self.witness.borrow().position();
        let opening = RoomLink::open(&self.target, self.room, transport, since, receive_bytes);
        let mut link = timeout(OPENS_WITHIN, opening).await.ok()?.ok()?;
        // The first word belongs to the handshake: whoever is dropped before it has not been told anything.
        loop {
            match timeout(OPENS_WITHIN, link.next()).await.ok()? {
                Ok(Heard::Opening(opening)) => {
                    count(&self.board.connections);
                    self.witness.borrow_mut().opened(*opening);
                    return Some(link);
                }
                Ok(Heard::Other) => {}
                Ok(Heard::Event(delivery)) => {
                    let what = format!("event {} came before the first message", delivery.position);
                    self.witness.borrow_mut().complain(what);
                    return None;
                }
                Err(error) => {
                    self.note(&error);
                    return None;
                }
            }
        }
    }

    /// Reads until something happens.
    async fn read(&mut self, link: &mut RoomLink) -> Left {
        loop {
            if self.is_done() {
                return Left::Done;
            }
            let stormy = *self.phase.borrow() == Phase::Storm;
            tokio::select! {
                heard = link.next() => match heard {
                    Ok(Heard::Event(delivery)) => {
                        self.witness.borrow_mut().heard(&delivery);
                        count(&self.board.delivered);
                    }
                    Ok(Heard::Opening(_)) => {
                        self.witness.borrow_mut().complain("a second first message came".to_owned());
                    }
                    Ok(Heard::Other) => {}
                    Err(error) => {
                        self.note(&error);
                        return Left::Broken;
                    }
                },
                () = sleep_until(self.due), if stormy => return Left::Fault(self.fault),
                _ = self.phase.changed() => {}
            }
        }
    }

    /// A connection may break at any time; what breaks the protocol may not be.
    fn note(&self, error: &std::io::Error) {
        if error.kind() == std::io::ErrorKind::InvalidData && !error.to_string().contains("refuses") {
            self.witness.borrow_mut().complain(error.to_string());
        }
    }
}
