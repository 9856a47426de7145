//! What must be true of a field, as JavaScript conditions and the sentences that refuse a value.

use crate::pipelines::app::features::{EntityFeatures, OverlapRule, is_derived};
use crate::pipelines::app::javascript::{and, lower, member, number, quote};
use crate::pipelines::app::spec::{Entity, Field, FieldKind};

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// The condition under which the value is refused.
    pub(super) when: String,
    /// What is said then.
    pub(super) message: String,
}

/// How a field is read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldRules {
    /// The value that is kept, made from the input.
    pub(super) read: String,
    /// The condition for looking at the rules at all: an optional field may be empty.
    pub(super) guard: Option<String>,
    /// The first that holds refuses the value.
    pub(super) rules: Vec<Rule>,
}

/// The rules of a stored field.
pub(super) fn field_rules(entity: &Entity, field: &Field, target: Option<&Entity>) -> FieldRules {
    let value = member("value", &field.key);
    let read = format!("{}({})", reader(&field.kind), member("input", &field.key));
    let read = if matches!(field.kind, FieldKind::Dates) { format!("{read}.sort()") } else { read };
    let mut rules = Vec::new();
    let guard = match &field.kind {
        FieldKind::Boolean => None,
        _ if field.required => {
            rules.push(Rule { when: is_empty(field, &value), message: messages::required(field) });
            None
        }
        // Nothing is wrong with an empty list of days, nor with the length of an empty text.
        FieldKind::Dates => None,
        FieldKind::Text { .. } | FieldKind::LongText { .. } if !field.unique => None,
        _ => Some(is_filled(field, &value)),
    };
    rules.extend(kind_rules(field, target, &value));
    if field.unique && !matches!(field.kind, FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates) {
        rules.push(Rule {
            when: format!("context.others.some((other) => {})", same(field)),
            message: messages::unique(entity, &[field]),
        });
    }
    FieldRules { read, guard, rules }
}

/// The function of `values.js` that reads a field.
pub(super) fn reader(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer { .. }
        | FieldKind::Decimal { .. }
        | FieldKind::Money { .. }
        | FieldKind::Rating { .. } => "toNumber",
        FieldKind::Boolean => "toBoolean",
        FieldKind::Tags | FieldKind::Dates => "toList",
        _ => "toText",
    }
}

/// The function of `values.js` that checks a field.
pub(super) fn checker(kind: &FieldKind) -> Option<&'static str> {
    match kind {
        FieldKind::Date | FieldKind::Dates => Some("isDate"),
        FieldKind::DateTime => Some("isDateTime"),
        FieldKind::Time => Some("isTime"),
        FieldKind::Email => Some("isEmail"),
        FieldKind::Url => Some("isUrl"),
        FieldKind::Phone => Some("isPhone"),
        _ => None,
    }
}

fn kind_rules(field: &Field, target: Option<&Entity>, value: &str) -> Vec<Rule> {
    let rule = |when: String, message: String| Rule { when, message };
    let kind = messages::kind(field, target);
    match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => max_length
            .iter()
            .map(|max| rule(format!("{value}.length > {max}"), messages::too_long(field, *max)))
            .collect(),
        FieldKind::Integer { .. } | FieldKind::Rating { .. } => {
            let whole = rule(format!("!Number.isInteger({value})"), kind);
            std::iter::once(whole).chain(range_rule(field, value)).collect()
        }
        FieldKind::Decimal { .. } => {
            let finite = rule(format!("!Number.isFinite({value})"), kind);
            std::iter::once(finite).chain(range_rule(field, value)).collect()
        }
        FieldKind::Money { .. } => {
            let cents = rule(
                format!("!Number.isFinite({value}) || Math.round({value} * 100) / 100 !== {value}"),
                kind,
            );
            std::iter::once(cents).chain(range_rule(field, value)).collect()
        }
        FieldKind::Boolean => vec![rule(format!("{value} === null"), kind)],
        FieldKind::Choice { choices } => {
            let values: Vec<String> = choices.iter().map(|choice| quote(&choice.value)).collect();
            vec![rule(format!("![{}].includes({value})", values.join(", ")), kind)]
        }
        FieldKind::Reference { target } => {
            vec![rule(format!("!context.exists({}, {value})", quote(target)), kind)]
        }
        FieldKind::Dates => vec![rule(format!("!{value}.every(isDate)"), kind)],
        _ => checker(&field.kind).map(|check| rule(format!("!{check}({value})"), kind)).into_iter().collect(),
    }
}

fn range_rule(field: &Field, value: &str) -> Option<Rule> {
    let (min, max) = range(&field.kind);
    let when = match (min, max) {
        (Some(min), Some(max)) => format!("{value} < {} || {value} > {}", number(min), number(max)),
        (Some(min), None) => format!("{value} < {}", number(min)),
        (None, Some(max)) => format!("{value} > {}", number(max)),
        (None, None) => return None,
    };
    Some(Rule { when, message: messages::range(field) })
}

/// The range of a number field, both ends included.
pub(in crate::pipelines::app) fn range(kind: &FieldKind) -> (Option<f64>, Option<f64>) {
    match kind {
        FieldKind::Integer { min, max } | FieldKind::Decimal { min, max } | FieldKind::Money { min, max } => {
            (*min, *max)
        }
        FieldKind::Rating { min, max } => (Some(*min), Some(*max)),
        _ => (None, None),
    }
}

/// A condition that holds when the field has no value.
pub(super) fn is_empty(field: &Field, value: &str) -> String {
    match reader(&field.kind) {
        "toNumber" => format!("{value} === null"),
        "toList" => format!("{value}.length === 0"),
        _ => format!("{value} === ''"),
    }
}

