//! Agent 3: the things the app keeps, as JSON Schema and as a diagram. Writes `model.json` and `model.svg`.

mod diagram;
mod schema;

use super::grammar;
use super::intake::json_file;
use super::spec::{Brief, FieldKind, Intent, Model, Requirements};
use crate::domain::event::LogLevel;
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// Runs the agent.
///
/// # Errors
/// When an earlier file is missing, the requirements name what the model does not have, or the run is to be cancelled.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let brief = Brief::read(&inputs.files)?;
    let requirements = Requirements::read(&inputs.files)?;
    host.progress(20.0, "deriving entities");
    let model = grammar::understand(&brief).model;
    host.check()?;
    consistent(&model, &requirements)?;
    for entity in &model.entities {
        let fields: Vec<String> = entity
            .fields
            .iter()
            .map(|field| format!("{} ({})", field.label, kind_name(&field.kind)))
            .collect();
        host.log(LogLevel::Info, &format!("{}: {}", entity.label, fields.join(", ")));
    }
    for requirement in &requirements.requirements {
        if let Intent::Transition { .. } | Intent::Derived { .. } | Intent::BelongsTo { .. } =
            requirement.intent
        {
            host.log(LogLevel::Info, &requirement.text);
        }
    }
    host.progress(60.0, "writing the schema");
    let schema = json_file("model.json", &schema::schema(&model))?;
    host.check()?;
    host.progress(80.0, "drawing the diagram");
    let diagram = OutputFile::text("model.svg", diagram::svg(&model));
    host.progress(100.0, "model written");
    Ok(AgentOutput { files: vec![schema, diagram], summary: summary(&model) })
}

/// Every requirement can be built on the model; a requirements file of somebody else may say otherwise.
fn consistent(model: &Model, requirements: &Requirements) -> Result<(), AgentError> {
    let failed = |message: String| AgentError::Failed {
        message,
        file: Some("requirements.json".to_owned()),
        line: None,
    };
    if model.entities.is_empty() {
        return Err(failed("nothing is kept".to_owned()));
    }
    match requirements.requirements.iter().find(|requirement| !grammar::valid(&requirement.intent, model)) {
        Some(requirement) => Err(failed(format!(
            "{} ({}) does not fit to the model of the brief",
            requirement.id, requirement.text
        ))),
        None => Ok(()),
    }
}

fn summary(model: &Model) -> String {
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let fields = model.entities.iter().map(|entity| entity.fields.len()).sum();
    let relations = model
        .entities
        .iter()
        .flat_map(|entity| &entity.fields)
        .filter(|field| matches!(field.kind, FieldKind::Reference { .. }))
        .count();
    format!(
        "{}, {}, {}",
        count(model.entities.len(), "entity", "entities"),
        count(fields, "field", "fields"),
        count(relations, "relation", "relations")
    )
}

/// The type of a field in words.
fn kind_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "text",
        FieldKind::LongText { .. } => "long text",
        FieldKind::Integer { .. } => "whole number",
        FieldKind::Decimal { .. } => "number",
        FieldKind::Money { .. } => "money",
        FieldKind::Rating { .. } => "rating",
        FieldKind::Date => "date",
        FieldKind::DateTime => "date and time",
        FieldKind::Time => "time",
        FieldKind::Boolean => "yes or no",
        FieldKind::Choice { .. } => "choice",
        FieldKind::Email => "e-mail",
        FieldKind::Url => "link",
        FieldKind::Phone => "phone",
        FieldKind::Reference { .. } => "reference",
        FieldKind::Tags => "tags",
        FieldKind::Dates => "days",
        FieldKind::Derived { .. } => "computed",
    }
}
