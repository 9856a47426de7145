//! How agents are executed.

pub mod children;
pub mod sandbox;
