//! What stands behind the `?`: names and values, each name once, unknown ones refused.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use percent_encoding::percent_decode_str;

use crate::service::error::FieldError;
use crate::surfaces::http::problem::Problem;

/// Parameters of a query, taken one by one.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Query {
    /// Reads a query string. `token` is for the gate and is left out.
    pub fn of(text: &str) -> Self {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs: Vec<(String, String)> = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .filter(|(name, _)| name != "token")
            .collect();
        Self { pairs, known: Vec::new(), errors: Vec::new() }
    }

    /// A text; none when absent or empty.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.given(name).filter(|value| !value.is_empty())
    }

    fn given(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut found: Vec<String> =
            self.pairs.extract_if(.., |(known, _)| known == name).map(|(_, value)| value).collect();
        if found.len() > 1 {
            self.wrong(name, "must be given once");
        }
        found.pop()
    }

    /// A value with its own spelling; `expected` says what it must be.
    pub fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.wrong(name, format!("must be {expected}"));
        }
        parsed
    }

    /// A value that has no empty spelling, as numbers have none: `name=` is wrong.
    pub fn stated<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let stated = self.given(name)?.parse().ok();
        if stated.is_none() {
            self.wrong(name, format!("must be {expected}"));
        }
        stated
    }

    /// How many of something: `default` when absent, never above `max`.
    pub fn limit(&mut self, default: usize, max: usize) -> usize {
        match self.stated::<usize>("limit", &format!("a whole number from 1 to {max}")) {
            None => default,
            Some(limit) if (1..=max).contains(&limit) => limit,
            Some(_) => {
                self.wrong("limit", format!("must be a whole number from 1 to {max}"));
                default
            }
        }
    }

    /// Says that a parameter is wrong.
    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, message));
    }

    /// Everything that was wrong, unknown parameters included.
    ///
    /// # Errors
    /// When anything was.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.pairs.iter().take(20).map(|(name, _)| name.clone()).collect();
        for name in unknown {
            let shown: String = name.chars().take(100).collect();
            let message = match self.known[..] {
                [] => "is not a parameter here; this address takes none".to_owned(),
                _ => format!("is not a parameter here; known: {}", self.known.join(", ")),
            };
            self.wrong(&shown, message);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

/// An address that takes no parameters; put it among the arguments of a handler.
#[derive(Clone, Copy, Debug)]
pub struct NoQuery;

impl FromRequest for NoQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Query::of(request.query_string()).finish().map(|()| Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_checked() {
        let mut query = Query::of("q=a+b%26c&limit=7&from=12&token=secret&&empty=");
        assert_eq!(query.stated::<u64>("absent", "a whole number"), None);
        assert_eq!(query.text("q").as_deref(), Some("a b&c"));
        assert_eq!(query.limit(10, 20), 7);
        assert_eq!(query.parsed::<u64>("from", "a whole number"), Some(12));
        assert_eq!(query.text("empty"), None);
        assert!(query.finish().is_ok());
    }

    #[test]
    fn everything_wrong_is_told() {
        let mut query = Query::of("limit=0&from=x&twice=1&twice=2&strange=1&to=");
        query.limit(10, 20);
        query.parsed::<u64>("from", "a whole number");
        query.text("twice");
        query.stated::<u64>("to", "a whole number");
        let fields: Vec<_> = query.finish().unwrap_err().document()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(fields, ["limit", "from", "twice", "to", "strange"]);
    }
}
