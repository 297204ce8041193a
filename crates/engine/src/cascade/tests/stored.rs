//! The names under which a state is stored, shown as JSON: they are only ever added, so old rows
//! stay readable.

use super::*;

const QUEUED: &str = concat!(
    r#"{"a":0,"s":[{"s":"accepted","b":0,"t":0,"n":1,"p":{"q":{"a":{"#,
    r#""message":"01920000000070008000000000000001","step":0,"attempt":0},"r":"wa","t":0}}}],"#,
    r#""w":100000000,"t":0}"#
);

const FALLEN_BACK: &str = concat!(
    r#"{"a":0,"s":[{"s":{"failed":"patience_expired"},"b":0,"k":0,"u":95000,"t":600000,"n":1,"h":1,"p":"o","#,
    r#""c":{"code":"200"},"m":[{"k":true,"u":["wamid.1"],"p":[1]}]},"#,
    r#"{"s":"delivered","b":600000,"k":604000,"u":640000,"d":2100000,"t":2100000,"n":1,"h":1,"p":"o","#,
    r#""m":[{"k":true,"u":["a","b"],"p":[2,2]}]}],"e":{"t":2100000,"s":1},"t":2100000}"#
);

fn stored(run: &Run) -> String {
    serde_json::to_string(&run.state).expect("a state is plain data")
}

#[test]
fn a_queued_message_is_stored_like_this() {
    let mut run = Run::new(vec![whatsapp()]);
    run.at(0, Event::Accepted);
    assert_eq!(stored(&run), QUEUED);
}

#[test]
fn a_message_that_fell_back_is_stored_like_this() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(95, submitted(0, 0, &["wamid.1"]));
    let network = Some(model::network::NetworkCode::new("200", ""));
    let receipt = Receipt { network, ..Receipt::new(ReceiptStatus::Sent) };
    run.at(200, Event::Received { attempt: id(0, 0), part: 0, receipt });
    run.at(600, Event::Woken);
    run.at(604, taken(1, 0));
    run.at(640, submitted(1, 0, &["a", "b"]));
    run.at(900, part(1, 0, 0, ReceiptStatus::Delivered));
    run.at(2100, part(1, 0, 1, ReceiptStatus::Delivered));
    // Step 1 was `sent` for a while: only its last status is kept.
    assert_eq!(stored(&run), FALLEN_BACK);
}

#[test]
fn an_empty_state_is_read() {
    assert_eq!(serde_json::from_str::<State>("{}").ok(), Some(State::default()));
}
