//! Following light backwards from the eye (Kajiya, "The Rendering Equation", 1986), with light from the sun and from
//! lamps asked for at each matte surface.

use crate::pipelines::image::render::geometry::{self, Crossing, NEAR, Ray};
use crate::pipelines::image::render::ground::{FAR, Land, Soil};
use crate::pipelines::image::render::math::{Vec3, smooth, vec3};
use crate::pipelines::image::render::noise;
use crate::pipelines::image::render::random::{Stream, in_pixel};
use crate::pipelines::image::render::sky::Sky;
use crate::pipelines::image::render::surface::{
    GLASS_INDEX, WATER_INDEX, ball, glass, metal, mirrored_share, resolved, scattered, wave,
};
use crate::pipelines::image::scene::{Finish, Light, Material, Scene, Shape};

/// Surfaces that a path may meet.
const BOUNCES_MAX: u32 = 9;
/// From here on dark paths are ended by chance.
const BOUNCES_SURE: u32 = 3;
/// The most that one sample may add to a pixel: a bound against single bright dots, at the price of some light.
const SAMPLE_MAX: f32 = 12.0;
/// At this height mist is thinner by a factor of e, metres.
const MIST_HEIGHT: f32 = 11.0;

/// A scene that is ready to be looked at.
#[derive(Debug)]
pub struct World<'a> {
    scene: &'a Scene,
    light: &'a Light,
    sky: Sky,
    land: Land,
    /// For each thing a ball that holds it.
    bounds: Vec<(Vec3, f32)>,
    /// Lamps that are balls: they are asked for light.
    lamps: Vec<(Vec3, f32, Vec3)>,
    eye: Eye,
    seed: u64,
    width: u32,
    height: u32,
}

#[derive(Clone, Copy, Debug)]
struct Eye {
    at: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    half_height: f32,
    focus: f32,
    lens: f32,
}

/// What a ray met.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// Where and which way the surface faces, outwards.
    pub crossing: Crossing,
    /// What it is made of, with the pattern resolved.
    pub material: Material,
    /// Which thing of the scene; none for the ground.
    pub thing: Option<usize>,
}

impl<'a> World<'a> {
    /// The scene in that light, seen in an image of that size.
    pub fn new(scene: &'a Scene, light: &'a Light, seed: u64, width: u32, height: u32) -> Self {
        let bounds =
            scene.things.iter().map(|thing| bound_of(thing.parts.iter().map(|part| part.shape.bound())));
        let lamps = scene.things.iter().flat_map(|thing| &thing.parts).filter_map(|part| match &part.shape {
            Shape::Ellipsoid { center, radii } if part.material.finish == Finish::Lamp => {
                Some((*center, radii.max_part(), part.material.colour))
            }
            _ => None,
        });
        let camera = &scene.camera;
        let forward = (camera.target - camera.at).unit();
        let right = forward.cross(Vec3::UP).unit();
        Self {
            bounds: bounds.collect(),
            lamps: lamps.collect(),
            eye: Eye {
                at: camera.at,
                right,
                up: right.cross(forward),
                forward,
                half_height: libm::tanf((camera.view_deg * 0.5).to_radians()),
                focus: (camera.target - camera.at).length(),
                lens: camera.lens,
            },
            sky: Sky::new(light),
            land: Land::new(&scene.ground),
            scene,
            light,
            seed,
            width,
            height,
        }
    }

    /// Light that one sample of a pixel finds; `x` to the right and `y` down, in pixels.
    pub fn sample(&self, x: u32, y: u32, sample: u32) -> Vec3 {
        let pixel = y * self.width + x;
        let mut chance = Stream::new(self.seed, pixel, sample);
        let inside = in_pixel(self.seed, pixel, sample);
        let lens = (chance.share(), chance.share());
        let ray = self.ray(x as f32 + inside.0, y as f32 + inside.1, lens);
        let found = self.path(ray, &mut chance);
        if !found.is_finite() {
            return Vec3::ZERO;
        }
        let brightest = found.max_part();
        if brightest > SAMPLE_MAX { found * (SAMPLE_MAX / brightest) } else { found }
    }

    /// What the middle of a pixel shows first.
    pub fn first_hit(&self, x: f32, y: f32) -> Option<Hit> {
        self.hit(&self.ray(x, y, (0.0, 0.0)), FAR)
    }

