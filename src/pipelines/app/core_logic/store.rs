//! `src/core/store.js`: what its template needs.

use serde_json::{Value, json};

use super::entity::{needs_others, needs_references};
use super::views;
use crate::pipelines::app::features::App;
use crate::pipelines::app::javascript::lower;

/// The methods of the store, in the order in which it returns them. Only what the brief asks for is there.
pub(in crate::pipelines::app) fn methods(app: &App) -> Vec<&'static str> {
    let flags = Flags::of(app);
    [
        ("list", true),
        ("get", true),
        ("add", flags.add),
        ("update", app.any(|features| features.edit)),
        ("remove", flags.remove),
        ("mark", flags.mark),
        ("allowedSteps", flags.transitions),
        ("isOverdue", flags.due),
        ("alerts", flags.alerts),
        ("count", flags.counts),
        ("total", flags.totals),
        ("checkIn", flags.check_in),
        ("streak", flags.streak),
        ("quiz", flags.quiz),
        ("exportData", flags.exports),
        ("importData", flags.imports),
        ("undo", flags.undo),
        ("redo", flags.undo),
        ("canUndo", flags.undo),
        ("canRedo", flags.undo),
        ("statistics", flags.statistics),
        ("calendar", flags.calendar),
        ("subscribe", true),
    ]
    .into_iter()
    .filter(|(_, asked)| *asked)
    .map(|(name, _)| name)
    .collect()
}

/// What the brief asks of any kind of record.
#[expect(clippy::struct_excessive_bools, reason = "each is one feature of the generated store")]
#[derive(Clone, Copy, Debug)]
pub(in crate::pipelines::app) struct Flags {
    pub(in crate::pipelines::app) add: bool,
    pub(in crate::pipelines::app) update: bool,
    pub(in crate::pipelines::app) remove: bool,
    pub(in crate::pipelines::app) search: bool,
    pub(in crate::pipelines::app) filter: bool,
    pub(in crate::pipelines::app) sort: bool,
    pub(in crate::pipelines::app) mark: bool,
    pub(in crate::pipelines::app) transitions: bool,
    pub(in crate::pipelines::app) due: bool,
    pub(in crate::pipelines::app) alerts: bool,
    pub(in crate::pipelines::app) counts: bool,
    pub(in crate::pipelines::app) totals: bool,
    pub(in crate::pipelines::app) check_in: bool,
    pub(in crate::pipelines::app) streak: bool,
    pub(in crate::pipelines::app) quiz: bool,
    pub(in crate::pipelines::app) exports: bool,
    pub(in crate::pipelines::app) imports: bool,
    pub(in crate::pipelines::app) undo: bool,
    pub(in crate::pipelines::app) statistics: bool,
    pub(in crate::pipelines::app) calendar: bool,
}

impl Flags {
    pub(in crate::pipelines::app) fn of(app: &App) -> Self {
        let mark =
            app.any(|each| !each.marks.is_empty() || !each.boards.is_empty() || !each.transitions.is_empty());
        let check_in = app.any(|each| !each.check_ins.is_empty());
        Self {
            add: app.any(|each| each.add),
            update: app.any(|each| each.edit) || mark || check_in,
            remove: app.any(|each| each.remove),
            search: app.any(|each| !each.search.is_empty()),
            filter: app.any(views::has_filters),
            sort: app.any(|each| !each.sorts.is_empty()),
            mark,
            transitions: app.any(|each| !each.transitions.is_empty()),
            due: app.any(|each| !each.due.is_empty()),
            alerts: app.any(|each| !each.alerts.is_empty()),
            counts: app.any(|each| !each.counts.is_empty()),
            totals: app.any(|each| !each.totals.is_empty()),
            check_in,
            streak: app.any(|each| !each.streaks.is_empty()),
            quiz: app.any(|each| each.quiz.is_some()),
            exports: app.any(|each| !each.exports.is_empty()),
            imports: app.any(|each| !each.imports.is_empty()),
            undo: app.undo,
            statistics: app.any(|each| each.statistics),
            calendar: app.any(|each| !each.calendars.is_empty()),
        }
    }

    /// Whether the day of today matters.
    pub(in crate::pipelines::app) fn clock(self) -> bool {
        self.due || self.check_in || self.streak
    }

    /// Whether records get ids.
    pub(in crate::pipelines::app) fn new_id(self) -> bool {
        self.add || self.imports
    }
}

