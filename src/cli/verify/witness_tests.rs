use super::*;
use crate::cli::client::room::{Heard, read_message};
use crate::domain::position::Epoch;

const EPOCH: &str = "00000001";
const RUN: &str = "0190a000-0000-7000-8000-000000000002";

/// An event of the log: every third is the run's, so that the state moves.
fn text(seq: u64) -> String {
    let tail = format!(
        r#""seq":{seq},"position":"{EPOCH}-{seq}","timestamp":"2023-11-14T22:13:20.120Z","project_id":"0190a000-0000-7000-8000-000000000001""#
    );
    if seq.is_multiple_of(3) {
        return format!(
            r#"{{"type":"status_update","status":"running","progress":{seq}.25,"message":"at {seq}","eta":null,{tail},"run_id":"{RUN}"}}"#
        );
    }
    let n = seq - seq / 3;
    format!(r#"{{"type":"event","name":"verify","data":{{"n":{n}}},{tail}}}"#)
}

fn event(seq: u64) -> Delivery {
    match read_message(&text(seq)).unwrap() {
        Heard::Event(delivery) => *delivery,
        other => panic!("{other:?}"),
    }
}

fn fold(to: u64) -> RoomState {
    let mut state = RoomState::default();
    for delivery in (1..=to).map(event) {
        state.apply(delivery.run_id, delivery.at, &delivery.body);
    }
    state
}

fn at(seq: u64) -> Position {
    Position { epoch: Epoch(1), seq }
}

fn fresh(seq: u64) -> Opening {
    Opening { position: at(seq), resumed: false, gap: None, state: Some(fold(seq)) }
}

fn resumed(seq: u64) -> Opening {
    Opening { position: at(seq), resumed: true, gap: None, state: None }
}

/// The truth about a log of `head` events of which the first `gone` are not kept.
fn truth(head: u64, gone: u64) -> Truth {
    let texts: Vec<String> = (gone + 1..=head).map(text).collect();
    let truth = Truth::of(at(head), &fold(head), &texts, head - head / 3);
    assert_eq!(truth.complaints, Vec::<String>::new());
    truth
}

fn witness(openings_and_events: &[&dyn Fn(&mut Witness)]) -> Witness {
    let mut witness = Witness::default();
    openings_and_events.iter().for_each(|step| step(&mut witness));
    witness
}

fn hear(seqs: impl IntoIterator<Item = u64> + Clone) -> impl Fn(&mut Witness) {
    move |witness| seqs.clone().into_iter().for_each(|seq| witness.heard(&event(seq)))
}

fn open(opening: Opening) -> impl Fn(&mut Witness) {
    move |witness| witness.opened(opening.clone())
}

#[test]
fn a_client_that_heard_everything_is_content() {
    let heard = witness(&[&open(fresh(0)), &hear(1..=7), &open(resumed(7)), &hear(8..=12)]);
    let findings = heard.findings(&truth(12, 0));
    assert!(findings.good(), "{findings:?}");
    assert_eq!((findings.delivered, findings.gaps_said), (12, 0));
    // One that came later begins at the state.
    let late = witness(&[&open(fresh(5)), &hear(6..=12)]).findings(&truth(12, 0));
    assert!(late.good() && late.delivered == 7, "{late:?}");
}

#[test]
fn a_doubled_event_is_seen() {
    for doubled in
        [witness(&[&open(fresh(0)), &hear([1, 2, 3, 3, 4])]), witness(&[&open(fresh(3)), &hear([3, 4])])]
    {
        let findings = doubled.findings(&truth(4, 0));
        assert_eq!((findings.doubled, findings.out_of_order, findings.missing), (1, 0, 0));
        assert!(!findings.good());
    }
}

#[test]
fn a_missing_event_is_seen() {
    let hole = witness(&[&open(fresh(0)), &hear([1, 2, 3, 5])]).findings(&truth(5, 0));
    assert_eq!((hole.missing, hole.doubled, hole.state_equal, hole.seq_equal), (1, 0, true, true));
    assert!(!hole.good(), "a hole is one also where the state comes out the same");
    let state = witness(&[&open(fresh(0)), &hear([1, 2, 4])]).findings(&truth(4, 0));
    assert!(!state.good() && !state.state_equal, "{state:?}");
    let end = witness(&[&open(fresh(0)), &hear(1..=3)]).findings(&truth(5, 0));
    assert_eq!((end.missing, end.seq_equal), (2, false));
    let nothing = witness(&[]).findings(&truth(5, 0));
    assert_eq!(nothing.missing, 5);
}

#[test]
fn a_reordered_event_is_seen() {
    let findings = witness(&[&open(fresh(0)), &hear([1, 3, 2, 4])]).findings(&truth(4, 0));
    assert_eq!((findings.out_of_order, findings.missing, findings.doubled), (1, 0, 0));
    assert!(!findings.good());
}

#[test]
fn a_wrong_state_is_seen() {
    let mut wrong = fold(3);
    wrong.progress += 0.5;
    let opening = Opening { state: Some(wrong), ..fresh(3) };
    let findings = witness(&[&open(opening), &hear(4..=5)]).findings(&truth(5, 0));
    assert_eq!((findings.missing, findings.state_equal, findings.good()), (0, false, false));
}

#[test]
fn an_altered_event_is_seen() {
    let mut altered = Witness::default();
    altered.opened(fresh(0));
    altered.heard(&Delivery { text: text(1).replace("\"n\":1", "\"n\":7"), ..event(1) });
    altered.heard(&event(2));
    let findings = altered.findings(&truth(2, 0));
    assert_eq!((findings.altered, findings.good()), (1, false), "{findings:?}");
}

#[test]
fn a_resume_elsewhere_is_seen() {
    for wrong in [
        resumed(4),
        resumed(2),
        Opening { position: Position { epoch: Epoch(2), seq: 3 }, ..resumed(3) },
        Opening { state: Some(fold(3)), ..resumed(3) },
        Opening { gap: Some((4, 4)), ..resumed(3) },
        Opening { position: Position { epoch: Epoch(2), seq: 3 }, gap: Some((1, 3)), ..fresh(3) },
        Opening { gap: Some((1, 2)), ..fresh(2) },
        Opening { state: None, ..fresh(3) },
    ] {
        let findings = witness(&[&open(fresh(0)), &hear(1..=3), &open(wrong.clone())]).findings(&truth(3, 0));
        assert!(findings.violations > 0 && !findings.good(), "{wrong:?}");
    }
}

#[test]
fn a_gap_has_to_be_said_and_to_be_true() {
    let with_gap = |gap| Opening { gap, ..fresh(8) };
    let after = |opening| witness(&[&open(fresh(0)), &hear(1..=3), &open(opening), &hear(9..=10)]);
    let said = after(with_gap(Some((4, 6)))).findings(&truth(10, 6));
    assert!(said.good() && said.gaps_said == 1, "{said:?}");
    let untrue = after(with_gap(Some((4, 6)))).findings(&truth(10, 0));
    assert_eq!((untrue.missing, untrue.good()), (5, false), "the log still has what was said to be gone");
    let unsaid = after(with_gap(None)).findings(&truth(10, 6));
    assert!(unsaid.violations == 1 && !unsaid.good(), "{unsaid:?}");
    let wrong = after(with_gap(Some((5, 6)))).findings(&truth(10, 6));
    assert!(wrong.violations == 1 && !wrong.good(), "{wrong:?}");
}

#[test]
fn events_without_an_opening_or_of_another_log_are_seen() {
    assert_eq!(witness(&[&hear([1])]).findings(&truth(1, 0)).violations, 1);
    let mut foreign = event(1);
    foreign.position.epoch = Epoch(2);
    let mut witness = Witness::default();
    witness.opened(fresh(0));
    witness.heard(&foreign);
    assert_eq!(witness.findings(&truth(1, 0)).violations, 1);
}

#[test]
fn the_log_itself_is_checked() {
    let texts = |seqs: &[u64]| seqs.iter().map(|seq| text(*seq)).collect::<Vec<_>>();
    let complaints =
        |seqs: &[u64], acknowledged| Truth::of(at(5), &fold(5), &texts(seqs), acknowledged).complaints;
    assert_eq!(complaints(&[1, 2, 3, 4, 5], 4), Vec::<String>::new());
    assert!(!complaints(&[1, 2, 4, 5], 4).is_empty(), "a hole");
    assert!(!complaints(&[1, 2, 3, 4], 4).is_empty(), "it ends too soon");
    assert!(!complaints(&[1, 2, 3, 4, 5], 5).is_empty(), "one of ours was taken and is not there");
    assert!(!complaints(&[1, 2, 3, 4, 5], 3).is_empty(), "one of ours is there twice");
    let mut doubled = texts(&[1, 2, 3, 4, 5]);
    doubled[4] = doubled[4].replace("\"n\":4", "\"n\":3");
    assert!(!Truth::of(at(5), &fold(5), &doubled, 4).complaints.is_empty(), "ours in another order");
    assert!(
        !Truth::of(at(3), &fold(2), &texts(&[1, 2, 3]), 2).complaints.is_empty(),
        "a state that is not the fold"
    );
}
