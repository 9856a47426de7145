//! Which parts of the interface an app needs. A part nobody asked for is not written at all, so every template asks here
//! before it writes something.

use std::collections::BTreeSet;

use serde::Serialize;

use super::field::FieldView;
use super::view::{AppView, EntityView};

/// Facts about the whole app; a part is written once when any page needs it.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "one independent yes or no per part of the interface")]
pub(super) struct Uses {
    pub(super) add: bool,
    pub(super) edit: bool,
    pub(super) remove: bool,
    /// Some form is opened.
    pub(super) forms: bool,
    /// Removal asks first, because it cannot be undone.
    pub(super) confirm: bool,
    pub(super) dialogs: bool,
    pub(super) history: bool,
    pub(super) search: bool,
    pub(super) filters: bool,
    pub(super) sorts: bool,
    /// Any of the three above.
    pub(super) query: bool,
    pub(super) marks: bool,
    pub(super) markers: bool,
    pub(super) overdue: bool,
    pub(super) alerts: bool,
    pub(super) max_records: bool,
    /// Figures beside the records.
    pub(super) summary: bool,
    pub(super) tiles: bool,
    pub(super) groups: bool,
    /// Some page can be looked at in more than one way.
    pub(super) views: bool,
    pub(super) cards: bool,
    pub(super) table: bool,
    pub(super) board: bool,
    pub(super) calendar: bool,
    pub(super) check_in: bool,
    pub(super) quiz: bool,
    pub(super) quiz_options: bool,
    pub(super) statistics: bool,
    pub(super) imports: bool,
    pub(super) exports: bool,
    /// Kinds of fields that are shown.
    pub(super) shown: BTreeSet<&'static str>,
    /// Kinds of fields that a form asks for.
    pub(super) asked: BTreeSet<&'static str>,
    pub(super) asked_lines: bool,
    pub(super) asked_numbers: bool,
    pub(super) asked_selects: bool,
    pub(super) asked_segments: bool,
    pub(super) asked_groups: bool,
    /// Functions of `format.js`.
    pub(super) formats: BTreeSet<&'static str>,
    pub(super) cell_icons: bool,
    pub(super) names: bool,
    pub(super) badges: bool,
    pub(super) toned: bool,
    pub(super) chips: bool,
    /// Something looks like a card.
    pub(super) card: bool,
    /// Some field besides the title.
    pub(super) columns: bool,
    /// Some field of a card that is a badge, and some that is a line.
    pub(super) card_badges: bool,
    pub(super) card_facts: bool,
    pub(super) primary: bool,
    pub(super) inputs: bool,
    pub(super) selects: bool,
    pub(super) parts: Vec<&'static str>,
    pub(super) board_parts: Vec<&'static str>,
    pub(super) check_in_parts: Vec<&'static str>,
    pub(super) page_dom: Vec<&'static str>,
}

const LINES: [&str; 7] = ["text", "email", "url", "phone", "date", "date-time", "time"];
const NUMBERS: [&str; 3] = ["integer", "decimal", "money"];

/// The input kinds that are a single line.
pub(super) fn is_line(kind: &str) -> bool {
    LINES.contains(&kind)
}

/// The input kinds that are a number.
pub(super) fn is_number(kind: &str) -> bool {
    NUMBERS.contains(&kind)
}

/// Whether the page shows its records as cards: not as a table, and not only as check-ins.
pub(super) fn has_cards(entity: &EntityView) -> bool {
    !entity.table && entity.check_ins.is_empty()
}

/// How many ways there are to look at a page.
fn view_count(entity: &EntityView) -> usize {
    entity.boards.len()
        + entity.check_ins.len()
        + usize::from(entity.table || has_cards(entity))
        + entity.calendars.len()
        + entity.quizzes.len()
        + usize::from(entity.statistics)
}

