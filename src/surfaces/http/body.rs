//! A request's JSON body: its media type, its size and its fields, each wrong one named.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::service::error::FieldError;
use crate::surfaces::http::json;
use crate::surfaces::http::problem::Problem;

/// A body must be here within this time; the head has a limit of its own.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How large a body may be; put it into the app data.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub usize);

/// A body of `application/json`, as its bytes and as what they say.
#[derive(Debug)]
pub struct JsonBody {
    /// As it came, for idempotency.
    pub bytes: Bytes,
    /// What it says.
    pub value: Value,
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit =
            request.app_data::<web::Data<BodyLimit>>().map_or(BodyLimit(1024 * 1024), |limit| ***limit);
        let length = request.headers().get(header::CONTENT_LENGTH);
        let announced = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let media_type = request.content_type().to_ascii_lowercase();
        let encoded =
            request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        let payload = payload.take();
        Box::pin(async move {
            if announced.is_some_and(|length| length > limit.0) {
                return Err(too_large(limit));
            }
            let bytes =
                tokio::time::timeout(BODY_TIMEOUT, collect(payload, limit)).await.map_err(|_| {
                    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly")
                })??;
            if bytes.is_empty() {
                // Nothing at all says nothing: the same as an object without fields, and no media type is needed.
                return Ok(Self { bytes, value: Value::Object(Map::new()) });
            }
            if media_type != "application/json" {
                let detail = "the body must be application/json";
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported-media-type",
                    detail,
                )
                .with_header(header::ACCEPT, "application/json"));
            }
            if encoded {
                let detail = "the body must come as it is, without a content encoding";
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported-media-type",
                    detail,
                )
                .with_header(header::ACCEPT_ENCODING, "identity"));
            }
            let value = json::parse(&bytes).map_err(Problem::bad_request)?;
            Ok(Self { bytes, value })
        })
    }
}

