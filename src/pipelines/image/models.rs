//! How each kind of thing is built from shapes.

use crate::pipelines::image::render::math::{Vec3, turn, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::{Finish, Material, Part, PatternKind};
use crate::pipelines::image::vocabulary::ThingKind as Kind;

const LEAF: Vec3 = vec3(0.06, 0.22, 0.04);
const NEEDLE: Vec3 = vec3(0.02, 0.12, 0.05);
const BARK: Vec3 = vec3(0.14, 0.07, 0.03);
const WALL: Vec3 = vec3(0.72, 0.66, 0.55);
const TILE: Vec3 = vec3(0.40, 0.09, 0.05);
const STONE: Vec3 = vec3(0.36, 0.34, 0.31);
const WHITE: Vec3 = vec3(0.84, 0.84, 0.82);
const DARK: Vec3 = vec3(0.03, 0.03, 0.035);
const WINDOW: Vec3 = vec3(2.6, 1.7, 0.7);

/// Radius of the foot and height of a thing of usual size, metres in the scale of the scene.
pub fn extent(kind: Kind) -> (f32, f32) {
    match kind {
        Kind::Ball | Kind::Bubble | Kind::Cube | Kind::Egg | Kind::Crystal => (0.8, 1.6),
        Kind::Planet => (1.3, 2.0),
        Kind::Apple | Kind::Fruit | Kind::Rock => (0.7, 1.1),
        Kind::Cylinder | Kind::Cone | Kind::Ring | Kind::Vase => (0.75, 1.7),
        Kind::Pyramid => (1.2, 1.7),
        Kind::Column | Kind::Tower | Kind::Cactus => (0.7, 3.0),
        Kind::Tree | Kind::Pine => (1.1, 3.0),
        Kind::Forest => (4.5, 3.4),
        Kind::Flower | Kind::Mushroom => (0.5, 1.2),
        Kind::House => (1.5, 2.2),
        Kind::Village => (5.0, 2.4),
        Kind::Skyscraper => (0.9, 4.6),
        Kind::City => (6.0, 5.2),
        Kind::Castle => (2.4, 3.6),
        Kind::Lighthouse | Kind::Windmill => (1.2, 4.2),
        Kind::Boat => (1.5, 2.6),
        Kind::Lamp | Kind::Candle => (0.4, 1.3),
        Kind::Snowman | Kind::Robot => (0.7, 2.1),
        Kind::Rocket => (0.7, 3.4),
        Kind::Balloon => (1.0, 2.8),
        Kind::Island => (3.2, 2.7),
    }
}

/// What a thing is made of when the prompt does not say.
pub fn usual(kind: Kind, chance: &mut Stream) -> Material {
    let gloss = |colour| Material::of(Finish::Gloss, colour);
    match kind {
        Kind::Ball | Kind::Cube | Kind::Cylinder | Kind::Cone | Kind::Ring | Kind::Egg | Kind::Balloon => {
            gloss(any_colour(chance))
        }
        Kind::Planet => {
            Material::matte(vec3(0.42, 0.24, 0.12)).with(PatternKind::Patches, vec3(0.12, 0.18, 0.34), 0.5)
        }
        Kind::Bubble => Material::of(Finish::Glass, vec3(0.97, 0.98, 1.0)),
        Kind::Crystal => Material::of(Finish::Glass, vec3(0.70, 0.88, 0.96)),
        Kind::Apple => gloss(vec3(0.55, 0.04, 0.03)),
        Kind::Fruit => gloss(vec3(0.80, 0.26, 0.02)),
        Kind::Column => Material::matte(WHITE).with(PatternKind::Marble, vec3(0.35, 0.34, 0.33), 1.1),
        Kind::Pyramid => Material::matte(vec3(0.62, 0.46, 0.24)),
        Kind::Tree | Kind::Forest => Material::matte(LEAF),
        Kind::Pine => Material::matte(NEEDLE),
        Kind::Flower => Material::matte(any_colour(chance)),
        Kind::Mushroom => gloss(vec3(0.58, 0.05, 0.03)),
        Kind::Cactus => Material::matte(vec3(0.08, 0.25, 0.09)),
        Kind::Rock | Kind::Island => Material::matte(STONE).with(PatternKind::Patches, STONE * 0.6, 0.4),
        Kind::House | Kind::Village => Material::matte(WALL),
        Kind::Tower | Kind::Castle => Material::matte(STONE).with(PatternKind::Patches, STONE * 0.72, 0.5),
        Kind::Skyscraper | Kind::City => Material::of(Finish::Metal { rough: 0.25 }, vec3(0.30, 0.38, 0.46)),
        Kind::Lighthouse | Kind::Windmill | Kind::Snowman | Kind::Rocket => gloss(WHITE),
        Kind::Boat => gloss(vec3(0.40, 0.10, 0.05)),
        Kind::Lamp | Kind::Candle => Material::of(Finish::Lamp, vec3(9.0, 6.0, 3.0)),
        Kind::Robot => Material::of(Finish::Metal { rough: 0.2 }, vec3(0.60, 0.62, 0.66)),
        Kind::Vase => gloss(vec3(0.08, 0.20, 0.45)),
    }
}

fn any_colour(chance: &mut Stream) -> Vec3 {
    const LIVELY: [Vec3; 8] = [
        vec3(0.62, 0.06, 0.04),
        vec3(0.78, 0.26, 0.03),
        vec3(0.78, 0.56, 0.05),
        vec3(0.08, 0.36, 0.10),
        vec3(0.03, 0.34, 0.34),
        vec3(0.05, 0.16, 0.56),
        vec3(0.25, 0.08, 0.46),
        vec3(0.72, 0.24, 0.34),
    ];
    LIVELY[chance.below(LIVELY.len())]
}

/// A thing on its foot at `at`, `size` times as large as usual; `own` is the material the prompt speaks of.
pub fn build(kind: Kind, at: Vec3, size: f32, own: Material, lit: bool, chance: &mut Stream) -> Vec<Part> {
    let turned = turn(chance.within(-35.0, 35.0));
    let up = |height: f32| at + Vec3::UP * (height * size);
    let off = |x: f32, y: f32, z: f32| at + vec3(x, y, z).turned(turned) * size;
    let ball = |center: Vec3, radius: f32, material: Material| Part::ball(center, radius * size, material);
    let round = |base: Vec3, height: f32, below: f32, above: f32, material: Material| {
        Part::round(base, height * size, below * size, above * size, material)
    };
    let cuboid =
        |center: Vec3, half: Vec3, material: Material| Part::cuboid(center, half * size, turned, material);
    let matte = Material::matte;
    let pane = if lit {
        Material::of(Finish::Lamp, WINDOW)
    } else {
        Material::of(Finish::Gloss, vec3(0.05, 0.08, 0.12))
    };
    match kind {
        Kind::Ball | Kind::Planet | Kind::Bubble => {
            let mut parts = vec![ball(up(0.8), 0.8, own)];
            if kind == Kind::Planet {
                let ring = crate::pipelines::image::scene::Shape::Ring {
                    center: up(0.8),
                    radius: 1.25 * size,
                    tube: 0.05 * size,
                    axis: vec3(0.35, 1.0, 0.25).unit(),
                };
                parts.push(Part { shape: ring, material: matte(vec3(0.6, 0.5, 0.38)) });
            }
            parts
        }
        Kind::Egg => vec![Part::ellipsoid(up(0.85), vec3(0.62, 0.85, 0.62) * size, own)],
        Kind::Apple | Kind::Fruit => {
            let mut parts = vec![Part::ellipsoid(up(0.55), vec3(0.62, 0.56, 0.62) * size, own)];
            if kind == Kind::Apple {
                parts.push(round(up(1.02), 0.28, 0.05, 0.03, matte(BARK)));
                parts.push(Part::ellipsoid(off(0.18, 1.22, 0.0), vec3(0.18, 0.05, 0.1) * size, matte(LEAF)));
            }
            parts
        }
        Kind::Cube => vec![cuboid(up(0.7), Vec3::splat(0.7), own)],
        Kind::Cylinder => vec![round(at, 1.6, 0.65, 0.65, own)],
        Kind::Column => vec![
            cuboid(up(0.1), vec3(0.62, 0.1, 0.62), own),
            round(up(0.2), 2.6, 0.42, 0.36, own),
            cuboid(up(2.9), vec3(0.58, 0.1, 0.58), own),
        ],
        Kind::Cone => vec![round(at, 1.7, 0.75, 0.0, own)],
        Kind::Pyramid => vec![Part::pyramid(at, 1.1 * size, 1.6 * size, turned, own)],
        Kind::Ring => {
            let shape = crate::pipelines::image::scene::Shape::Ring {
                center: up(0.85),
                radius: 0.62 * size,
                tube: 0.23 * size,
                axis: vec3(0.25, 0.12, 1.0).turned(turned).unit(),
            };
            vec![Part { shape, material: own }]
        }
        Kind::Crystal => {
            let mut faces = Vec::new();
            for side in 0..6 {
                let (cos, sin) = turn(side as f32 * 60.0);
                faces.push((vec3(cos, 0.0, sin), 0.42 * size));
                faces.push((vec3(cos, 0.75, sin).unit(), 0.74 * size));
                faces.push((vec3(cos, -0.9, sin).unit(), 0.72 * size));
            }
            vec![Part::solid(up(0.95), &faces, turned, own)]
        }
        Kind::Tree => {
            let mut parts = vec![round(at, 1.5, 0.16, 0.1, matte(BARK)), ball(up(2.2), 0.75, own)];
            for _ in 0..6 {
                let (x, y, z) = (chance.within(-0.6, 0.6), chance.within(1.7, 2.7), chance.within(-0.5, 0.5));
                let shade = chance.within(0.75, 1.25);
                let leaves = Material { colour: own.colour * shade, ..own };
                parts.push(ball(off(x, y, z), chance.within(0.35, 0.55), leaves));
            }
            parts
        }
        Kind::Pine => {
            let mut parts = vec![round(at, 0.6, 0.13, 0.11, matte(BARK))];
            for (lift, radius, height) in
                [(0.45, 0.95, 1.1), (1.05, 0.75, 1.0), (1.65, 0.52, 0.9), (2.2, 0.32, 0.75)]
            {
                parts.push(round(up(lift), height, radius, 0.0, own));
            }
            parts
        }
        Kind::Forest => spread(11, 4.2, chance)
            .into_iter()
            .flat_map(|(place, scale)| {
                let kind = if chance.share() < 0.6 { Kind::Pine } else { Kind::Tree };
                let shade = chance.within(0.8, 1.25);
                let own = Material { colour: own.colour * shade, ..own };
                build(kind, at + place * size, size * scale, own, lit, chance)
            })
            .collect(),
        Kind::Flower => {
            let mut parts = vec![
                round(at, 0.9, 0.035, 0.03, matte(LEAF)),
                ball(up(0.95), 0.14, matte(vec3(0.8, 0.5, 0.04))),
            ];
            for petal in 0..7 {
                let (cos, sin) = turn(petal as f32 * 360.0 / 7.0);
                parts.push(Part::ellipsoid(
                    off(cos * 0.26, 0.95 + sin * 0.26, 0.02),
                    vec3(0.14, 0.14, 0.05) * size,
                    own,
                ));
            }
            parts.push(Part::ellipsoid(off(0.2, 0.35, 0.0), vec3(0.22, 0.05, 0.09) * size, matte(LEAF)));
            parts
        }
        Kind::Mushroom => {
            let mut parts = vec![
                round(at, 0.75, 0.17, 0.13, matte(vec3(0.8, 0.76, 0.66))),
                Part::ellipsoid(up(0.78), vec3(0.5, 0.32, 0.5) * size, own),
            ];
            for dot in 0..8 {
                let (cos, sin) = turn(dot as f32 * 45.0 + 12.0);
                let (out, lift) = if dot % 2 == 0 { (0.40, 0.96) } else { (0.24, 1.06) };
                parts.push(ball(off(cos * out, lift, sin * out), 0.055, matte(WHITE)));
            }
            parts
        }
        Kind::Cactus => vec![
            round(at, 2.2, 0.3, 0.28, own),
            ball(up(2.2), 0.28, own),
            round(off(0.75, 0.95, 0.0), 0.8, 0.17, 0.16, own),
            ball(off(0.75, 1.75, 0.0), 0.16, own),
            Part::ellipsoid(off(0.45, 0.95, 0.0), vec3(0.42, 0.17, 0.17) * size, own),
            round(off(-0.7, 1.3, 0.0), 0.65, 0.15, 0.14, own),
            ball(off(-0.7, 1.95, 0.0), 0.14, own),
            Part::ellipsoid(off(-0.4, 1.3, 0.0), vec3(0.4, 0.15, 0.15) * size, own),
        ],
        Kind::Rock => {
            let mut faces = Vec::new();
            for _ in 0..18 {
                let normal =
                    vec3(chance.within(-1.0, 1.0), chance.within(-0.8, 1.0), chance.within(-1.0, 1.0));
                faces.push((normal.unit(), chance.within(0.5, 0.72) * size));
            }
            faces.extend([(Vec3::UP, 0.6 * size), (-Vec3::UP, 0.5 * size)]);
            for (x, z) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                faces.push((vec3(x, 0.1, z).unit(), 0.75 * size));
            }
            vec![Part::solid(up(0.42), &faces, turned, own)]
        }
        Kind::House => vec![
            cuboid(up(0.6), vec3(1.0, 0.6, 0.8), own),
            Part::roof(up(1.2), vec3(1.18, 0.8, 0.92) * size, turned, matte(TILE)),
            cuboid(off(0.62, 1.65, -0.3), vec3(0.12, 0.38, 0.12), matte(TILE * 0.6)),
            cuboid(off(0.0, 0.36, 0.8), vec3(0.17, 0.36, 0.03), matte(BARK)),
            cuboid(off(-0.58, 0.68, 0.8), vec3(0.19, 0.2, 0.025), pane),
            cuboid(off(0.58, 0.68, 0.8), vec3(0.19, 0.2, 0.025), pane),
            cuboid(off(1.0, 0.68, 0.1), vec3(0.025, 0.2, 0.19), pane),
            cuboid(off(-1.0, 0.68, 0.1), vec3(0.025, 0.2, 0.19), pane),
        ],
        Kind::Village => spread(6, 4.4, chance)
            .into_iter()
            .flat_map(|(place, scale)| {
                let wall = Material { colour: own.colour * chance.within(0.75, 1.1), ..own };
                build(Kind::House, at + place * size, size * scale * 0.9, wall, lit, chance)
            })
            .collect(),
        Kind::Tower => {
            let mut parts = vec![round(at, 2.3, 0.62, 0.5, own), round(up(2.3), 0.25, 0.62, 0.62, own)];
            for tooth in 0..8 {
                let (cos, sin) = turn(tooth as f32 * 45.0);
                parts.push(cuboid(off(cos * 0.53, 2.66, sin * 0.53), vec3(0.1, 0.12, 0.1), own));
            }
            parts.push(cuboid(off(0.0, 1.5, 0.54), vec3(0.09, 0.2, 0.05), pane));
            parts.push(cuboid(off(0.0, 0.3, 0.6), vec3(0.16, 0.3, 0.05), matte(BARK)));
            parts
        }
        Kind::Skyscraper => {
            let (height, wide) = (chance.within(2.0, 2.6), chance.within(0.55, 0.8));
            let mut parts = vec![cuboid(up(height), vec3(wide, height, wide), own)];
            for level in 0..10 {
                for column in [-0.55_f32, 0.0, 0.55] {
                    if chance.share() < 0.6 {
                        let lift = height * 2.0 * (level as f32 + 0.6) / 10.4;
                        parts.push(cuboid(
                            off(column * wide, lift, wide),
                            vec3(0.13 * wide, 0.1, 0.012),
                            pane,
                        ));
                    }
                }
            }
            parts.push(round(up(height * 2.0), 0.7, 0.04, 0.01, matte(DARK)));
            parts
        }
        Kind::City => spread(9, 5.0, chance)
            .into_iter()
            .flat_map(|(place, scale)| {
                let own = Material { colour: own.colour * chance.within(0.6, 1.3), ..own };
                build(Kind::Skyscraper, at + place * size, size * scale, own, lit, chance)
            })
            .collect(),
        Kind::Castle => {
            let mut parts = vec![
                cuboid(up(0.8), vec3(1.6, 0.8, 1.3), own),
                cuboid(off(0.0, 1.5, -0.2), vec3(0.75, 1.5, 0.7), own),
                cuboid(off(0.0, 0.45, 1.31), vec3(0.32, 0.45, 0.03), matte(BARK)),
                cuboid(off(0.0, 2.3, 0.5), vec3(0.12, 0.24, 0.03), pane),
            ];
            for (x, z) in [(-1.6, 1.3), (1.6, 1.3), (-1.6, -1.3), (1.6, -1.3)] {
                parts.push(round(off(x, 0.0, z), 2.2, 0.46, 0.42, own));
                parts.push(round(off(x, 2.2, z), 0.95, 0.58, 0.0, matte(TILE)));
            }
            parts.push(Part::pyramid(off(0.0, 3.0, -0.2), 0.85 * size, 1.0 * size, turned, matte(TILE)));
            for tooth in 0..5 {
                let x = -1.2 + tooth as f32 * 0.6;
                parts.push(cuboid(off(x, 1.72, 1.2), vec3(0.14, 0.14, 0.1), own));
            }
            parts
        }
        Kind::Lighthouse => vec![
            round(at, 1.1, 0.72, 0.62, own),
            round(up(1.1), 1.0, 0.62, 0.53, Material::of(Finish::Gloss, vec3(0.62, 0.05, 0.04))),
            round(up(2.1), 1.0, 0.53, 0.44, own),
            round(up(3.1), 0.1, 0.66, 0.66, matte(DARK)),
            ball(up(3.45), 0.26, Material::of(Finish::Lamp, vec3(16.0, 12.0, 6.0))),
            round(up(3.72), 0.45, 0.5, 0.0, Material::of(Finish::Gloss, vec3(0.62, 0.05, 0.04))),
            cuboid(off(0.0, 0.35, 0.7), vec3(0.17, 0.35, 0.05), matte(BARK)),
        ],
        Kind::Windmill => {
            let mut parts = vec![
                round(at, 2.4, 0.8, 0.5, own),
                round(up(2.4), 0.6, 0.58, 0.0, matte(TILE)),
                cuboid(off(0.0, 0.4, 0.72), vec3(0.2, 0.4, 0.06), matte(BARK)),
                ball(off(0.0, 2.45, 0.62), 0.12, matte(BARK)),
            ];
            // Long thin solids turned in the plane of the sails.
            for sail in 0..4 {
                let (cos, sin) = turn(sail as f32 * 90.0 + 28.0);
                let (along, across) = (vec3(cos, sin, 0.0), vec3(-sin, cos, 0.0));
                let middle = off(cos * 0.95, 2.45 + sin * 0.95, 0.68);
                let faces = [
                    (along, 0.85 * size),
                    (-along, 0.85 * size),
                    (across, 0.15 * size),
                    (-across, 0.15 * size),
                    (vec3(0.0, 0.0, 1.0), 0.02 * size),
                    (vec3(0.0, 0.0, -1.0), 0.02 * size),
                ];
                parts.push(Part::solid(middle, &faces, turned, matte(WHITE)));
            }
            parts
        }
        Kind::Boat => {
            // A hull: a box whose sides lean out below and come together at the ends.
            let mut faces = vec![(Vec3::UP, 0.22 * size), (-Vec3::UP, 0.3 * size)];
            for side in [-1.0, 1.0] {
                faces.push((vec3(0.0, -0.55, side).unit(), 0.42 * size));
                for end in [-1.0, 1.0] {
                    faces.push((vec3(end, -0.35, side * 0.75).unit(), 0.95 * size));
                }
            }
            let slope = |x: f32| (vec3(x, 0.62, 0.0).unit(), 0.42 * size);
            let sail = |middle: Vec3, toward: f32| {
                let faces = [
                    (vec3(-toward, 0.0, 0.0), 0.3 * size),
                    slope(toward),
                    (-Vec3::UP, 0.6 * size),
                    (vec3(0.0, 0.0, 1.0), 0.015 * size),
                    (vec3(0.0, 0.0, -1.0), 0.015 * size),
                ];
                Part::solid(middle, &faces, turned, matte(WHITE))
            };
            vec![
                Part::solid(up(0.18), &faces, turned, own),
                round(up(0.3), 2.2, 0.045, 0.03, matte(BARK)),
                sail(off(0.36, 1.15, 0.0), 1.0),
                sail(off(-0.36, 1.0, 0.0), -1.0),
            ]
        }
        Kind::Lamp => vec![
            round(at, 0.08, 0.32, 0.28, matte(DARK)),
            round(up(0.08), 0.8, 0.04, 0.04, matte(DARK)),
            ball(up(1.1), 0.26, own),
        ],
        Kind::Candle => vec![
            round(at, 0.95, 0.2, 0.19, matte(vec3(0.84, 0.79, 0.65))),
            round(up(0.95), 0.1, 0.015, 0.012, matte(DARK)),
            Part::ellipsoid(up(1.16), vec3(0.065, 0.14, 0.065) * size, own),
        ],
        Kind::Snowman => vec![
            ball(up(0.55), 0.58, own),
            ball(up(1.25), 0.42, own),
            ball(up(1.8), 0.3, own),
            ball(off(-0.1, 1.88, 0.27), 0.035, matte(DARK)),
            ball(off(0.1, 1.88, 0.27), 0.035, matte(DARK)),
            Part::ellipsoid(
                off(0.0, 1.79, 0.4),
                vec3(0.045, 0.045, 0.16) * size,
                matte(vec3(0.8, 0.24, 0.02)),
            ),
            ball(off(0.0, 1.35, 0.41), 0.04, matte(DARK)),
            ball(off(0.0, 1.18, 0.42), 0.04, matte(DARK)),
            round(up(2.04), 0.05, 0.32, 0.32, matte(DARK)),
            round(up(2.09), 0.3, 0.2, 0.2, matte(DARK)),
        ],
        Kind::Robot => vec![
            cuboid(up(0.95), vec3(0.42, 0.45, 0.28), own),
            cuboid(up(1.72), vec3(0.3, 0.25, 0.25), own),
            round(up(1.4), 0.1, 0.1, 0.1, matte(DARK)),
            ball(off(-0.12, 1.76, 0.24), 0.06, Material::of(Finish::Lamp, vec3(0.6, 3.2, 4.0))),
            ball(off(0.12, 1.76, 0.24), 0.06, Material::of(Finish::Lamp, vec3(0.6, 3.2, 4.0))),
            round(up(1.97), 0.22, 0.015, 0.015, matte(DARK)),
            ball(up(2.22), 0.055, Material::of(Finish::Gloss, vec3(0.62, 0.04, 0.03))),
            cuboid(off(-0.56, 1.0, 0.0), vec3(0.1, 0.38, 0.12), own),
            cuboid(off(0.56, 1.0, 0.0), vec3(0.1, 0.38, 0.12), own),
            cuboid(off(-0.2, 0.25, 0.0), vec3(0.13, 0.26, 0.15), own),
            cuboid(off(0.2, 0.25, 0.0), vec3(0.13, 0.26, 0.15), own),
            cuboid(off(0.0, 1.05, 0.28), vec3(0.2, 0.14, 0.02), matte(DARK)),
        ],
        Kind::Rocket => {
            let fin = Material::of(Finish::Gloss, vec3(0.62, 0.05, 0.04));
            let mut parts = vec![
                round(up(0.4), 1.8, 0.42, 0.42, own),
                round(up(2.2), 0.95, 0.42, 0.0, fin),
                round(up(0.15), 0.25, 0.3, 0.36, matte(DARK)),
                ball(
                    off(0.0, 1.7, 0.36),
                    0.16,
                    Material::of(Finish::Metal { rough: 0.0 }, vec3(0.4, 0.6, 0.8)),
                ),
            ];
            for at in 0..3 {
                let (cos, sin) = turn(at as f32 * 120.0 + 90.0);
                let faces = [
                    (vec3(cos, 0.75, sin).unit(), 0.28 * size),
                    (-Vec3::UP, 0.42 * size),
                    (vec3(-cos, 0.0, -sin), 0.2 * size),
                    (vec3(-sin, 0.0, cos), 0.035 * size),
                    (vec3(sin, 0.0, -cos), 0.035 * size),
                ];
                parts.push(Part::solid(off(cos * 0.55, 0.45, sin * 0.55), &faces, turned, fin));
            }
            parts
        }
        Kind::Balloon => vec![
            Part::ellipsoid(up(1.95), vec3(0.75, 0.9, 0.75) * size, own),
            round(up(0.95), 0.18, 0.1, 0.02, own),
            round(up(0.0), 0.98, 0.008, 0.008, matte(DARK)),
        ],
        Kind::Vase => vec![
            round(at, 0.25, 0.34, 0.3, own),
            Part::ellipsoid(up(0.75), vec3(0.55, 0.6, 0.55) * size, own),
            round(up(1.2), 0.35, 0.24, 0.22, own),
            round(up(1.5), 0.1, 0.24, 0.34, own),
        ],
        Kind::Island => {
            let sand = matte(vec3(0.62, 0.50, 0.30));
            let mut parts = vec![
                Part::ellipsoid(at, vec3(3.1, 0.45, 2.2) * size, sand),
                Part::ellipsoid(off(-0.3, 0.2, -0.3), vec3(2.0, 0.6, 1.4) * size, matte(LEAF)),
            ];
            for (x, z, scale) in [(-0.8, -0.2, 0.7), (0.3, -0.6, 0.85), (0.9, 0.1, 0.55)] {
                parts.extend(build(Kind::Tree, off(x, 0.5, z), size * scale, matte(LEAF), lit, chance));
            }
            parts.extend(build(Kind::Rock, off(1.9, 0.1, 0.6), size * 0.6, own, lit, chance));
            parts
        }
    }
}

