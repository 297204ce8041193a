//! Operators: payments into accounts, each repeated until it is known to have been taken.

use std::sync::Arc;

use courant::{
    billing::{self, TopUpFault},
    clock,
    core::Core,
};
use model::{AccountName, Time};

use crate::world::{Errand, Inner, World};

/// A payment and what is known of it.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Whose.
    pub account: String,
    /// How much, as the operator writes it.
    pub amount: &'static str,
    /// The same in millionths.
    pub micros: i64,
    /// The gateway said that it has it.
    pub heard: bool,
}

/// The number under which a payment is known.
#[must_use]
pub fn reference(index: usize) -> String {
    format!("payment-{index}")
}

/// Puts money into an account.
pub async fn pay(world: World, core: Arc<Core>, index: usize) {
    let payment = world.lock().payments[index].clone();
    let account = AccountName::from(payment.account.as_str());
    let answer = billing::top_up(&core, &account, payment.amount, Some(reference(index))).await;
    let mut inner = world.lock();
    match answer {
        Ok(balance) => {
            inner.note(|| format!("payment {index} is paid: {balance:?}"));
            inner.payments[index].heard = true;
        }
        Err(TopUpFault::KnownPayment) => {
            inner.note(|| format!("payment {index} is known"));
            inner.payments[index].heard = true;
        }
        Err(TopUpFault::Store(error)) => {
            inner.note(|| format!("payment {index}: {error}"));
            inner.pay_again(index, clock::now());
        }
        Err(fault @ (TopUpFault::NoBalance | TopUpFault::BadAmount | TopUpFault::BadReference)) => {
            inner.fail(|| format!("payment {index} is refused: {fault}"));
        }
    }
    drop(inner);
    world.bell.notify_one();
}

impl Inner {
    /// Puts payments into accounts with a balance on the agenda, some of them twice.
    pub fn prepare_payments(&mut self, now: Time, busy: u64) {
        let accounts = self.profile.config.accounts.iter().filter(|account| account.balance.is_some());
        let names: Vec<String> = accounts.map(|account| account.name.clone()).collect();
        for index in 0..if names.is_empty() { 0 } else { self.profile.payments } {
            let (amount, micros) = self.dice.pick(&[("0.05", 50_000), ("0.4", 400_000), ("2", 2_000_000)]);
            let account = names[self.dice.below(names.len())].clone();
            self.payments.push(Payment { account, amount, micros, heard: false });
            let at = now + self.dice.millis(0, busy);
            self.plan(at, Errand::Pay(index));
            if self.dice.permille(300) {
                let again = at + self.dice.millis(0, 50);
                self.plan(again, Errand::Pay(index));
            }
        }
    }

    /// The life ended: what is not known to be paid is paid again.
    pub fn lose_payments(&mut self, now: Time) {
        for index in 0..self.payments.len() {
            if !self.payments[index].heard {
                self.pay_again(index, now);
            }
        }
    }

    fn pay_again(&mut self, index: usize, now: Time) {
        let later = now + self.dice.millis(200, 5000);
        self.plan(later, Errand::Pay(index));
    }
}
