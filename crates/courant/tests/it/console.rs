//! The console over real sockets, without a browser: what a role may see and do, what forms have
//! to carry, and that everything works without scripts.

use std::sync::LazyLock;

use courant::people::password;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, ORIGIN, SET_COOKIE},
    redirect::Policy,
};

use crate::harness::Stand;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// One person per role, all with the same password.
pub(crate) static USERS: LazyLock<String> = LazyLock::new(|| {
    let hash = password::hash(PASSWORD).expect("a good password");
    let user = |role: &str| format!("{{ name = \"{role}\", role = \"{role}\", password_hash = '{hash}' }}");
    format!("console.users=[{}, {}, {}]", user("look"), user("act"), user("administer"))
});

/// A browser without scripts.
pub(crate) struct Browser<'a> {
    pub(crate) stand: &'a Stand,
    pub(crate) client: Client,
    pub(crate) cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(stand: &'a Stand) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { stand, client, cookie: String::new() }
    }

    pub(crate) async fn signed_in(stand: &'a Stand, name: &str) -> Self {
        let mut browser = Self::new(stand);
        let response = browser.sign_in(name, PASSWORD).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{name} signs in");
        browser.cookie = cookie(&response, "courant_session");
        browser
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Response {
        let page = self.get("/console/sign-in?next=/console/messages").await;
        self.cookie = cookie(&page, "courant_form");
        let html = page.text().await.expect("a page");
        let form = [("csrf", value(&html, "csrf")), ("next", value(&html, "next"))];
        let mut form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend([("name", name), ("password", password)]);
        self.post("/console/sign-in", &form).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.stand.url)).header(COOKIE, &self.cookie);
        request.send().await.expect("an answer")
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.expect("a page")
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.stand.url)).header(COOKIE, &self.cookie);
        request.form(form).send().await.expect("an answer")
    }

    /// Submits a form as the page at `from` would: with its token.
    pub(crate) async fn submit(&self, from: &str, path: &str, fields: &[(&str, &str)]) -> Response {
        let csrf = value(&self.page(from).await, "csrf");
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend_from_slice(fields);
        self.post(path, &form).await
    }
}

/// The value that a response gives a cookie, as a browser sends it back.
pub(crate) fn cookie(response: &Response, name: &str) -> String {
    let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pair = set.filter_map(|set| set.split(';').next()).find(|pair| pair.starts_with(name));
    pair.unwrap_or_else(|| panic!("no cookie {name}")).to_owned()
}

/// The value of a hidden field.
pub(crate) fn value(html: &str, name: &str) -> String {
    let after = html.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let after = after.unwrap_or_else(|| panic!("no field {name} in {html}"));
    after.split('"').next().unwrap_or_default().to_owned()
}

