//! HTTP/1.1 over one kept connection: a request, its answer, and the pieces of a streamed body.

use std::io;

use bytes::{Buf, BytesMut};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::client::Target;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes read at once at least.
const READ_BYTES: usize = 16 * 1024;

/// A connection and what was read from it ahead.
pub(in crate::cli) struct Wire {
    pub(in crate::cli) stream: TcpStream,
    pub(in crate::cli) buffer: BytesMut,
}

/// The head of an answer; names are in lower case.
#[derive(Debug, PartialEq)]
pub(in crate::cli) struct Head {
    pub(in crate::cli) status: u16,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) body: BytesMut,
}

/// How a streamed body is cut (RFC 9112 section 7.1).
#[derive(Debug, Default)]
pub(in crate::cli) struct Chunks(Cut);

#[derive(Debug, Default)]
enum Cut {
    #[default]
    Size,
    Data(usize),
    Trailer,
    Ended,
}

/// A client that keeps its connection.
pub(in crate::cli) struct Http {
    target: Target,
    wire: Option<Wire>,
}

pub(in crate::cli) fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Wire {
    /// Connects. A small `receive_bytes` makes a reader that stalls be noticed by its server soon.
    pub(in crate::cli) async fn open(target: &Target, receive_bytes: Option<usize>) -> io::Result<Wire> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        if let Some(bytes) = receive_bytes {
            SockRef::from(&stream).set_recv_buffer_size(bytes)?;
        }
        Ok(Wire { stream, buffer: BytesMut::new() })
    }

    pub(in crate::cli) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads more. Nothing is lost when this is given up half way.
    pub(in crate::cli) async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub(in crate::cli) async fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return read_head(&head);
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(broken("the head of an answer does not end"));
            }
            self.fill().await?;
        }
    }

    async fn body(&mut self, head: &Head) -> io::Result<BytesMut> {
        if head.has("transfer-encoding", "chunked") {
            let (mut chunks, mut body) = (Chunks::default(), BytesMut::new());
            while !chunks.take(&mut self.buffer, &mut body)? {
                self.fill().await?;
            }
            return Ok(body);
        }
        let length = match head.get("content-length") {
            Some(length) => length.parse().map_err(|_| broken("a length that is no number"))?,
            None => 0,
        };
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(length))
    }
}

impl Head {
    pub(in crate::cli) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(in crate::cli) fn has(&self, name: &str, word: &str) -> bool {
        self.get(name).is_some_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn read_head(bytes: &[u8]) -> io::Result<Head> {
    let text = std::str::from_utf8(bytes).map_err(|_| broken("the head of an answer is no text"))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    Ok(Head {
        status: status.ok_or_else(|| broken(format!("this is no answer of HTTP/1.1: {first}")))?,
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect(),
    })
}

impl Chunks {
    /// Moves what has come of the body; answers whether that was all of it.
    pub(in crate::cli) fn take(&mut self, from: &mut BytesMut, into: &mut BytesMut) -> io::Result<bool> {
        loop {
            match &mut self.0 {
                Cut::Ended => return Ok(true),
                Cut::Data(left) if *left > 0 => {
                    let here = (*left).min(from.len());
                    if here == 0 {
                        return Ok(false);
                    }
                    into.extend_from_slice(&from.split_to(here));
                    *left -= here;
                }
                Cut::Data(_) => {
                    if from.len() < 2 {
                        return Ok(false);
                    }
                    if from.split_to(2) != b"\r\n"[..] {
                        return Err(broken("a chunk is longer than it said"));
                    }
                    self.0 = Cut::Size;
                }
                Cut::Size | Cut::Trailer => {
                    let Some(end) = find(from, b"\r\n") else { return Ok(false) };
                    let line = from.split_to(end);
                    from.advance(2);
                    if matches!(self.0, Cut::Trailer) {
                        if line.is_empty() {
                            self.0 = Cut::Ended;
                        }
                        continue;
                    }
                    let text = std::str::from_utf8(&line).unwrap_or_default();
                    let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16);
                    self.0 = match size.map_err(|_| broken("the size of a chunk is no number"))? {
                        0 => Cut::Trailer,
                        size => Cut::Data(size),
                    };
                }
            }
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub(in crate::cli) fn json(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The answer, if it has this status.
    ///
    /// # Errors
    /// With what the server said instead.
    pub(in crate::cli) fn expect(self, status: u16) -> anyhow::Result<Answer> {
        let said: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        anyhow::ensure!(self.status == status, "the server answered {}: {said}", self.status);
        Ok(self)
    }
}

impl Http {
    pub(in crate::cli) fn new(target: Target) -> Http {
        Http { target, wire: None }
    }

    pub(in crate::cli) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.request("GET", path, "", None).await
    }

    pub(in crate::cli) async fn post(&mut self, path: &str, body: &str) -> io::Result<Answer> {
        self.request("POST", path, "Content-Type: application/json\r\n", Some(body)).await
    }

    /// Asks once. After an error the next request begins with a new connection.
    pub(in crate::cli) async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&str>,
    ) -> io::Result<Answer> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::open(&self.target, None).await?,
        };
        let mut request = self.target.head(method, path);
        request.push_str(headers);
        if let Some(body) = body {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        request.push_str(body.unwrap_or_default());
        wire.send(request.as_bytes()).await?;
        let head = wire.head().await?;
        let body = wire.body(&head).await?;
        if !head.has("connection", "close") {
            self.wire = Some(wire);
        }
        Ok(Answer { status: head.status, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head =
            read_head(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nConnection: a, Close\r\n\r\n").unwrap();
        assert_eq!((head.status, head.get("content-length")), (202, Some("5")));
        assert!(head.has("connection", "close") && !head.has("connection", "keep-alive"));
        assert!(read_head(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_join_however_they_are_cut() {
        let stream = b"4\r\nwiki\r\n6;x=y\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\n";
        for cut in 1..stream.len() {
            let (mut chunks, mut from, mut into) = (Chunks::default(), BytesMut::new(), BytesMut::new());
            let mut ended = false;
            for piece in stream.chunks(cut) {
                assert!(!ended);
                from.extend_from_slice(piece);
                ended = chunks.take(&mut from, &mut into).unwrap();
            }
            assert!(ended);
            assert_eq!(into, b"wikipedia in \r\n\r\nchunks."[..], "cut at {cut}");
        }
    }

    #[test]
    fn chunks_that_do_not_hold_are_refused() {
        for bad in [&b"x\r\n"[..], b"1\r\nabc\r\n", b"\r\n"] {
            let mut into = BytesMut::new();
            assert!(Chunks::default().take(&mut BytesMut::from(bad), &mut into).is_err());
        }
    }
}
