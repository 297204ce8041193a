use model::{RouteName, Span};
use serde_json::{Value, json};

use super::{
    super::{Settings, SettingsError, WhatsappCloud},
    route, settings,
};
use crate::{Connector, PairLimit};

fn error(change: impl FnOnce(&mut Settings)) -> SettingsError {
    let mut settings = settings();
    change(&mut settings);
    WhatsappCloud::new(settings, RouteName::from("wa")).expect_err("refused")
}

#[test]
fn defaults_are_metas_own_limits() {
    let route = route();
    let capabilities = route.capabilities();
    assert_eq!(capabilities.rate_per_sender, Some(80.0));
    assert_eq!(capabilities.pair_limit, Some(PairLimit { interval: Span::from_secs(6), burst: 45 }));
    assert!(capabilities.echoes_reference && !capabilities.recalls);
    assert!(capabilities.answer_timeout > Span::from_secs(20));
    assert_eq!(capabilities.max_validity, None);
}

#[test]
fn settings_that_cannot_work_are_named() {
    assert_eq!(error(|s| s.numbers.clear()), SettingsError::NoNumbers);
    assert_eq!(error(|s| s.version = "23".to_owned()), SettingsError::Version);
    assert_eq!(error(|s| s.base_url = "ftp://x/".parse().expect("url")), SettingsError::BaseUrl);
    assert_eq!(error(|s| s.token = "a b".into()), SettingsError::Token);
    assert_eq!(error(|s| s.app_secret = None), SettingsError::AppSecret);
    assert_eq!(error(|s| s.numbers[0].display = "x".to_owned()), SettingsError::Display("x".to_owned()));
    let id = "../me".to_owned();
    assert_eq!(error(|s| s.numbers[0].phone_number_id = id.clone()), SettingsError::PhoneNumberId(id));
    let twice = SettingsError::SameName("help".to_owned());
    assert_eq!(error(|s| s.numbers[0].sender = super::super::Labels::One("help".to_owned())), twice);
    assert!(matches!(error(|s| s.timeout_ms = 1), SettingsError::Range("timeout_ms", _)));
    assert!(matches!(
        error(|s| s.messages_per_second = f64::NAN),
        SettingsError::Range("messages_per_second", _)
    ));
}

#[test]
fn misspelt_settings_are_refused() {
    let spelled: Value = json!({"numbers": [], "token": "T", "tokne": "T"});
    let error = serde_json::from_value::<Settings>(spelled).expect_err("refused");
    assert!(error.to_string().contains("tokne"), "{error}");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let shown = format!("{:?} {:?}", settings(), route());
    assert!(
        !shown.contains("TOKEN") && !shown.contains("app-secret") && !shown.contains("agreed word"),
        "{shown}"
    );
}

#[test]
fn the_example_of_the_documentation_is_accepted() {
    let page = include_str!("../../../../../docs/connectors/whatsapp-cloud.md");
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let settings: Settings = toml::from_str(example).expect("settings");
    let numbers = settings.check().expect("usable settings");
    let entry = numbers.find(Some("WhatsAppSender")).expect("the number of the example");
    assert_eq!((entry.id.as_str(), entry.display.digits()), ("106540352242922", "15550783881"));
}
