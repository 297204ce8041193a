//! What a carrier's codes mean: `command_status` of answers, states and errors of receipts.

use std::collections::BTreeMap;

use model::{Cause, Fault, Receipt, ReceiptStatus, network::NetworkCode};

use super::{
    receipt::{RawReceipt, to_utc},
    settings::{Settings, StatusKey},
};

/// Success.
pub(super) const OK: u32 = 0x00;
/// The length of a PDU cannot be.
pub(super) const INVALID_LENGTH: u32 = 0x02;
/// A PDU that is not known.
pub(super) const INVALID_COMMAND: u32 = 0x03;
/// A PDU that does not fit the state of the session.
pub(super) const INVALID_BIND_STATUS: u32 = 0x04;
/// We could not store a delivery now; the carrier tells it again.
pub(super) const TEMPORARY_APP_ERROR: u32 = 0x64;
/// We cannot read a delivery, and never will.
pub(super) const PERMANENT_APP_ERROR: u32 = 0x65;

/// What the session does about a refused submit, before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    Report,
    /// Submit it once more as it is.
    RepeatOnce,
    /// Submit it once more without optional TLVs.
    DropTlvs,
    /// Submit it once more without validity.
    DropValidity,
    /// Slow down for a moment.
    SlowDown,
    /// Slow down for longer: a queue is full.
    SlowDownLong,
    /// Bind again.
    Rebind,
}

/// One row of the table of `command_status` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// First and last value.
    pub(super) codes: (u32, u32),
    /// SMPP's name.
    pub(super) name: &'static str,
    /// Our word for it.
    pub(super) cause: Cause,
    /// What the session does first.
    pub(super) remedy: Remedy,
}

const fn row(code: u32, name: &'static str, cause: Cause, remedy: Remedy) -> Row {
    Row { codes: (code, code), name, cause, remedy }
}

use Remedy::{DropTlvs, DropValidity, Rebind, RepeatOnce, Report, SlowDown, SlowDownLong};

