//! The newest frames of a room, in memory, so that readers who are almost up to date need no disk.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::broker::frame::{Encoding, Frame};

/// Frames a tail keeps at most.
pub(crate) const TAIL_FRAMES_MAX: usize = 4096;
/// Memory a tail keeps at most; a reader that is further behind reads from the engine.
pub(crate) const TAIL_BYTES_MAX: usize = 512 * 1024;
/// Frames that are older than the newest by more than this are not kept: nobody who is still served stands there, and a quiet
/// room would otherwise go on filling its tail for an hour.
pub(crate) const TAIL_AGE_MAX_MS: i64 = 30_000;

/// Frames without a hole, up to the newest.
#[derive(Default)]
pub(crate) struct Tail {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    /// The newest event known; none before the first news of the room.
    last: Option<u64>,
}

/// What a reader that stands after some number finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TailRead {
    /// Nothing newer.
    CaughtUp,
    /// Bytes of the frames up to and including `last`.
    Frames {
        /// Encoded frames, joined.
        bytes: Bytes,
        /// The last event in them.
        last: u64,
        /// How many events they are.
        count: usize,
    },
    /// The tail does not reach back that far.
    Left,
}

impl Tail {
    /// The newest event known.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Says where the log stands when nothing was heard of it yet.
    pub(crate) fn begin_at(&mut self, seq: u64) {
        self.last.get_or_insert(seq);
    }

    /// Adds frames; those that are known already are passed over, and a hole empties the tail first, since a tail must
    /// not have one.
    pub(crate) fn extend(&mut self, frames: &[Arc<Frame>]) {
        for frame in frames {
            match self.last {
                Some(last) if frame.seq() <= last => continue,
                Some(last) if frame.seq() > last + 1 => {
                    self.frames.clear();
                    self.bytes = 0;
                }
                _ => {}
            }
            self.last = Some(frame.seq());
            self.bytes += frame.weight();
            self.frames.push_back(frame.clone());
        }
        let Some(newest) = self.frames.back() else { return };
        let oldest = newest.event.at.0.saturating_sub(TAIL_AGE_MAX_MS);
        while let Some(front) = self.frames.front()
            && (self.frames.len() > TAIL_FRAMES_MAX
                || self.bytes > TAIL_BYTES_MAX
                || front.event.at.0 < oldest)
        {
            self.bytes -= front.weight();
            self.frames.pop_front();
        }
    }

