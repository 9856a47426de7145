//! A body in pieces that nobody reads to its end: the connection it came on ends with the answer.
//!
//! actix-http closes a connection whose body of known length was left unread, but reads and throws away one that comes in
//! pieces, however long its sender goes on. It does so only once nobody holds the body any more; so the answer holds it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use bytes::Bytes;
use futures_util::Stream;

/// A body that came in pieces.
pub(super) struct Held(Rc<RefCell<Payload>>);

/// Takes hold of a body in pieces; the request reads it as before.
pub(super) fn hold(request: &mut ServiceRequest) -> Option<Held> {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let held = Rc::new(RefCell::new(request.take_payload()));
    let read = held.clone();
    let pieces = futures_util::stream::poll_fn(move |cx| Pin::new(&mut *read.borrow_mut()).poll_next(cx));
    request.set_payload(Payload::Stream { payload: Box::pin(pieces) });
    Some(Held(held))
}

impl Held {
    /// The answer holds the body until it is sent.
    pub(super) fn by(self, answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        answer.map_body(|_, body| BoxBody::new(Holding { body, _held: self.0 }))
    }
}

struct Holding {
    body: BoxBody,
    _held: Rc<RefCell<Payload>>,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
