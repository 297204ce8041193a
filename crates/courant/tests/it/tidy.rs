//! The repository keeps its own rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

use courant::config::{Config, DEFAULT, SANDBOX, Source};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folders(path: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(path)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn files(path: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).expect("a folder") {
        let path = entry.expect("an entry").path();
        let hidden =
            name(&path).starts_with('.') || matches!(name(&path).as_str(), "target" | "node_modules");
        if path.is_dir() && !hidden {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

#[test]
fn every_dialect_folder_is_registered_has_the_standard_files_and_a_page() {
    for folder in folders("crates/dialects/src").iter().filter(|folder| folder.join("wire.rs").exists()) {
        let name = name(folder);
        assert!(dialects::by_name(&name).is_some(), "{name} is not in dialects::ALL");
        for file in
            ["mod.rs", "wire.rs", "read.rs", "write.rs", "refuse.rs", "status.rs", "callback.rs", "tests.rs"]
        {
            let stem = file.trim_end_matches(".rs");
            let there = folder.join(file).exists() || folder.join(stem).join("mod.rs").exists();
            assert!(there, "{name} has no {file}");
        }
        assert!(folder.join("golden").is_dir(), "{name} has no transcripts");
        let page = root().join("docs/dialects").join(format!("{}.md", name.replace('_', "-")));
        assert!(page.exists(), "{name} has no page {}", page.display());
    }
}

#[test]
fn every_connector_folder_can_be_configured_and_has_a_page() {
    let config = fs::read_to_string(root().join("crates/courant/src/config.rs")).expect("a file");
    for folder in folders("crates/connectors/src").iter().filter(|folder| folder.join("settings.rs").exists())
    {
        let name = name(folder);
        assert!(
            config.contains(&format!("Option<connectors::{name}::Settings>")),
            "{name} cannot be configured"
        );
        let page = root().join("docs/connectors").join(format!("{}.md", name.replace('_', "-")));
        assert!(page.exists(), "{name} has no page");
    }
}

#[test]
fn the_default_configuration_is_right_and_says_the_defaults() {
    let source = Source { name: "courant.toml".to_owned(), text: DEFAULT.to_owned() };
    let stated = Config::parse(&source, &[]).expect("it is right");
    assert_eq!(format!("{stated:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_commented_examples_of_the_default_configuration_are_right_too() {
    let start = DEFAULT.find("# [[route]]").expect("examples");
    let uncommented: String = DEFAULT[start..]
        .lines()
        .filter_map(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix('#')))
        .map(|line| line.strip_prefix("# ").map_or_else(|| line.to_owned(), |comment| format!("# {comment}")))
        .filter(|line| line.contains('=') || line.starts_with('[') || line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = uncommented
        .replace("{ env = \"TELESIGN_API_KEY\" }", "\"dGVzdA==\"")
        .replace("{ file = \"/run/secrets/smpp\" }", "\"x\"")
        .replace("{ env = \"WHATSAPP_TOKEN\" }", "\"x\"")
        .replace("{ env = \"WHATSAPP_APP_SECRET\" }", "\"x\"")
        .replace("{ env = \"WHATSAPP_VERIFY_TOKEN\" }", "\"x\"");
    let source = Source { name: "examples".to_owned(), text };
    Config::parse(&source, &[]).unwrap_or_else(|error| panic!("{error}\n{}", source.text));
}

#[test]
fn the_sandbox_configuration_is_right() {
    let source = Source { name: "sandbox.toml".to_owned(), text: SANDBOX.to_owned() };
    Config::parse(&source, &[]).expect("it is right");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages = Vec::new();
    files(&root(), "md", &mut pages);
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            let there = page.parent().expect("a folder").join(target);
            assert!(there.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}
