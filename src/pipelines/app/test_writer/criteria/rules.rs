//! Criteria about what records must be like.

use super::{open, open_saved};
use crate::pipelines::app::core_logic::entity::unique_sets;
use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::OverlapRule;
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::samples::{SAMPLES, sample};
use crate::pipelines::app::spec::{Field, FieldKind};
use crate::pipelines::app::test_writer::case::{
    Case, Changes, entries, error, interval, other_value, range_ends, refused,
};

/// A number of records.
pub(in crate::pipelines::app::test_writer) fn limit(case: Case<'_>, max: u32, check: Check) -> Vec<String> {
    // The smallest limit is the one that holds.
    let max = case.features.limit.map_or(max, |limit| limit.min(max));
    let count = if check == Check::LimitAccepts { max.saturating_sub(1) } else { max };
    let records = format!("Array.from({{ length: {count} }}, () => ({{}}))");
    let mut lines = vec![open_saved(&case.open_with(&records))];
    if check == Check::LimitAccepts {
        lines.push(format!("equal({}.ok, true);", case.save(SAMPLES, "")));
        lines.push(format!("equal({}.length, {max});", case.list()));
        lines.push("equal(saved.length, 1);".into());
    } else {
        let message = messages::limit(case.features, max);
        lines.push(format!("deepEqual({}, {});", case.save(SAMPLES, ""), refused("", &message)));
        lines.push(format!("equal({}.length, {max});", case.list()));
        lines.push("equal(saved.length, 0);".into());
    }
    lines
}

/// The length of a text.
pub(in crate::pipelines::app::test_writer) fn length(
    case: Case<'_>,
    key: &str,
    max: u32,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let max = match &field.kind {
        FieldKind::Text { max_length: Some(known) } | FieldKind::LongText { max_length: Some(known) } => {
            *known
        }
        _ => max,
    };
    let text =
        |length: u32| format!("{}: 'x'.repeat({length})", crate::pipelines::app::javascript::property(key));
    let mut lines = vec![open(&case.open(0))];
    if check == Check::LengthAccepts {
        lines.push(format!("equal({}.ok, true);", case.save(0, &text(max))));
    } else {
        let expected = error(key, &messages::too_long(field, max));
        lines.push(format!("deepEqual({}.errors, [{expected}]);", case.save(0, &text(max + 1))));
    }
    lines
}

/// No two alike.
pub(in crate::pipelines::app::test_writer) fn unique(
    case: Case<'_>,
    keys: &[String],
    check: Check,
) -> Vec<String> {
    let fields: Vec<&Field> = match keys {
        [only] => vec![case.features.field(only)],
        _ => unique_sets(case.features)
            .into_iter()
            .find(|set| set.iter().all(|field| keys.contains(&field.key)))
            .unwrap_or_default(),
    };
    let first = sample(case.features, 0);
    let value = |field: &Field, capitals: bool| {
        let value = first.get(&field.key).cloned().unwrap_or(Js::Null);
        let is_text = matches!(
            field.kind,
            FieldKind::Text { .. } | FieldKind::LongText { .. } | FieldKind::Email | FieldKind::Url
        );
        match value {
            Js::Text(text) if capitals && is_text => (field.key.clone(), Js::Text(text.to_uppercase())),
            other => (field.key.clone(), other),
        }
    };
    let mut lines = vec![open(&case.open(1))];
    match check {
        Check::UniqueAccepts => {
            // All but the last field agree.
            let (_, same) = fields.split_last().unwrap_or((&fields[0], &[]));
            let changes: Changes = same.iter().map(|field| value(field, false)).collect();
            lines.push(format!("equal({}.ok, true);", case.save(1, &entries(&changes))));
            lines.push(format!("equal({}.length, 2);", case.list()));
        }
        Check::UniqueRefuses => {
            let changes: Changes = fields.iter().map(|field| value(field, true)).collect();
            let expected = error(&fields[0].key, &messages::unique(&case.features.entity, &fields));
            lines.push(format!("const {{ errors }} = {};", case.save(1, &entries(&changes))));
            lines.push(format!("deepEqual(errors[0], {expected});"));
            lines.push(format!("equal({}.length, 1);", case.list()));
        }
        _ => {
            let changes: Changes = fields.iter().map(|field| value(field, false)).collect();
            let method = if case.features.edit { "update" } else { "get" };
            if method == "update" {
                lines.push(format!(
                    "const result = store.update({}, {}, {{ {} }});",
                    case.key(),
                    case.id(0),
                    entries(&changes)
                ));
                lines.push(format!("deepEqual(result, {{ ok: true, record: {} }});", case.expected(0, &[])));
            } else {
                lines.push(format!(
                    "deepEqual(store.get({}, {}), {});",
                    case.key(),
                    case.id(0),
                    case.expected(0, &[])
                ));
            }
        }
    }
    lines
}

/// Nothing empty.
pub(in crate::pipelines::app::test_writer) fn required(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let mut lines = vec![open(&case.open(0))];
    if check == Check::RequiredAccepts {
        lines.push(format!("equal({}.ok, true);", case.save(0, "")));
        return lines;
    }
    // A yes or no is never empty; what is neither is refused.
    let (values, message) = match &field.kind {
        FieldKind::Boolean => (vec!["'perhaps'"], messages::kind(field, None)),
        FieldKind::Tags | FieldKind::Dates => (vec!["[]", "''"], messages::required(field)),
        _ => (vec!["''", "'   '", "null"], messages::required(field)),
    };
    for value in values {
        let changes = format!("{}: {value}", crate::pipelines::app::javascript::property(key));
        lines.push(format!("deepEqual({}.errors, [{}]);", case.save(0, &changes), error(key, &message)));
    }
    if case.features.add {
        lines.push(format!("deepEqual({}, []);", case.list()));
    }
    lines
}

