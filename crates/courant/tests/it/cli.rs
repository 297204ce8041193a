//! Every command of the command line against a running sandbox, each as a process of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::process::Process;

/// A sandbox process and a folder for files.
struct Bench {
    sandbox: Process,
    folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(set: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { sandbox: Process::start(&folder.path().join("data"), set), folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("COURANT_PROFILE").env_remove("COURANT_CONFIG");
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        command.env("COURANT_URL", &self.sandbox.url).env("COURANT_TOKEN", "sandbox");
        command
    }

    /// What a command prints, which must succeed.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// The JSON that a command prints, which must succeed.
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).expect("JSON")
    }

    /// What a command complains, which must fail.
    fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("it runs");
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, content).expect("written");
        path
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_message_is_sent_waited_for_shown_and_listed() {
    let bench = Bench::start();
    let sent = bench.text(&[
        "send",
        "--account",
        "sandbox",
        "--to",
        "+15550100001",
        "--channel",
        "whatsapp",
        "--channel",
        "sms",
        "--text",
        "Your parcel is here",
        "--patience-ms",
        "5000",
        "--client-ref",
        "order 9",
        "--wait",
    ]);
    assert!(sent.contains("→ whatsapp is given up: The recipient does not use this channel"), "{sent}");
    assert!(sent.trim_end().ends_with("→ settled: delivered"), "{sent}");
    let status = bench.text(&["status", "order 9"]);
    assert!(status.contains("delivered on step 2 of 2 (sms)"), "{status}");
    let view = bench.json(&["status", "order 9"]);
    assert_eq!(view["ids"]["client"], "order 9");
    let id = view["id"].as_str().expect("an id");
    let watched = bench.text(&["watch", id]);
    assert!(watched.contains("sms says it is delivered"), "{watched}");
    let events = bench.text(&["watch", "--after", "0-0", "--count", "2", "--json"]);
    assert_eq!(events.lines().count(), 2, "{events}");
    let listed = bench.json(&["messages", "--number", "15550100001", "--status", "delivered"]);
    assert_eq!(listed["items"][0]["id"], view["id"]);
    assert_eq!(bench.json(&["messages", "--id", "order 9"])["items"], listed["items"]);
    let listed = bench.text(&["messages"]);
    assert!(listed.starts_with("ID") && listed.contains(id), "{listed}");
    assert!(bench.complaint(&["status", "nothing"]).contains("no message has this id"));
    assert!(bench.complaint(&["send", "--to", "1", "--text", "a"]).contains("--account sandbox or other"));
}

#[test]
fn money_is_shown_and_put_in() {
    let bench = Bench::start_with(&["account[sandbox].balance={currency='EUR',initial='1.00'}"]);
    let pay = ["accounts", "top-up", "sandbox", "12.50", "--reference", "7"];
    assert_eq!(bench.text(&pay), "13.50 EUR available, 0.00 EUR set aside\n");
    assert!(bench.complaint(&pay).contains("in the ledger already"));
    assert_eq!(bench.json(&["accounts", "top-up", "sandbox", "-0.5"])["available"], "13.00");
    assert_eq!(bench.json(&["accounts", "balance", "sandbox"])["available"], "13.00");
    let ledger = bench.text(&["accounts", "ledger", "sandbox", "--limit", "2"]);
    assert!(ledger.contains("opened") && ledger.contains("12.50") && ledger.contains("--after"), "{ledger}");
    assert!(bench.text(&["accounts"]).contains("13.00 EUR"));
    assert_eq!(bench.json(&["accounts"])["items"][0]["balance"]["currency"], "EUR");
    assert!(bench.complaint(&["accounts", "balance", "other"]).contains("has no balance"));
}

