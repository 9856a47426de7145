//! What a ray sees that meets nothing.

use crate::pipelines::image::render::math::{Vec3, smooth, vec3};
use crate::pipelines::image::render::noise;
use crate::pipelines::image::scene::Light;

/// Seed of the clouds and stars: the sky does not change with the composition.
const SKY_SEED: u32 = 71;

/// The sky of a light.
#[derive(Clone, Copy, Debug)]
pub struct Sky {
    light: Light,
    toward_sun: Vec3,
    sun_cos: f32,
    /// Of the disc as it is seen: soft shadows need a larger one than the eye would believe.
    disc_cos: f32,
}

impl Sky {
    /// The sky of this light.
    pub fn new(light: &Light) -> Self {
        let sun_cos = libm::cosf(light.sun_size_deg.max(0.05).to_radians());
        let seen_deg = (light.sun_size_deg * 0.6).clamp(0.05, 0.95);
        let disc_cos = libm::cosf(seen_deg.to_radians());
        Self { light: *light, toward_sun: light.sun.unit(), sun_cos, disc_cos }
    }

    /// Colour of the sky in a direction, without the disc of the sun.
    pub fn colour(&self, direction: Vec3) -> Vec3 {
        let light = &self.light;
        if light.studio {
            return light.horizon.mix(light.zenith, smooth(-0.2, 0.9, direction.y));
        }
        let height = direction.y.max(0.0);
        let mut colour = light.horizon.mix(light.zenith, libm::powf(height, 0.45));
        if direction.y < 0.0 {
            colour = colour * (1.0 + direction.y * 0.4);
        }
        let toward = direction.dot(self.toward_sun).max(0.0);
        let glow = libm::powf(toward, 6.0) * 0.05
            + libm::powf(toward, 60.0) * 0.11
            + libm::powf(toward, 900.0) * 0.5;
        colour += light.sunlight * (glow * if light.disc { 1.0 } else { 0.25 });
        if light.stars && direction.y > 0.0 {
            colour += Vec3::splat(star(direction)) * smooth(0.0, 0.25, direction.y);
        }
        if light.clouds > 0.0 && direction.y > 0.015 {
            colour = self.clouded(colour, direction, toward);
        }
        colour
    }

    fn clouded(&self, clear: Vec3, direction: Vec3, toward: f32) -> Vec3 {
        let light = &self.light;
        let (x, y) = (direction.x / (direction.y + 0.12), direction.z / (direction.y + 0.12));
        let thick = noise::layered(x * 1.1 + 4.0, y * 1.1, SKY_SEED, 6);
        let edge = 0.74 - 0.5 * light.clouds;
        let cover = smooth(edge, edge + 0.22, thick) * smooth(0.015, 0.14, direction.y);
        let lit = light.zenith.mix(light.horizon, 0.65) * 0.9 + light.sunlight * (0.10 + 0.12 * toward);
        let shaded = lit * (1.0 - 0.45 * smooth(edge, 1.0, thick));
        clear.mix(shaded, cover * 0.92)
    }

    /// Light that mist sends on in a direction.
    pub fn mist(&self, direction: Vec3) -> Vec3 {
        let toward = direction.dot(self.toward_sun).max(0.0);
        self.light.horizon.mix(self.light.zenith, 0.25) * 0.72
            + self.light.sunlight * (libm::powf(toward, 6.0) * 0.10)
    }

    /// Light of the disc in a direction: nothing beside it.
    pub fn disc(&self, direction: Vec3) -> Vec3 {
        if !self.light.disc || direction.dot(self.toward_sun) < self.disc_cos {
            return Vec3::ZERO;
        }
        // Bounded: a mirrored sun must not drown an image in single bright dots.
        let brightness = self.light.sunlight / (1.0 - self.disc_cos).max(1e-5);
        brightness.map(|part| part.min(24.0))
    }

    /// A direction to the sun, chosen over its disc by two numbers from 0 to 1.
    pub fn toward_sun(&self, chance: (f32, f32)) -> Vec3 {
        let cos = 1.0 - chance.0 * (1.0 - self.sun_cos);
        let sin = (1.0 - cos * cos).max(0.0).sqrt();
        let around = chance.1 * std::f32::consts::TAU;
        let (side, up) = crate::pipelines::image::render::math::basis(self.toward_sun);
        side * (libm::cosf(around) * sin) + up * (libm::sinf(around) * sin) + self.toward_sun * cos
    }

    /// Light of the sun on a surface that faces it.
    pub fn sunlight(&self) -> Vec3 {
        self.light.sunlight
    }
}

/// Stars: a few of the cells that the sky is cut into hold one.
fn star(direction: Vec3) -> f32 {
    let scale = 130.0 / (direction.y + 0.35);
    let (x, y) = (direction.x * scale, direction.z * scale);
    let cell = noise::value(x.floor() + 0.5, y.floor() + 0.5, SKY_SEED + 1);
    if cell < 0.80 {
        return 0.0;
    }
    let inside = vec3(x - x.floor() - 0.5, y - y.floor() - 0.5, 0.0).length();
    smooth(0.28, 0.02, inside) * (cell - 0.80) * 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_to_the_sun_lie_on_its_disc() {
        let light = crate::pipelines::image::fixtures::daylight();
        let sky = Sky::new(&light);
        for step in 0..100 {
            let chance = (step as f32 / 100.0, (step * 37 % 100) as f32 / 100.0);
            let direction = sky.toward_sun(chance);
            assert!((direction.length() - 1.0).abs() < 1e-4);
            assert!(direction.dot(light.sun.unit()) >= sky.sun_cos - 1e-6);
            assert!(sky.colour(direction).is_finite() && sky.mist(direction).is_finite());
        }
        assert_eq!(sky.disc(-light.sun.unit()), Vec3::ZERO);
    }
}
