//! Whether what was read begins with a request that the front takes, and where that request ends.
//!
//! The request itself is read by actix-http's codec; this only finds out whether it is one of the plain ones. Whatever is
//! unusual is left alone, so that nobody can make the two disagree on where a request ends.

/// Longest head that is looked at.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Largest body that is kept in memory here; larger ones are streamed by actix-http.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A request of so many bytes.
    Whole(usize),
    /// The beginning of a request.
    Part,
    /// Something else.
    Other,
}

/// Looks at the beginning of `bytes`.
pub(super) fn scan(bytes: &[u8]) -> Found {
    const METHOD: &[u8] = b"POST ";
    let seen = bytes.len().min(METHOD.len());
    if bytes[..seen] != METHOD[..seen] {
        return Found::Other;
    }
    let Some(end) = bytes.windows(4).take(HEAD_BYTES_MAX).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > HEAD_BYTES_MAX { Found::Other } else { Found::Part };
    };
    match body_length(&bytes[..end]) {
        Some(length) if length <= BODY_BYTES_MAX => {
            let whole = end + 4 + length;
            if bytes.len() >= whole { Found::Whole(whole) } else { Found::Part }
        }
        _ => Found::Other,
    }
}

/// How long the body is; none when the head holds anything unusual.
fn body_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    if !lines.next()?.ends_with(" HTTP/1.1") {
        return None;
    }
    let mut length = None;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !plain || value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return None;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("content-length") {
            let digits = value.trim_matches([' ', '\t']);
            let counts = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            if length.is_some() || !counts {
                return None;
            }
            length = digits.parse().ok();
        }
        if ["transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"].iter().any(|n| is(n)) {
            return None;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &[u8] = b"POST /a HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\nabc";

    #[test]
    fn finds_the_end_of_plain_requests() {
        let two = [PLAIN, PLAIN].concat();
        assert_eq!(scan(&two), Found::Whole(PLAIN.len()));
        for cut in 0..PLAIN.len() {
            assert_eq!(scan(&PLAIN[..cut]), Found::Part, "{cut}");
        }
        assert_eq!(scan(b"POST / HTTP/1.1\r\nContent-Length:  0 \r\n\r\n"), Found::Whole(40));
    }

    #[test]
    fn leaves_everything_unusual_alone() {
        let with = |lines: &str| scan(format!("POST / HTTP/1.1\r\n{lines}\r\n\r\nabc").as_bytes());
        assert_eq!(with("Content-Length: 3\r\nHost: x"), Found::Whole(50));
        for lines in [
            "Host: x",
            "Content-Length: 3\r\nContent-Length: 3",
            "Content-Length: 3\r\ncontent-length: 4",
            "Content-Length: +3",
            "Content-Length: 3,3",
            "Content-Length: -3",
            "Content-Length: 0x3",
            "Content-Length:",
            "Content-Length : 3",
            "Content-Length: 99999999999999999999",
            "Content-Length: 65537",
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "Content-Length: 3\r\nTransfer-Encoding : chunked",
            "Content-Length: 3\r\nConnection: close",
            "Content-Length: 3\r\nExpect: 100-continue",
            "Content-Length: 3\r\nUpgrade: h2c",
            "Content-Length: 3\r\n folded: x",
            "Content-Length: 3\r\nHost: a\nTransfer-Encoding: chunked",
            "Content-Length: 3\r\nHost: \0",
            "Content-Length: 3\r\nno colon",
        ] {
            assert_eq!(with(lines), Found::Other, "{lines:?}");
        }
        for bytes in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], b"P0", b"\r\n", b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"]
        {
            assert_eq!(scan(bytes), Found::Other, "{bytes:?}");
        }
        let endless = [b"POST / HTTP/1.1\r\n".to_vec(), vec![b'a'; HEAD_BYTES_MAX]].concat();
        assert_eq!(scan(&endless), Found::Other);
    }

    proptest! {
        #[test]
        fn agrees_with_the_codec_on_where_a_request_ends(
            head in "(Host: [a-z]{1,3}\r\n|Content-Length: [0-9]{1,2}\r\n|X: [ -~]{0,5}\r\n|Content-Length:\t?[0-9] \r\n){0,4}",
            body in "[a-z]{0,40}",
        ) {
            use actix_codec::Decoder;
            use actix_http::h1;

            let text = format!("POST / HTTP/1.1\r\n{head}\r\n{body}");
            if let Found::Whole(length) = scan(text.as_bytes()) {
                // The codec's clock lives on an actix system.
                let mut codec = actix_rt::System::new().block_on(async { h1::Codec::default() });
                let mut bytes = bytes::BytesMut::from(&text.as_bytes()[..length]);
                match codec.decode(&mut bytes) {
                    // Two hosts, for one: refused, and the connection with it.
                    Err(_) => return Ok(()),
                    item => prop_assert!(matches!(item, Ok(Some(h1::Message::Item(_)))), "{}", text),
                }
                while codec.message_type() != h1::MessageType::None {
                    prop_assert!(matches!(codec.decode(&mut bytes), Ok(Some(h1::Message::Chunk(_)))), "{}", text);
                }
                prop_assert!(bytes.is_empty(), "{}", text);
            }
        }
    }
}
