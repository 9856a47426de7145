//! Agent 10, `tests`.
