//! Prices, networks and what is set aside, without a store.

use std::sync::Arc;

use model::{
    AccountName, BatchId, Brief, Channel, Content, Message, MessageId, Phone, Plan, Recipient, Report, Span,
    Status, Step, Time,
    content::Text,
    message::{Body, Extras, OnUnknown, RouteChoice, Shared, Until},
    report::StepReport,
};

use super::{
    Billing,
    networks::{Network, Portability, Ported},
    taken,
};
use crate::{
    accounts::Window,
    config::{Amount, Config, Day, QuotaConfig, Source},
};

const PRICES: &str = r#"
[[price]]
channel = "sms"
per = "part"
amount = "0.05"
currency = "EUR"
[[price]]
channel = "sms"
prefix = "44"
amount = "0.04"
currency = "EUR"
[[price]]
channel = "sms"
prefix = "4477"
amount = "0.03"
currency = "EUR"
[[price]]
channel = "sms"
prefix = "4477"
from = "2026-06-01"
amount = "0.035"
currency = "EUR"
[[price]]
channel = "sms"
sender = "SHOP"
amount = "0.02"
currency = "EUR"
[[price]]
channel = "sms"
account = "large"
amount = "0.01"
currency = "EUR"
[[price]]
channel = "sms"
account = "american"
amount = "0.09"
currency = "USD"
[[price]]
channel = "whatsapp"
charge_on = "submitted"
amount = "0.1"
currency = "EUR"

[[account]]
name = "small"
balance = { currency = "EUR", initial = "1" }
[[account]]
name = "large"
[[account]]
name = "american"
balance = { currency = "USD", prepaid = false }
"#;

fn parse(text: &str) -> Result<Config, String> {
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Config::parse(&source, &[]).map_err(|error| error.to_string())
}

fn billing() -> Billing {
    Billing::new(&parse(PRICES).expect("it is right")).expect("nothing is read")
}

fn day(text: &str) -> Time {
    Day::try_from(text.to_owned()).expect("a day").0
}

fn step(channel: Channel, sender: Option<&str>, text: &str) -> Step {
    Step {
        channel,
        sender: sender.map(str::to_owned),
        body: Body::Ready(Content::Text(Text::new(text))),
        patience: Span::from_secs(1),
        validity: Span::from_secs(1),
        until: Until::Delivered,
        routes: vec![RouteChoice { route: "route".into(), on_unknown: OnUnknown::AtMostOnce }],
        extras: Extras::default(),
    }
}

fn message(account: &str, phone: &str, at: Time, steps: Vec<Step>) -> Message {
    let plan = Plan::new(steps).expect("a few steps");
    Message {
        id: MessageId::new(at, 1),
        account: AccountName::from(account),
        dialect: "telesign",
        batch: BatchId::new(at, 1),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(Phone::parse(phone).expect("a number")),
        client_ref: None,
        memo: None,
        accepted_at: at,
        shared: Arc::new(Shared { brief: Brief::default(), plan }),
    }
}

/// What an SMS of one part costs, in millionths.
fn sms(account: &str, sender: Option<&str>, phone: &str, on: &str) -> Option<i64> {
    let message = message(account, phone, day(on), vec![step(Channel::Sms, sender, "hello")]);
    billing().quote(&message, 0).map(|quote| quote.price.micros)
}

#[test]
fn the_most_specific_price_applies() {
    assert_eq!(sms("small", None, "33612345678", "2026-01-01"), Some(50_000));
    assert_eq!(sms("small", None, "442071234567", "2026-01-01"), Some(40_000));
    assert_eq!(sms("small", None, "447700900123", "2026-01-01"), Some(30_000));
    // The sender goes before the prefix, the account before the sender.
    assert_eq!(sms("small", Some("SHOP"), "447700900123", "2026-01-01"), Some(20_000));
    assert_eq!(sms("large", Some("SHOP"), "447700900123", "2026-01-01"), Some(10_000));
}

#[test]
fn a_price_applies_from_its_day_on() {
    assert_eq!(sms("small", None, "447700900123", "2026-05-31"), Some(30_000));
    assert_eq!(sms("small", None, "447700900123", "2026-06-01"), Some(35_000));
}

