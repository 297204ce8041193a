//! Named values of a request, whatever it carries them in: query, form, multipart or JSON.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request};
use model::Refusal;
use serde_json::{Map, Value};

use super::multipart::{self, Part};
use crate::{Settings, support};

/// Named values, and the parts of a multipart body that are files.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<String, String>,
    files: Vec<Part>,
}

impl Fields {
    /// Those of the body, or of the query if the method is GET.
    pub(super) fn of(request: &Request<Bytes>, tolerance: &Settings) -> Result<Self, Refusal> {
        if request.method() == Method::GET {
            Ok(Self::of_query(request))
        } else {
            Self::of_body(request, tolerance)
        }
    }

    /// Those of the query.
    pub(super) fn of_query(request: &Request<Bytes>) -> Self {
        Self::from_pairs(support::query(request))
    }

    /// Those of the body.
    ///
    /// # Errors
    /// If it cannot be read as what it says it is.
    pub(super) fn of_body(request: &Request<Bytes>, tolerance: &Settings) -> Result<Self, Refusal> {
        match support::media_type(request.headers()).as_deref() {
            Some("multipart/form-data") => Self::of_parts(request),
            Some("application/json") => Self::of_json(request.body(), tolerance),
            Some(_) | None => Ok(Self::from_pairs(support::form(request.body()))),
        }
    }

    /// Those of a JSON object: texts as they are, everything else as JSON.
    pub(super) fn from_object(object: &Map<String, Value>) -> Self {
        let values = object.iter().filter(|(_, value)| !value.is_null());
        let values = values.map(|(name, value)| (name.clone(), stringify(value))).collect();
        Self { values, files: Vec::new() }
    }

    /// Those of a JSON object, whatever type the body says it has.
    pub(super) fn of_json(body: &[u8], tolerance: &Settings) -> Result<Self, Refusal> {
        let value = support::parse_json(body, tolerance)?;
        value.as_object().map(Self::from_object).ok_or_else(|| Refusal::malformed("not an object"))
    }

    fn of_parts(request: &Request<Bytes>) -> Result<Self, Refusal> {
        let parts = multipart::parts(request.headers(), request.body())
            .ok_or_else(|| Refusal::malformed("not well-formed multipart"))?;
        let (files, values): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| part.filename.is_some() || part.name == "file");
        let values = values
            .into_iter()
            .map(|part| (part.name, String::from_utf8_lossy(&part.body).trim().to_owned()))
            .collect();
        Ok(Self { values, files })
    }

    fn from_pairs(pairs: crate::Query) -> Self {
        let first = |(name, values): (String, Vec<String>)| Some((name, values.into_iter().next()?));
        Self { values: pairs.into_iter().filter_map(first).collect(), files: Vec::new() }
    }

    /// A value; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    /// A value that is an object in JSON.
    pub(super) fn object(&self, name: &'static str) -> Result<Option<Map<String, Value>>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = support::parse_json(text.as_bytes(), &Settings::default()).ok();
        match value {
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) | None => Err(Refusal::invalid(name, text, "not an object in JSON")),
        }
    }

    /// A file.
    pub(super) fn file(&self, name: &str) -> Option<&Part> {
        self.files.iter().find(|part| part.name == name)
    }
}

/// A value as text: texts as they are, everything else as JSON.
pub(super) fn stringify(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
