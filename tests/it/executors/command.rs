//! Programs: nothing but printed lines, and nothing left of them.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{app, events, file, lines, start};
use crate::helpers::{TestApp, wait_for};

fn pipeline(script: &str, more: &str) -> String {
    format!(
        "[[pipeline.x.agent]]\nname = \"shell\"\ncommand = [\"sh\", \"-c\", '''\n{script}\n''']\noutputs = [\"out/**\"]\n{more}"
    )
}

/// Process ids that a script wrote down, one a line.
fn pids(folder: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(folder.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_script_with_echo_alone_is_an_agent() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
echo "hello from $CALLBOARD_AGENT"
echo "to stderr" >&2
echo "::group::Work"
printf '\033[31mred\033[0m \033]0;title\007plain\n'
echo "::endgroup::"
echo "::progress value=42::half way"
sleep 0.4
echo "::warning file=src/a.js,line=12::unused name"
echo "::add-mask::swordfish"
echo "the word is swordfish"
mkdir -p out
echo early > out/early.txt
echo "::artifact path=out/early.txt::"
echo "::preview path=out/early.txt,step=1,of=3::"
echo "::metric name=fps,value=29.5::"
sleep 0.4
cat > out/context.json
echo "::stop-commands::tok"
echo "::error::not an error"
echo "::group::no group"
echo "::tok::"
echo "::debug::told%0A::endgroup::"
echo "::notice::made two files"
"#;
    let app = app(folder.path(), &pipeline(script, "")).await;
    let (status, project) = app.post("/api/projects", json!({ "brief": "cats", "pipeline": "x" })).await;
    assert_eq!(status, 201, "{project}");
    let project = project["id"].as_str().unwrap().to_owned();
    let mut socket = app.socket(&project, None).await;
    let run = app.generate(&project).await;
    let preview = socket.until("preview").await;
    assert_eq!(
        (&preview["agent"], &preview["step"], &preview["of"]),
        (&json!("shell"), &json!(1), &json!(3))
    );
    let shown = app.http.get(app.url(preview["url"].as_str().unwrap())).send().await.unwrap();
    assert_eq!(shown.text().await.unwrap(), "early\n", "while the agent works");
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let lines = lines(&app, &run).await;
    for (level, text) in [
        ("info", "hello from shell"),
        ("info", "to stderr"),
        ("info", "::group::Work"),
        ("info", "\u{1b}[31mred\u{1b}[0m plain"),
        ("info", "::endgroup::"),
        ("warning", "unused name (src/a.js:12)"),
        ("info", "the word is ***"),
        ("info", "::error::not an error"),
        ("info", "\u{1b}[m::group::no group"),
        ("debug", "\u{1b}[m::endgroup::"),
    ] {
        assert!(lines.contains(&(level.to_owned(), text.to_owned())), "{text}: {lines:#?}");
    }
    assert!(lines.iter().all(|(level, _)| level != "error"));
    let events = events(&app, &project).await;
    let of_type = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert!(
        of_type("agent_update")
            .iter()
            .any(|event| event["progress"] == 42.0 && event["message"] == "half way")
    );
    let metrics = of_type("event");
    assert_eq!(metrics[0]["data"], json!({ "agent": "shell", "values": { "fps": 29.5 } }));
    let artifacts: Vec<&str> =
        of_type("artifact").iter().map(|event| event["path"].as_str().unwrap()).collect();
    assert_eq!(artifacts, ["out/early.txt", "out/context.json"], "each is said once, the early one first");
    assert_eq!(ended["agents"][0]["summary"], "made two files");
    let context: serde_json::Value =
        serde_json::from_str(&file(&app, &project, "out/context.json").await).unwrap();
    assert_eq!((&context["brief"], &context["agent"]), (&json!("cats"), &json!("shell")));
}

#[tokio::test]
async fn a_program_that_fails_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (script, more, expected) in [
        ("exit 3", "", "sh ended with exit code 3"),
        (
            "echo begun; printf 'first\\n\\033[31mno such table: cats\\033[0m\\n\\n' >&2; exit 2",
            "",
            "sh ended with exit code 2: no such table: cats",
        ),
        ("echo '::error file=a.txt,line=7::bad input'; exit 1", "", "bad input"),
        ("kill -9 $$", "", "sh was ended by signal 9"),
        (
            "head -c 5000 /dev/zero > big; exit $?",
            "[pipeline.x.agent.limits]\nfile_bytes = 2048",
            "exit code",
        ),
        ("while :; do :; done", "[pipeline.x.agent.limits]\ncpu_ms = 1000", "processor time"),
        ("mkdir out; ln -s /etc/passwd out/x; echo '::artifact path=out/x::'; exit 1", "", "exit code 1"),
    ] {
        let app = app(folder.path(), &pipeline(script, more)).await;
        let (_, run) = start(&app, "x", "b").await;
        let ended = app.ended(&run).await;
        assert_eq!(ended["status"], "failed", "{script}: {ended}");
        let message = ended["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{script}: {message}");
    }
    let app = app(folder.path(), "[[pipeline.x.agent]]\nname = \"a\"\ncommand = [\"./nowhere\"]").await;
    let (_, run) = start(&app, "x", "b").await;
    let ended = app.ended(&run).await;
    assert!(ended["error"]["message"].as_str().unwrap().contains("there is no program"), "{ended}");
}

