//! The one table of what can be set: key, meaning, what is allowed, how it is taken and shown.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::given::Given;
use crate::config::{Config, Durability, Secret, TokenHash};
use crate::domain::role::Role;

/// A hundred years.
const DAYS_MAX: u64 = 36_500;
/// A million millions.
const COUNT_MAX: u64 = 1_000_000_000_000;
/// A pebibyte.
const BYTES_MAX: u64 = 1 << 50;

/// One setting.
pub struct Setting {
    /// Its key in the file, like `runs.concurrency`.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What may be given.
    pub allowed: &'static str,
    /// Takes a value; none when it is not allowed.
    pub set: fn(&mut Config, Given<'_>) -> Option<()>,
    /// The value as it would be written in the file, secrets masked.
    pub show: fn(&Config) -> String,
    /// Whether a wrong value may not be repeated in a message.
    pub secret: bool,
}

impl Setting {
    /// The variable of the environment that sets it, like `CALLBOARD_RUNS_CONCURRENCY`.
    pub fn variable(&self) -> String {
        format!("CALLBOARD_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Every setting, in the order in which they are shown.
pub const ALL: &[Setting] = &[
    Setting {
        key: "listen",
        meaning: "address and port to listen on; port 0 takes a free one",
        allowed: "an address with a port, like 127.0.0.1:8080, [::1]:8080 or localhost:8080",
        set: |config, given| put(&mut config.listen, address(given.text()?)),
        show: |config| quoted(&config.listen.to_string()),
        secret: false,
    },
    Setting {
        key: "data_dir",
        meaning: "folder for everything durable; made when missing",
        allowed: "a path",
        set: |config, given| put(&mut config.data_dir, given.filled_text().map(PathBuf::from)),
        show: |config| quoted(&config.data_dir.to_string_lossy()),
        secret: false,
    },
    Setting {
        key: "log_filter",
        meaning: "what is logged, like info or callboard=debug,actix_server=warn",
        allowed: "log levels, each alone or behind a module and =: off, error, warn, info, debug, trace",
        set: |config, given| {
            put(&mut config.log_filter, given.text().filter(|f| is_filter(f)).map(str::to_owned))
        },
        show: |config| quoted(&config.log_filter),
        secret: false,
    },
    Setting {
        key: "http.allowed_hosts",
        meaning: "names in the Host header besides the listen address and localhost",
        allowed: "a list of host names, each with or without a port",
        set: |config, given| {
            put(
                &mut config.http.allowed_hosts,
                given.list().filter(|list| list.iter().all(|name| is_host(name))),
            )
        },
        show: |config| list(&config.http.allowed_hosts),
        secret: false,
    },
    Setting {
        key: "http.allowed_origins",
        meaning: "origins besides our own that may change things and open sockets",
        allowed: "a list of origins, like https://app.example.org",
        set: |config, given| {
            put(
                &mut config.http.allowed_origins,
                given.list().filter(|list| list.iter().all(|origin| is_origin(origin))),
            )
        },
        show: |config| list(&config.http.allowed_origins),
        secret: false,
    },
    Setting {
        key: "http.public_url",
        meaning: "the address clients see when a proxy stands in front",
        allowed: "an origin, like https://callboard.example.org, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.http.public_url, Some(None)),
            url => put(&mut config.http.public_url, is_origin(url).then(|| Some(url.to_owned()))),
        },
        show: |config| quoted(config.http.public_url.as_deref().unwrap_or_default()),
        secret: false,
    },
    Setting {
        key: "http.workers",
        meaning: "HTTP worker threads",
        allowed: "a whole number from 1 to 64",
        set: |config, given| put(&mut config.http.workers, given.size(1, 64)),
        show: |config| config.http.workers.to_string(),
        secret: false,
    },
    Setting {
        key: "http.connections_max",
        meaning: "connections that are open at the same time",
        allowed: "a whole number from 10 to 1000000",
        set: |config, given| put(&mut config.http.connections_max, given.size(10, 1_000_000)),
        show: |config| config.http.connections_max.to_string(),
        secret: false,
    },
    Setting {
        key: "http.drain_ms",
        meaning: "how long the server waits for its clients when it goes down",
        allowed: "milliseconds, from 0 to 600000",
        set: |config, given| put(&mut config.http.drain_ms, given.number(0, 600_000)),
        show: |config| config.http.drain_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.body_bytes_max",
        meaning: "size of a request's body",
        allowed: "bytes, from 1024 to 67108864",
        set: |config, given| put(&mut config.limits.body_bytes_max, given.size(1024, 64 << 20)),
        show: |config| config.limits.body_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.brief_chars_max",
        meaning: "length of a brief in characters",
        allowed: "a whole number from 1 to 200000",
        set: |config, given| put(&mut config.limits.brief_chars_max, given.size(1, 200_000)),
        show: |config| config.limits.brief_chars_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.name_chars_max",
        meaning: "length of a project's name in characters",
        allowed: "a whole number from 1 to 1000",
        set: |config, given| put(&mut config.limits.name_chars_max, given.size(1, 1000)),
        show: |config| config.limits.name_chars_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.frame_bytes_max",
        meaning: "size of one WebSocket message from a client",
        allowed: "bytes, from 1024 to 16777216",
        set: |config, given| put(&mut config.limits.frame_bytes_max, given.size(1024, 16 << 20)),
        show: |config| config.limits.frame_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.event_bytes_max",
        meaning: "size of the data of an event that an application publishes",
        allowed: "bytes, from 256 to 1048576",
        set: |config, given| put(&mut config.limits.event_bytes_max, given.size(256, 1 << 20)),
        show: |config| config.limits.event_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.input_bytes_max",
        meaning: "bytes of one image that a project is given",
        allowed: "a whole number from 1024 to 33554432",
        set: |config, given| put(&mut config.limits.input_bytes_max, given.size(1024, 32 << 20)),
        show: |config| config.limits.input_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.inputs_max",
        meaning: "images that a project, and a run, is given",
        allowed: "a whole number from 1 to 5000",
        set: |config, given| put(&mut config.limits.inputs_max, given.size(1, 5_000)),
        show: |config| config.limits.inputs_max.to_string(),
        secret: false,
    },
    Setting {
        key: "caption.folders",
        meaning: "folders whose images, and those of folders inside, a run of pipeline caption may name",
        allowed: "a list of paths",
        set: |config, given| {
            let paths = given.list().filter(|list| list.iter().all(|path| is_filled(path)));
            put(&mut config.caption.folders, paths.map(|list| list.into_iter().map(PathBuf::from).collect()))
        },
        show: |config| {
            let paths: Vec<String> =
                config.caption.folders.iter().map(|path| path.to_string_lossy().into_owned()).collect();
            list(&paths)
        },
        secret: false,
    },
    Setting {
        key: "photo.folders",
        meaning: "folders whose photos, and those of folders inside, a run of pipeline photo may name",
        allowed: "a list of paths",
        set: |config, given| {
            let paths = given.list().filter(|list| list.iter().all(|path| is_filled(path)));
            put(&mut config.photo.folders, paths.map(|list| list.into_iter().map(PathBuf::from).collect()))
        },
        show: |config| {
            let paths: Vec<String> =
                config.photo.folders.iter().map(|path| path.to_string_lossy().into_owned()).collect();
            list(&paths)
        },
        secret: false,
    },
    Setting {
        key: "caption.pages",
        meaning: "addresses of pages whose images a run of pipeline caption may be given",
        allowed: "a list of addresses that begin with http:// or https://",
        set: |config, given| {
            let is_page = |page: &String| page.starts_with("https://") || page.starts_with("http://");
            put(&mut config.caption.pages, given.list().filter(|list| list.iter().all(is_page)))
        },
        show: |config| list(&config.caption.pages),
        secret: false,
    },
    Setting {
        key: "limits.requests_per_second",
        meaning: "requests of one address that shows no token, per second; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.limits.requests_per_second, given.number(0, 1_000_000)),
        show: |config| config.limits.requests_per_second.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.token_requests_per_second",
        meaning: "requests of one token, per second; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.limits.token_requests_per_second, given.number(0, 1_000_000)),
        show: |config| config.limits.token_requests_per_second.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.messages_per_second",
        meaning: "messages of one room socket, per second; faster ones are heard more slowly; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.limits.messages_per_second, given.number(0, 1_000_000)),
        show: |config| config.limits.messages_per_second.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.connects_per_second",
        meaning: "new connections of one address, per second; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.limits.connects_per_second, given.number(0, 1_000_000)),
        show: |config| config.limits.connects_per_second.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.connections_per_address",
        meaning: "connections of one address that are open at the same time; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.limits.connections_per_address, given.size(0, 1_000_000)),
        show: |config| config.limits.connections_per_address.to_string(),
        secret: false,
    },
    Setting {
        key: "limits.local_too",
        meaning: "whether clients of this machine are counted for these limits as well",
        allowed: "true or false",
        set: |config, given| put(&mut config.limits.local_too, given.truth()),
        show: |config| config.limits.local_too.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.concurrency",
        meaning: "runs that work at the same time",
        allowed: "a whole number from 1 to 64",
        set: |config, given| put(&mut config.runs.concurrency, given.size(1, 64)),
        show: |config| config.runs.concurrency.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.queue_max",
        meaning: "runs that may wait for their turn",
        allowed: "a whole number from 0 to 100000",
        set: |config, given| put(&mut config.runs.queue_max, given.size(0, 100_000)),
        show: |config| config.runs.queue_max.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.agent_timeout_ms",
        meaning: "how long one agent may take",
        allowed: "milliseconds, from 100 to 86400000",
        set: |config, given| put(&mut config.runs.agent_timeout_ms, given.number(100, 86_400_000)),
        show: |config| config.runs.agent_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.run_timeout_ms",
        meaning: "how long one run may take",
        allowed: "milliseconds, from 100 to 604800000",
        set: |config, given| put(&mut config.runs.run_timeout_ms, given.number(100, 604_800_000)),
        show: |config| config.runs.run_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.per_pipeline",
        meaning: "runs of one pipeline that work at the same time; 0 is as many as there are places",
        allowed: "a whole number from 0 to 64",
        set: |config, given| put(&mut config.runs.per_pipeline, given.size(0, 64)),
        show: |config| config.runs.per_pipeline.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.per_caller",
        meaning: "runs of one token that work at the same time; 0 is as many as there are places",
        allowed: "a whole number from 0 to 64",
        set: |config, given| put(&mut config.runs.per_caller, given.size(0, 64)),
        show: |config| config.runs.per_caller.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.resources",
        meaning: "runs that work at the same time and occupy a resource that their agents name, like gpu",
        allowed: "a list of tag=number, like gpu=1 or llm:large=2, the number from 1 to 64",
        set: |config, given| {
            let limits = given.list()?.iter().map(|item| resource_limit(item)).collect();
            put(&mut config.runs.resources, limits)
        },
        show: |config| {
            let limits = config.runs.resources.iter();
            list(&limits.map(|(tag, most)| format!("{tag}={most}")).collect::<Vec<_>>())
        },
        secret: false,
    },
    Setting {
        key: "runs.ageing_ms",
        meaning: "how long a run waits before every fourth place goes to it, whatever is more urgent",
        allowed: "milliseconds, from 0 to 86400000",
        set: |config, given| put(&mut config.runs.ageing_ms, given.number(0, 86_400_000)),
        show: |config| config.runs.ageing_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.queue_timeout_ms",
        meaning: "how long a run may wait for its turn; 0 is as long as it takes",
        allowed: "milliseconds, from 0 to 2592000000",
        set: |config, given| put(&mut config.runs.queue_timeout_ms, given.number(0, 2_592_000_000)),
        show: |config| config.runs.queue_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "runs.silence_timeout_ms",
        meaning: "how long an agent may work without a line, progress or a step; 0 is as long as it likes",
        allowed: "milliseconds, from 0 to 86400000",
        set: |config, given| put(&mut config.runs.silence_timeout_ms, given.number(0, 86_400_000)),
        show: |config| config.runs.silence_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "store.durability",
        meaning: "how safe a commit is: disk survives loss of power, system survives a crash of the server",
        allowed: "disk or system",
        set: |config, given| {
            let durability = match given.text()? {
                "disk" => Durability::Disk,
                "system" => Durability::System,
                _ => return None,
            };
            put(&mut config.store.durability, Some(durability))
        },
        show: |config| {
            quoted(match config.store.durability {
                Durability::Disk => "disk",
                Durability::System => "system",
            })
        },
        secret: false,
    },
    Setting {
        key: "retention.every_ms",
        meaning: "how often retention is looked after",
        allowed: "milliseconds, from 100 to 86400000",
        set: |config, given| put(&mut config.retention.every_ms, given.number(100, 86_400_000)),
        show: |config| config.retention.every_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.events_days",
        meaning: "how long events of a room's log are kept; 0 is for ever",
        allowed: "days, from 0 to 36500",
        set: |config, given| put(&mut config.retention.events_days, given.number(0, DAYS_MAX)),
        show: |config| config.retention.events_days.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.room_events_max",
        meaning: "events of one room that are kept; 0 is without a limit",
        allowed: "a whole number from 0 to 1000000000000",
        set: |config, given| put(&mut config.retention.room_events_max, given.number(0, COUNT_MAX)),
        show: |config| config.retention.room_events_max.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.room_bytes_max",
        meaning: "bytes of the events of one room that are kept; 0 is without a limit",
        allowed: "bytes, from 0 to 1125899906842624",
        set: |config, given| put(&mut config.retention.room_bytes_max, given.number(0, BYTES_MAX)),
        show: |config| config.retention.room_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.events_bytes_max",
        meaning: "bytes of the events of all rooms that are kept, the oldest go first; 0 is without a limit",
        allowed: "bytes, from 0 to 1125899906842624",
        set: |config, given| put(&mut config.retention.events_bytes_max, given.number(0, BYTES_MAX)),
        show: |config| config.retention.events_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.lines_days",
        meaning: "how long log lines are kept after the end of their run; 0 is for ever",
        allowed: "days, from 0 to 36500",
        set: |config, given| put(&mut config.retention.lines_days, given.number(0, DAYS_MAX)),
        show: |config| config.retention.lines_days.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.lines_bytes_max",
        meaning: "bytes of log lines of all runs that are kept, those of the oldest runs go first; 0 is without a limit",
        allowed: "bytes, from 0 to 1125899906842624",
        set: |config, given| put(&mut config.retention.lines_bytes_max, given.number(0, BYTES_MAX)),
        show: |config| config.retention.lines_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.files_days",
        meaning: "how long files are kept after the end of their run; 0 is for ever",
        allowed: "days, from 0 to 36500",
        set: |config, given| put(&mut config.retention.files_days, given.number(0, DAYS_MAX)),
        show: |config| config.retention.files_days.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.files_bytes_max",
        meaning: "bytes of files of all runs that are kept, those of the oldest runs go first; 0 is without a limit",
        allowed: "bytes, from 0 to 1125899906842624",
        set: |config, given| put(&mut config.retention.files_bytes_max, given.number(0, BYTES_MAX)),
        show: |config| config.retention.files_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.latest_files",
        meaning: "whether files of a project's newest run and of its newest completed run are kept whatever their age",
        allowed: "true or false",
        set: |config, given| put(&mut config.retention.latest_files, given.truth()),
        show: |config| config.retention.latest_files.to_string(),
        secret: false,
    },
    Setting {
        key: "retention.spare_bytes_max",
        meaning: "free space that stays in the store to be used again; what is beyond goes back to the machine",
        allowed: "bytes, from 0 to 1125899906842624",
        set: |config, given| put(&mut config.retention.spare_bytes_max, given.number(0, BYTES_MAX)),
        show: |config| config.retention.spare_bytes_max.to_string(),
        secret: false,
    },
    Setting {
        key: "alerts.queue_depth",
        meaning: "operators are alerted when so many runs wait; 0 is never",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.alerts.queue_depth, given.number(0, 1_000_000)),
        show: |config| config.alerts.queue_depth.to_string(),
        secret: false,
    },
    Setting {
        key: "alerts.failures",
        meaning: "operators are alerted when so many runs failed within five minutes; 0 is never",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.alerts.failures, given.number(0, 1_000_000)),
        show: |config| config.alerts.failures.to_string(),
        secret: false,
    },
    Setting {
        key: "alerts.disk_free_percent",
        meaning: "operators are alerted when less of the disk with the data directory is free; 0 is never",
        allowed: "percent, from 0 to 99",
        set: |config, given| put(&mut config.alerts.disk_free_percent, given.number(0, 99)),
        show: |config| config.alerts.disk_free_percent.to_string(),
        secret: false,
    },
    Setting {
        key: "alerts.memory_free_percent",
        meaning: "operators are alerted when less of the memory of the machine is to be had; 0 is never",
        allowed: "percent, from 0 to 99",
        set: |config, given| put(&mut config.alerts.memory_free_percent, given.number(0, 99)),
        show: |config| config.alerts.memory_free_percent.to_string(),
        secret: false,
    },
    Setting {
        key: "alerts.lagging",
        meaning: "operators are alerted when so many sockets stay behind; 0 is never",
        allowed: "a whole number from 0 to 1000000",
        set: |config, given| put(&mut config.alerts.lagging, given.number(0, 1_000_000)),
        show: |config| config.alerts.lagging.to_string(),
        secret: false,
    },
    Setting {
        key: "shutdown.reconnect_per_second",
        meaning: "clients that are asked to come back within one second when the server goes down",
        allowed: "a whole number from 1 to 1000000",
        set: |config, given| put(&mut config.shutdown.reconnect_per_second, given.number(1, 1_000_000)),
        show: |config| config.shutdown.reconnect_per_second.to_string(),
        secret: false,
    },
    Setting {
        key: "shutdown.timeout_ms",
        meaning: "how long going down may take; then the process ends as it stands",
        allowed: "milliseconds, from 100 to 3600000",
        set: |config, given| put(&mut config.shutdown.timeout_ms, given.number(100, 3_600_000)),
        show: |config| config.shutdown.timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.ping_interval_ms",
        meaning: "time between Socket.IO heartbeats",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.ping_interval_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.ping_interval_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.ping_timeout_ms",
        meaning: "how long a Socket.IO client may take to answer a heartbeat",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.ping_timeout_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.ping_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.connect_timeout_ms",
        meaning: "how long a Socket.IO session may take to come into a namespace",
        allowed: "a whole number from 50 to 3600000",
        set: |config, given| put(&mut config.socketio.connect_timeout_ms, given.number(50, 3_600_000)),
        show: |config| config.socketio.connect_timeout_ms.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.max_payload_bytes",
        meaning: "size of one Socket.IO message or body",
        allowed: "a whole number from 1024 to 67108864",
        set: |config, given| put(&mut config.socketio.max_payload_bytes, given.size(1024, 67_108_864)),
        show: |config| config.socketio.max_payload_bytes.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.packets_per_second_max",
        meaning: "packets a Socket.IO session may send per second; faster ones are slowed down",
        allowed: "a whole number from 1 to 1000000",
        set: |config, given| put(&mut config.socketio.packets_per_second_max, given.number(1, 1_000_000)),
        show: |config| config.socketio.packets_per_second_max.to_string(),
        secret: false,
    },
    Setting {
        key: "socketio.idle_sessions_max",
        meaning: "Socket.IO sessions that nobody has come in over; the oldest gives way",
        allowed: "a whole number from 16 to 1000000",
        set: |config, given| put(&mut config.socketio.idle_sessions_max, given.size(16, 1_000_000)),
        show: |config| config.socketio.idle_sessions_max.to_string(),
        secret: false,
    },
    Setting {
        key: "auth.tokens",
        meaning: "tokens by their hash, besides those of `callboard token create`",
        allowed: "a list of role:hash, the role viewer, operator or admin, the hash the SHA-256 of the token in \
                  lower-case hexadecimal",
        set: |config, given| {
            put(&mut config.auth.tokens, given.list()?.iter().map(|item| token_hash(item)).collect())
        },
        show: |config| {
            list(
                &config
                    .auth
                    .tokens
                    .iter()
                    .map(|token| format!("{}:…", token.role.as_str()))
                    .collect::<Vec<_>>(),
            )
        },
        secret: true,
    },
    Setting {
        key: "auth.session_days",
        meaning: "how long a sign-in in a browser lasts",
        allowed: "days, from 1 to 365",
        set: |config, given| put(&mut config.auth.session_days, given.number(1, 365)),
        show: |config| config.auth.session_days.to_string(),
        secret: false,
    },
    Setting {
        key: "auth.jwt_secret",
        meaning: "the secret of signed tokens (JWT, HS256)",
        allowed: "32 to 512 visible ASCII characters, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.auth.jwt_secret, Some(None)),
            text => {
                put(&mut config.auth.jwt_secret, is_signing_secret(text).then(|| Some(Secret::new(text))))
            }
        },
        show: |config| quoted(config.auth.jwt_secret.as_ref().map_or("", |_| "********")),
        secret: true,
    },
    Setting {
        key: "auth.jwt_keys",
        meaning: "a file with the public keys of signed tokens (RS256, ES256, EdDSA), read again when it changes",
        allowed: "the path of a file with PEM blocks or a JSON key set, or nothing",
        set: |config, given| {
            let path = given.text()?;
            put(&mut config.auth.jwt_keys, Some((!path.is_empty()).then(|| PathBuf::from(path))))
        },
        show: |config| {
            quoted(
                &config
                    .auth
                    .jwt_keys
                    .as_ref()
                    .map_or(std::borrow::Cow::default(), |path| path.to_string_lossy()),
            )
        },
        secret: false,
    },
    Setting {
        key: "auth.jwt_keys_url",
        meaning: "an address that a JSON key set is fetched from, again and again",
        allowed: "an https address, or http on this machine, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.auth.jwt_keys_url, Some(None)),
            text => put(&mut config.auth.jwt_keys_url, is_key_address(text).then(|| Some(text.to_owned()))),
        },
        show: |config| quoted(config.auth.jwt_keys_url.as_deref().unwrap_or_default()),
        secret: false,
    },
    Setting {
        key: "auth.jwt_issuer",
        meaning: "who must have issued a signed token (iss)",
        allowed: "a text, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.auth.jwt_issuer, Some(None)),
            text => put(&mut config.auth.jwt_issuer, is_filled(text).then(|| Some(text.to_owned()))),
        },
        show: |config| quoted(config.auth.jwt_issuer.as_deref().unwrap_or_default()),
        secret: false,
    },
    Setting {
        key: "auth.jwt_audience",
        meaning: "whom a signed token must be for (aud)",
        allowed: "a text, or nothing",
        set: |config, given| match given.text()? {
            "" => put(&mut config.auth.jwt_audience, Some(None)),
            text => put(&mut config.auth.jwt_audience, is_filled(text).then(|| Some(text.to_owned()))),
        },
        show: |config| quoted(config.auth.jwt_audience.as_deref().unwrap_or_default()),
        secret: false,
    },
    Setting {
        key: "admin_token",
        meaning: "the admin token; when none is set one is made at the first start",
        allowed: "1 to 512 visible ASCII characters",
        set: |config, given| {
            let secret = given.text().filter(|text| is_token(text)).map(|text| Some(Secret::new(text)));
            put(&mut config.auth.admin_token, secret)
        },
        show: |config| quoted(config.auth.admin_token.as_ref().map_or("", |_| "********")),
        secret: true,
    },
];

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn address(text: &str) -> Option<SocketAddr> {
    // A name would need a resolver, and could mean several addresses; this one name has one meaning everywhere.
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(is_host)
}

