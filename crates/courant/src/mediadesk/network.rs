//! Uploads to networks: each file once per route and sender, remembered across restarts until
//! shortly before the network forgets it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connectors::UploadFile;
use media::turns::Turns;
use model::{Cause, Fault, Span, Time};
use serde::{Deserialize, Serialize};
use store::{Change, Remembered, Store};

use super::{files::LocalFile, meters::Meters, once::Once};
use crate::{clock, desk::accept::nobody, routes::Route};

const KIND: &str = "network_media";
/// An id is not used in its last hours: a message may wait at the network that long.
const MARGIN: Span = Span::from_hours(24);
/// Ids held in memory; the rest is read from the store.
const MAX_KNOWN: usize = 10_000;
/// Longest time an id is believed without looking at the store again.
const BELIEVED: Duration = Duration::from_secs(3600);
/// An id that was refused and renewed is not renewed again so soon: then it is not the id's fault.
const RENEWAL_REST: Span = Span::from_mins(10);
/// Uploads to networks at once; one route gets at most half of what others leave.
const MAX_UPLOADS: usize = 8;

/// A network's id of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NetworkId {
    pub(super) id: String,
    until: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewed: Option<Time>,
}

/// A file as one sender of one route knows it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) route: Arc<Route>,
    pub(super) sender: Option<String>,
}

impl Place {
    fn key(&self, file: &LocalFile) -> String {
        format!("{}/{}/{}/{}", self.route.name, self.sender.as_deref().unwrap_or(""), file.sha256, file.mime)
    }
}

/// All ids.
#[derive(Clone)]
pub(super) struct NetworkFiles {
    store: Arc<dyn Store>,
    ids: Once<Result<NetworkId, Fault>>,
    turns: Turns,
    meters: Meters,
    renewing: Arc<Mutex<()>>,
}

impl NetworkFiles {
    pub(super) fn new(store: Arc<dyn Store>, meters: Meters) -> Self {
        let turns = Turns::new(MAX_UPLOADS);
        Self { store, ids: Once::new(MAX_KNOWN), turns, meters, renewing: Arc::default() }
    }

    /// The network's id of a file; uploaded if it has none that is good for a while.
    pub(super) async fn id(&self, place: &Place, file: &Arc<LocalFile>) -> Result<NetworkId, Fault> {
        self.get(place, file, None).await
    }

    /// Another id for a file whose id `refused` the network does not know; `None` if it would not
    /// help. Those who come at the same time share one upload.
    pub(super) async fn renew(
        &self,
        place: &Place,
        file: &Arc<LocalFile>,
        refused: &NetworkId,
    ) -> Option<NetworkId> {
        let now = clock::now();
        if refused.renewed.is_some_and(|at| now.since(at) < RENEWAL_REST) {
            return None;
        }
        let current = self.id(place, file).await.ok()?;
        if current.id != refused.id {
            return Some(current);
        }
        {
            // Only one of those who come together forgets the old id.
            let _one = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
            self.ids.forget(&place.key(file));
        }
        let renewed = self.get(place, file, Some(refused.id.clone())).await.ok()?;
        (renewed.id != refused.id).then_some(renewed)
    }

    async fn get(
        &self,
        place: &Place,
        file: &Arc<LocalFile>,
        refused: Option<String>,
    ) -> Result<NetworkId, Fault> {
        let key = place.key(file);
        let work = || {
            let upload =
                Uploading { all: self.clone(), place: place.clone(), file: Arc::clone(file), refused };
            let key = key.clone();
            async move {
                let outcome = upload.run(&key).await;
                let keep = outcome.as_ref().map_or(Duration::ZERO, |found| found.believed());
                (outcome, keep)
            }
        };
        self.ids.get(key.clone(), work).await.unwrap_or(Err(Fault::new(Cause::ProviderDown)))
    }
}

impl NetworkId {
    fn believed(&self) -> Duration {
        self.until.since(clock::now()).to_std().min(BELIEVED)
    }
}

/// One search for an id, and the upload if there is none.
struct Uploading {
    all: NetworkFiles,
    place: Place,
    file: Arc<LocalFile>,
    /// An id not to be used again.
    refused: Option<String>,
}

impl Uploading {
    async fn run(self, key: &str) -> Result<NetworkId, Fault> {
        let known = self.all.store.recall(nobody(), KIND, key.to_owned()).await;
        let known =
            known.ok().flatten().and_then(|known| serde_json::from_slice::<NetworkId>(&known.value).ok());
        let now = clock::now();
        if let Some(known) =
            known.filter(|known| known.until > now && self.refused.as_deref() != Some(&known.id))
        {
            return Ok(known);
        }
        let found = self.upload().await?;
        self.remember(key, &found).await;
        Ok(found)
    }

    async fn upload(&self) -> Result<NetworkId, Fault> {
        let route = &self.place.route;
        let _turn = self.all.turns.take(route.name.as_str()).await;
        let here = self.file.here().await.map_err(|_| Cause::NetworkBusy)?;
        let file = UploadFile {
            path: here.path.clone(),
            size: self.file.bytes,
            mime: self.file.mime.clone(),
            sender: self.place.sender.clone(),
        };
        let uploaded = route.connector.upload(&file).await;
        self.all.meters.handed_over(route.name.as_str(), uploaded.is_ok(), self.refused.is_some());
        let uploaded = uploaded?;
        let now = clock::now();
        let keeps = (now + uploaded.keeps_for - MARGIN).since(now);
        let renewed = self.refused.as_ref().map(|_| now);
        Ok(NetworkId { id: uploaded.id, until: now + keeps, renewed })
    }

    /// Not remembering costs an upload after a restart, no more.
    async fn remember(&self, key: &str, found: &NetworkId) {
        let (account, key) = (nobody(), key.to_owned());
        let value = serde_json::to_vec(found).expect("our own types serialise");
        let changes = vec![
            Change::Forget { account: account.clone(), kind: KIND, key: key.clone() },
            Change::Remember(Remembered { account, kind: KIND, key, value, until: found.until }),
        ];
        if let Err(error) = self.all.store.commit(changes).await {
            tracing::warn!(%error, route = %self.place.route.name, "a network's media id was not stored");
        }
    }
}
