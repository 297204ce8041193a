//! What servers say about believing an answer later.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The longest that an answer is believed, whatever the server says.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest validator that is kept, in bytes.
const MAX_VALIDATOR: usize = 512;

/// `ETag` and `Last-Modified`, kept as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl Validators {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let kept = |name| headers.get(name).filter(|value| value.len() <= MAX_VALIDATOR).cloned();
        Self { etag: kept(header::ETAG), last_modified: kept(header::LAST_MODIFIED) }
    }

    /// Whether there is anything to ask by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Headers that ask for the body only if it changed.
    pub(super) fn conditions(&self) -> HeaderMap {
        let etag = self.etag.clone().map(|value| (header::IF_NONE_MATCH, value));
        let last_modified = self.last_modified.clone().map(|value| (header::IF_MODIFIED_SINCE, value));
        etag.into_iter().chain(last_modified).collect()
    }
}

/// `Cache-Control`, as far as it concerns us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caching {
    /// Not to be kept at all.
    pub no_store: bool,
    /// To be asked about each time.
    pub no_cache: bool,
    /// How long it may be believed from now on; at most a day. `None` if the server does not say.
    pub max_age: Option<Duration>,
}

impl Caching {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut caching = Self::default();
        let directives =
            headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        for directive in directives.flat_map(|line| line.split(',')).take(32) {
            caching.add(directive.trim());
        }
        let age = headers.get(header::AGE).and_then(|value| value.to_str().ok()).and_then(seconds);
        caching.max_age =
            caching.max_age.map(|max_age| max_age.saturating_sub(age.unwrap_or_default()).min(MAX_AGE));
        caching
    }

    fn add(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            // An age that cannot be read is an age of zero (RFC 9111, 4.2.1).
            "max-age" => self.max_age = Some(seconds(value).unwrap_or_default()),
            _ => {}
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Too many digits for a number mean a very long time.
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caching(lines: &[(&'static str, &str)]) -> Caching {
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_str(value).expect("is a value"))
            })
            .collect();
        Caching::of(&headers)
    }

    #[test]
    fn cache_control_is_understood_in_all_its_spellings() {
        let age = |seconds| Caching { max_age: Some(Duration::from_secs(seconds)), ..Caching::default() };
        let cases = [
            ("", Caching::default()),
            ("max-age=60", age(60)),
            ("public, Max-Age = \"60\"", age(60)),
            ("max-age=99999999999999999999999", age(24 * 60 * 60)),
            ("max-age=-1", age(0)),
            ("max-age=soon", age(0)),
            ("s-maxage=60", Caching::default()),
            ("no-store", Caching { no_store: true, ..Caching::default() }),
            ("NO-CACHE, max-age=5", Caching { no_cache: true, ..age(5) }),
        ];
        for (line, expected) in cases {
            assert_eq!(caching(&[("cache-control", line)]), expected, "{line}");
        }
    }

    #[test]
    fn time_spent_in_other_caches_counts() {
        let lines = [("cache-control", "max-age=60"), ("age", "45")];
        assert_eq!(caching(&lines).max_age, Some(Duration::from_secs(15)));
        let lines = [("cache-control", "max-age=60"), ("age", "100")];
        assert_eq!(caching(&lines).max_age, Some(Duration::ZERO));
    }
}
