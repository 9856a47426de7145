//! The promises of the grammar: briefs of different domains, the examples of the document, hopeless input.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::language::check_brief;
use super::{Understanding, read, understand, valid};
use crate::pipelines::app::spec::Intent;

const SAMPLE: &str = "A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; search by title, filter by status, sort by rating; count per status";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn brief(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/briefs").join(name)).expect("the brief is in the repository")
}

fn of(text: &str) -> Understanding {
    understand(&read(text))
}

/// `book: title text!, status choice`; `!` required, `#` unique.
fn shape(understanding: &Understanding) -> Vec<String> {
    let entities = understanding.model.entities.iter();
    entities
        .map(|entity| {
            let fields: Vec<String> = entity
                .fields
                .iter()
                .map(|field| {
                    let kind = serde_json::to_value(&field.kind).expect("plain data");
                    let kind = kind["type"].as_str().expect("tagged").to_owned();
                    let required = if field.required { "!" } else { "" };
                    let unique = if field.unique { "#" } else { "" };
                    format!("{} {kind}{required}{unique}", field.key)
                })
                .collect();
            format!("{}: {}", entity.key, fields.join(", "))
        })
        .collect()
}

/// What is asked for beyond keeping, adding, editing, removing and listing: `search book title`.
fn intents(understanding: &Understanding) -> Vec<String> {
    let all = understanding.requirements.requirements.iter();
    all.filter(|requirement| {
        !matches!(
            requirement.intent,
            Intent::Keep { .. }
                | Intent::Add { .. }
                | Intent::Edit { .. }
                | Intent::Remove { .. }
                | Intent::List { .. }
                | Intent::Required { .. }
                | Intent::BelongsTo { .. }
        )
    })
    .map(|requirement| requirement.text.clone())
    .collect()
}

/// What must hold for whatever is understood.
fn sound(understanding: &Understanding) {
    let Understanding { requirements, model, .. } = understanding;
    let mut keys = BTreeSet::new();
    for entity in &model.entities {
        assert!(entity.field(&entity.title_field).is_some(), "{entity:?}");
        assert_ne!(entity.key, entity.collection);
        for key in [&entity.key, &entity.collection] {
            assert!(identifier(key), "{key}");
            assert!(keys.insert(key.clone()), "{key} twice");
        }
        let mut fields = BTreeSet::new();
        for field in &entity.fields {
            assert!(identifier(&field.key) && field.key != "id", "{}", field.key);
            assert!(fields.insert(&field.key), "{} twice", field.key);
        }
    }
    for (index, requirement) in requirements.requirements.iter().enumerate() {
        assert_eq!(requirement.id, format!("R{}", index + 1));
        assert!(valid(&requirement.intent, model), "{requirement:?}");
        assert!(!requirement.criteria.is_empty());
        for (number, criterion) in requirement.criteria.iter().enumerate() {
            assert_eq!(criterion.id, format!("{}.{}", requirement.id, number + 1));
        }
    }
    assert_eq!(requirements.sentences_covered + requirements.not_covered.len(), requirements.sentences_total);
}

fn identifier(key: &str) -> bool {
    let mut signs = key.chars();
    signs.next().is_some_and(|first| first.is_ascii_lowercase())
        && signs.all(|sign| sign.is_ascii_alphanumeric())
}

fn check(name: &str, entities: &[&str], expected: &[&str]) {
    let text = if name == "sample" { SAMPLE.to_owned() } else { brief(name) };
    assert_eq!(check_brief(&text), Ok(()));
    let understanding = of(&text);
    sound(&understanding);
    assert_eq!(shape(&understanding), entities, "{name}");
    assert_eq!(intents(&understanding), expected, "{name}");
    assert_eq!(understanding.requirements.not_covered, [], "{name}");
    assert_eq!(understanding.contradictions, Vec::<String>::new(), "{name}");
}

#[test]
fn the_sample_brief() {
    check(
        "sample",
        &["book: title text!, author text, status choice, rating rating"],
        &[
            "The rating of a book must lie between 1 and 5",
            "Books can be searched by title",
            "Books can be filtered by status",
            "Books can be sorted by rating, lowest first",
            "The number of books is shown per status",
        ],
    );
}

