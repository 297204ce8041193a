//! Money of accounts. [`Billing`] says what a message costs ([`prices`]), which network its
//! number belongs to ([`networks`]), what to set aside when it is accepted and what to spend of
//! that when it goes on; the store moves the money in the same transaction as the message.
//!
//! Set aside is the most a message can come to: the prices of all steps that are owed as soon as a
//! network takes them, and the highest of those owed on delivery, because one step delivers.
//! Hence no balance can go below zero, whatever happens at once.

pub mod networks;
pub mod prices;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{AccountName, Message, Report, Status, Time, call::Price};
use store::{Balance, Change, Charge, Money, Reserve, StoreError, TopUp, Verdict};

use self::{
    networks::{NumberPlan, Portability, Ported},
    prices::{Payer, Prices, Quote},
};
use crate::{
    clock,
    config::{Amount, ChargeOn, Config},
    core::Core,
};

/// Longest number of a payment.
const MAX_REFERENCE: usize = 100;

/// Prices, networks and who has a balance.
#[derive(Debug)]
pub struct Billing {
    prices: Prices,
    number_plan: NumberPlan,
    portability: Box<dyn Portability>,
    terms: BTreeMap<AccountName, Terms>,
}

/// How an account pays.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    currency: String,
    initial: Amount,
    /// Nothing is sent that is not covered; otherwise the account may owe.
    prepaid: bool,
}

/// Why money was not put into an account.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopUpFault {
    /// It has no balance.
    #[error("the account has no balance")]
    NoBalance,
    /// The amount is not a decimal number of at most six places, or too large.
    #[error("the amount is not one")]
    BadAmount,
    /// The number of the payment is empty or too long.
    #[error("a payment's number has 1 to {MAX_REFERENCE} characters")]
    BadReference,
    /// A payment of this number is in the ledger.
    #[error("the payment is known")]
    KnownPayment,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Billing {
    /// As configured.
    ///
    /// # Errors
    /// If the table of ported numbers cannot be read.
    pub fn new(config: &Config) -> Result<Self, String> {
        let ported = config.portability.table.as_deref().map(Ported::read).transpose()?;
        let terms = config.accounts.iter().filter_map(|account| {
            let balance = account.balance.as_ref()?;
            let terms = Terms {
                currency: balance.currency.clone(),
                initial: balance.initial,
                prepaid: balance.prepaid,
            };
            Some((AccountName::from(account.name.as_str()), terms))
        });
        Ok(Self {
            prices: Prices::new(&config.prices),
            number_plan: NumberPlan::new(&config.number_plan),
            portability: Box::new(ported.unwrap_or_default()),
            terms: terms.collect(),
        })
    }

    /// Whether the account has a balance.
    #[must_use]
    pub fn keeps_balance(&self, account: &AccountName) -> bool {
        self.terms.contains_key(account)
    }

    fn quote(&self, message: &Message, step: u8) -> Option<Quote> {
        let currency = self.terms.get(&message.account).map(|terms| terms.currency.as_str());
        self.prices.quote(message, step, Payer { account: message.account.as_str(), currency })
    }

    /// What the message costs: what the deciding step did or would cost. `None` without a price,
    /// or if it failed and nothing is owed for that. `settled_at` is when it came to its end: what
    /// a network took after that is not charged, see [`Self::spend`].
    #[must_use]
    pub fn price(&self, message: &Message, report: &Report, settled_at: Option<Time>) -> Option<Price> {
        let quote = self.quote(message, report.deciding_step)?;
        let in_time = |taken_at: Time| settled_at.is_none_or(|end| taken_at <= end);
        let taken = report.deciding().is_some_and(|step| step.submitted_at.is_some_and(in_time));
        let owed = match (report.status, quote.charge_on) {
            (Status::Failed(_), ChargeOn::Submitted) => taken,
            (Status::Failed(_), ChargeOn::Delivered) => false,
            (
                Status::Waiting
                | Status::Accepted
                | Status::Submitted
                | Status::Sent
                | Status::Delivered
                | Status::Read
                | Status::Played,
                ChargeOn::Submitted | ChargeOn::Delivered,
            ) => true,
        };
        owed.then_some(quote.price)
    }

    /// Country and network code of the recipient's number, where known.
    #[must_use]
    pub fn mcc_mnc(&self, message: &Message) -> Option<String> {
        let phone = message.recipient.phone.as_ref()?;
        let ported = self.portability.network(phone);
        let network = ported.or_else(|| self.number_plan.network(phone, message.accepted_at).cloned())?;
        Some(network.to_string())
    }

    /// The most that a message can come to.
    #[must_use]
    pub fn most(&self, message: &Message) -> i64 {
        let (mut all, mut one) = (0_i64, 0);
        for step in 0..message.plan().steps().len() {
            let Some(quote) = u8::try_from(step).ok().and_then(|step| self.quote(message, step)) else {
                continue;
            };
            match quote.charge_on {
                ChargeOn::Submitted => all = all.saturating_add(quote.price.micros),
                ChargeOn::Delivered => one = quote.price.micros.max(one),
            }
        }
        all.saturating_add(one)
    }

    /// What to set aside for the inserts of one submission: for each its messages' amounts, with
    /// what this insert and those after it require together. `None` if the account has no balance.
    #[must_use]
    pub fn reserves(&self, account: &AccountName, inserts: Vec<Vec<i64>>) -> Option<Vec<Reserve>> {
        let terms = self.terms.get(account)?;
        let mut required = 0_i64;
        let mut reserves: Vec<Reserve> = inserts
            .into_iter()
            .rev()
            .map(|micros| {
                required = micros.iter().fold(required, |sum, micros| sum.saturating_add(*micros));
                Reserve { micros, required, may_owe: !terms.prepaid }
            })
            .collect();
        reserves.reverse();
        Some(reserves)
    }

    /// What becomes of the money set aside for a message that went on from `taken` steps (see
    /// [`taken`]) to this state. `None` if nothing.
    #[must_use]
    pub fn spend(
        &self,
        message: &Message,
        taken_before: u16,
        report: &Report,
        settles: bool,
        at: Time,
    ) -> Option<Money> {
        let new = taken(report) & !taken_before;
        let mut charges: Vec<Charge> = (0..16_u8)
            .filter(|step| new & (1 << step) != 0)
            .filter_map(|step| self.charge(message, step, ChargeOn::Submitted))
            .collect();
        if settles && report.status.cause().is_none() {
            charges.extend(self.charge(message, report.deciding_step, ChargeOn::Delivered));
        }
        (settles || !charges.is_empty()).then_some(Money { at, charges, release: settles })
    }

    fn charge(&self, message: &Message, step: u8, on: ChargeOn) -> Option<Charge> {
        let quote = self.quote(message, step).filter(|quote| quote.charge_on == on)?;
        Some(Charge { step, micros: quote.price.micros })
    }
}

