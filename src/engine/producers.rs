//! Producers outside: what each published last, so that a repeated event is known, one of an older life is refused and a
//! missing one is noticed.

use crate::domain::position::Position;

/// How long a producer that says nothing is remembered.
pub const FORGOTTEN_AFTER_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Producers of one room; the one that was heard longest ago makes place for a new one.
pub const PRODUCERS_PER_ROOM_MAX: usize = 256;
/// Newest requests of a producer whose positions are remembered.
pub const ANSWERS_MAX: usize = 32;
/// The number of the first event of every epoch.
pub const FIRST_SEQ: u64 = 1;

/// What a producer published last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// Its present life.
    pub epoch: u64,
    /// The newest event of that life.
    pub seq: u64,
    /// For its newest requests, oldest first: the last event of each and where the log stood after it.
    pub answers: Vec<(u64, Position)>,
}

/// What an event of a producer is, by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The next one.
    Next,
    /// One that is taken; where the log stood after it, or later. None when it is not on record yet.
    Known(Option<Position>),
    /// One of a life that is over; the present one.
    Fenced(u64),
    /// One that comes too early; the number that is next.
    Early(u64),
}

impl Producer {
    /// What an event with these numbers is to what is known of its producer.
    pub fn turn(known: Option<&Producer>, epoch: u64, seq: u64) -> Turn {
        let next = match known {
            Some(known) if epoch < known.epoch => return Turn::Fenced(known.epoch),
            Some(known) if epoch == known.epoch => {
                if (FIRST_SEQ..=known.seq).contains(&seq) {
                    let answer = known.answers.iter().find(|(last, _)| *last >= seq);
                    return Turn::Known(answer.map(|(_, position)| *position));
                }
                known.seq + 1
            }
            _ => FIRST_SEQ,
        };
        if seq == next { Turn::Next } else { Turn::Early(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::Epoch;

    #[test]
    fn an_event_is_next_known_early_or_of_an_older_life() {
        let at = |seq| Position { epoch: Epoch(7), seq };
        let known = Producer { epoch: 3, seq: 5, answers: vec![(2, at(20)), (4, at(40)), (5, at(50))] };
        for (epoch, seq, expected) in [
            (3, 6, Turn::Next),
            (3, 5, Turn::Known(Some(at(50)))),
            (3, 3, Turn::Known(Some(at(40)))),
            // Older than what is remembered: what was said by then.
            (3, 1, Turn::Known(Some(at(20)))),
            (3, 8, Turn::Early(6)),
            (2, 6, Turn::Fenced(3)),
            (2, 1, Turn::Fenced(3)),
            (4, 1, Turn::Next),
            (4, 6, Turn::Early(1)),
        ] {
            assert_eq!(Producer::turn(Some(&known), epoch, seq), expected, "{epoch} {seq}");
        }
        assert_eq!(Producer::turn(None, 9, 1), Turn::Next);
        assert_eq!(Producer::turn(None, 9, 2), Turn::Early(1));
    }
}
