//! What people see of messages, routes, senders, callbacks and accounts: plain data in plain
//! words, made from the store and from memory. The console shows it, the API answers with it, the
//! command line prints it. No secrets are ever in it; phone numbers and contents only for those
//! who may see them ([`Sight`]), and of other accounts only for those whose business it is
//! ([`Reach`]).
//!
//! `words` puts events and decisions into words, `find` finds messages by any id a person may
//! hold.

mod accounts;
mod callbacks;
mod find;
mod media;
mod message;
mod moment;
mod money;
mod overview;
mod plans;
mod reach;
mod routes;
mod scenarios;
mod sight;
#[cfg(test)]
mod tests;
pub mod words;

pub use accounts::{AccountView, account, accounts, balance_of};
pub use callbacks::{CallbackView, TryView, callback};
pub use find::{find, fits};
pub use media::{MediaView, media, short_type, short_types};
pub use message::{
    ExchangeView, Ids, MessageRow, MessageView, NetworkCodeView, NetworkId, Next, Spelling, StepView,
    TimelineDecision, TimelineEntry, VendorId, entry, message, message_of, row,
};
pub use moment::Moment;
pub use money::{BalanceView, LedgerView, balance, movement};
pub use overview::{Overview, StoreView, overview};
pub use plans::{PlanCheckView, PlanStepView, PlanView, PlansView, StepCheckView, plan_check, plans};
pub use reach::Reach;
pub use routes::{LaneView, RouteView, SenderView, route, routes, senders};
pub use scenarios::{FlowStepView, ScenarioView, scenario};
pub use sight::Sight;
