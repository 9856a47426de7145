//! Criteria about figures: totals, counts, computed fields, alerts and statistics.

use super::open;
use crate::pipelines::app::features::{TotalOf, is_number};
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::{Js, member, quote};
use crate::pipelines::app::samples::cents;
use crate::pipelines::app::samples::{SAMPLES, sample};
use crate::pipelines::app::spec::Comparison;
use crate::pipelines::app::spec::{Field, FieldKind, Grouping, Operand};
use crate::pipelines::app::test_writer::case::{Case, Changes, entries, on_day, two_values};
use crate::pipelines::app::test_writer::world;

/// Three records in two groups.
pub(in crate::pipelines::app::test_writer) fn grouped(
    case: Case<'_>,
    per: Option<&Grouping>,
) -> Vec<Changes> {
    let Some(per) = per else { return vec![Vec::new(); SAMPLES] };
    match per {
        Grouping::Field { field } => {
            let (first, second) = two_values(case.features, case.features.field(field));
            [&first, &second, &first].iter().map(|value| vec![(field.clone(), (*value).clone())]).collect()
        }
        Grouping::Month { field } => ["2026-10-05", "2026-11-06", "2026-10-31"]
            .iter()
            .map(|day| vec![(field.clone(), on_day(case.features.field(field), day))])
            .collect(),
    }
}

/// One number out of many.
pub(in crate::pipelines::app::test_writer) fn totals(
    case: Case<'_>,
    total: &TotalOf,
    check: Check,
) -> Vec<String> {
    let changes = if check == Check::TotalRight { grouped(case, total.per.as_ref()) } else { Vec::new() };
    let expected = world::total(case.app, case.features, total, &case.records(&changes));
    let aggregate = serde_json::to_value(total.aggregate).unwrap_or_default();
    let grouping =
        total.per.as_ref().map_or_else(String::new, |per| format!(", {}", world::grouping_literal(per)));
    vec![
        open(&case.open_changed(&changes)),
        format!(
            "const total = store.total({}, {}, {}{grouping});",
            case.key(),
            quote(&total.field),
            quote(aggregate.as_str().unwrap_or_default())
        ),
        format!("deepEqual(total, {});", expected.block(2, 19)),
    ]
}

/// How many.
pub(in crate::pipelines::app::test_writer) fn counts(
    case: Case<'_>,
    per: Option<&Grouping>,
    check: Check,
) -> Vec<String> {
    let mut changes = grouped(case, per);
    let grouping = per.map_or_else(String::new, |per| format!(", {}", world::grouping_literal(per)));
    let call = format!("store.count({}{grouping})", case.key());
    let mut lines = vec![open(&case.open_changed(&changes))];
    if check == Check::CountFollows {
        if case.features.remove {
            lines.push(format!("store.remove({}, {});", case.key(), case.id(2)));
        } else {
            lines.pop();
            lines.push(open(&case.open_changed(&changes[..2])));
        }
        changes.truncate(2);
    }
    let expected = world::count(case.app, case.features, per, &case.records(&changes));
    lines.push(format!("deepEqual({call}, {});", expected.block(2, 20 + call.len())));
    lines
}

/// Computed fields.
pub(in crate::pipelines::app::test_writer) fn derived(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let value = |changes: &[(String, Js)], index: usize| {
        world::value(case.features, field, &world::record(case.features, index, changes)).inline()
    };
    let shown = |index: usize| member(&format!("store.get({}, {})", case.key(), case.id(index)), key);
    if check == Check::DerivedComputes {
        let mut lines = vec![open(&case.open(SAMPLES))];
        lines.extend((0..SAMPLES).map(|at| format!("equal({}, {});", shown(at), value(&[], at))));
        return lines;
    }
    let Some(source) = world::sources(case.features, field).into_iter().next() else { return Vec::new() };
    let changed = sample(case.features, 2).get(&source).cloned().unwrap_or(Js::Null);
    let changes = vec![(source, changed)];
    if !case.features.edit {
        let stored = vec![changes.clone()];
        return vec![
            open(&case.open_changed(&stored)),
            format!("equal({}, {});", shown(0), value(&changes, 0)),
        ];
    }
    let entered = entries(&[(key.to_owned(), Js::Number(987_654.0))]);
    vec![
        open(&case.open(1)),
        format!("store.update({}, {}, {{ {} }});", case.key(), case.id(0), entries(&changes)),
        format!("equal({}, {});", shown(0), value(&changes, 0)),
        format!("store.update({}, {}, {{ {entered} }});", case.key(), case.id(0)),
        format!("equal({}, {});", shown(0), value(&changes, 0)),
    ]
}

