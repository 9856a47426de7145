//! Requests with and without a right to what they ask for.

use callboard::config::Secret;
use callboard::domain::role::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{BRIEF, SECRET, ask, closed, file, seconds_from_now, signed, token};
use crate::helpers::{spawn_app, spawn_app_with, wait_for};

#[tokio::test]
async fn every_role_may_what_the_table_says_and_nothing_is_told_to_strangers() {
    let (app, [project, _], operator) = closed().await;
    let (_, viewer) = token(&app, Role::Viewer, &[], None);
    let (_, admin) = token(&app, Role::Admin, &[], None);
    let (_, over) = token(&app, Role::Admin, &[], Some(0));
    let read = format!("/api/projects/{project}");
    let generate = format!("/api/projects/{project}/generate");
    // Columns: nobody, a wrong token, one that has expired, viewer, operator, admin.
    for (method, path, statuses) in [
        ("GET", read.as_str(), [401, 401, 401, 200, 200, 200]),
        ("GET", "/api/projects", [401, 401, 401, 200, 200, 200]),
        ("GET", "/api/projects/nothing", [404, 401, 401, 404, 404, 404]),
        ("GET", "/metrics", [401, 401, 401, 200, 200, 200]),
        ("GET", "/api/admin/stats", [401, 401, 401, 403, 403, 200]),
        ("GET", "/healthz", [200, 401, 401, 200, 200, 200]),
        ("POST", generate.as_str(), [401, 401, 401, 403, 202, 409]),
        ("POST", "/api/queue/pause", [401, 401, 401, 403, 200, 200]),
    ] {
        for (token, expected) in ["", "wrong", &over, &viewer, &operator, &admin].into_iter().zip(statuses) {
            let (status, answer) = ask(&app, method, path, token).await;
            assert_eq!(status, expected, "{method} {path} {answer}");
            assert!(status < 401 || !answer.to_string().contains(BRIEF), "{answer}");
        }
    }
    let (_, unknown) = ask(&app, "GET", "/api/projects/0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f", "").await;
    let (_, known) = ask(&app, "GET", &read, "").await;
    assert_eq!(unknown, known, "a stranger does not learn which projects there are");
}

