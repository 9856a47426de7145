//! Composition root: builds the house from the ground up and stops it from the top down. `serve`, `generate` and the tests
//! share it.

mod key_set;
mod signals;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::{HttpService, KeepAlive, Request, Response, ServiceConfigBuilder};
use actix_server::{Server, ServerHandle};
use actix_service::{Service as _, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App as WebApp, middleware, web};
use anyhow::Context;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::artifacts::Artifacts;
use crate::auth::Auth;
use crate::auth::limits::Arrival;
use crate::broker::Broker;
use crate::broker::frame::Encoders;
use crate::broker::shard::Heartbeat;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Durability, RunsConfig};
use crate::engine::Engine;
use crate::engine::embedded::{self, EmbeddedEngine, EmbeddedOptions};
use crate::keeper::{Keeper, KeeperDeps};
use crate::pipelines::defined::Pipelines;
use crate::pipelines::setup::ExecutorSpec;
use crate::pipelines::{self, Pipeline};
use crate::runs::executors::{AgentGate, Executors, Scripts};
use crate::runs::{RunLimits, Runs, RunsDeps, RunsSettings};
use crate::service::catalog::{CatalogAgent, PipelineCatalog};
use crate::service::{Ground, Service};
use crate::surfaces;
use crate::surfaces::channels::{self, ChannelDoor, ChannelEncoder, Moments};
use crate::surfaces::http::front::{self, Express, Fronted, Left};
use crate::surfaces::rest::express::Publications;
use crate::surfaces::room::{RoomDoor, RoomEncoder, RoomPhrases};
use crate::surfaces::socketio;
use crate::surfaces::socketio::house::{self, Lobby, TaskEncoder};
use crate::surfaces::socketio::hub::Hub;
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::upgrade::{Incoming, Upgrades};

/// Fragments one message of a client may have.
const FRAGMENTS_MAX: usize = 64;
/// Connections that wait to be accepted; the kernel may lower it.
const BACKLOG: u32 = 4096;
/// How long a client may take to send the head of its request.
const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long an idle connection is kept for a next request.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the keeper may take to end: a step takes some milliseconds.
const KEEPER_WITHIN: Duration = Duration::from_secs(2);
/// How long a script job of the sandbox may take in all.
const SCRIPT_JOB_WITHIN: Duration = Duration::from_secs(120);

/// What the house is built with.
pub struct AppOptions {
    /// What was set.
    pub config: Config,
    /// Whether it listens; `generate` does not.
    pub listens: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The binary whose `sandbox` subcommand runs scripts; none is this program.
    pub sandbox_program: Option<PathBuf>,
    /// The pipelines.
    pub pipelines: fn(&str) -> Option<Pipeline>,
    /// Holds runs at agents, for tests that need to know exactly where a run is.
    pub gate: Option<Arc<dyn AgentGate>>,
    /// How sockets are kept alive; PROTOCOL section 3.
    pub heartbeat: Heartbeat,
    /// Takes every socket instead of the rooms: for programs that need the connections and not the house.
    pub upgrades: Option<Upgrades>,
}

impl AppOptions {
    /// The usual house.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            listens: true,
            clock: Arc::new(SystemClock),
            sandbox_program: None,
            pipelines: |name| pipelines::find(name).cloned(),
            gate: None,
            heartbeat: Heartbeat { ping_ms: 25_000, silence_ms: 60_000, stall_ms: 60_000 },
            upgrades: None,
        }
    }
}

/// A house that stands.
pub struct App {
    address: Option<SocketAddr>,
    service: Service,
    broker: Broker,
    runs: Runs,
    keeper: Keeper,
    engine: Arc<dyn Engine>,
    server: Option<(ServerHandle, watch::Sender<bool>)>,
    new_admin_token: Option<String>,
    config: Arc<Config>,
}

