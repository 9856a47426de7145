//! Composition root: builds the house from the ground up and stops it from the top down. `serve`, `generate` and the tests
//! share it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::{Server, ServerHandle};
use actix_service::{fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App as WebApp, middleware, web};
use anyhow::Context;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::artifacts::Artifacts;
use crate::auth::Auth;
use crate::broker::Broker;
use crate::broker::frame::Encoders;
use crate::broker::shard::Heartbeat;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Durability};
use crate::engine::Engine;
use crate::engine::embedded::{self, EmbeddedEngine, EmbeddedOptions};
use crate::pipelines::defined::Pipelines;
use crate::pipelines::{self, Pipeline};
use crate::runs::executors::{AgentGate, Executors, Scripts};
use crate::runs::{Runs, RunsDeps, RunsSettings};
use crate::service::catalog::{CatalogAgent, PipelineCatalog};
use crate::service::{Ground, Service};
use crate::surfaces;
use crate::surfaces::room::{RoomDoor, RoomEncoder, RoomPhrases};
use crate::surfaces::websocket::MessageLimits;
use crate::surfaces::websocket::upgrade::Incoming;

/// Fragments one message of a client may have.
const FRAGMENTS_MAX: usize = 64;
/// Connections that wait to be accepted; the kernel may lower it.
const BACKLOG: u32 = 4096;
/// How long a client may take to send the head of its request.
const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long an idle connection is kept for a next request.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
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
        }
    }
}

/// A house that stands.
pub struct App {
    address: Option<SocketAddr>,
    service: Service,
    broker: Broker,
    runs: Runs,
    engine: Arc<dyn Engine>,
    server: Option<(ServerHandle, watch::Sender<bool>)>,
    new_admin_token: Option<String>,
    drain: Duration,
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
        let artifacts =
            Artifacts::open(&data_dir.join("artifacts")).context("the artifacts cannot be opened")?;

        let pipelines = pipelines_of(options.pipelines, &config)?;
        let listener = match options.listens {
            true => Some(listen(config.listen)?),
            false => None,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let opened = match address {
            Some(address) => Some(Auth::open(&config, address)?),
            None => None,
        };

        let encoders =
            Encoders { room_socket: Arc::new(RoomEncoder), sse: Arc::new(surfaces::sse::SseEncoder) };
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
                concurrency_max: config.runs.concurrency,
                queue_max: config.runs.queue_max,
                agent_timeout_ms: config.runs.agent_timeout_ms,
                run_timeout_ms: config.runs.run_timeout_ms,
                ..RunsSettings::default()
            },
            boot_id: uuid::Uuid::new_v4().to_string(),
            executor: Some(Arc::new(Executors::new(sandbox_program, &data_dir.join("work")))),
            gate: options.gate,
        });
        let service = Service::new(Ground {
            engine: engine.clone(),
            broker: broker.clone(),
            runs: runs.clone(),
            artifacts,
            clock: clock.clone(),
            config: config.clone(),
            catalog: Arc::new(Catalog { pipelines }),
        });

        let mut new_admin_token = None;
        let mut server = None;
        if let (Some(listener), Some(opened)) = (listener, opened) {
            new_admin_token = opened.new_admin_token;
            let rim = HttpRim {
                config: config.clone(),
                service: service.clone(),
                auth: opened.auth,
                clock,
                heartbeat,
            };
            server = Some(rim.serve(listener)?);
        }
        let drain = Duration::from_millis(config.http.drain_ms);
        Ok(App { address, service, broker, runs, engine, server, new_admin_token, drain })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Every operation, without HTTP.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The admin token, when this start made one: it is shown once.
    pub fn new_admin_token(&self) -> Option<&str> {
        self.new_admin_token.as_deref()
    }

    /// Runs until the process is asked to end, then stops in good order.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub async fn run_until_signal(self) -> anyhow::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = term.recv() => log::info!("asked to end"),
            _ = int.recv() => log::info!("interrupted"),
        }
        self.stop().await;
        Ok(())
    }

    /// Stops in good order: not ready, no new runs, runs at a safe point, sockets asked to leave, the store closed.
    pub async fn stop(self) {
        self.service.drain();
        self.runs.stop().await;
        self.broker.stop(u64::try_from(self.drain.as_millis()).unwrap_or(u64::MAX), self.drain).await;
        if let Some((server, leaving)) = self.server {
            // Idle connections are closed at once; what is left are requests that are being answered.
            leaving.send_replace(true);
            let _ = tokio::time::timeout(self.drain, server.stop(true)).await;
            server.stop(false).await;
        }
        if let Err(error) = self.engine.close().await {
            log::error!("the store was not closed in good order: {error}");
        }
    }
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
                let door = Rc::new(rim.door());
                let leaving = leaving.clone();
                HttpService::build()
                    .keep_alive(KEEP_ALIVE)
                    .client_request_timeout(REQUEST_HEAD_WITHIN)
                    .client_disconnect_timeout(Duration::from_secs(1))
                    // An aborted request must be noticed.
                    .h1_allow_half_closed(false)
                    // The builder's own option is not heeded below an upgrade service, and answers to pipelined requests
                    // and server-sent events would wait 40 ms for an acknowledgement.
                    .on_connect_ext(|stream: &TcpStream, _| {
                        if let Err(error) = stream.set_nodelay(true) {
                            log::debug!("a connection keeps its small writes back: {error}");
                        }
                    })
                    .graceful_shutdown_signal(move || {
                        let mut leaving = leaving.clone();
                        // An error means that the sender is gone, which is the end as well.
                        async move { drop(leaving.wait_for(|now| *now).await) }
                    })
                    .upgrade(fn_service(move |(request, framed)| {
                        let door = door.clone();
                        async move {
                            door.enter(Incoming::new(request, framed)).await;
                            Ok::<_, actix_web::Error>(())
                        }
                    }))
                    .h1(map_config(rim.web_app(), |()| AppConfig::default()))
                    .tcp()
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
            heartbeat_ms: self.heartbeat.ping_ms,
        }
    }

    fn web_app(
        &self,
    ) -> WebApp<
        impl actix_service::ServiceFactory<
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
            .configure(surfaces::pages::configure)
            .wrap(middleware::from_fn(surfaces::http::gate::pass))
    }
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

    fn check_brief(&self, pipeline: &str, brief: &str) -> Result<(), String> {
        match self.pipelines.find(pipeline) {
            Some(pipeline) => (pipeline.check_brief)(brief),
            None => Err(format!("there is no pipeline {pipeline}")),
        }
    }
}
