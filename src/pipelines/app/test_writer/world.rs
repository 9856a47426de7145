//! What the generated app must answer, worked out a second time: the tests compare the app with these values.

use crate::pipelines::app::core_logic::entity::blank;
use crate::pipelines::app::core_logic::views::{alert_message, total_digits};
use crate::pipelines::app::features::{
    App, EntityFeatures, QuizRule, TotalOf, is_derived, is_number, operands,
};
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::samples::{SAMPLES, sample};
use crate::pipelines::app::spec::{Aggregate, Comparison, Field, FieldKind, Formula, Grouping, Operand};

/// How many samples `testing/support.js` has: one more than those that are stored, to be added.
pub(super) const WRITTEN_SAMPLES: usize = SAMPLES + 1;

/// A stored record: sample `index` with changes and its id.
pub(super) fn record(features: &EntityFeatures, index: usize, changes: &[(String, Js)]) -> Js {
    let mut record = Js::object([("id", Js::text(format!("{}-{}", features.entity.key, index + 1)))]);
    if let Js::Object(entries) = sample(features, index % SAMPLES) {
        for (name, value) in entries {
            record = record.with(&name, value);
        }
    }
    for (name, value) in changes {
        record = record.with(name, value.clone());
    }
    record
}

/// The value of any field of a record, computed where it must be.
pub(super) fn value(features: &EntityFeatures, field: &Field, record: &Js) -> Js {
    let FieldKind::Derived { formula } = &field.kind else {
        return record.get(&field.key).cloned().unwrap_or(Js::Null);
    };
    let operand = |key: &str| {
        let field = features.entity.field(key);
        field.and_then(|field| value(features, field, record).as_number()).unwrap_or(0.0)
    };
    let plain = match formula {
        Formula::Product { a, b } => operand(a) * operand(b),
        Formula::SumOf { a, b } => operand(a) + operand(b),
        Formula::Difference { a, b } => operand(a) - operand(b),
    };
    // JavaScript rounds halves up, also below zero.
    Js::Number(if features.is_money(field) { (plain * 100.0 + 0.5).floor() / 100.0 } else { plain })
}

/// The changes that give a number field a value; a computed one gets it from its first operand.
pub(super) fn set_number(features: &EntityFeatures, field: &Field, value: f64) -> Vec<(String, Js)> {
    let FieldKind::Derived { formula } = &field.kind else {
        return vec![(field.key.clone(), Js::Number(value))];
    };
    let (a, b, neutral) = match formula {
        Formula::Product { a, b } => (a, b, 1.0),
        Formula::SumOf { a, b } | Formula::Difference { a, b } => (a, b, 0.0),
    };
    let mut changes = set_number(features, features.field(b), neutral);
    changes.extend(set_number(features, features.field(a), value));
    changes
}

/// The stored fields a value depends on: itself, or what it is computed from.
pub(super) fn sources(features: &EntityFeatures, field: &Field) -> Vec<String> {
    if is_derived(field) {
        operands(field).iter().flat_map(|key| sources(features, features.field(key))).collect()
    } else {
        vec![field.key.clone()]
    }
}

/// The name of sample `index` of an entity.
pub(super) fn sample_name(features: &EntityFeatures, index: usize) -> String {
    let title = features.field(&features.entity.title_field);
    shown(&value(features, title, &sample(features, index)))
}

/// A value as JavaScript turns it into text.
pub(super) fn shown(value: &Js) -> String {
    match value {
        Js::Text(text) => text.clone(),
        Js::Null => String::new(),
        Js::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.inline(),
    }
}

/// The name of the record that a reference means, among the three stored samples.
pub(super) fn name_of(app: &App, target: &str, id: &str) -> String {
    let number = id.strip_prefix(&format!("{target}-")).and_then(|number| number.parse::<usize>().ok());
    match number {
        Some(number) if (1..=SAMPLES).contains(&number) => sample_name(app.target(target), number - 1),
        _ => String::new(),
    }
}

/// Whether a search finds the record.
pub(super) fn found(app: &App, features: &EntityFeatures, record: &Js, wanted: &str) -> bool {
    features
        .search
        .iter()
        .any(|key| searched(app, features, key, record).to_lowercase().contains(&wanted.to_lowercase()))
}

