//! Lists that come in pages.

use clap::Args;

use super::client::say;

/// Which page of a list.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    limit: u16,
    /// Go on after this cursor (`next` of the page before).
    #[arg(long)]
    pub(super) after: Option<String>,
}

impl Paging {
    /// What to ask the API for.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let after = self.after.clone().map(|after| ("after", after));
        std::iter::once(("limit", self.limit.to_string())).chain(after).collect()
    }
}

/// Says how to go on, if there is more.
pub(super) fn say_more(next: Option<&str>) {
    if let Some(next) = next {
        say(&format!("more: --after {next}"));
    }
}
