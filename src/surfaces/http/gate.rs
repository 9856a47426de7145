//! The gate in front of every request: host, origin and token are checked before anything else happens; every answer
//! leaves with a request id and the headers that keep browsers careful.
//!
//! Put it around the app with `middleware::from_fn(gate::pass)`, and an [`Auth`] into the app data. Connections that are
//! taken over for WebSockets never come by here: they call [`Auth::authorise_upgrade`] themselves.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use futures_util::future::{Ready, ready};
use uuid::Uuid;

use crate::auth::{Auth, Caller};
use crate::clock::random_bytes;
use crate::surfaces::http::head_of;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::unread;

/// Names a request in answers and in the log.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names of requests that one question to the kernel is good for.
const IDS_PER_FILL: usize = 64;

/// Headers of every answer that does not set them itself.
const CAREFUL: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "SAMEORIGIN"),
    ("cross-origin-opener-policy", "same-origin"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
];

/// What a page of a configured origin may send, and may see of the answer.
const CORS: [(&str, &str); 4] = [
    ("access-control-allow-methods", "GET, HEAD, POST, PATCH, DELETE"),
    ("access-control-allow-headers", "authorization, content-type, idempotency-key, last-event-id, range"),
    ("access-control-expose-headers", "location, etag, retry-after, x-request-id"),
    ("access-control-max-age", "600"),
];

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Without the gate nobody is anybody.
        ready(Ok(request.extensions().get::<Caller>().copied().unwrap_or(Caller::of(None))))
    }
}

/// Lets a request pass or answers it.
///
/// # Errors
/// What the services behind it answer.
pub async fn pass<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id();
    // Described only where somebody reads it: this is on the way of every request.
    let described = log::log_enabled!(log::Level::Debug)
        .then(|| (Instant::now(), format!("{} {}", request.method(), shown_path(request.path()))));
    let auth = request.app_data::<web::Data<Auth>>().cloned();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let admitted = match &auth {
        Some(auth) => auth.admit(&head_of(request.request().head())).map_err(Problem::from),
        None => Ok(Caller::of(None)),
    };
    let origin = origin.filter(|origin| {
        let text = origin.to_str().unwrap_or_default();
        auth.as_ref().is_some_and(|auth| auth.rim().is_configured_origin(text))
    });
    let held = unread::hold(&mut request);
    let mut answer = match admitted {
        Err(problem) => {
            log_refusal(request.method().as_str(), &problem);
            request.into_response(problem.error_response())
        }
        Ok(_) if origin.is_some() && is_preflight(&request) => {
            let mut answer = HttpResponse::NoContent();
            for header in CORS {
                answer.insert_header(header);
            }
            request.into_response(answer.finish())
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            one_range_or_whole(request.headers_mut());
            // No clone of the request may live across this: the router changes it in place.
            let mut answer = next.call(request).await?.map_into_boxed_body();
            if caller.session.is_some()
                && let Some(auth) = &auth
            {
                rotate(auth, &caller, answer.headers_mut());
            }
            answer
        }
    };
    finish(answer.headers_mut(), id, origin);
    if let Some((began, described)) = described {
        // The query is left out: it may carry a token.
        let (status, us) = (answer.status().as_u16(), began.elapsed().as_micros());
        log::debug!("{described} answered {status} in {us} us; request.id={id}");
    }
    Ok(match held {
        Some(held) => held.by(answer),
        None => answer,
    })
}

/// Gives a session another cookie when its cookie has served its time. With pages alone: a cookie that comes with what
/// scripts fetch beside each other might come in the wrong order.
fn rotate(auth: &Auth, caller: &Caller, headers: &mut HeaderMap) {
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page || headers.contains_key(header::SET_COOKIE) {
        return;
    }
    if let Some((cookie, seconds)) = auth.rotate(caller)
        && let Ok(value) = HeaderValue::from_str(&auth.rim().session_cookie(&cookie, seconds))
    {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Refusals that are logged within a while; a flood of them must not fill the log.
const REFUSALS_LOGGED_MAX: u64 = 50;
/// How long that while is.
const REFUSALS_WITHIN_MS: u64 = 10_000;

/// Logs, once, that somebody was turned away at the rim. Says nothing of tokens, and of addresses no more than the path.
pub fn log_refusal(what: &str, problem: &Problem) {
    static LOGGED: Logged = Logged::new();
    let Some(passed_over) = LOGGED.take() else { return };
    let (status, kind, detail) = (problem.status().as_u16(), problem.kind(), problem.detail());
    let more = if passed_over > 0 { format!(" ({passed_over} more were not logged)") } else { String::new() };
    log::info!("{what} was refused with {status}, {kind}: {detail}{more}");
}

/// How much was logged lately.
struct Logged {
    began_ms: AtomicU64,
    count: AtomicU64,
}

impl Logged {
    const fn new() -> Self {
        Self { began_ms: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    /// Whether there is room for another line, and how many were passed over before it.
    fn take(&self) -> Option<u64> {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        // From one on: zero is the while before the first.
        let now_ms =
            u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX) + 1;
        let began_ms = self.began_ms.load(Ordering::Relaxed);
        if began_ms == 0 || now_ms - began_ms.min(now_ms) >= REFUSALS_WITHIN_MS {
            self.began_ms.store(now_ms, Ordering::Relaxed);
            return Some(self.count.swap(1, Ordering::Relaxed).saturating_sub(REFUSALS_LOGGED_MAX));
        }
        (self.count.fetch_add(1, Ordering::Relaxed) < REFUSALS_LOGGED_MAX).then_some(0)
    }
}

/// A path as it may be logged: that of a share link is a token.
fn shown_path(path: &str) -> &str {
    if path.starts_with("/share/") { "/share/…" } else { path }
}

/// Who asks for several ranges of a file gets the whole of it (RFC 9110 section 14.2), never the first of them as if it were
/// all.
fn one_range_or_whole(headers: &mut HeaderMap) {
    let asked = headers.get_all(header::RANGE);
    let ranges: usize = asked.map(|value| value.as_bytes().split(|byte| *byte == b',').count()).sum();
    if ranges > 1 {
        headers.remove(header::RANGE);
    }
}

/// What every answer to a request without an origin leaves with; for those that do not come by the gate.
pub fn careful(headers: &mut HeaderMap) {
    finish(headers, request_id(), None);
}

thread_local! {
    /// Random bytes in store, so that not every request asks the kernel for some.
    static CHANCE: RefCell<Vec<[u8; 10]>> = const { RefCell::new(Vec::new()) };
}

/// A name for a request: unlike any other, and that is all.
fn request_id() -> Uuid {
    let chance = CHANCE.with_borrow_mut(|store| {
        if store.is_empty() {
            let mut bytes = [0; 10 * IDS_PER_FILL];
            random_bytes(&mut bytes).ok()?;
            store.extend(bytes.as_chunks().0);
        }
        store.pop()
    });
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match chance {
        Some(chance) => {
            let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
        }
        None => Uuid::now_v7(),
    }
}

fn is_preflight(request: &ServiceRequest) -> bool {
    *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn finish(headers: &mut HeaderMap, id: Uuid, origin: Option<HeaderValue>) {
    for (name, value) in CAREFUL {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let (name, value) = CORS[2];
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;
