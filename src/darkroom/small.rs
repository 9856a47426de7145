//! A small copy of a negative to look at and to measure: each of its pixels is the mean light of a square of the negative.

use image::metadata::Orientation;
use image::{DynamicImage, Rgb, RgbImage};

use crate::darkroom::colour::{Matrix, SAME, encoded};
use crate::darkroom::negative::Negative;

/// Steps of light that are told apart.
const STEPS: usize = 16_384;

/// An upright copy in sRGB. A side of the negative is divided by the same whole number until it is at most `side_max`.
pub fn small(negative: &Negative, side_max: u32) -> RgbImage {
    let side = negative.width.max(negative.height);
    let by = side.div_ceil(side_max.max(1)).max(1);
    // What is left over at the right and lower edges is less than a pixel of the copy.
    let (width, height) = ((negative.width / by).max(1), (negative.height / by).max(1));
    let (across, down) = (by.min(negative.width) as usize, by.min(negative.height) as usize);
    let table: Vec<u8> =
        (0..STEPS).map(|step| (encoded(step as f32 / (STEPS - 1) as f32) * 255.0 + 0.5) as u8).collect();
    let matrix: Matrix = negative.colour.matrix.unwrap_or(SAME);
    let columns = width as usize * across;
    let (mut light, mut sums) = (vec![0.0_f32; columns * 3], vec![0.0_f32; columns * 3]);
    let mut copy = RgbImage::new(width, height);
    let mut row = 0;
    for pixels in copy.rows_mut() {
        negative.light(row, 0..columns, &mut sums);
        for more in 1..down {
            negative.light(row + more, 0..columns, &mut light);
            sums.iter_mut().zip(&light).for_each(|(sum, light)| *sum += light);
        }
        row += down;
        let count = (across * down) as f32;
        for (pixel, square) in pixels.zip(sums.chunks_exact(across * 3)) {
            let mut sum = [0.0_f32; 3];
            for light in square.chunks_exact(3) {
                sum.iter_mut().zip(light).for_each(|(sum, light)| *sum += light);
            }
            let light = sum.map(|sum| sum / count);
            let print = |row: &[f32; 3]| {
                let light = row[0] * light[0] + row[1] * light[1] + row[2] * light[2];
                table[((light * (STEPS - 1) as f32 + 0.5) as usize).min(STEPS - 1)]
            };
            *pixel = Rgb([print(&matrix[0]), print(&matrix[1]), print(&matrix[2])]);
        }
    }
    if negative.orientation == 1 {
        return copy;
    }
    let mut copy = DynamicImage::ImageRgb8(copy);
    copy.apply_orientation(Orientation::from_exif(negative.orientation).unwrap_or(Orientation::NoTransforms));
    copy.into_rgb8()
}
