//! What every HTTP surface shares: the front of connections, the gate in front of all requests, bodies with limits, routes that know their
//! methods, and errors as problem documents.

pub mod body;
pub mod card;
pub mod front;
pub mod gate;
pub mod json;
pub mod passes;
pub mod problem;
pub mod query;
pub mod routes;
mod unread;

use actix_http::RequestHead;
use actix_web::http::header::{self, HeaderName};

use crate::auth::Head;

/// What the checks of [`crate::auth`] need of a request; the same for a handler's request and for the raw head of a
/// connection that is to be taken over.
pub fn head_of(head: &RequestHead) -> Head<'_> {
    let text = |name: HeaderName| head.headers().get(name).and_then(|value| value.to_str().ok());
    let has = |name: &'static str| head.headers().contains_key(name);
    let mut hosts = head.headers().get_all(header::HOST);
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        // Two hosts: whoever stands in front may have judged by the other one.
        (Some(_), Some(_)) => None,
        (None, _) => head.uri.authority().map(|authority| authority.as_str()),
    };
    Head {
        method: head.method.as_str(),
        query: head.uri.query().unwrap_or_default(),
        host,
        origin: text(header::ORIGIN),
        authorization: text(header::AUTHORIZATION),
        cookie: text(header::COOKIE),
        forwarded: has("forwarded") || has("x-forwarded-for"),
        forwarded_for: text(HeaderName::from_static("x-forwarded-for")),
        fetch_site: text(HeaderName::from_static("sec-fetch-site")),
        peer: head.peer_addr,
    }
}

/// The address a client reaches us at, as `scheme` of plain HTTP says it, like `http://localhost:8080`. The host was
/// checked by the gate.
pub fn base_url(public_url: Option<&str>, host: Option<&str>) -> String {
    match (public_url, host) {
        (Some(url), _) => url.to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    }
}

/// The same address for a WebSocket.
pub fn socket_url(base: &str, path: &str) -> String {
    match base.strip_prefix("http") {
        Some(rest) => format!("ws{rest}{path}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn two_hosts_are_none() {
        let one = TestRequest::get().insert_header(("host", "a")).to_http_request();
        assert_eq!(head_of(one.head()).host, Some("a"));
        let two =
            TestRequest::get().append_header(("host", "a")).append_header(("host", "b")).to_http_request();
        assert_eq!(head_of(two.head()).host, None);
    }

    #[test]
    fn sockets_have_the_scheme_that_fits() {
        let local = base_url(None, Some("localhost:1"));
        assert_eq!(socket_url(&local, "/x"), "ws://localhost:1/x");
        assert_eq!(socket_url(&base_url(Some("https://a.b"), Some("c")), "/x"), "wss://a.b/x");
        assert_eq!(socket_url(&base_url(None, None), "/x"), "/x");
    }
}
