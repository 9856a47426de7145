//! Takes a connection over from HTTP: the checks of an upgrade, the handshake, and the move to the shard it lives on.
//!
//! No middleware runs for an upgrade, so every check is called by hand, from here alone.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use actix_http::{HttpMessage, Request, h1};
use actix_web::http::{StatusCode, header};
use bytes::Bytes;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::auth::limits::Place;
use crate::broker::outlet::Outlet;
use crate::broker::shard::LocalShard;
use crate::domain::ids::ClientId;
use crate::surfaces::http::front::Fronted;
use crate::surfaces::websocket::assembly::MessageLimits;
use crate::surfaces::websocket::socket::Socket;
use crate::surfaces::websocket::{Peer, Session, connection};

/// A peer that acknowledges nothing for so long is given up by the kernel.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// Takes an upgrade to its end, on the thread of a shard.
pub type Upgrades = fn(LocalShard, Incoming) -> Pin<Box<dyn Future<Output = ()>>>;

/// A connection whose request was read and not answered yet.
pub struct Incoming {
    /// The request.
    pub request: Request,
    stream: TcpStream,
    read: Bytes,
    place: Option<Place>,
}

/// A connection that left HTTP behind.
pub struct Upgraded {
    stream: TcpStream,
    read: Bytes,
    place: Option<Place>,
}

impl Incoming {
    /// What the HTTP service hands over.
    pub fn new(request: Request, framed: Framed<Fronted, h1::Codec>) -> Self {
        let parts = framed.into_parts();
        let (stream, unread, place) = parts.io.into_parts();
        let mut read = parts.read_buf;
        read.extend_from_slice(&unread);
        Self { request, stream, read: read.freeze(), place }
    }

    /// Who is at the other end.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.request.peer_addr()
    }

    /// Checks that the request is a WebSocket handshake (RFC 6455 section 4.2.1).
    ///
    /// # Errors
    /// With the HTTP status and what is wrong.
    pub fn check(&self) -> Result<(), (StatusCode, String)> {
        verify_handshake(self.request.head()).map_err(|error| match error {
            HandshakeError::GetMethodRequired => {
                (StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET".to_owned())
            }
            HandshakeError::UnsupportedVersion => (
                StatusCode::UPGRADE_REQUIRED,
                "only version 13 of the WebSocket protocol is spoken".to_owned(),
            ),
            error => (StatusCode::BAD_REQUEST, format!("this is no WebSocket handshake: {error}")),
        })
    }

    /// Answers the handshake.
    ///
    /// # Errors
    /// When the peer is gone.
    pub async fn accept(mut self) -> std::io::Result<Upgraded> {
        let key =
            self.request.headers().get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], |key| key.as_bytes());
        let accept = hash_key(key);
        let mut head = Vec::with_capacity(160);
        head.extend_from_slice(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
        );
        head.extend_from_slice(&accept);
        head.extend_from_slice(b"\r\n\r\n");
        let socket = SockRef::from(&self.stream);
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
        self.stream.write_all(&head).await?;
        Ok(Upgraded { stream: self.stream, read: self.read, place: self.place })
    }

    /// Refuses, with a response of plain HTTP.
    pub async fn refuse(mut self, status: u16, reason: &str, headers: &[(&str, &str)], body: &str) {
        let mut response =
            format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            response.push_str(name);
            response.push_str(": ");
            response.push_str(value);
            response.push_str("\r\n");
        }
        response.push_str("\r\n");
        response.push_str(body);
        // A peer that is gone needs no refusal.
        let _ = self.stream.write_all(response.as_bytes()).await;
        let _ = self.stream.shutdown().await;
    }
}

impl Upgraded {
    /// Starts the connection's actor and its task on this thread.
    pub fn start_here<S: Session>(
        self,
        here: &LocalShard,
        limits: MessageLimits,
        session: impl FnOnce(ClientId) -> S,
    ) {
        serve(here.clone(), self.stream, self.read, self.place, limits, session);
    }

    /// Starts the connection's actor and its task, on the thread of shard `home` or on this one.
    ///
    /// # Errors
    /// When the stream cannot be moved.
    pub fn start<S: Session>(
        self,
        here: &LocalShard,
        home: Option<usize>,
        limits: MessageLimits,
        session: impl FnOnce(ClientId) -> S + Send + 'static,
    ) -> std::io::Result<()> {
        let Some(home) = home else {
            serve(here.clone(), self.stream, self.read, self.place, limits, session);
            return Ok(());
        };
        let stream = self.stream.into_std()?;
        let (read, place) = (self.read, self.place);
        here.run_on(home, move |there| match TcpStream::from_std(stream) {
            Ok(stream) => serve(there, stream, read, place, limits, session),
            Err(error) => log::warn!("a connection could not be moved to its shard: {error}"),
        });
        Ok(())
    }
}

fn serve<S: Session>(
    shard: LocalShard,
    stream: TcpStream,
    read: Bytes,
    place: Option<Place>,
    limits: MessageLimits,
    session: impl FnOnce(ClientId) -> S,
) {
    let client = ClientId::generate();
    let outlet = Rc::new(Outlet::new(client, stream));
    shard.adopt(&outlet);
    let peer = Peer { shard: shard.clone(), outlet: outlet.clone() };
    let said = Socket::start(session(client), peer, limits, read);
    let run = connection::run(shard, outlet, said);
    match place {
        None => drop(actix::spawn(run)),
        Some(place) => drop(actix::spawn(async move {
            run.await;
            drop(place);
        })),
    }
}
