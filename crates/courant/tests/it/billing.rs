//! Money and limits over real sockets: what callers of each API are told when the balance does
//! not cover a submission or the account asks too often, and what the ledger says of it.

use std::path::Path;

use courant::billing::{TopUpFault, top_up};
use model::AccountName;
use serde_json::{Value, json};
use store::{
    Balance, LedgerRow, MoneyKind, Store,
    sqlite::{SqliteOptions, SqliteStore},
};

use crate::{
    harness::{Stand, TELESIGN_BASIC, cascade},
    process::Process,
};

/// WhatsApp for 0.10, SMS for 0.04 per part.
const PRICES: &str = "price=[{channel='whatsapp',amount='0.10',currency='EUR'},\
                      {channel='sms',amount='0.04',per='part',currency='EUR'}]";
/// Numbers in North America.
const NUMBER_PLAN: &str = "number_plan=[{prefix='1',mcc='310',mnc='012'}]";
/// Gets everything on WhatsApp.
const READER: &str = "15550107777";
/// Has WhatsApp switched off: a message stays there until its patience runs out.
const SILENT: &str = "15550100002";
/// Can be reached by neither channel.
const NOWHERE: &str = "15550100003";
/// Has no WhatsApp; SMS works.
const SMS_ONLY: &str = "15550100001";
const HOUR_MS: u64 = 3_600_000;

/// A sandbox whose account begins with this balance.
async fn prepaid(initial: &str) -> Stand {
    Stand::start_with(None, &[PRICES, NUMBER_PLAN, &balance_setting(initial)]).await
}

fn balance_setting(initial: &str) -> String {
    format!("account[sandbox].balance={{currency='EUR',initial='{initial}'}}")
}

fn account() -> AccountName {
    AccountName::from("sandbox")
}

/// What is available, and what is set aside.
async fn sides(store: &dyn Store) -> (i64, i64) {
    let Balance { available, held, .. } =
        store.balance(account()).await.expect("it reads").expect("there is one");
    (available, held)
}

async fn ledger(stand: &Stand) -> Vec<LedgerRow> {
    stand.core().store.ledger(account(), None, 0, 1000).await.expect("it reads")
}

/// What is available and set aside is the sum of all movements.
async fn check_books(stand: &Stand) {
    let (mut available, mut held) = (0, 0);
    for row in ledger(stand).await {
        let (more, set_aside) = match row.kind {
            MoneyKind::Opened | MoneyKind::TopUp => (row.micros, 0),
            MoneyKind::Reserve => (-row.micros, row.micros),
            MoneyKind::Charge => (0, -row.micros),
            MoneyKind::Refund => (row.micros, -row.micros),
        };
        (available, held) = (available + more, held + set_aside);
        assert_eq!(row.available, available, "{row:?}");
    }
    assert_eq!(sides(&*stand.core().store).await, (available, held));
}

/// Sends one message by the Telesign API; the status and the vendor's code.
async fn telesign(stand: &Stand, number: &str) -> (u16, i64) {
    let (status, answer) = stand.telesign(&cascade(&stand.url, number, HOUR_MS, "money")).await;
    (status, answer["status"]["code"].as_i64().expect("a code"))
}

async fn post(stand: &Stand, path: &str, header: (&str, &str), body: &Value) -> Answered {
    let request = stand.client.post(format!("{}{path}", stand.url)).header(header.0, header.1);
    let response = request.json(body).send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Answered { status, headers, body: response.json().await.expect("JSON") }
}

struct Answered {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

async fn infobip(stand: &Stand, numbers: &[&str], message_id: Option<&str>) -> Answered {
    let to = |number: &&str| json!({"to": {"phoneNumber": number}, "messageId": message_id});
    let body = json!({
        "scenarioKey": "CC9F01A5DC7BEE2C2B829D203482A654",
        "destinations": numbers.iter().map(to).collect::<Vec<_>>(),
        "whatsApp": {"text": "by WhatsApp"},
        "sms": {"text": "by SMS"},
    });
    post(stand, "/omni/1/advanced", ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), &body).await
}

async fn webex(stand: &Stand) -> Answered {
    let body = json!({
        "deliverychannel": "whatsapp", "appid": "a_163939937300040800",
        "destination": [{"waid": [READER]}],
        "channels": {"OTT-Messaging": {"wa": {"type": "text", "text": {"body": "hello"}}}},
    });
    let key = ("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002");
    post(stand, "/resources/v1/messaging", key, &body).await
}