/// The text of a field that a search looks into.
pub(super) fn searched(app: &App, features: &EntityFeatures, key: &str, record: &Js) -> String {
    let field = features.field(key);
    let value = value(features, field, record);
    match &field.kind {
        FieldKind::Reference { target } => name_of(app, target, value.as_text()),
        _ => shown(&value),
    }
}

/// The ids in order.
pub(super) fn sorted(
    app: &App,
    features: &EntityFeatures,
    field: &Field,
    records: &[Js],
    descending: bool,
) -> Vec<String> {
    let key = |record: &Js| -> Option<(f64, String)> {
        let value = value(features, field, record);
        let (number, text) = match (&field.kind, &value) {
            (_, Js::Null) => return None,
            (FieldKind::Choice { choices }, Js::Text(text)) => {
                let place = choices.iter().position(|choice| choice.value == *text)?;
                (f64::from(u32::try_from(place).unwrap_or(0)), String::new())
            }
            (FieldKind::Reference { target }, Js::Text(id)) => (0.0, name_of(app, target, id).to_lowercase()),
            (FieldKind::Date | FieldKind::DateTime | FieldKind::Time, Js::Text(text)) => (0.0, text.clone()),
            (_, Js::Text(text)) => (0.0, text.to_lowercase()),
            (_, Js::Bool(flag)) => (f64::from(u8::from(*flag)), String::new()),
            (_, Js::Number(number)) => (*number, String::new()),
            (_, Js::List(items)) => (0.0, items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            _ => return None,
        };
        let is_text =
            !matches!(value, Js::Number(_) | Js::Bool(_)) && !matches!(field.kind, FieldKind::Choice { .. });
        if is_text && text.is_empty() { None } else { Some((number, text)) }
    };
    let mut filled: Vec<_> =
        records.iter().filter_map(|record| key(record).map(|key| (key, record))).collect();
    filled.sort_by(|(a, _), (b, _)| {
        let order = a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1));
        if descending { order.reverse() } else { order }
    });
    let empty = records.iter().filter(|record| key(record).is_none());
    filled.iter().map(|(_, record)| *record).chain(empty).map(id).collect()
}

/// The id of a record.
pub(super) fn id(record: &Js) -> String {
    record.get("id").map(shown).unwrap_or_default()
}

/// The groups of records: value, label and the records. The three samples of other kinds are stored.
pub(super) fn groups<'a>(
    app: &App,
    features: &EntityFeatures,
    grouping: &Grouping,
    records: &'a [Js],
) -> Vec<(Js, String, Vec<&'a Js>)> {
    let (field, month) = match grouping {
        Grouping::Field { field } => (features.field(field), false),
        Grouping::Month { field } => (features.field(field), true),
    };
    let key = |record: &Js| {
        let value = value(features, field, record);
        if month { Js::text(value.as_text().chars().take(7).collect::<String>()) } else { value }
    };
    let mut known: Vec<(Js, String)> = match &field.kind {
        FieldKind::Choice { choices } => {
            choices.iter().map(|choice| (Js::text(&choice.value), choice.label.clone())).collect()
        }
        FieldKind::Boolean => vec![(Js::Bool(true), "Yes".into()), (Js::Bool(false), "No".into())],
        FieldKind::Reference { target } => (0..SAMPLES)
            .map(|at| (Js::text(format!("{target}-{}", at + 1)), sample_name(app.target(target), at)))
            .collect(),
        _ => Vec::new(),
    };
    let mut found: Vec<Js> = records.iter().map(key).collect();
    found.sort_by_key(shown);
    for value in found {
        if !known.iter().any(|(known, _)| *known == value) {
            let label = if value == Js::text("") { "None".to_owned() } else { shown(&value) };
            known.push((value, label));
        }
    }
    known
        .into_iter()
        .map(|(value, label)| {
            let members = records.iter().filter(|record| key(record) == value).collect();
            (value, label, members)
        })
        .collect()
}

/// The literal of a grouping.
pub(super) fn grouping_literal(grouping: &Grouping) -> String {
    let (by, field) = match grouping {
        Grouping::Field { field } => ("field", field),
        Grouping::Month { field } => ("month", field),
    };
    Js::object([("by", Js::text(by)), ("field", Js::text(field))]).inline()
}

