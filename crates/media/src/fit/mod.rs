//! Making a picture fit that is not: another format, fewer bytes, the size of a sticker.
//!
//! Changing what a caller sends is not ours to decide, so this is off unless the operator turns
//! it on. It decodes strangers' pictures and takes much memory and time for it: the limits are
//! strict, and callers give it a thread of its own and few at a time.

#[cfg(test)]
mod tests;

use std::io::{BufRead, Seek};

use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageReader, Rgba, RgbaImage,
    codecs::{jpeg::JpegEncoder, webp::WebPEncoder},
    error::ImageError,
    imageops::{self, FilterType},
};

/// The most pixels along one side of a picture that is decoded.
const MAX_SIDE: u32 = 10_000;

/// The most memory that decoding takes, in bytes.
const MAX_DECODED: u64 = 160 * 1024 * 1024;

/// Pixels along each side of a sticker.
const STICKER_SIDE: u32 = 512;

/// Qualities of JPEG, tried one after the other.
const QUALITIES: [u8; 4] = [90, 80, 70, 55];

/// Times that a picture is made smaller before giving up; each leaves a little over a half of its
/// pixels.
const MAX_SHRINKS: usize = 8;

/// What a picture is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A JPEG of at most so many bytes, without transparency.
    Jpeg {
        /// The limit in bytes.
        max_bytes: usize,
    },
    /// A WebP of 512 by 512 pixels that does not move.
    Sticker {
        /// The limit in bytes.
        max_bytes: usize,
    },
}

/// A picture that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its type.
    pub mime: &'static str,
}

/// Why a picture cannot be made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// It is no JPEG, PNG or WebP, or a damaged one.
    #[error("the picture cannot be decoded")]
    Undecodable,
    /// Decoding it would take too much memory.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// It has too much detail for so few bytes.
    #[error("the picture cannot be made small enough")]
    TooDetailed,
}

impl From<ImageError> for FitError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooManyPixels,
            ImageError::Decoding(_)
            | ImageError::Encoding(_)
            | ImageError::Parameter(_)
            | ImageError::Unsupported(_)
            | ImageError::IoError(_) => Self::Undecodable,
        }
    }
}

/// Makes a picture fit. Blocks, for a second or more with large pictures.
///
/// # Errors
/// If it cannot be decoded within the limits, or not be made small enough.
pub fn fit(source: impl BufRead + Seek, target: Target) -> Result<Fitted, FitError> {
    let picture = decode(source)?;
    match target {
        Target::Jpeg { max_bytes } => {
            Ok(Fitted { bytes: smallest_jpeg(picture, max_bytes)?, mime: "image/jpeg" })
        }
        Target::Sticker { max_bytes } => {
            Ok(Fitted { bytes: smallest_sticker(&picture, max_bytes)?, mime: "image/webp" })
        }
    }
}

/// Decodes the first picture and turns it the way its camera says.
fn decode(source: impl BufRead + Seek) -> Result<DynamicImage, FitError> {
    let mut reader = ImageReader::new(source).with_guessed_format().map_err(|_| FitError::Undecodable)?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > MAX_DECODED {
        return Err(FitError::TooManyPixels);
    }
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The best quality that fits, then the largest size that fits.
fn smallest_jpeg(picture: DynamicImage, max_bytes: usize) -> Result<Vec<u8>, FitError> {
    let mut picture = on_white(&picture);
    for _ in 0..=MAX_SHRINKS {
        for quality in QUALITIES {
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&picture)?;
            if bytes.len() <= max_bytes {
                return Ok(bytes);
            }
        }
        let (width, height) = (picture.width() * 3 / 4, picture.height() * 3 / 4);
        picture = picture.resize_exact(width.max(1), height.max(1), FilterType::Triangle);
    }
    Err(FitError::TooDetailed)
}

/// JPEG has no transparency; white shows through.
fn on_white(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.to_rgb8());
    }
    let mut ground = RgbaImage::from_pixel(picture.width(), picture.height(), Rgba([255; 4]));
    imageops::overlay(&mut ground, &picture.to_rgba8(), 0, 0);
    DynamicImage::ImageRgba8(ground).to_rgb8().into()
}

/// A sticker without loss if it fits, else with ever fewer shades.
fn smallest_sticker(picture: &DynamicImage, max_bytes: usize) -> Result<Vec<u8>, FitError> {
    let sticker = on_sticker(picture);
    for shade_bits in (2..=8).rev() {
        let mut bytes = Vec::new();
        let encoder = WebPEncoder::new_lossless(&mut bytes);
        encoder.encode(
            &shaded(&sticker, shade_bits),
            STICKER_SIDE,
            STICKER_SIDE,
            ExtendedColorType::Rgba8,
        )?;
        if bytes.len() <= max_bytes {
            return Ok(bytes);
        }
    }
    Err(FitError::TooDetailed)
}

/// The whole picture in the middle of a transparent square.
fn on_sticker(picture: &DynamicImage) -> RgbaImage {
    let scaled = picture.resize(STICKER_SIDE, STICKER_SIDE, FilterType::Triangle).to_rgba8();
    let mut ground = RgbaImage::new(STICKER_SIDE, STICKER_SIDE);
    let margin = |side: u32| i64::from((STICKER_SIDE - side.min(STICKER_SIDE)) / 2);
    imageops::overlay(&mut ground, &scaled, margin(scaled.width()), margin(scaled.height()));
    ground
}

/// The picture with so many bits per channel.
fn shaded(picture: &RgbaImage, bits: u32) -> Vec<u8> {
    let most = (1_u16 << bits) - 1;
    picture.as_raw().iter().map(|&value| ((u16::from(value) >> (8 - bits)) * 255 / most) as u8).collect()
}
