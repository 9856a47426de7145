//! QR codes: found, decoded, and where they lie.
//!
//! What a search costs is for the picture to say: a field of finder patterns has millions of triples to try, and an odd
//! perspective makes the search for one pattern go round for hours. So the searcher is given pixels that count how often they
//! are looked at and how many finder patterns were marked in them, and that end the search when it is too many. Counts, not
//! a clock: the same picture has the same codes on every machine.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use image::{DynamicImage, GenericImage, GenericImageView, GrayImage, Luma, RgbaImage};
use serde::{Deserialize, Serialize};

use crate::pictures::colour::on_white;

/// Codes are looked for on a copy whose long side is at most this.
const SIDE: u32 = 1_600;
/// A small picture is enlarged to at least this first: a reader wants some pixels per module.
const SIDE_MIN: u32 = 200;
/// Codes of one picture that are read.
const CODES_MAX: usize = 16;
/// How often each pixel may be looked at, in the mean. The tests hold a page of sixteen codes to half of it, and pictures
/// with one code or none to a fifth.
const LOOKS_PER_PIXEL: u64 = 128;
/// What a search may look in any case: fitting a large code costs the same on a small picture.
const LOOKS_MIN: u64 = 8 << 20;
/// A copy of a picture costs a look for so many pixels.
const COPIED_PER_LOOK: u64 = 16;
/// Finder patterns that may be marked. Three make a code; every pair of neighbours of each is a candidate.
const FINDERS_MAX: u32 = 256;
/// The value by which the searcher marks the ring of a finder pattern.
const FINDER: u8 = 2;

/// A code that was decoded, its check digits among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// What it says.
    pub text: String,
    /// Left, top, width and height as parts of the picture.
    pub place: [f64; 4],
}

/// There is more in the picture that could be a code than is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has more that looks like parts of codes than is searched; no code of it was read")]
pub struct TooMuch;

/// The codes of a picture, from top to bottom. A code that cannot be decoded is none.
///
/// # Errors
/// When the search was given up.
pub fn find(pixels: &RgbaImage) -> Result<Vec<Code>, TooMuch> {
    search(pixels).0
}

/// The codes, and which part of what may be spent a search has cost.
pub(super) fn search(pixels: &RgbaImage) -> (Result<Vec<Code>, TooMuch>, f64) {
    let grey = grey(pixels);
    let budget = Rc::new(Budget::of(&grey));
    let looks = budget.looks.get();
    let searched = Searched { pixels: grey, last_put: 0, budget: budget.clone() };
    // A searcher that stumbles finds nothing.
    let found = catch_unwind(AssertUnwindSafe(|| find_in(searched))).unwrap_or_default();
    let cost = 1.0 - budget.looks.get() as f64 / looks as f64;
    (if budget.is_spent.get() { Err(TooMuch) } else { Ok(found) }, cost)
}

/// A copy of a size that is searched.
fn grey(pixels: &RgbaImage) -> GrayImage {
    // Where nothing is seen, there is paper.
    let image = DynamicImage::ImageRgb8(on_white(pixels));
    let (width, height) = pixels.dimensions();
    match width.max(height) {
        long if long > SIDE => image.thumbnail(SIDE, SIDE).into_luma8(),
        long if long < SIDE_MIN => {
            let times = SIDE_MIN.div_ceil(long.max(1));
            image
                .resize_exact(width * times, height * times, image::imageops::FilterType::Nearest)
                .into_luma8()
        }
        _ => image.into_luma8(),
    }
}

fn find_in(searched: Searched) -> Vec<Code> {
    let (width, height) = (searched.pixels.width() as usize, searched.pixels.height() as usize);
    let mut prepared = rqrr::PreparedImage::prepare(searched);
    let mut codes: Vec<Code> = Vec::new();
    for grid in prepared.detect_grids().into_iter().take(CODES_MAX) {
        let Ok((_, text)) = grid.decode() else { continue };
        let (xs, ys) =
            (grid.bounds.map(|point| f64::from(point.x)), grid.bounds.map(|point| f64::from(point.y)));
        let span = |values: [f64; 4], side: usize| {
            let low = values.into_iter().fold(f64::MAX, f64::min).max(0.0) / side as f64;
            let high = values.into_iter().fold(0.0, f64::max).min(side as f64) / side as f64;
            (low, (high - low).max(0.0))
        };
        let ((left, wide), (top, high)) = (span(xs, width), span(ys, height));
        codes.push(Code { text, place: [left, top, wide, high] });
    }
    codes.sort_by(|one, other| {
        one.place[1].total_cmp(&other.place[1]).then(one.place[0].total_cmp(&other.place[0]))
    });
    codes
}

/// What a search may cost.
#[derive(Debug)]
struct Budget {
    looks: Cell<u64>,
    finders: Cell<u32>,
    is_spent: Cell<bool>,
}

impl Budget {
    fn of(pixels: &GrayImage) -> Self {
        let looks = pixels.as_raw().len() as u64 * LOOKS_PER_PIXEL + LOOKS_MIN;
        Self { looks: Cell::new(looks), finders: Cell::new(FINDERS_MAX), is_spent: Cell::new(false) }
    }

    fn spend(&self, looks: u64) {
        match self.looks.get().checked_sub(looks) {
            Some(left) => self.looks.set(left),
            None => self.end(),
        }
    }

    fn spend_finder(&self) {
        match self.finders.get().checked_sub(1) {
            Some(left) => self.finders.set(left),
            None => self.end(),
        }
    }

    /// Unwinds out of the searcher, past the hook for panics: this is none.
    fn end(&self) {
        self.is_spent.set(true);
        resume_unwind(Box::new(TooMuch));
    }
}

/// Pixels that count.
struct Searched {
    pixels: GrayImage,
    last_put: u8,
    budget: Rc<Budget>,
}

impl Clone for Searched {
    fn clone(&self) -> Self {
        self.budget.spend(self.pixels.as_raw().len() as u64 / COPIED_PER_LOOK);
        Self { pixels: self.pixels.clone(), last_put: self.last_put, budget: self.budget.clone() }
    }
}

impl GenericImageView for Searched {
    type Pixel = Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        // A search that goes round outside of the picture asks for its size alone.
        self.budget.spend(1);
        self.pixels.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Luma<u8> {
        self.budget.spend(1);
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Searched {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Luma<u8> {
        self.budget.spend(1);
        self.pixels.get_pixel_mut(x, y)
    }

    fn put_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.budget.spend(1);
        // A ring is marked in one go, behind a mark of another kind.
        let before = std::mem::replace(&mut self.last_put, pixel.0[0]);
        if pixel.0[0] == FINDER && before != FINDER {
            self.budget.spend_finder();
        }
        self.pixels.put_pixel(x, y, pixel);
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.put_pixel(x, y, pixel);
    }
}
