//! One operation, many doors: authorise, validate, then ask broker, runs or engine. Doors decode, call and encode.

pub mod error;
