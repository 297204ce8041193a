//! Errors of the Graph API.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// An error, as the Graph API answers it and as failed statuses carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphError {
    http: u16,
    code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    title: String,
    details: String,
}

impl GraphError {
    fn new(http: u16, code: u32, title: &str, details: impl Into<String>) -> Self {
        let title = format!("(#{code}) {title}");
        Self { http, code, subcode: None, kind: "OAuthException", title, details: details.into() }
    }

    /// 100: a parameter is wrong.
    pub(crate) fn parameter(details: impl Into<String>) -> Self {
        let details = details.into();
        Self::new(400, 100, &details.clone(), details)
    }

    /// 100 with subcode 33: there is no such object.
    pub(crate) fn no_object(method: &str, id: &str) -> Self {
        let title = format!(
            "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded due to \
             missing permissions, or does not support this operation"
        );
        Self {
            http: 400,
            code: 100,
            subcode: Some(33),
            kind: "GraphMethodException",
            details: title.clone(),
            title,
        }
    }

    /// 131008: a required parameter is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(400, 131_008, "Required parameter is missing", format!("The parameter {name} is required."))
    }

    /// 131009: a parameter has a value that it must not have.
    pub(crate) fn value(details: impl Into<String>) -> Self {
        Self::new(400, 131_009, "Parameter value is not valid", details)
    }

    /// 104: no token.
    pub(crate) fn no_token() -> Self {
        Self {
            title: "An access token is required to request this resource.".to_owned(),
            ..Self::new(401, 104, "", "")
        }
    }

    /// 190: a token that nobody gave out.
    pub(crate) fn bad_token() -> Self {
        let title = "Invalid OAuth access token - Cannot parse access token".to_owned();
        Self { subcode: Some(463), title, ..Self::new(401, 190, "", "") }
    }

    /// 131000: something went wrong.
    pub(crate) fn server() -> Self {
        Self::new(500, 131_000, "Something went wrong", "Message failed to send because of an unknown error.")
    }

    /// 130429: too many messages per second.
    pub(crate) fn throttled() -> Self {
        Self::new(
            429,
            130_429,
            "Rate limit hit",
            "Message failed to send because there were too many messages.",
        )
    }

    /// 131021: sender and recipient are the same.
    pub(crate) fn same_number() -> Self {
        Self::new(
            400,
            131_021,
            "Recipient cannot be sender",
            "Sender and recipient phone number are the same.",
        )
    }

    /// 131026: no WhatsApp at that number.
    pub(crate) fn undeliverable() -> Self {
        Self::new(400, 131_026, "Message undeliverable", "The recipient does not use WhatsApp.")
    }

    /// 131047: the conversation window is closed.
    pub(crate) fn window_closed() -> Self {
        let details = "More than 24 hours have passed since the recipient last replied.";
        Self::new(400, 131_047, "Re-engagement message", details)
    }

    /// 131050: the recipient stopped marketing messages.
    pub(crate) fn marketing_stopped() -> Self {
        let details = "The recipient chose to stop receiving marketing messages from this business.";
        Self::new(400, 131_050, "Marketing messages stopped by the user", details)
    }

    /// 131053: the media cannot be sent.
    pub(crate) fn media(details: impl Into<String>) -> Self {
        Self::new(400, 131_053, "Media upload error", details)
    }

    /// 132000: too many or too few parameters for the template.
    pub(crate) fn template_parameters(given: usize, expected: usize) -> Self {
        let details = format!(
            "body: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        );
        Self::new(400, 132_000, "Number of parameters does not match the expected number of params", details)
    }

    /// 132001: no such template.
    pub(crate) fn no_template(name: &str, language: &str) -> Self {
        let details = format!("template name ({name}) does not exist in {language}");
        Self::new(404, 132_001, "Template name does not exist in the translation", details)
    }

    /// 132015: the template is paused.
    pub(crate) fn template_paused(name: &str) -> Self {
        Self::new(400, 132_015, "Template is paused", format!("template {name} is paused for low quality"))
    }

    /// As it stands in the `errors` of a failed status.
    pub(crate) fn in_status(&self) -> Value {
        let title = self.title.split_once(") ").map_or(self.title.as_str(), |(_, title)| title);
        json!({
            "code": self.code,
            "title": title,
            "message": title,
            "error_data": { "details": self.details },
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        })
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let mut error = json!({
            "message": self.title,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": format!("A{}", super::ids::random_upper_hex(11)),
        });
        if !self.details.is_empty() {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": self.details });
        }
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        super::answer(status, &json!({ "error": error }))
    }
}
