//! The journal: changes are appended to a file and synced before they are answered, and brought
//! into the database in larger steps.
//!
//! There are two files, used in turn. While the changes of one are being brought into the
//! database, new ones go to the other; a file is written from its beginning again once the
//! database has all that it held. Files are filled with zeros ahead of what is written, so that a
//! sync has nothing but data to write.
//!
//! A record is one group of changes, as they were answered together: its length, a checksum, the
//! session, its number, the next numbers of transitions and callbacks, and the changes. Numbers
//! go up by one from record to record, through both files. What stands behind the last record is
//! of another session, or has a lower number, or no valid checksum.

use std::{
    collections::hash_map::RandomState,
    fs::{File, OpenOptions},
    hash::{BuildHasher, Hasher},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{encode::Ready, record};
use crate::StoreError;

#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing;

/// Zeros written ahead, in bytes.
const AHEAD: u64 = 4 << 20;

/// Length and checksum, which the checksum does not cover.
const HEAD: usize = 8;
/// Session, number, next transition, next callback.
const FIELDS: usize = 32;
/// A record is never larger: what says so is not one.
const MOST: usize = 1 << 30;

/// The next numbers of transitions and of callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) history: i64,
    pub(super) callback: i64,
}

impl Numbers {
    /// Those that are free after either.
    pub(super) fn max(self, other: Self) -> Self {
        Self { history: self.history.max(other.history), callback: self.callback.max(other.callback) }
    }

    pub(super) fn next_history(&mut self) -> i64 {
        self.history += 1;
        self.history - 1
    }

    pub(super) fn next_callback(&mut self) -> i64 {
        self.callback += 1;
        self.callback - 1
    }
}

/// A group of changes read back.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) numbers: Numbers,
    /// Those of the session that wrote it.
    session: u64,
    changes: Vec<u8>,
}

impl Record {
    /// Its changes, in order.
    ///
    /// # Errors
    /// If this program cannot read them.
    pub(super) fn changes(&self, dialects: &[&'static str]) -> Result<Vec<Ready>, StoreError> {
        let mut rest = self.changes.as_slice();
        let mut changes = Vec::new();
        while let Some((length, bytes)) = rest.split_first_chunk::<4>() {
            let (change, after) = bytes
                .split_at_checked(u32::from_le_bytes(*length) as usize)
                .ok_or_else(|| StoreError::Other("a record of the journal ends early".into()))?;
            changes.push(record::read(change, dialects)?);
            rest = after;
        }
        Ok(changes)
    }
}

/// One of the files.
#[derive(Debug)]
struct Page {
    file: File,
    /// Where the next record goes.
    end: u64,
    /// How far the file is filled with zeros or records.
    filled: u64,
}

/// The two files, open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    pages: [Page; 2],
    current: usize,
    session: u64,
    buffer: Vec<u8>,
    #[cfg(test)]
    broken: bool,
}

