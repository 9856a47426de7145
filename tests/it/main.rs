//! Integration tests: a real server, spoken to like any client would.

mod layers;
mod sandbox;
