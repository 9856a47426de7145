//! Criteria about looking at records: search, filter, order, board and calendar.

use super::open;
use super::states::moved;
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::{Js, quote};
use crate::pipelines::app::samples::{SAMPLES, TODAY, sample};
use crate::pipelines::app::spec::{Field, FieldKind};
use crate::pipelines::app::test_writer::case::{Case, Changes, on_day, two_values};
use crate::pipelines::app::test_writer::world;

/// Finding by text.
pub(in crate::pipelines::app::test_writer) fn search(
    case: Case<'_>,
    fields: &[String],
    check: Check,
) -> Vec<String> {
    let mut lines = vec![open(&case.open(SAMPLES))];
    let records = case.records(&vec![Vec::new(); SAMPLES]);
    let all: Vec<Js> = records.iter().map(|record| Js::Text(world::id(record))).collect();
    match check {
        Check::SearchFinds => {
            for key in fields {
                let text = world::searched(case.app, case.features, key, &records[1]);
                // Without its first character it is a part; in capitals it is in other letter case.
                let part: String = text.chars().skip(1).collect::<String>().to_uppercase();
                let found = records
                    .iter()
                    .filter(|record| world::found(case.app, case.features, record, part.trim()));
                let found: Vec<Js> = found.map(|record| Js::Text(world::id(record))).collect();
                let wanted = quote(&part);
                lines.push(format!(
                    "deepEqual(ids(store.list({}, {{ search: {wanted} }})), {});",
                    case.key(),
                    Js::List(found).inline()
                ));
            }
        }
        Check::SearchNothing => {
            lines.push(format!("deepEqual(store.list({}, {{ search: 'stands nowhere' }}), []);", case.key()));
        }
        _ => {
            for wanted in ["", "  "] {
                lines.push(format!(
                    "deepEqual(ids(store.list({}, {{ search: '{wanted}' }})), {});",
                    case.key(),
                    Js::List(all.clone()).inline()
                ));
            }
        }
    }
    lines
}

/// Finding by value.
pub(in crate::pipelines::app::test_writer) fn filter(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let (first, second) = two_values(case.features, field);
    let changes: Vec<Changes> =
        [&first, &second, &first].iter().map(|value| vec![(key.to_owned(), (*value).clone())]).collect();
    let mut lines = vec![open(&case.open_changed(&changes))];
    let wish = |value: &Js| match value {
        Js::List(items) => items.first().cloned().unwrap_or(Js::Null),
        other => other.clone(),
    };
    let mut expect = |filters: String, places: &[usize]| {
        let ids: Vec<String> = places.iter().map(|at| case.id(*at)).collect();
        lines.push(format!(
            "deepEqual(ids(store.list({}, {{ filters: {filters} }})), [{}]);",
            case.key(),
            ids.join(", ")
        ));
    };
    let named = |value: &Js| Js::object([(key, wish(value))]).inline();
    if check == Check::FilterKeeps {
        expect(named(&first), &[0, 2]);
        if !second.is_empty() {
            expect(named(&second), &[1]);
        }
    } else {
        expect(named(&Js::text("")), &[0, 1, 2]);
        expect("{}".into(), &[0, 1, 2]);
    }
    lines
}

/// Three samples whose values of the field stand in another order than they are to come in.
pub(in crate::pipelines::app::test_writer) fn unordered(case: Case<'_>, field: &Field) -> Vec<Changes> {
    let sources = world::sources(case.features, field);
    [1, 2, 0]
        .iter()
        .map(|at| {
            let from = sample(case.features, *at);
            let value = |key: &String| match &case.features.field(key).kind {
                FieldKind::Reference { target } => Js::text(format!("{target}-{}", at + 1)),
                _ => from.get(key).cloned().unwrap_or(Js::Null),
            };
            sources.iter().map(|key| (key.clone(), value(key))).collect()
        })
        .collect()
}

/// Putting in order.
pub(in crate::pipelines::app::test_writer) fn sort(
    case: Case<'_>,
    key: &str,
    descending: bool,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let changes = if check == Check::SortOrders {
        unordered(case, field)
    } else {
        let same = unordered(case, field).swap_remove(0);
        vec![same.clone(), same]
    };
    let records = case.records(&changes);
    let ids: Vec<Js> = world::sorted(case.app, case.features, field, &records, descending)
        .into_iter()
        .map(Js::Text)
        .collect();
    vec![
        open(&case.open_changed(&changes)),
        format!(
            "const sorted = store.list({}, {{ sort: {}, descending: {descending} }});",
            case.key(),
            quote(key)
        ),
        format!("deepEqual(ids(sorted), {});", Js::List(ids).inline()),
    ]
}

/// Columns and moves between them.
pub(in crate::pipelines::app::test_writer) fn board(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let (first, second) = two_values(case.features, field);
    if check == Check::BoardColumns {
        let values = [&first, &second, &first];
        let changes: Vec<Changes> =
            values.iter().map(|value| vec![(key.to_owned(), (*value).clone())]).collect();
        let mut lines = vec![open(&case.open_changed(&changes))];
        let columns: Vec<Js> = match &field.kind {
            FieldKind::Choice { choices } => choices.iter().map(|choice| Js::text(&choice.value)).collect(),
            _ => vec![first.clone(), second.clone()],
        };
        for column in columns {
            let ids = values.iter().enumerate().filter(|(_, value)| ***value == column);
            let ids: Vec<String> = ids.map(|(at, _)| case.id(at)).collect();
            lines.push(format!(
                "deepEqual(ids(store.list({}, {{ filters: {} }})), [{}]);",
                case.key(),
                Js::object([(key, column)]).inline(),
                ids.join(", ")
            ));
        }
        return lines;
    }
    let steps =
        case.features.transitions.iter().find(|(known, _)| known == key).and_then(|(_, steps)| steps.first());
    match steps {
        Some(step) => moved(case, key, &Js::text(&step.from), &Js::text(&step.to)),
        None => moved(case, key, &first, &second),
    }
}

/// Days of a month.
pub(in crate::pipelines::app::test_writer) fn calendar(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let call = format!("store.calendar({}, {}, '2026-11')", case.key(), quote(key));
    if check == Check::CalendarPlaces {
        let changes = vec![(key.to_owned(), on_day(field, TODAY))];
        return vec![
            open(&case.open_changed(std::slice::from_ref(&changes))),
            format!("const days = {call};"),
            "equal(days.length, 30);".into(),
            format!("deepEqual(days[19], {{ day: '{TODAY}', records: [{}] }});", case.expected(0, &changes)),
            "deepEqual(days.filter(({ records }) => records.length > 0).map(({ day }) => day), ['2026-11-20']);".into(),
        ];
    }
    let mut values = vec![on_day(field, "2026-10-31"), on_day(field, "2026-12-01")];
    if !field.required {
        values.push(if matches!(field.kind, FieldKind::Dates) { Js::List(Vec::new()) } else { Js::text("") });
    }
    let changes: Vec<Changes> = values.into_iter().map(|value| vec![(key.to_owned(), value)]).collect();
    vec![
        open(&case.open_changed(&changes)),
        format!("const days = {call};"),
        "deepEqual(days.flatMap(({ records }) => records), []);".into(),
    ]
}
