//! Property tests: what holds for any records, tried with many that a seeded generator makes up.

use super::case::Case;
use super::{Test, having};
use crate::pipelines::app::core_logic::views::filter_fields;
use crate::pipelines::app::features::{App, EntityFeatures};
use crate::pipelines::app::javascript::{Js, lower, member, property, quote};
use crate::pipelines::app::samples::{SAMPLES, bounds};
use crate::pipelines::app::spec::{Field, FieldKind, TransferFormat};

/// Every property the app has.
pub(super) fn tests(app: &App) -> Vec<Test> {
    let mut tests = Vec::new();
    for case in having(app, |_| true) {
        let many = lower(&case.features.entity.label_plural);
        for (key, _) in &case.features.sorts {
            let field = case.features.field(key);
            tests.push(Test::new(
                format!("any {many} sorted by {} are the same {many}", lower(&field.label)),
                sort(case, key),
            ));
        }
        for key in filter_fields(case.features) {
            let field = case.features.field(&key);
            tests.push(Test::new(
                format!("any {many} filtered by {} are exactly those that fit", lower(&field.label)),
                filter(case, field),
            ));
        }
        for format in &case.features.exports {
            if case.features.imports.contains(format) && is_free(case.features) {
                let name = super::criteria::format_name(*format);
                let title = format!("any {many} come back from a {} file as they were", name.to_uppercase());
                tests.push(Test::new(title, round_trip(case, *format)));
            }
        }
    }
    if app.undo
        && let Some(case) = having(app, |features| features.add).next()
    {
        tests.push(Test::new("any changes can be undone one by one and redone", undo(case)));
    }
    tests
}

/// Whether records can be made up without meeting the rules between records.
fn is_free(features: &EntityFeatures) -> bool {
    features.overlaps.is_empty()
        && features.unique_sets.is_empty()
        && features.limit.is_none_or(|limit| limit >= 8)
        && features.stored().all(|field| !field.unique || matches!(field.kind, FieldKind::Text { .. }))
}

/// The lines that make `records` up, inside a loop over seeds.
fn make_up(case: Case<'_>) -> Vec<String> {
    let fields =
        case.features.stored().map(|field| format!("      {}: {},", property(&field.key), any(case, field)));
    let mut lines = vec![
        "for (let seed = 1; seed <= 20; seed += 1) {".to_owned(),
        "  const chance = createChance(seed);".to_owned(),
        "  const pick = (values) => values[chance(values.length)];".to_owned(),
        "  const records = Array.from({ length: chance(8) }, (_, index) => ({".to_owned(),
    ];
    lines.extend(fields.map(|line| line.replacen("      ", "    ", 1)));
    lines.push("  }));".to_owned());
    lines
}

/// An expression for any value of a field; `index` tells records apart.
fn any(case: Case<'_>, field: &Field) -> String {
    let optional = |values: Vec<Js>, empty: Js| {
        let values = if field.required { values } else { std::iter::once(empty).chain(values).collect() };
        format!("pick({})", Js::List(values).inline())
    };
    let number = |values: [f64; 4]| optional(values.into_iter().map(Js::Number).collect(), Js::Null);
    let (min, max) = bounds(field);
    match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
            if max_length.is_some_and(|max| max < 12) {
                return if field.unique || field.required {
                    "`${index}`".into()
                } else {
                    "pick(['', 'a', 'B'])".into()
                };
            }
            let words = "pick(['b', 'A', 'a, b', '\"q\"', 'two\\nlines', 'é'])";
            if field.unique || field.required {
                format!("`${{{words}}} ${{index}}`")
            } else {
                format!("pick(['', {words}])")
            }
        }
        FieldKind::Integer { .. } | FieldKind::Rating { .. } => {
            let (low, high) = (min.ceil(), max.floor());
            number([low, high, (low + 1.0).min(high), ((low + high) / 2.0).floor()])
        }
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => number([min, max, min, max]),
        FieldKind::Date => {
            optional(["2026-11-20", "2026-01-31", "2024-02-29"].map(Js::text).to_vec(), Js::text(""))
        }
        FieldKind::DateTime => optional(
            ["2026-11-20T09:30", "2026-11-20T10:00", "2025-01-01T00:00"].map(Js::text).to_vec(),
            Js::text(""),
        ),
        FieldKind::Time => optional(["00:00", "09:30", "23:59"].map(Js::text).to_vec(), Js::text("")),
        FieldKind::Boolean => "pick([true, false])".into(),
        FieldKind::Choice { choices } => {
            optional(choices.iter().map(|choice| Js::text(&choice.value)).collect(), Js::text(""))
        }
        FieldKind::Email => {
            optional(vec![Js::text("a@example.org"), Js::text("b@example.org")], Js::text(""))
        }
        FieldKind::Url => optional(vec![Js::text("https://example.org/a")], Js::text("")),
        FieldKind::Phone => optional(vec![Js::text("+44 20 7946 0001")], Js::text("")),
        FieldKind::Reference { target } if *target == case.features.entity.key => "''".into(),
        FieldKind::Reference { target } => {
            optional((1..=SAMPLES).map(|at| Js::text(format!("{target}-{at}"))).collect(), Js::text(""))
        }
        FieldKind::Tags => {
            optional(vec![Js::from(vec!["a"]), Js::from(vec!["b", "a c"])], Js::List(Vec::new()))
        }
        FieldKind::Dates => optional(
            vec![Js::from(vec!["2026-11-20"]), Js::from(vec!["2026-01-31", "2026-11-19"])],
            Js::List(Vec::new()),
        ),
        FieldKind::Derived { .. } => "null".into(),
    }
}

