//! A hash of what a picture looks like: pictures that look alike have hashes that differ in few bits. Each bit says whether
//! a small grey copy grows lighter from one pixel to the next ("difference hash").

use image::{DynamicImage, RgbaImage, imageops::FilterType};

/// The hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LookHash(pub u64);

impl LookHash {
    /// Of a picture.
    pub fn of(pixels: &RgbaImage) -> Self {
        // In two steps: the first is quick, the second is even.
        let small = DynamicImage::ImageRgba8(pixels.clone()).thumbnail_exact(72, 64);
        let small = small.resize_exact(9, 8, FilterType::Triangle).into_luma8();
        let mut bits = 0;
        for row in 0..8 {
            for column in 0..8 {
                let lighter = small.get_pixel(column + 1, row).0[0] > small.get_pixel(column, row).0[0];
                bits = bits << 1 | u64::from(lighter);
            }
        }
        Self(bits)
    }

    /// In how many bits, of 64, two hashes differ.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

impl std::fmt::Display for LookHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
