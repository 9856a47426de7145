//! What the brief asks of each kind of record: the requirements sorted by entity, and checked against the model.
//!
//! The agents after `domain-model` all start from here, so that they agree on what is generated. Rules that a
//! requirement states about a single field (required, unique, between …) are folded into the fields.

use super::javascript;
use super::spec::{
    Aggregate, Comparison, Entity, Field, FieldKind, FieldValue, Formula, Grouping, Intent, Model, Operand,
    Requirements, Step, TransferFormat,
};
use crate::pipelines::{AgentError, FileSet};

/// File names in `src/core/` that belong to features, so that an entity of that name gets another one.
const TAKEN: [&str; 18] = [
    "alerts",
    "calendar",
    "counts",
    "days",
    "due",
    "groups",
    "history",
    "model",
    "overlap",
    "query",
    "quiz",
    "statistics",
    "store",
    "streak",
    "totals",
    "transfer",
    "transitions",
    "values",
];

/// The app that is to be generated.
#[derive(Clone, Debug)]
pub struct App {
    /// Title of the app.
    pub title: String,
    /// Key of the app.
    pub slug: String,
    /// Mood and colour words, when the brief has some.
    pub theme: Vec<String>,
    /// Its kinds of records, in the order of the model.
    pub entities: Vec<EntityFeatures>,
    /// Changes can be taken back.
    pub undo: bool,
}

/// A kind of record and everything that can be done with it.
#[derive(Clone, Debug)]
pub struct EntityFeatures {
    /// The entity, with the rules of the requirements in its fields.
    pub entity: Entity,
    /// Records can be added.
    pub add: bool,
    /// Records can be changed.
    pub edit: bool,
    /// Records can be removed.
    pub remove: bool,
    /// Fields that the text search looks into.
    pub search: Vec<String>,
    /// Fields to filter by.
    pub filters: Vec<String>,
    /// Fields to sort by; `true` when the brief asks for the highest first.
    pub sorts: Vec<(String, bool)>,
    /// Fields that one action sets, with the value.
    pub marks: Vec<(String, String)>,
    /// State fields with their steps.
    pub transitions: Vec<(String, Vec<Step>)>,
    /// Dates that make a record overdue, with what makes it finished.
    pub due: Vec<(String, Option<FieldValue>)>,
    /// Numbers over all records or per group.
    pub totals: Vec<TotalOf>,
    /// How many records; none is all of them.
    pub counts: Vec<Option<Grouping>>,
    /// At most so many records.
    pub limit: Option<u32>,
    /// Fields in which, together, no two records may agree; sets of one are in the fields.
    pub unique_sets: Vec<Vec<String>>,
    /// Intervals that must not overlap.
    pub overlaps: Vec<OverlapRule>,
    /// Conditions that are pointed out.
    pub alerts: Vec<AlertRule>,
    /// Fields with a board.
    pub boards: Vec<String>,
    /// Fields with a calendar.
    pub calendars: Vec<String>,
    /// Fields in which days are checked off.
    pub check_ins: Vec<String>,
    /// Fields whose days in a row are counted.
    pub streaks: Vec<String>,
    /// How records are asked.
    pub quiz: Option<QuizRule>,
    /// Formats to read.
    pub imports: Vec<TransferFormat>,
    /// Formats to write.
    pub exports: Vec<TransferFormat>,
    /// A page of figures.
    pub statistics: bool,
}

/// A number over records.
#[derive(Clone, Debug, PartialEq)]
pub struct TotalOf {
    /// The number field.
    pub field: String,
    /// How many become one.
    pub aggregate: Aggregate,
    /// What they are grouped by.
    pub per: Option<Grouping>,
}

/// Intervals that must not overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlapRule {
    /// Where an interval starts.
    pub start: String,
    /// Where it ends.
    pub end: String,
    /// Fields that must agree for two records to meet: what is booked, and the day when start and end are times of day.
    pub same: Vec<String>,
    /// The field that says what is booked.
    pub per: Option<String>,
}

/// A condition that is pointed out.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// The number field.
    pub field: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub than: Operand,
}

/// How records are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct QuizRule {
    /// The field that is asked.
    pub question: String,
    /// The field with the right answer.
    pub answer: String,
    /// The field with answers to choose from.
    pub options: Option<String>,
}

impl App {
    /// Reads `model.json` and `requirements.json`.
    ///
    /// # Errors
    /// When one is missing or broken, or when a requirement names what the model does not have.
    pub fn read(files: &FileSet) -> Result<App, AgentError> {
        App::new(&Model::read(files)?, &Requirements::read(files)?)
    }

