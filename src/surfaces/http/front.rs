//! The front of every HTTP connection: publishers that do not wait for answers share commits.
//!
//! actix-http begins a request of a connection only once the one before is answered, so sixteen events sent in a row would
//! be sixteen commits, each waited for alone. The front takes small requests that are here whole and begins the next one
//! as soon as the one before says that its place in the order is settled ([`Turn`]); answers leave in the order of the
//! requests. Both use the same app: routes, checks and handlers know nothing of the difference.
//!
//! What is asked most often need not go through the app at all: [`Express`] answers it, or leaves it to the app.
//!
//! Only `POST` with a plain body of known length is taken here. Whatever else comes, the connection goes to actix-http for
//! good, with what was read already.

mod fronted;
mod scan;

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_codec::{Decoder, Encoder};
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{HttpMessage, Payload, Request, RequestHead, Response, ServiceConfig, h1};
use actix_service::Service;
use actix_web::http::{ConnectionType, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

pub use self::fronted::Fronted;
use self::scan::{Found, scan};

/// Requests of one connection that are worked on at the same time.
const RUNNING_MAX: usize = 64;
/// Bytes read at once.
const READ_BYTES: usize = 4 * 1024;
/// Bytes that may wait for the request before them; more than the longest request that is taken here.
const INPUT_BYTES_MAX: usize = 128 * 1024;
/// Answers that may wait for a peer before no further request is begun.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// A connection that says nothing for so long, or no whole request, is left to actix-http, which has limits for slow ones.
const WHOLE_WITHIN: Duration = Duration::from_secs(1);

/// Lies in a request that shares its connection with others. A handler that has settled the place of its effects in the
/// order of things, and only waits for them to be done, passes the turn to the next request.
#[derive(Clone, Debug, Default)]
pub struct Turn(Rc<Cell<bool>>);

impl Turn {
    /// The next request may begin.
    pub fn pass(&self) {
        self.0.set(true);
    }
}

/// A shorter way for requests that come by the thousand: no routes to try, nothing to extract.
pub trait Express {
    /// Answers a request with this body; none, and nothing has happened, when the app has to answer it. What is refused is
    /// the app's as well, so that it is refused in the same words.
    fn take(&self, head: &RequestHead, body: &Bytes, turn: &Turn) -> Option<ExpressAnswer>;
}

/// An answer on its way.
pub type ExpressAnswer = LocalBoxFuture<'static, Response<BoxBody>>;

/// What became of a connection in the front.
pub enum Left {
    /// It is over.
    Closed,
    /// Somebody else has to go on.
    HandedOver(Fronted),
}

/// Serves a connection as long as it asks for what the front takes, at most `keep_alive` apart. `leaving` ends it when
/// nothing is being answered.
pub async fn serve<S>(
    stream: TcpStream,
    app: Rc<S>,
    express: Option<Rc<dyn Express>>,
    config: ServiceConfig,
    keep_alive: Duration,
    leaving: impl Future<Output = ()>,
) -> Left
where
    S: Service<Request>,
    S::Response: Into<Response<BoxBody>>,
    S::Error: Into<Response<BoxBody>>,
{
    let now = Instant::now();
    let mut front = Front {
        peer: stream.peer_addr().ok(),
        stream,
        app,
        express,
        codec: h1::Codec::new(config),
        keep_alive,
        input: BytesMut::new(),
        output: BytesMut::new(),
        running: VecDeque::new(),
        other: false,
        closing: false,
        served: false,
        idle_since: now,
    };
    let mut alarm = Box::pin(tokio::time::sleep_until(now + front.patience()));
    let mut leaving = Box::pin(leaving);
    let end = poll_fn(|cx| {
        if !front.closing && leaving.as_mut().poll(cx).is_ready() {
            front.closing = true;
        }
        front.poll(cx, alarm.as_mut())
    })
    .await;
    match end {
        Ok(End::HandOver) => Left::HandedOver(Fronted::new(front.stream, front.input.freeze())),
        // A broken connection has nobody to be told.
        Ok(End::Close) | Err(_) => Left::Closed,
    }
}

enum End {
    Close,
    HandOver,
}

struct Front<S: Service<Request>> {
    stream: TcpStream,
    peer: Option<SocketAddr>,
    app: Rc<S>,
    express: Option<Rc<dyn Express>>,
    codec: h1::Codec,
    keep_alive: Duration,
    input: BytesMut,
    output: BytesMut,
    /// Oldest first.
    running: VecDeque<Running<S::Future>>,
    /// What comes next is not for the front.
    other: bool,
    /// Nothing further is begun.
    closing: bool,
    /// Something was answered already.
    served: bool,
    idle_since: Instant,
}

struct Running<F> {
    turn: Turn,
    stage: Stage<F>,
}

enum Stage<F> {
    Asked(Pin<Box<F>>),
    Express(ExpressAnswer),
    Answered(Response<BoxBody>),
    /// The head has left; the rest of the body follows.
    Body(Pin<Box<BoxBody>>),
}

impl<S> Front<S>
where
    S: Service<Request>,
    S::Response: Into<Response<BoxBody>>,
    S::Error: Into<Response<BoxBody>>,
{
    fn poll(&mut self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<io::Result<End>> {
        loop {
            for running in &mut self.running {
                running.poll(cx);
            }
            while self.begin(cx)? {}
            let more = self.answer(cx)?;
            let flushed = self.flush(cx)?;
            if (more && flushed) || self.begin(cx)? {
                // There is room again, and nobody else would wake this task for it.
                continue;
            }
            let idle = self.running.is_empty() && flushed;
            if idle && self.closing {
                return Poll::Ready(Ok(End::Close));
            }
            if idle && self.other {
                return Poll::Ready(Ok(End::HandOver));
            }
            if self.closing || self.other || self.is_full() || self.input.len() >= INPUT_BYTES_MAX {
                // Whatever is waited for here wakes this task: an answer, or a peer that takes one.
                return Poll::Pending;
            }
            match self.read(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(End::Close)),
                Poll::Ready(_) => {}
                Poll::Pending if idle => return self.rest(cx, alarm.as_mut()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_full(&self) -> bool {
        self.running.len() >= RUNNING_MAX || self.output.len() >= OUTPUT_BYTES_MAX
    }

    /// Begins the next request, when it is here whole and may begin.
    fn begin(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let waits = self.running.back().is_some_and(|running| !running.lets_on());
        if self.closing || self.other || waits || self.is_full() || self.input.is_empty() {
            return Ok(false);
        }
        let length = match scan(&self.input) {
            Found::Whole(length) => length,
            Found::Part => return Ok(false),
            Found::Other => {
                self.other = true;
                return Ok(false);
            }
        };
        let turn = Turn::default();
        let stage = match self.decode(length) {
            Some((request, body)) => {
                let express = self.express.as_ref();
                match express.and_then(|express| express.take(request.head(), &body, &turn)) {
                    Some(answer) => Stage::Express(answer),
                    None => {
                        let (_, mut payload) = h1::Payload::create(true);
                        if !body.is_empty() {
                            payload.unread_data(body);
                        }
                        let (request, _) = request.replace_payload(Payload::from(payload));
                        request.extensions_mut().insert(turn.clone());
                        Stage::Asked(Box::pin(self.app.call(request)))
                    }
                }
            }
            None => {
                self.closing = true;
                let mut refusal = Response::new(StatusCode::BAD_REQUEST);
                refusal.head_mut().set_connection_type(ConnectionType::Close);
                Stage::Answered(refusal)
            }
        };
        let mut running = Running { turn, stage };
        running.poll(cx);
        self.running.push_back(running);
        Ok(true)
    }

    /// The request in the next `length` bytes, and its body; none when it is malformed.
    fn decode(&mut self, length: usize) -> Option<(Request, Bytes)> {
        let mut bytes = self.input.split_to(length);
        let Ok(Some(h1::Message::Item(mut request))) = self.codec.decode(&mut bytes) else { return None };
        let mut body = Bytes::new();
        while self.codec.message_type() != h1::MessageType::None {
            match self.codec.decode(&mut bytes) {
                // All of it is here, so it is one piece.
                Ok(Some(h1::Message::Chunk(Some(piece)))) if body.is_empty() => body = piece,
                Ok(Some(h1::Message::Chunk(None))) => {}
                _ => return None,
            }
        }
        request.head_mut().peer_addr = self.peer;
        bytes.is_empty().then_some((request, body))
    }

    /// Encodes the answers that are ready, up to the first that is not. Whether more of that one only waits for room.
    fn answer(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while let Some(Running { turn, stage }) = self.running.pop_front() {
            let stage = match stage {
                Stage::Answered(answer) => {
                    let (head, body) = answer.into_parts();
                    let size = body.size();
                    self.codec.encode(h1::Message::Item((head, size)), &mut self.output)?;
                    if !self.codec.keep_alive() {
                        self.closing = true;
                    }
                    match size {
                        BodySize::None | BodySize::Sized(0) => None,
                        _ => self.body(cx, Box::pin(body))?,
                    }
                }
                Stage::Body(body) => self.body(cx, body)?,
                asked @ (Stage::Asked(_) | Stage::Express(_)) => Some(asked),
            };
            if let Some(stage) = stage {
                let more = matches!(stage, Stage::Body(_)) && self.output.len() >= OUTPUT_BYTES_MAX;
                self.running.push_front(Running { turn, stage });
                return Ok(more);
            }
            (self.served, self.idle_since) = (true, Instant::now());
            if !self.codec.keep_alive() {
                // Who was told that the connection ends expects no further answer.
                self.running.clear();
            }
        }
        Ok(false)
    }

    /// Encodes what there is of a body; answers what is left of it.
    fn body(
        &mut self,
        cx: &mut Context<'_>,
        mut body: Pin<Box<BoxBody>>,
    ) -> io::Result<Option<Stage<S::Future>>> {
        while self.output.len() < OUTPUT_BYTES_MAX {
            match body.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.codec.encode(h1::Message::Chunk(Some(chunk)), &mut self.output)?;
                }
                Poll::Ready(Some(Err(error))) => return Err(io::Error::other(error.to_string())),
                Poll::Ready(None) => {
                    self.codec.encode(h1::Message::Chunk(None), &mut self.output)?;
                    return Ok(None);
                }
                Poll::Pending => break,
            }
        }
        Ok(Some(Stage::Body(body)))
    }

    /// Writes what waits; whether nothing waits any more.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while !self.output.is_empty() {
            match self.stream.try_write(&self.output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.output.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_write_ready(cx)?.is_pending() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<usize>> {
        self.input.reserve(READ_BYTES);
        // Through the runtime, which sees from a read that is not full that nothing more is here, and does not ask again.
        match pin!(self.stream.read_buf(&mut self.input)).poll(cx)? {
            Poll::Ready(count) => {
                self.idle_since = Instant::now();
                Ok(Poll::Ready(count))
            }
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// How long to wait for the peer as things are.
    fn patience(&self) -> Duration {
        if self.input.is_empty() && self.served { self.keep_alive } else { WHOLE_WITHIN }
    }

    /// Nothing to do until the peer says more, or has said nothing for too long.
    fn rest(&mut self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<io::Result<End>> {
        let due = self.idle_since + self.patience();
        // The alarm is moved only when it has to ring earlier, or has rung: a busy connection leaves it where it is.
        if alarm.deadline() > due {
            alarm.as_mut().reset(due);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= due {
                // A client that was served and rests is let go; everybody else is told by actix-http what was late.
                let end = if self.served && self.input.is_empty() { End::Close } else { End::HandOver };
                return Poll::Ready(Ok(end));
            }
            alarm.as_mut().reset(due);
        }
    }
}

impl<F, R, E> Running<F>
where
    F: Future<Output = Result<R, E>>,
    R: Into<Response<BoxBody>>,
    E: Into<Response<BoxBody>>,
{
    fn poll(&mut self, cx: &mut Context<'_>) {
        let answer = match &mut self.stage {
            Stage::Asked(asked) => asked.as_mut().poll(cx).map(|answer| match answer {
                Ok(answer) => answer.into(),
                Err(error) => error.into(),
            }),
            Stage::Express(answer) => answer.as_mut().poll(cx),
            Stage::Answered(_) | Stage::Body(_) => return,
        };
        if let Poll::Ready(answer) = answer {
            self.stage = Stage::Answered(answer);
        }
    }

    /// Whether the request after this one may begin.
    fn lets_on(&self) -> bool {
        self.turn.0.get() || !matches!(self.stage, Stage::Asked(_) | Stage::Express(_))
    }
}

#[cfg(test)]
mod tests;