    fn ray(&self, x: f32, y: f32, lens: (f32, f32)) -> Ray {
        let eye = &self.eye;
        let unit = 2.0 * eye.half_height / self.height as f32;
        let (across, down) = (x - self.width as f32 * 0.5, y - self.height as f32 * 0.5);
        let toward = eye.forward + eye.right * (across * unit) - eye.up * (down * unit);
        if eye.lens <= 0.0 {
            return Ray { from: eye.at, direction: toward.unit() };
        }
        let (radius, angle) = (eye.lens * lens.0.sqrt(), lens.1 * std::f32::consts::TAU);
        let from = eye.at + eye.right * (radius * libm::cosf(angle)) + eye.up * (radius * libm::sinf(angle));
        Ray { from, direction: (eye.at + toward * eye.focus - from).unit() }
    }

    /// The nearest surface before `limit`.
    pub fn hit(&self, ray: &Ray, limit: f32) -> Option<Hit> {
        let mut nearest: Option<(Crossing, usize, usize)> = None;
        for (at, (thing, bound)) in self.scene.things.iter().zip(&self.bounds).enumerate() {
            let reach = nearest.map_or(limit, |(crossing, ..)| crossing.distance);
            if !geometry::passes(ray, bound.0, bound.1, reach) {
                continue;
            }
            for (number, part) in thing.parts.iter().enumerate() {
                let reach = nearest.map_or(limit, |(crossing, ..)| crossing.distance);
                if let Some(crossing) = geometry::cross(&part.shape, ray, reach) {
                    nearest = Some((crossing, at, number));
                }
            }
        }
        let reach = nearest.map_or(limit, |(crossing, ..)| crossing.distance);
        if let Some((crossing, soil)) = self.land.cross(ray, reach) {
            let material = self.soil(soil, ray.at(crossing.distance), crossing.distance);
            return Some(Hit { crossing, material, thing: None });
        }
        nearest.map(|(crossing, at, number)| {
            let part = &self.scene.things[at].parts[number];
            let material = resolved(part.material, ray.at(crossing.distance));
            Hit { crossing, material, thing: Some(at) }
        })
    }

    fn soil(&self, soil: Soil, point: Vec3, distance: f32) -> Material {
        let ground = &self.scene.ground;
        match soil {
            // A pattern that is finer than a pixel would only flicker.
            Soil::Plane if distance > 60.0 => Material { pattern: None, ..ground.material },
            Soil::Plane | Soil::Hill if ground.material.finish != Finish::Water => {
                resolved(ground.material, point)
            }
            Soil::Plane => ground.material,
            Soil::Hill => Material::matte(vec3(0.10, 0.15, 0.06)),
            Soil::Rock => {
                let grain = noise::layered(point.x * 0.2, point.y * 0.5 + point.z * 0.2, 3, 4);
                // Woods climb up to a line that is no straight one.
                let wooded = smooth(9.0, 4.0, point.y + (grain - 0.5) * 9.0);
                let rock = vec3(0.20, 0.185, 0.18) * (0.55 + 0.9 * grain);
                Material::matte(rock.mix(vec3(0.045, 0.075, 0.035), wooded * 0.9))
            }
            Soil::Snow => Material::matte(vec3(0.86, 0.88, 0.92)),
        }
    }

    /// Share of light that mist lets through. It lies on the ground and thins out upwards.
    fn clear(&self, ray: &Ray, distance: f32) -> f32 {
        if self.light.mist <= 0.0 {
            return 1.0;
        }
        let thickness = |height: f32| libm::expf(-height.max(0.0) / MIST_HEIGHT);
        let rise = ray.direction.y * distance;
        let passed = if rise.abs() < 0.05 {
            thickness(ray.from.y) * distance
        } else {
            let top = ray.from.y.max(0.0) + rise;
            (thickness(ray.from.y) - thickness(top)).abs() * MIST_HEIGHT * distance / rise.abs()
        };
        libm::expf(-self.light.mist * passed)
    }

