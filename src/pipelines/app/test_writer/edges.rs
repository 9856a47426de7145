//! Tests of what no criterion says in so many words: empty values, both directions, the ends of lists, the life of a store.

use super::case::{Case, Changes, on_day};
use super::criteria::{plain_field, unordered};
use super::world;
use super::{Test, having};
use crate::pipelines::app::core_logic::entity::blank;
use crate::pipelines::app::core_logic::store::Flags;
use crate::pipelines::app::core_logic::views::filter_fields;
use crate::pipelines::app::features::{App, grouping_key, is_derived, is_number};
use crate::pipelines::app::javascript::{Js, lower, member, quote};
use crate::pipelines::app::samples::{SAMPLES, sample};
use crate::pipelines::app::spec::{Field, FieldKind, Operand, TransferFormat};

/// Every such test the app needs.
pub(super) fn tests(app: &App) -> Vec<Test> {
    let flags = Flags::of(app);
    let mut tests = life(app, flags);
    for case in having(app, |features| !features.sorts.is_empty()) {
        for (key, _) in &case.features.sorts {
            tests.push(sorting(case, case.features.field(key)));
        }
    }
    for case in having(app, |features| filter_fields(features).len() > 1) {
        tests.push(filtering(case));
    }
    for case in having(app, |features| !features.search.is_empty()) {
        tests.push(searching_nothing(case));
    }
    figures(app, &mut tests);
    for case in having(app, |features| !features.alerts.is_empty()) {
        alerts(case, &mut tests);
    }
    if flags.due {
        tests.extend(today_of_the_machine(app));
        let others = having(app, |features| features.due.is_empty()).next();
        if let Some(case) = others {
            let record = case.expected(0, &[]);
            let lines = vec![
                "const { store } = openStore({});".into(),
                format!("equal(store.isOverdue({}, {record}), false);", case.key()),
            ];
            tests.push(Test::new(
                format!("{} are never overdue", lower(&case.features.entity.label_plural)),
                lines,
            ));
        }
    }
    days(app, flags, &mut tests);
    if flags.transitions {
        tests.extend(steps(app));
    }
    if flags.imports {
        files(app, &mut tests);
    }
    if flags.exports {
        tests.extend(foreign_formats(app, "exportData", "written as"));
    }
    if flags.undo {
        tests.extend(history(app));
    }
    if flags.calendar {
        tests.extend(months(app));
    }
    if flags.quiz {
        tests.extend(many_quizzes(app));
    }
    tests
}

