//! Single words: singular and plural, keys, labels.

/// Words that are the same in both numbers.
const UNCHANGING: &[&str] = &[
    "series",
    "species",
    "news",
    "equipment",
    "furniture",
    "stock",
    "money",
    "music",
    "sheep",
    "fish",
    "software",
    "information",
    "advice",
    "status",
    "bus",
    "gas",
    "lens",
    "bonus",
    "campus",
    "virus",
    "focus",
    "corpus",
    "analysis",
    "basis",
    "address",
    "process",
    "access",
    "progress",
    "class",
    "glass",
    "boss",
    "business",
    "tennis",
    "chess",
    "yes",
    "always",
    "plus",
    "minus",
    "is",
    "this",
    "has",
    "was",
    "its",
    "as",
    "us",
    "does",
];

const IRREGULAR: &[(&str, &str)] = &[
    ("person", "people"),
    ("child", "children"),
    ("man", "men"),
    ("woman", "women"),
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("mouse", "mice"),
    ("goose", "geese"),
    ("index", "indices"),
    ("criterion", "criteria"),
    ("shelf", "shelves"),
    ("life", "lives"),
    ("wolf", "wolves"),
    ("half", "halves"),
    ("leaf", "leaves"),
    ("knife", "knives"),
    ("loaf", "loaves"),
    ("movie", "movies"),
    ("cookie", "cookies"),
    ("tie", "ties"),
    ("pie", "pies"),
    ("calorie", "calories"),
    ("selfie", "selfies"),
    ("hero", "heroes"),
    ("potato", "potatoes"),
    ("tomato", "tomatoes"),
    ("echo", "echoes"),
    ("quiz", "quizzes"),
    ("analysis", "analyses"),
    ("basis", "bases"),
    ("house", "houses"),
    ("horse", "horses"),
    ("course", "courses"),
    ("nurse", "nurses"),
    ("purse", "purses"),
    ("exercise", "exercises"),
    ("expense", "expenses"),
    ("purchase", "purchases"),
    ("release", "releases"),
    ("case", "cases"),
    ("phase", "phases"),
    ("phrase", "phrases"),
    ("vase", "vases"),
    ("lease", "leases"),
    ("database", "databases"),
    ("license", "licenses"),
    ("disease", "diseases"),
    ("cause", "causes"),
    ("rose", "roses"),
    ("dose", "doses"),
    ("cheese", "cheeses"),
    ("size", "sizes"),
    ("prize", "prizes"),
    ("bus", "buses"),
    ("lens", "lenses"),
    ("status", "statuses"),
    ("bonus", "bonuses"),
    ("virus", "viruses"),
    ("campus", "campuses"),
    ("gas", "gases"),
    ("boss", "bosses"),
    ("address", "addresses"),
    ("process", "processes"),
    ("class", "classes"),
    ("glass", "glasses"),
    ("business", "businesses"),
    ("cache", "caches"),
    ("axe", "axes"),
    ("shoe", "shoes"),
    ("toe", "toes"),
];

/// The singular of a lower-case word; a word that is no plural stays.
pub(super) fn singular(word: &str) -> String {
    if let Some((one, _)) = IRREGULAR.iter().find(|(_, many)| *many == word) {
        return (*one).to_owned();
    }
    if UNCHANGING.contains(&word) || word.len() < 4 || !word.ends_with('s') {
        return word.to_owned();
    }
    let stem = |cut: usize| word[..word.len() - cut].to_owned();
    if word.ends_with("ies") && word.len() > 4 {
        return stem(3) + "y";
    }
    if ["sses", "shes", "ches", "xes", "zes"].iter().any(|ending| word.ends_with(ending)) {
        return stem(2);
    }
    if ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        return word.to_owned();
    }
    stem(1)
}

/// The plural of a lower-case word; always different from the word except for words that do not change.
pub(super) fn plural(word: &str) -> String {
    if let Some((_, many)) = IRREGULAR.iter().find(|(one, _)| *one == word) {
        return (*many).to_owned();
    }
    if UNCHANGING.contains(&word) {
        return word.to_owned();
    }
    let before = word.chars().rev().nth(1).unwrap_or('a');
    if word.ends_with('y') && !"aeiou".contains(before) {
        return word[..word.len() - 1].to_owned() + "ies";
    }
    if ["s", "x", "z", "ch", "sh"].iter().any(|ending| word.ends_with(ending)) {
        return word.to_owned() + "es";
    }
    word.to_owned() + "s"
}

/// True for a word that looks like a plural.
pub(super) fn is_plural(word: &str) -> bool {
    singular(word) != word
}

