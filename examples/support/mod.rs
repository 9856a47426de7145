//! What measuring programs share: a server in a process of its own, and sockets that cost next to nothing to read.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Server {
    /// Starts the `callboard` that was built together with this program.
    pub(crate) fn start(dir: &Path) -> anyhow::Result<Server> {
        let here = std::env::current_exe()?;
        let folder = here.parent().and_then(Path::parent).context("this program has no folder")?;
        let mut child = Command::new(folder.join("callboard"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .env("CALLBOARD_STORE_DURABILITY", "system")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("callboard must be built next to this program")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has an output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").context("it must start")?.to_owned();
        Ok(Server { child, address })
    }

    /// Its memory in RAM, in kilobytes.
    pub(crate) fn memory_kb(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has memory")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// An address on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes a project; answers its id.
    pub(crate) async fn project(&self, http: &reqwest::Client, brief: &str) -> anyhow::Result<String> {
        let body = serde_json::json!({ "brief": brief });
        let made: serde_json::Value =
            http.post(self.url("/api/projects")).json(&body).send().await?.error_for_status()?.json().await?;
        Ok(made["id"].as_str().context("a project has an id")?.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A room's socket that is read frame by frame.
pub(crate) struct Frames {
    stream: TcpStream,
    held: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Opens the socket of a room.
    pub(crate) async fn open(address: &str, project: &str) -> anyhow::Result<Frames> {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await?);
        }
        ensure!(answer.starts_with(b"HTTP/1.1 101"), "the server must open the socket");
        Ok(Frames { stream, held: Vec::new(), start: 0 })
    }

    /// The text of the next message; pings are answered on the way. None at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<&[u8]>> {
        loop {
            let held = &self.held[self.start..];
            let head = match held {
                [_, 126, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
                [_, 127, rest @ ..] => rest
                    .first_chunk::<8>()
                    .map(|length| (10, usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX))),
                [_, length, ..] if *length < 126 => Some((2, usize::from(*length))),
                _ => None,
            };
            if let Some((head, length)) = head
                && held.len() >= head + length
            {
                let (opcode, from) = (held[0] & 0x0f, self.start + head);
                self.start = from + length;
                match opcode {
                    1 => return Ok(Some(&self.held[from..from + length])),
                    8 => return Ok(None),
                    // A pong with a mask of zeros.
                    9 => self.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await?,
                    _ => {}
                }
                continue;
            }
            self.held.drain(..self.start);
            self.start = 0;
            if self.stream.read_buf(&mut self.held).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// The number behind a name in a JSON text, found without reading all of it.
pub(crate) fn number(text: &[u8], name: &[u8]) -> Option<u64> {
    let at = text.windows(name.len()).position(|part| part == name)? + name.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The text behind a name in a JSON text, up to the next quotation mark.
pub(crate) fn string(text: &[u8], name: &[u8]) -> Option<String> {
    let at = text.windows(name.len()).position(|part| part == name)? + name.len();
    let letters = text[at..].iter().take_while(|byte| **byte != b'"');
    Some(letters.map(|byte| char::from(*byte)).collect())
}

/// One line on standard output.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
