//! Engine.IO protocol 4, without Socket.IO: packets and sessions as plain data.

pub mod packet;
pub mod session;
