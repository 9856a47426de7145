//! Signing in and out in a browser, share links, and what pages are told not to do.

use callboard::domain::role::Role;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::{BRIEF, ask, closed, file, open, token};
use crate::helpers::{TestApp, spawn_app, wait_for};

/// A client that goes where it is sent only when it says so.
fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

/// Name and value of the session cookie of an answer, and what stands behind them.
fn cookie(headers: &HeaderMap) -> Option<(String, String)> {
    let all = headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let ours = all.into_iter().find(|value| value.starts_with("callboard_session="))?;
    let (pair, rest) = ours.split_once(';')?;
    Some((pair.to_owned(), rest.to_owned()))
}

async fn sign_in(app: &TestApp, token: &str, next: &str) -> reqwest::Response {
    let form = format!("token={token}&next={next}");
    let request = browser().post(app.url("/sign-in")).header("origin", app.url(""));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

#[tokio::test]
async fn a_browser_signs_in_works_and_signs_out() {
    let (app, [project, _], operator) = closed().await;
    let page = app.http.get(app.url(&format!("/projects/{project}"))).send().await.unwrap();
    assert_eq!(page.status(), 401);
    assert_eq!(page.headers()["referrer-policy"], "same-origin", "else the form has the origin null");
    let csp = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        csp.contains("default-src 'none'") && csp.contains("script-src 'self'") && !csp.contains("unsafe")
    );
    let text = page.text().await.unwrap();
    assert!(text.contains("action=\"/sign-in\"") && text.contains(&format!("value=\"/projects/{project}\"")));
    assert!(!text.contains(BRIEF));

    let refused = sign_in(&app, "wrong", "/").await;
    assert_eq!(refused.status(), 401);
    assert!(cookie(refused.headers()).is_none());
    let answer = sign_in(&app, &operator, &format!("/projects/{project}")).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], format!("/projects/{project}"));
    let (session, attributes) = cookie(answer.headers()).unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    assert!(!session.contains(&operator), "the cookie is not the token");
    assert_eq!(sign_in(&app, &operator, "//evil.example").await.headers()["location"], "/");

    let with = |request: reqwest::RequestBuilder| request.header("cookie", &session);
    let page = with(app.http.get(app.url(&format!("/projects/{project}")))).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let generate =
        || with(app.http.post(app.url(&format!("/api/projects/{project}/generate")))).json(&json!({}));
    for (name, value, expected) in [
        ("x-none", String::new(), 403),
        ("origin", "http://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
        ("origin", app.url(""), 202),
    ] {
        let answer = generate().header(name, &value).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{name}: {value}");
    }
    let mut socket = open(&app, &project, "", &[("cookie", &session)]).await.ok().unwrap();
    socket.expect_push("connection").await;
    let request = with(browser().post(app.url("/sign-out"))).header("origin", app.url(""));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert!(cookie(answer.headers()).unwrap().1.contains("Max-Age=0"));
    assert_eq!(socket.close_code().await, 4502);
    let page = with(app.http.get(app.url(&format!("/projects/{project}")))).send().await.unwrap();
    assert_eq!(page.status(), 401);
}

