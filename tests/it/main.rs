//! Integration tests.

mod packager;
mod sandbox;
mod support;
mod verifier;
