//! Disks that fail: full, or not to be written. Errors are clear, nothing is half done, and work goes on when it can.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::helpers::process::{Server, command, refused};
use crate::helpers::{READING_LIST, wait_for};

const BRIEF: &str = "A list of notes with title and text.";

/// A place of a few megabytes: a file system of its own where we may mount one, else a limit on the size of each file.
enum Room {
    Mounted(PathBuf),
    Limited,
}

impl Room {
    fn of(dir: &Path) -> Room {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(dir).output();
        match mount {
            Ok(done) if done.status.success() => Room::Mounted(dir.to_owned()),
            _ => Room::Limited,
        }
    }

    fn fill(&self, server: &Server) {
        match self {
            Room::Mounted(dir) => {
                let filler = vec![1; 16 << 20];
                fs::write(dir.join("filler"), filler).expect_err("it cannot hold so much");
            }
            Room::Limited => limit(server, Some(4096)),
        }
    }

    fn free(&self, server: &Server) {
        match self {
            Room::Mounted(dir) => fs::remove_file(dir.join("filler")).unwrap(),
            Room::Limited => limit(server, None),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Room::Mounted(dir) = self {
            let _ = Command::new("umount").arg("--lazy").arg(dir).status();
        }
    }
}

fn limit(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).unwrap();
}

/// The server as a child that a file limit does not kill.
fn without_signal(dir: &Path) -> Command {
    let plain = command(dir);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    command.stderr(Stdio::null());
    command
}

/// An answer that says that the server could not keep something.
async fn not_kept(answer: reqwest::Response, room: &Room) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    match room {
        Room::Mounted(_) => {
            assert_eq!(status, 507, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("full"), "{problem}");
        }
        Room::Limited => assert!(status >= 500, "{status} {problem}"),
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_work_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let room = Room::of(dir.path());
    let server = Server::start(without_signal(dir.path()));
    let project = server.project(BRIEF).await;
    let works = server.project(READING_LIST).await;
    let events = format!("/api/projects/{project}/events");
    let event =
        |n: u64| json!({ "type": "event", "name": "n", "data": { "n": n, "text": "x".repeat(2_000) } });
    let mut accepted = 0;
    for _ in 0..20 {
        assert_eq!(server.try_post(&events, event(accepted)).await.unwrap().status(), 202);
        accepted += 1;
    }
    // During a run, which may be past its last write or not.
    let run = server.generate(&works).await;
    room.fill(&server);
    let mut refused = 0;
    while refused < 3 {
        let answer = server.try_post(&events, event(accepted)).await.unwrap();
        if answer.status() == 202 {
            accepted += 1;
            continue;
        }
        not_kept(answer, &room).await;
        refused += 1;
    }
    let several = json!((0..50).map(|n| event(accepted + n)).collect::<Vec<_>>());
    not_kept(server.try_post(&events, several).await.unwrap(), &room).await;
    not_kept(server.try_post("/api/projects", json!({ "brief": BRIEF })).await.unwrap(), &room).await;
    // Whatever is on record can be read, and nothing half is on record.
    assert_eq!(server.get("/healthz").await["status"], "ok");
    assert_eq!(server.log(&project).await.len() as u64, accepted);
    assert_eq!(server.get("/api/projects").await["projects"].as_array().unwrap().len(), 2);

    room.free(&server);
    let answer = server.try_post(&events, event(accepted)).await.unwrap();
    assert_eq!(answer.status(), 202, "at once, without a restart");
    accepted += 1;
    let ended = server.run_ended(&run).await;
    if ended["status"] != "completed" {
        assert_eq!(ended["status"], "failed", "{ended}");
        let why = ended["error"]["message"].as_str().unwrap();
        assert!(
            ["full", "could not be recorded", "cannot be"].iter().any(|word| why.contains(word)),
            "{why}"
        );
    }
    let again = server.generate(&works).await;
    assert_eq!(server.run_ended(&again).await["status"], "completed");
    let log = server.log(&project).await;
    let numbers: Vec<u64> = log.iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..accepted), "{numbers:?}");
    server.kill();
    let server = Server::plain(dir.path());
    assert_eq!(server.log(&project).await, log);
}

/// A user without rights, when the test has all of them and could write anywhere.
const NOBODY: u32 = 65_534;

/// A server that may not write where it is not allowed to, whoever runs the test.
struct Bounded {
    /// Holds the program, which may lie where others cannot reach it, and the data.
    dir: tempfile::TempDir,
}

impl Bounded {
    fn new() -> Bounded {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_callboard"), dir.path().join("callboard")).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let bounded = Bounded { dir };
        if bounded.is_root() {
            chown(bounded.data(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        bounded
    }

    fn is_root(&self) -> bool {
        fs::metadata(self.dir.path()).unwrap().uid() == 0
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self) -> Command {
        let plain = command(&self.data());
        let mut command = Command::new(self.dir.path().join("callboard"));
        command.args(plain.get_args());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.dir.path()).stderr(Stdio::null());
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Takes the right to write away from everything below a folder, or gives it back.
    fn writable(path: &Path, may: bool) {
        let metadata = fs::symlink_metadata(path).unwrap();
        if metadata.is_dir() {
            if may {
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            for entry in fs::read_dir(path).unwrap() {
                Self::writable(&entry.unwrap().path(), may);
            }
        }
        let mode = metadata.permissions().mode();
        let mode = if may { mode | 0o200 } else { mode & !0o222 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_said_at_the_start() {
    let bounded = Bounded::new();
    let server = Server::start(bounded.command());
    let project = server.project(BRIEF).await;
    server.kill();
    for place in ["", "callboard.db", "callboard.lock", "artifacts"] {
        let path = bounded.data().join(place);
        Bounded::writable(&path, false);
        let mut command = bounded.command();
        command.stderr(Stdio::piped());
        let (code, said) = refused(command);
        assert_eq!(code, Some(1), "{place}: {said}");
        assert!(said.contains(&*bounded.data().to_string_lossy()), "{place}: {said}");
        assert!(said.contains("cannot be") || said.contains("read-only"), "{place}: {said}");
        Bounded::writable(&path, true);
    }
    let server = Server::start(bounded.command());
    assert_eq!(server.get(&format!("/api/projects/{project}")).await["id"], project.as_str());
}

#[tokio::test]
async fn files_that_cannot_be_written_fail_the_run_and_nothing_else() {
    let bounded = Bounded::new();
    let server = Server::start(bounded.command());
    let works = server.project(READING_LIST).await;
    let artifacts = bounded.data().join("artifacts");
    Bounded::writable(&artifacts, false);
    let run = server.generate(&works).await;
    let ended = server.run_ended(&run).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    let why = ended["error"]["message"].as_str().unwrap();
    assert!(why.contains("cannot be") && why.to_lowercase().contains("denied"), "{why}");
    assert_eq!(server.get("/readyz").await["status"], "ready");
    Bounded::writable(&artifacts, true);
    let again = server.generate(&works).await;
    assert_eq!(server.run_ended(&again).await["status"], "completed");
    wait_for("the room to show it", async || {
        let shown = server.get(&format!("/api/projects/{works}")).await;
        (shown["state"]["status"] == "completed").then_some(())
    })
    .await;
}
