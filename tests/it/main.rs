//! Integration tests.
mod sandbox;
