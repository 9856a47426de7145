//! The streams of the channel socket; PROTOCOL section 4.

/// Their names, in the order of their numbers.
pub const CHANNELS: [&str; 7] = ["jobs", "photos", "sessions", "system", "queue", "approval", "export"];

/// The number of a channel.
pub fn channel(name: &str) -> Option<u8> {
    let place = CHANNELS.iter().position(|known| *known == name)?;
    u8::try_from(place).ok()
}
