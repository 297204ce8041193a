use super::{
    super::{IdRule, LongMessages, Settings},
    settings,
};

/// What is wrong with settings changed by these lines.
#[track_caller]
fn check(more: &str, complaint: &str) {
    let found = settings(more).check().expect_err("cannot be").to_string();
    assert_eq!(found, format!("SMPP settings: {complaint}"));
}

#[test]
fn the_least_settings_are_enough() {
    let settings = settings("");
    assert_eq!(settings.check(), Ok(()));
    assert_eq!((settings.window, settings.sessions, settings.tps), (10, 1, None));
    assert_eq!((settings.receipt_ids, settings.long_messages), (IdRule::String, LongMessages::Udh8));
}

#[test]
fn impossible_settings_are_told_in_words() {
    check("window = 0", "window must be 1 to 5000");
    check("sessions = 0", "sessions must be 1 to 64");
    check("tps = 0.0", "tps must be above 0");
    check("max_parts = 256", "max_parts must be 1 to 255");
    check("system_type = 'longer than twelve'", "system_type has more than 12 characters");
    check("sender = \"a\\u0000b\"", "a setting has a NUL character");
}

#[test]
fn unknown_settings_and_causes_are_refused() {
    let read = |more: &str| toml::from_str::<Settings>(&format!("host = 'h'\nsystem_id = 's'\n{more}"));
    assert!(read("windwo = 5").is_err());
    assert!(read("[receipt_errors]\n'1' = 'nonsense'").is_err());
    assert!(read("[status_causes]\n'0xZZ' = 'spam'").is_err());
}

#[test]
fn the_password_does_not_show() {
    assert!(!format!("{:?}", settings("")).contains("secret"));
}
