//! Pictures: decoded within limits, measured, and given a description. Knows nothing of captions, projects or runs.
//!
//! ```text
//! bytes -> decode (format by content, dimensions before pixels, orientation applied) -> Picture
//!     -> colour, tone, sharpness, layout, class, codes, hash      numbers that were measured, each with its rule
//! bytes + text -> describe -> bytes                               the text in the file's own metadata
//! ```
//!
//! Nothing here trusts a file: sizes are looked at before anything is allocated, and a decoder that panics costs the one
//! file it was given. The rules and where their formulas come from stand in `docs/CAPTIONS.md`.

pub mod class;
pub mod codes;
pub mod colour;
pub mod decode;
pub mod describe;
pub mod hash;
pub mod layout;
pub mod metadata;
pub mod sharpness;
pub mod tone;
pub mod xmp;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use decode::{Format, Limits, Picture, PictureError, decode};
