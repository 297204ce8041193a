use dialects::Callback;
use model::Time;

use super::*;

/// As earlier versions wrote letters.
const JSON: &str = concat!(
    r#"{"m":"POST","h":[["content-type","application/json"],["x-signed","a=="]],"b":"{\"a\":\"ü\"}","n":true,"#,
    r#""t":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#
);

fn callback() -> Callback {
    Callback {
        method: "POST".into(),
        url: "https://caller.example/".to_owned(),
        headers: vec![
            ("content-type".into(), "application/json".to_owned()),
            ("x-signed".into(), "a==".to_owned()),
        ],
        body: r#"{"a":"ü"}"#.into(),
        no_retry: true,
    }
}

fn told(letter: &Letter) -> String {
    serde_json::to_string(letter).expect("our own types serialise")
}

#[test]
fn a_callback_lies_in_the_outbox_as_its_dialect_worded_it() {
    let expected: Letter = serde_json::from_str(JSON).expect("a letter");
    let written = letter(callback(), "delivered", expected.trace, Time(7));
    let read = Letter::read(&written.request).expect("it was written just now");
    assert_eq!(told(&read), JSON);
    assert_eq!(written.request, expected.write());
    assert_eq!((written.due_at, written.about.as_str()), (Time(7), "delivered"));
}

#[test]
fn a_letter_says_no_more_than_it_must() {
    let plain = letter(Callback { no_retry: false, ..callback() }, "read", None, Time(0));
    let read = Letter::read(&plain.request).expect("it was written just now");
    assert_eq!((read.no_retry, read.trace.is_none()), (false, true));
    assert!(told(&read).ends_with(r#"\"}"}"#), "{}", told(&read));
}

#[test]
fn letters_that_earlier_versions_wrote_as_json_are_sent() {
    let read = Letter::read(JSON.as_bytes()).expect("a letter");
    assert_eq!((read.method.as_str(), read.body.as_str()), ("POST", r#"{"a":"ü"}"#));
    assert!(Letter::read(&JSON.as_bytes()[..90]).is_none());
}