    /// What comes after `position`, up to about `budget` bytes.
    pub(crate) fn read(&self, position: u64, encoding: Encoding, budget: usize) -> TailRead {
        let Some(last) = self.last else { return TailRead::CaughtUp };
        if position >= last {
            return TailRead::CaughtUp;
        }
        let first = match self.frames.front() {
            Some(frame) if frame.seq() <= position + 1 => frame.seq(),
            _ => return TailRead::Left,
        };
        let from = usize::try_from(position + 1 - first).unwrap_or(usize::MAX);
        let newest = &self.frames[self.frames.len() - 1];
        if from + 1 == self.frames.len() {
            // The usual case: one frame, and its bytes are shared rather than copied.
            return TailRead::Frames { bytes: newest.bytes(encoding).clone(), last: newest.seq(), count: 1 };
        }
        let mut joined = BytesMut::new();
        let mut reached = position;
        let mut count = 0;
        for frame in self.frames.range(from..) {
            let bytes = frame.bytes(encoding);
            if count > 0 && joined.len() + bytes.len() > budget {
                break;
            }
            joined.extend_from_slice(bytes);
            reached = frame.seq();
            count += 1;
        }
        TailRead::Frames { bytes: joined.freeze(), last: reached, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::frame::{Encoder, Encoders};
    use crate::domain::event::LoggedEvent;
    use crate::domain::ids::ProjectId;
    use crate::domain::position::Epoch;
    use crate::domain::time::Timestamp;

    struct Number;

    impl crate::broker::house::HouseEncoder for Number {
        fn encode(
            &self,
            _: Epoch,
            _: u64,
            _: &crate::domain::house::HouseEvent,
        ) -> Vec<crate::broker::house::HouseMessage> {
            Vec::new()
        }
    }

    impl Encoder for Number {
        fn encode(&self, _: ProjectId, _: Epoch, event: &LoggedEvent) -> Bytes {
            Bytes::from(format!("{};", event.seq))
        }
    }

    fn frames(range: std::ops::RangeInclusive<u64>) -> Vec<Arc<Frame>> {
        frames_at(Timestamp(0), range)
    }

    fn frames_at(at: Timestamp, range: std::ops::RangeInclusive<u64>) -> Vec<Arc<Frame>> {
        let encoders = Arc::new(Encoders {
            room_socket: Arc::new(Number),
            sse: Arc::new(Number),
            tasks: Arc::new(Number),
            house: Arc::new(Number),
        });
        range
            .map(|seq| {
                let event = LoggedEvent { seq, at, run_id: None, body_json: "{}".into() };
                Arc::new(Frame::new(ProjectId::generate(), Epoch(1), event, encoders.clone()))
            })
            .collect()
    }

    fn read(tail: &Tail, position: u64) -> Option<String> {
        match tail.read(position, Encoding::Sse, 1 << 20) {
            TailRead::CaughtUp => Some(String::new()),
            TailRead::Frames { bytes, .. } => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            TailRead::Left => None,
        }
    }

    #[test]
    fn gives_what_comes_after_a_position() {
        let mut tail = Tail::default();
        tail.begin_at(3);
        assert_eq!(read(&tail, 3), Some(String::new()));
        assert_eq!(read(&tail, 2), None);
        tail.extend(&frames(4..=6));
        assert_eq!(read(&tail, 3), Some("4;5;6;".into()));
        assert_eq!(read(&tail, 5), Some("6;".into()));
        assert_eq!(read(&tail, 6), Some(String::new()));
        assert_eq!(read(&tail, 2), None);
    }

    #[test]
    fn passes_over_what_it_has_and_never_keeps_a_hole() {
        let mut tail = Tail::default();
        tail.extend(&frames(1..=3));
        tail.extend(&frames(2..=4));
        assert_eq!(read(&tail, 0), Some("1;2;3;4;".into()));
        tail.extend(&frames(7..=8));
        assert_eq!(read(&tail, 4), None);
        assert_eq!(read(&tail, 6), Some("7;8;".into()));
    }

    #[test]
    fn lets_go_of_what_is_long_past() {
        let mut tail = Tail::default();
        tail.extend(&frames_at(Timestamp(1_000), 1..=2));
        tail.extend(&frames_at(Timestamp(1_000 + TAIL_AGE_MAX_MS), 3..=3));
        assert_eq!(read(&tail, 0), Some("1;2;3;".into()));
        tail.extend(&frames_at(Timestamp(1_001 + TAIL_AGE_MAX_MS), 4..=4));
        assert_eq!(read(&tail, 1), None);
        assert_eq!(read(&tail, 2), Some("3;4;".into()));
        // A clock that was set back takes nothing away.
        tail.extend(&frames_at(Timestamp(0), 5..=5));
        assert_eq!(read(&tail, 2), Some("3;4;5;".into()));
    }

    #[test]
    fn keeps_to_its_bounds_and_to_the_budget() {
        let mut tail = Tail::default();
        tail.extend(&frames(1..=TAIL_FRAMES_MAX as u64 + 10));
        assert!(tail.frames.len() <= TAIL_FRAMES_MAX && tail.bytes <= TAIL_BYTES_MAX);
        let last = tail.last().unwrap();
        let TailRead::Frames { bytes, last: reached, count } = tail.read(last - 100, Encoding::Sse, 50)
        else {
            panic!("the newest hundred must be there");
        };
        assert!(bytes.len() <= 50 && count < 100 && reached < last);
    }
}
