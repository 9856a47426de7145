//! The whole house as one stream: what is heard beyond its room, in the order of the commits, for whoever follows it.
//!
//! The engine says how far the order goes; while somebody follows, one task reads what is new into a tail that all share, a
//! page per wake-up. Whoever is behind the tail reads the log at its own pace. Where nobody follows a commit costs a comparison.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::broker::BrokerError;
use crate::domain::house::HouseEvent;
use crate::domain::ids::ProjectId;
use crate::domain::position::{Epoch, Position};
use crate::engine::house::HouseBounds;
use crate::engine::{Engine, ReadLimit};

/// Messages that one event may become; each has a place of its own.
pub const PLACES_PER_EVENT: u64 = 8;
/// Events that the tail keeps at most.
const TAIL_EVENTS_MAX: usize = 4096;
/// Bytes of messages that the tail keeps at most.
const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// How much of the log is read into the tail at once.
const READ_LIMIT: ReadLimit = ReadLimit { events: 512, bytes: 256 * 1024 };
/// How much a follower is given at once: what it writes in one piece, so that nothing is read for it twice and none of it
/// has to be kept for who is slow.
const FOLLOW_LIMIT: ReadLimit = ReadLimit { events: 256, bytes: 64 * 1024 };
/// How long to wait before a store that has failed is asked again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A message that an event becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseMessage {
    /// Which of its streams it belongs to: what that means is for the surface to say.
    pub stream: u8,
    /// Where it stands: no two messages have the same place.
    pub place: u64,
    /// The encoded message.
    pub bytes: Bytes,
}

/// Turns an event into messages. Surfaces own the wire, so they implement this.
pub trait HouseEncoder: Send + Sync + 'static {
    /// The messages, at most [`PLACES_PER_EVENT`] of them, in the order of their places, the first at `place`.
    fn encode(&self, epoch: Epoch, place: u64, event: &HouseEvent) -> Vec<HouseMessage>;
}

/// An event with its messages.
#[derive(Debug)]
pub struct HouseFrame {
    /// The room it happened in.
    pub room: ProjectId,
    /// Its messages.
    pub messages: Vec<HouseMessage>,
    number: u64,
}

impl HouseFrame {
    /// A frame of these messages, the first of which says where it stands.
    pub fn new(room: ProjectId, messages: Vec<HouseMessage>) -> Self {
        let number = messages.first().map_or(0, |message| message.place / PLACES_PER_EVENT);
        Self { room, messages, number }
    }
}

/// What a reader finds.
#[derive(Debug)]
pub enum HouseRead {
    /// Nothing newer.
    CaughtUp,
    /// Events in order; the reader stands at `through` once it has them.
    Frames {
        /// The events.
        frames: Vec<Arc<HouseFrame>>,
        /// The place of the last message before what comes next.
        through: u64,
    },
    /// Events that it has not read were lost under it.
    Lost,
}

/// How a follower was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HouseEntry {
    /// Where it stands.
    pub position: Position,
    /// Whether it goes on at the position it came with and has missed nothing.
    pub resumed: bool,
    /// Between these places something was lost for good.
    pub gap: Option<(Position, Position)>,
}

/// The stream.
#[derive(Clone)]
pub struct House(Arc<Shared>);

struct Shared {
    engine: Arc<dyn Engine>,
    encoder: Arc<dyn HouseEncoder>,
    followers: AtomicUsize,
    /// The tail begins anew at the head: nobody has followed meanwhile.
    begins: AtomicBool,
    /// The task that reads is there.
    reads: AtomicBool,
    news: Notify,
    /// How many have begun to follow.
    came: watch::Sender<u64>,
    tail: Mutex<HouseTail>,
    head: watch::Sender<u64>,
}

#[derive(Default)]
struct HouseTail {
    frames: VecDeque<Arc<HouseFrame>>,
    bytes: usize,
    /// Events up to here are in no frame: they were before the first.
    before: u64,
    last: u64,
}

/// Hears of those that begin to follow, also of who came while nobody was waiting for them.
pub struct Arrivals(watch::Receiver<u64>);

impl Arrivals {
    /// Those that have come are known.
    pub fn seen(&mut self) {
        self.0.borrow_and_update();
    }

