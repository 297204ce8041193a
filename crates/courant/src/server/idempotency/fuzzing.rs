//! What the fuzz target does with two requests that have keys.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use model::{AccountName, Refusal, Time};

use super::Key;

/// Two requests of tokens with these names: the one is a repetition of the other if they are the
/// same in all that they ask for, and only then; a repetition gets the first answer.
pub fn keys(one: (&str, &Request<Bytes>), other: (&str, &Request<Bytes>)) {
    let account = AccountName::from("acme");
    let key = |(token, request): (&str, &Request<Bytes>)| {
        let (name, accounts) = token.split_once(',').unwrap_or((token, ""));
        let accounts: Vec<String> = accounts.split_terminator(',').map(str::to_owned).collect();
        match Key::of(request, &account, &Key::scope_of(name, &accounts)) {
            Ok(key) => key,
            Err(Refusal::InvalidField { .. }) => None,
            Err(refusal) => panic!("{refusal}"),
        }
    };
    let (Some(first), Some(second)) = (key(one), key(other)) else { return };
    let answer = answer(one.1);
    let known = first.remember(&answer, Time(0));
    assert_eq!(first.place(), (known.account.clone(), known.kind, known.key.clone()));
    assert_same(&first.replay(&known).expect("the same request"), &answer);
    let same_place = text(one) == text(other);
    assert_eq!(first.place() == second.place(), same_place, "{one:?} and {other:?}");
    let same = what(one.1) == what(other.1);
    match second.replay(&known) {
        Ok(_) => assert!(same, "{one:?} and {other:?}"),
        Err(refusal) => assert!(!same && matches!(refusal, Refusal::KeyConflict), "{refusal:?}"),
    }
}

/// By what a key is told from others.
fn text<'a>((token, request): (&'a str, &'a Request<Bytes>)) -> (Vec<&'a str>, &'a str) {
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok());
    // An end without a name is none.
    let names = token.strip_suffix(',').filter(|rest| rest.contains(',')).unwrap_or(token);
    (names.split(',').collect(), key.unwrap_or_default().trim())
}

/// All that a request asks for.
fn what(request: &Request<Bytes>) -> (&str, &str, Option<&str>, &[u8]) {
    let uri = request.uri();
    (request.method().as_str(), uri.path(), uri.query(), request.body())
}

/// An answer with the request's text in it, as far as it is text.
fn answer(request: &Request<Bytes>) -> Response<Bytes> {
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = http::StatusCode::ACCEPTED;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let location = HeaderValue::from_str(request.uri().path());
    location.into_iter().for_each(|path| drop(headers.insert(header::LOCATION, path)));
    answer
}

fn assert_same(replayed: &Response<Bytes>, answer: &Response<Bytes>) {
    assert_eq!((replayed.status(), replayed.body()), (answer.status(), answer.body()));
    let mut headers = replayed.headers().clone();
    assert!(headers.remove("idempotent-replayed").is_some(), "a repetition says so");
    assert_eq!(&headers, answer.headers());
}