    /// Sorts the requirements by entity.
    ///
    /// # Errors
    /// When a requirement names what the model does not have.
    pub fn new(model: &Model, requirements: &Requirements) -> Result<App, AgentError> {
        let mut app = App {
            title: model.title.clone(),
            slug: model.slug.clone(),
            entities: model.entities.iter().cloned().map(EntityFeatures::new).collect(),
            theme: Vec::new(),
            undo: false,
        };
        for each in &requirements.requirements {
            app.take(&each.intent).map_err(|message| AgentError::Failed {
                message: format!("{}: {message}", each.id),
                file: Some("requirements.json".to_owned()),
                line: None,
            })?;
        }
        for features in &app.entities {
            app.check_model(features).map_err(|message| AgentError::Failed {
                message: format!("{}: {message}", features.entity.key),
                file: Some("model.json".to_owned()),
                line: None,
            })?;
        }
        Ok(app)
    }

    /// What everything after relies on: names that mean something, and formulas that come to an end.
    fn check_model(&self, features: &EntityFeatures) -> Result<(), String> {
        let entity = &features.entity;
        if entity.field(&entity.title_field).is_none() {
            return Err(format!("the title field `{}` is none of its fields", entity.title_field));
        }
        for field in &entity.fields {
            if let FieldKind::Reference { target } = &field.kind
                && self.entity(target).is_none()
            {
                return Err(format!("`{}` refers to `{target}`, which is no entity", field.key));
            }
            for operand in operands(field) {
                if !entity.field(operand).is_some_and(is_number) {
                    return Err(format!("`{}` is computed from `{operand}`, which is no number", field.key));
                }
            }
        }
        let in_order = features.derived();
        for (at, field) in in_order.iter().enumerate() {
            if operands(field).iter().any(|operand| in_order[at..].iter().any(|later| later.key == **operand))
            {
                return Err(format!("`{}` is computed from itself", field.key));
            }
        }
        Ok(())
    }

    /// The features of the entity with this key.
    pub fn entity(&self, key: &str) -> Option<&EntityFeatures> {
        self.entities.iter().find(|features| features.entity.key == key)
    }

    /// The features of an entity that is known to exist, because [`App::new`] checked it.
    pub fn target(&self, key: &str) -> &EntityFeatures {
        self.entity(key).expect("references and requirements were checked when the app was read")
    }

    /// Whether any entity has this.
    pub fn any(&self, wanted: impl Fn(&EntityFeatures) -> bool) -> bool {
        self.entities.iter().any(wanted)
    }

    /// Fields of all entities that refer to this one: `(entity, field)`.
    pub fn references_to(&self, key: &str) -> Vec<(&EntityFeatures, &Field)> {
        let mut found = Vec::new();
        for features in &self.entities {
            for field in &features.entity.fields {
                if matches!(&field.kind, FieldKind::Reference { target } if target == key) {
                    found.push((features, field));
                }
            }
        }
        found
    }

    fn take(&mut self, intent: &Intent) -> Result<(), String> {
        let Some((key, fields)) = named(intent) else {
            match intent {
                Intent::Theme { words } => words.iter().for_each(|word| push(&mut self.theme, word.clone())),
                _ => self.undo = true,
            }
            return Ok(());
        };
        let features = self
            .entities
            .iter_mut()
            .find(|features| features.entity.key == key)
            .ok_or_else(|| format!("the model has no entity `{key}`"))?;
        if let Some(missing) = fields.into_iter().find(|field| features.entity.field(field).is_none()) {
            return Err(format!("the entity `{key}` has no field `{missing}`"));
        }
        features.take(intent);
        match intent {
            Intent::BelongsTo { target, .. } if self.entity(target).is_none() => {
                Err(format!("the model has no entity `{target}`"))
            }
            _ => Ok(()),
        }
    }
}

