//! `/api/openapi.json` and `/api/asyncapi.json`: kept by hand, held to the routes by a test.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::service::Service;
use crate::surfaces::http::query::NoQuery;

/// The REST surface.
pub const OPENAPI: &str = include_str!("openapi.json");
/// The sockets: project rooms, channels and Socket.IO.
pub const ASYNCAPI: &str = include_str!("asyncapi.json");

/// `GET /api/openapi.json`
pub async fn openapi(service: web::Data<Service>, _: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(with_pipelines(&service.pipelines()))
}

/// The description for a server that knows these pipelines: some are configured.
fn with_pipelines(names: &[String]) -> Value {
    let mut document: Value =
        serde_json::from_str(OPENAPI).expect("the description is JSON, a test reads it");
    let named: Vec<Value> = names.iter().map(|name| json!(name)).chain([Value::Null]).collect();
    document["components"]["schemas"]["NewProject"]["properties"]["pipeline"]["enum"] = json!(named);
    document
}

/// `GET /api/asyncapi.json`
pub async fn asyncapi(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(ASYNCAPI)
}

/// For tests of whoever says something: holds what is said to its description, member by member.
#[cfg(test)]
pub(crate) fn assert_described(message: &str, said: &serde_json::Value) {
    let document: serde_json::Value = serde_json::from_str(ASYNCAPI).expect("the description is JSON");
    let payload = &document["components"]["messages"][message]["payload"];
    assert!(payload.is_object(), "{message} is described");
    assert_members(message, payload, said);
}

#[cfg(test)]
fn assert_members(place: &str, schema: &serde_json::Value, said: &serde_json::Value) {
    let Some(described) = schema["properties"].as_object() else { return };
    for (name, value) in said.as_object().into_iter().flatten() {
        let schema = described.get(name).unwrap_or_else(|| panic!("{place}.{name} is not described"));
        let kind = match value {
            serde_json::Value::Null => "null",
            serde_json::Value::Bool(_) => "boolean",
            serde_json::Value::Number(number) if number.is_f64() => "number",
            serde_json::Value::Number(_) => "integer",
            serde_json::Value::String(_) => "string",
            serde_json::Value::Array(_) => "array",
            serde_json::Value::Object(_) => "object",
        };
        let allowed = match &schema["type"] {
            serde_json::Value::String(one) => vec![one.clone()],
            serde_json::Value::Array(several) => {
                several.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let fits = allowed.is_empty()
            || allowed.iter().any(|one| one == kind || (one == "number" && kind == "integer"));
        assert!(fits, "{place}.{name} is {kind}, described as {allowed:?}");
        assert_members(&format!("{place}.{name}"), schema, value);
    }
    for name in described.keys() {
        let left_out = ["run_id", "skipped", "state"].contains(&name.as_str());
        assert!(left_out || said.get(name).is_some(), "{place}.{name} is described and not said");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipelines_of_a_server_are_described() {
        let document = with_pipelines(&["app".to_owned(), "mine".to_owned()]);
        let pipeline = &document["components"]["schemas"]["NewProject"]["properties"]["pipeline"];
        assert_eq!(pipeline, &json!({ "type": ["string", "null"], "enum": ["app", "mine", null] }));
    }
}
