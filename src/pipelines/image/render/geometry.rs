//! Where a ray meets a shape.

use crate::pipelines::image::render::math::Vec3;
use crate::pipelines::image::scene::Shape;

/// A ray; `direction` has length one.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Where it begins.
    pub from: Vec3,
    /// Where it goes.
    pub direction: Vec3,
}

impl Ray {
    /// The point at a distance.
    pub fn at(&self, distance: f32) -> Vec3 {
        self.from + self.direction * distance
    }
}

/// Where a ray met something.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// How far away.
    pub distance: f32,
    /// Outward direction of the surface there, length one.
    pub normal: Vec3,
}

/// Nearer than this is the surface that the ray comes from.
pub const NEAR: f32 = 1e-3;
/// Steps towards a ring before it counts as missed.
const RING_STEPS_MAX: usize = 96;

/// Whether a ray passes a ball nearer than `limit`.
pub fn passes(ray: &Ray, center: Vec3, radius: f32, limit: f32) -> bool {
    let to = center - ray.from;
    let along = to.dot(ray.direction);
    let apart = to.dot(to) - along * along;
    let reach = radius * radius - apart;
    if reach < 0.0 {
        return false;
    }
    let half = reach.sqrt();
    along + half > NEAR && along - half < limit
}

/// The nearest crossing of a shape between [`NEAR`] and `limit`.
pub fn cross(shape: &Shape, ray: &Ray, limit: f32) -> Option<Crossing> {
    match shape {
        Shape::Ellipsoid { center, radii } => ellipsoid(*center, *radii, ray, limit),
        Shape::Round { base, height, below, above } => round(*base, *height, *below, *above, ray, limit),
        Shape::Ring { center, radius, tube, axis } => ring(*center, *radius, *tube, *axis, ray, limit),
        Shape::Solid { center, faces } => solid(*center, faces, ray, limit),
    }
}

fn within(distance: f32, limit: f32) -> bool {
    distance > NEAR && distance < limit
}

fn ellipsoid(center: Vec3, radii: Vec3, ray: &Ray, limit: f32) -> Option<Crossing> {
    // In a space in which it is a ball of radius one.
    let scale = radii.map(|radius| 1.0 / radius);
    let from = (ray.from - center) * scale;
    let direction = ray.direction * scale;
    let (a, b, c) = (direction.dot(direction), from.dot(direction), from.dot(from) - 1.0);
    let reach = b * b - a * c;
    if reach < 0.0 {
        return None;
    }
    let root = reach.sqrt();
    [(-b - root) / a, (-b + root) / a].into_iter().find(|distance| within(*distance, limit)).map(|distance| {
        let normal = ((from + direction * distance) * scale).unit();
        Crossing { distance, normal }
    })
}

fn round(base: Vec3, height: f32, below: f32, above: f32, ray: &Ray, limit: f32) -> Option<Crossing> {
    let from = ray.from - base;
    let way = ray.direction;
    let slope = (above - below) / height;
    let mut best: Option<Crossing> = None;
    let mut take = |distance: f32, normal: Vec3| {
        if within(distance, best.map_or(limit, |best| best.distance)) {
            best = Some(Crossing { distance, normal });
        }
    };
    // x² + z² = (below + slope y)²
    let at_start = below + slope * from.y;
    let change = slope * way.y;
    let a = way.x * way.x + way.z * way.z - change * change;
    let b = from.x * way.x + from.z * way.z - at_start * change;
    let c = from.x * from.x + from.z * from.z - at_start * at_start;
    let mut mantle = |distance: f32| {
        let point = from + way * distance;
        if (0.0..=height).contains(&point.y) && below + slope * point.y >= 0.0 {
            let out = Vec3 { x: point.x, y: 0.0, z: point.z }.unit();
            take(distance, Vec3 { y: -slope, ..out }.unit());
        }
    };
    if a.abs() > 1e-8 {
        let reach = b * b - a * c;
        if reach >= 0.0 {
            let root = reach.sqrt();
            mantle((-b - root) / a);
            mantle((-b + root) / a);
        }
    } else if b.abs() > 1e-8 {
        mantle(-c / (2.0 * b));
    }
    if way.y.abs() > 1e-8 {
        for (y, radius, normal) in [(0.0, below, -Vec3::UP), (height, above, Vec3::UP)] {
            let distance = (y - from.y) / way.y;
            let point = from + way * distance;
            if point.x * point.x + point.z * point.z <= radius * radius {
                take(distance, normal);
            }
        }
    }
    best
}

fn solid(center: Vec3, faces: &[(Vec3, f32)], ray: &Ray, limit: f32) -> Option<Crossing> {
    let from = ray.from - center;
    let (mut enters, mut leaves) = (f32::NEG_INFINITY, f32::INFINITY);
    let (mut front, mut back) = (Vec3::UP, Vec3::UP);
    for (normal, distance) in faces {
        let towards = normal.dot(ray.direction);
        let apart = distance - normal.dot(from);
        if towards.abs() < 1e-9 {
            if apart < 0.0 {
                return None;
            }
            continue;
        }
        let at = apart / towards;
        if towards < 0.0 && at > enters {
            (enters, front) = (at, *normal);
        } else if towards > 0.0 && at < leaves {
            (leaves, back) = (at, *normal);
        }
    }
    if enters > leaves {
        return None;
    }
    [(enters, front), (leaves, back)]
        .into_iter()
        .find(|(distance, _)| within(*distance, limit))
        .map(|(distance, normal)| Crossing { distance, normal })
}

