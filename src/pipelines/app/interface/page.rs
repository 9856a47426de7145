//! The page of one kind of record: the expressions that stand in its module, and what they import.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use crate::pipelines::app::javascript::quote;

use super::code::{Names, literal};
use super::field::FieldView;
use super::inputs::input;
use super::uses::{Uses, has_cards, is_number};
use super::view::{AppView, EntityView, FigureView};

/// What `entity-page.js` is filled in with beside the view of the entity.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Page {
    name: String,
    columns: Vec<Column>,
    filters: Vec<Filter>,
    inputs: Vec<String>,
    tiles: Vec<String>,
    panels: Vec<String>,
    views: Vec<String>,
    choice_fields: Vec<FieldView>,
    search: String,
    max_records: String,
    import_formats: String,
    export_formats: String,
    imports: Vec<Import>,
    needs_store: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Column {
    key: String,
    label: String,
    place: &'static str,
    figure: bool,
    show: String,
}

#[derive(Clone, Debug, Serialize)]
struct Filter {
    key: String,
    label: String,
    options: String,
}

#[derive(Clone, Debug, Serialize)]
struct Import {
    module: &'static str,
    names: Vec<String>,
}

/// A kind of record that another one mentions.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Named {
    key: String,
    expression: String,
    /// Functions of `format.js` in the expression.
    pub(super) formats: Vec<String>,
}

/// The kinds of records that are mentioned by others, with the expression for their name.
pub(super) fn named(app: &AppView) -> Vec<Named> {
    let targets: BTreeSet<&str> = app
        .entities
        .iter()
        .flat_map(|entity| entity.columns.iter().chain([&entity.title]))
        .filter_map(|field| field.target.as_deref())
        .collect();
    app.entities
        .iter()
        .filter(|entity| targets.contains(entity.key.as_str()))
        .map(|entity| {
            let mut names = Names::default();
            // A name that is itself a mention is not followed: two kinds may mention each other.
            let expression = match entity.title.kind {
                "reference" => format!("String(record.{})", entity.title.key),
                "choice" => label_of(&entity.title),
                _ => name_of(&entity.title, &mut names),
            };
            let formats = names.0.remove("./format.js").unwrap_or_default().into_iter().collect();
            Named { key: entity.key.clone(), expression, formats }
        })
        .collect()
}

/// The label of a choice outside the module of its own page.
fn label_of(field: &FieldView) -> String {
    let labels: Vec<String> = field
        .choices
        .iter()
        .map(|choice| format!("{}: {}", quote(&choice.value), quote(&choice.label)))
        .collect();
    format!("({{ {} }})[record.{}] ?? ''", labels.join(", "), field.key)
}

/// Writes the expressions of the page of an entity.
pub(super) fn build(entity: &EntityView, uses: &Uses) -> Page {
    let mut names = Names::default();
    names.take("./page.js", "recordPage");
    let name = name_of(&entity.title, &mut names);
    let columns: Vec<Column> = entity.columns.iter().map(|field| column(field, &mut names)).collect();
    let filters: Vec<Filter> = entity.filters.iter().map(|field| filter(entity, field, &mut names)).collect();
    let inputs: Vec<String> = if entity.add || entity.edit {
        entity.inputs.iter().map(|field| input(entity, field, &mut names)).collect()
    } else {
        Vec::new()
    };
    let tiles = tiles(entity, &mut names);
    let panels: Vec<String> = entity
        .counts
        .iter()
        .chain(&entity.totals)
        .filter(|figure| figure.grouping.is_some())
        .map(|figure| panel(entity, figure, &mut names))
        .collect();
    let views = views(entity, &mut names);
    let code = [&name]
        .into_iter()
        .chain(columns.iter().map(|column| &column.show))
        .chain(filters.iter().map(|filter| &filter.options))
        .chain(&inputs)
        .chain(&tiles)
        .chain(&panels)
        .chain(&views)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    let needs_store = code.contains("store.")
        || code.contains("(store,")
        || entity.overdue
        || entity.alerts
        || !entity.transitions.is_empty();
    // The template itself mentions the choices of a field with steps.
    let choice_fields = entity
        .choice_fields
        .iter()
        .filter(|field| {
            code.contains(&format!("{}Choices", field.key))
                || entity.transitions.iter().any(|steps| steps.key == field.key && (uses.forms || uses.marks))
        })
        .cloned()
        .collect();
    let imports = names
        .0
        .into_iter()
        .map(|(module, names)| Import { module, names: names.into_iter().collect() })
        .collect();
    Page {
        name,
        columns,
        filters,
        inputs,
        tiles,
        panels,
        views,
        choice_fields,
        search: literal(&json!(entity.search)),
        max_records: literal(&json!(entity.max_records)),
        import_formats: literal(&json!(entity.imports)),
        export_formats: literal(&json!(entity.exports)),
        imports,
        needs_store,
    }
}

