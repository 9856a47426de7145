//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.

pub mod grammar;
pub mod spec;