async fn messangi(stand: &Stand) -> Answered {
    let body = json!({
        "channel": "WHATSAPP",
        "request": {"from": "1000000001", "to": format!("+{READER}"), "message": "hello", "type": "text"},
    });
    post(stand, "/notification", ("authorization", "Bearer sandbox"), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_ran_dry_is_told_so_in_each_vendors_words() {
    let stand = prepaid("0.10").await;
    assert_eq!(telesign(&stand, SILENT).await, (200, 3001));
    assert_eq!(telesign(&stand, READER).await, (402, 3073));
    let answer = infobip(&stand, &[READER], None).await;
    assert_eq!((answer.status, &answer.body["messages"][0]["status"]["id"]), (200, &json!(12)));
    let answer = webex(&stand).await;
    assert_eq!((answer.status, &answer.body["response"]["code"]), (200, &json!("7020")), "{}", answer.body);
    let answer = messangi(&stand).await;
    assert_eq!((answer.status, &answer.body["errors"]["reason"]), (402, &json!("low balance")));
    assert_eq!(stand.inbox(READER).await, Vec::<Value>::new());
    assert_eq!(sides(&*stand.core().store).await, (0, 100_000));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_message_is_refunded_and_lets_the_next_one_through() {
    let stand = prepaid("0.10").await;
    let reference = stand.send(NOWHERE, HOUR_MS, "money").await;
    stand.settled(&reference, &[3003]).await;
    assert_eq!(sides(&*stand.core().store).await, (100_000, 0));
    let reference = stand.send(READER, HOUR_MS, "money").await;
    stand.settled(&reference, &[3000, 3005]).await;
    assert_eq!(sides(&*stand.core().store).await, (0, 0));
    let kinds: Vec<_> = ledger(&stand).await.iter().map(|row| (row.kind, row.micros)).collect();
    assert_eq!(
        kinds,
        [
            (MoneyKind::Opened, 100_000),
            (MoneyKind::Reserve, 100_000),
            (MoneyKind::Refund, 100_000),
            (MoneyKind::Reserve, 100_000),
            (MoneyKind::Charge, 100_000),
        ]
    );
    check_books(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_that_delivers_is_paid_and_told_with_the_network_of_the_number() {
    let stand = prepaid("1").await;
    let reference = stand.send(SMS_ONLY, HOUR_MS, "money").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(
        status["additional_info"],
        json!({"mcc": "310", "mnc": "012", "price": "0.0400", "currency": "EUR"})
    );
    assert_eq!(sides(&*stand.core().store).await, (960_000, 0));
    let charge =
        ledger(&stand).await.into_iter().find(|row| row.kind == MoneyKind::Charge).expect("a charge");
    assert_eq!((charge.micros, charge.step), (40_000, Some(1)));
    assert_eq!(charge.message.expect("a message").upper_hex(), reference);
    assert_eq!(infobip(&stand, &[SMS_ONLY], None).await.status, 200);
    let report = stand
        .find("the report", || async {
            let request = stand.client.get(format!("{}/omni/1/reports", stand.url));
            let request = request.header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
            let reports: Value = request.send().await.expect("an answer").json().await.expect("JSON");
            reports["results"].get(0).cloned()
        })
        .await;
    assert_eq!(report["price"], json!({"pricePerMessage": 0.04, "currency": "EUR"}));
    assert_eq!(report["mccMnc"], "310012");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_owed_on_submission_is_paid_although_another_delivers() {
    let prices = PRICES.replace("amount='0.10'", "amount='0.10',charge_on='submitted'");
    let stand = Stand::start_with(None, &[&prices, &balance_setting("0.15")]).await;
    let reference = stand.send(SMS_ONLY, HOUR_MS, "money").await;
    stand.settled(&reference, &[3000]).await;
    let moved: Vec<_> =
        ledger(&stand).await.iter().skip(1).map(|row| (row.kind, row.step, row.micros)).collect();
    assert_eq!(
        moved,
        [
            (MoneyKind::Reserve, None, 140_000),
            (MoneyKind::Charge, Some(0), 100_000),
            (MoneyKind::Charge, Some(1), 40_000),
        ]
    );
    check_books(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_does_not_change_its_currency() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    Stand::start_with(Some(data.clone()), &[&balance_setting("1")]).await.stop().await;
    let set = [balance_setting("1").replace("EUR", "USD")];
    let listen = "127.0.0.1:0".parse().expect("an address");
    let started = courant::cli::sandbox::RunningSandbox::start(listen, Some(data), &set).await;
    let error = started.err().expect("it does not start");
    assert_eq!(error, "the balance of account `sandbox` is kept in EUR, not in USD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_paid_for_as_a_whole_or_not_taken_at_all() {
    let stand = prepaid("0.10").await;
    let answer = infobip(&stand, &[READER, "15550107778"], None).await;
    let ids: Vec<_> = answer.body["messages"].as_array().expect("a list").iter().collect();
    assert!(ids.len() == 2 && ids.iter().all(|message| message["status"]["id"] == 12), "{}", answer.body);
    assert_eq!(sides(&*stand.core().store).await, (100_000, 0));
    assert_eq!(stand.inbox(READER).await, Vec::<Value>::new());
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_put_in_lets_messages_through_and_a_payment_counts_once() {
    let stand = prepaid("0").await;
    assert_eq!(telesign(&stand, SILENT).await, (402, 3073));
    let account = account();
    let pay = || top_up(stand.core(), &account, "0.15", Some("invoice 7".to_owned()));
    assert_eq!(pay().await.expect("it is put in").available, 150_000);
    assert!(matches!(pay().await, Err(TopUpFault::KnownPayment)));
    assert_eq!(telesign(&stand, SILENT).await, (200, 3001));
    assert_eq!(telesign(&stand, SILENT).await, (402, 3073));
    let nobody = top_up(stand.core(), &AccountName::from("other"), "1", None).await;
    assert!(matches!(nobody, Err(TopUpFault::NoBalance)));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_at_once_spend_what_there_is_and_no_more() {
    let stand = std::sync::Arc::new(prepaid("1").await);
    let requests: Vec<_> = (0..50)
        .map(|n| {
            let stand = std::sync::Arc::clone(&stand);
            tokio::spawn(async move { telesign(&stand, &format!("155501{n:02}777")).await })
        })
        .collect();
    let mut accepted = 0;
    for request in requests {
        match request.await.expect("a client") {
            (200, 3001) => accepted += 1,
            refused => assert_eq!(refused, (402, 3073)),
        }
    }
    assert_eq!(accepted, 10);
    stand.until("all are delivered", || async { sides(&*stand.core().store).await == (0, 0) }).await;
    assert!(ledger(&stand).await.iter().all(|row| row.available >= 0));
    check_books(&stand).await;
    let stand = std::sync::Arc::into_inner(stand).expect("the clients are gone");
    stand.stop().await;
}

async fn accepted(url: &str, number: &str) -> u16 {
    let request = reqwest::Client::new().post(format!("{url}/v1/omnichannel"));
    let request = request.header("authorization", TELESIGN_BASIC).json(&cascade(url, number, HOUR_MS, "m"));
    request.send().await.expect("an answer").status().as_u16()
}

/// The balance as it lies on the disk.
async fn kept(data: &Path) -> (i64, i64) {
    let names: Vec<&'static str> = dialects::ALL.iter().map(|dialect| dialect.name()).collect();
    let store =
        SqliteStore::open(SqliteOptions::new(data.join("courant.db"), names.leak())).expect("it opens");
    let sides = sides(&store).await;
    store.close().await.expect("it closes");
    sides
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_survive_a_kill_and_do_not_begin_anew() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let balance = balance_setting("0.25");
    let set = [PRICES, &balance];
    let process = Process::start(&data, &set);
    assert_eq!(accepted(&process.url, SILENT).await, 200);
    assert_eq!(accepted(&process.url, SILENT).await, 200);
    process.kill();
    assert_eq!(kept(&data).await, (50_000, 200_000));
    let process = Process::start(&data, &set);
    assert_eq!(accepted(&process.url, SILENT).await, 402);
    process.kill();
    assert_eq!(kept(&data).await, (50_000, 200_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_told_in_messangis_headers_and_held() {
    let quota = "account[sandbox].messages_per_window={requests=2,seconds=300}";
    let stand = Stand::start_with(None, &[quota]).await;
    for remaining in ["1", "0"] {
        let answer = messangi(&stand).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("ratelimit-limit"), "2");
        assert_eq!(answer.header("ratelimit-policy"), "2;w= 300");
        assert_eq!(answer.header("ratelimit-remaining"), remaining);
        assert!(!answer.header("ratelimit-reset").is_empty());
    }
    let answer = messangi(&stand).await;
    assert_eq!((answer.status, &answer.body["errors"]["reason"]), (429, &json!("Too Many Requests")));
    assert_eq!(answer.header("ratelimit-remaining"), "0");
    let retry: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=300).contains(&retry), "{retry}");
    // The quota is the account's, whatever API it speaks.
    assert_eq!(telesign(&stand, READER).await, (429, 3204));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_asks_too_often_is_told_so_in_each_vendors_words() {
    let stand = Stand::start_with(None, &["account[sandbox].requests_per_second=0.001"]).await;
    assert_eq!(telesign(&stand, READER).await, (200, 3001));
    assert_eq!(telesign(&stand, READER).await, (429, 3204));
    let answer = infobip(&stand, &[READER], None).await;
    let exception = &answer.body["requestError"]["serviceException"];
    assert_eq!((answer.status, &exception["messageId"]), (429, &json!("TOO_MANY_REQUESTS")));
    assert!(!answer.header("retry-after").is_empty());
    let answer = webex(&stand).await;
    assert_eq!((answer.status, &answer.body["response"]["code"]), (200, &json!("7020")), "{}", answer.body);
    let answer = messangi(&stand).await;
    assert_eq!((answer.status, &answer.body["errors"]["reason"]), (429, &json!("Too Many Requests")));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_id_already_taken_is_told_as_rejected_and_costs_nothing() {
    let stand = prepaid("0.30").await;
    let first = infobip(&stand, &[SILENT], Some("mine")).await;
    assert_ne!(first.body["messages"][0]["status"]["groupName"], "REJECTED", "{}", first.body);
    let again = infobip(&stand, &[SILENT], Some("mine")).await;
    assert_eq!(again.body["messages"][0]["status"]["groupName"], "REJECTED", "{}", again.body);
    assert_eq!(sides(&*stand.core().store).await, (200_000, 100_000));
    stand.stop().await;
}
