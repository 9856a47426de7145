//! The feature modules of `src/core/`: what their templates need.

use serde_json::{Value, json};

use super::rules;
use crate::pipelines::app::features::{AlertRule, App, EntityFeatures, grouping_key, is_derived, is_number};
use crate::pipelines::app::javascript::{Js, member, number, property, quote};
use crate::pipelines::app::spec::{
    Aggregate, Comparison, Field, FieldKind, Grouping, Operand, TransferFormat,
};

/// What `query.js` needs.
pub(super) fn query(app: &App) -> Value {
    let searches: Vec<Value> = app
        .entities
        .iter()
        .filter(|features| !features.search.is_empty())
        .map(|features| {
            let texts: Vec<String> =
                features.search.iter().map(|key| searched_text(features.field(key))).collect();
            json!({ "entity": features.entity.key, "texts": texts, "names": names_in(features, &features.search) })
        })
        .collect();
    let sorts: Vec<Value> = app
        .entities
        .iter()
        .filter(|features| !features.sorts.is_empty())
        .map(|features| {
            let fields: Vec<Value> = features
                .sorts
                .iter()
                .map(|(key, _)| {
                    let field = features.field(key);
                    let names = matches!(field.kind, FieldKind::Reference { .. });
                    json!({ "property": property(key), "names": names, "by": sort_key(field) })
                })
                .collect();
            json!({ "entity": features.entity.key, "fields": fields })
        })
        .collect();
    let sorted = |wanted: fn(&FieldKind) -> bool| {
        app.any(|features| features.sorts.iter().any(|(key, _)| wanted(&features.field(key).kind)))
    };
    let notes = [
        (sorted(|kind| matches!(kind, FieldKind::Choice { .. })), "choices by their place in the list"),
        (sorted(|kind| matches!(kind, FieldKind::Reference { .. })), "references by name"),
    ];
    let notes: Vec<&str> = notes.iter().filter(|(holds, _)| *holds).map(|(_, note)| *note).collect();
    json!({
        "searches": searches,
        "search_names": search_names(app),
        "filters": app.any(has_filters),
        "list_filters": app.any(|features| {
            filter_fields(features).iter().any(|key| rules::reader(&features.field(key).kind) == "toList")
        }),
        "sorts": sorts,
        "sort_names": sort_names(app),
        "empty_key": empty_key(app),
        "sort_note": if notes.is_empty() { String::new() } else { format!(": {}", notes.join(", ")) },
    })
}

/// The condition under which a record has no value to be ordered by; none when every record has one.
fn empty_key(app: &App) -> Option<&'static str> {
    let mut nulls = false;
    let mut texts = false;
    for features in &app.entities {
        for (key, _) in &features.sorts {
            let field = features.field(key);
            let never = field.required || is_derived(field) || matches!(field.kind, FieldKind::Boolean);
            let null = is_number(field) || matches!(field.kind, FieldKind::Choice { .. });
            nulls |= !never && null;
            texts |= !never && !null;
        }
    }
    match (nulls, texts) {
        (true, true) => Some("key === null || key === ''"),
        (true, false) => Some("key === null"),
        (false, true) => Some("key === ''"),
        (false, false) => None,
    }
}

/// The fields the list can be filtered by: a board shows one column per value with the same filter.
pub(in crate::pipelines::app) fn filter_fields(features: &EntityFeatures) -> Vec<String> {
    let mut fields = features.filters.clone();
    fields.extend(features.boards.iter().filter(|board| !features.filters.contains(board)).cloned());
    fields
}

/// Whether the list of this entity can be filtered.
pub(super) fn has_filters(features: &EntityFeatures) -> bool {
    !filter_fields(features).is_empty()
}

/// Whether a search needs the names of other records.
pub(super) fn search_names(app: &App) -> bool {
    app.any(|features| names_in(features, &features.search))
}

/// Whether an order needs the names of other records.
pub(super) fn sort_names(app: &App) -> bool {
    app.any(|features| {
        features.sorts.iter().any(|(key, _)| matches!(features.field(key).kind, FieldKind::Reference { .. }))
    })
}

fn names_in(features: &EntityFeatures, fields: &[String]) -> bool {
    fields.iter().any(|key| matches!(features.field(key).kind, FieldKind::Reference { .. }))
}

fn searched_text(field: &Field) -> String {
    let value = member("record", &field.key);
    match &field.kind {
        FieldKind::Reference { target } => format!("nameOf({}, {value})", quote(target)),
        _ => value,
    }
}

