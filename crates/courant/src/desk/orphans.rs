//! Receipts that came before the answer to their submission was recorded. They wait here for some
//! minutes; those that a lookup did not find at once are kept in the store too, because the
//! network was told that we have them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use connectors::NotStored;
use model::{Receipt, RouteName, Span, Time};
use serde::{Deserialize, Serialize};
use store::{Change, Document, Part, StoreError, UpstreamRow};

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
    serial: u64,
    order: VecDeque<(Time, Name)>,
}

/// A receipt whose submission is not recorded yet.
#[derive(Clone, Debug)]
struct Orphan {
    serial: u64,
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
            book.add((route.clone(), upstream), receipt, None, now + LIFE);
        }
        book.forget_old(now);
    }

    /// The receipts of an id. They stay here until they are stored with their message.
    fn of(&self, route: &RouteName, upstream: &str) -> Vec<Orphan> {
        self.lock().waiting.get(&(route.clone(), upstream.to_owned())).cloned().unwrap_or_default()
    }

    /// Hands the receipts of these ids on to their messages; only once they are stored there, they
    /// are forgotten here and what kept them is removed. A receipt handed on twice changes nothing.
    ///
    /// # Errors
    /// If they could not be stored; the network, or the next start, tells them again.
    pub async fn hand_on(
        &self,
        core: &Core,
        route: &RouteName,
        parts: Vec<(String, Part)>,
    ) -> Result<(), NotStored> {
        let mut waiting = Vec::new();
        for (upstream, part) in parts {
            for orphan in self.of(route, &upstream) {
                waiting.push((upstream.clone(), orphan.serial, hand_on(core, part, orphan.receipt).await));
            }
        }
        let mut kept = Vec::new();
        for (upstream, serial, stored) in waiting {
            if !matches!(stored.await, Ok(Ok(()))) {
                return Err(NotStored);
            }
            kept.extend(self.lock().forget(&(route.clone(), upstream), serial));
        }
        if !kept.is_empty() {
            remove(core, kept).await;
        }
        Ok(())
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
        // Stored with their message while they were being written: nobody would remove them.
        let gone = self.lock().not_waiting(route, upstream, keys);
        if !gone.is_empty() {
            remove(core, gone).await;
        }
        Ok(())
    }

    /// Submissions were recorded: hands on the receipts that came before. Called after the commit,
    /// so either this finds a receipt that was put aside, or whoever puts it aside finds the
    /// submission.
    pub fn recorded(&self, core: &Arc<Core>, rows: &[UpstreamRow]) {
        let parts: Vec<(RouteName, String, Part)> = {
            let book = self.lock();
            let waits =
                |row: &&UpstreamRow| book.waiting.contains_key(&(row.route.clone(), row.upstream.clone()));
            rows.iter().filter(waits).map(|row| (row.route.clone(), row.upstream.clone(), row.part)).collect()
        };
        for (route, upstream, part) in parts {
            let core = Arc::clone(core);
            tokio::spawn(async move {
                if core.orphans.hand_on(&core, &route, vec![(upstream, part)]).await.is_err() {
                    tracing::warn!(%route, "a receipt that came early was not stored; the next start tells it again");
                }
            });
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
        self.lock().add((kept.route, kept.upstream), kept.receipt, Some(document.key), kept.until);
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
    fn add(&mut self, name: Name, receipt: Receipt, kept: Option<String>, until: Time) {
        self.serial += 1;
        self.waiting.entry(name.clone()).or_default().push(Orphan { serial: self.serial, receipt, kept });
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

    /// Forgets one receipt; the key of what keeps it.
    fn forget(&mut self, name: &Name, serial: u64) -> Option<String> {
        let orphans = self.waiting.get_mut(name)?;
        let at = orphans.iter().position(|orphan| orphan.serial == serial)?;
        let kept = orphans.swap_remove(at).kept;
        if orphans.is_empty() {
            self.waiting.remove(name);
        }
        kept
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