/// The name of a record as text.
fn name_of(field: &FieldView, names: &mut Names) -> String {
    let value = format!("record.{}", field.key);
    match field.kind {
        "date" => format!("{}({value})", names.take("./format.js", "day")),
        "date-time" => format!("{}({value})", names.take("./format.js", "moment")),
        "money" => format!("{}({value})", names.take("./format.js", "money")),
        "integer" | "decimal" => format!("{}({value})", names.take("./format.js", "number")),
        "reference" => mention(field, names),
        "choice" => {
            format!("{}Choices.find((choice) => choice.value === {value})?.label ?? {value}", field.key)
        }
        "tags" | "dates" => format!("{value}.join(', ')"),
        "text" | "long-text" | "email" | "url" | "phone" | "time" => value,
        _ => format!("String({value} ?? '')"),
    }
}

fn mention(field: &FieldView, names: &mut Names) -> String {
    let target = field.target.as_deref().unwrap_or_default();
    format!("{}(store, {}, record.{})", names.take("./names.js", "nameOf"), quote(target), field.key)
}

fn column(field: &FieldView, names: &mut Names) -> Column {
    let value = format!("record.{}", field.key);
    let max = field.max.unwrap_or_default();
    let show = match field.kind {
        "choice" => format!("{}({}Choices, {value})", names.take("./cells.js", "badge"), field.key),
        "boolean" => format!("{}({}, {value})", names.take("./cells.js", "yes"), quote(&field.label)),
        "rating" => format!("{}({value}, {max})", names.take("./cells.js", "stars")),
        "scale" => format!("{}({value}, {max})", names.take("./cells.js", "scale")),
        "tags" => format!("{}({value})", names.take("./cells.js", "chips")),
        "dates" => format!("{}({value})", names.take("./cells.js", "days")),
        "long-text" => format!("{}({value})", names.take("./cells.js", "paragraph")),
        "url" => format!("{}({value})", names.take("./cells.js", "webLink")),
        "email" => format!("{}({value})", names.take("./cells.js", "mailLink")),
        "phone" => format!("{}({value})", names.take("./cells.js", "phoneLink")),
        _ => name_of(field, names),
    };
    let figure = is_number(field.kind);
    Column { key: field.key.clone(), label: field.label.clone(), place: field.place, figure, show }
}

fn filter(entity: &EntityView, field: &FieldView, names: &mut Names) -> Filter {
    let every = |label: &str| {
        let list = format!("store.list({}, {{}})", quote(&entity.key));
        let values = format!(
            "{list}.flatMap((record) => record.{}).filter((value) => value !== '' && value !== null)",
            field.key
        );
        format!("[...new Set({values})].sort().map((value) => ({{ value, label: {label} }}))")
    };
    let options = match field.kind {
        "choice" => format!("{}Choices", field.key),
        "boolean" => "[{ value: 'true', label: 'Yes' }, { value: 'false', label: 'No' }]".to_owned(),
        "reference" => {
            let target = field.target.as_deref().unwrap_or_default();
            format!("{}(store, {})", names.take("./names.js", "choicesOf"), quote(target))
        }
        "date" => every(&format!("{}(value)", names.take("./format.js", "day"))),
        "date-time" => every(&format!("{}(value)", names.take("./format.js", "moment"))),
        "integer" | "decimal" | "money" | "rating" | "scale" => {
            every("String(value)").replace(".sort()", ".sort((a, b) => a - b)")
        }
        _ => every("value"),
    };
    Filter { key: field.key.clone(), label: field.label.clone(), options }
}

