//! What must be shown for each intent: the table of acceptance criteria.
//!
//! The number, the order and the meaning of the criteria of an intent never change with the words of a brief: criterion
//! `k` of a requirement is `criteria(&requirement.intent, &model)[k - 1]`, and its [`Check`] says what a test has to do.
//! Validation intents first name the last value that is accepted, then the first that is refused.

mod check;
mod figures;
mod layouts;
mod records;
mod rules;

pub use check::Check;

use crate::pipelines::app::spec::{
    Aggregate, Entity, Field, FieldKind, Grouping, Intent, Model, TransferFormat,
};

/// One criterion: its meaning and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What a test has to show.
    pub check: Check,
    /// The same in words: `given three books, when …, then …`.
    pub text: String,
}

/// Every criterion of the intent, in the order of their numbers.
pub fn criteria(intent: &Intent, model: &Model) -> Vec<Planned> {
    Writer { model }.write(intent).into_iter().map(|(check, text)| Planned { check, text }).collect()
}
struct Writer<'a> {
    model: &'a Model,
}

type Lines = Vec<(Check, String)>;

impl Writer<'_> {
    fn write(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Keep { .. }
            | Intent::Add { .. }
            | Intent::Edit { .. }
            | Intent::Remove { .. }
            | Intent::List { .. } => self.records(intent),
            Intent::Search { .. } | Intent::Filter { .. } | Intent::Sort { .. } => self.views(intent),
            Intent::MarkAs { .. } | Intent::Transition { .. } | Intent::Due { .. } => self.states(intent),
            Intent::Total { .. } | Intent::Count { .. } | Intent::Statistics { .. } => self.figures(intent),
            Intent::Limit { .. }
            | Intent::MaxLength { .. }
            | Intent::Unique { .. }
            | Intent::Required { .. }
            | Intent::Between { .. }
            | Intent::NoOverlap { .. }
            | Intent::BelongsTo { .. } => self.rules(intent),
            Intent::Derived { .. } | Intent::Alert { .. } => self.computed(intent),
            Intent::Board { .. }
            | Intent::Calendar { .. }
            | Intent::CheckIn { .. }
            | Intent::Streak { .. }
            | Intent::Quiz { .. } => self.layouts(intent),
            Intent::Import { .. } | Intent::Export { .. } | Intent::Undo {} | Intent::Theme { .. } => {
                self.app_wide(intent)
            }
        }
    }

    fn entity(&self, key: &str) -> Option<&Entity> {
        self.model.entity(key)
    }

    fn field(&self, entity: &str, field: &str) -> Option<&Field> {
        self.entity(entity).and_then(|entity| entity.field(field))
    }

    /// `a book`.
    fn one(&self, key: &str) -> String {
        a(&self.entity(key).map_or_else(|| key.to_owned(), |entity| lower(&entity.label)))
    }

    /// `books`.
    fn many(&self, key: &str) -> String {
        self.entity(key).map_or_else(|| key.to_owned(), |entity| lower(&entity.label_plural))
    }

    /// `due date`.
    fn name(&self, entity: &str, field: &str) -> String {
        self.field(entity, field).map_or_else(|| field.to_owned(), |field| lower(&field.label))
    }

    /// `title, author and status`.
    fn names(&self, entity: &str, fields: &[String]) -> String {
        join(&fields.iter().map(|field| self.name(entity, field)).collect::<Vec<_>>())
    }

    /// A value of a field as a person reads it.
    fn value(&self, entity: &str, field: &str, value: &str) -> String {
        match self.field(entity, field).map(|found| &found.kind) {
            Some(FieldKind::Choice { choices }) => choices
                .iter()
                .find(|choice| choice.value == value)
                .map_or_else(|| value.to_owned(), |choice| lower(&choice.label)),
            Some(FieldKind::Boolean) => {
                let name = self.name(entity, field);
                if value == "false" { format!("not {name}") } else { name }
            }
            _ => value.to_owned(),
        }
    }

    fn group(&self, entity: &str, per: &Grouping) -> String {
        match per {
            Grouping::Field { field } => self.name(entity, field),
            Grouping::Month { field } => format!("month of the {}", self.name(entity, field)),
        }
    }

    fn order(&self, entity: &str, field: &str, descending: bool) -> String {
        let (up, down) = match self.field(entity, field).map(|found| &found.kind) {
            Some(
                FieldKind::Integer { .. }
                | FieldKind::Decimal { .. }
                | FieldKind::Money { .. }
                | FieldKind::Rating { .. }
                | FieldKind::Derived { .. },
            ) => ("from the lowest to the highest", "from the highest to the lowest"),
            Some(FieldKind::Date | FieldKind::DateTime | FieldKind::Time) => {
                ("from the earliest to the latest", "from the latest to the earliest")
            }
            Some(FieldKind::Choice { .. }) => {
                ("in the order of the choices", "in the reverse order of the choices")
            }
            _ => ("from A to Z", "from Z to A"),
        };
        if descending { down.to_owned() } else { up.to_owned() }
    }
}

fn aggregate_name(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Sum => "total",
        Aggregate::Average => "average",
        Aggregate::Minimum => "smallest",
        Aggregate::Maximum => "largest",
    }
}

fn format_names(formats: &[TransferFormat], word: &str) -> String {
    formats
        .iter()
        .map(|format| match format {
            TransferFormat::Json => "JSON",
            TransferFormat::Csv => "CSV",
        })
        .collect::<Vec<_>>()
        .join(&format!(" {word} "))
}

/// A label inside a sentence: `Due date` becomes `due date`, `URL` stays.
pub fn lower(label: &str) -> String {
    let mut chars = label.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_uppercase() => label.to_owned(),
        (Some(first), _) => first.to_lowercase().chain(chars).collect(),
        (None, _) => String::new(),
    }
}

/// With the right article: `a book`, `an expense`.
pub fn a(noun: &str) -> String {
    let silent = ["hour", "honour", "heir"].iter().any(|word| noun.starts_with(word));
    let consonant =
        ["user", "unit", "uni", "use", "euro", "one", "ue"].iter().any(|word| noun.starts_with(word));
    let vowel = noun.chars().next().is_some_and(|first| "aeiouAEIOU".contains(first));
    if silent || (vowel && !consonant) { format!("an {noun}") } else { format!("a {noun}") }
}

/// `title, author and status`.
pub fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
