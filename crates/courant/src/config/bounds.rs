//! Numbers beyond which a gateway would not start, or would refuse everything.

use super::Config;

/// More than any machine has room for; what counts places or bytes overflows far above it.
const MOST: usize = 100_000_000;

/// What is out of bounds: the key and why.
pub(super) fn fault(config: &Config) -> Option<(&'static str, String)> {
    let (server, limits, callbacks) = (&config.server, &config.limits, &config.callbacks);
    let counts = [
        ("max_connections", server.max_connections),
        ("max_requests", server.max_requests),
        ("max_requests_per_account", server.max_requests_per_account),
        ("body_memory_mb", server.body_memory_mb),
        ("lane_memory", limits.lane_memory),
        ("cached_messages", limits.cached_messages),
        ("timers", limits.timers),
        ("recipients_per_request", limits.recipients_per_request),
        ("concurrency", callbacks.concurrency),
        ("concurrency_per_host", callbacks.concurrency_per_host),
    ];
    if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count > MOST) {
        return Some((key, format!("`{key}` is at most {MOST}")));
    }
    let rates = config.accounts.iter().filter_map(|account| Some((account, account.requests_per_second?)));
    let (account, _) = rates.into_iter().find(|(_, rate)| !(rate.is_finite() && *rate > 0.0))?;
    let text = format!("`requests_per_second` of account `{}` is more than 0", account.name);
    Some(("requests_per_second", text))
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT, Source};
    use super::*;

    fn refused(set: &str) -> String {
        let source = Source { name: "test".to_owned(), text: DEFAULT.to_owned() };
        Config::parse(&source, &[set.to_owned()]).expect_err(set).to_string()
    }

    #[test]
    fn a_count_that_no_machine_has_room_for_is_refused_with_its_key() {
        for key in ["server.max_connections", "server.body_memory_mb", "callbacks.concurrency"] {
            let said = refused(&format!("{key}=9223372036854775807"));
            let name = key.rsplit('.').next().expect("a name");
            assert!(said.contains(&format!("`{name}` is at most 100000000")), "{said}");
        }
    }

    #[test]
    fn a_rate_that_lets_nothing_through_is_refused() {
        for rate in ["0", "-1.5", "nan", "inf"] {
            let said = refused(&format!("account=[{{ name = \"a\", requests_per_second = {rate} }}]"));
            assert!(said.contains("`requests_per_second` of account `a` is more than 0"), "{said}");
        }
    }
}