/// The entity of an intent and the fields it names.
fn named(intent: &Intent) -> Option<(&str, Vec<&str>)> {
    Some(match intent {
        Intent::Keep { entity, fields }
        | Intent::Search { entity, fields }
        | Intent::Unique { entity, fields } => (entity, fields.iter().map(String::as_str).collect()),
        Intent::Add { entity }
        | Intent::Edit { entity }
        | Intent::Remove { entity }
        | Intent::List { entity }
        | Intent::Limit { entity, .. }
        | Intent::Import { entity, .. }
        | Intent::Export { entity, .. }
        | Intent::Statistics { entity } => (entity, Vec::new()),
        Intent::Filter { entity, field }
        | Intent::Sort { entity, field, .. }
        | Intent::MarkAs { entity, field, .. }
        | Intent::Transition { entity, field, .. }
        | Intent::MaxLength { entity, field, .. }
        | Intent::Required { entity, field }
        | Intent::Between { entity, field, .. }
        | Intent::BelongsTo { entity, field, .. }
        | Intent::Derived { entity, field }
        | Intent::Board { entity, field }
        | Intent::Calendar { entity, field }
        | Intent::CheckIn { entity, field }
        | Intent::Streak { entity, field } => (entity, vec![field]),
        Intent::Due { entity, field, done } => (
            entity,
            [field.as_str()].into_iter().chain(done.iter().map(|done| done.field.as_str())).collect(),
        ),
        Intent::Total { entity, field, per, .. } => {
            (entity, [field.as_str()].into_iter().chain(per.iter().map(grouping_key)).collect())
        }
        Intent::Count { entity, per } => (entity, per.iter().map(grouping_key).collect()),
        Intent::NoOverlap { entity, start, end, per } => {
            (entity, [start.as_str(), end].into_iter().chain(per.as_deref()).collect())
        }
        Intent::Alert { entity, field, than, .. } => {
            let other = match than {
                Operand::Field { field } => Some(field.as_str()),
                Operand::Number { .. } => None,
            };
            (entity, [field.as_str()].into_iter().chain(other).collect())
        }
        Intent::Quiz { entity, question, answer, options } => {
            (entity, [question.as_str(), answer].into_iter().chain(options.as_deref()).collect())
        }
        Intent::Undo {} | Intent::Theme { .. } => return None,
    })
}

