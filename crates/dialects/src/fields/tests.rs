use model::Refusal;
use serde_json::json;

use super::{Fields, MAX_URL, is_http_url};

#[test]
fn refusals_name_the_whole_path_of_a_member() {
    let body = json!({"a": {"b": [{"c": 1}, 2], "empty": "", "null": null}});
    let root = Fields::root(&body).expect("an object");
    let inner = root.required_object("a").expect("an object");
    assert_eq!(inner.required_text("d"), Err(Refusal::missing("a.d")));
    assert_eq!(inner.required_text("empty"), Err(Refusal::missing("a.empty")));
    assert_eq!(inner.required_text("null"), Err(Refusal::missing("a.null")));
    let items = inner.required_array("b").expect("an array");
    assert_eq!(inner.objects("b", items).expect_err("2"), Refusal::invalid("a.b[1]", "2", "not an object"));
    let first = &inner.objects("b", &items[..1]).expect("one object")[0];
    assert_eq!(first.text("c"), Err(Refusal::invalid("a.b[0].c", "1", "not a text")));
}

#[test]
fn values_without_quotes_and_in_quotes_mean_the_same() {
    let body =
        json!({"number": "1.5", "bare": 1.5, "flag": "TRUE", "yes": true, "id": 7, "nan": "NaN", "odd": []});
    let root = Fields::root(&body).expect("an object");
    assert_eq!((root.number("number"), root.number("bare")), (Ok(Some(1.5)), Ok(Some(1.5))));
    assert_eq!((root.flag("flag"), root.flag("yes"), root.flag("absent")), (Ok(true), Ok(true), Ok(false)));
    assert_eq!(root.scalar("id"), Ok(Some("7".to_owned())));
    assert!(root.number("nan").is_err() && root.flag("id").is_err() && root.scalar("odd").is_err());
}

#[test]
fn texts_are_bounded_in_characters() {
    let body = json!({"text": "\u{e9}\u{e9}\u{e9}"});
    let root = Fields::root(&body).expect("an object");
    assert!(root.bounded_text("text", 3).is_ok() && root.bounded_text("text", 2).is_err());
}

#[test]
fn addresses_have_a_scheme_and_a_host_and_no_blanks() {
    for good in
        ["http://a", "https://a.example/x?y=z", "HTTPS://A:8080", "http://127.0.0.1:9/", "http://[::1]:9/"]
    {
        assert!(is_http_url(good), "{good}");
    }
    for bad in [
        "",
        "a.example",
        "ftp://a",
        "http://",
        "https:///x",
        "http://:80",
        " http://a",
        "http://a b",
        "h\u{e9}ttp:/x",
    ] {
        assert!(!is_http_url(bad), "{bad}");
    }
    assert!(!is_http_url(&format!("http://a/{}", "x".repeat(MAX_URL))));
}
