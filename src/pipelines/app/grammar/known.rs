//! A small vocabulary of well-known things: what a record of them holds when the brief names the thing alone.

use super::kinds::plain;

/// A well-known thing.
#[derive(Debug)]
pub(super) struct Known {
    /// Names it goes by, in the singular; the last words of a longer name decide.
    names: &'static [&'static str],
    /// Its fields, in the words of a brief.
    pub(super) fields: &'static str,
    /// Sentences that go without saying.
    pub(super) wishes: &'static [&'static str],
}

const fn known(names: &'static [&'static str], fields: &'static str) -> Known {
    Known { names, fields, wishes: &[] }
}

const KNOWN: &[Known] = &[
    Known {
        names: &["task", "to-do", "chore", "errand"],
        fields: "title, due date, done, notes",
        wishes: &["mark a task as done"],
    },
    Known {
        names: &["habit"],
        fields: "name, days done, notes",
        wishes: &["check off a habit each day", "show the streak"],
    },
    known(&["contact", "customer", "client", "supplier", "volunteer"], "name, email, phone, notes"),
    known(&["employee", "member", "colleague"], "name, role, email, phone"),
    known(&["person", "friend"], "name, birthday, email, phone"),
    known(&["student", "pupil"], "name, email, notes"),
    known(&["grade"], "student, subject, grade (number), date"),
    known(&["library book"], "title, author, due date, returned"),
    known(&["board task"], "title, status (to do, in progress, done), due date, notes"),
    known(&["book"], "title, author, status (to read, reading, read), rating 1 to 5"),
    known(&["movie", "film"], "title, year, watched, rating 1 to 5"),
    known(&["recipe"], "title, ingredients, cooking time, instructions"),
    known(&["plant", "houseplant"], "name, location, last watered, notes"),
    known(&["expense"], "description (text), amount, date, category"),
    known(&["invoice"], "invoice number, amount, due date, paid"),
    known(&["bill"], "name, amount, due date, paid"),
    known(&["subscription"], "name, monthly cost, renewal date, notes"),
    known(&["order"], "customer, item, date, paid"),
    known(&["note"], "title, text, date"),
    known(&["event", "appointment", "meeting"], "title, date, location, notes"),
    known(&["booking", "reservation"], "name, date, time, notes"),
    known(&["shift"], "name, date, start time, end time"),
    known(&["lesson"], "subject, day (text), start time, room"),
    known(&["bug", "issue", "ticket"], "title, description, status (open, in progress, done), priority"),
    known(&["project"], "name, description, status (planned, active, done), due date"),
    known(&["job application"], "company, role, date applied, status (applied, interview, offer, rejected)"),
    known(&["workout", "exercise"], "exercise, date, sets, reps, weight"),
    known(&["run", "ride"], "date, distance, duration"),
    known(&["meal"], "name, date, calories, notes"),
    known(&["water intake", "water"], "date, glasses (number)"),
    known(&["medication", "medicine"], "name, dose, time of day, notes"),
    known(&["guest"], "name, email, plus-one, notes"),
    known(&["gift", "gift idea", "present"], "name, person, price, bought"),
    known(&["shopping item", "grocery", "groceries"], "name, quantity, bought"),
    known(&["packing item"], "name, quantity, packed"),
    known(&["inventory item", "stock item", "tool", "product", "part"], "name, quantity, location, notes"),
    known(&["album", "song", "record", "vinyl"], "title, artist, year, genre"),
    known(&["board game", "game"], "title, minimum players, maximum players, playing time"),
    known(&["wine", "beer", "coffee"], "name, region, year, rating 1 to 5"),
    known(&["trip"], "destination, start date, end date, notes"),
    known(&["pet", "animal"], "name, species, birthday, notes"),
    known(&["car"], "make, model, year, mileage"),
    known(&["bird"], "species, place, date, notes"),
    known(&["goal"], "title, deadline, done, notes"),
    known(&["flashcard"], "question, answer"),
    known(&["diary entry"], "title, date, text"),
];

/// What is known of the thing with this name.
pub(super) fn known_thing(name: &str) -> Option<&'static Known> {
    let name = plain(name);
    let words: Vec<&str> = name.split(' ').collect();
    (0..words.len()).find_map(|from| {
        let tail = words[from..].join(" ");
        KNOWN.iter().find(|known| known.names.iter().any(|name| plain(name) == tail))
    })
}

/// What a list, a tracker or a plan of this kind consists of: a reading list of books, a watchlist of movies.
pub(super) fn members_of(kind: &str) -> Option<&'static str> {
    const MEMBERS: &[(&[&str], &str)] = &[
        (&["to do", "to-do", "todo", "kanban", "kanban board", "task board"], "task"),
        (&["shopping", "grocery", "groceries"], "item"),
        (&["packing"], "item"),
        (&["inventory", "stock"], "item"),
        (&["watchlist", "watch", "movie watchlist", "film watchlist"], "movie"),
        (&["reading", "bookshelf"], "book"),
        (&["crm"], "client"),
        (&["budget", "spending"], "expense"),
        (&["vocabulary"], "flashcard"),
        (&["diary", "journal"], "diary entry"),
        (&["timetable", "school timetable"], "lesson"),
        (&["wish"], "wish"),
        (&["bucket"], "goal"),
        (&["training", "gym", "fitness"], "workout"),
        (&["running"], "run"),
        (&["birthday"], "person"),
        (&["calendar", "agenda"], "event"),
    ];
    let kind = kind.to_lowercase();
    MEMBERS.iter().find(|(names, _)| names.contains(&kind.as_str())).map(|(_, member)| *member)
}

/// The well-known thing that items of such a list are: those of a shopping list are bought, of a packing list packed.
pub(super) fn item_of(kind: &str) -> Option<&'static Known> {
    let low = format!(" {} ", kind.to_lowercase());
    let thing = [
        ("shopping", "shopping item"),
        ("grocer", "shopping item"),
        ("packing", "packing item"),
        ("inventory", "inventory item"),
        ("stock", "stock item"),
    ];
    thing.iter().find(|(word, _)| low.contains(word)).and_then(|(_, name)| known_thing(name))
}

/// Names of fields that follow each other without commas: `name location`.
pub(super) const FIELD_NOUNS: &[&str] = &[
    "location", "place", "city", "country", "address", "author", "artist", "brand", "colour", "color",
    "category", "type", "status", "priority", "room", "species", "role", "company", "team", "genre",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::app::grammar::fields;

    #[test]
    fn every_known_thing_has_fields_that_are_read() {
        for known in KNOWN {
            let plain = crate::pipelines::app::grammar::text::normalise(known.fields);
            let (items, unread) = fields::read(&plain);
            assert!(items.len() >= 2 && unread.is_empty(), "{:?}", known.names);
        }
    }

    #[test]
    fn the_last_words_decide() {
        for (name, first) in [
            ("overdue library books", Some("title")),
            ("job applications", Some("company")),
            ("lamps", None),
            ("board games", Some("title")),
        ] {
            let found = known_thing(name).map(|known| known.fields.split(',').next().unwrap_or_default());
            assert_eq!(found, first, "{name}");
        }
    }
}
