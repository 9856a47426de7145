//! The logs of rooms: cut where they are too old or too large, folded where nobody has folded them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use crate::domain::fold::{RoomState, StoredState};
use crate::domain::ids::ProjectId;
use crate::domain::position::Epoch;
use crate::domain::time::Timestamp;
use crate::engine::retention::RoomLog;
use crate::engine::{Batch, Change, EngineError, ReadLimit, SavedState};
use crate::keeper::{KeeperError, Pass, STEP, rules};

/// Rooms looked at together.
const ROOMS_PER_READ: usize = 256;
/// Events weighed at once; only their lengths are read.
const WEIGHED_AT_ONCE: ReadLimit = ReadLimit { events: 4096, bytes: usize::MAX };
/// Events folded at once.
const FOLDED_AT_ONCE: ReadLimit = ReadLimit { events: 2048, bytes: 4 << 20 };
/// A room that nobody watched has this many events at most to be folded when somebody comes.
const SAVE_AFTER_EVENTS: u64 = 1000;
/// How often a log is folded anew because it was removed and made again meanwhile.
const FOLDS_MAX: usize = 4;

/// What is remembered of logs between passes: their weight, so that each event is weighed once.
#[derive(Debug, Default)]
pub(super) struct Logs {
    weights: HashMap<ProjectId, Weight>,
}

/// What the events of a log up to `through` weigh.
#[derive(Clone, Copy, Debug)]
struct Weight {
    epoch: Epoch,
    through: u64,
    bytes: u64,
    /// Of the pass that saw it last.
    pass: u64,
}

/// A log while it is worked on.
#[derive(Clone, Copy, Debug)]
struct Standing {
    log: RoomLog,
    /// The last event that may go.
    may_go: u64,
    bytes: u64,
}

