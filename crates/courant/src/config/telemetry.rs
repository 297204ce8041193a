//! Settings of traces.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

/// Traces of messages, for a collector that speaks OpenTelemetry.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Where to send traces over OTLP/HTTP; none are made without it.
    pub otlp: Option<String>,
    /// Share of messages that are traced, from 0 to 1, where the caller's `traceparent` does not
    /// decide.
    pub sample: f64,
    /// The name under which this gateway appears.
    pub service: String,
    /// Headers sent along, such as credentials of the collector.
    pub headers: BTreeMap<String, String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp: None, sample: 0.1, service: "courant".to_owned(), headers: BTreeMap::new() }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { otlp, sample, service, headers } = self;
        let headers: Vec<&String> = headers.keys().collect();
        write!(f, "Telemetry({otlp:?}, {sample}, {service:?}, {headers:?})")
    }
}

impl Telemetry {
    /// Where traces go: the address given, with the standard path if it has none.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let given = self.otlp.as_deref()?;
        let bare = url::Url::parse(given).is_ok_and(|url| url.path() == "/" || url.path().is_empty());
        Some(if bare { format!("{}/v1/traces", given.trim_end_matches('/')) } else { given.to_owned() })
    }

    /// What is wrong with it: the key and why.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if !(0.0..=1.0).contains(&self.sample) {
            return Some(("sample", "telemetry.sample is a share from 0 to 1".to_owned()));
        }
        let address = self.otlp.as_deref()?;
        let fine = url::Url::parse(address)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        (!fine).then(|| ("otlp", "telemetry.otlp is an address such as http://127.0.0.1:4318".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_path_is_added_to_an_address_without_one() {
        let endpoint =
            |otlp: &str| Telemetry { otlp: Some(otlp.to_owned()), ..Telemetry::default() }.endpoint();
        assert_eq!(endpoint("http://a:4318").as_deref(), Some("http://a:4318/v1/traces"));
        assert_eq!(endpoint("http://a:4318/").as_deref(), Some("http://a:4318/v1/traces"));
        assert_eq!(endpoint("https://a/otlp/traces").as_deref(), Some("https://a/otlp/traces"));
    }

    #[test]
    fn shares_and_addresses_that_cannot_be_are_named() {
        let fault = |sample, otlp: Option<&str>| {
            let telemetry = Telemetry { sample, otlp: otlp.map(str::to_owned), ..Telemetry::default() };
            telemetry.fault().map(|(key, _)| key)
        };
        assert_eq!(fault(1.5, None), Some("sample"));
        assert_eq!(fault(f64::NAN, None), Some("sample"));
        assert_eq!(fault(0.5, Some("localhost:4318")), Some("otlp"));
        assert_eq!(fault(0.0, Some("http://localhost:4318")), None);
    }

    #[test]
    fn secrets_in_headers_are_not_shown() {
        let headers = BTreeMap::from([("authorization".to_owned(), "hidden".to_owned())]);
        let shown = format!("{:?}", Telemetry { headers, ..Telemetry::default() });
        assert!(shown.contains("authorization") && !shown.contains("hidden"), "{shown}");
    }
}
