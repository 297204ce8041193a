//! A JSON object with its path, for reading members with the vendor's validation messages.

use model::Refusal;
use serde_json::{Map, Value};

use crate::fields::is_http_url;

/// An object of the request body. An explicit `null` is the same as an absent member everywhere:
/// the vendor's PHP client writes every unset member as `null`.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    /// The body itself.
    pub(super) fn root(body: &'a Value) -> Result<Self, Refusal> {
        let members = body.as_object().ok_or_else(|| Refusal::malformed("the body must be a JSON object"))?;
        Ok(Self { path: String::new(), members })
    }

    /// A value somewhere in the body, which must be an object.
    pub(super) fn at(path: String, value: &'a Value) -> Result<Self, Refusal> {
        match value.as_object() {
            Some(members) => Ok(Self { path, members }),
            None => Err(Refusal::invalid(path, shown(value), "must be an object")),
        }
    }

    /// The path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A member's value.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The object without the given members and without nulls.
    pub(super) fn without(&self, names: &[&str]) -> Value {
        let kept = self.members.iter().filter(|(name, value)| !value.is_null() && !names.contains(&&***name));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Refuses a member's value.
    pub(super) fn invalid(&self, name: &str, reason: impl Into<String>) -> Refusal {
        let value = self.value(name).map(shown).unwrap_or_default();
        Refusal::invalid(self.path(name), value, reason.into())
    }

    /// Refuses a member's absence.
    pub(super) fn missing(&self, name: &str) -> Refusal {
        Refusal::missing(self.path(name))
    }

    /// A text; whole numbers count as their digits. Others are refused, so that no phone number
    /// is ever made of a rounded one.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
            Some(_) => Err(self.invalid(name, "must be a string")),
        }
    }

    /// A text of at most `max` characters.
    pub(super) fn text_to(&self, name: &str, max: usize) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if text.chars().nth(max).is_some() => {
                Err(self.invalid(name, format!("size must be between 0 and {max}")))
            }
            text => Ok(text),
        }
    }

    /// A text that is there and not blank.
    pub(super) fn filled(&self, name: &str) -> Result<String, Refusal> {
        self.filled_if_given(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text that is not blank if it is there.
    pub(super) fn filled_if_given(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if text.trim().is_empty() => Err(self.invalid(name, "must not be blank")),
            text => Ok(text),
        }
    }

    /// A text that is there, of 1 to `max` characters.
    pub(super) fn filled_to(&self, name: &str, max: usize) -> Result<String, Refusal> {
        let text = self.filled(name)?;
        if text.chars().nth(max).is_some() {
            return Err(self.invalid(name, format!("size must be between 1 and {max}")));
        }
        Ok(text)
    }

    /// A text where an empty one is as good as none.
    pub(super) fn id(&self, name: &str, max: usize) -> Result<Option<String>, Refusal> {
        Ok(self.text_to(name, max)?.filter(|text| !text.trim().is_empty()))
    }

    /// A truth value, or its word.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(word)) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(word)) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(self.invalid(name, "must be a boolean")),
        }
    }

    /// A number in a range that is there.
    pub(super) fn degrees(&self, name: &str, limit: f64) -> Result<f64, Refusal> {
        let value = self.value(name).ok_or_else(|| self.missing(name))?;
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let number = number.ok_or_else(|| self.invalid(name, "must be a number"))?;
        if number.is_finite() && number.abs() <= limit {
            return Ok(number);
        }
        Err(self.invalid(name, format!("must be between -{limit} and {limit}")))
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                number.as_u64().map(Some).ok_or_else(|| self.invalid(name, "must be a whole number"))
            }
            Some(Value::String(text)) => {
                text.trim().parse().map(Some).map_err(|_| self.invalid(name, "must be a whole number"))
            }
            Some(_) => Err(self.invalid(name, "must be a whole number")),
        }
    }

    /// One of some words, to the letter.
    pub(super) fn word(&self, name: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(word) if !words.contains(&&*word) => {
                Err(self.invalid(name, format!("must be one of {}", words.join(", "))))
            }
            word => Ok(word),
        }
    }

    /// A web address of at most `max` characters.
    pub(super) fn url(&self, name: &str, max: usize) -> Result<Option<String>, Refusal> {
        match self.text_to(name, max)? {
            Some(url) if !is_http_url(&url) => Err(self.invalid(name, "is not a valid url")),
            url => Ok(url),
        }
    }

    /// A web address that is there.
    pub(super) fn given_url(&self, name: &str, max: usize) -> Result<String, Refusal> {
        self.url(name, max)?.ok_or_else(|| self.missing(name))
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        self.value(name).map(|value| Self::at(self.path(name), value)).transpose()
    }

    /// An object that is there.
    pub(super) fn given_object(&self, name: &str) -> Result<Self, Refusal> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// An array; empty if it is not there.
    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.invalid(name, "must be an array")),
        }
    }

    /// An array of objects.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, Refusal> {
        let items = self.list(name)?.iter().enumerate();
        items.map(|(index, item)| Self::at(format!("{}[{index}]", self.path(name)), item)).collect()
    }

    /// An array of objects, or a single object in its place (some callers write that).
    pub(super) fn one_or_more(&self, name: &str) -> Result<Vec<Self>, Refusal> {
        match self.value(name) {
            None => Err(self.missing(name)),
            Some(value @ Value::Object(_)) => Ok(vec![Self::at(self.path(name), value)?]),
            Some(_) => match self.objects(name)? {
                empty if empty.is_empty() => Err(self.invalid(name, "must not be empty")),
                items => Ok(items),
            },
        }
    }

    /// An array of texts, none of them blank.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let items = self.list(name)?.iter().enumerate();
        items
            .map(|(index, item)| match item {
                Value::String(text) if !text.is_empty() => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    let path = format!("{}[{index}]", self.path(name));
                    Err(Refusal::invalid(path, shown(item), "must not be blank"))
                }
            })
            .collect()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => String::new(),
    }
}
