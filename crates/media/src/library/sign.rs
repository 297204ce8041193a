//! Signatures of public paths, and ids made from the same key.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::MediaId;

/// Bytes of a signature; 128 bits cannot be guessed over a network.
const SIGNATURE_BYTES: usize = 16;

/// Key of public paths. Whoever has it can read every kept file.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// A key of these secret bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("this algorithm takes keys of any length"))
    }

    /// `/media/{id}/{signature}.{extension}`
    pub(super) fn public_path(&self, id: MediaId, extension: &str) -> String {
        let signature = self.signed(id, extension).finalize().into_bytes();
        format!("/media/{id}/{}.{extension}", hex::encode(&signature[..SIGNATURE_BYTES]))
    }

    /// The id of a path made by [`Self::public_path`].
    pub(super) fn verify(&self, path: &str) -> Option<MediaId> {
        let (id, file) = path.strip_prefix("/media/")?.split_once('/')?;
        let (signature, extension) = file.split_once('.')?;
        let id = MediaId::parse(id)?;
        let mut bytes = [0; SIGNATURE_BYTES];
        hex::decode_to_slice(signature, &mut bytes).ok()?;
        // Compares in a time that tells nothing.
        self.signed(id, extension).verify_truncated_left(&bytes).ok()?;
        Some(id)
    }

    fn signed(&self, id: MediaId, extension: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update("public path\0").chain_update(id.to_string()).chain_update(extension)
    }

    /// A number that nobody without the key can foresee.
    pub(super) fn number(&self, parts: &[&[u8]]) -> u64 {
        let start = self.0.clone().chain_update("media id\0");
        let mac = parts
            .iter()
            .fold(start, |mac, part| mac.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

/// The usual extension of a type, for the end of a public path.
#[must_use]
pub fn extension(mime: &str) -> &'static str {
    use crate::probe::{DOCX, PPTX, XLSX, normal_type};

    match normal_type(mime).as_deref() {
        Some("image/jpeg") => "jpg",
        Some("image/png") => "png",
        Some("image/gif") => "gif",
        Some("image/webp") => "webp",
        Some("video/mp4") => "mp4",
        Some("video/3gpp") => "3gp",
        Some("audio/aac") => "aac",
        Some("audio/amr") => "amr",
        Some("audio/mpeg") => "mp3",
        Some("audio/mp4") => "m4a",
        Some("audio/ogg") => "ogg",
        Some("text/plain") => "txt",
        Some("application/pdf") => "pdf",
        Some("application/msword") => "doc",
        Some("application/vnd.ms-excel") => "xls",
        Some("application/vnd.ms-powerpoint") => "ppt",
        Some(DOCX) => "docx",
        Some(XLSX) => "xlsx",
        Some(PPTX) => "pptx",
        Some(_) | None => "bin",
    }
}
