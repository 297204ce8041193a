//! Counters of media. Labels are words of ours and names of routes.

use media::{
    check::{Checked, Found, Verdict},
    fetch::Seen,
    library::Usage,
};
use model::{Span, content::MediaKind};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use crate::metrics::{Catalog, Histogram, Kin, LONG, Labels};

/// All of them. Clones count together.
#[derive(Clone, Debug)]
pub struct Meters {
    checks: Kin<Counter>,
    findings: Kin<Counter>,
    fetches: Kin<Counter>,
    fetch_bytes: Counter,
    fetch_seconds: Histogram,
    network_uploads: Kin<Counter>,
    renewals: Kin<Counter>,
    conversions: Kin<Counter>,
    uploads: Kin<Counter>,
    files: Gauge,
    bytes: Gauge,
    page_opens: Kin<Counter>,
}

impl Meters {
    /// All at zero, as part of what is shown.
    pub(crate) fn new(catalog: &mut Catalog) -> Self {
        let mut counters = |name: &str, labels, help| catalog.kin(name, labels, help, Counter::default);
        Self {
            checks: counters("media_checks", &["outcome"], "Media links judged"),
            findings: counters("media_findings", &["outcome"], "Where judgements of links came from"),
            fetches: counters("media_fetches", &["outcome"], "Fetches of media links"),
            network_uploads: counters(
                "media_network_uploads",
                &["route", "outcome"],
                "Files handed to networks",
            ),
            renewals: counters("media_renewals", &["route", "outcome"], "Files handed over again"),
            conversions: counters("media_conversions", &["kind", "outcome"], "Files made fit"),
            uploads: counters("media_uploads", &["outcome"], "Files that callers brought"),
            page_opens: counters("media_page_opens", &["outcome"], "Openings of pages behind short links"),
            fetch_bytes: catalog.counter("media_fetch_bytes", "Bytes of fetched files"),
            fetch_seconds: catalog.histogram("media_fetch_seconds", "Time a fetch took", LONG),
            files: catalog.gauge("media_library_files", "Files in the library"),
            bytes: catalog.gauge("media_library_bytes", "Their bytes"),
        }
    }

    /// A link was judged.
    pub(super) fn checked(&self, checked: &Checked) {
        let outcome = match &checked.verdict {
            Verdict::Ok => "passed",
            Verdict::Unverified(_) => "unverified",
            Verdict::Violation(cause, _) => cause.as_str(),
        };
        self.checks.get_or_create_owned(&by(outcome)).inc();
        let found = match checked.found {
            Found::Known => "known",
            Found::Fetched => "fetched",
            Found::Nowhere => return,
        };
        self.findings.get_or_create_owned(&by(found)).inc();
    }

    /// A fetch ended.
    pub(super) fn fetched(&self, seen: &Seen) {
        self.fetches.get_or_create_owned(&by(seen.end.as_str())).inc();
        self.fetch_bytes.inc_by(seen.bytes);
        self.fetch_seconds.time(Span::from_micros(u64::try_from(seen.took.as_micros()).unwrap_or(u64::MAX)));
    }

    /// A file was handed to a route's network, perhaps once more.
    pub(super) fn handed_over(&self, route: &str, done: bool, again: bool) {
        let outcome = if done { "done" } else { "failed" };
        let labels = vec![("route", route.to_owned().into()), ("outcome", outcome.into())];
        let family = if again { &self.renewals } else { &self.network_uploads };
        family.get_or_create_owned(&labels).inc();
    }

    /// A conversion ended.
    pub(super) fn converted(&self, kind: MediaKind, done: bool) {
        let outcome = if done { "done" } else { "failed" };
        let labels = vec![("kind", kind.as_str().into()), ("outcome", outcome.into())];
        self.conversions.get_or_create_owned(&labels).inc();
    }

    /// A caller brought a file.
    pub(super) fn uploaded(&self, kept: bool) {
        self.uploads.get_or_create_owned(&by(if kept { "kept" } else { "refused" })).inc();
    }

    /// A page was opened.
    pub(super) fn opened(&self, by_person: bool) {
        self.page_opens.get_or_create_owned(&by(if by_person { "person" } else { "program" })).inc();
    }

    /// How much the library has.
    pub fn library(&self, total: Usage) {
        self.files.set(i64::try_from(total.files).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(total.bytes).unwrap_or(i64::MAX));
    }
}

fn by(outcome: &'static str) -> Labels {
    vec![("outcome", outcome.into())]
}
