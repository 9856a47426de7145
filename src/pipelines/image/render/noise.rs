//! Smooth chance over a plane: hills, clouds, waves, patterns.

/// A lattice of chance, smoothly joined: from 0 to 1.
pub fn value(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |share: f32| share * share * share * (share * (share * 6.0 - 15.0) + 10.0);
    let (sx, sy) = (ease(x - fx), ease(y - fy));
    let at = |dx: i32, dy: i32| corner(ix.wrapping_add(dx), iy.wrapping_add(dy), seed);
    let below = at(0, 0) + (at(1, 0) - at(0, 0)) * sx;
    let above = at(0, 1) + (at(1, 1) - at(0, 1)) * sx;
    below + (above - below) * sy
}

/// Several of them, each half as large and twice as fine: from 0 to 1.
pub fn layered(x: f32, y: f32, seed: u32, layers: u32) -> f32 {
    let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
    // Turned from layer to layer, so that the lattices do not show.
    let (mut x, mut y) = (x, y);
    for layer in 0..layers {
        sum += weight * value(x, y, seed.wrapping_add(layer.wrapping_mul(0x9E37)));
        total += weight;
        weight *= 0.5;
        (x, y) = (1.6 * x + 1.2 * y + 3.7, 1.6 * y - 1.2 * x + 1.9);
    }
    sum / total
}

/// The same with sharp crests: from 0 to 1.
pub fn ridged(x: f32, y: f32, seed: u32, layers: u32) -> f32 {
    let (mut sum, mut weight, mut total) = (0.0, 1.0, 0.0);
    let (mut x, mut y) = (x, y);
    for layer in 0..layers {
        let crest = 1.0 - (2.0 * value(x, y, seed.wrapping_add(layer.wrapping_mul(0x85EB))) - 1.0).abs();
        sum += weight * crest * crest;
        total += weight;
        weight *= 0.5;
        (x, y) = (1.6 * x + 1.2 * y + 5.3, 1.6 * y - 1.2 * x + 2.6);
    }
    sum / total
}

fn corner(x: i32, y: i32, seed: u32) -> f32 {
    // Integer mixing after "lowbias32" (Wellons, "Prospecting for Hash Functions", 2018).
    let mut hash = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x21F0_AAAD);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x735A_2D97);
    hash ^= hash >> 15;
    (hash >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_and_smooth() {
        for step in 0..2_000 {
            let (x, y) = (step as f32 * 0.013 - 9.0, step as f32 * 0.029 - 20.0);
            for noise in [value, |x, y, seed| layered(x, y, seed, 4), |x, y, seed| ridged(x, y, seed, 4)] {
                let here = noise(x, y, 5);
                assert!((0.0..=1.0).contains(&here));
                assert!((noise(x + 1e-4, y, 5) - here).abs() < 0.02);
            }
        }
    }
}
