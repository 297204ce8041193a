//! What an account sets for this dialect.

use std::{borrow::Cow, collections::BTreeMap};

use model::{Channel, Phone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Context, Key, support};

/// Fewest characters of a SID; the vendor's have 16.
const MIN_SID: usize = 8;
/// Kaleyra: how long, in seconds, a step of a fallback flow may wait.
const FLOW_DELAY: std::ops::RangeInclusive<u64> = 5..=900;

/// Settings of an account for the Kaleyra dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Settings {
    /// The account's SID: at least eight letters and digits, of both kinds.
    pub sid: String,
    /// API keys, at least one.
    pub api_keys: Vec<Key>,
    /// How the account pays. Only postpaid accounts may upload media.
    #[serde(default)]
    pub account_type: AccountType,
    /// Whether the account may use version 2 of the WhatsApp API.
    #[serde(default = "yes")]
    pub whatsapp_v2: bool,
    /// Phone numbers of the account; any number if not given.
    #[serde(default)]
    pub senders: Option<Vec<String>>,
    /// Phone numbers that are registered for version 1 of the WhatsApp API only.
    #[serde(default)]
    pub v1_senders: Vec<String>,
    /// Id of the WhatsApp Business account, for reports.
    #[serde(default)]
    pub waba_id: String,
    /// Meta's ids of phone numbers by number, for reports.
    #[serde(default)]
    pub phone_number_ids: BTreeMap<String, String>,
    /// Callback profiles by id.
    #[serde(default)]
    pub callback_profiles: BTreeMap<String, Profile>,
    /// The profile of messages that name none.
    #[serde(default)]
    pub default_profile: Option<String>,
    /// Without a default profile: where reports go, as the vendor's pages print them.
    #[serde(default)]
    pub callback_url: Option<String>,
    /// The profile by which messages from people are told.
    #[serde(default)]
    pub inbound_profile: Option<String>,
    /// Without an inbound profile: where messages from people go.
    #[serde(default)]
    pub inbound_url: Option<String>,
    /// Whether comments and trailing commas are refused even where the account allows them.
    #[serde(default)]
    pub strict_json: bool,
    /// Texts of SMS templates by id; `{name}` stands for a member of `template_data`.
    #[serde(default)]
    pub sms_templates: BTreeMap<String, String>,
    /// Fallback flows by id.
    #[serde(default)]
    pub flows: BTreeMap<String, Flow>,
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Self::deserialize(deserializer)?;
        settings.check().map_err(D::Error::custom)?;
        Ok(settings)
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// How an account pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// In advance.
    Prepaid,
    /// By invoice.
    #[default]
    Postpaid,
}

/// How a callback is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// HTTP method.
    #[serde(default)]
    pub method: Method,
    /// Address; `<variable>` stands for its value.
    pub url: String,
    /// Headers sent with it.
    #[serde(default)]
    pub headers: BTreeMap<String, Key>,
    /// Body; `<variable>` stands for its value. Without it: what the API's own pages print.
    #[serde(default)]
    pub body: Option<String>,
    /// What the body is, which decides how values are escaped in it.
    #[serde(default)]
    pub body_format: BodyFormat,
    /// User name, if the address wants Basic credentials.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of that user.
    #[serde(default)]
    pub password: Option<Key>,
    /// Which generation of the body messages from people have.
    #[serde(default)]
    pub generation: Generation,
}

/// HTTP method of a callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What the body of a callback is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// JSON.
    #[default]
    Json,
    /// XML.
    Xml,
    /// HTML.
    Html,
    /// Plain text.
    Text,
}

/// Generation of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// Flat members.
    V1,
    /// Meta's object inside.
    #[default]
    V2,
}

/// A fallback flow: channels in order, each with its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// The steps, `send1` first; one or two.
    pub steps: Vec<FlowStep>,
    /// The callback profile told of its end; the default one if not given.
    #[serde(default)]
    pub callback_profile: Option<String>,
}

/// One step of a fallback flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowStep {
    /// `whatsapp` or `sms`.
    pub channel: Channel,
    /// Sender; the account's default if not given.
    #[serde(default)]
    pub sender: Option<String>,
    /// WhatsApp: name of the template.
    #[serde(default)]
    pub template: Option<String>,
    /// WhatsApp: language of the template.
    #[serde(default)]
    pub language: Option<String>,
    /// WhatsApp: address of an image for the template's header.
    #[serde(default)]
    pub media_url: Option<String>,
    /// SMS: the text; `{1}` or `{name}` stands for a parameter.
    #[serde(default)]
    pub text: Option<String>,
    /// Seconds to wait for delivery before the next step, 5 to 900.
    pub delay: u64,
}

