//! The rim: only here is HTTP or a wire format known. Handlers decode, call the service, encode.

pub mod http;
