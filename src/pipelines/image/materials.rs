//! What things are made of: the words for stuffs and colours become materials.

use crate::pipelines::image::models::usual;
use crate::pipelines::image::reader::Wish;
use crate::pipelines::image::render::math::{Vec3, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::{Finish, Material, PatternKind};
use crate::pipelines::image::vocabulary::{COLOURS, STUFFS, Stuff, ThingKind, find};

/// Width of a board.
pub const PLANK: f32 = 0.72;
/// Colour of a board.
pub const BOARD: Vec3 = vec3(0.40, 0.215, 0.10);

/// A floor, or the top of a table.
pub fn boards() -> Material {
    Material::of(Finish::Gloss, BOARD).with(PatternKind::Planks, vec3(0.115, 0.05, 0.02), PLANK)
}

/// The material of a wish: its stuff in its colour, or what is usual for the thing.
pub fn material(wish: &Wish, kind: ThingKind, chance: &mut Stream) -> Material {
    let usual = usual(kind, chance);
    let colour = wish.colour.as_deref().and_then(|word| find(COLOURS, word));
    let Some(stuff) = wish.stuff.as_deref().and_then(|word| find(STUFFS, word)) else {
        return match colour {
            Some(colour) if usual.finish == Finish::Glass => tinted(colour),
            Some(colour) if usual.finish == Finish::Lamp => Material::of(Finish::Lamp, colour * 14.0),
            Some(colour) => Material { colour, pattern: None, ..usual },
            None => usual,
        };
    };
    stuffed(stuff, colour, usual.colour)
}

fn tinted(colour: Vec3) -> Material {
    Material::of(Finish::Glass, colour.mix(Vec3::ONE, 0.35))
}

/// A material of that stuff.
pub fn stuffed(stuff: Stuff, colour: Option<Vec3>, usual: Vec3) -> Material {
    let metal = |own: Vec3, rough: f32| {
        Material::of(Finish::Metal { rough }, colour.map_or(own, |colour| colour.mix(Vec3::ONE, 0.15)))
    };
    let body = colour.unwrap_or(usual);
    match stuff {
        Stuff::Glass => colour.map_or(Material::of(Finish::Glass, vec3(0.96, 0.98, 0.97)), tinted),
        Stuff::Ice => Material::of(Finish::Glass, vec3(0.78, 0.91, 0.97)),
        Stuff::Steel => metal(vec3(0.56, 0.57, 0.58), 0.28),
        Stuff::Chrome => metal(vec3(0.80, 0.81, 0.82), 0.0),
        Stuff::Silver => metal(vec3(0.91, 0.89, 0.86), 0.08),
        Stuff::Gold => metal(vec3(0.95, 0.64, 0.22), 0.12),
        Stuff::Copper => metal(vec3(0.86, 0.45, 0.30), 0.18),
        Stuff::Bronze => metal(vec3(0.58, 0.40, 0.20), 0.26),
        Stuff::Marble => {
            let base = colour.unwrap_or(vec3(0.82, 0.81, 0.79));
            Material::of(Finish::Gloss, base).with(PatternKind::Marble, base * 0.3, 0.7)
        }
        Stuff::Wood => {
            let base = colour.unwrap_or(vec3(0.38, 0.20, 0.09));
            Material::of(Finish::Gloss, base).with(PatternKind::Wood, base * 0.5, 0.5)
        }
        Stuff::Gloss => Material::of(Finish::Gloss, body),
        Stuff::Matte => Material::matte(body),
        Stuff::Clay => Material::matte(colour.unwrap_or(vec3(0.46, 0.20, 0.11))),
        Stuff::Brick => {
            let base = colour.unwrap_or(vec3(0.40, 0.13, 0.08));
            Material::matte(base).with(PatternKind::Checks, base * 0.7, 0.25)
        }
        Stuff::Glow => Material::of(Finish::Lamp, colour.unwrap_or(vec3(0.8, 0.6, 0.35)) * 7.0),
        Stuff::Checks => {
            Material::of(Finish::Gloss, body).with(PatternKind::Checks, vec3(0.82, 0.82, 0.8), 0.4)
        }
        Stuff::Stripes => {
            Material::of(Finish::Gloss, body).with(PatternKind::Stripes, vec3(0.82, 0.82, 0.8), 0.35)
        }
    }
}
