//! Tokens that are limited to accounts, tried on every operation that the API's own description
//! names: what is another account's does not exist for them, and is not counted, changed or told of.
//! An operation that this file does not know fails it, so that a new one cannot forget the limit.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Stand, TELESIGN_BASIC, cascade};

/// Telesign's credentials of the sandbox's second account.
const OTHERS_BASIC: &str =
    "Basic RkZGRkZGRkYtRUVFRS1ERERELUNDQ0MtQkJCQkJCQkJCQkJCOmIzUm9aWEl0WVdOamIzVnVkQzFyWlhrPQ==";

/// Each account has money, and senders that nobody else may use.
const SETTINGS: [&str; 6] = [
    "account[sandbox].balance={currency='EUR',initial='1.00'}",
    "account[sandbox].senders={sms=['Ours'],whatsapp=['OursWA']}",
    "account[sandbox].default_sender={sms='Ours',whatsapp='OursWA'}",
    "account[other].balance={currency='EUR',initial='1.00'}",
    "account[other].senders={sms=['Theirs'],whatsapp=['TheirsWA']}",
    "account[other].default_sender={sms='Theirs',whatsapp='TheirsWA'}",
];

/// What an account has, one of each kind.
struct Things {
    account: &'static str,
    sender: &'static str,
    number: &'static str,
    message: String,
    media: String,
    scenario: String,
    token: &'static str,
    callback: i64,
    /// Texts that tell of the account or of one of its things.
    marks: Vec<String>,
}

/// How an operation is done to somebody's things.
struct Deed {
    path: String,
    body: Option<Value>,
    kind: Kind,
}

/// What becomes of an operation that a limited token does to another account's things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There are no such things.
    Hidden,
    /// It concerns all accounts, whosever things are named.
    OfAll,
    /// It is done, and tells of nothing and changes nothing that is out of reach.
    Filtered,
    /// It tells of nobody's things.
    Open,
}

impl Things {
    /// The ways in which an operation can touch these things.
    fn deeds(&self, operation: &str, path: &str) -> Vec<Deed> {
        let Self { account, sender, number, message, media, scenario, token, callback, .. } = self;
        let id = match operation {
            "readMedia" | "removeMedia" => media.as_str(),
            "revokeToken" => token,
            _ => message,
        };
        let name = if operation.ends_with("Route") {
            "sms"
        } else if operation.ends_with("Sender") {
            sender
        } else {
            account
        };
        let path = path.replace("{id}", id).replace("{name}", name).replace("{key}", scenario);
        let path = path.replace("{channel}", "sms");
        let one = |body: Option<Value>, kind| vec![Deed { path: path.clone(), body, kind }];
        let asked =
            |query: String| Deed { path: format!("{path}?{query}"), body: None, kind: Kind::Filtered };
        let plan = json!({"attach": account, "patience_ms": 200, "then": [{"channel": "sms"}]});
        let flow = json!({"name": format!("flow of {account}"), "flow": [{"channel": "sms"}]});
        match operation {
            "describe" => one(None, Kind::Open),
            "overview" | "listRoutes" | "listSenders" | "listAccounts" | "listTokens" => {
                one(None, Kind::Filtered)
            }
            "listMessages" => {
                let narrow = [
                    String::new(),
                    format!("account={account}"),
                    format!("id={message}"),
                    format!("number={number}"),
                ];
                narrow.into_iter().chain(["limit=1".to_owned()]).map(asked).collect()
            }
            "findMessages" => vec![
                asked(format!("text={message}")),
                asked(format!("text={number}")),
                asked(format!("text=ref-{account}")),
                asked(format!("text=bulk-{account}")),
            ],
            "listCallbacks" | "readStats" => {
                vec![asked(String::new()), asked(format!("account={account}"))]
            }
            "replayCallbacks" => [
                json!({"ids": [callback]}),
                json!({"account": account}),
                json!({"url_prefix": format!("http://10.9.8.7/{account}")}),
            ]
            .map(|body| Deed { path: path.clone(), body: Some(body), kind: Kind::Filtered })
            .into(),
            "sendMessage" => one(Some(sms(account, number)), Kind::Hidden),
            "readMessage" | "readHistory" | "cancelMessage" | "resendMessage" => one(None, Kind::Hidden),
            "pauseRoute" | "resumeRoute" | "drainRoute" | "backup" => one(None, Kind::OfAll),
            "pauseSender" | "resumeSender" | "drainSender" => one(None, Kind::Hidden),
            "readAccount" | "readPlans" | "resetPlans" | "readBalance" | "readLedger" => {
                one(None, Kind::Hidden)
            }
            "writePlans" => one(Some(json!({"version": 1, "plans": [plan]})), Kind::Hidden),
            "checkPlans" => one(Some(json!({"plans": [plan]})), Kind::Hidden),
            "listScenarios" | "readScenario" | "removeScenario" => one(None, Kind::Hidden),
            "createScenario" | "replaceScenario" => one(Some(flow), Kind::Hidden),
            "topUp" => one(Some(json!({"amount": "1.00"})), Kind::Hidden),
            "uploadMedia" | "listMedia" => vec![Deed {
                path: format!("{path}?account={account}"),
                body: (operation == "uploadMedia").then(|| json!("a file")),
                kind: Kind::Hidden,
            }],
            "readMedia" | "removeMedia" | "revokeToken" => one(None, Kind::Hidden),
            "streamEvents" => {
                vec![Deed { path: format!("{path}?message={message}"), body: None, kind: Kind::Hidden }]
            }
            "createToken" => {
                let new =
                    json!({"name": format!("more {account}"), "scopes": ["look"], "accounts": [account]});
                one(Some(new), Kind::Hidden)
            }
            unknown => panic!("say how {unknown} touches an account's things, and see that its limit holds"),
        }
    }
}

