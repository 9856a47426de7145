//! Producers of one request: each event is next, known, or refused, and what they came to goes into the batch of the events.

use std::collections::BTreeMap;

use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::domain::time::Timestamp;
use crate::engine::producers::{Producer, Turn};
use crate::engine::{Change, Engine, EngineError};
use crate::service::error::ServiceError;
use crate::service::publish::ProducerSeq;

/// What an event is that may be said.
pub(super) enum Taken {
    /// New.
    Next,
    /// Known; where the log stood after it, when it is on record.
    Before(Option<Position>),
}

/// The producers of one request.
pub(super) struct Followed {
    room: ProjectId,
    by_name: BTreeMap<String, OneFollowed>,
}

struct OneFollowed {
    /// As it is on record.
    known: Option<Producer>,
    /// As it is with the events of this request so far.
    now: Option<Producer>,
}

impl Followed {
    pub(super) fn new(room: ProjectId) -> Self {
        Self { room, by_name: BTreeMap::new() }
    }

    /// Takes an event in its turn; whether it is the next one, or where the log stood after it when it is known
    /// already. The outer error is the engine's.
    pub(super) async fn turn(
        &mut self,
        engine: &dyn Engine,
        given: &ProducerSeq,
    ) -> Result<Result<Taken, ServiceError>, EngineError> {
        if !self.by_name.contains_key(&given.producer) {
            let known = engine.producer(self.room, given.producer.clone()).await?;
            let followed = OneFollowed { now: known.clone(), known };
            self.by_name.insert(given.producer.clone(), followed);
        }
        let Some(followed) = self.by_name.get_mut(&given.producer) else { return Ok(Ok(Taken::Next)) };
        let producer = given.producer.clone();
        Ok(match Producer::turn(followed.now.as_ref(), given.epoch, given.seq) {
            Turn::Next => {
                let answers = match followed.now.take() {
                    Some(now) if now.epoch == given.epoch => now.answers,
                    _ => Vec::new(),
                };
                followed.now = Some(Producer { epoch: given.epoch, seq: given.seq, answers });
                Ok(Taken::Next)
            }
            Turn::Known(position) => Ok(Taken::Before(position)),
            Turn::Fenced(epoch) => Err(ServiceError::Fenced { producer, epoch }),
            Turn::Early(expected) => {
                let (epoch, given) = (given.epoch, given.seq);
                Err(ServiceError::OutOfSequence { producer, epoch, expected, given })
            }
        })
    }

    /// How far each has come, for the batch that holds their events.
    pub(super) fn into_changes(self, now: Timestamp) -> impl Iterator<Item = Change> {
        let room = self.room;
        self.by_name.into_iter().filter_map(move |(producer, followed)| {
            let at = |producer: &Producer| (producer.epoch, producer.seq);
            let (expected, newest) = (followed.known.as_ref().map(at), followed.now.as_ref().map(at)?);
            (expected != Some(newest)).then_some(Change::Produce { room, producer, expected, newest, now })
        })
    }
}
