//! From a brief to its title and its sentences: every sentence or clause that says one thing.

use super::pattern::{Pattern, compile};
use super::text::normalise;
use super::words::is_plural;
use crate::pipelines::app::spec::Sentence;

/// More clauses than this are not read; the last one then says so.
pub const SENTENCES_MAX: usize = 400;

/// A brief, cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cut {
    /// The title that the brief gives, if it gives one.
    pub title: Option<String>,
    /// What it says.
    pub sentences: Vec<Sentence>,
}

/// Cuts a brief at line ends, full stops, semicolons, and between clauses.
pub fn cut(brief: &str) -> Cut {
    let mut out = Cut::default();
    let blocks = blocks(brief);
    let mut at = 0;
    while at < blocks.len() {
        let block = &blocks[at];
        let text = &brief[block.start..block.end];
        let first = out.sentences.is_empty() && out.title.is_none();
        let items = blocks[at + 1..].iter().take_while(|next| next.bullet).count();
        let bullets: Vec<&str> =
            blocks[at + 1..=at + items].iter().map(|next| &brief[next.start..next.end]).collect();
        if block.heading_mark && !first && things(text) && names_fields(text, &bullets) {
            // `## Bikes` over the names of their fields.
            let end = blocks[at + items].end;
            push(&mut out, brief, block.start, end);
            at += items + 1;
            continue;
        }
        if block.heading_mark || (first && !block.bullet && is_title_line(text, at + 1 < blocks.len())) {
            if first {
                // A heading is taken as it stands.
                out.title = Some(shorten(text.trim_end_matches(':').trim_matches(['*', '_', '#', ' '])));
            }
            at += 1;
            continue;
        }
        if text.trim_end().ends_with(':') {
            if items > 0 && (introduces_fields(text) || names_fields(text, &bullets)) {
                let end = blocks[at + items].end;
                push(&mut out, brief, block.start, end);
                at += items + 1;
                continue;
            }
            // A heading over clauses says nothing by itself.
            if first {
                take_title(&mut out, text.trim_end().trim_end_matches(':'));
            }
            at += 1;
            continue;
        }
        for (start, end) in statements(brief, block.start, block.end) {
            statement(&mut out, brief, start, end);
        }
        at += 1;
    }
    // When the brief is nothing but a name, the name is what it says.
    if let (true, Some(first)) = (out.sentences.is_empty(), blocks.first()) {
        let (start, end) = trim(brief, first.start, first.end);
        if start < end {
            let text = brief[start..end].to_owned();
            out.sentences.push(Sentence { id: "S1".to_owned(), text, start, end });
        }
    }
    out
}

struct Block {
    start: usize,
    end: usize,
    bullet: bool,
    heading_mark: bool,
}

/// Lines, without their bullets; a line that goes on from the one before it belongs to it.
fn blocks(brief: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut start = 0;
    let mut gap = true;
    for line in brief.split_inclusive('\n') {
        let line_start = start;
        start += line.len();
        let trimmed = line.trim();
        if trimmed.is_empty() {
            gap = true;
            continue;
        }
        let lead = line.len() - line.trim_start().len();
        let (mark, bullet, heading_mark) = marker(trimmed);
        let inner = trimmed[mark..].trim_start();
        let from = line_start + lead + (trimmed.len() - inner.len());
        let to = line_start + lead + trimmed.len();
        if inner.is_empty() {
            continue;
        }
        let goes_on =
            !bullet && !heading_mark && !gap && inner.chars().next().is_some_and(char::is_lowercase);
        match out.last_mut() {
            Some(last) if goes_on && !last.heading_mark && !ends(&brief[last.start..last.end]) => {
                last.end = to
            }
            _ => out.push(Block { start: from, end: to, bullet, heading_mark }),
        }
        gap = false;
    }
    out
}

fn ends(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?', ';', ':'])
}

