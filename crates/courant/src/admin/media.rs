//! Uploads: kept, listed, shown, removed.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart},
};
use futures_util::TryStreamExt;
use http::header;
use media::{library::MediaId, probe::normal_type};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{
    accounts::Account,
    operate,
    views::{self, Sight},
};

/// Most parts of a form; files have one.
const MAX_PARTS: usize = 16;
/// Largest part of a form that is not the file, in bytes.
const MAX_OTHER_PART: usize = 64 * 1024;

/// Keeps the body as a file, or the file of a form. It is written to disk as it comes and never
/// held as a whole.
pub(super) async fn upload(ask: &Ask<'_>, body: Body) -> Result<Whole, Problem> {
    let (account, core) = (account(ask)?, ask.core());
    let declared = ask.request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let _place = core.media.upload_place().await?;
    let body = core.media.pace().keep(body);
    let record = if declared.is_some_and(is_form) {
        keep_form(ask, &account, body).await?
    } else {
        let source = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        keep(ask, &account, declared, None, source).await?
    };
    // Who brought the file may see what it says.
    Ok(ask.json(&views::media(core, &record, Sight::FULL)))
}

async fn keep(
    ask: &Ask<'_>,
    account: &Account,
    declared: Option<&str>,
    filename: Option<String>,
    source: impl AsyncRead + Unpin,
) -> Result<Arc<media::library::Record>, Problem> {
    let mime = declared.and_then(normal_type).filter(|mime| mime.contains('/'));
    let filename = ask.text("filename").map(str::to_owned).or(filename);
    Ok(operate::upload(ask.core(), ask.hand(), account, mime, filename, source).await?)
}

/// The first part of a form that has a file name, or is named `file`.
async fn keep_form(
    ask: &Ask<'_>,
    account: &Account,
    body: Body,
) -> Result<Arc<media::library::Record>, Problem> {
    let mut request = http::Request::new(body);
    request.headers_mut().clone_from(ask.request.headers());
    // Files have limits of their own, which are kept while they are written.
    DefaultBodyLimit::disable().apply(&mut request);
    let broken = |_| Problem::invalid("the form cannot be read");
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| Problem::invalid("the form says no boundary"))?;
    for _ in 0..MAX_PARTS {
        let Some(mut part) = form.next_field().await.map_err(broken)? else { break };
        if part.file_name().is_some() || part.name() == Some("file") {
            let (mime, filename) =
                (part.content_type().map(str::to_owned), part.file_name().map(str::to_owned));
            let filename = filename.filter(|name| !name.is_empty());
            let source = StreamReader::new(part.map_err(std::io::Error::other));
            return keep(ask, account, mime.as_deref(), filename, source).await;
        }
        let mut bytes = 0;
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            bytes += chunk.len();
            if bytes > MAX_OTHER_PART {
                return Err(Problem::invalid("a part of the form before the file is too large"));
            }
        }
    }
    Err(Problem::invalid("the form has no file"))
}

fn is_form(mime: &str) -> bool {
    mime.split(';').next().is_some_and(|mime| mime.trim().eq_ignore_ascii_case("multipart/form-data"))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, limit) = (account(ask)?, ask.limit());
    let after = ask.text("after").and_then(MediaId::parse);
    let records = ask.core().media.list(&account, after, limit);
    let next = records.last().filter(|_| records.len() == limit).map(|record| record.id.to_string());
    let items = records.iter().map(|record| views::media(ask.core(), record, ask.sight()));
    Ok(ask.json(&Page { items: items.collect(), next }))
}

pub(super) fn read(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (_, record) = named(ask)?;
    Ok(ask.json(&views::media(ask.core(), &record, ask.sight())))
}

pub(super) async fn remove(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, record) = named(ask)?;
    if !operate::remove_upload(ask.core(), ask.hand(), &account, record.id).await? {
        return Err(missing());
    }
    Ok(ask.nothing())
}

/// The upload that the path names, with whose it is; ids are different for all accounts.
fn named(ask: &Ask<'_>) -> Result<(Arc<Account>, Arc<media::library::Record>), Problem> {
    let (core, id) = (ask.core(), ask.path("id"));
    let mut accounts = core.accounts.all().iter().filter(|account| ask.reach().covers(&account.name));
    let found = accounts.find_map(|account| {
        let record = core.media.find(account, id).ok()?;
        Some((Arc::clone(account), record))
    });
    found.ok_or_else(missing)
}

fn account(ask: &Ask<'_>) -> Result<Arc<Account>, Problem> {
    ask.account(ask.text("account").unwrap_or_default())
}

fn missing() -> Problem {
    Problem::missing("there is no upload of this id; it may have expired")
}
