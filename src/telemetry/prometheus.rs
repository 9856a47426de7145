//! Text for Prometheus (exposition format 0.0.4), written by hand: a few dozen figures need no registry.

use std::fmt::Write;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a figure does over time.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// The text so far.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// Adds a figure without labels.
    pub fn figure(&mut self, name: &str, kind: Kind, help: &str, value: f64) {
        self.family(name, kind, help, "", [(String::new(), value)]);
    }

    /// Adds one figure for each value of a label.
    pub fn family(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (String, f64)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP callboard_{name} {help}\n# TYPE callboard_{name} {kind}");
        for (value_of_label, value) in values {
            let _ = match label {
                "" => writeln!(self.0, "callboard_{name} {value}"),
                _ => writeln!(self.0, "callboard_{name}{{{label}=\"{}\"}} {value}", escaped(&value_of_label)),
            };
        }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_exposition_format() {
        let mut text = Text::default();
        text.figure("rooms", Kind::Gauge, "Rooms in memory.", 3.0);
        let closed = [("1000".to_owned(), 2.0), ("a\"b\\c\nd".to_owned(), 0.5)];
        text.family("closed_total", Kind::Counter, "Closed sockets.", "code", closed);
        assert_eq!(
            text.finish(),
            "# HELP callboard_rooms Rooms in memory.\n# TYPE callboard_rooms gauge\ncallboard_rooms 3\n\
             # HELP callboard_closed_total Closed sockets.\n# TYPE callboard_closed_total counter\n\
             callboard_closed_total{code=\"1000\"} 2\ncallboard_closed_total{code=\"a\\\"b\\\\c\\nd\"} 0.5\n"
        );
    }
}
