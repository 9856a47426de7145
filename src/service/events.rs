//! A room's log in pages.

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::broker::follow::Follow;
use crate::broker::frame::Encoding;
use crate::broker::{Gap, RoomView};
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::domain::wire::wire_json;
use crate::engine::{LogBounds, ReadLimit};
use crate::service::Service;
use crate::service::error::ServiceError;

/// Bytes of event bodies in one page.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often a page is looked for when the log is cut under it.
const LOOKS_MAX: usize = 8;

/// A page of a log.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events in their wire form, each a JSON object.
    pub events: Vec<String>,
    /// Where the reader stands after them.
    pub position: Position,
    /// Whether there are more.
    pub more: bool,
}

/// What a reader that comes with a position gets.
#[derive(Clone, Debug)]
pub enum EventAnswer {
    /// What follows its position.
    Page(EventPage),
    /// Its position cannot be reached: what it missed, and where to begin anew.
    Gone {
        /// What is missing; none when nothing is, because the position was never given out.
        gap: Option<Gap>,
        /// The room as it is now.
        room: Box<RoomView>,
    },
}

/// The event after which a page begins; an error carries what is missing.
fn start(bounds: &LogBounds, since: Option<Position>) -> Result<u64, Option<Gap>> {
    match since {
        None => Ok(bounds.first.saturating_sub(1)),
        // Beyond the end nothing is missing: the log has never been there.
        Some(since) if since.epoch == bounds.epoch && since.seq > bounds.last => Err(None),
        Some(since) if since.epoch != bounds.epoch => {
            Err((bounds.last > 0).then_some(Gap { from_seq: 1, to_seq: bounds.last }))
        }
        Some(since) if since.seq + 1 < bounds.first => {
            Err(Some(Gap { from_seq: since.seq + 1, to_seq: bounds.first - 1 }))
        }
        Some(since) => Ok(since.seq),
    }
}

impl Service {
    /// Events after a position, or from the beginning of what is kept.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn events(
        &self,
        caller: Caller,
        room: ProjectId,
        since: Option<Position>,
        limit: usize,
    ) -> Result<EventAnswer, ServiceError> {
        caller.may_in(Action::Read, room)?;
        let engine = &self.ground().engine;
        let limit = ReadLimit { events: limit, bytes: PAGE_BYTES_MAX };
        let mut looks = 0;
        let (bounds, after, page) = loop {
            let bounds = engine.log_bounds(room).await?.ok_or(ServiceError::NotFound("project"))?;
            let after = match start(&bounds, since) {
                Ok(after) => after,
                Err(gap) => {
                    let room = Box::new(self.ground().broker.view(room).await?);
                    return Ok(EventAnswer::Gone { gap, room });
                }
            };
            let page = engine.read_log(room, after, limit).await?;
            if page.follows(after) && (after >= bounds.last || !page.events.is_empty()) {
                break (bounds, after, page);
            }
            // The log was cut between the two questions.
            looks += 1;
            if looks == LOOKS_MAX {
                return Err(ServiceError::Unavailable);
            }
        };
        let seq = page.events.last().map_or(after, |event| event.seq);
        Ok(EventAnswer::Page(EventPage {
            events: page.events.iter().map(|event| wire_json(room, bounds.epoch, event)).collect(),
            position: Position { epoch: bounds.epoch, seq },
            more: page.more,
        }))
    }

    /// Follows a room from HTTP. Call it on an HTTP worker thread.
    ///
    /// # Errors
    /// When there is no such project, or the server goes down.
    pub async fn follow(
        &self,
        caller: Caller,
        room: ProjectId,
        since: Option<Position>,
    ) -> Result<Follow, ServiceError> {
        caller.may_in(Action::Read, room)?;
        self.check_ready()?;
        Ok(self.ground().broker.follow(room, since).await?)
    }

    /// Follows a room in the words of tasks. Call it on an HTTP worker thread.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn follow_tasks(
        &self,
        caller: Caller,
        room: ProjectId,
        since: Option<Position>,
    ) -> Result<Follow, ServiceError> {
        caller.may_in(Action::Read, room)?;
        Ok(self.ground().broker.follow_as(room, since, Encoding::Tasks).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::Epoch;

    #[test]
    fn where_a_page_begins() {
        let here = Epoch(1);
        let at = |epoch: u32, seq: u64| Some(Position { epoch: Epoch(epoch), seq });
        let gap = |from_seq, to_seq| Err(Some(Gap { from_seq, to_seq }));
        let whole = LogBounds { epoch: here, first: 1, last: 5 };
        let cut = LogBounds { epoch: here, first: 4, last: 5 };
        let empty = LogBounds { epoch: here, first: 1, last: 0 };
        let all_cut = LogBounds { epoch: here, first: 6, last: 5 };
        for (bounds, since, expected) in [
            (whole, None, Ok(0)),
            (whole, at(1, 0), Ok(0)),
            (whole, at(1, 5), Ok(5)),
            (whole, at(1, 6), Err(None)),
            (whole, at(2, 1), gap(1, 5)),
            (cut, None, Ok(3)),
            (cut, at(1, 3), Ok(3)),
            (cut, at(1, 2), gap(3, 3)),
            (cut, at(1, 0), gap(1, 3)),
            (empty, None, Ok(0)),
            (empty, at(1, 0), Ok(0)),
            (empty, at(1, 1), Err(None)),
            (empty, at(2, 0), Err(None)),
            (all_cut, at(1, 5), Ok(5)),
            (all_cut, at(1, 4), gap(5, 5)),
        ] {
            assert_eq!(start(&bounds, since), expected, "{bounds:?} {since:?}");
        }
    }
}
