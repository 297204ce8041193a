//! Balances, what is set aside, and the ledger, as plain data.

use std::collections::BTreeMap;

use model::{AccountName, MessageId, Time};
use store::{Balance, Insert, LedgerRow, Money, MoneyKind, Reserve, TopUp};

/// The money of all accounts.
#[derive(Clone, Debug, Default)]
pub struct Purse {
    balances: BTreeMap<AccountName, Balance>,
    /// What is set aside, and of whom.
    holds: BTreeMap<MessageId, (AccountName, i64)>,
    ledger: BTreeMap<i64, (AccountName, LedgerRow)>,
    /// Movements of removed messages, kept for the checkers alone.
    removed: Vec<(AccountName, LedgerRow)>,
    last_row: i64,
}

/// What a movement is about, besides its amount.
#[derive(Default)]
struct About<'a> {
    at: Time,
    message: Option<MessageId>,
    step: Option<u8>,
    reference: Option<&'a str>,
}

impl Purse {
    /// What every account has.
    pub fn balances(&self) -> impl Iterator<Item = (&AccountName, &Balance)> {
        self.balances.iter()
    }

    /// How many messages have money set aside, be it nothing any more.
    #[must_use]
    pub fn holds(&self) -> usize {
        self.holds.len()
    }

    /// All movements that ever were, in their order.
    #[must_use]
    pub fn movements(&self) -> Vec<&(AccountName, LedgerRow)> {
        let mut movements: Vec<_> = self.removed.iter().chain(self.ledger.values()).collect();
        movements.sort_by_key(|(_, row)| row.id);
        movements
    }

    pub(super) fn balance(&self, account: &AccountName) -> Option<&Balance> {
        self.balances.get(account)
    }

    pub(super) fn ledger(
        &self,
        account: &AccountName,
        message: Option<MessageId>,
        after: i64,
        limit: usize,
    ) -> Vec<LedgerRow> {
        let later = self.ledger.range(after.saturating_add(1)..).map(|(_, row)| row);
        let own = later.filter(|(owner, _)| owner == account).map(|(_, row)| row);
        own.filter(|row| message.is_none() || row.message == message).take(limit).cloned().collect()
    }

    pub(super) fn covers(&self, account: &AccountName, reserve: &Reserve) -> bool {
        self.balance(account).is_some_and(|balance| reserve.may_owe || balance.available >= reserve.required)
    }

    /// Sets aside what an insert says, message by message.
    pub(super) fn hold(&mut self, insert: &Insert) {
        let Some(reserve) = &insert.reserve else { return };
        for (new, &micros) in insert.messages.iter().zip(&reserve.micros).filter(|(_, micros)| **micros > 0) {
            let message = &new.message;
            self.shift(&message.account, -micros, micros);
            self.holds.insert(message.id, (message.account.clone(), micros));
            let about = About { at: message.accepted_at, message: Some(message.id), ..About::default() };
            self.write(&message.account, MoneyKind::Reserve, micros, &about);
        }
    }

    /// Spends from what is set aside for a message, and gives the rest back if told so.
    pub(super) fn spend(&mut self, message: MessageId, money: &Money) {
        let Some((account, mut left)) = self.holds.remove(&message) else { return };
        let about = About { at: money.at, message: Some(message), ..About::default() };
        for charge in &money.charges {
            let micros = charge.micros.clamp(0, left);
            if micros > 0 {
                left -= micros;
                self.shift(&account, 0, -micros);
                self.write(&account, MoneyKind::Charge, micros, &About { step: Some(charge.step), ..about });
            }
        }
        if !money.release {
            self.holds.insert(message, (account, left));
        } else if left > 0 {
            self.shift(&account, left, -left);
            self.write(&account, MoneyKind::Refund, left, &about);
        }
    }

    /// Lets go of a message that is swept: what is still set aside for it goes back without a
    /// movement, and its movements go.
    pub(super) fn forget(&mut self, message: MessageId) {
        if let Some((account, left)) = self.holds.remove(&message) {
            self.shift(&account, left, -left);
        }
        let gone = self.ledger.extract_if(.., |_, (_, row)| row.message == Some(message));
        self.removed.extend(gone.map(|(_, row)| row));
    }

    /// Begins a balance; `false` if there is one.
    pub(super) fn open(&mut self, account: &AccountName, currency: String, micros: i64, at: Time) -> bool {
        if self.balances.contains_key(account) {
            return false;
        }
        self.balances.insert(account.clone(), Balance { currency, available: micros, held: 0 });
        self.write(account, MoneyKind::Opened, micros, &About { at, ..About::default() });
        true
    }

    /// Puts money in; `false` if there is no balance or the payment is known.
    pub(super) fn top_up(&mut self, top_up: &TopUp) -> bool {
        if !self.balances.contains_key(&top_up.account) || self.is_known(top_up) {
            return false;
        }
        self.shift(&top_up.account, top_up.micros, 0);
        let about = About { at: top_up.at, reference: top_up.reference.as_deref(), ..About::default() };
        self.write(&top_up.account, MoneyKind::TopUp, top_up.micros, &about);
        true
    }

    fn is_known(&self, top_up: &TopUp) -> bool {
        top_up.reference.is_some()
            && self
                .ledger
                .values()
                .any(|(owner, row)| *owner == top_up.account && row.reference == top_up.reference)
    }

    fn shift(&mut self, account: &AccountName, available: i64, held: i64) {
        let balance = self.balances.get_mut(account).expect("only what a balance covers is moved");
        balance.available += available;
        balance.held += held;
    }

    /// Writes down a movement that was made.
    fn write(&mut self, account: &AccountName, kind: MoneyKind, micros: i64, about: &About<'_>) {
        self.last_row += 1;
        let row = LedgerRow {
            id: self.last_row,
            kind,
            micros,
            available: self.balances.get(account).map_or(0, |balance| balance.available),
            at: about.at,
            message: about.message,
            step: about.step,
            reference: about.reference.map(str::to_owned),
        };
        self.ledger.insert(self.last_row, (account.clone(), row));
    }
}
