//! From the bytes of a file to pixels, or to the reason why not.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbaImage};
use serde::{Deserialize, Serialize};

use crate::pictures::metadata::{self, Metadata};

/// Bytes that one pixel may take while it is decoded: sixteen bits in four channels, and as much again for the decoder.
const BYTES_PER_PIXEL: u64 = 16;
/// What the decoder of PNG may take beside the pixels: a few rows, and what stands compressed beside them. A colour profile of
/// one megabyte can unfold into a gigabyte.
const PNG_BYTES_MAX: u64 = 64 << 20;

/// How large a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes_max: u64,
    /// Pixels, that is width times height.
    pub pixels_max: u64,
    /// Pixels of one side.
    pub side_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 32 << 20, pixels_max: 64_000_000, side_max: 20_000 }
    }
}

/// What a file is, as its content says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
}

impl Format {
    /// The format that the first bytes of a file show; none when it is no picture that is known here.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match image::guess_format(bytes).ok()? {
            ImageFormat::Jpeg => Some(Self::Jpeg),
            ImageFormat::Png => Some(Self::Png),
            ImageFormat::WebP => Some(Self::Webp),
            ImageFormat::Gif => Some(Self::Gif),
            _ => None,
        }
    }

    /// The format that the end of a name promises.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "jpe" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            "gif" => Some(Self::Gif),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            other => other.as_str(),
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    fn of_image(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Webp => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
        }
    }
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Zero bytes.
    #[error("the file is empty")]
    Empty,
    /// Not one of the formats.
    #[error("the content is not JPEG, PNG, WebP or GIF")]
    Unknown,
    /// The file itself is too large.
    #[error("the file has {bytes} bytes; at most {max} are read")]
    TooManyBytes {
        /// What it has.
        bytes: u64,
        /// What is allowed.
        max: u64,
    },
    /// It says of itself that it has more pixels than are decoded.
    #[error(
        "the picture claims {width} x {height} pixels; at most {pixels_max} in all and {side_max} a side are decoded"
    )]
    TooManyPixels {
        /// Claimed.
        width: u32,
        /// Claimed.
        height: u32,
        /// What is allowed in all.
        pixels_max: u64,
        /// What is allowed of a side.
        side_max: u32,
    },
    /// It ends too early.
    #[error("the file is cut off before its end")]
    Truncated,
    /// It is not what its format asks for.
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

/// A picture that was decoded, turned the way it is to be seen.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its pixels, sRGB with alpha.
    pub pixels: RgbaImage,
    /// What the file is.
    pub format: Format,
    /// The EXIF orientation that was applied; 1 is none.
    pub orientation: u8,
    /// Whether it moves; the pixels are those of its first frame.
    pub animated: bool,
    /// What the file says of itself.
    pub metadata: Metadata,
}

/// What a file says before its pixels are decoded.
#[derive(Clone, Debug)]
pub struct Header {
    /// What the file is.
    pub format: Format,
    /// Pixels of a row, as they are stored.
    pub width: u32,
    /// Rows, as they are stored.
    pub height: u32,
    /// The EXIF orientation, 1 to 8; 1 is as it is stored.
    pub orientation: u8,
    /// Whether it moves.
    pub animated: bool,
    /// What it says of itself.
    pub metadata: Metadata,
    /// Its raw EXIF.
    pub exif: Option<Vec<u8>>,
    /// Its ICC profile.
    pub profile: Option<Vec<u8>>,
}

/// Looks at a file without decoding its pixels.
///
/// # Errors
/// Why there is no picture, as far as that can be told without its pixels.
pub fn header(bytes: &[u8], limits: &Limits) -> Result<Header, PictureError> {
    guarded(bytes, limits, |format| Ok(begin(bytes, format, limits)?.0))
}

/// Decodes a file to its pixels as they are stored: neither turned nor converted.
///
/// # Errors
/// Why there is no picture; a decoder that panics is one of the reasons.
pub fn as_stored(bytes: &[u8], limits: &Limits) -> Result<(Header, DynamicImage), PictureError> {
    guarded(bytes, limits, |format| {
        let (header, decoder) = begin(bytes, format, limits)?;
        Ok((header, DynamicImage::from_decoder(decoder).map_err(reason)?))
    })
}

/// Decodes a file.
///
/// # Errors
/// Why there is no picture; a decoder that panics is one of the reasons.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let (header, mut image) = as_stored(bytes, limits)?;
    if let Some(turned) = Orientation::from_exif(header.orientation) {
        image.apply_orientation(turned);
    }
    let Header { format, orientation, animated, metadata, .. } = header;
    Ok(Picture { pixels: image.into_rgba8(), format, orientation, animated, metadata })
}

