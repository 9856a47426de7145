//! Socket.IO that says back what it hears, on the very code that serves `/socket.io/`: any protocol suite and any client can
//! be pointed at it.
//!
//! Namespaces `/` and `/custom`, every other is refused. On connect it emits `auth` with what the client said of itself.
//! `message` is answered with the event `message-back`, `message-with-ack` with an acknowledgement, and `message-to-answer`
//! with an event `question` whose acknowledgement comes back as `answer`; all with the same arguments, bytes included. At
//! `/engine.io/` the same without Socket.IO.
//!
//! `cargo run --example socketio_echo -- --listen 127.0.0.1:3000`

use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, middleware, web};
use callboard::auth::Auth;
use callboard::broker::Broker;
use callboard::broker::frame::Encoders;
use callboard::broker::shard::Heartbeat;
use callboard::clock::SystemClock;
use callboard::config::Config;
use callboard::engine::embedded::{Durability, EmbeddedEngine, EmbeddedOptions};
use callboard::surfaces::channels::ChannelEncoder;
use callboard::surfaces::http::front::Fronted;
use callboard::surfaces::http::gate;
use callboard::surfaces::room::{RoomEncoder, RoomPhrases};
use callboard::surfaces::socketio::door::{Door, handle};
use callboard::surfaces::socketio::engine::packet::Message;
use callboard::surfaces::socketio::engine::session::Terms;
use callboard::surfaces::socketio::house::TaskEncoder;
use callboard::surfaces::socketio::hub::{Hub, HubLimits, Protocol, Shared};
use callboard::surfaces::socketio::link::{Broken, Connection, Link};
use callboard::surfaces::socketio::namespace::{Application, Client, Member, SocketIo};
use callboard::surfaces::socketio::packet::{Args, Event};
use callboard::surfaces::sse::SseEncoder;
use callboard::surfaces::websocket::upgrade::Incoming;
use clap::Parser;
use serde_json::value::RawValue;
use tokio::net::TcpStream;

/// Socket.IO that says back what it hears.
#[derive(Clone, Debug, Parser)]
struct Flags {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Time between heartbeats.
    #[arg(long, default_value_t = 300)]
    ping_interval_ms: u64,
    /// How long a client may take to answer one.
    #[arg(long, default_value_t = 200)]
    ping_timeout_ms: u64,
    /// Bytes of one message or body.
    #[arg(long, default_value_t = 1_000_000)]
    max_payload: usize,
    /// How long a session may take to come into a namespace.
    #[arg(long, default_value_t = 1_000)]
    connect_timeout_ms: u64,
    /// Packets a session may send per second.
    #[arg(long, default_value_t = 10_000)]
    packets_per_second: u64,
    /// Pages of this origin may connect as well.
    #[arg(long)]
    allow_origin: Vec<String>,
}

struct Echo;

impl Application for Echo {
    fn connect(&self, client: &Client, auth: Option<&RawValue>) -> Result<Box<dyn Member>, String> {
        if !["/", "/custom"].contains(&client.namespace()) {
            return Err("Invalid namespace".to_owned());
        }
        Ok(Box::new(EchoMember { auth: auth.map_or("{}", RawValue::get).to_owned() }))
    }
}

struct EchoMember {
    auth: String,
}

impl Member for EchoMember {
    fn entered(&mut self, client: &Client) {
        // A suite that waits for one message after the other loses what comes in the same read.
        let (client, auth) = (client.clone(), self.auth.clone());
        actix_rt::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            client.emit("auth", &auth);
            client.link().settle();
        });
    }

    fn event(&mut self, client: &Client, event: Event) {
        match event.name.as_str() {
            "message" => client.emit_args("message-back", &event.args),
            "message-with-ack" => client.answer_args(event.id, &event.args),
            "message-to-answer" => {
                client
                    .ask("question", &event.args, |client, answer: Args| client.emit_args("answer", &answer));
            }
            _ => {}
        }
    }
}

