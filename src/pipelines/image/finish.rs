//! From light to a picture: grain is smoothed where the scene says there is no edge, then exposure, warmth, a film curve,
//! and eight bits a channel.

use crate::pipelines::image::render::math::{Vec3, smooth, vec3};
use crate::pipelines::image::render::trace::World;
use crate::pipelines::image::scene::{Finish, Light};

/// Rounds of smoothing, each twice as wide as the one before.
const ROUNDS: u32 = 4;
/// Five weights of a binomial filter.
const KERNEL: [f32; 5] = [0.0625, 0.25, 0.375, 0.25, 0.0625];

/// What each pixel shows first: edges in here are edges in the picture.
#[derive(Clone, Debug)]
pub struct Guide {
    pixels: Vec<Marks>,
}

#[derive(Clone, Copy, Debug)]
struct Marks {
    normal: Vec3,
    colour: Vec3,
    distance: f32,
    /// Mirrors, glass and water carry pictures of their own, which must not be smoothed away.
    clear: bool,
    thing: u32,
}

impl Guide {
    /// The guide of a scene.
    pub fn new(world: &World<'_>, width: u32, height: u32) -> Self {
        let marks = |x: u32, y: u32| match world.first_hit(x as f32 + 0.5, y as f32 + 0.5) {
            None => {
                Marks { normal: Vec3::ZERO, colour: Vec3::ONE, distance: 1e4, clear: false, thing: u32::MAX }
            }
            Some(hit) => Marks {
                normal: hit.crossing.normal,
                colour: hit.material.colour,
                distance: hit.crossing.distance,
                clear: match hit.material.finish {
                    Finish::Glass | Finish::Water | Finish::Lamp => true,
                    Finish::Metal { rough } => rough < 0.3,
                    Finish::Matte | Finish::Gloss => false,
                },
                thing: hit.thing.map_or(u32::MAX - 1, |thing| thing as u32),
            },
        };
        Self {
            pixels: (0..height)
                .flat_map(|y| (0..width).map(move |x| (x, y)))
                .map(|(x, y)| marks(x, y))
                .collect(),
        }
    }

    /// Share of the picture in which each of `things` is what is seen first.
    pub fn shares(&self, things: usize) -> Vec<f32> {
        let mut counts = vec![0_u32; things];
        for pixel in &self.pixels {
            if let Some(count) = counts.get_mut(pixel.thing as usize) {
                *count += 1;
            }
        }
        counts.into_iter().map(|count| count as f32 / self.pixels.len().max(1) as f32).collect()
    }
}

/// Smooths grain along the guide (Dammertz et al., "Edge-Avoiding À-Trous Wavelet Transform", 2010). The more steps a film
/// has, the less there is to smooth.
pub fn smoothed(light: &[Vec3], steps: u32, guide: &Guide, width: u32) -> Vec<Vec3> {
    let width = width as usize;
    let height = light.len() / width.max(1);
    // Without its own colour a textured surface is smooth.
    let bare = |colour: Vec3| colour.map(|part| part.max(0.04));
    let mut light: Vec<Vec3> = light
        .iter()
        .zip(&guide.pixels)
        .map(|(light, marks)| {
            let colour = bare(marks.colour);
            vec3(light.x / colour.x, light.y / colour.y, light.z / colour.z)
        })
        .collect();
    let grain = 1.6 / (steps.max(1) as f32).sqrt();
    for round in 0..ROUNDS {
        let gap = 1_usize << round;
        let tolerance = grain / (1 << round) as f32;
        let mut next = light.clone();
        for y in 0..height {
            for x in 0..width {
                next[y * width + x] =
                    smoothed_at(&light, &guide.pixels, (x, y), (width, height), gap, tolerance);
            }
        }
        light = next;
    }
    light.iter().zip(&guide.pixels).map(|(light, marks)| *light * bare(marks.colour)).collect()
}

