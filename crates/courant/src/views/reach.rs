//! Whose things somebody may see and touch.

use model::AccountName;

/// Whose things somebody may see and touch. What is out of reach does not exist for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's, and the gateway's own.
    #[default]
    All,
    /// Those of these accounts only; never empty.
    Only(Vec<AccountName>),
}

impl Reach {
    /// Of these accounts; none of them means all.
    #[must_use]
    pub fn of(accounts: &[String]) -> Self {
        if accounts.is_empty() {
            return Self::All;
        }
        let mut names: Vec<AccountName> = accounts.iter().map(|name| name.as_str().into()).collect();
        names.sort_unstable();
        names.dedup();
        Self::Only(names)
    }

    /// The names of the accounts; none for all.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Only(names) => names.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether an account's things are within it.
    #[must_use]
    pub fn covers(&self, account: &AccountName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(account),
        }
    }

    /// Whether everything within the other one is within this one.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(_), Self::Only(names)) => names.iter().all(|name| self.covers(name)),
        }
    }

    /// What a filter by account asks the store for, one after the other: `None` is everything. There
    /// is nothing to ask for if the account that is wanted is out of reach.
    #[must_use]
    pub fn narrowed(&self, wanted: Option<&AccountName>) -> Vec<Option<AccountName>> {
        match (self, wanted) {
            (_, Some(wanted)) => self.covers(wanted).then(|| Some(wanted.clone())).into_iter().collect(),
            (Self::All, None) => vec![None],
            (Self::Only(names), None) => names.iter().cloned().map(Some).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(names: &[&str]) -> Reach {
        Reach::of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_reach_covers_what_it_names_and_includes_only_narrower_ones() {
        let (all, both, one) = (only(&[]), only(&["b", "a", "b"]), only(&["a"]));
        assert_eq!(all, Reach::All);
        assert_eq!(both.names(), ["a", "b"]);
        assert!(all.covers(&"a".into()) && one.covers(&"a".into()) && !one.covers(&"b".into()));
        assert!(all.includes(&both) && both.includes(&one) && one.includes(&one));
        assert!(!one.includes(&both) && !both.includes(&all));
        let (a, b) = (AccountName::from("a"), AccountName::from("b"));
        assert_eq!(both.narrowed(None), [Some(a), Some(b.clone())]);
        assert_eq!(both.narrowed(Some(&b)), [Some(b.clone())]);
        assert_eq!(one.narrowed(Some(&b)), []);
        assert_eq!((all.narrowed(None), all.narrowed(Some(&b))), (vec![None], vec![Some(b)]));
    }
}
