//! One test per acceptance criterion.

pub(super) mod figures;
mod files;
mod records;
mod rules;
mod states;
pub(super) mod views;

use crate::pipelines::app::features::{App, QuizRule, TotalOf};
use crate::pipelines::app::grammar::criteria::Check;
use crate::pipelines::app::javascript::Js;
use crate::pipelines::app::spec::{Field, FieldKind, Intent, TransferFormat};
use crate::pipelines::app::test_writer::case::{Case, faulty};

/// The lines of the test that shows a criterion.
pub(in crate::pipelines::app::test_writer) fn body(app: &App, intent: &Intent, check: Check) -> Vec<String> {
    match intent {
        Intent::Keep { entity, .. }
        | Intent::Add { entity }
        | Intent::Edit { entity }
        | Intent::Remove { entity }
        | Intent::List { entity } => records::records(Case::new(app, entity), check),
        Intent::Search { entity, fields } => views::search(Case::new(app, entity), fields, check),
        Intent::Filter { entity, field } => views::filter(Case::new(app, entity), field, check),
        Intent::Sort { entity, field, descending } => {
            views::sort(Case::new(app, entity), field, *descending, check)
        }
        Intent::MarkAs { entity, field, value } => states::mark(Case::new(app, entity), field, value, check),
        Intent::Transition { entity, field, .. } => states::transition(Case::new(app, entity), field, check),
        Intent::Due { entity, field, done } => {
            states::due(Case::new(app, entity), field, done.as_ref(), check)
        }
        Intent::Total { entity, field, aggregate, per } => {
            let total = TotalOf { field: field.clone(), aggregate: *aggregate, per: per.clone() };
            figures::totals(Case::new(app, entity), &total, check)
        }
        Intent::Count { entity, per } => figures::counts(Case::new(app, entity), per.as_ref(), check),
        Intent::Limit { entity, max_records } => rules::limit(Case::new(app, entity), *max_records, check),
        Intent::MaxLength { entity, field, max } => rules::length(Case::new(app, entity), field, *max, check),
        Intent::Unique { entity, fields } => rules::unique(Case::new(app, entity), fields, check),
        Intent::Required { entity, field } => rules::required(Case::new(app, entity), field, check),
        Intent::Between { entity, field, .. } => rules::between(Case::new(app, entity), field, check),
        Intent::NoOverlap { entity, start, end, per } => {
            let case = Case::new(app, entity);
            let rule = case
                .features
                .overlaps
                .iter()
                .find(|rule| rule.start == *start && rule.end == *end && rule.per == *per);
            rule.map(|rule| rules::overlap(case, rule, check)).unwrap_or_default()
        }
        Intent::BelongsTo { entity, field, target } => {
            rules::belongs(Case::new(app, entity), field, target, check)
        }
        Intent::Derived { entity, field } => figures::derived(Case::new(app, entity), field, check),
        Intent::Alert { entity, field, comparison, than } => {
            figures::alert(Case::new(app, entity), field, *comparison, than, check)
        }
        Intent::Board { entity, field } => views::board(Case::new(app, entity), field, check),
        Intent::Calendar { entity, field } => views::calendar(Case::new(app, entity), field, check),
        Intent::CheckIn { entity, field } => states::check_in(Case::new(app, entity), field, check),
        Intent::Streak { entity, field } => states::streak(Case::new(app, entity), field, check),
        Intent::Quiz { entity, question, answer, options } => {
            let rule =
                QuizRule { question: question.clone(), answer: answer.clone(), options: options.clone() };
            states::quiz(Case::new(app, entity), &rule, check)
        }
        Intent::Import { entity, formats } => {
            let case = Case::new(app, entity);
            formats.iter().flat_map(|format| braces(files::import(case, *format, check))).collect()
        }
        Intent::Export { entity, formats } => {
            let case = Case::new(app, entity);
            formats.iter().flat_map(|format| braces(files::export(case, *format, check))).collect()
        }
        Intent::Undo {} => records::undo(app, check),
        Intent::Statistics { entity } => figures::statistics(Case::new(app, entity), check),
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

/// Opens a store.
fn open(call: &str) -> String {
    format!("const {{ store }} = {call};")
}

/// Opens a store and looks at what it saves.
fn open_saved(call: &str) -> String {
    format!("const {{ store, saved }} = {call};")
}

/// A field that can be changed without touching any other rule: best the one that names the record.
pub(in crate::pipelines::app::test_writer) fn plain_field<'a>(case: Case<'a>) -> Option<&'a Field> {
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

/// The formats as the store takes them.
pub(in crate::pipelines::app::test_writer) fn format_name(format: TransferFormat) -> &'static str {
    match format {
        TransferFormat::Json => "json",
        TransferFormat::Csv => "csv",
    }
}

/// A value that makes a record faulty, for any field of it.
pub(in crate::pipelines::app::test_writer) fn fault(case: Case<'_>) -> Option<(String, Js, String)> {
    case.features
        .stored()
        .filter(|field| {
            !case.features.overlaps.iter().any(|rule| rule.start == field.key || rule.end == field.key)
        })
        .find_map(|field| faulty(case.app, field).map(|(value, message)| (field.key.clone(), value, message)))
}
