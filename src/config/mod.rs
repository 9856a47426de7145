//! What an operator may set: a tree of small structs, ready to use.
//!
//! [`load::load`] reads it from defaults, a TOML file, the environment and flags, each over the one before, and checks it
//! as a whole before anything starts. [`settings::ALL`] is the one table of what can be set.

pub mod given;
pub mod load;
mod pipelines;
pub mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::domain::pipeline::PipelineDefinition;
use crate::domain::role::Role;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the server listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where everything durable is kept.
    pub data_dir: PathBuf,
    /// The HTTP rim.
    pub http: HttpConfig,
    /// How large things may be.
    pub limits: LimitsConfig,
    /// How runs are run.
    pub runs: RunsConfig,
    /// The store.
    pub store: StoreConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// When operators are alerted.
    pub alerts: AlertsConfig,
    /// How the server goes down.
    pub shutdown: ShutdownConfig,
    /// Socket.IO.
    pub socketio: SocketIoConfig,
    /// Who may come in.
    pub auth: AuthConfig,
    /// Texts for images.
    pub caption: CaptionConfig,
    /// Where runs of pipeline `photo` may read.
    pub photo: PhotoConfig,
    /// What is logged, in the words of `env_logger`.
    pub log_filter: String,
    /// Pipelines that were written, in the order of their names.
    pub pipelines: Vec<PipelineDefinition>,
}

/// The HTTP rim.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Names that a `Host` header may carry besides the listen address and localhost.
    pub allowed_hosts: Vec<String>,
    /// Origins besides our own that may change things and open sockets, like `https://app.example.org`.
    pub allowed_origins: Vec<String>,
    /// The address clients see when a proxy stands in front, like `https://callboard.example.org`.
    pub public_url: Option<String>,
    /// HTTP worker threads.
    pub workers: usize,
    /// Connections that are open at the same time, of all kinds together.
    pub connections_max: usize,
    /// How long the server waits for its clients when it goes down.
    pub drain_ms: u64,
}

/// Where images for texts may come from besides uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionConfig {
    /// Folders whose images, and those of folders inside, a run may be given.
    pub folders: Vec<PathBuf>,
    /// Addresses of pages whose images a run may be given.
    pub pages: Vec<String>,
}

/// Where runs of pipeline `photo` may read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhotoConfig {
    /// Folders whose photos, and those of folders inside, a run may be given.
    pub folders: Vec<PathBuf>,
}

/// How large things may be.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitsConfig {
    /// A request's body.
    pub body_bytes_max: usize,
    /// A brief, in characters.
    pub brief_chars_max: usize,
    /// A project's name, in characters.
    pub name_chars_max: usize,
    /// One WebSocket message from a client.
    pub frame_bytes_max: usize,
    /// The `data` of an event that an application publishes.
    pub event_bytes_max: usize,
    /// One file that a project is given.
    pub input_bytes_max: usize,
    /// Files that a project is given.
    pub inputs_max: usize,
    /// Requests of one address that shows no token, per second; 0 is without a limit.
    pub requests_per_second: u64,
    /// Requests of one token, per second; 0 is without a limit.
    pub token_requests_per_second: u64,
    /// Messages of one room socket, per second; faster ones are heard more slowly. 0 is without a limit.
    pub messages_per_second: u64,
    /// New connections of one address, per second; 0 is without a limit.
    pub connects_per_second: u64,
    /// Connections of one address that are open at the same time; 0 is without a limit.
    pub connections_per_address: usize,
    /// Whether clients of this machine are counted as well.
    pub local_too: bool,
}

/// How runs are run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunsConfig {
    /// Runs that work at the same time.
    pub concurrency: usize,
    /// Runs that may wait.
    pub queue_max: usize,
    /// How long one agent may take.
    pub agent_timeout_ms: u64,
    /// How long one run may take.
    pub run_timeout_ms: u64,
    /// Runs of one pipeline that work at the same time; 0 is as many as there are places.
    pub per_pipeline: usize,
    /// Runs of one caller that work at the same time; 0 is as many as there are places.
    pub per_caller: usize,
    /// Runs that work at the same time and occupy a resource, by its tag.
    pub resources: BTreeMap<String, usize>,
    /// How long a run waits before it may go before more urgent ones.
    pub ageing_ms: u64,
    /// How long a run may wait in the queue; 0 is as long as it takes.
    pub queue_timeout_ms: u64,
    /// How long an agent may say nothing; 0 is as long as it likes.
    pub silence_timeout_ms: u64,
}

/// The store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreConfig {
    /// How safe a commit is.
    pub durability: Durability,
}

/// How long things are kept. 0 is for ever, or without a limit, where not said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// How often it is looked after.
    pub every_ms: u64,
    /// Events of a room's log, in days.
    pub events_days: u64,
    /// Events of one room.
    pub room_events_max: u64,
    /// Bytes of the events of one room.
    pub room_bytes_max: u64,
    /// Bytes of all events together.
    pub events_bytes_max: u64,
    /// Log lines of a run after its end, in days.
    pub lines_days: u64,
    /// Bytes of all log lines together.
    pub lines_bytes_max: u64,
    /// Files of a run after its end, in days.
    pub files_days: u64,
    /// Bytes of all files together.
    pub files_bytes_max: u64,
    /// Whether the files of a project's newest run, and of its newest completed one, are kept whatever their age.
    pub latest_files: bool,
    /// Free space that stays in the store to be used again; 0 gives all of it back.
    pub spare_bytes_max: u64,
}