/// How many bytes the bullet, number or heading mark of a line takes.
fn marker(line: &str) -> (usize, bool, bool) {
    let hashes = line.bytes().take_while(|sign| *sign == b'#').count();
    if hashes > 0 && line[hashes..].starts_with(' ') {
        return (hashes, false, true);
    }
    let mut signs = line.chars();
    let first = signs.next().unwrap_or(' ');
    if matches!(first, '-' | '*' | '•' | '–' | '·' | '+') && signs.next().is_some_and(char::is_whitespace)
    {
        return (first.len_utf8(), true, false);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.as_bytes().get(digits..).unwrap_or_default();
    if (1..=3).contains(&digits)
        && matches!(rest.first(), Some(b'.' | b')'))
        && matches!(rest.get(1), Some(b' ' | b'\t'))
    {
        return (digits + 1, true, false);
    }
    (0, false, false)
}

static SAYS: Pattern = Pattern::new(|| {
    compile(
        r"(?i)\b(with|has|have|can|is|are|must|should|want|need|search|filter|sort|keep|track|show|count|mark|by|per|add|edit|make|build|create|manage|store)\b",
    )
});

/// A first line of a few words without a verb is a title.
fn is_title_line(text: &str, more: bool) -> bool {
    let words = text.split_whitespace().count();
    more && words <= 6 && !ends(text.trim_end_matches(':')) && !text.contains(',') && !SAYS.is_match(text)
}

static FIELDS_LEAD: Pattern = Pattern::new(|| {
    compile(
        r"(?i)\b(has|have|with|contains?|includes?|including|consists? of|stores?|records?|keeps?|fields?|attributes|properties|details|columns|following)\b[^.]{0,40}:\s*$",
    )
});

fn introduces_fields(heading: &str) -> bool {
    let general = CAPABILITY.is_match(heading);
    FIELDS_LEAD.is_match(heading) && !general
}

/// A heading in the plural.
fn things(heading: &str) -> bool {
    let last = heading.trim_end_matches([':', ' ']).rsplit(' ').next().unwrap_or_default().to_lowercase();
    is_plural(&last)
}

/// `Clients:` over bullets that are names, not clauses.
fn names_fields(heading: &str, bullets: &[&str]) -> bool {
    let words = heading.trim().trim_end_matches(':').split_whitespace().count();
    let name = |bullet: &&str| {
        let outside = bullet.split('(').next().unwrap_or(bullet);
        outside.split_whitespace().count() <= 4 && !starts_clause(bullet) && !SAYS.is_match(outside)
    };
    let general = CAPABILITY.is_match(heading) || SAYS.is_match(heading);
    let heading = heading.trim().trim_end_matches(':');
    (1..=3).contains(&words)
        && !general
        && !LEAD_ONLY.is_match(heading)
        && bullets.len() > 1
        && bullets.iter().all(name)
}

static CAPABILITY: Pattern = Pattern::new(|| {
    compile(
        r"(?i)\b(features?|can|able|abilities|functions?|requirements?|rules?|views?|should|possible|wishes|must)\b",
    )
});

/// Cuts a block at full stops, semicolons and question marks outside parentheses.
fn statements(brief: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let text = &brief[start..end];
    let mut out = Vec::new();
    let mut from = 0;
    let mut depth = 0_usize;
    let mut signs = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, sign)) = signs.next() {
        let next = signs.peek().map_or(' ', |(_, next)| *next);
        match sign {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // A parenthesis that is never closed must not swallow the rest of the brief.
        let stop = match sign {
            ';' => depth == 0,
            '!' | '?' => depth == 0 || next.is_whitespace(),
            '.' => next.is_whitespace() && !abbreviation(&text[from..at]) && !(before == '.' || next == '.'),
            '。' => true,
            _ => false,
        };
        if stop {
            out.push((start + from, start + at));
            from = at + sign.len_utf8();
            depth = 0;
        }
        before = sign;
    }
    out.push((start + from, end));
    out
}

fn abbreviation(text: &str) -> bool {
    let last = text
        .rsplit(|sign: char| sign.is_whitespace() || sign == '(')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    ["e.g", "i.e", "etc", "approx", "incl", "max", "min", "vs", "no"].contains(&last.as_str())
}

static LEAD_ONLY: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?:(?:(?:the |all |our |my )?(?:users?|i|we|you|people|one|it|the app|members|players|staff)) (?:also )?(?:can|should be able to|must be able to|want to|may|need to|would like to|should|must|could)|features?|requirements?|functions?|rules?|views?|it should be possible to|notes?|also|extras?|further|in detail|behaviou?r|what it (?:does|should do)|actions?|details|look|brief)$",
    )
});

