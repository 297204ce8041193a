//! Small bounded reads from a large source.

use std::io::{self, Read, Seek, SeekFrom};

/// Reads per probe. Walks end when they are used up, as if the file ended there.
const MAX_READS: u32 = 20_000;

/// The longest single read, in bytes.
const MAX_SLICE: usize = 70 * 1024;

/// A source that is read here and there.
pub(super) struct Window<R> {
    source: R,
    len: u64,
    reads: u32,
    failure: Option<io::Error>,
}

impl<R: Read + Seek> Window<R> {
    pub(super) fn new(mut source: R) -> io::Result<Self> {
        let len = source.seek(SeekFrom::End(0))?;
        Ok(Self { source, len, reads: 0, failure: None })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file, none past it.
    pub(super) fn slice(&mut self, offset: u64, count: usize) -> Vec<u8> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.min(left).min(MAX_SLICE)];
        if bytes.is_empty() || self.failure.is_some() || self.reads == MAX_READS {
            return Vec::new();
        }
        self.reads += 1;
        match self.fill(offset, &mut bytes) {
            Ok(()) => bytes,
            Err(error) => {
                self.failure = Some(error);
                Vec::new()
            }
        }
    }

    /// Exactly `N` bytes from `offset`.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Option<[u8; N]> {
        self.slice(offset, N).try_into().ok()
    }

    fn fill(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(offset))?;
        self.source.read_exact(bytes)
    }

    /// The source's error, if it had one.
    pub(super) fn finish(self) -> io::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
