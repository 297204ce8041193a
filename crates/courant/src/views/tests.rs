use model::{Phone, Recipient, Time};

use super::{Moment, Sight};

#[test]
fn instants_are_written_with_milliseconds_and_read_with_any_offset() {
    let moment = Moment(Time::from_millis(1_769_846_400_250));
    assert_eq!(moment.to_string(), "2026-01-31T08:00:00.250Z");
    assert_eq!(Moment::parse("2026-01-31T09:00:00.25+01:00"), Some(moment));
    assert_eq!(Moment::parse("yesterday"), None);
}

#[test]
fn addresses_are_masked_for_those_who_may_not_see_them_also_within_texts() {
    assert_eq!(Sight::MASKED.address("15550100004"), "155******04");
    assert_eq!(Sight::MASKED.address("12345"), "***45");
    assert_eq!(Sight::MASKED.address("123"), "***");
    assert_eq!(Sight::FULL.address("15550100004"), "15550100004");
    let recipient = Recipient::phone(Phone::parse("15550100004").expect("digits"));
    let text = "could not reach +15550100004 today";
    assert_eq!(Sight::MASKED.text(text, &recipient), "could not reach +155******04 today");
    assert_eq!(Sight::FULL.text(text, &recipient), text);
}
