//! Tests of the rules: a table per kind of record with what is just accepted and what is just refused.

use super::Test;
use super::case::{Case, entries, error, faulty, interval, range_ends};
use crate::pipelines::app::core_logic::entity::blank;
use crate::pipelines::app::core_logic::model;
use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::{App, EntityFeatures};
use crate::pipelines::app::javascript::{Js, lower, member, property};
use crate::pipelines::app::samples::{cents, sample};
use crate::pipelines::app::spec::{Field, FieldKind};

/// Every test of the rules.
pub(super) fn tests(app: &App) -> Vec<Test> {
    let mut tests = values(app);
    let description = model::app(app).block(2, 19);
    tests.push(Test::new(
        "the app is described as the brief has it",
        vec![format!("deepEqual(app, {description});")],
    ));
    for features in &app.entities {
        let case = Case { app, features };
        let many = lower(&features.entity.label_plural);
        let literal = model::entity(features).block(2, 20);
        tests.push(Test::new(
            format!("{many} are described as the brief has it"),
            vec![format!("deepEqual({}, {literal});", member("entities", &features.entity.key))],
        ));
        tests.push(Test::new(
            format!("{many} start with the defaults"),
            vec![format!("deepEqual(blank{}(), {});", features.pascal(), blank(features).block(2, 30))],
        ));
        tests.push(Test::new(format!("{many} are accepted and refused at the edges"), table(case)));
        tests.push(Test::new(format!("{many} keep values in one form"), forms(case)));
        if !features.overlaps.is_empty() {
            tests.push(Test::new(
                format!("{many} without a start or an end overlap nothing"),
                open_intervals(case),
            ));
        }
        let unique = doubles(case);
        if !unique.is_empty() {
            tests.push(Test::new(format!("{many} are told from each other"), unique));
        }
        tests.push(Test::new(format!("{many} that the app starts with obey the rules"), seeds(case)));
    }
    tests
}

/// The function that validates the record, called with this input and without other records.
fn validate(features: &EntityFeatures, input: &str) -> String {
    format!("validate{}({input}, context)", features.pascal())
}

/// Other records do not stand in the way, and the first sample of every other kind exists.
const CONTEXT: &str = "const context = { others: [], exists: (entity, id) => id === `${entity}-1` };";

fn table(case: Case<'_>) -> Vec<String> {
    let features = case.features;
    let mut rows: Vec<(String, Option<String>)> = vec![(String::new(), None)];
    for field in features.stored() {
        let in_interval =
            features.overlaps.iter().any(|rule| rule.start == field.key || rule.end == field.key);
        if !in_interval {
            rows.extend(field_rows(case, field));
        }
    }
    let mut lines = vec![CONTEXT.to_owned(), "const table = [".to_owned()];
    for (changes, message) in rows {
        let input = if changes.is_empty() { "{}".to_owned() } else { format!("{{ {changes} }}") };
        lines.push(format!(
            "  [{input}, {}],",
            message.map_or_else(|| "[]".into(), |error| format!("[{error}]"))
        ));
    }
    lines.push("];".into());
    lines.push("table.forEach(([changes, errors]) => {".into());
    lines.push(format!(
        "  const result = {};",
        validate(features, &format!("{{ ...{}, ...changes }}", case.sample(0)))
    ));
    lines.push("  deepEqual(result.errors, errors);".into());
    lines.push("  equal(result.ok, errors.length === 0);".into());
    lines.push("});".into());
    lines
}

