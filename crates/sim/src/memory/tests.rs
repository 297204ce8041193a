//! The suite of all stores.

use std::sync::Arc;

use store::conformance::Bench;

use super::{Calm, Disk, MemoryStore, Shelf, lock};

store::conformance_suite!(bench);

fn bench() -> Bench {
    let (disk, shelf) = (Disk::default(), Shelf::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copies = Arc::clone(&shelf);
    Bench {
        store: Arc::new(MemoryStore::open(disk, shelf, Arc::new(Calm))),
        copy: folder.path().join("copy"),
        open: Box::new(move |path| {
            let copy = lock(&copies).get(&path).cloned().expect("a copy is there");
            let disk = Arc::new(std::sync::Mutex::new(copy));
            Arc::new(MemoryStore::open(disk, Shelf::default(), Arc::new(Calm)))
        }),
        folder: Box::new(folder),
    }
}
