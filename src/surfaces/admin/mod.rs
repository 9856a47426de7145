//! What operators see and do: figures (PROTOCOL section 7), clients (section 4), alerts and the audit log.

pub mod clients;
pub mod watch;
pub mod wire;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::service::Service;
use crate::service::stats::ServerStats;
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::NoQuery;

/// `GET /api/admin/stats`
pub async fn stats(service: web::Data<Service>, caller: Caller, _: NoQuery) -> Result<HttpResponse, Problem> {
    let stats = service.stats(caller).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(stats_json(&stats)))
}

/// The figures as they are on the wire; also what the dashboard room will be told.
pub fn stats_json(stats: &ServerStats) -> Value {
    let broker = &stats.broker;
    let states = stats.engine.runs_by_status.iter();
    let by_state: Map<String, Value> =
        states.map(|(status, count)| (status.as_str().to_owned(), json!(count))).collect();
    json!({
        "uptime_s": stats.uptime_s,
        "version": stats.version,
        "at": stats.at,
        "connections": broker.connections,
        "rooms": broker.rooms,
        "runs": {
            "by_state": by_state,
            "queue_depth": stats.queue_depth,
            "oldest_queued_ms": stats.oldest_queued_ms,
        },
        "events": broker.events,
        "fanout_ms": percentiles(broker.fanout_us),
        "append_ms": percentiles(stats.engine.append_us),
        "sockets": broker.sockets,
        "system": stats.system,
        "store": {
            "size_bytes": stats.engine.size_bytes,
            "last_write_at": stats.engine.last_write_at,
            "waiting": stats.engine.waiting,
            "projects": stats.engine.projects,
            "events_appended": stats.engine.events_appended,
            "spare_bytes": stats.engine.spare_bytes,
            "retention": stats.retention,
        },
    })
}

fn percentiles(us: [u64; 4]) -> Value {
    let [p50, p90, p99, max] = us.map(|us| us as f64 / 1000.0);
    json!({ "p50": p50, "p90": p90, "p99": p99, "max": max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::stats::BrokerStats;
    use crate::domain::run::RunStatus;
    use crate::domain::time::Timestamp;
    use crate::engine::EngineStats;
    use crate::telemetry::system::SystemSample;

    #[test]
    fn every_figure_of_the_protocol_is_there() {
        let stats = ServerStats {
            uptime_s: 1,
            version: "0.1.0",
            broker: BrokerStats { fanout_us: [1_500, 2, 3, 4], ..BrokerStats::default() },
            queue_depth: 2,
            oldest_queued_ms: Some(3),
            engine: EngineStats { runs_by_status: vec![(RunStatus::TimedOut, 4)], ..EngineStats::default() },
            retention: Default::default(),
            system: SystemSample::default(),
            at: Timestamp(0),
        };
        let document = stats_json(&stats);
        for pointer in [
            "/uptime_s",
            "/version",
            "/connections/total",
            "/connections/by_surface",
            "/connections/by_client_type",
            "/rooms/active",
            "/rooms/largest",
            "/runs/by_state/timed_out",
            "/runs/queue_depth",
            "/runs/oldest_queued_ms",
            "/events/published_total",
            "/events/delivered_total",
            "/events/per_second",
            "/events/skipped_total",
            "/fanout_ms/p50",
            "/fanout_ms/p90",
            "/fanout_ms/p99",
            "/fanout_ms/max",
            "/append_ms/p50",
            "/append_ms/max",
            "/sockets/lagging",
            "/sockets/queued_bytes",
            "/sockets/closed",
            "/system/cpu_percent",
            "/system/memory_bytes",
            "/system/load",
            "/store/size_bytes",
            "/store/last_write_at",
            "/store/retention/last_pass_at",
            "/store/retention/events",
            "/store/retention/event_bytes",
        ] {
            assert!(document.pointer(pointer).is_some(), "{pointer} in {document}");
        }
        assert_eq!(document["fanout_ms"]["p50"], 1.5);
    }
}