/// The range of a number.
pub(in crate::pipelines::app::test_writer) fn between(
    case: Case<'_>,
    key: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let (inside, outside) = range_ends(field);
    let mut lines = vec![open(&case.open(0))];
    let with = |value: f64| entries(&[(key.to_owned(), Js::Number(value))]);
    if inside.is_empty() {
        lines.push(format!("equal({}.ok, true);", case.save(0, "")));
    } else if check == Check::BetweenAccepts {
        let any = format!("{}: value", crate::pipelines::app::javascript::property(key));
        lines = vec![
            format!("for (const value of {}) {{", Js::from(inside).inline()),
            format!("  {}", open(&case.open(0))),
            format!("  equal({}.ok, true);", case.save(0, &any)),
            "}".into(),
        ];
    } else {
        let message = messages::range(field);
        for value in outside {
            lines.push(format!(
                "deepEqual({}.errors, [{}]);",
                case.save(0, &with(value)),
                error(key, &message)
            ));
        }
        lines.push(format!("deepEqual({}, []);", case.list()));
    }
    lines
}

/// No two at the same time.
pub(in crate::pipelines::app::test_writer) fn overlap(
    case: Case<'_>,
    rule: &OverlapRule,
    check: Check,
) -> Vec<String> {
    let features = case.features;
    let first = sample(features, 0);
    let same: Changes =
        rule.same.iter().map(|key| (key.clone(), first.get(key).cloned().unwrap_or(Js::Null))).collect();
    let at = |from: i32, to: i32| {
        let mut changes = same.clone();
        changes.extend(interval(features, rule, from, to));
        changes
    };
    let stored = |from: i32, to: i32| case.open_changed(&[interval(features, rule, from, to)]);
    match check {
        Check::OverlapTouches => vec![
            open(&stored(1, 2)),
            format!("equal({}.ok, true);", case.save(1, &entries(&at(2, 3)))),
            format!("equal({}.ok, true);", case.save(2, &entries(&at(0, 1)))),
        ],
        Check::OverlapRefuses => {
            let expected = error(&rule.start, &messages::overlap(features, rule));
            let mut lines = vec![open_saved(&stored(1, 3)), format!("const errors = [{expected}];")];
            for (from, to) in [(0, 2), (2, 4), (0, 4), (1, 3), (1, 2)] {
                lines.push(format!("deepEqual({}.errors, errors);", case.save(1, &entries(&at(from, to)))));
            }
            lines.push(format!("equal({}.length, 1);", case.list()));
            lines.push("equal(saved.length, 0);".into());
            lines
        }
        Check::OverlapBackwards => {
            let expected = error(&rule.end, &messages::backwards(features, rule));
            vec![
                open(&case.open(0)),
                format!("const errors = [{expected}];"),
                format!("deepEqual({}.errors, errors);", case.save(1, &entries(&at(1, 0)))),
                format!("deepEqual({}.errors, errors);", case.save(1, &entries(&at(1, 1)))),
                format!("deepEqual({}, []);", case.list()),
            ]
        }
        _ => {
            let mut changes = at(1, 3);
            if let Some(per) = &rule.per {
                let other = other_value(features, features.field(per), first.get(per).unwrap_or(&Js::Null));
                changes.retain(|(key, _)| key != per);
                changes.push((per.clone(), other));
            }
            vec![open(&stored(1, 3)), format!("equal({}.ok, true);", case.save(1, &entries(&changes)))]
        }
    }
}

/// References that resolve.
pub(in crate::pipelines::app::test_writer) fn belongs(
    case: Case<'_>,
    key: &str,
    target: &str,
    check: Check,
) -> Vec<String> {
    let field = case.features.field(key);
    let is_own = target == case.features.entity.key;
    let entity = &case.app.target(target).entity;
    let to = |id: &str| entries(&[(key.to_owned(), Js::text(id))]);
    match check {
        Check::BelongsAccepts => vec![
            open(&case.open(usize::from(is_own))),
            format!("equal({}.ok, true);", case.save(1, &to(&format!("{target}-1")))),
        ],
        Check::BelongsUnknown => {
            let expected = error(key, &messages::kind(field, Some(entity)));
            vec![
                open(&case.open(0)),
                format!("deepEqual({}.errors, [{expected}]);", case.save(0, &to("nothing"))),
                format!("deepEqual({}, []);", case.list()),
            ]
        }
        _ => {
            let refers = vec![(key.to_owned(), Js::text(format!("{target}-1")))];
            let changes = if is_own { vec![Vec::new(), refers] } else { vec![refers] };
            let count = if is_own { 2 } else { SAMPLES };
            if !case.app.any(|features| features.remove) {
                return vec![open(&case.open_changed(&changes)), "equal('remove' in store, false);".into()];
            }
            let message = messages::in_use(entity, &case.features.entity);
            vec![
                open_saved(&case.open_changed(&changes)),
                format!("deepEqual(store.remove('{target}', '{target}-1'), {});", refused("", &message)),
                format!("equal(store.list('{target}').length, {count});"),
                "equal(saved.length, 0);".into(),
            ]
        }
    }
}
