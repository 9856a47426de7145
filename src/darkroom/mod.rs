//! The darkroom: from the bytes of a photo to a picture that was developed by a recipe. Knows no projects and no runs.
//!
//! ```text
//! bytes -> negative (pixels as stored, what their numbers mean as light)
//!     -> examine        what is measured of it, and a small copy
//!     -> bursts         which photos belong together, which of them is the best and why
//!     -> develop        recipe applied in linear light: row by row, in bands that work side by side
//!     -> print          JPEG, PNG or WebP in sRGB, with its profile and as much metadata as is wanted
//! ```
//!
//! A negative is never changed: a recipe is plain data, and another one gives another picture of the same negative. The
//! formulas and where they come from stand in `docs/PHOTO.md`.

pub mod bursts;
pub mod colour;
pub mod develop;
pub mod examine;
pub mod frame;
pub mod negative;
pub mod print;
pub mod recipe;
mod scale;
pub mod small;
mod turn;

#[cfg(test)]
mod tests;
