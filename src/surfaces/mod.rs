//! The rim: only here is HTTP or a wire format known. Handlers decode, call the service, encode.

pub mod admin;
pub mod channels;
pub mod demo;
pub mod http;
pub mod pages;
pub mod rest;
pub mod room;
pub mod socketio;
pub mod sse;
pub mod vocabulary;
pub mod websocket;