#[test]
fn prices_in_another_currency_than_the_balance_do_not_apply() {
    assert_eq!(sms("american", Some("SHOP"), "447700900123", "2026-01-01"), Some(90_000));
    let whatsapp = message("american", "1", day("2026-01-01"), vec![step(Channel::Whatsapp, None, "hello")]);
    assert_eq!(billing().quote(&whatsapp, 0), None);
}

#[test]
fn a_text_is_paid_by_its_parts_where_the_price_says_so() {
    let long = step(Channel::Sms, None, &"Ж".repeat(71));
    let message = message("small", "33612345678", day("2026-01-01"), vec![long]);
    assert_eq!(billing().most(&message), 100_000);
}

#[test]
fn what_can_never_be_sent_costs_nothing() {
    let mut void = step(Channel::Sms, None, "hello");
    void.body = Body::Void(model::Cause::MissingAddress);
    let mut nowhere = step(Channel::Sms, None, "hello");
    nowhere.routes.clear();
    let message = message("small", "33612345678", day("2026-01-01"), vec![void, nowhere]);
    assert_eq!(billing().most(&message), 0);
}

#[test]
fn set_aside_is_what_is_owed_on_submission_and_the_highest_of_the_rest() {
    let steps = vec![
        step(Channel::Whatsapp, None, "hello"),
        step(Channel::Sms, Some("SHOP"), "hello"),
        step(Channel::Sms, None, "hello"),
    ];
    assert_eq!(billing().most(&message("small", "33612345678", day("2026-01-01"), steps)), 150_000);
}

#[test]
fn an_insert_requires_what_those_after_it_require_as_well() {
    let small = AccountName::from("small");
    let reserves = billing().reserves(&small, vec![vec![1, 2], vec![], vec![4]]).expect("it has a balance");
    let required: Vec<i64> = reserves.iter().map(|reserve| reserve.required).collect();
    assert_eq!(required, [7, 4, 4]);
    assert_eq!(reserves[0].micros, [1, 2]);
    assert!(reserves.iter().all(|reserve| !reserve.may_owe));
    assert_eq!(billing().reserves(&AccountName::from("large"), vec![vec![1]]), None);
    let american = billing().reserves(&AccountName::from("american"), vec![vec![1]]);
    assert!(american.expect("it has a balance")[0].may_owe);
}

/// A report of these steps' statuses; all but waiting ones were taken by a network.
fn report(statuses: &[Status], deciding: u8, settled: bool) -> Report {
    let now = day("2026-01-01");
    let steps = statuses.iter().zip(0..).map(|(status, index)| StepReport {
        index,
        channel: Channel::Sms,
        sender: None,
        status: *status,
        given_up: None,
        network: None,
        upstream: None,
        attempts: 1,
        parts: 1,
        begun_at: now,
        submitted_at: (*status != Status::Accepted).then_some(now),
        delivered_at: None,
        read_at: None,
        updated_at: now,
    });
    let status = statuses[usize::from(deciding)];
    Report { status, settled, updated_at: now, deciding_step: deciding, steps: steps.collect() }
}

const FAILED: Status = Status::Failed(model::Cause::Undeliverable);

fn cascade() -> Message {
    let steps = vec![step(Channel::Whatsapp, None, "hello"), step(Channel::Sms, None, "hello")];
    message("small", "33612345678", day("2026-01-01"), steps)
}

#[test]
fn a_step_owed_on_submission_is_charged_once_when_a_network_takes_it() {
    let (billing, message) = (billing(), cascade());
    let submitted = report(&[Status::Submitted], 0, false);
    let money = billing.spend(&message, 0, &submitted, false, Time(1)).expect("it is owed");
    assert_eq!((money.charges[0].step, money.charges[0].micros, money.release), (0, 100_000, false));
    assert_eq!(billing.spend(&message, taken(&submitted), &submitted, false, Time(1)), None);
}

#[test]
fn a_step_owed_on_delivery_is_charged_when_the_message_ends_well_and_the_rest_goes_back() {
    let (billing, message) = (billing(), cascade());
    let before = taken(&report(&[FAILED, Status::Submitted], 1, false));
    let delivered = report(&[FAILED, Status::Delivered], 1, true);
    let money = billing.spend(&message, before, &delivered, true, Time(1)).expect("it is owed");
    assert_eq!(money.charges.len(), 1);
    assert_eq!((money.charges[0].step, money.charges[0].micros, money.release), (1, 50_000, true));
}

