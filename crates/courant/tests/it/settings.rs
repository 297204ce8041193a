//! docs/reference/configuration.md is made from the commented default configuration, and that one
//! has every key that the program takes.

use std::fmt::Write as _;

use courant::config::{Config, DEFAULT, Source};

/// A table of the configuration.
#[derive(Debug, Default)]
struct Section {
    /// With its brackets.
    header: String,
    about: String,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    name: String,
    /// As written; an example if `default` is not set.
    value: String,
    default: bool,
    about: String,
}

/// Reads the commented file line by line.
#[derive(Debug, Default)]
struct Reader {
    sections: Vec<Section>,
    /// The one that is being read.
    current: usize,
    /// Comment lines since the last key or header.
    comment: Vec<String>,
    /// What the keys since then share.
    about: String,
    /// Within an example of a table, which is commented as a whole.
    example: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let plain = line.strip_prefix("# ").or_else(|| line.strip_prefix('#'));
        match plain {
            None if line.is_empty() => {
                self.example = false;
                self.comment.clear();
            }
            None if line.starts_with('[') => self.header(line, false),
            None => self.key(line, true),
            Some(text) if text.starts_with('[') && text.ends_with(']') => self.header(text, true),
            Some(text) if is_key(text) && (self.example || !self.sections.is_empty()) => {
                self.key(text, false);
            }
            Some(text) => {
                let inner = text.strip_prefix("# ").filter(|_| self.example).unwrap_or(text);
                if !inner.is_empty() {
                    self.comment.push(inner.to_owned());
                }
            }
        }
    }

    fn header(&mut self, header: &str, example: bool) {
        let about = std::mem::take(&mut self.comment).join(" ");
        self.about.clear();
        self.example = example;
        // A table that is shown twice is described once.
        let known = self.sections.iter().position(|section| section.header == header);
        self.current = known.unwrap_or(self.sections.len());
        if known.is_none() {
            self.sections.push(Section { header: header.to_owned(), about, keys: Vec::new() });
        }
    }

    fn key(&mut self, line: &str, default: bool) {
        let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("not a key: {line}"));
        if !self.comment.is_empty() {
            self.about = std::mem::take(&mut self.comment).join(" ");
        }
        let section = self.sections.get_mut(self.current).expect("keys stand in tables");
        let key = Key { name: name.to_owned(), value: value.to_owned(), default, about: self.about.clone() };
        match section.keys.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = Key { about: known.about.clone(), ..key },
            None => section.keys.push(key),
        }
    }
}

fn is_key(text: &str) -> bool {
    text.split_once(" = ")
        .is_some_and(|(name, _)| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')))
}

fn sections() -> Vec<Section> {
    let mut reader = Reader::default();
    DEFAULT.lines().for_each(|line| reader.line(line));
    reader.sections
}

impl Key {
    fn kind(&self) -> &'static str {
        let table: toml::Table = format!("value = {}", self.value).parse().expect("it is TOML");
        match &table["value"] {
            toml::Value::Table(table) if table.contains_key("env") || table.contains_key("file") => {
                "text (a secret)"
            }
            toml::Value::String(_) => "text",
            toml::Value::Integer(_) => "whole number",
            toml::Value::Float(_) => "number",
            toml::Value::Boolean(_) => "true or false",
            toml::Value::Array(_) => "list",
            toml::Value::Table(_) => "table",
            toml::Value::Datetime(_) => "time",
        }
    }

    fn unit(&self) -> &'static str {
        let units = [
            ("_ms", "milliseconds"),
            ("_hours", "hours"),
            ("_bytes", "bytes"),
            ("_mb", "MiB"),
            ("_per_second", "per second"),
        ];
        units.into_iter().find(|(ending, _)| self.name.ends_with(ending)).map_or("", |(_, unit)| unit)
    }
}