impl Uses {
    /// Looks through all pages of the app.
    pub(super) fn of(app: &AppView) -> Self {
        let any = |has: &dyn Fn(&EntityView) -> bool| app.entities.iter().any(has);
        let (add, edit, remove) = (any(&|e| e.add), any(&|e| e.edit), any(&|e| e.remove));
        let forms = add || edit;
        let asked: BTreeSet<&'static str> = app
            .entities
            .iter()
            .filter(|entity| entity.add || entity.edit)
            .flat_map(|entity| &entity.inputs)
            .map(|field| field.kind)
            .collect();
        let shown = shown_kinds(app);
        let fields = || app.entities.iter().filter(|e| e.add || e.edit).flat_map(|entity| &entity.inputs);
        let choice = |segmented: bool| fields().any(|f| f.kind == "choice" && f.segmented == segmented);
        let asked_segments = choice(true) || asked.contains("scale");
        let asked_selects = choice(false) || asked.contains("reference");
        let (search, filters) = (any(&|e| e.search.is_some()), any(&|e| !e.filters.is_empty()));
        let sorts = any(&|e| !e.sorts.is_empty());
        let marks = any(&|e| !e.marks.is_empty() || !e.transitions.is_empty());
        let (overdue, alerts) = (any(&|e| e.overdue), any(&|e| e.alerts));
        let markers = overdue || alerts;
        let statistics = any(&|e| e.statistics);
        let (quiz, board) = (any(&|e| !e.quizzes.is_empty()), any(&|e| !e.boards.is_empty()));
        let (imports, exports) = (any(&|e| !e.imports.is_empty()), any(&|e| !e.exports.is_empty()));
        let figure = |grouped: bool| {
            any(&|e| e.counts.iter().chain(&e.totals).any(|figure| figure.grouping.is_some() == grouped))
        };
        let own_tiles = figure(false) || markers || any(&|e| e.count);
        let own_groups = figure(true);
        let (calendar, check_in) = (any(&|e| !e.calendars.is_empty()), any(&|e| !e.check_ins.is_empty()));
        let (cards, table) = (any(&has_cards), any(&|e| e.table));
        let confirm = remove && !app.history;
        let badges = ["choice", "boolean", "scale"].iter().any(|kind| shown.contains(kind));
        let tools = edit || remove;
        let part = |names: &[(&'static str, bool)]| -> Vec<&'static str> {
            names.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| *name).collect()
        };
        Self {
            add,
            edit,
            remove,
            forms,
            confirm,
            dialogs: forms || confirm || imports,
            history: app.history,
            search,
            filters,
            sorts,
            query: search || filters || sorts,
            marks,
            markers,
            overdue,
            alerts,
            max_records: any(&|e| e.max_records.is_some()),
            summary: own_tiles || own_groups,
            tiles: own_tiles || statistics,
            groups: own_groups || statistics,
            views: any(&|e| view_count(e) > 1),
            cards,
            table,
            board,
            calendar,
            check_in,
            quiz,
            quiz_options: any(&|e| e.quizzes.iter().any(|quiz| quiz.options)),
            statistics,
            imports,
            exports,
            asked_lines: asked.iter().any(|kind| is_line(kind)),
            asked_numbers: asked.iter().any(|kind| is_number(kind)),
            asked_selects,
            asked_segments,
            asked_groups: asked_segments || asked.contains("rating"),
            formats: formats(app, &shown),
            cell_icons: shown.contains("boolean") || shown.contains("rating"),
            names: any(&|e| all_fields(e).any(|field| field.kind == "reference")),
            badges,
            toned: shown.contains("choice") || board || own_groups || statistics,
            chips: shown.contains("tags") || asked.contains("tags") || asked.contains("dates"),
            card: cards || check_in,
            columns: any(&|e| !e.columns.is_empty()),
            card_badges: any(&|e| e.columns.iter().any(|field| field.place == "badge")),
            card_facts: any(&|e| e.columns.iter().any(|field| field.place == "fact")),
            primary: forms || quiz || imports,
            inputs: forms || quiz || search || filters || sorts,
            selects: asked_selects || filters || sorts,
            parts: part(&[
                ("actionNodes", tools),
                ("markNodes", marks),
                ("markerNodes", markers),
                ("nameNode", true),
            ]),
            board_parts: part(&[("actionNodes", remove), ("markerNodes", markers), ("nameNode", true)]),
            check_in_parts: part(&[("actionNodes", tools), ("markerNodes", markers), ("nameNode", true)]),
            page_dom: part(&[
                ("button", add || search || filters || any(&|e| view_count(e) > 1)),
                ("el", true),
                ("focusOn", forms || board),
                ("icon", true),
                ("keepFocus", true),
            ]),
            shown,
            asked,
        }
    }

    /// The drawings that some part shows.
    pub(super) fn icons(&self, app: &AppView) -> Vec<Icon> {
        let wanted = [
            ("plus", self.add),
            ("search", self.search || self.filters),
            ("edit", self.edit),
            ("trash", self.remove),
            ("close", true),
            ("check", self.shown.contains("boolean") || self.check_in),
            ("star", self.shown.contains("rating") || self.asked.contains("rating")),
            ("ascending", self.sorts),
            ("descending", self.sorts),
            ("undo", self.history),
            ("redo", self.history),
            ("contrast", app.themed),
            ("left", self.board || self.calendar),
            ("right", self.board || self.calendar),
            ("flame", self.check_in),
            ("download", self.exports),
            ("upload", self.imports),
            ("more", self.imports || self.exports),
            ("empty", true),
        ];
        wanted
            .iter()
            .filter(|(_, wanted)| *wanted)
            .filter_map(|(name, _)| SHAPES.iter().find(|(known, _)| known == name))
            .map(|(name, path)| Icon { name, path })
            .collect()
    }
}

/// A drawing of the interface.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Icon {
    name: &'static str,
    path: &'static str,
}