/// What the other side of a comparison holds in a test when it is a field.
const OTHER_SIDE: f64 = 5.0;

/// The last value that meets the condition, or the first that does not.
pub(in crate::pipelines::app::test_writer) fn alert(
    case: Case<'_>,
    key: &str,
    how: Comparison,
    than: &Operand,
    check: Check,
) -> Vec<String> {
    let features = case.features;
    let field = features.field(key);
    let (limit, mut changes) = match than {
        Operand::Number { value } => (*value, Vec::new()),
        Operand::Field { field } => {
            (OTHER_SIDE, world::set_number(features, features.field(field), OTHER_SIDE))
        }
    };
    let step = if is_whole(field) { 1.0 } else { 0.01 };
    let shown = check == Check::AlertShown;
    let value = match (how, shown) {
        (Comparison::Below, true) | (Comparison::AtLeast, false) => cents(limit - step),
        (Comparison::Above, true) | (Comparison::AtMost, false) => cents(limit + step),
        _ => limit,
    };
    for (name, value) in world::set_number(features, field, value) {
        // What the other side needs stays as it is.
        if !changes.iter().any(|(known, _)| *known == name) {
            changes.push((name, value));
        }
    }
    answer(case, &changes)
}

/// Whether only whole numbers make sense.
fn is_whole(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Integer { .. } | FieldKind::Rating { .. })
}

/// The test that a record with these changes has exactly the alerts it should have.
pub(in crate::pipelines::app::test_writer) fn answer(case: Case<'_>, changes: &Changes) -> Vec<String> {
    let record = world::record(case.features, 0, changes);
    let alerts: Vec<String> = world::alerts(case.features, &record)
        .into_iter()
        .map(|message| format!("{{ record, message: {} }}", Js::Text(message).inline()))
        .collect();
    let mut lines =
        vec![format!("const {{ store }} = {};", case.open_changed(std::slice::from_ref(changes)))];
    if alerts.is_empty() {
        lines.push(format!("deepEqual(store.alerts({}), []);", case.key()));
    } else {
        lines.push(format!("const record = store.get({}, {});", case.key(), case.id(0)));
        lines.push(format!("deepEqual(store.alerts({}), [{}]);", case.key(), alerts.join(", ")));
    }
    lines
}

/// The figures of three records, or of none.
pub(in crate::pipelines::app::test_writer) fn statistics(case: Case<'_>, check: Check) -> Vec<String> {
    let changes: Vec<Changes> = if check == Check::StatisticsRight { varied(case) } else { Vec::new() };
    let figures = world::statistics(case.features, &case.records(&changes));
    vec![
        format!("const {{ store }} = {};", case.open_changed(&changes)),
        format!("deepEqual(store.statistics({}), {});", case.key(), figures.block(2, 40)),
    ]
}

/// Three records of which one has no numbers, and two share each choice.
fn varied(case: Case<'_>) -> Vec<Changes> {
    let choice = case.features.stored().find(|field| matches!(field.kind, FieldKind::Choice { .. }));
    let per = choice.map(|field| Grouping::Field { field: field.key.clone() });
    let mut changes = grouped(case, per.as_ref());
    changes.resize(SAMPLES, Vec::new());
    let empty = case.features.stored().filter(|field| is_number(field) && !field.required);
    changes[2].extend(empty.map(|field| (field.key.clone(), Js::Null)));
    changes
}
