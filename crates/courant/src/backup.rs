//! Backups: a folder with a copy of the store and the files of the media library, from which a
//! data folder can be made again.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use store::{Store, StoreError, sqlite};

use crate::{app::dialect_names, clock};

/// The store's file, in a data folder and in a backup.
pub const DATABASE: &str = "courant.db";
/// The media library's folder, in a data folder and in a backup.
const MEDIA: &str = "media";
/// What of that folder is worth keeping: the secret behind links, which file is whose, contents.
/// In this order, so that no record comes without a content that was still there.
const KEPT: [&str; 3] = ["key", "index", "blobs"];
/// Folders within folders of the media library, at most.
const MAX_DEPTH: usize = 4;

/// A finished backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The folder.
    pub path: PathBuf,
    /// Size of all its files. Media take no room of their own while they are kept, since they are
    /// further names of the same files.
    pub bytes: u64,
}

/// Makes a data folder that only its owner may look into. Blocks.
///
/// # Errors
/// Those of the disk.
pub fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a backup into the folder `backups` of the data folder. It appears under its name once it
/// is whole; what was written of one that fails is removed.
///
/// # Errors
/// Those of the store and of the disk.
pub async fn write(data: &Path, store: &dyn Store) -> Result<Backup, StoreError> {
    let name = format!("courant-{}", clock::now().as_micros());
    let folder = data.join("backups");
    let (aside, path) = (folder.join(format!("{name}.part")), folder.join(name));
    let written = write_to(data, store, &aside, &path).await;
    if written.is_err() {
        drop(fs::remove_dir_all(&aside));
    }
    Ok(Backup { path, bytes: written? })
}

async fn write_to(data: &Path, store: &dyn Store, aside: &Path, path: &Path) -> Result<u64, StoreError> {
    let explain = |error: io::Error| StoreError::Other(format!("{}: {error}", aside.display()));
    make_private(aside).map_err(explain)?;
    // The store first: media that it refers to are kept until their messages are settled.
    store.backup(aside.join(DATABASE)).await?;
    let (data, from, to) = (data.to_owned(), aside.to_owned(), path.to_owned());
    let finished = tokio::task::spawn_blocking(move || finish(&data, &from, &to)).await;
    finished.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(explain)
}

fn finish(data: &Path, aside: &Path, path: &Path) -> io::Result<u64> {
    let database = fs::metadata(aside.join(DATABASE))?.len();
    let media = each_kept(data, aside, &link_or_copy)?;
    // One sync for all names, instead of one for each of maybe many thousand folders.
    rustix::fs::syncfs(File::open(aside)?)?;
    fs::rename(aside, path)?;
    sync_folder(path.parent().unwrap_or(path))?;
    Ok(database + media)
}

/// Makes a data folder from a backup; how many messages it has. The backup stays as it is. Blocks.
///
/// # Errors
/// In words for the operator: if the folder has a database already, or the backup is not whole.
pub fn restore(backup: &Path, data: &Path) -> Result<u64, String> {
    let database = data.join(DATABASE);
    let mut there = std::iter::once(database.clone()).chain(sqlite::journals(&database));
    if let Some(there) = there.find(|path| path.exists()) {
        return Err(format!("{} is there already: name another folder, or move it away", there.display()));
    }
    let aside = data.join(format!("{DATABASE}.part"));
    let source = backup.join(DATABASE);
    let reading = |error: io::Error| format!("{}: {error}", source.display());
    let writing = |error: io::Error| format!("{}: {error}", data.display());
    make_private(data).map_err(writing)?;
    fs::copy(&source, &aside).map_err(reading)?;
    let names: Vec<&str> = dialect_names().collect();
    let messages = sqlite::check(&aside, &names).map_err(|error| format!("{}: {error}", source.display()));
    let messages = messages.inspect_err(|_| drop(fs::remove_file(&aside)))?;
    each_kept(backup, data, &copy).map_err(writing)?;
    // The database appears last: a restoration that was interrupted can be done again.
    place(&aside, &database).map_err(writing)?;
    Ok(messages)
}

fn place(aside: &Path, database: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(aside)?)?;
    fs::rename(aside, database)?;
    sync_folder(database.parent().unwrap_or(database))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// How a file gets to its second place.
type Bring = dyn Fn(&Path, &Path) -> io::Result<()>;

/// Brings what is kept of a media library from one folder to another; its size.
fn each_kept(from: &Path, to: &Path, bring: &Bring) -> io::Result<u64> {
    let (from, to) = (from.join(MEDIA), to.join(MEDIA));
    make_private(&to)?;
    KEPT.iter().map(|name| bring_tree(&from.join(name), &to.join(name), bring, MAX_DEPTH)).sum()
}

/// What goes away meanwhile is left out: nothing needs it any more.
fn bring_tree(from: &Path, to: &Path, bring: &Bring, depth: usize) -> io::Result<u64> {
    let outcome = match fs::metadata(from) {
        Ok(found) if found.is_dir() && depth > 0 => bring_folder(from, to, bring, depth - 1),
        Ok(found) if found.is_file() => bring(from, to).map(|()| found.len()),
        Ok(_) => Ok(0),
        Err(error) => Err(error),
    };
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound && !from.exists() => Ok(0),
        outcome => outcome,
    }
}

fn bring_folder(from: &Path, to: &Path, bring: &Bring, depth: usize) -> io::Result<u64> {
    make_private(to)?;
    let mut bytes = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        bytes += bring_tree(&entry.path(), &to.join(entry.file_name()), bring, depth)?;
    }
    Ok(bytes)
}

/// The library never changes a file in place, so a second name is as good as a copy.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => copy(from, to),
        outcome => outcome,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map(drop)
}
