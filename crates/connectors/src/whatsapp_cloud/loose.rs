//! Reading of values whose type Meta changes between versions and documents.

use model::Time;
use serde_json::Value;

/// The longest id we keep. Real message ids have some 60 characters, at most about 128.
const MAX_ID_BYTES: usize = 256;
/// The last second of the year 9999.
const MAX_SECONDS: i64 = 253_402_300_799;

/// A whole number, written as number or as text.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number, written as number or as text.
pub(crate) fn decimal(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// A text that is not empty; numbers count, since ids are written both ways.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The elements of an array; nothing for anything else.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// An id, of at most [`MAX_ID_BYTES`].
pub(crate) fn id(value: &Value) -> Option<String> {
    text(value).filter(|id| id.len() <= MAX_ID_BYTES)
}

/// Seconds since 1970, written as number or as text; at most until the year 9999.
pub(crate) fn instant(value: &Value) -> Option<Time> {
    integer(value).filter(|seconds| (0..=MAX_SECONDS).contains(seconds)).map(Time::from_secs)
}

fn whole(number: f64) -> Option<i64> {
    // Below 2^53 every whole f64 is exact.
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}