fn sms(account: &str, number: &str) -> Value {
    json!({"account": account, "to": number, "steps": [{"channel": "sms", "text": format!("text of {account}")}]})
}

/// The answer's status and text; of a stream that begins, nothing more.
async fn ask(stand: &Stand, token: &str, method: Method, deed: &Deed) -> (u16, String) {
    let request =
        stand.client.request(method, format!("{}/api/v1{}", stand.url, deed.path)).bearer_auth(token);
    let request = match &deed.body {
        Some(body) => request.json(body),
        None => request,
    };
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let streams = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    (status, if streams { String::new() } else { response.text().await.expect("a text") })
}

async fn done(stand: &Stand, token: &str, method: Method, path: &str, body: Option<Value>) -> Value {
    let deed = Deed { path: path.to_owned(), body, kind: Kind::Open };
    let (status, text) = ask(stand, token, method, &deed).await;
    assert!(status < 300, "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// One of each kind for an account: with a message that waits, because its route is paused.
async fn furnish(
    stand: &Stand,
    account: &'static str,
    basic: &str,
    [sender, number, token]: [&'static str; 3],
) -> Things {
    let post = |path: String, body: Value| done_by_admin(stand, path, body);
    let mut message = sms(account, number);
    message["client_ref"] = format!("ref-{account}").into();
    message["bulk"] = format!("bulk-{account}").into();
    let message = post("/messages".to_owned(), message).await;
    let media = post(format!("/media?account={account}&filename={account}.json"), json!("a file")).await;
    let plan = json!({"attach": format!("plan-{account}"), "patience_ms": 200, "then": [{"channel": "sms"}]});
    post(format!("/accounts/{account}/plans"), json!({"version": 0, "plans": [plan]})).await;
    let flow = json!({"name": format!("scenario of {account}"), "flow": [{"channel": "sms"}]});
    let scenario = post(format!("/accounts/{account}/scenarios"), flow).await;
    let new = json!({"name": token, "scopes": ["look"], "accounts": [account]});
    post("/tokens".to_owned(), new).await;
    let callback = park(stand, account, basic).await;
    let id = |thing: &Value, name: &str| thing[name].as_str().expect("an id").to_owned();
    let uuid = model::MessageId::parse(&id(&message, "id")).expect("an id").uuid();
    let marks = [format!("\"{account}\""), id(&message, "id"), uuid, id(&media, "id"), id(&scenario, "key")];
    let words = [sender, number, token].map(|word| format!("\"{word}\""));
    let words =
        words.into_iter().chain([format!("-{account}"), format!("of {account}"), format!("7/{account}")]);
    Things {
        account,
        sender,
        number,
        message: id(&message, "id"),
        media: id(&media, "id"),
        scenario: id(&scenario, "key"),
        token,
        callback,
        marks: marks.into_iter().chain(words).collect(),
    }
}

async fn done_by_admin(stand: &Stand, path: String, body: Value) -> Value {
    done(stand, "sandbox", Method::POST, &path, Some(body)).await
}

/// A callback that is given up, because the guard lets nobody call there; its id.
async fn park(stand: &Stand, account: &str, basic: &str) -> i64 {
    let mut body = cascade(&stand.url, "15550100004", 60_000, "unused");
    body["callback_url"] = format!("http://10.9.8.7/{account}").into();
    let request = stand.client.post(format!("{}/v1/omnichannel", stand.url)).header("authorization", basic);
    assert!(request.json(&body).send().await.expect("an answer").status().is_success());
    stand
        .find("a callback given up and its message settled", || async {
            let path = format!("/callbacks?account={account}");
            let page = done(stand, "sandbox", Method::GET, &path, None).await;
            let one = page["items"].as_array()?.first()?.clone();
            let path = format!("/messages/{}", one["message"].as_str()?);
            let message = done(stand, "sandbox", Method::GET, &path, None).await;
            (message["settled"] == true).then(|| one["id"].as_i64())?
        })
        .await
}

/// Everything that can be told of an account and of the gateway, but for what changes by itself.
async fn all_of(stand: &Stand, things: &Things) -> Vec<Value> {
    let Things { account, message, .. } = things;
    let paths = [
        format!("/messages/{message}"),
        format!("/messages?account={account}"),
        format!("/callbacks?account={account}"),
        format!("/accounts/{account}"),
        format!("/accounts/{account}/plans"),
        format!("/accounts/{account}/scenarios"),
        format!("/accounts/{account}/balance"),
        format!("/accounts/{account}/ledger"),
        format!("/media?account={account}"),
        "/tokens".to_owned(),
        "/senders".to_owned(),
    ];
    let mut all = Vec::new();
    for path in paths {
        all.push(done(stand, "sandbox", Method::GET, &path, None).await);
    }
    all
}

fn method_of(operation: &courant::admin::Operation) -> Method {
    format!("{:?}", operation.method).to_uppercase().parse().expect("a method")
}

/// A stand with two accounts that have one of each, and a token that may do everything with those of
/// the first.
async fn two_accounts() -> (Stand, Things, Things, String) {
    let stand = Stand::start_with(None, &SETTINGS).await;
    done(&stand, "sandbox", Method::POST, "/routes/sms/pause", None).await;
    let theirs = furnish(&stand, "other", OTHERS_BASIC, ["Theirs", "15550107001", "their token"]).await;
    let ours = furnish(&stand, "sandbox", TELESIGN_BASIC, ["Ours", "15550107002", "our token"]).await;
    let scopes = ["administer", "numbers"];
    let new = json!({"name": "limited", "scopes": scopes, "accounts": ["sandbox"]});
    let made = done_by_admin(&stand, "/tokens".to_owned(), new).await;
    let token = made["token"].as_str().expect("a token").to_owned();
    (stand, ours, theirs, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_lets_a_limited_token_see_or_touch_what_another_account_has() {
    let (stand, ours, theirs, limited) = two_accounts().await;
    let before = all_of(&stand, &theirs).await;
    for operation in courant::admin::OPERATIONS {
        for deed in theirs.deeds(operation.id, operation.path) {
            let (status, text) = ask(&stand, &limited, method_of(operation), &deed).await;
            let place = format!("{} {}: {status} {text}", operation.id, deed.path);
            match deed.kind {
                Kind::Hidden => assert!(matches!(status, 403 | 404), "{place}"),
                Kind::OfAll => assert_eq!(status, 403, "{place}"),
                Kind::Filtered => {
                    assert_eq!(status, 200, "{place}");
                    let told = theirs.marks.iter().find(|mark| text.contains(*mark));
                    assert_eq!(told, None, "{place}");
                }
                Kind::Open => assert_eq!(status, 200, "{place}"),
            }
        }
    }
    assert_eq!(all_of(&stand, &theirs).await, before, "nothing was changed");
    // With a token for all it is done, so each of these was a request that could have been done.
    for operation in courant::admin::OPERATIONS {
        for deed in theirs.deeds(operation.id, operation.path) {
            let (status, text) = ask(&stand, "sandbox", method_of(operation), &deed).await;
            assert!(status < 300, "{} {}: {status} {text}", operation.id, deed.path);
            if deed.kind == Kind::Filtered && operation.id.starts_with("list") && !deed.path.contains('?') {
                assert!(theirs.marks.iter().any(|mark| text.contains(mark)), "{}: {text}", operation.id);
            }
        }
    }
    drop(ours);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_does_everything_with_what_its_own_account_has() {
    let (stand, ours, _, limited) = two_accounts().await;
    for operation in courant::admin::OPERATIONS {
        for deed in ours.deeds(operation.id, operation.path) {
            let (status, text) = ask(&stand, &limited, method_of(operation), &deed).await;
            let place = format!("{} {}: {status} {text}", operation.id, deed.path);
            match deed.kind {
                Kind::OfAll => assert_eq!(status, 403, "{place}"),
                Kind::Hidden | Kind::Open | Kind::Filtered => assert!(status < 300, "{place}"),
            }
            if matches!(operation.id, "listMessages" | "findMessages" | "listSenders" | "listTokens") {
                assert!(ours.marks.iter().any(|mark| text.contains(mark)), "{place}");
            }
        }
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_is_told_no_total_of_others() {
    let (stand, ours, _, limited) = two_accounts().await;
    let look = |token: String, path: &'static str| {
        let stand = &stand;
        async move { done(stand, &token, Method::GET, path, None).await }
    };
    let all = look("sandbox".to_owned(), "/overview").await;
    let own = look(limited.clone(), "/overview").await;
    let counts = |view: &Value| ["unfinished", "queued", "callbacks_parked"].map(|name| view[name].as_u64());
    assert_eq!((counts(&all), counts(&own)), ([Some(2); 3], [Some(1); 3]));
    for name in ["requests", "alarms", "store", "next_callback_at"] {
        assert_eq!(own[name], Value::Null, "{name}");
    }
    assert!(all["requests"].is_u64() && all["store"]["commits"].is_u64(), "{all}");
    let routes = look(limited.clone(), "/routes").await;
    let sms = routes["items"].as_array().expect("routes").iter().find(|route| route["name"] == "sms");
    let sms = sms.expect("the route of both");
    assert_eq!((&sms["queued"], &sms["in_flight"]), (&json!(1), &Value::Null));
    assert_eq!(sms["lanes"].as_array().map(Vec::len), Some(1));
    let listed = look(limited.clone(), "/messages?limit=500").await;
    let messages = listed["items"].as_array().expect("messages");
    assert_eq!((messages.len(), &listed["next"]), (2, &Value::Null));
    assert!(messages.iter().all(|row| row["account"] == "sandbox"), "{listed}");
    let stats = look(limited, "/stats").await;
    let accounts = stats["series"].as_array().expect("series").iter().map(|one| one["account"].clone());
    assert!(accounts.collect::<Vec<_>>().iter().all(|account| account == ours.account), "{stats}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_others_are_left_out_for_a_limited_token() {
    let (stand, ours, theirs, limited) = two_accounts().await;
    let path = format!("{}/api/v1/events?after=0-0", stand.url);
    let mut stream = stand.client.get(path).bearer_auth(&limited).send().await.expect("an answer");
    let mut told = String::new();
    // Theirs come first in the order of events, so that they would have come before ours.
    let read = async {
        while !told.contains(&ours.message) {
            let chunk = stream.chunk().await.expect("a chunk").expect("no end yet");
            told += &String::from_utf8_lossy(&chunk);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("ours come");
    assert_eq!(theirs.marks.iter().find(|mark| told.contains(*mark)), None, "{told}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_several_accounts_pages_through_exactly_theirs() {
    let accounts =
        ["sandbox", "other", "third"].map(|name| format!("{{name='{name}',routes={{sms=['sms']}}}}"));
    let stand = Stand::start_with(None, &[&format!("account=[{}]", accounts.join(","))]).await;
    let mut expected = Vec::new();
    for place in 0..12 {
        let account = ["sandbox", "other", "third"][place % 3];
        let sent = done_by_admin(&stand, "/messages".to_owned(), sms(account, "15550100004")).await;
        if account != "other" {
            expected.insert(0, sent["id"].as_str().expect("an id").to_owned());
        }
    }
    let new = json!({"name": "two", "scopes": ["look"], "accounts": ["third", "sandbox"]});
    let made = done_by_admin(&stand, "/tokens".to_owned(), new).await;
    let token = made["token"].as_str().expect("a token");
    for limit in [1, 3, 5] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/messages?limit={limit}{after}");
            let page = done(&stand, token, Method::GET, &path, None).await;
            let items = page["items"].as_array().expect("messages");
            assert!(items.len() <= limit);
            seen.extend(items.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(seen, expected, "{limit} at a time");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_makes_and_revokes_only_tokens_that_open_no_more() {
    let stand = Stand::start_with(
        None,
        &["admin.tokens=[{name='sandbox',scopes=['administer'],token='sandbox'},{name='configured',scopes=['administer'],token='ours',accounts=['sandbox']}]"],
    )
    .await;
    let make = |accounts: Value| {
        let new = json!({"name": "new", "scopes": ["look"], "accounts": accounts});
        Deed { path: "/tokens".to_owned(), body: Some(new), kind: Kind::Hidden }
    };
    for accounts in [json!([]), json!(["other"]), json!(["sandbox", "other"]), json!(["nobody"])] {
        assert_eq!(ask(&stand, "ours", Method::POST, &make(accounts.clone())).await.0, 403, "{accounts}");
    }
    assert_eq!(ask(&stand, "sandbox", Method::POST, &make(json!(["nobody"]))).await.0, 400);
    let (status, made) = ask(&stand, "ours", Method::POST, &make(json!(["sandbox"]))).await;
    assert!(status == 201 && made.contains(r#""accounts":["sandbox"]"#), "{made}");
    let revoke = |name: &str| Deed { path: format!("/tokens/{name}"), body: None, kind: Kind::Hidden };
    assert_eq!(ask(&stand, "ours", Method::DELETE, &revoke("sandbox")).await.0, 404, "it opens more");
    assert_eq!(ask(&stand, "ours", Method::DELETE, &revoke("configured")).await.0, 409);
    assert_eq!(ask(&stand, "ours", Method::DELETE, &revoke("new")).await.0, 204);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_others_may_use_too_is_not_for_a_limited_token_to_hold() {
    let stand = Stand::start_with(None, &[]).await;
    let new = json!({"name": "one", "scopes": ["act"], "accounts": ["sandbox"]});
    let made = done_by_admin(&stand, "/tokens".to_owned(), new).await;
    let token = made["token"].as_str().expect("a token");
    for verb in ["pause", "drain", "resume"] {
        let deed = Deed { path: format!("/senders/sms/Courant/{verb}"), body: None, kind: Kind::OfAll };
        assert_eq!(ask(&stand, token, Method::POST, &deed).await.0, 403, "{verb}");
    }
    let senders = done(&stand, token, Method::GET, "/senders", None).await;
    assert_eq!(
        (&senders["items"][0]["accounts"], &senders["items"][0]["standing"]),
        (&json!(["sandbox"]), &json!("open"))
    );
    stand.stop().await;
}
