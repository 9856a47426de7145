//! Rooms, shards, tails, recovery: who hears what.

pub mod stats;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::domain::event::NewEvent;
use crate::domain::fold::RoomState;
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::engine::{Batch, Committed, Engine, EngineError};

/// The way to every room.
#[derive(Clone)]
pub struct Broker {
    engine: Arc<dyn Engine>,
}

/// What a room looks like at a position.
#[derive(Clone, Debug)]
pub struct RoomView {
    /// The fold.
    pub state: Arc<RoomState>,
    /// The fold as JSON, encoded once per position.
    pub state_json: Arc<str>,
    /// Where it stands.
    pub position: Position,
}

/// A range of events that the log no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing.
    pub from_seq: u64,
    /// Last missing.
    pub to_seq: u64,
}

/// How a reader was let in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Where the reader stands now: frames that follow begin after this.
    pub position: Position,
    /// Whether it goes on at the position it came with.
    pub resumed: bool,
    /// What it has missed for good.
    pub gap: Option<Gap>,
    /// The room's state at `position`, unless resumed.
    pub view: Option<RoomView>,
}

/// Which bytes a follower wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A JSON object per event.
    Json,
    /// A server-sent event per event.
    Sse,
}

/// A reader that follows a room from HTTP.
pub struct Follow {
    /// How it was let in.
    pub joined: Joined,
    /// Encoded events from there on, several in one item when they were waiting together.
    pub frames: BoxStream<'static, Bytes>,
}

/// Why the broker refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no such project.
    #[error("there is no such project")]
    NoSuchRoom,
    /// The server is going down.
    #[error("the server is shutting down")]
    Closing,
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Broker {
    /// Commits changes; what they append is fanned out once it is durable.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, BrokerError> {
        Ok(self.engine.commit(batch).await?)
    }

    /// Appends events to a room's log; they are fanned out once they are durable.
    ///
    /// # Errors
    /// When there is no such room, or what the engine answers.
    pub async fn publish(&self, _room: ProjectId, _events: Vec<NewEvent>) -> Result<Position, BrokerError> {
        unimplemented!("written on the branch of the broker")
    }

    /// What a room looks like now.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn view(&self, _room: ProjectId) -> Result<RoomView, BrokerError> {
        unimplemented!("written on the branch of the broker")
    }

    /// Follows a room from HTTP (server-sent events). Call it on an HTTP worker thread.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn follow(
        &self,
        _room: ProjectId,
        _since: Option<Position>,
        _encoding: Encoding,
    ) -> Result<Follow, BrokerError> {
        unimplemented!("written on the branch of the broker")
    }
}