impl App {
    /// Builds the house. Needs a running actix system.
    ///
    /// # Errors
    /// When the data directory cannot be used, the address is taken, or the configuration would let strangers in. Nothing
    /// is left running then.
    pub async fn start(options: AppOptions) -> anyhow::Result<App> {
        let AppOptions { config, clock, heartbeat, .. } = options;
        let config = Arc::new(config);
        let data_dir = &config.data_dir;
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("the data directory {} cannot be made", data_dir.display()))?;
        let durability = match config.store.durability {
            Durability::Disk => embedded::Durability::Disk,
            Durability::System => embedded::Durability::Process,
        };
        let engine: Arc<dyn Engine> =
            Arc::new(EmbeddedEngine::open(data_dir, EmbeddedOptions { durability }, clock.clone())?);
        let folder = data_dir.join("artifacts");
        let artifacts = Artifacts::open(&folder)
            .with_context(|| format!("the folder {} cannot be written", folder.display()))?;

        let pipelines = pipelines_of(options.pipelines, &config)?;
        let listener = match options.listens {
            true => Some(listen(config.listen)?),
            false => None,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let opened = match address {
            Some(address) => Some(Auth::open_at(&config, address, clock.clone())?),
            None => None,
        };

        let encoders = Encoders {
            room_socket: Arc::new(RoomEncoder),
            sse: Arc::new(surfaces::sse::SseEncoder),
            tasks: Arc::new(TaskEncoder),
            house: Arc::new(ChannelEncoder),
        };
        let broker = Broker::new(engine.clone(), encoders, Arc::new(RoomPhrases), heartbeat);
        if listener.is_none() {
            // Rooms need a thread to live on; without HTTP workers it is this one.
            broker.local_shard();
        }

        let sandbox_program = match options.sandbox_program {
            Some(program) => program,
            None => std::env::current_exe()
                .context("the path of this program is not known, so the sandbox cannot be started")?,
        };
        let runs = Runs::start(RunsDeps {
            engine: engine.clone(),
            broker: Arc::new(broker.clone()),
            artifacts: artifacts.clone(),
            clock: clock.clone(),
            scripts: Arc::new(Scripts::new(&sandbox_program, SCRIPT_JOB_WITHIN)),
            pipelines: pipelines.clone(),
            settings: RunsSettings {
                limits: run_limits(&config.runs),
                ageing_ms: config.runs.ageing_ms,
                queue_timeout_ms: set(config.runs.queue_timeout_ms),
                silence_timeout_ms: set(config.runs.silence_timeout_ms),
                queue_max: config.runs.queue_max,
                agent_timeout_ms: config.runs.agent_timeout_ms,
                run_timeout_ms: config.runs.run_timeout_ms,
                ..RunsSettings::default()
            },
            boot_id: uuid::Uuid::new_v4().to_string(),
            executor: Some(Arc::new(Executors::new(sandbox_program, &data_dir.join("work")))),
            gate: options.gate,
        });
        let keeper = Keeper::start(KeeperDeps {
            engine: engine.clone(),
            artifacts: artifacts.clone(),
            clock: clock.clone(),
            rules: (&config.retention).into(),
        })
        .context("the keeper cannot be started")?;
        let service = Service::new(Ground {
            engine: engine.clone(),
            broker: broker.clone(),
            runs: runs.clone(),
            artifacts,
            keeper: keeper.clone(),
            clock: clock.clone(),
            config: config.clone(),
            catalog: Arc::new(Catalog { pipelines }),
        });

        let mut new_admin_token = None;
        let mut server = None;
        if let (Some(listener), Some(opened)) = (listener, opened) {
            new_admin_token = opened.new_admin_token;
            if opened.auth.keys_address().is_some() {
                actix_rt::spawn(key_set::keep(opened.auth.clone()));
            }
            let rim = HttpRim {
                config: config.clone(),
                service: service.clone(),
                auth: opened.auth,
                clock,
                heartbeat,
                upgrades: options.upgrades,
                lobby: Lobby::start(service.clone()),
                moments: Moments::start(service.clone()),
                sessions: Arc::default(),
            };
            server = Some(rim.serve(listener)?);
        }
        Ok(App { address, service, broker, runs, keeper, engine, server, new_admin_token, config })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Every operation, without HTTP.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Who carries retention out.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The admin token, when this start made one: it is shown once.
    pub fn new_admin_token(&self) -> Option<&str> {
        self.new_admin_token.as_deref()
    }

    /// Runs until the process is asked to end, then stops in good order. A second signal, or the end of
    /// `shutdown.timeout_ms`, ends the process at once.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub async fn run_until_signal(self) -> anyhow::Result<()> {
        let asked = signals::listen(Duration::from_millis(self.config.shutdown.timeout_ms))?;
        // An error means that the listening thread is gone, and with it the way to ask.
        asked.await.context("signals are no longer heard")?;
        self.stop().await;
        Ok(())
    }