/// The steps that networks took, one bit each; a plan has at most 16.
#[must_use]
pub fn taken(report: &Report) -> u16 {
    let taken = report.steps.iter().filter(|step| step.submitted_at.is_some());
    taken.fold(0, |bits, step| bits | 1_u16.checked_shl(u32::from(step.index)).unwrap_or(0))
}

/// Begins the balances that are configured and not there yet, in the order of the accounts' names.
///
/// # Errors
/// If the store cannot, or a balance is kept in another currency than configured.
pub async fn open(core: &Core) -> Result<(), String> {
    for (account, terms) in &core.billing.terms {
        let begin = Change::OpenBalance {
            account: account.clone(),
            currency: terms.currency.clone(),
            micros: terms.initial.0,
            at: clock::now(),
        };
        core.store.commit(vec![begin]).await.map_err(|error| error.to_string())?;
        let kept = core.store.balance(account.clone()).await.map_err(|error| error.to_string())?;
        if let Some(kept) = kept.filter(|kept| kept.currency != terms.currency) {
            return Err(format!(
                "the balance of account `{account}` is kept in {}, not in {}",
                kept.currency, terms.currency
            ));
        }
    }
    Ok(())
}

/// Puts money into an account, or takes it out if the amount is negative; what the account has
/// then. With the number of a payment, a repetition is refused.
///
/// # Errors
/// See [`TopUpFault`]; nothing is changed then.
pub async fn top_up(
    core: &Core,
    account: &AccountName,
    amount: &str,
    reference: Option<String>,
) -> Result<Balance, TopUpFault> {
    let micros = signed(amount).ok_or(TopUpFault::BadAmount)?;
    if reference.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > MAX_REFERENCE) {
        return Err(TopUpFault::BadReference);
    }
    core.store.balance(account.clone()).await?.ok_or(TopUpFault::NoBalance)?;
    let top_up = TopUp { account: account.clone(), micros, at: clock::now(), reference };
    let verdicts = core.store.commit(vec![Change::TopUp(top_up)]).await?;
    if verdicts != [Verdict::Applied] {
        return Err(TopUpFault::KnownPayment);
    }
    core.store.balance(account.clone()).await?.ok_or(TopUpFault::NoBalance)
}

/// An amount in millionths as text, which may be negative.
pub(crate) fn signed(amount: &str) -> Option<i64> {
    match amount.strip_prefix('-') {
        Some(rest) => Amount::parse(rest).map(|amount| -amount.0),
        None => Amount::parse(amount).map(|amount| amount.0),
    }
}
