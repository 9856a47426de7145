//! Whether a brief can be worked on at all, and if not, why: before a run is accepted.

use super::pattern;
use super::understand::read;
use super::{Understanding, understand};

/// The longest brief, in characters.
pub const BRIEF_MAX: usize = 20_000;

/// The longest word, in letters and digits: names of files are made from words.
const WORD_MAX: usize = 100;

const EXAMPLE: &str = "for example: `A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; search by title; count per status`";

/// Says why a brief cannot be worked on.
///
/// # Errors
/// With the reason, what would be understood, and an example.
pub fn check_brief(brief: &str) -> Result<(), String> {
    let length = brief.chars().count();
    if length > BRIEF_MAX {
        return Err(format!("the brief has {length} characters; at most {BRIEF_MAX} are read"));
    }
    if brief.trim().is_empty() {
        return Err(format!("the brief is empty; say in English what is to be kept and done, {EXAMPLE}"));
    }
    let letters = brief.chars().filter(|sign| sign.is_alphabetic()).count();
    let untagged = pattern!(r"<[^<>]*>").replace_all(brief, " ");
    if letters < 2 || untagged.chars().filter(|sign| sign.is_alphabetic()).count() < 2 {
        return Err(format!(
            "the brief holds no words; say in English what is to be kept and done, {EXAMPLE}"
        ));
    }
    let longest = longest_word(brief);
    if longest > WORD_MAX {
        return Err(format!("the brief holds a word of {longest} letters; at most {WORD_MAX} are read"));
    }
    if let Some(script) = foreign_script(brief, letters) {
        return Err(format!("English is understood; this brief is written in {script}; {EXAMPLE}"));
    }
    if let Some(language) = foreign_language(brief) {
        return Err(format!("English is understood; this brief looks {language}; {EXAMPLE}"));
    }
    if looks_like_noise(brief) {
        return Err(format!("hardly any English word was found in the brief; {EXAMPLE}"));
    }
    let Understanding { model, .. } = understand(&read(brief));
    if model.entities.is_empty() {
        return Err(format!(
            "nothing that could be kept was found in the brief; name a thing and its fields, {EXAMPLE}"
        ));
    }
    Ok(())
}

fn longest_word(brief: &str) -> usize {
    brief.split(|sign: char| !sign.is_alphanumeric()).map(|word| word.chars().count()).max().unwrap_or(0)
}

/// The script of most letters, when it is not the Latin one.
fn foreign_script(brief: &str, letters: usize) -> Option<&'static str> {
    const SCRIPTS: [(&str, u32, u32); 12] = [
        ("Greek letters", 0x370, 0x3ff),
        ("Cyrillic letters", 0x400, 0x52f),
        ("Armenian letters", 0x530, 0x58f),
        ("Hebrew letters", 0x590, 0x5ff),
        ("Arabic letters", 0x600, 0x77f),
        ("Devanagari letters", 0x900, 0x97f),
        ("letters of an Indian script", 0x980, 0xdff),
        ("Thai letters", 0xe00, 0xe7f),
        ("Japanese signs", 0x3040, 0x30ff),
        ("Korean signs", 0xac00, 0xd7af),
        ("Chinese or Japanese signs", 0x3400, 0x9fff),
        ("letters of an Ethiopian script", 0x1200, 0x137f),
    ];
    let mut counts = [0_usize; SCRIPTS.len()];
    let mut other = 0;
    for sign in brief.chars().filter(|sign| sign.is_alphabetic()) {
        let code = sign as u32;
        match SCRIPTS.iter().position(|(_, from, to)| (*from..=*to).contains(&code)) {
            Some(at) => counts[at] += 1,
            None if code > 0x24f => other += 1,
            None => {}
        }
    }
    let foreign: usize = counts.iter().sum::<usize>() + other;
    if foreign * 3 <= letters {
        return None;
    }
    let most = counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
    Some(if *most.1 >= other { SCRIPTS[most.0].0 } else { "letters that are not Latin" })
}

const ENGLISH: &[&str] = &[
    "the", "a", "an", "and", "with", "of", "to", "for", "by", "per", "is", "are", "has", "have", "each",
    "every", "can", "should", "must", "i", "want", "list", "app", "search", "filter", "sort", "count",
    "show", "as", "in", "on", "or", "not", "be", "it", "my", "me", "that", "which", "when", "from", "all",
    "title", "name", "status", "date", "make", "track", "keep", "books", "tasks", "mark", "done", "edit",
    "add", "delete", "users", "no", "this", "at", "most",
];