/// A condition that holds when the field has a value.
pub(super) fn is_filled(field: &Field, value: &str) -> String {
    match reader(&field.kind) {
        "toNumber" => format!("{value} !== null"),
        "toList" => format!("{value}.length > 0"),
        _ => format!("{value} !== ''"),
    }
}

/// A condition that holds when `other` and `value` agree in the field; letter case does not tell texts apart.
pub(super) fn same(field: &Field) -> String {
    let (other, value) = (member("other", &field.key), member("value", &field.key));
    match field.kind {
        FieldKind::Text { .. } | FieldKind::LongText { .. } | FieldKind::Email | FieldKind::Url => {
            format!("{other}.toLowerCase() === {value}.toLowerCase()")
        }
        _ => format!("{other} === {value}"),
    }
}

/// The fields of a set in which records can agree.
pub(in crate::pipelines::app) fn comparable<'a>(
    features: &'a EntityFeatures,
    keys: &[String],
) -> Vec<&'a Field> {
    keys.iter()
        .map(|key| features.field(key))
        .filter(|field| !is_derived(field) && !matches!(field.kind, FieldKind::Tags | FieldKind::Dates))
        .collect()
}

/// The sentences that refuse a value. The tests expect the very same.
pub(in crate::pipelines::app) mod messages {
    use super::*;

    /// An empty field.
    pub(crate) fn required(field: &Field) -> String {
        format!("{} is required.", field.label)
    }

    /// A text above its length.
    pub(crate) fn too_long(field: &Field, max: u32) -> String {
        format!("{} must be at most {max} characters long.", field.label)
    }

    /// A number outside its range.
    pub(crate) fn range(field: &Field) -> String {
        let label = &field.label;
        match super::range(&field.kind) {
            (Some(min), Some(max)) => format!("{label} must be between {} and {}.", number(min), number(max)),
            (Some(min), None) => format!("{label} must be at least {}.", number(min)),
            (_, max) => format!("{label} must be at most {}.", number(max.unwrap_or_default())),
        }
    }

    /// A value of another kind.
    pub(crate) fn kind(field: &Field, target: Option<&Entity>) -> String {
        let what = match &field.kind {
            FieldKind::Integer { .. } | FieldKind::Rating { .. } => "a whole number".to_owned(),
            FieldKind::Decimal { .. } => "a number".to_owned(),
            FieldKind::Money { .. } => "an amount with at most two decimals".to_owned(),
            FieldKind::Boolean => "yes or no".to_owned(),
            FieldKind::Choice { choices } => {
                let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
                format!("one of: {}", labels.join(", "))
            }
            FieldKind::Reference { .. } => {
                format!("an existing {}", target.map_or_else(String::new, |target| lower(&target.label)))
            }
            FieldKind::Date => "a date like 2026-11-20".to_owned(),
            FieldKind::DateTime => "a date and time like 2026-11-20T09:30".to_owned(),
            FieldKind::Time => "a time like 09:30".to_owned(),
            FieldKind::Dates => "dates like 2026-11-20".to_owned(),
            FieldKind::Email => "an e-mail address".to_owned(),
            FieldKind::Url => "an address that starts with http:// or https://".to_owned(),
            FieldKind::Phone => "a telephone number".to_owned(),
            FieldKind::Text { .. }
            | FieldKind::LongText { .. }
            | FieldKind::Tags
            | FieldKind::Derived { .. } => "a text".to_owned(),
        };
        format!("{} must be {what}.", field.label)
    }

    /// A record that agrees with another in these fields.
    pub(crate) fn unique(entity: &Entity, fields: &[&Field]) -> String {
        let one = lower(&entity.label);
        match fields {
            [only] => format!("Another {one} already has this {}.", lower(&only.label)),
            _ => {
                let labels: Vec<String> = fields.iter().map(|field| lower(&field.label)).collect();
                format!("Another {one} already has the same {}.", and(&labels))
            }
        }
    }

    /// An interval that ends before it starts.
    pub(crate) fn backwards(features: &EntityFeatures, rule: &OverlapRule) -> String {
        format!(
            "{} must be after {}.",
            features.field(&rule.end).label,
            lower(&features.field(&rule.start).label)
        )
    }

    /// An interval that meets another.
    pub(crate) fn overlap(features: &EntityFeatures, rule: &OverlapRule) -> String {
        let one = lower(&features.entity.label);
        match &rule.per {
            Some(per) => {
                format!(
                    "This {one} overlaps with another {one} of the same {}.",
                    lower(&features.field(per).label)
                )
            }
            None => format!("This {one} overlaps with another {one}."),
        }
    }

    /// One record too many.
    pub(crate) fn limit(features: &EntityFeatures, max: u32) -> String {
        format!("There can be at most {max} {}.", lower(&features.entity.label_plural))
    }

    /// An id that no record has.
    pub(crate) fn unknown(entity: &Entity) -> String {
        format!("This {} does not exist.", lower(&entity.label))
    }

    /// A record that others refer to.
    pub(crate) fn in_use(entity: &Entity, user: &Entity) -> String {
        format!("This {} is still used by {}.", lower(&entity.label), lower(&user.label_plural))
    }

    /// A step that a state may not take; the values as they are stored.
    pub(crate) fn misstep(field: &Field, from: &str, to: &str) -> String {
        format!("{} cannot go from {} to {}.", field.label, choice(field, from), choice(field, to))
    }

    /// The label of a choice.
    pub(crate) fn choice(field: &Field, value: &str) -> String {
        match &field.kind {
            FieldKind::Choice { choices } => choices
                .iter()
                .find(|choice| choice.value == value)
                .map_or_else(|| value.to_owned(), |choice| choice.label.clone()),
            _ => value.to_owned(),
        }
    }
}
