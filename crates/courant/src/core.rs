//! What the parts of a running gateway share.

use std::sync::Arc;

use engine::{Cascade, Rules, State};
use model::{Message, call::MessageReport};
use store::{Record, Store};
use tokio::sync::{Notify, watch};

use crate::{
    accounts::Accounts,
    auth::replay::Nonces,
    billing::Billing,
    config::Config,
    desk::{lost::Open, orphans::Orphans, shard::Shards, stored_plans::StoredPlans},
    dispatch::Dispatcher,
    mediadesk::MediaDesk,
    metrics::Metrics,
    routes::Routes,
    server::{admission::Admission, body::Room},
    stats::Stats,
    timers::Timers,
    traces::Traces,
};

/// The shared middle of a running gateway.
pub struct Core {
    /// As configured.
    pub config: Config,
    /// Delays and bounds of the engine.
    pub rules: Rules,
    /// What must survive a crash.
    pub store: Arc<dyn Store>,
    /// Tenants.
    pub accounts: Accounts,
    /// Prices, networks, balances.
    pub billing: Billing,
    /// Stored plans of accounts.
    pub plans: StoredPlans,
    /// Ways to networks.
    pub routes: Routes,
    /// Shares of accounts in what is being worked on.
    pub admission: Admission,
    /// Signed requests seen lately.
    pub nonces: Nonces,
    /// Where events are carried to messages.
    pub shards: Shards,
    /// Queues before the networks.
    pub dispatcher: Dispatcher,
    /// Alarms of the near future.
    pub timers: Timers,
    /// Receipts for attempts whose answers are not recorded yet.
    pub orphans: Orphans,
    /// Hand-overs whose answers are awaited.
    pub open: Open,
    /// Rung when callbacks were stored.
    pub outbox: Notify,
    /// Moves when histories grew.
    pub news: watch::Sender<()>,
    /// Media: checks, uploads, short links.
    pub media: MediaDesk,
    /// Room for the bodies of requests.
    pub room: Room,
    /// Counters.
    pub metrics: Metrics,
    /// Traces of messages.
    pub traces: Traces,
    /// Counters per minute of the last day.
    pub stats: Stats,
}

impl Core {
    /// The engine's view of a message.
    #[must_use]
    pub fn cascade<'a>(&'a self, message: &'a Message) -> Cascade<'a> {
        Cascade { id: message.id, plan: message.plan(), brief: message.brief(), rules: &self.rules }
    }

    /// A message with its state, for telling callers.
    #[must_use]
    pub fn report(&self, record: &Record) -> MessageReport {
        self.report_of(&record.message, &record.state)
    }

    /// The same of parts.
    #[must_use]
    pub fn report_of(&self, message: &Arc<Message>, state: &State) -> MessageReport {
        let report = self.cascade(message).report(state);
        let price = self.billing.price(message, &report, state.settled_at());
        let mcc_mnc = self.billing.mcc_mnc(message);
        MessageReport { message: Arc::clone(message), report, price, mcc_mnc }
    }
}
