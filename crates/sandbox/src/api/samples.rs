//! Small valid files to link to.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{StatusCode, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::refuse;

/// Most bytes of padding.
const MAX_PAD: u64 = 256 << 20;
const PAD_CHUNK: u64 = 64 << 10;

macro_rules! samples {
    ($($extension:literal => $mime:literal),* $(,)?) => {
        /// Name, MIME type and content of each file.
        const SAMPLES: &[(&str, &str, &[u8])] = &[
            $((
                concat!("sample.", $extension),
                $mime,
                include_bytes!(concat!("../../samples/sample.", $extension)),
            )),*
        ];
    };
}

samples! {
    "jpg" => "image/jpeg",
    "png" => "image/png",
    "mp4" => "video/mp4",
    "3gp" => "video/3gpp",
    "aac" => "audio/aac",
    "amr" => "audio/amr",
    "mp3" => "audio/mpeg",
    "ogg" => "audio/ogg",
    "pdf" => "application/pdf",
    "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "webp" => "image/webp",
}

/// How to answer differently.
#[derive(Debug, Deserialize)]
pub(crate) struct Wishes {
    redirect: Option<String>,
    status: Option<u16>,
    #[serde(rename = "type")]
    mime: Option<String>,
    pad: Option<u64>,
}

/// `GET /sandbox/media/sample.{extension}`
pub(crate) async fn sample(Path(file): Path<String>, wishes: Query<Wishes>) -> Response {
    let Some((name, mime, content)) = SAMPLES.iter().find(|(name, ..)| *name == file) else {
        return refuse(StatusCode::NOT_FOUND, "no such sample");
    };
    if wishes.redirect.as_deref().is_some_and(|value| value != "0") {
        return (StatusCode::FOUND, [(header::LOCATION, format!("/sandbox/media/{name}"))]).into_response();
    }
    let status = wishes.status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    if !status.is_success() {
        return refuse(status, "as asked for");
    }
    let pad = wishes.pad.unwrap_or(0).min(MAX_PAD);
    let headers = [
        (header::CONTENT_TYPE, wishes.mime.clone().unwrap_or_else(|| (*mime).to_owned())),
        (header::CONTENT_LENGTH, (content.len() as u64 + pad).to_string()),
        (header::ETAG, format!("\"{}-{pad}\"", hex::encode(&Sha256::digest(content)[..8]))),
    ];
    let valid = wishes.mime.as_deref().is_none_or(|mime| http::HeaderValue::from_str(mime).is_ok());
    if !valid {
        return refuse(StatusCode::BAD_REQUEST, "not a valid type");
    }
    (status, headers, padded(content, pad)).into_response()
}

/// The file with zeros after it, which readers of all these formats ignore.
fn padded(content: &'static [u8], pad: u64) -> Body {
    let zeros = Bytes::from_static(&[0; PAD_CHUNK as usize]);
    let chunks = (0..pad.div_ceil(PAD_CHUNK)).map(move |at| {
        let length = (pad - at * PAD_CHUNK).min(PAD_CHUNK);
        zeros.slice(..usize::try_from(length).expect("a chunk is small"))
    });
    let all = std::iter::once(Bytes::from_static(content)).chain(chunks);
    Body::from_stream(stream::iter(all.map(Ok::<_, Infallible>)))
}