/// When operators are alerted. 0 turns a rule off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsConfig {
    /// Runs that wait.
    pub queue_depth: u64,
    /// Runs that failed within five minutes.
    pub failures: u64,
    /// Free space of the data directory's disk, in percent.
    pub disk_free_percent: u64,
    /// Memory of the machine that is to be had, in percent.
    pub memory_free_percent: u64,
    /// Sockets that are behind.
    pub lagging: u64,
}

/// Socket.IO.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketIoConfig {
    /// Time between heartbeats.
    pub ping_interval_ms: u64,
    /// How long a client may take to answer one.
    pub ping_timeout_ms: u64,
    /// How long a session may take to come into a namespace.
    pub connect_timeout_ms: u64,
    /// Bytes of one message or body.
    pub max_payload_bytes: usize,
    /// Packets a session may send per second.
    pub packets_per_second_max: u64,
    /// Sessions that nobody has come in over; the oldest gives way to a new one.
    pub idle_sessions_max: usize,
}

/// How safe a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the disk itself: survives loss of power.
    Disk,
    /// With the operating system: survives the end of this process, however it ends.
    System,
}

/// How the server goes down.
#[derive(Clone, Debug, PartialEq)]
pub struct ShutdownConfig {
    /// Clients that are asked to come back within one second: with more of them the last ones are asked to wait longer.
    pub reconnect_per_second: u64,
    /// How long all of it may take; then the process ends as it stands.
    pub timeout_ms: u64,
}

/// Who may come in.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthConfig {
    /// The admin token; when none is set one is made at the first start.
    pub admin_token: Option<Secret>,
    /// Tokens by the SHA-256 of their text, besides those in the data directory.
    pub tokens: Vec<TokenHash>,
    /// How long a sign-in lasts, in days.
    pub session_days: u64,
    /// The secret of signed tokens (HS256).
    pub jwt_secret: Option<Secret>,
    /// A file with the public keys of signed tokens, as PEM or as a JSON key set.
    pub jwt_keys: Option<PathBuf>,
    /// Where a JSON key set is fetched from.
    pub jwt_keys_url: Option<String>,
    /// Who must have issued a signed token.
    pub jwt_issuer: Option<String>,
    /// Whom a signed token must be for.
    pub jwt_audience: Option<String>,
}

impl AuthConfig {
    /// Whether signed tokens are taken.
    pub fn takes_signed_tokens(&self) -> bool {
        self.jwt_secret.is_some() || self.jwt_keys.is_some() || self.jwt_keys_url.is_some()
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            admin_token: None,
            tokens: Vec::new(),
            session_days: 14,
            jwt_secret: None,
            jwt_keys: None,
            jwt_keys_url: None,
            jwt_issuer: None,
            jwt_audience: None,
        }
    }
}

/// A token that is known by its hash alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash {
    /// What its bearer may do.
    pub role: Role,
    /// SHA-256 of its text, hexadecimal.
    pub sha256: String,
}

/// A text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown by accident.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: PathBuf::from("./data"),
            http: HttpConfig {
                allowed_hosts: Vec::new(),
                allowed_origins: Vec::new(),
                public_url: None,
                workers: cores.min(8),
                connections_max: 20_000,
                drain_ms: 10_000,
            },
            limits: LimitsConfig {
                body_bytes_max: 1024 * 1024,
                brief_chars_max: 20_000,
                name_chars_max: 200,
                frame_bytes_max: 64 * 1024,
                event_bytes_max: 64 * 1024,
                input_bytes_max: 32 * 1024 * 1024,
                inputs_max: 500,
                requests_per_second: 200,
                token_requests_per_second: 1_000,
                messages_per_second: 200,
                connects_per_second: 100,
                connections_per_address: 1_000,
                local_too: false,
            },
            runs: RunsConfig {
                concurrency: cores.min(4),
                queue_max: 1_000,
                agent_timeout_ms: 120_000,
                run_timeout_ms: 900_000,
                per_pipeline: 0,
                per_caller: 0,
                resources: BTreeMap::new(),
                ageing_ms: 600_000,
                queue_timeout_ms: 0,
                silence_timeout_ms: 0,
            },
            store: StoreConfig { durability: Durability::Disk },
            retention: RetentionConfig {
                every_ms: 600_000,
                events_days: 180,
                room_events_max: 1_000_000,
                room_bytes_max: 1 << 30,
                events_bytes_max: 0,
                lines_days: 28,
                lines_bytes_max: 10 << 30,
                files_days: 90,
                files_bytes_max: 0,
                latest_files: true,
                spare_bytes_max: 64 << 20,
            },
            alerts: AlertsConfig {
                queue_depth: 100,
                failures: 5,
                disk_free_percent: 10,
                memory_free_percent: 5,
                lagging: 100,
            },
            shutdown: ShutdownConfig { reconnect_per_second: 500, timeout_ms: 30_000 },
            socketio: SocketIoConfig {
                ping_interval_ms: 25_000,
                ping_timeout_ms: 20_000,
                connect_timeout_ms: 45_000,
                max_payload_bytes: 1_000_000,
                packets_per_second_max: 200,
                idle_sessions_max: 4_096,
            },
            auth: AuthConfig::default(),
            caption: CaptionConfig::default(),
            photo: PhotoConfig::default(),
            log_filter: "info".to_owned(),
            pipelines: Vec::new(),
        }
    }
}
