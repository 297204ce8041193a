//! Threads that read, each with a connection of its own, so that reading never waits for the
//! writer. Short reads and long ones (searches, lists) have separate threads, so that a search
//! through everything does not hold up the load of a single message.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use tokio::sync::oneshot;

use super::{SqliteOptions, failure, open, read::Reader};
use crate::{Reply, StoreError};

/// Reads waiting per group of threads, at most.
const WAITING: usize = 4096;

type Task = Box<dyn FnOnce(&mut Reader) + Send>;

/// Threads that share one queue.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    /// `None` once closed.
    queue: Arc<Mutex<Option<SyncSender<Task>>>>,
}

impl Readers {
    /// Starts as many threads.
    pub(super) fn start(name: &str, threads: usize, options: &SqliteOptions) -> Result<Self, StoreError> {
        let (queue, tasks) = sync_channel::<Task>(WAITING);
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads {
            let connection = open::reader(options).map_err(failure)?;
            let mut reader = Reader::new(connection, options.dialects);
            let tasks = Arc::clone(&tasks);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(&tasks, &mut reader))
                .map_err(|error| StoreError::Other(format!("no thread: {error}")))?;
        }
        Ok(Self { queue: Arc::new(Mutex::new(Some(queue))) })
    }

    /// Lets one of the threads read.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<'static, T> {
        let (answer, answered) = oneshot::channel();
        let queued = self.queue(Box::new(move |reader| {
            // Who asked may have gone.
            let _ = answer.send(read(reader));
        }));
        Box::pin(async move {
            queued?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn queue(&self, task: Task) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(|queue| queue.try_send(task)) {
            None | Some(Err(TrySendError::Disconnected(_))) => Err(StoreError::Closed),
            Some(Err(TrySendError::Full(_))) => Err(StoreError::Busy),
            Some(Ok(())) => Ok(()),
        }
    }

    /// Takes no more reads; the threads end after those taken.
    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn work(tasks: &Mutex<Receiver<Task>>, reader: &mut Reader) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match task {
            Ok(task) => task(reader),
            Err(_) => return,
        }
    }
}
