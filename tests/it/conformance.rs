//! WebSocket conformance (RFC 6455): a raw client and tables of cases, grouped as the well-known suites group them, against
//! the echo program's handler in the server as it is.

#[path = "../../examples/echo/handler.rs"]
mod echo;

use std::time::Duration;

use callboard::broker::shard::Heartbeat;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{SOON, TestApp, spawn_app_with};

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

/// What the server said.
#[derive(Clone, PartialEq)]
enum Said {
    Frame(u8, Vec<u8>),
    /// A close frame with this code; 1005 when it carried none.
    Close(u16),
    /// The end of the connection.
    End,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Frame(first, payload) => {
                write!(f, "frame {first:x} of {}: {:x?}", payload.len(), &payload[..payload.len().min(12)])
            }
            Said::Close(code) => write!(f, "close {code}"),
            Said::End => write!(f, "end"),
        }
    }
}

fn text(payload: impl AsRef<[u8]>) -> Said {
    Said::Frame(FIN | TEXT, payload.as_ref().to_vec())
}

fn binary(payload: impl AsRef<[u8]>) -> Said {
    Said::Frame(FIN | BINARY, payload.as_ref().to_vec())
}

fn pong(payload: impl AsRef<[u8]>) -> Said {
    Said::Frame(FIN | PONG, payload.as_ref().to_vec())
}

/// Bytes of a frame: `first` is the whole first byte.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A masked header up to its length.
fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

async fn server() -> TestApp {
    spawn_app_with(Box::new(|options| options.upgrades = Some(echo::enter))).await
}

/// A client that does just what it is told.
struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    async fn open(app: &TestApp) -> Raw {
        Raw::open_with(app, "").await.0
    }

    /// Opens with more header lines; answers the head of the answer too.
    async fn open_with(app: &TestApp, lines: &str) -> (Raw, String) {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "GET /anything HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n",
            app.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut raw = Raw { stream, buffer: Vec::new() };
        loop {
            if let Some(end) = raw.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = raw.buffer.drain(..end + 4).collect();
                return (raw, String::from_utf8(head).unwrap());
            }
            assert!(raw.fill().await, "the server must answer");
        }
    }

    async fn fill(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        let read = tokio::time::timeout(SOON, self.stream.read(&mut piece)).await;
        let count = read.expect("the server must say something").unwrap_or(0);
        self.buffer.extend_from_slice(&piece[..count]);
        count > 0
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The server may have closed already: what it said is what counts.
        let _ = self.stream.write_all(bytes).await;
    }

    async fn next(&mut self) -> Said {
        loop {
            if let [first, second, rest @ ..] = &self.buffer[..] {
                assert_eq!(second & 0x80, 0, "a server masks nothing");
                let (length_bytes, length) = match (second, rest) {
                    (126, [a, b, ..]) => (2, u64::from(u16::from_be_bytes([*a, *b]))),
                    (127, [a, b, c, d, e, f, g, h, ..]) => {
                        (8, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
                    }
                    (126 | 127, _) => (8, u64::MAX),
                    (short, _) => (0, u64::from(*short)),
                };
                let start = 2 + length_bytes;
                if (self.buffer.len() as u64).saturating_sub(start as u64) >= length {
                    let (first, end) = (*first, start + length as usize);
                    let payload = self.buffer[start..end].to_vec();
                    self.buffer.drain(..end);
                    if first != FIN | CLOSE {
                        return Said::Frame(first, payload);
                    }
                    assert!(payload.len() <= 125 && payload.len() != 1);
                    assert!(std::str::from_utf8(payload.get(2..).unwrap_or_default()).is_ok());
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    return Said::Close(code);
                }
            }
            if !self.fill().await {
                return Said::End;
            }
        }
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        loop {
            match self.next().await {
                Said::End => return said,
                one => said.push(one),
            }
        }
    }
}

/// A case: what is sent, and everything that must come until the connection ends.
struct Case {
    name: String,
    sent: Vec<u8>,
    expected: Vec<Said>,
}

