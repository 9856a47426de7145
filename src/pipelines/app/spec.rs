//! What the agents of the `app` pipeline tell each other: the shapes inside `brief.json`, `requirements.json` and
//! `model.json`.
//!
//! `intake` writes [`Brief`], `requirements` writes [`Requirements`], `domain-model` writes [`Model`]; everything after
//! reads these three. A model or a person may write the same files instead of the built-in agents.

use serde::{Deserialize, Serialize};

use crate::pipelines::{AgentError, FileSet};

/// `brief.json`: the brief, cut into sentences.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Brief {
    /// Title of the app, like `Reading list`.
    pub title: String,
    /// The title in a form for file names and keys: `reading-list`.
    pub slug: String,
    /// Every sentence or clause that says one thing, in order.
    pub sentences: Vec<Sentence>,
    /// Contradictions that were found, in words; which side was taken is said.
    pub contradictions: Vec<String>,
}

/// One sentence, or one clause of a longer one, that says one thing.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Sentence {
    /// `S1`, `S2`, …
    pub id: String,
    /// The words as they stand in the brief.
    pub text: String,
    /// Where it stands in the brief, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// `requirements.json`: every sentence mapped to what is to be built, or said to be not covered.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Requirements {
    /// What is to be built.
    pub requirements: Vec<Requirement>,
    /// Sentences that no requirement covers, with the reason.
    pub not_covered: Vec<NotCovered>,
    /// How many sentences the brief has.
    pub sentences_total: usize,
    /// How many of them are covered.
    pub sentences_covered: usize,
}

/// One thing to be built.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Requirement {
    /// `R1`, `R2`, …
    pub id: String,
    /// The sentence it comes from; none when it is implied (records that can be kept can also be edited).
    pub sentence: Option<String>,
    /// In words: `Books can be sorted by rating`.
    pub text: String,
    /// What exactly.
    #[serde(flatten)]
    pub intent: Intent,
    /// When it counts as done.
    pub criteria: Vec<Criterion>,
}

/// An acceptance criterion; exactly one generated test has its id at the start of its name.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Criterion {
    /// `R3.1`, `R3.2`, …
    pub id: String,
    /// In words: `given three books, sorting by rating puts the highest first`.
    pub text: String,
}

/// A sentence nothing was built for.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct NotCovered {
    /// The sentence.
    pub sentence: String,
    /// Its words.
    pub text: String,
    /// Why, and what would be understood.
    pub reason: String,
}

/// What a requirement asks for. `entity` is always an [`Entity::key`], `field` a [`Field::key`] of that entity.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "intent", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are named by the line above each variant")]
pub enum Intent {
    /// Records of this kind exist, with these fields: "books with title, author and rating".
    Keep { entity: String, fields: Vec<String> },
    /// Records can be added.
    Add { entity: String },
    /// Records can be changed.
    Edit { entity: String },
    /// Records can be removed.
    Remove { entity: String },
    /// Records are listed.
    List { entity: String },
    /// A text search over these fields.
    Search { entity: String, fields: Vec<String> },
    /// Only records with a chosen value of the field are shown.
    Filter { entity: String, field: String },
    /// Records are ordered by the field.
    Sort { entity: String, field: String, descending: bool },
    /// One action sets the field: "mark a task as done".
    MarkAs { entity: String, field: String, value: String },
    /// A state field may change along these steps alone: "a ticket goes from open to in progress to done".
    Transition { entity: String, field: String, steps: Vec<Step> },
    /// Records whose date has passed and that are not finished are shown as overdue.
    /// `done` names the field and value that make a record finished.
    Due { entity: String, field: String, done: Option<FieldValue> },
    /// A number over all records, or per group: "total amount per category".
    Total { entity: String, field: String, aggregate: Aggregate, per: Option<Grouping> },
    /// How many records, or how many per group: "count per status".
    Count { entity: String, per: Option<Grouping> },
    /// At most so many records.
    Limit { entity: String, max_records: u32 },
    /// A text is at most so long.
    MaxLength { entity: String, field: String, max: u32 },
    /// No two records agree in all these fields.
    Unique { entity: String, fields: Vec<String> },
    /// The field must not be empty.
    Required { entity: String, field: String },
    /// A number lies in this range, both ends included.
    Between { entity: String, field: String, min: Option<f64>, max: Option<f64> },
    /// Two records for the same thing must not overlap in time: "no double bookings of a room".
    /// Intervals are half-open: one may start when another ends.
    NoOverlap { entity: String, start: String, end: String, per: Option<String> },
    /// Each record belongs to one record of another kind: "every expense has a category".
    BelongsTo { entity: String, field: String, target: String },
    /// A field that is computed, never entered: "total is quantity times price".
    Derived { entity: String, field: String },
    /// Records that meet the condition are pointed out: "warn when quantity is below minimum".
    Alert { entity: String, field: String, comparison: Comparison, than: Operand },
    /// A board with one column per value of the field; cards move between columns.
    Board { entity: String, field: String },
    /// Records are laid out by day or month of the date field.
    Calendar { entity: String, field: String },
    /// A record can be checked off once per day (field of type `dates`): habits.
    CheckIn { entity: String, field: String },
    /// How many days in a row up to today (or yesterday) the field of type `dates` holds.
    Streak { entity: String, field: String },
    /// Records are asked one at a time and the answers are scored. `options` is a field of type `tags`.
    Quiz { entity: String, question: String, answer: String, options: Option<String> },
    /// Records can be read from a file.
    Import { entity: String, formats: Vec<TransferFormat> },
    /// Records can be written to a file.
    Export { entity: String, formats: Vec<TransferFormat> },
    /// The last change can be taken back, and done again.
    Undo {},
    /// A page of figures: counts per enumerated field, sum and mean of number fields.
    Statistics { entity: String },
    /// How it looks: mood and colour words of the brief, like `calm`, `dark`, `green`.
    Theme { words: Vec<String> },
}