    /// Light that comes in along a path that begins with this ray.
    fn path(&self, mut ray: Ray, chance: &mut Stream) -> Vec3 {
        let mut light = Vec3::ZERO;
        let mut carried = Vec3::ONE;
        // Whether the sun and lamps have not been asked for at the surface the ray comes from.
        let mut open = true;
        for bounce in 0..BOUNCES_MAX {
            let Some(hit) = self.hit(&ray, FAR) else {
                let seen = self.sky.colour(ray.direction)
                    + if open { self.sky.disc(ray.direction) } else { Vec3::ZERO };
                let clear = self.clear(&ray, FAR);
                return light + carried * (seen * clear + self.sky.mist(ray.direction) * (1.0 - clear));
            };
            let distance = hit.crossing.distance;
            if self.light.mist > 0.0 {
                let clear = self.clear(&ray, distance);
                light += carried * self.sky.mist(ray.direction) * (1.0 - clear);
                carried = carried * clear;
            } else if hit.thing.is_none() && !self.light.studio {
                // The plane ends where it fades into the horizon.
                let far = smooth(FAR * 0.35, FAR, distance);
                light += carried * self.light.horizon * far;
                carried = carried * (1.0 - far);
            }
            let inside = hit.crossing.normal.dot(ray.direction) > 0.0;
            let normal = if inside { -hit.crossing.normal } else { hit.crossing.normal };
            let point = ray.at(distance);
            let material = hit.material;
            let next = match material.finish {
                Finish::Lamp => {
                    if open {
                        light += carried * material.colour;
                    }
                    return light;
                }
                Finish::Metal { rough } => {
                    open = rough < 0.35;
                    if !open {
                        light += carried * material.colour * self.asked(point, normal, chance) * 0.25;
                    }
                    carried *= metal(material.colour, -normal.dot(ray.direction));
                    let mirrored = ray.direction.reflect(normal);
                    let spread = mirrored + ball(chance) * (rough * rough);
                    let out = spread.unit();
                    if out.dot(normal) > 0.0 { out } else { mirrored }
                }
                Finish::Glass => {
                    open = true;
                    let (out, passed) = glass(ray.direction, normal, inside, GLASS_INDEX, chance);
                    if passed {
                        carried *= material.colour;
                    }
                    out
                }
                Finish::Water => {
                    let waved = wave(point, normal, distance);
                    let share = mirrored_share(-waved.dot(ray.direction), 1.0 / WATER_INDEX);
                    if chance.share() < share.max(0.04) {
                        open = true;
                        let out = ray.direction.reflect(waved);
                        if out.y > 0.0 { out } else { vec3(out.x, -out.y, out.z) }
                    } else {
                        open = false;
                        carried *= material.colour;
                        light += carried * self.asked(point, waved, chance);
                        scattered(waved, chance)
                    }
                }
                Finish::Gloss
                    if chance.share() < mirrored_share(-normal.dot(ray.direction), 1.0 / GLASS_INDEX) =>
                {
                    open = true;
                    ray.direction.reflect(normal)
                }
                Finish::Gloss | Finish::Matte => {
                    open = false;
                    carried *= material.colour;
                    light += carried * self.asked(point, normal, chance);
                    scattered(normal, chance)
                }
            };
            if bounce >= BOUNCES_SURE {
                let stays = carried.max_part().min(0.95);
                if chance.share() >= stays {
                    return light;
                }
                carried = carried / stays;
            }
            let side = if next.dot(normal) > 0.0 { normal } else { -normal };
            ray = Ray { from: point + side * (NEAR * 2.0), direction: next };
        }
        light
    }

    /// Light of the sun and of one lamp that falls on a matte surface of colour one.
    fn asked(&self, point: Vec3, normal: Vec3, chance: &mut Stream) -> Vec3 {
        let from = point + normal * (NEAR * 2.0);
        let mut light = Vec3::ZERO;
        let toward = self.sky.toward_sun((chance.share(), chance.share()));
        let facing = toward.dot(normal);
        if facing > 0.0 && toward.y > 0.0 && self.sky.sunlight().max_part() > 0.0 {
            light += self.sky.sunlight() * facing * self.passed(Ray { from, direction: toward }, FAR);
        }
        if !self.lamps.is_empty() {
            let (center, radius, colour) = self.lamps[chance.below(self.lamps.len())];
            let spot = center + ball(chance).unit() * radius;
            let way = spot - from;
            let distance = way.length();
            let direction = way / distance.max(NEAR);
            let (facing, shining) = (direction.dot(normal), (center - spot).unit().dot(direction));
            if facing > 0.0 && shining > 0.0 && distance > radius * 0.1 {
                // One point of the lamp's surface stands for all of it: 4 pi r² over pi of the matte surface.
                let share = 4.0 * radius * radius * facing * shining / (distance * distance);
                let passed = self.passed(Ray { from, direction }, distance - radius * 0.02);
                light += colour * passed * (share * self.lamps.len() as f32).min(8.0);
            }
        }
        light
    }

