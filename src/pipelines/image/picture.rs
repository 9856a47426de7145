//! A picture that somebody else made: whether it is one that is taken, and its pixels. Files are read by `pictures`; what
//! the `image` pipeline takes of them is decided here.

use crate::pictures::colour::on_white;
use crate::pictures::{Limits, PictureError, decode};

pub use crate::pictures::Format;

/// Bytes of a picture.
pub const PICTURE_BYTES_MAX: usize = 64 << 20;
/// Pixels of the shorter side, at least: less is a placeholder.
pub const SIDE_MIN: u32 = 16;
/// Pixels of the longer side, at most.
pub const SIDE_MAX: u32 = 4_096;
/// The formats that are taken.
pub const FORMATS: [Format; 3] = [Format::Png, Format::Jpeg, Format::Webp];
const LIMITS: Limits = Limits {
    bytes_max: PICTURE_BYTES_MAX as u64,
    pixels_max: SIDE_MAX as u64 * SIDE_MAX as u64,
    side_max: SIDE_MAX,
};

/// A picture that was read whole.
#[derive(Debug, PartialEq)]
pub struct Picture {
    /// What it was.
    pub format: Format,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Red, green and blue, row by row; what could be seen through is laid on white.
    pub pixels: Vec<u8>,
}

/// The format that the bytes begin like, when it is one that is taken.
pub fn format_of(bytes: &[u8]) -> Option<Format> {
    Format::of(bytes).filter(|format| FORMATS.contains(format))
}

/// Reads a picture whole.
///
/// # Errors
/// Why it is none that is taken, for people to read.
pub fn read(bytes: &[u8]) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    if bytes.len() > PICTURE_BYTES_MAX {
        return Err(format!("it has {} bytes; at most {PICTURE_BYTES_MAX} are allowed", bytes.len()));
    }
    let format = format_of(bytes)
        .ok_or_else(|| format!("it begins with {}, which is no PNG, JPEG or WebP", begins(bytes)))?;
    let wrong_size = |width: u32, height: u32| {
        format!("it has {width} x {height} pixels; allowed are {SIDE_MIN} to {SIDE_MAX} of each side")
    };
    let picture = decode(bytes, &LIMITS).map_err(|why| match why {
        PictureError::TooManyPixels { width, height, .. } => wrong_size(width, height),
        why => format!("it is no whole {} file: {why}", name(format)),
    })?;
    let (width, height) = picture.pixels.dimensions();
    if width.min(height) < SIDE_MIN {
        return Err(wrong_size(width, height));
    }
    Ok(Picture { format, width, height, pixels: on_white(&picture.pixels).into_raw() })
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Png => "PNG",
        Format::Jpeg => "JPEG",
        Format::Webp => "WebP",
        Format::Gif => "GIF",
    }
}

/// The first bytes in a form that a person can read.
fn begins(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(12)];
    match std::str::from_utf8(first) {
        Ok(text) if text.chars().all(|letter| !letter.is_control()) => format!("{text:?}"),
        _ => format!("the bytes {}", hex::encode(first)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};

    use super::*;

    fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn grey(width: u32, height: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
        ImageBuffer::from_pixel(width, height, Rgb([90, 90, 90]))
    }

    #[test]
    fn three_formats_are_read_and_nothing_shines_through() {
        for (format, expected) in [
            (ImageFormat::Png, Format::Png),
            (ImageFormat::Jpeg, Format::Jpeg),
            (ImageFormat::WebP, Format::Webp),
        ] {
            let picture = read(&encoded(grey(20, 16), format)).unwrap();
            assert_eq!((picture.format, picture.width, picture.height), (expected, 20, 16));
            assert_eq!(picture.pixels.len(), 20 * 16 * 3);
            assert!(picture.pixels.iter().all(|value| value.abs_diff(90) < 3), "{format:?}");
        }
        let clear = ImageBuffer::from_pixel(16, 16, Rgba([0_u8, 0, 200, 51]));
        assert_eq!(read(&encoded(clear, ImageFormat::Png)).unwrap().pixels[..3], [204, 204, 244]);
        let deep = ImageBuffer::from_pixel(16, 16, Luma([0x8080_u16]));
        assert_eq!(read(&encoded(deep, ImageFormat::Png)).unwrap().pixels[..3], [128; 3]);
    }

    #[test]
    fn what_is_no_whole_picture_of_sane_size_is_refused() {
        let (png, jpeg) = (encoded(grey(64, 64), ImageFormat::Png), encoded(grey(64, 64), ImageFormat::Jpeg));
        let webp = encoded(grey(64, 64), ImageFormat::WebP);
        for (bytes, expected) in [
            (Vec::new(), "it is empty"),
            (b"<html><body>".to_vec(), "it begins with \"<html><body>\", which is no PNG, JPEG or WebP"),
            (b"GIF89a\x01\0\x01\0".to_vec(), "it begins with the bytes 474946383961"),
            (png[..png.len() / 2].to_vec(), "it is no whole PNG file"),
            (jpeg[..jpeg.len() / 2].to_vec(), "it is no whole JPEG file"),
            (webp[..webp.len() / 2].to_vec(), "it is no whole WebP file"),
            (encoded(grey(8, 64), ImageFormat::Png), "it has 8 x 64 pixels; allowed are 16 to 4096"),
            (encoded(grey(4_097, 16), ImageFormat::Png), "it has 4097 x 16 pixels"),
            (vec![0; PICTURE_BYTES_MAX + 1], "at most 67108864 are allowed"),
        ] {
            let refused = read(&bytes).unwrap_err();
            assert!(refused.starts_with(expected) || refused.ends_with(expected), "{refused}");
        }
    }
}
