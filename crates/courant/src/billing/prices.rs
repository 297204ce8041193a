//! Which price applies to a step: of all rows that fit, the most specific.

use std::collections::HashMap;

use model::{Channel, Content, Message, Step, Time, call::Price, message::Body};

use crate::config::{ChargeOn, Per, PriceConfig};

/// Longest text that is counted in parts; more is not sent by any carrier.
const MAX_PARTS: usize = 255;

/// The price list.
#[derive(Debug, Default)]
pub struct Prices {
    /// By channel and prefix (empty for all numbers).
    rows: HashMap<Channel, HashMap<String, Vec<PriceConfig>>>,
}

/// What a step costs, and when it is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// How much.
    pub price: Price,
    /// When.
    pub charge_on: ChargeOn,
}

/// Whose step it is, and in which currency the account pays if it has a balance.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'a> {
    /// Name of the account.
    pub account: &'a str,
    /// Rows in another currency do not apply.
    pub currency: Option<&'a str>,
}

impl Prices {
    /// The list of these rows.
    #[must_use]
    pub fn new(rows: &[PriceConfig]) -> Self {
        let mut prices = Self::default();
        for row in rows {
            let prefix = row.prefix.clone().unwrap_or_default();
            prices.rows.entry(row.channel).or_default().entry(prefix).or_default().push(row.clone());
        }
        prices
    }

    /// What a step of a message costs; `None` if no row fits, or it can never be sent.
    #[must_use]
    pub fn quote(&self, message: &Message, step: u8, payer: Payer<'_>) -> Option<Quote> {
        let step = message.plan().step(step)?;
        let rows = self.rows.get(&step.channel)?;
        let content = sendable(step)?;
        let digits = message.recipient.phone.as_ref().map_or("", |phone| phone.digits());
        let fitting = (0..=digits.len())
            .filter_map(|length| rows.get(&digits[..length]))
            .flatten()
            .filter(|row| fits(row, step, payer, message.accepted_at));
        let row = fitting.max_by_key(|row| specificity(row))?;
        Some(Quote { price: amount(row, content), charge_on: row.charge_on })
    }
}

/// The content of a step that may reach a network.
fn sendable(step: &Step) -> Option<&Content> {
    match &step.body {
        Body::Ready(content) if !step.routes.is_empty() => Some(content),
        Body::Ready(_) | Body::Void(_) => None,
    }
}

fn fits(row: &PriceConfig, step: &Step, payer: Payer<'_>, at: Time) -> bool {
    row.account.as_deref().is_none_or(|account| account == payer.account)
        && row.sender.as_deref().is_none_or(|sender| step.sender.as_deref() == Some(sender))
        && payer.currency.is_none_or(|currency| currency == row.currency)
        && row.from.0 <= at
}

/// Account before sender before longer prefix before newer date.
fn specificity(row: &PriceConfig) -> (bool, bool, usize, Time) {
    let prefix = row.prefix.as_ref().map_or(0, String::len);
    (row.account.is_some(), row.sender.is_some(), prefix, row.from.0)
}

fn amount(row: &PriceConfig, content: &Content) -> Price {
    let times = match row.per {
        Per::Message => 1,
        Per::Part => parts(content),
    };
    Price { micros: row.amount.0.saturating_mul(times), currency: row.currency.as_str().into() }
}

/// SMS segments of a text; other content counts once.
fn parts(content: &Content) -> i64 {
    match content {
        Content::Text(text) => connectors::smpp::parts(text).min(MAX_PARTS) as i64,
        Content::Media(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Interactive(_)
        | Content::Template(_)
        | Content::Whatsapp(_)
        | Content::Email(_)
        | Content::Other(_) => 1,
    }
}
