//! Money of accounts as people see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Balance, LedgerRow};

use super::Moment;

/// What an account has. Amounts are decimal numbers in its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BalanceView {
    /// ISO 4217 code.
    pub currency: String,
    /// What may still be spent; below zero only for accounts that may owe.
    pub available: String,
    /// What is set aside for messages not settled yet.
    pub held: String,
}

/// A movement of an account's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerView {
    /// Its id; later movements have higher ids.
    pub id: i64,
    /// `opened`, `top_up`, `reserve`, `charge` or `refund`.
    pub kind: String,
    /// How much.
    pub amount: String,
    /// What was available afterwards.
    pub available: String,
    /// When.
    pub at: Moment,
    /// For which message.
    pub message: Option<String>,
    /// For which step of it; the first is 1.
    pub step: Option<u8>,
    /// Number of the payment.
    pub reference: Option<String>,
}

/// What an account has, in words.
#[must_use]
pub fn balance(balance: &Balance) -> BalanceView {
    BalanceView {
        currency: balance.currency.clone(),
        available: decimal(balance.available),
        held: decimal(balance.held),
    }
}

/// A movement in words.
#[must_use]
pub fn movement(row: &LedgerRow) -> LedgerView {
    LedgerView {
        id: row.id,
        kind: row.kind.as_str().to_owned(),
        amount: decimal(row.micros),
        available: decimal(row.available),
        at: row.at.into(),
        message: row.message.map(|id| id.to_string()),
        step: row.step.map(|step| step.saturating_add(1)),
        reference: row.reference.clone(),
    }
}

/// Millionths as a decimal number with two to six places.
fn decimal(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, part) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let places = format!("{part:06}");
    let (shown, rest) = places.split_at(2);
    format!("{sign}{whole}.{shown}{}", rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn amounts_have_the_places_they_need_and_two_at_least() {
        let cases = [(0, "0.00"), (7_500, "0.0075"), (-40_000, "-0.04"), (12_345_678, "12.345678")];
        for (micros, text) in cases {
            assert_eq!(decimal(micros), text);
        }
        assert_eq!(decimal(i64::MIN), "-9223372036854.775808");
    }
}