/// All values of SMPP 3.4 and 5.0; what is in no row is reserved.
pub(super) const TABLE: &[Row] = &[
    row(0x01, "ESME_RINVMSGLEN", Cause::ProviderError, Report),
    row(0x02, "ESME_RINVCMDLEN", Cause::ProviderError, Report),
    row(0x03, "ESME_RINVCMDID", Cause::ProviderError, Report),
    row(0x04, "ESME_RINVBNDSTS", Cause::ProviderDown, Rebind),
    row(0x05, "ESME_RALYBND", Cause::ProviderDown, Rebind),
    row(0x06, "ESME_RINVPRTFLG", Cause::ProviderError, Report),
    row(0x07, "ESME_RINVREGDLVFLG", Cause::ProviderError, Report),
    row(0x08, "ESME_RSYSERR", Cause::NetworkBusy, Report),
    row(0x0A, "ESME_RINVSRCADR", Cause::SenderInvalid, Report),
    row(0x0B, "ESME_RINVDSTADR", Cause::InvalidRecipient, Report),
    row(0x0C, "ESME_RINVMSGID", Cause::ProviderError, Report),
    row(0x0D, "ESME_RBINDFAIL", Cause::ProviderAccount, Report),
    row(0x0E, "ESME_RINVPASWD", Cause::ProviderAccount, Report),
    row(0x0F, "ESME_RINVSYSID", Cause::ProviderAccount, Report),
    row(0x11, "ESME_RCANCELFAIL", Cause::ProviderError, Report),
    row(0x13, "ESME_RREPLACEFAIL", Cause::ProviderError, Report),
    row(0x14, "ESME_RMSGQFUL", Cause::NetworkBusy, SlowDownLong),
    row(0x15, "ESME_RINVSERTYP", Cause::ProviderError, Report),
    row(0x33, "ESME_RINVNUMDESTS", Cause::ProviderError, Report),
    row(0x34, "ESME_RINVDLNAME", Cause::ProviderError, Report),
    row(0x40, "ESME_RINVDESTFLAG", Cause::ProviderError, Report),
    row(0x42, "ESME_RINVSUBREP", Cause::ProviderError, Report),
    row(0x43, "ESME_RINVESMCLASS", Cause::ProviderError, Report),
    row(0x44, "ESME_RCNTSUBDL", Cause::ProviderError, Report),
    row(0x45, "ESME_RSUBMITFAIL", Cause::NetworkRejected, RepeatOnce),
    row(0x48, "ESME_RINVSRCTON", Cause::SenderInvalid, Report),
    row(0x49, "ESME_RINVSRCNPI", Cause::SenderInvalid, Report),
    row(0x50, "ESME_RINVDSTTON", Cause::InvalidRecipient, Report),
    row(0x51, "ESME_RINVDSTNPI", Cause::InvalidRecipient, Report),
    row(0x53, "ESME_RINVSYSTYP", Cause::ProviderError, Report),
    row(0x54, "ESME_RINVREPFLAG", Cause::ProviderError, Report),
    row(0x55, "ESME_RINVNUMMSGS", Cause::ProviderError, Report),
    row(0x58, "ESME_RTHROTTLED", Cause::Throttled, SlowDown),
    row(0x61, "ESME_RINVSCHED", Cause::ProviderError, DropValidity),
    row(0x62, "ESME_RINVEXPIRY", Cause::ProviderError, DropValidity),
    row(0x63, "ESME_RINVDFTMSGID", Cause::ProviderError, DropValidity),
    row(0x64, "ESME_RX_T_APPN", Cause::NetworkBusy, Report),
    row(0x65, "ESME_RX_P_APPN", Cause::NetworkRejected, Report),
    row(0x66, "ESME_RX_R_APPN", Cause::NetworkRejected, Report),
    row(0x67, "ESME_RQUERYFAIL", Cause::ProviderError, Report),
    row(0xC0, "ESME_RINVTLVSTREAM", Cause::ProviderError, DropTlvs),
    row(0xC1, "ESME_RTLVNOTALLWD", Cause::ProviderError, DropTlvs),
    row(0xC2, "ESME_RINVTLVLEN", Cause::ProviderError, DropTlvs),
    row(0xC3, "ESME_RMISSINGTLV", Cause::ProviderError, DropTlvs),
    row(0xC4, "ESME_RINVTLVVAL", Cause::ProviderError, DropTlvs),
    row(0xFE, "ESME_RDELIVERYFAILURE", Cause::Undeliverable, RepeatOnce),
    row(0xFF, "ESME_RUNKNOWNERR", Cause::NetworkRejected, RepeatOnce),
    row(0x100, "ESME_RSERTYPUNAUTH", Cause::ProviderAccount, Report),
    row(0x101, "ESME_RPROHIBITED", Cause::ProviderAccount, Report),
    row(0x102, "ESME_RSERTYPUNAVAIL", Cause::NetworkBusy, Report),
    row(0x103, "ESME_RSERTYPDENIED", Cause::ProviderAccount, Report),
    row(0x104, "ESME_RINVDCS", Cause::UnsupportedContent, Report),
    row(0x105, "ESME_RINVSRCADDRSUBUNIT", Cause::ProviderError, Report),
    row(0x106, "ESME_RINVDSTADDRSUBUNIT", Cause::ProviderError, Report),
    row(0x107, "ESME_RINVBCASTFREQINT", Cause::ProviderError, Report),
    row(0x108, "ESME_RINVBCASTALIAS_NAME", Cause::ProviderError, Report),
    row(0x109, "ESME_RINVBCASTAREAFMT", Cause::ProviderError, Report),
    row(0x10A, "ESME_RINVNUMBCAST_AREAS", Cause::ProviderError, Report),
    row(0x10B, "ESME_RINVBCASTCNTTYPE", Cause::ProviderError, Report),
    row(0x10C, "ESME_RINVBCASTMSGCLASS", Cause::ProviderError, Report),
    row(0x10D, "ESME_RBCASTFAIL", Cause::ProviderError, Report),
    row(0x10E, "ESME_RBCASTQUERYFAIL", Cause::ProviderError, Report),
    row(0x10F, "ESME_RBCASTCANCELFAIL", Cause::ProviderError, Report),
    row(0x110, "ESME_RINVBCAST_REP", Cause::ProviderError, Report),
    row(0x111, "ESME_RINVBCASTSRVGRP", Cause::ProviderError, Report),
    row(0x112, "ESME_RINVBCASTCHANIND", Cause::ProviderError, Report),
    Row { codes: (0x400, 0x4FF), name: "vendor", cause: Cause::NetworkRejected, remedy: Report },
];

const RESERVED: Row = row(u32::MAX, "reserved", Cause::NetworkRejected, Report);

/// What SMPP says of a `command_status`.
pub(super) fn lookup(status: u32) -> Row {
    let known = TABLE.iter().find(|row| (row.codes.0..=row.codes.1).contains(&status));
    known.copied().unwrap_or(RESERVED)
}

/// The fault of a refused submit; the carrier's own table goes before SMPP's.
pub(super) fn fault(status: u32, own: &BTreeMap<StatusKey, Cause>) -> Fault {
    let row = lookup(status);
    let cause = own.get(&StatusKey(status)).copied().unwrap_or(row.cause);
    Fault::new(cause).with_network(format!("0x{status:08X}"), row.name)
}

/// What the session does about a refused submit. Where the carrier has a meaning of its own, that
/// decides.
pub(super) fn remedy(status: u32, own: &BTreeMap<StatusKey, Cause>) -> Remedy {
    let by_carrier = |cause: &Cause| if *cause == Cause::Throttled { SlowDown } else { Report };
    own.get(&StatusKey(status)).map_or_else(|| lookup(status).remedy, by_carrier)
}

/// Whether a refused bind must not be repeated soon, because carriers lock accounts.
pub(super) const fn is_credential_error(status: u32) -> bool {
    matches!(status, 0x05 | 0x0D..=0x0F)
}

