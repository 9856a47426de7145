//! The actor of a shard: one per HTTP worker, started on that worker's thread.

use std::time::Duration;

use actix::prelude::*;

use crate::broker::inbox::{Batch, InboxReader};
use crate::broker::shard::{LocalShard, Notice};

/// Takes notices in and pushes; everything it decides is in [`LocalShard`].
pub(crate) struct ShardActor {
    shard: LocalShard,
    notices: Option<InboxReader<Notice>>,
    sweep_every: Duration,
}

/// How many readers of this shard lag, and how many bytes wait for peers.
#[derive(Message)]
#[rtype(result = "(u64, u64)")]
pub(crate) struct Lag;

impl ShardActor {
    /// The actor of `shard`.
    pub(crate) fn new(shard: LocalShard, notices: InboxReader<Notice>, sweep_every: Duration) -> Self {
        Self { shard, notices: Some(notices), sweep_every }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(notices) = self.notices.take() {
            ctx.add_stream(notices);
        }
        ctx.run_interval(self.sweep_every, |actor, _| actor.shard.sweep());
    }
}

impl StreamHandler<Batch<Notice>> for ShardActor {
    fn handle(&mut self, batch: Batch<Notice>, _: &mut Self::Context) {
        for room in self.shard.take(batch.items, batch.overflowed) {
            let shard = self.shard.clone();
            // Slices of several rooms take turns with reading and with each other.
            actix::spawn(async move { shard.push(room).await });
        }
    }
}

impl Handler<Lag> for ShardActor {
    type Result = MessageResult<Lag>;

    fn handle(&mut self, _: Lag, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.shard.lag())
    }
}
