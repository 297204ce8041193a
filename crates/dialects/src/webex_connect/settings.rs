//! What an account sets for this dialect.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use crate::{Context, HmacAlgorithm, Key, support};

/// An account's settings for this dialect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Services that may send.
    pub service_keys: Vec<ServiceKey>,
    /// App ids that are taken; `None` takes any.
    pub appids: Option<Vec<String>>,
    /// Where notifications go if the request does not say.
    pub notify_url: Option<String>,
    /// Where messages from people go.
    pub inbound_url: Option<String>,
    /// Key for the `x-hub-signature` of notifications; without it there is none.
    pub signature_secret: Option<Key>,
    /// Hash of that signature.
    pub signature_algorithm: SignatureAlgorithm,
    /// Stored callback credentials: headers to send, by the id that `notifyurlAuthId` names.
    pub notify_auth: BTreeMap<String, BTreeMap<String, Key>>,
    /// Whether `transid` carries the suffix `_0` in notifications, as newer samples print it.
    pub transid_suffix: bool,
    /// HTTP status of refused v1 requests for WhatsApp: 200 (default) or, as the WhatsApp pages
    /// print it, 400.
    pub whatsapp_error_status: Option<u16>,
    /// Whether an `msisdn` must start with `+`.
    pub require_plus: bool,
    /// Registered templates by the id that requests name.
    pub templates: BTreeMap<String, RegisteredTemplate>,
}

/// A service and what proves that a request comes from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceKey {
    /// The key, as sent in the header `key`.
    pub key: Key,
    /// The service's id, the issuer of its tokens.
    pub service_id: Option<String>,
    /// The secret of its tokens, in base64.
    pub jwt_secret: Option<Key>,
    /// Name under which a stored plan is attached, instead of the app id.
    pub plan: Option<String>,
}

/// Hashes for signing notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureAlgorithm {
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

impl From<SignatureAlgorithm> for HmacAlgorithm {
    fn from(algorithm: SignatureAlgorithm) -> Self {
        match algorithm {
            SignatureAlgorithm::Sha256 => Self::Sha256,
            SignatureAlgorithm::Sha512 => Self::Sha512,
        }
    }
}

/// How a template of the vendor's manager is spelled for the networks. Without an entry the id
/// itself is the WhatsApp name and every parameter of the body goes by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisteredTemplate {
    /// WhatsApp name; `None` is the id.
    pub name: Option<String>,
    /// Language; `None` is the sender's default.
    pub language: Option<String>,
    /// Variables of a text header, in order.
    pub header: Vec<String>,
    /// Variables of the body, in order.
    pub body: Vec<String>,
    /// Variables of buttons with an address, by the button's place; empty names for other buttons.
    pub buttons: Vec<String>,
    /// Text for channels without templates of their own (SMS, RCS, email); variables as `$(name)`.
    pub text: Option<String>,
}

/// The account's settings for this dialect, defaults if it has none.
pub(super) fn own<'a>(context: &Context<'a>) -> &'a Settings {
    static DEFAULTS: LazyLock<Settings> = LazyLock::new(Settings::default);
    context.settings.webex_connect.as_ref().unwrap_or(&DEFAULTS)
}

/// The service by which the request presented itself.
fn service<'a>(context: &Context<'a>) -> Option<&'a ServiceKey> {
    own(context).service_keys.iter().find(|service| {
        service.service_id.as_deref() == Some(context.principal)
            || support::key_name(service.key.as_str()) == context.principal
    })
}

/// The name under which the account may have stored a plan for such messages.
pub(super) fn plan_key(context: &Context<'_>, appid: Option<&str>) -> Option<String> {
    let named = service(context).and_then(|service| service.plan.clone());
    named.or_else(|| appid.map(str::to_owned)).or_else(|| Some(context.principal.to_owned()))
}
