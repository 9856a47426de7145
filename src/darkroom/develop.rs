//! Applies a recipe. Everything that is linear in light (profile, white balance, exposure, saturation) is one matrix;
//! sharpening looks at the luminance around a pixel; contrast and the sRGB curve are one table at the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use crate::darkroom::colour::{LUMINANCE, Matrix, SAME, encoded, product};
use crate::darkroom::frame::Frame;
use crate::darkroom::negative::Negative;
use crate::darkroom::recipe::{NEUTRAL_KELVIN, Recipe};
use crate::darkroom::scale::Scaled;
use crate::darkroom::turn::Turned;

/// Steps of light that the last table tells apart.
const STEPS: usize = 65_536;
/// A band has at least so many rows: it reads some of its neighbours' rows again.
const BAND_ROWS_MIN: usize = 64;

/// Develops a negative to a picture in sRGB, upright, no side longer than `side_max`, on so many threads. None when
/// `stop` said so meanwhile.
pub fn develop(
    negative: &Negative,
    recipe: &Recipe,
    side_max: u32,
    threads: usize,
    stop: &AtomicBool,
) -> Option<RgbImage> {
    let frame = Frame::of(negative, recipe, side_max);
    let (width, height) = (frame.print_width as usize, frame.print_height as usize);
    let turned = (frame.turn != 0.0).then(|| Turned::new(negative, &frame));
    let work = Work {
        negative,
        frame,
        turned,
        matrix: matrix(negative, recipe),
        table: table(recipe.contrast),
        sharpen: Sharpen::of(recipe),
        stop,
    };
    let mut pixels = vec![0_u8; width * height * 3];
    let rows = height.div_ceil(threads.max(1)).max(BAND_ROWS_MIN);
    if rows >= height {
        work.band(0, &mut pixels);
    } else {
        std::thread::scope(|scope| {
            for (band, pixels) in pixels.chunks_mut(rows * width * 3).enumerate() {
                let work = &work;
                scope.spawn(move || work.band(band * rows, pixels));
            }
        });
    }
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    let print = RgbImage::from_raw(frame.print_width, frame.print_height, pixels)?;
    if negative.orientation == 1 {
        return Some(print);
    }
    let mut print = DynamicImage::ImageRgb8(print);
    print
        .apply_orientation(Orientation::from_exif(negative.orientation).unwrap_or(Orientation::NoTransforms));
    Some(print.into_rgb8())
}

/// All that bands share.
struct Work<'a> {
    negative: &'a Negative,
    frame: Frame,
    turned: Option<Turned<'a>>,
    matrix: Option<Matrix>,
    table: Vec<u8>,
    sharpen: Option<Sharpen>,
    stop: &'a AtomicBool,
}

impl Work<'_> {
    /// Develops rows from `first` on.
    fn band(&self, first: usize, pixels: &mut [u8]) {
        let (width, height) = (self.frame.print_width as usize, self.frame.print_height as usize);
        let rows = pixels.len() / (width * 3);
        let mut scaled = self.turned.is_none().then(|| Scaled::new(self.negative, &self.frame));
        let mut light_of = |row: usize, light: &mut [f32]| {
            match (&self.turned, &mut scaled) {
                (Some(turned), _) => turned.row(row, light),
                (None, Some(scaled)) => scaled.row(row, light),
                (None, None) => {}
            }
            if let Some(matrix) = &self.matrix {
                light.chunks_exact_mut(3).for_each(|light| apply(matrix, light));
            }
        };
        let mut light = vec![0.0; width * 3];
        let Some(sharpen) = &self.sharpen else {
            for (row, pixels) in pixels.chunks_exact_mut(width * 3).enumerate() {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                light_of(first + row, &mut light);
                self.print(&light, pixels);
            }
            return;
        };
        let reach = sharpen.reach();
        let mut near: VecDeque<Near> = VecDeque::new();
        let mut next = first.saturating_sub(reach);
        for (row, pixels) in pixels.chunks_exact_mut(width * 3).enumerate().take(rows) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let row = first + row;
            while next <= (row + reach).min(height - 1) {
                light_of(next, &mut light);
                near.push_back(sharpen.near(next, &light));
                next += 1;
            }
            while near.front().is_some_and(|near| near.row + reach < row) {
                near.pop_front();
            }
            sharpen.apply(row, height, &near, &mut light);
            self.print(&light, pixels);
        }
    }

    fn print(&self, light: &[f32], pixels: &mut [u8]) {
        for (pixel, light) in pixels.iter_mut().zip(light) {
            // A cast keeps within its type, and what is no number is 0.
            let step = (light * (STEPS - 1) as f32 + 0.5) as usize;
            *pixel = self.table[step.min(STEPS - 1)];
        }
    }
}

