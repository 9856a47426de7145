//! Ground: plain data and pure rules. Nothing here does input or output, reads a clock or knows a wire.

pub mod audit;
pub mod caption;
pub mod channel;
pub mod control;
pub mod encoded;
pub mod event;
pub mod fold;
pub mod house;
pub mod ids;
pub mod photo;
pub mod pipeline;
pub mod position;
pub mod role;
pub mod run;
pub mod script;
pub mod time;
pub mod warden;
pub mod wire;
