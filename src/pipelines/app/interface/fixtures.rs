//! Seven apps as the earlier agents would describe them, for the tests of the interface and of what joins its modules.

use serde_json::{Value, json};

use crate::domain::event::LogLevel;
use crate::domain::script::{ScriptJob, ScriptOutcome};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, FileSet};

/// A host that takes every script as good and keeps the log.
#[derive(Debug, Default)]
pub(crate) struct Host {
    pub(crate) lines: std::sync::Mutex<Vec<String>>,
    pub(crate) outcomes: Vec<ScriptOutcome>,
    pub(crate) cancelled: bool,
}

impl AgentHost for Host {
    fn log(&self, _: LogLevel, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
    fn progress(&self, percent: f64, _: &str) {
        assert!((0.0..=100.0).contains(&percent));
    }
    fn check(&self) -> Result<(), AgentError> {
        if self.cancelled { Err(AgentError::Cancelled) } else { Ok(()) }
    }
    fn run_scripts(
        &self,
        job: &ScriptJob,
        on_step: &mut dyn FnMut(usize, &ScriptOutcome),
    ) -> Result<Vec<ScriptOutcome>, AgentError> {
        let parsed = vec![ScriptOutcome::Parsed; job.steps.len()];
        let outcomes = if self.outcomes.is_empty() { parsed } else { self.outcomes.clone() };
        outcomes.iter().enumerate().for_each(|(index, outcome)| on_step(index, outcome));
        Ok(outcomes)
    }
}

fn field(key: &str, label: &str, kind: Value) -> Value {
    let mut field =
        json!({ "key": key, "label": label, "required": false, "unique": false, "default": null });
    if let (Some(field), Value::Object(kind)) = (field.as_object_mut(), kind) {
        field.extend(kind);
    }
    field
}

fn required(mut field: Value) -> Value {
    field["required"] = json!(true);
    field
}

fn preset(mut field: Value, value: &str) -> Value {
    field["default"] = json!(value);
    field
}

fn text() -> Value {
    json!({ "type": "text", "max_length": 80 })
}

fn number(kind: &str, min: Option<f64>) -> Value {
    json!({ "type": kind, "min": min, "max": null })
}

fn kind(name: &str) -> Value {
    json!({ "type": name })
}

fn choices(labels: &[&str]) -> Value {
    let choices: Vec<Value> = labels
        .iter()
        .map(|label| json!({ "value": label.to_lowercase().replace(' ', "-"), "label": label }))
        .collect();
    json!({ "type": "choice", "choices": choices })
}

fn entity(key: &str, collection: &str, labels: [&str; 2], title: &str, fields: Vec<Value>) -> Value {
    json!({ "key": key, "collection": collection, "label": labels[0], "label_plural": labels[1],
        "fields": fields, "title_field": title })
}

fn app(title: &str, theme: &[&str], entities: Vec<Value>, intents: Vec<Value>) -> AgentInputs {
    let slug = title.to_lowercase().replace(' ', "-");
    let kept = entities.iter().flat_map(|entity| {
        ["add", "edit", "remove", "list"].map(|intent| json!({ "intent": intent, "entity": entity["key"] }))
    });
    let requirements: Vec<Value> = kept
        .chain(intents)
        .enumerate()
        .map(|(index, mut intent)| {
            intent["id"] = json!(format!("R{}", index + 1));
            intent["sentence"] = json!(null);
            intent["text"] = json!("");
            intent["criteria"] = json!([]);
            intent
        })
        .collect();
    let mut files = FileSet::default();
    let model =
        json!({ "x-callboard": { "title": title, "slug": slug, "theme": theme, "entities": entities } });
    files.insert("model.json", model.to_string().into_bytes());
    let requirements = json!({ "requirements": requirements, "not_covered": [], "sentences_total": 1,
        "sentences_covered": 1 });
    files.insert("requirements.json", requirements.to_string().into_bytes());
    AgentInputs { files, ..AgentInputs::default() }
}

/// Adds the files of the design agent.
pub(crate) fn designed(mut inputs: AgentInputs) -> AgentInputs {
    let output = crate::pipelines::app::design::run(&inputs, &Host::default()).unwrap();
    for file in output.files {
        inputs.files.insert(file.path, file.bytes);
    }
    inputs
}

/// All seven, by name, without a design.
pub(crate) fn all() -> Vec<(&'static str, AgentInputs)> {
    vec![
        ("reading", reading()),
        ("tickets", tickets()),
        ("inventory", inventory()),
        ("habits", habits()),
        ("expenses", expenses()),
        ("quiz", quiz()),
        ("booking", booking()),
    ]
}

pub(crate) fn reading() -> AgentInputs {
    let fields = vec![
        required(field("title", "Title", text())),
        field("author", "Author", text()),
        preset(field("status", "Status", choices(&["To read", "Reading", "Done"])), "to-read"),
        field("rating", "Rating", json!({ "type": "rating", "min": 1.0, "max": 5.0 })),
    ];
    let e = "book";
    app(
        "Reading list",
        &[],
        vec![entity(e, "books", ["Book", "Books"], "title", fields)],
        vec![
            json!({ "intent": "search", "entity": e, "fields": ["title"] }),
            json!({ "intent": "filter", "entity": e, "field": "status" }),
            json!({ "intent": "sort", "entity": e, "field": "rating", "descending": true }),
            json!({ "intent": "count", "entity": e, "per": { "by": "field", "field": "status" } }),
        ],
    )
}

pub(crate) fn tickets() -> AgentInputs {
    let fields = vec![
        required(field("subject", "Subject", text())),
        field("description", "Description", json!({ "type": "long-text", "max_length": null })),
        preset(field("state", "State", choices(&["Open", "In progress", "Review", "Done"])), "open"),
        field("priority", "Priority", choices(&["Low", "Normal", "High"])),
        field("dueDate", "Due date", kind("date")),
        field("labels", "Labels", kind("tags")),
    ];
    let e = "ticket";
    let step = |from: &str, to: &str| json!({ "from": from, "to": to });
    let steps = [
        step("open", "in-progress"),
        step("in-progress", "review"),
        step("review", "in-progress"),
        step("review", "done"),
    ];
    app(
        "Ticket board",
        &["calm", "dark", "violet"],
        vec![entity(e, "tickets", ["Ticket", "Tickets"], "subject", fields)],
        vec![
            json!({ "intent": "transition", "entity": e, "field": "state", "steps": steps }),
            json!({ "intent": "board", "entity": e, "field": "state" }),
            json!({ "intent": "due", "entity": e, "field": "dueDate", "done": { "field": "state", "value": "done" } }),
            json!({ "intent": "search", "entity": e, "fields": ["subject", "description"] }),
            json!({ "intent": "filter", "entity": e, "field": "priority" }),
            json!({ "intent": "filter", "entity": e, "field": "labels" }),
            json!({ "intent": "sort", "entity": e, "field": "dueDate", "descending": false }),
            json!({ "intent": "undo" }),
        ],
    )
}

pub(crate) fn inventory() -> AgentInputs {
    let fields = vec![
        required(field("name", "Name", text())),
        field("supplier", "Supplier", json!({ "type": "reference", "target": "supplier" })),
        field("quantity", "Quantity", number("integer", Some(0.0))),
        field("minimum", "Minimum", number("integer", Some(0.0))),
        field("price", "Price", number("money", Some(0.0))),
        field(
            "value",
            "Value",
            json!({ "type": "derived", "formula": { "formula": "product", "a": "quantity", "b": "price" } }),
        ),
    ];
    let supplier = vec![
        required(field("name", "Name", text())),
        field("email", "Email", kind("email")),
        field("website", "Website", kind("url")),
        field("phone", "Phone", kind("phone")),
    ];
    let e = "item";
    app(
        "Inventory",
        &[],
        vec![
            entity(e, "items", ["Item", "Items"], "name", fields),
            entity("supplier", "suppliers", ["Supplier", "Suppliers"], "name", supplier),
        ],
        vec![
            json!({ "intent": "alert", "entity": e, "field": "quantity", "comparison": "below",
            "than": { "is": "field", "field": "minimum" } }),
            json!({ "intent": "total", "entity": e, "field": "value", "aggregate": "sum", "per": null }),
            json!({ "intent": "count", "entity": e, "per": { "by": "field", "field": "supplier" } }),
            json!({ "intent": "count", "entity": e, "per": null }),
            json!({ "intent": "filter", "entity": e, "field": "supplier" }),
            json!({ "intent": "search", "entity": e, "fields": ["name"] }),
            json!({ "intent": "sort", "entity": e, "field": "quantity", "descending": false }),
            json!({ "intent": "sort", "entity": e, "field": "name", "descending": false }),
            json!({ "intent": "import", "entity": e, "formats": ["csv"] }),
            json!({ "intent": "export", "entity": e, "formats": ["csv", "json"] }),
            json!({ "intent": "belongs-to", "entity": e, "field": "supplier", "target": "supplier" }),
        ],
    )
}

pub(crate) fn habits() -> AgentInputs {
    let fields = vec![
        required(field("name", "Name", text())),
        field("category", "Category", choices(&["Health", "Mind", "Home", "Work", "Friends"])),
        field("days", "Days", kind("dates")),
    ];
    let e = "habit";
    app(
        "Habit tracker",
        &["playful", "green"],
        vec![entity(e, "habits", ["Habit", "Habits"], "name", fields)],
        vec![
            json!({ "intent": "check-in", "entity": e, "field": "days" }),
            json!({ "intent": "streak", "entity": e, "field": "days" }),
            json!({ "intent": "statistics", "entity": e }),
            json!({ "intent": "limit", "entity": e, "max_records": 12 }),
        ],
    )
}

pub(crate) fn expenses() -> AgentInputs {
    let fields = vec![
        required(field("description", "Description", text())),
        required(field("amount", "Amount", number("money", Some(0.0)))),
        required(field("date", "Date", kind("date"))),
        field("category", "Category", choices(&["Food", "Travel", "Rent", "Fun", "Health", "Other"])),
        field("paid", "Paid", kind("boolean")),
    ];
    let e = "expense";
    app(
        "Expense log",
        &["elegant"],
        vec![entity(e, "expenses", ["Expense", "Expenses"], "description", fields)],
        vec![
            json!({ "intent": "total", "entity": e, "field": "amount", "aggregate": "sum", "per": null }),
            json!({ "intent": "total", "entity": e, "field": "amount", "aggregate": "average", "per": null }),
            json!({ "intent": "total", "entity": e, "field": "amount", "aggregate": "sum",
            "per": { "by": "field", "field": "category" } }),
            json!({ "intent": "total", "entity": e, "field": "amount", "aggregate": "sum",
            "per": { "by": "month", "field": "date" } }),
            json!({ "intent": "mark-as", "entity": e, "field": "paid", "value": "true" }),
            json!({ "intent": "filter", "entity": e, "field": "category" }),
            json!({ "intent": "filter", "entity": e, "field": "paid" }),
            json!({ "intent": "sort", "entity": e, "field": "date", "descending": true }),
            json!({ "intent": "sort", "entity": e, "field": "amount", "descending": true }),
            json!({ "intent": "statistics", "entity": e }),
            json!({ "intent": "export", "entity": e, "formats": ["csv"] }),
            json!({ "intent": "undo" }),
        ],
    )
}

pub(crate) fn quiz() -> AgentInputs {
    let fields = vec![
        required(field("question", "Question", text())),
        required(field("answer", "Answer", text())),
        field("options", "Options", kind("tags")),
    ];
    let e = "question";
    app(
        "Capital quiz",
        &["vivid", "orange"],
        vec![entity(e, "questions", ["Question", "Questions"], "question", fields)],
        vec![
            json!({ "intent": "quiz", "entity": e, "question": "question", "answer": "answer", "options": "options" }),
            json!({ "intent": "search", "entity": e, "fields": ["question"] }),
        ],
    )
}

pub(crate) fn booking() -> AgentInputs {
    let fields = vec![
        required(field("title", "Title", text())),
        required(field("room", "Room", json!({ "type": "reference", "target": "room" }))),
        required(field("start", "Start", kind("date-time"))),
        required(field("end", "End", kind("date-time"))),
        field("attendees", "Attendees", number("integer", Some(1.0))),
    ];
    let room = vec![
        required(field("name", "Name", text())),
        field("seats", "Seats", json!({ "type": "integer", "min": 1.0, "max": 200.0 })),
        field("opens", "Opens", kind("time")),
        field("comfort", "Comfort", json!({ "type": "rating", "min": 0.0, "max": 5.0 })),
    ];
    let e = "booking";
    app(
        "Room booking",
        &[],
        vec![
            entity(e, "bookings", ["Booking", "Bookings"], "title", fields),
            entity("room", "rooms", ["Room", "Rooms"], "name", room),
        ],
        vec![
            json!({ "intent": "no-overlap", "entity": e, "start": "start", "end": "end", "per": "room" }),
            json!({ "intent": "calendar", "entity": e, "field": "start" }),
            json!({ "intent": "filter", "entity": e, "field": "room" }),
            json!({ "intent": "sort", "entity": e, "field": "start", "descending": false }),
            json!({ "intent": "belongs-to", "entity": e, "field": "room", "target": "room" }),
        ],
    )
}