    /// Stops in good order: not ready, no new runs, runs at a safe point, sockets asked to leave, the store closed.
    pub async fn stop(self) {
        self.service.drain();
        self.keeper.stop(KEEPER_WITHIN).await;
        self.runs.stop().await;
        self.service.say_last_lines().await;
        let drain = Duration::from_millis(self.config.http.drain_ms);
        self.broker.stop(self.config.shutdown.reconnect_per_second, drain).await;
        if let Some((server, leaving)) = self.server {
            // Idle connections are closed at once; what is left are requests that are being answered.
            leaving.send_replace(true);
            let _ = tokio::time::timeout(drain, server.stop(true)).await;
            server.stop(false).await;
        }
        if let Err(error) = self.engine.close().await {
            log::error!("the store was not closed in good order: {error}");
        }
    }
}

/// How many runs may work at once.
fn run_limits(runs: &RunsConfig) -> RunLimits {
    let most = |number: usize| (number > 0).then_some(number);
    RunLimits {
        all: runs.concurrency,
        per_pipeline: most(runs.per_pipeline),
        per_caller: most(runs.per_caller),
        resources: runs.resources.clone(),
    }
}

/// A limit that is set; 0 says that there is none.
fn set(limit_ms: u64) -> Option<u64> {
    (limit_ms > 0).then_some(limit_ms)
}

/// The pipelines as they were set.
fn pipelines_of(builtin: fn(&str) -> Option<Pipeline>, config: &Config) -> anyhow::Result<Pipelines> {
    Pipelines::new(builtin, &config.pipelines).map_err(|problems| anyhow::anyhow!(problems.join("\n")))
}

/// Every pipeline that the configuration adds or changes, as a graph in text.
///
/// # Errors
/// Everything that does not fit together.
pub fn describe_pipelines(config: &Config) -> anyhow::Result<Vec<String>> {
    let pipelines = pipelines_of(|name| pipelines::find(name).cloned(), config)?;
    let found = pipelines.defined().filter_map(|name| pipelines.find(name));
    Ok(found.map(|pipeline| pipelines::describe::graph(&pipeline)).collect())
}

/// Binds the address.
fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into()).with_context(|| format!("cannot listen on {address}"))?;
    socket.listen(BACKLOG as i32)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What every HTTP worker is built from.
#[derive(Clone)]
struct HttpRim {
    config: Arc<Config>,
    service: Service,
    auth: Auth,
    clock: Arc<dyn Clock>,
    heartbeat: Heartbeat,
    upgrades: Option<Upgrades>,
    lobby: Lobby,
    moments: Moments,
    sessions: Arc<socketio::hub::Shared>,
}

