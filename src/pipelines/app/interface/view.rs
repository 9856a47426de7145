//! What the interface shows: model and requirements turned into the plain facts that the templates ask for.

use serde::Serialize;

use super::field::{FieldView, field_view, lower, no_title};
use crate::pipelines::app::javascript::quote;
use crate::pipelines::app::spec::{
    Aggregate, Entity, FieldKind, Grouping, Intent, Model, Requirements, TransferFormat,
};

/// More columns than this do not fit beside each other.
const TABLE_COLUMNS_MAX: usize = 8;

/// The whole app.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AppView {
    pub(super) title: String,
    pub(super) slug: String,
    pub(super) themed: bool,
    pub(super) scheme: String,
    pub(super) history: bool,
    pub(super) entities: Vec<EntityView>,
}

/// The page of one kind of record.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EntityView {
    pub(super) key: String,
    pub(super) collection: String,
    pub(super) label: String,
    pub(super) plural: String,
    pub(super) one: String,
    pub(super) many: String,
    pub(super) table: bool,
    pub(super) title: FieldView,
    /// All fields but the title.
    pub(super) columns: Vec<FieldView>,
    pub(super) inputs: Vec<FieldView>,
    pub(super) choice_fields: Vec<FieldView>,
    pub(super) add: bool,
    pub(super) edit: bool,
    pub(super) remove: bool,
    pub(super) max_records: Option<u32>,
    pub(super) search: Option<String>,
    pub(super) filters: Vec<FieldView>,
    pub(super) sorts: Vec<SortView>,
    pub(super) marks: Vec<MarkView>,
    /// Fields that change along given steps alone.
    pub(super) transitions: Vec<FieldView>,
    pub(super) overdue: bool,
    pub(super) alerts: bool,
    pub(super) count: bool,
    pub(super) counts: Vec<FigureView>,
    pub(super) totals: Vec<FigureView>,
    pub(super) boards: Vec<BoardView>,
    pub(super) calendars: Vec<FieldView>,
    pub(super) check_ins: Vec<CheckInView>,
    pub(super) streaks: Vec<FieldView>,
    pub(super) quizzes: Vec<QuizView>,
    pub(super) imports: Vec<&'static str>,
    pub(super) exports: Vec<&'static str>,
    pub(super) statistics: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SortView {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) descending: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MarkView {
    pub(super) field: String,
    /// As it stands in the code.
    pub(super) value: String,
    pub(super) label: String,
}

