//! Vectors of three numbers, and the functions whose result must be the same on every machine.
//!
//! Sums, products and square roots are exact by IEEE 754 everywhere; sines, powers and the like are not, so those come from
//! `libm` rather than from the system.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

/// A point, a direction or a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 3]", into = "[f32; 3]")]
pub struct Vec3 {
    /// To the right; red.
    pub x: f32,
    /// Up; green.
    pub y: f32,
    /// Towards the viewer; blue.
    pub z: f32,
}

/// A vector.
pub const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    /// All zero.
    pub const ZERO: Self = vec3(0.0, 0.0, 0.0);
    /// All one.
    pub const ONE: Self = vec3(1.0, 1.0, 1.0);
    /// Upwards.
    pub const UP: Self = vec3(0.0, 1.0, 0.0);

    /// The same number three times.
    pub const fn splat(value: f32) -> Self {
        vec3(value, value, value)
    }

    /// Scalar product.
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Vector product.
    pub fn cross(self, other: Self) -> Self {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// Its length.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length one; upwards when it has none.
    pub fn unit(self) -> Self {
        let length = self.length();
        if length > 0.0 { self / length } else { Self::UP }
    }

    /// The greatest of the three.
    pub fn max_part(self) -> f32 {
        self.x.max(self.y).max(self.z)
    }

    /// How bright the eye finds it (ITU-R BT.709).
    pub fn luminance(self) -> f32 {
        self.dot(vec3(0.2126, 0.7152, 0.0722))
    }

    /// Part way from this to `other`.
    pub fn mix(self, other: Self, share: f32) -> Self {
        self * (1.0 - share) + other * share
    }

    /// Each part by `function`.
    pub fn map(self, function: impl Fn(f32) -> f32) -> Self {
        vec3(function(self.x), function(self.y), function(self.z))
    }

    /// Mirrored at a surface with this normal.
    pub fn reflect(self, normal: Self) -> Self {
        self - normal * (2.0 * self.dot(normal))
    }

    /// Turned about the upward axis: `turn` is (cosine, sine).
    pub fn turned(self, turn: (f32, f32)) -> Self {
        vec3(self.x * turn.0 + self.z * turn.1, self.y, self.z * turn.0 - self.x * turn.1)
    }

    /// Whether all parts are ordinary numbers.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }
}

impl From<[f32; 3]> for Vec3 {
    fn from([x, y, z]: [f32; 3]) -> Self {
        vec3(x, y, z)
    }
}

impl From<Vec3> for [f32; 3] {
    fn from(vector: Vec3) -> Self {
        [vector.x, vector.y, vector.z]
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul for Vec3 {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        vec3(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl MulAssign for Vec3 {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl Div<f32> for Vec3 {
    type Output = Self;
    fn div(self, divisor: f32) -> Self {
        self * (1.0 / divisor)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        vec3(-self.x, -self.y, -self.z)
    }
}

/// Cosine and sine of an angle in degrees.
pub fn turn(degrees: f32) -> (f32, f32) {
    let radians = degrees * (std::f32::consts::PI / 180.0);
    (libm::cosf(radians), libm::sinf(radians))
}

/// Two directions that stand at right angles on this one and on each other (Duff et al., "Building an Orthonormal
/// Basis, Revisited", JCGT 2017).
pub fn basis(normal: Vec3) -> (Vec3, Vec3) {
    let sign = if normal.z >= 0.0 { 1.0 } else { -1.0 };
    let a = -1.0 / (sign + normal.z);
    let b = normal.x * normal.y * a;
    (
        vec3(1.0 + sign * normal.x * normal.x * a, sign * b, -sign * normal.x),
        vec3(b, sign + normal.y * normal.y * a, -normal.y),
    )
}

/// 0 below `from`, 1 above `to`, smooth in between.
pub fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
