//! Takes words like `users can` and `it should be possible to` off the front of a clause.

use super::pattern;

/// The plain clause without what comes before its verb or its noun.
pub(super) fn strip_lead(plain: &str) -> String {
    let mut rest = plain.trim().trim_matches(|sign: char| matches!(sign, ',' | ':' | '/')).trim().to_owned();
    if let Some(found) =
        pattern!(r"(?i)^(?:hello|hi|hey|good (?:morning|evening))(?: there| all| team)? ?, ").find(&rest)
    {
        rest = rest[found.end()..].to_owned();
    }
    // `as a reader I want to add books so that I remember them`: who and why are not to be built.
    if let Some(found) =
        pattern!(r"(?i)^as (?:an?|the) [\w-]+(?: [\w-]+){0,2} ?,? (?P<wish>(?:i|we) .+)$").captures(&rest)
    {
        rest = found["wish"].to_owned();
        if let Some(why) =
            pattern!(r"(?i)(?: ,)? (?:so that|in order to|so (?:i|we|they|you)) .+$").find(&rest)
        {
            rest.truncate(why.start());
        }
    }
    for _ in 0..6 {
        let before = rest.len();
        for lead in [
            pattern!(
                r"(?i)^(?:and|also|then|finally|additionally|furthermore|moreover|in addition|besides|please|plus|but|next|ideally|of course|optionally|as well|first|lastly|nice to have|important|or)(?: ?[,:])? "
            ),
            pattern!(
                r"(?i)^(?:i|we|you|one|(?:the |a |an |all |each |every |our |my )?(?:users?|people|members?|visitors?|players?|staff|team|app|application|system|tool|program|website|page|everyone|anyone|everybody)) (?:also |always |then |just |really |only )?(?:would (?:also )?(?:like|love)(?: to)?|wants?(?: to)?|need(?:s)?(?: to)?|wish(?:es)? to|can|could|should|must|may|shall|will|has to|have to|am able to|are able to|is able to)(?: also)?(?: be (?:able|allowed) to)?(?: be possible to)? "
            ),
            pattern!(
                r"(?i)^(?:it (?:should|must|shall|would|will|has to|can|is)(?: also)? (?:be )?(?:possible|easy|nice|good|useful) to|there (?:should|must|shall|will)(?: also)? be(?: (?:a way|an option|a button|a possibility) to)?|there (?:is|are)(?: (?:a way|an option|a button) to)?|(?:makes?|making) it possible to|it (?:should|must) (?:let|allow) (?:me|us|users?|people) (?:to )?|(?:lets?|allows?|enables?|letting|allowing) (?:me|us|users?|people|the user|them|you)(?: to)?|give me|provide(?: me with)?|offer|support(?: for)?|include|add support for|able to|be able to|to be able to|to|the ability to|the possibility to|a way to|an option to|a button to|with the option to|the app (?:lets|allows) (?:me|us|users?) (?:to )?|i am able to|(?:the |my |this )?(?:app|tool|system) (?:should|must|can|will|shall)? ?(?:lets?|helps?|allows?) (?:me|us|users?|people)(?: to)?|helps? (?:me|us|users?|people)(?: to)?|i)\s+"
            ),
            pattern!(r"(?i)^(?:have|see|get) (?P<keep>an? .*(?:theme|board|calendar|streak|statistics))$"),
        ] {
            if let Some(found) = lead.captures(&rest) {
                // `a member may have 5 books` is about members; `users may have …` is about the app.
                let whole = found.get(0).map_or("", |whole| whole.as_str()).to_lowercase();
                let things = ["member", "visitor", "player", "staff", "people", "team"];
                let owns = rest.get(whole.len()..).unwrap_or_default().trim_start().starts_with("have ");
                if owns && things.iter().any(|thing| whole.contains(thing)) {
                    continue;
                }
                rest = match found.name("keep") {
                    Some(keep) => keep.as_str().to_owned(),
                    None => rest[found.get(0).map_or(0, |whole| whole.end())..].trim_start().to_owned(),
                };
            }
        }
        if rest.len() == before {
            break;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::strip_lead;

    #[test]
    fn leads() {
        for (clause, rest) in [
            ("Users can search by title", "search by title"),
            ("I want to keep books with title", "keep books with title"),
            ("It should be possible to undo", "undo"),
            ("We would like to be able to sort by date", "sort by date"),
            ("and also filter by status", "filter by status"),
            ("The app should warn when stock is low", "warn when stock is low"),
            ("There should be a board", "a board"),
            ("Users have a name", "Users have a name"),
            ("Users must not delete books", "not delete books"),
            ("Let users mark tasks as done", "mark tasks as done"),
            ("A member may have at most 5 books", "A member may have at most 5 books"),
            ("Members can search by title", "search by title"),
            ("As a reader , I want to add books so that I know them", "add books"),
        ] {
            assert_eq!(strip_lead(clause), rest);
        }
    }
}
