//! What goes on over time: days, steps, the way back, months, quizzes.

use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::core_logic::store::Flags;
use crate::pipelines::app::features::App;
use crate::pipelines::app::javascript::{Js, lower, quote};
use crate::pipelines::app::spec::FieldKind;
use crate::pipelines::app::test_writer::case::{self, Changes};
use crate::pipelines::app::test_writer::{Test, having, world};

/// Days, today and streaks.
pub(in crate::pipelines::app::test_writer) fn days(app: &App, flags: Flags, tests: &mut Vec<Test>) {
    if flags.clock() {
        tests.push(Test::new(
            "today is the day where the person is, with leading zeros",
            vec![
                "equal(today({ now: () => new Date(2026, 0, 5, 23, 59) }), '2026-01-05');".into(),
                "equal(today({ now: () => new Date(2026, 11, 31, 0, 0) }), '2026-12-31');".into(),
                "equal(today({ now: () => new Date(2026, 8, 10, 12) }), '2026-09-10');".into(),
            ],
        ));
    }
    if flags.streak {
        tests.push(Test::new(
            "days are added across months and years",
            vec![
                "equal(addDays('2026-11-20', 1), '2026-11-21');".into(),
                "equal(addDays('2026-03-01', -1), '2026-02-28');".into(),
                "equal(addDays('2024-02-28', 1), '2024-02-29');".into(),
                "equal(addDays('2026-12-31', 1), '2027-01-01');".into(),
                "equal(addDays('2026-01-01', -1), '2025-12-31');".into(),
            ],
        ));
        tests.push(Test::new(
            "a row of days counts back from today or from yesterday",
            vec![
                "equal(streakOf([], '2026-11-20'), 0);".into(),
                "equal(streakOf(['2026-11-20'], '2026-11-20'), 1);".into(),
                "equal(streakOf(['2026-11-19'], '2026-11-20'), 1);".into(),
                "equal(streakOf(['2026-11-18'], '2026-11-20'), 0);".into(),
                "equal(streakOf(['2026-10-31', '2026-11-01', '2026-11-02'], '2026-11-02'), 3);".into(),
            ],
        ));
    }
    for case in having(app, |features| !features.check_ins.is_empty()) {
        let key = &case.features.check_ins[0];
        let changes = vec![(key.clone(), Js::from(vec!["2026-11-18", "2026-11-19"]))];
        let after = vec![(key.clone(), Js::from(vec!["2026-11-17", "2026-11-18", "2026-11-19"]))];
        let error = case::error(key, &messages::kind(case.features.field(key), None));
        let unknown = messages::unknown(&case.features.entity);
        let check = format!("store.checkIn({}, {}, {}", case.key(), case.id(0), quote(key));
        tests.push(Test::new(
            format!("any day of {} can be checked off", lower(&case.features.entity.label_plural)),
            vec![
                format!("const {{ store }} = {};", case.open_changed(std::slice::from_ref(&changes))),
                format!(
                    "deepEqual({check}, '2026-11-17'), {{ ok: true, record: {} }});",
                    case.expected(0, &after)
                ),
                format!(
                    "deepEqual({check}, '2026-11-17'), {{ ok: true, record: {} }});",
                    case.expected(0, &changes)
                ),
                format!("deepEqual({check}, '2026-11-31').errors, [{error}]);"),
                format!(
                    "deepEqual(store.checkIn({}, 'nothing', {}), {});",
                    case.key(),
                    quote(key),
                    case::refused("", &unknown)
                ),
            ],
        ));
    }
    for case in having(app, |features| !features.streaks.is_empty()) {
        let key = quote(&case.features.streaks[0]);
        tests.push(Test::new(
            format!("what is none of the {} has no streak", lower(&case.features.entity.label_plural)),
            vec![
                "const { store } = openStore({});".into(),
                format!("equal(store.streak({}, 'nothing', {key}), 0);", case.key()),
            ],
        ));
    }
}

/// The steps themselves, and those of what has none.
pub(in crate::pipelines::app::test_writer) fn steps(app: &App) -> Option<Test> {
    let case = having(app, |features| !features.transitions.is_empty()).next()?;
    let (key, steps) = case.features.transitions.first()?;
    let FieldKind::Choice { choices } = &case.features.field(key).kind else { return None };
    let mut lines = vec![format!("const {{ store }} = {};", case.open(1))];
    for choice in choices {
        let next: Vec<&str> =
            steps.iter().filter(|step| step.from == choice.value).map(|step| step.to.as_str()).collect();
        lines.push(format!(
            "deepEqual(stepsFrom({}, {}, {}), {});",
            case.key(),
            quote(key),
            quote(&choice.value),
            Js::from(next).inline()
        ));
    }
    lines.push(format!("deepEqual(stepsFrom({}, 'nothing', 'nothing'), []);", case.key()));
    lines.push("deepEqual(stepsFrom('nothing', 'nothing', 'nothing'), []);".into());
    lines.push(format!("deepEqual(store.allowedSteps({}, 'nothing', {}), []);", case.key(), quote(key)));
    if let Some(other) = having(app, |features| features.transitions.is_empty()).next() {
        lines.push(format!("deepEqual(checkSteps({}, {{ a: 1 }}, {{ a: 2 }}), []);", other.key()));
    }
    Some(Test::new("each state leads where it may and nowhere else", lines))
}

