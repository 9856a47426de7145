//! A picture that somebody else made: whether it is one, and its pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

/// Bytes of a picture.
pub const PICTURE_BYTES_MAX: usize = 64 << 20;
/// Pixels of the shorter side, at least: less is a placeholder.
pub const SIDE_MIN: u32 = 16;
/// Pixels of the longer side, at most.
pub const SIDE_MAX: u32 = 4_096;
/// Memory that reading one may take.
const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// The end of a JPEG file stands within so many bytes of the end of the file.
const JPEG_TAIL_BYTES: usize = 4 * 1024;

/// The formats that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

impl Format {
    /// What the bytes begin like.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        }
    }
}

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
    let format = Format::of(bytes)
        .ok_or_else(|| format!("it begins with {}, which is no PNG, JPEG or WebP", begins(bytes)))?;
    // A decoder of JPEG makes do with half a file.
    let tail = &bytes[bytes.len().saturating_sub(JPEG_TAIL_BYTES)..];
    if format == Format::Jpeg && !tail.windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err("it is no whole JPEG file: its end is missing".into());
    }
    let broken = |error: image::ImageError| format!("it is no whole {} file: {error}", format.name());
    let reader = || {
        let mut reader = ImageReader::new(Cursor::new(bytes));
        reader.set_format(match format {
            Format::Png => ImageFormat::Png,
            Format::Jpeg => ImageFormat::Jpeg,
            Format::WebP => ImageFormat::WebP,
        });
        let mut limits = Limits::default();
        limits.max_alloc = Some(MEMORY_BYTES_MAX);
        reader.limits(limits);
        reader
    };
    let (width, height) = reader().into_dimensions().map_err(broken)?;
    if width.min(height) < SIDE_MIN || width.max(height) > SIDE_MAX {
        return Err(format!(
            "it has {width} x {height} pixels; allowed are {SIDE_MIN} to {SIDE_MAX} of each side"
        ));
    }
    let pixels = on_white(reader().decode().map_err(broken)?);
    Ok(Picture { format, width, height, pixels })
}

fn on_white(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let with_alpha = picture.into_rgba8().into_raw();
    let (fours, _) = with_alpha.as_chunks::<4>();
    let laid = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        // At most 255: both weights add up to 255.
        ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    fours
        .iter()
        .flat_map(|[red, green, blue, alpha]| [red, green, blue].map(|colour| laid(*colour, *alpha)))
        .collect()
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
    use image::{ImageBuffer, Luma, Rgb, Rgba};

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
            (ImageFormat::WebP, Format::WebP),
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
