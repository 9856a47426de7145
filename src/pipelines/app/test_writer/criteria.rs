//! One test per acceptance criterion.

use super::case::{
    Case, Changes, entries, error, faulty, interval, marked, near_today, on_day, other_value, range_ends,
    refused, two_values,
};
use super::world;
use crate::pipelines::app::core_logic::entity::unique_sets;
use crate::pipelines::app::core_logic::rules::messages;
use crate::pipelines::app::features::{App, OverlapRule, QuizRule, TotalOf};
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::{Js, member, quote};
use crate::pipelines::app::samples::{SAMPLES, TODAY, sample};
use crate::pipelines::app::spec::{Field, FieldKind, FieldValue, Grouping, Intent, Step, TransferFormat};

/// The lines of the test that shows a criterion.
pub(super) fn body(app: &App, intent: &Intent, check: Check) -> Vec<String> {
    match intent {
        Intent::Keep { entity, .. }
        | Intent::Add { entity }
        | Intent::Edit { entity }
        | Intent::Remove { entity }
        | Intent::List { entity } => records(Case::new(app, entity), check),
        Intent::Search { entity, fields } => search(Case::new(app, entity), fields, check),
        Intent::Filter { entity, field } => filter(Case::new(app, entity), field, check),
        Intent::Sort { entity, field, descending } => sort(Case::new(app, entity), field, *descending, check),
        Intent::MarkAs { entity, field, value } => mark(Case::new(app, entity), field, value, check),
        Intent::Transition { entity, field, .. } => transition(Case::new(app, entity), field, check),
        Intent::Due { entity, field, done } => due(Case::new(app, entity), field, done.as_ref(), check),
        Intent::Total { entity, field, aggregate, per } => {
            let total = TotalOf { field: field.clone(), aggregate: *aggregate, per: per.clone() };
            totals(Case::new(app, entity), &total, check)
        }
        Intent::Count { entity, per } => counts(Case::new(app, entity), per.as_ref(), check),
        Intent::Limit { entity, max_records } => limit(Case::new(app, entity), *max_records, check),
        Intent::MaxLength { entity, field, max } => length(Case::new(app, entity), field, *max, check),
        Intent::Unique { entity, fields } => unique(Case::new(app, entity), fields, check),
        Intent::Required { entity, field } => required(Case::new(app, entity), field, check),
        Intent::Between { entity, field, .. } => between(Case::new(app, entity), field, check),
        Intent::NoOverlap { entity, start, end, per } => {
            let case = Case::new(app, entity);
            let rule = case
                .features
                .overlaps
                .iter()
                .find(|rule| rule.start == *start && rule.end == *end && rule.per == *per);
            rule.map(|rule| overlap(case, rule, check)).unwrap_or_default()
        }
        Intent::BelongsTo { entity, field, target } => belongs(Case::new(app, entity), field, target, check),
        Intent::Derived { entity, field } => derived(Case::new(app, entity), field, check),
        Intent::Alert { entity, field, comparison, than } => {
            super::figures::alert(Case::new(app, entity), field, *comparison, than, check)
        }
        Intent::Board { entity, field } => board(Case::new(app, entity), field, check),
        Intent::Calendar { entity, field } => calendar(Case::new(app, entity), field, check),
        Intent::CheckIn { entity, field } => check_in(Case::new(app, entity), field, check),
        Intent::Streak { entity, field } => streak(Case::new(app, entity), field, check),
        Intent::Quiz { entity, question, answer, options } => {
            let rule =
                QuizRule { question: question.clone(), answer: answer.clone(), options: options.clone() };
            quiz(Case::new(app, entity), &rule, check)
        }
        Intent::Import { entity, formats } => {
            let case = Case::new(app, entity);
            formats.iter().flat_map(|format| braces(super::files::import(case, *format, check))).collect()
        }
        Intent::Export { entity, formats } => {
            let case = Case::new(app, entity);
            formats.iter().flat_map(|format| braces(super::files::export(case, *format, check))).collect()
        }
        Intent::Undo {} => undo(app, check),
        Intent::Statistics { entity } => super::figures::statistics(Case::new(app, entity), check),
        Intent::Theme { .. } => {
            vec![format!("deepEqual(app.theme, {});", Js::from(app.theme.clone()).inline())]
        }
    }
}

