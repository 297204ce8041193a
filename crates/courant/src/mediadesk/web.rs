//! What anyone may fetch: uploads under their signed paths, and the pages of short links.

use std::{fmt::Write, sync::Arc};

use axum::{body::Body, response::Response};
use http::{HeaderMap, Method, StatusCode, header, request::Parts, response::Builder};
use media::library::Slice;
use model::content::MediaKind;
use tokio_util::io::ReaderStream;
use url::Url;

use super::short::{self, Page};
use crate::{clock, core::Core};

/// Bytes of a file in memory per request.
const CHUNK: usize = 64 * 1024;

/// Programs that look at links before people do.
const PREVIEWERS: [&str; 16] = [
    "bot",
    "crawler",
    "spider",
    "preview",
    "facebookexternalhit",
    "facebookexternalua",
    "whatsapp",
    "telegram",
    "slack",
    "skypeuripreview",
    "discord",
    "embedly",
    "curl/",
    "wget/",
    "python-requests",
    "headless",
];

const STYLE: &str = "body{margin:0 auto;max-width:42rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;\
    color:#222;background:#fff}img,video{max-width:100%;height:auto}audio{width:100%}p{white-space:pre-wrap}";

/// `/media/{id}/{signature}.{extension}`
pub async fn file(core: &Arc<Core>, request: &Parts) -> Response {
    let answer = core.media.library.serve(&request.method, request.uri.path(), &request.headers);
    let (head, slice) = answer.into_parts();
    match slice {
        None => Response::from_parts(head, Body::empty()),
        Some(slice) => match stream(&slice).await {
            Ok(body) => Response::from_parts(head, body),
            Err(error) => {
                tracing::warn!(%error, "an uploaded file could not be opened");
                finish(Response::builder().status(StatusCode::NOT_FOUND), Body::empty())
            }
        },
    }
}

async fn stream(slice: &Slice) -> std::io::Result<Body> {
    Ok(Body::from_stream(ReaderStream::with_capacity(slice.open().await?, CHUNK)))
}

/// `/m/{token}`
pub async fn page(core: &Arc<Core>, token: &str, request: &Parts) -> Response {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let refusal = Response::builder().status(StatusCode::METHOD_NOT_ALLOWED);
        return finish(refusal.header(header::ALLOW, "GET, HEAD"), Body::empty());
    }
    let Some(page) = short::page(core, token).await else { return gone() };
    let Some(address) = short::address(core, &page.source) else { return gone() };
    let by_person = request.method == Method::GET && is_person(&request.headers);
    core.metrics.media.opened(by_person);
    if by_person {
        short::count(core, token, &page).await;
    }
    shown(&page, &address)
}

fn is_person(headers: &HeaderMap) -> bool {
    let text = |name: &str| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
    };
    let agent = text("user-agent").unwrap_or_default();
    let early = ["sec-purpose", "purpose", "x-moz"].into_iter().filter_map(text);
    let mut early = early.filter(|value| value.contains("prefetch") || value.contains("preview"));
    !agent.is_empty() && early.next().is_none() && !PREVIEWERS.iter().any(|word| agent.contains(word))
}

fn gone() -> Response {
    let body = document("", "<p>This link has expired or never existed.</p>");
    described(Response::builder().status(StatusCode::NOT_FOUND), "", "").body(body.into()).expect(SOUND)
}

fn shown(page: &Page, address: &str) -> Response {
    let nonce = format!("{:032x}", clock::random());
    let link = escape(address);
    let mut inside = match page.kind {
        MediaKind::Image | MediaKind::Sticker => {
            format!("<img src=\"{link}\" alt=\"\" referrerpolicy=\"no-referrer\">")
        }
        MediaKind::Video => format!("<video src=\"{link}\" controls preload=\"metadata\"></video>"),
        MediaKind::Audio => format!("<audio src=\"{link}\" controls preload=\"metadata\"></audio>"),
        MediaKind::Document => {
            format!("<p><a href=\"{link}\" rel=\"noreferrer noopener\">Open the document</a></p>")
        }
    };
    if let Some(caption) = &page.caption {
        // A string takes whatever is written to it.
        let _ = write!(inside, "<p>{}</p>", escape(caption));
    }
    let body = document(&nonce, &inside);
    let response = described(Response::builder().status(StatusCode::OK), &nonce, &origin(address));
    response.body(body.into()).expect(SOUND)
}

const SOUND: &str = "all header values are made here";

fn finish(builder: Builder, body: Body) -> Response {
    builder.header(header::X_CONTENT_TYPE_OPTIONS, "nosniff").body(body).expect(SOUND)
}

fn document(nonce: &str, inside: &str) -> String {
    let style =
        if nonce.is_empty() { String::new() } else { format!("<style nonce=\"{nonce}\">{STYLE}</style>") };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex,nofollow\"><title>Message</title>{style}</head>\
         <body>{inside}</body></html>"
    )
}

/// No scripts, no frames, nothing from elsewhere but the one file.
fn described(builder: Builder, nonce: &str, origin: &str) -> Builder {
    let mut policy =
        String::from("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    if !nonce.is_empty() {
        let _ = write!(policy, "; style-src 'nonce-{nonce}'");
    }
    if !origin.is_empty() {
        let _ = write!(policy, "; img-src {origin}; media-src {origin}");
    }
    builder
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer")
        .header(header::CACHE_CONTROL, "no-store")
        .header("x-robots-tag", "noindex, nofollow")
}

/// Scheme, host and port, as a content security policy names them. Hosts may have characters that
/// would end a policy's directive; such a file is linked to and not shown.
fn origin(address: &str) -> String {
    let origin = Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
    if origin.bytes().all(plain) { origin } else { String::new() }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn agent(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(text))])
    }

    #[test]
    fn previewers_and_prefetches_are_no_people() {
        assert!(is_person(&agent("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1")));
        for machine in
            ["WhatsApp/2.23.20", "facebookexternalhit/1.1", "TelegramBot (like TwitterBot)", "curl/8.5.0", ""]
        {
            assert!(!is_person(&agent(machine)), "{machine}");
        }
        let mut early = agent("Mozilla/5.0");
        early.insert("sec-purpose", HeaderValue::from_static("prefetch;prerender"));
        assert!(!is_person(&early));
    }

    #[test]
    fn nothing_that_a_caller_writes_becomes_markup() {
        let hostile = "\"><script>alert('1')</script>&";
        assert_eq!(escape(hostile), "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;");
        assert_eq!(origin("https://a.example:8443/x;%20script-src%20*?y"), "https://a.example:8443");
        assert_eq!(origin("http://host;x/"), "");
    }
}