/// ASCII letters and digits of a word, lower case; accents are dropped.
pub(super) fn ascii(word: &str) -> String {
    let mut out = String::new();
    for sign in word.chars().flat_map(char::to_lowercase) {
        match sign {
            'a'..='z' | '0'..='9' => out.push(sign),
            'æ' | 'ä' => out.push_str("ae"),
            'à'..='å' => out.push('a'),
            'ç' => out.push('c'),
            'è'..='ë' => out.push('e'),
            'ì'..='ï' => out.push('i'),
            'ñ' => out.push('n'),
            'ò'..='ö' | 'ø' => out.push('o'),
            'ù'..='ü' => out.push('u'),
            'ß' => out.push_str("ss"),
            _ => {}
        }
    }
    out
}

/// Words of a name, lower case, split at everything that is no letter or digit.
pub(super) fn parts(name: &str) -> Vec<String> {
    name.split(|sign: char| !sign.is_alphanumeric()).map(ascii).filter(|part| !part.is_empty()).collect()
}

/// `dueDate` from `Due date`. Empty when the name has no ASCII letter to offer.
pub(super) fn camel(name: &str) -> String {
    let mut key = String::new();
    for part in parts(name) {
        if key.is_empty() {
            key.push_str(part.trim_start_matches(|sign: char| sign.is_ascii_digit()));
        } else {
            let mut signs = part.chars();
            key.extend(signs.next().map(|sign| sign.to_ascii_uppercase()));
            key.push_str(signs.as_str());
        }
    }
    key
}

/// `to-read` from `To read`.
pub(super) fn kebab(name: &str) -> String {
    parts(name).join("-")
}

/// `Due date` from `due date`; words that are not plain lower case, like `ISBN`, stay as they are.
pub(super) fn label(words: &str) -> String {
    let words = words.replace('_', " ");
    let mut out = String::new();
    for (index, word) in words.split_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        let shout = word.len() > 1 && word.chars().all(|sign| sign.is_uppercase() || sign.is_ascii_digit());
        let known =
            ["url", "isbn", "id", "sku", "ean", "csv", "json", "vat"].contains(&word.to_lowercase().as_str());
        if known {
            out.push_str(&word.to_uppercase());
        } else if shout {
            out.push_str(word);
        } else {
            let low = word.to_lowercase();
            let mut signs = low.chars();
            match signs.next() {
                Some(first) if index == 0 => {
                    out.extend(first.to_uppercase());
                    out.push_str(signs.as_str());
                }
                _ => out.push_str(&low),
            }
        }
    }
    out
}

/// Keys that would be reserved words, or shadow something every JavaScript object has.
const RESERVED: &[&str] = &[
    "abstract",
    "arguments",
    "async",
    "await",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "double",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "from",
    "function",
    "get",
    "goto",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "int",
    "interface",
    "let",
    "long",
    "native",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "protected",
    "prototype",
    "public",
    "return",
    "set",
    "short",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "volatile",
    "while",
    "with",
    "yield",
    "nan",
    "infinity",
    "tostring",
    "valueof",
    "map",
    "array",
    "date",
    "error",
    "json",
    "math",
    "promise",
    "proxy",
    "reflect",
    "regexp",
    "window",
    "document",
];

/// True when the key may not name a field.
pub(super) fn reserved_field(key: &str) -> bool {
    // `date`, `number` and the like are fine as property names; only what breaks as an identifier or hides a built-in
    // property of every object is not.
    let fine =
        ["date", "number", "map", "array", "error", "json", "math", "symbol", "object", "string", "boolean"];
    key == "id"
        || key == "version"
        || (RESERVED.contains(&key.to_lowercase().as_str()) && !fine.contains(&key))
}

/// True when the key may not name an entity: its module would have the name of another module of the app.
pub(super) fn reserved_entity(key: &str) -> bool {
    const MODULES: &[&str] = &[
        "model",
        "store",
        "query",
        "totals",
        "counts",
        "transitions",
        "due",
        "overlap",
        "alerts",
        "streak",
        "quiz",
        "transfer",
        "statistics",
        "history",
        "calendar",
        "storage",
        "seed",
        "main",
        "entity",
        "entities",
        "record",
        "version",
        "id",
        "app",
        "state",
    ];
    RESERVED.contains(&key.to_lowercase().as_str()) || MODULES.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (one, many) in [
            ("book", "books"),
            ("category", "categories"),
            ("person", "people"),
            ("box", "boxes"),
            ("expense", "expenses"),
            ("status", "statuses"),
            ("shelf", "shelves"),
            ("quiz", "quizzes"),
            ("dish", "dishes"),
            ("movie", "movies"),
            ("address", "addresses"),
            ("toy", "toys"),
        ] {
            assert_eq!(singular(many), one);
            assert_eq!(plural(one), many);
            assert_eq!(singular(one), one);
        }
    }

    #[test]
    fn keys_and_labels() {
        assert_eq!(camel("Due date"), "dueDate");
        assert_eq!(camel("2nd name"), "ndName");
        assert_eq!(camel("café"), "cafe");
        assert_eq!(camel("日本"), "");
        assert_eq!(kebab("To read"), "to-read");
        assert_eq!(label("due date"), "Due date");
        assert_eq!(label("ISBN number"), "ISBN number");
        assert_eq!(label("url"), "URL");
    }
}
