//! Balances, holds and the ledger, inside the writer's transaction.

use model::Time;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codes::money_code;
use crate::{Balance, Money, MoneyKind, Reserve, TopUp};

/// A movement to be written down.
struct Row<'a> {
    account: i64,
    message: Option<i64>,
    step: Option<u8>,
    kind: MoneyKind,
    micros: i64,
    available: i64,
    at: Time,
    reference: Option<&'a str>,
}

/// What an account has, if it has a balance.
pub(super) fn balance(connection: &Connection, account: i64) -> Result<Option<Balance>> {
    connection
        .prepare_cached("SELECT currency, available, held FROM balance WHERE account = ?1")?
        .query_row([account], |row| {
            Ok(Balance { currency: row.get(0)?, available: row.get(1)?, held: row.get(2)? })
        })
        .optional()
}

/// Whether the account has what is required.
pub(super) fn covers(connection: &Connection, account: i64, reserve: &Reserve) -> Result<bool> {
    let balance = balance(connection, account)?;
    Ok(balance.is_some_and(|balance| reserve.may_owe || balance.available >= reserve.required))
}

/// Sets money aside for one message.
pub(super) fn hold(connection: &Connection, account: i64, message: i64, micros: i64, at: Time) -> Result<()> {
    if micros <= 0 {
        return Ok(());
    }
    let available = shift(connection, account, -micros, micros)?;
    connection
        .prepare_cached("INSERT INTO hold (message, account, micros) VALUES (?1, ?2, ?3)")?
        .execute([message, account, micros])?;
    let kind = MoneyKind::Reserve;
    let row =
        Row { account, message: Some(message), step: None, kind, micros, available, at, reference: None };
    write(connection, &row)
}

/// Spends from what is set aside for a message, and gives the rest back if told so.
pub(super) fn spend(connection: &Connection, message: i64, money: &Money) -> Result<()> {
    let Some((account, mut left)) = held(connection, message)? else { return Ok(()) };
    for charge in &money.charges {
        let micros = charge.micros.clamp(0, left);
        if micros == 0 {
            continue;
        }
        left -= micros;
        let available = shift(connection, account, 0, -micros)?;
        let step = Some(charge.step);
        let kind = MoneyKind::Charge;
        let row = Row {
            account,
            message: Some(message),
            step,
            kind,
            micros,
            available,
            at: money.at,
            reference: None,
        };
        write(connection, &row)?;
    }
    if money.release {
        return give_back(connection, account, message, left, money.at);
    }
    connection.prepare_cached("UPDATE hold SET micros = ?2 WHERE message = ?1")?.execute([message, left])?;
    Ok(())
}

fn give_back(connection: &Connection, account: i64, message: i64, left: i64, at: Time) -> Result<()> {
    connection.prepare_cached("DELETE FROM hold WHERE message = ?1")?.execute([message])?;
    if left == 0 {
        return Ok(());
    }
    let available = shift(connection, account, left, -left)?;
    let kind = MoneyKind::Refund;
    let row = Row {
        account,
        message: Some(message),
        step: None,
        kind,
        micros: left,
        available,
        at,
        reference: None,
    };
    write(connection, &row)
}

/// Lets go of a message that is being swept: what is still set aside for it (its account lost its
/// balance in the configuration meanwhile) goes back, its movements go.
pub(super) fn forget(connection: &Connection, message: i64) -> Result<()> {
    if let Some((account, left)) = held(connection, message)? {
        shift(connection, account, left, -left)?;
        connection.prepare_cached("DELETE FROM hold WHERE message = ?1")?.execute([message])?;
    }
    connection.prepare_cached("DELETE FROM ledger WHERE message = ?1")?.execute([message])?;
    Ok(())
}

/// Begins a balance; `false` if there is one.
pub(super) fn open(
    connection: &Connection,
    account: i64,
    currency: &str,
    micros: i64,
    at: Time,
) -> Result<bool> {
    let begun = connection
        .prepare_cached(
            "INSERT INTO balance (account, currency, available, held) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![account, currency, micros])?;
    if begun == 0 {
        return Ok(false);
    }
    let kind = MoneyKind::Opened;
    let row =
        Row { account, message: None, step: None, kind, micros, available: micros, at, reference: None };
    write(connection, &row)?;
    Ok(true)
}

/// Puts money in; `false` if there is no balance or the payment is known.
pub(super) fn top_up(connection: &Connection, account: i64, top_up: &TopUp) -> Result<bool> {
    if balance(connection, account)?.is_none() || is_known(connection, account, top_up)? {
        return Ok(false);
    }
    let available = shift(connection, account, top_up.micros, 0)?;
    let row = Row {
        account,
        message: None,
        step: None,
        kind: MoneyKind::TopUp,
        micros: top_up.micros,
        available,
        at: top_up.at,
        reference: top_up.reference.as_deref(),
    };
    write(connection, &row)?;
    Ok(true)
}

fn is_known(connection: &Connection, account: i64, top_up: &TopUp) -> Result<bool> {
    let Some(reference) = &top_up.reference else { return Ok(false) };
    connection
        .prepare_cached("SELECT 1 FROM ledger WHERE account = ?1 AND reference = ?2")?
        .exists(params![account, reference])
}

fn held(connection: &Connection, message: i64) -> Result<Option<(i64, i64)>> {
    connection
        .prepare_cached("SELECT account, micros FROM hold WHERE message = ?1")?
        .query_row([message], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Changes both sides of a balance; what is available afterwards.
fn shift(connection: &Connection, account: i64, available: i64, held: i64) -> Result<i64> {
    connection
        .prepare_cached(
            "UPDATE balance SET available = available + ?2, held = held + ?3 WHERE account = ?1
             RETURNING available",
        )?
        .query_row([account, available, held], |row| row.get(0))
}

fn write(connection: &Connection, row: &Row<'_>) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO ledger (account, message, step, kind, micros, available, at, reference)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            row.account,
            row.message,
            row.step,
            money_code(row.kind),
            row.micros,
            row.available,
            row.at.0,
            row.reference,
        ])?;
    Ok(())
}