/// Strokes on a grid of 24 by 24.
const SHAPES: &[(&str, &str)] = &[
    ("plus", "M12 5v14M5 12h14"),
    ("search", "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5"),
    (
        "edit",
        "M4.5 19.5l.8-3.7L15.6 5.5a1.7 1.7 0 0 1 2.4 0l.5.5a1.7 1.7 0 0 1 0 2.4L8.2 18.7zM13.5 7.6l2.9 2.9",
    ),
    ("trash", "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10.3 10.5v5.5M13.7 10.5v5.5"),
    ("close", "M6.5 6.5l11 11M17.5 6.5l-11 11"),
    ("check", "M5.5 12.5l4.2 4.2L18.5 7.5"),
    ("star", "M12 4l2.45 5 5.55.8-4 3.9.95 5.5L12 16.6l-4.95 2.6.95-5.5-4-3.9 5.55-.8z"),
    ("ascending", "M7.5 19V5M4 8.5L7.5 5 11 8.5M14 7h3M14 12h5M14 17h7"),
    ("descending", "M7.5 5v14M4 15.5L7.5 19l3.5-3.5M14 7h7M14 12h5M14 17h3"),
    ("undo", "M8.5 5L4.5 9l4 4M4.5 9h9a5 5 0 0 1 0 10H9"),
    ("redo", "M15.5 5l4 4-4 4M19.5 9h-9a5 5 0 0 0 0 10H15"),
    ("contrast", "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 4v16M12 8l5-2M12 12h8M12 16l5 2"),
    ("left", "M14.5 6l-6 6 6 6"),
    ("right", "M9.5 6l6 6-6 6"),
    (
        "flame",
        "M12 3.5c.5 3 4.8 5 4.8 9.7a4.8 4.8 0 0 1-9.6 0c0-1.9.9-3.2 1.9-4.3.3 1.4.9 2.2 1.6 2.6.1-3 .3-5.3 1.3-8z",
    ),
    ("download", "M12 4.5v10.5M7.5 11l4.5 4.5 4.5-4.5M5 19.5h14"),
    ("upload", "M12 15.5V5M7.5 9L12 4.5 16.5 9M5 19.5h14"),
    ("more", "M5.5 12h.1M12 12h.1M18.5 12h.1"),
    ("empty", "M4 13l2.5-7.5h11L20 13v5.5H4zM4 13h5l1 2.5h4l1-2.5h5"),
];

fn all_fields(entity: &EntityView) -> impl Iterator<Item = &FieldView> {
    std::iter::once(&entity.title).chain(&entity.columns)
}

/// A choice that names the record is shown as text; everything else appears in a cell of its own.
fn shown_kinds(app: &AppView) -> BTreeSet<&'static str> {
    app.entities.iter().flat_map(|entity| &entity.columns).map(|field| field.kind).collect()
}

fn formats(app: &AppView, shown: &BTreeSet<&'static str>) -> BTreeSet<&'static str> {
    let titles = || app.entities.iter().map(|entity| entity.title.kind);
    let has = |kinds: &[&str]| {
        kinds.iter().any(|kind| shown.contains(kind)) || titles().any(|title| kinds.contains(&title))
    };
    let figures = || app.entities.iter().flat_map(|entity| &entity.totals);
    let counted = app.entities.iter().any(|entity| entity.statistics);
    let calendar = app.entities.iter().any(|entity| !entity.calendars.is_empty());
    let check_in = app.entities.iter().any(|entity| !entity.check_ins.is_empty());
    let wanted = [
        (
            "number",
            has(&["integer", "decimal"]) || counted || figures().any(|figure| figure.kind == "number"),
        ),
        ("money", has(&["money"]) || figures().any(|figure| figure.kind == "money")),
        ("day", has(&["date", "dates"]) || calendar || check_in || filtered(app, "date")),
        ("moment", has(&["date-time"]) || filtered(app, "date-time")),
        ("month", calendar),
        ("weekday", calendar || check_in),
        ("today", calendar || check_in),
        ("addDays", calendar || check_in),
    ];
    wanted.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| *name).collect()
}

fn filtered(app: &AppView, kind: &str) -> bool {
    app.entities.iter().flat_map(|entity| &entity.filters).any(|filter| filter.kind == kind)
}