fn apply(matrix: &Matrix, light: &mut [f32]) {
    let [r, g, b] = [light[0], light[1], light[2]];
    for (light, row) in light.iter_mut().zip(matrix) {
        *light = row[0] * r + row[1] * g + row[2] * b;
    }
}

/// Profile, then white balance, then exposure, then saturation.
fn matrix(negative: &Negative, recipe: &Recipe) -> Option<Matrix> {
    let mut all = negative.colour.matrix;
    let mut after = |matrix: Matrix| all = Some(all.map_or(matrix, |before| product(&matrix, &before)));
    if recipe.temperature_k != NEUTRAL_KELVIN || recipe.tint != 0.0 {
        after(white_balance(recipe.temperature_k, recipe.tint));
    }
    if recipe.exposure_ev != 0.0 {
        let times = recipe.exposure_ev.exp2() as f32;
        after(SAME.map(|row| row.map(|cell| cell * times)));
    }
    if recipe.saturation != 0.0 {
        after(saturation(recipe.saturation));
    }
    all
}

/// Away from the luminance or towards it (Paul Haeberli, "Matrix operations for image processing", 1993).
fn saturation(percent: f64) -> Matrix {
    let share = (1.0 + percent / 100.0) as f32;
    let mut matrix = [LUMINANCE.map(|weight| weight * (1.0 - share)); 3];
    (0..3).for_each(|k| matrix[k][k] += share);
    matrix
}

/// From the white of a light to the white of sRGB, by the Bradford transform (Lam, 1985; as in ICC.1, annex E), in sRGB
/// light. Both whites lie on the same locus, so 6500 K changes nothing.
fn white_balance(kelvin: f64, tint: f64) -> Matrix {
    const TO_XYZ: [[f64; 3]; 3] = [
        [0.412_390_8, 0.357_584_3, 0.180_480_8],
        [0.212_639_0, 0.715_168_7, 0.072_192_3],
        [0.019_330_8, 0.119_194_8, 0.950_532_2],
    ];
    const FROM_XYZ: [[f64; 3]; 3] = [
        [3.240_969_9, -1.537_383_2, -0.498_610_8],
        [-0.969_243_6, 1.875_967_5, 0.041_555_1],
        [0.055_630_1, -0.203_977_0, 1.056_971_5],
    ];
    const BRADFORD: [[f64; 3]; 3] =
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
    const BACK: [[f64; 3]; 3] = [
        [0.986_992_9, -0.147_054_3, 0.159_962_7],
        [0.432_305_3, 0.518_360_3, 0.049_291_2],
        [-0.008_528_7, 0.040_042_8, 0.968_486_7],
    ];
    let cones = |white: [f64; 3]| BRADFORD.map(|row| (0..3).map(|k| row[k] * white[k]).sum::<f64>());
    // What was white under that light is to be white.
    let (from, to) = (cones(white(NEUTRAL_KELVIN, 0.0)), cones(white(kelvin, tint)));
    let times = |first: &[[f64; 3]; 3], second: &[[f64; 3]; 3]| {
        let mut made = [[0.0; 3]; 3];
        for (row, line) in made.iter_mut().enumerate() {
            for (column, cell) in line.iter_mut().enumerate() {
                *cell = (0..3).map(|k| first[row][k] * second[k][column]).sum();
            }
        }
        made
    };
    let mut gains = [[0.0; 3]; 3];
    (0..3).for_each(|k| gains[k][k] = from[k] / to[k]);
    let adapted = times(&BACK, &times(&gains, &BRADFORD));
    let mut whole = times(&FROM_XYZ, &times(&adapted, &TO_XYZ));
    // White balance is about colour: grey keeps its luminance.
    let luminance: f64 =
        whole.iter().zip(LUMINANCE).map(|(row, weight)| row.iter().sum::<f64>() * f64::from(weight)).sum();
    whole.iter_mut().flatten().for_each(|cell| *cell /= luminance);
    whole.map(|row| row.map(|cell| cell as f32))
}

