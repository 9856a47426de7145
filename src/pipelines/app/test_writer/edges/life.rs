//! The life of a store: what it starts with, what it hands out, who hears of changes.

use crate::pipelines::app::core_logic::entity::blank;
use crate::pipelines::app::core_logic::store::Flags;
use crate::pipelines::app::features::App;
use crate::pipelines::app::javascript::{Js, lower, member};
use crate::pipelines::app::test_writer::case::{
    Case, Changes, entries, marked, on_day, other_value, refused,
};
use crate::pipelines::app::test_writer::criteria::{fault, plain_field};
use crate::pipelines::app::test_writer::{Test, having, world};

/// What is true of any store.
pub(in crate::pipelines::app::test_writer) fn life(app: &App, flags: Flags) -> Vec<Test> {
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
        if features.add
            && let Some((key, value, message)) = fault(case)
        {
            let input = format!("{{ ...{}, {} }}", case.sample(0), entries(&[(key.clone(), value)]));
            tests.push(Test::new(
                format!("{many} that break a rule are not added"),
                vec![
                    format!("const {{ store, saved }} = {};", case.open(0)),
                    format!("deepEqual(store.add({}, {input}), {});", case.key(), refused(&key, &message)),
                    format!("deepEqual({}, []);", case.list()),
                    "equal(saved.length, 0);".into(),
                ],
            ));
        }
        if features.edit {
            let call = format!("store.update({}, {}, {})", case.key(), case.id(0), case.sample(0));
            tests.push(Test::new(
                format!("{many} can be saved again as they are"),
                vec![
                    format!("const {{ store }} = {};", case.open(1)),
                    format!("deepEqual({call}, {{ ok: true, record: {} }});", case.expected(0, &[])),
                ],
            ));
        }
        if features.edit
            && let Some((key, value, message)) = fault(case)
        {
            tests.push(Test::new(
                format!("{many} stay as they are when a change breaks a rule"),
                vec![
                    format!("const {{ store, saved }} = {};", case.open(2)),
                    format!(
                        "const result = store.update({}, {}, {{ {} }});",
                        case.key(),
                        case.id(0),
                        entries(&[(key.clone(), value)])
                    ),
                    format!("deepEqual(result, {});", refused(&key, &message)),
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
pub(in crate::pipelines::app::test_writer) fn listeners(app: &App, flags: Flags) -> Option<Test> {
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

/// Without a clock of its own the store takes that of the machine.
pub(in crate::pipelines::app::test_writer) fn today_of_the_machine(app: &App) -> Option<Test> {
    let case = having(app, |features| !features.due.is_empty()).next()?;
    let (key, done) = case.features.due.first()?;
    let mut open: Changes = Vec::new();
    if let Some(done) = done {
        let field = case.features.field(&done.field);
        let finished = marked(field, &done.value);
        open.push((done.field.clone(), other_value(case.features, field, &finished)));
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
