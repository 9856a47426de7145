//! The thing that a vague brief is about, when nothing is said about what is kept.

use super::declare::NO_NAME;
use super::draft::{Clause, singles};
use super::known::known_thing;
use super::pattern;
use super::vocabulary::THINGS;
use super::words::{is_plural, singular};

/// The thing that a vague brief is about: `make me an app for my garden`, `todo list`.
pub(super) fn passing(text: &str) -> Option<String> {
    let low = format!(" {} ", text.to_lowercase());
    let words = singles(&low);
    if low.contains(" to-do") || low.contains(" to do ") {
        return Some("task".to_owned());
    }
    if low.contains(" shopping ") || low.contains(" grocery ") || low.contains(" groceries ") {
        return Some("item".to_owned());
    }
    let about = pattern!(
        r" (?:for|of|about|track|tracking|manage|managing|organi[sz]e|organi[sz]ing|with) (?:my |our |the |a |an |all |me and my )+(?P<name>[a-z][a-z-]+(?: [a-z][a-z-]+)?) "
    )
    .captures(&low)
    .map(|found| found["name"].to_owned());
    let known = words.iter().find(|word| THINGS.contains(&word.as_str())).cloned();
    let app = pattern!(r" (?:app|application|tool|program|tracker|list|log|manager|planner|organi[sz]er|inventory|diary|journal|system|database|website|track|manage|organi[sz]e|keep) ")
        .is_match(&low);
    let about = about.filter(|_| app).map(|name| {
        let first: Vec<&str> = name.split(' ').collect();
        let fine = first.len() == 2
            && !["and", "or", "in", "with", "that", "so", "at", "on", "please", "to", "where"]
                .contains(&first[1]);
        if fine { name.clone() } else { first[0].to_owned() }
    });
    let kind = pattern!(r" (?P<name>[a-z][a-z-]{2,}) (?:tracker|list|log|manager|planner|organi[sz]er|diary|database|catalogu?e?) ")
        .captures(&low)
        .map(|found| found["name"].to_owned())
        .filter(|name| !["simple", "small", "my", "the", "nice", "little", "good", "personal", "new", "an"].contains(&name.as_str()));
    let known = known.filter(|word| app || words.len() <= 3 || about.as_deref() == Some(word));
    about.or(kind).or(known)
}

/// A name out of a frame, when it can be one.
pub(super) fn plausible(name: &str, container: bool) -> Option<String> {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    let last = words.last()?;
    let words: Vec<String> = words[words.len().saturating_sub(3)..].to_vec();
    let small =
        words.iter().any(|word| NO_NAME.contains(&word.as_str()) && !(word == "board" && words.len() > 1));
    let dull = words.len() == 1 && ["thing", "stuff", "lot"].contains(&singular(last).as_str());
    let good = words.iter().all(|word| readable(word));
    let noun = container || is_plural(last) || known_thing(name).is_some() || THINGS.contains(&last.as_str());
    let own: Vec<&str> = name.split_whitespace().collect();
    let short = own[own.len().saturating_sub(3)..].join(" ");
    (!small && !dull && good && noun).then_some(short)
}

/// `broken lamps`, `lamp`, `we sell second-hand bikes`: one to three words that can be a name.
pub(super) fn phrase(text: &str, in_plural: bool) -> Option<String> {
    let text = pattern!(
        r"(?i)^(?:(?:i|we|they|my \w+) )?(?:(?:sell|collect|own|run|rent|repair|get|have|breed|brew|teach|bake|make|build|lend|grow|read|watch|organi[sz]e|manage|add|rate|keep) )?(?:an?|the|my|our|some|all|many|several) |^(?:(?:i|we|they) )?(?:sell|collect|own|run|rent|repair|get|have|breed|brew|teach|bake|lend|grow|read|watch|organi[sz]e|manage|add|rate|keep) "
    )
    .replace(text.trim(), "");
    let cut = pattern!(
        r"(?i) (?:for|in|at|from|on|about|per|by|of|to|that|which|where|who|so|when|with|and|,|:|\(|minus|is|are|i|we) "
    );
    let padded = format!("{text} ");
    let end = cut.find(&padded).map_or(text.len(), |found| found.start());
    let name = text.get(..end).unwrap_or_default().trim();
    let alone = end == text.len();
    let last = name.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let greeting =
        ["hello", "hi", "hey", "thanks", "thank", "test", "testing", "foo", "bar", "please", "ok", "okay"];
    let first = name.split(' ').next().unwrap_or_default().to_lowercase();
    let acts = pattern!(
        r"^(?:highlight|show|display|warn|alert|notify|remind|sort|search|filter|find|count|mark|delete|remove|edit|export|import|undo|list|check|move|group|calculate|send|use|make|let|print|set|change|update|view|see|open|users?|people|everyone)$"
    );
    if greeting.contains(&first.as_str()) || acts.is_match(&first) {
        return None;
    }
    let several = is_plural(&last) && last.len() > 3;
    plausible(name, alone).filter(|_| several || (!in_plural && (alone || known_thing(name).is_some())))
}

/// `track my daily water intake`: what is to be tracked is the thing, in whatever number.
pub(super) fn tracked(text: &str) -> Option<String> {
    let found = pattern!(
        r"(?i)^(?:keep track of|track|log|record|manage|monitor|organi[sz]e|plan|catalogue|catalog|collect|store) (?:all )?(?:my|our|the) (?:daily |weekly |monthly )?(?P<name>[\w'-]+(?: [\w'-]+){0,2}?)(?: (?:for|in|at|from|of|with|and|per|every|each|so|by|on) .*)?$"
    )
    .captures(text)?;
    plausible(&found["name"], true)
}

/// A well-known thing in the plural anywhere in a clause: `we get orders from customers`.
pub(super) fn mentioned(clause: &Clause) -> Option<String> {
    clause
        .low
        .split_whitespace()
        .find(|word| {
            is_plural(word) && (known_thing(word).is_some() || THINGS.contains(&singular(word).as_str()))
        })
        .map(str::to_owned)
}

/// `parking spots and permits`: several things and nothing else.
pub(super) fn joined(text: &str) -> Vec<String> {
    let parts: Vec<&str> = pattern!(r"(?i) ?(?:,|\band\b) ?")
        .split(text)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let names: Vec<String> = parts
        .iter()
        .filter(|part| part.split(' ').count() <= 3)
        .filter_map(|part| plausible(part, false))
        .collect();
    let several = names.len() > 1 && names.len() == parts.len();
    if several { names } else { Vec::new() }
}

/// True for a word that could be spoken; keys hit by chance are not.
fn readable(word: &str) -> bool {
    let letters = word.chars().filter(|sign| sign.is_alphabetic()).count();
    let spoken = pattern!(r"[aeiouy]").is_match(word) || !word.is_ascii();
    let odd = pattern!(r"q(?:[^u]|$)|[^aeiouy\W]{5}|sdf|dfg|jkl|[bcdfgjkmnpvwz]{2}[bcdfgjkmnpqvwxz]$")
        .is_match(word);
    (2..=24).contains(&letters) && spoken && !odd
}