/// Places for several things on a disc, none on another: on turns of the golden angle (Vogel, "A Better Way to Construct
/// the Sunflower Head", 1979), each with a scale.
fn spread(count: usize, radius: f32, chance: &mut Stream) -> Vec<(Vec3, f32)> {
    let start = chance.within(0.0, 360.0);
    (0..count)
        .map(|at| {
            let (cos, sin) = turn(start + at as f32 * 137.507_77);
            let out = radius * ((at as f32 + 0.5) / count as f32).sqrt();
            (vec3(cos * out, 0.0, sin * out * 0.7), chance.within(0.7, 1.15))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::vocabulary::THINGS;

    #[test]
    fn every_thing_is_built_near_its_extent() {
        for (word, _, kind) in THINGS {
            let mut chance = Stream::new(1, 2, 3);
            let own = usual(*kind, &mut chance);
            let parts = build(*kind, Vec3::ZERO, 1.0, own, true, &mut chance);
            let (radius, height) = extent(*kind);
            assert!(!parts.is_empty());
            for part in &parts {
                let (center, reach) = part.shape.bound();
                assert!(center.is_finite() && reach.is_finite() && reach > 0.0, "{word}: {part:?}");
                let out = (center.x * center.x + center.z * center.z).sqrt();
                assert!(out < radius * 1.7 + 0.3, "{word} reaches {out} for {radius}");
                assert!(center.y < height * 1.25 + 0.2, "{word} is {} high for {height}", center.y);
            }
        }
    }
}
