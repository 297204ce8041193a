//! The files in ops/ and the Dockerfile fit the program: every metric and label that a dashboard
//! or an alert names exists, every path that is copied too.

use std::{collections::BTreeSet, fs, path::PathBuf};

use courant::{
    config::Config,
    metrics::{Described, Metrics},
    routes::Routes,
};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn described() -> Vec<Described> {
    Metrics::new(&Routes::given(&Config::default(), [])).described().to_vec()
}

/// Labels that Prometheus adds, or that belong to histograms.
const GIVEN: [&str; 3] = ["instance", "job", "le"];
/// Words of the query language that stand where names may.
const WORDS: [&str; 8] = ["by", "without", "on", "ignoring", "group_left", "and", "or", "unless"];

/// What is wrong with an expression, if anything.
fn fault(expression: &str, metrics: &[Described]) -> Option<String> {
    let names = outer_names(expression);
    let used: Vec<&String> =
        names.iter().filter(|name| name.starts_with("courant_") || name.starts_with("process_")).collect();
    if used.is_empty() && !names.contains("up") {
        return Some("it names no metric".to_owned());
    }
    let mut labels: BTreeSet<&str> = GIVEN.into();
    for name in used {
        let found = metrics.iter().find(|metric| metric.series().contains(name));
        let Some(found) = found else { return Some(format!("there is no {name}")) };
        labels.extend(found.labels);
    }
    named_labels(expression)
        .into_iter()
        .find(|label| !labels.contains(label.as_str()))
        .map(|label| format!("no metric of it has the label {label}"))
}

/// Identifiers outside of quotes, braces and lists of labels.
fn outer_names(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(start) =
        rest.find(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '{' | '"'))
    {
        rest = &rest[start..];
        let end = match rest.as_bytes()[0] {
            b'{' => rest.find('}').map_or(rest.len(), |end| end + 1),
            b'"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            _ => {
                let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                let end = end.unwrap_or(rest.len());
                let name = &rest[..end];
                if WORDS.contains(&name) && rest[end..].trim_start().starts_with('(') {
                    rest[end..].find(')').map_or(rest.len(), |length| end + length + 1)
                } else {
                    names.insert(name.to_owned());
                    end
                }
            }
        };
        rest = &rest[end..];
    }
    names
}

/// Labels in braces and in lists after `by` and the like.
fn named_labels(expression: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for braces in expression.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        // No value in these files has a comma.
        let names = braces.split(',').filter_map(|matcher| matcher.split(['=', '!']).next());
        labels.extend(names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    for word in ["by (", "without (", "on ("] {
        for list in expression.split(word).skip(1).filter_map(|rest| rest.split(')').next()) {
            labels.extend(list.split(',').map(|name| name.trim().to_owned()));
        }
    }
    labels
}

#[test]
fn the_check_of_expressions_finds_what_does_not_exist() {
    let metrics = described();
    let fault = |expression: &str| fault(expression, &metrics);
    assert_eq!(fault("sum by (route) (rate(courant_hand_overs_total{outcome!=\"submitted\"}[5m]))"), None);
    assert_eq!(fault("rate(courant_hand_overs[5m])").as_deref(), Some("there is no courant_hand_overs"));
    assert!(fault("courant_queued{sender=\"a\"}").is_some_and(|fault| fault.contains("sender")));
    assert!(fault("sum by (cause) (courant_queued)").is_some_and(|fault| fault.contains("cause")));
    assert!(fault("1 + 1").is_some());
}

#[test]
fn the_dashboard_shows_only_metrics_that_exist_and_all_that_matter() {
    let metrics = described();
    let dashboard: Value = serde_json::from_str(&read("ops/grafana/courant.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut seen = String::new();
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "two panels with the id {}", panel["id"]);
        let place = &panel["gridPos"];
        assert!(places.insert((place["x"].as_u64(), place["y"].as_u64())), "two panels at {place}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            if let Some(fault) = fault(expression, &metrics) {
                panic!("panel {}: {fault}: {expression}", panel["title"]);
            }
            seen += expression;
        }
        let shows = panel["targets"].as_array().is_some_and(|targets| !targets.is_empty());
        assert!(shows || panel["type"] == "row", "panel {} shows nothing", panel["title"]);
    }
    let unseen: Vec<&String> =
        metrics.iter().map(|metric| &metric.name).filter(|name| !seen.contains(name.as_str())).collect();
    assert!(unseen.len() <= 4, "the dashboard leaves out {unseen:?}");
}

