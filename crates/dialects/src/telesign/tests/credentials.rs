//! Basic, and signatures as the vendor's own clients make them.

use super::*;

#[test]
fn basic_is_taken_encoded_and_where_allowed_as_the_sample_prints_it() {
    let expected = Credentials { principal: CUSTOMER.to_owned(), proof: Proof::Plain(KEY.to_owned()) };
    let encoded = get("/v1/omnichannel/x");
    assert_eq!(Telesign.credentials(&encoded), Ok(Some(expected.clone())));
    let bare = Request::builder()
        .uri("/v1/omnichannel/01A1FCC3B3DB00000000000000000001")
        .header("Authorization", format!("Basic {}:{KEY}", CUSTOMER.to_lowercase()))
        .body(Bytes::new())
        .expect("a request");
    assert_eq!(Telesign.credentials(&bare), Ok(Some(expected)));
    let strict = with(Settings::new(CUSTOMER, KEY));
    let refused = Telesign.read(&bare, &testkit::context(&strict, CUSTOMER));
    assert_eq!(refused, Err(Refusal::Unauthenticated(AuthFault::Malformed)));
    assert!(Telesign.read(&bare, &testkit::context(&settings(), CUSTOMER)).is_ok());
}

#[test]
fn an_account_is_known_by_its_customer_id_in_capitals_and_each_key_in_both_forms() {
    let identities = Telesign.identities(&with(Settings::new(CUSTOMER.to_lowercase(), "QUJD")));
    assert_eq!(identities.len(), 1);
    assert_eq!(identities[0].principal, CUSTOMER);
    assert!(identities[0].secrets == [Secret::Plain("QUJD".to_owned()), Secret::Hmac(b"ABC".to_vec())]);
}

const NONCE: &str = "b54e2d66-ee8c-4101-8ac1-f8f9c5d73a69";
/// The vendor's sample request as its Python client serialises it.
const SIGNED_BODY: &str = r#"{"channels": [{"channel": "whatsapp", "fallback_time": 600}, {"channel": "sms"}], "phone_number": "15558675309", "message": {"whatsapp": {"template": "image", "parameters": {"url": "https://s3.amazonaws.com/viatu-mktg/bogo_coupon_52359.jpg"}}, "sms": {"template": "text", "parameters": {"text": "Buy one get one free! Use code 'BOGO' at checkout on viatushop.com."}}}, "message_type": "MKT"}"#;

fn signed_request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
    signature: &str,
) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("Authorization", format!("TSA {CUSTOMER}:{signature}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Bytes::from_static(body.as_bytes())).expect("a request")
}

fn signed(request: &Request<Bytes>) -> Signed {
    match Telesign.credentials(request) {
        Ok(Some(Credentials { proof: Proof::Hmac(signed), .. })) => signed,
        other => panic!("{other:?}"),
    }
}

fn verifies(request: &Request<Bytes>) -> bool {
    let signed = signed(request);
    let key = STANDARD.decode(SIGNING_KEY).expect("base64");
    signed.candidates.iter().any(|text| {
        let hash = match signed.algorithm {
            HmacAlgorithm::Sha1 => mac::<Hmac<Sha1>>(&key, text),
            HmacAlgorithm::Sha256 => mac::<Hmac<Sha256>>(&key, text),
            HmacAlgorithm::Sha512 => panic!("the vendor has no such method"),
        };
        hash == signed.signature
    })
}

fn sample_headers<'a>(method: &'a str, date_header: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Content-Type", "application/json"),
        (date_header, DATE),
        ("x-ts-auth-method", method),
        ("x-ts-nonce", NONCE),
    ]
}

#[test]
fn signatures_of_the_vendors_clients_verify() {
    let post = |method: &str, date: &str, path: &str, signature: &str| {
        verifies(&signed_request("POST", path, &sample_headers(method, date), SIGNED_BODY, signature))
    };
    let sha256 = "54JGI50cSSzF4B1pRIvknzPScsrQeM3fEs1bAyBbl9Q=";
    assert!(post("HMAC-SHA256", "Date", "/v1/omnichannel", sha256));
    assert!(post("HMAC-SHA256", "Date", "//v1/omnichannel", sha256), "base URL with a slash at its end");
    assert!(post("HMAC-SHA256", "Date", "/telesign/v1/omnichannel", sha256), "base URL with a prefix");
    let own_date = "VhrNnL0grHC4tFH/NacAOk4fGeMrZTChP6JdLDYZwOM=";
    assert!(post("HMAC-SHA256", "x-ts-date", "/v1/omnichannel", own_date));
    assert!(!post("HMAC-SHA256", "Date", "/v1/messaging", sha256), "another path");
    let mut with_charset = sample_headers("HMAC-SHA256", "Date");
    with_charset[0].1 = "application/json; charset=utf-8";
    assert!(verifies(&signed_request("POST", "/v1/omnichannel", &with_charset, SIGNED_BODY, sha256)));
}

