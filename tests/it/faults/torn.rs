//! Files whose end is torn or scribbled on after a crash: the server starts with everything before the damage, or refuses
//! and says why. It never serves what was not written.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::helpers::READING_LIST;
use crate::helpers::chance::Chance;
use crate::helpers::process::{Server, command};

/// Where the end of a file is damaged, and how.
fn damage(path: &Path, chance: &mut Chance, reach: u64) {
    let length = fs::metadata(path).unwrap().len();
    let from = length - 1 - chance.below(reach.min(length - 1));
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    match chance.below(3) {
        0 => file.set_len(from).unwrap(),
        kind => {
            file.seek(SeekFrom::Start(from)).unwrap();
            // Zeros are what a page that was never written holds.
            let bytes: Vec<u8> =
                (from..length).map(|_| if kind == 1 { 0 } else { chance.next() as u8 }).collect();
            file.write_all(&bytes).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).unwrap();
        }
    }
}

/// Starts on damaged files; none when it refuses, which it has to explain.
fn start(dir: &Path) -> Option<Server> {
    let mut probe = command(dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(probe.stdout.take().unwrap()).lines().next();
    if said.is_none() {
        let output = probe.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("damaged") && said.contains("callboard.db"), "{said}");
        return None;
    }
    probe.kill().unwrap();
    probe.wait().unwrap();
    Some(Server::plain(dir))
}

/// A server's data after a run, many lines and many events, killed; with what was answered before.
struct Wreck {
    dir: tempfile::TempDir,
    project: String,
    run: String,
    log: Vec<Value>,
    lines: Vec<Value>,
}

async fn lines(server: &Server, run: &str, query: &str) -> Result<Vec<Value>, Value> {
    let mut lines = Vec::new();
    let mut from = 1;
    loop {
        let page = server.get(&format!("/api/runs/{run}/logs?limit=1000&from={from}{query}")).await;
        match page["lines"].as_array() {
            Some(found) => lines.extend(found.iter().cloned()),
            None => return Err(page),
        }
        match page["next_from"].as_u64() {
            Some(next) => from = next,
            None => return Ok(lines),
        }
    }
}

impl Wreck {
    async fn new() -> Wreck {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::plain(dir.path());
        let project = server.project(READING_LIST).await;
        let run = server.generate(&project).await;
        assert_eq!(server.run_ended(&run).await["status"], "completed");
        let events = format!("/api/projects/{project}/events");
        for batch in 0..30 {
            let level = ["debug", "info", "warning", "error"][batch % 4];
            let said: Vec<Value> = (0..50)
                .map(|n| json!({ "n": 1, "at": "2026-01-01T00:00:00.000Z", "text": format!("line {n} of {batch}") }))
                .collect();
            let log = json!({ "type": "log", "level": level, "agent": format!("w{}", batch % 3), "lines": said,
                              "run_id": run });
            let event = json!({ "type": "event", "name": "n", "data": "x".repeat(300 * batch) });
            let answer = server.try_post(&events, json!([log, event])).await.unwrap();
            assert_eq!(answer.status(), 202);
        }
        let log = server.log(&project).await;
        let lines = lines(&server, &run, "").await.unwrap();
        assert!(lines.len() > 1_500);
        server.kill();
        Wreck { dir, project, run, log, lines }
    }

    fn copy(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        dir
    }

    /// The file of the run's lines, or the index beside it.
    fn of_run(&self, dir: &Path, ending: &str) -> PathBuf {
        let folder = dir.join("artifacts/logs").join(&self.run);
        let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().unwrap() == ending).unwrap()
    }
}

#[tokio::test]
async fn a_damaged_end_of_the_store_takes_nothing_from_before_it() {
    let wreck = Wreck::new().await;
    let mut started = 0;
    for seed in 0..10 {
        let dir = wreck.copy();
        let mut chance = Chance(seed);
        damage(&dir.path().join("callboard.db-wal"), &mut chance, 60_000);
        let Some(server) = start(dir.path()) else { continue };
        started += 1;
        let log = server.log(&wreck.project).await;
        assert!(log.len() > wreck.log.len() / 2, "seed {seed}: {} of {}", log.len(), wreck.log.len());
        assert_eq!(log, wreck.log[..log.len()], "seed {seed}: what is there is what was written");
        // Somebody who saw what is gone is not told that nothing happened.
        let last = wreck.log.last().unwrap()["position"].as_str().unwrap();
        let page = server.get(&format!("/api/projects/{}/events?since={last}", wreck.project)).await;
        if log.len() < wreck.log.len() {
            assert!(page["status"] == 410 && page["state"].is_object(), "seed {seed}: {page}");
        }
        let event = json!({ "type": "event", "name": "after", "data": seed });
        server.post(&format!("/api/projects/{}/events", wreck.project), event).await;
        let more = server.log(&wreck.project).await;
        assert_eq!(more.len(), log.len() + 1);
        assert_eq!(more.last().unwrap()["seq"], more.len() as u64);
    }
    assert!(started > 0, "a torn end is no reason to refuse every time");
}

#[tokio::test]
async fn a_damaged_end_of_a_run_s_log_takes_nothing_from_before_it() {
    let wreck = Wreck::new().await;
    for (ending, reach) in [("jsonl", 30_000), ("index", 90)] {
        for seed in 0..6 {
            let dir = wreck.copy();
            let mut chance = Chance(seed);
            damage(&wreck.of_run(dir.path(), ending), &mut chance, reach);
            let server = Server::plain(dir.path());
            match lines(&server, &wreck.run, "").await {
                Ok(lines) => {
                    assert_eq!(
                        lines,
                        wreck.lines[..lines.len()],
                        "{ending} seed {seed}: nothing else is served"
                    );
                    assert!(ending == "jsonl" || lines.len() == wreck.lines.len(), "the index is made again");
                }
                Err(problem) => assert_eq!(problem["status"], 500, "{ending} seed {seed}: {problem}"),
            }
            if ending == "index" {
                for (query, wanted) in [
                    (
                        "&level=error",
                        Box::new(|line: &Value| line["level"] == "error") as Box<dyn Fn(&Value) -> bool>,
                    ),
                    ("&agent=w1", Box::new(|line: &Value| line["agent"] == "w1")),
                ] {
                    let found = lines(&server, &wreck.run, query).await.unwrap();
                    let expected: Vec<Value> =
                        wreck.lines.iter().filter(|line| wanted(line)).cloned().collect();
                    assert_eq!(found, expected, "{query} seed {seed}: no line is hidden");
                }
            }
        }
    }
}