impl HttpRim {
    /// Starts the workers: requests go to the web app, upgrades to the room door, which takes the connection over.
    fn serve(self, listener: TcpListener) -> anyhow::Result<(ServerHandle, watch::Sender<bool>)> {
        let (leave, leaving) = watch::channel(false);
        let http = &self.config.http;
        let server = Server::build()
            .workers(http.workers)
            .backlog(BACKLOG)
            .max_concurrent_connections(http.connections_max)
            .disable_signals()
            .shutdown_timeout(http.drain_ms.div_ceil(1000))
            .listen("callboard", listener, move || {
                let rim = self.clone();
                // One shard per worker, on the worker's own thread.
                rim.service.broker().local_shard();
                let (door, upgrades) = (Rc::new(rim.door()), rim.upgrades);
                let channel_door = Rc::new(rim.channel_door());
                let socketio = rim.socketio_door();
                let (app, front_app) = (rim.web_app(socketio.clone()), rim.web_app(socketio.clone()));
                let leaving = leaving.clone();
                let left = move || {
                    let mut leaving = leaving.clone();
                    // An error means that the sender is gone, which is the end as well.
                    async move { drop(leaving.wait_for(|now| *now).await) }
                };
                let http = HttpService::build()
                    .keep_alive(KEEP_ALIVE)
                    .client_request_timeout(REQUEST_HEAD_WITHIN)
                    .client_disconnect_timeout(Duration::from_secs(1))
                    // An aborted request must be noticed.
                    .h1_allow_half_closed(false)
                    .graceful_shutdown_signal(left.clone())
                    .upgrade(fn_service(move |(request, framed)| {
                        let (door, socketio) = (door.clone(), socketio.clone());
                        let channel_door = channel_door.clone();
                        let incoming = Incoming::new(request, framed);
                        async move {
                            match (upgrades, incoming.request.path()) {
                                (Some(enter), _) => {
                                    enter(door.service.broker().local_shard(), incoming).await
                                }
                                (None, "/socket.io/" | "/socket.io") => socketio.enter(incoming).await,
                                (None, channels::PATH) => channel_door.enter(incoming).await,
                                (None, _) => door.enter(incoming).await,
                            }
                            Ok::<_, actix_web::Error>(())
                        }
                    }))
                    .h1(map_config(app, |()| AppConfig::default()));
                let stall = Duration::from_millis(rim.heartbeat.stall_ms);
                let auth = rim.auth.clone();
                let express: Rc<dyn Express> =
                    Rc::new(Publications::new(rim.service.clone(), rim.auth.clone()));
                fronted(http, map_config(front_app, |()| AppConfig::default()), express, left, stall, auth)
            })?
            .run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok((handle, leave))
    }

    fn door(&self) -> RoomDoor {
        RoomDoor {
            service: self.service.clone(),
            auth: self.auth.clone(),
            clock: self.clock.clone(),
            limits: MessageLimits { bytes: self.config.limits.frame_bytes_max, fragments: FRAGMENTS_MAX },
            connections_max: self.config.http.connections_max,
            messages_per_second: self.config.limits.messages_per_second,
            heartbeat_ms: self.heartbeat.ping_ms,
        }
    }

    fn channel_door(&self) -> ChannelDoor {
        let RoomDoor { service, auth, clock, limits, connections_max, messages_per_second, heartbeat_ms } =
            self.door();
        let moments = self.moments.clone();
        ChannelDoor {
            service,
            auth,
            clock,
            moments,
            limits,
            connections_max,
            messages_per_second,
            heartbeat_ms,
        }
    }

    /// The way into Socket.IO sessions of this thread.
    fn socketio_door(&self) -> socketio::door::Door {
        let (socketio, http) = (&self.config.socketio, &self.config.http);
        let limits = socketio::hub::HubLimits {
            terms: socketio::engine::session::Terms {
                ping_interval_ms: socketio.ping_interval_ms,
                ping_timeout_ms: socketio.ping_timeout_ms,
                max_payload: socketio.max_payload_bytes,
                queue_bytes_max: socketio.max_payload_bytes.max(1024 * 1024),
            },
            sessions_max: http.connections_max,
            idle_max: (socketio.idle_sessions_max / http.workers).max(1),
            packets_per_second_max: socketio.packets_per_second_max,
        };
        let house = house::application(self.service.clone(), self.auth.clone(), self.lobby.clone());
        let protocol = socketio::namespace::SocketIo::new(
            house,
            socketio.connect_timeout_ms,
            socketio.max_payload_bytes,
        );
        let broker = self.service.broker();
        let hub = Hub::start(broker.local_shard(), self.sessions.clone(), limits, Box::new(protocol));
        let connections_max = http.connections_max;
        socketio::door::Door { hub, auth: self.auth.clone(), broker: broker.clone(), connections_max }
    }

    fn web_app(
        &self,
        socketio: socketio::door::Door,
    ) -> WebApp<
        impl ServiceFactory<
            actix_web::dev::ServiceRequest,
            Config = (),
            Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        WebApp::new()
            .app_data(web::Data::new(self.auth.clone()))
            .configure(|config| surfaces::rest::configure(config, &self.service))
            .configure(|config| socketio::door::configure(config, socketio))
            .configure(|config| surfaces::demo::configure(config, self.lobby.clone()))
            .configure(surfaces::pages::configure)
            .wrap(middleware::from_fn(surfaces::http::gate::pass))
    }
}

