//! The log of the process, on standard error: standard output belongs to the command line.

/// Begins to log what `filter` lets through, like `info` or `callboard=debug`. Later calls change nothing, so that tests
/// of one process may share it.
pub fn start(filter: &str) {
    let started = env_logger::Builder::new()
        .parse_filters(filter)
        .format_timestamp_millis()
        .target(env_logger::Target::Stderr)
        .try_init();
    if started.is_err() {
        log::debug!("logging was started already");
    }
}