/// How many records are in each group, or in all.
pub(super) fn count(app: &App, features: &EntityFeatures, per: Option<&Grouping>, records: &[Js]) -> Js {
    #[expect(clippy::cast_precision_loss, reason = "a handful of records")]
    let number = |count: usize| Js::Number(count as f64);
    match per {
        None => number(records.len()),
        Some(per) => groups(app, features, per, records)
            .into_iter()
            .map(|(value, label, members)| {
                Js::object([("value", value), ("label", Js::Text(label)), ("count", number(members.len()))])
            })
            .collect::<Vec<_>>()
            .into(),
    }
}

/// One number, or one per group.
pub(super) fn total(app: &App, features: &EntityFeatures, total: &TotalOf, records: &[Js]) -> Js {
    let digits = total_digits(app);
    let of = |records: &[&Js]| aggregate(features, total, records, digits);
    match &total.per {
        None => of(&records.iter().collect::<Vec<_>>()),
        Some(per) => groups(app, features, per, records)
            .into_iter()
            .map(|(value, label, members)| {
                Js::object([("value", value), ("label", Js::Text(label)), ("total", of(&members))])
            })
            .collect::<Vec<_>>()
            .into(),
    }
}

fn aggregate(features: &EntityFeatures, total: &TotalOf, records: &[&Js], digits: usize) -> Js {
    let field = features.field(&total.field);
    let numbers: Vec<f64> =
        records.iter().filter_map(|record| value(features, field, record).as_number()).collect();
    let sum = numbers.iter().fold(0.0, |sum, number| sum + number);
    #[expect(clippy::cast_precision_loss, reason = "a handful of records")]
    let whole = match total.aggregate {
        Aggregate::Sum => Some(sum),
        _ if numbers.is_empty() => None,
        Aggregate::Average => Some(sum / numbers.len() as f64),
        Aggregate::Minimum => numbers.iter().copied().reduce(f64::min),
        Aggregate::Maximum => numbers.iter().copied().reduce(f64::max),
    };
    whole.map_or(Js::Null, |number| Js::Number(to_fixed(number, digits)))
}

/// `Number(number.toFixed(digits))`: of two equally near, the larger.
pub(super) fn to_fixed(number: f64, digits: usize) -> f64 {
    // The exact decimal expansion decides; sixty digits hold that of any number a test uses.
    let exact = format!("{:.60}", number.abs());
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let kept: String = format!("{whole}{}", &fraction[..digits]);
    let up = fraction.as_bytes()[digits] >= b'5';
    let mut scaled: f64 = kept.parse().unwrap_or(0.0);
    scaled += f64::from(u8::from(up));
    let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
    let rounded = scaled / scale;
    if number < 0.0 { -rounded } else { rounded }
}

/// What the alerts say about a record.
pub(super) fn alerts(features: &EntityFeatures, record: &Js) -> Vec<String> {
    let number = |key: &str| value(features, features.field(key), record).as_number();
    features
        .alerts
        .iter()
        .filter(|alert| {
            let than = match &alert.than {
                Operand::Number { value } => Some(*value),
                Operand::Field { field } => number(field),
            };
            number(&alert.field).zip(than).is_some_and(|(value, than)| match alert.comparison {
                Comparison::Below => value < than,
                Comparison::AtMost => value <= than,
                Comparison::AtLeast => value >= than,
                Comparison::Above => value > than,
            })
        })
        .map(|alert| {
            alert_message(features, alert, &|key| shown(&value(features, features.field(key), record)))
        })
        .collect()
}

