//! What is measured of a negative: exposure, clipping, focus, noise, colours, a tilted horizon.

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use serde::{Deserialize, Serialize};

use crate::darkroom::colour::Samples;
use crate::darkroom::negative::Negative;
use crate::pictures::colour::{Named, Share};
use crate::pictures::hash::LookHash;
use crate::pictures::sharpness::Sharpness;
use crate::pictures::tone::{Brightness, Tone};

/// Colours that are named at most, and the share that each must have.
const COLOURS_MAX: usize = 6;
const COLOUR_SHARE_MIN: f64 = 0.03;
/// Focus and noise are measured on so many squares a side, of so many pixels.
const TILES: usize = 6;
const TILE_SIDE: usize = 96;
/// Every so manyth row is looked at for clipping.
const CLIP_ROW_STEP: usize = 4;
/// As `pictures::tone` has it: burnt out in every channel, or blocked up.
const CLIPPED: u8 = 252;

/// What is measured of a negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// Lightness, contrast, clipping, histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<Tone>,
    /// How bright it is in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brightness: Option<Brightness>,
    /// The exposure in stops that would bring its middle to middle lightness, as far as its lights allow.
    pub suggested_ev: f64,
    /// Whether it is sharp when it is looked at as a whole.
    pub sharpness: Sharpness,
    /// How much fine detail its sharpest parts have, in levels of 255, noise left out. To compare photos of one subject.
    pub detail: f64,
    /// Standard deviation of the noise in its plain parts, in levels of 255.
    pub noise: f64,
    /// How its horizon is tilted, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Horizon>,
    /// Colours it has much of, the most first.
    pub colours: Vec<Share>,
    /// Hash of what it looks like, hexadecimal.
    pub look_hash: String,
}

/// A tilted horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Horizon {
    /// By so many degrees clockwise.
    pub tilt_degrees: f64,
    /// Share of the nearly level edges that agree, 0 to 1.
    pub trust: f64,
}

/// Measures a negative with its small copy.
pub fn examine(negative: &Negative, small: &RgbImage) -> Examined {
    let seen = DynamicImage::ImageRgb8(small.clone()).into_rgba8();
    let mut tone = Tone::of(&seen);
    if let Some(tone) = &mut tone {
        // In a small copy a burnt pixel has been mixed with its neighbours.
        (tone.clipped_light, tone.clipped_dark) = clipped(negative);
    }
    let mut colours = Named::of(&seen).shares();
    colours.retain(|share| share.share >= COLOUR_SHARE_MIN);
    colours.truncate(COLOURS_MAX);
    let (detail, noise) = focus(negative);
    Examined {
        brightness: tone.as_ref().map(Tone::brightness),
        suggested_ev: tone.as_ref().map_or(0.0, suggested),
        tone,
        sharpness: Sharpness::of(&seen),
        detail,
        noise,
        horizon: horizon(small),
        colours,
        look_hash: LookHash::of(&seen).to_string(),
    }
}

