//! What is rendered: plain data, written as `scene.json` by the composer and completed by the light agent.

use serde::{Deserialize, Serialize};

use crate::pipelines::image::render::math::{Vec3, vec3};

/// A whole scene. Lengths are in metres, the ground is at height 0, the viewer looks along -z.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Where it is seen from.
    pub camera: Camera,
    /// What is stood upon.
    pub ground: Ground,
    /// What stands there.
    pub things: Vec<Thing>,
}

/// Where a scene is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// The eye.
    pub at: Vec3,
    /// What it looks at.
    pub target: Vec3,
    /// Angle of view from top to bottom, degrees.
    pub view_deg: f32,
    /// Radius of the lens; what is out of focus is blurred by it.
    pub lens: f32,
}

/// What a scene stands upon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Its surface.
    pub material: Material,
    /// Height of its hills; 0 is flat.
    pub hills: f32,
    /// Height of the mountains in the distance; 0 for none.
    pub mountains: f32,
    /// Snow lies above this height; none when there is no snow.
    pub snow_line: Option<f32>,
    /// Chooses the hills.
    pub seed: u64,
}

/// Something in a scene that has a word in the prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    /// The word.
    pub name: String,
    /// What it is made of.
    pub parts: Vec<Part>,
}

/// A shape of one material.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its shape.
    pub shape: Shape,
    /// Its material.
    pub material: Material,
}

/// A shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// A ball, or one that is stretched along the axes.
    Ellipsoid {
        /// Its middle.
        center: Vec3,
        /// Half its extent along each axis.
        radii: Vec3,
    },
    /// An upright round body: cylinder, cone, or in between.
    Round {
        /// Middle of its lower end.
        base: Vec3,
        /// How high it is.
        height: f32,
        /// Radius below.
        below: f32,
        /// Radius above.
        above: f32,
    },
    /// A ring.
    Ring {
        /// Its middle.
        center: Vec3,
        /// From the middle to the middle of the tube.
        radius: f32,
        /// Radius of the tube.
        tube: f32,
        /// The direction it is threaded on.
        axis: Vec3,
    },
    /// A body of flat faces without dents.
    Solid {
        /// Any point inside it.
        center: Vec3,
        /// Its faces: outward direction, and distance from the center.
        faces: Vec<(Vec3, f32)>,
    },
}

/// How a surface takes light.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// What it is.
    pub finish: Finish,
    /// Its colour: linear light, 0 to 1; a lamp's may be brighter.
    pub colour: Vec3,
    /// A second colour in a pattern.
    pub pattern: Option<Pattern>,
}

/// What a surface is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Finish {
    /// Light goes off in all directions.
    Matte,
    /// Matte under a clear coat.
    Gloss,
    /// Light is mirrored in its colour; `rough` from 0 to 1.
    Metal {
        /// How far it is from a mirror.
        rough: f32,
    },
    /// Light passes, bent.
    Glass,
    /// It shines.
    Lamp,
    /// A surface of water with waves.
    Water,
}

/// A second colour on a surface.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// How it is laid.
    pub kind: PatternKind,
    /// The second colour.
    pub colour: Vec3,
    /// Its size in metres.
    pub size: f32,
}

/// How a pattern is laid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternKind {
    /// Squares.
    Checks,
    /// Upright bands.
    Stripes,
    /// Veins.
    Marble,
    /// Rings of growth.
    Wood,
    /// Boards beside each other along x.
    Planks,
    /// Blots.
    Patches,
}

/// The light of a scene, written as `light.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// Sky straight above.
    pub zenith: Vec3,
    /// Sky at the horizon; also the colour of mist.
    pub horizon: Vec3,
    /// Where the sun, or the moon, stands.
    pub sun: Vec3,
    /// Light of the sun on a surface that faces it.
    pub sunlight: Vec3,
    /// Half the angle under which it is seen, degrees: greater gives softer shadows.
    pub sun_size_deg: f32,
    /// Whether its disc is seen.
    pub disc: bool,
    /// How much of the sky clouds cover, 0 to 1.
    pub clouds: f32,
    /// Stars are out.
    pub stars: bool,
    /// Mist: share of light lost per metre.
    pub mist: f32,
    /// The sky is a plain studio backdrop without horizon.
    pub studio: bool,
    /// Exposure, in stops.
    pub exposure: f32,
    /// Contrast, 1 is neutral.
    pub contrast: f32,
    /// Strength of colours, 1 is neutral.
    pub saturation: f32,
    /// Warmth: the white point leans to orange above 0, to blue below.
    pub warmth: f32,
}

impl Material {
    /// A matte surface.
    pub const fn matte(colour: Vec3) -> Self {
        Self { finish: Finish::Matte, colour, pattern: None }
    }

    /// A surface of that finish.
    pub const fn of(finish: Finish, colour: Vec3) -> Self {
        Self { finish, colour, pattern: None }
    }

    /// The same with a second colour.
    pub const fn with(self, kind: PatternKind, colour: Vec3, size: f32) -> Self {
        Self { pattern: Some(Pattern { kind, colour, size }), ..self }
    }
}

impl Part {
    /// A ball.
    pub fn ball(center: Vec3, radius: f32, material: Material) -> Self {
        Self { shape: Shape::Ellipsoid { center, radii: Vec3::splat(radius) }, material }
    }

    /// A stretched ball.
    pub fn ellipsoid(center: Vec3, radii: Vec3, material: Material) -> Self {
        Self { shape: Shape::Ellipsoid { center, radii }, material }
    }

    /// An upright round body.
    pub fn round(base: Vec3, height: f32, below: f32, above: f32, material: Material) -> Self {
        Self { shape: Shape::Round { base, height, below, above }, material }
    }