fn sort_key(field: &Field) -> String {
    let value = member("record", &field.key);
    match &field.kind {
        FieldKind::Text { .. }
        | FieldKind::LongText { .. }
        | FieldKind::Email
        | FieldKind::Url
        | FieldKind::Phone => {
            format!("{value}.toLowerCase()")
        }
        FieldKind::Choice { choices } => {
            let values: Vec<String> = choices.iter().map(|choice| quote(&choice.value)).collect();
            let place = format!("[{}].indexOf({value})", values.join(", "));
            if field.required { place } else { format!("({value} === '' ? null : {place})") }
        }
        FieldKind::Reference { target } => format!("nameOf({}, {value}).toLowerCase()", quote(target)),
        FieldKind::Tags | FieldKind::Dates => format!("{value}.join(', ')"),
        _ => value,
    }
}

/// What `groups.js` needs, when any figure is grouped.
pub(super) fn groups(app: &App) -> Option<Value> {
    let mut groupings: Vec<(&EntityFeatures, &Grouping)> = Vec::new();
    for features in &app.entities {
        groupings.extend(features.counts.iter().flatten().map(|per| (features, per)));
        groupings
            .extend(features.totals.iter().filter_map(|total| total.per.as_ref()).map(|per| (features, per)));
    }
    if groupings.is_empty() {
        return None;
    }
    let by = |wanted: fn(&FieldKind) -> bool| {
        groupings.iter().any(|(features, per)| match per {
            Grouping::Field { field } => wanted(&features.field(field).kind),
            Grouping::Month { .. } => false,
        })
    };
    let choices = by(|kind| matches!(kind, FieldKind::Choice { .. }));
    let booleans = by(|kind| matches!(kind, FieldKind::Boolean));
    let references = by(|kind| matches!(kind, FieldKind::Reference { .. }));
    let fields = groupings.iter().any(|(_, per)| matches!(per, Grouping::Field { .. }));
    let known = choices || booleans || references;
    let plain = groupings.iter().any(|(features, per)| match per {
        Grouping::Month { .. } => true,
        Grouping::Field { field } => !matches!(
            features.field(field).kind,
            FieldKind::Choice { .. } | FieldKind::Boolean | FieldKind::Reference { .. }
        ),
    });
    let empties = groupings.iter().any(|(features, per)| {
        let field = features.field(grouping_key(per));
        !field.required && !matches!(field.kind, FieldKind::Boolean)
    });
    let only = match (choices, booleans, references, plain) {
        (true, false, false, false) => "choice",
        (false, false, true, false) => "reference",
        _ => "",
    };
    let note = if known {
        "What is known beforehand comes first and may be empty, then comes what occurs, in order."
    } else {
        "They come in order of their values."
    };
    Some(json!({
        "months": groupings.iter().any(|(_, per)| matches!(per, Grouping::Month { .. })),
        "fields": fields,
        "choices": choices,
        "booleans": booleans,
        "references": references,
        "known": known,
        "plain": plain,
        "empties": empties,
        "only": only,
        "order_note": note,
    }))
}

/// Whether grouped figures need the records of other kinds.
pub(super) fn group_references(app: &App) -> bool {
    groups(app).is_some_and(|context| context["references"] == json!(true))
}

/// What `totals.js` needs.
pub(super) fn totals(app: &App) -> Value {
    let asked = |aggregate: Aggregate| {
        app.any(|features| features.totals.iter().any(|total| total.aggregate == aggregate))
    };
    json!({
        "sum": asked(Aggregate::Sum) || asked(Aggregate::Average),
        "wants_sum": asked(Aggregate::Sum),
        "average": asked(Aggregate::Average),
        "minimum": asked(Aggregate::Minimum),
        "maximum": asked(Aggregate::Maximum),
        "digits": total_digits(app),
    })
}

/// How many decimals totals keep: cents for money and whole numbers, more where fractions are entered.
pub(in crate::pipelines::app) fn total_digits(app: &App) -> usize {
    let fractions = app.any(|features| {
        features.totals.iter().any(|total| {
            let field = features.field(&total.field);
            matches!(field.kind, FieldKind::Decimal { .. } | FieldKind::Derived { .. })
                && !features.is_money(field)
        })
    });
    if fractions { 6 } else { 2 }
}

