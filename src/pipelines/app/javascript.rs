//! Writing JavaScript: literals in the style of the generated code (two spaces, single quotes, trailing commas) and the
//! names that stand in it.

/// How wide a literal may be before it is broken over several lines.
const LINE_WIDTH_MAX: usize = 100;

/// A string literal in single quotes. `</` and `<!` are escaped, because the packager puts the modules of an app into a
/// `<script>` element.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '<' if matches!(characters.peek(), Some('/' | '!')) => quoted.push_str("\\x3c"),
            '\u{2028}' | '\u{2029}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            character if character.is_control() => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

/// A JavaScript value; unlike a JSON value it keeps the order of its properties.
#[derive(Clone, Debug, PartialEq)]
pub enum Js {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Js>),
    /// An object.
    Object(Vec<(String, Js)>),
    /// An expression that is written as it stands.
    Code(String),
}

impl Js {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object.
    pub fn object<N: Into<String>>(entries: impl IntoIterator<Item = (N, Js)>) -> Self {
        Self::Object(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// The property of an object.
    pub fn get(&self, name: &str) -> Option<&Js> {
        match self {
            Self::Object(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The same object with other values for some properties; new ones go to the end.
    #[must_use]
    pub fn with(&self, name: &str, value: Js) -> Self {
        let Self::Object(entries) = self else { return self.clone() };
        let mut entries = entries.clone();
        match entries.iter_mut().find(|(key, _)| key == name) {
            Some(entry) => entry.1 = value,
            None => entries.push((name.to_owned(), value)),
        }
        Self::Object(entries)
    }

    /// A string's text; of anything else nothing.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// A number; of anything else nothing.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is what an empty field holds.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            _ => false,
        }
    }

    /// As JSON, for files that are not JavaScript.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Number(number) => json_number(*number),
            Self::Text(text) | Self::Code(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Js::json).collect(),
            Self::Object(entries) => {
                entries.iter().map(|(name, value)| (name.clone(), value.json())).collect()
            }
        }
    }

    /// As a literal on one line.
    pub fn inline(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(flag) => flag.to_string(),
            Self::Number(value) => number(*value),
            Self::Text(text) => quote(text),
            Self::List(items) => format!("[{}]", items.iter().map(Js::inline).collect::<Vec<_>>().join(", ")),
            Self::Object(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Object(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(name, value)| format!("{}: {}", property(name), value.inline()))
                    .collect();
                format!("{{ {} }}", entries.join(", "))
            }
            Self::Code(code) => code.clone(),
        }
    }

    /// As a literal. `column` is where it starts and `indent` how far its line is indented; what does not fit into the
    /// line is broken into one element per line.
    pub fn block(&self, indent: usize, column: usize) -> String {
        let flat = self.inline();
        if column + flat.chars().count() <= LINE_WIDTH_MAX {
            return flat;
        }
        let inner = " ".repeat(indent + 2);
        let outer = " ".repeat(indent);
        match self {
            Self::List(items) if !items.is_empty() => {
                let lines: String = items
                    .iter()
                    .map(|item| format!("{inner}{},\n", item.block(indent + 2, indent + 3)))
                    .collect();
                format!("[\n{lines}{outer}]")
            }
            Self::Object(entries) if !entries.is_empty() => {
                let lines: String = entries
                    .iter()
                    .map(|(name, item)| {
                        let name = property(name);
                        let column = indent + name.len() + 5;
                        format!("{inner}{name}: {},\n", item.block(indent + 2, column))
                    })
                    .collect();
                format!("{{\n{lines}{outer}}}")
            }
            _ => flat,
        }
    }
}

impl From<&str> for Js {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Js {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Js {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Js {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl<T: Into<Js>> From<Vec<T>> for Js {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// A number as JavaScript writes it: whole numbers without a fraction.
pub fn number(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { value.to_string() }
}

/// A number as JSON, whole numbers without a fraction.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are cast")]
pub fn json_number(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
}

/// A property name, quoted only where it must be.
pub fn property(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { quote(name) }
}

/// Reads a property of an expression: `record.title`.
pub fn member(object: &str, name: &str) -> String {
    if is_identifier(name) { format!("{object}.{name}") } else { format!("{object}[{}]", quote(name)) }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == '$')
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_' || next == '$')
}

/// `stockItem` as part of a longer name: `StockItem`.
pub fn pascal(key: &str) -> String {
    let mut characters = key.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// A label within a sentence: `Due date` becomes `due date`, `ISBN` stays.
pub fn lower(label: &str) -> String {
    let mut characters = label.chars();
    let Some(first) = characters.next() else { return String::new() };
    let rest = characters.as_str();
    if rest.starts_with(char::is_uppercase) {
        return label.to_owned();
    }
    first.to_lowercase().collect::<String>() + rest
}

/// Words that may stand in a `//` comment: on one line, and nothing that ends a `<script>` element.
pub fn comment(text: &str) -> String {
    text.chars().map(|each| if each.is_control() || each == '<' { ' ' } else { each }).collect()
}

/// `a`, `a and b`, `a, b and c`.
pub fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_so_that_nothing_escapes() {
        for (text, expected) in [
            ("plain", "'plain'"),
            ("it's", r"'it\'s'"),
            ("a\\b", r"'a\\b'"),
            ("two\nlines", r"'two\nlines'"),
            ("</script>", r"'\x3c/script>'"),
            ("<!-- a < b", r"'\x3c!-- a < b'"),
            ("\u{2028}\u{0}", r"'\u2028\u0000'"),
        ] {
            assert_eq!(quote(text), expected);
        }
    }

    #[test]
    fn literals_break_only_when_they_do_not_fit() {
        let short = Js::object([("z", vec![Js::Number(1.0), Js::Null].into()), ("a b", Js::text("x"))]);
        assert_eq!(short.block(0, 0), "{ z: [1, null], 'a b': 'x' }");
        let text = "x".repeat(60);
        let long = Js::object([("first", Js::text(&text)), ("second", Js::text(&text))]);
        assert_eq!(long.block(2, 2), format!("{{\n    first: '{text}',\n    second: '{text}',\n  }}"));
    }

    #[test]
    fn names_read_well_within_sentences() {
        assert_eq!(lower("Due date"), "due date");
        assert_eq!(lower("ISBN"), "ISBN");
        assert_eq!(pascal("stockItem"), "StockItem");
        assert_eq!(and(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(number(2.0), "2");
        assert_eq!(number(0.5), "0.5");
    }
}
