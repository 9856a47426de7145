//! A model server that does what it is told, well or badly.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::wire::{Request, WireServer, answer, begin};

/// A reply that holds: one file.
pub(super) const GOOD: &str = "Here it is.\n``````file path=poem.txt\nroses are röd 🌹\n``````\n";

fn chunk(text: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))
}

fn finish(reason: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
}

fn usage(asked: u64, answered: u64) -> String {
    let usage =
        json!({ "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered });
    format!("data: {}\n\n", json!({ "choices": [], "usage": usage }))
}

const DONE: &str = "data: [DONE]\n\n";

/// A stream in good order.
pub(super) fn stream(text: &str, asked: u64, answered: u64) -> String {
    let mut stream = String::new();
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(7) {
        stream.push_str(&chunk(&piece.iter().collect::<String>()));
    }
    stream + &finish("stop") + &usage(asked, answered) + DONE
}

/// Starts a server that misbehaves in this way.
pub(super) fn start(way: &'static str) -> WireServer {
    WireServer::start(move |request, before, stream| misbehave(way, request, before, stream))
}

fn misbehave(way: &str, _: &Request, before: usize, connection: &mut TcpStream) {
    let kind = "text/event-stream";
    let good = stream(GOOD, 11, 7);
    let refuse_first = |connection: &mut TcpStream, status: &str, headers: &str| {
        let body = json!({ "error": { "message": "not now" } }).to_string();
        answer(connection, status, headers, &body);
    };
    match way {
        "good" => {
            begin(connection, kind);
            let _ = connection.write_all(good.as_bytes());
        }
        // Every byte alone: characters, lines and events are cut everywhere.
        "bytes" => {
            begin(connection, kind);
            for byte in good.as_bytes() {
                if connection.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
        "crlf and comments" => {
            begin(connection, kind);
            let odd = good.replace("data: ", ": comment\nid: 1\ndata: ").replace('\n', "\r\n");
            let _ = connection.write_all(odd.as_bytes());
        }
        // One event in several data lines.
        "data lines" => {
            begin(connection, kind);
            let _ = connection.write_all(good.replace(",\"", ",\ndata: \"").as_bytes());
        }
        "no end mark" => {
            begin(connection, kind);
            let _ = connection.write_all(good.replace(DONE, "").as_bytes());
        }
        // The reply is whole, and the connection stays open.
        "no end" => {
            begin(connection, kind);
            let _ = connection.write_all(good.replace(DONE, "").as_bytes());
            super::wire::wait_for_close(connection);
        }
        "broken off once" if before == 0 => {
            begin(connection, kind);
            let _ = connection.write_all((chunk("half of ") + &usage(5, 2)).as_bytes());
        }
        "error within once" if before == 0 => {
            begin(connection, kind);
            let error = json!({ "error": { "message": "overloaded" } });
            let _ = connection.write_all(format!("{}data: {error}\n\n", chunk("half ")).as_bytes());
        }
        "stall once" if before == 0 => {
            begin(connection, kind);
            let _ = connection.write_all(chunk("half ").as_bytes());
            super::wire::wait_for_close(connection);
        }
        "429 once" if before == 0 => refuse_first(connection, "429 Too Many Requests", "retry-after: 1\r\n"),
        "503 once" if before == 0 => {
            refuse_first(connection, "503 Service Unavailable", "retry-after: 1\r\n")
        }
        "500 once" if before == 0 => refuse_first(connection, "500 Internal Server Error", ""),
        "401" => refuse_first(connection, "401 Unauthorized", ""),
        "404 html" => answer(connection, "404 Not Found", "content-type: text/html\r\n", "<h1>nothing</h1>"),
        "redirect" => answer(connection, "302 Found", "location: http://127.0.0.1:1/\r\n", ""),
        "cut" => {
            begin(connection, kind);
            let _ =
                connection.write_all((chunk("half") + &finish("length") + &usage(11, 9) + DONE).as_bytes());
        }
        "not a stream" => {
            let reply: Value = json!({
                "choices": [{ "index": 0, "message": { "content": GOOD }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 11, "completion_tokens": 7 },
            });
            answer(connection, "200 OK", "content-type: application/json\r\n", &reply.to_string());
        }
        "wrong once" if before == 0 => {
            begin(connection, kind);
            let _ = connection.write_all(stream("I would rather not.", 3, 2).as_bytes());
        }
        "no usage" => {
            begin(connection, kind);
            let _ = connection.write_all(good.replace(&usage(11, 7), "").as_bytes());
        }
        "nonsense" => {
            begin(connection, kind);
            let _ = connection.write_all(b"data: <html>\n\n");
        }
        "endless" => {
            begin(connection, kind);
            while connection.write_all(chunk("and on\n").as_bytes()).is_ok() {
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        }
        _ => {
            begin(connection, kind);
            let _ = connection.write_all(good.as_bytes());
        }
    }
}