/// The edges of one field: input and the error, if any.
fn field_rows(case: Case<'_>, field: &Field) -> Vec<(String, Option<String>)> {
    let mut rows = Vec::new();
    let target = match &field.kind {
        FieldKind::Reference { target } => case.app.entity(target).map(|target| &target.entity),
        _ => None,
    };
    let name = property(&field.key);
    let mut row = |value: String, message: Option<&str>| {
        rows.push((format!("{name}: {value}"), message.map(|message| error(&field.key, message))));
    };
    let kind = messages::kind(field, target);
    if !matches!(field.kind, FieldKind::Boolean) {
        let required = messages::required(field);
        for empty in ["''", "null", "undefined"] {
            row(empty.into(), field.required.then_some(required.as_str()));
        }
    }
    match &field.kind {
        FieldKind::Text { max_length: Some(max) } | FieldKind::LongText { max_length: Some(max) } => {
            row(format!("'x'.repeat({max})"), None);
            row(format!("'x'.repeat({})", max + 1), Some(&messages::too_long(field, *max)));
        }
        FieldKind::Integer { .. }
        | FieldKind::Decimal { .. }
        | FieldKind::Money { .. }
        | FieldKind::Rating { .. } => {
            let (inside, outside) = range_ends(field);
            let base = sample(case.features, 0).get(&field.key).and_then(Js::as_number).unwrap_or(1.0);
            row("'nonsense'".into(), Some(&kind));
            row("Infinity".into(), Some(&kind));
            match field.kind {
                FieldKind::Money { .. } => {
                    row(Js::Number(base + 0.005).inline(), Some(&kind));
                    row(Js::Number(cents(base + 0.01)).inline(), None);
                }
                FieldKind::Decimal { .. } => row(Js::Number(base).inline(), None),
                _ => row(Js::Number(base + 0.5).inline(), Some(&kind)),
            }
            for value in inside {
                row(Js::Number(value).inline(), None);
            }
            for value in outside {
                row(Js::Number(value).inline(), Some(&messages::range(field)));
            }
        }
        FieldKind::Boolean => {
            for value in ["true", "false", "''", "undefined"] {
                row(value.into(), None);
            }
            row("'perhaps'".into(), Some(&kind));
        }
        FieldKind::Choice { choices } => {
            for choice in choices {
                row(Js::text(&choice.value).inline(), None);
            }
            row("'nonsense'".into(), Some(&kind));
        }
        FieldKind::Dates => {
            row("['2026-11-20', '2026-11-31']".into(), Some(&kind));
            row("['2026-11-20', '2026-11-30']".into(), None);
        }
        _ => {
            if let Some((value, message)) = faulty(case.app, field).filter(|(value, _)| !value.is_empty()) {
                row(value.inline(), Some(&message));
            }
        }
    }
    rows
}

/// What is read from text, trimmed and put in order.
fn forms(case: Case<'_>) -> Vec<String> {
    let features = case.features;
    let first = sample(features, 0);
    let mut inputs = Vec::new();
    for field in features.stored() {
        let value = first.get(&field.key).cloned().unwrap_or(Js::Null);
        let input = match &value {
            Js::Text(text) => Js::Text(format!(" {text} ")),
            Js::Number(_) | Js::Bool(_) => Js::Text(value.inline()),
            Js::List(items) => {
                let mut texts: Vec<String> = items.iter().map(|item| item.as_text().to_owned()).collect();
                // Days come in order, whichever way they were entered.
                if matches!(field.kind, FieldKind::Dates) {
                    texts.reverse();
                }
                Js::Text(texts.join(", "))
            }
            _ => value,
        };
        inputs.push((field.key.clone(), input));
    }
    vec![
        CONTEXT.to_owned(),
        format!("const input = {};", Js::Object(inputs).block(2, 16)),
        format!(
            "deepEqual({}, {{ ok: true, errors: [], value: {} }});",
            validate(features, "{ ...input, unknown: 'left out' }"),
            case.sample(0)
        ),
    ]
}

