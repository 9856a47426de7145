//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.

pub mod design;
pub mod spec;
