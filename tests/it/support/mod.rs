//! What several integration tests share.

pub(crate) mod sample_app;