fn tiles(entity: &EntityView, names: &mut Names) -> Vec<String> {
    let key = quote(&entity.key);
    let mut tiles = Vec::new();
    if entity.count {
        let label = quote(&entity.plural);
        tiles.push(format!("{}({label}, String(store.count({key})))", names.take("./figures.js", "tile")));
    }
    for figure in entity.totals.iter().filter(|figure| figure.grouping.is_none()) {
        let format = names.take("./format.js", figure.kind);
        let amount = format!("{format}(store.total({key}, {}))", total_of(figure));
        let label = quote(&figure.label);
        tiles.push(format!("{}({label}, {amount} || '–')", names.take("./figures.js", "tile")));
    }
    if entity.overdue {
        let late =
            format!("store.list({key}, {{}}).filter((record) => store.isOverdue({key}, record)).length");
        tiles.push(format!(
            "...[{late}].filter((late) => late > 0).map((late) => {}('Overdue', String(late), 'late'))",
            names.take("./figures.js", "tile")
        ));
    }
    if entity.alerts {
        let alerts = format!("store.alerts({key}).length");
        tiles.push(format!(
            "...[{alerts}].filter((count) => count > 0).map((count) => {}('Needs attention', String(count), 'alert'))",
            names.take("./figures.js", "tile")
        ));
    }
    tiles
}

fn panel(entity: &EntityView, figure: &FigureView, names: &mut Names) -> String {
    let key = quote(&entity.key);
    let title = quote(&figure.label);
    let grouping = literal(&json!(figure.grouping));
    let make = names.take("./figures.js", "groupPanel");
    let groups = match figure.field {
        None => format!(
            "store.count({key}, {grouping}).map((group) => ({{ ...group, amount: group.count, shown: String(group.count) }}))"
        ),
        Some(_) => {
            let format = names.take("./format.js", figure.kind);
            let total = format!("store.total({key}, {}, {grouping})", total_of(figure));
            format!(
                "{total}.map((group) => ({{ ...group, amount: group.total ?? 0, shown: {format}(group.total) }}))"
            )
        }
    };
    match &figure.tones {
        Some(field) => format!("{make}({title}, {groups}, {field}Choices.map(({{ value }}) => value))"),
        None => format!("{make}({title}, {groups})"),
    }
}

fn total_of(figure: &FigureView) -> String {
    let field = quote(figure.field.as_deref().unwrap_or_default());
    format!("{field}, {}", literal(&json!(figure.aggregate)))
}

/// The ways to look at the page, the most telling one first.
fn views(entity: &EntityView, names: &mut Names) -> Vec<String> {
    let mut views = Vec::new();
    let many = |count: usize, name: &str, label: &str| {
        quote(&if count > 1 { format!("{name} by {label}") } else { name.to_owned() })
    };
    for quiz in &entity.quizzes {
        let (question, answer) = (quote(&quiz.question_label), quote(&quiz.answer_label));
        let make = names.take("./quiz.js", "quizView");
        views.push(format!("{make}(app, page, {{ question: {question}, answer: {answer} }})"));
    }
    for check_in in &entity.check_ins {
        let (key, field) = (quote(&entity.key), quote(&check_in.field.key));
        let streak = if check_in.streak {
            format!("(record) => store.streak({key}, record.id, {field})")
        } else {
            "() => null".to_owned()
        };
        let make = names.take("./check-ins.js", "checkInView");
        views.push(format!("{make}(app, page, actions, {{ field: {field}, streakOf: {streak} }})"));
    }
    for board in &entity.boards {
        let (field, choices) = (&board.field.key, format!("{}Choices", board.field.key));
        let steps = if board.steps {
            format!("(record) => store.allowedSteps({}, record.id, {})", quote(&entity.key), quote(field))
        } else {
            format!("() => {choices}.map(({{ value }}) => value)")
        };
        let label = many(entity.boards.len(), "Board", &board.field.lower);
        let make = names.take("./board.js", "boardView");
        let facts =
            format!("{{ field: {}, label: {label}, choices: {choices}, stepsOf: {steps} }}", quote(field));
        views.push(format!("{make}(page, actions, {facts})"));
    }
    if entity.table {
        views.push(format!("{}(page, actions)", names.take("./table.js", "tableView")));
    } else if has_cards(entity) {
        views.push(format!("{}(page, actions)", names.take("./cards.js", "cardsView")));
    }
    for field in &entity.calendars {
        let label = many(entity.calendars.len(), "Calendar", &field.lower);
        let make = names.take("./calendar.js", "calendarView");
        views.push(format!("{make}(app, page, actions, {{ field: {}, label: {label} }})", quote(&field.key)));
    }
    if entity.statistics {
        views.push(format!("{}(app, page)", names.take("./statistics.js", "statisticsView")));
    }
    views
}
