//! Criteria about what happens to records in the course of time.

use super::{open, open_saved};
use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::QuizRule;
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::{Js, member, quote};
use crate::pipelines::app::samples::{SAMPLES, TODAY};
use crate::pipelines::app::spec::{Field, FieldKind, FieldValue, Step};
use crate::pipelines::app::test_writer::case::{Case, Changes, marked, near_today, other_value, refused};
use crate::pipelines::app::test_writer::world;

/// A state from which the field may become the value.
pub(in crate::pipelines::app::test_writer) fn before(case: Case<'_>, field: &Field, value: &Js) -> Js {
    let steps = case.features.transitions.iter().find(|(key, _)| *key == field.key).map(|(_, steps)| steps);
    match steps {
        Some(steps) => {
            let step = steps.iter().find(|step| step.to == value.as_text());
            step.map_or_else(|| value.clone(), |step| Js::text(&step.from))
        }
        None => other_value(case.features, field, value),
    }
}

/// Setting a field with one action.
pub(in crate::pipelines::app::test_writer) fn mark(
    case: Case<'_>,
    key: &str,
    value: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let after = marked(field, value);
    let (quoted, literal) = (quote(key), after.inline());
    if check == Check::MarkUnknown {
        let unknown = refused("", &messages::unknown(&case.features.entity));
        return vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.mark({}, 'nothing', {quoted}, {literal}), {unknown});", case.key()),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ];
    }
    moved(case, key, &before(case, field, &after), &after)
}

/// The test that a move sets the field and nothing else.
pub(in crate::pipelines::app::test_writer) fn moved(
    case: Case<'_>,
    key: &str,
    from: &Js,
    to: &Js,
) -> Vec<String> {
    let changes = vec![(key.to_owned(), to.clone())];
    vec![
        open_saved(&case.open_changed(&[vec![(key.to_owned(), from.clone())]])),
        format!("const marked = {};", case.expected(0, &changes)),
        format!(
            "deepEqual(store.mark({}, {}, {}, {}), {{ ok: true, record: marked }});",
            case.key(),
            case.id(0),
            quote(key),
            to.inline()
        ),
        format!("deepEqual({}, [marked]);", case.list()),
        "equal(saved.length, 1);".into(),
    ]
}

/// Steps of a state.
pub(in crate::pipelines::app::test_writer) fn transition(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let steps: &[Step] =
        case.features.transitions.iter().find(|(known, _)| known == key).map_or(&[], |(_, steps)| steps);
    let FieldKind::Choice { choices } = &field.kind else { return Vec::new() };
    let quoted = quote(key);
    let one = |value: &str| {
        case.open_with(&format!("[{{ {}: {value} }}]", crate::pipelines::app::javascript::property(key)))
    };
    match check {
        Check::TransitionAllows => {
            let pairs: Vec<Js> =
                steps.iter().map(|step| Js::List(vec![Js::text(&step.from), Js::text(&step.to)])).collect();
            vec![
                format!("for (const [from, to] of {}) {{", Js::List(pairs).block(2, 28)),
                format!("  {}", open(&one("from"))),
                format!(
                    "  equal(store.allowedSteps({}, {}, {quoted}).includes(to), true);",
                    case.key(),
                    case.id(0)
                ),
                format!("  equal(store.mark({}, {}, {quoted}, to).ok, true);", case.key(), case.id(0)),
                format!(
                    "  equal({}, to);",
                    member(&format!("store.get({}, {})", case.key(), case.id(0)), key)
                ),
                "}".into(),
            ]
        }
        Check::TransitionRefuses => {
            let mut rows = Vec::new();
            for from in choices {
                for to in choices {
                    let is_step = steps.iter().any(|step| step.from == from.value && step.to == to.value);
                    if from.value != to.value && !is_step {
                        let message = messages::misstep(field, &from.value, &to.value);
                        rows.push(Js::List(vec![
                            Js::text(&from.value),
                            Js::text(&to.value),
                            Js::Text(message),
                        ]));
                    }
                }
            }
            if rows.is_empty() {
                return vec![open(&case.open(1)), format!("equal({}.length, 1);", case.list())];
            }
            vec![
                format!("for (const [from, to, message] of {}) {{", Js::List(rows).block(2, 40)),
                format!("  {}", open_saved(&one("from"))),
                format!("  const before = {};", case.list()),
                format!("  const refusal = {{ ok: false, errors: [{{ field: {quoted}, message }}] }};"),
                format!("  deepEqual(store.mark({}, {}, {quoted}, to), refusal);", case.key(), case.id(0)),
                format!("  deepEqual({}, before);", case.list()),
                "  equal(saved.length, 0);".into(),
                "}".into(),
            ]
        }
        _ => {
            let start = world::blank_of(case.features).get(key).cloned().unwrap_or(Js::Null);
            if !case.features.add {
                return vec![format!(
                    "equal({}, {});",
                    member(&format!("blank{}()", case.features.pascal()), key),
                    start.inline()
                )];
            }
            vec![
                open(&case.open(0)),
                format!("const {{ {key}: left, ...input }} = {};", case.sample(0)),
                format!("const {{ record }} = store.add({}, input);", case.key()),
                format!("equal({}, {});", member("record", key), start.inline()),
            ]
        }
    }
}

