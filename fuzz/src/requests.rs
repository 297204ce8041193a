//! Requests of callers, through each dialect.

use std::sync::LazyLock;

use bytes::Bytes;
use dialects::{Context, Dialect, Proof, Settings, Signed};
use http::{Request, Response, header};
use model::{
    Answer, BatchId, Call, MessageId, Refusal, Time,
    call::{Accepted, AcceptedMessage, Missing, Scenario},
    message::Submission,
};
use serde_json::json;

use crate::wire;

/// The instant of the golden transcripts.
const NOW: Time = Time(1_795_210_404_123_456);
/// The largest upload that any vendor takes has 100 MB, and some more for what is around it.
const MOST_BODY: u64 = 110 * 1024 * 1024;
/// A refusal quotes at most a few fields of the request.
const REFUSAL_OVERHEAD: usize = 16 * 1024;

/// The account of the golden transcripts.
static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    serde_json::from_value(json!({
        "tolerant_json": true,
        "placeholder_digits": true,
        "telesign": {
            "customer_id": "12345678-9ABC-DEF0-1234-56789ABCDEF0",
            "api_keys": ["vjE/ZDfPvDkuGNsuqCFFO4neYIs="],
            "accept_unencoded_basic": true,
        },
        "infobip": {
            "users": [{"name": "Aladdin", "password": "open sesame"}],
            "keys": ["003026bbc133714df1834b8638bb496e-8f4b3d9a-e931-478d-a994-28a725159ab9"],
        },
        "kaleyra": {"sid": "HXAP16XXXXXX97IN", "api_keys": ["A0123456789abcdef0123456789abcdef"]},
        "messangi": {
            "users": [{"username": "sandbox", "password": "sandbox"}],
            "keys": [{"key": "sandbox", "username": "sandbox"}],
        },
        "webex_connect": {"service_keys": [{
            "key": "5c0f1e2a-3b4d-11ee-be56-0242ac120002",
            "service_id": "service",
            "jwt_secret": "MDEyMzQ1Njc4OWFiY2RlZg==",
        }]},
    }))
    .expect("the settings are right")
});

fn context<'a>(principal: &'a str) -> Context<'a> {
    Context {
        now: NOW,
        fresh: MessageId::new(NOW, 0xF2E5),
        account: "sandbox",
        principal,
        settings: &SETTINGS,
        rate: None,
    }
}

/// Takes a request through its dialect as the server does. Whatever comes is answered, with no
/// 5xx, in JSON where that is said, in bounded length, and twice the same.
pub fn check(name: &str, data: &[u8]) {
    let Some(request) = wire::request(data) else { return };
    let dialect = dialects::by_name(name).expect("a dialect");
    let (head, _) = request.clone().into_parts();
    let limit = dialect.body_limit(&head);
    assert!((1..=MOST_BODY).contains(&limit), "the body is bounded");
    if request.body().len() as u64 > limit {
        return;
    }
    let (bound, response) = answer(dialect, &request);
    assert!(response.status().as_u16() < 500, "{response:?}");
    assert!(response.body().len() <= bound, "{} bytes of answer", response.body().len());
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    if kind.is_some_and(|kind| kind.starts_with(b"application/json")) && !response.body().is_empty() {
        serde_json::from_slice::<serde_json::Value>(response.body()).expect("an answer in JSON");
    }
    assert_eq!(answer(dialect, &request).1.body(), response.body(), "the same again");
}

/// The answer, and how long it may be.
fn answer(dialect: &dyn Dialect, request: &Request<Bytes>) -> (usize, Response<Bytes>) {
    let said = request.body().len() + request.uri().to_string().len();
    let bound = REFUSAL_OVERHEAD + 16 * said;
    let principal = match dialect.credentials(request) {
        Ok(credentials) => credentials.map(|credentials| credentials.principal).unwrap_or_default(),
        Err(refusal) => return (bound, dialect.refuse(request, &refusal, &context(""))),
    };
    let context = context(&principal);
    let call = match dialect.read(request, &context) {
        Ok(call) => call,
        Err(refusal) => return (bound, dialect.refuse(request, &refusal, &context)),
    };
    match accept(&call, request) {
        // Each recipient has an entry in the answer.
        Ok((answer, recipients)) => {
            (bound + 1024 * recipients, dialect.write(request, &call, &answer, &context))
        }
        Err(refusal) => (bound, dialect.refuse(request, &refusal, &context)),
    }
}

