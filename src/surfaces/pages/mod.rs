//! What a person sees: pages rendered with the state they show, and the static files they use.
//!
//! A page gets the very JSON that the REST surface answers: it is embedded for the scripts, and read here for what
//! stands in the page before a script has run. So page and API cannot tell different stories.

mod admin;
pub(crate) mod assets;
mod error;
mod headers;
mod home;
mod project;
mod review;
mod routes;
mod sign_in;

pub use assets::base;
pub use error::{error, not_found};
pub use headers::{scripts_from, secure};
pub use home::HomeView;
pub use project::ProjectView;
pub use routes::configure;
pub(crate) use routes::page_of;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The JSON of the view does not have the shape that the page shows.
    #[error("the view of a page does not have its shape: {0}")]
    View(#[from] serde_json::Error),
    /// A template failed.
    #[error("a page could not be rendered: {0}")]
    Template(#[from] askama::Error),
}

impl actix_web::ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        error(self.status_code())
    }
}

/// The home page.
///
/// # Errors
/// When the template fails.
pub fn home(view: &HomeView) -> Result<HttpResponse, PageError> {
    html(StatusCode::OK, &home::Page::new(view))
}

/// The page of a project.
///
/// # Errors
/// When the template fails.
pub fn project(view: &ProjectView) -> Result<HttpResponse, PageError> {
    html(StatusCode::OK, &project::Page::new(view))
}

/// The dashboard.
///
/// # Errors
/// When the template fails.
pub fn dashboard() -> Result<HttpResponse, PageError> {
    html(StatusCode::OK, &admin::Page::new())
}

pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, PageError> {
    let mut response = HttpResponse::build(status)
        // The state stands in the page: a copy kept by the browser would be an old one.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type("text/html; charset=utf-8")
        .body(page.render()?);
    secure(response.headers_mut());
    Ok(response)
}

/// JSON in a form that can stand inside a `script` element: nothing in it can end the element or open a comment.
fn embedded(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    for character in json.chars() {
        match character {
            // These occur in strings alone, where the escape means the same.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", character as u32));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Words for a status.
fn status_text(status: Option<crate::domain::run::RunStatus>) -> &'static str {
    use crate::domain::run::RunStatus::*;
    match status {
        None => "Not started",
        Some(Queued) => "Queued",
        Some(Starting) => "Starting",
        Some(Running) => "Running",
        Some(Waiting) => "Waiting",
        Some(Pausing) => "Pausing",
        Some(Paused) => "Paused",
        Some(Cancelling) => "Cancelling",
        Some(Completed) => "Completed",
        Some(Partial) => "Partial",
        Some(Failed) => "Failed",
        Some(Cancelled) => "Cancelled",
        Some(TimedOut) => "Timed out",
    }
}

/// Which cue light a status shows.
fn tone(status: Option<crate::domain::run::RunStatus>) -> &'static str {
    use crate::domain::run::RunStatus::*;
    match status {
        None | Some(Queued | Paused) => "wait",
        Some(Starting | Running | Waiting | Pausing | Cancelling | Partial) => "standby",
        Some(Completed) => "go",
        Some(Failed | TimedOut) => "stop",
        Some(Cancelled) => "off",
    }
}

#[cfg(test)]
mod tests;