impl Pass {
    /// Looks after every room.
    pub(super) async fn keep_logs(&mut self) -> Result<(), KeeperError> {
        let now = self.deps.clock.now();
        let pass = self.shared.totals.lock().map_or(0, |totals| totals.passes);
        let (mut after, mut all_bytes, mut standings) = (None, 0, Vec::new());
        loop {
            let since = Instant::now();
            let page = self.deps.engine.rooms(after, ROOMS_PER_READ).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.room);
            // Asked for after the page: the events of a run that is accepted later are behind the ends of these logs.
            let active = self.active_since().await?;
            for log in page {
                let done = self.keep_log(log, active.get(&log.room).copied(), now, pass).await;
                match done {
                    Ok(standing) => {
                        all_bytes += standing.bytes;
                        if self.deps.rules.events_bytes_max.is_some() {
                            standings.push(standing);
                        }
                    }
                    // Removed meanwhile.
                    Err(KeeperError::Engine(EngineError::NotFound(_))) => {}
                    Err(error) => return Err(error),
                }
            }
            self.rest(since).await?;
        }
        self.logs.weights.retain(|_, weight| weight.pass == pass);
        if let Some(max) = self.deps.rules.events_bytes_max {
            self.keep_all_below(max, all_bytes, standings).await?;
        }
        Ok(())
    }

    /// Since when each project has an active run.
    async fn active_since(&self) -> Result<HashMap<ProjectId, Timestamp>, KeeperError> {
        let mut active: HashMap<ProjectId, Timestamp> = HashMap::new();
        for run in self.deps.engine.active_runs().await? {
            let since = active.entry(run.project_id).or_insert(run.created_at);
            *since = run.created_at.min(*since);
        }
        Ok(active)
    }

    /// Looks after one room.
    async fn keep_log(
        &mut self,
        log: RoomLog,
        active_since: Option<Timestamp>,
        now: Timestamp,
        pass: u64,
    ) -> Result<Standing, KeeperError> {
        let (room, last) = (log.room, log.bounds.last);
        let bytes = self.weigh(&log, pass).await?;
        // A run appends its first event when it is accepted, so none of its events is from before that.
        let may_go = match active_since {
            Some(since) => self.deps.engine.last_before(room, since).await?,
            None => last,
        };
        let mut standing = Standing { log, may_go, bytes };
        let mut through = 0;
        if let Some(max) = self.deps.rules.room_events_max {
            through = last.saturating_sub(max);
        }
        if let Some(before) = rules::before(now, self.deps.rules.events_ms)
            && log.oldest_at.is_some_and(|oldest| oldest < before)
        {
            through = through.max(self.deps.engine.last_before(room, before).await?);
        }
        let through = through.min(may_go);
        while standing.log.bounds.first <= through {
            let events = usize::try_from(through + 1 - standing.log.bounds.first).unwrap_or(usize::MAX);
            let limit = ReadLimit { events: STEP.events.min(events), ..STEP };
            if !self.cut(&mut standing, limit).await? {
                break;
            }
        }
        if let Some(max) = self.deps.rules.room_bytes_max {
            while standing.bytes > max && self.cut_bytes(&mut standing, max).await? {}
        }
        if last - standing.log.saved.min(last) >= SAVE_AFTER_EVENTS {
            let since = Instant::now();
            let state = self.fold(room).await?;
            self.commit(Batch::of([Change::SaveState { room, state }])).await?;
            self.shared.add(|totals| totals.states_saved += 1);
            self.rest(since).await?;
        }
        Ok(standing)
    }

    /// What a room's events weigh; only those that came since the last pass are weighed.
    async fn weigh(&mut self, log: &RoomLog, pass: u64) -> Result<u64, KeeperError> {
        let rules = &self.deps.rules;
        if rules.room_bytes_max.is_none() && rules.events_bytes_max.is_none() {
            return Ok(0);
        }
        let start = Weight { epoch: log.bounds.epoch, through: log.bounds.first - 1, bytes: 0, pass };
        let mut weight = match self.logs.weights.get(&log.room) {
            Some(known) if known.epoch == log.bounds.epoch && known.through >= start.through => *known,
            _ => start,
        };
        weight.pass = pass;
        while weight.through < log.bounds.last {
            let more = self.deps.engine.weigh_log(log.room, weight.through, WEIGHED_AT_ONCE).await?;
            if more.events == 0 {
                break;
            }
            weight.through = more.through;
            weight.bytes += more.bytes;
        }
        self.logs.weights.insert(log.room, weight);
        Ok(weight.bytes)
    }

    /// Cuts from the room with the oldest event, again and again, until all of them together are small enough.
    async fn keep_all_below(
        &mut self,
        max: u64,
        mut bytes: u64,
        standings: Vec<Standing>,
    ) -> Result<(), KeeperError> {
        if bytes <= max {
            return Ok(());
        }
        let mut oldest: BinaryHeap<_> = standings
            .iter()
            .enumerate()
            .filter_map(|(place, standing)| Some(Reverse((standing.log.oldest_at?, place))))
            .collect();
        let mut standings = standings;
        while bytes > max
            && let Some(Reverse((_, place))) = oldest.pop()
        {
            let standing = &mut standings[place];
            let before = standing.bytes;
            let below = before.saturating_sub(bytes - max);
            match self.cut_bytes(standing, below).await {
                Ok(true) => {
                    bytes -= before - standing.bytes;
                    oldest.extend(standing.log.oldest_at.map(|at| Reverse((at, place))));
                }
                Ok(false) | Err(KeeperError::Engine(EngineError::NotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// One step towards `bytes_max` bytes. Whether anything went.
    async fn cut_bytes(&mut self, standing: &mut Standing, bytes_max: u64) -> Result<bool, KeeperError> {
        let first = standing.log.bounds.first;
        let events = usize::try_from((standing.may_go + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let over = usize::try_from(standing.bytes.saturating_sub(bytes_max)).unwrap_or(usize::MAX);
        if events == 0 {
            return Ok(false);
        }
        let limit = ReadLimit { events: STEP.events.min(events), bytes: STEP.bytes.min(over) };
        self.cut(standing, limit).await
    }

    /// One step: the first events of a log go, in one transaction with the fold that covers them. Whether anything went.
    async fn cut(&mut self, standing: &mut Standing, limit: ReadLimit) -> Result<bool, KeeperError> {
        let since = Instant::now();
        let log = &mut standing.log;
        let step = self.deps.engine.weigh_log(log.room, log.bounds.first - 1, limit).await?;
        if step.events == 0 {
            return Ok(false);
        }
        let mut changes = Vec::with_capacity(2);
        let mut saved = log.saved;
        if saved < step.through {
            let state = self.fold(log.room).await?;
            saved = state.seq;
            changes.push(Change::SaveState { room: log.room, state });
        }
        changes.push(Change::CutLog { room: log.room, through: step.through });
        self.commit(Batch::of(changes)).await?;
        log.saved = saved;
        log.bounds.first = step.through + 1;
        log.oldest_at = step.newest_at;
        standing.bytes = standing.bytes.saturating_sub(step.bytes);
        if let Some(weight) = self.logs.weights.get_mut(&log.room) {
            weight.bytes = weight.bytes.saturating_sub(step.bytes);
        }
        self.shared.add(|totals| {
            totals.events += step.events;
            totals.event_bytes += step.bytes;
        });
        self.rest(since).await?;
        Ok(true)
    }

    /// The fold of a room up to its last event.
    async fn fold(&self, room: ProjectId) -> Result<SavedState, KeeperError> {
        for _ in 0..FOLDS_MAX {
            if let Some(folded) = self.fold_once(room).await? {
                return Ok(folded);
            }
        }
        Err(EngineError::Busy.into())
    }

    /// None when the saved fold and the log do not meet.
    async fn fold_once(&self, room: ProjectId) -> Result<Option<SavedState>, KeeperError> {
        let (mut state, mut seq) = match self.deps.engine.saved_state(room).await? {
            Some(saved) => {
                let stored = StoredState::decode(&saved.state_json).map_err(|error| {
                    EngineError::Storage(format!("the saved state of room {room} cannot be read: {error}"))
                })?;
                // One that was folded by other rules is folded anew while the log is whole.
                let bounds = if stored.is_current { None } else { self.deps.engine.log_bounds(room).await? };
                match bounds {
                    Some(bounds) if bounds.first <= 1 => (RoomState::default(), 0),
                    _ => (stored.state, saved.seq),
                }
            }
            None => (RoomState::default(), 0),
        };
        loop {
            let page = self.deps.engine.read_log(room, seq, FOLDED_AT_ONCE).await?;
            if !page.follows(seq) {
                return Ok(None);
            }
            for event in &page.events {
                seq = event.seq;
                // The room says it in its own log; the state is that of a reader who passes over it, like all do.
                if let Err(error) = state.apply_logged(event) {
                    log::warn!("an event of the log cannot be read: {error} room.id={room} event.seq={seq}");
                }
            }
            if !page.more {
                let state_json = serde_json::to_string(&state).map_err(|error| {
                    EngineError::Storage(format!("the state of room {room} cannot be encoded: {error}"))
                })?;
                return Ok(Some(SavedState { seq, state_json: StoredState::encode(&state_json).into() }));
            }
            if self.is_stopping() {
                return Err(KeeperError::Stopped);
            }
        }
    }
}
