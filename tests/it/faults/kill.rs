//! `kill -9` at random moments under load: what was answered is there, once and in order; clients that come back with
//! their position have the server's state; runs end.
//!
//! `CALLBOARD_KILLS=300 cargo test --test it faults::kill` kills more often than the usual few; `CALLBOARD_KILL_SEED` begins
//! at another seed.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard::domain::fold::RoomState;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::helpers::chance::Chance;
use crate::helpers::follower::Follower;
use crate::helpers::process::{Server, command};
use crate::helpers::{SOON, wait_for};

/// Kills of one data directory.
const KILLS_PER_SEED: u64 = 10;
const BRIEF: &str = "A list of notes with title and text.";

/// Where the server is now; empty while there is none.
type Address = watch::Receiver<String>;

/// The load of one seed.
struct Load {
    address: Address,
    stop: Arc<AtomicBool>,
    seed: u64,
}

impl Load {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn address(&self) -> String {
        self.address.clone().wait_for(|address| !address.is_empty()).await.unwrap().clone()
    }

    /// Asks until the answer is 202, with the same key all the time.
    async fn insist(&self, path: &str, key: &str, body: &Value) -> Value {
        let http = reqwest::Client::new();
        wait_for("an answer", async || {
            let url = format!("http://{}{path}", self.address().await);
            let asked = http.post(url).header("idempotency-key", key).timeout(SOON).json(body).send().await;
            match asked {
                Ok(answer) if answer.status() == 202 => answer.json().await.ok(),
                // The run of before the crash is still there.
                Ok(answer) => {
                    let status = answer.status();
                    assert!([503, 409].contains(&status.as_u16()), "{status} {:?}", answer.text().await);
                    None
                }
                Err(_) => None,
            }
        })
        .await
    }

    /// Publishes numbers without end; answers how many were accepted.
    async fn publish(self, project: String, publisher: u64) -> u64 {
        let mut chance = Chance(self.seed * 100 + publisher);
        let (mut next, mut batch) = (0, 0);
        while !self.stopped() {
            let count = 1 + chance.below(20);
            let text = "x".repeat(chance.below(400) as usize);
            let events: Vec<Value> = (next..next + count)
                .map(|n| json!({ "type": "event", "name": format!("p{publisher}"), "data": { "n": n, "text": text } }))
                .collect();
            let key = format!("{publisher}-{batch}");
            self.insist(&format!("/api/projects/{project}/events"), &key, &json!(events)).await;
            next += count;
            batch += 1;
        }
        next
    }

    /// Has runs done one after the other; answers them.
    async fn generate(self, project: String) -> Vec<String> {
        let mut runs = Vec::new();
        while !self.stopped() {
            let key = format!("run-{}", runs.len());
            let accepted = self.insist(&format!("/api/projects/{project}/generate"), &key, &json!({})).await;
            let run = accepted["run_id"].as_str().unwrap().to_owned();
            let ended = async || {
                let url = format!("http://{}/api/runs/{run}", self.address().await);
                let run: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
                (run["ended_at"].is_string() || self.stopped()).then_some(())
            };
            wait_for("the run to end", ended).await;
            runs.push(run);
        }
        runs
    }

