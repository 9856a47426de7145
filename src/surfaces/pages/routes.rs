//! The addresses of the pages.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::auth::policy::Action;
use crate::auth::{AuthError, Caller};
use crate::service::Service;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::routes::at;
use crate::surfaces::pages::review::ReviewView;
use crate::surfaces::pages::{
    HomeView, PageError, ProjectView, assets, dashboard, error, home, html, not_found, project, review,
    sign_in,
};
use crate::surfaces::rest::projects::{newest_json, project_json};

/// Where the dashboard is.
const DASHBOARD: &str = "/admin";

/// Registers pages and static files, and a page for every address that nothing else knows.
pub fn configure(config: &mut web::ServiceConfig) {
    assets::configure(config);
    sign_in::configure(config);
    config
        .service(at("/").get(show_home).done())
        .service(at("/projects/{id}").get(show_project).done())
        .service(at("/admin").get(show_dashboard).done())
        .service(at("/projects/{id}/review").get(show_review).done())
        .service(at("/captions").get(new_captions).done())
        .default_service(web::to(|| async { not_found() }));
}

async fn show_home(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
) -> Result<HttpResponse, PageError> {
    match newest_json(&service, caller).await {
        Ok(projects) => home(&HomeView::from_json(&projects)?),
        Err(problem) => Ok(page_of(&request, &problem)),
    }
}

async fn show_project(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    match project_json(&request, &service, caller, &id).await {
        Ok(json) => {
            let may_change = id.parse().is_ok_and(|id| caller.may_in(Action::ControlRuns, id).is_ok());
            project(&ProjectView::from_json(&json)?.read_only(!may_change))
        }
        Err(problem) => Ok(page_of(&request, &problem)),
    }
}

async fn show_dashboard(caller: Caller) -> Result<HttpResponse, PageError> {
    match caller.may(Action::SeeServer) {
        Ok(()) => dashboard(),
        Err(AuthError::NoToken { .. }) => Ok(sign_in::ask(DASHBOARD)),
        Err(refused) => Ok(sign_in::ask_for_more(DASHBOARD, &refused)),
    }
}

/// Where a person looks over the texts of a project's images.
async fn show_review(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    match project_json(&request, &service, caller, &id).await {
        Ok(json) => {
            let may_change = id.parse().is_ok_and(|id| caller.may_in(Action::ControlRuns, id).is_ok());
            let view = ReviewView::from_json(&json, !may_change)?;
            if view.is_of_captions() {
                html(StatusCode::OK, &review::Page::new(&view))
            } else {
                Ok(not_found())
            }
        }
        Err(problem) => Ok(page_of(&request, &problem)),
    }
}

/// Where a new set of images begins.
async fn new_captions(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    match caller.may(Action::ManageProjects) {
        Ok(()) => html(StatusCode::OK, &review::NewPage::new()),
        Err(error) => Ok(page_of(&request, &Problem::from(crate::service::error::ServiceError::Auth(error)))),
    }
}

/// The page that says such a problem; a stranger is asked to sign in.
pub(crate) fn page_of(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    match problem.status() {
        // Without the query: a token in it was wrong, or it would not be asked for.
        StatusCode::UNAUTHORIZED => sign_in::ask(request.path()),
        StatusCode::NOT_FOUND => not_found(),
        status => error(status),
    }
}
