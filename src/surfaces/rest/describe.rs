//! `/api/openapi.json` and `/api/asyncapi.json`: kept by hand, held to the routes by a test.

use actix_web::HttpResponse;

use crate::surfaces::http::query::NoQuery;

/// The REST surface.
pub const OPENAPI: &str = include_str!("openapi.json");
/// The sockets: project rooms, channels and Socket.IO.
pub const ASYNCAPI: &str = include_str!("asyncapi.json");

/// `GET /api/openapi.json`
pub async fn openapi(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI)
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
