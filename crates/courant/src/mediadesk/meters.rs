//! Counters of media. Labels are words of ours and names of routes.

use media::{
    check::{Checked, Found, Verdict},
    fetch::Seen,
    library::Usage,
};
use model::content::MediaKind;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

type Word = std::borrow::Cow<'static, str>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByOutcome {
    outcome: Word,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByRoute {
    route: Word,
    outcome: Word,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByKind {
    kind: Word,
    outcome: Word,
}

/// All of them. Clones count together.
#[derive(Clone, Debug)]
pub struct Meters {
    checks: Family<ByOutcome, Counter>,
    findings: Family<ByOutcome, Counter>,
    fetches: Family<ByOutcome, Counter>,
    fetch_bytes: Counter,
    fetch_seconds: Histogram,
    network_uploads: Family<ByRoute, Counter>,
    renewals: Family<ByRoute, Counter>,
    conversions: Family<ByKind, Counter>,
    uploads: Family<ByOutcome, Counter>,
    files: Gauge,
    bytes: Gauge,
    page_opens: Family<ByOutcome, Counter>,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            checks: Family::default(),
            findings: Family::default(),
            fetches: Family::default(),
            fetch_bytes: Counter::default(),
            // From 1 ms to about a minute.
            fetch_seconds: Histogram::new((0..17).map(|power| 0.001 * f64::from(1 << power))),
            network_uploads: Family::default(),
            renewals: Family::default(),
            conversions: Family::default(),
            uploads: Family::default(),
            files: Gauge::default(),
            bytes: Gauge::default(),
            page_opens: Family::default(),
        }
    }
}

impl Meters {
    /// Makes them part of what is shown.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("media");
        registry.register("checks", "Media links judged, by outcome", self.checks.clone());
        registry.register("findings", "Where judgements of links came from", self.findings.clone());
        registry.register("fetches", "Fetches of media links, by outcome", self.fetches.clone());
        registry.register("fetch_bytes", "Bytes of fetched files", self.fetch_bytes.clone());
        registry.register("fetch_seconds", "Time a fetch took", self.fetch_seconds.clone());
        registry.register("network_uploads", "Files handed to networks", self.network_uploads.clone());
        registry.register("renewals", "Files handed over again", self.renewals.clone());
        registry.register("conversions", "Files made fit, by kind and outcome", self.conversions.clone());
        registry.register("uploads", "Files that callers brought, by outcome", self.uploads.clone());
        registry.register("library_files", "Files in the library", self.files.clone());
        registry.register("library_bytes", "Their bytes", self.bytes.clone());
        registry.register("page_opens", "Openings of pages behind short links", self.page_opens.clone());
    }

    /// A link was judged.
    pub(super) fn checked(&self, checked: &Checked) {
        let outcome = match &checked.verdict {
            Verdict::Ok => "passed",
            Verdict::Unverified(_) => "unverified",
            Verdict::Violation(cause, _) => cause.as_str(),
        };
        self.checks.get_or_create(&by(outcome)).inc();
        let found = match checked.found {
            Found::Known => "known",
            Found::Fetched => "fetched",
            Found::Nowhere => return,
        };
        self.findings.get_or_create(&by(found)).inc();
    }

    /// A fetch ended.
    pub(super) fn fetched(&self, seen: &Seen) {
        self.fetches.get_or_create(&by(seen.end.as_str())).inc();
        self.fetch_bytes.inc_by(seen.bytes);
        self.fetch_seconds.observe(seen.took.as_secs_f64());
    }

    /// A file was handed to a route's network, perhaps once more.
    pub(super) fn handed_over(&self, route: &str, done: bool, again: bool) {
        let outcome = if done { "done" } else { "failed" };
        let label = ByRoute { route: route.to_owned().into(), outcome: outcome.into() };
        let family = if again { &self.renewals } else { &self.network_uploads };
        family.get_or_create(&label).inc();
    }

    /// A conversion ended.
    pub(super) fn converted(&self, kind: MediaKind, done: bool) {
        let outcome = if done { "done" } else { "failed" };
        let label = ByKind { kind: kind.as_str().into(), outcome: outcome.into() };
        self.conversions.get_or_create(&label).inc();
    }

    /// A caller brought a file.
    pub(super) fn uploaded(&self, kept: bool) {
        self.uploads.get_or_create(&by(if kept { "kept" } else { "refused" })).inc();
    }

    /// A page was opened.
    pub(super) fn opened(&self, by_person: bool) {
        self.page_opens.get_or_create(&by(if by_person { "person" } else { "program" })).inc();
    }

    /// How much the library has.
    pub fn library(&self, total: Usage) {
        self.files.set(i64::try_from(total.files).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(total.bytes).unwrap_or(i64::MAX));
    }
}

fn by(outcome: &'static str) -> ByOutcome {
    ByOutcome { outcome: outcome.into() }
}
