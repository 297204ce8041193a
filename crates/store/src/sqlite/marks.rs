//! Where to look for a message by something as random as a phone number.
//!
//! One large index over random values would be written all over: every insert a page of its own,
//! twice (log and checkpoint). So the index is cut into segments by the message's key: new
//! entries land within the few pages of the newest segment, and a search asks each segment in
//! turn, newest first. Ten million messages make some six hundred segments, which one search
//! goes through in milliseconds; what is looked for is mostly recent and found in the first.

use sha2::{Digest, Sha256};

/// Messages per segment, as a power of two.
const SEGMENT_BITS: u32 = 14;

/// 96 bits of a SHA-256: enough to tell network ids apart without keeping them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    short: u32,
    /// 64 more bits, for tables that do not check the value itself.
    pub(super) rest: i64,
}

impl Mark {
    fn new(kind: &str, scope: &str, value: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [kind.as_bytes(), scope.as_bytes(), value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let bytes = hash.finalize();
        let (short, rest) = bytes.split_at(4);
        Self {
            short: u32::from_be_bytes(short.try_into().expect("four bytes")),
            rest: i64::from_be_bytes(rest[..8].try_into().expect("eight bytes")),
        }
    }

    /// Of a recipient as shown.
    pub(super) fn recipient(display: &str) -> Self {
        Self::new("recipient", "", display.as_bytes())
    }

    /// Of a submission.
    pub(super) fn batch(batch: model::BatchId) -> Self {
        Self::new("batch", "", &batch.to_bytes())
    }

    /// Of a caller's bulk id.
    pub(super) fn bulk(bulk: &str) -> Self {
        Self::new("bulk", "", bulk.as_bytes())
    }

    /// Of a network's id.
    pub(super) fn upstream(route: &str, upstream: &str) -> Self {
        Self::new("upstream", route, upstream.as_bytes())
    }

    /// Its place among the messages of a segment.
    pub(super) fn place(self, segment: i64) -> i64 {
        first_place(segment) | i64::from(self.short)
    }
}

/// The segment of a message's key.
pub(super) const fn segment(key: i64) -> i64 {
    key >> SEGMENT_BITS
}

/// The first key of a segment.
pub(super) const fn first_key(segment: i64) -> i64 {
    segment << SEGMENT_BITS
}

/// The first place of a segment.
pub(super) const fn first_place(segment: i64) -> i64 {
    segment << 32
}
