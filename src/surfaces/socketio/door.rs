//! The way in: polls and bodies over HTTP, WebSockets over an upgrade.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::sync::oneshot;

use crate::auth::{Auth, AuthError, Caller};
use crate::broker::Broker;
use crate::surfaces::http::card::user_agent;
use crate::surfaces::http::gate::log_refusal;
use crate::surfaces::http::head_of;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::socketio::hub::{Full, Hub};
use crate::surfaces::socketio::link::{Opener, PollAnswer};
use crate::surfaces::socketio::socket::{EngineSocket, Role};
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::pace::Verdict;
use crate::surfaces::websocket::upgrade::Incoming;

/// A posted body must be here within this time.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// Fragments one message may have.
const FRAGMENTS_MAX: usize = 64;

/// What the doors of one thread need; cheap to clone.
#[derive(Clone)]
pub struct Door {
    /// The sessions.
    pub hub: Hub,
    /// Who may come in.
    pub auth: Auth,
    /// Whose connections count.
    pub broker: Broker,
    /// Connections that may be open at the same time.
    pub connections_max: usize,
}

/// Why a request is refused, in the words and numbers of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    Transport,
    UnknownSid,
    Method,
    BadRequest,
    Version,
    Forbidden(AuthError),
    TooLarge,
    Full,
}

impl Refusal {
    fn parts(&self) -> (StatusCode, u8, String) {
        let (status, code, message) = match self {
            Refusal::Transport => (StatusCode::BAD_REQUEST, 0, "Transport unknown"),
            Refusal::UnknownSid => (StatusCode::BAD_REQUEST, 1, "Session ID unknown"),
            Refusal::Method => (StatusCode::BAD_REQUEST, 2, "Bad handshake method"),
            Refusal::BadRequest => (StatusCode::BAD_REQUEST, 3, "Bad request"),
            Refusal::Version => (StatusCode::BAD_REQUEST, 5, "Unsupported protocol version"),
            Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 3, "Payload too large"),
            Refusal::Full => (StatusCode::SERVICE_UNAVAILABLE, 3, "Too many sessions"),
            Refusal::Forbidden(error) => {
                return (Problem::from(error.clone()).status(), 4, error.to_string());
            }
        };
        (status, code, message.to_owned())
    }

    fn body(&self) -> (StatusCode, String) {
        let (status, code, message) = self.parts();
        (status, serde_json::json!({ "code": code, "message": message }).to_string())
    }

    fn retry_after(&self) -> Option<String> {
        match self {
            Refusal::Full => Some("5".to_owned()),
            Refusal::Forbidden(AuthError::TooMany { retry_after_s }) => Some(retry_after_s.to_string()),
            _ => None,
        }
    }

    fn response(&self) -> HttpResponse {
        let (status, body) = self.body();
        let mut response = HttpResponse::build(status);
        if let Some(after) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, after));
        }
        response.content_type("application/json").body(body)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Polling,
    WebSocket,
}

/// What the query of a request says.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    transport: Transport,
    sid: Option<String>,
}

fn query_of(text: &str) -> Result<Query, Refusal> {
    let value = |name: &str| {
        text.split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|pair| pair.1)
    };
    let transport = match value("transport") {
        Some("polling") => Transport::Polling,
        Some("websocket") => Transport::WebSocket,
        _ => return Err(Refusal::Transport),
    };
    if value("EIO") != Some("4") {
        return Err(Refusal::Version);
    }
    Ok(Query { transport, sid: value("sid").map(str::to_owned) })
}

/// Registers the addresses of Socket.IO, with and without the last slash, and the browser client beside it.
pub fn configure(config: &mut web::ServiceConfig, door: Door) {
    config
        .service(
            web::resource("/socket.io/socket.io.js")
                .route(web::get().to(bundle))
                .route(web::head().to(bundle)),
        )
        .service(web::resource(["/socket.io/", "/socket.io"]).app_data(door).to(handle));
}

/// The official browser client.
async fn bundle(request: HttpRequest) -> HttpResponse {
    crate::surfaces::pages::assets::file(&request, "vendor/socket.io/socket.io.js")
}

/// Answers what comes over HTTP. Put a [`Door`] into the app data of the resource.
pub async fn handle(request: HttpRequest, body: web::Payload) -> HttpResponse {
    let Some(door) = request.app_data::<Door>().cloned() else {
        return HttpResponse::NotFound().finish();
    };
    match door.polling(&request, body).await {
        Ok(text) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("text/plain; charset=UTF-8")
            .body(text),
        Err(refusal) => refusal.response(),
    }
}