/// One statement: takes the title off its front, then cuts it into clauses.
fn statement(out: &mut Cut, brief: &str, start: usize, end: usize) {
    let (mut start, end) = trim(brief, start, end);
    if start >= end {
        return;
    }
    if out.sentences.is_empty()
        && out.title.is_none()
        && let Some(found) = DASH.find(&brief[start..end])
    {
        let left = brief[start..start + found.start()].trim();
        let right = &brief[start + found.end()..end];
        let said = DECLARES.is_match(left) || SAYS.is_match(left) || left.contains([':', ',', '(']);
        let declares = OPENS.is_match(right);
        if !said && declares && left.split_whitespace().count() <= 5 {
            out.title = Some(title_of(left));
            start += found.end();
        }
    }
    if let Some(colon) = colon(&brief[start..end]) {
        let left = brief[start..start + colon].trim();
        let right = start + colon + 1;
        let first = out.sentences.is_empty() && out.title.is_none();
        if LEAD_ONLY.is_match(left) {
            start = right;
        } else if first
            && left.split_whitespace().count() <= 8
            && (titles(left) || NEXT_LISTED.is_match(brief[right..end].trim_start()))
            && says_more(&brief[right..end])
        {
            out.title = Some(title_of(left));
            start = right;
        }
    }
    for (from, to) in clauses(brief, start, end) {
        push(out, brief, from, to);
    }
}

// `Wine cellar — wines with name`: a title before a dash.
static DASH: Pattern = Pattern::new(|| compile(r"\s+[–—-]\s+"));
static OPENS: Pattern = Pattern::new(|| {
    compile(r"(?i)^(?:an? |the |my |our |keep |track |manage )*[\w-]+(?: [\w-]+){0,2} (?:with|have|has|\()")
});

/// `A reading list:` is a title, `Books:` before field names is not.
fn titles(left: &str) -> bool {
    let words = left.split_whitespace().count();
    words >= 2 && !DECLARES.is_match(left) && !left.contains(',')
}

fn says_more(right: &str) -> bool {
    !right.trim().is_empty()
}

static DECLARES: Pattern = Pattern::new(|| {
    compile(
        r"(?i)\b(with|has|have|can|is|are|must|should|fields?|by|contains?|includes?|consists?|search|filter|sort|each|every|status|priority)\b",
    )
});

static INTRO: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?:please )?(?:(?:i|we)(?:'d| would)? (?:want|need|like|love)(?: to (?:have|build|make|create|get))?|(?:build|make|create|write|generate|design|develop|give me|program)(?: me| us)?|this is|it is)? ?(?:(?:an?|the|my|our) )?(?:(?:simple|small|little|tiny|basic|nice|good|easy) )*(?P<name>[^,:;.()]{2,60}?)(?: (?:app|application|web app|website|tool|program|web application|page|site))?(?: for (?:me|my|our|us|the|an?|small|home)\b[^,:;.()]{0,40}| to keep)?$",
    )
});

/// A title from the first line or the words before the first colon.
pub fn title_of(text: &str) -> String {
    let text =
        text.trim().trim_matches(|sign: char| matches!(sign, '#' | '*' | '"' | '\'' | '.' | '_' | '“' | '”'));
    if let Some(found) = NAMED.captures(text) {
        return shorten(&found["name"]);
    }
    let name = INTRO.captures(text).map_or_else(|| text.to_owned(), |found| found["name"].to_owned());
    let nameless = [
        "app",
        "application",
        "tool",
        "program",
        "simple app",
        "small app",
        "web app",
        "list",
        "database",
        "spreadsheet",
        "tracker",
        "system",
        "something",
    ];
    if nameless.contains(&name.to_lowercase().as_str())
        && let Some((_, about)) = text.split_once(" for ")
    {
        return shorten(super::fields::strip(about));
    }
    shorten(&name)
}

