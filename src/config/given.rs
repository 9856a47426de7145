//! One value as it was written, in a file, in the environment or as a flag, read as what a setting wants.
//!
//! The environment and flags know text alone, so text is accepted for every kind; a list is then separated by commas.

use toml::Value;

/// A value as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a>(pub &'a Value);

impl<'a> Given<'a> {
    /// A text without white space around it.
    pub fn text(self) -> Option<&'a str> {
        self.0.as_str().map(str::trim)
    }

    /// A text with something in it.
    pub fn filled_text(self) -> Option<&'a str> {
        self.text().filter(|text| !text.is_empty())
    }

    /// A whole number within these bounds, both included. `_` may separate digits.
    pub fn number(self, min: u64, max: u64) -> Option<u64> {
        let number = match self.0 {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        }?;
        (min..=max).contains(&number).then_some(number)
    }

    /// As [`Given::number`], for sizes in memory.
    pub fn size(self, min: u64, max: u64) -> Option<usize> {
        self.number(min, max).and_then(|number| usize::try_from(number).ok())
    }

    /// True or false.
    pub fn truth(self) -> Option<bool> {
        match self.0 {
            Value::Boolean(truth) => Some(*truth),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A list of texts, none of them empty.
    pub fn list(self) -> Option<Vec<String>> {
        match self.0 {
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned))
                .collect(),
            Value::String(text) => Some(
                text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_either_form_and_bounded() {
        let number = |value: Value| Given(&value).number(1, 100);
        assert_eq!(number(Value::Integer(7)), Some(7));
        assert_eq!(number(Value::String(" 1_0 ".into())), Some(10));
        for bad in [Value::Integer(0), Value::Integer(-1), Value::Integer(101), Value::Float(1.0)] {
            assert_eq!(number(bad.clone()), None, "{bad}");
        }
        for bad in ["", "x", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(number(Value::String(bad.into())), None, "{bad}");
        }
    }

    #[test]
    fn lists_are_read_from_either_form() {
        let list = |value: Value| Given(&value).list();
        assert_eq!(list(Value::String("a, b,,".into())), Some(vec!["a".into(), "b".into()]));
        assert_eq!(list(Value::String(String::new())), Some(vec![]));
        assert_eq!(list(Value::Array(vec![Value::String("a".into())])), Some(vec!["a".into()]));
        assert_eq!(list(Value::Array(vec![Value::Integer(1)])), None);
        assert_eq!(list(Value::Integer(1)), None);
    }
}