/// What a program says of its failure stands behind what it printed before, whichever of the two is looked at first.
#[tokio::test]
async fn no_error_stands_before_what_was_printed_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let script = "i=0; while [ $i -lt 400 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; exit 1";
    let app = app(folder.path(), &pipeline(script, "")).await;
    for _ in 0..3 {
        let (_, run) = start(&app, "x", "b").await;
        app.ended(&run).await;
        let said: Vec<String> = lines(&app, &run).await.into_iter().map(|(_, text)| text).collect();
        let (mut printed, mut failed) = (0, 0);
        for line in &said {
            match line.as_str() {
                out if out == format!("out {printed}") => printed += 1,
                err if err == format!("err {failed}") && failed < printed => failed += 1,
                other => panic!("{other} after {printed} lines and {failed} errors"),
            }
        }
        assert_eq!((printed, failed), (400, 400));
    }
}

#[tokio::test]
async fn a_condition_skips_an_agent() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[[pipeline.x.agent]]\nname = \"never\"\ncommand = [\"false\"]\nwhen = \"'video' in brief\"\n\
                [[pipeline.x.agent]]\nname = \"always\"\ncommand = [\"true\"]";
    let app = app(folder.path(), toml).await;
    let (_, run) = start(&app, "x", "a picture").await;
    let ended = app.ended(&run).await;
    assert_eq!(
        (&ended["status"], &ended["agents"][0]["status"]),
        (&json!("completed"), &json!("skipped")),
        "{ended}"
    );
}

/// Cancels once `count` processes run; answers how long it took until the run had ended, and what is left of them.
async fn cancel(app: &TestApp, folder: &Path, count: usize) -> (Duration, serde_json::Value, Vec<u32>) {
    let _ = std::fs::remove_file(folder.join("pids"));
    let (_, run) = start(app, "x", "b").await;
    let pids =
        wait_for("the processes", async || Some(pids(folder)).filter(|pids| pids.len() >= count)).await;
    let since = Instant::now();
    let (status, answer) = app.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!(status, 202, "{answer}");
    let ended = app.ended(&run).await;
    let took = since.elapsed();
    assert_eq!(ended["status"], "cancelled", "{ended}");
    (took, ended["evidence"].clone(), pids.into_iter().filter(|pid| is_running(*pid)).collect())
}

