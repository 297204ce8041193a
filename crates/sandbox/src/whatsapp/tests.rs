use serde_json::{Value, json};

use super::{
    events::{self, Business},
    mime::{MediaKind, essence},
};

fn business() -> Business {
    Business { id: "1".to_owned(), number: "18005550199".to_owned(), waba: "2".to_owned() }
}

#[test]
fn events_are_escaped_as_meta_does() {
    let event = events::text_from("15551234567", business(), "wamid.x", "é/😀", 1_700_000_000_000);
    let body = events::body(&[event]);
    assert!(body.is_ascii());
    assert!(body.contains(r#""body":"\u00e9\/\ud83d\ude00""#), "{body}");
    let read: Value = serde_json::from_str(&body).expect("it is still JSON");
    assert_eq!(read["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"], "é/😀");
}

#[test]
fn events_of_one_business_share_a_change() {
    let text = |id: &str| events::text_from("15551234567", business(), id, "hi", 0);
    let other = Business { id: "3".to_owned(), ..business() };
    let third = events::text_from("15551234567", other, "c", "hi", 0);
    let body: Value = serde_json::from_str(&events::body(&[text("a"), text("b"), third])).expect("JSON");
    let value = |at: usize| &body["entry"][at]["changes"][0]["value"];
    assert_eq!(value(0)["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(value(0)["contacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(value(1)["metadata"]["phone_number_id"], json!("3"));
}

#[test]
fn signatures_are_those_of_rfc_4231() {
    let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(events::signature("Jefe", "what do ya want for nothing?"), expected);
}

#[test]
fn kinds_of_media_take_their_types_only() {
    assert_eq!(essence("Audio/OGG; codecs=opus"), "audio/ogg");
    let cases = [
        (MediaKind::Image, "image/png", true),
        (MediaKind::Image, "image/webp", false),
        (MediaKind::Sticker, "image/webp", true),
        (MediaKind::Video, "video/3gpp", true),
        (MediaKind::Audio, "audio/ogg", true),
        (MediaKind::Document, "application/zip", true),
        (MediaKind::Document, "text/html", false),
        (MediaKind::Document, "", false),
    ];
    for (kind, mime, taken) in cases {
        assert_eq!(kind.takes(mime), taken, "{kind:?} {mime}");
    }
}
