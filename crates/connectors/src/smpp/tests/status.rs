use model::{Cause, ReceiptStatus, Time};

use super::{
    super::{
        receipt::read_text,
        status::{Remedy, State, TABLE, fault, is_credential_error, lookup, receipt, remedy},
    },
    settings,
};

/// The status that a receipt's text comes to.
fn status(text: &str, more: &str) -> Option<ReceiptStatus> {
    receipt(&read_text(text.as_bytes(), 0), &settings(more)).map(|receipt| receipt.status)
}

#[test]
fn states_become_statuses_and_doubtful_ones_follow_the_settings() {
    use ReceiptStatus::{Delivered, Failed, Sent};
    assert_eq!(status("id:1 stat:SCHEDLD", ""), Some(Sent));
    assert_eq!(status("id:1 stat:ENROUTE", ""), Some(Sent));
    assert_eq!(status("id:1 stat:DELIVRD", ""), Some(Delivered));
    assert_eq!(status("id:1 stat:EXPIRED", ""), Some(Failed(Cause::ValidityExpired)));
    assert_eq!(status("id:1 stat:DELETED", ""), Some(Failed(Cause::Deleted)));
    assert_eq!(status("id:1 stat:UNDELIV", ""), Some(Failed(Cause::Undeliverable)));
    assert_eq!(status("id:1 stat:REJECTD", ""), Some(Failed(Cause::NetworkRejected)));
    assert_eq!(status("id:1 stat:SKIPPED", ""), Some(Failed(Cause::Undeliverable)));
    assert_eq!(status("id:1 stat:ACCEPTD", ""), Some(Sent));
    assert_eq!(status("id:1 stat:ACCEPTD", "accepted_is_delivered = true"), Some(Delivered));
    assert_eq!(status("id:1 stat:UNKNOWN", ""), Some(Sent));
    assert_eq!(status("id:1 stat:UNKNOWN", "unknown_is_final = true"), Some(Failed(Cause::FateUnknown)));
    assert_eq!(status("id:1", ""), None);
}

#[test]
fn a_carriers_error_table_names_the_cause_of_a_failure() {
    let table = "[receipt_errors]\n'001' = 'absent_subscriber'\n'a0' = 'spam'";
    assert_eq!(
        status("id:1 stat:UNDELIV err:1", table),
        Some(ReceiptStatus::Failed(Cause::AbsentSubscriber))
    );
    assert_eq!(status("id:1 stat:UNDELIV err:A0", table), Some(ReceiptStatus::Failed(Cause::Spam)));
    assert_eq!(status("id:1 stat:UNDELIV err:9", table), Some(ReceiptStatus::Failed(Cause::Undeliverable)));
    assert_eq!(status("id:1 stat:DELIVRD err:1", table), Some(ReceiptStatus::Delivered));
}

#[test]
fn a_gsm_error_code_names_the_cause_unless_the_carrier_does() {
    let mut raw = read_text(b"id:1 stat:UNDELIV", 0);
    raw.network_error = Some((3, 27));
    let of = |more: &str| receipt(&raw, &settings(more)).map(|receipt| receipt.status);
    assert_eq!(of(""), Some(ReceiptStatus::Failed(Cause::AbsentSubscriber)));
    assert_eq!(of("[receipt_errors]\n'27' = 'barred'"), Some(ReceiptStatus::Failed(Cause::Barred)));
}

#[test]
fn a_receipt_keeps_the_carriers_words_and_date() {
    let raw = read_text(b"id:1 done date:2611201431 stat:UNDELIV err:027", 0);
    let receipt = receipt(&raw, &settings("receipt_offset_minutes = 120")).expect("has a state");
    assert_eq!(receipt.at, Some(Time::from_secs(1_795_177_860)));
    assert_eq!(receipt.network.map(|network| network.code).as_deref(), Some("UNDELIV/027"));
}

#[test]
fn every_state_is_known_by_octet_and_word() {
    for (state, octet, word) in State::ALL {
        assert_eq!(
            (State::from_octet(octet), State::from_word(word), state.word()),
            (Some(state), Some(state), word)
        );
    }
    assert_eq!(State::from_octet(10), None);
    assert_eq!(State::from_word("é"), None);
}

#[test]
fn a_status_of_the_carriers_own_goes_before_the_standard() {
    let own = settings("[status_causes]\n'0x0401' = 'no_balance'\n'88' = 'quota_exceeded'").status_causes;
    assert_eq!(fault(0x401, &own).cause, Cause::NoBalance);
    assert_eq!(fault(0x58, &own).cause, Cause::QuotaExceeded);
    assert_eq!(fault(0x402, &own).cause, Cause::NetworkRejected);
    assert_eq!(
        fault(0x7777, &own).network.map(|n| (n.code, n.text)),
        Some(("0x00007777".into(), "reserved".into()))
    );
}

#[test]
fn a_meaning_of_the_carriers_own_decides_what_the_session_does() {
    let own = settings("[status_causes]\n'0x0401' = 'throttled'\n'0x45' = 'spam'").status_causes;
    assert_eq!(remedy(0x401, &own), Remedy::SlowDown);
    assert_eq!(remedy(0x45, &own), Remedy::Report);
    assert_eq!(remedy(0xFF, &own), Remedy::RepeatOnce);
}

#[test]
fn refused_credentials_are_not_tried_fast() {
    let slow: Vec<u32> = (0..0x500).filter(|&status| is_credential_error(status)).collect();
    assert_eq!(slow, [0x05, 0x0D, 0x0E, 0x0F]);
}

#[test]
fn the_table_has_no_value_twice() {
    for status in 0..0x1000 {
        let rows = TABLE.iter().filter(|row| (row.codes.0..=row.codes.1).contains(&status)).count();
        assert!(rows <= 1, "{status:#x}");
    }
    assert_eq!(lookup(0x58).name, "ESME_RTHROTTLED");
}

/// The rows of a table in the documentation that has this heading line.
fn documented(heading: &str) -> Vec<String> {
    let page = include_str!("../../../../../docs/connectors/smpp.md");
    let rows = page.lines().skip_while(|line| *line != heading).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

#[test]
fn the_documented_status_table_is_that_of_the_code() {
    let rows: Vec<String> = TABLE
        .iter()
        .map(|row| {
            let (first, last) = row.codes;
            let codes =
                if first == last { format!("0x{first:02X}") } else { format!("0x{first:X}-0x{last:X}") };
            format!("| {codes} | {} | {} | {:?} |", row.name, row.cause, row.remedy)
        })
        .collect();
    assert_eq!(documented("| status | name | cause | first |"), rows);
}

#[test]
fn the_documented_state_table_is_that_of_the_code() {
    let rows: Vec<String> = State::ALL
        .iter()
        .map(|(_, octet, word)| {
            let status = match status(&format!("id:1 stat:{word}"), "") {
                Some(ReceiptStatus::Failed(cause)) => format!("failed: {cause}"),
                Some(ReceiptStatus::Sent) => "sent".into(),
                Some(ReceiptStatus::Delivered) => "delivered".into(),
                Some(ReceiptStatus::Read | ReceiptStatus::Played) | None => "nothing".into(),
            };
            format!("| {octet} | {word} | {status} |")
        })
        .collect();
    assert_eq!(documented("| state | word | becomes |"), rows);
}