/// One allowed change of a state field.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Step {
    /// The value before, an [`Choice::value`].
    pub from: String,
    /// The value after.
    pub to: String,
}

/// A field and a value of it, written as text.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct FieldValue {
    /// The field.
    pub field: String,
    /// A [`Choice::value`], or `true` / `false`.
    pub value: String,
}

/// How many numbers become one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// All added up.
    Sum,
    /// The arithmetic mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
}

/// What records are grouped by.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "by", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are named by the line above each variant")]
pub enum Grouping {
    /// The value of a field (choice, boolean, reference or text).
    Field { field: String },
    /// The calendar month (`2026-11`) of a date field.
    Month { field: String },
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Less than.
    Below,
    /// Less than or equal.
    AtMost,
    /// Greater than or equal.
    AtLeast,
    /// Greater than.
    Above,
}

/// The other side of a comparison.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are named by the line above each variant")]
pub enum Operand {
    /// A number of the brief.
    Number { value: f64 },
    /// Another number field of the same record.
    Field { field: String },
}

/// A file format for import and export.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum TransferFormat {
    /// An array of objects.
    Json,
    /// RFC 4180.
    Csv,
}

/// `model.json`: the things the app keeps. The file is a JSON Schema; this stands under `x-callboard`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Model {
    /// Title of the app.
    pub title: String,
    /// Key of the app for file names and storage.
    pub slug: String,
    /// Mood and colour words.
    pub theme: Vec<String>,
    /// The kinds of records; the first is the main one.
    pub entities: Vec<Entity>,
}

/// A kind of record.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Entity {
    /// Singular, camel case, ASCII, a valid JavaScript identifier and no reserved word: `book`, `stockItem`.
    pub key: String,
    /// Plural key: `books`, `stockItems`. Always different from `key`.
    pub collection: String,
    /// `Book`.
    pub label: String,
    /// `Books`.
    pub label_plural: String,
    /// Its fields in the order of the brief. Every record also has `id`, which is not listed here.
    pub fields: Vec<Field>,
    /// The field a record is named by; always one of `fields`.
    pub title_field: String,
}

/// A field of a record.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Field {
    /// Camel case, ASCII, a valid JavaScript identifier and no reserved word, never `id`: `dueDate`.
    pub key: String,
    /// `Due date`.
    pub label: String,
    /// What it holds.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// Must not be empty.
    pub required: bool,
    /// No two records have the same value (texts are compared without case).
    pub unique: bool,
    /// What a new record starts with, written as text; none means empty.
    pub default: Option<String>,
}

/// What a field holds. In JavaScript: text kinds, dates and choices are strings (`''` when empty), numbers are numbers
/// or `null`, booleans are booleans, references are the id of the other record or `''`, tags and dates are arrays.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "min, max and the like say themselves")]
pub enum FieldKind {
    /// One line.
    Text { max_length: Option<u32> },
    /// Several lines.
    LongText { max_length: Option<u32> },
    /// A whole number.
    Integer { min: Option<f64>, max: Option<f64> },
    /// A number.
    Decimal { min: Option<f64>, max: Option<f64> },
    /// An amount of money, two decimals.
    Money { min: Option<f64>, max: Option<f64> },
    /// A whole number shown as stars or a scale.
    Rating { min: f64, max: f64 },
    /// `2026-11-20`.
    Date,
    /// `2026-11-20T09:30`.
    DateTime,
    /// `09:30`.
    Time,
    /// Yes or no.
    Boolean,
    /// One of a few values.
    Choice { choices: Vec<Choice> },
    /// An e-mail address.
    Email,
    /// An `http` or `https` address.
    Url,
    /// A telephone number.
    Phone,
    /// One record of another kind.
    Reference { target: String },
    /// A list of short texts.
    Tags,
    /// A set of days, ascending, none twice: `['2026-11-19', '2026-11-20']`.
    Dates,
    /// Computed from other fields, never stored.
    Derived { formula: Formula },
}

/// One value of a choice field.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Choice {
    /// As stored: `to-read`.
    pub value: String,
    /// As shown: `To read`.
    pub label: String,
}

/// How a derived field is computed. An empty operand counts as 0; the result of money is rounded to cents.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "formula", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are named by the line above each variant")]
pub enum Formula {
    /// `a * b`
    Product { a: String, b: String },
    /// `a + b`
    SumOf { a: String, b: String },
    /// `a - b`
    Difference { a: String, b: String },
}

impl Model {
    /// Reads `model.json`.
    ///
    /// # Errors
    /// When the file is missing or has no model in it.
    pub fn read(files: &FileSet) -> Result<Model, AgentError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(rename = "x-callboard")]
            model: Model,
        }
        files.json::<File>("model.json").map(|file| file.model)
    }

    /// The entity with this key.
    pub fn entity(&self, key: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.key == key)
    }
}

impl Requirements {
    /// Reads `requirements.json`.
    ///
    /// # Errors
    /// When the file is missing or does not have this shape.
    pub fn read(files: &FileSet) -> Result<Requirements, AgentError> {
        files.json("requirements.json")
    }
}

impl Brief {
    /// Reads `brief.json`.
    ///
    /// # Errors
    /// When the file is missing or does not have this shape.
    pub fn read(files: &FileSet) -> Result<Brief, AgentError> {
        files.json("brief.json")
    }
}

impl Entity {
    /// The field with this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}