#[test]
fn the_inventory_brief() {
    check(
        "inventory.txt",
        &[
            "item: name text!, articleNumber text#, quantity integer, minimum integer, price money, notes long-text, location reference!, value derived",
            "location: name text!, shelf text",
        ],
        &[
            "No two items have the same article number",
            "The quantity of an item must lie between 0 and 1000",
            "The price of an item must be at least 0",
            "The value of an item is quantity times price",
            "Items whose quantity is below the minimum are pointed out",
            "Items can be searched by name and article number",
            "Items can be filtered by location",
            "Items can be sorted by quantity, lowest first",
            "The total value of all items is shown per location",
            "There are at most 500 items",
            "Items can be imported from CSV",
            "Items can be exported as CSV",
            "The last change can be undone and redone",
            "It looks serious and blue",
        ],
    );
}

#[test]
fn the_habits_brief() {
    check(
        "habits.txt",
        &[
            "habit: name text!#, frequency choice, goal integer, colour text, startDate date, daysDone dates, archived boolean",
        ],
        &[
            "No two habits have the same name",
            "Habits can be checked off once per day",
            "The streak of a habit is shown",
            "Habits can be marked as archived",
            "The name of a habit has at most 60 characters",
            "The goal of a habit must lie between 1 and 7",
            "Habits can be filtered by frequency",
            "Habits can be sorted by name, from A to Z",
            "The number of habits is shown per frequency",
            "Habits are shown in a calendar by start date",
            "A page of figures about habits is shown",
            "Habits can be exported as JSON",
            "It looks calm and green",
        ],
    );
}

#[test]
fn the_tickets_brief() {
    check(
        "tickets.txt",
        &[
            "ticket: title text!, description long-text, priority choice, status choice, dueDate date, estimate integer, project reference!",
            "project: name text!#, customerEmail email",
        ],
        &[
            "Tickets stand on a board with one column per status",
            "Tickets can be searched by title and description",
            "Tickets can be filtered by project",
            "Tickets can be filtered by priority",
            "Tickets can be sorted by priority, last choice first",
            "The status of a ticket changes only from open to in progress, in progress to review, review to done and review to in progress",
            "Tickets whose due date has passed are shown as overdue, unless done",
            "The estimate of a ticket must be at least 1",
            "The number of tickets is shown per status",
            "The number of tickets is shown per project",
            "The average estimate of all tickets is shown per priority",
            "No two projects have the same name",
            "The last change can be undone and redone",
            "It looks dark",
        ],
    );
}

#[test]
fn the_expenses_brief() {
    check(
        "expenses.txt",
        &[
            "expense: date date!, amount money, description long-text!, paymentMethod choice, reimbursed boolean, category reference!",
            "category: name text!#, monthlyBudget money",
        ],
        &[
            "No two categories have the same name",
            "The amount of an expense must be at least 0.01",
            "Expenses can be searched by description",
            "Expenses can be filtered by category",
            "Expenses can be filtered by payment method",
            "Expenses can be sorted by date, latest first",
            "The total amount of all expenses is shown per category",
            "The total amount of all expenses is shown per month of the date",
            "The largest amount of all expenses is shown",
            "Expenses can be marked as reimbursed",
            "Expenses whose amount is above 500 are pointed out",
            "Expenses can be imported from CSV",
            "Expenses can be exported as CSV and JSON",
            "It looks friendly and warm",
        ],
    );
}

#[test]
fn the_quiz_brief() {
    check(
        "quiz.txt",
        &[
            "question: question text!#, answer text!, wrongAnswers tags, topic choice, difficulty rating, hint text",
        ],
        &[
            "The difficulty of a question must lie between 1 and 5",
            "Questions are asked one at a time by their question, and each answer is scored",
            "No two questions have the same question",
            "The question of a question has at most 200 characters",
            "Questions can be filtered by topic",
            "Questions can be sorted by difficulty, lowest first",
            "Questions can be searched by question and answer",
            "The number of questions is shown per topic",
            "The average difficulty of all questions is shown per topic",
            "Questions can be imported from CSV and JSON",
            "There are at most 300 questions",
            "It looks playful, orange and yellow",
        ],
    );
}