#[test]
fn alerts_name_only_metrics_that_exist_and_say_what_to_do() {
    let metrics = described();
    let text = read("ops/prometheus/alerts.yml");
    let mut alerts = BTreeSet::new();
    for alert in text.split("- alert: ").skip(1) {
        let name = alert.lines().next().expect("a name");
        assert!(alerts.insert(name.to_owned()), "two alerts are named {name}");
        let value = |key: &str| {
            let line = alert.lines().find_map(|line| line.trim_start().strip_prefix(key));
            line.unwrap_or_else(|| panic!("{name} has no {key}")).trim().to_owned()
        };
        let expression = value("expr:");
        if let Some(fault) = fault(&expression, &metrics) {
            panic!("{name}: {fault}: {expression}");
        }
        assert!(value("for:").ends_with(['m', 'h']), "{name}");
        assert!(matches!(value("severity:").as_str(), "page" | "ticket"), "{name}");
        for key in ["summary:", "description:"] {
            let text = value(key);
            assert!(text.len() > 20 && text.starts_with('"') && text.ends_with('"'), "{name}: {text}");
        }
    }
    assert!(alerts.len() >= 15, "{alerts:?}");
    assert_eq!(text.matches("expr:").count(), alerts.len());
}

/// The instructions of the Dockerfile, continued lines joined.
fn instructions() -> Vec<String> {
    let text = read("Dockerfile");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    joined.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_dockerfile_copies_what_exists_and_builds_what_is_there() {
    let ignored = read(".dockerignore");
    let mut built = false;
    for line in instructions() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "COPY" if !line.contains("--from=") => {
                for path in &words[1..words.len() - 1] {
                    assert!(root().join(path).exists(), "{path} does not exist");
                    let hidden =
                        ignored.lines().any(|one| one.trim_end_matches('/') == path.trim_end_matches('/'));
                    assert!(!hidden, "{path} is in .dockerignore");
                }
            }
            "RUN" if line.contains("cargo build") => {
                assert!(
                    line.contains("--locked") && line.contains("--release") && line.contains("--bin courant")
                );
                built = true;
            }
            _ => {}
        }
    }
    assert!(built, "the program is built");
}

#[test]
fn everything_the_build_needs_is_copied_into_the_image() {
    let copies: Vec<String> = instructions()
        .into_iter()
        .filter(|line| line.starts_with("COPY") && !line.contains("--from="))
        .collect();
    let copied = |path: &str| copies.iter().any(|line| line.split_whitespace().any(|word| word == path));
    let members = read("Cargo.toml");
    assert!(members.contains("members = [\"bench\", \"crates/*\"]"), "the workspace has other members now");
    for path in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "crates", "bench", "config"] {
        assert!(copied(path), "{path} is not copied");
    }
}

#[test]
fn the_image_runs_as_nobody_special_keeps_data_in_a_volume_and_checks_its_health() {
    let all = instructions();
    let starts = |word: &str| all.iter().rfind(|line| line.starts_with(word)).cloned().unwrap_or_default();
    assert!(starts("USER").split_whitespace().nth(1).is_some_and(|user| user != "root" && user != "0"));
    assert!(starts("VOLUME").contains("/var/lib/courant"));
    assert!(starts("HEALTHCHECK").contains("\"courant\", \"health\""));
    for line in ["HEALTHCHECK", "ENTRYPOINT", "CMD"].map(starts) {
        let list = line.find('[').map(|start| &line[start..]).expect("a list of words");
        serde_json::from_str::<Vec<String>>(list).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let toolchain = read("Cargo.toml");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(starts("FROM").contains("slim") && all[0].contains(version.trim_matches('"')), "{}", all[0]);
}

#[test]
fn the_unit_in_the_page_is_the_unit_in_the_folder() {
    let (page, unit) = (read("docs/operations.md"), read("ops/courant.service"));
    assert!(
        page.contains(&format!("```text\n{}\n```", unit.trim_end())),
        "docs/operations.md shows another unit than ops/courant.service"
    );
}
