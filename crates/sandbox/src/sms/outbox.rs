//! What goes from the SMSC to its clients, until they acknowledge it.

use std::{sync::Arc, time::Duration};

use crate::world::record::{Id, Record};

use super::{
    Smsc,
    pdu::{DELIVER_SM, ROK, RX_P_APPN, RX_R_APPN},
    receipt::Delivery,
    session::Bound,
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Smsc {
    /// Hands a `deliver_sm` to the client, as often as it takes.
    pub(crate) fn deliver(self: &Arc<Self>, job: Id, delivery: Delivery) {
        let smsc = Arc::clone(self);
        let stop = self.running.stop.clone();
        self.running.spawn(async move {
            stop.run_until_cancelled(smsc.insist(job, delivery)).await;
        });
    }

    async fn insist(&self, job: Id, delivery: Delivery) {
        let mut pause = FIRST_PAUSE;
        while self.world.stands(job) {
            let session = self.wait_for_receiver(&delivery.system_id).await;
            let status = session.request(DELIVER_SM, delivery.body(session.tlvs()).freeze()).await;
            match status {
                // A permanent error ends it as well as a success does.
                Some(ROK | RX_P_APPN | RX_R_APPN) => {
                    let done = Record::Done { job, at: self.world.clock.now() };
                    return self.world.commit(vec![done]);
                }
                Some(_) | None => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn wait_for_receiver(&self, system_id: &str) -> Arc<Bound> {
        loop {
            let mut changed = std::pin::pin!(self.somebody_bound.notified());
            changed.as_mut().enable();
            if let Some(session) = self.receiver(system_id) {
                return session;
            }
            changed.await;
        }
    }
}
