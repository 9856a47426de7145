//! Chance that depends on nothing but the seed, the pixel and the number of the sample.
//!
//! So a sample comes out the same whoever computes it and when: rows can be shared among threads, and an image that was
//! interrupted goes on to the very same bytes.

/// A stream of numbers for one sample of one pixel.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a sample.
    pub fn new(seed: u64, pixel: u32, sample: u32) -> Self {
        let place = (u64::from(pixel) << 32) | u64::from(sample);
        Self { state: mixed(seed ^ mixed(place.wrapping_add(0x9E37_79B9_7F4A_7C15))) }
    }

    /// The next number, at least 0 and below 1.
    pub fn share(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        // The 24 bits that a float holds exactly.
        (mixed(self.state) >> 40) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number in a range.
    pub fn within(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.share()
    }

    /// One of `count` places, `count` at least 1.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.share() * count as f32) as usize).min(count.saturating_sub(1))
    }
}

/// SplitMix64's finishing step (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Where in its pixel a sample lies: an even spread for any number of samples (Roberts, "The Unreasonable Effectiveness
/// of Quasirandom Sequences", 2018), shifted for each pixel by chance.
pub fn in_pixel(seed: u64, pixel: u32, sample: u32) -> (f32, f32) {
    let mut shift = Stream::new(seed, pixel, u32::MAX);
    let spread = |step: f64, shift: f32| {
        let place = f64::from(sample) * step + f64::from(shift);
        (place - place.floor()) as f32
    };
    (spread(0.754_877_666_246_692_7, shift.share()), spread(0.569_840_290_998_053_2, shift.share()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even_and_repeat() {
        let mut stream = Stream::new(7, 3, 1);
        let mut again = Stream::new(7, 3, 1);
        let mut buckets = [0_u32; 10];
        for _ in 0..10_000 {
            let number = stream.share();
            assert!((0.0..1.0).contains(&number));
            assert_eq!(number, again.share());
            buckets[(number * 10.0) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (850..1150).contains(count)), "{buckets:?}");
    }

    #[test]
    fn neighbours_do_not_look_alike() {
        let first = |seed, pixel, sample| Stream::new(seed, pixel, sample).share();
        let all = [first(1, 0, 0), first(2, 0, 0), first(1, 1, 0), first(1, 0, 1)];
        for (at, number) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| (other - number).abs() > 1e-4), "{all:?}");
        }
    }
}