#[test]
fn signatures_by_the_older_hash_verify() {
    // The known hash is over the text that names the newer method.
    let newer = signed_request(
        "POST",
        "/v1/omnichannel",
        &sample_headers("HMAC-SHA256", "Date"),
        SIGNED_BODY,
        "QUJD",
    );
    let key = STANDARD.decode(SIGNING_KEY).expect("base64");
    let known = STANDARD.decode("R1I+n1Pk220otuGcDsT8FInetLg=").expect("base64");
    assert!(signed(&newer).candidates.iter().any(|text| mac::<Hmac<Sha1>>(&key, text) == known));
    let text = format!(
        "POST\napplication/json\n{DATE}\nx-ts-auth-method:HMAC-SHA1\nx-ts-nonce:{NONCE}\n{SIGNED_BODY}\n/v1/omnichannel"
    );
    let signature = STANDARD.encode(mac::<Hmac<Sha1>>(&key, text.as_bytes()));
    let headers = sample_headers("HMAC-SHA1", "Date");
    assert!(verifies(&signed_request("POST", "/v1/omnichannel", &headers, SIGNED_BODY, &signature)));
}

#[test]
fn signatures_of_questions_verify_with_the_node_clients_phantom_body_too() {
    let path = "/v1/omnichannel/35C8B5D509BC10689196FED2AD551B8A";
    let headers = [("Date", DATE), ("x-ts-auth-method", "HMAC-SHA256"), ("x-ts-nonce", NONCE)];
    let plain = "aCU3VRjW824FUeoBvhPUwNGPhb/V1FMKfzZfFyu2e+Q=";
    assert!(verifies(&signed_request("GET", path, &headers, "", plain)));
    let asking = format!("{path}?verify_code=57244");
    assert!(verifies(&signed_request("GET", &asking, &headers, "", plain)), "the query is not signed");
    let node = [
        ("Content-Type", "application/json"),
        ("Date", "Fri, 20 Nov 2026 21:34:16 GMT"),
        ("x-ts-auth-method", "HMAC-SHA256"),
        ("x-ts-nonce", "ed73c907-5f50-413b-beab-b96d423b374a"),
    ];
    let phantom = "GVhGcMDz3+/Y11ALZVN3s+3ElqS3NtNieQ95U26aVA4=";
    assert!(verifies(&signed_request("GET", path, &node, "", phantom)));
}

#[test]
fn signed_requests_carry_their_date_and_nonce_for_the_checks() {
    let request =
        signed_request("GET", "/v1/omnichannel/x", &sample_headers("hmac-sha256", "Date"), "", "QUJD");
    let signed = signed(&request);
    assert_eq!(signed.date, Some(Time(NOW.0 - 123_456)));
    assert_eq!(signed.tolerance, Span::from_mins(15));
    assert_eq!(signed.nonce.as_deref(), Some(NONCE));
    assert!(signed.once);
}

#[test]
fn without_a_nonce_what_changes_something_is_done_once_and_questions_may_be_repeated() {
    let without = &sample_headers("HMAC-SHA256", "Date")[..3];
    let once = |method: &str| signed(&signed_request(method, "/v1/omnichannel", without, "", "QUJD")).once;
    assert_eq!([once("GET"), once("POST"), once("PUT"), once("DELETE")], [false, true, true, true]);
}

#[test]
fn a_body_is_signed_whatever_type_it_is_said_to_have() {
    let bare = &sample_headers("HMAC-SHA256", "Date")[1..];
    let candidates = |types: &[&'static str], body: &'static str| {
        let mut headers = bare.to_vec();
        headers.extend(types.iter().map(|kind| ("Content-Type", *kind)));
        signed(&signed_request("POST", "/v1/omnichannel", &headers, body, "QUJD")).candidates
    };
    let honest = candidates(&[], "");
    for types in [&[][..], &[""], &["; charset=utf-8"]] {
        let tampered = candidates(types, r#"{"phone_number":"15558675309"}"#);
        assert!(tampered.iter().all(|text| !honest.contains(text)), "{types:?}");
    }
}

#[test]
fn signed_requests_of_a_wrong_form_are_refused() {
    let malformed = Err(Refusal::Unauthenticated(AuthFault::Malformed));
    let good = sample_headers("HMAC-SHA256", "Date");
    for (index, value) in [(1, "yesterday"), (2, "HMAC-MD5"), (2, "Basic"), (3, "short")] {
        let mut headers = good.clone();
        headers[index].1 = value;
        let request = signed_request("GET", "/v1/omnichannel/x", &headers, "", "QUJD");
        assert_eq!(Telesign.credentials(&request), malformed, "{value}");
    }
    for missing in [1, 2] {
        let mut headers = good.clone();
        headers.remove(missing);
        let request = signed_request("GET", "/v1/omnichannel/x", &headers, "", "QUJD");
        assert_eq!(Telesign.credentials(&request), malformed);
    }
    let no_base64 = signed_request("GET", "/v1/omnichannel/x", &good, "", "###");
    assert_eq!(Telesign.credentials(&no_base64), malformed);
}
