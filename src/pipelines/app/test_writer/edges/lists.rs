//! Lists at their edges: both directions, several wishes, empty values.

use crate::pipelines::app::core_logic::views::filter_fields;
use crate::pipelines::app::features::{is_derived, is_number};
use crate::pipelines::app::javascript::{Js, lower, quote};
use crate::pipelines::app::spec::{Field, FieldKind};
use crate::pipelines::app::test_writer::case::{self, Case, Changes};
use crate::pipelines::app::test_writer::criteria::views::unordered;
use crate::pipelines::app::test_writer::{Test, world};

/// Both directions, with an empty value where there can be one.
pub(in crate::pipelines::app::test_writer) fn sorting(case: Case<'_>, field: &Field) -> Test {
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
    let up = format!("ids(store.list({}, {{ sort: {} }}))", case.key(), quote(&field.key));
    lines.push(format!("deepEqual({up}, sorted(false));"));
    lines.push(format!(
        "deepEqual(ids({}), {});",
        case.list(),
        Js::from(records.iter().map(world::id).collect::<Vec<_>>()).inline()
    ));
    let many = lower(&case.features.entity.label_plural);
    Test::new(format!("{many} by {} go both ways, the empty last", lower(&field.label)), lines)
}

/// Two wishes at once.
pub(in crate::pipelines::app::test_writer) fn filtering(case: Case<'_>) -> Test {
    let fields: Vec<&Field> =
        filter_fields(case.features).iter().take(2).map(|key| case.features.field(key)).collect();
    let values: Vec<(Js, Js)> = fields.iter().map(|field| case::two_values(case.features, field)).collect();
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
pub(in crate::pipelines::app::test_writer) fn searching_nothing(case: Case<'_>) -> Test {
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
