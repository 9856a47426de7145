use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_http::{HttpMessage, Response, ServiceConfig};
use actix_service::fn_service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const SOON: Duration = Duration::from_secs(20);
/// How often a large answer repeats the path; far more than waits for a peer at once.
const LARGE: usize = 100_000;

/// An app that answers with the path, when it is told to, and what it was asked so far.
#[derive(Clone, Default)]
struct Asked {
    begun: Rc<RefCell<Vec<String>>>,
    waiting: Rc<RefCell<HashMap<String, oneshot::Sender<()>>>>,
}

impl Asked {
    fn begin(&self, path: &str, turn: &Turn) -> oneshot::Receiver<()> {
        let path = path.to_owned();
        if path.ends_with("passes") {
            turn.pass();
        }
        self.begun.borrow_mut().push(path.clone());
        let (answer, answered) = oneshot::channel();
        self.waiting.borrow_mut().insert(path, answer);
        answered
    }

    fn answer(&self, path: &str) {
        self.waiting.borrow_mut().remove(path).unwrap().send(()).unwrap();
    }

    async fn begins(&self, expected: &[&str]) {
        let all = async {
            while self.begun.borrow().len() < expected.len() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, all).await.expect("the request must begin");
        assert_eq!(*self.begun.borrow(), expected);
    }
}

impl Express for Asked {
    fn take(&self, head: &RequestHead, body: &Bytes, turn: &Turn) -> Option<ExpressAnswer> {
        let path = head.uri.path().to_owned();
        if !path.starts_with("/express") {
            return None;
        }
        assert_eq!(body, "{}");
        let answered = self.begin(&path, turn);
        Some(Box::pin(async move {
            let _ = answered.await;
            Response::ok().set_body(BoxBody::new(path))
        }))
    }
}

/// A client, and the front it speaks to.
async fn front(asked: Asked, leaving: impl Future<Output = ()> + 'static) -> (TcpStream, JoinHandle<Left>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let express: Rc<dyn Express> = Rc::new(asked.clone());
    let app = fn_service(move |request: Request| {
        let turn = request.extensions().get::<Turn>().cloned().unwrap();
        let answered = asked.begin(request.path(), &turn);
        async move {
            let _ = answered.await;
            let body = match request.path() {
                large if large.starts_with("/large") => large.repeat(LARGE),
                path => path.to_owned(),
            };
            Ok::<_, Response<BoxBody>>(Response::ok().set_body(BoxBody::new(body)))
        }
    });
    let served = serve(stream, Rc::new(app), Some(express), ServiceConfig::default(), SOON, leaving);
    (client, actix_rt::spawn(served))
}

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}")
}

/// Reads answers until the last of these bodies; they must come in this order.
async fn expect(client: &mut TcpStream, bodies: &[&str]) {
    let mut read = Vec::new();
    let all = async {
        while !read.ends_with(bodies.last().unwrap().as_bytes()) {
            assert_ne!(client.read_buf(&mut read).await.unwrap(), 0, "the answers must come");
        }
    };
    tokio::time::timeout(SOON, all).await.expect("the answers must come");
    let text = String::from_utf8(read).unwrap();
    let came: Vec<&str> =
        text.split("\r\n\r\n").skip(1).map(|rest| rest.split("HTTP/1.1").next().unwrap()).collect();
    assert_eq!(came, bodies);
}

#[actix_rt::test]
async fn the_next_request_begins_when_the_one_before_passes_its_turn() {
    let asked = Asked::default();
    let (mut client, _front) = front(asked.clone(), std::future::pending()).await;
    let requests = ["/1/passes", "/2/holds", "/3/passes"];
    client.write_all(requests.map(post).concat().as_bytes()).await.unwrap();
    asked.begins(&requests[..2]).await;
    // The second is done before the first, and lets the third begin; the answers keep their order.
    asked.answer(requests[1]);
    asked.begins(&requests).await;
    asked.answer(requests[2]);
    asked.answer(requests[0]);
    expect(&mut client, &requests).await;
}

#[actix_rt::test]
async fn what_takes_the_short_way_keeps_its_place_among_the_others() {
    let asked = Asked::default();
    let (mut client, _front) = front(asked.clone(), std::future::pending()).await;
    let requests = ["/express/1/passes", "/2/passes", "/express/3/holds", "/4/passes"];
    client.write_all(requests.map(post).concat().as_bytes()).await.unwrap();
    asked.begins(&requests[..3]).await;
    asked.answer(requests[2]);
    asked.begins(&requests).await;
    for path in [requests[3], requests[1], requests[0]] {
        asked.answer(path);
    }
    expect(&mut client, &requests).await;
}

