//! Whether a picture is sharp, without another one to compare it with: it is blurred once more, and a picture that hardly
//! changes by that was blurred already (F. Crete and others, "The blur effect", 2007).

use image::{DynamicImage, RgbaImage};
use serde::{Deserialize, Serialize};

/// Sharpness is that of the picture as it is looked at on a page: its long side is brought to this, never enlarged.
const SIDE: u32 = 512;
/// Half of the filter's width.
const REACH: usize = 4;
/// Without this mean difference of neighbours there is no detail to be sharp or not.
const DETAIL_MIN: f64 = 0.6;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sharpness {
    /// 0 is sharp, 1 is nothing but blur.
    pub blur: f64,
    /// In a word.
    pub level: Level,
}

/// In a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `blur` below 0.4.
    Sharp,
    /// In between.
    Medium,
    /// `blur` of 0.65 or more.
    Blurred,
    /// There is no detail by which to tell.
    NoDetail,
}

impl Sharpness {
    /// Measures a picture.
    pub fn of(pixels: &RgbaImage) -> Self {
        let grey = grey(pixels);
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        let values: Vec<f64> = grey.as_raw().iter().map(|value| f64::from(*value)).collect();
        let rows = along(&values, width, height, 1, width);
        let columns = along(&values, height, width, width, 1);
        let detail = rows.0.max(columns.0) / (values.len().max(1) as f64);
        if detail < DETAIL_MIN {
            return Self { blur: 1.0, level: Level::NoDetail };
        }
        let lost = |(before, lost): (f64, f64)| if before > 0.0 { (before - lost) / before } else { 0.0 };
        // Without differences in one direction, the other one decides.
        let blur = lost(rows).max(lost(columns)).clamp(0.0, 1.0);
        let level = match blur {
            blur if blur < 0.4 => Level::Sharp,
            blur if blur < 0.65 => Level::Medium,
            _ => Level::Blurred,
        };
        Self { blur, level }
    }
}

fn grey(pixels: &RgbaImage) -> image::GrayImage {
    let image = DynamicImage::ImageRgba8(pixels.clone());
    match pixels.width().max(pixels.height()) > SIDE {
        true => image.thumbnail(SIDE, SIDE).into_luma8(),
        false => image.into_luma8(),
    }
}

/// Differences of neighbours along lines, in sum, and how much of that a blur takes away.
fn along(values: &[f64], length: usize, lines: usize, step: usize, line_step: usize) -> (f64, f64) {
    let (mut before, mut lost) = (0.0, 0.0);
    if length < 2 * REACH + 2 {
        return (0.0, 0.0);
    }
    let mut blurred = vec![0.0; length];
    for line in 0..lines {
        let at = |place: usize| values[line * line_step + place * step];
        let mut sum: f64 = (0..=2 * REACH).map(at).sum();
        for (place, mean) in blurred.iter_mut().enumerate().take(length - REACH).skip(REACH) {
            *mean = sum / (2 * REACH + 1) as f64;
            if place + REACH + 1 < length {
                sum += at(place + REACH + 1) - at(place - REACH);
            }
        }
        for place in REACH + 1..length - REACH {
            let sharp = (at(place) - at(place - 1)).abs();
            before += sharp;
            lost += (sharp - (blurred[place] - blurred[place - 1]).abs()).max(0.0);
        }
    }
    (before, lost)
}
