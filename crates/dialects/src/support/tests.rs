//! Tests of what all dialects share.

use model::Refusal;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn tolerant() -> Settings {
    Settings { tolerant_json: true, ..Settings::default() }
}

#[test]
fn comments_and_trailing_commas_are_read_only_where_the_account_allows_it() {
    let sample = br#"{ // a comment
        "a": [1, 2, /* and, another */ ],
        "url": "https://example.com/,}", /* ] */
    }"#;
    assert!(matches!(parse_json(sample, &Settings::default()), Err(Refusal::Malformed(_))));
    let expected = json!({ "a": [1, 2], "url": "https://example.com/,}" });
    assert_eq!(parse_json(sample, &tolerant()), Ok(expected));
}

#[test]
fn tolerance_does_not_reach_further_than_comments_and_trailing_commas() {
    for broken in ["{'a': 1}", "{a: 1}", "[1 2]", "[,]x", "{\"a\": /* never closed", "\"open", "[1,,]", ""] {
        assert!(parse_json(broken.as_bytes(), &tolerant()).is_err(), "{broken}");
    }
}

#[test]
fn the_position_of_a_fault_is_told() {
    let fault = parse_json(b"{\n  \"a\" 1}", &Settings::default());
    assert_eq!(fault, Err(Refusal::malformed("not JSON at line 2 column 7")));
}

#[test]
fn json_nested_too_deeply_is_refused_before_it_is_parsed() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_json(nested(MAX_JSON_DEPTH).as_bytes(), &tolerant()).is_ok());
    let too_deep = parse_json(nested(MAX_JSON_DEPTH + 1).as_bytes(), &tolerant());
    assert_eq!(too_deep, Err(Refusal::malformed("nested too deeply")));
    let brackets_in_text = format!("\"{}\"", "[".repeat(1000));
    assert!(parse_json(brackets_in_text.as_bytes(), &tolerant()).is_ok());
}

#[test]
fn paths_are_split_and_decoded_whatever_their_slashes() {
    assert_eq!(segments("//v1/a%20b/%2Fc/"), ["v1", "a b", "/c"]);
    assert!(segments("/").is_empty());
}

#[test]
fn forms_keep_repeated_names_in_order() {
    let form = form(b"a=1&b=x+y%21&a=2&&c");
    assert_eq!(form["a"], ["1", "2"]);
    assert_eq!(form["b"], ["x y!"]);
    assert_eq!(form["c"], [""]);
}

#[test]
fn authorization_is_split_into_scheme_and_rest() {
    let mut headers = HeaderMap::new();
    let fault = |headers: &HeaderMap| authorization(headers).map(|_| ()).expect_err("refused");
    assert_eq!(fault(&headers), Refusal::Unauthenticated(AuthFault::Absent));
    headers.insert(header::AUTHORIZATION, "Basic".parse().expect("a value"));
    assert_eq!(fault(&headers), Refusal::Unauthenticated(AuthFault::Malformed));
    headers.insert(header::AUTHORIZATION, " Basic   QTpC ".parse().expect("a value"));
    assert_eq!(authorization(&headers), Ok(("Basic", "QTpC")));
    assert_eq!(basic("QTpC"), Some(("A".to_owned(), "B".to_owned())));
    assert_eq!(basic("QUI="), None, "no colon");
    assert_eq!(basic("###"), None);
}

#[test]
fn media_types_are_compared_without_parameters_and_case() {
    let mut headers = HeaderMap::new();
    assert_eq!(media_type(&headers), None);
    headers.insert(header::CONTENT_TYPE, "Application/JSON; charset=UTF-8".parse().expect("a value"));
    assert_eq!(media_type(&headers).as_deref(), Some("application/json"));
}

#[test]
fn placeholder_digits_count_only_where_the_account_allows_them() {
    let lenient = Settings { placeholder_digits: true, ..Settings::default() };
    assert_eq!(phone("91XXXX", &Settings::default()), None);
    assert_eq!(phone("91XXxx", &lenient).map(|phone| phone.digits().to_owned()).as_deref(), Some("910000"));
}

#[test]
fn instants_are_spelled_in_utc_and_cut_not_rounded() {
    let time = Time(1_795_210_404_123_999);
    assert_eq!(rfc3339_micros(time), "2026-11-20T21:33:24.123999Z");
    assert_eq!(rfc3339_millis(time), "2026-11-20T21:33:24.123Z");
}

#[test]
fn names_of_keys_tell_keys_apart_and_nothing_else() {
    assert_ne!(key_name("a"), key_name("b"));
    assert_eq!(key_name("secret"), key_name("secret"));
    assert!(!key_name("secret").contains("secret"));
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(truncate_chars("häß", 2), "hä");
    assert_eq!(truncate_chars("hä", 2), "hä");
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Into::into),
        // Texts that look like what the tolerant pass removes.
        "[a-z/*,\\[\\]{}\"\\\\ \n]{0,16}".prop_map(Value::String),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z/*,\"\\\\]{0,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_tolerant_pass_changes_no_strict_document(document in documents(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) };
        let text = text.expect("a document");
        prop_assert_eq!(&without_comments(&text), &text);
        prop_assert_eq!(parse_json(&text, &tolerant()), Ok(document));
    }

    #[test]
    fn the_tolerant_pass_survives_any_bytes(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(without_comments(&body).len(), body.len());
        let _parsed_or_refused = parse_json(&body, &tolerant());
    }

    #[test]
    fn the_tolerant_pass_survives_any_punctuation(body in "[\\[\\]{}\"/*,\\\\\n a]{0,60}") {
        prop_assert_eq!(without_comments(body.as_bytes()).len(), body.len());
        let _parsed_or_refused = parse_json(body.as_bytes(), &tolerant());
    }

    #[test]
    fn a_trailing_comma_before_any_bracket_is_forgiven(items in prop::collection::vec(documents(), 1..4)) {
        let strict = serde_json::to_string(&items).expect("a document");
        let sloppy = format!("{} /* c */ , // d\n]", strict.strip_suffix(']').expect("an array"));
        prop_assert_eq!(parse_json(sloppy.as_bytes(), &tolerant()), Ok(Value::Array(items)));
    }

    #[test]
    fn any_query_is_decoded_without_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
        let decoded = form(&text);
        prop_assert!(decoded.values().all(|values| !values.is_empty()));
    }
}
