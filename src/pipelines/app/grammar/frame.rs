//! What stands around the name of a thing: `build me a simple app to track my plants` is about plants,
//! `a guest list for a wedding with name` about guests with a name.

use super::known::members_of;
use super::pattern;
use super::words::is_plural;

/// A clause that names a thing, taken out of its frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Framed {
    /// The thing: `plants`.
    pub(super) name: String,
    /// Words that stood for it: `shopping` of `shopping list`.
    pub(super) kind: String,
    /// Its fields, as far as they are named.
    pub(super) list: Option<String>,
    /// What else the clause says, when that is more than where or for whom.
    pub(super) rest: Option<String>,
}

/// Takes a plain clause out of its frame; none when it has none.
pub(super) fn framed(plain: &str) -> Option<Framed> {
    let text = opened(plain);
    let made = text.len() != plain.trim().len();
    if let Some(found) = pattern!(
        r"(?i)^(?:apps?|applications?|tool|program|website|web ?site|web ?app|system|page|site|place|list|log|database|collection|library|catalogue|catalog|record|register|overview|inventory|tracker|directory|diary|journal|archive|spreadsheet|table|crm|planner|manager|organi[sz]er|way|something) (?P<link>of|for|about|to|that|which|where|in which|with which|so) (?P<about>.+)$"
    )
    .captures(text)
    {
        return about(&found["link"].to_lowercase(), &found["about"]).map(|found| {
            let kind = if found.kind.is_empty() { "app".to_owned() } else { found.kind };
            Framed { kind, ..found }
        });
    }
    if let Some(found) = pattern!(
        r"(?i)^(?P<kind>[\w'-]+(?: [\w'-]+){0,2}?)(?: (?P<container>list|log|logbook|tracker|manager|management|planner|organi[sz]er|directory|diary|journal|database|catalogue|catalog|collection|register|inventory|library|schedule|app|application|tool|program|system|website|archive|book ?keeping))+(?P<after> (?:for|with|that|which|where|to|in|of|about|including|:|,|minus|\().*)?$"
    )
    .captures(text)
    {
        let kind = found["kind"].to_owned();
        let after = found.name("after").map_or("", |after| after.as_str().trim());
        if named(&kind) && !pattern!(r"(?i)^(?:sort|search|filter|show|add|edit|list|export)\b").is_match(&kind) {
            // `inventory of tools`, `library of board games` after an adjective or a name.
            if let Some(of) = after.strip_prefix("of ")
                && members_of(&kind).is_none()
            {
                return thing(of, "");
            }
            // `manager that lets me track plants`
            return thing(&format!("{} {after}", members_of(&kind).unwrap_or(&kind)), &kind);
        }
    }
    // `watchlist`, `crm`, `movie watchlist`: the whole is the name of a kind of list.
    if let Some(found) = pattern!(
        r"(?i)^(?:[\w-]+ )?(?P<kind>watchlist|crm|bookshelf|kanban board|kanban|timetable|diary|journal|calendar|agenda)(?P<after> (?:for|with|about|of|:|,).*)?$"
    )
    .captures(text)
    {
        let after = found.name("after").map_or("", |after| after.as_str());
        if let Some(with) = after.strip_prefix(" for ").filter(|_| found["kind"].eq_ignore_ascii_case("crm")) {
            return thing(with, "");
        }
        return members_of(&found["kind"]).and_then(|member| thing(&format!("{member}{after}"), &found["kind"]));
    }
    // `keep an eye on my subscriptions : name , cost`
    if pattern!(r"(?i)^(?:keep|keeping|put|write|have) (?:an eye|a list|lists|records?|a record|a log|notes|down) (?:on|of|about )?").is_match(text) {
        return about("to", text);
    }
    // `record attendance : student , date`
    if pattern!(r"(?i)^(?:track|log|record|store|note|remember|manage) [^:,(]{1,60} : ").is_match(text) {
        return about("to", text);
    }
    // `gift ideas for family members with price`, `used cars minus make , model`.
    if pattern!(r"(?i)^[\w'-]+(?: [\w'-]+){0,2} (?:for|in|at|from|that i|that we|i|we) [^,:(]{1,60} (?:, )?(?:with|:|minus) ")
        .is_match(text)
        || (made && pattern!(r"(?i)^[\w'-]+(?: [\w'-]+){0,3}(?: (?:with|:|,|minus|\() .+)?$").is_match(text))
    {
        return thing(text, "").filter(|found| {
            let last = found.name.rsplit(' ').next().unwrap_or_default().to_lowercase();
            is_plural(&last)
        });
    }
    None
}