/// What every look at a file begins with, and a wall around decoders that panic.
fn guarded<T>(
    bytes: &[u8],
    limits: &Limits,
    look: impl FnOnce(Format) -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.len() as u64 > limits.bytes_max {
        return Err(PictureError::TooManyBytes { bytes: bytes.len() as u64, max: limits.bytes_max });
    }
    let format = Format::of(bytes).ok_or(PictureError::Unknown)?;
    if format == Format::Jpeg && !jpeg_is_whole(bytes) {
        return Err(PictureError::Truncated);
    }
    catch_unwind(AssertUnwindSafe(|| look(format)))
        .unwrap_or_else(|_| Err(PictureError::Damaged("its decoder gave up".to_owned())))
}

fn begin<'a>(
    bytes: &'a [u8],
    format: Format,
    limits: &Limits,
) -> Result<(Header, impl ImageDecoder + 'a), PictureError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.of_image());
    reader.limits(match format {
        Format::Png => walls(PNG_BYTES_MAX),
        _ => walls(limits.pixels_max.saturating_mul(BYTES_PER_PIXEL)),
    });
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    let (pixels_max, side_max) = (limits.pixels_max, limits.side_max);
    if width.max(height) > side_max || u64::from(width) * u64::from(height) > pixels_max {
        return Err(PictureError::TooManyPixels { width, height, pixels_max, side_max });
    }
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged("it has no pixels".to_owned()));
    }
    // What a file says of itself may be damaged and the picture whole.
    let exif = decoder.exif_metadata().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let mut metadata = metadata::read(exif.as_deref(), xmp.as_deref());
    metadata.colour_profile = profile.is_some();
    let animated = is_animated(bytes, format);
    let header =
        Header { format, width, height, orientation: turned.to_exif(), animated, metadata, exif, profile };
    Ok((header, decoder))
}

/// So many bytes, whatever the sides: those are judged by us.
fn walls(bytes_max: u64) -> image::Limits {
    let mut walls = image::Limits::default();
    walls.max_image_width = None;
    walls.max_image_height = None;
    walls.max_alloc = Some(bytes_max);
    walls
}

fn is_animated(bytes: &[u8], format: Format) -> bool {
    let input = Cursor::new(bytes);
    match format {
        Format::Jpeg => false,
        Format::Png => {
            let decoder = PngDecoder::with_limits(input, walls(PNG_BYTES_MAX));
            decoder.and_then(|decoder| decoder.is_apng()).unwrap_or(false)
        }
        Format::Webp => WebPDecoder::new(input).is_ok_and(|decoder| decoder.has_animation()),
        Format::Gif => gif_has_frames(bytes).unwrap_or(false),
    }
}

/// Whether a GIF has a second picture, by its blocks alone (GIF89a, sections 18 to 27): nothing is decoded, for a frame may
/// claim to be larger than the picture that it belongs to.
fn gif_has_frames(bytes: &[u8]) -> Option<bool> {
    const SCREEN: usize = 13;
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let after_blocks = |mut at: usize| loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    };
    let mut at = SCREEN + table(*bytes.get(10)?);
    let mut pictures = 0;
    loop {
        match bytes.get(at)? {
            // An extension, its label, its blocks.
            0x21 => at = after_blocks(at + 2)?,
            0x2C => {
                pictures += 1;
                if pictures > 1 {
                    return Some(true);
                }
                // Place, size, flags; a table of colours; the size of a code; blocks.
                at = after_blocks(at + 10 + table(*bytes.get(at + 9)?) + 1)?;
            }
            _ => return Some(false),
        }
    }
}

fn reason(error: ImageError) -> PictureError {
    let io_kind = match &error {
        ImageError::IoError(error) => Some(error.kind()),
        _ => None,
    };
    if io_kind == Some(std::io::ErrorKind::UnexpectedEof) {
        return PictureError::Truncated;
    }
    PictureError::Damaged(error.to_string().replace('\n', " "))
}

/// Whether a JPEG has an end mark behind its picture data. Decoders fill up what is missing with grey and say nothing.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    let mut at = 2;
    // Segments up to the first scan: a thumbnail among them has an end mark of its own.
    while let Some([0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            // Padding, and marks without a length.
            0xFF => {
                at += 1;
                continue;
            }
            0x01 | 0xD0..=0xD8 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
        if *marker == START_OF_SCAN {
            // Within picture data, 0xFF is followed by zero or a restart mark.
            return bytes.get(at..).is_some_and(|data| data.windows(2).any(|pair| pair == [0xFF, 0xD9]));
        }
    }
    false
}