#[test]
fn plans_are_written_listed_shown_checked_and_removed_one_by_one() {
    let bench = Bench::start();
    let shop = r#"{"attach": "SHOP", "patience_ms": 60000, "then": [{"channel": "sms"}]}"#;
    let file = bench.file("plan.json", shop);
    let put = ["plans", "put", "sandbox", shown(&file)];
    assert_eq!(bench.text(&put), "sandbox has 1 plans, written\n");
    let rest = r#"[{"dialect": "kaleyra", "patience_ms": 1000, "then": [{"channel": "viber"}]}]"#;
    let rest = bench.file("rest.json", rest);
    assert_eq!(bench.json(&["plans", "put", "sandbox", shown(&rest)])["version"], 2);
    bench.file("plan.json", &shop.replace("60000", "90000"));
    assert_eq!(bench.json(&put)["plans"].as_array().map(Vec::len), Some(2), "one for the same");
    let plan = bench.json(&["plans", "show", "sandbox", "--attach", "SHOP"]);
    assert_eq!(plan, serde_json::from_str::<Value>(&shop.replace("60000", "90000")).expect("JSON"));
    let plan = bench.text(&["plans", "show", "sandbox", "--dialect", "kaleyra"]);
    assert!(plan.contains("everything else") && plan.contains("1 viber"), "{plan}");
    assert!(bench.complaint(&["plans", "show", "sandbox"]).contains("no plan for everything else"));
    let listed = bench.text(&["plans", "list"]);
    assert!(listed.contains("SHOP") && listed.contains("kaleyra") && listed.contains("90.0 s"), "{listed}");
    let listed = bench.json(&["plans", "list"]);
    assert_eq!(
        (&listed["items"][0]["account"], &listed["items"][1]["written"]),
        (&"sandbox".into(), &false.into())
    );
    let complaint = bench.complaint(&["plans", "check", "sandbox"]);
    assert!(complaint.contains("1 steps can never be sent"), "{complaint}");
    let good = bench.json(&["plans", "check", "sandbox", shown(&file)]);
    assert_eq!(
        (&good["items"][0]["fault"], &good["items"][0]["steps"][0]["never"]),
        (&Value::Null, &Value::Null)
    );
    let endless = bench.file("endless.json", r#"{"patience_ms": 0, "then": [{"channel": "sms"}]}"#);
    assert!(
        bench.complaint(&["plans", "check", "sandbox", shown(&endless)]).contains("waits 1 ms to 30 days")
    );
    assert!(bench.complaint(&["plans", "put", "sandbox", shown(&endless)]).contains("waits 1 ms to 30 days"));
    assert!(bench.complaint(&["plans", "put", "nobody", shown(&file)]).contains("no account of this name"));
    let remove = ["plans", "remove", "sandbox", "--dialect", "kaleyra"];
    assert_eq!(bench.text(&remove), "sandbox has 1 plans, written\n");
    assert!(bench.complaint(&remove).contains("no plan for everything else by kaleyra"));
    assert_eq!(
        bench.json(&["plans", "put", "sandbox", shown(&rest), "--all"])["plans"][0]["dialect"],
        "kaleyra"
    );
    assert_eq!(
        bench.text(&["plans", "remove", "sandbox", "--all"]),
        "sandbox has 0 plans, of the configuration\n"
    );
}

#[test]
fn scenarios_are_written_listed_shown_replaced_and_removed() {
    let bench = Bench::start();
    let flow =
        r#"{"name": "quick", "flow": [{"channel": "sms", "sender": "SHOP"}, {"channel": "messenger"}]}"#;
    let file = bench.file("scenario.json", flow);
    let made = bench.json(&["scenarios", "put", "sandbox", shown(&file)]);
    let key = made["key"].as_str().expect("a key");
    assert_eq!((&made["flow"][0]["label"], &made["flow"][1]["label"]), (&"SMS".into(), &"FACEBOOK".into()));
    let listed = bench.text(&["scenarios", "list", "sandbox"]);
    assert!(listed.contains("quick") && listed.contains("sms → messenger"), "{listed}");
    let first = bench.json(&["scenarios", "list", "sandbox", "--limit", "1"]);
    let rest = ["scenarios", "list", "sandbox", "--after", first["next"].as_str().expect("more")];
    assert!(bench.text(&rest).contains(key));
    let shown_one = bench.json(&["scenarios", "show", "sandbox", key]);
    assert_eq!(shown_one, made);
    let changed = bench.file("changed.json", &shown_one.to_string().replace("quick", "slow"));
    let put = ["scenarios", "put", "sandbox", shown(&changed), "--key", key];
    assert!(bench.text(&put).contains("name      slow"));
    assert_eq!(bench.text(&["scenarios", "remove", "sandbox", key]), format!("removed {key}\n"));
    for gone in ["show", "remove"] {
        assert!(bench.complaint(&["scenarios", gone, "sandbox", key]).contains("scenario"), "{gone}");
    }
    assert!(bench.complaint(&put).contains("scenario"));
    assert!(bench.complaint(&["scenarios", "list", "nobody"]).contains("no account of this name"));
}

#[test]
fn a_message_is_cancelled_and_sent_again() {
    let bench = Bench::start();
    let later = "2100-01-01T00:00:00Z";
    let to = ["--account", "sandbox", "--to", "+15550107777", "--text", "hello"];
    let sent = bench.json(&[&["send", "--send-at", later][..], &to].concat());
    let id = sent["id"].as_str().expect("an id");
    assert!(bench.text(&["cancel", id]).contains(id));
    assert_eq!(bench.json(&["status", id])["status"], "failed");
    assert!(bench.complaint(&["cancel", id]).contains("settled already"));
    let again = bench.text(&["resend", id, "--wait", "--idempotency-key", "once"]);
    assert!(again.starts_with("accepted ") && again.contains("sms says it is delivered"), "{again}");
    let once = bench.json(&["resend", id, "--idempotency-key", "once"]);
    assert!(again.contains(once["id"].as_str().expect("an id")) && once["resent_from"] == id, "{once}");
    assert!(bench.complaint(&["resend", "nothing"]).contains("no message has this id"));
}

#[test]
fn routes_senders_accounts_callbacks_and_tokens_are_shown_and_steered() {
    let bench = Bench::start();
    assert_eq!(bench.json(&["routes", "pause", "sms"])["standing"], "paused");
    assert!(bench.text(&["routes", "list"]).contains("paused"));
    assert_eq!(bench.json(&["routes", "drain", "sms"])["standing"], "draining");
    assert_eq!(bench.json(&["routes", "resume", "sms"])["standing"], "open");
    assert_eq!(bench.json(&["senders", "pause", "sms", "Courant"])["standing"], "paused");
    assert_eq!(bench.json(&["senders", "drain", "sms", "Courant"])["standing"], "draining");
    assert_eq!(bench.json(&["senders", "resume", "sms", "Courant"])["standing"], "open");
    assert!(bench.text(&["senders", "list"]).contains("Courant"));
    assert!(bench.text(&["accounts"]).contains("telesign"));
    assert_eq!(bench.json(&["callbacks", "list"])["items"], serde_json::json!([]));
    assert_eq!(bench.json(&["callbacks", "replay", "--account", "sandbox"])["replayed"], 0);
    assert!(bench.complaint(&["routes", "pause", "nothing"]).contains("no route of this name"));

    let token = bench.text(&["tokens", "create", "viewer", "--scope", "look"]);
    assert!(bench.text(&["tokens", "list"]).contains("viewer"));
    let narrow = ["tokens", "create", "narrow", "--scope", "look", "--account", "other"];
    assert_eq!(bench.json(&narrow)["accounts"], serde_json::json!(["other"]));
    assert!(
        bench.text(&["tokens", "list"]).lines().any(|line| line.contains("narrow") && line.contains("other"))
    );
    let profile = format!("[default]\nurl = \"{}\"\ntoken = \"{}\"\n", bench.sandbox.url, token.trim());
    bench.file("config/courant/profiles.toml", &profile);
    let by_profile = |arguments: &[&str]| -> Output {
        let mut command = bench.command(arguments);
        command.env_remove("COURANT_URL").env_remove("COURANT_TOKEN").output().expect("it runs")
    };
    assert!(by_profile(&["messages"]).status.success());
    let refused = by_profile(&["routes", "pause", "sms"]);
    assert!(text(&refused.stderr).contains("lacks the scope `act`"), "{}", text(&refused.stderr));
    bench.text(&["tokens", "revoke", "viewer"]);
    let unknown = by_profile(&["messages"]);
    assert!(text(&unknown.stderr).contains("does not take this token"), "{}", text(&unknown.stderr));
    let mut nobody = bench.command(&["messages"]);
    let nobody =
        nobody.env_remove("COURANT_TOKEN").env("XDG_CONFIG_HOME", "/nonexistent").output().expect("it runs");
    assert!(text(&nobody.stderr).contains("--token"), "{}", text(&nobody.stderr));
    assert!(bench.complaint(&["messages", "--url", "http://127.0.0.1:1"]).contains("courant serve"));
}

#[test]
fn a_file_is_uploaded_listed_and_removed() {
    let bench = Bench::start();
    let file = bench.file("note.txt", "a few words\n");
    let made = bench.json(&["media", "upload", shown(&file), "--account", "sandbox"]);
    let id = made["id"].as_str().expect("an id");
    assert_eq!((&made["mime"], &made["filename"]), (&Value::from("text/plain"), &Value::from("note.txt")));
    let listed = bench.text(&["media", "list", "--account", "sandbox"]);
    assert!(listed.contains(id) && listed.contains("note.txt"), "{listed}");
    assert!(bench.text(&["media", "remove", id]).contains(id));
    assert!(!bench.text(&["media", "list", "--account", "sandbox"]).contains(id));
    assert!(bench.complaint(&["media", "remove", id]).contains("no upload of this id"));
    assert!(bench.complaint(&["media", "upload", "nowhere", "--account", "sandbox"]).contains("nowhere"));
}

#[test]
fn a_file_is_imported_once_however_often_it_is_begun_and_comes_out_again() {
    let bench = Bench::start();
    let mut lines = String::from("to,text,channels,client_ref\n");
    for number in 0..30 {
        lines += &format!("+1555010{number:02}04,\"Hello, {number}\",whatsapp>sms,row {number}\n");
    }
    lines += "not a number,broken,sms,bad\n";
    let file = bench.file("people.csv", &lines);
    let import = ["import", shown(&file), "--account", "sandbox"];
    let complaint = bench.complaint(&import);
    assert!(complaint.contains("1 lines were not sent"), "{complaint}");
    assert_eq!(bench.json(&["messages", "--limit", "500"])["items"].as_array().map(Vec::len), Some(30));
    // A journal that lost its last lines in a crash sends nothing twice.
    let journal = bench.folder.path().join("people.csv.journal");
    let kept = std::fs::read_to_string(&journal).expect("a journal");
    assert_eq!(kept.lines().count(), 31);
    let cut: Vec<&str> = kept.lines().take(11).collect();
    std::fs::write(&journal, cut.join("\n") + "\n").expect("written");
    let again = bench.command(&import).arg("--json").output().expect("it runs");
    let summary: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(
        (&summary["sent"], &summary["sent_before"], &summary["failed"]),
        (&20.into(), &10.into(), &1.into())
    );
    assert_eq!(bench.json(&["messages", "--limit", "500"])["items"].as_array().map(Vec::len), Some(30));

    let json = r#"{"account":"sandbox","to":"15550100004","steps":[{"channel":"sms","text":"a"}]}"#;
    let file = bench.file("more.jsonl", &format!("{json}\n\n{json}\n"));
    assert!(bench.text(&["import", shown(&file)]).contains("2 sent"));
    let exported = bench.text(&["export"]);
    assert_eq!(exported.lines().count(), 32);
    assert!(exported.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let exported = bench.text(&["export", "--csv", "--number", "15550100004"]);
    assert!(exported.starts_with("id,account,dialect,to"), "{exported}");
}

#[test]
fn a_backup_is_written_and_the_doctor_finds_what_is_wrong() {
    let bench = Bench::start();
    let backup = bench.json(&["backup"]);
    assert!(Path::new(backup["path"].as_str().expect("a path")).exists());
    let found = bench.json(&["doctor"]);
    let about: Vec<&str> =
        found.as_array().expect("findings").iter().filter_map(|one| one["about"].as_str()).collect();
    assert!(
        about.contains(&"server")
            && about.contains(&"server: store")
            && about.contains(&"clock")
            && about.contains(&"route sms"),
        "{about:?}"
    );
    for finding in found.as_array().into_iter().flatten() {
        let good = finding["grade"] == "good";
        assert!(good || finding["advice"].is_string(), "every finding says what to do: {finding}");
    }
    let config = bench.file(
        "courant.toml",
        "[telemetry]\notlp = \"http://127.0.0.1:9\"\n[store]\npath = \"store\"\n[server]\ntls_cert = \"none.pem\"\ntls_key = \"none.pem\"\n[[route]]\nname = \"carrier\"\nsmpp = { host = \"127.0.0.1\", port = 1, system_id = \"a\" }\n[media.store]\nurl = \"s3://uploads/media\"\noptions = { endpoint = \"http://127.0.0.1:9\", access_key_id = \"a\", secret_access_key = \"hidden\" }\n",
    );
    let output = bench.command(&["doctor", "--config", shown(&config)]).output().expect("it runs");
    let told = text(&output.stdout);
    assert!(!output.status.success());
    let words = [
        "a sync takes",
        "MB free",
        "BAD    route carrier",
        "BAD    media store    s3://uploads/media: ",
        "BAD    certificate",
        "worry  traces",
        "[admin] has none",
    ];
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(!told.contains("hidden"), "{told}");
}

#[test]
fn plans_are_checked_and_completions_and_manual_pages_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_courant"))
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("COURANT_CONFIG")
            .output()
            .expect("it runs");
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (success, plans, _) = run(&["plans", "check", "--sandbox"]);
    assert!(success && plans.contains("scenario CC9F01A5DC7BEE2C2B829D203482A654"), "{plans}");
    let (success, plans, _) = run(&["plans", "check", "--sandbox", "--json"]);
    assert!(success && serde_json::from_str::<Value>(&plans).is_ok());
    for shell in ["bash", "zsh", "fish"] {
        let (success, script, _) = run(&["completions", shell]);
        assert!(success && script.contains("callbacks"), "{shell}");
    }
    let (success, page, _) = run(&["man"]);
    assert!(success && page.contains(".TH courant"), "{page}");
    assert!(run(&["man", "--out", "pages"]).0);
    assert!(folder.path().join("pages/courant-send.1").exists());
}
