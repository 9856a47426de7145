use super::*;

const TERMS: Terms =
    Terms { ping_interval_ms: 300, ping_timeout_ms: 200, max_payload: 100, queue_bytes_max: 1000 };

fn text(text: &str) -> Message {
    Message::Text(text.into())
}

fn answer(poll: PollId, body: &str) -> Effect {
    Effect::Answer(poll, body.into())
}

fn send(socket: SocketId, packet: &str) -> Effect {
    Effect::Send(socket, decode(packet).unwrap())
}

fn say(session: &mut EngineSession, texts: &[&str]) {
    for one in texts {
        session.send(text(one));
    }
    session.flush();
}

fn upgraded() -> EngineSession {
    let mut session = EngineSession::polling(TERMS, 0);
    assert!(session.probe_opened(7, 1));
    session.frame(7, "2probe", 1).unwrap();
    session.frame(7, "5", 2).unwrap();
    session.take_effects();
    session
}

#[test]
fn a_poll_gets_what_waits_or_waits_itself() {
    let mut session = EngineSession::polling(TERMS, 0);
    say(&mut session, &["a", "b"]);
    session.poll(1, 5);
    assert_eq!(session.take_effects(), [answer(1, "4a\u{1e}4b")]);
    session.poll(2, 6);
    assert_eq!(session.take_effects(), []);
    say(&mut session, &["c"]);
    assert_eq!(session.take_effects(), [answer(2, "4c")]);
}

#[test]
fn a_body_holds_no_more_than_the_client_takes() {
    let mut session = EngineSession::polling(TERMS, 0);
    let long = "x".repeat(60);
    say(&mut session, &[&long, &long, "y"]);
    session.poll(1, 1);
    session.poll(2, 1);
    assert_eq!(
        session.take_effects(),
        [answer(1, &format!("4{long}")), answer(2, &format!("4{long}\u{1e}4y"))]
    );
    assert_eq!(session.queue_bytes(), 0);
}

#[test]
fn an_answer_holds_as_many_packets_as_every_client_takes() {
    let mut session = EngineSession::polling(TERMS, 0);
    say(&mut session, &["x"; ANSWER_PACKETS_MAX + 4]);
    session.poll(1, 1);
    session.poll(2, 1);
    let counts: Vec<usize> = session
        .take_effects()
        .iter()
        .map(|effect| match effect {
            Effect::Answer(_, body) => body.split('\u{1e}').count(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [ANSWER_PACKETS_MAX, 4]);
}

#[test]
fn two_polls_at_once_end_the_session() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.poll(1, 0);
    session.poll(2, 0);
    assert_eq!(session.take_effects(), [answer(1, "1"), Effect::Refuse(2), Effect::Over]);
    session.poll(3, 0);
    assert_eq!(session.take_effects(), [Effect::Refuse(3)]);
}

#[test]
fn an_aborted_poll_ends_the_session() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.poll(1, 0);
    session.poll_aborted(9);
    assert!(!session.is_over());
    session.poll_aborted(1);
    assert_eq!(session.take_effects(), [Effect::Over]);
}

#[test]
fn a_body_is_read_whole_or_ends_the_session() {
    let mut session = EngineSession::polling(TERMS, 0);
    let messages = session.post("4a\u{1e}bAQI=\u{1e}3", 0).unwrap();
    assert_eq!(messages, [text("a"), Message::Binary([1u8, 2].as_slice().into())]);
    for bad in ["abc", "", "4a\u{1e}", "2", "0{}"] {
        let mut session = EngineSession::polling(TERMS, 0);
        session.poll(1, 0);
        assert!(session.post(bad, 0).is_err(), "{bad}");
        assert_eq!(session.take_effects(), [answer(1, "1"), Effect::Over], "{bad}");
        assert_eq!(session.post("4a", 0), Err(Violation::Transport));
    }
}

#[test]
fn a_goodbye_ends_the_poll_whichever_comes_first() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.poll(1, 0);
    session.post("1", 0).unwrap();
    assert_eq!(session.take_effects(), [answer(1, "6"), Effect::Over]);
    session.poll(2, 1);
    assert_eq!(session.take_effects(), [Effect::Refuse(2)]);

    let mut session = EngineSession::polling(TERMS, 0);
    session.post("1", 0).unwrap();
    assert_eq!(session.take_effects(), [Effect::Over]);
    assert!(!session.is_gone(1));
    session.poll(1, 1);
    session.poll(2, 1);
    assert_eq!(session.take_effects(), [answer(1, "6"), Effect::Refuse(2)]);
    assert!(session.is_gone(1));
}

#[test]
fn the_first_ping_comes_after_the_interval_and_wants_an_answer() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.poll(1, 10);
    session.advance(299);
    assert_eq!(session.take_effects(), []);
    session.advance(310);
    assert_eq!(session.take_effects(), [answer(1, "2")]);
    session.post("3", 320).unwrap();
    session.advance(619);
    assert!(!session.is_over());
    session.advance(620);
    session.advance(820);
    assert_eq!(session.take_effects(), [Effect::Over]);
}

