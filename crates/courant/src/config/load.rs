//! From text to [`Config`]: overrides, secrets from elsewhere, and errors that point at a line.

use std::{
    env, fmt, fs,
    io::{self, Read as _},
    path::Path,
};

use toml::{Table, Value, de::Error};

use super::Config;

/// Largest file of a secret, in bytes.
const MOST_SECRET: u64 = 64 * 1024;

/// A configuration text and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// File name, or what stands for one.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// A complaint about the first line that mentions `key`.
    pub(super) fn complaint(&self, key: &str, text: String) -> ConfigError {
        let line =
            self.text.lines().position(|line| !line.trim_start().starts_with('#') && line.contains(key));
        ConfigError { source: self.name.clone(), line: line.map(|line| line + 1), text }
    }

    fn complaint_at(&self, offset: Option<usize>, text: String) -> ConfigError {
        let line = offset.map(|at| self.text[..at.min(self.text.len())].matches('\n').count() + 1);
        ConfigError { source: self.name.clone(), line, text }
    }
}

/// What is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigError {
    source: String,
    line: Option<usize>,
    text: String,
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { source: path.display().to_string(), line: None, text: format!("cannot be read: {error}") }
    }

    /// A fault of what the command line sets.
    fn of_set(assignment: &str, text: String) -> Self {
        Self { source: format!("--set {}", key_of(assignment)), line: None, text }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.source, self.text),
            None => write!(f, "{}: {}", self.source, self.text),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Parses the text twice: once as it stands, so that errors carry lines, and, if secrets come
/// from elsewhere or keys are overridden, once more from the changed tree.
pub(super) fn load(source: &Source, overrides: &[String]) -> Result<Config, ConfigError> {
    let mut tree: Table = toml::from_str(&source.text).map_err(|error| explain(source, &error))?;
    let mut changed = !overrides.is_empty();
    for (key, value) in &mut tree {
        changed |= resolve(value, key).map_err(|text| source.complaint(&last_key(&text), text))?;
    }
    for assignment in overrides {
        assign(&mut tree, assignment).map_err(|text| ConfigError::of_set(assignment, text))?;
    }
    if !changed {
        return toml::from_str(&source.text).map_err(|error| explain(source, &error));
    }
    tree.try_into().map_err(|error: Error| {
        // The tree has lost its lines: look for the same fault in the text.
        let plain = Source { name: source.name.clone(), text: without_references(&source.text) };
        match toml::from_str::<Config>(&plain.text) {
            Err(in_text) if in_text.message() == error.message() => explain(&plain, &in_text),
            Ok(_) | Err(_) => elsewhere(source, overrides, &error),
        }
    })
}

/// A fault that the text alone does not have: of what was set, or of a secret from elsewhere.
fn elsewhere(source: &Source, overrides: &[String], error: &Error) -> ConfigError {
    let path = path_of(error);
    let text = match path.as_str() {
        "" => error.message().to_owned(),
        path => format!("{} in `{path}`", error.message()),
    };
    let named = quoted(error.message());
    let concerns = |assignment: &&String| {
        let set = last_part(key_of(assignment)).trim();
        path.split('.').chain([named.as_str()]).any(|part| part == set)
    };
    match overrides.iter().find(concerns) {
        Some(assignment) => ConfigError::of_set(assignment, text),
        None if path.is_empty() => source.complaint(&named, text),
        None => source.complaint(last_part(&path), text),
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}

/// What an assignment sets. Its value may be a secret.
fn key_of(assignment: &str) -> &str {
    assignment.split('=').next().unwrap_or_default()
}

/// Where in the tree an error is: the keys down to it.
fn path_of(error: &Error) -> String {
    let said = error.to_string();
    let place = said.trim_end().rsplit('\n').next().and_then(|line| line.strip_prefix("in `"));
    place.and_then(|place| place.strip_suffix('`')).unwrap_or_default().to_owned()
}

/// The text with each reference to a secret replaced by an empty one; lines stay.
fn without_references(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        plain += &rest[..start];
        let end = rest[start..].find(['}', '\n']).map_or(rest.len(), |length| start + length + 1);
        let inner = rest[start + 1..end].trim_end_matches('}').trim();
        let is_reference = !inner.contains(',') && (inner.starts_with("env") || inner.starts_with("file"));
        plain += if is_reference { "\"\"" } else { &rest[start..=start] };
        rest = if is_reference { &rest[end..] } else { &rest[start + 1..] };
    }
    plain + rest
}

fn explain(source: &Source, error: &Error) -> ConfigError {
    source.complaint_at(error.span().map(|span| span.start), error.message().trim().to_owned())
}

/// The key that a message names, or what is in no line.
fn quoted(message: &str) -> String {
    message.split('`').nth(1).unwrap_or("\0").to_owned()
}

fn last_key(text: &str) -> String {
    text.split(&[' ', ':', '.'][..]).next().unwrap_or_default().to_owned()
}

/// Replaces `{ env = "NAME" }` and `{ file = "PATH" }` by what they name.
fn resolve(value: &mut Value, key: &str) -> Result<bool, String> {
    match value {
        Value::Table(table) => {
            if let Some(text) = secret(table, key)? {
                *value = Value::String(text);
                return Ok(true);
            }
            let mut changed = false;
            for (key, value) in table.iter_mut() {
                changed |= resolve(value, key)?;
            }
            Ok(changed)
        }
        Value::Array(array) => {
            let mut changed = false;
            for value in array {
                changed |= resolve(value, key)?;
            }
            Ok(changed)
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            Ok(false)
        }
    }
}

fn secret(table: &Table, key: &str) -> Result<Option<String>, String> {
    if table.len() != 1 {
        return Ok(None);
    }
    if let Some(Value::String(name)) = table.get("env") {
        let value = env::var(name).map_err(|_| format!("{key}: the environment has no variable {name}"))?;
        return Ok(Some(value));
    }
    if let Some(Value::String(path)) = table.get("file") {
        let value = read_secret(path).map_err(|error| format!("{key}: {path} cannot be read: {error}"))?;
        return Ok(Some(value.trim_end().to_owned()));
    }
    Ok(None)
}

/// A file of bounded length: a device has no end.
fn read_secret(path: &str) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(MOST_SECRET + 1).read_to_string(&mut text)?;
    if read as u64 > MOST_SECRET {
        return Err(io::Error::other(format!("it has more than {MOST_SECRET} bytes")));
    }
    Ok(text)
}

/// `a.b=value`; the value is TOML, or else taken as text.
fn assign(tree: &mut Table, assignment: &str) -> Result<(), String> {
    let (path, text) = assignment.split_once('=').ok_or("expected key=value")?;
    let value = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
    let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or("the key is empty")?;
    let mut at = tree;
    for key in keys {
        at = descend(at, key)?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

/// Into a table, or into the element of an array of tables whose `name` is the key.
fn descend<'a>(table: &'a mut Table, key: &str) -> Result<&'a mut Table, String> {
    let (name, element) =
        key.split_once('[').map_or((key, None), |(name, rest)| (name, rest.strip_suffix(']')));
    let value = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
    match (value, element) {
        (Value::Table(table), None) => Ok(table),
        (Value::Array(array), Some(wanted)) => array
            .iter_mut()
            .filter_map(Value::as_table_mut)
            .find(|table| table.get("name").and_then(Value::as_str) == Some(wanted))
            .ok_or_else(|| format!("{name} has no element named {wanted}")),
        (Value::Array(_), None) => Err(format!("{name} is a list; name the element: {name}[NAME]")),
        (_, _) => Err(format!("{name} is not a table")),
    }
}