#[test]
fn a_message_that_fails_gives_everything_back_that_was_not_owed_before() {
    let (billing, message) = (billing(), cascade());
    let failed = report(&[FAILED, FAILED], 1, true);
    let money = billing.spend(&message, taken(&failed), &failed, true, Time(1)).expect("it ends");
    assert_eq!((money.charges.len(), money.release), (0, true));
}

#[test]
fn the_price_told_is_what_the_deciding_step_costs() {
    let (billing, message) = (billing(), cascade());
    let told = |report: &Report| {
        billing.price(&message, report, report.settled.then_some(report.updated_at)).map(|price| price.micros)
    };
    assert_eq!(told(&report(&[Status::Accepted], 0, false)), Some(100_000));
    assert_eq!(told(&report(&[FAILED, Status::Delivered], 1, true)), Some(50_000));
    assert_eq!(told(&report(&[FAILED, FAILED], 1, true)), None);
    assert_eq!(told(&report(&[FAILED], 0, true)), Some(100_000));
}

#[test]
fn what_a_network_took_after_the_message_had_failed_has_no_price() {
    let (billing, message) = (billing(), cascade());
    let mut late = report(&[FAILED], 0, true);
    late.steps[0].submitted_at = Some(late.updated_at + Span::from_secs(1));
    assert_eq!(billing.price(&message, &late, Some(late.updated_at)), None);
    // It would have been owed before the end.
    assert!(billing.price(&message, &late, None).is_some());
}

const PLAN: &str = r#"
[[number_plan]]
prefix = "43"
mcc = "232"
mnc = "99"
[[number_plan]]
prefix = "43664"
mcc = "232"
mnc = "01"
[[number_plan]]
prefix = "43664"
mcc = "232"
mnc = "001"
from = "2026-06-01"
"#;

#[test]
fn the_longest_prefix_known_at_the_time_names_the_network() {
    let billing = Billing::new(&parse(PLAN).expect("it is right")).expect("nothing is read");
    let network = |phone: &str, on: &str| {
        billing.mcc_mnc(&message("a", phone, day(on), vec![step(Channel::Sms, None, "hello")]))
    };
    assert_eq!(network("436601234567", "2026-01-01").as_deref(), Some("23299"));
    assert_eq!(network("436641234567", "2026-01-01").as_deref(), Some("23201"));
    assert_eq!(network("436641234567", "2026-07-01").as_deref(), Some("232001"));
    assert_eq!(network("15550100004", "2026-07-01"), None);
}

#[test]
fn a_ported_number_belongs_to_the_network_of_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("ported.csv");
    std::fs::write(&table, "# ported\n\n+43 664 1234567, 232, 05\n").expect("written");
    let text = format!("[portability]\ntable = {:?}\n{PLAN}", table.display().to_string());
    let billing = Billing::new(&parse(&text).expect("it is right")).expect("the table is read");
    let network = |phone: &str| {
        let steps = vec![step(Channel::Sms, None, "hello")];
        billing.mcc_mnc(&message("a", phone, day("2026-01-01"), steps))
    };
    assert_eq!(network("436641234567").as_deref(), Some("23205"));
    assert_eq!(network("436641234568").as_deref(), Some("23201"));
}

#[test]
fn a_wrong_line_of_the_table_is_named() {
    for text in ["\n4366,232", "\n4366,23,01", "\n4366,232,1", "\nx,232,01", "\n4366,232,01,2"] {
        assert_eq!(Ported::parse(text).map(|_| ()), Err("2: expected number,mcc,mnc".to_owned()), "{text:?}");
    }
    let known = Ported::parse("1,310,012").expect("right");
    assert_eq!(known.network(&Phone::parse("1").expect("a number")), Network::new("310", "012"));
}

