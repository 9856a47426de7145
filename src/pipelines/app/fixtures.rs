//! Models and requirements of several domains, and the agents run on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::grammar::criteria::criteria;
use super::spec::{
    Aggregate, Choice, Comparison, Criterion, Entity, Field, FieldKind, FieldValue, Formula, Grouping,
    Intent, Model, Operand, Requirement, Requirements, Step, TransferFormat,
};
use super::{architect, contract, core_logic, data, test_writer};
use crate::domain::event::LogLevel;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, FileSet};

/// A host that takes every script for compiled and forgets what it is told.
pub(super) struct QuietHost;

impl AgentHost for QuietHost {
    fn log(&self, _: LogLevel, _: &str) {}
    fn progress(&self, percent: f64, _: &str) {
        assert!((0.0..=100.0).contains(&percent));
    }
    fn check(&self) -> Result<(), AgentError> {
        Ok(())
    }
    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        let outcomes = vec![ScriptOutcome::Parsed; job.steps.len()];
        outcomes.iter().enumerate().for_each(|(step, outcome)| on_step(step, outcome));
        Ok(outcomes)
    }
}

/// One domain.
pub(super) struct Fixture {
    pub(super) name: &'static str,
    pub(super) model: Model,
    pub(super) requirements: Requirements,
}

impl Fixture {
    /// What the agents after `domain-model` read.
    pub(super) fn inputs(&self) -> AgentInputs {
        let mut files = FileSet::default();
        files.insert("model.json", serde_json::to_vec(&json!({ "x-callboard": self.model })).unwrap());
        files.insert("requirements.json", serde_json::to_vec(&self.requirements).unwrap());
        AgentInputs { brief: self.name.to_owned(), params: serde_json::Map::new(), files, inputs: Vec::new() }
    }

    /// Every file of agents 4 to 7 and 10.
    pub(super) fn generate(&self) -> BTreeMap<String, String> {
        let mut inputs = self.inputs();
        let mut made = BTreeMap::new();
        type Run = fn(&AgentInputs, &dyn AgentHost) -> Result<AgentOutput, AgentError>;
        let agents: [Run; 5] = [architect::run, contract::run, data::run, core_logic::run, test_writer::run];
        for run in agents {
            let output = run(&inputs, &QuietHost).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            for file in output.files {
                inputs.files.insert(file.path.clone(), file.bytes.clone());
                made.insert(file.path, String::from_utf8(file.bytes).unwrap());
            }
        }
        made
    }
}

