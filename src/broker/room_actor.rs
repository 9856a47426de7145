//! The project-room broker actor: one per live project. It carries out what [`Room`] decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::prelude::*;

use crate::broker::inbox::{Batch, InboxReader};
use crate::broker::load::{LOAD_LIMIT, load};
use crate::broker::registry::Links;
use crate::broker::room::Room;
use crate::broker::shard::Notice;
use crate::broker::{BrokerError, Joined, RoomView};
use crate::domain::event::LoggedEvent;
use crate::domain::fold::StoredState;
use crate::domain::ids::ProjectId;
use crate::domain::position::Position;
use crate::engine::{Change, EngineError, SavedState};

/// Commands that may wait in a room's mailbox; callers use `send` and wait beyond that.
const MAILBOX_CAPACITY: usize = 1024;
/// A room without readers and without news is put away after this long.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// The actor.
pub(crate) struct RoomActor {
    id: ProjectId,
    links: Arc<Links>,
    /// The first event that can still be read, as far as the registry has heard.
    first: Arc<AtomicU64>,
    news: Option<InboxReader<LoggedEvent>>,
    room: Option<Room>,
    failed: Option<BrokerError>,
    active: bool,
}

/// Lets a reader of a shard in.
#[derive(Message)]
#[rtype(result = "Result<Joined, BrokerError>")]
pub(crate) struct Join {
    /// Which shard.
    pub(crate) shard: usize,
    /// Of its interest in this room.
    pub(crate) generation: u64,
    /// Where the reader stands.
    pub(crate) since: Option<Position>,
}

/// A shard has no reader any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Detach {
    /// Which shard.
    pub(crate) shard: usize,
    /// Of its interest in this room.
    pub(crate) generation: u64,
}

/// How many viewers a shard has.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Viewers {
    /// Which shard.
    pub(crate) shard: usize,
    /// How many.
    pub(crate) count: u64,
}

/// What the room looks like now.
#[derive(Message)]
#[rtype(result = "Result<RoomView, BrokerError>")]
pub(crate) struct View;

/// Saves the fold, for a stop in good order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Save;

impl RoomActor {
    /// An actor that loads itself when it starts.
    pub(crate) fn new(
        id: ProjectId,
        links: Arc<Links>,
        first: Arc<AtomicU64>,
        news: InboxReader<LoggedEvent>,
    ) -> Self {
        Self { id, links, first, news: Some(news), room: None, failed: None, active: true }
    }

    fn room(&mut self) -> Result<&mut Room, BrokerError> {
        match &mut self.room {
            Some(room) => Ok(room),
            None => Err(self.failed.clone().unwrap_or(BrokerError::Closing)),
        }
    }

