//! A path with its methods: GET answers HEAD as well, and every other method gets 405 with `Allow`.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{FromRequest, Handler, Resource, Responder, web};

use crate::surfaces::http::problem::Problem;

/// A path in the making.
pub struct Path {
    resource: Resource,
    allowed: Vec<&'static str>,
}

/// Begins a path, like `/api/runs/{id}`.
pub fn at(path: &str) -> Path {
    Path { resource: web::resource(path), allowed: Vec::new() }
}

impl Path {
    /// Answers GET and HEAD.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, "GET", handler.clone()).on(Method::HEAD, "HEAD", handler)
    }

    /// Answers POST.
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, "POST", handler)
    }

    /// Answers PATCH.
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, "PATCH", handler)
    }

    /// Answers DELETE.
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, "DELETE", handler)
    }

    /// The path, ready to be registered.
    pub fn done(self) -> Resource {
        let allowed = self.allowed.join(", ");
        self.resource.default_service(web::to(move || {
            let detail = format!("this address answers {allowed}");
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
                .with_header(header::ALLOW, allowed.clone());
            async move { Err::<&'static str, Problem>(problem) }
        }))
    }

    fn on<F, Args>(mut self, method: Method, name: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.allowed.push(name);
        Self { resource: self.resource.route(web::method(method).to(handler)), allowed: self.allowed }
    }
}

/// What an address that nobody answers says.
pub async fn not_found() -> Result<&'static str, Problem> {
    Err(Problem::not_found("there is nothing at this address"))
}
