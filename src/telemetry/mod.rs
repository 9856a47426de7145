//! What the machine and the process are doing: logging, samples of the system, text for Prometheus.

pub mod latency;
pub mod logging;
pub mod memory;
pub mod prometheus;
pub mod resources;
pub mod system;
