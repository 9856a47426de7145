//! Agent 5, `contract`: `openapi.json` describes the store as if it were reached over HTTP.
//!
//! Nothing of it is served; it is the exact wording of what the store takes and gives, for people and for programs that
//! want to put a server in its place. Every example is checked against its schema before the file is written.

use serde_json::{Map, Value, json};

use super::core_logic::rules::{messages, range};
use super::features::{App, EntityFeatures, is_derived};
use super::javascript::{json_number, lower};
use super::samples;
use super::spec::{Field, FieldKind, Grouping, TransferFormat};
use crate::domain::event::LogLevel;
use crate::pipelines::schema::validate;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Writes `openapi.json`.
///
/// # Errors
/// When the model does not fit the requirements or an example does not fit its schema.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    let app = App::read(&inputs.files)?;
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Errors".to_owned(), errors_schema());
    for features in &app.entities {
        host.check()?;
        let before = paths.len();
        describe(&app, features, &mut paths);
        let pascal = features.pascal();
        schemas.insert(pascal.clone(), record_schema(&app, features));
        schemas.insert(format!("{pascal}Input"), input_schema(&app, features));
        host.log(LogLevel::Info, &format!("{}: {} paths", features.entity.collection, paths.len() - before));
    }
    if app.undo {
        for (name, what) in [("undo", "Takes the last change back"), ("redo", "Does it again")] {
            let responses = json!({ "204": { "description": "Done." }, "409": refusal("There is nothing left.", &format!("There is nothing to {name}.")) });
            paths.insert(format!("/{name}"), json!({ "post": operation(name, what, responses) }));
        }
    }
    host.progress(60.0, "Checking the examples against the schemas");
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": app.title, "version": "1.0.0", "description": "What the store of the app offers, worded as an HTTP interface." },
        "paths": paths,
        "components": { "schemas": schemas },
    });
    let examples = check_examples(&document, &document).map_err(|message| AgentError::Failed {
        message,
        file: Some("openapi.json".to_owned()),
        line: None,
    })?;
    host.log(LogLevel::Info, &format!("{examples} examples fit their schemas"));
    let operations: usize = paths.values().filter_map(Value::as_object).map(Map::len).sum();
    let summary = format!("{operations} operations, {examples} examples checked");
    Ok(AgentOutput { files: vec![OutputFile::text("openapi.json", format!("{document:#}\n"))], summary })
}

