//! What the tests share: a server in a process of its own, and a client that keeps what it hears.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rust_socketio::client::Client;
use rust_socketio::{ClientBuilder, Event, Payload, TransportType};
use serde_json::{Value, json};

/// The admin token of the server.
pub const ADMIN_TOKEN: &str = "rust-admin-token-0123456789abcdef";
/// The longest a test waits for something that must happen.
pub const SOON: Duration = Duration::from_secs(60);

/// A server; `CALLBOARD_PROGRAM` names the binary.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
    http: reqwest::blocking::Client,
}

impl Server {
    /// Starts one on a data directory.
    pub fn start(dir: &std::path::Path, listen: &str) -> Server {
        let program = std::env::var("CALLBOARD_PROGRAM").expect("CALLBOARD_PROGRAM names the server");
        let mut child = Command::new(program)
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(dir)
            .env("CALLBOARD_ADMIN_TOKEN", ADMIN_TOKEN)
            .env("CALLBOARD_STORE_DURABILITY", "system")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server must start");
        let mut line = String::new();
        let out = child.stdout.take().expect("it has an output");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();
        Server { child, url, http: reqwest::blocking::Client::new() }
    }

    /// Ends it as a loss of power would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// POST of JSON with an answer in JSON.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let sent = self.http.post(format!("{}{path}", self.url)).json(body).send();
        let answer = sent.and_then(reqwest::blocking::Response::error_for_status);
        answer.and_then(reqwest::blocking::Response::json).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Starts a run; answers its id.
    pub fn generate(&self) -> Value {
        let brief = "A reading list: books with title, author and rating 1 to 5; search by title";
        let project = self.post("/api/projects", &json!({ "brief": brief }));
        let id = project["id"].as_str().expect("a project has an id");
        self.post(&format!("/api/projects/{id}/generate"), &json!({}))["run_id"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client, and what it hears.
pub struct Here {
    /// The client.
    pub client: Client,
    heard: Receiver<(String, Value)>,
    tell: Sender<(String, Value)>,
}

impl Here {
    /// A builder that keeps what is heard.
    pub fn builder(url: &str, transport: TransportType, auth: Value) -> (ClientBuilder, HeardBy) {
        let (tell, heard) = channel();
        let (events, errors) = (tell.clone(), tell.clone());
        let builder = ClientBuilder::new(url)
            .transport_type(transport)
            .auth(auth)
            .on_any(move |event, payload, _| drop(events.send((String::from(event), value(payload)))))
            .on(Event::Error, move |payload, _| drop(errors.send(("error".to_owned(), value(payload)))));
        (builder, HeardBy { tell, heard })
    }

    /// Connects.
    pub fn connect(url: &str, transport: TransportType, auth: Value) -> Here {
        let (builder, HeardBy { tell, heard }) = Here::builder(url, transport, auth);
        Here { client: builder.connect().expect("it connects"), heard, tell }
    }

    /// The next event, with its first argument.
    pub fn next(&self) -> (String, Value) {
        self.heard.recv_timeout(SOON).expect("something must be heard")
    }

    /// The next event of a name; what comes before is passed over.
    pub fn hear(&self, name: &str) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let (heard, value) = self.next();
            if heard == name {
                return value;
            }
            assert!(Instant::now() < deadline, "{name} must be heard");
        }
    }

    /// Asks, and hears the acknowledgement.
    pub fn ask(&self, event: &str, data: Value) -> Value {
        let tell = self.tell.clone();
        let answered = move |payload: Payload, _| drop(tell.send(("answer".to_owned(), value(payload))));
        self.client.emit_with_ack(event, data, SOON, answered).expect("it is asked");
        self.hear("answer")
    }
}

/// Both ends of what a client hears.
pub struct HeardBy {
    tell: Sender<(String, Value)>,
    heard: Receiver<(String, Value)>,
}

impl HeardBy {
    /// With the client that was made.
    pub fn client(self, client: Client) -> Here {
        Here { client, heard: self.heard, tell: self.tell }
    }
}

/// The first argument.
fn value(payload: Payload) -> Value {
    match payload {
        Payload::Text(values) => match values.into_iter().next() {
            // An acknowledgement comes as the list of its arguments.
            Some(Value::Array(arguments)) => arguments.into_iter().next().unwrap_or_default(),
            first => first.unwrap_or_default(),
        },
        _ => Value::Null,
    }
}
