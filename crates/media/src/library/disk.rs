//! The library's folders. All of it blocks.

use std::{
    fs::{self, DirEntry, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use super::{MediaId, Record};

/// The longest index file that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 64 * 1024;

pub(super) fn tmp(root: &Path) -> PathBuf {
    root.join("tmp")
}

fn doubts(root: &Path) -> PathBuf {
    root.join("doubtful")
}

fn blobs(root: &Path) -> PathBuf {
    root.join("blobs")
}

fn index(root: &Path) -> PathBuf {
    root.join("index")
}

pub(super) fn blob_path(root: &Path, sha256: &str) -> PathBuf {
    let part = |at: usize| sha256.get(at..at + 2).unwrap_or("__");
    blobs(root).join(part(0)).join(part(2)).join(sha256)
}

pub(super) fn record_path(root: &Path, id: MediaId) -> PathBuf {
    // The first digits are as random as the last.
    let name = id.to_string();
    index(root).join(&name[1..3]).join(name)
}

/// Makes the folders and empties the one for unfinished files.
pub(super) fn prepare(root: &Path) -> io::Result<()> {
    for folder in [tmp(root), blobs(root), index(root), doubts(root)] {
        fs::create_dir_all(folder)?;
    }
    for entry in fs::read_dir(tmp(root))? {
        remove(&entry?.path())?;
    }
    Ok(())
}

/// Gives a finished file its name, and makes both durable. The name appears at once or not at all.
pub(super) fn place(from: TempPath, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or_else(|| io::Error::other("a path without folder"))?;
    create_durably(folder)?;
    from.persist(to).map_err(|failed| failed.error)?;
    sync_folder(folder)
}

/// Makes a folder, and syncs those in which a new name appeared.
fn create_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    folder.ancestors().skip(1).take(2).try_for_each(sync_folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn write_record(root: &Path, record: &Record) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(tmp(root))?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.as_file().sync_all()?;
    place(file.into_temp_path(), &record_path(root, record.id))
}

/// Removes a file; it is no error if it is gone.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// The length of a file; errors count as absence.
pub(super) fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// Notes durably that an object may be in the store without an id.
pub(super) fn doubt(root: &Path, sha256: &str) -> io::Result<()> {
    File::create(doubts(root).join(sha256))?;
    sync_folder(&doubts(root))
}

/// Takes the note away. It may come back after a crash, which does no harm.
pub(super) fn trust(root: &Path, sha256: &str) -> io::Result<()> {
    remove(&doubts(root).join(sha256))
}

/// All digests noted so.
pub(super) fn doubtful(root: &Path) -> io::Result<Vec<String>> {
    let names = files(&doubts(root))?.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| is_digest(name)).collect())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && hex::decode(text).is_ok()
}

/// All records whose content is there, or in this object store. Those without content are cleared
/// away; those that cannot be understood, or whose store is another one, are left for a person to
/// look at.
pub(super) fn read_index(root: &Path, store: Option<&str>) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut elsewhere = 0_usize;
    for folder in folders(&index(root))? {
        for entry in files(&folder)? {
            let path = entry.path();
            match read_record(&path)? {
                None => tracing::warn!(path = %path.display(), "index file of the media library is damaged"),
                Some(record) if record.store.is_some() => {
                    if record.store.as_deref() == store {
                        records.push(record);
                    } else {
                        elsewhere += 1;
                    }
                }
                Some(record) if size(&blob_path(root, &record.sha256)) == Some(record.bytes) => {
                    records.push(record);
                }
                Some(record) => {
                    tracing::warn!(id = %record.id, "media file without content is removed");
                    remove(&path)?;
                }
            }
        }
    }
    if elsewhere > 0 {
        tracing::warn!(files = elsewhere, "files of an object store that is not configured cannot be used");
    }
    Ok(records)
}

fn read_record(path: &Path) -> io::Result<Option<Record>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_RECORD_BYTES).read_to_end(&mut bytes)?;
    let record: Option<Record> = serde_json::from_slice(&bytes).ok();
    let names_itself = |record: &Record| path.file_name().is_some_and(|name| *name == *record.id.to_string());
    Ok(record.filter(|record| names_itself(record) && is_digest(&record.sha256)))
}

/// Removes contents by their digest.
pub(super) fn remove_blobs(root: &Path, goes: impl Fn(&str) -> bool) -> io::Result<()> {
    for first in folders(&blobs(root))? {
        for second in folders(&first)? {
            for entry in files(&second)? {
                if entry.file_name().to_str().is_some_and(&goes) {
                    remove(&entry.path())?;
                }
            }
        }
    }
    Ok(())
}

fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries: Vec<DirEntry> = fs::read_dir(root)?.collect::<io::Result<_>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn files(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let entries: Vec<DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    Ok(entries.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).collect())
}