/// A count or a total, over all records or per group.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FigureView {
    pub(super) label: String,
    pub(super) field: Option<String>,
    pub(super) aggregate: Option<Aggregate>,
    /// `money` or `number`.
    pub(super) kind: &'static str,
    pub(super) grouping: Option<Grouping>,
    /// The field of the groups when its values have colours of their own.
    pub(super) tones: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct BoardView {
    pub(super) field: FieldView,
    pub(super) steps: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct CheckInView {
    pub(super) field: FieldView,
    pub(super) streak: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct QuizView {
    pub(super) options: bool,
    pub(super) question_label: String,
    pub(super) answer_label: String,
}

/// Reads off everything the templates ask for. `scheme` is that of the design.
pub(super) fn build(model: &Model, requirements: &Requirements, scheme: &str) -> AppView {
    let intents: Vec<&Intent> = requirements.requirements.iter().map(|one| &one.intent).collect();
    AppView {
        title: model.title.clone(),
        slug: model.slug.clone(),
        themed: !model.theme.is_empty(),
        scheme: scheme.to_owned(),
        history: intents.iter().any(|intent| matches!(intent, Intent::Undo {})),
        entities: model.entities.iter().map(|entity| entity_view(model, entity, &intents)).collect(),
    }
}

fn entity_view(model: &Model, entity: &Entity, intents: &[&Intent]) -> EntityView {
    let fields: Vec<FieldView> = entity.fields.iter().map(|field| field_view(model, entity, field)).collect();
    let find = |key: &str| fields.iter().find(|field| field.key == key).cloned();
    let title =
        find(&entity.title_field).or_else(|| fields.first().cloned()).unwrap_or_else(|| no_title(entity));
    let mut view = EntityView {
        key: entity.key.clone(),
        collection: entity.collection.clone(),
        label: entity.label.clone(),
        plural: entity.label_plural.clone(),
        one: lower(&entity.label),
        many: lower(&entity.label_plural),
        table: wants_table(entity),
        columns: fields.iter().filter(|field| field.key != title.key).cloned().collect(),
        choice_fields: fields.iter().filter(|field| field.kind == "choice").cloned().collect(),
        inputs: fields.iter().filter(|field| !field.derived).cloned().collect(),
        title,
        add: false,
        edit: false,
        remove: false,
        max_records: None,
        search: None,
        filters: Vec::new(),
        sorts: Vec::new(),
        marks: Vec::new(),
        transitions: Vec::new(),
        overdue: false,
        alerts: false,
        count: false,
        counts: Vec::new(),
        totals: Vec::new(),
        boards: Vec::new(),
        calendars: Vec::new(),
        check_ins: Vec::new(),
        streaks: Vec::new(),
        quizzes: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        statistics: false,
    };
    for intent in intents.iter().filter(|intent| entity_of(intent) == Some(&entity.key)) {
        apply(&mut view, entity, intent, &find);
    }
    relate(&mut view);
    view
}

/// Takes one requirement of the entity into its page.
fn apply(view: &mut EntityView, entity: &Entity, intent: &Intent, find: &dyn Fn(&str) -> Option<FieldView>) {
    match intent {
        Intent::Add { .. } => view.add = true,
        Intent::Edit { .. } => view.edit = true,
        Intent::Remove { .. } => view.remove = true,
        Intent::Limit { max_records, .. } => view.max_records = Some(*max_records),
        Intent::Search { fields, .. } => {
            let labels: Vec<String> =
                fields.iter().filter_map(|key| find(key)).map(|field| field.lower).collect();
            view.search = Some(format!("Search by {}", in_words(&labels)));
        }
        Intent::Filter { field, .. } => push_field(&mut view.filters, find(field)),
        Intent::Sort { field, descending, .. } => push_sort(&mut view.sorts, find(field), *descending),
        Intent::MarkAs { field, value, .. } => {
            if let Some(mark) = find(field).and_then(|field| mark_view(&field, value))
                && !view.marks.iter().any(|known| known.field == mark.field && known.value == mark.value)
            {
                view.marks.push(mark);
            }
        }
        Intent::Transition { field, .. } => push_field(&mut view.transitions, find(field)),
        Intent::Due { .. } => view.overdue = true,
        Intent::Alert { .. } => view.alerts = true,
        Intent::Count { per: None, .. } => view.count = true,
        Intent::Count { per: Some(per), .. } => push_count(view, entity, per, find),
        Intent::Total { field, aggregate, per, .. } => {
            push_total(&mut view.totals, find(field), *aggregate, per.as_ref(), find);
        }
        Intent::Board { field, .. } => {
            if let Some(field) = find(field).filter(|field| !field.choices.is_empty())
                && !view.boards.iter().any(|known| known.field.key == field.key)
            {
                view.boards.push(BoardView { field, steps: false });
            }
        }
        Intent::Calendar { field, .. } => push_field(&mut view.calendars, find(field)),
        Intent::CheckIn { field, .. } => {
            if let Some(field) = find(field)
                && !view.check_ins.iter().any(|known| known.field.key == field.key)
            {
                view.check_ins.push(CheckInView { field, streak: false });
            }
        }
        Intent::Streak { field, .. } => push_field(&mut view.streaks, find(field)),
        Intent::Quiz { question, answer, options, .. } => {
            let label = |key: &str| find(key).map(|field| field.label).unwrap_or_default();
            if view.quizzes.is_empty() {
                view.quizzes.push(QuizView {
                    options: options.is_some(),
                    question_label: label(question),
                    answer_label: label(answer),
                });
            }
        }
        Intent::Import { formats, .. } => push_formats(&mut view.imports, formats),
        Intent::Export { formats, .. } => push_formats(&mut view.exports, formats),
        Intent::Statistics { .. } => view.statistics = true,
        // Kept in the model or checked by the core; the page has nothing of its own for them.
        Intent::Keep { .. }
        | Intent::List { .. }
        | Intent::MaxLength { .. }
        | Intent::Unique { .. }
        | Intent::Required { .. }
        | Intent::Between { .. }
        | Intent::NoOverlap { .. }
        | Intent::BelongsTo { .. }
        | Intent::Derived { .. }
        | Intent::Undo {}
        | Intent::Theme { .. } => {}
    }
}

/// What one requirement changes about what another asked for.
fn relate(view: &mut EntityView) {
    for board in &mut view.boards {
        board.steps = view.transitions.iter().any(|field| field.key == board.field.key);
    }
    // Every allowed step has a button already, so a mark along a step would stand there twice.
    view.marks.retain(|mark| !view.transitions.iter().any(|field| field.key == mark.field));
    for check_in in &mut view.check_ins {
        check_in.streak = view.streaks.iter().any(|field| field.key == check_in.field.key);
        view.inputs.retain(|field| field.key != check_in.field.key);
        view.columns.retain(|field| field.key != check_in.field.key);
    }
}

/// Figures compare well in columns; texts, ratings and tags read better on cards.
fn wants_table(entity: &Entity) -> bool {
    if entity.fields.len() > TABLE_COLUMNS_MAX {
        return false;
    }
    let figures = entity
        .fields
        .iter()
        .filter(|field| {
            matches!(
                field.kind,
                FieldKind::Integer { .. }
                    | FieldKind::Decimal { .. }
                    | FieldKind::Money { .. }
                    | FieldKind::Derived { .. }
            )
        })
        .count();
    figures >= 2 || entity.fields.iter().any(|field| matches!(field.kind, FieldKind::Money { .. }))
}

fn push_field(fields: &mut Vec<FieldView>, field: Option<FieldView>) {
    if let Some(field) = field.filter(|field| !fields.iter().any(|known| known.key == field.key)) {
        fields.push(field);
    }
}

fn push_sort(sorts: &mut Vec<SortView>, field: Option<FieldView>, descending: bool) {
    if let Some(field) = field.filter(|field| !sorts.iter().any(|known| known.key == field.key)) {
        sorts.push(SortView { key: field.key, label: field.label, descending });
    }
}

fn push_formats(known: &mut Vec<&'static str>, formats: &[TransferFormat]) {
    for format in formats {
        let name = match format {
            TransferFormat::Json => "json",
            TransferFormat::Csv => "csv",
        };
        if !known.contains(&name) {
            known.push(name);
        }
    }
}

fn mark_view(field: &FieldView, value: &str) -> Option<MarkView> {
    if field.kind == "boolean" {
        let yes = value == "true";
        let label =
            if yes { format!("Mark as {}", field.lower) } else { format!("Mark as not {}", field.lower) };
        return Some(MarkView { field: field.key.clone(), value: yes.to_string(), label });
    }
    let choice = field.choices.iter().find(|choice| choice.value == value)?;
    let label = format!("Mark as {}", lower(&choice.label));
    Some(MarkView { field: field.key.clone(), value: quote(value), label })
}

fn grouped(per: &Grouping, find: &dyn Fn(&str) -> Option<FieldView>) -> Option<(String, Option<String>)> {
    match per {
        Grouping::Field { field } => {
            let field = find(field)?;
            let tones = (!field.choices.is_empty()).then(|| field.key.clone());
            Some((field.lower, tones))
        }
        Grouping::Month { .. } => Some(("month".to_owned(), None)),
    }
}

fn push_count(
    view: &mut EntityView,
    entity: &Entity,
    per: &Grouping,
    find: &dyn Fn(&str) -> Option<FieldView>,
) {
    if view.counts.iter().any(|known| known.grouping.as_ref() == Some(per)) {
        return;
    }
    if let Some((group, tones)) = grouped(per, find) {
        view.counts.push(FigureView {
            label: format!("{} per {group}", entity.label_plural),
            field: None,
            aggregate: None,
            kind: "number",
            grouping: Some(per.clone()),
            tones,
        });
    }
}

fn push_total(
    totals: &mut Vec<FigureView>,
    field: Option<FieldView>,
    aggregate: Aggregate,
    per: Option<&Grouping>,
    find: &dyn Fn(&str) -> Option<FieldView>,
) {
    let Some(field) = field else { return };
    let name = match aggregate {
        Aggregate::Sum if field.lower.starts_with("total") => field.label.clone(),
        Aggregate::Sum => format!("Total {}", field.lower),
        Aggregate::Average => format!("Average {}", field.lower),
        Aggregate::Minimum => format!("Lowest {}", field.lower),
        Aggregate::Maximum => format!("Highest {}", field.lower),
    };
    let (label, tones) = match per {
        None => (name, None),
        Some(per) => match grouped(per, find) {
            Some((group, tones)) => (format!("{name} per {group}"), tones),
            None => return,
        },
    };
    if totals.iter().any(|known| known.label == label) {
        return;
    }
    totals.push(FigureView {
        label,
        field: Some(field.key),
        aggregate: Some(aggregate),
        kind: if field.kind == "money" { "money" } else { "number" },
        grouping: per.cloned(),
        tones,
    });
}

fn entity_of(intent: &Intent) -> Option<&str> {
    match intent {
        Intent::Keep { entity, .. }
        | Intent::Add { entity }
        | Intent::Edit { entity }
        | Intent::Remove { entity }
        | Intent::List { entity }
        | Intent::Search { entity, .. }
        | Intent::Filter { entity, .. }
        | Intent::Sort { entity, .. }
        | Intent::MarkAs { entity, .. }
        | Intent::Transition { entity, .. }
        | Intent::Due { entity, .. }
        | Intent::Total { entity, .. }
        | Intent::Count { entity, .. }
        | Intent::Limit { entity, .. }
        | Intent::MaxLength { entity, .. }
        | Intent::Unique { entity, .. }
        | Intent::Required { entity, .. }
        | Intent::Between { entity, .. }
        | Intent::NoOverlap { entity, .. }
        | Intent::BelongsTo { entity, .. }
        | Intent::Derived { entity, .. }
        | Intent::Alert { entity, .. }
        | Intent::Board { entity, .. }
        | Intent::Calendar { entity, .. }
        | Intent::CheckIn { entity, .. }
        | Intent::Streak { entity, .. }
        | Intent::Quiz { entity, .. }
        | Intent::Import { entity, .. }
        | Intent::Export { entity, .. }
        | Intent::Statistics { entity } => Some(entity),
        Intent::Undo {} | Intent::Theme { .. } => None,
    }
}

fn in_words(words: &[String]) -> String {
    match words {
        [] => "text".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
