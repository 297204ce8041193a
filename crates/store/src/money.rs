//! Money of accounts: what may be spent, what is set aside for messages under way, and a row for
//! each movement. Amounts are millionths of the currency's unit.

use model::{AccountName, MessageId, Time};

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// ISO 4217 code.
    pub currency: String,
    /// What may still be spent; below zero only for accounts that may owe.
    pub available: i64,
    /// What is set aside for messages not settled yet.
    pub held: i64,
}

/// Money set aside for the messages of an insert, of the account they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserve {
    /// For each message, by its position in the insert; 0 sets nothing aside.
    pub micros: Vec<i64>,
    /// What must be available before: the sum of this insert and of those of the same submission
    /// that follow it in the commit. Refusing one refuses those as well.
    pub required: i64,
    /// Whether the account may owe: nothing is refused then.
    pub may_owe: bool,
}

/// What becomes of the money set aside for a message. Never more is charged than was set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// When.
    pub at: Time,
    /// Spent, by step.
    pub charges: Vec<Charge>,
    /// Whether what is left goes back to the account.
    pub release: bool,
}

/// The price of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Index of the step.
    pub step: u8,
    /// Amount.
    pub micros: i64,
}

/// Money put into (or, if negative, taken out of) an account by its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// Whose.
    pub account: AccountName,
    /// Amount.
    pub micros: i64,
    /// When.
    pub at: Time,
    /// Number of the payment; the same again is refused, so that a repetition does no harm.
    pub reference: Option<String>,
}

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its id; later movements have higher ids.
    pub id: i64,
    /// What happened.
    pub kind: MoneyKind,
    /// How much.
    pub micros: i64,
    /// What was available afterwards.
    pub available: i64,
    /// When.
    pub at: Time,
    /// For which message.
    pub message: Option<MessageId>,
    /// For which step of it.
    pub step: Option<u8>,
    /// Number of the payment.
    pub reference: Option<String>,
}

/// Kinds of movements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyKind {
    /// The balance began.
    Opened,
    /// The operator put money in.
    TopUp,
    /// Set aside for a message.
    Reserve,
    /// Spent from what was set aside.
    Charge,
    /// Set aside, not spent, and given back.
    Refund,
}

impl MoneyKind {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::TopUp => "top_up",
            Self::Reserve => "reserve",
            Self::Charge => "charge",
            Self::Refund => "refund",
        }
    }
}
