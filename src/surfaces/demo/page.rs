//! `/intel` and `/snapdragon`: one page, named after the platform that it runs on; beside it a second machine when its
//! address is given.

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{StatusCode, Uri};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::auth::Caller;
use crate::auth::policy::Action;
use crate::surfaces::pages::{PageError, base, html, page_of, scripts_from};

#[derive(Template)]
#[template(path = "pages/demo.html")]
struct Page<'a> {
    assets: &'static str,
    platform: &'static str,
    other: Option<&'a str>,
}

/// `GET /intel`
pub(super) async fn intel(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    page("Intel", &request, caller)
}

/// `GET /snapdragon`
pub(super) async fn snapdragon(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    page("Snapdragon", &request, caller)
}

fn page(platform: &'static str, request: &HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    if let Err(refused) = caller.may(Action::Read) {
        return Ok(page_of(request, &refused.into()));
    }
    let other = other(request.query_string());
    let page = Page { assets: base(), platform, other: other.as_ref().map(|other| other.origin.as_str()) };
    let mut response = html(StatusCode::OK, &page)?;
    // The page may speak to the other machine, and to no third one.
    if let Some(policy) = other.and_then(|other| HeaderValue::from_str(&scripts_from(&other.sources())).ok())
    {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// The other machine.
#[derive(Debug, PartialEq)]
struct Other {
    /// Like `http://192.168.1.20:8080`.
    origin: String,
    /// The same for WebSockets.
    socket: String,
}

impl Other {
    fn sources(&self) -> String {
        format!("{} {}", self.origin, self.socket)
    }
}

/// The machine that `other` in a query names: an address with or without `http://`. What is none is passed over; the page
/// has a field to correct it.
fn other(query: &str) -> Option<Other> {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("other="))?;
    let given = percent_encoding::percent_decode_str(given).decode_utf8().ok()?;
    let given = given.trim().trim_end_matches('/');
    let address = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let uri: Uri = address.parse().ok()?;
    let socket = match uri.scheme_str()? {
        "http" => "ws",
        "https" => "wss",
        _ => return None,
    };
    let host = uri.authority()?.as_str();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.:[]".contains(letter);
    if host.is_empty() || !host.chars().all(plain) || !matches!(uri.path(), "" | "/") {
        return None;
    }
    Some(Other { origin: format!("{}://{host}", uri.scheme_str()?), socket: format!("{socket}://{host}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_machine_is_an_origin_and_nothing_else() {
        let origin = |query: &str| other(query).map(|other| other.origin);
        assert_eq!(origin("other=10.0.0.5%3A8080"), Some("http://10.0.0.5:8080".to_owned()));
        assert_eq!(origin("a=b&other=https%3A%2F%2Fpc.local%2F"), Some("https://pc.local".to_owned()));
        assert_eq!(other("other=https://x").unwrap().sources(), "https://x wss://x");
        for bad in [
            "",
            "other=",
            "other=ftp://x",
            "other=http://a%20b",
            "other=http://a;script-src%20*",
            "other=http://u:p@x",
            "other=http://x/path",
            "other=%27self%27",
        ] {
            assert_eq!(other(bad), None, "{bad}");
        }
    }
}