static NAMED: Pattern =
    Pattern::new(|| compile(r#"(?i)\b(?:called|named|titled)\s+["“'«]?(?P<name>[^"”'»,:;.()]{1,40})"#));

fn shorten(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().take(6).collect();
    let text: String = words.join(" ").chars().filter(|sign| !sign.is_control()).take(60).collect();
    let mut signs = text.trim().chars();
    match signs.next() {
        Some(first) => first.to_uppercase().chain(signs).collect(),
        None => String::new(),
    }
}

fn take_title(out: &mut Cut, text: &str) {
    let words = text.split_whitespace().count();
    if (2..=8).contains(&words) && !LEAD_ONLY.is_match(text.trim()) && !DECLARES.is_match(text) {
        out.title = Some(title_of(text));
    }
}

/// The first colon outside parentheses that is followed by a space.
fn colon(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut signs = text.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && signs.peek().is_none_or(|(_, next)| next.is_whitespace()) => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

static STARTER: Pattern = Pattern::new(|| {
    compile(concat!(
        r"(?i)^(?:(?:also|then|please|finally|but)\s+)*(?:",
        r"(?:search|filter|sort|order|find|rank)\s+(?:by|for|in|on|through|them|it|the|all|every|alphabetically)\b",
        r"|(?:searching|filtering|sorting)\b",
        r"|count\s+(?:per|by|the|of|how|them|all|for|\w+\s+per)\b",
        r"|(?:show|display|list|mark|delete|remove|edit|add|create|warn|alert|highlight|calculate|compute|check\s+off|tick\s+off|limit|see|view|move|rename|change|plan|group)\s+\S",
        r"|(?:export|import|undo|redo|download|upload)\b",
        r"|(?:i|we)'d\s+like\b",
        r"|(?:i|we|you|users?|people)\s+(?:can|want|should|must|need|would|may|could)\b",
        r"|(?:it|they|there)\s+(?:should|must|is|are|can|has|have|may)\b",
        r"|(?:each|every|an?|the|all|no)\s+(?:[\w-]+\s+){1,3}?(?:has|have|belongs?|can|must|should|may|is|are|goes|moves?|needs?)\s",
        r"|[\w-]+s\s+(?:can|must|should|may|belong|go|move|have)\s",
        r"|no\s+(?:double|duplicate|two|more\s+than)\b|at\s+most\s+\w+\s+[\w-]+s\b|warn\b|with\s+(?:undo|export|import|statistics)\b",
        r"|(?:the\s+)?(?:total|average|sum|number)\s+(?:of\s+)?(?:the\s+)?(?:\w+\s+){0,3}(?:per|by|for\s+each)\b",
        r"|(?:the\s+)?average\s+\w+",
        r"|(?:the\s+)?total\s+[\w-]+\s*(?:$|[,.;])",
        r"|(?:the\s+)?[\w-]+\s+(?:is|are)\s+(?:required|unique|optional|mandatory)\b",
        r"|(?:the\s+)?(?:[\w-]+\s+){1,3}(?:is|=|equals)\s+(?:the\s+)?[\w-]+(?:\s+[\w-]+)?\s+(?:times|plus|minus|multiplied|[*×+])",
        r"|(?:use\s+)?an?\s+(?:[\w-]+[ ,]+){1,3}(?:theme|look|design|colou?rs)\b",
        r")",
    ))
});

static SEPARATOR: Pattern = Pattern::new(|| {
    compile(
        r"(?i)(?:\s*,\s*(?:and\s+then|and\s+also|and|then|but|or)?\s*|\s+(?:and\s+then|and\s+also|and|then|but)\s+|\s+[–—]\s+|\s+-\s+)",
    )
});

/// Cuts a statement where a new clause begins: `search by title, filter by status and sort by rating`.
fn clauses(brief: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let text = &brief[start..end];
    let outside = depths(text);
    let mut out = Vec::new();
    let mut from = 0;
    for found in SEPARATOR.find_iter(text) {
        if found.start() < from || outside.get(found.start()).copied().unwrap_or(0) > 0 {
            continue;
        }
        let right = &text[found.end()..];
        let left = &text[from..found.start()];
        let lists = LISTED.is_match(left.trim()) && NEXT_LISTED.is_match(right);
        // `teams with name, matches with date`: two things, each with its fields.
        let both = WITH.is_match(left) && NEXT_WITH.is_match(right);
        if lists || both || (starts_clause(right) && complete(left)) {
            out.push((start + from, start + found.start()));
            from = found.end();
        }
    }
    out.push((start + from, end));
    out
}

// `members (name, email), books (title, author)`: two things, each with its fields.
static LISTED: Pattern = Pattern::new(|| compile(r"^[\w-]+(?: [\w-]+)?s \([^()]*,[^()]*\)$"));
static NEXT_LISTED: Pattern = Pattern::new(|| compile(r"^[\w-]+(?: [\w-]+)?s \([^()]{1,400},"));

static WITH: Pattern = Pattern::new(|| compile(r"(?i)\b[\w-]+s (?:with|have) "));
static NEXT_WITH: Pattern =
    Pattern::new(|| compile(r"(?i)^(?:the |my )?[\w-]+(?: [\w-]+)?s (?:with|have) (?:an? )?[\w-]+"));

fn starts_clause(right: &str) -> bool {
    let cut = right.char_indices().nth(160).map_or(right.len(), |(at, _)| at);
    let near = &right[..cut];
    let Some(found) = STARTER.find(near) else {
        return false;
    };
    // `a status that is open or done` is a field, not a clause.
    let words = found.as_str().to_lowercase();
    ![" that ", " which ", " whose "].iter().any(|word| words.contains(word))
}

fn depths(text: &str) -> Vec<u8> {
    let mut depth = 0_u8;
    text.bytes()
        .map(|sign| {
            match sign {
                b'(' | b'[' => depth = depth.saturating_add(1),
                b')' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth
        })
        .collect()
}

static VERBS_ONLY: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?:(?:i|we|you|users?|people|it|the|app|a|an|can|should|must|may|want|need|would|like|to|be|able|possible|is|let|me|allow|also|please|then|and|or|,|search|filter|sort|order|find|count|show|display|list|mark|delete|remove|edit|add|create|enter|see|view|move|rename|change|update|export|import|download|upload|undo|redo|manage|track|keep|store|calculate|compute|warn|alert|highlight|browse|read)[\s,/]*)*$",
    )
});

