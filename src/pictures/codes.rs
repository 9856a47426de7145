//! QR codes: found, decoded, and where they lie.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, RgbImage, RgbaImage};
use serde::{Deserialize, Serialize};

use crate::pictures::decode::on_white;

/// Codes are looked for on a copy whose long side is at most this.
const SIDE: u32 = 1_600;
/// A small picture is enlarged to at least this first: a reader wants some pixels per module.
const SIDE_MIN: u32 = 200;
/// Codes of one picture that are read.
const CODES_MAX: usize = 16;

/// A code that was decoded, its check digits among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// What it says.
    pub text: String,
    /// Left, top, width and height as parts of the picture.
    pub place: [f64; 4],
}

/// The codes of a picture, from top to bottom. A code that cannot be decoded is none.
pub fn find(pixels: &RgbaImage) -> Vec<Code> {
    // Three bytes for every pixel, so this is one.
    let Some(flat) = RgbImage::from_raw(pixels.width(), pixels.height(), on_white(pixels)) else {
        return Vec::new();
    };
    let image = DynamicImage::ImageRgb8(flat);
    let long = pixels.width().max(pixels.height());
    let grey = match long {
        long if long > SIDE => image.thumbnail(SIDE, SIDE).into_luma8(),
        long if long < SIDE_MIN => {
            let times = SIDE_MIN.div_ceil(long.max(1));
            let (width, height) = (pixels.width() * times, pixels.height() * times);
            image.resize_exact(width, height, image::imageops::FilterType::Nearest).into_luma8()
        }
        _ => image.into_luma8(),
    };
    catch_unwind(AssertUnwindSafe(|| find_in(&grey))).unwrap_or_default()
}

fn find_in(grey: &image::GrayImage) -> Vec<Code> {
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    let raw = grey.as_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| raw[y * width + x]);
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
