use actix_web::body::MessageBody;
use actix_web::http::{Method, header};
use actix_web::{App, HttpResponse, test as http};
use serde_json::{Value, json};

use super::*;

const ID: &str = "01980000-0000-7000-8000-0000000000aa";

fn project_json(name: &str, state: Value) -> String {
    let mut full = serde_json::to_value(crate::domain::fold::RoomState::default()).unwrap();
    full.as_object_mut().unwrap().extend(state.as_object().unwrap().clone());
    json!({
        "id": ID, "name": name, "brief": "Books with title", "pipeline": "app", "params": {},
        "created_at": "2026-11-20T09:30:00.000Z", "updated_at": "2026-11-20T09:30:00.000Z",
        "agents": [
            { "agent": "intake", "title": "Intake", "index": 1 },
            { "agent": "design", "title": "Design", "index": 2 },
        ],
        "state": full, "position": "00c0ffee-0", "ws_url": "", "files_url": "", "archive_url": "/api/x/archive.zip",
    })
    .to_string()
}

fn body(response: HttpResponse) -> String {
    let bytes = response.into_body().try_into_bytes().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What the script of the page will read.
fn initial(html: &str) -> Value {
    let (_, rest) = html.split_once("id=\"initial\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn rendered_project(name: &str, state: Value) -> String {
    let view = ProjectView::from_json(&project_json(name, state)).unwrap();
    body(project(&view).unwrap())
}

#[test]
fn embedded_json_cannot_end_its_element_and_means_the_same() {
    for text in [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "a & b",
        "\u{2028}\u{2029}",
        "plain ß 🎭",
        "\\u003c",
    ] {
        let json = json!({ "text": text }).to_string();
        let safe = embedded(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{safe}");
        assert_eq!(serde_json::from_str::<Value>(&safe).unwrap()["text"], text);
    }
}

#[test]
fn a_project_page_carries_exactly_the_json_it_was_given() {
    let json = project_json(
        "Books </script><b>",
        json!({ "status": "running", "progress": 41.9, "message": "<i>" }),
    );
    let html = body(project(&ProjectView::from_json(&json).unwrap()).unwrap());
    assert_eq!(initial(&html), serde_json::from_str::<Value>(&json).unwrap());
    assert!(!html.contains("<b>") && !html.contains("<i>"), "{html}");
}

#[test]
fn a_project_page_is_right_before_a_script_runs() {
    let agents = json!([{
        "agent": "intake", "title": "Intake", "index": 1, "total": 2, "status": "completed",
        "message": "Completed intake agent in 0.4s", "progress": 100, "duration_ms": 400,
    }]);
    let html = rendered_project("Books", json!({ "status": "running", "progress": 99.9, "agents": agents }));
    for expected in ["<h1", "Books", "Running", "value=\"99\"", "Completed intake agent in 0.4s", "Design"] {
        assert!(html.contains(expected), "{expected} in {html}");
    }
}

#[test]
fn a_project_that_never_ran_says_so() {
    assert!(rendered_project("Books", json!({})).contains("Not started"));
}

#[test]
fn a_view_of_another_shape_is_an_error() {
    for json in ["", "{}", "[]", r#"{"projects":[{"id":"x"}]}"#] {
        assert!(ProjectView::from_json(json).is_err(), "{json}");
        assert!(HomeView::from_json(json).is_err(), "{json}");
    }
}

#[test]
fn the_home_page_lists_projects_without_a_script() {
    let json = json!({ "next_cursor": null, "projects": [{
        "id": ID, "name": "A & B <x>", "brief": "", "pipeline": "app", "status": "timed_out", "progress": 3,
        "created_at": "", "updated_at": "", "run_id": null,
    }]})
    .to_string();
    let html = body(home(&HomeView::from_json(&json).unwrap()).unwrap());
    assert!(html.contains(&format!("/projects/{ID}")) && html.contains("Timed out"));
    assert!(!html.contains("<x>"));
}

#[test]
fn pages_have_no_inline_script_style_or_handler() {
    let attribute = regex::Regex::new(r#"(?i)<style|\sstyle=|\son[a-z]+="#).unwrap();
    let home_json = r#"{"projects":[],"next_cursor":null}"#;
    for html in [
        rendered_project("Books", json!({})),
        body(home(&HomeView::from_json(home_json).unwrap()).unwrap()),
        body(not_found()),
    ] {
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains("src=") || tag.contains("type=\"application/json\""), "{tag}");
        }
        assert!(attribute.find(&html).is_none(), "{:?}", attribute.find(&html));
    }
}

#[test]
fn every_page_is_closed_to_strangers() {
    for response in [not_found(), error(StatusCode::INTERNAL_SERVER_ERROR)] {
        let headers = response.headers();
        let policy = headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers.get("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-cache");
    }
}

async fn fetch(method: Method, path: &str, known: Option<&str>) -> (u16, header::HeaderMap, Vec<u8>) {
    let app = http::init_service(App::new().configure(configure)).await;
    let mut request = http::TestRequest::with_uri(path).method(method);
    if let Some(tag) = known {
        request = request.insert_header((header::IF_NONE_MATCH, tag));
    }
    let response = http::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, http::read_body(response).await.to_vec())
}

#[actix_web::test]
async fn static_files_have_their_media_type() {
    for (path, expected) in [
        ("/static/js/callboard.js", "text/javascript; charset=utf-8"),
        ("/static/css/base.css", "text/css; charset=utf-8"),
        ("/static/favicon.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
    ] {
        let (status, headers, bytes) = fetch(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), expected, "{path}");
        assert!(!bytes.is_empty());
    }
}

#[actix_web::test]
async fn a_known_file_is_not_sent_again() {
    let (_, headers, _) = fetch(Method::GET, "/static/js/callboard.js", None).await;
    let tag = headers.get(header::ETAG).unwrap().to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let (status, headers, bytes) = fetch(Method::GET, "/static/js/callboard.js", Some(&known)).await;
        assert_eq!((status, bytes.len()), (304, 0), "{known}");
        assert_eq!(headers.get(header::ETAG).unwrap(), tag.as_str());
    }
    assert_eq!(fetch(Method::GET, "/static/js/callboard.js", Some("\"other\"")).await.0, 200);
}

#[actix_web::test]
async fn a_path_cannot_leave_the_folder() {
    for path in [
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/js/..%2f..%2f..%2fCargo.toml",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/v-0000/../../Cargo.toml",
        "/static/js%00.js",
        "/static/",
        "/static/js",
    ] {
        assert_eq!(fetch(Method::GET, path, None).await.0, 404, "{path}");
    }
}

#[actix_web::test]
async fn only_reading_is_allowed() {
    assert_eq!(fetch(Method::POST, "/static/js/callboard.js", None).await.0, 405);
    assert_eq!(fetch(Method::HEAD, "/static/js/callboard.js", None).await.0, 200);
}
