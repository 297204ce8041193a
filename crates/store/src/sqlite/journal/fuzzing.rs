//! What the fuzz targets do with the files of the journal: with any octets in them, and with what
//! was written and then damaged.

use std::{fs::File, io::Write as _, os::unix::fs::FileExt as _};

use rustix::fs::{MemfdFlags, memfd_create};

use super::{super::record::fuzzing::DIALECTS, FIELDS, HEAD, Journal, Numbers, Page, Record};

/// Most octets of a change.
const MOST_OF_A_CHANGE: u8 = 64;
/// Most steps of a script.
const MOST_STEPS: usize = 48;
/// Steps that append nothing.
const TURN: u8 = 253;
const RESTART: u8 = 254;

/// The octets as a file, and as a script of what is written into two: any octets are read, in no
/// more memory than they take; what is written is read back; of a damaged file only what stands
/// before the damage is read.
pub fn journal(data: &[u8]) {
    octets(data);
    let mut written = Written::new();
    for step in steps(data) {
        if !matches!(step, Step::Append(_)) {
            written.check();
        }
        written.go_on(step);
    }
    written.check();
    written.damage(data);
}

fn octets(data: &[u8]) {
    let halves = data.split_at(data.len() / 2);
    for files in [[data, &[]], [halves.0, halves.1]] {
        let journal = Journal::of(files.map(page));
        let Ok(records) = journal.records_after(0) else { continue };
        let held: usize = records.iter().map(|record| HEAD + FIELDS + record.changes.len()).sum();
        assert!(held <= data.len(), "{held} octets of {}", data.len());
        for record in records {
            // Whether it can be read is no matter.
            let _ = record.changes(DIALECTS);
        }
    }
}

/// A file in memory with these octets.
fn page(octets: &[u8]) -> Page {
    let mut file = File::from(memfd_create("journal", MemfdFlags::CLOEXEC).expect("there is memory"));
    file.write_all(octets).expect("there is memory");
    Page { file, end: 0, filled: octets.len() as u64 }
}

/// What is done to a journal next.
enum Step<'a> {
    /// Appends a record with these changes.
    Append(Vec<&'a [u8]>),
    /// Goes on in the other file.
    Turn,
    /// Begins a session anew, with all in the database.
    Restart,
}

fn steps(data: &[u8]) -> Vec<Step<'_>> {
    let (mut steps, mut rest) = (Vec::new(), data);
    while let Some((&first, after)) = rest.split_first().filter(|_| steps.len() < MOST_STEPS) {
        rest = after;
        steps.push(match first {
            TURN => Step::Turn,
            RESTART => Step::Restart,
            count => {
                let mut changes = Vec::new();
                for _ in 0..count % 4 {
                    let Some((&length, after)) = rest.split_first() else { break };
                    let (change, after) = after.split_at(after.len().min((length % MOST_OF_A_CHANGE).into()));
                    changes.push(change);
                    rest = after;
                }
                Step::Append(changes)
            }
        });
    }
    steps
}

/// A journal and what must be in it.
struct Written<'a> {
    journal: Journal,
    /// What is in the database for certain: the records up to here need not be in the files.
    applied: u64,
    /// The last record of the file that was current before.
    turned: u64,
    last: u64,
    /// Of each record since `applied`.
    expected: Vec<(u64, Vec<&'a [u8]>)>,
}

impl<'a> Written<'a> {
    fn new() -> Self {
        let journal = Journal::of([page(&[]), page(&[])]);
        Self { journal, applied: 0, turned: 0, last: 0, expected: Vec::new() }
    }

    fn go_on(&mut self, step: Step<'a>) {
        match step {
            Step::Append(changes) => self.append(changes),
            Step::Turn => {
                self.applied = self.turned;
                self.turned = self.last;
                self.journal.turn();
            }
            Step::Restart => {
                (self.applied, self.turned) = (self.last, self.last);
                self.journal.restart().expect("memory does not fail");
                self.journal.session += 1;
            }
        }
        self.expected.retain(|(number, _)| *number > self.applied);
    }

    fn append(&mut self, changes: Vec<&'a [u8]>) {
        self.last += 1;
        self.journal.begin(self.last, numbers(self.last));
        changes.iter().for_each(|change| self.journal.add(change));
        self.journal.append().expect("memory does not fail");
        self.expected.push((self.last, changes));
    }

    fn check(&self) {
        let records = self.journal.records_after(self.applied).expect("they follow each other");
        assert_eq!(records.len(), self.expected.len());
        for (record, (number, changes)) in records.iter().zip(&self.expected) {
            assert_same(record, *number, changes);
        }
    }

    /// Flips bits of one octet of the records in the current file: those before it are read, those
    /// behind it are not.
    fn damage(&self, data: &[u8]) {
        let page = &self.journal.pages[self.journal.current];
        let whole = page.records().expect("memory does not fail");
        let lengths: Vec<u64> = whole.iter().map(|it| (HEAD + FIELDS + it.changes.len()) as u64).collect();
        let ours = lengths.iter().sum::<u64>().min(page.end);
        let (Some(&low), Some(&high), Some(mask)) = (data.first(), data.last(), data.get(data.len() / 2))
        else {
            return;
        };
        if ours == 0 {
            return;
        }
        let at = (u64::from(low) << 8 | u64::from(high)) % ours;
        let mut octet = [0];
        page.file.read_exact_at(&mut octet, at).expect("memory does not fail");
        page.file.write_all_at(&[octet[0] ^ mask.max(&1)], at).expect("memory does not fail");
        let mut ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        let before = ends.position(|end| end > at).expect("it is within a record");
        let read = page.records().expect("memory does not fail");
        assert_eq!(read.len(), before, "octet {at} of {ours} is damaged");
        for (record, whole) in read.iter().zip(&whole) {
            assert_eq!((record.number, &record.changes), (whole.number, &whole.changes));
        }
    }
}

fn numbers(number: u64) -> Numbers {
    Numbers { history: number.wrapping_mul(3) as i64, callback: -(number as i64) }
}

fn assert_same(record: &Record, number: u64, changes: &[&[u8]]) {
    assert_eq!((record.number, record.numbers), (number, numbers(number)));
    let parts = changes.iter().flat_map(|change| {
        let length = u32::try_from(change.len()).expect("it is small");
        length.to_le_bytes().into_iter().chain(change.iter().copied())
    });
    assert_eq!(record.changes, parts.collect::<Vec<u8>>());
}
