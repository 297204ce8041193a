//! The secret behind public paths and short links: made at the first start, kept in the data
//! folder, readable by its owner only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock::random;

const BYTES: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 64 bits in base 62.
pub(super) const TOKEN_LETTERS: usize = 11;

/// The secret.
#[derive(Clone)]
pub(super) struct Key(pub(super) [u8; BYTES]);

impl Key {
    /// The key in this file; made if there is none.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is not a key.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                let key = bytes.try_into().map_err(|_| io::Error::other("it is not a key of 32 bytes"))?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error),
        }
    }

    /// Written aside and renamed, so that a crash leaves no half key.
    fn make(path: &Path) -> io::Result<Self> {
        let mut key = [0; BYTES];
        key.chunks_exact_mut(16).for_each(|half| half.copy_from_slice(&random().to_be_bytes()));
        let aside = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(Self(key))
    }

    /// A short word that nobody without the key can guess: 64 bits in letters and digits.
    pub(super) fn token(&self, parts: &[&[u8]]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("this algorithm takes keys of any length");
        mac.update(b"short link\0");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        let mut number = bytes.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut letters = [b'0'; TOKEN_LETTERS];
        for letter in letters.iter_mut().rev() {
            *letter = BASE62[(number % 62) as usize];
            number /= 62;
        }
        letters.iter().map(|letter| char::from(*letter)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let first = Key::open(&path).expect("is made");
        assert_eq!(Key::open(&path).expect("is read").0, first.0);
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, b"short").expect("is written");
        assert!(Key::open(&path).is_err());
    }

    #[test]
    fn tokens_are_short_stable_and_differ_by_message_step_and_key() {
        let (key, other) = (Key([1; BYTES]), Key([2; BYTES]));
        let token = key.token(&[b"message", &[0]]);
        assert_eq!(token.len(), TOKEN_LETTERS);
        assert!(token.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        assert_eq!(token, key.token(&[b"message", &[0]]));
        assert_ne!(token, key.token(&[b"message", &[1]]));
        assert_ne!(token, other.token(&[b"message", &[0]]));
    }
}
