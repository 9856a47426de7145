//! Pages of a small site on this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// What the site has at a path: a status and a body; none is never answered.
type Pages = HashMap<&'static str, Option<(u16, String)>>;

struct Site {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    artifacts: Artifacts,
    _dir: tempfile::TempDir,
}

async fn site(pages: Pages) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (pages, seen) = (Arc::new(pages), asked.clone());
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let (pages, seen) = (pages.clone(), seen.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 4_096];
                let read = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(path.clone());
                let (status, body) = match pages.get(path.split('?').next().unwrap_or_default()) {
                    Some(Some(answer)) => answer.clone(),
                    Some(None) => return std::future::pending().await,
                    None => (404, String::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            });
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::open(dir.path()).unwrap();
    Site { address, asked, artifacts, _dir: dir }
}

impl Site {
    async fn gather(&self, paths: &[&str], bounds: Bounds) -> Result<Vec<RunInput>, ServiceError> {
        let pages: Vec<String> =
            paths.iter().map(|path| format!("http://ann:secret@{}{path}", self.address)).collect();
        gather(&pages, bounds, &self.artifacts).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const BOUNDS: Bounds = Bounds {
    each: Duration::from_secs(20),
    all: Duration::from_secs(120),
    image_bytes_max: 100,
    images_max: 3,
};

fn ok(body: &str) -> Option<(u16, String)> {
    Some((200, body.to_owned()))
}

fn told(inputs: &[RunInput]) -> Vec<(&str, &str)> {
    inputs.iter().map(|input| (&*input.name, input.problem.as_deref().unwrap_or("fine"))).collect()
}

#[tokio::test]
async fn a_page_that_cannot_be_had_is_an_input_with_that_problem() {
    let site = site(Pages::from([
        ("/", ok("<img src=a.png><img src=large.png><img src=/gone.png>")),
        ("/a.png", ok("a")),
        ("/large.png", ok(&"x".repeat(101))),
        ("/b/old.html", Some((500, String::new()))),
    ]))
    .await;
    let inputs = site.gather(&["/", "/b/old.html?key=secret#part"], BOUNDS).await.unwrap();
    let problem =
        format!("the page http://{}/b/old.html cannot be had: it was answered with 500", site.address);
    let page = format!("page-{}-b-old.html", site.address.replace(':', "-"));
    assert_eq!(
        told(&inputs),
        [
            ("a.png", "fine"),
            ("large.png", "it has more than 100 bytes"),
            ("gone.png", "it was answered with 404"),
            (&page, &problem)
        ]
    );
}

#[tokio::test]
async fn when_no_page_can_be_had_it_is_the_fault_of_the_site() {
    let site = site(Pages::from([("/never", None)])).await;
    let error = site.gather(&["/gone?key=secret"], BOUNDS).await.unwrap_err();
    let ServiceError::Remote(message) = &error else { panic!("{error:?}") };
    let expected =
        format!("no configured page can be had: http://{}/gone: it was answered with 404", site.address);
    assert_eq!(*message, expected);
    let soon = Duration::from_millis(50);
    for bounds in [Bounds { each: soon, ..BOUNDS }, Bounds { all: soon, ..BOUNDS }] {
        let error = site.gather(&["/never?key=secret"], bounds).await.unwrap_err();
        let ServiceError::RemoteTimeout(message) = &error else { panic!("{error:?}") };
        assert!(!message.contains("secret") && message.contains("/never: "), "{message}");
    }
}

#[tokio::test]
async fn all_pages_share_one_time() {
    let site = site(Pages::from([
        ("/", ok("<img src=a.png><img src=never.png>")),
        ("/a.png", ok("a")),
        ("/never.png", None),
    ]))
    .await;
    let bounds = Bounds { all: Duration::from_secs(2), ..BOUNDS };
    let inputs = site.gather(&["/"], bounds).await.unwrap();
    let late = "the time for all pages together, 2 s, was up";
    assert_eq!(told(&inputs), [("a.png", "fine"), ("never.png", late)]);
}

#[tokio::test]
async fn more_images_than_a_run_is_given_are_refused_before_one_is_fetched() {
    let four: String = (0..4).map(|n| format!("<img src={n}.png>")).collect();
    let site = site(Pages::from([("/", ok(&four))])).await;
    let error = site.gather(&["/"], BOUNDS).await.unwrap_err();
    let expected = "params.pages: show 4 images and perhaps more; a run is given at most 3";
    assert!(matches!(error, ServiceError::Invalid(_)) && error.to_string() == expected, "{error}");
    assert_eq!(site.asked(), ["/"]);
}

#[test]
fn images_of_a_page() {
    let page = "<IMG SRC='a.png'><img alt=\"x\" src=\"/b c.jpg?x=1&amp;y=2\" data-src=no><img\nsrc=c.gif >\
                <img srcset=none><img src=\"data:image/png;base64,AA\"><imgx src=x><img\r\n\tsrc = d.png>\
                <img data-src=x.png><img alt='src=x' src=e.png/><image src=x><img ü src=f.png>";
    assert_eq!(images(page), ["a.png", "/b c.jpg?x=1&y=2", "c.gif", "d.png", "e.png/", "f.png"]);
    for none in ["<img src=", "<img src", "<img", "<img ===", "<img src=''>", "<img / / =x", "<", ""] {
        assert_eq!(images(none), Vec::<String>::new(), "{none}");
    }
    // A tag that is not closed ends where the next one begins.
    assert_eq!(images("<img src=a.png<img src=b.png<p>"), ["a.png", "b.png"]);
    assert_eq!(images("<img <p src=x>"), Vec::<String>::new());
    let name = |address: &str| name_of(&Url::parse(address).unwrap());
    assert_eq!(name("https://example.org/a/b%20c.jpg?x=1"), "b-20c.jpg");
    assert_eq!(name("https://example.org/"), "image");
    assert_eq!(name("https://example.org/.."), "image");
}

#[test]
fn addresses_are_told_without_secrets() {
    let told = |address: &str| shown(&Url::parse(address).unwrap());
    assert_eq!(told("https://ann:pw@example.org:81/a?token=1#x"), "https://example.org:81/a");
    assert_eq!(told("https://example.org"), "https://example.org/");
}