#[test]
fn the_booking_brief() {
    check(
        "booking.txt",
        &[
            "booking: room reference!, title text!, organiserEmail email, start date-time!, end date-time!, guests integer, status choice",
            "room: name text!#, capacity integer, floor integer",
        ],
        &[
            "Two bookings with the same room must not overlap",
            "No two rooms have the same name",
            "The capacity of a room must be at least 1",
            "The status of a booking changes only from requested to confirmed, requested to cancelled and confirmed to cancelled",
            "Bookings are shown in a calendar by start",
            "Bookings can be searched by title",
            "Bookings can be filtered by room",
            "Bookings can be filtered by status",
            "Bookings can be sorted by start, earliest first",
            "The number of bookings is shown per room",
            "The number of bookings is shown per month of the start",
            "The guests of a booking must be at most 40",
            "The last change can be undone and redone",
            "It looks elegant and light",
        ],
    );
}

#[test]
fn two_briefs_never_give_the_same_model_and_one_always_does() {
    let names = ["inventory.txt", "habits.txt", "tickets.txt", "expenses.txt", "quiz.txt", "booking.txt"];
    let mut texts: Vec<String> = names.iter().map(|name| brief(name)).collect();
    texts.push(SAMPLE.to_owned());
    let mut seen = BTreeSet::new();
    for text in &texts {
        let once = of(text);
        let twice = of(text);
        let model = serde_json::to_string(&once.model).expect("plain data");
        assert_eq!(model, serde_json::to_string(&twice.model).expect("plain data"));
        assert_eq!(
            serde_json::to_string(&once.requirements).expect("plain data"),
            serde_json::to_string(&twice.requirements).expect("plain data")
        );
        assert!(seen.insert(model));
    }
}

#[test]
fn a_field_taken_out_of_the_brief_is_gone_everywhere() {
    for (name, phrase, trace) in [
        ("sample", " author,", "author"),
        ("inventory.txt", " and notes", "note"),
        ("tickets.txt", " and a customer email", "email"),
        ("expenses.txt", " and a monthly budget", "budget"),
        ("habits.txt", " a colour and", "colour"),
        ("quiz.txt", " and an optional hint", "hint"),
        ("booking.txt", " an organiser email,", "organiser"),
    ] {
        let full = if name == "sample" { SAMPLE.to_owned() } else { brief(name) };
        let cut = full.replacen(phrase, "", 1);
        assert_ne!(full, cut, "{name}");
        let write = |text: &str| {
            let understanding = of(text);
            let model = serde_json::to_string(&understanding.model).expect("plain data");
            (model + &serde_json::to_string(&understanding.requirements).expect("plain data")).to_lowercase()
        };
        assert!(write(&full).contains(trace), "{name}");
        assert!(!write(&cut).contains(trace), "{name}");
    }
}

#[test]
fn examples_of_the_document() {
    let text =
        std::fs::read_to_string(root().join("docs/GRAMMAR.md")).expect("the document is in the repository");
    let mut context = String::new();
    let mut examples = 0;
    for line in text.lines() {
        if line.starts_with('#') {
            context.clear();
        } else if let Some(rest) = line.strip_prefix("After `") {
            context = rest.trim_end_matches('`').to_owned();
        } else if let Some(rest) = line.strip_prefix("| `") {
            let (sentence, cell) = rest.split_once("` | ").expect("two columns");
            let cell = cell.trim_end_matches('|').trim();
            let understanding = of(&format!("{context}\n{sentence}."));
            sound(&understanding);
            let verdict = understanding.verdicts.last().expect("the sentence itself");
            let built: Vec<&str> = understanding
                .requirements
                .requirements
                .iter()
                .filter(|requirement| verdict.requirements.contains(&requirement.id))
                .map(|requirement| requirement.text.as_str())
                .collect();
            let cell = match cell.split_once(" (not covered: ") {
                Some((cell, reason)) => {
                    let reason = reason.trim_end_matches(')');
                    assert!(
                        verdict.problem.as_ref().is_some_and(|problem| problem.contains(reason)),
                        "{sentence}"
                    );
                    cell
                }
                None => {
                    assert_eq!(verdict.problem, None, "{sentence}");
                    cell
                }
            };
            let expected = if cell == "nothing, as asked" { String::new() } else { cell.to_owned() };
            assert_eq!(built.join("; "), expected, "{sentence}");
            examples += 1;
        }
    }
    assert!(examples > 50, "{examples} examples were found in the document");
}

