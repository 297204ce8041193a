//! Prices, number plan, balances and quotas as they are configured.

use std::path::PathBuf;

use model::{Channel, Time};
use serde::Deserialize;

use super::{AccountConfig, Config};
use crate::billing::networks::Network;

/// An amount of money in millionths, never negative; written as decimal text: `"0.0075"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Amount(pub i64);

impl Amount {
    /// The largest: a billion.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// Reads digits, at most six of them after the point.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 {
            return None;
        }
        let part: i64 = format!("{part:0<6}").parse().ok()?;
        let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(part)?;
        Some(Self(micros)).filter(|amount| *amount <= Self::MAX)
    }
}

impl TryFrom<String> for Amount {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| {
            format!("`{text}` is not an amount: digits, at most six after the point, at most a billion")
        })
    }
}

/// The instant at which a day begins in UTC; written as `"2026-11-20"`. The default is always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Time);

impl Default for Day {
    fn default() -> Self {
        Self(Time(i64::MIN))
    }
}

impl TryFrom<String> for Day {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a day such as 2026-11-20");
        let day: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        let begin = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        Ok(Self(Time(begin.timestamp().as_microsecond())))
    }
}

/// A row of the price list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// For which channel.
    pub channel: Channel,
    /// Only for this sender.
    pub sender: Option<String>,
    /// Only for numbers that begin with these digits.
    pub prefix: Option<String>,
    /// Only for this account.
    pub account: Option<String>,
    /// For messages accepted from this day on.
    #[serde(default)]
    pub from: Day,
    /// What the amount is for.
    #[serde(default)]
    pub per: Per,
    /// How much.
    pub amount: Amount,
    /// ISO 4217 code.
    pub currency: String,
    /// When it is owed.
    #[serde(default)]
    pub charge_on: ChargeOn,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// The message.
    #[default]
    Message,
    /// Each SMS segment of it.
    Part,
}

/// When a price is owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeOn {
    /// Once the step delivered.
    #[default]
    Delivered,
    /// As soon as the network took it.
    Submitted,
}

/// A row of the number plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberPlanConfig {
    /// Numbers that begin with these digits.
    pub prefix: String,
    /// Mobile country code, three digits.
    pub mcc: String,
    /// Mobile network code, two or three digits.
    pub mnc: String,
    /// From this day on.
    #[serde(default)]
    pub from: Day,
}

/// Ported numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortabilityConfig {
    /// File of `number,mcc,mnc` lines.
    pub table: Option<PathBuf>,
}

/// Money of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceConfig {
    /// Whether only what is covered is sent; otherwise the account may owe.
    #[serde(default = "yes")]
    pub prepaid: bool,
    /// What the balance begins with, the first time the account is seen with one.
    #[serde(default)]
    pub initial: Amount,
    /// ISO 4217 code.
    pub currency: String,
}

const fn yes() -> bool {
    true
}

/// Most submissions in a window of time that begins with its first submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// How many.
    pub requests: u32,
    /// Length of the window.
    pub seconds: u64,
}

/// What contradicts itself: a word of the line at fault, and the complaint.
pub(super) fn check(config: &Config) -> Result<(), (String, String)> {
    for (index, row) in config.prices.iter().enumerate() {
        check_price(config, row)?;
        if config.prices[..index].iter().any(|other| same_place(other, row)) {
            return Err((
                "[[price]]".into(),
                format!("two prices for {} have the same conditions", row.channel),
            ));
        }
    }
    for (index, row) in config.number_plan.iter().enumerate() {
        check_number(row)?;
        let same = |other: &NumberPlanConfig| (&other.prefix, other.from) == (&row.prefix, row.from);
        if config.number_plan[..index].iter().any(same) {
            return Err((
                row.prefix.clone(),
                format!("prefix `{}` stands twice in the number plan", row.prefix),
            ));
        }
    }
    config.accounts.iter().try_for_each(check_account)
}

fn check_price(config: &Config, row: &PriceConfig) -> Result<(), (String, String)> {
    check_currency(&row.currency)?;
    row.prefix.as_deref().map_or(Ok(()), check_prefix)?;
    let Some(name) = &row.account else { return Ok(()) };
    let Some(account) = config.accounts.iter().find(|account| account.name == *name) else {
        return Err((name.clone(), format!("a price is for account `{name}`, which is not configured")));
    };
    match &account.balance {
        Some(balance) if balance.currency != row.currency => Err((
            row.currency.clone(),
            format!(
                "account `{name}` pays in {}, one of its prices is in {}",
                balance.currency, row.currency
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

fn same_place(one: &PriceConfig, other: &PriceConfig) -> bool {
    let place = |row: &PriceConfig| {
        (
            row.channel,
            row.sender.clone(),
            row.prefix.clone(),
            row.account.clone(),
            row.from,
            row.currency.clone(),
        )
    };
    place(one) == place(other)
}

fn check_number(row: &NumberPlanConfig) -> Result<(), (String, String)> {
    check_prefix(&row.prefix)?;
    if Network::new(&row.mcc, &row.mnc).is_none() {
        let text = format!("{} and {} are not the codes of a network", row.mcc, row.mnc);
        return Err((row.prefix.clone(), text));
    }
    Ok(())
}

fn check_account(account: &AccountConfig) -> Result<(), (String, String)> {
    if let Some(balance) = &account.balance {
        check_currency(&balance.currency)?;
    }
    let Some(quota) = account.messages_per_window else { return Ok(()) };
    if quota.requests == 0 || quota.seconds == 0 {
        let text = format!("the quota of account `{}` lets nothing through", account.name);
        return Err(("messages_per_window".into(), text));
    }
    let told = account.dialects.messangi.as_ref().and_then(|messangi| messangi.quota);
    match told {
        Some(told) if (told.requests, told.window_seconds) != (quota.requests, quota.seconds) => {
            let text = format!("account `{}` tells another quota than it has", account.name);
            Err(("messages_per_window".into(), text))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_prefix(prefix: &str) -> Result<(), (String, String)> {
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((prefix.to_owned(), format!("`{prefix}` is not a prefix: digits only, without +")));
    }
    Ok(())
}

fn check_currency(currency: &str) -> Result<(), (String, String)> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err((currency.to_owned(), format!("`{currency}` is not a currency such as EUR")));
    }
    Ok(())
}
