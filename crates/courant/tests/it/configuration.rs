//! What is wrong with a configuration is named with file, line and key.

use std::process::Command;

fn check(text: &str) -> (bool, String) {
    check_with(text, &[])
}

fn check_with(text: &str, set: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("courant.toml");
    std::fs::write(&file, text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_courant"))
        .args(["check", "--config"])
        .arg(&file)
        .args(set.iter().flat_map(|assignment| ["--set", *assignment]))
        .env("COURANT_TEST_SECRET", "secret-value")
        .env_remove("COURANT_TEST_ABSENT")
        .output()
        .expect("it runs");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), said)
}

#[test]
fn faults_are_named_with_file_line_and_key() {
    let route =
        "[[route]]\nname = \"wa\"\n[route.whatsapp_cloud]\ntoken = { env = \"COURANT_TEST_SECRET\" }\n";
    let cases = [
        ("[server]\nlissten = \"127.0.0.1:1\"\n".to_owned(), "courant.toml:2:", "lissten"),
        ("[server]\nlisten = 3\n".to_owned(), "courant.toml:2:", "invalid"),
        ("[server\n".to_owned(), "courant.toml:1:", ""),
        (
            "[store]\n\npath = { env = \"COURANT_TEST_ABSENT\" }\n".to_owned(),
            "courant.toml:3:",
            "COURANT_TEST_ABSENT",
        ),
        (route.to_owned(), "courant.toml:3:", "numbers"),
        (format!("{route}unknown_key = 1\n"), "courant.toml:5:", "unknown_key"),
        (
            "[[account]]\nname = \"a\"\nroutes = { sms = [\"nowhere\"] }\n".to_owned(),
            "courant.toml:3:",
            "nowhere",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account]]\nname = \"a\"\n".to_owned(),
            "courant.toml:",
            "two accounts",
        ),
        (
            "[admin]\ntokens = [{ name = \"ops\", scopes = [\"look\"], token = \"a\", accounts = [\"shoop\"] }]\n"
                .to_owned(),
            "courant.toml:2:",
            "shoop",
        ),
        ("[[route]]\nname = \"empty\"\n".to_owned(), "courant.toml:2:", "connector"),
    ];
    for (text, place, key) in cases {
        let (fine, said) = check(&text);
        assert!(!fine && said.contains(place) && said.contains(key), "{text}\n{said}");
        assert!(!said.contains("secret-value"), "{said}");
    }
}

#[test]
fn a_fault_of_what_is_set_is_told_with_its_key_and_without_its_value() {
    let text = "[limits]\ntimers = 3\n[store]\nretention_hours = 3\n";
    let cases = [
        (
            "server.listen=secret-value",
            "--set server.listen: invalid socket address syntax in `server.listen`",
        ),
        ("limits.timers=\"secret\"", "--set limits.timers: invalid type: string \"secret\""),
        ("callbacks.concurrency=-3", "in `callbacks.concurrency`"),
        ("nonsense=3", "--set nonsense: unknown field `nonsense`"),
        (
            "account=[{ name = 3 }]",
            "--set account: invalid type: integer `3`, expected a string in `account.name`",
        ),
        ("limits.timers.most=secret-value", "--set limits.timers.most: timers is not a table"),
    ];
    for (set, expected) in cases {
        let (fine, said) = check_with(text, &[set]);
        assert!(!fine && said.contains(expected), "{set}\n{said}");
        assert!(!said.contains("secret-value"), "{said}");
    }
    // A secret from elsewhere that cannot be what it is for.
    let (fine, said) = check("[server]\nlisten = { env = \"COURANT_TEST_SECRET\" }\n");
    assert!(!fine && said.contains("courant.toml:2: invalid socket address"), "{said}");
}

#[test]
fn a_secret_is_a_file_of_bounded_length() {
    let (fine, said) = check("[log]\nlevel = { file = \"/dev/zero\" }\n");
    assert!(!fine && said.contains("courant.toml:2: level: /dev/zero cannot be read"), "{said}");
}

#[test]
fn a_right_configuration_is_said_to_be_right() {
    let (fine, said) = check("[server]\nlisten = \"127.0.0.1:9\"\n");
    assert!(fine && said.contains("is right"), "{said}");
}

#[test]
fn an_object_store_is_checked_in_form_and_tried() {
    let store = "[media.store]\nurl = \"s3://uploads\"\n[media.store.options]\n";
    let (fine, said) = check(&format!("{store}colour = {{ env = \"COURANT_TEST_SECRET\" }}\n"));
    assert!(!fine && said.contains("media.store: there is no option `colour`"), "{said}");
    assert!(!said.contains("secret-value"), "{said}");
    let options = "endpoint = \"http://127.0.0.1:9\"\naccess_key_id = \"a\"\n\
                   secret_access_key = { env = \"COURANT_TEST_SECRET\" }\n";
    let (fine, said) = check(&format!("{store}{options}"));
    assert!(fine && said.contains("note: s3://uploads cannot be used from here: "), "{said}");
    assert!(!said.contains("secret-value"), "{said}");
}