#[tokio::test]
async fn a_cookie_of_another_server_changes_nothing() {
    let app = spawn_app().await;
    let request = app.http.get(app.url("/api/projects")).header("cookie", "callboard_session=of-another-one");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_share_link_reads_one_project_until_it_is_taken_back() {
    let (app, [mine, other], operator) = closed().await;
    let (_, viewer) = token(&app, Role::Viewer, &[], None);
    let shares = format!("/api/projects/{mine}/shares");
    let make =
        |token: &str, body: Value| app.http.post(app.url(&shares)).bearer_auth(token).json(&body).send();
    for (who, body, expected) in [
        (&viewer, json!({}), 403),
        (&operator, json!({ "expires_in_ms": 0 }), 400),
        (&operator, json!({ "expires_in_ms": "1d" }), 400),
        (&operator, json!({ "role": "admin" }), 400),
        (&operator, json!({ "name": "x".repeat(201) }), 400),
    ] {
        assert_eq!(make(who, body.clone()).await.unwrap().status(), expected, "{body}");
    }
    let made = make(&operator, json!({ "name": "Kim", "expires_in_ms": 3_600_000 })).await.unwrap();
    assert_eq!(made.status(), 201);
    let share: Value = made.json().await.unwrap();
    let (_, list) = ask(&app, "GET", &shares, &operator).await;
    assert_eq!(list["shares"][0]["name"], "Kim");
    assert!(list["shares"][0].get("token").is_none(), "a link is shown once");

    let url = share["url"].as_str().unwrap();
    assert!(url.starts_with(&app.url("/share/")), "{url}");
    let answer = browser().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], format!("/projects/{mine}"));
    let (session, _) = cookie(answer.headers()).unwrap();
    let get = async |path: String| {
        let request = app.http.get(app.url(&path)).header("cookie", &session);
        request.send().await.unwrap().status().as_u16()
    };
    for (path, expected) in [
        (format!("/projects/{mine}"), 200),
        (format!("/api/projects/{mine}/events"), 200),
        ("/".into(), 200),
        (format!("/projects/{other}"), 403),
        (format!("/api/projects/{other}/events"), 403),
        (shares.clone(), 403),
        ("/api/admin/stats".into(), 403),
    ] {
        assert_eq!(get(path.clone()).await, expected, "{path}");
    }
    let page = app.http.get(app.url(&format!("/projects/{mine}"))).header("cookie", &session);
    assert!(page.send().await.unwrap().text().await.unwrap().contains("data-read-only"));
    let change = app.http.post(app.url(&format!("/api/projects/{mine}/generate"))).header("cookie", &session);
    let change = change.header("origin", app.url("")).json(&json!({})).send().await.unwrap();
    assert_eq!(change.status(), 403, "a link only reads");
    let mut socket = open(&app, &mine, "", &[("cookie", &session)]).await.ok().unwrap();
    socket.expect_push("connection").await;
    assert_eq!(open(&app, &other, "", &[("cookie", &session)]).await.err(), Some(403));

    let path = format!("{shares}/{}", share["id"].as_str().unwrap());
    assert_eq!(ask(&app, "DELETE", &path, &viewer).await.0, 403);
    assert_eq!(ask(&app, "DELETE", &path, &operator).await.0, 204);
    assert_eq!(socket.close_code().await, 4502);
    assert_eq!(ask(&app, "DELETE", &path, &operator).await.0, 404);
    assert_eq!(get(format!("/projects/{mine}")).await, 401);
    assert_eq!(browser().get(url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_share_link_does_not_close_the_door_of_a_local_server() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let (status, share) = app.post(&format!("/api/projects/{project}/shares"), json!({})).await;
    assert_eq!(status, 201, "{share}");
    assert_eq!(app.get("/api/projects").await.0, 200);
    let token = share["token"].as_str().unwrap();
    assert_eq!(ask(&app, "GET", "/api/projects", token).await.0, 200);
    let kept = std::fs::read_to_string(app.dir.path().join("tokens.json")).unwrap();
    assert!(!kept.contains(token), "only the hash is kept");
    file(&app).revoke(share["id"].as_str().unwrap()).unwrap();
    assert_eq!(ask(&app, "GET", "/api/projects", token).await.0, 401);
}

#[tokio::test]
async fn generated_pages_can_reach_nothing() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let run = app.generate(&project).await;
    app.ended(&run).await;
    let file = wait_for("the packed app", async || {
        let path = format!("/api/projects/{project}/files/standalone.html");
        let answer = app.http.get(app.url(&path)).send().await.unwrap();
        (answer.status() == 200).then_some(answer)
    })
    .await;
    let csp = file.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        csp.starts_with("sandbox ") && !csp.contains("allow-same-origin") && !csp.contains("allow-top"),
        "{csp}"
    );
    for directive in
        ["default-src 'none'", "connect-src 'none'", "form-action 'none'", "frame-ancestors 'self'"]
    {
        assert!(csp.contains(directive), "{directive} in {csp}");
    }
}
