//! Callboard runs multi-agent generation jobs and shows every step of them live.
//!
//! One flow carries the whole program:
//!
//! ```text
//! POST .../generate -> service -> orchestrator -> generation -> executor -> event
//!     -> broker -> engine (numbered, stored)                              down
//! engine -> room folds -> one message per shard -> sockets pull -> page   up
//! ```
//!
//! The modules in reading order, ground first; `ARCHITECTURE.md` says which may import which:
//!
//! - [`domain`]: ids, events, positions, the fold, runs: plain data and pure rules
//! - [`clock`], [`telemetry`], [`config`]: time and chance, what the machine does, what was set
//! - [`pictures`]: pictures decoded, measured, described; [`darkroom`]: photos developed by a recipe in linear light
//! - [`pipelines`]: what built-in agents compute; [`sandbox`]: the child process that runs scripts;
//!   [`warden`]: the process that stands between us and a program
//! - [`engine`], [`artifacts`]: everything durable
//! - [`broker`]: rooms, shards, tails: who hears what
//! - [`keeper`]: how long things are kept
//! - [`runs`]: queue, orchestrator, generations, executors
//! - [`auth`], [`service`]: who may do what; one operation, many doors
//! - [`surfaces`]: the rim: sockets, REST, server-sent events, pages
//! - [`app`]: builds all of it and stops it; [`cli`]: the command line

pub mod app;
pub mod artifacts;
pub mod auth;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod darkroom;
pub mod domain;
pub mod engine;
pub mod keeper;
pub mod pictures;
pub mod pipelines;
pub mod runs;
pub mod sandbox;
pub mod service;
pub mod surfaces;
pub mod telemetry;
pub mod warden;