const LANGUAGES: &[(&str, &[&str])] = &[
    (
        "German",
        &[
            "der",
            "die",
            "das",
            "und",
            "mit",
            "für",
            "ein",
            "eine",
            "einen",
            "ist",
            "nicht",
            "ich",
            "von",
            "zu",
            "auf",
            "oder",
            "jede",
            "jeder",
            "jedes",
            "nach",
            "liste",
            "soll",
            "sollen",
            "möchte",
            "bücher",
            "hat",
            "haben",
            "meine",
            "suchen",
            "filtern",
            "sortieren",
            "im",
            "dem",
            "den",
            "wie",
            "kann",
        ],
    ),
    (
        "French",
        &[
            "le",
            "la",
            "les",
            "et",
            "avec",
            "pour",
            "une",
            "des",
            "est",
            "pas",
            "je",
            "du",
            "par",
            "ou",
            "dans",
            "qui",
            "chaque",
            "un",
            "liste",
            "veux",
            "sur",
            "au",
            "livres",
            "mes",
            "doit",
            "peut",
            "aux",
            "rechercher",
            "trier",
        ],
    ),
    (
        "Spanish",
        &[
            "el", "la", "los", "las", "y", "con", "para", "una", "de", "es", "por", "un", "que", "cada",
            "lista", "quiero", "en", "del", "mis", "libros", "buscar", "ordenar", "se", "debe", "puede", "o",
        ],
    ),
    (
        "Italian",
        &[
            "il", "lo", "gli", "e", "con", "per", "una", "di", "è", "un", "che", "ogni", "lista", "voglio",
            "della", "del", "libri", "cercare", "ordinare", "i", "le", "nel", "o", "mia", "deve", "può",
        ],
    ),
    (
        "Portuguese",
        &[
            "o", "os", "as", "e", "com", "para", "uma", "de", "é", "por", "um", "que", "cada", "lista",
            "quero", "em", "do", "da", "livros", "meus", "não", "deve", "pode", "ou", "procurar",
        ],
    ),
    (
        "Dutch",
        &[
            "de", "het", "een", "en", "met", "voor", "is", "niet", "ik", "van", "op", "elke", "elk", "lijst",
            "wil", "zijn", "boeken", "zoeken", "of", "naar", "mijn", "kan", "moet", "per", "die", "dat",
        ],
    ),
    (
        "Polish",
        &[
            "i",
            "z",
            "na",
            "dla",
            "jest",
            "nie",
            "lista",
            "chcę",
            "oraz",
            "każdy",
            "każda",
            "książki",
            "do",
            "się",
            "lub",
            "po",
        ],
    ),
    (
        "Swedish, Danish or Norwegian",
        &[
            "och", "og", "med", "för", "for", "en", "ett", "et", "är", "er", "inte", "ikke", "jag", "jeg",
            "av", "af", "som", "till", "til", "på", "lista", "liste", "bøker", "böcker", "vil", "vill",
        ],
    ),
    (
        "Turkish",
        &[
            "ve",
            "ile",
            "için",
            "bir",
            "bu",
            "olan",
            "liste",
            "kitap",
            "kitaplar",
            "veya",
            "her",
            "göre",
            "ara",
            "istiyorum",
        ],
    ),
    (
        "Czech or Slovak",
        &[
            "a", "s", "se", "pro", "je", "není", "seznam", "chci", "každý", "každá", "knihy", "podle",
            "nebo", "na",
        ],
    ),
    (
        "Finnish",
        &["ja", "on", "ei", "lista", "kirjat", "haluan", "jokainen", "sekä", "tai", "joka", "mukaan"],
    ),
    (
        "Latin",
        &[
            "lorem",
            "ipsum",
            "dolor",
            "sit",
            "amet",
            "consectetur",
            "adipiscing",
            "elit",
            "sed",
            "et",
            "ut",
            "in",
        ],
    ),
];

fn words(brief: &str) -> Vec<String> {
    brief
        .split(|sign: char| !sign.is_alphanumeric() && sign != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The language whose small words are much more frequent than the English ones.
fn foreign_language(brief: &str) -> Option<&'static str> {
    let words = words(brief);
    let english = words.iter().filter(|word| ENGLISH.contains(&word.as_str())).count();
    let (name, count) = LANGUAGES
        .iter()
        .map(|(name, list)| (*name, words.iter().filter(|word| list.contains(&word.as_str())).count()))
        .max_by_key(|(_, count)| *count)?;
    (count >= 2 && count > english && count * 8 >= words.len()).then_some(name)
}

/// Many words, hardly any of them English.
fn looks_like_noise(brief: &str) -> bool {
    let words = words(brief);
    let english = words.iter().filter(|word| word.len() > 1 && ENGLISH.contains(&word.as_str())).count();
    let readable = words
        .iter()
        .filter(|word| pattern!(r"^[a-z']*[aeiouy][a-z']*$").is_match(word) && word.len() < 20)
        .count();
    if words.len() > 12 {
        return english * 25 < words.len() || readable * 2 < words.len();
    }
    false
}