async fn collect(mut payload: Payload, limit: BodyLimit) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?;
        if bytes.len() + chunk.len() > limit.0 {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// A number without a fraction, however it is written: `1.0` is one as well.
fn whole(value: &Value) -> Option<i64> {
    // Beyond this a float no longer says which whole number it is.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() < EXACT_MAX;
    value.as_i64().or_else(|| value.as_f64().filter(exact).map(|number| number as i64))
}

fn too_large(limit: BodyLimit) -> Problem {
    let detail = format!("the body is larger than {} bytes", limit.0);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

/// The fields of a JSON object, taken one by one; what is wrong is collected, what is left over is unknown.
#[derive(Debug)]
pub struct Fields {
    prefix: String,
    members: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of `value`.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn of(value: Value) -> Result<Self, Problem> {
        Self::under(String::new(), value).map_err(|error| Problem::invalid(vec![error]))
    }

    /// The fields of an object that stands inside another; `prefix` is put in front of their names.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn under(prefix: String, value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Object(members) => Ok(Self { prefix, members, known: Vec::new(), errors: Vec::new() }),
            other => {
                let field = if prefix.is_empty() { "body" } else { prefix.trim_end_matches('.') };
                Err(FieldError::new(field, format!("must be an object, not {}", kind(&other))))
            }
        }
    }

    /// A text; none when absent or null.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.read(name, "text", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// An object; none when absent or null.
    pub fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        self.read(name, "an object", |value| match value {
            Value::Object(members) => Ok(members),
            other => Err(other),
        })
    }

    /// A list; none when absent or null.
    pub fn list(&mut self, name: &'static str) -> Option<Vec<Value>> {
        self.read(name, "a list", |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        })
    }

    /// A whole number; none when absent or null.
    pub fn integer(&mut self, name: &'static str) -> Option<i64> {
        self.read(name, "a whole number", |value| whole(&value).ok_or(value))
    }

    /// A number; none when absent or null.
    pub fn number(&mut self, name: &'static str) -> Option<f64> {
        self.read(name, "a number", |value| value.as_f64().ok_or(value))
    }

    /// A truth value; none when absent or null.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, "true or false", |value| value.as_bool().ok_or(value))
    }

    /// Whatever stands there, null included; none when absent.
    pub fn any(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.members.remove(name)
    }

    /// A text that is one of a few, read by `parse`.
    pub fn one_of<T>(
        &mut self,
        name: &'static str,
        allowed: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.wrong(name, format!("must be one of {}", allowed.join(", ")));
        }
        parsed
    }

    /// Says that a field is wrong.
    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(format!("{}{name}", self.prefix), message));
    }

    /// Says that a field is missing when `value` is none, and answers `value`.
    pub fn required<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let told = format!("{}{name}", self.prefix);
        if value.is_none() && self.errors.iter().all(|error| error.field != told) {
            self.wrong(name, "is required");
        }
        value
    }

    /// Reads an object inside this one; what is wrong there is wrong here.
    pub fn nested<T>(
        &mut self,
        inner: Option<Fields>,
        read: impl FnOnce(&mut Fields) -> Option<T>,
    ) -> Option<T> {
        let mut inner = inner?;
        let value = read(&mut inner);
        match inner.finish() {
            Ok(()) => value,
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    /// What was wrong so far; for when it cannot be known which other fields belong here.
    pub fn errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Everything that was wrong, unknown fields included.
    ///
    /// # Errors
    /// When anything was.
    pub fn finish(mut self) -> Result<(), Vec<FieldError>> {
        let unknown: Vec<String> = self.members.keys().take(20).cloned().collect();
        for name in unknown {
            let known = self.known.join(", ");
            let shown: String = name.chars().take(100).collect();
            self.wrong(&shown, format!("is not a field here; known: {known}"));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        match self.any(name) {
            None | Some(Value::Null) => None,
            Some(value) => match read(value) {
                Ok(value) => Some(value),
                Err(value) => {
                    let found = match value {
                        Value::Number(_) if wanted.ends_with("number") => "a number of this kind",
                        value => kind(&value),
                    };
                    self.wrong(name, format!("must be {wanted}, not {found}"));
                    None
                }
            },
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    async fn read(media_type: &str, body: &str, limit: usize) -> Result<Value, u16> {
        let (request, mut payload) = TestRequest::post()
            .insert_header(("content-type", media_type))
            .app_data(web::Data::new(BodyLimit(limit)))
            .set_payload(body.to_owned())
            .to_http_parts();
        JsonBody::from_request(&request, &mut payload)
            .await
            .map(|body| body.value)
            .map_err(|problem| problem.status().as_u16())
    }

    #[actix_web::test]
    async fn bodies() {
        for (media_type, body, expected) in [
            ("application/json", r#"{"a":1}"#, Ok(json!({ "a": 1 }))),
            ("application/json; charset=utf-8", "[]", Ok(json!([]))),
            ("Application/JSON", "1", Ok(json!(1))),
            ("text/plain", "", Ok(json!({}))),
            ("text/plain", "{}", Err(415)),
            ("application/x-www-form-urlencoded", "a=b", Err(415)),
            ("application/json", "{", Err(400)),
            ("application/json", "{} {}", Err(400)),
            ("application/json", r#"{"a":1,"a":2}"#, Err(400)),
            ("application/json", "\u{feff}{}", Err(400)),
        ] {
            assert_eq!(read(media_type, body, 1000).await, expected, "{media_type} {body}");
        }
        assert_eq!(read("application/json", &"1".repeat(1001), 1000).await, Err(413));
        assert_eq!(read("application/json", &"[".repeat(900), 1000).await, Err(400));
    }

    #[test]
    fn fields_are_read_and_everything_wrong_is_told() {
        let mut fields =
            Fields::of(json!({ "name": 1, "brief": "b", "seed": 1.5, "nmae": 2, "gone": null })).unwrap();
        assert_eq!(fields.text("brief").as_deref(), Some("b"));
        assert_eq!(fields.text("name"), None);
        assert_eq!(fields.integer("seed"), None);
        assert_eq!(fields.object("gone"), None);
        let id = fields.text("id");
        assert_eq!(fields.required("id", id), None);
        for (written, read) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("-7e2", Some(-700)),
            ("7.5", None),
            ("1e300", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(whole(&serde_json::from_str(written).unwrap()), read, "{written}");
        }
        let name = None::<String>;
        fields.required("name", name);
        let wrong: Vec<_> = fields.finish().unwrap_err().into_iter().map(|e| (e.field, e.message)).collect();
        let expected = [
            ("name", "must be text, not a number"),
            ("seed", "must be a whole number, not a number of this kind"),
            ("id", "is required"),
            ("nmae", "is not a field here; known: brief, name, seed, gone, id"),
        ];
        assert_eq!(wrong, expected.map(|(field, message)| (field.to_owned(), message.to_owned())));
    }

    #[test]
    fn only_objects_have_fields() {
        for value in [json!([]), json!("x"), json!(null), json!(1)] {
            assert!(Fields::of(value).is_err());
        }
    }
}
