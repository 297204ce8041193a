//! What the log holds: every change of the sandbox as one record.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{behaviour::Behaviour, clock::Millis, network::Network};

use super::state::State;

/// Number of a job, message or entry; never used twice in one data folder.
pub(crate) type Id = u64;

/// A change. Records that belong together are one line of the log, so that a crash keeps all of
/// them or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    /// The whole state, as compaction writes it.
    Whole(Box<State>),
    /// A number was used for the first time.
    Seen { number: String },
    /// Somebody gave the number a behaviour; counters start anew.
    Behaves { number: String, behaviour: Behaviour },
    /// A send was tried, for the behaviours that treat first tries in their own way.
    Tried { number: String, network: Network },
    /// Something was scheduled.
    Planned(Job),
    /// A job is done; what it does to the handset is part of applying this.
    Done { job: Id, at: Millis },
    /// A job will not be done.
    Dropped { job: Id },
    /// The person wrote to a business: the window is open.
    Wrote { number: String, at: Millis },
    /// The business that wrote last to the handset.
    WrittenTo { number: String, network: Network, business: String },
    /// An SMS changed its state.
    Sms { id: Id, sms: Sms },
    /// A file was uploaded to the media store of the WhatsApp network.
    Uploaded { id: String, upload: Upload },
    /// An uploaded file was deleted or expired.
    Removed { id: String },
    /// A webhook bin got a request.
    Caught { bin: String, request: Caught },
    /// A webhook bin was emptied.
    Emptied { bin: String },
}

/// Something that happens at a set time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Its own number.
    pub(crate) id: Id,
    /// The message it belongs to.
    pub(crate) message: Id,
    /// When.
    pub(crate) due: Millis,
    /// What.
    pub(crate) action: Action,
}

/// What happens when a job is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    /// The handset shows a message.
    Show { number: String, entry: Entry },
    /// The handset gets a part of a message.
    Part { number: String, part: Part },
    /// The handset's owner reads the message.
    Read { number: String, network_id: String },
    /// The WhatsApp network fetches a linked file, then goes on.
    Fetch(Box<crate::whatsapp::script::Fetch>),
    /// The WhatsApp network posts an event to the webhook.
    Webhook(crate::whatsapp::events::Event),
    /// The SMSC hands a PDU to a session.
    Deliver(crate::sms::receipt::Delivery),
    /// The SMSC gives up on a message.
    Undelivered { id: Id },
}

/// A message as the handset shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) channel: Network,
    pub(crate) network_id: String,
    pub(crate) from: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) text: Option<String>,
    pub(crate) media: Option<Media>,
    pub(crate) at: Millis,
    pub(crate) state: Shown,
}

/// What the network knows about a message that the handset shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    Delivered,
    Read,
}

/// A file as the handset shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Media {
    pub(crate) url: Option<String>,
    pub(crate) mime_type: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) filename: Option<String>,
    pub(crate) caption: Option<String>,
    /// The host could not be reached at all, so nobody looked at the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unverified: bool,
}

/// One part of an SMS on its way to the handset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) id: Id,
    pub(crate) from: String,
    /// Same for all parts of a message.
    pub(crate) group: String,
    pub(crate) total: u8,
    /// Starts at 1.
    pub(crate) number: u8,
    pub(crate) alphabet: crate::sms::alphabet::Alphabet,
    #[serde(with = "hexed")]
    pub(crate) octets: Vec<u8>,
}

/// An SMS as `query_sm` and `cancel_sm` see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sms {
    pub(crate) system_id: String,
    /// SMPP message_state.
    pub(crate) state: u8,
    pub(crate) final_at: Option<Millis>,
}

/// A file in the media store of the WhatsApp network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) owner: String,
    pub(crate) mime_type: String,
    pub(crate) size: u64,
    /// In hex.
    pub(crate) sha256: String,
    pub(crate) filename: Option<String>,
    pub(crate) at: Millis,
}

/// A request that a webhook bin got.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Caught {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Value,
    pub(crate) body: String,
    pub(crate) at: Millis,
}

mod hexed {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
