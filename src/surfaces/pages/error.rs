//! Pages for what went wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::surfaces::pages::{base, html};

#[derive(Template)]
#[template(path = "pages/error.html")]
struct Page {
    assets: &'static str,
    code: u16,
    title: &'static str,
    detail: &'static str,
}

/// The page for an address where nothing is.
pub fn not_found() -> HttpResponse {
    error(StatusCode::NOT_FOUND)
}

/// The page for an error. What went wrong inside is for the log; a person is told what to do.
pub fn error(status: StatusCode) -> HttpResponse {
    let (title, detail) = match status.as_u16() {
        401 => ("Please sign in", "This board wants to know who reads it. Open it with a token."),
        403 => ("Not for this role", "Your token does not allow this page."),
        404 => (
            "Nothing is pinned here",
            "The project may have been deleted, or the address was typed with a slip of the finger.",
        ),
        429 => ("Too many at once", "Please wait a moment and load the page again."),
        503 => ("Back in a moment", "The server is starting or shutting down. Load the page again shortly."),
        400..=499 => ("This request makes no sense here", "Go back to the board and try from there."),
        _ => ("Something broke backstage", "It was logged. Loading the page again often helps."),
    };
    html(status, &Page { assets: base(), code: status.as_u16(), title, detail }).unwrap_or_else(|failure| {
        log::error!("the error page could not be rendered: {failure}");
        HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(title)
    })
}
