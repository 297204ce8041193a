//! Uploads: kept, listed, shown, removed.

use std::sync::Arc;

use axum::body::Body;
use futures_util::TryStreamExt;
use http::header;
use media::{library::MediaId, probe::normal_type};
use model::{AccountName, Span};
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

/// Keeps the body as a file. It is written to disk as it comes and never held as a whole.
pub(super) async fn upload(ask: &Ask<'_>, body: Body) -> Result<Whole, Problem> {
    let (account, core) = (account(ask)?, ask.core());
    let declared = ask.request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime = declared.and_then(normal_type).filter(|mime| mime.contains('/'));
    let filename = ask.text("filename").map(str::to_owned);
    let _place = core.media.upload_place().await?;
    let source = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    let timeout = Span::from_millis(core.config.server.body_timeout_ms).to_std();
    let put = operate::upload(core, ask.hand(), &account, mime, filename, source);
    let late = |_| Problem::invalid("the body did not arrive");
    let record = tokio::time::timeout(timeout, put).await.map_err(late)??;
    // Who brought the file may see what it says.
    Ok(ask.json(&views::media(core, &record, Sight::FULL)))
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
    let found = core.accounts.all().iter().find_map(|account| {
        let record = core.media.find(account, id).ok()?;
        Some((Arc::clone(account), record))
    });
    found.ok_or_else(missing)
}

fn account(ask: &Ask<'_>) -> Result<Arc<Account>, Problem> {
    let name = AccountName::from(ask.text("account").unwrap_or_default());
    let account = ask.core().accounts.by_name(&name).map(Arc::clone);
    account.ok_or_else(|| Problem::missing("there is no account of this name; `courant accounts` lists them"))
}

fn missing() -> Problem {
    Problem::missing("there is no upload of this id; it may have expired")
}
