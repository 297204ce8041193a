//! Secrets do not reach logs.

use super::settings;

#[test]
fn no_secret_shows_in_the_debug_form_of_settings() {
    let shown = format!("{:?}", settings());
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg=="), "{shown}");
}

#[test]
fn no_secret_shows_in_the_debug_form_of_identities() {
    for (name, dialect) in super::all() {
        let identities = dialect.identities(&settings());
        assert!(!identities.is_empty(), "{name}");
        let shown = format!("{identities:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg=="), "{name}: {shown}");
    }
}