fn case(name: impl Into<String>, sent: &[Vec<u8>], expected: &[Said]) -> Case {
    Case { name: name.into(), sent: sent.concat(), expected: expected.to_vec() }
}

/// The same, and then a close in good order that is answered.
fn good(name: impl Into<String>, sent: &[Vec<u8>], expected: &[Said]) -> Case {
    let sent = [sent.concat(), close(1000, "")].concat();
    Case { name: name.into(), sent, expected: [expected, &[Said::Close(1000)]].concat() }
}

/// Plays cases, each as one write, cut in the middle, and (where short) byte by byte.
async fn play(cases: Vec<Case>) {
    let app = server().await;
    for case in cases {
        let cuts = [case.sent.len(), case.sent.len() / 2 + 1, 1];
        for cut in cuts.into_iter().filter(|cut| case.sent.len() / cut.max(&1) < 700) {
            let mut raw = Raw::open(&app).await;
            for piece in case.sent.chunks(cut.max(1)) {
                raw.send(piece).await;
            }
            assert_eq!(raw.rest().await, case.expected, "{} in pieces of {cut}", case.name);
        }
    }
}

#[actix_rt::test]
async fn group_1_messages_of_every_length_come_back() {
    let mut cases = Vec::new();
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000] {
        let payload = "*".repeat(length);
        cases.push(good(format!("text {length}"), &[frame(FIN | TEXT, &payload)], &[text(&payload)]));
        let payload = vec![0xfe; length];
        cases.push(good(format!("binary {length}"), &[frame(FIN | BINARY, &payload)], &[binary(&payload)]));
    }
    // Lengths may be written longer than they have to be; some clients do.
    let long_form = [&[FIN | TEXT, 0x80 | 126, 0, 2, 0, 0, 0, 0][..], b"ab"].concat();
    cases.push(good("a length in the longer form", &[long_form], &[text("ab")]));
    play(cases).await;
}

#[actix_rt::test]
async fn group_2_pings_are_answered_with_what_they_carry() {
    let ten: Vec<Vec<u8>> = (0..10).map(|n| frame(FIN | PING, format!("{n}"))).collect();
    let pongs: Vec<Said> = (0..10).map(|n| pong(format!("{n}"))).collect();
    play(vec![
        good("empty", &[frame(FIN | PING, "")], &[pong("")]),
        good("text", &[frame(FIN | PING, "hello")], &[pong("hello")]),
        good("any bytes", &[frame(FIN | PING, [0, 255, 254, 253, 0])], &[pong([0, 255, 254, 253, 0])]),
        good("125 bytes", &[frame(FIN | PING, [0xfe; 125])], &[pong([0xfe; 125])]),
        case("126 bytes", &[frame(FIN | PING, [0xfe; 126])], &[Said::Close(1002)]),
        case("126 bytes of pong", &[frame(FIN | PONG, [0xfe; 126])], &[Said::Close(1002)]),
        good("a pong nobody asked for", &[frame(FIN | PONG, "")], &[]),
        good("one with a payload", &[frame(FIN | PONG, "hello")], &[]),
        good("a pong, then a ping", &[frame(FIN | PONG, "a"), frame(FIN | PING, "b")], &[pong("b")]),
        good("ten", &ten, &pongs),
    ])
    .await;
}

#[actix_rt::test]
async fn groups_3_and_4_reserved_bits_and_opcodes_are_refused() {
    let mut cases = Vec::new();
    for bits in 1..=7_u8 {
        for opcode in [TEXT, BINARY, PING, PONG, CLOSE, CONTINUE] {
            cases.push(case(
                format!("reserved bits {bits}, opcode {opcode}"),
                &[frame(FIN | TEXT, "first"), frame(FIN | (bits << 4) | opcode, "x"), frame(FIN | PING, "")],
                &[text("first"), Said::Close(1002)],
            ));
        }
    }
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for payload in ["", "unknown"] {
            cases.push(case(
                format!("opcode {opcode} with {payload:?}"),
                &[frame(FIN | TEXT, "first"), frame(FIN | opcode, payload), frame(FIN | PING, "")],
                &[text("first"), Said::Close(1002)],
            ));
        }
    }
    for (name, first) in [("text", FIN | TEXT), ("ping", FIN | PING), ("close", FIN | CLOSE)] {
        cases.push(case(format!("unmasked {name}"), &[vec![first, 2, 3, 232]], &[Said::Close(1002)]));
    }
    play(cases).await;
}