impl Settings {
    /// Settings with nothing but credentials.
    #[must_use]
    pub fn new(sid: impl Into<String>, api_key: &str) -> Self {
        Self {
            sid: sid.into(),
            api_keys: vec![api_key.into()],
            account_type: AccountType::default(),
            whatsapp_v2: true,
            senders: None,
            v1_senders: Vec::new(),
            waba_id: String::new(),
            phone_number_ids: BTreeMap::new(),
            callback_profiles: BTreeMap::new(),
            default_profile: None,
            callback_url: None,
            inbound_profile: None,
            inbound_url: None,
            strict_json: false,
            sms_templates: BTreeMap::new(),
            flows: BTreeMap::new(),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if !is_sid(&self.sid) {
            return Err("a sid has at least eight letters and digits, of both kinds");
        }
        if self.api_keys.is_empty() || self.api_keys.iter().any(|key| key.as_str().is_empty()) {
            return Err("at least one API key is needed");
        }
        let named = self.flows.values().filter_map(|flow| flow.callback_profile.as_ref());
        let mut named = named.chain(&self.default_profile).chain(&self.inbound_profile);
        if named.any(|id| !self.callback_profiles.contains_key(id)) {
            return Err("a callback profile is named that is not there");
        }
        self.flows.values().try_for_each(Flow::check)
    }

    /// The profile of this id, or the default one.
    pub(super) fn profile(&self, id: Option<&str>) -> Option<Cow<'_, Profile>> {
        self.named_or(id.or(self.default_profile.as_deref()), self.callback_url.as_deref())
    }

    /// The profile for messages from people.
    pub(super) fn profile_of_inbound(&self) -> Option<Cow<'_, Profile>> {
        self.named_or(self.inbound_profile.as_deref(), self.inbound_url.as_deref())
    }

    fn named_or(&self, id: Option<&str>, url: Option<&str>) -> Option<Cow<'_, Profile>> {
        match id {
            Some(id) => self.callback_profiles.get(id).map(Cow::Borrowed),
            None => Some(Cow::Owned(Profile { url: url?.to_owned(), ..Profile::default() })),
        }
    }

    /// Whether a number is the account's.
    pub(super) fn owns(&self, phone: &Phone, all: &crate::Settings) -> bool {
        let Some(senders) = &self.senders else { return true };
        is_among(phone, senders, all) || is_among(phone, &self.v1_senders, all)
    }

    /// Whether a number is registered for version 1 only.
    pub(super) fn is_v1_only(&self, phone: &Phone, all: &crate::Settings) -> bool {
        is_among(phone, &self.v1_senders, all)
    }
}

fn is_among(phone: &Phone, numbers: &[String], all: &crate::Settings) -> bool {
    numbers.iter().any(|number| support::phone(number, all).as_ref() == Some(phone))
}

impl Flow {
    fn check(&self) -> Result<(), &'static str> {
        if !(1..=2).contains(&self.steps.len()) {
            return Err("a flow has one or two steps");
        }
        self.steps.iter().try_for_each(FlowStep::check)
    }
}

impl FlowStep {
    fn check(&self) -> Result<(), &'static str> {
        if !FLOW_DELAY.contains(&self.delay) {
            return Err("the delay of a flow's step is 5 to 900 seconds");
        }
        if self.channel == Channel::Whatsapp {
            return self.template.as_ref().map(drop).ok_or("a WhatsApp step needs a template");
        }
        if self.channel == Channel::Sms {
            return self.text.as_ref().map(drop).ok_or("an SMS step needs a text");
        }
        // Kaleyra: exactly these two.
        Err("a flow's step goes by whatsapp or sms")
    }
}

/// Whether a path segment can be a SID: letters and digits, of both kinds. Words of other APIs'
/// paths never are.
pub(super) fn is_sid(text: &str) -> bool {
    text.len() >= MIN_SID
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The account's settings for this dialect.
pub(super) fn of<'a>(context: &Context<'a>) -> Option<&'a Settings> {
    context.settings.kaleyra.as_ref()
}

const fn yes() -> bool {
    true
}
