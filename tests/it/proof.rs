//! The proof tool proves: a short run of it with a seed, on a server that it kills.

use std::process::{Command, Output};

use serde_json::Value;

use crate::helpers::spawn_app;

fn verify(arguments: &[&str]) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    let output = command.arg("verify").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let line = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
    (output, line)
}

#[test]
fn nothing_is_lost_while_clients_drop_and_the_server_is_killed() {
    let (output, line) = verify(
        &["--clients 8 --rooms 2 --drop-every 1 --drop-for 0.3 --runs 2 --restarts 2 --seconds 4 --seed 7"]
            .map(|words| words.split(' ').collect::<Vec<_>>())
            .concat(),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&line["good"], &line["kills"], &line["states_equal"]), (&true.into(), &2.into(), &8.into()));
    // It has seen something: faults happened and events came.
    for figure in ["drops", "stalls", "reconnects", "delivered", "published"] {
        assert!(line[figure].as_u64().unwrap() > 0, "{figure}: {line}");
    }
    assert_eq!(line["runs"]["completed"], 2, "{line}");
}

#[actix_rt::test]
async fn it_proves_a_server_that_runs_already_and_leaves_nothing_behind() {
    let app = spawn_app().await;
    let url = app.url("");
    let (output, line) = tokio::task::spawn_blocking(move || {
        verify(&[
            "--url",
            &url,
            "--clients",
            "4",
            "--rooms",
            "1",
            "--drop-every",
            "0.5",
            "--drop-for",
            "0.2",
            "--runs",
            "0",
            "--seconds",
            "2",
        ])
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    let (_, list) = app.get("/api/projects").await;
    assert_eq!(list["projects"].as_array().unwrap().len(), 0);
}

#[test]
fn what_cannot_be_proved_is_refused() {
    for (arguments, why) in [
        (&["--url", "http://127.0.0.1:1", "--restarts", "1"][..], "--restarts 0"),
        (&["--url", "https://127.0.0.1:1"], "http://"),
        (&["--clients", "0"], "--clients"),
        (&["--drop-every", "0"], "0.05"),
    ] {
        let (output, _) = verify(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why), "{said}");
    }
}
