//! What a room decides, as plain data: the fold, who is let in how, which shards listen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::broker::frame::{Encoders, Frame};
use crate::broker::{Gap, Joined, RoomView};
use crate::domain::event::{EventBody, LogLines, LoggedEvent};
use crate::domain::fold::RoomState;
use crate::domain::ids::ProjectId;
use crate::domain::position::{Epoch, Position};
use crate::engine::LogBounds;

/// Events after which the fold is saved, so that a restart reads at most about so many.
const SAVE_AFTER_EVENTS: u64 = 1000;

/// The state of one room.
pub(crate) struct Room {
    id: ProjectId,
    epoch: Epoch,
    /// The first event that can still be read; moved on by whoever hears that the log was cut.
    first: Arc<AtomicU64>,
    seq: u64,
    state: Arc<RoomState>,
    state_json: Option<Arc<str>>,
    saved_seq: u64,
    shards: BTreeMap<usize, Listening>,
    viewers_said: u64,
    encoders: Arc<Encoders>,
}

/// A shard with readers of this room.
#[derive(Clone, Copy, Debug)]
struct Listening {
    generation: u64,
    viewers: u64,
}

/// What came of some events.
pub(crate) struct Applied {
    /// Frames of the events that were new, without a hole.
    pub(crate) frames: Vec<Arc<Frame>>,
    /// The room has missed events: read the log from its position on.
    pub(crate) behind: bool,
    /// Log lines that these events said to be skipped.
    pub(crate) skipped_lines: u64,
}

impl Room {
    /// A room whose log has these bounds, with a fold that covers it up to `seq`.
    pub(crate) fn new(
        id: ProjectId,
        bounds: LogBounds,
        state: RoomState,
        seq: u64,
        encoders: Arc<Encoders>,
    ) -> Self {
        Self {
            id,
            epoch: bounds.epoch,
            first: Arc::new(AtomicU64::new(bounds.first)),
            seq,
            state: Arc::new(state),
            state_json: None,
            saved_seq: seq,
            shards: BTreeMap::new(),
            viewers_said: 0,
            encoders,
        }
    }

    /// Has where the log begins told by `first` from now on.
    pub(crate) fn begins_at(&mut self, first: Arc<AtomicU64>) {
        first.fetch_max(self.first(), Ordering::Relaxed);
        self.first = first;
    }

    /// The first event that can still be read.
    pub(crate) fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }

    /// Goes on with a fold that is further than its own, because the log was cut beyond where it stood.
    pub(crate) fn restart_from(&mut self, ahead: Room) {
        self.first.fetch_max(ahead.first(), Ordering::Relaxed);
        self.seq = ahead.seq;
        self.saved_seq = ahead.saved_seq;
        self.state = ahead.state;
        self.state_json = None;
    }

    /// The last event it knows.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes events in the order of the log; known ones are passed over, a hole stops it.
    pub(crate) fn apply(&mut self, events: impl IntoIterator<Item = LoggedEvent>) -> Applied {
        let mut frames = Vec::new();
        let mut skipped_lines = 0;
        for event in events {
            if event.seq <= self.seq {
                continue;
            }
            if event.seq != self.seq + 1 {
                return Applied { frames, behind: true, skipped_lines };
            }
            skipped_lines += self.fold(&event);
            frames.push(Arc::new(Frame::new(self.id, self.epoch, event, self.encoders.clone())));
        }
        Applied { frames, behind: false, skipped_lines }
    }

    /// Answers how many log lines the event says to be skipped.
    fn fold(&mut self, event: &LoggedEvent) -> u64 {
        self.seq = event.seq;
        self.state_json = None;
        // What an application says for itself is not part of the state, so it need not be read.
        if event.body_json.starts_with(r#"{"type":"event""#) {
            return 0;
        }
        match event.body() {
            Ok(body) => {
                Arc::make_mut(&mut self.state).apply(event.run_id, event.at, &body);
                match body {
                    EventBody::Log(LogLines { skipped: Some(range), .. }) => {
                        (range.to + 1).saturating_sub(range.from)
                    }
                    _ => 0,
                }
            }
            Err(error) => {
                log::error!(
                    "an event of the log cannot be read: {error} room.id={} event.seq={}",
                    self.id,
                    event.seq
                );
                0
            }
        }
    }

    /// The state now, encoded at most once per position.
    pub(crate) fn view(&mut self) -> RoomView {
        let state_json = self.state_json.get_or_insert_with(|| {
            let json =
                serde_json::to_string(&*self.state).expect("a state has text keys and finite numbers only");
            json.into()
        });
        RoomView { state: self.state.clone(), state_json: state_json.clone(), position: self.position() }
    }

    /// Where it stands.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }

    /// Lets a reader in that stands at `since`, or is new.
    pub(crate) fn join(&mut self, since: Option<Position>) -> Joined {
        let gap = match since {
            None => None,
            // Beyond the end nothing is missing: the log has never been there.
            Some(since) if since.epoch == self.epoch && since.seq > self.seq => None,
            Some(since) if since.epoch != self.epoch => {
                // A position of another life of the log says nothing about this one.
                (self.seq > 0).then_some(Gap { from_seq: 1, to_seq: self.seq })
            }
            Some(since) if since.seq + 1 < self.first() => {
                Some(Gap { from_seq: since.seq + 1, to_seq: self.first() - 1 })
            }
            Some(since) => {
                return Joined { position: since, head: self.seq, resumed: true, gap: None, view: None };
            }
        };
        let view = self.view();
        Joined { position: view.position, head: self.seq, resumed: false, gap, view: Some(view) }
    }

    /// A shard has readers. Generations of one shard only grow.
    pub(crate) fn attach(&mut self, shard: usize, generation: u64) {
        let listening = self.shards.entry(shard).or_insert(Listening { generation, viewers: 0 });
        listening.generation = listening.generation.max(generation);
    }

    /// A shard has no reader any more. An older generation changes nothing: the shard has come back since.
    pub(crate) fn detach(&mut self, shard: usize, generation: u64) {
        if self.shards.get(&shard).is_some_and(|listening| listening.generation <= generation) {
            self.shards.remove(&shard);
        }
    }

    /// How many viewers a shard has. Answers the total when it is news.
    pub(crate) fn count(&mut self, shard: usize, viewers: u64) -> Option<u64> {
        if let Some(listening) = self.shards.get_mut(&shard) {
            listening.viewers = viewers;
        }
        let total = self.viewers();
        (std::mem::replace(&mut self.viewers_said, total) != total).then_some(total)
    }

    /// All viewers.
    pub(crate) fn viewers(&self) -> u64 {
        self.shards.values().map(|listening| listening.viewers).sum()
    }

    /// The shards with readers.
    pub(crate) fn listening(&self) -> impl Iterator<Item = usize> {
        self.shards.keys().copied()
    }

    /// Whether the fold has moved far enough since it was saved; then it counts as saved. With `now`, whether it has
    /// moved at all.
    pub(crate) fn take_save(&mut self, now: bool) -> bool {
        let due = self.seq - self.saved_seq >= if now { 1 } else { SAVE_AFTER_EVENTS };
        if due {
            self.saved_seq = self.seq;
        }
        due
    }
}