/// What the template needs.
pub(super) fn context(app: &App) -> Value {
    let flags = Flags::of(app);
    let derive = app.any(|features| !features.derived().is_empty());
    let limit = app.any(|features| features.limit.is_some());
    let links: Vec<Value> = if flags.remove { links(app) } else { Vec::new() };
    let validates = flags.add || flags.update || flags.imports;
    let references = app.any(needs_references);
    let others = app.any(needs_others);
    let grouped_counts = app.any(|each| each.counts.iter().any(Option::is_some));
    let plain_counts = app.any(|each| each.counts.iter().any(Option::is_none));
    let grouped_totals = app.any(|each| each.totals.iter().any(|total| total.per.is_some()));
    let plain_totals = app.any(|each| each.totals.iter().any(|total| total.per.is_none()));
    let names = (flags.search && views::search_names(app)) || (flags.sort && views::sort_names(app));
    let kinds: Vec<Value> = app
        .entities
        .iter()
        .map(|features| {
            json!({
                "key": features.entity.key,
                "collection": features.entity.collection,
                "name": lower(&features.entity.label),
                "plural": lower(&features.entity.label_plural),
                "pascal": features.pascal(),
                "derived": !features.derived().is_empty(),
                "most": views::most(features),
            })
        })
        .collect();
    let exists = "exists: (target, each) => find(target, each) !== undefined";
    let check_context = match (others, references) {
        (true, true) => format!(", {{ others, {exists} }}"),
        (true, false) => ", { others }".to_owned(),
        (false, true) => format!(", {{ {exists} }}"),
        (false, false) => String::new(),
    };
    let mut options = vec!["storage"];
    options.extend(flags.clock().then_some("clock = { now: () => new Date() }"));
    options.extend(flags.new_id().then_some("newId"));
    let entries = [
        ("imports", json!(imports(app, flags, derive, names))),
        ("kinds", json!(kinds)),
        ("plurals", json!(limit || !links.is_empty())),
        ("limit", json!(limit && flags.add)),
        ("import_limit", json!(app.any(|each| each.limit.is_some() && !each.imports.is_empty()))),
        ("derive", json!(derive)),
        ("links", json!(links)),
        ("options", json!(options.join(", "))),
        ("undo", json!(flags.undo)),
        ("shown_list", json!(true)),
        ("names", json!(names)),
        ("changes", json!(flags.update || flags.remove)),
        ("validates", json!(validates)),
        ("context_others", json!(others)),
        ("check_context", json!(check_context)),
        ("list_options", json!(list_options(flags))),
        ("search", json!(flags.search)),
        ("search_guard", json!(app.any(|features| features.search.is_empty()))),
        ("search_names", json!(views::search_names(app))),
        ("filter", json!(flags.filter)),
        ("sort", json!(flags.sort)),
        ("sort_names", json!(views::sort_names(app))),
        ("add", json!(flags.add)),
        ("update", json!(flags.update)),
        ("remove", json!(flags.remove)),
        ("mark", json!(flags.mark)),
        ("transitions", json!(flags.transitions)),
        ("due", json!(flags.due)),
        ("alerts", json!(flags.alerts)),
        ("counts", json!(flags.counts)),
        ("group_counts", json!(grouped_counts)),
        ("plain_counts", json!(plain_counts)),
        ("totals", json!(flags.totals)),
        ("group_totals", json!(grouped_totals)),
        ("plain_totals", json!(plain_totals)),
        ("group_known", json!(views::groups(app).is_some_and(|context| context["known"] == json!(true)))),
        ("group_references", json!(views::group_references(app))),
        ("days", json!(flags.check_in || flags.streak)),
        ("check_in", json!(flags.check_in)),
        ("streak", json!(flags.streak)),
        ("quiz", json!(flags.quiz)),
        ("exports", json!(flags.exports)),
        ("imports_data", json!(flags.imports)),
        ("transfer_references", json!(views::transfer_references(app))),
        ("statistics", json!(flags.statistics)),
        ("calendar", json!(flags.calendar)),
        ("methods", json!(methods(app))),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn list_options(flags: Flags) -> String {
    let mut options = Vec::new();
    options.extend(flags.search.then_some("search = ''"));
    options.extend(flags.filter.then_some("filters = {}"));
    options.extend(flags.sort.then_some("sort = null"));
    options.extend(flags.sort.then_some("descending = false"));
    if options.is_empty() { String::new() } else { format!(", {{ {} }} = {{}}", options.join(", ")) }
}

fn links(app: &App) -> Vec<Value> {
    let mut links = Vec::new();
    for target in &app.entities {
        for (user, field) in app.references_to(&target.entity.key) {
            links.push(json!({ "entity": user.entity.key, "field": field.key, "target": target.entity.key }));
        }
    }
    links
}

fn imports(app: &App, flags: Flags, derive: bool, names: bool) -> Vec<Value> {
    let mut imports = vec![json!({ "names": ["seed"], "from": "../data/seed.js" })];
    let mut add = |asked: bool, names: &[&str], from: &str| {
        if asked {
            imports.push(json!({ "names": names, "from": format!("./{from}.js") }));
        }
    };
    add(flags.alerts, &["alertsOf"], "alerts");
    add(flags.calendar, &["calendarOf"], "calendar");
    for features in &app.entities {
        let pascal = features.pascal();
        let mut functions = vec![format!("blank{pascal}")];
        if derive && !features.derived().is_empty() {
            functions.push(format!("derive{pascal}"));
        }
        functions.push(format!("validate{pascal}"));
        add(true, &functions.iter().map(String::as_str).collect::<Vec<_>>(), &features.module());
    }
    add(flags.clock(), &["today"], "days");
    add(flags.due, &["isOverdueOn"], "due");
    add(views::groups(app).is_some(), &["groupRecords"], "groups");
    add(flags.undo, &["createHistory"], "history");
    add(names, &["entities"], "model");
    let mut queries = Vec::new();
    queries.extend(flags.filter.then_some("filterRecords"));
    queries.extend(flags.search.then_some("searchRecords"));
    queries.extend(flags.sort.then_some("sortRecords"));
    add(!queries.is_empty(), &queries, "query");
    add(flags.quiz, &["createQuiz"], "quiz");
    add(flags.statistics, &["statisticsOf"], "statistics");
    add(flags.streak, &["streakOf"], "streak");
    add(flags.totals, &["totalOf"], "totals");
    let mut transfers = Vec::new();
    transfers.extend(flags.imports.then_some("readRecords"));
    transfers.extend(flags.exports.then_some("writeRecords"));
    add(!transfers.is_empty(), &transfers, "transfer");
    let mut steps = Vec::new();
    steps.extend(flags.transitions.then_some("checkSteps"));
    steps.extend(flags.transitions.then_some("stepsFrom"));
    add(!steps.is_empty(), &steps, "transitions");
    imports
}