fn smoothed_at(
    light: &[Vec3],
    guide: &[Marks],
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    gap: usize,
    tolerance: f32,
) -> Vec3 {
    let place = y * width + x;
    let (here, mine) = (light[place], guide[place]);
    if mine.distance >= 1e4 {
        return here;
    }
    let tolerance = if mine.clear { tolerance * 0.12 } else { tolerance };
    let own = here.luminance();
    let (mut sum, mut total) = (Vec3::ZERO, 0.0);
    for (row, vertical) in KERNEL.iter().enumerate() {
        let Some(ny) = (y + row * gap).checked_sub(2 * gap).filter(|ny| *ny < height) else { continue };
        for (column, horizontal) in KERNEL.iter().enumerate() {
            let Some(nx) = (x + column * gap).checked_sub(2 * gap).filter(|nx| *nx < width) else { continue };
            let other = guide[ny * width + nx];
            if other.thing != mine.thing {
                continue;
            }
            let facing = mine.normal.dot(other.normal).max(0.0);
            let depth = (mine.distance - other.distance).abs() / (mine.distance * 0.03 * gap as f32);
            let there = light[ny * width + nx];
            let apart = (there.luminance() - own).abs() / (tolerance * (own + 0.15));
            let weight = vertical * horizontal * sharp(facing) * libm::expf(-depth * depth - apart * apart);
            sum += there * weight;
            total += weight;
        }
    }
    if total > 1e-6 { sum / total } else { here }
}

/// To the power of 32. How `powi` rounds is not specified.
fn sharp(facing: f32) -> f32 {
    (0..5).fold(facing, |power, _| power * power)
}

/// Eight bits for each of red, green and blue, row by row.
pub fn developed(pixels: impl Iterator<Item = Vec3>, light: &Light) -> Vec<u8> {
    let exposure = libm::exp2f(light.exposure);
    let warm = vec3(1.0 + 0.12 * light.warmth, 1.0 + 0.02 * light.warmth, 1.0 - 0.14 * light.warmth);
    pixels
        .flat_map(|pixel| {
            let curved = (pixel * exposure * warm).map(film_curve);
            let grey = Vec3::splat(curved.luminance());
            let coloured = grey.mix(curved, light.saturation);
            let steep = coloured.map(|part| {
                let part = part.clamp(0.0, 1.0);
                let bent = if part < 0.5 {
                    0.5 * contrasted(part * 2.0, light.contrast)
                } else {
                    1.0 - 0.5 * contrasted((1.0 - part) * 2.0, light.contrast)
                };
                (encoded(bent) * 255.0 + 0.5).clamp(0.0, 255.0)
            });
            [steep.x as u8, steep.y as u8, steep.z as u8]
        })
        .collect()
}

fn contrasted(part: f32, contrast: f32) -> f32 {
    libm::powf(part, contrast)
}

/// A film-like curve: shadows stay, highlights roll off (fit by Narkowicz, "ACES Filmic Tone Mapping Curve", 2015).
fn film_curve(light: f32) -> f32 {
    let light = light.max(0.0) * 0.8;
    ((light * (2.51 * light + 0.03)) / (light * (2.43 * light + 0.59) + 0.14)).clamp(0.0, 1.0)
}

/// The transfer curve of sRGB (IEC 61966-2-1).
pub fn encoded(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::powf(light, 1.0 / 2.4) - 0.055 }
}

/// The way back.
pub fn decoded(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { libm::powf((value + 0.055) / 1.055, 2.4) }
}

/// What is brighter than a picture can show shines over its edge, as in a lens: the excess, blurred three times as wide
/// each time, is added.
pub fn shining(pixels: Vec<Vec3>, width: u32, exposure: f32) -> Vec<Vec3> {
    const BY: usize = 4;
    let width = width as usize;
    let height = pixels.len() / width.max(1);
    let limit = 1.3 / libm::exp2f(exposure);
    let (across, down) = (width.div_ceil(BY), height.div_ceil(BY));
    let mut excess = vec![Vec3::ZERO; across * down];
    for (at, pixel) in pixels.iter().enumerate() {
        let bright = pixel.max_part();
        if bright > limit {
            let place = (at / width / BY) * across + (at % width) / BY;
            excess[place] += *pixel * ((bright - limit).min(limit * 6.0) / bright / (BY * BY) as f32);
        }
    }
    if excess.iter().all(|part| part.max_part() <= 0.0) {
        return pixels;
    }
    let mut glow = vec![Vec3::ZERO; across * down];
    for (radius, share) in [(0.008, 0.22), (0.025, 0.16), (0.07, 0.12)] {
        let reach = ((height as f32 * radius / BY as f32) as usize).max(1);
        for _ in 0..2 {
            excess = blurred(&blurred(&excess, across, down, reach, true), across, down, reach, false);
        }
        glow.iter_mut().zip(&excess).for_each(|(sum, part)| *sum += *part * share);
    }
    let at = |x: usize, y: usize| glow[y.min(down - 1) * across + x.min(across - 1)];
    let shone = |place: usize, pixel: Vec3| {
        let (x, y) = ((place % width) as f32 / BY as f32, (place / width) as f32 / BY as f32);
        let (left, top) = (x as usize, y as usize);
        let upper = at(left, top).mix(at(left + 1, top), x.fract());
        let lower = at(left, top + 1).mix(at(left + 1, top + 1), x.fract());
        pixel + upper.mix(lower, y.fract())
    };
    pixels.into_iter().enumerate().map(|(place, pixel)| shone(place, pixel)).collect()
}