/// The field records are grouped by.
pub fn grouping_key(grouping: &Grouping) -> &str {
    match grouping {
        Grouping::Field { field } | Grouping::Month { field } => field,
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

impl EntityFeatures {
    fn new(entity: Entity) -> Self {
        Self {
            entity,
            add: false,
            edit: false,
            remove: false,
            search: Vec::new(),
            filters: Vec::new(),
            sorts: Vec::new(),
            marks: Vec::new(),
            transitions: Vec::new(),
            due: Vec::new(),
            totals: Vec::new(),
            counts: Vec::new(),
            limit: None,
            unique_sets: Vec::new(),
            overlaps: Vec::new(),
            alerts: Vec::new(),
            boards: Vec::new(),
            calendars: Vec::new(),
            check_ins: Vec::new(),
            streaks: Vec::new(),
            quiz: None,
            imports: Vec::new(),
            exports: Vec::new(),
            statistics: false,
        }
    }

    fn take(&mut self, intent: &Intent) {
        match intent.clone() {
            Intent::Add { .. } => self.add = true,
            Intent::Edit { .. } => self.edit = true,
            Intent::Remove { .. } => self.remove = true,
            Intent::Search { fields, .. } => {
                for field in fields {
                    push(&mut self.search, field);
                }
            }
            Intent::Filter { field, .. } => push(&mut self.filters, field),
            Intent::Sort { field, descending, .. } => {
                if !self.sorts.iter().any(|(known, _)| *known == field) {
                    self.sorts.push((field, descending));
                }
            }
            Intent::MarkAs { field, value, .. } => push(&mut self.marks, (field, value)),
            Intent::Transition { field, steps, .. } => self.take_steps(field, steps),
            Intent::Due { field, done, .. } => push(&mut self.due, (field, done)),
            Intent::Total { field, aggregate, per, .. } => {
                push(&mut self.totals, TotalOf { field, aggregate, per });
            }
            Intent::Count { per, .. } => push(&mut self.counts, per),
            Intent::Limit { max_records, .. } => {
                self.limit = Some(self.limit.map_or(max_records, |known| known.min(max_records)));
            }
            Intent::MaxLength { field, max, .. } => match &mut self.field_mut(&field).kind {
                FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
                    *max_length = Some(max)
                }
                _ => {}
            },
            Intent::Unique { fields, .. } => match fields.as_slice() {
                [only] => self.field_mut(only).unique = true,
                _ => push(&mut self.unique_sets, fields),
            },
            Intent::Required { field, .. } => self.field_mut(&field).required = true,
            Intent::Between { field, min, max, .. } => match &mut self.field_mut(&field).kind {
                FieldKind::Integer { min: low, max: high }
                | FieldKind::Decimal { min: low, max: high }
                | FieldKind::Money { min: low, max: high } => {
                    *low = min.or(*low);
                    *high = max.or(*high);
                }
                FieldKind::Rating { min: low, max: high } => {
                    *low = min.unwrap_or(*low);
                    *high = max.unwrap_or(*high);
                }
                _ => {}
            },
            Intent::NoOverlap { start, end, per, .. } => self.take_overlap(start, end, per),
            Intent::Alert { field, comparison, than, .. } => {
                push(&mut self.alerts, AlertRule { field, comparison, than });
            }
            Intent::Board { field, .. } => push(&mut self.boards, field),
            Intent::Calendar { field, .. } => push(&mut self.calendars, field),
            Intent::CheckIn { field, .. } => push(&mut self.check_ins, field),
            Intent::Streak { field, .. } => push(&mut self.streaks, field),
            Intent::Quiz { question, answer, options, .. } => {
                self.quiz = Some(QuizRule { question, answer, options });
            }
            Intent::Import { formats, .. } => {
                for format in formats {
                    push(&mut self.imports, format);
                }
            }
            Intent::Export { formats, .. } => {
                for format in formats {
                    push(&mut self.exports, format);
                }
            }
            Intent::Statistics { .. } => self.statistics = true,
            Intent::Keep { .. }
            | Intent::List { .. }
            | Intent::BelongsTo { .. }
            | Intent::Derived { .. }
            | Intent::Undo {}
            | Intent::Theme { .. } => {}
        }
    }

    /// A state field always has a state: without one no step would lead anywhere.
    fn take_steps(&mut self, key: String, steps: Vec<Step>) {
        let field = self.field_mut(&key);
        field.required = true;
        if field.default.is_none() {
            field.default = match &field.kind {
                FieldKind::Choice { choices } => choices.first().map(|choice| choice.value.clone()),
                _ => None,
            };
        }
        match self.transitions.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => {
                for step in steps {
                    push(known, step);
                }
            }
            None => self.transitions.push((key, steps)),
        }
    }

    /// Times of day can only meet on the same day, so the date of the record counts too.
    fn take_overlap(&mut self, start: String, end: String, per: Option<String>) {
        let mut same: Vec<String> = per.iter().cloned().collect();
        if self.entity.field(&start).is_some_and(|field| matches!(field.kind, FieldKind::Time)) {
            let day = self.entity.fields.iter().find(|field| matches!(field.kind, FieldKind::Date));
            same.extend(day.map(|field| field.key.clone()));
        }
        push(&mut self.overlaps, OverlapRule { start, end, same, per });
    }

    fn field_mut(&mut self, key: &str) -> &mut Field {
        self.entity
            .fields
            .iter_mut()
            .find(|field| field.key == key)
            .expect("the fields of an intent are checked first")
    }

    /// A field that is known to exist, because [`App::new`] checked it.
    pub fn field(&self, key: &str) -> &Field {
        self.entity.field(key).expect("the fields of an intent are checked when the app is read")
    }

    /// The fields that are entered and stored.
    pub fn stored(&self) -> impl Iterator<Item = &Field> {
        self.entity.fields.iter().filter(|field| !is_derived(field))
    }

    /// The fields that are computed, each after those it is computed from.
    pub fn derived(&self) -> Vec<&Field> {
        let mut open: Vec<&Field> = self.entity.fields.iter().filter(|field| is_derived(field)).collect();
        let mut done: Vec<&Field> = Vec::new();
        while !open.is_empty() {
            let ready = open.iter().position(|field| {
                operands(field).iter().all(|operand| !open.iter().any(|other| other.key == *operand))
            });
            // A circle cannot be computed in any order; it is left in that of the model.
            done.push(open.remove(ready.unwrap_or(0)));
        }
        done
    }

    /// Whether a field holds money, or is computed from money.
    pub fn is_money(&self, field: &Field) -> bool {
        self.is_money_within(field, self.entity.fields.len())
    }

    fn is_money_within(&self, field: &Field, depth: usize) -> bool {
        match &field.kind {
            FieldKind::Money { .. } => true,
            FieldKind::Derived { .. } if depth > 0 => operands(field)
                .iter()
                .filter_map(|operand| self.entity.field(operand))
                .any(|operand| self.is_money_within(operand, depth - 1)),
            _ => false,
        }
    }

    /// The file name of its module in `src/core/`, without ending.
    pub fn module(&self) -> String {
        let key = &self.entity.key;
        if TAKEN.contains(&key.as_str()) { format!("{key}-record") } else { key.clone() }
    }

    /// `Book`, as part of a function name.
    pub fn pascal(&self) -> String {
        javascript::pascal(&self.entity.key)
    }
}

/// Whether a field is computed.
pub fn is_derived(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Derived { .. })
}

/// Whether a field holds a number, entered or computed.
pub fn is_number(field: &Field) -> bool {
    matches!(
        field.kind,
        FieldKind::Integer { .. }
            | FieldKind::Decimal { .. }
            | FieldKind::Money { .. }
            | FieldKind::Rating { .. }
            | FieldKind::Derived { .. }
    )
}

/// What a computed field is computed from.
pub fn operands(field: &Field) -> Vec<&str> {
    match &field.kind {
        FieldKind::Derived {
            formula: Formula::Product { a, b } | Formula::SumOf { a, b } | Formula::Difference { a, b },
        } => vec![a, b],
        _ => Vec::new(),
    }
}
