//! The `image` pipeline: a prompt becomes a picture, step by step.

pub mod finish;
#[cfg(test)]
mod fixtures;
pub mod render;
pub mod scene;