    /// How much light passes along a ray: glass tints it, all else stops it. Lamps do not stand in their own light.
    fn passed(&self, mut ray: Ray, mut limit: f32) -> Vec3 {
        let mut through = Vec3::ONE;
        for _ in 0..8 {
            let Some(hit) = self.hit(&ray, limit) else { return through };
            match hit.material.finish {
                Finish::Glass => through = through * hit.material.colour * 0.94,
                Finish::Lamp => {}
                _ => return Vec3::ZERO,
            }
            let moved = hit.crossing.distance + NEAR * 2.0;
            ray.from = ray.at(moved);
            limit -= moved;
        }
        Vec3::ZERO
    }
}

/// A ball around balls: around the box that holds them.
fn bound_of(balls: impl Iterator<Item = (Vec3, f32)>) -> (Vec3, f32) {
    let mut low = Vec3::splat(f32::INFINITY);
    let mut high = Vec3::splat(f32::NEG_INFINITY);
    for (center, radius) in balls {
        low = vec3(low.x.min(center.x - radius), low.y.min(center.y - radius), low.z.min(center.z - radius));
        high =
            vec3(high.x.max(center.x + radius), high.y.max(center.y + radius), high.z.max(center.z + radius));
    }
    if low.x > high.x {
        return (Vec3::ZERO, 0.0);
    }
    ((low + high) * 0.5, (high - low).length() * 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::fixtures::{daylight, three_balls};

    #[test]
    fn a_white_room_without_sun_is_as_bright_as_its_sky() {
        // A matte surface of colour one under an even sky sends back just what comes in.
        let light = Light {
            zenith: Vec3::splat(0.5),
            horizon: Vec3::splat(0.5),
            sunlight: Vec3::ZERO,
            disc: false,
            studio: true,
            ..daylight()
        };
        let mut scene = three_balls();
        scene.ground.material = Material::matte(Vec3::ONE);
        scene.things.clear();
        let world = World::new(&scene, &light, 3, 16, 16);
        for sample in 0..16 {
            let found = world.sample(8, 14, sample);
            assert!((found - Vec3::splat(0.5)).length() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn the_sun_casts_a_shadow() {
        let light = Light { sun: vec3(0.0, 1.0, 0.0), ..daylight() };
        let scene = three_balls();
        let world = World::new(&scene, &light, 3, 16, 16);
        let mut chance = Stream::new(1, 1, 1);
        let below = world.asked(vec3(-2.2, 0.0, 0.0), Vec3::UP, &mut chance);
        let beside = world.asked(vec3(-6.0, 0.0, 0.0), Vec3::UP, &mut chance);
        let behind_glass = world.asked(vec3(2.2, 0.0, 0.0), Vec3::UP, &mut chance);
        assert_eq!(below, Vec3::ZERO);
        assert!((beside - light.sunlight).length() < 0.1, "{beside:?}");
        assert!(behind_glass.x > 0.5 * light.sunlight.x && behind_glass.x < light.sunlight.x);
    }

    #[test]
    fn the_same_sample_is_the_same_and_lamps_shine() {
        let mut scene = three_balls();
        scene.things[0].parts[0].material = Material::of(Finish::Lamp, Vec3::splat(5.0));
        let night = Light {
            sunlight: Vec3::ZERO,
            zenith: Vec3::ZERO,
            horizon: Vec3::ZERO,
            disc: false,
            ..daylight()
        };
        let world = World::new(&scene, &night, 9, 32, 32);
        assert_eq!(world.sample(3, 20, 4), world.sample(3, 20, 4));
        let mut chance = Stream::new(2, 2, 2);
        // Half of a lamp shines the other way.
        let asked = (0..64).map(|_| world.asked(vec3(-3.5, 0.0, 0.0), Vec3::UP, &mut chance).x);
        assert!(asked.sum::<f32>() > 6.4);
    }
}
