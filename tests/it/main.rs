<<<<<<< HEAD
//! Integration tests: a real server, spoken to like any client would.

mod layers;
=======
//! Integration tests.

mod packager;
mod sandbox;
mod support;
mod verifier;
>>>>>>> check