/// A block of its own, so that names do not meet.
fn braces(lines: Vec<String>) -> Vec<String> {
    let inner =
        lines.iter().map(|line| line.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"));
    std::iter::once("{".to_owned()).chain(inner).chain(std::iter::once("}".to_owned())).collect()
}

fn open(call: &str) -> String {
    format!("const {{ store }} = {call};")
}

fn open_saved(call: &str) -> String {
    format!("const {{ store, saved }} = {call};")
}

/// A field that can be changed without touching any other rule: best the one that names the record.
pub(super) fn plain_field<'a>(case: Case<'a>) -> Option<&'a Field> {
    let features = case.features;
    let is_plain = |field: &&Field| {
        let in_interval =
            features.overlaps.iter().any(|rule| rule.start == field.key || rule.end == field.key);
        let is_state = features.transitions.iter().any(|(key, _)| *key == field.key);
        !in_interval && !is_state && !matches!(field.kind, FieldKind::Reference { .. })
    };
    let title = features.stored().find(|field| field.key == features.entity.title_field);
    title.filter(is_plain).or_else(|| features.stored().find(is_plain))
}

fn records(case: Case<'_>, check: Check) -> Vec<String> {
    let key = case.key();
    let unknown = refused("", &messages::unknown(&case.features.entity));
    match check {
        Check::KeepSurvives if case.features.add => vec![
            format!("const {{ store, storage }} = {};", case.open(0)),
            format!("equal(store.add({key}, {}).ok, true);", case.sample(0)),
            format!("deepEqual(reopen(storage).list({key}), [{}]);", case.expected_as("new-1", 0, &[])),
        ],
        Check::KeepSurvives => vec![
            format!("const {{ storage }} = {};", case.open(1)),
            format!("deepEqual(reopen(storage).list({key}), {});", case.expected_list(1)),
        ],
        Check::KeepFields => {
            let keys: Vec<Js> =
                case.features.entity.fields.iter().map(|field| Js::text(&field.key)).collect();
            vec![format!(
                "deepEqual(entities.{}.fields.map((field) => field.key), {});",
                case.features.entity.key,
                Js::List(keys).inline()
            )]
        }
        Check::AddStores => vec![
            open_saved(&case.open(0)),
            format!("const result = store.add({key}, {});", case.sample(0)),
            format!("deepEqual(result, {{ ok: true, record: {} }});", case.expected_as("new-1", 0, &[])),
            format!("deepEqual({}, [result.record]);", case.list()),
            "equal(saved.length, 1);".into(),
        ],
        Check::AddOwnId => vec![
            open(&case.open(0)),
            format!("const first = store.add({key}, {}).record;", case.sample(0)),
            format!("const second = store.add({key}, {}).record;", case.sample(1)),
            "notEqual(first.id, second.id);".into(),
        ],
        Check::EditChanges => {
            let Some(field) = plain_field(case) else { return vec![open(&case.open(2))] };
            let value = sample(case.features, 2).get(&field.key).cloned().unwrap_or(Js::Null);
            let changes = vec![(field.key.clone(), value)];
            vec![
                open_saved(&case.open(2)),
                format!("const result = store.update({key}, {}, {{ {} }});", case.id(0), entries(&changes)),
                format!("const changed = {};", case.expected(0, &changes)),
                "deepEqual(result, { ok: true, record: changed });".into(),
                format!("deepEqual({}, [changed, {}]);", case.list(), case.expected(1, &[])),
                "equal(saved.length, 1);".into(),
            ]
        }
        Check::EditUnknown => vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.update({key}, 'nothing', {}), {unknown});", case.sample(1)),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
        Check::RemoveRemoves => vec![
            open_saved(&case.open(2)),
            format!(
                "deepEqual(store.remove({key}, {}), {{ ok: true, record: {} }});",
                case.id(0),
                case.expected(0, &[])
            ),
            format!("deepEqual({}, [{}]);", case.list(), case.expected(1, &[])),
            "equal(saved.length, 1);".into(),
        ],
        Check::RemoveUnknown => vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.remove({key}, 'nothing'), {unknown});"),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
        Check::ListAll => vec![
            open(&case.open(SAMPLES)),
            format!("deepEqual({}, {});", case.list(), case.expected_list(SAMPLES)),
        ],
        _ => vec![open(&case.open(0)), format!("deepEqual({}, []);", case.list())],
    }
}

