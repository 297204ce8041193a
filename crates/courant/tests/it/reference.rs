//! docs/reference is made from the program itself: `COURANT_BLESS=1 cargo test -p courant
//! reference` writes it, without the variable the test says whether it is still true.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::Value;

pub(crate) fn check(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("COURANT_BLESS").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} is not what the program says; COURANT_BLESS=1 writes it anew", path.display());
}

#[test]
fn the_reference_of_the_metrics_is_what_the_program_says() {
    use courant::metrics::Kind;
    let mut text = String::from(
        "# Metrics\n\nMade from the program itself by a test; do not edit. `GET /metrics` tells them in the format of Prometheus. A counter only grows (use `rate`), a gauge goes up and down, a histogram has `_bucket` (use `histogram_quantile`), `_sum` and `_count`. Times are in seconds, sizes in bytes. Labels have bounded values: dialects, routes and channels as configured, causes and outcomes as listed in [the cascade](../cascade.md); never a number or a text of a caller. [Operations](../operations.md#metrics) says what to watch.\n\n| metric | kind | labels | says |\n|---|---|---|---|\n",
    );
    for metric in crate::ops::described() {
        let (name, kind) = match metric.kind {
            Kind::Counter => (format!("{}_total", metric.name), "counter"),
            Kind::Gauge => (metric.name.clone(), "gauge"),
            Kind::Histogram => (metric.name.clone(), "histogram"),
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {} |", labels.join(" "), metric.help);
    }
    check("metrics.md", &text);
}

#[test]
fn the_reference_of_the_command_line_is_what_the_program_says() {
    let mut text = String::from(
        "# Command line\n\nMade from the program itself by a test; do not edit.\n\nCommands that talk to a running Courant take `--url` (or `COURANT_URL`), `--token` (or `COURANT_TOKEN`) or `--profile` (a section of `~/.config/courant/profiles.toml` with `url` and `token`; `[default]` is used if none is named), and print JSON with `--json`.\n",
    );
    let mut command = courant::cli::command().term_width(100);
    command.build();
    describe(&mut text, &mut command, "courant");
    check("cli.md", &text);
}

fn describe(text: &mut String, command: &mut clap::Command, name: &str) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim());
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for one in names.iter().filter(|one| *one != "help") {
        let below = command.find_subcommand_mut(one).expect("it was just listed");
        describe(text, below, &format!("{name} {one}"));
    }
}

#[test]
fn the_reference_of_the_api_is_what_the_program_says() {
    let document = courant::admin::document();
    let mut text = String::from(
        "# API\n\nMade from the program itself by a test; do not edit. The whole description is at `/api/v1/openapi.json` (OpenAPI 3.1) of a running Courant.\n\n",
    );
    let info = document["info"]["description"].as_str().unwrap_or_default();
    let _ = writeln!(
        text,
        "{info}\n\nEvery request but that for the description needs `Authorization: Bearer TOKEN`. What is wrong with a request is told as `application/problem+json`: `type` for programs, `title`, `status` and `detail` for people.\n"
    );
    let _ = writeln!(text, "| operation | scope | what it does |\n|---|---|---|");
    for operation in courant::admin::OPERATIONS {
        let entry = entry(document, operation);
        let scope = entry["description"].as_str().and_then(|text| text.split('`').nth(1)).unwrap_or("none");
        let method = format!("{:?}", operation.method).to_uppercase();
        let _ = writeln!(text, "| `{method} /api/v1{}` | {scope} | {} |", operation.path, operation.summary);
    }
    for operation in courant::admin::OPERATIONS {
        details(&mut text, document, operation);
    }
    text += "\n## Bodies\n";
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        members(&mut text, name, schema);
    }
    check("api.md", &text);
}

fn entry<'a>(document: &'a Value, operation: &courant::admin::Operation) -> &'a Value {
    let method = format!("{:?}", operation.method).to_lowercase();
    &document["paths"][format!("/api/v1{}", operation.path)][method]
}

fn details(text: &mut String, document: &Value, operation: &courant::admin::Operation) {
    let entry = entry(document, operation);
    let method = format!("{:?}", operation.method).to_uppercase();
    let _ = write!(text, "\n### {method} /api/v1{}\n\n{}\n", operation.path, operation.summary);
    let body = &entry["requestBody"]["content"]["application/json"]["schema"];
    if body.is_object() {
        let _ = write!(text, "\nBody: {}.\n", kind(body));
    }
    for (status, response) in
        entry["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2'))
    {
        let schema = response["content"].as_object().and_then(|content| content.values().next());
        let schema = schema.map_or_else(|| "nothing".to_owned(), |content| kind(&content["schema"]));
        let _ = write!(text, "\nAnswers {status} with {schema}.\n");
    }
    let parameters: Vec<&Value> = entry["parameters"].as_array().into_iter().flatten().collect();
    let query: Vec<&Value> = parameters.into_iter().filter(|one| one["in"] == "query").collect();
    if query.is_empty() {
        return;
    }
    text.push_str("\n| parameter | takes | |\n|---|---|---|\n");
    for one in query {
        let words = one["schema"]["enum"].as_array().map(|words| {
            words
                .iter()
                .filter_map(Value::as_str)
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" ")
        });
        let takes = words.unwrap_or_else(|| kind(&one["schema"]));
        let (name, about) =
            (one["name"].as_str().unwrap_or_default(), one["description"].as_str().unwrap_or_default());
        let _ = writeln!(text, "| `{name}` | {takes} | {about} |");
    }
}

fn members(text: &mut String, name: &str, schema: &Value) {
    let about = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
    let _ = write!(text, "\n### {name}\n\n{about}\n");
    let Some(members) = schema["properties"].as_object() else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    text.push_str("\n| member | type | |\n|---|---|---|\n");
    for (name, member) in members {
        let about = member["description"].as_str().unwrap_or_default().replace('\n', " ");
        let optional = if required.contains(&name.as_str()) { "" } else { " (may be left out)" };
        let _ = writeln!(text, "| `{name}` | {}{optional} | {about} |", kind(member));
    }
}

/// A schema in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let one = |kind: &str| match kind {
        "array" => format!("list of {}", self::kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("object of {}", self::kind(&schema["additionalProperties"]))
        }
        kind => kind.to_owned(),
    };
    match &schema["type"] {
        Value::String(kind) => one(kind),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}
