//! `src/core/<entity>.js` and `src/core/values.js`: what records hold and which rules they obey.

use serde_json::{Value, json};

use super::rules::{self, FieldRules, messages};
use crate::pipelines::app::features::{App, EntityFeatures, OverlapRule, is_derived};
use crate::pipelines::app::javascript::{Js, member};
use crate::pipelines::app::spec::{Field, FieldKind, Formula};

/// What the template of `values.js` needs: the kinds of values that occur.
pub(super) fn values(app: &App) -> Value {
    let has = |wanted: &dyn Fn(&FieldKind) -> bool| {
        app.any(|features| features.entity.fields.iter().any(|field| wanted(&field.kind)))
    };
    let date_time = has(&|kind| matches!(kind, FieldKind::DateTime));
    json!({
        "number": has(&|kind| rules::reader(kind) == "toNumber"),
        "boolean": has(&|kind| matches!(kind, FieldKind::Boolean)),
        "list": has(&|kind| rules::reader(kind) == "toList"),
        "date": date_time || has(&|kind| matches!(kind, FieldKind::Date | FieldKind::Dates)),
        "time": date_time || has(&|kind| matches!(kind, FieldKind::Time)),
        "date_time": date_time,
        "email": has(&|kind| matches!(kind, FieldKind::Email)),
        "url": has(&|kind| matches!(kind, FieldKind::Url)),
        "phone": has(&|kind| matches!(kind, FieldKind::Phone)),
    })
}

/// What the template of an entity needs.
pub(super) fn context(app: &App, features: &EntityFeatures) -> Value {
    let entity = &features.entity;
    let fields: Vec<Value> = features
        .stored()
        .map(|field| {
            let target = match &field.kind {
                FieldKind::Reference { target } => app.entity(target).map(|target| &target.entity),
                _ => None,
            };
            let FieldRules { read, guard, rules } = rules::field_rules(entity, field, target);
            let rules: Vec<Value> =
                rules.iter().map(|rule| json!({ "when": rule.when, "message": rule.message })).collect();
            json!({ "key": field.key, "value": member("value", &field.key), "read": read, "guard": guard, "rules": rules })
        })
        .collect();
    let unique_sets: Vec<Value> = unique_sets(features)
        .iter()
        .map(|set| {
            let when: Vec<String> = set.iter().map(|field| rules::same(field)).collect();
            json!({ "field": set[0].key, "when": when.join(" && "), "message": messages::unique(entity, set) })
        })
        .collect();
    let overlaps: Vec<Value> = features.overlaps.iter().map(|rule| overlap(features, rule)).collect();
    let derived: Vec<Value> = features
        .derived()
        .iter()
        .map(|field| json!({ "value": member("derived", &field.key), "formula": formula(features, field) }))
        .collect();
    json!({
        "label": entity.label,
        "pascal": features.pascal(),
        "imports": imports(features),
        "blank": blank(features).block(2, 9),
        "fields": fields,
        "unique_sets": unique_sets,
        "overlaps": overlaps,
        "context": needs_others(features) || needs_references(features),
        "derived": derived,
    })
}

/// Whether the rules of a record look at the other records of its kind.
pub(super) fn needs_others(features: &EntityFeatures) -> bool {
    let unique = features.stored().any(|field| {
        field.unique && !matches!(field.kind, FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates)
    });
    unique || !unique_sets(features).is_empty() || !features.overlaps.is_empty()
}

/// Whether the rules of a record look at records of other kinds.
pub(super) fn needs_references(features: &EntityFeatures) -> bool {
    features.stored().any(|field| matches!(field.kind, FieldKind::Reference { .. }))
}

/// The sets of fields in which no two records may agree.
pub(in crate::pipelines::app) fn unique_sets(features: &EntityFeatures) -> Vec<Vec<&Field>> {
    let sets = features.unique_sets.iter().map(|keys| rules::comparable(features, keys));
    sets.filter(|set| !set.is_empty()).collect()
}

fn imports(features: &EntityFeatures) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for field in features.stored() {
        names.extend(rules::checker(&field.kind));
        names.push(rules::reader(&field.kind));
    }
    names.sort_unstable();
    names.dedup();
    let mut imports = Vec::new();
    if !features.overlaps.is_empty() {
        imports.push(json!({ "names": ["overlaps"], "from": "./overlap.js" }));
    }
    if !names.is_empty() {
        imports.push(json!({ "names": names, "from": "./values.js" }));
    }
    imports
}

/// What a new record starts with.
pub(in crate::pipelines::app) fn blank(features: &EntityFeatures) -> Js {
    Js::object(features.stored().map(|field| (field.key.clone(), start(field))))
}

fn start(field: &Field) -> Js {
    let text = field.default.as_deref().unwrap_or_default().trim();
    match rules::reader(&field.kind) {
        "toNumber" => text.parse::<f64>().ok().filter(|value| value.is_finite()).map_or(Js::Null, Js::Number),
        "toBoolean" => Js::Bool(text == "true"),
        "toList" => Js::List(
            text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).map(Js::text).collect(),
        ),
        _ => Js::text(text),
    }
}

fn overlap(features: &EntityFeatures, rule: &OverlapRule) -> Value {
    let (start, end) = (features.field(&rule.start), features.field(&rule.end));
    let value = |field: &Field| member("value", &field.key);
    let other = |field: &Field| member("other", &field.key);
    let meet = format!("overlaps({}, {}, {}, {})", value(start), value(end), other(start), other(end));
    let same = rule.same.iter().map(|key| rules::same(features.field(key)));
    let when: Vec<String> = same.chain(std::iter::once(meet)).collect();
    json!({
        "start": start.key,
        "end": end.key,
        "guard": format!("{} && {}", rules::is_filled(start, &value(start)), rules::is_filled(end, &value(end))),
        "backwards": format!("{} <= {}", value(end), value(start)),
        "order_message": messages::backwards(features, rule),
        "when": when.join(" && "),
        "message": messages::overlap(features, rule),
    })
}

fn formula(features: &EntityFeatures, field: &Field) -> String {
    let operand = |key: &str| {
        let computed = features.entity.field(key).is_some_and(is_derived);
        member(if computed { "derived" } else { "record" }, key)
    };
    let FieldKind::Derived { formula } = &field.kind else { return "null".to_owned() };
    let plain = match formula {
        Formula::Product { a, b } => format!("{} * {}", operand(a), operand(b)),
        Formula::SumOf { a, b } => format!("{} + {}", operand(a), operand(b)),
        Formula::Difference { a, b } => format!("{} - {}", operand(a), operand(b)),
    };
    match (features.is_money(field), formula) {
        (true, Formula::Product { .. }) => format!("Math.round({plain} * 100) / 100"),
        (true, _) => format!("Math.round(({plain}) * 100) / 100"),
        (false, _) => plain,
    }
}