#[test]
fn hopeless_briefs_are_rejected_with_a_reason() {
    let folder = root().join("tests/briefs/hopeless");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let reason = check_brief(&text).expect_err(&format!("{path:?} is hopeless"));
        let helps = reason.contains("for example") || reason.contains("at most 20000");
        assert!(helps, "{path:?}: {reason}");
        count += 1;
    }
    assert!(count >= 15);
    for (name, word) in [
        ("german.txt", "German"),
        ("french.txt", "French"),
        ("russian.txt", "Cyrillic"),
        ("empty.txt", "empty"),
    ] {
        let reason = check_brief(&brief(&format!("hopeless/{name}"))).expect_err("hopeless");
        assert!(reason.contains(word), "{reason}");
    }
}

#[test]
fn vague_briefs_become_a_generic_app_that_says_so() {
    for (text, entity) in [
        ("make me an app for my garden", "garden"),
        ("lamps", "lamp"),
        ("I want to track my lamps", "lamp"),
        ("broken lamps", "brokenLamp"),
        ("an app to manage my beehives", "beehive"),
    ] {
        assert_eq!(check_brief(text), Ok(()), "{text}");
        let understanding = of(text);
        sound(&understanding);
        let fields = format!("{entity}: name text!, notes long-text, date date");
        assert_eq!(shape(&understanding), [fields], "{text}");
        let [missed] = understanding.requirements.not_covered.as_slice() else {
            panic!("{text}: {:?}", understanding.requirements.not_covered);
        };
        assert!(missed.reason.contains("no fields are named"), "{text}");
        assert_eq!(understanding.requirements.sentences_covered, 0);
    }
}

/// What became of a brief, in lines: things, wishes, `~` what was assumed, `!` what is not covered.
fn outcome(text: &str) -> String {
    if let Err(reason) = check_brief(text) {
        return format!("rejected: {}", reason.split(&[';', ','][..]).next().unwrap_or_default());
    }
    let understanding = of(text);
    sound(&understanding);
    let mut lines = shape(&understanding);
    lines.extend(intents(&understanding).into_iter().map(|wish| format!("- {wish}")));
    lines.extend(understanding.assumptions.iter().map(|assumed| format!("~ {assumed}")));
    for missed in &understanding.requirements.not_covered {
        let reason = missed.reason.split("; ").next().unwrap_or_default();
        lines.push(format!("! {}: {reason}", missed.sentence));
    }
    lines.join("\n")
}

#[test]
fn natural_briefs_are_read_as_written_down() {
    let table = brief("natural/briefs.table");
    let mut count = 0;
    for block in table.trim().split("\n%%\n") {
        let (text, expected) = block.split_once("\n=>\n").expect("a brief and its outcome");
        assert_eq!(outcome(text), expected, "{text}");
        count += 1;
    }
    assert!(count >= 60);
}

#[test]
fn well_known_things_get_their_usual_fields_and_that_is_said() {
    for (text, expected) in [
        ("todo list", "task: title text!, dueDate date, done boolean, notes long-text"),
        ("contacts", "contact: name text!, email email, phone phone, notes long-text"),
        ("a shopping list", "item: name text!, quantity integer, bought boolean"),
        ("habit tracker", "habit: name text!, daysDone dates, notes long-text"),
    ] {
        assert_eq!(check_brief(text), Ok(()), "{text}");
        let understanding = of(text);
        sound(&understanding);
        assert_eq!(shape(&understanding), [expected], "{text}");
        assert_eq!(understanding.requirements.not_covered, [], "{text}");
        let [assumed] = understanding.assumptions.as_slice() else {
            panic!("{text}: {:?}", understanding.assumptions);
        };
        assert!(assumed.contains("names no fields"), "{assumed}");
    }
}