    /// Takes events in, passes their frames to the shards that listen, and reads the log when some are missing.
    fn take(&mut self, events: Vec<LoggedEvent>, overflowed: bool, ctx: &mut Context<Self>) {
        self.active = true;
        let Some(room) = &mut self.room else { return };
        let applied = room.apply(events);
        self.links.counters.skipped_log_lines.fetch_add(applied.skipped_lines, Ordering::Relaxed);
        if !applied.frames.is_empty() {
            let frames: Arc<[_]> = applied.frames.into();
            for shard in room.listening() {
                self.links.tell_shard(shard, Notice::Frames { room: self.id, frames: frames.clone() });
            }
        }
        if room.take_save(false) {
            self.save();
        }
        if applied.behind || overflowed {
            self.catch_up(ctx);
        }
    }

    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        let Some(room) = &self.room else { return };
        let seq = room.seq();
        let (engine, id) = (self.links.engine.clone(), self.id);
        let page = async move {
            let page = engine.read_log(id, seq, LOAD_LIMIT).await?;
            // Nothing may mean that all of it was cut, which this room has perhaps not been told yet.
            let cut = page.events.is_empty()
                && engine
                    .log_bounds(id)
                    .await?
                    .is_some_and(|bounds| bounds.last > seq && bounds.first > seq + 1);
            Ok::<_, EngineError>((page, cut))
        };
        // Nothing else is taken in meanwhile, or it would look like another hole.
        ctx.wait(page.into_actor(self).map(move |page, actor, ctx| match page {
            Ok((page, false))
                if page.follows(seq) && actor.room.as_ref().is_none_or(|room| room.first() <= seq + 1) =>
            {
                actor.take(page.events, page.more, ctx);
            }
            Ok(_) => actor.leap(ctx),
            Err(error) => {
                log::error!("a room cannot read its log and is put away: {error} room.id={}", actor.id);
                ctx.stop();
            }
        }));
    }

    /// The log was cut beyond where this room stands: it goes on from the fold that was saved before the cut. Its
    /// readers find out when they pull, and are told the gap.
    fn leap(&mut self, ctx: &mut Context<Self>) {
        let loading = load(self.links.engine.clone(), self.id, self.links.encoders.clone());
        ctx.wait(loading.into_actor(self).map(|loaded, actor, ctx| match (loaded, &mut actor.room) {
            (Ok(ahead), Some(room)) => {
                room.restart_from(ahead);
                for shard in room.listening() {
                    actor.links.tell_shard(shard, Notice::Rejoin { room: actor.id });
                }
            }
            (Err(error), _) => {
                log::error!("a room cannot be read again and is put away: {error} room.id={}", actor.id);
                ctx.stop();
            }
            (Ok(_), None) => {}
        }));
    }

    fn put_away_when_idle(&mut self, ctx: &mut Context<Self>) {
        let address = ctx.address();
        if !self.links.knows(self.id, &address) {
            // The project was removed: the shards that listened were told so, and cannot reach this actor any more.
            ctx.stop();
            return;
        }
        let listened_to = self.room.as_ref().is_some_and(|room| room.listening().next().is_some());
        if !std::mem::take(&mut self.active) && !listened_to {
            self.links.forget(self.id, &address);
            if self.room.as_mut().is_some_and(|room| room.take_save(true)) {
                self.save();
            }
            ctx.stop();
        }
    }

    fn save(&mut self) {
        let Some(room) = &mut self.room else { return };
        let view = room.view();
        let state = saved_state(&view);
        let saved =
            self.links.engine.commit(crate::engine::Batch::of([Change::SaveState { room: self.id, state }]));
        let id = self.id;
        actix::spawn(async move {
            // A fold that was not saved costs time at the next start, nothing else.
            if let Err(error) = saved.await
                && !matches!(error, EngineError::NotFound(_) | EngineError::Closed)
            {
                log::warn!("the state of a room was not saved: {error} room.id={id}");
            }
        });
    }
}

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        let loading = load(self.links.engine.clone(), self.id, self.links.encoders.clone());
        ctx.wait(loading.into_actor(self).map(|loaded, actor, ctx| {
            match loaded {
                Ok(mut room) => {
                    room.begins_at(actor.first.clone());
                    actor.room = Some(room);
                }
                Err(error) => {
                    // Whoever waits here is told. Nobody else comes: the project may be made a moment later, and other
                    // failures pass as well. The actor ends with its last address, since nothing else keeps it.
                    actor.failed = Some(error);
                    actor.links.forget(actor.id, &ctx.address());
                    return;
                }
            }
            if let Some(news) = actor.news.take() {
                ctx.add_stream(news);
            }
            ctx.run_interval(IDLE_AFTER, Self::put_away_when_idle);
        }));
    }
}

impl StreamHandler<Batch<LoggedEvent>> for RoomActor {
    fn handle(&mut self, news: Batch<LoggedEvent>, ctx: &mut Self::Context) {
        self.take(news.items, news.overflowed, ctx);
    }
}

impl Handler<Join> for RoomActor {
    type Result = Result<Joined, BrokerError>;

    fn handle(&mut self, join: Join, _: &mut Self::Context) -> Self::Result {
        self.active = true;
        let room = self.room()?;
        room.attach(join.shard, join.generation);
        Ok(room.join(join.since))
    }
}

impl Handler<Detach> for RoomActor {
    type Result = ();

    fn handle(&mut self, detach: Detach, ctx: &mut Self::Context) {
        if let Ok(room) = self.room() {
            room.detach(detach.shard, detach.generation);
            let count = Viewers { shard: detach.shard, count: 0 };
            Handler::<Viewers>::handle(self, count, ctx);
        }
    }
}

impl Handler<Viewers> for RoomActor {
    type Result = ();

    fn handle(&mut self, viewers: Viewers, _: &mut Self::Context) {
        let Some(room) = &mut self.room else { return };
        if let Some(total) = room.count(viewers.shard, viewers.count) {
            for shard in room.listening() {
                self.links.tell_shard(shard, Notice::Viewers { room: self.id, count: total });
            }
        }
    }
}

impl Handler<View> for RoomActor {
    type Result = Result<RoomView, BrokerError>;

    fn handle(&mut self, _: View, _: &mut Self::Context) -> Self::Result {
        self.active = true;
        Ok(self.room()?.view())
    }
}

impl Handler<Save> for RoomActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Save, _: &mut Self::Context) -> Self::Result {
        let Some(room) = &mut self.room else { return Box::pin(async {}) };
        if !room.take_save(true) {
            return Box::pin(async {});
        }
        let view = room.view();
        let state = saved_state(&view);
        let saved =
            self.links.engine.commit(crate::engine::Batch::of([Change::SaveState { room: self.id, state }]));
        Box::pin(async move {
            if let Err(error) = saved.await {
                log::warn!("the state of a room was not saved: {error}");
            }
        })
    }
}

fn saved_state(view: &RoomView) -> SavedState {
    SavedState { seq: view.position.seq, state_json: StoredState::encode(&view.state_json).into() }
}