/// By steps as long as the distance to the surface (Hart, "Sphere Tracing", 1996).
fn ring(center: Vec3, radius: f32, tube: f32, axis: Vec3, ray: &Ray, limit: f32) -> Option<Crossing> {
    let from = ray.from - center;
    let apart = |point: Vec3| {
        let height = point.dot(axis);
        let flat = (point - axis * height).length() - radius;
        (flat * flat + height * height).sqrt() - tube
    };
    // From where the ball around the ring is entered.
    let along = -from.dot(ray.direction);
    let reach = along * along - from.dot(from) + (radius + tube) * (radius + tube);
    if reach < 0.0 {
        return None;
    }
    let root = reach.sqrt();
    let end = (along + root).min(limit);
    let mut distance = (along - root).max(NEAR);
    // Inside the tube the surface is approached from within.
    let sign = if apart(from + ray.direction * distance) < 0.0 { -1.0 } else { 1.0 };
    for _ in 0..RING_STEPS_MAX {
        if distance >= end {
            return None;
        }
        let point = from + ray.direction * distance;
        let step = apart(point) * sign;
        if step < 2e-4 && distance > NEAR * 2.0 {
            let height = point.dot(axis);
            let around = (point - axis * height).unit() * radius;
            return Some(Crossing { distance, normal: (point - around).unit() });
        }
        distance += step.max(2e-4);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::render::math::vec3;
    use crate::pipelines::image::scene::{Material, Part};

    const FORWARD: Vec3 = vec3(0.0, 0.0, -1.0);

    fn near(shape: &Shape, from: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
        let ray = Ray { from, direction: direction.unit() };
        cross(shape, &ray, f32::INFINITY).map(|crossing| (crossing.distance, crossing.normal))
    }

    #[track_caller]
    fn check(shape: &Shape, from: Vec3, direction: Vec3, distance: f32, normal: Vec3) {
        let (found, facing) = near(shape, from, direction).expect("a crossing");
        assert!((found - distance).abs() < 2e-3, "{found} for {distance}");
        assert!((facing - normal).length() < 1e-2, "{facing:?} for {normal:?}");
    }

    #[test]
    fn shapes_are_met_from_outside_and_from_inside() {
        let grey = Material::matte(Vec3::splat(0.5));
        let back = vec3(0.0, 0.0, 1.0);
        let ball = Part::ball(Vec3::ZERO, 1.0, grey).shape;
        check(&ball, vec3(0.0, 0.0, 5.0), FORWARD, 4.0, back);
        check(&ball, Vec3::ZERO, FORWARD, 1.0, -back);
        assert!(near(&ball, vec3(0.0, 1.1, 5.0), FORWARD).is_none());
        let cube = Part::cuboid(Vec3::ZERO, Vec3::ONE, (1.0, 0.0), grey).shape;
        check(&cube, vec3(0.5, 0.5, 5.0), FORWARD, 4.0, back);
        check(&cube, Vec3::ZERO, Vec3::UP, 1.0, Vec3::UP);
        assert!(near(&cube, vec3(1.1, 0.0, 5.0), FORWARD).is_none());
        let can = Part::round(Vec3::ZERO, 2.0, 1.0, 1.0, grey).shape;
        check(&can, vec3(0.0, 1.0, 5.0), FORWARD, 4.0, back);
        check(&can, vec3(0.2, 5.0, 0.2), -Vec3::UP, 3.0, Vec3::UP);
        let cone = Part::round(Vec3::ZERO, 1.0, 1.0, 0.0, grey).shape;
        check(&cone, vec3(0.0, 0.5, 5.0), FORWARD, 4.5, vec3(0.0, 1.0, 1.0).unit());
        assert!(near(&cone, vec3(0.6, 0.5, 5.0), FORWARD).is_none());
        let pyramid = Part::pyramid(Vec3::ZERO, 1.0, 1.0, (1.0, 0.0), grey).shape;
        check(&pyramid, vec3(0.0, 0.5, 5.0), FORWARD, 4.5, vec3(0.0, 1.0, 1.0).unit());
        let ring = Shape::Ring { center: Vec3::ZERO, radius: 2.0, tube: 0.5, axis: Vec3::UP };
        check(&ring, vec3(0.0, 0.0, 5.0), FORWARD, 2.5, back);
        check(&ring, vec3(2.0, 0.0, 0.0), Vec3::UP, 0.5, Vec3::UP);
        assert!(near(&ring, vec3(0.0, 5.0, 0.0), -Vec3::UP).is_none());
    }

    #[test]
    fn a_limit_is_kept() {
        let ball = Part::ball(Vec3::ZERO, 1.0, Material::matte(Vec3::ONE)).shape;
        let ray = Ray { from: vec3(0.0, 0.0, 5.0), direction: FORWARD };
        assert!(cross(&ball, &ray, 3.9).is_none());
        assert!(passes(&ray, Vec3::ZERO, 1.0, 5.0));
        assert!(!passes(&ray, Vec3::ZERO, 1.0, 3.9));
        assert!(!passes(&Ray { direction: -FORWARD, ..ray }, Vec3::ZERO, 1.0, 9.0));
    }
}
