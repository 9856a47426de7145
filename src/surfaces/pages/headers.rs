//! What a browser is told not to do on our pages.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Scripts, styles and connections from this server alone, nothing inline, no frame around us. Pictures may be data: the
/// preview of a file shows them. Frames are the app preview, which is sandboxed besides.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; font-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The policy of a page that shows another server besides: `sources` are its origins.
pub fn scripts_from(sources: &str) -> String {
    CONTENT_SECURITY_POLICY
        .replace("connect-src 'self'", &format!("connect-src 'self' {sources}"))
        .replace("img-src 'self'", &format!("img-src 'self' {sources}"))
}

/// Puts the security headers of a page on a response.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
