//! Socket.IO protocol 5 over Engine.IO 4: PROTOCOL section 5.
//!
//! From the wire inwards: `door` takes polls, bodies and upgrades; `hub` has the sessions of a thread and knows the way to
//! those of others; `link` is one session, its decisions are in `engine/session.rs` and its packets in `engine/packet.rs`;
//! `namespace` and `packet` speak Socket.IO over it; an [`namespace::Application`] says what events mean,
//! and `house` is ours.

pub mod door;
pub mod engine;
pub mod house;
pub mod hub;
pub mod link;
pub mod namespace;
pub mod packet;
mod socket;
