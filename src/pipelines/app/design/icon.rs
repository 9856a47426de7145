//! The icon of an app: a shape for what it keeps, or the first letter of its title.

use super::palette::Palette;
use crate::pipelines::app::spec::Model;

/// Words that call for a shape, and the shape: strokes on a grid of 24 by 24.
const SHAPES: &[(&[&str], &str)] = &[
    (
        &["book", "reading", "library", "novel"],
        "M12 7.5c-1.8-1.6-4-2-6.5-2v12c2.5 0 4.7.4 6.5 2 1.8-1.6 4-2 6.5-2v-12c-2.5 0-4.7.4-6.5 2zm0 0v12",
    ),
    (&["ticket", "issue", "bug", "board", "card"], "M5.5 6h4v12h-4zM14.5 6h4v7.5h-4z"),
    (
        &["item", "stock", "product", "inventory", "part", "package", "article", "material"],
        "M12 4.5l7 3.8v7.4l-7 3.8-7-3.8V8.3zM5 8.3l7 3.9 7-3.9M12 12.2v7.3",
    ),
    (&["habit", "routine", "streak", "workout", "exercise", "training"], "M6 12.5l4 4 8-9"),
    (
        &["expense", "budget", "payment", "invoice", "transaction", "cost", "money", "bill", "receipt"],
        "M6.5 4.5h11v15l-2.75-1.7L12 19.5l-2.75-1.7L6.5 19.5zM9.5 9h5M9.5 13h5",
    ),
    (
        &["question", "quiz", "flashcard", "vocabulary", "word", "exam"],
        "M8.5 9.2a3.6 3.6 0 1 1 5.3 3.1c-1.1.7-1.8 1.3-1.8 2.7M12 18.4v.1",
    ),
    (
        &["booking", "event", "appointment", "reservation", "calendar", "meeting", "schedule", "room"],
        "M5.5 6.5h13v12.5h-13zM5.5 10.5h13M9 4.5v3.5M15 4.5v3.5",
    ),
    (&["task", "todo", "chore", "goal", "project"], "M5.5 5.5h13v13h-13zM8.7 12.2l2.4 2.4 4.4-5"),
    (
        &["contact", "person", "customer", "member", "student", "client", "friend", "patient", "employee"],
        "M12 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5.5 19.5c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5",
    ),
    (
        &["note", "journal", "diary", "entry", "document", "log"],
        "M6.5 4.5h7.5l3.5 3.5v11.5h-11zM9.5 12h5M9.5 15.5h5",
    ),
    (
        &["plant", "garden", "flower", "tree", "crop"],
        "M12 19.5v-8M12 13.5c0-4 2.5-6.5 6.5-6.5 0 4-2.5 6.5-6.5 6.5zM12 11c0-3-2-5.5-6-5.5 0 3.5 2.5 5.5 6 5.5z",
    ),
    (&["movie", "film", "video", "show", "episode", "series"], "M5 6.5h14v11H5zM10.5 9.5l4 2.5-4 2.5z"),
    (
        &["recipe", "meal", "dish", "food", "ingredient", "menu"],
        "M5.5 10.5h13v4.5a4 4 0 0 1-4 4h-5a4 4 0 0 1-4-4zM9 7.5v-2M12 7.5v-3M15 7.5v-2",
    ),
    (
        &["song", "music", "album", "record", "playlist"],
        "M9.5 17V6.5l8-1.5v10.5M9.5 17a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM17.5 15.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
    ),
    (
        &["trip", "place", "travel", "journey", "location", "city"],
        "M12 20c4-4.3 6-7.3 6-10a6 6 0 0 0-12 0c0 2.7 2 5.7 6 10zM12 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
    ),
];

/// The SVG text. `radius` is that of the cards, so that icon and app look alike.
pub(super) fn draw(model: &Model, palette: &Palette, radius: u32) -> String {
    let fill = palette.get("accent").hex();
    let deep = palette.get("accent-hover").hex();
    let ink = palette.get("on-accent").hex();
    let corner = 8 + radius.min(20) * 2 / 5;
    let mark = shape(model).map_or_else(
        || {
            let letter = initial(&model.title);
            format!(
                "<text x=\"32\" y=\"44\" text-anchor=\"middle\" font-family=\"system-ui, sans-serif\" \
                 font-size=\"34\" font-weight=\"700\" fill=\"{ink}\">{letter}</text>"
            )
        },
        |path| {
            format!(
                "<path transform=\"translate(8 8) scale(2)\" d=\"{path}\" fill=\"none\" stroke=\"{ink}\" \
                 stroke-width=\"1.8\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>"
            )
        },
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\">\n  <defs>\n    \
         <linearGradient id=\"ground\" x1=\"0\" y1=\"0\" x2=\"1\" y2=\"1\">\n      \
         <stop offset=\"0\" stop-color=\"{fill}\"/>\n      <stop offset=\"1\" stop-color=\"{deep}\"/>\n    \
         </linearGradient>\n  </defs>\n  \
         <rect width=\"64\" height=\"64\" rx=\"{corner}\" fill=\"url(#ground)\"/>\n  {mark}\n</svg>\n"
    )
}

/// The shape for the main entity, else for a word of the title.
fn shape(model: &Model) -> Option<&'static str> {
    let entity = model.entities.first().map(|entity| entity.label.to_lowercase()).unwrap_or_default();
    let title = model.title.to_lowercase();
    [entity, title].iter().find_map(|text| {
        text.split(|c: char| !c.is_alphanumeric()).find_map(|word| {
            let singular = word.strip_suffix('s').unwrap_or(word);
            let known = |words: &[&str]| words.contains(&word) || words.contains(&singular);
            SHAPES.iter().find(|(words, _)| known(words)).map(|(_, path)| *path)
        })
    })
}

/// Alphanumeric alone, so that it can stand in XML as it is.
fn initial(title: &str) -> String {
    title.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "A".to_owned(), |c| c.to_uppercase().collect())
}
