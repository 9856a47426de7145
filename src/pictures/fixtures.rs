//! Pictures that are drawn by tests, with everything about them known.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

pub(crate) const RED: [u8; 3] = [220, 20, 20];
pub(crate) const BLUE: [u8; 3] = [20, 40, 220];
pub(crate) const GREEN: [u8; 3] = [20, 160, 40];
pub(crate) const WHITE: [u8; 3] = [255, 255, 255];
pub(crate) const BLACK: [u8; 3] = [0, 0, 0];

pub(crate) fn drawn(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b] = colour(x, y);
        Rgba([r, g, b, 255])
    })
}

pub(crate) fn plain(colour: [u8; 3]) -> RgbaImage {
    drawn(120, 80, |_, _| colour)
}

pub(crate) fn halves(left: [u8; 3], right: [u8; 3]) -> RgbaImage {
    drawn(200, 100, |x, _| if x < 100 { left } else { right })
}

pub(crate) fn disc(inside: [u8; 3], outside: [u8; 3]) -> RgbaImage {
    drawn(200, 200, |x, y| {
        let (dx, dy) = (f64::from(x) - 99.5, f64::from(y) - 99.5);
        if dx.hypot(dy) < 50.0 { inside } else { outside }
    })
}

pub(crate) fn square(inside: [u8; 3], outside: [u8; 3]) -> RgbaImage {
    drawn(240, 160, |x, y| if (20..80).contains(&x) && (20..80).contains(&y) { inside } else { outside })
}

/// Grain like that of a camera over slow changes; the same for the same seed.
pub(crate) fn grainy(width: u32, height: u32, seed: u32) -> RgbaImage {
    let mut state = seed | 1;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % 13) as i32 - 6
    };
    RgbaImage::from_fn(width, height, |x, y| {
        let wave =
            |per: f64, shift: f64| ((f64::from(x) / per + shift).sin() + (f64::from(y) / per).cos()) * 50.0;
        let base = [110.0 + wave(23.0, 0.0), 120.0 + wave(31.0, 1.0), 100.0 + wave(41.0, 2.0)];
        let value = |at: usize, noise: i32| (base[at] as i32 + noise).clamp(0, 255) as u8;
        Rgba([value(0, noise()), value(1, noise()), value(2, noise()), 255])
    })
}

/// Strokes in lines, like a page of text.
pub(crate) fn page() -> RgbaImage {
    drawn(400, 500, |x, y| {
        let in_line = (40..360).contains(&x) && (40..460).contains(&y) && y % 24 < 10;
        // Only some letters are tall.
        let is_tall = y % 24 > 1 || x < 60;
        if in_line && is_tall && (x / 3 + y / 24) % 3 == 0 { BLACK } else { WHITE }
    })
}

pub(crate) fn code(text: &str) -> RgbaImage {
    let code = qrcode::QrCode::new(text).unwrap();
    let (side, modules) = (code.width() as u32, code.to_colors());
    drawn((side + 8) * 6, (side + 8) * 6, |x, y| {
        let (x, y) = ((x / 6).wrapping_sub(4), (y / 6).wrapping_sub(4));
        let dark = x < side && y < side && modules[(y * side + x) as usize] == qrcode::Color::Dark;
        if dark { BLACK } else { WHITE }
    })
}

pub(crate) fn encoded(pixels: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgba8(pixels.clone());
    let image = if format == ImageFormat::Jpeg { DynamicImage::ImageRgb8(image.into_rgb8()) } else { image };
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(pixels: &RgbaImage) -> Vec<u8> {
    encoded(pixels, ImageFormat::Png)
}

/// A PNG that is nothing but a header which claims so many pixels.
pub(crate) fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(&plain(RED));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = crc(&bytes[12..29]).to_be_bytes().to_vec();
    bytes.splice(29..33, sum.drain(..));
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 },
        )
    })
}

/// A JPEG with EXIF: camera, exposure, an orientation, a place.
pub(crate) fn jpeg_of_camera(pixels: &RgbaImage, orientation: u16) -> Vec<u8> {
    use exif::{Field, In, Rational, Tag, Value, experimental::Writer};
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let text = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let rational = |num, denom| Value::Rational(vec![Rational { num, denom }]);
    let fields = [
        field(Tag::Make, text("Lichtwerk")),
        field(Tag::Model, text("L 1")),
        field(Tag::Orientation, Value::Short(vec![orientation])),
        field(Tag::DateTimeOriginal, text("2024:05:01 12:30:00")),
        field(Tag::ExposureTime, rational(1, 125)),
        field(Tag::FNumber, rational(28, 10)),
        field(Tag::PhotographicSensitivity, Value::Short(vec![200])),
        field(Tag::GPSLatitude, Value::Rational(vec![Rational { num: 1, denom: 1 }; 3])),
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut raw = Cursor::new(Vec::new());
    writer.write(&mut raw, false).unwrap();
    let contents = [b"Exif\0\0".as_slice(), raw.get_ref()].concat();
    let plain = encoded(pixels, ImageFormat::Jpeg);
    let mut jpeg = img_parts::jpeg::Jpeg::from_bytes(plain.into()).unwrap();
    let segment =
        img_parts::jpeg::JpegSegment::new_with_contents(img_parts::jpeg::markers::APP1, contents.into());
    jpeg.segments_mut().insert(0, segment);
    jpeg.encoder().bytes().to_vec()
}
