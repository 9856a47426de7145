//! Words for the records that a new app starts with, chosen by what a field and its entity are called.

use super::Chance;
use crate::pipelines::app::features::EntityFeatures;
use crate::pipelines::app::javascript::{Js, lower};
use crate::pipelines::app::spec::{Entity, Field, FieldKind};

const FIRST_NAMES: [&str; 12] =
    ["Ada", "Ben", "Chloe", "David", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kim", "Lena"];
const LAST_NAMES: [&str; 12] = [
    "Archer", "Baker", "Costa", "Dreyer", "Evans", "Fischer", "Garcia", "Haines", "Ito", "Jensen", "Klein",
    "Lopez",
];

/// Words by a part of the name of a field or an entity; the first that fits is taken.
const LISTS: [(&[&str], &[&str]); 22] = [
    (
        &["book", "novel"],
        &[
            "The Quiet Harbour",
            "A Field Guide to Clouds",
            "Seven Bridges",
            "The Paper Lantern",
            "Salt and Stone",
            "Night Train North",
            "The Last Orchard",
            "Letters from Inland",
        ],
    ),
    (
        &["film", "movie"],
        &[
            "Northern Light",
            "The Long Weekend",
            "Glass Rivers",
            "Second Sunrise",
            "Home by Dark",
            "The Cartographer",
            "Blue Hour",
            "Small Planets",
        ],
    ),
    (
        &["habit"],
        &[
            "Drink water",
            "Read ten pages",
            "Stretch",
            "Walk outside",
            "Write a journal",
            "Practise piano",
            "Tidy the desk",
            "Go to bed early",
        ],
    ),
    (
        &["ticket", "issue", "bug"],
        &[
            "Login page times out",
            "Typo in the footer",
            "Export misses a column",
            "Dark mode flickers",
            "Slow search on phones",
            "Broken link in mail",
            "Wrong total on invoice",
            "Upload stops at 99 %",
        ],
    ),
    (
        &["task", "todo", "chore"],
        &[
            "Water the plants",
            "Call the dentist",
            "Renew the passport",
            "Clean the bicycle",
            "Send the invoices",
            "Book the train",
            "Sort the photos",
            "Plan the menu",
        ],
    ),
    (
        &["expense", "cost", "payment"],
        &[
            "Groceries",
            "Train ticket",
            "Coffee with Ines",
            "Electricity",
            "New notebook",
            "Cinema",
            "Birthday present",
            "Phone bill",
        ],
    ),
    (
        &["supplier", "vendor", "company", "customer", "client"],
        &[
            "Northwind Traders",
            "Hill & Sons",
            "Bright Supplies",
            "Harbour Goods",
            "Meadow Works",
            "Old Mill Trading",
            "Stonebridge",
            "Fern & Co",
        ],
    ),
    (
        &["product", "item", "stock", "article", "part"],
        &[
            "Desk lamp",
            "Notebook A5",
            "Blue pen",
            "Stapler",
            "Paper clips",
            "Whiteboard",
            "Extension lead",
            "Moving box",
        ],
    ),
    (
        &["room", "place", "location", "venue"],
        &[
            "Garden Room",
            "Library",
            "North Studio",
            "Attic",
            "Workshop",
            "Board Room",
            "Reading Corner",
            "Hall B",
        ],
    ),
    (
        &["recipe", "meal", "dish"],
        &[
            "Lentil soup",
            "Lemon pasta",
            "Mushroom risotto",
            "Apple crumble",
            "Chickpea curry",
            "Tomato salad",
            "Potato pancakes",
            "Rye bread",
        ],
    ),
    (&["plant"], &["Monstera", "Basil", "Fern", "Aloe", "Lavender", "Ivy", "Orchid", "Rosemary"]),
    (
        &["question", "prompt", "front"],
        &[
            "What is the capital of France?",
            "What is the capital of Italy?",
            "What is the capital of Spain?",
            "What is the capital of Norway?",
            "What is the capital of Greece?",
            "What is the capital of Austria?",
            "What is the capital of Portugal?",
            "What is the capital of Finland?",
        ],
    ),
    (
        &["answer", "solution", "back"],
        &["Paris", "Rome", "Madrid", "Oslo", "Athens", "Vienna", "Lisbon", "Helsinki"],
    ),
    (
        &["category", "topic", "genre", "subject", "group"],
        &["Home", "Work", "Travel", "Food", "Health", "Learning", "Leisure", "Family"],
    ),
    (
        &["project"],
        &[
            "Garden redesign",
            "Website relaunch",
            "Winter market",
            "Bicycle repair",
            "Choir concert",
            "Photo archive",
            "Cellar clean-up",
            "Summer camp",
        ],
    ),
    (
        &["city", "town", "destination"],
        &["Lisbon", "Oslo", "Vienna", "Porto", "Ghent", "Turin", "Bergen", "Lyon"],
    ),
    (&["country"], &["Portugal", "Norway", "Austria", "Belgium", "Italy", "Greece", "Finland", "Spain"]),
    (&["colour", "color"], &["Blue", "Green", "Red", "Yellow", "White", "Black", "Grey", "Orange"]),
    (
        &["booking", "event", "meeting", "appointment", "purpose", "reservation"],
        &[
            "Team meeting",
            "Choir practice",
            "Book club",
            "Yoga class",
            "Job interview",
            "Chess evening",
            "Budget review",
            "Photo workshop",
        ],
    ),
    (
        &["exercise", "workout"],
        &["Push-ups", "Rowing", "Plank", "Running", "Squats", "Swimming", "Cycling", "Yoga"],
    ),
    (
        &["note", "comment", "description", "detail", "remark", "text", "content", "summary"],
        &[
            "Worth another look",
            "Check with Ada first",
            "Nothing to add",
            "Needs a little care",
            "Ask again next week",
            "Went better than planned",
            "Keep the receipt",
            "See the folder on the shelf",
        ],
    ),
    (
        &["address", "street"],
        &[
            "12 Mill Lane",
            "3 Harbour Street",
            "48 Park Road",
            "7 Station Square",
            "21 Hill Rise",
            "5 Orchard Way",
            "60 Bridge Street",
            "9 Church Walk",
        ],
    ),
];

/// A first name.
pub(super) fn first_name(index: usize) -> &'static str {
    FIRST_NAMES[index % FIRST_NAMES.len()]
}

