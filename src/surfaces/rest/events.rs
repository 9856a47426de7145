//! `GET /api/projects/{id}/events`: the log as JSON, or live as server-sent events.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::broker::Gap;
use crate::domain::position::Position;
use crate::service::Service;
use crate::service::events::{EventAnswer, EventPage};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::Query;
use crate::surfaces::rest::projects::project_id;
use crate::surfaces::sse;

/// Events of one page when nothing is said.
const PAGE_DEFAULT: usize = 500;
/// Events of one page at most.
const PAGE_MAX: usize = 5_000;

/// `GET /api/projects/{id}/events`
pub async fn read(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = project_id(&id)?;
    let mut query = Query::of(request.query_string());
    let since = query.parsed::<Position>("since", "a position that the server gave out");
    let limit = query.limit(PAGE_DEFAULT, PAGE_MAX);
    query.finish()?;
    if sse::wants(&request) {
        return sse::follow(&request, &service, caller, id, since).await;
    }
    match service.events(caller, id, since, limit).await? {
        EventAnswer::Page(page) => Ok(HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "accept"))
            .content_type("application/json")
            .body(page_json(&page))),
        EventAnswer::Gone { gap, room } => {
            let detail = match gap {
                Some(_) => {
                    "the log no longer reaches back to this position; begin anew at the state given here"
                }
                None => "the log has never reached this position; begin anew at the state given here",
            };
            let state: Value = serde_json::from_str(&room.state_json).map_err(|error| {
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            })?;
            Err(Problem::new(StatusCode::GONE, "gone", detail)
                .with("gap", gap_json(gap))
                .with("state", state)
                .with("position", room.position.to_string()))
        }
    }
}

/// A range that is missing, as it is said on every transport.
pub fn gap_json(gap: Option<Gap>) -> Value {
    gap.map_or(Value::Null, |gap| json!({ "from_seq": gap.from_seq, "to_seq": gap.to_seq }))
}

/// The events are JSON already, so they are joined and not encoded again.
fn page_json(page: &EventPage) -> String {
    let events = page.events.join(",");
    format!(r#"{{"events":[{events}],"position":"{}","more":{}}}"#, page.position, page.more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::Epoch;

    #[test]
    fn pages_are_json() {
        let position = Position { epoch: Epoch(1), seq: 2 };
        for events in [vec![], vec!["{\"seq\":1}".to_owned(), "{\"seq\":2}".to_owned()]] {
            let count = events.len();
            let page: Value =
                serde_json::from_str(&page_json(&EventPage { events, position, more: true })).unwrap();
            assert_eq!(page["events"].as_array().unwrap().len(), count);
            assert_eq!((&page["position"], &page["more"]), (&json!("00000001-2"), &json!(true)));
        }
    }
}
