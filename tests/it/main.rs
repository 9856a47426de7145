//! Integration tests: a real server, spoken to like any client would.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod broken_template;
mod executors;
mod helpers;
mod hostile;
mod layers;
mod main_job;
mod packager;
mod recovery;
mod rest;
mod room;
mod sandbox;
mod simulation;
mod support;
mod verifier;
