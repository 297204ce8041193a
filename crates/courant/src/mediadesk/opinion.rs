//! What channels would make of a file, told to people before anything is sent.

use std::sync::Arc;

use media::{
    check::{CheckPolicy, Verdict},
    library::{MediaId, Record, Usage, extension},
    limits::{Purpose, judge},
    probe::Facts,
};
use model::Time;

use super::MediaDesk;
use crate::accounts::Account;

/// What would become of a file that is sent for a purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opinion {
    /// What was found in it, if it could be looked into.
    pub facts: Option<Facts>,
    /// Why it would not be sent; none if it would.
    pub faults: Vec<String>,
    /// Why that is not known, if the file's server did not tell.
    pub unsure: Option<String>,
}

impl MediaDesk {
    /// What would become of a link: it is fetched, within the guard, as it would be before sending.
    pub async fn opinion_of_link(&self, link: &str, purpose: &Purpose<'_>) -> Opinion {
        // Asked by an operator: no account's share of the fetches is used up.
        let checked = self.checker.check("", link, purpose, CheckPolicy::Lenient).await;
        let (faults, unsure) = match checked.verdict {
            Verdict::Ok => (Vec::new(), None),
            Verdict::Violation(_, text) => (vec![text.into_owned()], None),
            Verdict::Unverified(text) => (Vec::new(), Some(text.into_owned())),
        };
        Opinion { facts: checked.facts, faults, unsure }
    }

    /// What would become of a file of which this is known.
    #[must_use]
    pub fn opinion_of(facts: &Facts, purpose: &Purpose<'_>) -> Opinion {
        let faults = judge(facts, purpose).into_iter().map(|violation| violation.text.into_owned());
        Opinion { facts: Some(facts.clone()), faults: faults.collect(), unsure: None }
    }

    /// What is in a kept file; `None` if it cannot be read.
    pub async fn facts_of(&self, record: &Arc<Record>) -> Option<Facts> {
        self.kept_file(record).await.ok().map(|file| file.facts.clone())
    }

    /// Where this server gives a kept file to anyone who has the address, without the server's name.
    #[must_use]
    pub fn path_of(&self, record: &Record) -> String {
        self.library.public_path(record.id, extension(&record.mime))
    }

    /// What an account keeps now.
    #[must_use]
    pub fn usage(&self, account: &Account) -> Usage {
        self.library.usage(&account.name)
    }

    /// The kept files of an account, newest first, after the given one, at most `limit`.
    #[must_use]
    pub fn newest(
        &self,
        account: &Account,
        after: Option<(Time, MediaId)>,
        limit: usize,
    ) -> Vec<Arc<Record>> {
        let mut all = self.library.list(&account.name, None, usize::MAX);
        all.retain(|record| after.is_none_or(|after| (record.created_at, record.id) < after));
        all.sort_unstable_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
        all.truncate(limit);
        all
    }
}
