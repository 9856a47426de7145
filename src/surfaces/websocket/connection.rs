//! The one task of a connection: pumps what its actor says, flushes what waits, lets it catch up, and ends it.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use crate::broker::outlet::Outlet;
use crate::broker::shard::LocalShard;

/// How long a peer may take to close its side after ours; then the connection is dropped.
const LINGER: Duration = Duration::from_secs(2);

/// Runs a connection to its end.
pub(super) async fn run(
    shard: LocalShard,
    outlet: Rc<Outlet>,
    said: impl Stream<Item = Result<Bytes, actix_web::Error>>,
) {
    let clean = {
        let mut said = pin!(said);
        let mut silent = false;
        poll_fn(|cx| {
            outlet.register(cx.waker());
            loop {
                if outlet.is_over() {
                    return Poll::Ready(false);
                }
                while !silent && !outlet.is_ending() {
                    match said.as_mut().poll_next(cx) {
                        Poll::Ready(Some(Ok(bytes))) => outlet.write(&bytes),
                        Poll::Ready(Some(Err(_)) | None) => silent = true,
                        Poll::Pending => break,
                    }
                }
                let waited = outlet.pending_bytes() > 0;
                match outlet.poll_flush(cx, shard.now_ms()) {
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if silent || outlet.is_ending() => return Poll::Ready(true),
                    Poll::Ready(Ok(())) if !waited => return Poll::Pending,
                    // Room again: what this reader is behind by comes now, and reading may go on.
                    Poll::Ready(Ok(())) => shard.drained(&outlet),
                }
            }
        })
        .await
    };
    shard.release(&outlet);
    if clean {
        // Dropping a socket with unread input resets it, and the peer may lose what was written last.
        let stream = outlet.stream();
        let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
        let drained = async {
            while stream.readable().await.is_ok() {
                // Made anew each time: across the wait it would be part of the task of every idle connection.
                let mut scrap = [0; 4096];
                match stream.try_read(&mut scrap) {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, drained).await;
    }
}