#[actix_rt::test]
async fn group_5_fragments_are_joined_and_control_frames_pass_between() {
    let (one, two) = (frame(TEXT, "one,"), frame(FIN | CONTINUE, "two"));
    let many: Vec<Vec<u8>> = std::iter::once(frame(BINARY, [1]))
        .chain((0..50).flat_map(|n| [frame(FIN | PING, [n]), frame(CONTINUE, [n])]))
        .chain([frame(FIN | CONTINUE, [9])])
        .collect();
    let mut answers: Vec<Said> = (0..50).map(|n| pong([n])).collect();
    answers.push(binary([&[1][..], &(0..50).collect::<Vec<u8>>(), &[9]].concat()));
    play(vec![
        case("a ping in fragments", &[frame(PING, "a"), frame(FIN | CONTINUE, "b")], &[Said::Close(1002)]),
        case("a pong in fragments", &[frame(PONG, "a"), frame(FIN | CONTINUE, "b")], &[Said::Close(1002)]),
        case(
            "a close in fragments",
            &[frame(CLOSE, [3, 232]), frame(FIN | CONTINUE, "b")],
            &[Said::Close(1002)],
        ),
        good("two fragments", &[one.clone(), two.clone()], &[text("one,two")]),
        good(
            "a ping between",
            &[one.clone(), frame(FIN | PING, "p"), two.clone()],
            &[pong("p"), text("one,two")],
        ),
        good("a pong between", &[one.clone(), frame(FIN | PONG, "p"), two.clone()], &[text("one,two")]),
        good(
            "empty fragments",
            &[frame(TEXT, ""), frame(CONTINUE, ""), frame(FIN | CONTINUE, "")],
            &[text("")],
        ),
        good(
            "only the middle",
            &[frame(TEXT, ""), frame(CONTINUE, "m"), frame(FIN | CONTINUE, "")],
            &[text("m")],
        ),
        good("many with pings", &many, &answers),
        good(
            "two messages",
            &[one.clone(), two.clone(), one.clone(), two.clone()],
            &[text("one,two"), text("one,two")],
        ),
        case(
            "nothing to continue, last",
            &[frame(FIN | CONTINUE, "x"), frame(FIN | TEXT, "y")],
            &[Said::Close(1002)],
        ),
        case("nothing to continue", &[frame(CONTINUE, "x"), frame(FIN | TEXT, "y")], &[Said::Close(1002)]),
        case(
            "nothing to continue any more",
            &[one.clone(), two.clone(), frame(FIN | CONTINUE, "x")],
            &[text("one,two"), Said::Close(1002)],
        ),
        case("a new text while one is open", &[one.clone(), frame(FIN | TEXT, "new")], &[Said::Close(1002)]),
        case(
            "a new binary while one is open",
            &[one.clone(), frame(FIN | BINARY, "new")],
            &[Said::Close(1002)],
        ),
        case("a new first fragment", &[one.clone(), frame(TEXT, "new")], &[Said::Close(1002)]),
        case("a close while one is open", &[one.clone(), close(1000, "")], &[Said::Close(1000)]),
    ])
    .await;
}

/// Texts that are none.
const BAD: &[&[u8]] = &[
    b"\x80",
    b"\xbf\xbf\xbf",
    b"\xc0",
    b"\xfe",
    b"\xff",
    b"ok \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf4\x90\x80\x80",
    b"\xce\xce",
    b"\xe2\x28\xa1",
    b"\xf0\x9f\x98",
    b"\xe2\x82",
    b"\xc3",
];

/// Texts that are some, at every border.
const GOOD: &[&str] = &[
    "",
    "\0",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
    "\u{d7ff}\u{e000}\u{fffd}\u{fffe}\u{fdd0}\u{1fffe}",
];