/// Without `build me a simple` and the like.
fn opened(plain: &str) -> &str {
    let mut rest = plain.trim();
    loop {
        let before = rest.len();
        for lead in [
            pattern!(r"(?i)^(?:our|my|the) [\w'-]+(?: [\w'-]+)? (?:needs?|wants?) (?:an?|the|our) "),
            pattern!(r"(?i)^what (?:i|we) (?:want|need|would like|am looking for) (?:is|are) "),
            pattern!(
                r"(?i)^(?:please )?(?:build|make|create|write|generate|design|develop|program|code|get|set up)(?: me| us)? (?:please )?(?:an?|the|my|our|some) "
            ),
            pattern!(
                r"(?i)^(?:want|need|would like|looking for|am looking for|this is|it is|here is|i am building|i am making)(?: to have| to make| to build| to create)? (?:an?|the|my|our|some) "
            ),
            pattern!(r"(?i)^(?:an?|the|my|our|some|your) (?:\S)"),
            pattern!(
                r"(?i)^(?:very |really )?(?:simple|small|little|tiny|basic|nice|good|easy to use|easy|personal|online|web based|web-based|web|mobile|digital|quick|lightweight|handy|free|little|private|own|minimal) (?:\S)"
            ),
        ] {
            if let Some(found) = lead.find(rest) {
                // The last sign of some patterns belongs to what follows.
                let end = if found.as_str().ends_with(' ') {
                    found.end()
                } else {
                    rest[..found.end()].char_indices().next_back().map_or(0, |(at, _)| at)
                };
                rest = &rest[end..];
            }
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// `for tracking my plants`, `to keep track of all my plants`, `where I can log my runs`, `for my garden`, `of used cars`.
fn about(link: &str, text: &str) -> Option<Framed> {
    let acts = pattern!(
        r"(?i)^(?:(?:that|which|it|so that|that i|which i) )?(?:(?:i|we|you|users?|people|one) )?(?:(?:can|could|should|will|would|want to|is able to|am able to) )?(?:(?:helps?|lets?|allows?|enables?|help|for) (?:me|us|you|users?|people|them|the team) (?:to )?)?(?:easily |quickly |simply |better )?(?P<verb>keep(?:ing)? (?:track|an eye|a list|records?|a record|a log|notes?|count) (?:of|on|about)|put(?:ting)?(?: down)?|tracking|managing|logging|keeping|recording|storing|organi[sz]ing|planning|collecting|learning|remembering|writing down|listing|track|manage|log|keep|record|store|organi[sz]e|plan|collect|learn|remember|write down|list|save|note|note down|enter|catalogue|catalog|follow|monitor|handle|maintain|watch|see|have) (?:all |down )?(?P<what>.+)$"
    );
    let text = text.trim();
    if link == "of" || link == "about" {
        return thing(text, "");
    }
    if let Some(found) = acts.captures(text) {
        return thing(&found["what"], "");
    }
    if link == "for" { thing(text, "") } else { None }
}

/// The noun phrase that the words begin with, its fields, and what is left.
fn thing(text: &str, kind: &str) -> Option<Framed> {
    let mut text = opened(text.trim());
    text = pattern!(r"(?i)^(?:all (?:of )?|information (?:about|on|of) |data (?:about|on|of) |details (?:about|of) |list of |daily |weekly |monthly |yearly |each |every |(?:all )?my |our |the |me and my )+")
        .find(text)
        .map_or(text, |lead| &text[lead.end()..]);
    let stop = pattern!(
        r"(?i)(?P<list> (?:(?:, )?with(?: the following)?(?: fields)?|(?:, )?including|(?:, )?containing|(?:, )?having|:|,|minus|\() )|(?P<rest> (?:for|in|at|from|on|about|per|by|of|to|that|which|where|who|so|when|while|because|i|we|you|and|or|as|using|between|without|please) )"
    );
    let Some(found) = stop.find(text) else {
        return named(text).then(|| Framed {
            name: text.to_owned(),
            kind: kind.to_owned(),
            list: None,
            rest: None,
        });
    };
    let name = text[..found.start()].trim();
    if !named(name) {
        return None;
    }
    let mut after = text[found.start()..].trim_start();
    let mut rest = None;
    let list_word = pattern!(
        r"(?i)(?:^|(?: , | ))(?:with(?: the following)?(?: fields)?|including|containing|having|:|minus) |^\( |^, "
    );
    if list_word.find(after).is_none_or(|list| list.start() != 0) {
        let cut = list_word.find(after).map_or(after.len(), |list| list.start());
        let (context, more) = after.split_at(cut);
        // Where, for whom and of whom are not to be built.
        let harmless = pattern!(
            r"(?i)^(?:(?:for|in|at|from|on|of|about) (?:[\w'-]+ ?){1,5}|(?:that |which )?(?:i|we) (?:[\w'-]+ ?){1,6})$"
        );
        if !harmless.is_match(context.trim()) {
            // `where I note the date and the lake`
            let noted = pattern!(
                r"(?i)^(?:where|in which|for which|in that|that) (?:i|we|users?|people) (?:can |could |want to )?(?:note|record|enter|store|write|log|keep)(?: down)? (?P<list>.+)$"
            );
            if let Some(found) = noted.captures(text[name.len()..].trim()) {
                return Some(Framed {
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    list: Some(found["list"].to_owned()),
                    rest: None,
                });
            }
            rest = Some(context.trim().to_owned());
        }
        after = more.trim_start();
    }
    let list = list_word.find(after).map(|word| after[word.end()..].trim()).map(|list| {
        if after.starts_with('(') { list.trim_end_matches(')').trim().to_owned() } else { list.to_owned() }
    });
    Some(Framed {
        name: name.to_owned(),
        kind: kind.to_owned(),
        list: list.filter(|list| !list.is_empty()),
        rest,
    })
}

/// True for one to four words that can be a name.
fn named(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    (1..=4).contains(&words.len()) && words.iter().all(|word| word.chars().any(char::is_alphabetic))
}
