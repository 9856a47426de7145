//! `/healthz`, `/readyz` and `/metrics`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::auth::{Auth, Caller};
use crate::service::Service;
use crate::service::stats::ServerStats;
use crate::surfaces::http::problem::Problem;
use crate::telemetry::prometheus::{Kind, MEDIA_TYPE, Text};

/// `GET /healthz`: the process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /readyz`: the server takes work.
pub async fn ready(service: web::Data<Service>) -> Result<HttpResponse, Problem> {
    if !service.is_ready() {
        return Err(Problem::draining("the server is going down"));
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "status": "ready" })))
}

/// `GET /metrics`
pub async fn metrics(
    service: web::Data<Service>,
    auth: web::Data<Auth>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let stats = service.metrics(caller).await?;
    let refused = auth.refusals().map(|(reason, count)| (reason.to_owned(), count as f64)).collect();
    let text = metrics_text(&stats, refused, auth.limits().turned_away() as f64);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text))
}

fn metrics_text(stats: &ServerStats, refused: Vec<(String, f64)>, turned_away: f64) -> String {
    let mut text = Text::default();
    let version = [(stats.version.to_owned(), 1.0)];
    text.family("build_info", Kind::Gauge, "What runs here.", "version", version);
    text.family("refused_total", Kind::Counter, "Requests refused at the rim.", "reason", refused);
    text.figure("turned_away_total", Kind::Counter, "Connections closed unheard.", turned_away);
    text.figure(
        "rooms_largest",
        Kind::Gauge,
        "Clients of the largest room.",
        stats.broker.rooms.largest as f64,
    );
    if let Some(percent) = stats.system.process_cpu_percent {
        text.figure("cpu_percent", Kind::Gauge, "Of this process.", percent);
    }
    let broker = &stats.broker;
    let counts = |map: &std::collections::BTreeMap<String, u64>| -> Vec<(String, f64)> {
        map.iter().map(|(name, count)| (name.clone(), *count as f64)).collect()
    };
    let quantiles = |us: [u64; 4]| {
        ["0.5", "0.9", "0.99", "1"].into_iter().zip(us).map(|(name, us)| (name.to_owned(), us as f64 / 1e6))
    };
    text.figure("uptime_seconds", Kind::Gauge, "Since the start.", stats.uptime_s as f64);
    let surfaces = counts(&broker.connections.by_surface);
    text.family("connections", Kind::Gauge, "Live connections.", "surface", surfaces);
    text.figure("rooms", Kind::Gauge, "Rooms in memory.", broker.rooms.active as f64);
    let states = stats.engine.runs_by_status.iter();
    let states = states.map(|(status, count)| (status.as_str().to_owned(), *count as f64));
    text.family("runs", Kind::Gauge, "Runs on record.", "state", states);
    text.figure("queue_depth", Kind::Gauge, "Runs that wait.", stats.queue_depth as f64);
    let oldest = stats.oldest_queued_ms.unwrap_or(0) as f64 / 1000.0;
    text.figure("queue_oldest_seconds", Kind::Gauge, "How long the oldest waits.", oldest);
    let events = &broker.events;
    text.figure("events_published_total", Kind::Counter, "Events appended.", events.published_total as f64);
    text.figure(
        "events_delivered_total",
        Kind::Counter,
        "Events written to clients.",
        events.delivered_total as f64,
    );
    let skipped = counts(&events.skipped_total);
    text.family("events_skipped_total", Kind::Counter, "Left out for something newer.", "class", skipped);
    let fanout = quantiles(broker.fanout_us);
    text.family("fanout_seconds", Kind::Gauge, "Durable to written, last minute.", "quantile", fanout);
    let append = quantiles(stats.engine.append_us);
    text.family("append_seconds", Kind::Gauge, "Call to durable, last minute.", "quantile", append);
    text.figure("sockets_lagging", Kind::Gauge, "Sockets behind the tail.", broker.sockets.lagging as f64);
    let queued = broker.sockets.queued_bytes as f64;
    text.figure("sockets_queued_bytes", Kind::Gauge, "Bytes that wait for peers.", queued);
    let closed = broker.sockets.closed.iter().map(|(code, count)| (code.to_string(), *count as f64));
    text.family("sockets_closed_total", Kind::Counter, "Closed sockets.", "code", closed);
    text.figure("store_bytes", Kind::Gauge, "Size of the store.", stats.engine.size_bytes as f64);
    text.figure(
        "store_spare_bytes",
        Kind::Gauge,
        "Free space in the store.",
        stats.engine.spare_bytes as f64,
    );
    let removed = &stats.retention;
    text.family(
        "removed_bytes_total",
        Kind::Counter,
        "Removed after their time.",
        "class",
        [("event", removed.event_bytes), ("line", removed.line_bytes), ("file", removed.file_bytes)]
            .map(|(class, bytes)| (class.to_owned(), bytes as f64)),
    );
    if let Some(bytes) = stats.system.memory_bytes {
        text.figure("resident_memory_bytes", Kind::Gauge, "Memory in RAM.", bytes as f64);
    }
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_figure() {
        let stats = ServerStats {
            uptime_s: 7,
            version: "",
            broker: crate::broker::stats::BrokerStats::default(),
            queue_depth: 2,
            oldest_queued_ms: None,
            engine: crate::engine::EngineStats::default(),
            retention: Default::default(),
            system: crate::telemetry::system::SystemSample::default(),
            at: crate::domain::time::Timestamp(0),
        };
        let text = metrics_text(&stats, vec![("rate".into(), 2.0)], 3.0);
        assert!(text.contains("callboard_refused_total{reason=\"rate\"} 2\n"), "{text}");
        assert!(text.contains("\ncallboard_queue_depth 2\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (_, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