/// The mean over a stretch of each row, or of each column.
fn blurred(pixels: &[Vec3], width: usize, height: usize, reach: usize, rows: bool) -> Vec<Vec3> {
    let (lines, length) = if rows { (height, width) } else { (width, height) };
    let place = |line: usize, at: usize| if rows { line * width + at } else { at * width + line };
    let mut blurred = vec![Vec3::ZERO; pixels.len()];
    for line in 0..lines {
        let mut sum = Vec3::ZERO;
        for at in 0..length + reach {
            if at < length {
                sum += pixels[place(line, at)];
            }
            if at > 2 * reach {
                sum = sum - pixels[place(line, at - 2 * reach - 1)];
            }
            if at >= reach {
                // What adding and taking away leaves over must not darken anything.
                blurred[place(line, at - reach)] = sum.map(|part| part.max(0.0)) / (2 * reach + 1) as f32;
            }
        }
    }
    blurred
}

/// Darker towards the corners, a little: the eye stays in the middle.
pub fn vignetted(pixels: Vec<Vec3>, width: u32, height: u32) -> Vec<Vec3> {
    let (half_width, half_height) = (width as f32 * 0.5, height as f32 * 0.5);
    let shade = |at: usize| {
        let (x, y) = ((at % width as usize) as f32 + 0.5, (at / width as usize) as f32 + 0.5);
        let (dx, dy) = ((x - half_width) / half_width, (y - half_height) / half_height);
        1.0 - 0.22 * smooth(0.5, 1.5, (dx * dx + dy * dy).sqrt())
    };
    pixels.into_iter().enumerate().map(|(at, pixel)| pixel * shade(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::fixtures::{daylight, three_balls};
    use crate::pipelines::image::render::Film;

    #[test]
    fn the_transfer_curve_goes_both_ways() {
        for step in 0..=100 {
            let light = step as f32 / 100.0;
            assert!((decoded(encoded(light)) - light).abs() < 1e-4);
        }
        assert!((encoded(0.214) - 0.5).abs() < 2e-3);
    }

    #[test]
    fn what_is_too_bright_shines_around_itself_alone() {
        let dark = vec![Vec3::splat(0.2); 96 * 64];
        assert_eq!(shining(dark.clone(), 96, 0.0), dark);
        let mut lamp = dark.clone();
        for y in 30..34 {
            for x in 46..50 {
                lamp[y * 96 + x] = Vec3::splat(10.0);
            }
        }
        let shone = shining(lamp, 96, 0.0);
        assert!(shone[32 * 96 + 53].x > 0.21, "{:?}", shone[32 * 96 + 53]);
        assert!(shone[0].x < 0.205 && shone.iter().all(|pixel| pixel.is_finite()));
    }

    #[test]
    fn smoothing_takes_grain_and_leaves_edges() {
        let (scene, light) = (three_balls(), daylight());
        let (width, height) = (48, 32);
        let world = World::new(&scene, &light, 1, width, height);
        let guide = Guide::new(&world, width, height);
        let render = |steps: u32| {
            let mut film = Film::new(width, height);
            for _ in 0..steps {
                film.step(&world, 2, &|| false);
            }
            film
        };
        let truth = render(48);
        let rough = render(2);
        let apart = |pixels: &[Vec3]| -> f32 {
            pixels.iter().zip(truth.light()).map(|(a, b)| (*a - b).length().min(2.0)).sum()
        };
        let plain: Vec<Vec3> = rough.light().collect();
        assert!(apart(&smoothed(&plain, rough.steps(), &guide, width)) < apart(&plain) * 0.85);
        let shares = guide.shares(3);
        assert!(shares.iter().all(|share| (0.01..0.2).contains(share)), "{shares:?}");
    }
}