/// What a desk that takes everything and knows nothing answers, and for how many recipients.
fn accept(call: &Call, request: &Request<Bytes>) -> Result<(Answer, usize), Refusal> {
    let answer = match call {
        Call::Submit(submission) => {
            let recipients = submission.recipients.len();
            // Every recipient takes a digit and a separator at least.
            let said = request.body().len() + request.uri().to_string().len();
            assert!(recipients <= said, "{recipients} recipients");
            return Ok((Answer::Accepted(accepted(submission)), recipients));
        }
        Call::Status(_) | Call::Cancel(_) => return Err(Refusal::NotFound(Missing::Message)),
        Call::UpdateScenario(..) | Call::ReadScenario(_) => return Err(Refusal::NotFound(Missing::Scenario)),
        Call::CreateScenario(draft) => Answer::Scenario(Scenario {
            key: "CC9F01A5DC7BEE2C2B829D203482A654".to_owned(),
            name: draft.name.clone(),
            flow: draft.flow.clone(),
            default: draft.default.unwrap_or_default(),
        }),
        Call::ListScenarios(_) => Answer::Scenarios(Vec::new()),
        Call::TakeReports(_) => Answer::Reports(Vec::new()),
        Call::ReadLogs(_) => Answer::Logs(Vec::new()),
        Call::SignIn { .. } => Answer::SignedIn { token: "token".to_owned() },
        Call::Upload(_) => Answer::Uploaded { id: "1".to_owned(), url: None },
        Call::SignOut | Call::Ping => Answer::Done,
    };
    Ok((answer, 0))
}

fn accepted(submission: &Submission) -> Accepted {
    let messages = submission
        .recipients
        .iter()
        .zip(1..)
        .map(|(draft, number)| AcceptedMessage { id: MessageId::new(NOW, number), rejected: draft.void });
    Accepted { batch: BatchId::new(NOW, 0xBA7C), at: NOW, messages: messages.collect() }
}

/// Two requests, parted by a NUL: what signs the one must not sign the other, unless they ask
/// for the same.
pub fn tampering(data: &[u8]) {
    let Some(at) = data.iter().position(|byte| *byte == 0) else { return };
    let (Some(one), Some(other)) = (wire::request(&data[..at]), wire::request(&data[at + 1..])) else {
        return;
    };
    for name in ["telesign", "webex_connect"] {
        let dialect = dialects::by_name(name).expect("a dialect");
        let (Some(first), Some(second)) = (signed(dialect, &one), signed(dialect, &other)) else { continue };
        let shared = first.candidates.iter().any(|text| second.candidates.contains(text));
        // A bearer token says nothing of the request that it comes with.
        if shared && name == "telesign" {
            assert_same(&one, &first, &other, &second);
        }
    }
}

fn signed(dialect: &dyn Dialect, request: &Request<Bytes>) -> Option<Signed> {
    match dialect.credentials(request) {
        Ok(Some(credentials)) => match credentials.proof {
            Proof::Hmac(signed) => Some(signed),
            Proof::Plain(_) | Proof::Session(_) => None,
        },
        Ok(None) | Err(_) => None,
    }
}

fn assert_same(one: &Request<Bytes>, first: &Signed, other: &Request<Bytes>, second: &Signed) {
    assert_eq!(one.method(), other.method(), "the method is signed");
    assert_eq!(first.date, second.date, "the date is signed");
    assert_eq!(first.algorithm, second.algorithm, "the algorithm is signed");
    let body = |request: &Request<Bytes>| match request.body().as_ref() {
        // Telesign's Node SDK signs no body as if it were an empty object.
        b"" => b"{}".to_vec(),
        body => body.to_vec(),
    };
    // Line feeds in a body can look like header lines of another request. Such a pair has the
    // same signature, which is remembered, so that it is refused as a repetition.
    let ambiguous = |request: &Request<Bytes>| request.body().contains(&b'\n');
    if ambiguous(one) || ambiguous(other) {
        return;
    }
    assert_eq!(body(one), body(other), "the body is signed");
    assert_eq!(first.nonce, second.nonce, "the nonce is signed");
}