/// Connections begin in the front, which asks `app`; those that want more than it gives go on with `http`.
fn fronted<H, A, L, Leaving>(
    http: H,
    app: A,
    express: Rc<dyn Express>,
    left: L,
    stall: Duration,
    auth: Auth,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = H::Error, InitError = ()>
where
    H: ServiceFactory<(Fronted, Option<SocketAddr>), Config = (), Response = ()>,
    A: ServiceFactory<Request, Config = ()>,
    A::Response: Into<Response<BoxBody>>,
    A::Error: Into<Response<BoxBody>>,
    L: Fn() -> Leaving + Clone + 'static,
    Leaving: Future<Output = ()>,
{
    let http = Rc::new(http);
    let app = Rc::new(app);
    fn_factory(move || {
        let (http, app, express, left, auth) =
            (http.clone(), app.clone(), express.clone(), left.clone(), auth.clone());
        async move {
            let http = Rc::new(http.new_service(()).await.map_err(|_| ())?);
            let app = Rc::new(app.new_service(()).await.map_err(|_| ())?);
            let config = ServiceConfigBuilder::new().keep_alive(KeepAlive::Timeout(KEEP_ALIVE)).build();
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let (http, app, config, leaving) = (http.clone(), app.clone(), config.clone(), left());
                let express = Some(express.clone());
                let arrival = stream.peer_addr().map(|peer| auth.limits().arrive(peer.ip()));
                async move {
                    let place = match arrival {
                        Ok(Arrival::Counted(place)) => Some(place),
                        Ok(Arrival::Free) | Err(_) => None,
                        // Closed without a word: a word for each would be what a flood is after.
                        Ok(Arrival::TooMany) => return Ok(()),
                    };
                    // Answers to pipelined requests and server-sent events would wait 40 ms for an acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        log::debug!("a connection keeps its small writes back: {error}");
                    }
                    // A peer that no longer takes an answer, or a stream of events, is given up by the kernel.
                    #[cfg(target_os = "linux")]
                    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(stall)) {
                        log::debug!("a connection that stalls is kept: {error}");
                    }
                    let peer = stream.peer_addr().ok();
                    match front::serve(stream, app, express, config, KEEP_ALIVE, leaving).await {
                        Left::Closed => Ok(()),
                        Left::HandedOver(stream) => http.call((stream.with_place(place), peer)).await,
                    }
                }
            }))
        }
    })
}

/// The pipelines as the service may know them.
struct Catalog {
    pipelines: Pipelines,
}

impl PipelineCatalog for Catalog {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            pipelines::all().iter().map(|pipeline| pipeline.name.to_owned()).collect();
        let added: Vec<&str> =
            self.pipelines.defined().filter(|name| names.iter().all(|known| known != name)).collect();
        names.extend(added.into_iter().map(str::to_owned));
        names
    }

    fn agents(&self, pipeline: &str) -> Option<Vec<CatalogAgent>> {
        let agents = self.pipelines.find(pipeline)?.agents;
        Some(
            agents
                .iter()
                .map(|agent| CatalogAgent { agent: agent.name.into(), title: agent.title.into() })
                .collect(),
        )
    }

    fn takes_images(&self, pipeline: &str) -> bool {
        [pipelines::caption::PIPELINE.name, pipelines::photo::PIPELINE.name].contains(&pipeline)
    }

    fn picture_backend(&self) -> &'static str {
        let agents =
            self.pipelines.find(pipelines::image::PIPELINE.name).map_or(&[][..], |image| image.agents);
        let outside = agents.iter().find_map(|agent| match &agent.setup.executor {
            ExecutorSpec::Picture(maker) => Some(maker.as_str()),
            _ => None,
        });
        outside.unwrap_or("cpu")
    }

    fn check_brief(&self, pipeline: &str, brief: &str) -> Result<(), String> {
        match self.pipelines.find(pipeline) {
            Some(pipeline) => (pipeline.check_brief)(brief),
            None => Err(format!("there is no pipeline {pipeline}")),
        }
    }
}
