//! How a room comes to life: the fold that was saved, and what the log has after it.

use std::sync::Arc;

use crate::broker::BrokerError;
use crate::broker::frame::Encoders;
use crate::broker::room::Room;
use crate::domain::fold::{RoomState, StoredState};
use crate::domain::ids::ProjectId;
use crate::engine::{Engine, EngineError, ReadLimit};

/// How much of the log is folded at once.
pub(crate) const LOAD_LIMIT: ReadLimit = ReadLimit { events: 2048, bytes: 4 << 20 };
/// How often a room is read anew because its log was cut under the reading. A cut comes with a fold that is newer, so
/// the next reading is shorter; twice is rare.
const READINGS_MAX: usize = 16;

/// Reads a room's fold and log.
pub(crate) async fn load(
    engine: Arc<dyn Engine>,
    id: ProjectId,
    encoders: Arc<Encoders>,
) -> Result<Room, BrokerError> {
    for _ in 0..READINGS_MAX {
        match read(&*engine, id, &encoders).await {
            Ok(Some(room)) => return Ok(room),
            Ok(None) => {}
            // Removed while it was read.
            Err(EngineError::NotFound(_)) => return Err(BrokerError::NoSuchRoom),
            Err(error) => return Err(error.into()),
        }
    }
    Err(EngineError::Busy.into())
}

/// One reading; none when the log was cut between its parts.
async fn read(
    engine: &dyn Engine,
    id: ProjectId,
    encoders: &Arc<Encoders>,
) -> Result<Option<Room>, EngineError> {
    // In this order: a cut in between shows as a log that begins after the fold.
    let saved = engine.saved_state(id).await?;
    let bounds = engine.log_bounds(id).await?.ok_or(EngineError::NotFound("project"))?;
    let (state, seq) = match saved {
        Some(saved) if saved.seq > bounds.last => (RoomState::default(), bounds.first - 1),
        Some(saved) if saved.seq + 1 < bounds.first => return Ok(None),
        Some(saved) => match StoredState::decode(&saved.state_json) {
            // Folded by other rules, and the log is still whole.
            Ok(stored) if !stored.is_current && bounds.first <= 1 => (RoomState::default(), 0),
            Ok(stored) => (stored.state, saved.seq),
            Err(error) => {
                // Written by another version: what the log still has is all there is to fold.
                log::warn!("the saved state of a room cannot be read: {error} room.id={id}");
                (RoomState::default(), bounds.first - 1)
            }
        },
        None if bounds.first > 1 => return Ok(None),
        None => (RoomState::default(), 0),
    };
    let mut room = Room::new(id, bounds, state, seq, encoders.clone());
    loop {
        let page = engine.read_log(id, room.seq(), LOAD_LIMIT).await?;
        if !page.follows(room.seq()) {
            return Ok(None);
        }
        room.apply(page.events);
        if !page.more {
            return Ok(Some(room));
        }
    }
}
