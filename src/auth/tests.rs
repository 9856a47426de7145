use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::auth::policy::Action;
use crate::clock::ManualClock;
use crate::config::{Secret, TokenHash};

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
    let (known, token) = file.create(NewToken::of(Role::Viewer, "screen"), Timestamp(0)).unwrap();
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
    let token = |text: &str| Some(Credential::Token(text.into()));
    let cookie = |text: &str| Some(Credential::Session(text.into()));
    let with_cookie = Head { cookie: Some("a=b; callboard_session=abc; c=d"), ..local() };
    for (head, expected) in [
        (Head { authorization: Some("Bearer abc"), ..local() }, token("abc")),
        (Head { authorization: Some("bearer  abc "), ..local() }, token("abc")),
        (Head { authorization: Some("Basic abc"), ..local() }, None),
        (Head { authorization: Some("Bearer "), ..local() }, None),
        (Head { authorization: Some("Bearer"), ..local() }, None),
        (with_cookie, cookie("abc")),
        (Head { query: "token=two", ..with_cookie }, token("two")),
        (Head { query: "token=", ..with_cookie }, cookie("abc")),
        (Head { cookie: Some("xcallboard_session=abc"), ..local() }, None),
        (Head { query: "since=1&token=a%62c", ..local() }, token("abc")),
        (Head { query: "mytoken=abc", ..local() }, None),
        (Head { authorization: Some("Bearer one"), query: "token=two", ..local() }, token("one")),
    ] {
        assert_eq!(token::of_head(&head), expected, "{head:?}");
    }
}

/// A gate with a clock in the hand.
fn timed(config: &Config) -> (Auth, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    (Auth::open_at(config, config.listen, clock.clone()).unwrap().auth, clock)
}

#[test]
fn a_token_ends_by_itself_and_is_bound_to_its_projects() {
    let dir = tempfile::tempdir().unwrap();
    let (auth, clock) = timed(&config(dir.path(), "127.0.0.1:8080"));
    let (mine, other) = (ProjectId::generate(), ProjectId::generate());
    let expires_at = Some(Timestamp(1_000_000).plus_ms(500));
    let new = NewToken { projects: vec![mine], expires_at, ..NewToken::of(Role::Operator, "") };
    let file = TokenFile::in_dir(dir.path());
    let (known, token) = file.create(new, Timestamp(0)).unwrap();
    let caller = auth.caller_of_token(&token).unwrap();
    assert!(caller.may_in(Action::ControlRuns, mine).is_ok() && caller.may(Action::Read).is_err());
    assert_eq!(caller.may_in(Action::Read, other), Err(AuthError::OutOfScope));
    assert_eq!(auth.standing(&caller), Ok(()));
    clock.advance(500);
    assert_eq!(auth.caller_of_token(&token), Err(AuthError::Expired));
    assert_eq!(auth.standing(&caller), Err(Ended::Expired));
    assert_eq!(role(&auth, &local()), None, "a token that has ended does not open the door");
    let lasting = Caller { expires_at: None, ..caller };
    assert_eq!(auth.standing(&lasting), Ok(()));
    let version = auth.look();
    file.revoke(&known.id).unwrap();
    assert!(auth.look() > version);
    assert_eq!(auth.standing(&lasting), Err(Ended::Revoked));
    let admin = NewToken { projects: vec![mine], ..NewToken::of(Role::Admin, "") };
    assert!(matches!(file.create(admin, Timestamp(0)), Err(TokenFileError::BadScope)));
}