#[actix_rt::test]
async fn group_6_text_is_utf_8_also_across_fragments() {
    let mut cases = Vec::new();
    for sample in GOOD {
        cases.push(good(format!("{sample:?}"), &[frame(FIN | TEXT, sample)], &[text(sample)]));
        let mut pieces: Vec<Vec<u8>> = vec![frame(TEXT, "")];
        pieces.extend(sample.bytes().map(|byte| frame(CONTINUE, [byte])));
        pieces.push(frame(FIN | CONTINUE, ""));
        cases.push(good(format!("{sample:?} by byte"), &pieces, &[text(sample)]));
    }
    for sample in BAD {
        cases.push(case(format!("{sample:x?}"), &[frame(FIN | TEXT, sample)], &[Said::Close(1007)]));
        let mut pieces: Vec<Vec<u8>> = vec![frame(TEXT, "")];
        pieces.extend(sample.iter().map(|byte| frame(CONTINUE, [*byte])));
        pieces.push(frame(FIN | CONTINUE, ""));
        cases.push(case(format!("{sample:x?} by byte"), &pieces, &[Said::Close(1007)]));
        // What came whole before it is answered first.
        let before = [frame(FIN | TEXT, "first"), frame(FIN | TEXT, sample)];
        cases.push(case(format!("{sample:x?} after another"), &before, &[text("first"), Said::Close(1007)]));
        let bytes = frame(FIN | BINARY, sample);
        cases.push(good(format!("{sample:x?} as binary"), &[bytes], &[binary(sample)]));
    }
    play(cases).await;
}

#[actix_rt::test]
async fn group_6_bad_text_is_refused_before_its_frame_is_whole() {
    let app = server().await;
    // Each is sent up to its first bad byte and not further: whoever waits for more waits in vain.
    for (name, start) in [
        (
            "in the only frame",
            frame(FIN | TEXT, [&b"\xce\xba\xf4\x90"[..], &[b'x'; 90]].concat())[..10].to_vec(),
        ),
        (
            "in a long frame",
            frame(FIN | TEXT, [&[b'x'; 9_000][..], b"\xff", &[b'x'; 9_000]].concat())[..9_009].to_vec(),
        ),
        (
            "in a later fragment",
            [frame(TEXT, b"\xed"), frame(FIN | CONTINUE, [&b"\xa0"[..], &[b'x'; 60]].concat())[..7].to_vec()]
                .concat(),
        ),
    ] {
        let mut raw = Raw::open(&app).await;
        raw.send(&start).await;
        assert_eq!(raw.next().await, Said::Close(1007), "{name}");
    }
    let mut raw = Raw::open(&app).await;
    raw.send(&frame(TEXT, b"\xf4\x90")).await;
    assert_eq!(raw.next().await, Said::Close(1007), "a fragment of a message that goes on");
}

#[actix_rt::test]
async fn group_7_closes_are_answered_and_bad_ones_refused() {
    let mut cases = vec![
        case("without a code", &[frame(FIN | CLOSE, "")], &[Said::Close(1005)]),
        case(
            "after a message",
            &[frame(FIN | TEXT, "m"), close(1000, "bye")],
            &[text("m"), Said::Close(1000)],
        ),
        case("twice", &[close(1000, "a"), close(1001, "b")], &[Said::Close(1000)]),
        case("then a ping", &[close(1000, ""), frame(FIN | PING, "")], &[Said::Close(1000)]),
        case("then a text", &[close(1000, ""), frame(FIN | TEXT, "late")], &[Said::Close(1000)]),
        case("one byte", &[frame(FIN | CLOSE, "x")], &[Said::Close(1002)]),
        case("a long reason", &[close(1000, "*".repeat(123))], &[Said::Close(1000)]),
        case("too long a reason", &[close(1000, "*".repeat(124))], &[Said::Close(1002)]),
        case("a reason in other letters", &[close(1000, "κόσμε")], &[Said::Close(1000)]),
        case(
            "a close while a fragment is half here",
            &[frame(TEXT, b"\xce"), close(1000, "")],
            &[Said::Close(1000)],
        ),
    ];
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        cases.push(case(format!("{code}"), &[close(code, "why")], &[Said::Close(code)]));
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(case(format!("{code}"), &[close(code, "")], &[Said::Close(1002)]));
        cases.push(case(format!("{code} with a reason"), &[close(code, "why")], &[Said::Close(1002)]));
    }
    for sample in BAD.iter().filter(|sample| !sample.is_empty()) {
        cases.push(case(format!("a reason {sample:x?}"), &[close(1000, sample)], &[Said::Close(1007)]));
        let before = [frame(FIN | PING, "p"), close(1000, sample)];
        cases.push(case(
            format!("a reason {sample:x?} after a ping"),
            &before,
            &[pong("p"), Said::Close(1007)],
        ));
    }
    play(cases).await;
}

