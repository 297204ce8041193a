//! Members of a JSON object, read with their path, so that every refusal names the member that
//! is wrong. `null` counts as absent.

use std::borrow::Cow;

use model::Refusal;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// An object inside a body, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub(crate) fn root(body: &'a Value) -> Result<Self, Refusal> {
        let members = body.as_object().ok_or_else(|| Refusal::malformed("the body is not an object"))?;
        Ok(Self { path: String::new(), members })
    }

    /// The object `value`, said to stand at `path`.
    pub(crate) fn at(path: impl Into<String>, value: &'a Value) -> Result<Self, Refusal> {
        let path = path.into();
        match value.as_object() {
            Some(members) => Ok(Self { path, members }),
            None => Err(Refusal::invalid(path, shown(value), "not an object")),
        }
    }

    /// The full path of a member.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The members as they are.
    pub(crate) fn members(&self) -> &'a Map<String, Value> {
        self.members
    }

    /// A member, whatever it is.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// That a member is missing.
    pub(crate) fn missing(&self, name: &str) -> Refusal {
        Refusal::missing(self.path(name))
    }

    /// That a member has a value that is not taken.
    pub(crate) fn invalid(&self, name: &str, reason: impl Into<Cow<'static, str>>) -> Refusal {
        let value = self.get(name).map(shown).unwrap_or_default();
        Refusal::invalid(self.path(name), value, reason)
    }

    /// A text; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.invalid(name, "not a text")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text of at most `max` characters.
    pub(crate) fn bounded_text(&self, name: &str, max: usize) -> Result<Option<&'a str>, Refusal> {
        match self.text(name)? {
            Some(text) if text.chars().count() > max => {
                Err(self.invalid(name, format!("longer than {max} characters")))
            }
            text => Ok(text),
        }
    }

    /// A text, or a number or boolean written without quotes; an empty text counts as absent.
    pub(crate) fn scalar(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match scalar(value) {
                Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
                None => Err(self.invalid(name, "not a single value")),
            },
        }
    }

    /// A boolean, or its name in quotes.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.is_empty() => Ok(false),
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(self.invalid(name, "neither true nor false")),
            },
            Some(_) => Err(self.invalid(name, "neither true nor false")),
        }
    }

    /// A number, or one in quotes.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| self.invalid(name, "not a number"))
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        self.get(name).map(|value| Fields::at(self.path(name), value)).transpose()
    }

    /// An object that must be there.
    pub(crate) fn required_object(&self, name: &str) -> Result<Self, Refusal> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// An array.
    pub(crate) fn array(&self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.invalid(name, "not an array")),
        }
    }

    /// An array that must be there and not be empty.
    pub(crate) fn required_array(&self, name: &str) -> Result<&'a [Value], Refusal> {
        self.array(name)?.filter(|items| !items.is_empty()).ok_or_else(|| self.missing(name))
    }

    /// The objects of an array, with their paths.
    pub(crate) fn objects(&self, name: &str, items: &'a [Value]) -> Result<Vec<Self>, Refusal> {
        let path = self.path(name);
        items.iter().enumerate().map(|(index, item)| Fields::at(format!("{path}[{index}]"), item)).collect()
    }
}

/// A single value as text; `None` for objects, arrays and null.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value for showing in a refusal.
fn shown(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| match value {
        Value::Array(_) => "[…]".to_owned(),
        _ => "{…}".to_owned(),
    })
}

/// Whether a text is an absolute http or https address with a host and without blanks.
pub(crate) fn is_http_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = if lower.starts_with("https://") {
        &text[8..]
    } else if lower.starts_with("http://") {
        &text[7..]
    } else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let named = host.rsplit('@').next().unwrap_or_default();
    !named.is_empty()
        && !named.starts_with(':')
        && !text.chars().any(|character| character.is_whitespace() || character.is_control())
        && !named.contains(['<', '>', '"', '\\', '^', '`', '{', '|', '}'])
        && text.len() <= MAX_URL
}

/// Longest address taken, in bytes.
pub(crate) const MAX_URL: usize = 2048;
