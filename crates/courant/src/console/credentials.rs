//! Fresh credentials in the shape of each API, with what to add to the configuration.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{accounts::Account, clock};

/// Fresh credentials.
pub(super) struct Made {
    pub(super) dialect: &'static str,
    /// What the client needs, by name.
    pub(super) lines: Vec<(&'static str, String)>,
    /// What the configuration needs.
    pub(super) snippet: String,
    /// How it goes together with what is there.
    pub(super) beside: &'static str,
}

/// Fresh credentials of this account for a dialect; `None` if there is no such dialect. Names that
/// the account has already stay.
pub(super) fn make(dialect: &str, account: &Account) -> Option<Made> {
    match dialect {
        "telesign" => Some(telesign(account)),
        "infobip" => Some(infobip()),
        "webex_connect" => Some(webex_connect()),
        "messangi" => Some(messangi(account)),
        "kaleyra" => Some(kaleyra(account)),
        _ => None,
    }
}

fn telesign(account: &Account) -> Made {
    let known = account.settings.telesign.as_ref().map(|settings| settings.customer_id.clone());
    let id = known.unwrap_or_else(|| uuid().to_ascii_uppercase());
    let key = STANDARD.encode([random(), random(), random(), random()].concat());
    Made {
        dialect: "telesign",
        snippet: format!("[account.dialects.telesign]\ncustomer_id = \"{id}\"\napi_keys = [\"{key}\"]\n"),
        lines: vec![("Customer id", id), ("API key", key)],
        beside: "a second key in api_keys. The first one signs callbacks, so put the new one first only when the receiver knows it.",
    }
}

fn infobip() -> Made {
    let key = format!("{}-{}", hex::encode(random()), uuid());
    Made {
        dialect: "infobip",
        snippet: format!("[account.dialects.infobip]\nkeys = [\"{key}\"]\n"),
        lines: vec![("API key, sent as Authorization: App …", key)],
        beside: "a further key in keys. Users with passwords go on working.",
    }
}

fn webex_connect() -> Made {
    let key = uuid();
    Made {
        dialect: "webex_connect",
        snippet: format!("[account.dialects.webex_connect]\nservice_keys = [{{ key = \"{key}\" }}]\n"),
        lines: vec![("Service key, sent in the header key", key)],
        beside: "a further entry in service_keys.",
    }
}

fn messangi(account: &Account) -> Made {
    let (name, key) = (account.name.to_string(), hex::encode([random(), random()].concat()));
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    Made {
        dialect: "messangi",
        snippet: format!(
            "[account.dialects.messangi]\nkeys = [{{ key = \"{key}\", username = \"{quoted}\" }}]\n"
        ),
        lines: vec![("Bearer key", key), ("Shown as", name)],
        beside: "a further entry in keys. Users with passwords go on working.",
    }
}

fn kaleyra(account: &Account) -> Made {
    let known = account.settings.kaleyra.as_ref().map(|settings| settings.sid.clone());
    let sid = known.unwrap_or_else(|| format!("HX{}IN", &hex::encode(random()).to_ascii_uppercase()[..12]));
    let key = format!("A{}", hex::encode(random()));
    Made {
        dialect: "kaleyra",
        snippet: format!("[account.dialects.kaleyra]\nsid = \"{sid}\"\napi_keys = [\"{key}\"]\n"),
        lines: vec![("SID, in the path", sid), ("API key, sent in the header api-key", key)],
        beside: "a further key in api_keys.",
    }
}

fn random() -> [u8; 16] {
    clock::random().to_be_bytes()
}

/// A random UUID of version 4.
fn uuid() -> String {
    let mut bytes = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use model::AccountName;

    use super::*;
    use crate::{
        accounts::Accounts,
        config::{Config, Source},
    };

    fn accounts(text: &str) -> Accounts {
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        Accounts::new(&Config::parse(&source, &[]).expect("a configuration")).expect("accounts")
    }

    #[test]
    fn what_is_shown_for_the_configuration_opens_each_api_with_what_is_shown_for_the_client() {
        let bare = "[[account]]\nname = \"sh\\\"op\"\n";
        let name = AccountName::from("sh\"op");
        for dialect in dialects::ALL {
            let before = accounts(bare);
            let made =
                make(dialect.name(), before.by_name(&name).expect("the account")).expect("credentials");
            let after = accounts(&format!("{bare}{}", made.snippet));
            let account = after.by_name(&name).expect("the account");
            let identities = dialect.identities(&account.settings);
            assert!(!identities.is_empty(), "{}", dialect.name());
            assert!(made.lines.iter().all(|(_, value)| !value.is_empty()));
            let again = make(dialect.name(), account).expect("credentials");
            assert_ne!(again.snippet, made.snippet, "never the same twice");
        }
        assert!(make("pigeon", accounts(bare).by_name(&name).expect("the account")).is_none());
    }
}
