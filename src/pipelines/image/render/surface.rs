//! What light does at a surface: the colour of its pattern, the waves of water, and which way it goes on.

use crate::pipelines::image::render::math::{Vec3, basis, smooth, vec3};
use crate::pipelines::image::render::noise;
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::{Material, PatternKind};

/// How much glass bends light.
pub const GLASS_INDEX: f32 = 1.5;
/// How much water and clear coats do.
pub const WATER_INDEX: f32 = 1.33;

/// The material at a point: its pattern has become its colour.
pub fn resolved(material: Material, point: Vec3) -> Material {
    let Some(pattern) = material.pattern else { return material };
    let at = point / pattern.size.max(0.01);
    let share = match pattern.kind {
        PatternKind::Checks => {
            let odd =
                (at.x.floor() as i32 + at.y.max(0.0).floor() as i32 + at.z.floor() as i32).rem_euclid(2);
            odd as f32
        }
        PatternKind::Stripes => f32::from((at.x + at.z * 0.35).floor() as i32 & 1 == 1),
        PatternKind::Marble => {
            let bent = noise::layered(at.x + at.y * 0.7, at.z - at.y * 0.4, 21, 5) * 9.0;
            smooth(0.72, 0.98, libm::fabsf(libm::sinf(at.x * 1.3 + at.y * 1.7 + bent)))
        }
        PatternKind::Wood => {
            let grain = noise::layered(at.x * 0.6, at.y * 0.15 + at.z * 0.6, 5, 3) * 1.6;
            let ring = ((at.x * at.x + at.z * at.z).sqrt() * 3.0 + grain).fract();
            smooth(0.35, 0.95, ring)
        }
        PatternKind::Planks => {
            let plank = at.z.floor();
            let shade = noise::value(plank + 0.5, 7.5, 77);
            // Each plank is sawn from another place of the trunk.
            let grain = noise::layered(at.x * 0.35 + shade * 40.0, at.z * 7.0, 5, 4);
            let fine = noise::layered(at.x * 0.9 + shade * 40.0, at.z * 30.0, 6, 2);
            let joint = smooth(0.485, 0.497, libm::fabsf(at.z - plank - 0.5));
            (shade * 0.35 + smooth(0.35, 0.75, grain) * 0.45 + fine * 0.2).max(joint * 1.6)
        }
        PatternKind::Patches => smooth(0.42, 0.62, noise::layered(at.x, at.z + at.y * 0.7, 13, 4)),
    };
    Material { colour: material.colour.mix(pattern.colour, share), pattern: None, ..material }
}

/// Small waves: the normal of the water at a point. Far away they are finer than a pixel and flatten out.
pub fn wave(point: Vec3, normal: Vec3, distance: f32) -> Vec3 {
    let height = |x: f32, z: f32| noise::layered(x * 0.9, z * 1.7, 33, 3);
    let step = 0.05;
    let (dx, dz) = (
        height(point.x + step, point.z) - height(point.x - step, point.z),
        height(point.x, point.z + step) - height(point.x, point.z - step),
    );
    let strength = 0.55 * smooth(160.0, 4.0, distance);
    (normal - vec3(dx, 0.0, dz) * (strength / (2.0 * step) * 0.16)).unit()
}

/// A direction off a matte surface: the more upright, the likelier.
pub fn scattered(normal: Vec3, chance: &mut Stream) -> Vec3 {
    let (radius, angle) = (chance.share(), chance.share() * std::f32::consts::TAU);
    let (side, up) = basis(normal);
    let out = radius.sqrt();
    (side * (libm::cosf(angle) * out)
        + up * (libm::sinf(angle) * out)
        + normal * (1.0 - radius).max(0.0).sqrt())
    .unit()
}

/// A point in a ball of radius one.
pub fn ball(chance: &mut Stream) -> Vec3 {
    let (height, angle, depth) =
        (chance.within(-1.0, 1.0), chance.share() * std::f32::consts::TAU, libm::cbrtf(chance.share()));
    let flat = (1.0 - height * height).max(0.0).sqrt();
    vec3(libm::cosf(angle) * flat, height, libm::sinf(angle) * flat) * depth
}

/// Share of light that a clear surface mirrors; `ratio` is the index on this side over that on the other (Schlick, "An
/// Inexpensive BRDF Model", 1994).
pub fn mirrored_share(cosine: f32, ratio: f32) -> f32 {
    let straight = ((ratio - 1.0) / (ratio + 1.0)) * ((ratio - 1.0) / (ratio + 1.0));
    let slant = (1.0 - cosine.clamp(0.0, 1.0)).max(0.0);
    straight + (1.0 - straight) * slant * slant * slant * slant * slant
}

/// Colour of a metal under an angle: at a slant all metals are white.
pub fn metal(colour: Vec3, cosine: f32) -> Vec3 {
    let slant = (1.0 - cosine.clamp(0.0, 1.0)).max(0.0);
    colour.mix(Vec3::ONE, slant * slant * slant * slant * slant)
}

/// Where light goes at glass, and whether it passed.
pub fn glass(direction: Vec3, normal: Vec3, inside: bool, index: f32, chance: &mut Stream) -> (Vec3, bool) {
    let ratio = if inside { index } else { 1.0 / index };
    let cosine = -direction.dot(normal);
    let passing = 1.0 - ratio * ratio * (1.0 - cosine * cosine);
    let seen = if inside { passing.max(0.0).sqrt() } else { cosine };
    if passing <= 0.0 || chance.share() < mirrored_share(seen, ratio) {
        return (direction.reflect(normal), false);
    }
    ((direction * ratio + normal * (ratio * cosine - passing.sqrt())).unit(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glass_bends_and_mirrors() {
        let mut chance = Stream::new(5, 5, 5);
        let down = vec3(0.6, -0.8, 0.0);
        let passed: Vec<Vec3> = (0..200)
            .filter_map(|_| {
                let (out, passed) = glass(down, Vec3::UP, false, 1.5, &mut chance);
                passed.then_some(out)
            })
            .collect();
        assert!(passed.len() > 150);
        // Snell: the sine of 0.6 becomes 0.4.
        assert!(passed.iter().all(|out| (out.x - 0.4).abs() < 1e-4 && out.y < 0.0));
        // Under a flat angle from within, nothing passes.
        let flat = vec3(0.9, -(1.0_f32 - 0.81).sqrt(), 0.0);
        assert!((0..50).all(|_| !glass(flat, Vec3::UP, true, 1.5, &mut chance).1));
    }
}