impl Door {
    async fn polling(&self, request: &HttpRequest, body: web::Payload) -> Result<String, Refusal> {
        // A session is a socket, whatever carries it: pages of other origins are kept out of GET as well.
        let caller = self.auth.authorise_poll(&head_of(request.head())).map_err(Refusal::Forbidden)?;
        let query = query_of(request.query_string())?;
        if query.transport != Transport::Polling {
            return Err(Refusal::BadRequest);
        }
        match (query.sid, request.method()) {
            (None, &Method::GET) => {
                self.open(Opener { caller, user_agent: user_agent(request.head()).into() })
            }
            (None, _) => Err(Refusal::Method),
            (Some(sid), &Method::GET) => self.poll(sid).await,
            (Some(sid), &Method::POST) => self.post(sid, request, body).await,
            (Some(_), _) => Err(Refusal::BadRequest),
        }
    }

    fn open(&self, opener: Opener) -> Result<String, Refusal> {
        self.hub.open_polling(opener).map(|handshake| format!("0{handshake}")).map_err(|full| {
            if full == Full::Names {
                log::error!("no session can be named: the operating system gives no random bytes");
            }
            Refusal::Full
        })
    }

    async fn poll(&self, sid: String) -> Result<String, Refusal> {
        let home = Hub::home_of(&sid).ok_or(Refusal::UnknownSid)?;
        let id = self.hub.next_id();
        let (answer, answered) = oneshot::channel();
        let mut waiting = Waiting { hub: &self.hub, home, sid: sid.clone(), id, over: false };
        let asked = self.hub.at(home, move |hub| hub.poll(&sid, id, answer)).await;
        let answer = match asked {
            Some(()) => answered.await,
            None => return Err(Refusal::UnknownSid),
        };
        waiting.over = true;
        match answer {
            Ok(PollAnswer::Body(body)) => Ok(body),
            Ok(PollAnswer::Refused) | Err(_) => Err(Refusal::UnknownSid),
        }
    }

    async fn post(&self, sid: String, request: &HttpRequest, body: web::Payload) -> Result<String, Refusal> {
        let home = Hub::home_of(&sid).ok_or(Refusal::UnknownSid)?;
        let limit = self.hub.limits().terms.max_payload;
        let length = request.headers().get(header::CONTENT_LENGTH);
        if length
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok())
            .is_some_and(|length| length > limit)
        {
            return Err(Refusal::TooLarge);
        }
        let bytes = tokio::time::timeout(BODY_WITHIN, collect(body, limit))
            .await
            .map_err(|_| Refusal::BadRequest)??;
        let text = String::from_utf8(bytes.into()).map_err(|_| Refusal::BadRequest)?;
        let verdict = self.hub.at(home, move |hub| hub.post(&sid, &text)).await.flatten();
        match verdict.ok_or(Refusal::BadRequest)? {
            Verdict::Go => {}
            // The client sends its next body only when it has this answer.
            Verdict::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Verdict::TooFast => return Err(Refusal::BadRequest),
        }
        Ok("ok".to_owned())
    }

    /// Handles an upgrade to its end: a WebSocket, or a refusal.
    pub async fn enter(&self, incoming: Incoming) {
        match self.admit(&incoming).await {
            Ok((caller, query)) => {
                if let Err(error) = self.upgrade(incoming, caller, query).await {
                    log::debug!("a connection was lost in its handshake: {error}");
                }
            }
            Err(refusal) => {
                let (status, body) = refusal.body();
                let mut headers = vec![("Content-Type", "application/json"), ("Cache-Control", "no-store")];
                let retry_after = refusal.retry_after();
                headers.extend(retry_after.as_deref().map(|after| ("Retry-After", after)));
                if let Refusal::Forbidden(error) = &refusal {
                    log_refusal("a Socket.IO socket", &Problem::from(error.clone()));
                }
                let reason = status.canonical_reason().unwrap_or_default();
                incoming.refuse(status.as_u16(), reason, &headers, &body).await;
            }
        }
    }

    async fn admit(&self, incoming: &Incoming) -> Result<(Caller, Query), Refusal> {
        let head = incoming.request.head();
        let caller = self.auth.authorise_upgrade(&head_of(head)).map_err(Refusal::Forbidden)?;
        let query = query_of(head.uri.query().unwrap_or_default())?;
        incoming.check().map_err(|_| Refusal::BadRequest)?;
        if query.transport != Transport::WebSocket {
            return Err(Refusal::BadRequest);
        }
        if self.broker.counters().connections.load(Ordering::Relaxed) >= self.connections_max as u64 {
            return Err(Refusal::Full);
        }
        if let Some(sid) = query.sid.clone() {
            let home = Hub::home_of(&sid).ok_or(Refusal::UnknownSid)?;
            // One that cannot be taken over is let in and closed: so does the reference, and clients expect it.
            if self.hub.at(home, move |hub| hub.knows(&sid)).await != Some(true) {
                return Err(Refusal::UnknownSid);
            }
        }
        Ok((caller, query))
    }

    async fn upgrade(&self, incoming: Incoming, caller: Caller, query: Query) -> std::io::Result<()> {
        let user_agent = user_agent(incoming.request.head());
        let upgraded = incoming.accept().await?;
        let here = self.hub.shard();
        let bytes = self.hub.limits().terms.max_payload;
        let limits = MessageLimits { bytes, fragments: FRAGMENTS_MAX };
        let home = query.sid.as_deref().and_then(Hub::home_of).filter(|home| *home != here.index());
        let (find, id) = (self.hub.finder(), self.hub.next_id());
        upgraded.start(here, home, limits, move |_| {
            let role = match query.sid {
                Some(sid) => Role::Probe(sid),
                None => Role::Direct(Opener { caller, user_agent: user_agent.into() }),
            };
            EngineSocket::new(find(), id, role)
        })
    }
}

