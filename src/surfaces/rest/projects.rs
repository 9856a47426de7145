//! `/api/projects` and `/api/projects/{id}`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::ids::ProjectId;
use crate::domain::run::RunStatus;
use crate::domain::time::Timestamp;
use crate::service::Service;
use crate::service::projects::{NewProject, ProjectChange};
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};
use crate::surfaces::http::{base_url, head_of, socket_url};
use crate::surfaces::rest::runs::idempotency_key;
use crate::surfaces::rest::wire;

/// Projects of one page when nothing is said.
const PAGE_DEFAULT: usize = 50;
/// Projects of one page at most.
const PAGE_MAX: usize = 200;

/// The project that an address names; what is no id names none.
pub(super) fn project_id(text: &str) -> Result<ProjectId, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is no such project"))
}

/// Where the socket of a project is, as this client reaches us.
pub(super) fn ws_url(request: &HttpRequest, service: &Service, id: ProjectId) -> String {
    let public = service.config().http.public_url.as_deref();
    socket_url(&base_url(public, head_of(request.head()).host), &wire::socket_path(id))
}

/// `POST /api/projects`
pub async fn create(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request.headers(), "create-project", &body.bytes)?;
    let project = service.create_project(caller, new_project(body.value)?, key).await?;
    let url = ws_url(&request, &service, project.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, wire::project_path(project.id)))
        .json(wire::project(&project, &url)))
}

fn new_project(body: Value) -> Result<NewProject, Problem> {
    let mut fields = Fields::of(body)?;
    let id = fields.text("id").map(|text| {
        let id = text.parse::<ProjectId>();
        if id.is_err() {
            fields.wrong("id", "must be a UUID in its hyphenated form");
        }
        id
    });
    let name = fields.text("name");
    let brief = fields.text("brief");
    let brief = fields.required("brief", brief);
    let pipeline = fields.text("pipeline");
    let params = fields.object("params").unwrap_or_default();
    fields.finish().map_err(Problem::invalid)?;
    Ok(NewProject { id: id.and_then(Result::ok), name, brief: brief.unwrap_or_default(), pipeline, params })
}

/// `GET /api/projects`
pub async fn list(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let limit = query.limit(PAGE_DEFAULT, PAGE_MAX);
    let before = query.text("cursor").and_then(|text| {
        let cursor = read_cursor(&text);
        if cursor.is_none() {
            query.wrong("cursor", "must be a next_cursor of an earlier answer");
        }
        cursor
    });
    let status = query.text("status").and_then(|text| {
        let status = RunStatus::parse(&text);
        if status.is_none() {
            let names: Vec<_> = RunStatus::ALL.into_iter().map(RunStatus::as_str).collect();
            query.wrong("status", format!("must be one of {}", names.join(", ")));
        }
        status
    });
    query.finish()?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(list_json(&service, caller, limit, before, status).await?))
}

/// The newest projects as REST answers them and as the home page embeds them.
///
/// # Errors
/// When the caller may not read.
pub async fn newest_json(service: &Service, caller: Caller) -> Result<String, Problem> {
    Ok(list_json(service, caller, PAGE_DEFAULT, None, None).await?.to_string())
}

async fn list_json(
    service: &Service,
    caller: Caller,
    limit: usize,
    before: Option<(Timestamp, ProjectId)>,
    status: Option<RunStatus>,
) -> Result<Value, Problem> {
    let page = service.list_projects(caller, limit, before, status).await?;
    let projects: Vec<Value> =
        page.projects.iter().map(|(project, run)| wire::project_line(project, run.as_ref())).collect();
    let next_cursor = page.next.map(|(at, id)| format!("{}.{id}", at.0));
    Ok(json!({ "projects": projects, "next_cursor": next_cursor }))
}

fn read_cursor(text: &str) -> Option<(Timestamp, ProjectId)> {
    let (at, id) = text.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), id.parse().ok()?))
}

/// A project as REST answers it and as its page embeds it.
///
/// # Errors
/// When there is no such project or the caller may not read.
pub async fn project_json(
    request: &HttpRequest,
    service: &Service,
    caller: Caller,
    id: &str,
) -> Result<String, Problem> {
    let id = project_id(id)?;
    let view = service.project(caller, id).await?;
    Ok(wire::project_view(&view, &ws_url(request, service, id)))
}

/// `GET /api/projects/{id}`
pub async fn show(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(project_json(&request, &service, caller, &id).await?))
}

/// `PATCH /api/projects/{id}`
pub async fn update(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    let mut fields = Fields::of(body.value)?;
    let change = ProjectChange {
        name: fields.text("name"),
        brief: fields.text("brief"),
        params: fields.object("params"),
    };
    fields.finish().map_err(Problem::invalid)?;
    let project = service.update_project(caller, id, change).await?;
    Ok(HttpResponse::Ok().json(wire::project(&project, &ws_url(&request, &service, id))))
}

/// `DELETE /api/projects/{id}`
pub async fn remove(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    service.delete_project(caller, project_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: Value) -> Vec<String> {
        let document = new_project(body).unwrap_err().document();
        let errors = document["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn bodies_of_new_projects() {
        let good = new_project(json!({ "brief": "b", "params": { "seed": 1 }, "name": null })).unwrap();
        assert_eq!((good.brief.as_str(), good.name, good.params.len()), ("b", None, 1));
        for (body, expected) in [
            (json!({}), &["brief"][..]),
            (json!({ "brief": 1 }), &["brief"]),
            (json!({ "brief": "b", "id": "x" }), &["id"]),
            (json!({ "brief": "b", "id": "0190a00000007000800000000000000a" }), &["id"]),
            (json!({ "brief": "b", "params": [] }), &["params"]),
            (json!({ "brief": "b", "breif": "c", "x": 1 }), &["breif", "x"]),
            (json!({ "name": ["n"] }), &["name", "brief"]),
            (json!([]), &["body"]),
            (json!("brief"), &["body"]),
        ] {
            assert_eq!(wrong(body.clone()), expected, "{body}");
        }
    }

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        let id = ProjectId::generate();
        assert_eq!(read_cursor(&format!("17.{id}")), Some((Timestamp(17), id)));
        for bad in ["", ".", "17", "17.", "x.y", &format!(".{id}")] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