struct RawEcho;

impl Protocol for RawEcho {
    fn open(&self, _: &Link) -> Box<dyn Connection> {
        Box::new(RawEcho)
    }
}

impl Connection for RawEcho {
    fn message(&mut self, link: &Link, message: Message) -> Result<(), Broken> {
        link.send(message);
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    env_logger::init();
    // Nothing is kept; connections live on shards, and shards belong to a broker over an engine.
    let folder = tempfile::tempdir()?;
    actix_rt::System::new().block_on(serve(flags, folder.path()))
}

async fn serve(flags: Flags, folder: &std::path::Path) -> anyhow::Result<()> {
    let mut config = Config { listen: flags.listen, data_dir: folder.to_owned(), ..Config::default() };
    config.http.allowed_origins = flags.allow_origin.clone();
    let options = EmbeddedOptions { durability: Durability::Process };
    let engine = Arc::new(EmbeddedEngine::open(folder, options, Arc::new(SystemClock))?);
    let encoders = Encoders {
        room_socket: Arc::new(RoomEncoder),
        sse: Arc::new(SseEncoder),
        tasks: Arc::new(TaskEncoder),
        house: Arc::new(ChannelEncoder),
    };
    let heartbeat = Heartbeat { ping_ms: 25_000, silence_ms: 60_000, stall_ms: 60_000 };
    let broker = Broker::new(engine, encoders, Arc::new(RoomPhrases), heartbeat);

    let listener = std::net::TcpListener::bind(flags.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let auth = Auth::open(&config, address)?.auth;
    let (socketio, engineio) = (Arc::new(Shared::default()), Arc::new(Shared::default()));
    let server = actix_server::Server::build()
        .workers(2)
        .listen("echo", listener, move || {
            let door = |shared: &Arc<Shared>, protocol: Box<dyn Protocol>| Door {
                hub: Hub::start(broker.local_shard(), shared.clone(), limits(&flags), protocol),
                auth: auth.clone(),
                broker: broker.clone(),
                connections_max: 20_000,
            };
            let echo = SocketIo::new(Rc::new(Echo), flags.connect_timeout_ms, flags.max_payload);
            let (socketio, engineio) = (door(&socketio, Box::new(echo)), door(&engineio, Box::new(RawEcho)));
            let app = App::new()
                .app_data(web::Data::new(auth.clone()))
                .service(web::resource("/socket.io/").app_data(socketio.clone()).to(handle))
                .service(web::resource("/engine.io/").app_data(engineio.clone()).to(handle))
                .wrap(middleware::from_fn(gate::pass));
            let http = HttpService::build()
                .client_disconnect_timeout(Duration::from_secs(1))
                .h1_allow_half_closed(false)
                .upgrade(fn_service(move |(request, framed)| {
                    let incoming = Incoming::new(request, framed);
                    let raw = incoming.request.path().starts_with("/engine.io/");
                    let door = if raw { engineio.clone() } else { socketio.clone() };
                    async move {
                        door.enter(incoming).await;
                        Ok::<_, actix_web::Error>(())
                    }
                }))
                .h1(map_config(app, |()| AppConfig::default()));
            let fresh = fn_service(|stream: TcpStream| async {
                let peer = stream.peer_addr().ok();
                Ok::<_, DispatchError>((Fronted::from(stream), peer))
            });
            fresh.and_then(http)
        })?
        .run();
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    server.await?;
    Ok(())
}

fn limits(flags: &Flags) -> HubLimits {
    HubLimits {
        terms: Terms {
            ping_interval_ms: flags.ping_interval_ms,
            ping_timeout_ms: flags.ping_timeout_ms,
            max_payload: flags.max_payload,
            queue_bytes_max: flags.max_payload * 4,
        },
        sessions_max: 10_000,
        idle_max: 1_000,
        packets_per_second_max: flags.packets_per_second,
    }
}
