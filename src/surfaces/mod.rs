//! The rim: only here is HTTP or a wire format known.

pub mod pages;