/// XYZ of a black body of that temperature (Michael Krystek, "An algorithm to calculate correlated colour temperature",
/// 1985, in CIE 1960 u and v), moved away from the locus by the tint.
fn white(kelvin: f64, tint: f64) -> [f64; 3] {
    /// In u and v, for a tint of 100.
    const TINT: f64 = 0.02;
    let place = |t: f64| {
        let u = (0.860_117_757 + 1.541_182_54e-4 * t + 1.286_412_12e-7 * t * t)
            / (1.0 + 8.424_202_35e-4 * t + 7.081_451_63e-7 * t * t);
        let v = (0.317_398_726 + 4.228_062_45e-5 * t + 4.204_816_91e-8 * t * t)
            / (1.0 - 2.897_418_16e-5 * t + 1.614_560_53e-7 * t * t);
        (u, v)
    };
    let ((u, v), (next_u, next_v)) = (place(kelvin), place(kelvin + 1.0));
    let along = (next_u - u, next_v - v);
    let long = along.0.hypot(along.1);
    // Across the locus, on the side of green.
    let away = (along.1 / long, -along.0 / long);
    let side = if away.1 < 0.0 { -1.0 } else { 1.0 };
    let shift = tint / 100.0 * TINT * side;
    let (u, v) = (u + away.0 * shift, v + away.1 * shift);
    let sum = 2.0 * u - 8.0 * v + 4.0;
    let (x, y) = (3.0 * u / sum, 2.0 * v / sum);
    [x / y, 1.0, (1.0 - x - y) / y]
}

/// The sRGB value of every step of light, with contrast: a curve that keeps black, middle and white (Christophe Schlick,
/// "Fast alternatives to Perlin's bias and gain functions", 1994).
fn table(contrast: f64) -> Vec<u8> {
    // 0.5 is a straight line; less is steeper in the middle.
    let gain = (0.5 - contrast / 100.0 * 0.3) as f32;
    let steep = 1.0 / gain - 2.0;
    let curve = |t: f32| match t < 0.5 {
        true => t / (steep * (1.0 - 2.0 * t) + 1.0),
        false => (steep * (1.0 - 2.0 * t) - t) / (steep * (1.0 - 2.0 * t) - 1.0),
    };
    (0..STEPS)
        .map(|step| {
            let value = encoded(step as f32 / (STEPS - 1) as f32);
            let value = if contrast == 0.0 { value } else { curve(value) };
            (value * 255.0 + 0.5) as u8
        })
        .collect()
}

/// Sharpening with an unsharp mask: what a pixel differs from its blurred surroundings is added to it once more. It is the
/// luminance that is sharpened, so no edge gets a colour.
struct Sharpen {
    amount: f32,
    /// From the middle outwards.
    weights: Vec<f32>,
}

/// A row and what is needed of it to sharpen its neighbours.
struct Near {
    row: usize,
    light: Vec<f32>,
    luminance: Vec<f32>,
    /// Luminance, blurred along the row.
    blurred: Vec<f32>,
}

impl Sharpen {
    fn of(recipe: &Recipe) -> Option<Self> {
        if recipe.sharpen_percent == 0.0 {
            return None;
        }
        let sigma = recipe.sharpen_radius;
        let reach = (sigma * 3.0).ceil() as usize;
        let gauss = |at: usize| (-((at * at) as f64) / (2.0 * sigma * sigma)).exp();
        let sum: f64 = gauss(0) + 2.0 * (1..=reach).map(gauss).sum::<f64>();
        let weights = (0..=reach).map(|at| (gauss(at) / sum) as f32).collect();
        Some(Self { amount: (recipe.sharpen_percent / 100.0) as f32, weights })
    }

    fn reach(&self) -> usize {
        self.weights.len() - 1
    }

    fn near(&self, row: usize, light: &[f32]) -> Near {
        let luminance: Vec<f32> = light
            .chunks_exact(3)
            .map(|light| light.iter().zip(LUMINANCE).map(|(light, weight)| light * weight).sum())
            .collect();
        let last = luminance.len() - 1;
        let blurred = (0..=last)
            .map(|at| {
                let around = (1..=self.reach()).map(|far| {
                    (luminance[at.saturating_sub(far)] + luminance[(at + far).min(last)]) * self.weights[far]
                });
                luminance[at] * self.weights[0] + around.sum::<f32>()
            })
            .collect();
        Near { row, light: light.to_vec(), luminance, blurred }
    }

    fn apply(&self, row: usize, height: usize, near: &VecDeque<Near>, light: &mut [f32]) {
        let Some(begin) = near.front().map(|near| near.row) else { return };
        let at = |row: usize| &near[row.min(height - 1).max(begin) - begin];
        let middle = at(row);
        let mut blurred: Vec<f32> = middle.blurred.iter().map(|value| value * self.weights[0]).collect();
        for far in 1..=self.reach() {
            let (above, below) = (&at(row.saturating_sub(far)).blurred, &at(row + far).blurred);
            for ((sum, above), below) in blurred.iter_mut().zip(above).zip(below) {
                *sum += (above + below) * self.weights[far];
            }
        }
        let pixels = light.chunks_exact_mut(3).zip(middle.light.chunks_exact(3));
        for ((light, before), (luminance, blurred)) in pixels.zip(middle.luminance.iter().zip(&blurred)) {
            let more = self.amount * (luminance - blurred);
            light.iter_mut().zip(before).for_each(|(light, before)| *light = before + more);
        }
    }
}
