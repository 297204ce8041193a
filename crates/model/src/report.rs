//! What we tell callers: the state of a message and of its steps, free of any dialect.

use serde::{Deserialize, Serialize};

use crate::{cause::Cause, channel::Channel, network::NetworkCode, time::Time};

/// How far a message or step has come. The order of the successful rungs is a lattice: a higher
/// one implies the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun (a step whose turn has not come, a message scheduled for later).
    Waiting,
    /// Begun, not yet taken by a network.
    Accepted,
    /// Taken by a network.
    Submitted,
    /// On its way to the handset, says the network.
    Sent,
    /// On the handset.
    Delivered,
    /// Seen by the person.
    Read,
    /// Played by the person.
    Played,
    /// Over without delivery.
    Failed(Cause),
}

impl Status {
    /// Whether the handset has it.
    #[must_use]
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered | Self::Read | Self::Played)
    }

    /// The failure's cause.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Failed(cause) => Some(cause),
            Self::Waiting
            | Self::Accepted
            | Self::Submitted
            | Self::Sent
            | Self::Delivered
            | Self::Read
            | Self::Played => None,
        }
    }

    /// The rung's word, without the cause.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Submitted => "submitted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed(_) => "failed",
        }
    }
}

/// The state of a message at one moment, complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// State of the message as a whole. While it runs: that of its current step, but never
    /// `Failed`. Once settled: `Delivered` or above, or `Failed` with the cause of the last step
    /// (or `Cancelled`).
    pub status: Status,
    /// Whether the message is settled: no more sending, only reads may still come.
    pub settled: bool,
    /// When this state was reached.
    pub updated_at: Time,
    /// Index of the step that decides `status`.
    pub deciding_step: u8,
    /// Every step that has begun, in order; steps not begun are left out.
    pub steps: Vec<StepReport>,
}

impl Report {
    /// The step that decides the status of the message.
    #[must_use]
    pub fn deciding(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.index == self.deciding_step)
    }
}

/// The state of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Index in the plan, from 0.
    pub index: u8,
    /// Its channel.
    pub channel: Channel,
    /// Its sender.
    pub sender: Option<String>,
    /// How far it came. A delivery that came after the step was given up shows here too.
    pub status: Status,
    /// If the step was given up before a late delivery: the cause it was given up for.
    pub given_up: Option<Cause>,
    /// The network's last code and text.
    pub network: Option<NetworkCode>,
    /// The network's id of the last attempt that it took.
    pub upstream: Option<String>,
    /// How many attempts were handed to networks.
    pub attempts: u16,
    /// How many parts the network carried (SMS segments); 1 if it does not count.
    pub parts: u16,
    /// When its turn came.
    pub begun_at: Time,
    /// When a network took it.
    pub submitted_at: Option<Time>,
    /// When the handset had it.
    pub delivered_at: Option<Time>,
    /// When the person read it.
    pub read_at: Option<Time>,
    /// When `status` was last changed.
    pub updated_at: Time,
}

/// What just changed, when a report is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// The step whose state changed.
    pub step: u8,
    /// Its new status; for the message as a whole if `settles`.
    pub status: Status,
    /// Whether this change settled the message.
    pub settles: bool,
    /// Whether this is a delivery (or reading) on a step given up earlier while the message went
    /// on or ended elsewhere.
    pub late: bool,
}
