use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::probe::{Color, Format, Picture, Webp, probe};

const JPEG: &[u8] = include_bytes!("../../fixtures/rgb.jpg");
const PNG: &[u8] = include_bytes!("../../fixtures/rgba8.png");
const DEEP_PNG: &[u8] = include_bytes!("../../fixtures/rgb16.png");
const WEBP: &[u8] = include_bytes!("../../fixtures/wrong_size.webp");

fn jpeg(bytes: &[u8], max_bytes: usize) -> Result<Fitted, FitError> {
    fit(Cursor::new(bytes), Target::Jpeg { max_bytes })
}

fn sticker(bytes: &[u8], max_bytes: usize) -> Result<Fitted, FitError> {
    fit(Cursor::new(bytes), Target::Sticker { max_bytes })
}

fn look(fitted: &Fitted) -> Format {
    probe(Cursor::new(&fitted.bytes)).expect("memory does not fail")
}

/// A picture that compresses badly.
fn noise(side: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    let picture = RgbaImage::from_fn(side, side, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = (seed >> 4).to_le_bytes();
        Rgba([a, b, c, 255])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("encodes");
    bytes.into_inner()
}

#[test]
fn any_picture_becomes_a_plain_jpeg_of_its_size() {
    for (bytes, width, height) in [(JPEG, 48, 32), (PNG, 48, 32), (DEEP_PNG, 48, 32), (WEBP, 256, 512)] {
        let fitted = jpeg(bytes, 1_000_000).expect("fits");
        let expected = Picture { width, height, bits: 8, color: Color::Rgb };
        assert_eq!(look(&fitted), Format::Jpeg(Some(expected)));
        assert_eq!(fitted.mime, "image/jpeg");
    }
}

#[test]
fn a_jpeg_shrinks_until_it_fits() {
    let bytes = noise(200);
    let large = jpeg(&bytes, usize::MAX).expect("fits").bytes.len();
    let fitted = jpeg(&bytes, large / 8).expect("fits");
    assert!(fitted.bytes.len() <= large / 8);
    let Format::Jpeg(Some(picture)) = look(&fitted) else { panic!("is no JPEG") };
    assert!(picture.width < 200 && picture.width == picture.height, "{picture:?}");
    assert_eq!(jpeg(&bytes, 10), Err(FitError::TooDetailed));
}

#[test]
fn a_sticker_has_its_size_and_a_clear_margin() {
    let fitted = sticker(WEBP, 100 * 1024).expect("fits");
    assert_eq!(look(&fitted), Format::Webp(Some(Webp { width: 512, height: 512, animated: false })));
    let picture = decode(Cursor::new(&fitted.bytes)).expect("decodes").to_rgba8();
    assert_eq!(picture.get_pixel(10, 256).0[3], 0, "beside the picture");
    assert_eq!(picture.get_pixel(256, 256).0[3], 255, "in the picture");
}

#[test]
fn a_sticker_loses_shades_until_it_fits() {
    let bytes = noise(64);
    let large = sticker(&bytes, usize::MAX).expect("fits").bytes.len();
    let fitted = sticker(&bytes, large / 2).expect("fits");
    assert!(fitted.bytes.len() <= large / 2);
    assert_eq!(sticker(&bytes, 100), Err(FitError::TooDetailed));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    // A PNG header that promises 60,000 by 60,000 pixels, with its checksum.
    let mut bytes = PNG.to_vec();
    bytes[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&checksum);
    assert_eq!(jpeg(&bytes, 1_000_000), Err(FitError::TooManyPixels));
}

/// The checksum of PNG chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

#[test]
fn what_is_no_picture_is_undecodable() {
    for bytes in [&b""[..], b"hello", &JPEG[..100], include_bytes!("../../fixtures/page.pdf")] {
        assert_eq!(jpeg(bytes, 1_000_000), Err(FitError::Undecodable));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_pictures_are_survived(
        which in 0..4_usize,
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut bytes = [JPEG, PNG, DEEP_PNG, WEBP][which].to_vec();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(Cursor::new(&bytes));
    }
}