impl Journal {
    /// Opens or makes the files of a database. Nothing is written yet.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        let [first, second] = paths(database);
        let pages = [Page::open(&first)?, Page::open(&second)?];
        if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // So that the names of the files survive what their contents survive.
            File::open(folder)?.sync_all()?;
        }
        Ok(Self::of(pages))
    }

    /// A journal in these files, with nothing written yet.
    fn of(pages: [Page; 2]) -> Self {
        Self {
            pages,
            current: 0,
            // The seed is random.
            session: RandomState::new().build_hasher().finish(),
            buffer: Vec::new(),
            #[cfg(test)]
            broken: false,
        }
    }

    /// All records that follow the given number without a gap, in order.
    ///
    /// # Errors
    /// Those of the disk, and if there are records, but not the next one: then the files are of
    /// another state of the database.
    pub(super) fn records_after(&self, number: u64) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for page in &self.pages {
            records.extend(page.records().map_err(explain)?.into_iter().filter(|it| it.number > number));
        }
        records.sort_unstable_by_key(|record| record.number);
        let gap = (number + 1..).zip(&records).find(|(expected, record)| *expected != record.number);
        match gap {
            None => Ok(records),
            Some((expected, record)) => Err(StoreError::Other(format!(
                "the journal goes on with record {}, but the database ends before {expected}: they do not belong together. \
                 If the database was put back from a copy, move the files that end in '-intake1' and '-intake2' away",
                record.number
            ))),
        }
    }

    /// Forgets all records, in the files too. To be called when the database has all of them, and
    /// before the first append.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.current = 0;
        for page in &mut self.pages {
            page.end = 0;
            if page.filled > 0 {
                let head = usize::try_from(page.filled).unwrap_or(HEAD + FIELDS).min(HEAD + FIELDS);
                page.file.write_all_at(&[0; HEAD + FIELDS][..head], 0)?;
                page.file.sync_data()?;
            }
        }
        Ok(())
    }

    /// Makes room for so many bytes of changes, so that appending them needs none of the disk.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let page = &mut self.pages[self.current];
        let wanted = page.end + (HEAD + FIELDS) as u64 + bytes;
        while page.filled < wanted {
            page.fill()?;
        }
        Ok(())
    }

    /// Begins a record.
    pub(super) fn begin(&mut self, number: u64, numbers: Numbers) {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; HEAD]);
        for field in [self.session, number, numbers.history as u64, numbers.callback as u64] {
            self.buffer.extend_from_slice(&field.to_le_bytes());
        }
    }

    /// Adds a change to it.
    pub(super) fn add(&mut self, change: &[u8]) {
        self.buffer.extend_from_slice(&(change.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(change);
    }

    /// Whether the record that was begun has no changes.
    pub(super) fn is_blank(&self) -> bool {
        self.buffer.len() <= HEAD + FIELDS
    }

    /// Writes and syncs the record.
    ///
    /// # Errors
    /// Those of the disk; whether the record is in the file then, nobody knows.
    pub(super) fn append(&mut self) -> io::Result<()> {
        let (head, body) = self.buffer.split_at_mut(HEAD);
        head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        let page = &mut self.pages[self.current];
        #[cfg(test)]
        if std::mem::take(&mut self.broken) {
            page.file.write_all_at(&self.buffer, page.end)?;
            return Err(io::Error::other("the disk is broken"));
        }
        page.file.write_all_at(&self.buffer, page.end)?;
        page.file.sync_data()?;
        page.end += self.buffer.len() as u64;
        page.filled = page.filled.max(page.end);
        Ok(())
    }

    /// Fails the next append after it was written, before it is synced.
    #[cfg(test)]
    pub(super) fn break_next(&mut self) {
        self.broken = true;
    }

    /// Goes on in the other file, from its beginning: the database has all that was in it.
    pub(super) fn turn(&mut self) {
        self.current = 1 - self.current;
        self.pages[self.current].end = 0;
    }
}

impl Page {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let filled = file.metadata()?.len();
        Ok(Self { file, end: 0, filled })
    }

    /// Fills more of the file with zeros.
    fn fill(&mut self) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let until = self.filled + AHEAD;
        let mut at = self.filled;
        while at < until {
            self.file.write_all_at(&ZEROS, at)?;
            at += ZEROS.len() as u64;
        }
        self.file.sync_all()?;
        self.filled = at;
        Ok(())
    }

    /// The records from the beginning, as far as they follow each other.
    fn records(&self) -> io::Result<Vec<Record>> {
        let mut records: Vec<Record> = Vec::new();
        let mut at = 0;
        while let Some((record, length)) = self.record(at)? {
            let follows = records
                .last()
                .is_none_or(|last| last.session == record.session && last.number + 1 == record.number);
            if !follows {
                break;
            }
            records.push(record);
            at += length;
        }
        Ok(records)
    }

    /// The record at a place, if there is a whole one, and its length.
    fn record(&self, at: u64) -> io::Result<Option<(Record, u64)>> {
        let mut head = [0; HEAD];
        if at + HEAD as u64 > self.filled {
            return Ok(None);
        }
        self.file.read_exact_at(&mut head, at)?;
        let (length, checksum) = (number32(&head[..4]), number32(&head[4..]));
        let fits = at + HEAD as u64 + u64::from(length) <= self.filled;
        if !fits || (length as usize) < FIELDS || length as usize > MOST {
            return Ok(None);
        }
        let mut body = vec![0; length as usize];
        self.file.read_exact_at(&mut body, at + HEAD as u64)?;
        if crc32fast::hash(&body) != checksum {
            return Ok(None);
        }
        let field = |index: usize| number64(&body[index * 8..index * 8 + 8]);
        let record = Record {
            session: field(0),
            number: field(1),
            numbers: Numbers { history: field(2) as i64, callback: field(3) as i64 },
            changes: body[FIELDS..].to_vec(),
        };
        Ok(Some((record, (HEAD + body.len()) as u64)))
    }
}

/// The files beside a database.
pub(super) fn paths(database: &Path) -> [PathBuf; 2] {
    ["-intake1", "-intake2"].map(|suffix| {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        path.into()
    })
}

/// An error of the disk as one of the store.
pub(super) fn explain(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Other(format!("the journal: {error}")),
    }
}

fn number32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

fn number64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}
