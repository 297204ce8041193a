//! Meta's error codes and what they mean to us: one table.
//!
//! Only the code (and for a few codes the details) decides. Meta changed HTTP statuses, titles
//! and subcodes of the same error more than once, so the status only counts for codes that are
//! not in the table, and the rest is kept for people.

use ::http::StatusCode;
use model::{Cause, Fault, Span, network::NetworkCode};
use serde_json::Value;

use super::loose;

/// What is known about a code, or a run of neighbouring codes.
pub(crate) struct Row {
    /// First code of the run.
    pub(crate) first: i64,
    /// Last code of the run.
    pub(crate) last: i64,
    /// Our word for it.
    pub(crate) cause: Cause,
    /// Seconds to pause if the answer itself gives no advice.
    pub(crate) pause: Option<u64>,
    /// For people.
    pub(crate) note: &'static str,
}

const fn row(code: i64, cause: Cause, note: &'static str) -> Row {
    rows(code, code, cause, note)
}

const fn rows(first: i64, last: i64, cause: Cause, note: &'static str) -> Row {
    Row { first, last, cause, pause: None, note }
}

impl Row {
    const fn pause(mut self, seconds: u64) -> Self {
        self.pause = Some(seconds);
        self
    }
}

/// Every code we know, ascending. The documentation repeats it; a test compares the two.
pub(crate) const TABLE: &[Row] = &[
    row(0, Cause::ProviderAccount, "the token could not be checked"),
    row(1, Cause::ProviderError, "unknown error of the API"),
    row(2, Cause::NetworkBusy, "the service is down for a moment"),
    row(3, Cause::ProviderAccount, "the app lacks a capability"),
    row(4, Cause::Throttled, "the app calls too often").pause(60),
    row(10, Cause::ProviderAccount, "the token lacks a permission"),
    row(33, Cause::ProviderAccount, "the sending number's id is wrong or was deleted"),
    row(100, Cause::InvalidContent, "a parameter is missing or has a bad value"),
    row(104, Cause::ProviderAccount, "no token was given"),
    row(190, Cause::ProviderAccount, "the token is invalid or has expired"),
    rows(200, 299, Cause::ProviderAccount, "the token lacks a permission"),
    row(368, Cause::ProviderAccount, "the business account is blocked for policy"),
    row(470, Cause::WindowClosed, "older code of 131047"),
    row(471, Cause::Spam, "older code of 131048"),
    row(472, Cause::MarketingCapped, "older code of 130472"),
    row(613, Cause::Throttled, "this call is made too often").pause(60),
    row(1005, Cause::ProviderAccount, "older code of 131005"),
    row(1008, Cause::MissingParameter, "older code of 131008"),
    row(1009, Cause::InvalidContent, "older code of 131009"),
    row(1011, Cause::NetworkBusy, "the service is not ready"),
    row(1013, Cause::NotOnChannel, "older code for a number without WhatsApp"),
    row(1014, Cause::ProviderError, "internal error"),
    row(1015, Cause::Throttled, "too many requests").pause(10),
    row(1016, Cause::NetworkBusy, "the system is overloaded"),
    row(1021, Cause::SelfAddressed, "older code of 131021"),
    row(1026, Cause::NotOnChannel, "older code of 131026"),
    row(1031, Cause::ProviderAccount, "older code of 131031"),
    row(2000, Cause::TemplateParameters, "older code of 132000"),
    row(2001, Cause::TemplateMissing, "older code of 132001"),
    row(80007, Cause::Throttled, "the business account calls too often").pause(60),
    row(130429, Cause::Throttled, "the number sends more per second than it may").pause(1),
    row(130472, Cause::MarketingCapped, "the person is in an experiment without marketing"),
    row(130497, Cause::RegionBlocked, "the business may not write to this country"),
    row(131000, Cause::ProviderError, "sending failed for an unknown reason"),
    row(131005, Cause::ProviderAccount, "access denied"),
    row(131008, Cause::MissingParameter, "a required parameter is missing"),
    row(131009, Cause::InvalidContent, "a parameter has a bad value"),
    row(131016, Cause::NetworkBusy, "the service is unavailable for a moment"),
    row(131021, Cause::SelfAddressed, "sender and recipient are the same"),
    row(131026, Cause::NotOnChannel, "not on WhatsApp, terms not accepted, or app too old"),
    row(131030, Cause::ProviderAccount, "a test number, and the recipient is not on its list"),
    row(131031, Cause::ProviderAccount, "the business account is locked"),
    row(131037, Cause::ProviderAccount, "the number's display name is not approved"),
    row(131042, Cause::ProviderAccount, "payment or eligibility problem"),
    row(131044, Cause::ProviderAccount, "payment problem with calls"),
    row(131045, Cause::ProviderAccount, "the number's registration is incomplete"),
    row(131047, Cause::WindowClosed, "more than 24 hours since the person last wrote"),
    row(131048, Cause::Spam, "the number is limited because people reported it"),
    row(131049, Cause::MarketingCapped, "withheld for the health of the ecosystem"),
    row(131050, Cause::OptedOut, "the person stopped marketing messages"),
    row(131051, Cause::UnsupportedContent, "message type not supported"),
    row(131052, Cause::MediaUnreachable, "the media could not be downloaded"),
    row(131053, Cause::MediaUnsupported, "the media could not be processed; details may refine this"),
    row(131056, Cause::PairLimited, "too many messages to this person").pause(6),
    row(131057, Cause::NetworkBusy, "the number is in maintenance").pause(15),
    row(131062, Cause::InvalidRecipient, "this message needs a phone number, not a user id"),
    row(131063, Cause::ProviderAccount, "marketing templates need `marketing_endpoint = true`"),
    row(131064, Cause::QuotaExceeded, "messaging limit cut for misclassified templates"),
    row(132000, Cause::TemplateParameters, "the number of parameters does not fit"),
    row(132001, Cause::TemplateMissing, "no such template in this language, or not approved"),
    row(132005, Cause::TextTooLong, "the filled-in text is too long"),
    row(132007, Cause::ContentRejected, "the template's content breaks a policy"),
    row(132008, Cause::TemplateParameters, "a parameter has the wrong form"),
    row(132012, Cause::TemplateParameters, "a parameter has the wrong form"),
    row(132015, Cause::TemplatePaused, "the template is paused for low quality"),
    row(132016, Cause::TemplatePaused, "the template is disabled for low quality"),
    row(132068, Cause::ContentRejected, "the flow is blocked"),
    row(132069, Cause::Throttled, "the flow is throttled to ten per hour").pause(360),
    rows(133000, 133003, Cause::ProviderAccount, "registration of the number"),
    row(133004, Cause::ProviderDown, "the registration server is down for a moment"),
    rows(133005, 133016, Cause::ProviderAccount, "registration of the number"),
    row(134011, Cause::ProviderAccount, "terms of payments not accepted"),
    row(135000, Cause::ProviderError, "generic error"),
    row(137000, Cause::IdentityChanged, "the recipient's identity hash is another"),
];