#[actix_rt::test]
async fn what_is_not_for_the_front_is_handed_over_untouched() {
    let asked = Asked::default();
    let (mut client, front) = front(asked.clone(), std::future::pending()).await;
    let other = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(format!("{}{other}", post("/1/passes")).as_bytes()).await.unwrap();
    asked.begins(&["/1/passes"]).await;
    asked.answer("/1/passes");
    expect(&mut client, &["/1/passes"]).await;
    let Left::HandedOver(rest) = front.await.unwrap() else { panic!("the connection goes on") };
    assert_eq!(rest.into_parts().1, other.as_bytes());
}

#[actix_rt::test]
async fn a_server_that_leaves_answers_what_it_has_begun() {
    let (leave, leaving) = oneshot::channel::<()>();
    let asked = Asked::default();
    let (mut client, front) = front(asked.clone(), async move { drop(leaving.await) }).await;
    client.write_all(format!("{}{}", post("/1/holds"), post("/2/holds")).as_bytes()).await.unwrap();
    asked.begins(&["/1/holds"]).await;
    leave.send(()).unwrap();
    tokio::task::yield_now().await;
    asked.answer("/1/holds");
    expect(&mut client, &["/1/holds"]).await;
    assert!(matches!(front.await.unwrap(), Left::Closed));
    assert_eq!(asked.begun.borrow().len(), 1);
}

#[actix_rt::test]
async fn a_request_that_does_not_go_on_is_left_to_whoever_has_limits_for_it() {
    let (mut client, front) = front(Asked::default(), std::future::pending()).await;
    let part = &post("/1/holds")[..30];
    client.write_all(part.as_bytes()).await.unwrap();
    let left = tokio::time::timeout(SOON, front).await.expect("the front must give up");
    let Left::HandedOver(rest) = left.unwrap() else { panic!("the connection goes on") };
    assert_eq!(rest.into_parts().1, part.as_bytes());
}

#[actix_rt::test]
async fn who_asks_without_end_while_one_question_waits_is_held_back() {
    let asked = Asked::default();
    let (mut client, _front) = front(asked.clone(), std::future::pending()).await;
    client.write_all(post("/1/holds").as_bytes()).await.unwrap();
    asked.begins(&["/1/holds"]).await;
    let questions = post("/more").repeat(1_000);
    let mut held_back = false;
    for _ in 0..2_000 {
        let sent = tokio::time::timeout(Duration::from_secs(1), client.write_all(questions.as_bytes())).await;
        if sent.is_err() {
            held_back = true;
            break;
        }
    }
    assert!(held_back, "questions must wait for the one before them outside of memory");
    assert_eq!(asked.begun.borrow().len(), 1);
}

#[actix_rt::test]
async fn large_answers_leave_whole_and_the_next_follows() {
    let asked = Asked::default();
    let (mut client, _front) = front(asked.clone(), std::future::pending()).await;
    client.write_all(format!("{}{}", post("/large/passes"), post("/2/passes")).as_bytes()).await.unwrap();
    asked.begins(&["/large/passes", "/2/passes"]).await;
    asked.answer("/large/passes");
    asked.answer("/2/passes");
    expect(&mut client, &[&"/large/passes".repeat(LARGE), "/2/passes"]).await;
}

#[actix_rt::test]
async fn more_requests_than_run_at_a_time_are_all_answered() {
    let asked = Asked::default();
    let (mut client, _front) = front(asked.clone(), std::future::pending()).await;
    let paths: Vec<String> = (0..3 * RUNNING_MAX).map(|n| format!("/{n}/passes")).collect();
    client.write_all(paths.iter().map(|path| post(path)).collect::<String>().as_bytes()).await.unwrap();
    let mut answered = 0;
    while answered < paths.len() {
        let begun = (answered + RUNNING_MAX).min(paths.len());
        let paths: Vec<&str> = paths[..begun].iter().map(String::as_str).collect();
        asked.begins(&paths).await;
        paths[answered..].iter().for_each(|path| asked.answer(path));
        answered = begun;
    }
    expect(&mut client, &paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
