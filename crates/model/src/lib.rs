//! The vocabulary of Courant as types: what a caller asks for, what is sent, what networks say,
//! and what is reported back.
//!
//! No I/O, no clock, no async. Everything here is plain data that at least two other crates
//! speak. Start with [`message`], then [`cause`] and [`report`].
//!
//! # Glossary (one word, one meaning)
//!
//! | word | meaning |
//! |---|---|
//! | account | a tenant: credentials per dialect, senders, routes, limits, callback defaults |
//! | dialect | one vendor's HTTP API, spoken northbound |
//! | submission | what one request asks for; becomes one message per recipient |
//! | brief | the part of a submission that all its messages share |
//! | message | one recipient, one plan, one outcome |
//! | plan | the ordered steps of a message |
//! | step | a channel, a sender, content for that channel, and how long to wait for delivery |
//! | patience | how long a step may go without delivery before the next step starts |
//! | route | one connector instance that can serve a step |
//! | attempt | one try of one step over one route; its id is the idempotency key |
//! | connector | the southbound client of one network |
//! | receipt | what a network says about an attempt |
//! | cause | our closed vocabulary of why a step failed |
//! | report | what we tell the caller; a callback is a pushed report |
//! | window | the 24-hour conversation window of (sender, recipient) on WhatsApp |
//! | sandbox | the simulated networks that ship with the product |
//! | sim | the seeded simulation that tests our own code; never shipped |

#![warn(missing_docs)]

pub mod address;
pub mod call;
pub mod cause;
pub mod channel;
pub mod content;
pub mod id;
pub mod message;
pub mod network;
pub mod report;
pub mod time;
pub mod trace;

pub use address::{Phone, Recipient};
pub use call::{Answer, Call, Refusal};
pub use cause::Cause;
pub use channel::Channel;
pub use content::Content;
pub use id::{AccountName, AttemptId, BatchId, MessageId, RouteName};
pub use message::{Brief, Message, Plan, Step, Submission};
pub use network::{Fault, Inbound, NetworkEvent, Receipt, ReceiptStatus};
pub use report::{Report, Status, StepReport};
pub use time::{Span, Time};
pub use trace::TraceParent;