#[test]
fn a_session_lives_as_long_as_its_token_and_changes_need_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let (auth, _) = timed(&config(dir.path(), "127.0.0.1:8080"));
    let file = TokenFile::in_dir(dir.path());
    let (known, token) = file.create(NewToken::of(Role::Operator, ""), Timestamp(0)).unwrap();
    assert!(matches!(auth.sign_in(&local(), "wrong"), Err(SignInError::Auth(AuthError::BadToken))));
    let (cookie, seconds) = auth.sign_in(&local(), &token).unwrap();
    assert_eq!(seconds, 14 * 24 * 3600);
    let cookie = format!("callboard_session={cookie}");
    let head = Head { cookie: Some(&cookie), ..local() };
    let caller = auth.admit(&head).unwrap();
    assert_eq!(caller.role, Some(Role::Operator));
    let post = Head { method: "POST", ..head };
    assert_eq!(auth.admit(&post), Err(OriginError::NoOrigin.into()));
    assert!(auth.admit(&Head { origin: Some("http://localhost:8080"), ..post }).is_ok());
    assert!(auth.admit(&Head { fetch_site: Some("same-origin"), ..post }).is_ok());
    assert!(auth.admit(&Head { fetch_site: Some("cross-site"), ..post }).is_err());
    let bearer = format!("Bearer {token}");
    assert!(auth.admit(&Head { authorization: Some(&bearer), ..post }).is_ok(), "a token is no cookie");
    auth.sign_out(&caller).unwrap();
    assert_eq!(auth.standing(&caller), Err(Ended::Revoked));
    assert_eq!(auth.admit(&head).unwrap().role, None);
    let (cookie, _) = auth.sign_in(&local(), &token).unwrap();
    let cookie = format!("callboard_session={cookie}");
    let caller = auth.admit(&Head { cookie: Some(&cookie), ..local() }).unwrap();
    file.revoke(&known.id).unwrap();
    auth.look();
    assert_eq!(auth.standing(&caller), Err(Ended::Revoked));
    let stale = auth.admit(&Head { cookie: Some(&cookie), ..local() }).unwrap();
    assert_eq!(stale.role, Some(Role::Operator), "without tokens a local client is an operator again");
    assert_eq!(stale.session, None);
}

#[test]
fn a_share_link_closes_no_door_and_opens_one_project() {
    let dir = tempfile::tempdir().unwrap();
    let (auth, clock) = timed(&config(dir.path(), "127.0.0.1:8080"));
    let (mine, other) = (ProjectId::generate(), ProjectId::generate());
    let (share, token) = auth.share(mine, "Kim", 1_000).unwrap();
    assert_eq!(role(&auth, &local()), Some(Role::Operator));
    let caller = auth.caller_of_token(&token).unwrap();
    assert!(caller.may_in(Action::Read, mine).is_ok());
    assert!(caller.may_in(Action::Publish, mine).is_err() && caller.may_in(Action::Read, other).is_err());
    assert_eq!((auth.shares(mine).len(), auth.shares(other).len()), (1, 0));
    assert!(matches!(auth.unshare(other, &share.id), Err(SignInError::NoShare)));
    clock.advance(1_000);
    assert_eq!(auth.shares(mine).len(), 0);
    let (share, _) = auth.share(mine, "", 1_000).unwrap();
    auth.unshare(mine, &share.id).unwrap();
    assert_eq!(auth.shares(mine).len(), 0);
}

#[test]
fn who_guesses_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "0.0.0.0:80");
    config.auth.admin_token = Some(Secret::new("correct horse"));
    let auth = open(&config);
    let from = |last: u8| Head {
        authorization: Some("Bearer wrong"),
        peer: Some(SocketAddr::from(([192, 0, 2, last], 1))),
        ..local()
    };
    let tries: Vec<_> = (0..30).map(|_| auth.admit(&from(1)).unwrap_err()).collect();
    assert_eq!(tries[0], AuthError::BadToken);
    assert!(matches!(tries[29], AuthError::TooMany { .. }), "{:?}", tries[29]);
    assert_eq!(auth.admit(&from(2)), Err(AuthError::BadToken), "another address may still be mistaken");
    assert!((0..30).all(|_| auth.identify(&local()).is_ok()));
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
    let (_, token) = file.create(NewToken::of(Role::Operator, "ci"), Timestamp(0)).unwrap();
    let path = dir.path().join("tokens.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&token) && text.contains(&sha256_hex(&token)));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, "{").unwrap();
    assert!(matches!(file.snapshot(), Err(TokenFileError::Damaged { .. })));
}