fn anchor(header: &str) -> String {
    header.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn page() -> String {
    let sections = sections();
    let mut text = String::from(
        "# Configuration\n\nMade from the commented default configuration (`courant config`) by a test; do not edit. One TOML file; what is not in it has its default. Any text may be given as `{ env = \"NAME\" }` or `{ file = \"PATH\" }`, so that secrets need not stand there. Any key can be overridden at the start: `--set server.listen='\"0.0.0.0:8480\"'`. `courant check` says what is wrong, with file, line and key. Keys without a default may be left out; the value shown is an example then.\n\n",
    );
    for section in &sections {
        let _ = writeln!(text, "- [`{}`](#{})", section.header, anchor(&section.header));
    }
    for section in &sections {
        let _ = write!(text, "\n## `{}`\n", section.header);
        if !section.about.is_empty() {
            let _ = write!(text, "\n{}\n", section.about);
        }
        text += more(&section.header);
        text += "\n| key | type | default | unit | meaning |\n|---|---|---|---|---|\n";
        for key in &section.keys {
            let value = cell(&key.value);
            let default = if key.default { format!("`{value}`") } else { format!("none (`{value}`)") };
            let about = cell(&key.about);
            let _ =
                writeln!(text, "| `{}` | {} | {default} | {} | {about} |", key.name, key.kind(), key.unit());
        }
    }
    text
}

/// Where more is said of a table.
fn more(header: &str) -> &'static str {
    match header {
        "[route.whatsapp_cloud]" => {
            "\nThe keys that are needed; [the connector's page](../connectors/whatsapp-cloud.md) has all.\n"
        }
        "[route.smpp]" => {
            "\nThe keys that are needed; [the connector's page](../connectors/smpp.md) has all.\n"
        }
        "[account.dialects.telesign]" => {
            "\nAn example. What each dialect takes: [Telesign](../dialects/telesign.md), [Infobip](../dialects/infobip.md), [Webex Connect](../dialects/webex-connect.md), [Messangi](../dialects/messangi.md), [Kaleyra](../dialects/kaleyra.md).\n"
        }
        "[media]" | "[account.media]" => "\n[More on media](../media.md).\n",
        "[[price]]" | "[[number_plan]]" | "[portability]" => {
            "\n[More on prices and balances](../accounts.md).\n"
        }
        "[telemetry]" => "\n[More on traces](../operations.md#traces).\n",
        "[log]" => "\n[More on logs](../operations.md#logs).\n",
        _ => "",
    }
}

#[test]
fn the_reference_of_the_configuration_is_what_the_default_says() {
    crate::reference::check("configuration.md", &page());
}

/// The keys that the program takes in a table, by its own word on one that it does not.
fn taken(probe: &str) -> Vec<String> {
    let source = Source { name: "probe".to_owned(), text: probe.to_owned() };
    let said = Config::parse(&source, &[]).expect_err("no such key").to_string();
    let (_, list) = said.split_once("expected ").unwrap_or_else(|| panic!("{probe}: {said}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_default_configuration_has_every_key_that_the_program_takes() {
    let route = "[[route]]\nname = \"r\"\n";
    let account = "[[account]]\nname = \"a\"\n";
    let probes = [
        ("[server]", "[server]\nzzz = 1".to_owned()),
        ("[store]", "[store]\nzzz = 1".to_owned()),
        ("[cascade]", "[cascade]\nzzz = 1".to_owned()),
        ("[limits]", "[limits]\nzzz = 1".to_owned()),
        ("[callbacks]", "[callbacks]\nzzz = 1".to_owned()),
        ("[media]", "[media]\nzzz = 1".to_owned()),
        ("[log]", "[log]\nzzz = 1".to_owned()),
        ("[telemetry]", "[telemetry]\nzzz = 1".to_owned()),
        ("[portability]", "[portability]\nzzz = 1".to_owned()),
        ("[console]", "[console]\nzzz = 1".to_owned()),
        ("[admin]", "[admin]\nzzz = 1".to_owned()),
        ("[[price]]", "[[price]]\nzzz = 1".to_owned()),
        ("[[number_plan]]", "[[number_plan]]\nzzz = 1".to_owned()),
        ("[[route]]", format!("{route}zzz = 1")),
        ("[[account]]", format!("{account}zzz = 1")),
        ("[account.media]", format!("{account}[account.media]\nzzz = 1")),
        ("[[account.plan]]", format!("{account}[[account.plan]]\nzzz = 1")),
        ("[[account.scenario]]", format!("{account}[[account.scenario]]\nzzz = 1")),
    ];
    let sections = sections();
    for (header, probe) in probes {
        let section = sections.iter().find(|section| section.header == header);
        let section = section.unwrap_or_else(|| panic!("the default has no {header}"));
        for key in taken(&probe) {
            let below = format!("{}.{key}]", header.trim_start_matches('[').trim_end_matches(']'));
            let there = section.keys.iter().any(|known| known.name == key)
                || sections.iter().any(|section| {
                    section.header.trim_start_matches('[').starts_with(below.trim_end_matches(']'))
                });
            assert!(there, "the default configuration says nothing of {key} in {header}");
        }
    }
}

#[test]
fn every_key_of_the_default_configuration_says_what_it_means() {
    let mut unexplained = Vec::new();
    for section in sections() {
        // What connectors and dialects take is explained on their pages.
        let elsewhere =
            ["[route.", "[account.dialects"].iter().any(|start| section.header.starts_with(start));
        for key in section.keys.iter().filter(|_| !elsewhere) {
            if key.about.is_empty() {
                unexplained.push(format!("{} in {}", key.name, section.header));
            }
        }
    }
    assert!(unexplained.is_empty(), "not explained: {unexplained:?}");
}
