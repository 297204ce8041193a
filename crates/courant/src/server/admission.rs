//! Shares of the gateway's capacity while requests are being worked on, so that one account that
//! asks for too much is refused at once and the others are not.
//!
//! An account may fill its share of what there is in all. The share shrinks with the number of
//! accounts at work, so that there is always room for one more: one account gets at most a half,
//! two a third each, and so on. The bounds in all are kept elsewhere (`server.max_requests`, and
//! the queue of the store's writer).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::AccountName;

/// Messages that may wait for the store in all; its writer's queue has this size.
const MESSAGES: usize = 65_536;

/// What each account has in work.
#[derive(Debug)]
pub struct Admission {
    requests: usize,
    requests_each: usize,
    busy: Mutex<HashMap<AccountName, Load>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    requests: usize,
    messages: usize,
}

/// A request in work; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Place<'a> {
    admission: &'a Admission,
    account: AccountName,
    load: Load,
}

impl Admission {
    /// For so many requests in all, and so many of one account at most.
    #[must_use]
    pub fn new(requests: usize, requests_each: usize) -> Self {
        Self { requests, requests_each, busy: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountName, Load>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more request of this account; `None` if it has its share in work.
    #[must_use]
    pub fn request(&self, account: &AccountName) -> Option<Place<'_>> {
        self.take(account, Load { requests: 1, messages: 0 }, |load, accounts| {
            load.requests < share(self.requests, accounts).min(self.requests_each)
        })
    }

    /// Room for these messages on their way to the store; `None` if the account has its share
    /// there. An account with none there always has room for one request, however large.
    #[must_use]
    pub fn messages(&self, account: &AccountName, messages: usize) -> Option<Place<'_>> {
        self.take(account, Load { requests: 0, messages }, |load, accounts| {
            load.messages == 0 || load.messages + messages <= share(MESSAGES, accounts)
        })
    }

    fn take(
        &self,
        account: &AccountName,
        more: Load,
        fits: impl Fn(Load, usize) -> bool,
    ) -> Option<Place<'_>> {
        let mut busy = self.lock();
        let before = busy.get(account).copied().unwrap_or_default();
        let accounts = busy.len().max(1);
        if !fits(before, accounts) {
            return None;
        }
        let load = busy.entry(account.clone()).or_default();
        load.requests += more.requests;
        load.messages += more.messages;
        Some(Place { admission: self, account: account.clone(), load: more })
    }
}

/// What one of so many accounts may have, so that one more finds room.
fn share(all: usize, accounts: usize) -> usize {
    (all / (accounts + 1)).max(1)
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut busy = self.admission.lock();
        if let Some(load) = busy.get_mut(&self.account) {
            load.requests -= self.load.requests;
            load.messages -= self.load.messages;
            if load.requests == 0 && load.messages == 0 {
                busy.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::AccountName;

    use super::{Admission, MESSAGES};

    fn name(text: &str) -> AccountName {
        AccountName::from(text)
    }

    #[test]
    fn one_account_gets_at_most_its_share_and_another_still_finds_room() {
        let admission = Admission::new(12, 100);
        let mut places: Vec<_> = (0..20).filter_map(|_| admission.request(&name("loud"))).collect();
        assert_eq!(places.len(), 6);
        let quiet = admission.request(&name("quiet")).expect("there is room");
        // With two at work the loud one may have a third.
        places.truncate(4);
        assert!(admission.request(&name("loud")).is_none());
        drop(quiet);
        assert!(admission.request(&name("loud")).is_some());
    }

    #[test]
    fn no_account_gets_more_requests_than_configured() {
        let admission = Admission::new(100, 2);
        let places: Vec<_> = (0..5).filter_map(|_| admission.request(&name("one"))).collect();
        assert_eq!(places.len(), 2);
    }

    #[test]
    fn many_accounts_leave_room_for_a_newcomer() {
        let admission = Admission::new(100, 100);
        let mut places = Vec::new();
        for account in 0..9 {
            places.push(admission.request(&name(&account.to_string())));
        }
        for account in 0..9 {
            places.extend((0..100).map(|_| admission.request(&name(&account.to_string()))));
        }
        let taken = places.iter().flatten().count();
        assert_eq!(taken, 90, "ten for each of nine");
    }

    #[test]
    fn messages_on_their_way_to_the_store_are_shared_too() {
        let admission = Admission::new(100, 100);
        let first = admission.messages(&name("campaign"), MESSAGES).expect("the first finds room");
        assert!(admission.messages(&name("campaign"), 1).is_none());
        assert!(admission.messages(&name("shop"), 1).is_some());
        drop(first);
        assert!(admission.messages(&name("campaign"), 1).is_some());
        assert!(admission.lock().is_empty(), "what is not at work is forgotten");
    }
}
