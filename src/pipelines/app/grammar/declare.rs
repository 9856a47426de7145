//! Clauses that say what is kept: `books with title and author`, `each expense belongs to a category`,
//! `status is open, in progress or done`, `total is quantity times price`.

use super::draft::{Clause, Draft, field_named, formula, singles};
use super::fields::{self, strip};
use super::frame::framed;
use super::kinds::{choice, plain};
use super::known::known_thing;
use super::pattern;
use super::vocabulary::{BEYOND, CHOICE_LIKE, COLOURS, MOODS};
use super::words::{is_plural, singular};
use crate::pipelines::app::spec::{FieldKind, Formula};

/// Words that no name of an entity holds.
pub(super) const NO_NAME: &[&str] = &[
    "by",
    "per",
    "with",
    "can",
    "sort",
    "search",
    "filter",
    "theme",
    "look",
    "app",
    "page",
    "view",
    "button",
    "design",
    "of",
    "to",
    "for",
    "in",
    "on",
    "from",
    "that",
    "which",
    "is",
    "are",
    "be",
    "should",
    "must",
    "may",
    "not",
    "no",
    "it",
    "they",
    "them",
    "this",
    "these",
    "those",
    "there",
    "who",
    "what",
    "how",
    "when",
    "if",
    "while",
    "than",
    "and",
    "or",
    "up",
    "out",
    "at",
    "as",
    "show",
    "display",
    "mark",
    "delete",
    "remove",
    "edit",
    "count",
    "total",
    "average",
    "i",
    "you",
    "we",
    "users",
    "people's",
    "want",
    "need",
    "like",
    "would",
    "please",
    "application",
    "screen",
    "mode",
    "style",
    "colour",
    "color",
    "colours",
    "colors",
    "least",
    "most",
    "more",
    "less",
    "also",
    "only",
    "do",
    "does",
    "have",
    "has",
    "data",
    "information",
    "warn",
    "export",
    "import",
    "undo",
    "statistics",
    "streak",
    "quickly",
    "easily",
    "never",
    "always",
    "fields",
    "field",
    "following",
    "file",
    "files",
    "nothing",
    "something",
    "anything",
    "everything",
    "me",
    "us",
    "my",
    "our",
    "their",
    "its",
    "value",
    "values",
    "each",
    "every",
    "total",
    "sum",
    ":",
    ",",
    "(",
    ")",
    "/",
    "system",
    "board",
    "kanban",
    "calendar",
    "column",
    "columns",
    "dashboard",
    "chart",
    "charts",
    "tab",
    "menu",
    "website",
    "tool",
    "program",
    "overlap",
    "will",
    "going",
    "able",
    "change",
];

