//! A small picture of a film that is not done: what has been gathered, developed, with its grain.

use crate::pipelines::image::finish::developed;
use crate::pipelines::image::recipe;
use crate::pipelines::image::render::Film;
use crate::pipelines::image::render::math::Vec3;
use crate::pipelines::image::scene::Light;

/// The file of the newest preview.
pub const PREVIEW: &str = "preview.png";
/// The longer side is at most this many pixels: a preview is made after every step, and sent to everyone who watches.
const SIDE_MAX: u32 = 512;

/// The preview of a film; none when it cannot be written.
pub fn png(film: &Film, light: &Light) -> Option<Vec<u8>> {
    let (width, height, pixels) = reduced(film);
    let pixels = developed(pixels.into_iter(), light);
    recipe::png(width, height, &pixels, None).ok()
}

/// A smaller film: each pixel the mean of those it stands for.
fn reduced(film: &Film) -> (u32, u32, Vec<Vec3>) {
    let by = film.width().max(film.height()).div_ceil(SIDE_MAX).max(1);
    let (width, height) = (film.width().div_ceil(by), film.height().div_ceil(by));
    let mut sums = vec![(Vec3::ZERO, 0.0_f32); width as usize * height as usize];
    for (at, light) in film.light().enumerate() {
        let (x, y) = (at as u32 % film.width() / by, at as u32 / film.width() / by);
        let (sum, count) = &mut sums[y as usize * width as usize + x as usize];
        *sum += light;
        *count += 1.0;
    }
    (width, height, sums.into_iter().map(|(sum, count)| sum / count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::fixtures::{daylight, three_balls};
    use crate::pipelines::image::render::trace::World;

    #[test]
    fn a_preview_keeps_the_shape_and_is_never_large() {
        for (size, expected) in [((100, 60), (100, 60)), ((1024, 100), (512, 50)), ((1025, 64), (342, 22))] {
            let (width, height, pixels) = reduced(&Film::new(size.0, size.1));
            assert_eq!((width, height), expected);
            assert_eq!(pixels.len(), (width * height) as usize);
        }
    }

    #[test]
    fn a_preview_shows_the_step() {
        let (scene, light) = (three_balls(), daylight());
        let world = World::new(&scene, &light, 5, 64, 64);
        let mut film = Film::new(64, 64);
        let dark = png(&film, &light).unwrap();
        assert!(film.step(&world, 2, &|| false));
        let first = png(&film, &light).unwrap();
        assert_ne!(dark, first);
        assert_eq!(first, png(&film, &light).unwrap());
    }
}