/// A text for a field. The title field of an entity goes by the name of the entity, other fields by their own.
pub(super) fn text(entity: &Entity, field: &Field, index: usize, chance: &mut Chance) -> String {
    let name = field.key.to_lowercase();
    let names_a_person =
        ["author", "person", "assignee", "owner", "member", "guest", "booked", "contact", "director"];
    if names_a_person.iter().any(|word| name.contains(word)) || (name.contains("name") && is_person(entity)) {
        let last = if field.unique { index } else { chance.below(LAST_NAMES.len()) };
        return format!("{} {}", first_name(index), LAST_NAMES[last % LAST_NAMES.len()]);
    }
    let code = ["sku", "code", "number", "isbn", "reference"];
    if code.iter().any(|word| name.contains(word)) {
        return format!(
            "{}-{:03}",
            entity.key.chars().take(3).collect::<String>().to_uppercase(),
            101 + index
        );
    }
    let own = list(&name);
    let words =
        if field.key == entity.title_field && own.is_none() { list(&entity.key.to_lowercase()) } else { own };
    match words {
        // Words start over after the last, with a number that tells them apart.
        Some(words) if index < words.len() => words[index].to_owned(),
        Some(words) => format!("{} {}", words[index % words.len()], index / words.len() + 1),
        None => format!("{} {}", field.label, index + 1),
    }
}

/// A few short words.
pub(super) fn tags(features: &EntityFeatures, field: &Field, index: usize, chance: &mut Chance) -> Js {
    let is_options = features.quiz.as_ref().is_some_and(|quiz| quiz.options.as_ref() == Some(&field.key));
    if is_options {
        let answers = list("answer").unwrap_or_default();
        let others = (1..=3).map(|step| Js::text(answers[(index + step) % answers.len()]));
        return Js::List(others.collect());
    }
    let words = list(&field.key.to_lowercase()).or_else(|| list("category")).unwrap_or_default();
    let first = chance.below(words.len());
    let second = (first + 1 + chance.below(words.len() - 1)) % words.len();
    Js::List(vec![Js::text(lower(words[first])), Js::text(lower(words[second]))])
}

fn is_person(entity: &Entity) -> bool {
    let people = [
        "person", "member", "contact", "customer", "guest", "student", "teacher", "player", "user", "friend",
    ];
    let key = entity.key.to_lowercase();
    people.iter().any(|word| key.contains(word))
        || (list(&key).is_none() && entity.fields.iter().any(|field| matches!(field.kind, FieldKind::Email)))
}

fn list(name: &str) -> Option<&'static [&'static str]> {
    LISTS.iter().find(|(parts, _)| parts.iter().any(|part| name.contains(part))).map(|(_, words)| *words)
}
