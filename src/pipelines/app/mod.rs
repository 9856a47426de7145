//! The `app` pipeline: twelve agents turn a brief into a working, dependency-free web app.

pub mod packager;
pub mod domain_model;
pub mod grammar;
pub mod intake;
pub mod requirements;
pub mod spec;
pub mod verifier;