fn sort(case: Case<'_>, key: &str) -> Vec<String> {
    let mut lines = make_up(case);
    lines.push(format!("  const {{ store }} = {};", case.open_with("records")));
    lines.push(format!(
        "  const sorted = ids(store.list({}, {{ sort: {}, descending: chance(2) === 1 }}));",
        case.key(),
        quote(key)
    ));
    lines.push(format!("  deepEqual([...sorted].sort(), ids({}).sort());", case.list()));
    let field = case.features.field(key);
    if crate::pipelines::app::features::is_number(field) {
        lines.push(format!(
            "  const up = store.list({}, {{ sort: {} }}).map((record) => {}).filter((value) => value !== null);",
            case.key(),
            quote(key),
            member("record", key)
        ));
        lines
            .push("  equal(up.every((value, index) => index === 0 || up[index - 1] <= value), true);".into());
    }
    lines.push("}".into());
    lines
}

fn filter(case: Case<'_>, field: &Field) -> Vec<String> {
    let (wanted, _) = super::case::two_values(case.features, field);
    let value = member("record", &field.key);
    let (wish, fits) = match &wanted {
        Js::List(items) => {
            let first = items.first().cloned().unwrap_or(Js::Null);
            (first.clone(), format!("{value}.includes({})", first.inline()))
        }
        other => (other.clone(), format!("{value} === {}", other.inline())),
    };
    let mut lines = make_up(case);
    lines.push(format!("  const {{ store }} = {};", case.open_with("records")));
    lines.push(format!(
        "  const found = store.list({}, {{ filters: {} }});",
        case.key(),
        Js::object([(field.key.as_str(), wish)]).inline()
    ));
    lines.push(format!("  deepEqual(found, {}.filter((record) => {fits}));", case.list()));
    lines.push("}".into());
    lines
}

fn round_trip(case: Case<'_>, format: TransferFormat) -> Vec<String> {
    let name = super::criteria::format_name(format);
    let mut lines = make_up(case);
    lines.push(format!("  const {{ store }} = {};", case.open_with("records")));
    lines.push(format!("  const text = store.exportData({}, '{name}');", case.key()));
    lines.push(format!("  const again = {}.store;", case.open(0)));
    lines.push(format!("  deepEqual(again.importData({}, '{name}', text), {{ ok: true, imported: records.length, errors: [] }});", case.key()));
    lines.push(format!(
        "  deepEqual(again.list({}).map(withoutId), {}.map(withoutId));",
        case.key(),
        case.list()
    ));
    lines.push("}".into());
    lines
}

fn undo(case: Case<'_>) -> Vec<String> {
    let (key, list) = (case.key(), case.list());
    let mut changes = vec![format!(
        "() => store.add({key}, {}[chance({})])",
        format_args!("samples.{}", case.features.entity.key),
        SAMPLES
    )];
    if case.features.remove {
        changes.push(format!("() => store.remove({key}, ids({list})[chance({SAMPLES})])"));
    }
    vec![
        "for (let seed = 1; seed <= 20; seed += 1) {".into(),
        "  const chance = createChance(seed);".into(),
        format!("  const {{ store }} = {};", case.open(0)),
        format!("  const states = [{list}];"),
        "  for (let step = 0; step < 10; step += 1) {".into(),
        format!("    const changes = [{}];", changes.join(", ")),
        "    if (changes[chance(changes.length)]().ok) {".into(),
        format!("      states.push({list});"),
        "    }".into(),
        "  }".into(),
        "  for (const state of states.slice(0, -1).reverse()) {".into(),
        "    equal(store.undo().ok, true);".into(),
        format!("    deepEqual({list}, state);"),
        "  }".into(),
        "  equal(store.undo().ok, false);".into(),
        "  for (const state of states.slice(1)) {".into(),
        "    equal(store.redo().ok, true);".into(),
        format!("    deepEqual({list}, state);"),
        "  }".into(),
        "}".into(),
    ]
}
