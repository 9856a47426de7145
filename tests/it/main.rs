//! Integration tests: a real server, spoken to like any client would.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod admin;
mod auth;
mod behind;
mod broken_template;
mod caption;
mod channels;
mod conformance;
mod control;
mod corners;
mod earlier;
mod executors;
mod faults;
mod floods;
mod helpers;
mod hostile;
mod image;
mod layers;
mod main_job;
mod onslaught;
mod outside;
mod packager;
mod photo;
mod pipelined;
mod proof;
mod recovery;
mod rest;
mod retention;
mod room;
mod sandbox;
mod simulation;
mod socketio;
mod support;
mod verifier;
