//! Where a reader stands in a room's log: an opaque token on the wire, (epoch, seq) inside.

use std::fmt;
use std::str::FromStr;

/// Names one life of a room's log. It changes only when the log is lost, so that an old position is never taken for a
/// place in a new log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The place after the event number `seq`; 0 is the start of the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    /// Which log.
    pub epoch: Epoch,
    /// The last event that lies behind the reader.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a position that the server gave out")]
pub struct BadPosition;

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, seq) = text.split_once('-').ok_or(BadPosition)?;
        let spelled_as_given_out = epoch.len() == 8
            && epoch.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && !seq.is_empty()
            && seq.bytes().all(|byte| byte.is_ascii_digit())
            && (seq == "0" || !seq.starts_with('0'));
        if !spelled_as_given_out {
            return Err(BadPosition);
        }
        let epoch = u32::from_str_radix(epoch, 16).map_err(|_| BadPosition)?;
        Ok(Position { epoch: Epoch(epoch), seq: seq.parse().map_err(|_| BadPosition)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let position = Position { epoch: Epoch(0x00c0_ffee), seq: 42 };
        assert_eq!(position.to_string(), "00c0ffee-42");
        assert_eq!("00c0ffee-42".parse(), Ok(position));
        for bad in [
            "",
            "-",
            "42",
            "00c0ffee-",
            "00c0ffee-042",
            "00C0FFEE-1",
            "c0ffee-1",
            "00c0ffee-+1",
            "00c0ffee-99999999999999999999",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(BadPosition), "{bad}");
        }
    }
}