/// A poll that waits. Dropped before its answer came, it is one that the client gave up.
struct Waiting<'a> {
    hub: &'a Hub,
    home: usize,
    sid: String,
    id: u64,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            let (sid, id) = (std::mem::take(&mut self.sid), self.id);
            self.hub.tell(self.home, move |hub| hub.poll_aborted(&sid, id));
        }
    }
}

async fn collect(mut body: web::Payload, limit: usize) -> Result<BytesMut, Refusal> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Refusal::BadRequest)?;
        if bytes.len() + chunk.len() > limit {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The words that a shard says on WebSockets of this surface; a client that hears a plain close comes back by itself.
pub(super) fn phrases() -> Arc<dyn crate::broker::shard::Phrases> {
    static PHRASES: std::sync::OnceLock<Arc<SocketPhrases>> = std::sync::OnceLock::new();
    PHRASES.get_or_init(|| Arc::new(SocketPhrases)).clone()
}

struct SocketPhrases;

impl crate::broker::shard::Phrases for SocketPhrases {
    fn presence(&self, _: u64) -> bytes::Bytes {
        bytes::Bytes::new()
    }

    fn ping(&self) -> bytes::Bytes {
        crate::surfaces::websocket::frame::ping()
    }

    fn shutdown(&self, _: u64) -> (bytes::Bytes, u16) {
        const GOING_AWAY: u16 = 1001;
        (crate::surfaces::websocket::frame::close(GOING_AWAY, "the server goes down"), GOING_AWAY)
    }

    fn slot(&self, _: &str) -> bytes::Bytes {
        bytes::Bytes::new()
    }

    fn follow_later(&self, _: u64) -> bytes::Bytes {
        bytes::Bytes::new()
    }

    fn removed(&self) -> (bytes::Bytes, u16) {
        self.shutdown(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let ok = |transport, sid: Option<&str>| Ok(Query { transport, sid: sid.map(str::to_owned) });
        for (text, expected) in [
            ("EIO=4&transport=polling", ok(Transport::Polling, None)),
            ("EIO=4&transport=polling&t=abc&sid=x", ok(Transport::Polling, Some("x"))),
            ("transport=websocket&EIO=4&sid=", ok(Transport::WebSocket, Some(""))),
            ("transport=polling", Err(Refusal::Version)),
            ("EIO=abc&transport=polling", Err(Refusal::Version)),
            ("EIO=3&transport=polling", Err(Refusal::Version)),
            ("EIO=4", Err(Refusal::Transport)),
            ("EIO=4&transport=abc", Err(Refusal::Transport)),
            ("", Err(Refusal::Transport)),
        ] {
            assert_eq!(query_of(text), expected, "{text}");
        }
    }
}
