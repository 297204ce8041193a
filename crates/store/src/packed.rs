//! How values are written that are stored often and read by this program alone: states, histories,
//! plans, callback requests. It is MessagePack with the names of members, so that members can be
//! added as in JSON, in half the time and two thirds of the room.
//!
//! Earlier versions wrote JSON. Both are read: MessagePack of a struct or a list begins with a byte
//! above all of ASCII, JSON with a bracket.

use std::cell::RefCell;

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// How deep values may be nested: deeper than what is taken from callers, and not as deep as to
/// overflow the stack of a thread.
const DEPTH: usize = 256;

/// What the buffer of a thread may keep between two values; most values are much smaller.
const KEPT: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of a struct or a list.
///
/// # Errors
/// If the value itself says that it cannot be written.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreError> {
    in_buffer(|buffer| {
        rmp_serde::encode::write_named(buffer, value)
            .map_err(|error| StoreError::Other(format!("cannot be written: {error}")))
    })
}

/// The value of bytes from [`write`], or of the JSON that earlier versions wrote.
///
/// # Errors
/// If they are neither, or of a newer version.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable =
        |error: &dyn std::fmt::Display| StoreError::Other(format!("a stored value cannot be read: {error}"));
    if is_json(bytes) {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    } else {
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
        deserializer.set_max_depth(DEPTH);
        T::deserialize(&mut deserializer).map_err(|error| unreadable(&error))
    }
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(u8::is_ascii)
}

/// What `write` leaves in a buffer, in a vector of just that size: one that grows as it is written
/// is moved several times.
pub(crate) fn in_buffer(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    // Taken out, so that a value that writes others on its way has a buffer of its own.
    let mut buffer = BUFFER.take();
    buffer.clear();
    let written = write(&mut buffer).map(|()| buffer.as_slice().to_vec());
    buffer.clear();
    buffer.shrink_to(KEPT);
    BUFFER.set(buffer);
    written
}

#[cfg(test)]
mod tests;