/// What `transitions.js` needs.
pub(super) fn transitions(app: &App) -> Value {
    let steps = app.entities.iter().filter(|features| !features.transitions.is_empty()).map(|features| {
        let fields = features.transitions.iter().map(|(field, steps)| {
            let mut from: Vec<(String, Vec<String>)> = Vec::new();
            for step in steps {
                match from.iter_mut().find(|(known, _)| *known == step.from) {
                    Some((_, to)) => to.push(step.to.clone()),
                    None => from.push((step.from.clone(), vec![step.to.clone()])),
                }
            }
            (field.clone(), Js::object(from.into_iter().map(|(from, to)| (from, to.into()))))
        });
        (features.entity.key.clone(), Js::object(fields))
    });
    json!({ "steps": Js::object(steps).block(0, 14) })
}

/// What `due.js` needs.
pub(super) fn due(app: &App) -> Value {
    let rules: Vec<Value> = app
        .entities
        .iter()
        .filter(|features| !features.due.is_empty())
        .map(|features| {
            let mut conditions: Vec<String> = features
                .due
                .iter()
                .map(|(key, done)| {
                    let field = features.field(key);
                    let date = member("record", key);
                    let day = match field.kind {
                        FieldKind::DateTime => format!("{date}.slice(0, 10)"),
                        _ => date.clone(),
                    };
                    let open = done.as_ref().map_or_else(String::new, |done| {
                        format!(" && {}", is_not(features.field(&done.field), &done.value))
                    });
                    let filled = if field.required { String::new() } else { format!("{date} !== '' && ") };
                    format!("{filled}{day} < today{open}")
                })
                .collect();
            if conditions.len() > 1 {
                conditions = conditions.iter().map(|condition| format!("({condition})")).collect();
            }
            json!({ "entity": features.entity.key, "when": conditions.join(" || ") })
        })
        .collect();
    json!({ "rules": rules })
}

fn is_not(field: &Field, value: &str) -> String {
    let record = member("record", &field.key);
    match &field.kind {
        FieldKind::Boolean if value == "true" => format!("!{record}"),
        FieldKind::Boolean => record,
        _ => format!("{record} !== {}", literal(field, value).inline()),
    }
}

/// A value that is written as text, as a record holds it.
pub(in crate::pipelines::app) fn literal(field: &Field, text: &str) -> Js {
    match rules::reader(&field.kind) {
        "toNumber" => text.parse::<f64>().map_or(Js::Null, Js::Number),
        "toBoolean" => Js::Bool(text == "true"),
        "toList" => Js::List(vec![Js::text(text)]),
        _ => Js::text(text),
    }
}

/// What `alerts.js` needs.
pub(super) fn alerts(app: &App) -> Value {
    let mut list = Vec::new();
    for features in &app.entities {
        for alert in &features.alerts {
            let field = features.field(&alert.field);
            let value = member("record", &field.key);
            let sign = match alert.comparison {
                Comparison::Below => "<",
                Comparison::AtMost => "<=",
                Comparison::AtLeast => ">=",
                Comparison::Above => ">",
            };
            let mut when = vec![format!("entity === {}", quote(&features.entity.key))];
            let mut filled = |field: &Field| {
                if !field.required && rules::reader(&field.kind) == "toNumber" {
                    when.push(format!("{} !== null", member("record", &field.key)));
                }
            };
            filled(field);
            let than = match &alert.than {
                Operand::Number { value } => number(*value),
                Operand::Field { field: other } => {
                    filled(features.field(other));
                    member("record", other)
                }
            };
            when.push(format!("{value} {sign} {than}"));
            list.push(json!({ "when": when.join(" && "), "message": alert_template(features, alert) }));
        }
    }
    json!({ "rules": list })
}

fn alert_template(features: &EntityFeatures, alert: &AlertRule) -> String {
    let message = alert_message(features, alert, &|key| format!("\u{0}{{{}}}", member("record", key)));
    // The sentence goes into a template literal: what means something there is escaped, our own parts are not.
    let escaped = message.replace('\\', "\\\\").replace('`', "\\`").replace('$', "\\$").replace("</", "<\\/");
    format!("`{}`", escaped.replace('\u{0}', "$"))
}

