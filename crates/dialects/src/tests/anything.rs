//! Whatever comes, no dialect panics.

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{claims::PATHS, settings};
use crate::{by_name, support, testkit};

/// The largest upload that any vendor takes has 100 MB, and some more for what is around it.
const MOST_BODY: u64 = 110 * 1024 * 1024;

fn methods() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW"])
}

/// A path of a dialect's tree, cut, doubled or with something added.
fn targets() -> impl Strategy<Value = (&'static str, String)> {
    let known: Vec<(&str, &str)> =
        PATHS.iter().flat_map(|(name, paths)| paths.iter().map(|path| (*name, *path))).collect();
    let ends = prop_oneof![Just(String::new()), "/[a-z0-9%/]{0,8}", "\\?[a-z-]{1,8}=[a-z0-9%+&=]{0,12}"];
    (prop::sample::select(known), ends).prop_map(|((name, path), end)| (name, format!("{path}{end}")))
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = vec![
        "authorization",
        "content-type",
        "api-key",
        "key",
        "date",
        "x-ts-date",
        "x-ts-nonce",
        "x-ts-auth-method",
        "accept",
        "x-fallback",
    ];
    let values = prop_oneof![
        "[ -~]{0,40}",
        "(Basic|App|IBSSO|Bearer|TSA) [A-Za-z0-9+/=:._-]{0,30}",
        prop::sample::select(vec![
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "HMAC-SHA256",
            "Fri, 20 Nov 2026 21:33:24 GMT",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec((prop::sample::select(names), values), 0..6)
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}\":,a-z0-9 ]{0,80}".prop_map(String::into_bytes),
        "(--b|\r\n|Content-Disposition: form-data; name=\"file\"|x|--){0,20}".prop_map(String::into_bytes),
        "([a-z_-]{1,8}=[a-z0-9%+]{0,8}&){0,6}".prop_map(String::into_bytes),
    ]
}

fn check(name: &str, request: &Request<Bytes>) {
    let settings = settings();
    let dialect = by_name(name).expect("a dialect");
    let (head, _) = request.clone().into_parts();
    assert!((1..=MOST_BODY).contains(&dialect.body_limit(&head)));
    let _whoever = dialect.credentials(request);
    if let Err(refusal) = dialect.read(request, &testkit::context(&settings, "p")) {
        let response = dialect.refuse(request, &refusal, &testkit::context(&settings, "p"));
        assert!(response.status().as_u16() < 500, "{refusal:?}");
    }
    let (_, response) = testkit::exchange(dialect, request, &settings, testkit::accept_all);
    assert!(response.status().as_u16() < 500);
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "x"}, 1])),
    ]
}

/// Replaces the member that is `place`-th in a walk over the whole body.
fn mangle(body: &mut Value, place: usize, value: Value) {
    fn walk<'a>(node: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
        if *left == 0 {
            return Some(node);
        }
        *left -= 1;
        match node {
            Value::Object(members) => members.values_mut().find_map(|member| walk(member, left)),
            Value::Array(items) => items.iter_mut().find_map(|item| walk(item, left)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    if let Some(node) = walk(body, &mut { place }) {
        *node = value;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_member_of_a_recorded_request_may_be_anything(
        (name, index) in (prop::sample::select(PATHS.map(|(name, _)| name).to_vec()), 0_usize..128),
        member in 0_usize..64,
        value in any_json(),
    ) {
        // Other tests are writing the files just now.
        if std::env::var_os("UPDATE_GOLDEN").is_some() { return Ok(()) }
        let recorded = testkit::recorded_requests(name);
        let (_, request) = &recorded[index % recorded.len()];
        let Ok(mut body) = support::parse_json(request.body(), &settings()) else { return Ok(()) };
        mangle(&mut body, member, value);
        let (head, _) = request.clone().into_parts();
        check(name, &Request::from_parts(head, Bytes::from(body.to_string())));
    }

    #[test]
    fn any_request_gets_an_answer_from_its_dialect(
        method in methods(),
        (name, target) in targets(),
        headers in headers(),
        body in bodies(),
    ) {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // A target that is no URI does not reach any dialect.
        if let Ok(request) = request.body(Bytes::from(body)) {
            check(name, &request);
        }
    }
}
