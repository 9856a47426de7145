//! Figures over records without a value.

use crate::pipelines::app::features::{App, grouping_key, is_derived};
use crate::pipelines::app::javascript::{Js, lower, quote};
use crate::pipelines::app::samples::SAMPLES;
use crate::pipelines::app::spec::{FieldKind, Operand};
use crate::pipelines::app::test_writer::case::{Case, Changes};
use crate::pipelines::app::test_writer::{Test, having, world};

/// Figures over records without a value.
pub(in crate::pipelines::app::test_writer) fn figures(app: &App, tests: &mut Vec<Test>) {
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
pub(in crate::pipelines::app::test_writer) fn alerts(case: Case<'_>, tests: &mut Vec<Test>) {
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
                    crate::pipelines::app::test_writer::criteria::figures::answer(case, &changes),
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