/// Writes the files below a folder.
pub(super) fn write(files: &BTreeMap<String, String>, folder: &Path) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Runs `node --test`; what it prints, and whether all passed.
pub(super) fn node_test(folder: &Path) -> (bool, String) {
    let output = Command::new("node")
        .args(["--test", "--test-reporter=tap"])
        .current_dir(folder)
        .output()
        .expect("these tests need node 20 on the path");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn field(key: &str, label: &str, kind: FieldKind) -> Field {
    Field { key: key.into(), label: label.into(), kind, required: false, unique: false, default: None }
}

fn required(key: &str, label: &str, kind: FieldKind) -> Field {
    Field { required: true, ..field(key, label, kind) }
}

fn text() -> FieldKind {
    FieldKind::Text { max_length: None }
}

fn choices(values: &[(&str, &str)]) -> FieldKind {
    let choices =
        values.iter().map(|(value, label)| Choice { value: (*value).into(), label: (*label).into() });
    FieldKind::Choice { choices: choices.collect() }
}

fn reference(target: &str) -> FieldKind {
    FieldKind::Reference { target: target.into() }
}

fn entity(key: &str, collection: &str, label: &str, label_plural: &str, fields: Vec<Field>) -> Entity {
    let title_field = fields[0].key.clone();
    Entity {
        key: key.into(),
        collection: collection.into(),
        label: label.into(),
        label_plural: label_plural.into(),
        fields,
        title_field,
    }
}

/// Keep, add, edit, remove and list for an entity.
fn records(entity: &Entity) -> Vec<Intent> {
    let key = || entity.key.clone();
    vec![
        Intent::Keep { entity: key(), fields: entity.fields.iter().map(|field| field.key.clone()).collect() },
        Intent::Add { entity: key() },
        Intent::Edit { entity: key() },
        Intent::Remove { entity: key() },
        Intent::List { entity: key() },
    ]
}

fn fixture(name: &'static str, title: &str, entities: Vec<Entity>, more: Vec<Intent>) -> Fixture {
    let intents: Vec<Intent> = entities.iter().flat_map(records).chain(more).collect();
    let model = Model {
        title: title.into(),
        slug: title.to_lowercase().replace(' ', "-"),
        theme: Vec::new(),
        entities,
    };
    let requirements = intents
        .into_iter()
        .enumerate()
        .map(|(at, intent)| {
            let id = format!("R{}", at + 1);
            let planned = criteria(&intent, &model);
            let criteria = planned
                .into_iter()
                .enumerate()
                .map(|(at, planned)| Criterion { id: format!("{id}.{}", at + 1), text: planned.text })
                .collect();
            Requirement { id, sentence: None, text: String::new(), intent, criteria }
        })
        .collect();
    let requirements =
        Requirements { requirements, not_covered: Vec::new(), sentences_total: 1, sentences_covered: 1 };
    Fixture { name, model, requirements }
}

/// Every domain.
pub(super) fn all() -> Vec<Fixture> {
    vec![
        reading_list(),
        inventory(),
        habit_tracker(),
        ticket_board(),
        expense_log(),
        quiz(),
        booking(),
        odds_and_ends(),
    ]
}

/// The brief of the home page.
pub(super) fn reading_list() -> Fixture {
    let book = entity(
        "book",
        "books",
        "Book",
        "Books",
        vec![
            required("title", "Title", text()),
            field("author", "Author", text()),
            Field {
                default: Some("to-read".into()),
                ..required(
                    "status",
                    "Status",
                    choices(&[("to-read", "To read"), ("reading", "Reading"), ("done", "Done")]),
                )
            },
            field("rating", "Rating", FieldKind::Rating { min: 1.0, max: 5.0 }),
        ],
    );
    let key = || "book".to_owned();
    fixture(
        "reading list",
        "Reading list",
        vec![book],
        vec![
            Intent::Search { entity: key(), fields: vec!["title".into()] },
            Intent::Filter { entity: key(), field: "status".into() },
            Intent::Sort { entity: key(), field: "rating".into(), descending: true },
            Intent::Count { entity: key(), per: Some(Grouping::Field { field: "status".into() }) },
            Intent::Between { entity: key(), field: "rating".into(), min: Some(1.0), max: Some(5.0) },
            Intent::Required { entity: key(), field: "title".into() },
        ],
    )
}

/// Stock with alerts, a computed value and references.
pub(super) fn inventory() -> Fixture {
    let supplier = entity(
        "supplier",
        "suppliers",
        "Supplier",
        "Suppliers",
        vec![
            Field { unique: true, ..required("name", "Name", text()) },
            field("email", "E-mail", FieldKind::Email),
            field("phone", "Phone", FieldKind::Phone),
            field("website", "Website", FieldKind::Url),
        ],
    );
    let item = entity(
        "stockItem",
        "stockItems",
        "Stock item",
        "Stock items",
        vec![
            required("name", "Name", FieldKind::Text { max_length: Some(40) }),
            Field { unique: true, ..required("sku", "SKU", text()) },
            required("quantity", "Quantity", FieldKind::Integer { min: Some(0.0), max: None }),
            field("minimum", "Minimum stock", FieldKind::Integer { min: Some(0.0), max: Some(1000.0) }),
            field("price", "Price", FieldKind::Money { min: Some(0.0), max: None }),
            field(
                "total",
                "Total value",
                FieldKind::Derived { formula: Formula::Product { a: "quantity".into(), b: "price".into() } },
            ),
            required("supplier", "Supplier", reference("supplier")),
        ],
    );
    let key = || "stockItem".to_owned();
    fixture(
        "inventory",
        "Inventory",
        vec![item, supplier],
        vec![
            Intent::Alert {
                entity: key(),
                field: "quantity".into(),
                comparison: Comparison::Below,
                than: Operand::Field { field: "minimum".into() },
            },
            Intent::Alert {
                entity: key(),
                field: "price".into(),
                comparison: Comparison::Above,
                than: Operand::Number { value: 500.0 },
            },
            Intent::Derived { entity: key(), field: "total".into() },
            Intent::BelongsTo { entity: key(), field: "supplier".into(), target: "supplier".into() },
            Intent::Total { entity: key(), field: "total".into(), aggregate: Aggregate::Sum, per: None },
            Intent::Search { entity: key(), fields: vec!["name".into(), "supplier".into()] },
            Intent::Filter { entity: key(), field: "supplier".into() },
            Intent::Sort { entity: key(), field: "supplier".into(), descending: false },
            Intent::Sort { entity: key(), field: "quantity".into(), descending: false },
            Intent::Unique { entity: key(), fields: vec!["sku".into()] },
            Intent::MaxLength { entity: key(), field: "name".into(), max: 40 },
            Intent::Export { entity: key(), formats: vec![TransferFormat::Csv] },
            Intent::Import { entity: key(), formats: vec![TransferFormat::Csv] },
            Intent::Count { entity: key(), per: None },
        ],
    )
}

/// Days checked off and counted in a row.
pub(super) fn habit_tracker() -> Fixture {
    let habit = entity(
        "habit",
        "habits",
        "Habit",
        "Habits",
        vec![
            Field { unique: true, ..required("name", "Name", text()) },
            field("days", "Days", FieldKind::Dates),
            field("active", "Active", FieldKind::Boolean),
        ],
    );
    let key = || "habit".to_owned();
    fixture(
        "habit tracker",
        "Habit tracker",
        vec![habit],
        vec![
            Intent::CheckIn { entity: key(), field: "days".into() },
            Intent::Streak { entity: key(), field: "days".into() },
            Intent::Limit { entity: key(), max_records: 7 },
            Intent::Undo {},
            Intent::MarkAs { entity: key(), field: "active".into(), value: "true".into() },
            Intent::Filter { entity: key(), field: "active".into() },
            Intent::Calendar { entity: key(), field: "days".into() },
            Intent::Theme { words: vec!["calm".into(), "green".into()] },
        ],
    )
}

/// States with steps, on a board.
pub(super) fn ticket_board() -> Fixture {
    let ticket = entity(
        "ticket",
        "tickets",
        "Ticket",
        "Tickets",
        vec![
            required("title", "Title", text()),
            field("description", "Description", FieldKind::LongText { max_length: Some(200) }),
            Field {
                default: Some("open".into()),
                ..required(
                    "status",
                    "Status",
                    choices(&[("open", "Open"), ("in-progress", "In progress"), ("done", "Done")]),
                )
            },
            field("priority", "Priority", choices(&[("low", "Low"), ("high", "High")])),
            field("dueDate", "Due date", FieldKind::Date),
        ],
    );
    let key = || "ticket".to_owned();
    let step = |from: &str, to: &str| Step { from: from.into(), to: to.into() };
    fixture(
        "ticket board",
        "Ticket board",
        vec![ticket],
        vec![
            Intent::Transition {
                entity: key(),
                field: "status".into(),
                steps: vec![
                    step("open", "in-progress"),
                    step("in-progress", "done"),
                    step("in-progress", "open"),
                ],
            },
            Intent::Board { entity: key(), field: "status".into() },
            Intent::Due {
                entity: key(),
                field: "dueDate".into(),
                done: Some(FieldValue { field: "status".into(), value: "done".into() }),
            },
            Intent::Sort { entity: key(), field: "priority".into(), descending: true },
            Intent::Sort { entity: key(), field: "dueDate".into(), descending: false },
            Intent::Count { entity: key(), per: Some(Grouping::Field { field: "priority".into() }) },
            Intent::Count { entity: key(), per: None },
            Intent::Calendar { entity: key(), field: "dueDate".into() },
            Intent::MarkAs { entity: key(), field: "status".into(), value: "done".into() },
        ],
    )
}

/// Money per category and month.
pub(super) fn expense_log() -> Fixture {
    let category = entity(
        "category",
        "categories",
        "Category",
        "Categories",
        vec![Field { unique: true, ..required("name", "Name", text()) }],
    );
    let expense = entity(
        "expense",
        "expenses",
        "Expense",
        "Expenses",
        vec![
            required("note", "Note", text()),
            required("amount", "Amount", FieldKind::Money { min: Some(0.01), max: Some(10_000.0) }),
            required("date", "Date", FieldKind::Date),
            required("category", "Category", reference("category")),
        ],
    );
    let key = || "expense".to_owned();
    let total = |aggregate, per| Intent::Total { entity: key(), field: "amount".into(), aggregate, per };
    fixture(
        "expense log",
        "Expense log",
        vec![expense, category],
        vec![
            total(Aggregate::Sum, Some(Grouping::Field { field: "category".into() })),
            total(Aggregate::Sum, Some(Grouping::Month { field: "date".into() })),
            total(Aggregate::Average, None),
            total(Aggregate::Maximum, None),
            total(Aggregate::Minimum, Some(Grouping::Field { field: "category".into() })),
            Intent::Count { entity: key(), per: Some(Grouping::Field { field: "category".into() }) },
            Intent::Limit { entity: "category".into(), max_records: 20 },
            Intent::BelongsTo { entity: key(), field: "category".into(), target: "category".into() },
            Intent::Export { entity: key(), formats: vec![TransferFormat::Json, TransferFormat::Csv] },
            Intent::Import { entity: key(), formats: vec![TransferFormat::Json, TransferFormat::Csv] },
            Intent::Statistics { entity: key() },
            Intent::Sort { entity: key(), field: "amount".into(), descending: true },
            Intent::Sort { entity: key(), field: "date".into(), descending: true },
            Intent::Between { entity: key(), field: "amount".into(), min: Some(0.01), max: Some(10_000.0) },
        ],
    )
}

/// Questions with options.
pub(super) fn quiz() -> Fixture {
    let question = entity(
        "question",
        "questions",
        "Question",
        "Questions",
        vec![
            Field { unique: true, ..required("question", "Question", text()) },
            required("answer", "Answer", text()),
            field("options", "Options", FieldKind::Tags),
            field("topic", "Topic", text()),
        ],
    );
    let key = || "question".to_owned();
    fixture(
        "quiz",
        "Quiz",
        vec![question],
        vec![
            Intent::Quiz {
                entity: key(),
                question: "question".into(),
                answer: "answer".into(),
                options: Some("options".into()),
            },
            Intent::Export { entity: key(), formats: vec![TransferFormat::Json] },
            Intent::Import { entity: key(), formats: vec![TransferFormat::Json] },
            Intent::Filter { entity: key(), field: "topic".into() },
            Intent::Count { entity: key(), per: Some(Grouping::Field { field: "topic".into() }) },
        ],
    )
}

/// Rooms that cannot be booked twice.
pub(super) fn booking() -> Fixture {
    let room = entity(
        "room",
        "rooms",
        "Room",
        "Rooms",
        vec![
            Field { unique: true, ..required("name", "Name", text()) },
            field("seats", "Seats", FieldKind::Integer { min: Some(1.0), max: Some(50.0) }),
        ],
    );
    let booking = entity(
        "booking",
        "bookings",
        "Booking",
        "Bookings",
        vec![
            required("purpose", "Purpose", text()),
            required("room", "Room", reference("room")),
            required("start", "Start", FieldKind::DateTime),
            required("end", "End", FieldKind::DateTime),
        ],
    );
    let key = || "booking".to_owned();
    fixture(
        "booking",
        "Room booking",
        vec![booking, room],
        vec![
            Intent::NoOverlap {
                entity: key(),
                start: "start".into(),
                end: "end".into(),
                per: Some("room".into()),
            },
            Intent::BelongsTo { entity: key(), field: "room".into(), target: "room".into() },
            Intent::Calendar { entity: key(), field: "start".into() },
            Intent::Filter { entity: key(), field: "room".into() },
            Intent::Sort { entity: key(), field: "start".into(), descending: false },
            Intent::Undo {},
        ],
    )
}

/// What the others leave out: optional times, decimals, tags, sums, differences, names that are taken.
pub(super) fn odds_and_ends() -> Fixture {
    let store = entity(
        "store",
        "stores",
        "Store",
        "Stores",
        vec![
            required("name", "Name", text()),
            field("town", "Town", text()),
            field("opens", "Opens", FieldKind::Time),
            field("closes", "Closes", FieldKind::Time),
            field("day", "Day", FieldKind::Date),
            field("width", "Width", FieldKind::Decimal { min: None, max: Some(12.5) }),
            field("depth", "Depth", FieldKind::Decimal { min: Some(0.5), max: None }),
            field(
                "around",
                "Around",
                FieldKind::Derived { formula: Formula::SumOf { a: "width".into(), b: "depth".into() } },
            ),
            field(
                "spare",
                "Spare",
                FieldKind::Derived { formula: Formula::Difference { a: "around".into(), b: "depth".into() } },
            ),
            field("open", "Open today", FieldKind::Boolean),
            field("kinds", "Kinds", FieldKind::Tags),
            field("visited", "Visited", FieldKind::DateTime),
            Field {
                default: Some("3".into()),
                ..field("stars", "Stars", FieldKind::Rating { min: 0.0, max: 10.0 })
            },
        ],
    );
    let key = || "store".to_owned();
    let step = |from: &str, to: &str| Step { from: from.into(), to: to.into() };
    let visit = entity(
        "visit",
        "visits",
        "Visit",
        "Visits",
        vec![
            required("note", "It's a note", text()),
            field(
                "state",
                "State",
                choices(&[("planned", "Planned"), ("made", "Made"), ("missed", "Missed")]),
            ),
            field("store", "Store", reference("store")),
            field("paid", "Paid", FieldKind::Boolean),
            field("on", "On", FieldKind::Date),
        ],
    );
    let at = || "visit".to_owned();
    fixture(
        "odds and ends",
        "Odds and ends",
        vec![store, visit],
        vec![
            Intent::Unique { entity: key(), fields: vec!["name".into(), "town".into()] },
            Intent::NoOverlap { entity: key(), start: "opens".into(), end: "closes".into(), per: None },
            Intent::Derived { entity: key(), field: "around".into() },
            Intent::Derived { entity: key(), field: "spare".into() },
            Intent::Total {
                entity: key(),
                field: "width".into(),
                aggregate: Aggregate::Average,
                per: Some(Grouping::Field { field: "open".into() }),
            },
            Intent::Total { entity: key(), field: "around".into(), aggregate: Aggregate::Maximum, per: None },
            Intent::Statistics { entity: key() },
            Intent::Filter { entity: key(), field: "kinds".into() },
            Intent::Search { entity: key(), fields: vec!["kinds".into(), "town".into()] },
            Intent::Sort { entity: key(), field: "open".into(), descending: false },
            Intent::Sort { entity: key(), field: "name".into(), descending: true },
            Intent::Export { entity: key(), formats: vec![TransferFormat::Csv] },
            Intent::Import { entity: key(), formats: vec![TransferFormat::Json] },
            Intent::Calendar { entity: key(), field: "visited".into() },
            Intent::Transition {
                entity: at(),
                field: "state".into(),
                steps: vec![step("planned", "made"), step("planned", "missed")],
            },
            Intent::Due {
                entity: at(),
                field: "on".into(),
                done: Some(FieldValue { field: "paid".into(), value: "true".into() }),
            },
            Intent::Sort { entity: at(), field: "store".into(), descending: true },
            Intent::Count { entity: at(), per: Some(Grouping::Field { field: "paid".into() }) },
            Intent::Count { entity: at(), per: Some(Grouping::Month { field: "on".into() }) },
            Intent::Statistics { entity: at() },
            Intent::BelongsTo { entity: at(), field: "store".into(), target: "store".into() },
            Intent::Alert {
                entity: key(),
                field: "stars".into(),
                comparison: Comparison::AtMost,
                than: Operand::Number { value: 2.0 },
            },
            Intent::Alert {
                entity: key(),
                field: "width".into(),
                comparison: Comparison::AtLeast,
                than: Operand::Field { field: "depth".into() },
            },
        ],
    )
}

#[test]
fn every_fixture_passes_its_own_tests() {
    for fixture in all() {
        let folder = tempfile::tempdir().unwrap();
        write(&fixture.generate(), folder.path());
        let (passed, text) = node_test(folder.path());
        assert!(passed, "{}:\n{text}", fixture.name);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(reading_list().generate(), reading_list().generate());
}

/// Writes every fixture below the folder that a variable names, to look at the generated code.
#[test]
fn fixtures_can_be_looked_at() {
    if let Some(folder) = std::env::var_os("CALLBOARD_FIXTURES_OUT") {
        for fixture in all() {
            write(&fixture.generate(), &Path::new(&folder).join(fixture.name.replace(' ', "-")));
        }
    }
}

/// A broken template names itself and the line.
#[test]
fn a_broken_template_is_named_with_its_line() {
    let mut inputs = reading_list().inputs();
    inputs.files.insert("plan.json", architect::run(&inputs, &QuietHost).unwrap().files[0].bytes.clone());
    for (source, expected) in [("line one\n{% if %}\n", 2), ("a\nb\n{{ nothing_of_this_name }}\n", 3)] {
        let templates = super::templates::Templates::embedded().replace("core/store.js", source);
        let Err(AgentError::Failed { message, file, line }) =
            core_logic::run_with(&templates, &inputs, &QuietHost)
        else {
            panic!("a broken template was accepted");
        };
        assert_eq!(file.as_deref(), Some("src/pipelines/app/templates/core/store.js.jinja"));
        assert_eq!(line, Some(expected), "{message}");
    }
}

/// Replacing a template for one brief does not touch another.
#[test]
fn a_template_is_replaced_for_one_brief_alone() {
    let mut inputs = reading_list().inputs();
    inputs.brief = "a brief that no other test has".into();
    super::templates::replace_template_for_brief(&inputs.brief, "data/seed.js", "{{ broken");
    assert!(data::run(&inputs, &QuietHost).is_err());
    assert!(data::run(&reading_list().inputs(), &QuietHost).is_ok());
}

/// What a module that does not compile says reaches the run.
#[test]
fn a_module_that_does_not_compile_is_named_with_its_line() {
    struct Refusing;
    impl AgentHost for Refusing {
        fn log(&self, _: LogLevel, _: &str) {}
        fn progress(&self, _: f64, _: &str) {}
        fn check(&self) -> Result<(), AgentError> {
            Ok(())
        }
        fn run_scripts(
            &self,
            job: &ScriptJob,
            _: &mut dyn FnMut(usize, &ScriptOutcome),
        ) -> Result<Vec<ScriptOutcome>, AgentError> {
            let error = crate::domain::script::ScriptError {
                file: "src/core/book.js".into(),
                line: Some(12),
                message: "unexpected token".into(),
            };
            let outcomes = job.steps.iter().map(|step| match step {
                crate::domain::script::ScriptStep::Parse { path } if path == "src/core/book.js" => {
                    ScriptOutcome::Error { error: error.clone() }
                }
                _ => ScriptOutcome::Parsed,
            });
            Ok(outcomes.collect())
        }
    }
    let mut inputs = reading_list().inputs();
    inputs.files.insert("plan.json", architect::run(&inputs, &QuietHost).unwrap().files[0].bytes.clone());
    let Err(AgentError::Failed { file, line, .. }) = core_logic::run(&inputs, &Refusing) else {
        panic!("a module that does not compile was accepted");
    };
    assert_eq!((file.as_deref(), line), (Some("src/core/book.js"), Some(12)));
}

/// A field that leaves the brief leaves the app.
#[test]
fn a_field_that_is_not_asked_for_is_nowhere() {
    let full = reading_list();
    let mut smaller = reading_list();
    smaller.model.entities[0].fields.retain(|field| field.key != "rating");
    let names_rating = |intent: &Intent| serde_json::to_string(intent).unwrap().contains("rating");
    smaller
        .requirements
        .requirements
        .retain(|each| !names_rating(&each.intent) || matches!(each.intent, Intent::Keep { .. }));
    for each in &mut smaller.requirements.requirements {
        if let Intent::Keep { fields, .. } = &mut each.intent {
            fields.retain(|field| field != "rating");
        }
        let planned = criteria(&each.intent, &smaller.model);
        for (criterion, planned) in each.criteria.iter_mut().zip(planned) {
            criterion.text = planned.text;
        }
    }
    let has_rating = |text: &str| text.to_lowercase().contains("rating");
    assert!(full.generate().values().any(|text| has_rating(text)));
    for (path, text) in smaller.generate() {
        assert!(!has_rating(&text), "{path}");
    }
}

/// Requirements that do not fit the model are refused with their number.
#[test]
fn a_requirement_about_an_unknown_field_is_refused() {
    let mut fixture = reading_list();
    fixture.model.entities[0].fields.retain(|field| field.key != "rating");
    let error = architect::run(&fixture.inputs(), &QuietHost).unwrap_err();
    assert!(error.to_string().contains("has no field `rating`"), "{error}");
}

/// A model that does not hold together is refused before anything is made of it.
#[test]
fn a_model_that_does_not_hold_together_is_refused() {
    let refused = |change: &dyn Fn(&mut Entity), expected: &str| {
        let mut fixture = inventory();
        change(&mut fixture.model.entities[0]);
        let error = architect::run(&fixture.inputs(), &QuietHost).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let formula =
        |a: &str, b: &str| FieldKind::Derived { formula: Formula::SumOf { a: a.into(), b: b.into() } };
    refused(&|item| item.title_field = "nothing".into(), "title field");
    refused(&|item| item.fields[6].kind = reference("nothing"), "no entity");
    refused(&|item| item.fields[5].kind = formula("name", "price"), "no number");
    refused(&|item| item.fields[5].kind = formula("total", "price"), "computed from itself");
}

/// Words of a brief that mean something in JavaScript or HTML stay words.
#[test]
fn hostile_labels_stay_words() {
    let mut fixture = reading_list();
    let entity = &mut fixture.model.entities[0];
    entity.label = "It's `${x}` \\ \"b\" </script> */".into();
    entity.label_plural = "Its' <!-- ${y} \u{2028}".into();
    entity.fields[0].label = "Tit'le \\' ` ${z} </script>".into();
    if let FieldKind::Choice { choices } = &mut entity.fields[2].kind {
        choices[0].label = "To, \"read\" ' \\".into();
    }
    let folder = tempfile::tempdir().unwrap();
    let files = fixture.generate();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("src/")) {
        assert!(!text.contains("</script") && !text.contains("<!--"), "{path}");
    }
    write(&files, folder.path());
    let (passed, text) = node_test(folder.path());
    assert!(passed, "{text}");
}

/// Another seed gives other records, the same seed the same.
#[test]
fn the_seed_chooses_the_records() {
    let with = |seed: u64| {
        let mut inputs = inventory().inputs();
        inputs.params.insert("seed".into(), seed.into());
        data::run(&inputs, &QuietHost).unwrap().files[2].bytes.clone()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}