/// The way back through many changes.
pub(in crate::pipelines::app::test_writer) fn history(app: &App) -> Vec<Test> {
    let Some(case) = having(app, |features| features.add).next() else { return Vec::new() };
    let (key, list) = (case.key(), case.list());
    let refused = case::refused("", "There is nothing to undo.");
    let nothing_to_redo = case::refused("", "There is nothing to redo.");
    let mut tests = vec![Test::new(
        "a new change after undo cuts off what could be redone",
        vec![
            format!("const {{ store }} = {};", case.open(0)),
            format!("store.add({key}, {});", case.sample(0)),
            "equal(store.canUndo(), true);".into(),
            "store.undo();".into(),
            format!("store.add({key}, {});", case.sample(1)),
            "equal(store.canRedo(), false);".into(),
            format!("deepEqual(store.redo(), {nothing_to_redo});"),
            "store.undo();".into(),
            format!("deepEqual({list}, []);"),
            format!("deepEqual(store.undo(), {refused});"),
            "store.redo();".into(),
            "store.undo();".into(),
            format!("deepEqual({list}, []);"),
        ],
    )];
    tests.push(Test::new(
        "the last hundred changes can be taken back",
        vec![
            "const history = createHistory();".into(),
            "for (let state = 0; state < 101; state += 1) {".into(),
            "  history.leave(state);".into(),
            "}".into(),
            "let state = 101;".into(),
            "let steps = 0;".into(),
            "while (history.canGoBack()) {".into(),
            "  state = history.back(state);".into(),
            "  steps += 1;".into(),
            "}".into(),
            "deepEqual([steps, state], [100, 1]);".into(),
            "equal(history.forth(state), 2);".into(),
        ],
    ));
    tests
}

/// Months of every length.
pub(in crate::pipelines::app::test_writer) fn months(app: &App) -> Option<Test> {
    let case = having(app, |features| !features.calendars.is_empty()).next()?;
    let key = quote(&case.features.calendars[0]);
    Some(Test::new(
        "a month has all its days, from the first to the last",
        vec![
            "const { store } = openStore({});".into(),
            "for (const [month, length] of [['2026-01', 31], ['2026-02', 28], ['2024-02', 29], ['2026-12', 31]]) {".into(),
            format!("  const days = store.calendar({}, {key}, month).map(({{ day }}) => day);", case.key()),
            "  equal(days.length, length);".into(),
            "  equal(days[0], `${month}-01`);".into(),
            "  equal(days[9], `${month}-10`);".into(),
            "  equal(days[length - 1], `${month}-${length}`);".into(),
            "}".into(),
        ],
    ))
}

/// The order of many seeds.
pub(in crate::pipelines::app::test_writer) fn many_quizzes(app: &App) -> Option<Test> {
    let case = having(app, |features| features.quiz.is_some()).next()?;
    let rule = case.features.quiz.as_ref()?;
    let answers: Vec<Js> = (0..5).map(|at| Js::text(format!("Answer {at}"))).collect();
    let changes: Vec<Changes> = answers
        .iter()
        .map(|answer| {
            let mut changes = vec![(rule.answer.clone(), answer.clone())];
            changes.extend(rule.options.iter().map(|key| (key.clone(), Js::List(answers.clone()))));
            changes
        })
        .collect();
    let records = case.records(&changes);
    let rows: Vec<Js> = [0, 1, 2, 3, 4_000_000_000]
        .iter()
        .map(|seed| {
            let cards = world::cards(case.features, rule, &records, *seed);
            let order = cards.iter().map(|(_, answer, _)| answer.clone()).collect();
            let options = cards.first().map_or(Js::Null, |(_, _, options)| options.clone());
            Js::List(vec![Js::Number(f64::from(*seed)), Js::List(order), options])
        })
        .collect();
    Some(Test::new(
        "the seed fixes the order of questions and options",
        vec![
            format!("const {{ store }} = {};", case.open_changed(&changes)),
            format!("const table = {};", Js::List(rows).block(2, 16)),
            "table.forEach(([seed, order, options]) => {".into(),
            format!("  const quiz = store.quiz({}, {{ seed }});", case.key()),
            "  deepEqual(quiz.current().options, options);".into(),
            "  const asked = order.map(() => quiz.answer('no idea').expected);".into(),
            "  deepEqual(asked, order);".into(),
            format!("  deepEqual(quiz.score(), {{ right: 0, wrong: {0}, of: {0} }});", answers.len()),
            "});".into(),
        ],
    ))
}
