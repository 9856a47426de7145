use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::config::{Secret, TokenHash};
use crate::domain::time::Timestamp;

fn config(dir: &Path, listen: &str) -> Config {
    Config { listen: listen.parse().unwrap(), data_dir: dir.to_owned(), ..Config::default() }
}

fn open(config: &Config) -> Auth {
    Auth::open(config, config.listen).unwrap().auth
}

fn local() -> Head<'static> {
    Head {
        method: "GET",
        host: Some("localhost:8080"),
        peer: Some(SocketAddr::from(([127, 0, 0, 1], 50_000))),
        ..Head::default()
    }
}

fn role(auth: &Auth, head: &Head<'_>) -> Option<Role> {
    auth.identify(head).unwrap().role
}

#[test]
fn a_local_client_is_an_operator_until_there_are_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "127.0.0.1:8080");
    let auth = open(&config);
    assert_eq!(role(&auth, &local()), Some(Role::Operator));
    assert_eq!(role(&auth, &Head { forwarded: true, ..local() }), None);
    assert_eq!(role(&auth, &Head { peer: Some(SocketAddr::from(([192, 0, 2, 1], 1))), ..local() }), None);
    assert_eq!(role(&auth, &Head { peer: None, ..local() }), None);

    let file = TokenFile::in_dir(dir.path());
    let (known, token) = file.create(Role::Viewer, "screen", Timestamp(0)).unwrap();
    assert_eq!(role(&auth, &local()), None, "the running server hears of the new token");
    let bearer = format!("Bearer {token}");
    let with_token = Head { authorization: Some(&bearer), ..local() };
    assert_eq!(role(&auth, &with_token), Some(Role::Viewer));

    file.revoke(&known.id).unwrap();
    assert_eq!(auth.identify(&with_token), Err(AuthError::BadToken));
    assert!(matches!(file.revoke(&known.id), Err(TokenFileError::NotFound(_))));
}

#[test]
fn the_admin_token_is_made_once_and_kept_private() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "127.0.0.1:8080");
    let made = Auth::open(&config, config.listen).unwrap().new_admin_token.unwrap();
    let again = Auth::open(&config, config.listen).unwrap();
    assert!(again.new_admin_token.is_none());
    assert_eq!(again.auth.caller_of_token(&made).unwrap().role, Some(Role::Admin));
    let mode = std::fs::metadata(dir.path().join("admin-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_configured_admin_token_is_taken_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "127.0.0.1:8080");
    config.auth.admin_token = Some(Secret::new("correct horse"));
    let opened = Auth::open(&config, config.listen).unwrap();
    assert!(opened.new_admin_token.is_none());
    assert_eq!(opened.auth.caller_of_token("correct horse").unwrap().role, Some(Role::Admin));
    assert_eq!(opened.auth.caller_of_token("correct hors"), Err(AuthError::BadToken));
    assert_eq!(role(&opened.auth, &local()), Some(Role::Operator), "a local client stays an operator");
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn an_address_that_others_reach_needs_authentication() {
    let dir = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"] {
        let mut config = config(dir.path(), listen);
        assert!(matches!(check_exposure(&config, 0), Err(AuthSetupError::OpenToAll(_))), "{listen}");
        assert!(check_exposure(&config, 1).is_ok());
        config.auth.admin_token = Some(Secret::new("x"));
        assert!(check_exposure(&config, 0).is_ok());
        assert_eq!(role(&open(&config), &local()), None, "nobody is an operator without a token there");
    }
    let mut with_hash = config(dir.path(), "0.0.0.0:80");
    with_hash.auth.tokens = vec![TokenHash { role: Role::Operator, sha256: sha256_hex("hello") }];
    assert_eq!(open(&with_hash).caller_of_token("hello").unwrap().role, Some(Role::Operator));
}

#[test]
fn tokens_are_found_where_they_may_stand() {
    for (head, expected) in [
        (Head { authorization: Some("Bearer abc"), ..local() }, Some("abc")),
        (Head { authorization: Some("bearer  abc "), ..local() }, Some("abc")),
        (Head { authorization: Some("Basic abc"), ..local() }, None),
        (Head { authorization: Some("Bearer "), ..local() }, None),
        (Head { authorization: Some("Bearer"), ..local() }, None),
        (Head { cookie: Some("a=b; callboard_session=abc; c=d"), ..local() }, Some("abc")),
        (Head { cookie: Some("xcallboard_session=abc"), ..local() }, None),
        (Head { query: "since=1&token=a%62c", ..local() }, Some("abc")),
        (Head { query: "mytoken=abc", ..local() }, None),
        (Head { authorization: Some("Bearer one"), query: "token=two", ..local() }, Some("one")),
    ] {
        assert_eq!(token::of_head(&head).as_deref(), expected, "{head:?}");
    }
}

#[test]
fn origins_are_checked_for_changes_and_for_every_socket() {
    let dir = tempfile::tempdir().unwrap();
    let auth = open(&config(dir.path(), "127.0.0.1:8080"));
    let strange = Head { origin: Some("http://evil.example"), ..local() };
    assert!(auth.admit(&strange).is_ok(), "a browser keeps the answer of a GET from the page itself");
    assert!(auth.admit(&Head { method: "POST", ..strange }).is_err());
    assert!(auth.authorise_upgrade(&strange).is_err());
    let rebound = Head { host: Some("evil.example"), ..local() };
    assert!(auth.admit(&rebound).is_err());
    assert!(auth.authorise_upgrade(&rebound).is_err());
    assert!(auth.authorise_upgrade(&local()).is_ok());
}

#[test]
fn the_file_of_tokens_holds_no_token_and_says_when_it_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let file = TokenFile::in_dir(dir.path());
    let (_, token) = file.create(Role::Operator, "ci", Timestamp(0)).unwrap();
    let path = dir.path().join("tokens.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&token) && text.contains(&sha256_hex(&token)));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, "{").unwrap();
    assert!(matches!(file.snapshot(), Err(TokenFileError::Damaged { .. })));
}