/// The part that names an entity, checked.
fn entity_name(text: &str) -> Option<String> {
    let mut text = strip(text).trim();
    loop {
        let low = text.to_lowercase();
        let lead = [
            "each ",
            "every ",
            "all ",
            "new ",
            "single ",
            "several ",
            "many ",
            "different ",
            "list of ",
            "various ",
        ]
        .iter()
        .find(|lead| low.starts_with(**lead));
        match lead {
            Some(lead) => text = strip(text[lead.len()..].trim()),
            None => break,
        }
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let board_games = words.len() > 1 && words.last().is_some_and(|last| last != "board");
    let good = (1..=3).contains(&words.len())
        && words.iter().all(|word| {
            (!NO_NAME.contains(&word.as_str()) || (word == "board" && board_games))
                && word.chars().any(char::is_alphabetic)
        })
        && words.iter().all(|word| !word.starts_with(|sign: char| sign.is_ascii_digit()));
    let mood = words
        .iter()
        .take(words.len().saturating_sub(1))
        .any(|word| MOODS.contains(&word.as_str()) && word != "light");
    let alone =
        words.len() == 1 && (MOODS.contains(&words[0].as_str()) || COLOURS.contains(&words[0].as_str()));
    (good && !mood && !alone).then(|| text.to_owned())
}

/// Reads the clause as a declaration. True when it is one.
pub(super) fn declare(clause: &Clause, draft: &mut Draft, last: Option<&str>) -> bool {
    framed_thing(clause, draft)
        || belongs(clause, draft)
        || for_each(clause, draft)
        || fields_of(clause, draft)
        || with_fields(clause, draft, last)
        || colon(clause, draft)
        || parenthesis(clause, draft)
        || rate(clause, draft)
        || keep_only(clause, draft)
}

/// `a guest list for a wedding with name, plus-one and dietary needs`: a thing in a frame, with its fields.
fn framed_thing(clause: &Clause, draft: &mut Draft) -> bool {
    let Some(found) = framed(&clause.plain) else {
        return false;
    };
    let Some(list) = found.list else {
        return false;
    };
    let several: Vec<&str> = found.name.split(" and ").collect();
    let rule = pattern!(
        r"(?i)^(?:at most|up to|no more than|not more than|at least|exactly|only|a maximum|maximum|\d)"
    );
    if rule.is_match(&list) {
        // The thing is named, what follows is a rule about it.
        for name in several {
            entity_name(name).and_then(|name| draft.ensure_entity(&name, clause.index));
        }
        return false;
    }
    let mut done = false;
    for name in several {
        if let Some(name) = entity_name(name) {
            done |= add(draft, &name, &list, clause);
        }
    }
    if let Some(rest) = found.rest.filter(|_| done) {
        draft.refused.push((clause.index, format!("partly: `{rest}` is not understood")));
    }
    done
}

/// True when the clause is nothing but names of fields: `exercise, sets, weight`.
pub(super) fn bare_list(clause: &Clause) -> bool {
    let verbs = pattern!(
        r" (?:add|edit|delete|remove|search|filter|sort|list|show|count|mark|export|import|create|can|should|must|has|have|are|belongs?|undo|theme|warn|each|every|keep|track) "
    );
    let outside = pattern!(r"\([^)]*\)").replace_all(&clause.low, " ").into_owned();
    let (items, unread) = fields::read(&clause.plain);
    items.len() > 1 && unread.is_empty() && !verbs.is_match(&outside)
}

pub(super) fn add(draft: &mut Draft, name: &str, list: &str, clause: &Clause) -> bool {
    let list = pattern!(
        r"(?i)^(?:the |these |following |fields?|attributes|properties|details|information|:|,| )*(?:: ?)"
    )
    .replace(list, "");
    let list =
        pattern!(r"(?i)^the following (?:fields|details|information)?\s*").replace(&list, "").into_owned();
    let (mut items, unread) = fields::read(&list);
    if items.is_empty() {
        return false;
    }
    // The steps of a recipe are told, those of a walk are counted.
    if items.iter().any(|item| plain(&item.name) == "ingredient") {
        for item in items.iter_mut().filter(|item| item.name.eq_ignore_ascii_case("steps")) {
            item.kind = FieldKind::LongText { max_length: None };
            item.told = true;
        }
    }
    if owned_things(draft, name, &items, clause) {
        return true;
    }
    let Some(key) = draft.ensure_entity(name, clause.index) else {
        return false;
    };
    for words in unread {
        // Steps inside a list are read when all fields are known.
        if !pattern!(r"(?i) (?:moves?|goes|changes?|go) from ").is_match(&words) {
            let short: String = words.chars().take(80).collect();
            draft.refused.push((clause.index, format!("`{short}` is not understood as a field")));
        }
    }
    draft.add_items(&key, &items, clause.index);
    true
}

/// `clients with invoices`: well-known things that belong to the first.
fn owned_things(draft: &mut Draft, name: &str, items: &[fields::Item], clause: &Clause) -> bool {
    let Some(owner) = known_thing(name) else {
        return false;
    };
    let owned = |item: &fields::Item| {
        let last = item.name.rsplit(' ').next().unwrap_or_default().to_lowercase();
        is_plural(&last)
            && !item.told
            && known_thing(&item.name).is_some()
            && matches!(item.kind, FieldKind::Text { .. })
    };
    if !items.iter().all(owned) || !draft.entities.is_empty() {
        return false;
    }
    let Some(key) = draft.ensure_entity(name, clause.index) else {
        return false;
    };
    draft.assume_known(&key, owner, clause.index);
    for item in items {
        if let Some(known) = known_thing(&item.name)
            && let Some(other) = draft.ensure_entity(&item.name, clause.index)
        {
            draft.assume_known(&other, known, clause.index);
            relate(draft, &item.name, name, clause, true);
        }
    }
    true
}

/// `For each book I want to store the title and the author`.
fn for_each(clause: &Clause, draft: &mut Draft) -> bool {
    let found = pattern!(
        r"(?i)^(?:for|of|about) (?:each|every|an?|all|the) (?P<name>\S+(?: \S+){0,2}?) ?,? (?:(?:i|we|you|users?|the app|it) )?(?:(?:can|want to|would like to|should|must|need to|have to) )?(?:store|keep|record|note|save|enter|track|log|remember|know|see|need|there (?:is|are)|have|it has)(?: down| track of)? (?P<list>.+)$"
    )
    .captures(&clause.plain);
    match found {
        Some(found) => match entity_name(&found["name"]) {
            Some(name) => add(draft, &name, &found["list"], clause),
            None => false,
        },
        None => false,
    }
}

/// `Fields of a book: title, author`, `the title and author of each book`.
fn fields_of(clause: &Clause, draft: &mut Draft) -> bool {
    let first = pattern!(
        r"(?i)^(?:the )?(?:fields|attributes|properties|details|columns) (?:of|for) (?P<name>(?:each |every |an? |the |all )?\S+(?: \S+){0,2}?) ?(?::|are|is) (?P<list>.+)$"
    )
    .captures(&clause.plain);
    let second = pattern!(
        r"(?i)^(?:keep|store|record|note|save|track|enter|log) (?P<list>(?:the |its |their )?.{1,200}?) (?:of|for) (?:each|every) (?P<name>\S+(?: \S+){0,2})$"
    )
    .captures(&clause.plain);
    first.or(second).is_some_and(|found| {
        entity_name(&found["name"]).is_some_and(|name| add(draft, &name, &found["list"], clause))
    })
}

/// `A book has …`, `books with …`, `keep books with …`, `it also has …`.
fn with_fields(clause: &Clause, draft: &mut Draft, last: Option<&str>) -> bool {
    let Some(found) = pattern!(
        r"(?i)^(?:(?:keep|track|manage|store|record|collect|save|log|remember|organi[sz]e|plan|enter|register|catalogue|catalog|maintain|hold|note|write down|add|create|there are|there is|have)(?: track of)? (?:an? (?:list|record|log|collection|catalogue|register|overview) of )?)?(?P<name>\S+(?: \S+){0,3}?) (?P<verb>with|has|have|having|consists? of|consisting of|contains?|containing|includes?|including|comes? with|is made (?:up )?of|are made (?:up )?of|is described by|are described by|stores?|records?|needs?|must have|should have|can have|may have|also has|also have|can also have|may also have|must also have|holds?|by) ?:? (?P<list>.+)$"
    )
    .captures(&clause.plain) else {
        return false;
    };
    let verb = found["verb"].to_lowercase();
    let list = &found["list"];
    let low = list.to_lowercase();
    let keeps = pattern!(r"(?i)^(?:keep|track|manage|store|record|collect|log|register|organi[sz]e|catalog)")
        .is_match(&clause.plain);
    if verb == "by" && !keeps {
        return false;
    }
    // `has to`, `has been`, `needs no`: other sentences; `tickets with high priority are shown first`: a rule.
    if ["to ", "been ", "no "].iter().any(|word| low.starts_with(word)) && !low.contains(" , ") {
        return false;
    }
    // `a member may have at most 5 loans` is a rule.
    if pattern!(
        r"^(?:at most|up to|no more than|not more than|at least|exactly|only|a maximum|maximum|minimum|\d)"
    )
    .is_match(&low)
    {
        return false;
    }
    let outside = pattern!(r"\([^)]*\)").replace_all(&low, " ").into_owned();
    let sentence = pattern!(r"(?:^| )(?:are|should|must|can|cannot|is)(?: |$)");
    let relative = pattern!(
        r"(?:that|which|who) (?:is|are|can be|must be|may be|should be)|\b(?:is|are|can be) (?:either|one of)|whether (?:it|they) (?:is|are)"
    );
    if sentence.is_match(&relative.replace_all(&outside, " ")) {
        return false;
    }
    let pronoun = ["it", "they", "this", "these"].contains(&found["name"].to_lowercase().as_str());
    if pronoun {
        let label = last.and_then(|key| draft.entity(key)).map(|entity| entity.label.clone());
        return label.is_some_and(|name| add(draft, &name, list, clause));
    }
    let Some(name) = entity_name(&found["name"]) else {
        return false;
    };
    // `sync with my phone` is no list of syncs.
    let article = pattern!(r"(?i)^(?:an?|the|each|every|all|my|our|any) ").is_match(&found["name"]);
    let noun = name.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let several = outside.contains(" , ") || outside.contains(" and ");
    if verb == "with" && !(article || keeps || several || is_plural(&noun)) {
        return false;
    }
    // `has many tasks`, `has several members`.
    let many = pattern!(
        r"^(?:many|several|multiple|any number of|0 or more|one or more|a list of) (?P<other>\S+(?: \S+)?)$"
    );
    if let Some(other) = many.captures(&low)
        && let Some(other) = entity_name(&other["other"])
        && (draft.entities.iter().any(|entity| plain(&entity.label) == plain(&other)))
    {
        return relate(draft, &other, &name, clause, true);
    }
    let rule = matches!(verb.as_str(), "must have" | "needs" | "need");
    if !add(draft, &name, list, clause) {
        return false;
    }
    if rule {
        let items = fields::parse(list);
        let wanted = plain(&name);
        let key = draft
            .entities
            .iter()
            .find(|entity| plain(&entity.label) == wanted)
            .map(|entity| entity.key.clone());
        if let Some(key) = key {
            for item in items.iter().filter(|item| !item.removed && !item.optional) {
                if let Some(field) =
                    draft.entity(&key).and_then(|entity| field_named(entity, &plain(&item.name)))
                {
                    if let Some(found) = draft.field_mut(&key, &field) {
                        found.required = true;
                    }
                    draft.because(format!("required {key}.{field}"), clause.index);
                }
            }
        }
    }
    true
}

/// `Book: title, author`, when `Book` is no field.
fn colon(clause: &Clause, draft: &mut Draft) -> bool {
    let Some(found) =
        pattern!(r"^(?P<name>\S+(?: \S+){0,2}?)(?: [Ff]ields)? : (?P<list>.+)$").captures(&clause.plain)
    else {
        return false;
    };
    let Some(name) = entity_name(&found["name"]) else {
        return false;
    };
    let wanted = plain(&name);
    let field = draft.entities.iter().any(|entity| field_named(entity, &wanted).is_some());
    let known = draft.entities.iter().any(|entity| plain(&entity.label) == wanted);
    let several = found["list"].contains(',') || found["list"].to_lowercase().contains(" and ");
    let generic =
        ["view", "rule", "feature", "extra", "action", "note", "rating", "list", "search", "option", "goal"];
    if field
        || CHOICE_LIKE.contains(&wanted.as_str())
        || generic.contains(&wanted.as_str())
        || !(several || known)
    {
        return false;
    }
    let verbs = pattern!(
        r"(?i)^(?:add|edit|delete|remove|search|filter|sort|list|show|count|mark|export|import|create) "
    );
    if verbs.is_match(&format!("{} ", &found["list"])) {
        return false;
    }
    add(draft, &name, &found["list"], clause)
}

/// `Books (title, author, status)`.
fn parenthesis(clause: &Clause, draft: &mut Draft) -> bool {
    let found = pattern!(
        r"(?i)^(?:(?:keep|track|manage|store|record|collect|save|log|organi[sz]e)(?: track of)? )?(?P<name>\S+(?: \S+){0,2}?) \( (?P<list>.+) \)$"
    )
    .captures(&clause.plain);
    found.is_some_and(|found| {
        let list = found["list"].to_owned();
        let name = entity_name(&found["name"]);
        let several = list.contains(" , ") && !list.contains(" ) ");
        let field = name.as_ref().is_some_and(|name| CHOICE_LIKE.contains(&plain(name).as_str()));
        several && !field && name.is_some_and(|name| add(draft, &name, &list, clause))
    })
}

/// `rate a book from 1 to 5`: a rating is kept.
pub(super) fn rate(clause: &Clause, draft: &mut Draft) -> bool {
    let found = pattern!(
        r"(?i)^(?:give (?:a )?rating to|rate) (?:an?|each|every|the|all|my)?(?: (?P<name>[\w-]+(?: [\w-]+)?))?? ?(?P<range>(?:from |between |with )?\d+ (?:to|and) \d+(?: stars?)?|with stars|)$"
    )
    .captures(&clause.plain);
    let Some(found) = found else {
        return false;
    };
    let known =
        found.name("name").and_then(|name| draft.entities_in(&singles(name.as_str())).into_iter().next());
    let Some(key) = known.or_else(|| draft.entities.first().map(|entity| entity.key.clone())) else {
        return false;
    };
    let range = found["range"].replace("with stars", "");
    let items = fields::parse(&format!("rating {range}"));
    draft.add_items(&key, &items, clause.index);
    true
}

/// `Keep track of my houseplants`: a thing without fields.
fn keep_only(clause: &Clause, draft: &mut Draft) -> bool {
    let found = pattern!(
        r"(?i)^(?:keep track of|keep a (?:list|record|log|diary) of|keep|track|manage|store|record|collect|log|remember|organi[sz]e|plan|catalogue|catalog|a list of|list of|my|our|an? (?:app|tool|list|tracker|log|planner|program|application|database) (?:for|to (?:keep track of|keep|track|manage|organi[sz]e|store|plan|log))) (?P<name>\S+(?: \S+){0,2}?)(?: (?:at|in|of|for|from) (?:my|our|the|a) \S+(?: \S+)?)?$"
    )
    .captures(&clause.plain);
    found.is_some_and(|found| {
        entity_name(&found["name"]).is_some_and(|name| {
            let last = name.rsplit(' ').next().unwrap_or_default().to_lowercase();
            let plural = is_plural(&last) || singular(&last) != last;
            plural && draft.ensure_entity(&name, clause.index).is_some()
        })
    })
}

/// `Each expense belongs to a category`.
fn belongs(clause: &Clause, draft: &mut Draft) -> bool {
    let found = pattern!(
        r"(?i)^(?P<one>\S+(?: \S+){0,3}?) (?:must |should |can |may |always |has to |have to |to )*(?P<verb>belongs? to|is assigned to|are assigned to|be assigned to|is linked to|are linked to|is filed under|are filed under|is part of|are part of|is in|are in|is made by|is made for|is for|are for|is done by|is owned by|refers? to|has exactly one|has (?:just |only )?one|have exactly one|is placed by|is written by) (?P<count>exactly one |just one |only one |one |an? |the |its |their )?(?P<two>\S+(?: \S+)??)(?P<rest>(?:(?: ,)? and (?:to |of )?(?:exactly one |one |an? |the |its )\S+(?: \S+)?)*)$"
    )
    .captures(&clause.plain);
    let Some(found) = found else {
        return false;
    };
    if found.name("count").is_none() {
        return false;
    }
    let (Some(one), Some(two)) = (entity_name(&found["one"]), entity_name(&found["two"])) else {
        return false;
    };
    let verb = found["verb"].to_lowercase();
    let known = |name: &str| {
        let wanted = plain(name);
        draft.entities.iter().any(|entity| plain(&entity.label) == wanted)
    };
    // `the status is in a column` is no relation; only `belongs to` may bring a kind of things in.
    let strong = verb.starts_with("belong") || verb.contains("assigned") || verb.contains("part of");
    let both = known(&one) && known(&two);
    if !(strong || both) {
        return false;
    }
    let optional = clause.low.contains(" can ") || clause.low.contains(" may ");
    let mut done = relate(draft, &one, &two, clause, !optional);
    // `belongs to a member and to a book`.
    for more in pattern!(r"(?i)(?: ,)? and (?:to |of )?").split(&found["rest"]) {
        if let Some(other) = entity_name(more).filter(|_| !more.trim().is_empty()) {
            done |= relate(draft, &one, &other, clause, !optional);
        }
    }
    done
}

/// Makes `one` belong to `two`.
fn relate(draft: &mut Draft, one: &str, two: &str, clause: &Clause, required: bool) -> bool {
    let Some(from) = draft.ensure_entity(one, clause.index) else {
        return false;
    };
    // A field that is a fixed list of values stays one; belonging then means that it must be filled.
    let fixed = draft.entity(&from).and_then(|entity| {
        let key = field_named(entity, &plain(two))?;
        matches!(entity.field(&key)?.kind, FieldKind::Choice { .. })
            .then_some(key.clone())
            .filter(|_| draft.told.contains(&(from.clone(), key)))
    });
    if let Some(field) = fixed {
        if let Some(found) = draft.field_mut(&from, &field) {
            found.required = true;
        }
        draft.because(format!("required {from}.{field}"), clause.index);
        return true;
    }
    let Some(to) = draft.ensure_entity(two, clause.index) else {
        return false;
    };
    // The other kind is declared by its own sentence, if it has one.
    let name = draft.entity(&to).map_or_else(|| two.to_owned(), |entity| entity.label.to_lowercase());
    let Some(field) =
        draft.ensure_field(&from, &name, Some(FieldKind::Reference { target: to.clone() }), clause.index)
    else {
        return false;
    };
    if let Some(found) = draft.field_mut(&from, &field) {
        found.kind = FieldKind::Reference { target: to };
        found.required |= required;
    }
    draft.told.push((from.clone(), field.clone()));
    draft.because(format!("belongs {from}.{field}"), clause.index);
    if required {
        draft.because(format!("required {from}.{field}"), clause.index);
    }
    true
}

/// `Status is open, in progress or done`: the values of a field that exists, or that is usual.
pub(super) fn values(clause: &Clause, draft: &mut Draft, last: Option<&str>) -> bool {
    let found = pattern!(
        r"(?i)^(?:possible |allowed |the |its |their |an? |each |every )*(?P<name>\S+(?: \S+)?)(?: of (?:an?|the|each|every) \S+)? (?:is either|are either|is one of|are|is|can be either|can be|may be|must be one of|has the values|:|takes the values)(?: :| either| one of| the following :| one of :)? (?P<list>.+)$"
    )
    .captures(&clause.plain);
    let Some(found) = found else {
        return false;
    };
    let name = plain(strip(&found["name"]));
    let list = found["list"].replace(" or ", " , ").replace(" and ", " , ").replace(" / ", " , ");
    let values: Vec<String> = list
        .split(" , ")
        .map(|value| strip(value.trim().trim_matches(',')).trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect();
    let wordy = values.iter().any(|value| {
        value.split(' ').count() > 3
            || [
                "required",
                "unique",
                "optional",
                "mandatory",
                "empty",
                "between",
                "times",
                "plus",
                "minus",
                "sorted",
            ]
            .iter()
            .any(|word| value.to_lowercase().split(' ').any(|part| part == *word))
    });
    let status = found["list"].to_lowercase();
    let either = status.contains(" or ") || found["list"].contains(',');
    if values.len() < 2 || wordy || !either {
        return false;
    }
    let order = entity_order(draft, &clause.words, last);
    let mut target = None;
    for key in &order {
        if let Some(field) = draft.entity(key).and_then(|entity| field_named(entity, &name)) {
            target = Some((key.clone(), field));
            break;
        }
    }
    if target.is_none()
        && CHOICE_LIKE.contains(&name.as_str())
        && let Some(key) = order.first().cloned()
    {
        target = draft.ensure_field(&key, &name, None, clause.index).map(|field| (key, field));
    }
    let Some((entity, field)) = target else {
        return false;
    };
    let free = draft
        .entity(&entity)
        .and_then(|found| found.field(&field))
        .is_some_and(|found| matches!(found.kind, FieldKind::Text { .. } | FieldKind::Choice { .. }));
    if !free {
        return false;
    }
    if let Some(found) = draft.field_mut(&entity, &field) {
        found.kind = choice(&values);
    }
    draft.told.push((entity.clone(), field.clone()));
    draft.because(format!("field {entity}.{field}"), clause.index);
    true
}

/// `Total is quantity times price`.
pub(super) fn derived(clause: &Clause, draft: &mut Draft, last: Option<&str>) -> bool {
    let found = pattern!(
        r"(?i)^(?:the |its |an? )?(?P<name>\S+(?: \S+){0,2}?)(?: of (?:an?|the|each|every) \S+(?: \S+)?)? (?:is|are|equals|is computed (?:as|from|by)|is calculated (?:as|from|by)|is worked out as|must be|being)(?: the)? (?P<formula>.+)$"
    )
    .captures(&clause.plain);
    let compute = pattern!(r"(?i)^(?:compute|calculate|show|derive) (?:the |its )?(?P<name>\S+(?: \S+)?) (?:as|from|which is) (?:the )?(?P<formula>.+)$")
        .captures(&clause.plain);
    let Some(found) = found.or(compute) else {
        return false;
    };
    if formula(&found["formula"]).is_none() {
        return false;
    }
    let mut name = strip(&found["name"]).to_owned();
    let order = entity_order(draft, &clause.words, last);
    // `the item total` is the field `total` of `item`.
    if let Some((first, rest)) = name.clone().split_once(' ')
        && draft.entities.iter().any(|entity| plain(&entity.label) == plain(first))
    {
        name = rest.to_owned();
    }
    let operands = formula(&found["formula"]);
    let home = order.iter().find(|key| {
        draft.entity(key).is_some_and(|entity| {
            operands.as_ref().is_some_and(|(_, a, b)| {
                field_named(entity, &plain(a)).is_some() || field_named(entity, &plain(b)).is_some()
            })
        })
    });
    let Some(entity) = home.or(order.first()).cloned() else {
        return false;
    };
    let Some(field) = draft.ensure_field(&entity, &name, None, clause.index) else {
        return false;
    };
    draft.formulas.push((entity, field, found["formula"].to_owned(), clause.index));
    true
}

/// Entities to try for a clause: those it names, the one spoken of last, then the others in order.
pub(super) fn entity_order(draft: &Draft, words: &[String], last: Option<&str>) -> Vec<String> {
    let mut order = draft.entities_in(words);
    for key in
        last.into_iter().map(str::to_owned).chain(draft.entities.iter().map(|entity| entity.key.clone()))
    {
        if !order.contains(&key) && draft.entity(&key).is_some() {
            order.push(key);
        }
    }
    order
}

/// Turns the words of formulas into derived fields, making operands that are missing.
pub(super) fn settle_formulas(draft: &mut Draft) {
    for (entity, field, words, clause) in draft.formulas.clone() {
        let Some((shape, left, right)) = formula(&words) else {
            continue;
        };
        let a = operand(draft, &entity, &left, clause);
        let mut b = operand(draft, &entity, &right, clause);
        if a == b && plain(&left) != plain(&right) {
            // `price minus cost`: words for the same thing, but not when both are named.
            let kind = fields::number(&right, None, None);
            b = draft.ensure_field(&entity, &right, Some(kind), clause);
        }
        let (Some(a), Some(b)) = (a, b) else {
            draft.refused.push((clause, format!("`{left}` and `{right}` cannot be calculated with")));
            continue;
        };
        if a == field || b == field {
            draft.refused.push((clause, "a field cannot be computed from itself".to_owned()));
            continue;
        }
        let formula = match shape {
            Formula::Product { .. } => Formula::Product { a, b },
            Formula::SumOf { .. } => Formula::SumOf { a, b },
            Formula::Difference { .. } => Formula::Difference { a, b },
        };
        if let Some(found) = draft.field_mut(&entity, &field) {
            found.kind = FieldKind::Derived { formula };
            found.required = false;
        }
        draft.because(format!("derived {entity}.{field}"), clause);
    }
}

fn operand(draft: &mut Draft, entity: &str, name: &str, clause: usize) -> Option<String> {
    let wanted = singles(name).join(" ");
    if let Some(key) = draft.entity(entity).and_then(|found| field_named(found, &wanted)) {
        let number = draft.entity(entity)?.field(&key).is_some_and(|field| {
            super::kinds::is_number(&field.kind) && !matches!(field.kind, FieldKind::Derived { .. })
        });
        return number.then_some(key);
    }
    let kind = fields::number(name, None, None);
    draft.ensure_field(entity, name, Some(kind), clause)
}

/// What in the clause lies outside of what an app can do.
pub(super) fn beyond(clause: &Clause, draft: &Draft) -> Option<&'static str> {
    BEYOND
        .iter()
        .find(|(words, _)| {
            clause.low.contains(&format!(" {words} "))
                && !draft.entities.iter().any(|entity| {
                    plain(&entity.label) == plain(words)
                        || entity.fields.iter().any(|field| plain(&field.label).contains(&plain(words)))
                })
        })
        .map(|(_, why)| *why)
}
