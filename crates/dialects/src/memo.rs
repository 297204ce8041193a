//! What a dialect remembers of a request, stored as text with the submission or a message.

use serde::{Serialize, de::DeserializeOwned};

/// A memo as text.
pub(crate) fn remember(memo: &impl Serialize) -> String {
    serde_json::to_string(memo).expect("our own types serialise")
}

/// A memo from its text; empty if there is none, or none of ours.
pub(crate) fn recall<T: Default + DeserializeOwned>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
