//! Room in memory for uploads: files are held there until they are stored, so all uploads together are bounded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::service::error::ServiceError;

/// Room is counted in pieces of this size.
const UNIT_BYTES: usize = 1 << 20;
/// So many of them: two of the largest forms, or sixteen of the largest files.
const UNITS: u32 = 512;
/// How long an upload waits for its room.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Room that an upload has until this is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

/// The room for all uploads.
#[derive(Debug)]
pub(super) struct UploadRoom(Arc<Semaphore>);

impl Default for UploadRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS as usize)))
    }
}

impl UploadRoom {
    /// Waits for room for so many bytes; who came first is served first.
    pub(super) async fn take(&self, bytes: usize) -> Result<Room, ServiceError> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(UNITS).clamp(1, UNITS);
        let permit = tokio::time::timeout(WAIT_MAX, self.0.clone().acquire_many_owned(units)).await;
        match permit {
            Ok(Ok(permit)) => Ok(Room { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(ServiceError::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn uploads_share_what_room_there_is() {
        let room = UploadRoom::default();
        let first = room.take(256 << 20).await.unwrap();
        let second = room.take((255 << 20) + 1).await.unwrap();
        // Even the smallest waits.
        let mut third = Box::pin(room.take(0));
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        third.await.unwrap();
        drop(first);
        // More than there is would wait for ever: it has all of it.
        let all = room.take(usize::MAX).await.unwrap();
        assert!(Box::pin(room.take(1)).as_mut().now_or_never().is_none());
        drop(all);
    }
}