    /// A box with these half extents, turned about the upward axis by (cosine, sine).
    pub fn cuboid(center: Vec3, half: Vec3, turn: (f32, f32), material: Material) -> Self {
        let faces = [
            (vec3(1.0, 0.0, 0.0), half.x),
            (vec3(-1.0, 0.0, 0.0), half.x),
            (vec3(0.0, 1.0, 0.0), half.y),
            (vec3(0.0, -1.0, 0.0), half.y),
            (vec3(0.0, 0.0, 1.0), half.z),
            (vec3(0.0, 0.0, -1.0), half.z),
        ];
        Self::solid(center, &faces, turn, material)
    }

    /// A body of these faces (direction and distance from the center), turned about the upward axis.
    pub fn solid(center: Vec3, faces: &[(Vec3, f32)], turn: (f32, f32), material: Material) -> Self {
        let faces = faces.iter().map(|(normal, distance)| (normal.unit().turned(turn), *distance)).collect();
        Self { shape: Shape::Solid { center, faces }, material }
    }

    /// A pyramid with a square foot of that half width: its center is in its axis at a third of its height.
    pub fn pyramid(foot: Vec3, half: f32, height: f32, turn: (f32, f32), material: Material) -> Self {
        let lift = height / 3.0;
        let slope = (half * half + height * height).sqrt();
        // Distance of the center from a side face.
        let distance = (height - lift) * half / slope;
        let side = |x: f32, z: f32| (vec3(x * height / slope, half / slope, z * height / slope), distance);
        let faces =
            [(vec3(0.0, -1.0, 0.0), lift), side(1.0, 0.0), side(-1.0, 0.0), side(0.0, 1.0), side(0.0, -1.0)];
        Self::solid(foot + Vec3::UP * lift, &faces, turn, material)
    }

    /// A gable roof: a prism that lies along z, on a foot of these half widths.
    pub fn roof(foot: Vec3, half: Vec3, turn: (f32, f32), material: Material) -> Self {
        let (width, height, depth) = (half.x, half.y, half.z);
        let lift = height / 3.0;
        let slope = (width * width + height * height).sqrt();
        let distance = (height - lift) * width / slope;
        let faces = [
            (vec3(0.0, -1.0, 0.0), lift),
            (vec3(height / slope, width / slope, 0.0), distance),
            (vec3(-height / slope, width / slope, 0.0), distance),
            (vec3(0.0, 0.0, 1.0), depth),
            (vec3(0.0, 0.0, -1.0), depth),
        ];
        Self::solid(foot + Vec3::UP * lift, &faces, turn, material)
    }
}

impl Shape {
    /// A ball that holds the whole shape: its middle and radius.
    pub fn bound(&self) -> (Vec3, f32) {
        match self {
            Self::Ellipsoid { center, radii } => (*center, radii.max_part()),
            Self::Round { base, height, below, above } => {
                let half = height / 2.0;
                let wide = below.max(*above);
                (*base + Vec3::UP * half, (half * half + wide * wide).sqrt())
            }
            Self::Ring { center, radius, tube, .. } => (*center, radius + tube),
            Self::Solid { center, faces } => {
                // The corners are where three faces meet.
                let mut farthest = 0.0_f32;
                for (a, first) in faces.iter().enumerate() {
                    for (b, second) in faces.iter().enumerate().skip(a + 1) {
                        for third in faces.iter().skip(b + 1) {
                            if let Some(corner) = corner(first, second, third)
                                && faces
                                    .iter()
                                    .all(|(normal, distance)| normal.dot(corner) <= distance + 1e-3)
                            {
                                farthest = farthest.max(corner.length());
                            }
                        }
                    }
                }
                (*center, farthest)
            }
        }
    }
}

/// Where three faces meet, seen from the center (Cramer's rule).
fn corner(a: &(Vec3, f32), b: &(Vec3, f32), c: &(Vec3, f32)) -> Option<Vec3> {
    let volume = a.0.dot(b.0.cross(c.0));
    (volume.abs() > 1e-5)
        .then(|| (b.0.cross(c.0) * a.1 + c.0.cross(a.0) * b.1 + a.0.cross(b.0) * c.1) / volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_the_corners() {
        let cube = Part::cuboid(Vec3::ZERO, vec3(1.0, 2.0, 2.0), (1.0, 0.0), Material::matte(Vec3::ONE));
        assert!((cube.shape.bound().1 - 3.0).abs() < 1e-4);
        let pyramid = Part::pyramid(Vec3::ZERO, 1.0, 3.0, (0.6, 0.8), Material::matte(Vec3::ONE));
        let (center, radius) = pyramid.shape.bound();
        assert!((center.y - 1.0).abs() < 1e-6);
        assert!((radius - 2.0).abs() < 1e-3, "{radius}");
    }

    #[test]
    fn a_scene_survives_its_file() {
        let scene = Scene {
            camera: Camera { at: Vec3::UP, target: Vec3::ZERO, view_deg: 40.0, lens: 0.0 },
            ground: Ground {
                material: Material::matte(Vec3::splat(0.5)).with(PatternKind::Checks, Vec3::ZERO, 1.0),
                hills: 0.0,
                mountains: 3.0,
                snow_line: Some(2.0),
                seed: u64::MAX,
            },
            things: vec![Thing {
                name: "ball".into(),
                parts: vec![Part::ball(Vec3::UP, 1.0, Material::of(Finish::Metal { rough: 0.1 }, Vec3::ONE))],
            }],
        };
        let json = serde_json::to_string(&scene).unwrap();
        assert_eq!(serde_json::from_str::<Scene>(&json).unwrap(), scene);
    }
}