    /// Waits until somebody has come who is not known.
    pub async fn somebody_came(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Follows the house for as long as it lives.
pub struct HouseFollower {
    house: House,
    head: watch::Receiver<u64>,
}

impl Drop for HouseFollower {
    fn drop(&mut self) {
        if self.house.0.followers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.house.tail().clear();
        }
    }
}

impl House {
    pub(crate) fn new(engine: Arc<dyn Engine>, encoder: Arc<dyn HouseEncoder>) -> Self {
        Self(Arc::new(Shared {
            engine,
            encoder,
            followers: AtomicUsize::new(0),
            begins: AtomicBool::new(true),
            reads: AtomicBool::new(false),
            news: Notify::new(),
            came: watch::Sender::new(0),
            tail: Mutex::default(),
            head: watch::Sender::new(0),
        }))
    }

    /// The order goes further now. Called on the engine's writer.
    pub(crate) fn grown(&self) {
        if self.0.followers.load(Ordering::Acquire) > 0 {
            self.0.news.notify_one();
        }
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.0.followers.load(Ordering::Relaxed)
    }

    /// Hears of those that begin to follow.
    pub fn arrivals(&self) -> Arrivals {
        Arrivals(self.0.came.subscribe())
    }

    /// Hears how far the tail goes.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// Follows from now on. Call it on a thread with an actix arbiter.
    pub fn follow(&self) -> HouseFollower {
        let head = self.0.head.subscribe();
        if self.0.followers.fetch_add(1, Ordering::AcqRel) == 0 {
            self.0.begins.store(true, Ordering::Release);
        }
        if !self.0.reads.swap(true, Ordering::AcqRel) {
            actix::spawn(read_along(Reading(self.clone())));
        }
        self.0.news.notify_one();
        self.0.came.send_modify(|came| *came += 1);
        HouseFollower { house: self.clone(), head }
    }

    /// Where whoever comes with this position goes on, or where the house stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn enter(&self, since: Option<Position>) -> Result<HouseEntry, BrokerError> {
        Ok(entry(&self.0.engine.house_bounds().await?, since))
    }

    /// Waits until everything that is in the logs now is in the tail, when somebody follows.
    pub(crate) async fn settled(&self) {
        if self.followers() == 0 {
            return;
        }
        let Ok(bounds) = self.0.engine.house_bounds().await else { return };
        let mut head = self.0.head.subscribe();
        // An error means that nobody tells any more.
        let _ = head.wait_for(|head| *head >= bounds.last).await;
    }

    fn tail(&self) -> std::sync::MutexGuard<'_, HouseTail> {
        self.0.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frame(&self, epoch: Epoch, event: &HouseEvent) -> Arc<HouseFrame> {
        let messages = self.0.encoder.encode(epoch, first_place(event.number), event);
        Arc::new(HouseFrame { room: event.room, messages, number: event.number })
    }
}

impl HouseFollower {
    /// Waits until the tail goes further.
    pub async fn changed(&mut self) {
        if self.head.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// What comes after a place, from the tail or from the log. Losses up to the place `told` are known to the reader.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(&mut self, place: u64, told: u64) -> Result<HouseRead, BrokerError> {
        self.head.borrow_and_update();
        // The last message of an event may still be to come.
        let after = number_behind(place);
        if let Some(read) = self.house.tail().read(after) {
            return Ok(read);
        }
        let page = self.house.0.engine.read_house(after, FOLLOW_LIMIT).await?;
        if page.bounds.lost > after && last_place(page.bounds.lost) > told {
            return Ok(HouseRead::Lost);
        }
        let through = match page.events.last() {
            Some(last) if page.more => last.number,
            _ => page.bounds.last,
        };
        if through <= after {
            return Ok(HouseRead::CaughtUp);
        }
        let frames = page.events.iter().map(|event| self.house.frame(page.bounds.epoch, event)).collect();
        Ok(HouseRead::Frames { frames, through: last_place(through) })
    }
}

/// Says that nobody reads any more when the task goes, with its thread for example.
struct Reading(House);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.0.reads.store(false, Ordering::Release);
    }
}

