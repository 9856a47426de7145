//! Running pipelines.

pub mod executors;