pub(crate) fn location(response: &Response) -> &str {
    response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts_from_the_first_message_to_its_timeline() {
    let stand = Stand::start().await;
    let browser = Browser::new(&stand);
    let fields = [
        ("dialect", "telesign"),
        ("number", "+1 555 867 5309"),
        ("media", "jpg"),
        ("text", "Half price <b>today</b> & tomorrow"),
        ("wait", "600"),
    ];
    let sent = browser.submit("/console/handsets", "/console/handsets/send", &fields).await;
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let message = location(&sent).to_owned();
    assert!(message.starts_with("/console/messages/"), "{message}");
    stand
        .until("the timeline tells of the fallback", || async {
            let page = browser.page(&message).await;
            page.contains("WhatsApp is given up") && page.contains("Delivered on step 2 of 2 (SMS).")
        })
        .await;
    let page = browser.page(&message).await;
    assert!(page.contains("Half price &lt;b&gt;today&lt;/b&gt; &amp; tomorrow"), "content is escaped");
    assert!(
        !page.contains("style=") && !page.contains("onclick") && !page.contains("<style"),
        "nothing inline"
    );
    let phone = browser.page("/console/handsets/15558675309").await;
    assert!(phone.contains("Half price &lt;b&gt;today"), "{phone}");
    let list = browser.page("/console/messages?number=15558675309&status=delivered").await;
    assert!(list.contains(message.split('?').next().expect("a path")), "{list}");
    let found = browser.get("/console/messages?q=15558675309").await;
    assert_eq!(found.status(), StatusCode::SEE_OTHER);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_answers_with_strict_headers() {
    let stand = Stand::start().await;
    let browser = Browser::new(&stand);
    let pages = [
        "/console",
        "/console/messages",
        "/console/networks",
        "/console/callbacks",
        "/console/media",
        "/console/accounts",
        "/console/accounts/sandbox",
        "/console/scenarios",
        "/console/people",
        "/console/people/audit",
        "/console/handsets",
        "/console/handsets/15550100001",
        "/console/assets/console.css",
        "/console/assets/console.js",
    ];
    for path in pages {
        let response = browser.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(response.headers().get("access-control-allow-origin").is_none());
    }
    for missing in ["/console/nothing", "/console/messages/nothing", "/console/accounts/nobody"] {
        assert_eq!(browser.get(missing).await.status(), StatusCode::NOT_FOUND, "{missing}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_token_or_from_another_site_does_nothing() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let act = Browser::signed_in(&stand, "act").await;
    let other = Browser::signed_in(&stand, "administer").await;
    let reply = [("channel", "whatsapp"), ("text", "hello")];
    let path = "/console/handsets/15550100001/reply";
    assert_eq!(act.post(path, &reply).await.status(), StatusCode::FORBIDDEN);
    let foreign = value(&other.page("/console/handsets").await, "csrf");
    let stolen = [("csrf", foreign.as_str()), reply[0], reply[1]];
    assert_eq!(act.post(path, &stolen).await.status(), StatusCode::FORBIDDEN, "a token of another session");
    let own = value(&act.page("/console/handsets").await, "csrf");
    let form = [("csrf", own.as_str()), reply[0], reply[1]];
    let request = act.client.post(format!("{}{path}", stand.url)).header(COOKIE, &act.cookie).form(&form);
    let elsewhere = request.header(ORIGIN, "https://evil.example").send().await.expect("an answer");
    assert_eq!(elsewhere.status(), StatusCode::FORBIDDEN, "from another site");
    assert_eq!(act.post(path, &form).await.status(), StatusCode::SEE_OTHER, "our own page's form");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_sees_and_does_what_it_may_and_nothing_more() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    stand.send("15550107777", 5000, "roles").await;
    let look = Browser::signed_in(&stand, "look").await;
    let act = Browser::signed_in(&stand, "act").await;
    let administer = Browser::signed_in(&stand, "administer").await;

    let seen = look.page("/console/messages").await;
    assert!(seen.contains("155******77") && !seen.contains("15550107777"), "masked: {seen}");
    let path = format!("/console/messages/{}", seen.split("/console/messages/").nth(1).expect("a link"));
    let path = path.split('"').next().expect("a path").to_owned();
    let message = look.page(&path).await;
    assert!(!message.contains("15550107777") && !message.contains("whatsapp for"), "no number, no content");
    assert!(!message.contains("/cancel") && !message.contains("/again"), "no buttons");
    assert!(act.page("/console/messages").await.contains("15550107777"));
    assert!(act.page(&path).await.contains("whatsapp for 15550107777"));

    for denied in [format!("{path}/json"), "/console/handsets".to_owned(), "/console/people".to_owned()] {
        assert_eq!(look.get(&denied).await.status(), StatusCode::FORBIDDEN, "{denied}");
    }
    let again = format!("{path}/again");
    assert_eq!(look.submit("/console", &again, &[]).await.status(), StatusCode::FORBIDDEN);
    let sent = act.submit("/console", &again, &[]).await;
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    assert_ne!(location(&sent).split('?').next(), Some(path.as_str()), "a new message");

    assert_eq!(act.get("/console/people").await.status(), StatusCode::FORBIDDEN);
    let save = [("account", "sandbox"), ("name", "New"), ("channel", "SMS"), ("from", "")];
    assert_eq!(
        act.submit("/console", "/console/scenarios/save", &save).await.status(),
        StatusCode::FORBIDDEN
    );
    let saved = administer.submit("/console/scenarios", "/console/scenarios/save", &save).await;
    assert_eq!(saved.status(), StatusCode::SEE_OTHER);
    let log = administer.page("/console/people/audit").await;
    for told in ["sent again", "saved a scenario", "signed in"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_the_password_and_guessing_is_slowed_down() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let mut browser = Browser::new(&stand);
    let closed = browser.get("/console/messages?status=failed").await;
    assert_eq!(closed.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&closed), "/console/sign-in?next=%2Fconsole%2Fmessages%3Fstatus%3Dfailed");
    assert_eq!(
        browser.post("/console/people/remove", &[("name", "act")]).await.status(),
        StatusCode::SEE_OTHER
    );
    let mut answers = Vec::new();
    for _ in 0..6 {
        let refused = browser.sign_in("act", "wrong password").await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        answers.push(refused.text().await.expect("a page"));
    }
    assert!(answers[0].contains("Name or password is wrong."), "{}", answers[0]);
    assert!(answers[5].contains("Too many tries."), "{}", answers[5]);
    let waiting = browser.sign_in("act", PASSWORD).await;
    assert_eq!(waiting.status(), StatusCode::FORBIDDEN, "the right password has to wait too");
    assert_eq!(browser.sign_in("nobody", PASSWORD).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.sign_in("look", PASSWORD).await.status(), StatusCode::SEE_OTHER, "others do not");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_a_strict_cookie_and_ends_with_signing_out() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let mut browser = Browser::new(&stand);
    let response = browser.sign_in("look", PASSWORD).await;
    assert_eq!(location(&response), "/console/messages");
    let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let set = set.into_iter().find(|set| set.starts_with("courant_session=")).expect("a session");
    assert!(set.contains("; Path=/console; HttpOnly; SameSite=Strict; Max-Age=43200"), "{set}");
    browser.cookie = cookie(&response, "courant_session");
    browser.page("/console").await;
    let left = browser.submit("/console", "/console/sign-out", &[]).await;
    assert_eq!(left.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        browser.get("/console").await.status(),
        StatusCode::SEE_OTHER,
        "the token is worth nothing now"
    );
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_added_changed_and_removed_and_their_sessions_end() {
    let stand = Stand::start_with(None, &[&USERS]).await;
    let boss = Browser::signed_in(&stand, "administer").await;
    let put = |role: &'static str, password: &'static str| {
        let fields = [("name", "ann"), ("role", role), ("password", password)];
        let boss = &boss;
        async move { boss.submit("/console/people", "/console/people/put", &fields).await.status() }
    };
    assert_eq!(put("look", "short").await, StatusCode::BAD_REQUEST);
    assert_eq!(put("act", PASSWORD).await, StatusCode::SEE_OTHER);
    let ann = Browser::signed_in(&stand, "ann").await;
    assert_eq!(ann.get("/console/handsets").await.status(), StatusCode::OK);
    assert_eq!(put("look", "").await, StatusCode::SEE_OTHER, "a new role, the same password");
    assert_eq!(ann.get("/console/handsets").await.status(), StatusCode::FORBIDDEN, "at once");
    assert_eq!(put("look", "another password").await, StatusCode::SEE_OTHER);
    assert_eq!(ann.get("/console").await.status(), StatusCode::SEE_OTHER, "a new password ends sessions");
    let removed = boss.submit("/console/people", "/console/people/remove", &[("name", "ann")]).await;
    assert_eq!(removed.status(), StatusCode::SEE_OTHER);
    let configured = boss.submit("/console/people", "/console/people/remove", &[("name", "act")]).await;
    assert_eq!(configured.status(), StatusCode::BAD_REQUEST, "those of the configuration stay");
    assert!(!boss.page("/console/people").await.contains("value=\"ann\""), "no longer listed");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_callback_is_shown_and_replayed() {
    let stand = Stand::start().await;
    let browser = Browser::new(&stand);
    let body = serde_json::json!({
        "deliverychannel": "whatsapp", "appid": "a_1",
        "destination": [{ "waid": ["15550107777"] }],
        "notifyurl": format!("{}/sandbox/bin/parked?fail=1&status=404", stand.url),
        "channels": { "OTT-Messaging": { "wa": { "type": "text", "text": { "body": "hello" } } } },
    });
    let request = stand.client.post(format!("{}/resources/v1/messaging", stand.url));
    let request = request.header("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002").json(&body);
    assert!(request.send().await.expect("an answer").status().is_success());
    let parked = |page: String| page.contains("Replay the ticked ones");
    stand
        .until("a callback is given up", || async { parked(browser.page("/console/callbacks").await) })
        .await;
    let replayed = browser.submit("/console/callbacks", "/console/callbacks/replay", &[("all", "yes")]).await;
    assert_eq!(location(&replayed), "/console/callbacks?done=replayed");
    stand
        .until("the receiver got it at last", || async {
            let requests = stand.bin("parked").await;
            requests.len() >= 2 && !parked(browser.page("/console/callbacks").await)
        })
        .await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_checked_before_it_is_saved() {
    let stand = Stand::start().await;
    let browser = Browser::new(&stand);
    let fields = [
        ("account", "sandbox"),
        ("name", "Three"),
        ("channel", "VIBER"),
        ("from", ""),
        ("channel", "SMS"),
        ("from", ""),
        ("channel", "SMS"),
        ("from", ""),
    ];
    let checked = browser.submit("/console/scenarios", "/console/scenarios/check", &fields).await;
    assert_eq!(checked.status(), StatusCode::OK);
    let page = checked.text().await.expect("a page");
    assert!(page.contains("the account has no route for Viber"), "{page}");
    assert!(page.contains("the channel was tried before"), "{page}");
    assert!(page.contains("Worst case 2 d"), "{page}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anybody_configured_the_console_says_how_to_add_somebody() {
    let folder = tempfile::tempdir().expect("a folder");
    let set =
        ["server.listen=\"127.0.0.1:0\"".to_owned(), format!("store.path='{}'", folder.path().display())];
    let source = courant::config::Source { name: "empty".to_owned(), text: String::new() };
    let config = courant::config::Config::parse(&source, &set).expect("a configuration");
    courant::cli::install_crypto();
    let running = courant::app::App::start(config, None).await.expect("it starts");
    let url = format!("{}/console", running.app.url());
    let response = reqwest::get(&url).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.text().await.expect("a page").contains("courant password-hash"));
    let handsets = reqwest::get(format!("{url}/handsets")).await.expect("an answer");
    assert_eq!(handsets.status(), StatusCode::FORBIDDEN);
    running.stop().await;
}