/// The exposure that is right for most: the median comes to the lightness of a grey card, the lights stay below white.
fn suggested(tone: &Tone) -> f64 {
    const MIDDLE: f64 = 0.18;
    const WHITE: f64 = 0.95;
    const STOPS_MAX: f64 = 1.5;
    let stops = |from: f64, to: f64| (to / luminance(from).max(1e-4)).log2();
    let wanted = stops(tone.median, MIDDLE).min(stops(tone.p95, WHITE).max(0.0)).clamp(-STOPS_MAX, STOPS_MAX);
    // A hundredth of a stop is not seen.
    let rounded = (wanted * 20.0).round() / 20.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// The relative luminance of an L*.
fn luminance(lightness: f64) -> f64 {
    if lightness <= 8.0 { lightness / 903.296_3 } else { ((lightness + 16.0) / 116.0).powi(3) }
}

/// Shares of pixels that are as light, and as dark, as can be.
fn clipped(negative: &Negative) -> (f64, f64) {
    let long = negative.width as usize * negative.channels;
    let (mut light, mut dark, mut count) = (0_u64, 0_u64, 0_u64);
    let mut look = |low: u8, high: u8| {
        light += u64::from(low >= CLIPPED);
        dark += u64::from(high <= 255 - CLIPPED);
        count += 1;
    };
    let ends = |values: &mut dyn Iterator<Item = u8>| {
        values.fold((255, 0), |(low, high): (u8, u8), value| (low.min(value), high.max(value)))
    };
    match &negative.samples {
        Samples::Eight(values) => {
            for row in values.chunks_exact(long).step_by(CLIP_ROW_STEP) {
                for pixel in row.chunks_exact(negative.channels) {
                    let (low, high) = ends(&mut pixel.iter().copied());
                    look(low, high);
                }
            }
        }
        Samples::Sixteen(values) => {
            for row in values.chunks_exact(long).step_by(CLIP_ROW_STEP) {
                for pixel in row.chunks_exact(negative.channels) {
                    let (low, high) = ends(&mut pixel.iter().map(|value| (value >> 8) as u8));
                    look(low, high);
                }
            }
        }
    }
    let share = |part: u64| part as f64 / count.max(1) as f64;
    (share(light), share(dark))
}

/// Detail and noise of squares all over the negative, in its own pixels: noise by John Immerkær, "Fast noise variance
/// estimation", 1996; detail as the energy of the Laplacian (Subbarao, Choi, Nikzad, "Focusing techniques", 1993) less
/// what noise has of it.
fn focus(negative: &Negative) -> (f64, f64) {
    let (width, height) = (negative.width as usize, negative.height as usize);
    let (across, down) = (TILE_SIDE.min(width), TILE_SIDE.min(height));
    if across < 3 || down < 3 {
        return (0.0, 0.0);
    }
    let places = |side: usize, tile: usize| {
        let count = (side / tile).clamp(1, TILES);
        (0..count).map(move |number| (side - tile) * number / (count - 1).max(1))
    };
    let mut tiles: Vec<(f64, f64, f64)> = Vec::new();
    for top in places(height, down) {
        for left in places(width, across) {
            tiles.push(tile(negative, left, top, across, down));
        }
    }
    // Where everything is black or burnt there is no noise to be seen.
    let mut noises: Vec<f64> =
        tiles.iter().filter(|(mean, ..)| (8.0..=247.0).contains(mean)).map(|(_, noise, _)| *noise).collect();
    noises.sort_by(f64::total_cmp);
    let noise = noises.get(noises.len() / 4).copied().unwrap_or(0.0);
    // The sum of the squares of its five weights is 20.
    let mut details: Vec<f64> =
        tiles.iter().map(|(.., energy)| (energy - 20.0 * noise * noise).max(0.0).sqrt()).collect();
    details.sort_by(|one, other| other.total_cmp(one));
    details.truncate(details.len().div_ceil(4));
    let rounded = |value: f64| (value * 1_000.0).round() / 1_000.0;
    (rounded(details.iter().sum::<f64>() / details.len().max(1) as f64), rounded(noise))
}

/// Mean, noise and energy of the Laplacian of a square.
fn tile(negative: &Negative, left: usize, top: usize, across: usize, down: usize) -> (f64, f64, f64) {
    let grey: Vec<i32> = (top..top + down)
        .flat_map(|row| (left..left + across).map(move |column| grey(negative, column, row)))
        .collect();
    let (mut noise, mut energy) = (0_i64, 0_i64);
    for row in 1..down - 1 {
        for column in 1..across - 1 {
            let at = |x: usize, y: usize| grey[(row + y - 1) * across + column + x - 1];
            let corners = at(0, 0) + at(2, 0) + at(0, 2) + at(2, 2);
            let sides = at(1, 0) + at(0, 1) + at(2, 1) + at(1, 2);
            noise += i64::from((corners - 2 * sides + 4 * at(1, 1)).abs());
            let bend = i64::from(4 * at(1, 1) - sides);
            energy += bend * bend;
        }
    }
    let inner = ((across - 2) * (down - 2)) as f64;
    let mean = grey.iter().map(|value| i64::from(*value)).sum::<i64>() as f64 / grey.len() as f64;
    let sigma = (std::f64::consts::PI / 2.0).sqrt() * noise as f64 / (6.0 * inner);
    (mean, sigma, energy as f64 / inner)
}

fn grey(negative: &Negative, column: usize, row: usize) -> i32 {
    let from = (row * negative.width as usize + column) * negative.channels;
    let at = |offset: usize| match &negative.samples {
        Samples::Eight(values) => i32::from(values[from + offset]),
        Samples::Sixteen(values) => i32::from(values[from + offset] >> 8),
    };
    if negative.channels == 1 { at(0) } else { (54 * at(0) + 183 * at(1) + 19 * at(2)) >> 8 }
}

/// The tilt that most of the nearly level edges agree on (a histogram of the directions of gradients, weighted by their
/// strength). Nothing is said when they do not agree.
fn horizon(small: &RgbImage) -> Option<Horizon> {
    const SIDE: u32 = 512;
    const REACH_DEGREES: f64 = 12.0;
    const STEPS_PER_DEGREE: f64 = 4.0;
    /// Half of the width of a peak, in steps.
    const PEAK: usize = 6;
    const STRONG: f64 = 60.0;
    const TRUST_MIN: f64 = 0.45;
    let image = DynamicImage::ImageRgb8(small.clone());
    let grey = match small.width().max(small.height()) > SIDE {
        true => image.resize(SIDE, SIDE, FilterType::Triangle).into_luma8(),
        false => image.into_luma8(),
    };
    // The steps of an edge between pixels are not its direction.
    let grey = image::imageops::blur(&grey, 1.5);
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    if width < 32 || height < 32 {
        return None;
    }
    let values = grey.as_raw();
    let steps = (REACH_DEGREES * STEPS_PER_DEGREE) as usize;
    let mut weights = vec![0.0_f64; 2 * steps + 1];
    let mut all = 0.0;
    for row in 1..height - 1 {
        for column in 1..width - 1 {
            let at = |x: usize, y: usize| f64::from(values[(row + y - 1) * width + column + x - 1]);
            let across = at(2, 0) + 2.0 * at(2, 1) + at(2, 2) - at(0, 0) - 2.0 * at(0, 1) - at(0, 2);
            let down = at(0, 2) + 2.0 * at(1, 2) + at(2, 2) - at(0, 0) - 2.0 * at(1, 0) - at(2, 0);
            let strength = across.hypot(down);
            if strength < STRONG {
                continue;
            }
            all += strength;
            // The edge runs across its gradient.
            let tilt = -(across / down).atan().to_degrees();
            if tilt.abs() <= REACH_DEGREES {
                let place = (tilt * STEPS_PER_DEGREE).round() + steps as f64;
                weights[(place as usize).min(2 * steps)] += strength;
            }
        }
    }
    let level: f64 = weights.iter().sum();
    // A few level edges among many others are no horizon.
    if level < 0.15 * all || level < STRONG * width as f64 * 0.5 {
        return None;
    }
    let around = |place: usize| place.saturating_sub(PEAK)..=(place + PEAK).min(2 * steps);
    let sum = |place: usize| around(place).map(|at| weights[at]).sum::<f64>();
    let peak = (0..weights.len()).max_by(|one, other| sum(*one).total_cmp(&sum(*other)))?;
    let total = sum(peak);
    let trust = total / level;
    if trust < TRUST_MIN {
        return None;
    }
    let mean = around(peak).map(|at| weights[at] * (at as f64 - steps as f64)).sum::<f64>() / total;
    let tilt = (mean / STEPS_PER_DEGREE * 10.0).round() / 10.0;
    Some(Horizon {
        tilt_degrees: if tilt == 0.0 { 0.0 } else { tilt },
        trust: (trust * 100.0).round() / 100.0,
    })
}
