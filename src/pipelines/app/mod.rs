//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.

pub mod architect;
pub mod bundle;
pub mod contract;
pub mod core_logic;
pub mod data;
pub mod design;
pub mod features;
#[cfg(test)]
mod fixtures;
pub mod grammar;
pub mod interface;
pub mod javascript;
pub mod samples;
pub mod spec;
pub mod templates;
pub mod test_writer;
