//! What was measured: as a table for people, and as one line of JSON for programs.

use serde_json::{Value, json};

use crate::cli::bench::fan::FanFigures;
use crate::cli::bench::histogram::Percentiles;
use crate::cli::bench::quiet::{AppendFigures, IdleFigures, JoinFigures};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) debug: bool,
    /// Processes that wanted to run before anything was measured, over the last minute.
    pub(super) load_average: f64,
    pub(super) server: String,
    pub(super) bytes: usize,
    /// What the kernel alone takes for one send.
    pub(super) floor_us: Option<f64>,
    pub(super) fans: Vec<(&'static str, FanFigures)>,
    pub(super) idle: Option<IdleFigures>,
    pub(super) joins: Vec<JoinFigures>,
    pub(super) appends: Vec<AppendFigures>,
}

fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

fn percentiles(of: Percentiles) -> Value {
    json!({ "p50": rounded(of.p50), "p90": rounded(of.p90), "p99": rounded(of.p99), "max": rounded(of.max) })
}

fn columns(of: Percentiles) -> String {
    format!("{:>8.2} {:>8.2} {:>8.2} {:>8.2}", of.p50, of.p90, of.p99, of.max)
}

impl Report {
    fn floors(&self, server_us: Option<f64>) -> Option<f64> {
        Some(server_us? / self.floor_us?)
    }

    /// What is left of the server's time per delivery without the publications, each as expensive as one that nobody
    /// follows; none unless appends were measured too.
    fn without_appends(&self, one: &FanFigures) -> Option<f64> {
        let several = one.fan.in_flight > 1;
        let append = self.appends.iter().find(|append| (append.publishers > 1) == several)?;
        Some(one.server_us? - append.server_us? / one.fan.sockets_per_room as f64)
    }

    /// The table.
    pub(super) fn table(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{}, {} cores; server and load on the same machine; {}",
                self.processor, self.cores, self.server
            ),
            format!(
                "load average {:.2} before; events of about {} bytes on the wire; times in ms unless said otherwise",
                self.load_average, self.bytes
            ),
        ];
        if self.debug {
            lines.push("a debug build: these figures say nothing about a release".to_owned());
        }
        if let Some(us) = self.floor_us {
            lines.push(format!("floor: {us:.2} us of processor time for one send by the kernel alone"));
        }
        if !self.fans.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "{:<22} {:>7} {:>9} {:>11} {:>12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6}",
                "fan-out",
                "sockets",
                "in flight",
                "events",
                "deliveries/s",
                "us/del.",
                "- append",
                "x floor",
                "p50",
                "p90",
                "p99",
                "max",
                "server",
                "load"
            ));
        }
        for (name, one) in &self.fans {
            lines.push(format!(
                "{name:<22} {:>7} {:>9} {:>11} {:>12.0} {:>8} {:>8} {:>8} {} {:>6} {:>6}",
                one.fan.rooms * one.fan.sockets_per_room,
                one.fan.in_flight,
                one.events,
                one.per_second,
                shown(one.server_us, 2),
                shown(self.without_appends(one), 2),
                shown(self.floors(self.without_appends(one).or(one.server_us)), 2),
                columns(one.latency),
                shown(one.server_busy, 2),
                shown(one.own_busy, 2),
            ));
        }
        if !self.fans.is_empty() {
            lines.push(
                "  us/del.: processor time of the whole server process per delivery, publishing and storing the event \
                 included; - append: less what an append without listeners costs; x floor: that as a multiple of \
                 the floor; p50…: from before the publication's request until a socket has the event; server, load: \
                 processors used (1.00 is one core; near 1.00 the one thread of the load is what limits)"
                    .to_owned(),
            );
        }
        if !self.joins.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "{:<26} {:>7} {:>9} {:>13} {:>8} {:>8} {:>8} {:>8}",
                "join, one at a time", "joins", "events", "us cpu/join", "p50", "p90", "p99", "max"
            ));
        }
        for one in &self.joins {
            lines.push(format!(
                "{:<26} {:>7} {:>9} {:>13} {}",
                one.name,
                one.joins,
                one.events_each,
                shown(one.server_us, 0),
                columns(one.time)
            ));
        }
        if !self.appends.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "{:<26} {:>7} {:>9} {:>13} {:>8} {:>8} {:>8} {:>8}",
                "append, one per request", "appends", "per s", "us cpu/append", "p50", "p90", "p99", "max"
            ));
        }
        for one in &self.appends {
            lines.push(format!(
                "{:<26} {:>7} {:>9.0} {:>13} {}",
                format!("{} publishers", one.publishers),
                one.appends,
                one.per_second,
                shown(one.server_us, 0),
                columns(one.time)
            ));
        }
        if let Some(idle) = &self.idle {
            lines.push(String::new());
            lines.push(format!(
                "idle: {} bytes of the server's memory (RSS) per socket at {} sockets, without the kernel's buffers; \
                 opened in {:.0} us each",
                shown(idle.bytes_each, 0),
                idle.sockets,
                idle.open_us
            ));
        }
        lines
    }

    /// One line for programs.
    pub(super) fn json(&self) -> Value {
        let fans = self.fans.iter().map(|(name, one)| {
            json!({
                "scenario": name,
                "rooms": one.fan.rooms,
                "sockets": one.fan.rooms * one.fan.sockets_per_room,
                "in_flight": one.fan.in_flight,
                "events": one.events,
                "deliveries": one.deliveries,
                "deliveries_per_s": one.per_second.round(),
                "server_us_per_delivery": one.server_us.map(rounded),
                "server_us_per_delivery_less_append": self.without_appends(one).map(rounded),
                "floors": self.floors(self.without_appends(one).or(one.server_us)).map(rounded),
                "server_processors": one.server_busy.map(rounded),
                "load_processors": one.own_busy.map(rounded),
                "latency_ms": percentiles(one.latency),
            })
        });
        let joins = self.joins.iter().map(|one| {
            json!({
                "scenario": one.name,
                "joins": one.joins,
                "events": one.events_each,
                "server_us_per_join": one.server_us.map(f64::round),
                "join_ms": percentiles(one.time),
            })
        });
        let appends = self.appends.iter().map(|one| {
            json!({
                "publishers": one.publishers,
                "appends": one.appends,
                "appends_per_s": one.per_second.round(),
                "server_us_per_append": one.server_us.map(f64::round),
                "append_ms": percentiles(one.time),
            })
        });
        json!({
            "tool": "bench",
            "processor": self.processor,
            "cores": self.cores,
            "debug": self.debug,
            "load_average": self.load_average,
            "event_bytes": self.bytes,
            "floor_us_per_send": self.floor_us.map(rounded),
            "fan": fans.collect::<Vec<_>>(),
            "join": joins.collect::<Vec<_>>(),
            "append": appends.collect::<Vec<_>>(),
            "idle": self.idle.map(|idle| json!({
                "sockets": idle.sockets,
                "server_bytes_per_socket": idle.bytes_each.map(f64::round),
                "open_us": idle.open_us.round(),
            })),
        })
    }
}