/// True when the words before a cut can stand alone: more than verbs that wait for their object.
fn complete(left: &str) -> bool {
    let words = left.split_whitespace().count();
    if words == 0 {
        return false;
    }
    if words > 14 {
        return true;
    }
    let low = left.trim().to_lowercase();
    let last = low.rsplit(' ').next().unwrap_or_default();
    if ["between", "by", "of", "with", "to", "from", "the", "a", "per", "for", "in", "than", "as"]
        .contains(&last)
    {
        return false;
    }
    if matches!(low.as_str(), "undo" | "redo") {
        return true;
    }
    if low.starts_with("for each ")
        || low.starts_with("for every ")
        || low.starts_with("when ")
        || low.starts_with("if ")
    {
        return false;
    }
    !VERBS_ONLY.is_match(left)
}

fn trim(brief: &str, start: usize, end: usize) -> (usize, usize) {
    let text = &brief[start..end];
    let lead = text.len()
        - text.trim_start_matches(|sign: char| sign.is_whitespace() || matches!(sign, ',' | ';')).len();
    let text = text[lead..]
        .trim_end_matches(|sign: char| sign.is_whitespace() || matches!(sign, ',' | ';' | '.' | '!' | '?'));
    (start + lead, start + lead + text.len())
}

fn push(out: &mut Cut, brief: &str, start: usize, end: usize) {
    let (start, end) = trim(brief, start, end);
    if start >= end || !brief[start..end].chars().any(char::is_alphanumeric) {
        return;
    }
    let first = out.sentences.is_empty() && out.title.is_none();
    if first
        && (is_intro(&brief[start..end]) || (end < brief.trim_end().len() && is_name(&brief[start..end])))
    {
        out.title = Some(title_of(&brief[start..end]));
        return;
    }
    if out.sentences.len() >= SENTENCES_MAX {
        // What lies past the bound is one last sentence, so that it is said rather than dropped.
        if let Some(last) = out.sentences.last_mut() {
            last.end = end;
            let cut = brief[last.start..end].char_indices().nth(200).map_or(end - last.start, |(at, _)| at);
            last.text = brief[last.start..last.start + cut].to_owned();
        }
        return;
    }
    out.sentences.push(Sentence {
        id: format!("S{}", out.sentences.len() + 1),
        text: brief[start..end].to_owned(),
        start,
        end,
    });
}

/// `Chore chart.` before other sentences: two or three words without a verb.
fn is_name(text: &str) -> bool {
    let words = text.split_whitespace().count();
    let verbs = VERBS_ONLY.is_match(text) || starts_clause(text);
    (2..=3).contains(&words)
        && !SAYS.is_match(text)
        && !text.contains(['(', ',', ':'])
        && !verbs
        && !SPEAKER.is_match(text)
        && !theme_words(text)
}

