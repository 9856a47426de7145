//! A reader that follows a room through an HTTP response or a Socket.IO session: the same seat as a socket, but it takes
//! when it is polled.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use crate::broker::Joined;
use crate::broker::clients::Standing;
use crate::broker::frame::Encoding;
use crate::broker::shard::{Entry, Follower, LocalShard};
use crate::domain::ids::ProjectId;

/// A reader that follows a room from HTTP.
pub struct Follow {
    /// How it was let in.
    pub joined: Joined,
    /// Encoded events from there on, several in one item when they were waiting together. Ends when the server goes down
    /// or the project is removed.
    pub frames: FollowStream,
}

/// The events of a [`Follow`].
pub struct FollowStream {
    shard: LocalShard,
    follower: Rc<Follower>,
    seat: (ProjectId, usize),
}

impl Follow {
    pub(crate) fn new(shard: LocalShard, entry: Entry, encoding: Encoding) -> Self {
        let joined = entry.joined.clone();
        let follower = Rc::new(Follower::new(encoding));
        let seat = shard.follow(entry, follower.clone());
        Self { joined, frames: FollowStream { shard, follower, seat } }
    }
}

/// Where a follower sits, for whoever wants to know how it stands.
#[derive(Clone)]
pub struct FollowSeat {
    shard: LocalShard,
    seat: (ProjectId, usize),
}

impl FollowSeat {
    /// How it stands now.
    pub fn standing(&self) -> Standing {
        self.shard.standing_at(self.seat.0, self.seat.1)
    }
}

impl FollowStream {
    /// Where it sits.
    pub fn seat(&self) -> FollowSeat {
        FollowSeat { shard: self.shard.clone(), seat: self.seat }
    }
}

impl Stream for FollowStream {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let take = || self.follower.chunks.borrow_mut().pop_front();
        if let Some(bytes) = take() {
            return Poll::Ready(Some(bytes));
        }
        if self.follower.over.get() {
            return Poll::Ready(None);
        }
        self.follower.hungry.set(true);
        *self.follower.waker.borrow_mut() = Some(cx.waker().clone());
        self.shard.pull_follower(self.seat.0, self.seat.1);
        take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(bytes)))
    }
}

impl Drop for FollowStream {
    fn drop(&mut self) {
        self.shard.unfollow(self.seat.0, self.seat.1, &self.follower);
    }
}
