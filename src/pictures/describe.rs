//! Writes a description into the metadata of a file, without touching its pixels: `dc:description` in XMP for JPEG, PNG and
//! WebP (in PNG that is an `iTXt` chunk), and next to it a plain `iTXt` `Description` in PNG and the IPTC caption in JPEG.
//! Metadata of the file that is not a description stays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use img_parts::Bytes;
use img_parts::jpeg::{Jpeg, JpegSegment, markers};
use img_parts::png::{Png, PngChunk};
use img_parts::riff::{RiffChunk, RiffContent};
use img_parts::webp::WebP;

use crate::pictures::decode::Format;
use crate::pictures::xmp::{self, XMP_BYTES_MAX};

const XMP_JPEG: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const XMP_PNG: &[u8] = b"XML:com.adobe.xmp\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const IPTC_RESOURCE: u16 = 0x0404;
/// Bit of the VP8X chunk that says that there is XMP.
const WEBP_XMP: u8 = 0x04;
/// Bit that says that there is alpha.
const WEBP_ALPHA: u8 = 0x10;
/// Bytes of a description that fits every container.
const TEXT_BYTES_MAX: usize = 1_900;

/// Why a description was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// GIF, or no picture.
    #[error("a description can be written into JPEG, PNG and WebP only")]
    Format,
    /// Longer than fits everywhere.
    #[error("the description has {0} bytes; at most {TEXT_BYTES_MAX} can be written")]
    TooLong(usize),
    /// The XMP it has cannot be changed without losing some of it.
    #[error("the XMP it has already cannot be read")]
    Xmp,
    /// The XMP it has is longer than what is read.
    #[error("the XMP it has already has {0} bytes; at most {XMP_BYTES_MAX} are read")]
    XmpTooLong(usize),
    /// The container is not what its format asks for.
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

/// The file with a description in it. `language` is a tag like `en`.
///
/// # Errors
/// Why it was not written.
pub fn describe(bytes: &[u8], text: &str, language: &str) -> Result<Vec<u8>, DescribeError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(DescribeError::TooLong(text.len()));
    }
    let format = Format::of(bytes).filter(|format| *format != Format::Gif).ok_or(DescribeError::Format)?;
    let bytes = Bytes::copy_from_slice(bytes);
    catch_unwind(AssertUnwindSafe(|| match format {
        Format::Jpeg => jpeg(bytes, text, language),
        Format::Png => png(bytes, text, language),
        Format::Webp => webp(bytes, text, language),
        Format::Gif => Err(DescribeError::Format),
    }))
    .unwrap_or_else(|_| Err(DescribeError::Damaged("its container cannot be read".to_owned())))
}

fn damaged(error: img_parts::Error) -> DescribeError {
    DescribeError::Damaged(error.to_string())
}

/// An XMP packet with the description; that of the file with it when there is one.
fn packet(before: Option<&[u8]>, text: &str, language: &str) -> Result<String, DescribeError> {
    let text: String = text
        .chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let item = |language: &str| format!("<rdf:li xml:lang=\"{language}\">{text}</rdf:li>");
    let alt = format!("<rdf:Alt>{}{}</rdf:Alt>", item("x-default"), item(language));
    let property =
        format!("<dc:description xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{alt}</dc:description>");
    let Some(before) = before else {
        return Ok(format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\">{property}</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>"
        ));
    };
    if before.len() > XMP_BYTES_MAX {
        return Err(DescribeError::XmpTooLong(before.len()));
    }
    let before = std::str::from_utf8(before).map_err(|_| DescribeError::Xmp)?;
    let mut xmp = xmp::without(before, xmp::DESCRIPTION).map_err(|_| DescribeError::Xmp)?;
    // A property may stand in a description of its own, so nothing else has to be understood.
    let end = xmp.rfind("</rdf:RDF>").ok_or(DescribeError::Xmp)?;
    xmp.insert_str(end, &format!("<rdf:Description rdf:about=\"\">{property}</rdf:Description>"));
    Ok(xmp)
}

fn jpeg(bytes: Bytes, text: &str, language: &str) -> Result<Vec<u8>, DescribeError> {
    let mut jpeg = Jpeg::from_bytes(bytes).map_err(damaged)?;
    let is_xmp =
        |segment: &JpegSegment| segment.marker() == markers::APP1 && segment.contents().starts_with(XMP_JPEG);
    let before = jpeg
        .segments()
        .iter()
        .find(|segment| is_xmp(segment))
        .map(|segment| segment.contents()[XMP_JPEG.len()..].to_vec());
    let xmp = packet(before.as_deref(), text, language)?;
    let mut contents = XMP_JPEG.to_vec();
    contents.extend_from_slice(xmp.as_bytes());
    // The length of a segment has sixteen bits.
    if contents.len() > usize::from(u16::MAX) - 2 {
        return Err(DescribeError::Xmp);
    }
    let is_iptc = |segment: &JpegSegment| {
        segment.marker() == markers::APP13 && segment.contents().starts_with(PHOTOSHOP)
    };
    let has_iptc = jpeg.segments().iter().any(is_iptc);
    let segments = jpeg.segments_mut();
    segments.retain(|segment| !is_xmp(segment));
    // Behind the segments that must come first.
    let place = segments
        .iter()
        .take_while(|segment| matches!(segment.marker(), markers::APP0 | markers::APP1))
        .count();
    segments.insert(place, JpegSegment::new_with_contents(markers::APP1, Bytes::from(contents)));
    // What else a file keeps there is not ours to rewrite.
    if !has_iptc {
        segments.insert(place + 1, JpegSegment::new_with_contents(markers::APP13, Bytes::from(iptc(text))));
    }
    Ok(jpeg.encoder().bytes().to_vec())
}