#[test]
fn a_heartbeat_that_nobody_looked_at_ends_on_time() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.advance(315);
    session.poll(1, 500);
    assert_eq!(session.take_effects(), [Effect::Over, Effect::Refuse(1)]);
    // A server that slept gives its clients the time to answer all the same.
    let mut session = EngineSession::socket(TERMS, 7, 0);
    session.advance(5_000);
    assert!(!session.is_over());
    session.frame(7, "3", 5_001).unwrap();
    assert_eq!(session.take_effects(), [send(7, "2")]);
}

#[test]
fn a_socket_carries_messages_both_ways() {
    let mut session = EngineSession::socket(TERMS, 7, 0);
    assert_eq!(session.frame(7, "4hello", 0), Ok(Some(text("hello"))));
    say(&mut session, &["back"]);
    assert_eq!(session.take_effects(), [send(7, "4back")]);
    assert!(session.takes_binary(7) && !session.takes_binary(8));
    assert!(session.frame(7, "abc", 0).is_err());
    assert_eq!(session.take_effects(), [Effect::Close(7), Effect::Over]);

    let mut session = EngineSession::socket(TERMS, 7, 0);
    session.frame(7, "1", 0).unwrap();
    assert_eq!(session.take_effects(), [Effect::Close(7), Effect::Over]);

    let mut session = EngineSession::socket(TERMS, 7, 0);
    session.socket_closed(7);
    assert_eq!(session.take_effects(), [Effect::Over]);
}

#[test]
fn an_upgrade_ends_the_waiting_poll_and_moves_what_waits() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.poll(1, 0);
    assert!(session.probe_opened(7, 100));
    assert!(!session.probe_opened(8, 100), "one at a time");
    session.frame(7, "2probe", 101).unwrap();
    assert_eq!(session.take_effects(), [send(7, "3probe"), answer(1, "6")]);
    say(&mut session, &["while probing"]);
    session.frame(7, "5", 103).unwrap();
    assert_eq!(session.take_effects(), [send(7, "4while probing")]);
    session.poll(2, 103);
    assert_eq!(session.take_effects(), [Effect::Refuse(2)]);
    assert_eq!(session.post("4a", 103), Err(Violation::Transport));
    assert!(!session.probe_opened(9, 103));
    assert_eq!(session.frame(7, "4hello", 104), Ok(Some(text("hello"))));
}

#[test]
fn a_young_poll_waits_for_the_end_of_the_upgrade() {
    let mut session = EngineSession::polling(TERMS, 0);
    session.probe_opened(7, 0);
    session.poll(1, 0);
    session.frame(7, "2probe", 1).unwrap();
    session.frame(7, "5", 1).unwrap();
    assert_eq!(session.take_effects(), [send(7, "3probe"), Effect::Refuse(1)]);

    let mut session = EngineSession::polling(TERMS, 0);
    session.probe_opened(7, 0);
    session.frame(7, "2probe", 0).unwrap();
    session.poll(1, 5);
    assert_eq!(session.held_until_ms(), Some(PROBE_HOLD_MS + 5));
    session.advance(PROBE_HOLD_MS + 5);
    assert_eq!(session.held_until_ms(), None);
    assert_eq!(session.take_effects(), [send(7, "3probe"), answer(1, "6")]);
}

#[test]
fn a_probe_that_fails_leaves_the_session_as_it_was() {
    for bad in ["5", "4hello", "abc", "2", ""] {
        let mut session = EngineSession::polling(TERMS, 0);
        session.probe_opened(7, 0);
        assert!(session.frame(7, bad, 0).is_err(), "{bad}");
        assert_eq!(session.take_effects(), [Effect::Close(7)]);
        assert!(session.may_upgrade());
        say(&mut session, &["still here"]);
        session.poll(1, 1);
        assert_eq!(session.take_effects(), [answer(1, "4still here")]);
    }
    let slow = Terms { ping_interval_ms: 60_000, ..TERMS };
    let mut session = EngineSession::polling(slow, 0);
    session.probe_opened(7, 0);
    session.advance(UPGRADE_WITHIN_MS);
    assert_eq!(session.take_effects(), [Effect::Close(7)]);
    session.probe_opened(8, UPGRADE_WITHIN_MS);
    session.socket_closed(8);
    assert!(session.may_upgrade());
}

#[test]
fn the_end_of_an_upgraded_socket_is_the_end() {
    let mut session = upgraded();
    session.socket_closed(7);
    assert_eq!(session.take_effects(), [Effect::Over]);
    let mut session = upgraded();
    session.close();
    assert_eq!(session.take_effects(), [Effect::Close(7), Effect::Over]);
}

#[test]
fn who_asks_without_polling_is_let_go() {
    let mut session = EngineSession::polling(TERMS, 0);
    let long = "x".repeat(99);
    for _ in 0..20 {
        say(&mut session, &[&long]);
    }
    assert!(session.is_over() && session.queue_bytes() == 0);
}