fn search(case: Case<'_>, fields: &[String], check: Check) -> Vec<String> {
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

fn filter(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
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
pub(super) fn unordered(case: Case<'_>, field: &Field) -> Vec<Changes> {
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

fn sort(case: Case<'_>, key: &str, descending: bool, check: Check) -> Vec<String> {
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

/// A state from which the field may become the value.
fn before(case: Case<'_>, field: &Field, value: &Js) -> Js {
    let steps = case.features.transitions.iter().find(|(key, _)| *key == field.key).map(|(_, steps)| steps);
    match steps {
        Some(steps) => {
            let step = steps.iter().find(|step| step.to == value.as_text());
            step.map_or_else(|| value.clone(), |step| Js::text(&step.from))
        }
        None => other_value(case.features, field, value),
    }
}

fn mark(case: Case<'_>, key: &str, value: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let after = marked(field, value);
    let (quoted, literal) = (quote(key), after.inline());
    if check == Check::MarkUnknown {
        let unknown = refused("", &messages::unknown(&case.features.entity));
        return vec![
            open_saved(&case.open(1)),
            format!("deepEqual(store.mark({}, 'nothing', {quoted}, {literal}), {unknown});", case.key()),
            format!("deepEqual({}, {});", case.list(), case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ];
    }
    moved(case, key, &before(case, field, &after), &after)
}

fn moved(case: Case<'_>, key: &str, from: &Js, to: &Js) -> Vec<String> {
    let changes = vec![(key.to_owned(), to.clone())];
    vec![
        open_saved(&case.open_changed(&[vec![(key.to_owned(), from.clone())]])),
        format!("const marked = {};", case.expected(0, &changes)),
        format!(
            "deepEqual(store.mark({}, {}, {}, {}), {{ ok: true, record: marked }});",
            case.key(),
            case.id(0),
            quote(key),
            to.inline()
        ),
        format!("deepEqual({}, [marked]);", case.list()),
        "equal(saved.length, 1);".into(),
    ]
}

fn transition(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let steps: &[Step] =
        case.features.transitions.iter().find(|(known, _)| known == key).map_or(&[], |(_, steps)| steps);
    let FieldKind::Choice { choices } = &field.kind else { return Vec::new() };
    let quoted = quote(key);
    let one = |value: &str| {
        case.open_with(&format!("[{{ {}: {value} }}]", crate::pipelines::app::javascript::property(key)))
    };
    match check {
        Check::TransitionAllows => {
            let pairs: Vec<Js> =
                steps.iter().map(|step| Js::List(vec![Js::text(&step.from), Js::text(&step.to)])).collect();
            vec![
                format!("for (const [from, to] of {}) {{", Js::List(pairs).block(2, 28)),
                format!("  {}", open(&one("from"))),
                format!(
                    "  equal(store.allowedSteps({}, {}, {quoted}).includes(to), true);",
                    case.key(),
                    case.id(0)
                ),
                format!("  equal(store.mark({}, {}, {quoted}, to).ok, true);", case.key(), case.id(0)),
                format!(
                    "  equal({}, to);",
                    member(&format!("store.get({}, {})", case.key(), case.id(0)), key)
                ),
                "}".into(),
            ]
        }
        Check::TransitionRefuses => {
            let mut rows = Vec::new();
            for from in choices {
                for to in choices {
                    let is_step = steps.iter().any(|step| step.from == from.value && step.to == to.value);
                    if from.value != to.value && !is_step {
                        let message = messages::misstep(field, &from.value, &to.value);
                        rows.push(Js::List(vec![
                            Js::text(&from.value),
                            Js::text(&to.value),
                            Js::Text(message),
                        ]));
                    }
                }
            }
            if rows.is_empty() {
                return vec![open(&case.open(1)), format!("equal({}.length, 1);", case.list())];
            }
            vec![
                format!("for (const [from, to, message] of {}) {{", Js::List(rows).block(2, 40)),
                format!("  {}", open_saved(&one("from"))),
                format!("  const before = {};", case.list()),
                format!("  const refusal = {{ ok: false, errors: [{{ field: {quoted}, message }}] }};"),
                format!("  deepEqual(store.mark({}, {}, {quoted}, to), refusal);", case.key(), case.id(0)),
                format!("  deepEqual({}, before);", case.list()),
                "  equal(saved.length, 0);".into(),
                "}".into(),
            ]
        }
        _ => {
            let start = world::blank_of(case.features).get(key).cloned().unwrap_or(Js::Null);
            if !case.features.add {
                return vec![format!(
                    "equal({}, {});",
                    member(&format!("blank{}()", case.features.pascal()), key),
                    start.inline()
                )];
            }
            vec![
                open(&case.open(0)),
                format!("const {{ {key}: left, ...input }} = {};", case.sample(0)),
                format!("const {{ record }} = store.add({}, input);", case.key()),
                format!("equal({}, {});", member("record", key), start.inline()),
            ]
        }
    }
}

fn due(case: Case<'_>, key: &str, done: Option<&FieldValue>, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    // Other dates of the record must not make it overdue.
    let mut base: Changes = case
        .features
        .due
        .iter()
        .filter(|(other, _)| other != key)
        .map(|(other, _)| (other.clone(), near_today(case.features.field(other), 1)))
        .collect();
    if let Some(done) = done {
        let state = case.features.field(&done.field);
        let finished = marked(state, &done.value);
        let value =
            if check == Check::DueFinished { finished } else { other_value(case.features, state, &finished) };
        base.retain(|(name, _)| *name != done.field);
        base.push((done.field.clone(), value));
    }
    let with = |value: Js| {
        let mut changes = vec![(key.to_owned(), value)];
        changes.extend(base.clone());
        changes
    };
    let (values, expected) = match check {
        Check::DuePast => (vec![near_today(field, -1), near_today(field, -30)], true),
        Check::DueNotYet => {
            let mut values = vec![near_today(field, 0), near_today(field, 1)];
            if !field.required {
                values.push(Js::text(""));
            }
            (values, false)
        }
        _ => (vec![near_today(field, -1)], false),
    };
    let changes: Vec<Changes> = values.into_iter().map(with).collect();
    let answers = vec![expected; changes.len()];
    vec![
        open(&case.open_changed(&changes)),
        format!("const overdue = {}.map((record) => store.isOverdue({}, record));", case.list(), case.key()),
        format!("deepEqual(overdue, {});", Js::from(answers).inline()),
    ]
}

/// Three records in two groups.
pub(super) fn grouped(case: Case<'_>, per: Option<&Grouping>) -> Vec<Changes> {
    let Some(per) = per else { return vec![Vec::new(); SAMPLES] };
    match per {
        Grouping::Field { field } => {
            let (first, second) = two_values(case.features, case.features.field(field));
            [&first, &second, &first].iter().map(|value| vec![(field.clone(), (*value).clone())]).collect()
        }
        Grouping::Month { field } => ["2026-10-05", "2026-11-06", "2026-10-31"]
            .iter()
            .map(|day| vec![(field.clone(), on_day(case.features.field(field), day))])
            .collect(),
    }
}

fn totals(case: Case<'_>, total: &TotalOf, check: Check) -> Vec<String> {
    let changes = if check == Check::TotalRight { grouped(case, total.per.as_ref()) } else { Vec::new() };
    let expected = world::total(case.app, case.features, total, &case.records(&changes));
    let aggregate = serde_json::to_value(total.aggregate).unwrap_or_default();
    let grouping =
        total.per.as_ref().map_or_else(String::new, |per| format!(", {}", world::grouping_literal(per)));
    vec![
        open(&case.open_changed(&changes)),
        format!(
            "const total = store.total({}, {}, {}{grouping});",
            case.key(),
            quote(&total.field),
            quote(aggregate.as_str().unwrap_or_default())
        ),
        format!("deepEqual(total, {});", expected.block(2, 19)),
    ]
}

fn counts(case: Case<'_>, per: Option<&Grouping>, check: Check) -> Vec<String> {
    let mut changes = grouped(case, per);
    let grouping = per.map_or_else(String::new, |per| format!(", {}", world::grouping_literal(per)));
    let call = format!("store.count({}{grouping})", case.key());
    let mut lines = vec![open(&case.open_changed(&changes))];
    if check == Check::CountFollows {
        if case.features.remove {
            lines.push(format!("store.remove({}, {});", case.key(), case.id(2)));
        } else {
            lines.pop();
            lines.push(open(&case.open_changed(&changes[..2])));
        }
        changes.truncate(2);
    }
    let expected = world::count(case.app, case.features, per, &case.records(&changes));
    lines.push(format!("deepEqual({call}, {});", expected.block(2, 20 + call.len())));
    lines
}

fn limit(case: Case<'_>, max: u32, check: Check) -> Vec<String> {
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

fn length(case: Case<'_>, key: &str, max: u32, check: Check) -> Vec<String> {
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

fn unique(case: Case<'_>, keys: &[String], check: Check) -> Vec<String> {
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

fn required(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
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

fn between(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
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

fn overlap(case: Case<'_>, rule: &OverlapRule, check: Check) -> Vec<String> {
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

fn belongs(case: Case<'_>, key: &str, target: &str, check: Check) -> Vec<String> {
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

fn derived(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let value = |changes: &[(String, Js)], index: usize| {
        world::value(case.features, field, &world::record(case.features, index, changes)).inline()
    };
    let shown = |index: usize| member(&format!("store.get({}, {})", case.key(), case.id(index)), key);
    if check == Check::DerivedComputes {
        let mut lines = vec![open(&case.open(SAMPLES))];
        lines.extend((0..SAMPLES).map(|at| format!("equal({}, {});", shown(at), value(&[], at))));
        return lines;
    }
    let Some(source) = world::sources(case.features, field).into_iter().next() else { return Vec::new() };
    let changed = sample(case.features, 2).get(&source).cloned().unwrap_or(Js::Null);
    let changes = vec![(source, changed)];
    if !case.features.edit {
        let stored = vec![changes.clone()];
        return vec![
            open(&case.open_changed(&stored)),
            format!("equal({}, {});", shown(0), value(&changes, 0)),
        ];
    }
    let entered = entries(&[(key.to_owned(), Js::Number(987_654.0))]);
    vec![
        open(&case.open(1)),
        format!("store.update({}, {}, {{ {} }});", case.key(), case.id(0), entries(&changes)),
        format!("equal({}, {});", shown(0), value(&changes, 0)),
        format!("store.update({}, {}, {{ {entered} }});", case.key(), case.id(0)),
        format!("equal({}, {});", shown(0), value(&changes, 0)),
    ]
}

fn board(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
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

fn calendar(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let field = case.features.field(key);
    let call = format!("store.calendar({}, {}, '2026-11')", case.key(), quote(key));
    if check == Check::CalendarPlaces {
        let changes = vec![(key.to_owned(), on_day(field, TODAY))];
        return vec![
            open(&case.open_changed(&[changes.clone()])),
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

fn check_in(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let (id, quoted) = (case.id(0), quote(key));
    let before = if check == Check::CheckInAdds { vec!["2026-11-18"] } else { vec!["2026-11-18", TODAY] };
    let after = if check == Check::CheckInAdds { vec!["2026-11-18", TODAY] } else { vec!["2026-11-18"] };
    let days = |days: Vec<&str>| vec![(key.to_owned(), Js::from(days))];
    vec![
        open_saved(&case.open_changed(&[days(before)])),
        format!("const result = store.checkIn({}, {id}, {quoted});", case.key()),
        format!("deepEqual(result, {{ ok: true, record: {} }});", case.expected(0, &days(after))),
        "equal(saved.length, 1);".into(),
    ]
}

fn streak(case: Case<'_>, key: &str, check: Check) -> Vec<String> {
    let rows: Vec<(Vec<&str>, f64)> = match check {
        Check::StreakCounts => vec![(vec!["2026-11-18", "2026-11-19", TODAY], 3.0)],
        Check::StreakYesterday => vec![(vec!["2026-11-18", "2026-11-19"], 2.0)],
        _ => vec![(vec!["2026-11-17", "2026-11-18"], 0.0), (vec!["2026-11-17", "2026-11-19", TODAY], 2.0)],
    };
    let changes: Vec<Changes> =
        rows.iter().map(|(days, _)| vec![(key.to_owned(), Js::from(days.clone()))]).collect();
    let mut lines = vec![open(&case.open_changed(&changes))];
    for (at, (_, expected)) in rows.iter().enumerate() {
        lines.push(format!(
            "equal(store.streak({}, {}, {}), {expected});",
            case.key(),
            case.id(at),
            quote(key)
        ));
    }
    lines
}

fn quiz(case: Case<'_>, rule: &QuizRule, check: Check) -> Vec<String> {
    let records = case.records(&vec![Vec::new(); SAMPLES]);
    let cards = world::cards(case.features, rule, &records, 7);
    let mut lines =
        vec![open(&case.open(SAMPLES)), format!("const quiz = store.quiz({}, {{ seed: 7 }});", case.key())];
    match check {
        Check::QuizAsksAll => {
            lines.push(format!("equal(quiz.length, {SAMPLES});"));
            for (question, answer, options) in &cards {
                let card = Js::object([("question", question.clone()), ("options", options.clone())]);
                lines.push(format!("deepEqual(quiz.current(), {});", card.block(2, 26)));
                lines.push(format!("quiz.answer({});", answer.inline()));
            }
            lines.push("equal(quiz.current(), null);".into());
            lines.push("equal(quiz.answer('one more'), null);".into());
        }
        Check::QuizRight => {
            let loud = Js::Text(format!("  {} ", world::shown(&cards[0].1).to_uppercase()));
            let answer = Js::object([("correct", Js::Bool(true)), ("expected", cards[0].1.clone())]);
            lines.push(format!("deepEqual(quiz.answer({}), {});", loud.inline(), answer.inline()));
            lines.push(format!("deepEqual(quiz.score(), {{ right: 1, wrong: 0, of: {SAMPLES} }});"));
        }
        Check::QuizWrong => {
            let answer = Js::object([("correct", Js::Bool(false)), ("expected", cards[0].1.clone())]);
            lines.push(format!("deepEqual(quiz.answer('no idea'), {});", answer.inline()));
            lines.push(format!("deepEqual(quiz.score(), {{ right: 0, wrong: 1, of: {SAMPLES} }});"));
        }
        _ => {
            for (_, answer, _) in &cards {
                lines.push(format!("equal(quiz.current().options.includes({}), true);", answer.inline()));
                lines.push(format!("quiz.answer({});", answer.inline()));
            }
        }
    }
    lines
}

fn undo(app: &App, check: Check) -> Vec<String> {
    let Some(features) = app.entities.iter().find(|features| features.add) else {
        return vec!["equal('undo' in openStore({}).store, true);".into()];
    };
    let case = Case::new(app, &features.entity.key);
    let (key, list) = (case.key(), case.list());
    let done = "{ ok: true }";
    let add = format!("store.add({key}, {});", case.sample(0));
    match check {
        Check::UndoAdd => vec![
            open_saved(&case.open(0)),
            add,
            format!("deepEqual(store.undo(), {done});"),
            format!("deepEqual({list}, []);"),
            "equal(saved.length, 2);".into(),
        ],
        Check::UndoRemove if features.remove => vec![
            open(&case.open(2)),
            format!("store.remove({key}, {});", case.id(0)),
            format!("deepEqual(store.undo(), {done});"),
            format!("deepEqual({list}, {});", case.expected_list(2)),
        ],
        Check::UndoRemove | Check::UndoRedo => vec![
            open(&case.open(0)),
            add,
            "store.undo();".into(),
            "equal(store.canRedo(), true);".into(),
            format!("deepEqual(store.redo(), {done});"),
            format!("deepEqual({list}, [{}]);", case.expected_as("new-1", 0, &[])),
            "equal(store.canRedo(), false);".into(),
            format!("deepEqual(store.redo(), {});", refused("", "There is nothing to redo.")),
        ],
        _ => vec![
            open_saved(&case.open(1)),
            "equal(store.canUndo(), false);".into(),
            format!("deepEqual(store.undo(), {});", refused("", "There is nothing to undo.")),
            format!("deepEqual({list}, {});", case.expected_list(1)),
            "equal(saved.length, 0);".into(),
        ],
    }
}

/// The formats as the store takes them.
pub(super) fn format_name(format: TransferFormat) -> &'static str {
    match format {
        TransferFormat::Json => "json",
        TransferFormat::Csv => "csv",
    }
}

/// A value that makes a record faulty, for any field of it.
pub(super) fn fault(case: Case<'_>) -> Option<(String, Js, String)> {
    case.features
        .stored()
        .filter(|field| {
            !case.features.overlaps.iter().any(|rule| rule.start == field.key || rule.end == field.key)
        })
        .find_map(|field| faulty(case.app, field).map(|(value, message)| (field.key.clone(), value, message)))
}