#[tokio::test]
async fn a_cancel_leaves_no_process_however_it_tries_to_get_away() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pids").display().to_string();
    let gentle = format!("sleep 300 & echo $! >> {place}; echo $$ >> {place}; wait");
    let app_gentle = app(folder.path(), &pipeline(&gentle, "")).await;
    let (took, evidence, left) = cancel(&app_gentle, folder.path(), 2).await;
    assert_eq!((left, &evidence["processes_left"]), (vec![], &json!(0)));
    assert!(evidence["processes_ended"].as_u64().unwrap() >= 2, "{evidence}");
    assert!(took <= Duration::from_secs(2), "{took:?}");
    // Deaf to TERM, in a session of its own, its parent gone, its environment empty.
    let stubborn = format!(
        "trap '' TERM\n\
         (setsid env -i sh -c 'trap \"\" TERM; echo $$ >> {place}; while :; do sleep 1; done' &) &\n\
         (setsid sh -c '(sh -c \"trap \\\"\\\" TERM; echo \\$\\$ >> {place}; while :; do sleep 1; done\" &)' &)\n\
         echo $$ >> {place}\nwhile :; do sleep 1; done"
    );
    let app_stubborn = app(folder.path(), &pipeline(&stubborn, "grace_ms = 500")).await;
    let (took, evidence, left) = cancel(&app_stubborn, folder.path(), 3).await;
    assert_eq!((left, &evidence["processes_left"]), (vec![], &json!(0)), "{evidence}");
    assert!(evidence["processes_ended"].as_u64().unwrap() >= 3, "{evidence}");
    assert!(took <= Duration::from_secs(10), "{took:?}");
    eprintln!("cancel of a deaf program: {took:?}, {evidence}");
}

#[tokio::test]
async fn a_crowd_that_does_not_listen_is_ended_and_counted() {
    const CROWD: usize = 250;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pids").display().to_string();
    let script = format!(
        "trap '' TERM\ni=0\nwhile [ $i -lt {CROWD} ]; do\n\
         (setsid sh -c 'echo $$ >> {place}; exec sleep 300' &)\ni=$((i+1))\ndone\nwhile :; do sleep 1; done"
    );
    let app = app(folder.path(), &pipeline(&script, "grace_ms = 500")).await;
    let (took, evidence, left) = cancel(&app, folder.path(), CROWD).await;
    assert_eq!((left, &evidence["processes_left"]), (vec![], &json!(0)), "{evidence}");
    assert!(evidence["processes_ended"].as_u64().unwrap() >= CROWD as u64, "{evidence}");
    assert!(took <= Duration::from_secs(10), "{took:?}");
    eprintln!("cancel of {CROWD} deaf processes: {took:?}, {evidence}");
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pids").display().to_string();
    let script = format!("setsid sleep 300 & echo $! > {place}");
    let app = app(folder.path(), &pipeline(&script, "")).await;
    let (_, run) = start(&app, "x", "b").await;
    assert_eq!(app.ended(&run).await["status"], "completed");
    assert!(pids(folder.path()).iter().all(|pid| !is_running(*pid)));
}

#[tokio::test]
async fn hostile_output_is_shown_or_cut() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
head -c 100000000 /dev/zero | tr '\0' x
echo
printf '<script>alert(1)</script>\n'
printf '\033[2J\033]52;c;ZXZpbA==\007after\n'
printf 'bad \377\376 utf8\n'
printf '10%%\r20%%\r30%%\n'
"#;
    let app = app(folder.path(), &pipeline(script, "")).await;
    let (_, run) = start(&app, "x", "b").await;
    let ended = app.ended(&run).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let lines: Vec<String> = lines(&app, &run).await.into_iter().map(|(_, text)| text).collect();
    assert!(lines[0].len() <= 16 * 1024 && lines[0].ends_with(" bytes cut]"), "{}", lines[0].len());
    for expected in ["<script>alert(1)</script>", "after", "bad \u{fffd}\u{fffd} utf8", "30%"] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {:#?}", &lines[1..]);
    }
}