/// What an alert says; `shown` gives the text for the value of a field.
pub(in crate::pipelines::app) fn alert_message(
    features: &EntityFeatures,
    alert: &AlertRule,
    shown: &dyn Fn(&str) -> String,
) -> String {
    let label = &features.field(&alert.field).label;
    let how = match alert.comparison {
        Comparison::Below => "below",
        Comparison::AtMost => "not above",
        Comparison::AtLeast => "not below",
        Comparison::Above => "above",
    };
    let than = match &alert.than {
        Operand::Number { value } => number(*value),
        Operand::Field { field } => {
            let other = features.field(field);
            format!("{} {}", crate::pipelines::app::javascript::lower(&other.label), shown(field))
        }
    };
    format!("{label} {} is {how} {than}.", shown(&alert.field))
}

/// What `transfer.js` needs.
pub(super) fn transfer(app: &App) -> Value {
    let reads = |format: TransferFormat| app.any(|features| features.imports.contains(&format));
    let writes = |format: TransferFormat| app.any(|features| features.exports.contains(&format));
    let (json, csv) = (TransferFormat::Json, TransferFormat::Csv);
    let formats = match (reads(json) || writes(json), reads(csv) || writes(csv)) {
        (true, true) => "JSON and CSV",
        (true, false) => "JSON",
        _ => "CSV",
    };
    let derived = app.entities.iter().filter(|features| transfers(features)).any(|f| !f.derived().is_empty());
    json!({
        "formats": formats,
        "derived": derived,
        "references": transfer_references(app),
        "reads": reads(json) || reads(csv),
        "reads_json": reads(json),
        "reads_csv": reads(csv),
        "writes": writes(json) || writes(csv),
        "writes_json": writes(json),
        "writes_csv": writes(csv),
    })
}

/// Whether records go to or come from files.
pub(super) fn transfers(features: &EntityFeatures) -> bool {
    !features.imports.is_empty() || !features.exports.is_empty()
}

/// Whether files name other records.
pub(super) fn transfer_references(app: &App) -> bool {
    app.any(|features| transfers(features) && super::entity::needs_references(features))
}

/// The condition of `calendar.js` that a record is on a day: sets of days and times of day only where there are some.
pub(super) fn on_day(app: &App) -> &'static str {
    let has = |wanted: fn(&FieldKind) -> bool| {
        app.any(|features| features.calendars.iter().any(|key| wanted(&features.field(key).kind)))
    };
    match (has(|kind| matches!(kind, FieldKind::Dates)), has(|kind| matches!(kind, FieldKind::DateTime))) {
        (true, true) => "[record[field]].flat().some((each) => each.slice(0, 10) === day)",
        (true, false) => "[record[field]].flat().includes(day)",
        (false, true) => "record[field].slice(0, 10) === day",
        (false, false) => "record[field] === day",
    }
}

/// What `statistics.js` needs.
pub(super) fn statistics(app: &App) -> Value {
    let has = |wanted: &dyn Fn(&EntityFeatures, &Field) -> bool| {
        app.any(|features| {
            features.statistics && features.entity.fields.iter().any(|field| wanted(features, field))
        })
    };
    let choices = has(&|_, field| matches!(field.kind, FieldKind::Choice { .. }));
    let booleans = has(&|_, field| matches!(field.kind, FieldKind::Boolean));
    let mut types: Vec<Js> = Vec::new();
    for name in ["integer", "decimal", "money", "rating", "derived"] {
        if has(&|_, field| super::model::type_name(&field.kind) == name) {
            types.push(name.into());
        }
    }
    let parts = [
        (choices, "how many have each choice"),
        (booleans, "how many say yes"),
        (!types.is_empty(), "the sum and the mean of each number"),
    ];
    let parts: Vec<String> = std::iter::once("How many there are".to_owned())
        .chain(parts.iter().filter(|(holds, _)| *holds).map(|(_, words)| (*words).to_owned()))
        .collect();
    json!({
        "choices": choices,
        "booleans": booleans,
        "numbers": !types.is_empty(),
        "number_types": Js::List(types).inline(),
        "note": format!("{}.", crate::pipelines::app::javascript::and(&parts)),
    })
}

/// What `quiz.js` needs: the fields of the first kind of record that can be asked.
pub(super) fn quiz(app: &App) -> Value {
    let rule = app.entities.iter().find_map(|features| features.quiz.as_ref());
    json!({
        "question": rule.map(|rule| property(&rule.question)),
        "answer": rule.map(|rule| property(&rule.answer)),
        "options": rule.and_then(|rule| rule.options.as_deref()).map(property),
    })
}

/// What `store.js` needs to know about limits.
pub(super) fn most(features: &EntityFeatures) -> String {
    features.limit.map_or_else(|| "Infinity".to_owned(), |max| max.to_string())
}
