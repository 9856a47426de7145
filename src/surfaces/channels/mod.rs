//! The channel socket: `GET /ws`, PROTOCOL section 4. Channels are views of the logs of all rooms, in the order in which
//! the house has taken their events; there is no second store.

mod client;
mod codec;
mod door;
mod moments;
mod protocol;
mod pump;
mod seat;
mod session;

pub use self::codec::ChannelEncoder;
pub use self::door::{ChannelDoor, PATH};
pub use self::moments::Moments;