/// What is true of any store.
fn life(app: &App, flags: Flags) -> Vec<Test> {
    let mut tests = vec![
        Test::new(
            "memory keeps what was saved last",
            vec![
                "const storage = createMemoryStorage();".into(),
                "equal(storage.load(), null);".into(),
                "storage.save({ version: 1 });".into(),
                "deepEqual(storage.load(), { version: 1 });".into(),
            ],
        ),
        Test::new(
            "the browser keeps what was saved, and memory does where the browser does not",
            vec![
                "const stored = new Map();".into(),
                "const localStorage = {".into(),
                "  getItem: (key) => stored.get(key) ?? null,".into(),
                "  setItem: (key, text) => {".into(),
                "    if (text.length > 20) {".into(),
                "      throw new Error('full');".into(),
                "    }".into(),
                "    stored.set(key, text);".into(),
                "  },".into(),
                "};".into(),
                "Object.defineProperty(globalThis, 'localStorage', { value: localStorage, configurable: true });".into(),
                "equal(createLocalStorage('app').load(), null);".into(),
                "const storage = createLocalStorage('app');".into(),
                "storage.save({ version: 1 });".into(),
                "deepEqual(createLocalStorage('app').load(), { version: 1 });".into(),
                "equal(createLocalStorage('other').load(), null);".into(),
                "storage.save({ version: 1, text: 'much too long' });".into(),
                "deepEqual(storage.load(), { version: 1, text: 'much too long' });".into(),
                "delete globalThis.localStorage;".into(),
                "const alone = createLocalStorage('app');".into(),
                "equal(alone.load(), null);".into(),
                "alone.save({ version: 1 });".into(),
                "deepEqual(alone.load(), { version: 1 });".into(),
            ],
        ),
        Test::new(
            "an empty storage starts with the seed records",
            app.entities
                .iter()
                .flat_map(|features| {
                    let case = Case { app, features };
                    [format!(
                        "deepEqual(ids(reopen(createMemoryStorage()).list({})), ids({}));",
                        case.key(),
                        member("seed", &features.entity.collection)
                    )]
                })
                .collect(),
        ),
        Test::new(
            "a kind of record that does not exist is named",
            vec![
                "const { store } = openStore({});".into(),
                "throws(() => store.list('nothing'), /There is no kind of record called nothing\\./);".into(),
            ],
        ),
    ];
    for features in &app.entities {
        let case = Case { app, features };
        let many = lower(&features.entity.label_plural);
        let old = Js::object([("id", Js::text("old"))]);
        let stored = Js::object([
            ("version", Js::Number(1.0)),
            (features.entity.collection.as_str(), vec![old].into()),
        ]);
        let filled = match blank(features) {
            Js::Object(entries) => {
                std::iter::once(("id".to_owned(), Js::text("old"))).chain(entries).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        let mut record = Js::Object(filled);
        for field in features.derived() {
            record = record.with(&field.key, world::value(features, field, &record));
        }
        tests.push(Test::new(
            format!("{many} of an older version get what they lack"),
            vec![
                format!("const store = reopen(createMemoryStorage({}));", stored.inline()),
                format!("deepEqual({}, [{}]);", case.list(), record.block(2, 30)),
                format!("deepEqual(reopen(createMemoryStorage({{}})).list({}), []);", case.key()),
            ],
        ));
        if let Some(field) = plain_field(case) {
            tests.push(Test::new(
                format!("{many} that are handed out are copies"),
                vec![
                    format!("const {{ store }} = {};", case.open(1)),
                    format!("{} = null;", member(&format!("{}[0]", case.list()), &field.key)),
                    format!(
                        "{} = null;",
                        member(&format!("store.get({}, {})", case.key(), case.id(0)), &field.key)
                    ),
                    format!(
                        "deepEqual(store.get({}, {}), {});",
                        case.key(),
                        case.id(0),
                        case.expected(0, &[])
                    ),
                    format!("equal(store.get({}, 'nothing'), null);", case.key()),
                ],
            ));
        }
        if features.edit
            && features.stored().any(|field| super::case::faulty(app, field).is_some())
            && let Some((key, value, message)) = super::criteria::fault(case)
        {
            tests.push(Test::new(
                format!("{many} stay as they are when a change breaks a rule"),
                vec![
                    format!("const {{ store, saved }} = {};", case.open(2)),
                    format!(
                        "const result = store.update({}, {}, {{ {} }});",
                        case.key(),
                        case.id(0),
                        super::case::entries(&[(key.clone(), value)])
                    ),
                    format!("deepEqual(result, {});", super::case::refused(&key, &message)),
                    format!("deepEqual({}, {});", case.list(), case.expected_list(2)),
                    "equal(saved.length, 0);".into(),
                ],
            ));
        }
    }
    tests.extend(listeners(app, flags));
    tests
}

/// Who listens hears of every change that happens, and of none that does not.
fn listeners(app: &App, flags: Flags) -> Option<Test> {
    let case = having(app, |features| features.add).next().filter(|_| flags.add)?;
    let key = case.key();
    Some(Test::new(
        "a listener hears of every change until it leaves",
        vec![
            format!("const {{ store, saved, storage }} = {};", case.open(0)),
            "let heard = 0;".into(),
            "const leave = store.subscribe(() => {".into(),
            "  heard += 1;".into(),
            "});".into(),
            format!("store.add({key}, {});", case.sample(0)),
            "equal(heard, 1);".into(),
            format!("store.get({key}, 'new-1');"),
            "equal(heard, 1);".into(),
            "leave();".into(),
            format!("store.add({key}, {});", case.sample(1)),
            "equal(heard, 1);".into(),
            "equal(saved.length, 2);".into(),
            "equal(saved[1].version, 1);".into(),
            format!(
                "deepEqual(ids({}), ['new-1', 'new-2']);",
                member("saved[1]", &case.features.entity.collection)
            ),
            "deepEqual(storage.load(), saved[1]);".into(),
        ],
    ))
}

/// Both directions, with an empty value where there can be one.
fn sorting(case: Case<'_>, field: &Field) -> Test {
    let mut changes = unordered(case, field);
    if !field.required
        && !is_derived(field)
        && !matches!(field.kind, FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates)
    {
        let empty = if is_number(field) { Js::Null } else { Js::text("") };
        changes.insert(0, vec![(field.key.clone(), empty)]);
    }
    // The same value again, so that equal ones are seen to keep their order.
    let again = changes.last().cloned().unwrap_or_default();
    changes.insert(0, again);
    let records = case.records(&changes);
    let mut lines = vec![
        format!("const {{ store }} = {};", case.open_changed(&changes)),
        format!(
            "const sorted = (descending) => ids(store.list({}, {{ sort: {}, descending }}));",
            case.key(),
            quote(&field.key)
        ),
    ];
    for descending in [false, true] {
        let ids = world::sorted(case.app, case.features, field, &records, descending);
        lines.push(format!("deepEqual(sorted({descending}), {});", Js::from(ids).inline()));
    }
    lines.push(format!(
        "deepEqual(ids({}), {});",
        case.list(),
        Js::from(records.iter().map(world::id).collect::<Vec<_>>()).inline()
    ));
    let many = lower(&case.features.entity.label_plural);
    Test::new(format!("{many} by {} go both ways, the empty last", lower(&field.label)), lines)
}

/// Two wishes at once.
fn filtering(case: Case<'_>) -> Test {
    let fields: Vec<&Field> =
        filter_fields(case.features).iter().take(2).map(|key| case.features.field(key)).collect();
    let values: Vec<(Js, Js)> =
        fields.iter().map(|field| super::case::two_values(case.features, field)).collect();
    let change = |first: bool, second: bool| -> Changes {
        let pick = |pair: &(Js, Js), one: bool| if one { pair.0.clone() } else { pair.1.clone() };
        vec![
            (fields[0].key.clone(), pick(&values[0], first)),
            (fields[1].key.clone(), pick(&values[1], second)),
        ]
    };
    let changes = vec![change(true, true), change(true, false), change(false, true)];
    let wish = |value: &Js| match value {
        Js::List(items) => items.first().cloned().unwrap_or(Js::Null),
        other => other.clone(),
    };
    let filters = Js::object([
        (fields[0].key.as_str(), wish(&values[0].0)),
        (fields[1].key.as_str(), wish(&values[1].0)),
    ]);
    Test::new(
        format!("{} are filtered by several fields at once", lower(&case.features.entity.label_plural)),
        vec![
            format!("const {{ store }} = {};", case.open_changed(&changes)),
            format!(
                "deepEqual(ids(store.list({}, {{ filters: {} }})), [{}]);",
                case.key(),
                filters.inline(),
                case.id(0)
            ),
        ],
    )
}

/// Empty fields hold no text to be found.
fn searching_nothing(case: Case<'_>) -> Test {
    let empty: Changes = case
        .features
        .search
        .iter()
        .map(|key| case.features.field(key))
        .filter(|field| !is_derived(field))
        .map(|field| {
            let value = match field.kind {
                _ if is_number(field) => Js::Null,
                FieldKind::Tags | FieldKind::Dates => Js::List(Vec::new()),
                _ => Js::text(""),
            };
            (field.key.clone(), value)
        })
        .collect();
    Test::new(
        format!("{} without texts are not found", lower(&case.features.entity.label_plural)),
        vec![
            format!("const {{ store }} = {};", case.open_changed(&[empty])),
            format!("deepEqual(store.list({}, {{ search: 'null' }}), []);", case.key()),
            format!("deepEqual(store.list({}, {{ search: 'undefined' }}), []);", case.key()),
        ],
    )
}

/// Figures over records without a value.
fn figures(app: &App, tests: &mut Vec<Test>) {
    for case in having(app, |features| !features.totals.is_empty() || !features.counts.is_empty()) {
        let features = case.features;
        let many = lower(&features.entity.label_plural);
        for per in features.counts.iter().flatten() {
            let field = features.field(grouping_key(per));
            if field.required || matches!(field.kind, FieldKind::Boolean) {
                continue;
            }
            let changes = vec![vec![(field.key.clone(), Js::text(""))], Vec::new()];
            let expected = world::count(app, features, Some(per), &case.records(&changes));
            let call = format!("store.count({}, {})", case.key(), world::grouping_literal(per));
            tests.push(Test::new(
                format!("{many} without a {} are a group of their own", lower(&field.label)),
                vec![
                    format!("const {{ store }} = {};", case.open_changed(&changes)),
                    format!("deepEqual({call}, {});", expected.block(2, 20 + call.len())),
                ],
            ));
        }
        for total in &features.totals {
            let field = features.field(&total.field);
            let mut changes: Vec<Changes> = vec![Vec::new(); SAMPLES];
            // Numbers whose sum is not exact, so that rounding shows, and one record without any.
            for (at, value) in [0.1, 0.2].into_iter().enumerate() {
                changes[at] = world::set_number(features, field, value);
            }
            if !field.required && !is_derived(field) {
                changes[2] = vec![(field.key.clone(), Js::Null)];
            }
            let expected = world::total(app, features, total, &case.records(&changes));
            let aggregate = serde_json::to_value(total.aggregate).unwrap_or_default();
            let aggregate = aggregate.as_str().unwrap_or_default();
            let grouping = total
                .per
                .as_ref()
                .map_or_else(String::new, |per| format!(", {}", world::grouping_literal(per)));
            let name = total.per.as_ref().map_or_else(String::new, |per| {
                format!(" by {}", lower(&features.field(grouping_key(per)).label))
            });
            let call = format!(
                "store.total({}, {}, {}{grouping})",
                case.key(),
                quote(&total.field),
                quote(aggregate)
            );
            tests.push(Test::new(
                format!(
                    "the {aggregate} of {}{name} is exact and leaves out what is empty",
                    lower(&field.label)
                ),
                vec![
                    format!("const {{ store }} = {};", case.open_changed(&changes)),
                    format!("deepEqual({call}, {});", expected.block(2, 20 + call.len())),
                ],
            ));
        }
    }
}

/// Alerts of records with empty numbers, and of kinds that have none.
fn alerts(case: Case<'_>, tests: &mut Vec<Test>) {
    let features = case.features;
    for alert in &features.alerts {
        let mut fields = vec![features.field(&alert.field)];
        if let Operand::Field { field } = &alert.than {
            fields.push(features.field(field));
        }
        for field in fields.iter().filter(|field| !field.required && !is_derived(field)) {
            // The other side is chosen so that a nothing that counted as 0 would be pointed out.
            for other in [-5.0, 5.0] {
                let mut changes: Changes = fields
                    .iter()
                    .filter(|each| each.key != field.key)
                    .flat_map(|each| world::set_number(features, each, other))
                    .collect();
                changes.push((field.key.clone(), Js::Null));
                tests.push(Test::new(
                    format!(
                        "{} without a {} are not compared with it ({} at {other})",
                        lower(&features.entity.label_plural),
                        lower(&field.label),
                        lower(&features.field(&alert.field).label)
                    ),
                    super::figures::answer(case, &changes),
                ));
            }
        }
    }
    if let Some(other) = having(case.app, |features| features.alerts.is_empty()).next() {
        tests.push(Test::new(
            format!("{} have no alerts", lower(&other.features.entity.label_plural)),
            vec![
                format!("const {{ store }} = {};", other.open(1)),
                format!("deepEqual(store.alerts({}), []);", other.key()),
            ],
        ));
    }
}

/// Without a clock of its own the store takes that of the machine.
fn today_of_the_machine(app: &App) -> Option<Test> {
    let case = having(app, |features| !features.due.is_empty()).next()?;
    let (key, done) = case.features.due.first()?;
    let mut open: Changes = Vec::new();
    if let Some(done) = done {
        let field = case.features.field(&done.field);
        let finished = super::case::marked(field, &done.value);
        open.push((done.field.clone(), super::case::other_value(case.features, field, &finished)));
    }
    let at = |day: &str| {
        let mut changes = vec![(key.clone(), on_day(case.features.field(key), day))];
        changes.extend(open.clone());
        case.expected(0, &changes)
    };
    Some(Test::new(
        "without a clock the day of the machine counts",
        vec![
            "const store = createStore({ storage: createMemoryStorage({}) });".into(),
            format!("equal(store.isOverdue({}, {}), true);", case.key(), at("1999-12-31")),
            format!("equal(store.isOverdue({}, {}), false);", case.key(), at("9999-12-31")),
        ],
    ))
}

fn days(app: &App, flags: Flags, tests: &mut Vec<Test>) {
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
        let error = super::case::error(
            key,
            &crate::pipelines::app::core_logic::rules::messages::kind(case.features.field(key), None),
        );
        let unknown = crate::pipelines::app::core_logic::rules::messages::unknown(&case.features.entity);
        let check = format!("store.checkIn({}, {}, {}", case.key(), case.id(0), quote(key));
        tests.push(Test::new(
            format!("any day of {} can be checked off", lower(&case.features.entity.label_plural)),
            vec![
                format!("const {{ store }} = {};", case.open_changed(&[changes.clone()])),
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
                    super::case::refused("", &unknown)
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
fn steps(app: &App) -> Option<Test> {
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

/// Files that are broken or unusual.
fn files(app: &App, tests: &mut Vec<Test>) {
    let reads =
        |format: TransferFormat| having(app, move |features| features.imports.contains(&format)).next();
    if let Some(case) = reads(TransferFormat::Csv) {
        csv(case, tests);
    }
    if let Some(case) = reads(TransferFormat::Json) {
        let import = |text: &str| format!("store.importData({}, 'json', {text})", case.key());
        let fault = |line: u32, message: &str| {
            format!(
                "{{ ok: false, imported: 0, errors: [{{ line: {line}, field: '', message: {} }}] }}",
                quote(message)
            )
        };
        tests.push(Test::new(
            "a file that is no list of records is refused",
            vec![
                "const { store } = openStore({});".into(),
                format!("deepEqual({}, {});", import("'{ broken'"), fault(1, "This is not a JSON file.")),
                format!(
                    "deepEqual({}, {});",
                    import("'{}'"),
                    fault(1, "The file must hold a list of records.")
                ),
                format!("deepEqual({}, {});", import("'[5]'"), fault(1, "This is not a record.")),
                format!("deepEqual({}, {{ ok: true, imported: 0, errors: [] }});", import("'[]'")),
            ],
        ));
    }
    if reads(TransferFormat::Csv).is_some() != reads(TransferFormat::Json).is_some() {
        tests.extend(foreign_formats(app, "importData", "read from"));
    }
    let limited = having(app, |features| features.limit.is_some() && !features.imports.is_empty()).next();
    if let Some(case) = limited
        && let (Some(max), Some(format)) = (case.features.limit, case.features.imports.first())
    {
        let name = super::criteria::format_name(*format);
        let records = case.records(&[Vec::new()]);
        let text = match format {
            TransferFormat::Csv => quote(&world::csv(case.app, case.features, &records)),
            TransferFormat::Json => {
                format!("JSON.stringify({})", world::json(case.app, case.features, &records).block(2, 40))
            }
        };
        let message = crate::pipelines::app::core_logic::rules::messages::limit(case.features, max);
        let open = |count: u32| {
            case.open_with(&format!(
                "Array.from({{ length: {count} }}, (_, at) => ({{ ...{} }}))",
                case.sample(1)
            ))
        };
        tests.push(Test::new(
            format!(
                "a file cannot bring more {} than there may be",
                lower(&case.features.entity.label_plural)
            ),
            vec![
                format!("const text = {text};"),
                format!(
                    "equal({}.store.importData({}, '{name}', text).ok, true);",
                    open(max.saturating_sub(1)),
                    case.key()
                ),
                format!(
                    "const {{ errors }} = {}.store.importData({}, '{name}', text);",
                    open(max),
                    case.key()
                ),
                format!("deepEqual(errors, [{{ line: 1, field: '', message: {} }}]);", quote(&message)),
            ],
        ));
    }
}

/// A format that no kind of record is transferred in.
fn foreign_formats(app: &App, method: &str, words: &str) -> Option<Test> {
    let formats: Vec<TransferFormat> = app
        .entities
        .iter()
        .flat_map(|features| if method == "exportData" { &features.exports } else { &features.imports })
        .copied()
        .collect();
    let foreign =
        [TransferFormat::Json, TransferFormat::Csv].into_iter().find(|format| !formats.contains(format))?;
    let name = super::criteria::format_name(foreign);
    let case = having(app, |features| {
        !(if method == "exportData" { &features.exports } else { &features.imports }).is_empty()
    })
    .next()?;
    Some(Test::new(
        format!("records are not {words} {name}"),
        vec![
            "const { store } = openStore({});".into(),
            format!(
                "throws(() => store.{method}({}, '{name}', ''), /Records cannot be {words} {name}\\./);",
                case.key()
            ),
        ],
    ))
}

fn csv(case: Case<'_>, tests: &mut Vec<Test>) {
    let features = case.features;
    let import = |text: &str| format!("store.importData({}, 'csv', {text})", case.key());
    let records = case.records(&[Vec::new(), Vec::new()]);
    let text = world::csv(case.app, features, &records);
    // Keys for labels, another order of letters, bare line feeds, empty lines, no line break at the end.
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    let keys = features.stored().map(|field| field.key.to_uppercase()).collect::<Vec<_>>().join(" ,");
    lines[0] = &keys;
    let loose = format!("\u{feff}{}\n\n{}\n{}", lines[0], lines[1], lines[2]);
    tests.push(Test::new(
        "a CSV file may name its columns by key and end its lines in any way",
        vec![
            format!("const {{ store }} = {};", case.open(0)),
            format!("deepEqual({}, {{ ok: true, imported: 2, errors: [] }});", import(&quote(&loose))),
            format!(
                "deepEqual({}, [{}, {}]);",
                case.list(),
                case.expected_as("new-1", 0, &[]),
                case.expected_as("new-2", 1, &[])
            ),
        ],
    ));
    let fault =
        |line: u32, message: &str| format!("[{{ line: {line}, field: '', message: {} }}]", quote(message));
    tests.push(Test::new(
        "a CSV file with an unknown column or an open quotation mark is refused",
        vec![
            "const { store } = openStore({});".into(),
            format!(
                "deepEqual({}.errors, {});",
                import("'Nothing\\r\\n'"),
                fault(1, "There is no field Nothing.")
            ),
            format!(
                "deepEqual({}.errors, {});",
                import("'a\\n\"b\\nc'"),
                fault(2, "A quotation mark is never closed.")
            ),
            format!("deepEqual({}, {{ ok: true, imported: 0, errors: [] }});", import("''")),
        ],
    ));
    let field = features.stored().find(|field| {
        matches!(field.kind, FieldKind::Text { max_length: None } | FieldKind::LongText { max_length: None })
    });
    if let Some(field) = field
        && let Some((faulty, value, message)) = super::criteria::fault(case)
        && faulty != field.key
    {
        let broken = case.records(&[
            vec![(field.key.clone(), Js::text("two\nlines, \"quoted\""))],
            vec![(faulty.clone(), value)],
        ]);
        tests.push(Test::new(
            "line breaks within quotation marks count as lines of the file",
            vec![
                format!("const {{ store }} = {};", case.open(0)),
                format!("const {{ errors }} = {};", import(&quote(&world::csv(case.app, features, &broken)))),
                format!(
                    "deepEqual(errors, [{{ line: 4, field: {}, message: {} }}]);",
                    quote(&faulty),
                    quote(&message)
                ),
            ],
        ));
    }
}

/// The way back through many changes.
fn history(app: &App) -> Vec<Test> {
    let Some(case) = having(app, |features| features.add).next() else { return Vec::new() };
    let (key, list) = (case.key(), case.list());
    let refused = super::case::refused("", "There is nothing to undo.");
    let nothing_to_redo = super::case::refused("", "There is nothing to redo.");
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
fn months(app: &App) -> Option<Test> {
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
fn many_quizzes(app: &App) -> Option<Test> {
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

/// Keeps the sample helper in use where only some apps need it.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fill_every_field() {
        for fixture in crate::pipelines::app::fixtures::all() {
            let app = App::new(&fixture.model, &fixture.requirements).unwrap();
            for features in &app.entities {
                for field in features.stored() {
                    assert!(!sample(features, 0).get(&field.key).unwrap().is_empty(), "{}", field.key);
                }
            }
        }
    }
}