/// The figures of the statistics.
pub(super) fn statistics(features: &EntityFeatures, records: &[Js]) -> Js {
    #[expect(clippy::cast_precision_loss, reason = "a handful of records")]
    let number = |count: usize| Js::Number(count as f64);
    let figure = |label: String, value: Js| Js::object([("label", Js::Text(label)), ("value", value)]);
    let mut figures = vec![figure(features.entity.label_plural.clone(), number(records.len()))];
    for field in &features.entity.fields {
        match &field.kind {
            FieldKind::Choice { choices } => figures.extend(choices.iter().map(|choice| {
                let having =
                    records.iter().filter(|record| value(features, field, record).as_text() == choice.value);
                figure(format!("{}: {}", field.label, choice.label), number(having.count()))
            })),
            FieldKind::Boolean => {
                let having = records.iter().filter(|record| value(features, field, record) == Js::Bool(true));
                figures.push(figure(field.label.clone(), number(having.count())));
            }
            _ if is_number(field) => {
                let numbers: Vec<f64> =
                    records.iter().filter_map(|record| value(features, field, record).as_number()).collect();
                let sum = numbers.iter().fold(0.0, |sum, number| sum + number);
                #[expect(clippy::cast_precision_loss, reason = "a handful of records")]
                let mean = if numbers.is_empty() {
                    Js::Null
                } else {
                    Js::Number(to_fixed(sum / numbers.len() as f64, 2))
                };
                figures.push(figure(format!("{}, sum", field.label), Js::Number(to_fixed(sum, 2))));
                figures.push(figure(format!("{}, mean", field.label), mean));
            }
            _ => {}
        }
    }
    Js::List(figures)
}

/// The cards of a quiz in the order of a seed: question, answer, options.
pub(super) fn cards(
    features: &EntityFeatures,
    rule: &QuizRule,
    records: &[Js],
    seed: u32,
) -> Vec<(Js, Js, Js)> {
    let mut state = u64::from(seed);
    let mut random = |bound: usize| -> usize {
        state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
        usize::try_from(state * (bound as u64) / 4_294_967_296).unwrap_or(0)
    };
    let mut order: Vec<&Js> = records.iter().collect();
    for last in (1..order.len()).rev() {
        let other = random(last + 1);
        order.swap(last, other);
    }
    let get = |record: &Js, key: &str| value(features, features.field(key), record);
    order
        .into_iter()
        .map(|record| {
            let answer = get(record, &rule.answer);
            let mut options: Vec<Js> = Vec::new();
            if let Some(key) = &rule.options {
                if let Js::List(items) = get(record, key) {
                    options = items;
                }
                if !options.contains(&answer) {
                    options.push(answer.clone());
                }
                for last in (1..options.len()).rev() {
                    let other = random(last + 1);
                    options.swap(last, other);
                }
            }
            (get(record, &rule.question), answer, Js::List(options))
        })
        .collect()
}

/// What a record is in a file: references by name.
fn file_value(app: &App, field: &Field, record: &Js) -> Js {
    let value = record.get(&field.key).cloned().unwrap_or(Js::Null);
    match &field.kind {
        FieldKind::Reference { target } => {
            let name = name_of(app, target, value.as_text());
            let same =
                |at: &usize| sample_name(app.target(target), *at).to_lowercase() == name.to_lowercase();
            let namesakes = (0..SAMPLES).filter(same).count();
            if namesakes == 1 || name.is_empty() { Js::Text(name) } else { value }
        }
        _ => value,
    }
}

/// The CSV file of records.
pub(super) fn csv(app: &App, features: &EntityFeatures, records: &[Js]) -> String {
    let cell = |value: &Js| {
        let text = match value {
            Js::List(items) => items.iter().map(shown).collect::<Vec<_>>().join("; "),
            other => shown(other),
        };
        let quoted = text.contains(['"', ',', '\r', '\n']);
        if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let fields: Vec<&Field> = features.stored().collect();
    let header: Vec<String> = fields.iter().map(|field| cell(&Js::text(&field.label))).collect();
    let rows = records
        .iter()
        .map(|record| fields.iter().map(|field| cell(&file_value(app, field, record))).collect::<Vec<_>>());
    std::iter::once(header).chain(rows).map(|cells| format!("{}\r\n", cells.join(","))).collect()
}

/// The records of a JSON file, as the literal that is written.
pub(super) fn json(app: &App, features: &EntityFeatures, records: &[Js]) -> Js {
    let plain = |record: &Js| {
        Js::object(features.stored().map(|field| (field.key.clone(), file_value(app, field, record))))
    };
    Js::List(records.iter().map(plain).collect())
}

/// What a new record starts with.
pub(super) fn blank_of(features: &EntityFeatures) -> Js {
    blank(features)
}
