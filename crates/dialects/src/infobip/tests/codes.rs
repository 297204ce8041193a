//! The table of codes against the vendor's catalogue and our own documentation.

use std::{collections::BTreeSet, fmt::Write as _};

use model::{Cause, Channel, Status, message::Until};

use crate::{
    infobip::status::{self, FAULTS, Family, STATUSES},
    testkit::page_shows,
};

/// The vendor's page of codes, one row per line.
const CATALOGUE: &str = include_str!("../codes.csv");

fn catalogue(kind: &str) -> BTreeSet<String> {
    CATALOGUE
        .lines()
        .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(','))
        .map(str::to_owned)
        .collect()
}

fn without_family(row: &str) -> String {
    row.split_once(',').expect("a family first").1.to_owned()
}

#[test]
fn every_status_is_in_the_vendors_catalogue() {
    let rows: BTreeSet<String> = catalogue("status").iter().map(|row| without_family(row)).collect();
    for status in STATUSES {
        let row = format!("{},{},{},{},", status.group_id, status.group_name, status.id, status.name);
        assert!(rows.contains(&row), "{row}");
    }
}

#[test]
fn every_error_is_in_the_vendors_catalogue() {
    let rows: BTreeSet<String> = catalogue("error").iter().map(|row| without_family(row)).collect();
    for fault in FAULTS {
        let permanent = if fault.permanent { "yes" } else { "no" };
        let row = format!("{},{},{},{},{permanent}", fault.group_id, fault.group_name, fault.id, fault.name);
        assert!(rows.contains(&row), "{row}");
    }
}

#[test]
fn no_failure_is_told_as_pending_or_delivered() {
    for cause in Cause::ALL {
        for family in Family::ALL {
            let verdict = status::failure(*cause, family);
            assert!(matches!(verdict.status.group_id, 2 | 4 | 5), "{cause}");
            assert_ne!(verdict.fault.id, 0, "{cause}");
        }
    }
}

#[test]
fn every_rung_has_its_status_and_no_error() {
    let say = |rung, until, scheduled| {
        let verdict = status::verdict(rung, Channel::Email, until, scheduled);
        assert_eq!(verdict.fault.name, "NO_ERROR");
        verdict.status.id
    };
    assert_eq!(say(Status::Waiting, Until::Delivered, true), 26);
    assert_eq!(say(Status::Waiting, Until::Delivered, false), 7);
    assert_eq!(say(Status::Accepted, Until::Delivered, false), 7);
    assert_eq!(say(Status::Submitted, Until::Delivered, false), 3);
    assert_eq!(say(Status::Sent, Until::Delivered, false), 3);
    assert_eq!(say(Status::Delivered, Until::Delivered, false), 5);
    assert_eq!(say(Status::Read, Until::Delivered, false), 5);
    assert_eq!(say(Status::Played, Until::Delivered, false), 5);
    assert_eq!(say(Status::Submitted, Until::Submitted, false), 2);
    assert_eq!(say(Status::Delivered, Until::Submitted, false), 2);
}

#[test]
fn channel_names_read_back_as_the_channel_they_name() {
    let listed = [
        "SMS",
        "EMAIL",
        "VOICE",
        "PUSH",
        "VIBER",
        "WHATSAPP",
        "LINE",
        "VKONTAKTE",
        "KAKAO_CHINGU",
        "KAKAO_ALIM",
        "FACEBOOK",
        "PARSECO",
        "RCS",
    ];
    for label in listed {
        let channel = status::channel(label).expect("a channel");
        assert_eq!(status::label(channel), label);
    }
    assert_eq!(status::channel("VK"), Some(Channel::Vkontakte));
    assert_eq!(status::channel("sms"), None);
}

/// The table of causes as it stands in the documentation.
fn table() -> String {
    let mut table = "\
| cause | status | SMS, MMS, voice | chat channels | email | push |
|---|---|---|---|---|---|
"
    .to_owned();
    for cause in Cause::ALL {
        let status = status::failure(*cause, Family::General).status;
        write!(table, "| `{cause}` | {} {}", status.id, status.name).expect("string");
        for family in Family::ALL {
            let fault = status::failure(*cause, family).fault;
            write!(table, " | {} {}", fault.id, fault.name).expect("string");
        }
        table += " |\n";
    }
    table
}

#[test]
fn the_page_shows_the_table_of_codes_as_it_is() {
    page_shows("infobip", &table());
}
