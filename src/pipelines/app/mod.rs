//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.

pub mod packager;
pub mod spec;
pub mod verifier;