/// An IPTC-IIM record with the caption, as UTF-8, in the wrapping that is usual in JPEG.
fn iptc(text: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut data = Vec::new();
    for (record, dataset, value) in [(1, 90, &b"\x1b%G"[..]), (2, 0, &[0, 4]), (2, 120, text.as_bytes())] {
        data.extend_from_slice(&[0x1C, record, dataset]);
        data.extend_from_slice(&length(value));
        data.extend_from_slice(value);
    }
    let mut contents = PHOTOSHOP.to_vec();
    contents.extend_from_slice(b"8BIM");
    contents.extend_from_slice(&IPTC_RESOURCE.to_be_bytes());
    contents.extend_from_slice(&[0, 0]);
    contents.extend_from_slice(&u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    contents.extend_from_slice(&data);
    if data.len() % 2 == 1 {
        contents.push(0);
    }
    contents
}

fn png(bytes: Bytes, text: &str, language: &str) -> Result<Vec<u8>, DescribeError> {
    let mut png = Png::from_bytes(bytes).map_err(damaged)?;
    let of =
        |chunk: &PngChunk, keyword: &[u8]| &chunk.kind() == b"iTXt" && chunk.contents().starts_with(keyword);
    // Behind the keyword: not compressed, method, language, keyword in that language.
    let before = png
        .chunks()
        .iter()
        .find(|chunk| of(chunk, XMP_PNG))
        .map(|chunk| chunk.contents()[XMP_PNG.len()..].to_vec());
    let before = match &before {
        Some(rest) if rest.first() == Some(&0) => {
            let texts: Vec<&[u8]> = rest.get(2..).unwrap_or_default().splitn(3, |byte| *byte == 0).collect();
            Some(*texts.get(2).ok_or(DescribeError::Xmp)?)
        }
        Some(_) => return Err(DescribeError::Xmp),
        None => None,
    };
    let xmp = packet(before, text, language)?;
    let plain = text.replace('\0', " ");
    let chunk = |keyword: &[u8], language: &str, text: &str| {
        let contents = [keyword, &[0, 0], language.as_bytes(), &[0, 0], text.as_bytes()].concat();
        PngChunk::new(*b"iTXt", Bytes::from(contents))
    };
    let chunks = png.chunks_mut();
    chunks.retain(|known| !of(known, XMP_PNG) && !of(known, b"Description\0"));
    let place = chunks
        .iter()
        .position(|chunk| &chunk.kind() == b"IDAT")
        .ok_or_else(|| DescribeError::Damaged("it has no pixels".to_owned()))?;
    chunks.insert(place, chunk(b"Description\0", language, &plain));
    chunks.insert(place, chunk(XMP_PNG, "", &xmp));
    Ok(png.encoder().bytes().to_vec())
}

fn webp(bytes: Bytes, text: &str, language: &str) -> Result<Vec<u8>, DescribeError> {
    let size = image::ImageReader::with_format(std::io::Cursor::new(&bytes), image::ImageFormat::WebP)
        .into_dimensions()
        .map_err(|error| DescribeError::Damaged(error.to_string()))?;
    let mut webp = WebP::from_bytes(bytes).map_err(damaged)?;
    let data = |content: &RiffContent| content.data().cloned();
    let before = webp.chunk_by_id(*b"XMP ").and_then(|chunk| data(chunk.content()));
    let xmp = packet(before.as_deref(), text, language)?;
    let extended = webp.chunk_by_id(*b"VP8X").and_then(|chunk| data(chunk.content()));
    let mut head = match extended {
        Some(head) if head.len() >= 10 => head.to_vec(),
        Some(_) => return Err(DescribeError::Damaged("its VP8X chunk is too short".to_owned())),
        None => {
            let side = |side: u32| (side - 1).to_le_bytes();
            let (wide, high) = (side(size.0), side(size.1));
            vec![0, 0, 0, 0, wide[0], wide[1], wide[2], high[0], high[1], high[2]]
        }
    };
    head[0] |= WEBP_XMP;
    if let Some(lossless) = webp.chunk_by_id(*b"VP8L").and_then(|chunk| data(chunk.content()))
        // Bit 28 behind the signature byte says whether alpha is used.
        && lossless.get(4).is_some_and(|byte| byte & 0x10 != 0)
    {
        head[0] |= WEBP_ALPHA;
    }
    let chunk = |id: [u8; 4], bytes: Vec<u8>| RiffChunk::new(id, RiffContent::Data(Bytes::from(bytes)));
    webp.remove_chunks_by_id(*b"VP8X");
    webp.remove_chunks_by_id(*b"XMP ");
    let chunks = webp.chunks_mut();
    chunks.insert(0, chunk(*b"VP8X", head));
    chunks.push(chunk(*b"XMP ", xmp.into_bytes()));
    Ok(webp.encoder().bytes().to_vec())
}
