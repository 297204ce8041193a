//! Posts events to the webhook until it takes them.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Url};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::sleep,
};

use crate::{
    listener::Running,
    network::Switches,
    world::{
        World,
        record::{Id, Record},
    },
};

use super::{
    events::{self, Event},
    ids::random_upper_hex,
};

/// Most events in one request.
const MAX_BATCH: usize = 50;
/// Most requests at a time.
const MAX_REQUESTS: usize = 8;
/// The webhook has to answer within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pauses between tries, in milliseconds; the last one repeats. The real network takes up to seven
/// days; this one is in more of a hurry.
const PAUSES_MS: [u64; 7] = [200, 500, 1_000, 2_000, 5_000, 10_000, 15_000];

/// The webhook of the business.
#[derive(Debug)]
pub(crate) struct Webhook {
    world: Arc<World>,
    switches: Arc<Switches>,
    running: Running,
    client: Client,
    app_secret: String,
    verify_token: String,
    /// Where to post; empty until an address was verified.
    address: watch::Sender<Option<Url>>,
    queue: mpsc::UnboundedSender<(Id, Event)>,
}

impl Webhook {
    /// Starts the sender.
    pub(crate) fn start(
        world: Arc<World>,
        switches: Arc<Switches>,
        running: Running,
        app_secret: String,
        verify_token: String,
    ) -> Result<Arc<Self>, reqwest::Error> {
        let client = Client::builder()
            .user_agent("facebookexternalua")
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .no_proxy()
            .build()?;
        // Bounded by the jobs of the world, each of which is in here at most once.
        let (queue, events) = mpsc::unbounded_channel();
        let address = watch::channel(None).0;
        let webhook =
            Arc::new(Self { world, switches, running, client, app_secret, verify_token, address, queue });
        webhook.running.spawn(Arc::clone(&webhook).drain(events));
        Ok(webhook)
    }

    /// Takes an event.
    pub(crate) fn post(&self, job: Id, event: Event) {
        let _ = self.queue.send((job, event));
    }

    /// Sets the address, once it passed verification. Verification is repeated until it passes.
    pub(crate) fn set(self: &Arc<Self>, url: Url) {
        let webhook = Arc::clone(self);
        self.running.spawn(async move {
            for pause in pauses() {
                if webhook.verify(&url, &webhook.verify_token).await {
                    webhook.address.send_replace(Some(url));
                    return;
                }
                tracing::warn!("the WhatsApp webhook did not pass verification; trying again");
                if webhook.stopped_within(pause).await {
                    return;
                }
            }
        });
    }

    /// Sets the address if it passes verification now.
    pub(crate) async fn set_verified(&self, url: Url, token: &str) -> bool {
        let verified = self.verify(&url, token).await;
        if verified {
            self.address.send_replace(Some(url));
        }
        verified
    }

    /// The handshake of a new webhook: it has to repeat a challenge.
    async fn verify(&self, url: &Url, token: &str) -> bool {
        let challenge = random_upper_hex(8);
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", token);
        let Ok(response) = self.client.get(url).send().await else { return false };
        let accepted = response.status() == reqwest::StatusCode::OK
            && response.content_length().is_none_or(|length| length < 1024);
        accepted && response.text().await.is_ok_and(|text| text == challenge)
    }

    async fn drain(self: Arc<Self>, mut queue: mpsc::UnboundedReceiver<(Id, Event)>) {
        let slots = Arc::new(Semaphore::new(MAX_REQUESTS));
        let mut batch = Vec::new();
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            let received = self.running.stop.run_until_cancelled(queue.recv_many(&mut batch, MAX_BATCH));
            if received.await.is_none_or(|count| count == 0) {
                return;
            }
            let (webhook, batch) = (Arc::clone(&self), std::mem::take(&mut batch));
            self.running.spawn(async move {
                let delivered = webhook.try_once(&batch).await;
                drop(slot);
                if !delivered {
                    webhook.insist(&batch).await;
                }
            });
        }
    }

    async fn insist(&self, batch: &[(Id, Event)]) {
        for pause in pauses() {
            if self.stopped_within(pause).await || self.try_once(batch).await {
                return;
            }
        }
    }

    /// Waits until there is a webhook and the network is up, and posts once.
    async fn try_once(&self, batch: &[(Id, Event)]) -> bool {
        let Some(url) = self.ready().await else { return true };
        let events: Vec<Event> = batch.iter().map(|(_, event)| event.clone()).collect();
        let body = events::body(&events);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("x-hub-signature-256", events::signature(&self.app_secret, &body))
            .body(body);
        // An event whose answer is not waited for is told again at the next start.
        let sent = self.running.stop.run_until_cancelled(request.send()).await;
        let delivered =
            sent.is_some_and(|sent| sent.is_ok_and(|response| response.status() == reqwest::StatusCode::OK));
        if delivered {
            let at = self.world.clock.now();
            self.world.commit(batch.iter().map(|(job, _)| Record::Done { job: *job, at }).collect());
        }
        delivered
    }

    /// The address to post to; `None` when the sandbox stops.
    async fn ready(&self) -> Option<Url> {
        let (mut up, mut address) = (self.switches.watch_up(), self.address.subscribe());
        let ready = async {
            up.wait_for(|up| *up).await.ok()?;
            address.wait_for(Option::is_some).await.ok()?.clone()
        };
        self.running.stop.run_until_cancelled(ready).await.flatten()
    }

    async fn stopped_within(&self, pause: Duration) -> bool {
        self.running.stop.run_until_cancelled(sleep(pause)).await.is_none()
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    let last = PAUSES_MS[PAUSES_MS.len() - 1];
    PAUSES_MS.into_iter().chain(std::iter::repeat(last)).map(Duration::from_millis)
}
