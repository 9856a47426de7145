//! A way into an actor from any thread: what waits is taken as one batch, and one wake-up carries all of it.
//!
//! An actor's mailbox costs a wake-up and an allocation per message and cannot say what it dropped. The news of a room
//! can: they have numbers, so a full inbox only has to remember *that* it was full; the reader then fetches from the log.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::AtomicWaker;

/// What was waiting.
#[derive(Debug)]
pub struct Batch<T> {
    /// The items, oldest first.
    pub items: Vec<T>,
    /// Whether items were refused since the last batch.
    pub overflowed: bool,
}

struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    waker: AtomicWaker,
    capacity: usize,
}

struct Waiting<T> {
    items: Vec<T>,
    overflowed: bool,
    closed: bool,
}

/// The end that anybody may put items into.
pub struct Inbox<T>(Arc<Shared<T>>);

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The end that one reader takes batches from. Dropping it closes the inbox.
pub struct InboxReader<T>(Arc<Shared<T>>);

/// An inbox that holds at most `capacity` items.
pub fn inbox<T>(capacity: usize) -> (Inbox<T>, InboxReader<T>) {
    let shared = Arc::new(Shared {
        waiting: Mutex::new(Waiting { items: Vec::new(), overflowed: false, closed: false }),
        waker: AtomicWaker::new(),
        capacity,
    });
    (Inbox(shared.clone()), InboxReader(shared))
}

impl<T> Inbox<T> {
    /// Puts items in and wakes the reader. Beyond the capacity they are dropped and the next batch says so. False when
    /// the reader is gone.
    pub fn put(&self, items: impl IntoIterator<Item = T>) -> bool {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.closed {
            return false;
        }
        for item in items {
            if waiting.items.len() >= self.0.capacity {
                waiting.overflowed = true;
                break;
            }
            waiting.items.push(item);
        }
        drop(waiting);
        self.0.waker.wake();
        true
    }
}

impl<T> InboxReader<T> {
    fn take(&self) -> Option<Batch<T>> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.items.is_empty() && !waiting.overflowed {
            return None;
        }
        let overflowed = std::mem::take(&mut waiting.overflowed);
        Some(Batch { items: std::mem::take(&mut waiting.items), overflowed })
    }
}

impl<T> Stream for InboxReader<T> {
    type Item = Batch<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Batch<T>>> {
        if let Some(batch) = self.take() {
            return Poll::Ready(Some(batch));
        }
        self.0.waker.register(cx.waker());
        match self.take() {
            Some(batch) => Poll::Ready(Some(batch)),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for InboxReader<T> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn hands_over_all_that_waits_at_once() {
        let (inbox, mut reader) = inbox(8);
        assert!(inbox.put([1, 2]));
        assert!(inbox.put([3]));
        let batch = reader.next().now_or_never().flatten().unwrap();
        assert_eq!((batch.items, batch.overflowed), (vec![1, 2, 3], false));
        assert!(reader.next().now_or_never().is_none());
    }

    #[test]
    fn says_that_it_was_full_and_goes_on() {
        let (inbox, mut reader) = inbox(2);
        inbox.put([1, 2, 3]);
        let batch = reader.next().now_or_never().flatten().unwrap();
        assert_eq!((batch.items, batch.overflowed), (vec![1, 2], true));
        inbox.put([4]);
        let batch = reader.next().now_or_never().flatten().unwrap();
        assert_eq!((batch.items, batch.overflowed), (vec![4], false));
    }

    #[test]
    fn refuses_once_the_reader_is_gone() {
        let (inbox, reader) = inbox(2);
        drop(reader);
        assert!(!inbox.put([1]));
    }
}
