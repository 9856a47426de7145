//! The addresses of the pages.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::auth::Caller;
use crate::service::Service;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::routes::at;
use crate::surfaces::pages::{HomeView, PageError, ProjectView, assets, error, home, not_found, project};
use crate::surfaces::rest::projects::{newest_json, project_json};

/// Registers pages and static files, and a page for every address that nothing else knows.
pub fn configure(config: &mut web::ServiceConfig) {
    assets::configure(config);
    config
        .service(at("/").get(show_home).done())
        .service(at("/projects/{id}").get(show_project).done())
        .default_service(web::to(|| async { not_found() }));
}

async fn show_home(service: web::Data<Service>, caller: Caller) -> Result<HttpResponse, PageError> {
    match newest_json(&service, caller).await {
        Ok(projects) => home(&HomeView::from_json(&projects)?),
        Err(problem) => Ok(page_of(&problem)),
    }
}

async fn show_project(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    match project_json(&request, &service, caller, &id).await {
        Ok(json) => project(&ProjectView::from_json(&json)?),
        Err(problem) => Ok(page_of(&problem)),
    }
}

fn page_of(problem: &Problem) -> HttpResponse {
    match problem.status() {
        StatusCode::NOT_FOUND => not_found(),
        status => error(status),
    }
}
