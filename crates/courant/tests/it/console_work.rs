//! What people change in the console: files, plans, money, tokens, credentials, their password.

use reqwest::{
    Response, StatusCode,
    header::COOKIE,
    multipart::{Form, Part},
};

use crate::{
    console::{Browser, PASSWORD, USERS, cookie, location, value},
    harness::Stand,
};

const BALANCE: &str = "account[sandbox].balance={currency='EUR',initial='1.00'}";
const PNG: &[u8] = include_bytes!("../../../sandbox/samples/sample.png");

/// Sends a form with a file, as the page does: token and account first.
async fn upload(browser: &Browser<'_>, csrf: &str, name: &str, mime: &str, bytes: &[u8]) -> Response {
    let file = Part::bytes(bytes.to_vec()).file_name(name.to_owned()).mime_str(mime).expect("a type");
    let form = Form::new().text("csrf", csrf.to_owned()).text("account", "sandbox").part("file", file);
    let request = browser.client.post(format!("{}/console/media/upload", browser.stand.url));
    request.header(COOKIE, &browser.cookie).multipart(form).send().await.expect("an answer")
}

/// What follows a text on a page, up to a quotation mark.
fn after<'a>(page: &'a str, text: &str) -> &'a str {
    let rest = page.split(text).nth(1).unwrap_or_else(|| panic!("no {text} in {page}"));
    rest.split('"').next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_by_the_form_shown_checked_and_removed() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let act = Browser::signed_in(&stand, "act").await;
    let look = Browser::signed_in(&stand, "look").await;
    let csrf = value(&act.page("/console/media").await, "csrf");
    assert_eq!(upload(&act, "wrong", "a.png", "image/png", PNG).await.status(), StatusCode::BAD_REQUEST);
    assert!(act.page("/console/media").await.contains("No file is kept"), "the token comes first");
    assert_eq!(upload(&look, &csrf, "a.png", "image/png", PNG).await.status(), StatusCode::FORBIDDEN);
    let kept = upload(&act, &csrf, "our <logo>.png", "image/png", PNG).await;
    assert_eq!(kept.status(), StatusCode::SEE_OTHER, "{kept:?}");

    let page = act.page("/console/media?account=sandbox").await;
    assert!(page.contains("our &lt;logo&gt;.png"), "{page}");
    let preview = stand.client.get(format!("{}{}", stand.url, after(&page, "<img src=\""))).send().await;
    let preview = preview.expect("an answer");
    assert_eq!(preview.headers()["content-type"], "image/png");
    assert_eq!(preview.bytes().await.expect("bytes"), PNG);
    let masked = look.page("/console/media?account=sandbox").await;
    assert!(!masked.contains("<img") && !masked.contains("logo"), "contents are for those who may see them");

    let path = format!("/console/media/files/{}", after(&page, "/console/media/files/"));
    let id = path.rsplit('/').next().expect("an id").to_owned();
    let one = act.page(&path).await;
    assert!(one.contains("Which channel takes it") && one.contains("not one of video/mp4"), "{one}");
    let ask = |kind: &'static str| {
        let fields = [("account", "sandbox"), ("what", id.as_str()), ("channel", "whatsapp"), ("kind", kind)];
        let act = &act;
        async move { act.submit("/console/media", "/console/media/check", &fields).await.text().await }
    };
    assert!(ask("image").await.expect("a page").contains("It passes."));
    let sticker = ask("sticker").await.expect("a page");
    assert!(sticker.contains("It would not be sent.") && sticker.contains("image/webp"), "{sticker}");
    let inside = [
        ("account", "sandbox"),
        ("what", "http://169.254.169.254/a.png"),
        ("channel", "whatsapp"),
        ("kind", ""),
    ];
    let inside = act.submit("/console/media", "/console/media/check", &inside).await.text().await;
    assert!(inside.expect("a page").contains("It would not be sent."), "the guard holds here too");

    let gone = act.submit(&path, "/console/media/remove", &[("id", &id)]).await;
    assert_eq!(location(&gone), "/console/media?account=sandbox&done=gone");
    assert_eq!(act.get(&path).await.status(), StatusCode::NOT_FOUND);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_checked_and_written_by_the_form_and_nobodys_change_is_lost_unseen() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let act = Browser::signed_in(&stand, "act").await;
    let administer = Browser::signed_in(&stand, "administer").await;
    let home = "/console/scenarios/plans?account=sandbox";
    let plan = |version: &'static str, channel: &'static str| {
        [
            ("account", "sandbox"),
            ("version", version),
            ("attach", "SHOP"),
            ("dialect", "messangi"),
            ("first", "1 min"),
            ("channel", channel),
            ("sender", ""),
            ("patience", "2 min"),
            ("text", "{text} {link}"),
        ]
    };
    let checked = act.submit(home, "/console/scenarios/plans/check", &plan("0", "viber")).await;
    let checked = checked.text().await.expect("a page");
    assert!(checked.contains("never sent") && checked.contains("no route for Viber"), "{checked}");
    let sound = act.submit(home, "/console/scenarios/plans/check", &plan("0", "sms")).await;
    assert!(sound.text().await.expect("a page").contains("Worst case 3 min"));
    let save = "/console/scenarios/plans/save";
    assert_eq!(act.submit(home, save, &plan("0", "sms")).await.status(), StatusCode::FORBIDDEN);
    let saved = administer.submit(home, save, &plan("0", "sms")).await;
    assert_eq!(location(&saved), format!("{home}&done=plans"));
    assert!(administer.page(home).await.contains("written here, 1 time"));
    let late = administer.submit(home, save, &plan("0", "sms")).await;
    let status = late.status();
    let told = late.text().await.expect("a page");
    assert!(status == StatusCode::BAD_REQUEST && told.contains("for the same already"), "{told}");
    let remove = [("account", "sandbox"), ("version", "0"), ("index", "0")];
    let late = administer.submit(home, "/console/scenarios/plans/remove", &remove).await;
    assert!(late.text().await.expect("a page").contains("changed meanwhile"));
    let back = administer.submit(home, "/console/scenarios/plans/reset", &[("account", "sandbox")]).await;
    assert_eq!(location(&back), format!("{home}&done=reset"));
    assert!(administer.page(home).await.contains("from the configuration"));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_was_written_is_removed_and_the_configured_default_counts_again() {
    let stand = Stand::start().await;
    let browser = Browser::new(&stand);
    let home = "/console/scenarios?account=sandbox";
    let new =
        [("account", "sandbox"), ("name", "Ours"), ("default", "yes"), ("channel", "SMS"), ("from", "")];
    browser.submit(home, "/console/scenarios/save", &new).await;
    let page = browser.page(home).await;
    let (_, ours) = page.split_once("Ours").expect("the new one");
    assert!(ours.split("</h3>").next().is_some_and(|head| head.contains("default")), "{page}");
    let key = after(ours, "name=\"key\" value=\"").to_owned();
    let remove = |key: String| {
        let browser = &browser;
        async move {
            let fields = [("account", "sandbox"), ("key", key.as_str())];
            browser.submit(home, "/console/scenarios/remove", &fields).await
        }
    };
    assert_eq!(location(&remove(key.clone()).await), format!("{home}&done=scenario-gone"));
    let page = browser.page(home).await;
    let (_, first) = page.split_once("My WHATSAPP-SMS scenario").expect("the configured one");
    assert!(
        !page.contains("Ours") && first.split("</h3>").next().is_some_and(|head| head.contains("default"))
    );
    assert_eq!(remove(key).await.status(), StatusCode::NOT_FOUND);
    let configured = remove("CC9F01A5DC7BEE2C2B829D203482A654".to_owned()).await;
    assert!(configured.text().await.expect("a page").contains("stands in the configuration"));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_put_in_once_per_payment_by_administrators_only() {
    let stand = Stand::start_with(None, &[&USERS, BALANCE]).await;
    let act = Browser::signed_in(&stand, "act").await;
    let administer = Browser::signed_in(&stand, "administer").await;
    let (home, path) = ("/console/accounts/sandbox/balance", "/console/accounts/sandbox/top-up");
    let payment = [("amount", "250.00"), ("reference", "INV-1042")];
    assert_eq!(act.submit("/console", path, &payment).await.status(), StatusCode::FORBIDDEN);
    assert!(act.page(home).await.contains("1.00"));
    let put = administer.submit(home, path, &payment).await;
    assert_eq!(location(&put), format!("{home}?done=topped-up"));
    let again = administer.submit(home, path, &payment).await;
    assert_eq!(again.status(), StatusCode::BAD_REQUEST, "a payment counts once");
    let nonsense = administer.submit(home, path, &[("amount", "much"), ("reference", "")]).await;
    assert_eq!(nonsense.status(), StatusCode::BAD_REQUEST);
    let page = administer.page(home).await;
    assert!(page.contains("251.00") && page.contains("INV-1042") && page.contains("top up"), "{page}");
    assert!(administer.page("/console/people/audit").await.contains("changed a balance"));
    assert_eq!(act.get("/console/accounts/other/balance").await.status(), StatusCode::NOT_FOUND);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_opens_the_api_and_nothing_after_it_is_revoked() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let administer = Browser::signed_in(&stand, "administer").await;
    let home = "/console/people/tokens";
    let wanted = [("name", "export"), ("scope", "look"), ("scope", "numbers"), ("account", "other")];
    let made = administer.submit(home, "/console/people/tokens/make", &wanted).await;
    let page = made.text().await.expect("a page");
    let token = page.split("id=\"token\" tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next());
    let token = token.expect("a token").to_owned();
    let ask = || async {
        let request = stand.client.get(format!("{}/api/v1/overview", stand.url)).bearer_auth(&token);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(ask().await, StatusCode::OK);
    let accounts = stand.client.get(format!("{}/api/v1/accounts", stand.url)).bearer_auth(&token);
    let accounts: serde_json::Value = accounts.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(
        (&accounts["items"][0]["name"], &accounts["items"][1]),
        (&"other".into(), &serde_json::Value::Null)
    );
    let list = administer.page(home).await;
    assert!(list.contains("<td>other</td>"), "{list}");
    assert!(list.contains("look, numbers") && !list.contains(&token), "never shown again");
    let again = administer.submit(home, "/console/people/tokens/make", &wanted).await;
    assert_eq!(again.status(), StatusCode::BAD_REQUEST, "the name is taken");
    let id = after(&list, "name=\"id\" value=\"").to_owned();
    let revoked = administer.submit(home, "/console/people/tokens/revoke", &[("id", &id)]).await;
    assert_eq!(location(&revoked), format!("{home}?done=revoked"));
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    let log = administer.page("/console/people/audit").await;
    assert!(log.contains("made a token") && log.contains("revoked a token") && !log.contains(&token));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_are_shown_once_and_kept_nowhere() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let act = Browser::signed_in(&stand, "act").await;
    let administer = Browser::signed_in(&stand, "administer").await;
    let path = "/console/accounts/sandbox/credentials";
    let wanted = [("dialect", "telesign")];
    assert_eq!(act.submit("/console", path, &wanted).await.status(), StatusCode::FORBIDDEN);
    let made = administer.submit("/console/accounts/sandbox", path, &wanted).await;
    let page = made.text().await.expect("a page");
    assert!(page.contains("12345678-9ABC-DEF0-1234-56789ABCDEF0"), "the account's own customer id");
    let key = page.split("api_keys = [&quot;").nth(1).and_then(|rest| rest.split('&').next()).expect("a key");
    assert_eq!(key.len(), 88, "64 random bytes");
    for other in ["/console/people/audit", "/console/accounts/sandbox"] {
        assert!(!administer.page(other).await.contains(key), "{other}");
    }
    assert!(administer.page("/console/people/audit").await.contains("made credentials"));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_change_their_own_password_and_their_other_sessions_end() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let boss = Browser::signed_in(&stand, "administer").await;
    let ann = [("name", "ann"), ("role", "look"), ("password", PASSWORD)];
    boss.submit("/console/people", "/console/people/put", &ann).await;
    let other = Browser::signed_in(&stand, "ann").await;
    let mut ann = Browser::signed_in(&stand, "ann").await;
    let change = |old: &'static str, new: &'static str, again: &'static str| {
        [("old", old), ("new", new), ("again", again)]
    };
    let (home, path) = ("/console/me", "/console/me/password");
    let new = "another good password";
    for (fields, told) in [
        (change("wrong password", new, new), "The old password is wrong."),
        (change(PASSWORD, new, "a third password"), "not the same"),
        (change(PASSWORD, "short", "short"), "at least 10 characters"),
    ] {
        let refused = ann.submit(home, path, &fields).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(refused.text().await.expect("a page").contains(told), "{told}");
    }
    let changed = ann.submit(home, path, &change(PASSWORD, new, new)).await;
    assert_eq!(location(&changed), "/console/me?done=password");
    assert_eq!(other.get("/console").await.status(), StatusCode::SEE_OTHER, "other sessions end");
    ann.cookie = cookie(&changed, "courant_session");
    assert!(ann.page("/console/me?done=password").await.contains("The password is changed."));
    let mut stranger = Browser::new(&stand);
    assert_eq!(stranger.sign_in("ann", PASSWORD).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(stranger.sign_in("ann", new).await.status(), StatusCode::SEE_OTHER);
    let configured = boss.submit(home, path, &change(PASSWORD, new, new)).await;
    assert_eq!(configured.status(), StatusCode::NOT_FOUND, "those of the configuration change it there");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_again_for_a_suspended_account_whichever_way_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[&USERS]).await;
    let id = stand.send("15550100004", 60_000, "unused").await.to_lowercase();
    stand.stop().await;
    let set = [&*USERS, "account[sandbox].suspended=true"];
    let stand = Stand::start_with(Some(folder.path().to_owned()), &set).await;
    let act = Browser::signed_in(&stand, "act").await;
    let path = format!("/console/messages/{id}");
    let refused = act.submit(&path, &format!("{path}/again"), &[]).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await.expect("a page").contains("The account is suspended."));
    let steps = serde_json::json!([{"channel": "sms", "text": "hello"}]);
    let new = serde_json::json!({"account": "sandbox", "to": "15550100004", "steps": steps});
    for (path, body) in
        [(format!("/messages/{id}/resend"), serde_json::json!({})), ("/messages".to_owned(), new)]
    {
        let request = stand.client.post(format!("{}/api/v1{path}", stand.url)).bearer_auth("sandbox");
        let refused = request.json(&body).send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{path}");
    }
    let listed = stand.client.get(format!("{}/api/v1/messages", stand.url)).bearer_auth("sandbox");
    let listed: serde_json::Value = listed.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    stand.stop().await;
}