    /// Follows a room, and comes back after every crash.
    async fn follow(self, project: String, over_sse: bool) -> Follower {
        let mut follower = Follower::new();
        while !self.stopped() {
            let address = self.address().await;
            if follower.try_connect(&address, &project, over_sse).await {
                while follower.stream.is_some() && !self.stopped() {
                    follower.read(Duration::from_millis(100), None).await;
                }
            } else {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        follower
    }
}

/// Starts a server and kills it before it says anything.
async fn killed_at_the_start(dir: &Path, chance: &mut Chance) {
    let mut child = command(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Not a wait for something: this is the moment that chance has chosen.
    tokio::time::sleep(Duration::from_millis(chance.below(150))).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn one_seed(seed: u64, kills: u64) {
    let mut chance = Chance(seed);
    let dir = tempfile::tempdir().unwrap();
    let durability = if seed.is_multiple_of(2) { "system" } else { "disk" };
    let start = || Server::with(dir.path(), &[("CALLBOARD_STORE_DURABILITY", durability)]);
    let (says, address) = watch::channel(String::new());
    let stop = Arc::new(AtomicBool::new(false));
    let load = || Load { address: address.clone(), stop: stop.clone(), seed };

    let mut server = start();
    let (room, works) = (server.project(BRIEF).await, server.project(BRIEF).await);
    let publishers: Vec<_> = (0..2).map(|n| actix_rt::spawn(load().publish(room.clone(), n))).collect();
    let followers: Vec<_> = (0..4)
        .map(|n| actix_rt::spawn(load().follow(if n < 2 { room.clone() } else { works.clone() }, n % 2 == 0)))
        .collect();
    let runs = actix_rt::spawn(load().generate(works.clone()));
    for _ in 0..kills {
        if chance.below(5) == 0 {
            server.kill();
            killed_at_the_start(dir.path(), &mut chance).await;
            server = start();
            continue;
        }
        says.send_replace(server.address.clone());
        tokio::time::sleep(Duration::from_millis(chance.below(600))).await;
        says.send_replace(String::new());
        server.kill();
        server = start();
    }
    says.send_replace(server.address.clone());
    stop.store(true, Ordering::Relaxed);

    let mut accepted = HashMap::new();
    for (number, publisher) in publishers.into_iter().enumerate() {
        accepted.insert(format!("p{number}"), publisher.await.unwrap());
    }
    for run in runs.await.unwrap() {
        let ended = server.run_ended(&run).await;
        let interrupted = ended["error"]["message"].as_str().is_some_and(|why| why.contains("interrupted"));
        assert!(ended["status"] == "completed" || interrupted, "seed {seed}: {ended}");
    }
    let log = server.log(&room).await;
    let mut next: HashMap<String, u64> = HashMap::new();
    for event in &log {
        let n = next.entry(event["name"].as_str().unwrap().to_owned()).or_default();
        assert_eq!(event["data"]["n"], *n, "seed {seed}: once and in order");
        *n += 1;
    }
    for (publisher, count) in accepted {
        assert_eq!(
            next.get(&publisher).copied().unwrap_or(0),
            count,
            "seed {seed}: all that was accepted is there"
        );
    }
    let mut ended = HashMap::new();
    for event in server.log(&works).await {
        if event["type"] == "completion" {
            *ended.entry(event["run_id"].to_string()).or_insert(0) += 1;
        }
    }
    assert!(ended.values().all(|times| *times == 1), "seed {seed}: a run ends once");

    for (number, follower) in followers.into_iter().enumerate() {
        let mut follower = follower.await.unwrap();
        let project = if number < 2 { &room } else { &works };
        let shown = server.get(&format!("/api/projects/{project}")).await;
        let head: u64 = shown["position"].as_str().unwrap().split('-').nth(1).unwrap().parse().unwrap();
        // Its last connection may be one to a server that is gone.
        for _ in 0..2 {
            if follower.stream.is_none() {
                follower.connect(&server.address, project, number % 2 == 0).await;
            }
            follower.read(SOON, Some(head)).await;
        }
        assert_eq!(follower.seq, head, "seed {seed}: client {number} has everything");
        let expected: RoomState = serde_json::from_value(shown["state"].clone()).unwrap();
        assert_eq!(follower.state, expected, "seed {seed}: client {number} has the server's state");
        assert!(follower.fresh <= 1, "seed {seed}: client {number} could go on after every crash");
    }
}

#[actix_rt::test]
async fn what_was_answered_is_there_once_and_in_order() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("CALLBOARD_KILLS").unwrap_or(10);
    let first = number("CALLBOARD_KILL_SEED").unwrap_or(1);
    for round in 0..kills.div_ceil(KILLS_PER_SEED) {
        one_seed(first + round, KILLS_PER_SEED.min(kills - round * KILLS_PER_SEED)).await;
        if kills > KILLS_PER_SEED {
            eprintln!("seed {}: {} kills", first + round, ((round + 1) * KILLS_PER_SEED).min(kills));
        }
    }
}
