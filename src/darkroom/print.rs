//! A developed picture as a file: JPEG, PNG or WebP in sRGB, with its colour profile and as much of the EXIF of its negative
//! as is wanted.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Context, Field, In, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::darkroom::colour::srgb_profile;

/// What a file is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrintFormat {
    /// JPEG.
    Jpeg,
    /// PNG, without loss.
    Png,
    /// WebP, without loss.
    Webp,
}

impl PrintFormat {
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["jpeg", "png", "webp"];

    /// The one of that name.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            _ => None,
        }
    }

    /// How names of such files end.
    pub fn end(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// What a print keeps of the EXIF of its negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All that is still true of it.
    All,
    /// The same without the place.
    AllButPlace,
    /// Nothing.
    Nothing,
}

impl Keep {
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["keep", "no-place", "strip"];

    /// The one of that name.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "keep" => Some(Self::All),
            "no-place" => Some(Self::AllButPlace),
            "strip" => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Encodes a picture. `quality` is for JPEG, 1 to 100.
///
/// # Errors
/// Why the format does not take it.
pub fn print(
    pixels: &RgbImage,
    format: PrintFormat,
    quality: u8,
    exif: Option<Vec<u8>>,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let done = match format {
        PrintFormat::Jpeg => encode(JpegEncoder::new_with_quality(&mut bytes, quality), pixels, exif),
        PrintFormat::Png => encode(PngEncoder::new(&mut bytes), pixels, exif),
        PrintFormat::Webp => encode(WebPEncoder::new_lossless(&mut bytes), pixels, exif),
    };
    done.map_err(|error| format!("the print cannot be written: {error}"))?;
    Ok(bytes)
}

fn encode(
    mut encoder: impl ImageEncoder,
    pixels: &RgbImage,
    exif: Option<Vec<u8>>,
) -> Result<(), image::ImageError> {
    if let Some(profile) = srgb_profile() {
        encoder.set_icc_profile(profile).map_err(image::ImageError::Unsupported)?;
    }
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).map_err(image::ImageError::Unsupported)?;
    }
    encoder.write_image(pixels.as_raw(), pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
}

/// The EXIF of a print: that of its negative, upright, with its own size, without thumbnail and without what only the
/// maker of the camera can read, for that speaks of places in the old file. None when there is nothing to keep.
pub fn exif_of(raw: Option<&[u8]>, keep: Keep, width: u32, height: u32) -> Option<Vec<u8>> {
    if keep == Keep::Nothing {
        return None;
    }
    let read = exif::Reader::new().read_raw(raw?.to_vec()).ok()?;
    let is_kept = |field: &&Field| {
        let place = field.tag.context() == Context::Gps;
        let of_old_file = matches!(
            field.tag,
            Tag::Orientation
                | Tag::PixelXDimension
                | Tag::PixelYDimension
                | Tag::ImageWidth
                | Tag::ImageLength
                | Tag::ColorSpace
                | Tag::MakerNote
                | Tag::StripOffsets
                | Tag::StripByteCounts
                | Tag::TileOffsets
                | Tag::TileByteCounts
                | Tag::JPEGInterchangeFormat
                | Tag::JPEGInterchangeFormatLength
                | Tag::InteroperabilityIndex
        );
        let readable = !matches!(field.value, Value::Unknown(..));
        field.ifd_num == In::PRIMARY && !of_old_file && readable && !(place && keep == Keep::AllButPlace)
    };
    let own = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let own = [
        own(Tag::Orientation, Value::Short(vec![1])),
        own(Tag::PixelXDimension, Value::Long(vec![width])),
        own(Tag::PixelYDimension, Value::Long(vec![height])),
        own(Tag::ColorSpace, Value::Short(vec![1])),
    ];
    let mut writer = Writer::new();
    read.fields().filter(is_kept).chain(&own).for_each(|field| writer.push_field(field));
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, false).ok()?;
    Some(bytes.into_inner())
}