fn is_token(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// As long as the hash it keys (RFC 7518 section 3.2).
fn is_signing_secret(text: &str) -> bool {
    text.len() >= 32 && is_token(text)
}

fn is_filled(text: &str) -> bool {
    !text.is_empty()
}

/// Keys that anybody on the way could change would be keys of anybody.
fn is_key_address(text: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let follows = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
    let plain = local.iter().any(|start| text.strip_prefix(start).is_some_and(follows));
    plain || text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn is_filter(text: &str) -> bool {
    let is_level = |level: &str| {
        ["off", "error", "warn", "info", "debug", "trace"].contains(&level.to_ascii_lowercase().as_str())
    };
    text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        Some((module, level)) => !module.is_empty() && is_level(level),
        None => is_level(part),
    })
}

/// `gpu=1`; the tag itself may hold anything but white space.
fn resource_limit(text: &str) -> Option<(String, usize)> {
    let (tag, most) = text.rsplit_once('=')?;
    let (tag, most) = (tag.trim(), most.trim().parse().ok()?);
    let well_formed = !tag.is_empty() && !tag.contains(char::is_whitespace) && (1..=64).contains(&most);
    well_formed.then(|| (tag.to_owned(), most))
}

fn token_hash(text: &str) -> Option<TokenHash> {
    let (role, sha256) = text.split_once(':')?;
    let well_formed =
        sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    well_formed.then_some(())?;
    Some(TokenHash { role: Role::parse(role)?, sha256: sha256.to_owned() })
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: &[String]) -> String {
    toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect()).to_string()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
