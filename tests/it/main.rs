//! Integration tests.
mod sandbox;
mod support;
mod verifier;
