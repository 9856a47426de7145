//! The index of a segment: an entry per block of lines, so that a range is found without reading what is before it, and
//! blocks without a wanted level or agent are passed over. An entry carries a check of itself: a wrong one would hide lines
//! that are there, so it counts as missing, and what is missing is made again from the lines.

use crate::domain::event::LogLevel;

/// Lines of a block. An entry is 16 bytes, so a million lines have an index of 62 kB.
pub(super) const BLOCK_LINES: u64 = 256;
/// Bytes of an entry in the index file.
pub(super) const ENTRY_BYTES: usize = 16;

/// Bits kept for levels; there are four of them.
const LEVEL_BITS: u32 = 8;

/// What an entry says of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Where in the segment the block ends and the next begins.
    pub(super) end: u64,
    /// A bit per level that occurs.
    levels: u32,
    /// A bit per agent that occurs; several agents may share one.
    agents: u32,
}

impl Block {
    /// A block without lines.
    pub(super) fn starting_at(start: u64) -> Self {
        Self { end: start, ..Self::default() }
    }

    /// Takes in a line that ends at `end`.
    pub(super) fn add(&mut self, level: LogLevel, agent: Option<&str>, end: u64) {
        self.end = end;
        self.levels |= 1 << level as u32;
        if let Some(agent) = agent {
            self.agents |= agent_bit(agent);
        }
    }

    /// Whether a line of this level or above, by this agent, may be in the block.
    pub(super) fn may_hold(&self, level: Option<LogLevel>, agent: Option<&str>) -> bool {
        let level = level.is_none_or(|least| self.levels >> least as u32 != 0);
        let agent = agent.is_none_or(|agent| self.agents & agent_bit(agent) != 0);
        level && agent
    }

    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.end.to_le_bytes());
        bytes[8..12].copy_from_slice(&(self.levels | self.check()).to_le_bytes());
        bytes[12..].copy_from_slice(&self.agents.to_le_bytes());
        bytes
    }

    /// The 24 bits above those of the levels: FNV-1a of all else, folded.
    fn check(self) -> u32 {
        let words =
            [self.end.to_le_bytes(), (u64::from(self.levels) << 32 | u64::from(self.agents)).to_le_bytes()];
        let hash = fnv(words.as_flattened());
        (hash ^ (hash >> 24)) << LEVEL_BITS
    }

    /// The entries of an index file, up to the first that is torn or damaged.
    pub(super) fn read_all(bytes: &[u8]) -> Vec<Block> {
        let (entries, _torn) = bytes.as_chunks::<ENTRY_BYTES>();
        entries
            .iter()
            .map_while(|entry| {
                let (end, masks) = entry.split_first_chunk::<8>().expect("an entry has 16 bytes");
                let (levels, agents) = masks.split_first_chunk::<4>().expect("an entry has 16 bytes");
                let levels = u32::from_le_bytes(*levels);
                let block = Block {
                    end: u64::from_le_bytes(*end),
                    levels: levels & ((1 << LEVEL_BITS) - 1),
                    agents: u32::from_le_bytes(agents.try_into().expect("an entry has 16 bytes")),
                };
                (block.levels | block.check() == levels).then_some(block)
            })
            .collect()
    }
}

/// FNV-1a, folded to one of 32 bits; it is written to disk, so it must never change.
fn agent_bit(agent: &str) -> u32 {
    let hash = fnv(agent.as_bytes());
    1 << ((hash ^ (hash >> 16)) % 32)
}

fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_it_may_hold() {
        let mut block = Block::default();
        block.add(LogLevel::Info, Some("intake"), 10);
        block.add(LogLevel::Debug, None, 20);
        for (level, agent, expected) in [
            (None, None, true),
            (Some(LogLevel::Debug), None, true),
            (Some(LogLevel::Info), None, true),
            (Some(LogLevel::Warning), None, false),
            (None, Some("intake"), true),
            (Some(LogLevel::Error), Some("intake"), false),
            (None, Some("plan"), false),
        ] {
            assert_eq!(block.may_hold(level, agent), expected, "{level:?} {agent:?}");
        }
    }

    #[test]
    fn a_damaged_entry_and_what_follows_is_left_out() {
        let mut block = Block::default();
        block.add(LogLevel::Info, Some("plan"), 1000);
        let whole = block.to_bytes();
        for bit in 0..ENTRY_BYTES * 8 {
            let mut bytes = whole.repeat(3);
            bytes[ENTRY_BYTES + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Block::read_all(&bytes), [block], "bit {bit}");
        }
        assert_eq!(Block::read_all(&[0; 2 * ENTRY_BYTES]), []);
    }

    #[test]
    fn a_torn_entry_is_left_out() {
        let mut block = Block::default();
        block.add(LogLevel::Error, Some("plan"), u64::MAX - 1);
        let mut bytes = block.to_bytes().repeat(2);
        bytes.truncate(2 * ENTRY_BYTES - 1);
        assert_eq!(Block::read_all(&bytes), [block]);
    }
}
