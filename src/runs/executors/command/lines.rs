//! Cuts the bytes of a program into lines, whatever they are: bounded memory, any encoding, carriage returns as a terminal
//! shows them.

/// Bytes of a line that are kept; of what comes after it only the number is.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
/// Room behind that, so that a secret which lies across the cut is still whole when it is looked for.
const MARGIN_BYTES: usize = 1024;

/// A line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text; what was no UTF-8 is replaced.
    pub(super) text: String,
    /// Bytes that were left out at its end.
    pub(super) cut_bytes: u64,
    /// Whether a carriage return ended it, so that the next one stands in its place: how progress is shown.
    pub(super) overwritten: bool,
}

/// What came and is not a whole line yet.
#[derive(Debug, Default)]
pub(super) struct LineCutter {
    kept: Vec<u8>,
    cut_bytes: u64,
    /// The last byte was a carriage return: whether a line feed follows decides what it was.
    returned: bool,
}

impl LineCutter {
    /// Takes bytes; hands out every line that is whole.
    pub(super) fn feed(&mut self, mut bytes: &[u8], lines: &mut Vec<Line>) {
        while let Some(&first) = bytes.first() {
            if self.returned {
                self.returned = false;
                if first == b'\n' {
                    lines.push(self.take(false));
                    bytes = &bytes[1..];
                    continue;
                }
                if first == b'\r' {
                    self.returned = true;
                    bytes = &bytes[1..];
                    continue;
                }
                lines.push(self.take(true));
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.keep(piece);
            match rest.first() {
                Some(b'\n') => lines.push(self.take(false)),
                Some(_) => self.returned = true,
                None => return,
            }
            bytes = &rest[1..];
        }
    }

    /// The last line, when it was not ended.
    pub(super) fn finish(mut self) -> Option<Line> {
        (!self.kept.is_empty() || self.cut_bytes > 0).then(|| self.take(false))
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = (LINE_BYTES_MAX + MARGIN_BYTES).saturating_sub(self.kept.len());
        let kept = piece.len().min(room);
        self.kept.extend_from_slice(&piece[..kept]);
        self.cut_bytes += (piece.len() - kept) as u64;
    }

    fn take(&mut self, overwritten: bool) -> Line {
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        self.kept.clear();
        Line { text, cut_bytes: std::mem::take(&mut self.cut_bytes), overwritten }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<(String, bool)> {
        let (mut cutter, mut lines) = (LineCutter::default(), Vec::new());
        for piece in pieces {
            cutter.feed(piece, &mut lines);
        }
        lines.extend(cutter.finish());
        lines.into_iter().map(|line| (line.text, line.overwritten)).collect()
    }

    #[test]
    fn lines_end_as_a_terminal_shows_them() {
        for (pieces, expected) in [
            (&[b"a\nb".as_slice()][..], &[("a", false), ("b", false)][..]),
            (&[b"a\r".as_slice(), b"\nb\r\n"], &[("a", false), ("b", false)]),
            (&[b"10%\r20%\r".as_slice(), b"\r30%\n"], &[("10%", true), ("20%", true), ("30%", false)]),
            (&[b"\n\n".as_slice()], &[("", false), ("", false)]),
            (&[b"\xc3".as_slice(), b"\xb6\xff!\n"], &[("ö\u{fffd}!", false)]),
            (&[b"".as_slice()], &[]),
        ] {
            let expected: Vec<(String, bool)> =
                expected.iter().map(|(text, over)| ((*text).to_owned(), *over)).collect();
            assert_eq!(cut(pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_without_end_stays_small() {
        let (mut cutter, mut lines) = (LineCutter::default(), Vec::new());
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..1_600 {
            cutter.feed(&piece, &mut lines);
        }
        assert!(lines.is_empty() && cutter.kept.capacity() <= 4 * LINE_BYTES_MAX);
        let line = cutter.finish().unwrap();
        assert_eq!(line.text.len() as u64 + line.cut_bytes, 1_600 * 64 * 1024);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in prop::collection::vec(prop::sample::select(b"ab\r\n\xc3\xb6".to_vec()), 0..60), at in 0usize..60) {
            let at = at.min(bytes.len());
            prop_assert_eq!(cut(&[&bytes]), cut(&[&bytes[..at], &bytes[at..]]));
        }
    }
}