#[actix_rt::test]
async fn group_9_sizes_up_to_the_limit_and_not_beyond() {
    let app = server().await;
    let whole = |size: usize| (0..size).map(|n| b'a' + (n % 26) as u8).collect::<Vec<u8>>();
    for size in [1 << 16, 1 << 20, 4 << 20, 16 << 20] {
        for (first, answer) in [(TEXT, FIN | TEXT), (BINARY, FIN | BINARY)] {
            let payload = whole(size);
            let mut raw = Raw::open(&app).await;
            raw.send(&frame(FIN | first, &payload)).await;
            assert!(raw.next().await == Said::Frame(answer, payload), "{size} bytes in one frame");
        }
    }
    for (size, piece) in [(1 << 20, 64), (4 << 20, 4 << 10), (16 << 20, 1 << 18), (65_536, 1)] {
        let payload = whole(size);
        let mut raw = Raw::open(&app).await;
        let pieces = payload.chunks(piece).enumerate().map(|(n, bytes)| {
            let last = (n + 1) * piece >= size;
            frame(if last { FIN } else { 0 } | if n == 0 { TEXT } else { CONTINUE }, bytes)
        });
        let sent: Vec<u8> = pieces.flatten().collect();
        raw.send(&sent).await;
        assert!(raw.next().await == text(payload), "{size} bytes in pieces of {piece}");
    }
}

#[actix_rt::test]
async fn group_9_what_is_over_a_limit_is_refused_at_once() {
    let app = server().await;
    let limit = echo::LIMITS.bytes as u64;
    // The header alone, up to its length: no mask and no data.
    for (name, bytes) in [
        ("one byte more", header(FIN | BINARY, limit + 1)),
        ("a gigabyte of text", header(FIN | TEXT, 1 << 30)),
        ("the most that can be said", header(FIN | BINARY, u64::MAX >> 1)),
        ("a length with the highest bit", header(FIN | BINARY, u64::MAX)),
    ] {
        let mut raw = Raw::open(&app).await;
        raw.send(&frame(FIN | TEXT, "before")).await;
        raw.send(&bytes).await;
        assert_eq!(raw.next().await, text("before"));
        assert_eq!(raw.next().await, Said::Close(1009), "{name}");
    }
    // Bytes of all fragments together.
    let mut raw = Raw::open(&app).await;
    raw.send(&frame(BINARY, vec![0; echo::LIMITS.bytes])).await;
    raw.send(&frame(CONTINUE, [0])).await;
    assert_eq!(raw.next().await, Said::Close(1009));
    // Fragments.
    let mut raw = Raw::open(&app).await;
    let mut sent = frame(TEXT, "");
    (1..=echo::LIMITS.fragments).for_each(|_| sent.extend(frame(CONTINUE, "")));
    raw.send(&sent).await;
    assert_eq!(raw.next().await, Said::Close(1009));
}