#[test]
fn amounts_are_decimal_text_of_at_most_six_places() {
    for (text, micros) in [("0", 0), ("1", 1_000_000), ("0.0075", 7_500), ("12.345678", 12_345_678)] {
        assert_eq!(Amount::parse(text), Some(Amount(micros)), "{text}");
    }
    for text in
        ["", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "0.1234567", "1000000001", "99999999999999999999"]
    {
        assert_eq!(Amount::parse(text), None, "{text}");
    }
}

#[test]
fn contradictions_are_told() {
    let price = "[[price]]\nchannel = \"sms\"\namount = \"1\"\n";
    let account = "[[account]]\nname = \"a\"\n";
    let number = "[[number_plan]]\nprefix = \"1\"\nmcc = \"310\"\n";
    let cases = [
        (format!("{price}currency = \"euro\""), "is not a currency"),
        (format!("{price}currency = \"EUR\"\nprefix = \"+44\""), "is not a prefix"),
        (format!("{price}currency = \"EUR\"\naccount = \"b\"\n{account}"), "which is not configured"),
        (format!("{price}currency = \"EUR\"\n{price}currency = \"EUR\""), "same conditions"),
        (format!("{price}currency = \"EUR\"\nfrom = \"2026-13-01\""), "is not a day"),
        (
            format!(
                "{price}currency = \"EUR\"\naccount = \"a\"\n{account}balance = {{ currency = \"USD\" }}"
            ),
            "pays in USD",
        ),
        (format!("{number}mnc = \"1\""), "not the codes of a network"),
        (format!("{number}mnc = \"01\"\n{number}mnc = \"02\""), "stands twice"),
        (format!("{account}messages_per_window = {{ requests = 0, seconds = 1 }}"), "lets nothing through"),
        (
            format!(
                "{account}messages_per_window = {{ requests = 2, seconds = 1 }}\n\
                 [account.dialects.messangi]\nquota = {{ requests = 3, window_seconds = 1 }}"
            ),
            "tells another quota",
        ),
    ];
    for (text, complaint) in cases {
        let error = parse(&text).expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let page = include_str!("../../../../docs/accounts.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), page.matches("```toml").count());
    assert!(examples.len() > 4);
    for example in examples {
        let example = example.replace("{ env = \"SHOP_PASSWORD\" }", "\"secret\"");
        let parsed: Result<Config, _> = toml::from_str(&example);
        assert!(parsed.is_ok(), "{example}\n{parsed:?}");
    }
}

/// The commented keys of the default configuration that are about money, uncommented.
#[test]
fn the_default_configuration_shows_keys_that_exist() {
    let about_money = |section: &&str| {
        ["[[price]]", "[[number_plan]]", "[[account]]"].iter().any(|head| section.contains(head))
    };
    let sections: Vec<&str> = crate::config::DEFAULT.split("\n#\n").filter(about_money).collect();
    assert_eq!(sections.len(), 3);
    for section in sections {
        // The section ends where the comments do.
        let comments = section.lines().take_while(|line| line.starts_with('#'));
        let lines = comments.filter_map(|line| line.strip_prefix("# "));
        let keys: String = lines
            .filter(|line| line.starts_with("[[") || line.contains(" = "))
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        let parsed: Result<Config, _> = toml::from_str(&keys);
        assert!(parsed.is_ok(), "{keys}\n{parsed:?}");
    }
}

#[test]
fn a_quota_is_whole_again_when_its_window_ends() {
    let mut window = Window::new(QuotaConfig { requests: 2, seconds: 300 });
    let at = |seconds| Time::from_secs(1_000_000_i64 + seconds);
    let stand = |window: &Window, seconds| {
        let state = window.state(at(seconds));
        (state.remaining, state.reset_in.as_secs())
    };
    assert_eq!(stand(&window, 0), (2, 300));
    assert_eq!(window.take(at(0)), Ok(()));
    assert_eq!(stand(&window, 100), (1, 200));
    assert_eq!(window.take(at(100)), Ok(()));
    assert_eq!(window.take(at(250)), Err(Span::from_secs(50)));
    assert_eq!(stand(&window, 250), (0, 50));
    assert_eq!(stand(&window, 300), (2, 300));
    assert_eq!(window.take(at(400)), Ok(()));
    assert_eq!(stand(&window, 400), (1, 300));
}