static SPEAKER: Pattern = Pattern::new(|| compile(r"(?i)^(?:i|we|you|they|he|she)\b"));

/// A longer name, or a longer `for …`, says more than an introduction does.
const INTRO_PART_CHARS_MAX: usize = 40;

static BUILD: Pattern = Pattern::new(|| {
    compile(
        r"(?i)^(?:please )?(?:build|develop|design|generate|program)(?: me| us)? (?:an?|the|my|our) [\w'-]+(?: [\w'-]+){0,2}(?: for (?:me|us|my|our|the|an?|small|home|myself)\b(?P<whom>[\w' -]*))?$",
    )
});

static INTRO_SENTENCE: Pattern = Pattern::new(|| {
    compile(
        r#"(?i)^(?:please )?(?:(?:i|we) (?:want|need|would like)(?: to (?:have|build|make|create))?|i'd like|we'd like|(?:build|make|create|write|generate|design|develop|give)(?: me| us)?|this is|it is)? ?(?:an?|the|my|our) (?:(?:simple|small|little|personal|tiny|basic|nice|good|easy|web) )*(?P<name>(?:[\w'-]+ ){0,3}(?:app|application|tool|program|tracker|list|log|manager|planner|organi[sz]er|inventory|quiz|board|diary|journal|system|database|catalogue|catalog|register|calendar|collection|trainer|book))(?: (?:app|application|tool|program))?(?: (?:called|named) ["“']?(?P<called>[\w' -]+)["”']?)?(?: for (?:me|us|my|our|the|an?|small|home|myself)\b(?P<whom>[\w' -]*))?$"#,
    )
});

/// `I want an inventory app for my workshop` names the app and says nothing else.
pub fn is_intro(text: &str) -> bool {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [&INTRO_SENTENCE, &BUILD].into_iter().any(|pattern| introduces(pattern, &flat)) && !theme_words(text)
}

/// Whether the pattern matches and neither the name nor for whom it is goes on and on. A bound in the pattern would cost
/// an automaton for each character that may come.
fn introduces(pattern: &'static Pattern, text: &str) -> bool {
    pattern.captures(text).is_some_and(|found| {
        ["called", "whom"]
            .into_iter()
            .filter_map(|group| found.name(group))
            .all(|part| part.as_str().chars().count() <= INTRO_PART_CHARS_MAX)
    })
}

fn theme_words(text: &str) -> bool {
    let plain = normalise(text).to_lowercase();
    let words: Vec<&str> = plain.split(' ').collect();
    words.iter().any(|word| {
        (super::vocabulary::MOODS.contains(word) && !["simple", "light"].contains(word))
            || super::vocabulary::COLOURS.contains(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(brief: &str, title: Option<&str>, expected: &[&str]) {
        let cut = cut(brief);
        assert_eq!(cut.title.as_deref(), title, "{brief}");
        let texts: Vec<&str> = cut.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
        assert_eq!(texts, expected, "{brief}");
        for sentence in &cut.sentences {
            assert_eq!(&brief[sentence.start..sentence.end], sentence.text);
        }
    }

    #[test]
    fn briefs_are_cut() {
        check(
            "A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; search by title, filter by status, sort by rating; count per status",
            Some("Reading list"),
            &[
                "books with title, author, status (to read, reading, done) and rating 1 to 5",
                "search by title",
                "filter by status",
                "sort by rating",
                "count per status",
            ],
        );
        check(
            "I want to add, edit and delete books. Undo.",
            None,
            &["I want to add, edit and delete books", "Undo"],
        );
        check(
            "I want an inventory app for my workshop. Each item has a name and a price.",
            Some("Inventory"),
            &["Each item has a name and a price"],
        );
        check(
            "# My films\n\n- films with title\n- search by title",
            Some("My films"),
            &["films with title", "search by title"],
        );
        check(
            "A book has:\n- title\n- author\n\nUsers can:\n1. search by title\n2. sort by author",
            None,
            &["A book has:\n- title\n- author", "search by title", "sort by author"],
        );
        check(
            "Tasks with a title, a status that is open or done and a due date, and mark a task as done.",
            None,
            &["Tasks with a title, a status that is open or done and a due date", "mark a task as done"],
        );
        check("", None, &[]);
        check("... !!! ;;;", None, &[]);
    }
}
