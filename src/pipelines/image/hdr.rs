//! Light in a file: the Radiance picture format (Ward, "Real Pixels", Graphics Gems II, 1991), uncompressed.

use crate::pipelines::image::render::math::{Vec3, vec3};

/// A picture in light.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Steps it was rendered in.
    pub steps: u32,
    /// Light, row by row from the top.
    pub light: Vec<Vec3>,
}

/// The file of a picture.
pub fn encode(width: u32, height: u32, steps: u32, light: impl Iterator<Item = Vec3>) -> Vec<u8> {
    let mut bytes =
        format!("#?RADIANCE\n# callboard steps {steps}\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n")
            .into_bytes();
    bytes.extend(light.flat_map(shared));
    bytes
}

/// Reads such a file; none when it is not one that [`encode`] made.
pub fn decode(bytes: &[u8]) -> Option<Picture> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        std::str::from_utf8(line).ok()
    };
    if line()? != "#?RADIANCE" {
        return None;
    }
    let steps = line()?.strip_prefix("# callboard steps ")?.parse().ok()?;
    if (line()?, line()?) != ("FORMAT=32-bit_rle_rgbe", "") {
        return None;
    }
    let (height, width) = line()?.strip_prefix("-Y ")?.split_once(" +X ")?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let (pixels, left) = rest.as_chunks::<4>();
    let whole = left.is_empty() && pixels.len() as u64 == u64::from(width) * u64::from(height);
    whole.then(|| Picture { width, height, steps, light: pixels.iter().map(|pixel| apart(*pixel)).collect() })
}

/// Three numbers with one exponent.
fn shared(light: Vec3) -> [u8; 4] {
    let light = light.map(|part| part.max(0.0));
    let greatest = light.max_part();
    if greatest < 1e-32 {
        return [0; 4];
    }
    let (_, exponent) = libm::frexpf(greatest);
    let scale = libm::ldexpf(256.0, -exponent);
    let part = |value: f32| (value * scale).min(255.0) as u8;
    [part(light.x), part(light.y), part(light.z), (exponent + 128).clamp(1, 255) as u8]
}

fn apart([red, green, blue, exponent]: [u8; 4]) -> Vec3 {
    if exponent == 0 {
        return Vec3::ZERO;
    }
    let scale = libm::ldexpf(1.0, i32::from(exponent) - 136);
    vec3(f32::from(red) + 0.5, f32::from(green) + 0.5, f32::from(blue) + 0.5) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_survives_within_a_hundredth() {
        let light: Vec<Vec3> = (0..64)
            .map(|at| vec3(at as f32 * 0.3, 10.0 / (at + 1) as f32, 0.5))
            .chain([Vec3::ZERO, vec3(1e4, 0.1, 0.0)])
            .collect();
        let bytes = encode(33, 2, 9, light.iter().copied());
        let read = decode(&bytes).unwrap();
        assert_eq!((read.width, read.height, read.steps), (33, 2, 9));
        for (before, after) in light.iter().zip(&read.light) {
            assert!((*before - *after).length() <= before.max_part() * 0.01, "{before:?} {after:?}");
        }
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(b"#?RADIANCE\n"), None);
    }
}
