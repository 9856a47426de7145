//! How bright a picture is, how much contrast it has, and what of it is clipped.

use image::RgbaImage;
use serde::{Deserialize, Serialize};

use crate::pictures::colour::{SEEN_ALPHA, linear};

/// Pixels that are looked at, at most; more are skipped evenly.
const PIXELS_MAX: usize = 400_000;
/// From this value on in every channel a pixel counts as burnt out, and up to 255 less it as blocked up.
const CLIPPED: u8 = 252;

/// What was measured. Lightness is L* of CIE 1976, 0 to 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tone {
    /// Mean lightness.
    pub mean: f64,
    /// 5 % of the pixels are darker than this.
    pub p5: f64,
    /// Half of the pixels are darker than this.
    pub median: f64,
    /// 5 % of the pixels are lighter than this.
    pub p95: f64,
    /// Standard deviation of the lightness.
    pub contrast: f64,
    /// Share of pixels that are as light as can be.
    pub clipped_light: f64,
    /// Share of pixels that are as dark as can be.
    pub clipped_dark: f64,
    /// Mean difference of the channels of a pixel, 0 to 255; near 0 the picture has no colour.
    pub colourfulness: f64,
    /// How many pixels have which lightness, in 64 steps.
    pub histogram: Vec<u32>,
}

/// How bright it is in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Brightness {
    /// Mean lightness below 12.
    VeryDark,
    /// Below 32.
    Dark,
    /// In between.
    Medium,
    /// 72 or more.
    Bright,
    /// 90 or more.
    VeryBright,
}

impl Tone {
    /// Measures a picture; none when nothing of it is seen.
    pub fn of(pixels: &RgbaImage) -> Option<Self> {
        let total = pixels.width() as usize * pixels.height() as usize;
        // An odd step does not meet the same columns in every row.
        let step = (total.div_ceil(PIXELS_MAX)) | 1;
        let light: Vec<f32> = (0..=255).map(linear).collect();
        let mut histogram = vec![0_u32; 1_001];
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0_u64);
        let (mut burnt, mut blocked, mut spread) = (0_u64, 0_u64, 0_u64);
        for rgba in pixels.as_raw().chunks_exact(4).step_by(step) {
            if rgba[3] < SEEN_ALPHA {
                continue;
            }
            let rgb = [rgba[0], rgba[1], rgba[2]];
            let [r, g, b] = rgb.map(|value| light[usize::from(value)]);
            let lightness = f64::from(lightness(0.2126 * r + 0.7152 * g + 0.0722 * b));
            histogram[((lightness * 10.0).round() as usize).min(1_000)] += 1;
            sum += lightness;
            squares += lightness * lightness;
            count += 1;
            let (low, high) =
                (rgb.iter().min().copied().unwrap_or(0), rgb.iter().max().copied().unwrap_or(0));
            burnt += u64::from(low >= CLIPPED);
            blocked += u64::from(high <= 255 - CLIPPED);
            spread += u64::from(high - low);
        }
        if count == 0 {
            return None;
        }
        let of_all = |part: u64| part as f64 / count as f64;
        let mean = sum / count as f64;
        let mut coarse = vec![0; 64];
        histogram.iter().enumerate().for_each(|(place, count)| coarse[(place * 64 / 1_001).min(63)] += count);
        Some(Self {
            mean,
            p5: percentile(&histogram, count, 0.05),
            median: percentile(&histogram, count, 0.5),
            p95: percentile(&histogram, count, 0.95),
            contrast: (squares / count as f64 - mean * mean).max(0.0).sqrt(),
            clipped_light: of_all(burnt),
            clipped_dark: of_all(blocked),
            colourfulness: spread as f64 / count as f64,
            histogram: coarse,
        })
    }

    /// How bright it is in a word.
    pub fn brightness(&self) -> Brightness {
        match self.mean {
            mean if mean < 12.0 => Brightness::VeryDark,
            mean if mean < 32.0 => Brightness::Dark,
            mean if mean < 72.0 => Brightness::Medium,
            mean if mean < 90.0 => Brightness::Bright,
            _ => Brightness::VeryBright,
        }
    }

    /// How far the mean is from the next border of [`Tone::brightness`], as trust in the word: 0.5 on it, 1 far away.
    pub fn brightness_trust(&self) -> f64 {
        let nearest =
            [12.0, 32.0, 72.0, 90.0].iter().map(|edge| (self.mean - edge).abs()).fold(f64::MAX, f64::min);
        (0.5 + nearest / 8.0).min(1.0)
    }

    /// Whether it has no colour but greys.
    pub fn is_colourless(&self) -> bool {
        self.colourfulness < 2.5
    }
}

/// L* of a relative luminance.
fn lightness(luminance: f32) -> f32 {
    if luminance <= 0.008_856_452 { luminance * 903.296_3 } else { 116.0 * luminance.cbrt() - 16.0 }
}

fn percentile(histogram: &[u32], count: u64, share: f64) -> f64 {
    let wanted = (count as f64 * share) as u64;
    let mut below = 0;
    for (place, at) in histogram.iter().enumerate() {
        below += u64::from(*at);
        if below > wanted {
            return place as f64 / 10.0;
        }
    }
    100.0
}
