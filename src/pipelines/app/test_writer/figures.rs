//! Criteria about figures: alerts and statistics.

use super::case::{Case, Changes};
use super::criteria::grouped;
use super::world;
use crate::pipelines::app::features::is_number;
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::samples::{SAMPLES, cents};
use crate::pipelines::app::spec::{Comparison, Field, FieldKind, Grouping, Operand};

/// What the other side of a comparison holds in a test when it is a field.
const OTHER_SIDE: f64 = 5.0;

/// The last value that meets the condition, or the first that does not.
pub(super) fn alert(case: Case<'_>, key: &str, how: Comparison, than: &Operand, check: Check) -> Vec<String> {
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
pub(super) fn answer(case: Case<'_>, changes: &Changes) -> Vec<String> {
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
pub(super) fn statistics(case: Case<'_>, check: Check) -> Vec<String> {
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