/// An interval that is not complete is compared with no other.
fn open_intervals(case: Case<'_>) -> Vec<String> {
    let features = case.features;
    let mut lines = vec![format!("const context = {{ others: [{}], exists: () => true }};", case.sample(0))];
    for rule in &features.overlaps {
        let first = sample(features, 0);
        let mut base = interval(features, rule, 0, 1);
        base.extend(rule.same.iter().map(|key| (key.clone(), first.get(key).cloned().unwrap_or(Js::Null))));
        for key in [&rule.start, &rule.end] {
            let field = features.field(key);
            let mut changes = base.clone();
            changes.iter_mut().filter(|(name, _)| name == key).for_each(|(_, value)| *value = Js::text(""));
            let errors = if field.required { error(key, &messages::required(field)) } else { String::new() };
            lines.push(format!(
                "deepEqual({}.errors, [{errors}]);",
                validate(features, &format!("{{ ...{}, {} }}", case.sample(1), entries(&changes)))
            ));
            if let Some((value, message)) = faulty(case.app, field) {
                let mut changes = base.clone();
                changes.iter_mut().filter(|(name, _)| name == key).for_each(|(_, old)| *old = value.clone());
                lines.push(format!(
                    "deepEqual({}.errors[0], {});",
                    validate(features, &format!("{{ ...{}, {} }}", case.sample(1), entries(&changes))),
                    error(key, &message)
                ));
            }
        }
    }
    lines
}

/// A record that agrees with another in one field is refused, an empty field agrees with nothing.
fn doubles(case: Case<'_>) -> Vec<String> {
    let features = case.features;
    let singles = features.stored().filter(|field| {
        field.unique && !matches!(field.kind, FieldKind::Boolean | FieldKind::Tags | FieldKind::Dates)
    });
    let mut lines = Vec::new();
    for field in singles {
        let same = sample(features, 0).get(&field.key).cloned().unwrap_or(Js::Null);
        let message = messages::unique(&features.entity, &[field]);
        let refuse = format!(
            "deepEqual({}.errors[0], {});",
            validate(
                features,
                &format!("{{ ...{}, {} }}", case.sample(1), entries(&[(field.key.clone(), same)]))
            ),
            error(&field.key, &message)
        );
        lines.push(refuse);
        if !field.required {
            let empty = entries(&[(field.key.clone(), Js::text(""))]);
            lines.push(format!(
                "equal(validate{}({{ ...{}, {empty} }}, {{ ...context, others: [{{ ...{}, {} }}] }}).ok, true);",
                features.pascal(),
                case.sample(1),
                case.sample(0),
                entries(&[(field.key.clone(), blank(features).get(&field.key).cloned().unwrap_or(Js::Null))])
            ));
        }
    }
    if !lines.is_empty() {
        lines.insert(0, format!("const context = {{ others: [{}], exists: () => true }};", case.sample(0)));
    }
    lines
}

fn seeds(case: Case<'_>) -> Vec<String> {
    let features = case.features;
    let collection = member("seed", &features.entity.collection);
    let mut exists: Vec<String> = Vec::new();
    for other in &case.app.entities {
        exists.push(format!("...{}", member("seed", &other.entity.collection)));
    }
    vec![
        format!("const all = [{}];", exists.join(", ")),
        "const exists = (entity, id) => all.some((record) => record.id === id);".into(),
        format!("{collection}.forEach((record) => {{"),
        format!("  const others = {collection}.filter((other) => other !== record);"),
        format!("  deepEqual(validate{}(record, {{ others, exists }}).errors, []);", features.pascal()),
        "});".into(),
    ]
}

/// Whether the app has a helper, its name, and what it makes of which input.
type Forms<'a> = (bool, &'a str, &'a [(&'a str, &'a str)]);

