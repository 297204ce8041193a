//! Receipts that came before the answer to their submission was recorded. They wait here for some
//! minutes; those that a lookup did not find at once are kept in the store too, because the
//! network was told that we have them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::Event;
use model::{AttemptId, Receipt, RouteName, Span, Time};
use serde::{Deserialize, Serialize};
use store::{Change, Document, Part, StoreError};

use super::{accept::nobody, sink::hand_on};
use crate::{clock, core::Core};

const KIND: &str = "orphan";
/// How long a receipt waits.
const LIFE: Span = Span::from_mins(10);
/// Most waiting receipts; beyond, the oldest are dropped (and said so in the log).
const MOST: usize = 100_000;
/// Kept receipts read at a time at the start.
const PAGE: usize = 1000;

/// Receipts waiting for their submission's answer.
#[derive(Debug, Default)]
pub struct Orphans {
    book: Mutex<Book>,
}

type Name = (RouteName, String);

#[derive(Debug, Default)]
struct Book {
    waiting: HashMap<Name, Vec<Orphan>>,
    order: VecDeque<(Time, Name)>,
}

#[derive(Debug)]
struct Orphan {
    receipt: Receipt,
    /// Key of the document that keeps it.
    kept: Option<String>,
}

/// A receipt as the store keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    route: RouteName,
    upstream: String,
    receipt: Receipt,
    until: Time,
}

impl Orphans {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts receipts aside.
    pub fn put(&self, route: &RouteName, receipts: Vec<(String, Receipt)>, now: Time) {
        let mut book = self.lock();
        for (upstream, receipt) in receipts {
            book.add((route.clone(), upstream), Orphan { receipt, kept: None }, now + LIFE);
        }
        book.forget_old(now);
    }

    /// Takes the receipts of an id; what the store kept of them is removed in the background.
    pub fn take(&self, core: &Arc<Core>, route: &RouteName, upstream: &str) -> Vec<Receipt> {
        let found = self.lock().waiting.remove(&(route.clone(), upstream.to_owned())).unwrap_or_default();
        let kept: Vec<String> = found.iter().filter_map(|orphan| orphan.kept.clone()).collect();
        if !kept.is_empty() {
            let core = Arc::clone(core);
            tokio::spawn(async move { remove(&core, kept).await });
        }
        found.into_iter().map(|orphan| orphan.receipt).collect()
    }

    /// Makes those that still wait survive a crash.
    ///
    /// # Errors
    /// If the store cannot take them now.
    pub async fn keep(
        &self,
        core: &Arc<Core>,
        route: &RouteName,
        upstream: &[String],
    ) -> Result<(), StoreError> {
        let until = clock::now() + LIFE;
        let documents = self.lock().name_kept(route, upstream, until);
        if documents.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = documents.iter().map(|document| document.key.clone()).collect();
        core.store.commit(documents.into_iter().map(Change::PutDocument).collect()).await?;
        // Taken while they were being written: nobody would remove them.
        let gone = self.lock().not_waiting(route, upstream, keys);
        if !gone.is_empty() {
            remove(core, gone).await;
        }
        Ok(())
    }

    /// Hands on the receipts that came before their submission was recorded. The record is saved
    /// before this looks, because its shard takes events in order.
    pub async fn settle(&self, core: &Arc<Core>, route: &RouteName, attempt: AttemptId) {
        if self.lock().waiting.is_empty() {
            return;
        }
        let stored = core.shards.event_stored(attempt.message, Event::Woken).await;
        if !matches!(stored.await, Ok(Ok(()))) {
            return;
        }
        let Ok(mut records) = core.store.load(vec![attempt.message]).await else { return };
        let Some(record) = records.pop().flatten() else { return };
        for (upstream, part) in record.state.upstream(attempt.step, attempt.attempt).iter().zip(0_u8..) {
            for receipt in self.take(core, route, upstream) {
                // Nobody waits for these: the network was answered when they were put aside.
                core.shards.event(attempt.message, Event::Received { attempt, part, receipt }).await;
            }
        }
    }

    /// At the start: hands on what was kept and has its submission recorded by now, and lets the
    /// rest wait on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn wake_up(&self, core: &Arc<Core>) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let page = core.store.documents(nobody(), KIND, after.clone(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.key);
            for document in page {
                self.revive(core, document).await?;
            }
        }
    }

    async fn revive(&self, core: &Arc<Core>, document: Document) -> Result<(), StoreError> {
        let kept = serde_json::from_str::<Kept>(&document.json).ok().filter(|kept| kept.until > clock::now());
        let Some(kept) = kept else {
            remove(core, vec![document.key]).await;
            return Ok(());
        };
        let found = core.store.by_upstream(kept.route.clone(), vec![kept.upstream.clone()]).await?;
        if let Some(Some(Part { attempt, part })) = found.first().copied() {
            let stored = hand_on(core, Part { attempt, part }, kept.receipt).await;
            if matches!(stored.await, Ok(Ok(()))) {
                remove(core, vec![document.key]).await;
            }
            return Ok(());
        }
        let orphan = Orphan { receipt: kept.receipt, kept: Some(document.key) };
        self.lock().add((kept.route, kept.upstream), orphan, kept.until);
        Ok(())
    }
}

async fn remove(core: &Core, keys: Vec<String>) {
    let change = |key| Change::RemoveDocument { account: nobody(), kind: KIND, key };
    if let Err(error) = core.store.commit(keys.into_iter().map(change).collect()).await {
        // It runs out by itself, and a receipt told twice changes nothing.
        tracing::debug!(%error, "a kept receipt was not removed");
    }
}

impl Book {
    fn add(&mut self, name: Name, orphan: Orphan, until: Time) {
        self.waiting.entry(name.clone()).or_default().push(orphan);
        self.order.push_back((until, name));
    }

    /// Names documents for the receipts that still wait and are not kept yet.
    fn name_kept(&mut self, route: &RouteName, upstream: &[String], until: Time) -> Vec<Document> {
        let mut documents = Vec::new();
        for upstream in upstream {
            for orphan in self.waiting.get_mut(&(route.clone(), upstream.clone())).into_iter().flatten() {
                if orphan.kept.is_some() {
                    continue;
                }
                let key = format!("{:032x}", clock::random());
                let receipt = orphan.receipt.clone();
                let kept = Kept { route: route.clone(), upstream: upstream.clone(), receipt, until };
                let json = serde_json::to_string(&kept).expect("our own types serialise");
                documents.push(Document {
                    account: nobody(),
                    kind: KIND,
                    key: key.clone(),
                    json,
                    version: 0,
                });
                orphan.kept = Some(key);
            }
        }
        documents
    }

    fn not_waiting(&self, route: &RouteName, upstream: &[String], mut keys: Vec<String>) -> Vec<String> {
        for upstream in upstream {
            for orphan in self.waiting.get(&(route.clone(), upstream.clone())).into_iter().flatten() {
                keys.retain(|key| orphan.kept.as_ref() != Some(key));
            }
        }
        keys
    }

    fn forget_old(&mut self, now: Time) {
        while self.order.front().is_some_and(|(until, _)| *until < now) || self.order.len() > MOST {
            let Some((_, name)) = self.order.pop_front() else { return };
            if self.waiting.remove(&name).is_some() {
                tracing::warn!(route = %name.0, upstream = %name.1, "a receipt for an unknown message was dropped");
            }
        }
    }
}