#[actix_rt::test]
async fn the_limits_of_the_product_are_refused_at_the_header() {
    let app = crate::helpers::spawn_app().await;
    let project = app.project("A list of books with title and rating 1 to 5.").await;
    for (name, sent, code) in [
        ("65,537 bytes announced", header(FIN | TEXT, 65_537), 1009),
        (
            "65 fragments",
            (0..66).flat_map(|n| frame(if n == 0 { TEXT } else { CONTINUE }, "x")).collect(),
            1009,
        ),
        ("binary", frame(FIN | BINARY, "x"), 1003),
        ("ten that are no messages", (0..10).flat_map(|_| frame(FIN | TEXT, "{")).collect(), 1008),
        ("a reason that is no text", close(1000, b"\xff"), 1007),
    ] {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let request = format!(
            "GET /api/ws/projects/{project} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            app.address
        );
        stream.write_all(&[request.as_bytes(), &sent].concat()).await.unwrap();
        let mut raw = Raw { stream, buffer: Vec::new() };
        while !raw.buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(raw.fill().await);
        }
        let end = raw.buffer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        raw.buffer.drain(..end + 4);
        assert_eq!(raw.rest().await.last(), Some(&Said::Close(code)), "{name}");
    }
}

#[actix_rt::test]
async fn group_10_answers_come_whole_to_a_reader_that_takes_its_time() {
    let app = server().await;
    let mut raw = Raw::open(&app).await;
    let payload: Vec<u8> = (0..1_300_000).map(|n| (n % 251) as u8).collect();
    // More than any buffer between holds, in frames of a size that fits nowhere evenly.
    let pieces: Vec<Vec<u8>> = payload
        .chunks(1_300)
        .enumerate()
        .map(|(n, bytes)| {
            frame(if n == 999 { FIN } else { 0 } | if n == 0 { BINARY } else { CONTINUE }, bytes)
        })
        .collect();
    for _ in 0..3 {
        raw.send(&pieces.concat()).await;
    }
    for _ in 0..3 {
        assert!(raw.next().await == binary(&payload));
    }
}

#[actix_rt::test]
async fn groups_12_and_13_compression_is_not_agreed_to() {
    let app = server().await;
    let lines = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (mut raw, head) = Raw::open_with(&app, lines).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(!head.to_ascii_lowercase().contains("sec-websocket-extensions"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    raw.send(&frame(FIN | 0x40 | TEXT, "compressed")).await;
    assert_eq!(raw.next().await, Said::Close(1002));
}

#[actix_rt::test]
async fn a_peer_that_closes_only_its_side_is_answered_and_left() {
    let app = server().await;
    let mut raw = Raw::open(&app).await;
    raw.send(&frame(FIN | TEXT, "last words")).await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(raw.next().await, text("last words"));
    // Without a close frame there is nothing to answer; the connection just ends.
    let rest = raw.rest().await;
    assert!(rest.is_empty() || rest == [Said::Close(1006)], "{rest:?}");
    // Half a frame and then nothing.
    let mut raw = Raw::open(&app).await;
    raw.send(&frame(FIN | TEXT, "half")[..7]).await;
    raw.stream.shutdown().await.unwrap();
    raw.rest().await;
}

#[actix_rt::test]
async fn a_peer_that_is_silent_is_pinged_and_then_left() {
    let app = spawn_app_with(Box::new(|options| {
        options.upgrades = Some(echo::enter);
        options.heartbeat = Heartbeat { ping_ms: 100, silence_ms: 2_000, stall_ms: 60_000 };
    }))
    .await;
    let mut lives = Raw::open(&app).await;
    let mut silent = Raw::open(&app).await;
    assert_eq!(lives.next().await, Said::Frame(FIN | PING, vec![]));
    // One answers its pings, the other reads them only.
    let living = async {
        loop {
            lives.send(&frame(FIN | PONG, "")).await;
            assert_eq!(lives.next().await, Said::Frame(FIN | PING, vec![]));
        }
    };
    let left = tokio::select! {
        () = living => unreachable!(),
        said = silent.rest() => said,
    };
    assert!(!left.is_empty() && left.iter().all(|one| *one == Said::Frame(FIN | PING, vec![])), "{left:?}");
    // The one that answered is still heard.
    lives.send(&frame(FIN | TEXT, "here")).await;
    let still =
        tokio::time::timeout(Duration::from_secs(10), async { while lives.next().await != text("here") {} });
    still.await.expect("whoever answers pings stays");
}
