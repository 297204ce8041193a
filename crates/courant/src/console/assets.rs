//! Style, script and icon, built into the program.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/icon.svg");

/// `GET /console/assets/{file}`. The version in the address makes browsers keep them.
pub(super) async fn asset(Path(file): Path<String>) -> Response {
    let (kind, text) = match file.as_str() {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=600")),
    ];
    (headers, text).into_response()
}

/// What tells one build's files from another's.
pub(super) fn version() -> &'static str {
    use std::sync::LazyLock;
    static VERSION: LazyLock<String> =
        LazyLock::new(|| crate::people::session::digest(&format!("{STYLE}{SCRIPT}{ICON}"))[..12].to_owned());
    &VERSION
}