/// Reads what is new into the tail while somebody follows.
async fn read_along(reading: Reading) {
    let house = &reading.0;
    loop {
        house.0.news.notified().await;
        while house.followers() > 0 {
            match advance(house).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error @ BrokerError::Closing) => {
                    log::debug!("the house is read no longer: {error}");
                    return;
                }
                Err(error) => {
                    log::warn!("the order of the house cannot be read: {error}");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }
}

/// Reads a page; whether there is more.
async fn advance(house: &House) -> Result<bool, BrokerError> {
    if house.0.begins.swap(false, Ordering::AcqRel) {
        let bounds = match house.0.engine.house_bounds().await {
            Ok(bounds) => bounds,
            Err(error) => {
                house.0.begins.store(true, Ordering::Release);
                return Err(error.into());
            }
        };
        house.tail().begin_at(bounds.last);
        house.0.head.send_replace(bounds.last);
    }
    let after = house.tail().last;
    let page = house.0.engine.read_house(after, READ_LIMIT).await.map_err(|error| match error {
        crate::engine::EngineError::Closed => BrokerError::Closing,
        error => error.into(),
    })?;
    let frames: Vec<_> = page.events.iter().map(|event| house.frame(page.bounds.epoch, event)).collect();
    let through = match page.events.last() {
        Some(last) if page.more => last.number,
        _ => page.bounds.last,
    };
    house.tail().extend(frames, through);
    if through > after {
        house.0.head.send_replace(through);
    }
    Ok(page.more)
}

impl HouseTail {
    fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.before = self.last;
    }

    fn begin_at(&mut self, number: u64) {
        self.last = self.last.max(number);
        self.clear();
    }

    fn extend(&mut self, frames: Vec<Arc<HouseFrame>>, through: u64) {
        for frame in frames {
            self.bytes += frame.weight();
            self.frames.push_back(frame);
        }
        self.last = self.last.max(through);
        while (self.frames.len() > TAIL_EVENTS_MAX || self.bytes > TAIL_BYTES_MAX)
            && let Some(front) = self.frames.pop_front()
        {
            self.bytes -= front.weight();
            self.before = front.number;
        }
    }

    /// What comes after an event; none when the tail does not reach back that far.
    fn read(&self, after: u64) -> Option<HouseRead> {
        if after >= self.last {
            return Some(HouseRead::CaughtUp);
        }
        if after < self.before {
            return None;
        }
        let from = self.frames.partition_point(|frame| frame.number <= after);
        let mut bytes = 0;
        let fits = |frame: &&Arc<HouseFrame>| {
            let first = bytes == 0;
            bytes += frame.weight();
            first || bytes <= FOLLOW_LIMIT.bytes
        };
        let frames: Vec<_> =
            self.frames.range(from..).take(FOLLOW_LIMIT.events).take_while(fits).cloned().collect();
        let all = from + frames.len() == self.frames.len();
        let through = if all { self.last } else { frames.last().map_or(self.last, |frame| frame.number) };
        Some(HouseRead::Frames { frames, through: last_place(through) })
    }
}

impl HouseFrame {
    fn weight(&self) -> usize {
        self.messages.iter().map(|message| message.bytes.len() + 64).sum::<usize>() + 128
    }
}

fn first_place(number: u64) -> u64 {
    number.saturating_mul(PLACES_PER_EVENT)
}

fn last_place(number: u64) -> u64 {
    first_place(number).saturating_add(PLACES_PER_EVENT - 1)
}

/// The last event that lies wholly behind a place.
fn number_behind(place: u64) -> u64 {
    (place.saturating_add(1) / PLACES_PER_EVENT).saturating_sub(1)
}

