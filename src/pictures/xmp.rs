//! Elements of an XMP packet, found in one pass over it. A packet is text of a stranger: what is longer than
//! [`XMP_BYTES_MAX`] is not looked at.

use std::ops::Range;

/// Bytes of a packet that is read. What cameras and programs write has some thousands.
pub const XMP_BYTES_MAX: usize = 1 << 20;

/// The element in which descriptions stand.
pub(super) const DESCRIPTION: &str = "dc:description";

/// An element that has no end, or a tag that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoEnd;

/// Where an element lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// From its first bracket to its last.
    pub(super) whole: Range<usize>,
    /// Between its tags; empty when it closes itself.
    pub(super) inside: Range<usize>,
}

/// The first element of that very name at or behind `from`.
pub(super) fn element(text: &str, name: &str, from: usize) -> Result<Option<Element>, NoEnd> {
    let Some(start) = tag(text, "<", name, from) else { return Ok(None) };
    let open_end = tag_end(text, start).ok_or(NoEnd)?;
    if text[..open_end].ends_with("/>") {
        return Ok(Some(Element { whole: start..open_end, inside: open_end..open_end }));
    }
    let close = tag(text, "</", name, open_end).ok_or(NoEnd)?;
    let end = tag_end(text, close).ok_or(NoEnd)?;
    Ok(Some(Element { whole: start..end, inside: open_end..close }))
}

/// The text without its elements of that name.
pub(super) fn without(text: &str, name: &str) -> Result<String, NoEnd> {
    let (mut rest, mut from) = (String::with_capacity(text.len()), 0);
    while let Some(Element { whole, .. }) = element(text, name, from)? {
        rest.push_str(&text[from..whole.start]);
        from = whole.end;
    }
    rest.push_str(&text[from..]);
    Ok(rest)
}

/// Where a tag begins: behind its name comes a space, a slash or its end, else it is the tag of another name.
fn tag(text: &str, bracket: &str, name: &str, from: usize) -> Option<usize> {
    let begin = [bracket, name].concat();
    let mut found = text[from..].match_indices(&begin).map(|(at, _)| from + at);
    found.find(|at| {
        let behind = text[at + begin.len()..].chars().next();
        behind.is_none_or(|c| c.is_ascii_whitespace() || c == '/' || c == '>')
    })
}

/// Where a tag ends; a bracket within quotes ends none.
fn tag_end(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.as_bytes()[from..].iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(from + at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_by_their_whole_name() {
        for (text, expected) in [
            ("a<d:x>1</d:x>b", "ab"),
            ("a<d:x/>b<d:x />c", "abc"),
            ("a<d:x y=\"/>\" z='>'>1</d:x >b", "ab"),
            ("<d:xy>1</d:xy><d:x\n>2</d:x>", "<d:xy>1</d:xy>"),
            ("<d:x>1</d:xy>2</d:x>3", "3"),
            ("<d:x><d:xy>1</d:xy></d:x>", ""),
            ("größer <d:x>ü</d:x>ß", "größer ß"),
            ("none", "none"),
        ] {
            assert_eq!(without(text, "d:x").as_deref(), Ok(expected), "{text}");
        }
        for endless in ["<d:x", "<d:x>1", "<d:x>1</d:xy>", "<d:x a='>1</d:x>", "<d:x>1</d:x><d:x>"] {
            assert_eq!(without(endless, "d:x"), Err(NoEnd), "{endless}");
        }
        let inside =
            |text: &str| element(text, "d:x", 0).map(|found| found.map(|it| text[it.inside].to_owned()));
        assert_eq!(inside("<d:xs>0</d:xs><d:x a='1'>2</d:x>"), Ok(Some("2".to_owned())));
        assert_eq!(inside("<d:x/>2</d:x>"), Ok(Some(String::new())));
    }
}
