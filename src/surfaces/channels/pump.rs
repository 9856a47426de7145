//! Brings one client what it has subscribed to, at its own pace: a place is all that is kept of who is slow.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::BytesMut;
use tokio::sync::Notify;

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::house::{HouseFollower, HouseRead};
use crate::domain::position::{Epoch, Position};
use crate::surfaces::channels::moments::{Moment, Moments};
use crate::surfaces::channels::seat::Places;
use crate::surfaces::channels::session::{CLOSE_COME_BACK, CLOSE_TRY_AGAIN};
use crate::surfaces::websocket::Peer;

/// What a client's session and its pump share, and what the house may know of the client.
pub(super) struct Desk {
    /// Whose client it is.
    pub(super) caller: Cell<Caller>,
    /// Where it stands on each channel.
    pub(super) places: RefCell<Places>,
    /// The epoch of the house, once it is known.
    pub(super) epoch: Cell<Epoch>,
    /// Up to this place the client knows that something was lost.
    pub(super) told: Cell<u64>,
    /// Something of this has changed.
    pub(super) changed: Notify,
    /// Events that it was sent.
    pub(super) sent: Cell<u64>,
    /// The session is gone.
    pub(super) over: Cell<bool>,
    /// The pump is there.
    pub(super) pumps: Cell<bool>,
}

impl Desk {
    pub(super) fn new(caller: Caller) -> Self {
        Self {
            caller: Cell::new(caller),
            places: RefCell::default(),
            epoch: Cell::new(Epoch(0)),
            told: Cell::new(0),
            changed: Notify::new(),
            sent: Cell::new(0),
            over: Cell::new(false),
            pumps: Cell::new(false),
        }
    }

    /// Up to where everything was sent that is subscribed to; none without a subscription.
    pub(super) fn position(&self) -> Option<Position> {
        let places = self.places.borrow();
        (!places.is_empty()).then(|| Position { epoch: self.epoch.get(), seq: places.place() })
    }
}

/// Runs until nothing is subscribed to any more, or the client is gone.
pub(super) async fn pump(desk: Rc<Desk>, peer: Peer, mut follower: HouseFollower, mut moments: Moments) {
    loop {
        drained(&desk, &peer).await;
        if desk.over.get() || peer.outlet.is_ending() || desk.places.borrow().is_empty() {
            break;
        }
        let place = desk.places.borrow().place();
        let read = follower.read(place, desk.told.get()).await;
        // Subscribed from an earlier position meanwhile: what was read is not what comes next.
        if desk.over.get() || desk.places.borrow().place() != place {
            continue;
        }
        match read {
            Ok(HouseRead::Frames { frames, through }) => {
                let (mut places, caller, mut bytes) =
                    (desk.places.borrow_mut(), desk.caller.get(), BytesMut::new());
                // All of it is one write: what was read is read once.
                let count: usize = frames.iter().map(|frame| places.take(frame, &caller, &mut bytes)).sum();
                places.reach(through);
                drop(places);
                peer.outlet.write(&bytes.freeze());
                desk.sent.set(desk.sent.get() + count as u64);
                peer.shard.counters().delivered.fetch_add(count as u64, Ordering::Relaxed);
            }
            Ok(HouseRead::CaughtUp) => {
                tell_moments(&desk, &peer, &mut moments);
                tokio::select! {
                    () = follower.changed() => {}
                    () = desk.changed.notified() => {}
                    () = moments.changed() => {}
                }
            }
            Ok(HouseRead::Lost) => {
                // It comes back with its position and is told what it has missed for good.
                peer.close(CLOSE_COME_BACK, "what comes next was removed, come back with your position");
                break;
            }
            Err(error) => {
                log::warn!("a client of the channels cannot be served: {error}");
                peer.close(CLOSE_TRY_AGAIN, "the events cannot be read now");
                break;
            }
        }
    }
    desk.pumps.set(false);
}

/// Waits until all that was written has gone out, or nobody is there.
async fn drained(desk: &Desk, peer: &Peer) {
    poll_fn(|cx| {
        if peer.outlet.is_idle() || peer.outlet.is_ending() || desk.over.get() {
            return Poll::Ready(());
        }
        peer.outlet.wake_when_drained(cx.waker());
        Poll::Pending
    })
    .await;
}

/// Tells how things stand now, of what is subscribed to and was not told yet. It is about the whole server: who is bound to
/// some projects does not hear it.
fn tell_moments(desk: &Desk, peer: &Peer, moments: &mut Moments) {
    let newest = moments.newest();
    // Who shows another token may hear it then, so nothing counts as told.
    if desk.caller.get().may(Action::Read).is_err() {
        return;
    }
    let mut places = desk.places.borrow_mut();
    let position = Position { epoch: desk.epoch.get(), seq: places.place() };
    for moment in &newest.moments {
        if places.tell_moment(moment.channel, moment.version) {
            peer.send_text(&moment_json(moment, position));
        }
    }
}

fn moment_json(moment: &Moment, position: Position) -> String {
    format!(
        r#"{{"type":"{}","timestamp":"{}","channel":"{}","position":"{position}",{}"#,
        moment.kind,
        moment.at,
        moment.channel_name(),
        moment.members.trim_start_matches('{'),
    )
}