fn entry(bounds: &HouseBounds, since: Option<Position>) -> HouseEntry {
    let head = Position { epoch: bounds.epoch, seq: last_place(bounds.last) };
    let fresh = HouseEntry { position: head, resumed: false, gap: None };
    let Some(since) = since else { return fresh };
    if since.epoch != bounds.epoch || since.seq > head.seq {
        // Another store's, or from before this one was put back: what was missed cannot be told.
        return HouseEntry { gap: Some((since, head)), ..fresh };
    }
    let lost = Position { epoch: bounds.epoch, seq: last_place(bounds.lost) };
    if number_behind(since.seq) < bounds.lost {
        // What is left after the position still comes.
        return HouseEntry { position: since, resumed: false, gap: Some((since, lost)) };
    }
    HouseEntry { position: since, resumed: true, gap: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(seq: u64) -> Position {
        Position { epoch: Epoch(1), seq }
    }

    #[test]
    fn entries() {
        let bounds = HouseBounds { epoch: Epoch(1), lost: 3, last: 10 };
        let head = position(87);
        let fresh = HouseEntry { position: head, resumed: false, gap: None };
        assert_eq!(entry(&bounds, None), fresh);
        let resumed = |seq| HouseEntry { position: position(seq), resumed: true, gap: None };
        for seq in [31, 32, 40, 86, 87] {
            assert_eq!(entry(&bounds, Some(position(seq))), resumed(seq), "{seq}");
        }
        for seq in [0, 8, 30] {
            let since = position(seq);
            let gap = Some((since, position(31)));
            assert_eq!(
                entry(&bounds, Some(since)),
                HouseEntry { position: since, resumed: false, gap },
                "{seq}"
            );
        }
        for since in [position(88), Position { epoch: Epoch(2), seq: 5 }] {
            assert_eq!(entry(&bounds, Some(since)), HouseEntry { gap: Some((since, head)), ..fresh });
        }
    }

    #[test]
    fn a_place_inside_an_event_reads_the_event_again() {
        for (place, number) in
            [(0, 0), (7, 0), (8, 0), (14, 0), (15, 1), (16, 1), (23, 2), (u64::MAX, u64::MAX / 8 - 1)]
        {
            assert_eq!(number_behind(place), number, "{place}");
        }
    }

    fn frame(number: u64) -> Arc<HouseFrame> {
        let message = HouseMessage { stream: 0, place: first_place(number), bytes: Bytes::from_static(b"x") };
        Arc::new(HouseFrame { room: ProjectId::generate(), messages: vec![message], number })
    }

    fn numbers(read: Option<HouseRead>) -> Option<(Vec<u64>, u64)> {
        match read? {
            HouseRead::Frames { frames, through } => {
                Some((frames.iter().map(|frame| frame.number).collect(), through))
            }
            HouseRead::CaughtUp => Some((Vec::new(), 0)),
            HouseRead::Lost => None,
        }
    }

    #[test]
    fn a_tail_gives_what_it_has_and_says_when_it_does_not_reach_back() {
        let mut tail = HouseTail::default();
        tail.begin_at(4);
        assert_eq!(numbers(tail.read(4)), Some((vec![], 0)));
        assert_eq!(numbers(tail.read(3)), None);
        // Number 6 was lost, 8 belongs to a project that is removed.
        tail.extend(vec![frame(5), frame(7)], 8);
        assert_eq!(numbers(tail.read(4)), Some((vec![5, 7], last_place(8))));
        assert_eq!(numbers(tail.read(5)), Some((vec![7], last_place(8))));
        assert_eq!(numbers(tail.read(7)), Some((vec![], last_place(8))));
        assert_eq!(numbers(tail.read(8)), Some((vec![], 0)));
        tail.extend((9..=9 + TAIL_EVENTS_MAX as u64).map(frame).collect(), 9 + TAIL_EVENTS_MAX as u64);
        assert_eq!(tail.frames.len(), TAIL_EVENTS_MAX);
        assert_eq!(numbers(tail.read(8)), None);
        assert_eq!(numbers(tail.read(9)).unwrap().0.len(), FOLLOW_LIMIT.events);
        tail.clear();
        assert_eq!(numbers(tail.read(8 + TAIL_EVENTS_MAX as u64)), None);
    }

    #[test]
    fn a_tail_gives_no_more_at_once_than_is_written_in_one_piece() {
        let large = |number, bytes: usize| {
            let bytes = Bytes::from(vec![b'x'; bytes]);
            let messages = vec![HouseMessage { stream: 0, place: first_place(number), bytes }];
            Arc::new(HouseFrame { room: ProjectId::generate(), messages, number })
        };
        let mut tail = HouseTail::default();
        let third = FOLLOW_LIMIT.bytes / 3;
        let frames = vec![
            large(1, third),
            large(2, third),
            large(3, third),
            large(4, FOLLOW_LIMIT.bytes * 2),
            frame(5),
        ];
        tail.extend(frames, 5);
        assert_eq!(numbers(tail.read(0)), Some((vec![1, 2], last_place(2))));
        assert_eq!(numbers(tail.read(2)), Some((vec![3], last_place(3))));
        // One that is larger than that goes alone.
        assert_eq!(numbers(tail.read(3)), Some((vec![4], last_place(4))));
        assert_eq!(numbers(tail.read(4)), Some((vec![5], last_place(5))));
    }
}
