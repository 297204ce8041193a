//! Submissions, messages, plans and steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    address::Recipient,
    cause::Cause,
    channel::Channel,
    content::Content,
    id::{AccountName, BatchId, MessageId, RouteName},
    time::{Span, Time},
    trace::TraceParent,
};

/// How urgent a message is. Lower sorts first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// One-time codes: somebody is waiting in front of a screen.
    OneTime,
    /// Alerts, reminders, notifications.
    #[default]
    Notice,
    /// Campaigns.
    Marketing,
}

impl Priority {
    /// All classes, most urgent first.
    pub const ALL: [Self; 3] = [Self::OneTime, Self::Notice, Self::Marketing];

    /// The name used in metrics and the console.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTime => "one_time",
            Self::Notice => "notice",
            Self::Marketing => "marketing",
        }
    }
}

/// What one request asks for, as its dialect read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// What all messages of it share.
    pub brief: Brief,
    /// How the plan comes about.
    pub plan: PlanSource,
    /// Whom to send to, in the order of the request; never empty.
    pub recipients: Vec<Draft>,
    /// The caller's own id for the whole request, if its dialect has one.
    pub bulk: Option<String>,
}

/// Where the plan of a submission comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanSource {
    /// The request spelled it out. If `extend` is set, a plan stored for the account may add
    /// fallback steps (for vendors whose API has no cascade of its own).
    Steps {
        /// The steps asked for, in order; never empty.
        steps: Vec<StepDraft>,
        /// Key under which a stored plan may be attached: a service key, sender or the like.
        extend: Option<String>,
    },
    /// The request names a stored scenario (or none: the account's default one) and gives
    /// content per channel; flow steps without content are left out.
    Scenario {
        /// The scenario's key.
        key: Option<String>,
        /// Content by channel; `sender` is filled from the scenario's flow.
        contents: Vec<StepDraft>,
    },
}

/// A step as a dialect reads it, before routes are known.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDraft {
    /// The channel.
    pub channel: Channel,
    /// Sender asked for; `None` takes the account's default for the channel.
    pub sender: Option<String>,
    /// What to send, or why this step can never be sent.
    pub body: Body,
    /// How long to wait for delivery before the next step; `None` takes the account's default.
    pub patience: Option<Span>,
    /// Extras of single channels.
    pub extras: Extras,
}

impl StepDraft {
    /// A step with content and nothing special.
    #[must_use]
    pub fn new(channel: Channel, content: Content) -> Self {
        Self { channel, sender: None, body: Body::Ready(content), patience: None, extras: Extras::default() }
    }

    /// A step that can never be sent, and why.
    #[must_use]
    pub fn void(channel: Channel, cause: Cause) -> Self {
        Self { channel, sender: None, body: Body::Void(cause), patience: None, extras: Extras::default() }
    }
}

/// One recipient of a submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Whom to reach.
    pub recipient: Recipient,
    /// The caller's own id for this message, by which the caller will ask for it; unique within
    /// account and dialect.
    pub client_ref: Option<String>,
    /// What the dialect wants back with each report on this message, in its own words.
    pub memo: Option<String>,
    /// Set if the message cannot be sent to anyone and must be reported as rejected.
    pub void: Option<Cause>,
}

/// What all messages of a submission share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Urgency class.
    pub priority: Priority,
    /// When the first step may leave; `None` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Time>,
    /// Instant after which no new attempt may start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// What the dialect wants back with each report on any of the messages, in its own words
    /// (echoed ids, callback addresses, options of the answer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// The caller's own id for the whole request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<String>,
    /// The trace that the request is part of, if its caller said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}

/// The ordered steps of a message; at least one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Step>")]
pub struct Plan(Vec<Step>);

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A plan without steps was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plan has at least one step and at most {}", Plan::MAX_STEPS)]
pub struct BadPlan;

impl Plan {
    /// The most steps a plan may have.
    pub const MAX_STEPS: usize = 16;

    /// A plan of these steps.
    ///
    /// # Errors
    /// If there are none, or more than [`Self::MAX_STEPS`].
    pub fn new(steps: Vec<Step>) -> Result<Self, BadPlan> {
        if steps.is_empty() || steps.len() > Self::MAX_STEPS { Err(BadPlan) } else { Ok(Self(steps)) }
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The step at `index`.
    #[must_use]
    pub fn step(&self, index: u8) -> Option<&Step> {
        self.0.get(usize::from(index))
    }
}

impl TryFrom<Vec<Step>> for Plan {
    type Error = BadPlan;
    fn try_from(steps: Vec<Step>) -> Result<Self, BadPlan> {
        Self::new(steps)
    }
}

impl From<Plan> for Vec<Step> {
    fn from(plan: Plan) -> Self {
        plan.0
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The channel.
    pub channel: Channel,
    /// The sender shown to the recipient, as the caller or the account named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// What to send, or why this step can never be sent.
    pub body: Body,
    /// How long to wait for delivery, from the first hand-over to a network, before going on.
    /// The last step of a plan does not look at it.
    pub patience: Span,
    /// How long the network may keep trying; also how long the last step waits for its receipt.
    pub validity: Span,
    /// What ends the plan well.
    #[serde(default)]
    pub until: Until,
    /// The routes that can serve it, in the order to be tried; empty if the channel has none.
    #[serde(default)]
    pub routes: Vec<RouteChoice>,
    /// Extras of single channels.
    #[serde(default, skip_serializing_if = "Extras::is_default")]
    pub extras: Extras,
}

/// Content of a step, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// It can be sent.
    Ready(Content),
    /// It can never be sent; the step fails with this cause when its turn comes.
    Void(Cause),
}

/// What satisfies a step, and with it the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Delivery to the handset.
    #[default]
    Delivered,
    /// Reading by the person.
    Read,
    /// Acceptance by the network: all that some channels ever tell.
    Submitted,
}

/// A route that may serve a step, and what to do when its outcome stays unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChoice {
    /// The route's name.
    pub route: RouteName,
    /// The route's policy for unknown outcomes.
    pub on_unknown: OnUnknown,
}

/// What to do with an attempt whose outcome stays unknown after the grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Send again over the same route; the person may get it twice.
    AtLeastOnce,
    /// Go on to the next step; the person may not get it at all on this channel.
    AtMostOnce,
}

/// Extras that only some channels understand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// WhatsApp: id (of the network) of the message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// WhatsApp: send only if the recipient's identity still has this hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_hash: Option<String>,
    /// Media links may not redirect (Messangi).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_redirects: bool,
    /// The dialect's own limit on media bytes, if tighter than the network's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_media_bytes: Option<u64>,
}

impl Extras {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What all messages of a submission share once its plan is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// The brief.
    pub brief: Brief,
    /// The plan.
    pub plan: Plan,
}

/// One recipient, one plan, one outcome. Immutable after acceptance; what happens to it is the
/// engine's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub account: AccountName,
    /// Name of the dialect it came in by, and reports go out by.
    pub dialect: &'static str,
    /// The submission it belongs to.
    pub batch: BatchId,
    /// Its place in the submission, from 0.
    pub position: u32,
    /// How many messages the submission made.
    pub batch_size: u32,
    /// Whom to reach.
    pub recipient: Recipient,
    /// The caller's own id for it.
    pub client_ref: Option<String>,
    /// What the dialect wants back with each report on this message.
    pub memo: Option<String>,
    /// When it was accepted.
    pub accepted_at: Time,
    /// Brief and plan.
    pub shared: Arc<Shared>,
}

impl Message {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// The brief.
    #[must_use]
    pub fn brief(&self) -> &Brief {
        &self.shared.brief
    }
}