/// The helpers that read and check single values, as far as the app has them.
fn values(app: &App) -> Vec<Test> {
    let has = |wanted: &dyn Fn(&FieldKind) -> bool| {
        app.any(|features| features.entity.fields.iter().any(|field| wanted(&field.kind)))
    };
    let date_time = has(&|kind| matches!(kind, FieldKind::DateTime));
    let numbers = |kind: &FieldKind| {
        matches!(
            kind,
            FieldKind::Integer { .. }
                | FieldKind::Decimal { .. }
                | FieldKind::Money { .. }
                | FieldKind::Rating { .. }
        )
    };
    let tables: [Forms; 9] = [
        (true, "toText", &[("'  a b '", "'a b'"), ("null", "''"), ("undefined", "''"), ("0", "'0'")]),
        (
            has(&numbers),
            "toNumber",
            &[
                ("' 3.5 '", "3.5"),
                ("0", "0"),
                ("-2", "-2"),
                ("''", "null"),
                ("'  '", "null"),
                ("null", "null"),
                ("undefined", "null"),
                ("'3,5'", "NaN"),
            ],
        ),
        (
            has(&|kind| matches!(kind, FieldKind::Boolean)),
            "toBoolean",
            &[
                ("true", "true"),
                ("'Yes'", "true"),
                ("'on'", "true"),
                ("'true'", "true"),
                ("1", "true"),
                ("false", "false"),
                ("'NO'", "false"),
                ("'off'", "false"),
                ("'false'", "false"),
                ("0", "false"),
                ("''", "false"),
                ("null", "false"),
                ("'perhaps'", "null"),
            ],
        ),
        (
            has(&|kind| matches!(kind, FieldKind::Tags | FieldKind::Dates)),
            "toList",
            &[
                ("'a, b;c'", "['a', 'b', 'c']"),
                ("[' a ', 'b', 'a', '']", "['a', 'b']"),
                ("''", "[]"),
                ("null", "[]"),
                ("[]", "[]"),
            ],
        ),
        (
            date_time || has(&|kind| matches!(kind, FieldKind::Date | FieldKind::Dates)),
            "isDate",
            &[
                ("'2026-11-20'", "true"),
                ("'2026-12-31'", "true"),
                ("'2024-02-29'", "true"),
                ("'2026-01-01'", "true"),
                ("'2026-02-29'", "false"),
                ("'2026-11-31'", "false"),
                ("'2026-13-01'", "false"),
                ("'2026-00-10'", "false"),
                ("'2026-11-00'", "false"),
                ("'2026-1-1'", "false"),
                ("'20.11.2026'", "false"),
                ("''", "false"),
            ],
        ),
        (
            date_time || has(&|kind| matches!(kind, FieldKind::Time)),
            "isTime",
            &[
                ("'00:00'", "true"),
                ("'23:59'", "true"),
                ("'19:30'", "true"),
                ("'24:00'", "false"),
                ("'12:60'", "false"),
                ("'9:30'", "false"),
                ("''", "false"),
            ],
        ),
        (
            date_time,
            "isDateTime",
            &[
                ("'2026-11-20T09:30'", "true"),
                ("'2026-11-31T09:30'", "false"),
                ("'2026-11-20T25:00'", "false"),
                ("'2026-11-20'", "false"),
                ("'2026-11-20T09:30T'", "false"),
                ("''", "false"),
            ],
        ),
        (
            has(&|kind| matches!(kind, FieldKind::Email)),
            "isEmail",
            &[
                ("'ada@example.org'", "true"),
                ("'a.b+c@mail.example.org'", "true"),
                ("'ada'", "false"),
                ("'ada@example'", "false"),
                ("'a b@example.org'", "false"),
                ("'@example.org'", "false"),
            ],
        ),
        (
            has(&|kind| matches!(kind, FieldKind::Url)),
            "isUrl",
            &[
                ("'https://example.org/a?b=c'", "true"),
                ("'http://example.org'", "true"),
                ("'HTTPS://example.org'", "true"),
                ("'ftp://example.org'", "false"),
                ("'https://'", "false"),
                ("'https://a b'", "false"),
                ("'mailto:ada@example.org'", "false"),
            ],
        ),
    ];
    let phone: Forms = (
        has(&|kind| matches!(kind, FieldKind::Phone)),
        "isPhone",
        &[
            ("'+44 20 7946 0001'", "true"),
            ("'030/123-45'", "true"),
            ("'112'", "true"),
            ("'11'", "false"),
            ("'call me'", "false"),
            ("'+'", "false"),
        ],
    );
    tables
        .iter()
        .chain(std::iter::once(&phone))
        .filter(|(asked, _, _)| *asked)
        .map(|(_, name, rows)| {
            let mut lines = vec!["const table = [".to_owned()];
            lines.extend(rows.iter().map(|(input, expected)| format!("  [{input}, {expected}],")));
            lines.push("];".into());
            lines.push(format!("table.forEach(([input, expected]) => deepEqual({name}(input), expected));"));
            Test::new(format!("{name} knows every form"), lines)
        })
        .collect()
}