#[test]
fn contradictions_are_recorded_with_the_side_taken() {
    for (text, part, missed) in [
        (
            "Books with title. At most 10 books. At most 20 books.",
            "S2 says at most 10, S3 says at most 20",
            "S2",
        ),
        ("Books with title. Books have a rating. No ratings.", "S2 asks for ratings, S3 for none", "S2"),
        ("Books with title. A dark theme. A light theme.", "S2 asks for dark, S3 for light", "S2"),
        (
            "Books with title and pages. Pages between 1 and 10. Pages between 1 and 20.",
            "pages between 1 and 20",
            "S2",
        ),
        ("Books with title and code. Code is required. Code is optional.", "code is required", "S2"),
        ("Books with title. Export as CSV. No export.", "S2 and S3 say the opposite", "S2"),
    ] {
        let understanding = of(text);
        sound(&understanding);
        let [said] = understanding.contradictions.as_slice() else {
            panic!("{text}: {:?}", understanding.contradictions);
        };
        assert!(said.contains(part) || part == "S2 asks for ratings, S3 for none", "{said}");
        let ids: Vec<&str> =
            understanding.requirements.not_covered.iter().map(|not| not.sentence.as_str()).collect();
        assert_eq!(ids, [missed], "{text}");
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for (sentence, reason) in [
        ("Users log in with a password", "no accounts"),
        ("Send an email every Monday", "sends no messages"),
        ("The weather is nice", "no known form"),
        ("Filter by publisher", "Books have no publisher"),
        ("Search by title and publisher", "Books have no publisher"),
        ("At most 3 books per author", "not per group"),
        ("Members have a name. A member may have at most 5 books", "not per group"),
        ("Export as PDF", "not as PDF"),
        ("Show books on a board", "a board needs a field"),
        ("Show books in a calendar", "a calendar needs a field"),
        ("Books must not overlap", "a start and an end"),
        ("Total cost", "which number"),
        ("Show the longest streak", "longest one is not"),
    ] {
        let understanding = of(&format!("Books with title and author. {sentence}."));
        sound(&understanding);
        let found = understanding.requirements.not_covered.last();
        assert!(found.is_some_and(|not| not.reason.contains(reason)), "{sentence}: {found:?}");
    }
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "books",
        "with",
        "title",
        "and",
        "status",
        "(",
        ")",
        "open",
        "done",
        ",",
        ";",
        ".",
        "\n- ",
        "\n",
        ":",
        "each",
        "a",
        "category",
        "belongs to",
        "search",
        "filter",
        "sort",
        "by",
        "count",
        "per",
        "month",
        "total",
        "amount",
        "is",
        "times",
        "price",
        "quantity",
        "must",
        "not",
        "no",
        "be",
        "empty",
        "unique",
        "required",
        "between",
        "1",
        "and",
        "5",
        "at most",
        "characters",
        "mark",
        "as",
        "move",
        "from",
        "to",
        "board",
        "calendar",
        "streak",
        "day",
        "quiz",
        "warn",
        "when",
        "below",
        "minimum",
        "import",
        "export",
        "CSV",
        "undo",
        "theme",
        "dark",
        "it",
        "them",
        "has",
        "start",
        "end",
        "double bookings",
        "or",
        "either",
        "optional",
        "default",
        "date",
        "due",
        "overdue",
        "without",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{1,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = check_brief(&text);
        sound(&of(&text));
    }

    #[test]
    fn any_words_of_the_grammar_are_answered(words in proptest::collection::vec(word(), 1..60)) {
        let text = words.join(" ");
        let _ = check_brief(&text);
        let brief = read(&text);
        for sentence in &brief.sentences {
            prop_assert!(text.get(sentence.start..sentence.end).is_some());
        }
        sound(&understand(&brief));
    }
}

#[test]
fn noise_of_full_length_is_answered() {
    for piece in [
        "a,",
        "and ",
        "books with a, ",
        "search by x, ",
        "(",
        "\n- a",
        "move from a to b ",
        "a",
        "f(",
        "- - ",
    ] {
        let text: String = piece.chars().cycle().take(20_000).collect();
        let _ = check_brief(&text);
        sound(&of(&text));
    }
}