#[tokio::test]
async fn a_token_of_one_project_opens_nothing_else() {
    let (app, [mine, other], operator) = closed().await;
    let (_, bound) = token(&app, Role::Operator, &[&mine], None);
    let (_, started) = ask(&app, "POST", &format!("/api/projects/{other}/generate"), &operator).await;
    let other_run = started["run_id"].as_str().unwrap().to_owned();
    let nobody = "0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f";
    for (method, path, expected) in [
        ("GET", format!("/api/projects/{mine}"), 200),
        ("GET", format!("/api/projects/{mine}/events"), 200),
        ("GET", format!("/api/projects/{mine}/files"), 200),
        ("GET", format!("/api/projects/{mine}/runs"), 200),
        ("GET", format!("/api/projects/{mine}/logs"), 200),
        ("POST", format!("/api/projects/{mine}/generate"), 202),
        ("GET", format!("/api/projects/{other}"), 403),
        ("GET", format!("/api/projects/{nobody}"), 403),
        ("GET", format!("/api/projects/{other}/events"), 403),
        ("GET", format!("/api/projects/{other}/files"), 403),
        ("GET", format!("/api/projects/{other}/archive.zip"), 403),
        ("GET", format!("/api/projects/{other}/logs"), 403),
        ("GET", format!("/api/projects/{other}/shares"), 403),
        ("POST", format!("/api/projects/{other}/generate"), 403),
        ("DELETE", format!("/api/projects/{other}"), 403),
        ("GET", format!("/api/runs/{other_run}"), 404),
        ("GET", format!("/api/runs/{other_run}/logs"), 404),
        ("POST", format!("/api/runs/{other_run}/cancel"), 404),
        ("POST", format!("/api/runs/{other_run}/pause"), 404),
        ("POST", format!("/api/runs/{other_run}/retry"), 404),
        ("GET", "/api/queue".into(), 403),
        ("POST", "/api/queue/pause".into(), 403),
        ("GET", "/metrics".into(), 403),
    ] {
        let (status, answer) = ask(&app, method, &path, &bound).await;
        assert_eq!(status, expected, "{method} {path} {answer}");
    }
    let (_, list) = ask(&app, "GET", "/api/projects", &bound).await;
    assert_eq!(list["projects"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["projects"][0]["id"], json!(mine));
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_the_default_stays_open() {
    let app = spawn_app().await;
    let project = app.project(BRIEF).await;
    let (id, viewer) = token(&app, Role::Viewer, &[], None);
    let path = format!("/api/projects/{project}");
    assert_eq!(ask(&app, "GET", &path, &viewer).await.0, 200);
    assert_eq!(ask(&app, "GET", &path, "").await.0, 401);
    file(&app).revoke(&id).unwrap();
    assert_eq!(ask(&app, "GET", &path, &viewer).await.0, 401);
    assert_eq!(ask(&app, "GET", &path, "").await.0, 200, "without tokens a local client is an operator");
}

#[tokio::test]
async fn the_command_line_makes_lists_and_revokes() {
    let (app, [mine, other], _) = closed().await;
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
        command.arg("token").args(arguments).arg("--data-dir").arg(app.dir.path()).env_clear();
        let output = command.output().unwrap();
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), said(output.stdout), said(output.stderr))
    };
    let arguments =
        ["create", "--role", "viewer", "--project", &mine, "--expires", "30d", "--name", "screen"];
    let (made, token, told) = run(&arguments);
    let token = token.trim();
    assert!(made && token.starts_with("cb_") && !told.contains(token), "{told}");
    assert_eq!(ask(&app, "GET", &format!("/api/projects/{mine}"), token).await.0, 200);
    assert_eq!(ask(&app, "GET", &format!("/api/projects/{other}"), token).await.0, 403);
    let (_, list, _) = run(&["list"]);
    let line = list.lines().find(|line| line.ends_with("screen")).unwrap();
    assert!(line.contains("viewer") && line.contains("until 20") && line.contains(&mine), "{line}");
    assert!(!list.contains(token));
    let id = line.split_whitespace().next().unwrap();
    assert!(run(&["revoke", id]).0);
    assert_eq!(ask(&app, "GET", &format!("/api/projects/{mine}"), token).await.0, 401);
    assert!(!run(&["revoke", id]).0);
    for bad in [
        &["create", "--role", "root"][..],
        &["create", "--role", "viewer", "--expires", "soon"],
        &["create", "--role", "viewer", "--project", "x"],
        &["create", "--role", "admin", "--project", &mine],
    ] {
        assert!(!run(bad).0, "{bad:?}");
    }
}

#[tokio::test]
async fn signed_tokens_say_role_projects_and_until_when() {
    let app = spawn_app_with(Box::new(|options| {
        options.config.auth.jwt_secret = Some(Secret::new(SECRET));
        options.config.auth.jwt_issuer = Some("https://id.example".into());
    }))
    .await;
    assert_eq!(
        ask(&app, "GET", "/api/projects", "").await.0,
        401,
        "who sets this up wants to know who comes"
    );
    let claims = |role: &str, seconds: i64| json!({ "iss": "https://id.example", "sub": "kim", "role": role, "exp": seconds_from_now(seconds) });
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims("operator", 60);
        claims[name] = value;
        signed(&claims)
    };
    let good = signed(&claims("operator", 60));
    let request = app.http.post(app.url("/api/projects")).bearer_auth(&good);
    let made = request.json(&json!({ "brief": BRIEF })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: serde_json::Value = made.json().await.unwrap();
    let project = made["id"].as_str().unwrap();
    let path = format!("/api/projects/{project}");
    let unsigned = {
        let (head, body) = ("eyJhbGciOiJub25lIn0", good.split('.').nth(1).unwrap());
        format!("{head}.{body}.")
    };
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 6.., "AAAAAA");
    for (case, token, expected) in [
        ("good", good.clone(), 200),
        ("viewer", signed(&claims("viewer", 60)), 200),
        ("of this project", with("projects", json!([project])), 200),
        ("of another project", with("rooms", json!(["0190b5f0-8a52-7c5e-9d43-2f1b6c7d8e9f"])), 403),
        ("expired", signed(&claims("operator", -1)), 401),
        ("not yet", with("nbf", json!(seconds_from_now(3600))), 401),
        ("of another issuer", with("iss", json!("https://evil.example")), 401),
        ("no algorithm", unsigned, 401),
        ("wrong signature", forged, 401),
        ("unknown role", with("role", json!("root")), 401),
    ] {
        let (status, answer) = ask(&app, "GET", &path, &token).await;
        assert_eq!(status, expected, "{case}: {answer}");
    }
    let start = format!("{path}/generate");
    assert_eq!(ask(&app, "POST", &start, &signed(&claims("viewer", 60))).await.0, 403);
    assert_eq!(ask(&app, "GET", "/api/admin/stats", &signed(&claims("admin", 60))).await.0, 200);
}

