//! Money: nothing is lost, nothing is made, and nobody pays for what did not happen.

use std::collections::BTreeMap;

use courant::{billing, core::Core};
use engine::{Command, Output, State};
use model::MessageId;
use store::{Balance, Charge, Happening, LedgerRow, MoneyKind, StoredCallback};

use super::Verdict;
use crate::{
    memory::{Purse, Row},
    payments::reference,
    world::Inner,
};

/// Movements, summed up by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    put_in: i64,
    reserved: i64,
    charged: i64,
    refunded: i64,
}

impl Sums {
    const fn add(&mut self, row: &LedgerRow) {
        match row.kind {
            MoneyKind::Opened | MoneyKind::TopUp => self.put_in += row.micros,
            MoneyKind::Reserve => self.reserved += row.micros,
            MoneyKind::Charge => self.charged += row.micros,
            MoneyKind::Refund => self.refunded += row.micros,
        }
    }

    const fn available(&self) -> i64 {
        self.put_in - self.reserved + self.refunded
    }
}

/// Checks all that is about money.
pub(super) fn adds_up(
    core: &Core,
    purse: &Purse,
    everything: &[(Row, Vec<StoredCallback>)],
    inner: &Inner,
) -> Verdict {
    if purse.holds() > 0 {
        return Err(format!("money is set aside for {} settled messages", purse.holds()));
    }
    for (account, balance) in purse.balances() {
        let movements = purse.movements();
        let own: Vec<&LedgerRow> =
            movements.into_iter().filter(|(owner, _)| owner == account).map(|(_, row)| row).collect();
        let told = |what| format!("balance of {account}: {what}");
        balanced(balance, &own, prepaid(inner, account.as_str())).map_err(told)?;
        paid_once(account.as_str(), &own, inner).map_err(told)?;
    }
    let mut by_message: BTreeMap<MessageId, Vec<&LedgerRow>> = BTreeMap::new();
    for (_, row) in purse.movements() {
        if let Some(id) = row.message {
            by_message.entry(id).or_default().push(row);
        }
    }
    for (row, _) in everything {
        let id = row.record.message.id;
        let own = by_message.remove(&id).unwrap_or_default();
        charged_for_what_happened(core, row, &own, inner).map_err(|what| format!("money of {id}: {what}"))?;
    }
    by_message.keys().next().map_or(Ok(()), |id| Err(format!("money moved for {id}, which is no message")))
}

fn prepaid(inner: &Inner, account: &str) -> bool {
    let mut accounts = inner.profile.config.accounts.iter().filter(|one| one.name == account);
    accounts.any(|one| one.balance.as_ref().is_some_and(|balance| balance.prepaid))
}

/// The ledger leads to the balance, step by step, and a prepaid one is never below zero.
fn balanced(balance: &Balance, movements: &[&LedgerRow], prepaid: bool) -> Verdict {
    let mut sums = Sums::default();
    for row in movements {
        sums.add(row);
        if row.available != sums.available() {
            return Err(format!("{row:?} should leave {}", sums.available()));
        }
        if prepaid && row.available < 0 {
            return Err(format!("{row:?} leaves less than nothing"));
        }
    }
    if balance.available != sums.available() || balance.held != 0 {
        return Err(format!("{balance:?} where the ledger says {sums:?}"));
    }
    if sums.put_in != balance.available + balance.held + sums.charged {
        return Err(format!("{balance:?} does not add up: {sums:?}"));
    }
    Ok(())
}

/// It was opened once, with what is configured, and each payment is in it once.
fn paid_once(account: &str, movements: &[&LedgerRow], inner: &Inner) -> Verdict {
    let of_kind = |kind| movements.iter().filter(move |row| row.kind == kind);
    let mut accounts = inner.profile.config.accounts.iter().filter(|one| one.name == account);
    let initial = accounts.find_map(|one| one.balance.as_ref()).map(|balance| balance.initial.0);
    let opened: Vec<i64> = of_kind(MoneyKind::Opened).map(|row| row.micros).collect();
    if opened != initial.into_iter().collect::<Vec<_>>() {
        return Err(format!("opened with {opened:?} instead of {initial:?}"));
    }
    let mut paid: Vec<_> = of_kind(MoneyKind::TopUp).map(|row| (row.reference.clone(), row.micros)).collect();
    let own = inner.payments.iter().enumerate().filter(|(_, payment)| payment.account == account);
    let mut wanted: Vec<_> = own.map(|(index, payment)| (Some(reference(index)), payment.micros)).collect();
    paid.sort();
    wanted.sort();
    if paid == wanted { Ok(()) } else { Err(format!("paid in {paid:?} instead of {wanted:?}")) }
}

/// What was set aside was spent on steps that were handed over, as the history says, or given
/// back.
fn charged_for_what_happened(core: &Core, row: &Row, movements: &[&LedgerRow], inner: &Inner) -> Verdict {
    let mut sums = Sums::default();
    movements.iter().for_each(|row| sums.add(row));
    if sums.reserved != sums.charged + sums.refunded {
        return Err(format!("{sums:?} does not add up"));
    }
    let charges: Vec<_> = movements.iter().filter(|row| row.kind == MoneyKind::Charge).collect();
    let handed = |step| {
        inner.handed.iter().any(|one| {
            one.attempt.message == row.record.message.id && Some(one.attempt.step) == step && one.taken
        })
    };
    if let Some(stray) = charges.iter().find(|charge| !handed(charge.step)) {
        return Err(format!("{stray:?} is for a step that no network took"));
    }
    let told: Vec<_> = charges.iter().map(|row| (row.step, row.micros)).collect();
    let owed: Vec<_> = owed(core, row).iter().map(|charge| (Some(charge.step), charge.micros)).collect();
    if told != owed {
        return Err(format!("charged {told:?} instead of {owed:?}"));
    }
    price_told(core, row, &charges)
}

/// Callers are told the price of the deciding step exactly if it was charged.
fn price_told(core: &Core, row: &Row, charges: &[&&LedgerRow]) -> Verdict {
    let record = &row.record;
    if !core.billing.keeps_balance(&record.message.account) {
        return Ok(());
    }
    let told = core.report(record);
    let step = told.report.deciding();
    // Which of the two came first cannot be told from their times.
    if step.is_some_and(|step| step.submitted_at == record.state.settled_at()) {
        return Ok(());
    }
    let charge = charges.iter().find(|charge| charge.step == Some(told.report.deciding_step));
    let (told, charged) = (told.price.map(|price| price.micros), charge.map(|charge| charge.micros));
    if told == charged { Ok(()) } else { Err(format!("told the price {told:?}, charged {charged:?}")) }
}

/// The charges that the history, told again, calls for until the message is settled.
fn owed(core: &Core, row: &Row) -> Vec<Charge> {
    let message = &row.record.message;
    let (mut state, mut owed) = (State::default(), Vec::new());
    if !core.billing.keeps_balance(&message.account) {
        return owed;
    }
    for entry in &row.history {
        let Happening::Event(event) = &entry.what else { continue };
        let taken = billing::taken(&core.cascade(message).report(&state));
        let mut output = Output::default();
        core.cascade(message).handle(&mut state, entry.at, event, &mut output);
        let report = core.cascade(message).report(&state);
        let settles = output.commands.contains(&Command::Settle);
        let money = core.billing.spend(message, taken, &report, settles, entry.at);
        owed.extend(money.into_iter().flat_map(|money| money.charges));
        if settles {
            break;
        }
    }
    owed
}
