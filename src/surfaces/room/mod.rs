//! The project room socket: `GET /api/ws/projects/{project_id}`, PROTOCOL section 3.

mod client;
pub(in crate::surfaces) mod codec;
mod door;
pub(in crate::surfaces) mod protocol;
mod session;

pub use self::codec::{RoomEncoder, RoomPhrases};
pub use self::door::RoomDoor;