/// `message_state` of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for its time (SMPP 5.0).
    Scheduled,
    /// On its way.
    Enroute,
    /// On the handset.
    Delivered,
    /// Its validity ran out.
    Expired,
    /// It was deleted.
    Deleted,
    /// It cannot be delivered.
    Undeliverable,
    /// Accepted on behalf of the handset.
    Accepted,
    /// The carrier does not know.
    Unknown,
    /// It was refused.
    Rejected,
    /// It was passed over (SMPP 5.0).
    Skipped,
}

impl State {
    /// Every state with its octet in the TLV and its word in the text.
    pub(super) const ALL: [(Self, u8, &'static str); 10] = [
        (Self::Scheduled, 0, "SCHEDLD"),
        (Self::Enroute, 1, "ENROUTE"),
        (Self::Delivered, 2, "DELIVRD"),
        (Self::Expired, 3, "EXPIRED"),
        (Self::Deleted, 4, "DELETED"),
        (Self::Undeliverable, 5, "UNDELIV"),
        (Self::Accepted, 6, "ACCEPTD"),
        (Self::Unknown, 7, "UNKNOWN"),
        (Self::Rejected, 8, "REJECTD"),
        (Self::Skipped, 9, "SKIPPED"),
    ];

    /// The state of a TLV.
    pub(super) fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == octet).map(|(state, ..)| *state)
    }

    /// The state of a text; carriers shorten and lengthen the words, so five letters decide.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let start = word.get(..5)?;
        Self::ALL.iter().find(|(.., known)| known[..5].eq_ignore_ascii_case(start)).map(|(state, ..)| *state)
    }

    /// The word of the text.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or("", |(.., word)| word)
    }
}

/// What a receipt says in our words; `None` if it has no state that we know.
pub(super) fn receipt(raw: &RawReceipt, settings: &Settings) -> Option<Receipt> {
    let state = raw.state?;
    let status = match state {
        State::Scheduled | State::Enroute => ReceiptStatus::Sent,
        State::Delivered => ReceiptStatus::Delivered,
        State::Accepted if settings.accepted_is_delivered => ReceiptStatus::Delivered,
        State::Accepted => ReceiptStatus::Sent,
        State::Unknown if settings.unknown_is_final => failed(raw, settings, Cause::FateUnknown),
        State::Unknown => ReceiptStatus::Sent,
        State::Expired => failed(raw, settings, Cause::ValidityExpired),
        State::Deleted => failed(raw, settings, Cause::Deleted),
        State::Undeliverable | State::Skipped => failed(raw, settings, Cause::Undeliverable),
        State::Rejected => failed(raw, settings, Cause::NetworkRejected),
    };
    let at = raw.done.map(|local| to_utc(local, settings.receipt_offset_minutes));
    Some(Receipt { status, at, network: Some(network_code(raw, state)) })
}

/// A failure's cause: by the carrier's own table, by the GSM error code, else by the state.
fn failed(raw: &RawReceipt, settings: &Settings, by_state: Cause) -> ReceiptStatus {
    let own = raw.err.as_deref().and_then(|err| own_cause(err, &settings.receipt_errors));
    let gsm = match raw.network_error {
        Some((NETWORK_GSM, code)) => {
            own_cause(&code.to_string(), &settings.receipt_errors).or_else(|| gsm_cause(code))
        }
        Some(_) | None => None,
    };
    ReceiptStatus::Failed(own.or(gsm).unwrap_or(by_state))
}

/// Carriers write the same code as `1`, `001` or `0x1`.
fn own_cause(err: &str, own: &BTreeMap<String, Cause>) -> Option<Cause> {
    let trimmed = err.trim_start_matches('0');
    let same = |known: &str| {
        known.eq_ignore_ascii_case(err) || known.trim_start_matches('0').eq_ignore_ascii_case(trimmed)
    };
    own.iter().find(|(known, _)| same(known)).map(|(_, cause)| *cause)
}

/// `network_error_code`: the type of GSM networks.
const NETWORK_GSM: u8 = 3;

/// 3GPP 29.002: MAP error codes of short message delivery.
fn gsm_cause(code: u16) -> Option<Cause> {
    Some(match code {
        1 | 5 => Cause::UnknownSubscriber,
        6 | 27 => Cause::AbsentSubscriber,
        9 | 11 | 12 | 21 => Cause::HandsetPermanent,
        13 => Cause::Barred,
        31..=33 => Cause::HandsetTemporary,
        34..=36 => Cause::NetworkBusy,
        _ => return None,
    })
}

fn network_code(raw: &RawReceipt, state: State) -> NetworkCode {
    let stat = raw.stat.as_deref().unwrap_or_else(|| state.word());
    let code = match (&raw.err, raw.network_error) {
        (Some(err), _) => format!("{stat}/{err}"),
        (None, Some((_, code))) => format!("{stat}/{code:03}"),
        (None, None) => stat.to_owned(),
    };
    NetworkCode::new(code, "")
}
