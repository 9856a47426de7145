use actix_web::App;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service};

use super::*;
use crate::config::Config;
use crate::surfaces::http::routes::{at, not_found};

async fn whoami(caller: Caller) -> String {
    format!("{:?}", caller.role)
}

async fn ask(request: TestRequest) -> (u16, HeaderMap) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
    config.http.allowed_origins = vec!["https://app.example".into()];
    let auth = Auth::open(&config, config.listen).unwrap().auth;
    let app = init_service(
        App::new()
            .wrap(actix_web::middleware::from_fn(pass))
            .app_data(web::Data::new(auth))
            .service(at("/who").get(whoami).post(whoami).done())
            .default_service(web::to(not_found)),
    )
    .await;
    let answer = call_service(&app, request.peer_addr("127.0.0.1:50000".parse().unwrap()).to_request()).await;
    (answer.status().as_u16(), answer.headers().clone())
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("host", "localhost:8080"))
}

#[actix_web::test]
async fn statuses() {
    for (case, (request, status)) in [
        (get("/who"), 200),
        (get("/who").method(Method::HEAD), 200),
        (get("/who").method(Method::POST), 200),
        (get("/who").method(Method::PUT), 405),
        (get("/nowhere"), 404),
        (TestRequest::get().uri("/who").insert_header(("host", "evil.example")), 421),
        (TestRequest::get().uri("/who").insert_header(("host", "a b")), 400),
        (get("/who").method(Method::POST).insert_header(("origin", "http://evil.example")), 403),
        (get("/who").method(Method::POST).insert_header(("origin", "null")), 403),
        (get("/who").method(Method::POST).insert_header(("origin", "http://localhost:8080")), 200),
        (get("/who").insert_header(("authorization", "Bearer wrong")), 401),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(ask(request).await.0, status, "case {case}");
    }
}

#[actix_web::test]
async fn answers_are_careful_and_have_an_id() {
    let (status, headers) = ask(get("/nowhere")).await;
    assert_eq!(status, 404);
    for (name, value) in CAREFUL {
        assert_eq!(headers.get(name).unwrap(), value);
    }
    assert!(headers.contains_key("x-request-id"));
    assert_eq!(headers.get("content-type").unwrap(), "application/problem+json");
}

#[actix_web::test]
async fn other_methods_are_told_which_are_allowed() {
    let (status, headers) = ask(get("/who").method(Method::PUT)).await;
    assert_eq!(status, 405);
    assert_eq!(headers.get("allow").unwrap(), "GET, HEAD, POST");
}

#[actix_web::test]
async fn pages_of_a_configured_origin_may_read() {
    let preflight =
        || get("/who").method(Method::OPTIONS).insert_header(("access-control-request-method", "POST"));
    let (status, headers) = ask(preflight().insert_header(("origin", "https://app.example"))).await;
    assert_eq!(status, 204);
    assert_eq!(headers.get("access-control-allow-origin").unwrap(), "https://app.example");
    let (status, headers) = ask(preflight().insert_header(("origin", "https://evil.example"))).await;
    assert_eq!(status, 405);
    assert!(!headers.contains_key("access-control-allow-origin"));
}
