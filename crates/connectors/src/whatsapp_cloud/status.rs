//! Status objects of webhooks, as receipts. Pure.

use model::{Cause, NetworkEvent, Receipt, ReceiptStatus, network::Subject};
use serde_json::Value;

use super::{errors::MetaError, loose};

/// The receipt in a status object; `None` if it names no message or no news of ours.
///
/// Statuses come repeated, out of order, and with rungs left out; sorting that out is the
/// engine's business. `conversation`, `pricing` and the recipient are not looked at: Meta leaves
/// them out more often with each version.
pub(crate) fn receipt(status: &Value) -> Option<NetworkEvent> {
    let subject = subject(status)?;
    let error = loose::list(&status["errors"]).first().map(MetaError::read);
    let rung = rung(status["status"].as_str()?, error.as_ref())?;
    let network = error.as_ref().map(MetaError::network_code);
    let receipt = Receipt { status: rung, at: loose::instant(&status["timestamp"]), network };
    Some(NetworkEvent::Receipt { subject, receipt })
}

fn subject(status: &Value) -> Option<Subject> {
    let reference = status["biz_opaque_callback_data"].as_str();
    let attempt = reference.and_then(|reference| reference.parse().ok());
    let upstream = loose::id(&status["id"]);
    (attempt.is_some() || upstream.is_some()).then_some(Subject { attempt, upstream })
}

// Meta: `deleted` and `warning` are legacy and say nothing about arrival.
fn rung(word: &str, error: Option<&MetaError>) -> Option<ReceiptStatus> {
    match word {
        "sent" => Some(ReceiptStatus::Sent),
        "delivered" => Some(ReceiptStatus::Delivered),
        "read" => Some(ReceiptStatus::Read),
        "played" => Some(ReceiptStatus::Played),
        "failed" => Some(ReceiptStatus::Failed(error.map_or(Cause::NetworkRejected, MetaError::cause))),
        _ => None,
    }
}