#[tokio::test]
async fn a_key_set_is_fetched_and_fetched_again_when_keys_change() {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let set: serde_json::Value = serde_json::from_str(include_str!("../../keys/set.json")).unwrap();
    let of = |kid: &str| {
        let keys: Vec<_> = set["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == kid).collect();
        json!({ "keys": keys }).to_string()
    };
    // A server of key sets: the first answer knows one key, every later one the other.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = [of("ec-1"), of("ed-1")];
    let serving = tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut scrap = [0; 4096];
            let _ = stream.read(&mut scrap).await;
            let body = &answers[usize::from(number > 0)];
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    let app = spawn_app_with(Box::new(move |options| {
        options.config.auth.jwt_keys_url = Some(format!("http://{address}/keys"));
    }))
    .await;
    let claims = json!({ "role": "viewer", "exp": seconds_from_now(600) });
    let sign = |algorithm, kid: &str, key: EncodingKey| {
        encode(&Header { kid: Some(kid.into()), ..Header::new(algorithm) }, &claims, &key).unwrap()
    };
    let ec = EncodingKey::from_ec_pem(include_bytes!("../../keys/ec.pem")).unwrap();
    let ed = EncodingKey::from_ed_pem(include_bytes!("../../keys/ed.pem")).unwrap();
    let (old, new) = (sign(Algorithm::ES256, "ec-1", ec), sign(Algorithm::EdDSA, "ed-1", ed));
    wait_for("the first key set", async || {
        (ask(&app, "GET", "/api/projects", &old).await.0 == 200).then_some(())
    })
    .await;
    wait_for("the set with the new key", async || {
        (ask(&app, "GET", "/api/projects", &new).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(ask(&app, "GET", "/api/projects", &old).await.0, 401, "a key that is withdrawn signs nothing");
    serving.abort();
}

#[tokio::test]
async fn the_image_demo_belongs_to_the_whole_server() {
    let (app, [project, _], operator) = closed().await;
    let (_, viewer) = token(&app, Role::Viewer, &[], None);
    let (_, bound) = token(&app, Role::Operator, &[&project], None);
    for path in ["/intel", "/snapdragon", "/status"] {
        for (token, expected) in [("", 401), (&*viewer, 200), (&*bound, 403)] {
            let (status, said) = ask(&app, "GET", path, token).await;
            assert_eq!(status, expected, "{path}: {said}");
            let said = said.as_str().unwrap_or_default();
            assert_eq!(said.contains("Please sign in"), status == 401 && path != "/status", "{path}: {said}");
            assert_eq!(said.contains("id=\"demo\""), status == 200 && path != "/status", "{path}: {said}");
        }
    }
    let generate = json!({ "command": "generate", "prompt": "a red ball" });
    let stop = json!({ "command": "stop" });
    let unknown = json!({ "command": "stop", "job_id": uuid::Uuid::nil() });
    for (command, token, expected) in [
        (&generate, "", 401),
        (&generate, &*viewer, 403),
        (&generate, &*bound, 403),
        (&stop, "", 401),
        (&stop, &*viewer, 403),
        (&stop, &*bound, 403),
        (&stop, &*operator, 409),
        (&unknown, "", 401),
        (&unknown, &*bound, 404),
    ] {
        let mut request = app.http.post(app.url("/command")).json(command);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        assert_eq!(request.send().await.unwrap().status(), expected, "{command} {token}");
    }
}