/// What is overdue.
pub(in crate::pipelines::app::test_writer) fn due(
    case: Case<'_>,
    key: &str,
    done: Option<&FieldValue>,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    // Other dates of the record must not make it overdue.
    let mut base: Changes = case
        .features
        .due
        .iter()
        .filter(|(other, _)| other != key)
        .map(|(other, _)| (other.clone(), near_today(case.features.field(other), 1)))
        .collect();
    if let Some(done) = done {
        let state = case.features.field(&done.field);
        let finished = marked(state, &done.value);
        let value =
            if check == Check::DueFinished { finished } else { other_value(case.features, state, &finished) };
        base.retain(|(name, _)| *name != done.field);
        base.push((done.field.clone(), value));
    }
    let with = |value: Js| {
        let mut changes = vec![(key.to_owned(), value)];
        changes.extend(base.clone());
        changes
    };
    let (values, expected) = match check {
        Check::DuePast => (vec![near_today(field, -1), near_today(field, -30)], true),
        Check::DueNotYet => {
            let mut values = vec![near_today(field, 0), near_today(field, 1)];
            if !field.required {
                values.push(Js::text(""));
            }
            (values, false)
        }
        _ => (vec![near_today(field, -1)], false),
    };
    let changes: Vec<Changes> = values.into_iter().map(with).collect();
    let answers = vec![expected; changes.len()];
    vec![
        open(&case.open_changed(&changes)),
        format!("const overdue = {}.map((record) => store.isOverdue({}, record));", case.list(), case.key()),
        format!("deepEqual(overdue, {});", Js::from(answers).inline()),
    ]
}

/// Checking days off.
pub(in crate::pipelines::app::test_writer) fn check_in(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let (id, quoted) = (case.id(0), quote(key));
    let before = if check == Check::CheckInAdds { vec!["2026-11-18"] } else { vec!["2026-11-18", TODAY] };
    let after = if check == Check::CheckInAdds { vec!["2026-11-18", TODAY] } else { vec!["2026-11-18"] };
    let days = |days: Vec<&str>| vec![(key.to_owned(), Js::from(days))];
    vec![
        open_saved(&case.open_changed(&[days(before)])),
        format!("const result = store.checkIn({}, {id}, {quoted});", case.key()),
        format!("deepEqual(result, {{ ok: true, record: {} }});", case.expected(0, &days(after))),
        "equal(saved.length, 1);".into(),
    ]
}

/// Days in a row.
pub(in crate::pipelines::app::test_writer) fn streak(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let rows: Vec<(Vec<&str>, f64)> = match check {
        Check::StreakCounts => vec![(vec!["2026-11-18", "2026-11-19", TODAY], 3.0)],
        Check::StreakYesterday => vec![(vec!["2026-11-18", "2026-11-19"], 2.0)],
        _ => vec![(vec!["2026-11-17", "2026-11-18"], 0.0), (vec!["2026-11-17", "2026-11-19", TODAY], 2.0)],
    };
    let changes: Vec<Changes> =
        rows.iter().map(|(days, _)| vec![(key.to_owned(), Js::from(days.clone()))]).collect();
    let mut lines = vec![open(&case.open_changed(&changes))];
    for (at, (_, expected)) in rows.iter().enumerate() {
        lines.push(format!(
            "equal(store.streak({}, {}, {}), {expected});",
            case.key(),
            case.id(at),
            quote(key)
        ));
    }
    lines
}

/// Asking and scoring.
pub(in crate::pipelines::app::test_writer) fn quiz(
    case: Case<'_>,
    rule: &QuizRule,
    check: Check,
) -> Vec<String> {
    let records = case.records(&vec![Vec::new(); SAMPLES]);
    let cards = world::cards(case.features, rule, &records, 7);
    let mut lines =
        vec![open(&case.open(SAMPLES)), format!("const quiz = store.quiz({}, {{ seed: 7 }});", case.key())];
    match check {
        Check::QuizAsksAll => {
            lines.push(format!("equal(quiz.length, {SAMPLES});"));
            for (question, answer, options) in &cards {
                let card = Js::object([("question", question.clone()), ("options", options.clone())]);
                lines.push(format!("deepEqual(quiz.current(), {});", card.block(2, 26)));
                lines.push(format!("quiz.answer({});", answer.inline()));
            }
            lines.push("equal(quiz.current(), null);".into());
            lines.push("equal(quiz.answer('one more'), null);".into());
        }
        Check::QuizRight => {
            let loud = Js::Text(format!("  {} ", world::shown(&cards[0].1).to_uppercase()));
            let answer = Js::object([("correct", Js::Bool(true)), ("expected", cards[0].1.clone())]);
            lines.push(format!("deepEqual(quiz.answer({}), {});", loud.inline(), answer.inline()));
            lines.push(format!("deepEqual(quiz.score(), {{ right: 1, wrong: 0, of: {SAMPLES} }});"));
        }
        Check::QuizWrong => {
            let answer = Js::object([("correct", Js::Bool(false)), ("expected", cards[0].1.clone())]);
            lines.push(format!("deepEqual(quiz.answer('no idea'), {});", answer.inline()));
            lines.push(format!("deepEqual(quiz.score(), {{ right: 0, wrong: 1, of: {SAMPLES} }});"));
        }
        _ => {
            for (_, answer, _) in &cards {
                lines.push(format!("equal(quiz.current().options.includes({}), true);", answer.inline()));
                lines.push(format!("quiz.answer({});", answer.inline()));
            }
        }
    }
    lines
}