/// An error object as Meta writes it, in answers and in webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetaError {
    code: Option<i64>,
    text: String,
    transient: bool,
}

impl MetaError {
    /// Reads an error object; anything may be missing or of another type.
    pub(crate) fn read(error: &Value) -> Self {
        // Meta: error_data is an object with details, for some template errors a plain text.
        let data = &error["error_data"];
        let texts = [&data["details"], data, &error["details"], &error["message"], &error["title"]];
        let text = texts.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
        let transient = error["is_transient"].as_bool().unwrap_or(false);
        Self { code: loose::integer(&error["code"]), text, transient }
    }

    /// The cause, for an error in a webhook.
    pub(crate) fn cause(&self) -> Cause {
        match self.row() {
            Some(row) => self.refine(row.cause),
            None => Cause::NetworkRejected,
        }
    }

    /// The fault, for an error in an answer of this status.
    pub(crate) fn fault(&self, status: StatusCode) -> Fault {
        let known = self.row();
        let cause = self.refine(known.map_or_else(|| by_status(status), |row| row.cause));
        let pause = known.and_then(|row| row.pause).map(Span::from_secs);
        Fault { cause, retry_after: pause, network: Some(self.network_code()) }
    }

    /// Code and words for people; ours if Meta gave none.
    pub(crate) fn network_code(&self) -> NetworkCode {
        let code = self.code.map(|code| code.to_string()).unwrap_or_default();
        match self.row() {
            Some(row) if self.text.is_empty() => NetworkCode::new(code, row.note),
            Some(_) | None => NetworkCode::new(code, self.text.as_str()),
        }
    }

    /// Whether Meta does not take our token (any more).
    pub(crate) fn is_token_refused(&self) -> bool {
        matches!(self.code, Some(0 | 104 | 190))
    }

    fn row(&self) -> Option<&'static Row> {
        let code = self.code?;
        TABLE.iter().find(|row| (row.first..=row.last).contains(&code))
    }

    /// A few codes say too little by themselves.
    fn refine(&self, cause: Cause) -> Cause {
        match cause {
            Cause::ProviderError if self.transient => Cause::NetworkBusy,
            Cause::MediaUnsupported => media_cause(&self.text),
            other => other,
        }
    }
}

/// What a code outside the table means.
fn by_status(status: StatusCode) -> Cause {
    match status.as_u16() {
        401 => Cause::ProviderAccount,
        429 => Cause::Throttled,
        500..=599 => Cause::ProviderError,
        _ => Cause::NetworkRejected,
    }
}

// Meta: 131053 stands for failed downloads, unsupported types, codecs and sizes alike; only the
// details tell them apart.
fn media_cause(details: &str) -> Cause {
    let details = details.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| details.contains(word));
    if says(&["too large", "too big", "file size", "exceeds", "maximum size"]) {
        Cause::MediaTooLarge
    } else if says(&["download", "http code", "http error", "unreachable", "timed out"]) {
        Cause::MediaUnreachable
    } else {
        Cause::MediaUnsupported
    }
}
