//! Scenes for tests.

use crate::pipelines::image::render::math::{Vec3, vec3};
use crate::pipelines::image::scene::{Camera, Finish, Ground, Light, Material, Part, Scene, Thing};

pub(in crate::pipelines::image) fn daylight() -> Light {
    Light {
        zenith: vec3(0.18, 0.36, 0.80),
        horizon: vec3(0.70, 0.82, 0.95),
        sun: vec3(0.5, 0.8, 0.4),
        sunlight: vec3(2.6, 2.4, 2.1),
        sun_size_deg: 1.0,
        disc: true,
        clouds: 0.0,
        stars: false,
        mist: 0.0,
        studio: false,
        exposure: 0.0,
        contrast: 1.0,
        saturation: 1.0,
        warmth: 0.0,
    }
}

pub(in crate::pipelines::image) fn plain_ground() -> Ground {
    Ground {
        material: Material::matte(Vec3::splat(0.4)),
        hills: 0.0,
        mountains: 0.0,
        snow_line: None,
        seed: 1,
    }
}

pub(in crate::pipelines::image) fn three_balls() -> Scene {
    let ball = |name: &str, x: f32, material: Material| Thing {
        name: name.into(),
        parts: vec![Part::ball(vec3(x, 1.0, 0.0), 1.0, material)],
    };
    Scene {
        camera: Camera { at: vec3(0.0, 1.6, 8.0), target: vec3(0.0, 0.9, 0.0), view_deg: 38.0, lens: 0.0 },
        ground: plain_ground(),
        things: vec![
            ball("ball", -2.2, Material::matte(vec3(0.8, 0.1, 0.1))),
            ball("mirror", 0.0, Material::of(Finish::Metal { rough: 0.0 }, Vec3::splat(0.9))),
            ball("glass", 2.2, Material::of(Finish::Glass, Vec3::splat(0.95))),
        ],
    }
}
