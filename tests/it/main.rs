//! Integration tests: a real server, spoken to like any client would.

mod broken_template;
mod helpers;
mod hostile;
mod layers;
mod main_job;
mod packager;
mod recovery;
mod rest;
mod room;
mod sandbox;
mod support;
mod verifier;