/// What a record looks like when it is read: with its id and its computed fields.
pub(super) fn record_schema(app: &App, features: &EntityFeatures) -> Value {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({ "type": "string", "minLength": 1 }));
    let mut required = vec!["id".to_owned()];
    for field in &features.entity.fields {
        properties.insert(field.key.clone(), field_schema(app, field));
        if !is_derived(field) {
            required.push(field.key.clone());
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// What is sent to add a record.
fn input_schema(app: &App, features: &EntityFeatures) -> Value {
    let properties: Map<String, Value> =
        features.stored().map(|field| (field.key.clone(), field_schema(app, field))).collect();
    let required: Vec<&str> = features
        .stored()
        .filter(|field| {
            field.required && field.default.is_none() && !matches!(field.kind, FieldKind::Boolean)
        })
        .map(|field| field.key.as_str())
        .collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn field_schema(app: &App, field: &Field) -> Value {
    let mut schema = Map::new();
    let mut set = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    set("title", json!(field.label));
    let text_pattern =
        |pattern: &str| if field.required { format!("^{pattern}$") } else { format!("^({pattern})?$") };
    match &field.kind {
        FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
            set("type", json!("string"));
            if let Some(max) = max_length {
                set("maxLength", json!(max));
            }
        }
        FieldKind::Integer { .. } | FieldKind::Rating { .. } => {
            set("type", if field.required { json!("integer") } else { json!(["integer", "null"]) });
        }
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => {
            set("type", if field.required { json!("number") } else { json!(["number", "null"]) });
            if matches!(field.kind, FieldKind::Money { .. }) {
                set("description", json!("An amount with at most two decimals."));
            }
        }
        FieldKind::Date => {
            set("type", json!("string"));
            set("pattern", json!(text_pattern(r"\d{4}-\d{2}-\d{2}")));
        }
        FieldKind::DateTime => {
            set("type", json!("string"));
            set("pattern", json!(text_pattern(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")));
        }
        FieldKind::Time => {
            set("type", json!("string"));
            set("pattern", json!(text_pattern(r"\d{2}:\d{2}")));
        }
        FieldKind::Boolean => {
            set("type", json!("boolean"));
        }
        FieldKind::Choice { choices } => {
            let values = choices.iter().map(|choice| choice.value.as_str());
            let empty = (!field.required).then_some("");
            set("enum", values.chain(empty).collect());
        }
        FieldKind::Email => {
            set("type", json!("string"));
            set("pattern", json!(text_pattern(r"[^\s@]+@[^\s@]+\.[^\s@]+")));
        }
        FieldKind::Url => {
            set("type", json!("string"));
            set("pattern", json!(text_pattern(r"https?://\S+")));
        }
        FieldKind::Phone => {
            set("type", json!("string"));
        }
        FieldKind::Reference { target } => {
            set("type", json!("string"));
            let name = app.entity(target).map_or_else(|| target.clone(), |other| lower(&other.entity.label));
            set("description", json!(format!("The id of an existing {name}.")));
        }
        FieldKind::Tags => {
            set("type", json!("array"));
            set("items", json!({ "type": "string", "minLength": 1 }));
        }
        FieldKind::Dates => {
            set("type", json!("array"));
            set("items", json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$" }));
        }
        FieldKind::Derived { .. } => {
            set("type", json!("number"));
            set("readOnly", json!(true));
        }
    }
    let is_text = schema.get("type") == Some(&json!("string"));
    if field.required && is_text {
        schema.insert("minLength".to_owned(), json!(1));
    }
    let (min, max) = range(&field.kind);
    schema.extend(min.map(|min| ("minimum".to_owned(), json_number(min))));
    schema.extend(max.map(|max| ("maximum".to_owned(), json_number(max))));
    Value::Object(schema)
}

fn errors_schema() -> Value {
    let error = json!({
        "type": "object",
        "properties": { "field": { "type": "string" }, "message": { "type": "string", "minLength": 1 } },
        "required": ["field", "message"],
        "additionalProperties": false,
    });
    json!({ "type": "array", "items": error })
}

/// The paths of one kind of record.
fn describe(app: &App, features: &EntityFeatures, paths: &mut Map<String, Value>) {
    let entity = &features.entity;
    let (pascal, many) = (features.pascal(), lower(&entity.label_plural));
    let one = lower(&entity.label);
    let record_of = |status: &str, words: &str| json!({ status: body(words, &pascal, None) });
    let gone = refusal("No record has this id.", &messages::unknown(entity));
    let invalid = refusal("The record breaks a rule.", &first_refusal(features));
    let mut all = Map::new();
    let mut single = Map::new();

    let list = json!({ "200": {
        "description": format!("The {many}."),
        "content": { "application/json": { "schema": { "type": "array", "items": reference(&pascal) } } },
    } });
    let mut listing = operation(&format!("list{pascal}"), &format!("Lists the {many}"), list);
    let parameters = list_parameters(app, features);
    if !parameters.is_empty() {
        listing["parameters"] = Value::Array(parameters);
    }
    all.insert("get".to_owned(), listing);
    if features.add {
        let mut responses = record_of("201", "Added.");
        responses["422"] = invalid.clone();
        let mut add = operation(&format!("add{pascal}"), &format!("Adds one of the {many}"), responses);
        let example = samples::sample(features, 0).json();
        add["requestBody"] = body("What is entered.", &format!("{pascal}Input"), Some(example));
        all.insert("post".to_owned(), add);
    }
    single.insert("get".to_owned(), {
        let mut responses = record_of("200", "The record.");
        responses["404"] = gone.clone();
        operation(&format!("get{pascal}"), &format!("Reads one {one}"), responses)
    });
    if features.edit {
        let mut responses = record_of("200", "Changed.");
        responses["404"] = gone.clone();
        responses["422"] = invalid;
        let mut update = operation(&format!("update{pascal}"), &format!("Changes one {one}"), responses);
        update["requestBody"] = json!({
            "description": "The fields that change.",
            "content": { "application/json": { "schema": { "type": "object" } } },
        });
        single.insert("patch".to_owned(), update);
    }
    if features.remove {
        let mut responses = record_of("200", "Removed; this is how it was.");
        responses["404"] = gone.clone();
        if let Some((user, _)) = app.references_to(&entity.key).first() {
            responses["409"] = refusal("Others refer to it.", &messages::in_use(entity, &user.entity));
        }
        single.insert(
            "delete".to_owned(),
            operation(&format!("remove{pascal}"), &format!("Removes one {one}"), responses),
        );
    }
    let collection = format!("/{}", entity.collection);
    paths.insert(collection.clone(), Value::Object(all));
    let id = json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }]);
    single.insert("parameters".to_owned(), id);
    paths.insert(format!("{collection}/{{id}}"), Value::Object(single));
    figures(features, &collection, paths);
    actions(features, &collection, &gone, paths);
}

fn list_parameters(app: &App, features: &EntityFeatures) -> Vec<Value> {
    let mut parameters = Vec::new();
    let mut add =
        |name: &str, schema: Value| parameters.push(json!({ "name": name, "in": "query", "schema": schema }));
    if !features.search.is_empty() {
        add("search", json!({ "type": "string" }));
    }
    for field in &features.filters {
        add(field, field_schema(app, features.field(field)));
    }
    if !features.sorts.is_empty() {
        let fields: Vec<&str> = features.sorts.iter().map(|(field, _)| field.as_str()).collect();
        add("sort", json!({ "enum": fields }));
        add("descending", json!({ "type": "boolean" }));
    }
    parameters
}

/// Reading figures about a collection.
fn figures(features: &EntityFeatures, collection: &str, paths: &mut Map<String, Value>) {
    let pascal = features.pascal();
    let answer = |words: &str| json!({ "200": { "description": words } });
    let mut get = |path: String, name: String, what: &str, answer: Value| {
        paths.insert(path, json!({ "get": operation(&name, what, answer) }));
    };
    for per in &features.counts {
        let (suffix, words) = grouped(per.as_ref());
        let path = format!("{collection}/count{suffix}");
        get(
            path,
            format!("count{pascal}{words}"),
            "Counts the records",
            answer("The number, or one for each group."),
        );
    }
    for total in &features.totals {
        let (suffix, words) = grouped(total.per.as_ref());
        let aggregate = serde_json::to_value(total.aggregate).unwrap_or_default();
        let aggregate = aggregate.as_str().unwrap_or_default();
        let path = format!("{collection}/total/{}/{aggregate}{suffix}", total.field);
        let name = format!("{aggregate}{pascal}{}{words}", super::javascript::pascal(&total.field));
        get(path, name, "Makes one number out of a field", answer("The number, or one for each group."));
    }
    if features.statistics {
        let path = format!("{collection}/statistics");
        get(path, format!("statistics{pascal}"), "Works out the figures", answer("Labels with values."));
    }
    if !features.alerts.is_empty() {
        let path = format!("{collection}/alerts");
        get(
            path,
            format!("alerts{pascal}"),
            "Lists what deserves attention",
            answer("Messages with their records."),
        );
    }
    for field in &features.calendars {
        let path = format!("{collection}/calendar/{field}/{{month}}");
        get(
            path,
            format!("calendar{pascal}"),
            "Lays a month out by day",
            answer("Every day with its records."),
        );
    }
}

/// What is done with single records and with files.
fn actions(features: &EntityFeatures, collection: &str, gone: &Value, paths: &mut Map<String, Value>) {
    let pascal = features.pascal();
    let done = json!({ "200": body("Done.", &pascal, None), "404": gone });
    let mut marks: Vec<&String> = features.marks.iter().map(|(field, _)| field).collect();
    marks.extend(&features.boards);
    marks.extend(features.transitions.iter().map(|(field, _)| field));
    marks.sort();
    marks.dedup();
    for field in marks {
        let mut responses = done.clone();
        if let Some((_, steps)) = features.transitions.iter().find(|(key, _)| key == field)
            && let Some(step) = steps.first()
        {
            let message = messages::misstep(features.field(field), &step.to, &step.from);
            responses["409"] = refusal("The step is not allowed.", &message);
        }
        let name = format!("mark{pascal}{}", super::javascript::pascal(field));
        paths.insert(
            format!("{collection}/{{id}}/{field}/{{value}}"),
            json!({ "put": operation(&name, "Sets the field", responses) }),
        );
    }
    for field in &features.check_ins {
        let name = format!("checkIn{pascal}{}", super::javascript::pascal(field));
        paths.insert(
            format!("{collection}/{{id}}/{field}/days/{{day}}"),
            json!({ "post": operation(&name, "Checks a day off, or opens it again", done.clone()) }),
        );
    }
    let media = |format: &TransferFormat| match format {
        TransferFormat::Json => "application/json",
        TransferFormat::Csv => "text/csv",
    };
    let mut file = Map::new();
    if !features.exports.is_empty() {
        let content: Map<String, Value> =
            features.exports.iter().map(|format| (media(format).to_owned(), json!({}))).collect();
        let responses = json!({ "200": { "description": "The file.", "content": content } });
        file.insert(
            "get".to_owned(),
            operation(&format!("export{pascal}"), "Writes all records to a file", responses),
        );
    }
    if !features.imports.is_empty() {
        let content: Map<String, Value> =
            features.imports.iter().map(|format| (media(format).to_owned(), json!({}))).collect();
        let responses = json!({
            "200": { "description": "All records were added." },
            "422": { "description": "Nothing was added; the errors name the lines." },
        });
        let mut import =
            operation(&format!("import{pascal}"), "Adds every record of a file, or none", responses);
        import["requestBody"] = json!({ "content": content });
        file.insert("post".to_owned(), import);
    }
    if !file.is_empty() {
        paths.insert(format!("{collection}/file"), Value::Object(file));
    }
}

fn grouped(per: Option<&Grouping>) -> (String, String) {
    match per {
        None => (String::new(), String::new()),
        Some(Grouping::Field { field }) => {
            (format!("/by/{field}"), format!("By{}", super::javascript::pascal(field)))
        }
        Some(Grouping::Month { field }) => {
            (format!("/by-month/{field}"), format!("ByMonthOf{}", super::javascript::pascal(field)))
        }
    }
}

/// A sentence with which adding a record is refused, for the examples.
fn first_refusal(features: &EntityFeatures) -> String {
    let required = features.stored().find(|field| field.required);
    required.map_or_else(|| "This record is not valid.".to_owned(), messages::required)
}

fn operation(name: &str, summary: &str, responses: Value) -> Value {
    json!({ "operationId": name, "summary": format!("{summary}."), "responses": responses })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn body(description: &str, schema: &str, example: Option<Value>) -> Value {
    let mut content = json!({ "schema": reference(schema) });
    if let Some(example) = example {
        content["example"] = example;
    }
    json!({ "description": description, "content": { "application/json": content } })
}

fn refusal(description: &str, message: &str) -> Value {
    body(description, "Errors", Some(json!([{ "field": "", "message": message }])))
}

/// Checks every `example` of the document against the `schema` beside it; answers how many there are.
fn check_examples(part: &Value, document: &Value) -> Result<usize, String> {
    let children: Vec<&Value> = match part {
        Value::Object(entries) => entries.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let mut checked = 0;
    if let (Some(example), Some(schema)) = (part.get("example"), part.get("schema")) {
        let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#"));
        let schema = name.and_then(|name| document.pointer(name)).unwrap_or(schema);
        validate(example, schema)?;
        checked += 1;
    }
    for child in children {
        checked += check_examples(child, document)?;
    }
    Ok(checked)
}
