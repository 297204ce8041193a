//! Files brought by a form: written to disk as they come.

use std::{io, sync::Arc};

use axum::extract::{
    Multipart, State,
    multipart::{Field, MultipartError},
};
use futures_util::stream;
use maud::{Markup, html};
use media::probe::normal_type;
use model::{Refusal, Span};
use tokio_util::io::StreamReader;

use super::account;
use crate::{
    accounts::Account,
    console::{
        Console, forms,
        gate::{self, Visitor},
        page::{self, Answer, Trouble, csrf},
        parts,
    },
    operate,
};

/// Files of one form at most.
const MAX_FILES: usize = 50;
/// Longest account or token in a form.
const MAX_TEXT: usize = 512;
/// A form that brings nothing for so long is given up.
const IDLE: Span = Span::from_secs(30);

/// `POST /console/media/upload`: token and account come first, then files.
pub(in crate::console) async fn upload(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    mut form: Multipart,
) -> Answer {
    let (mut admitted, mut owner, mut kept) = (false, None, 0);
    while let Some(field) = next(&mut form).await? {
        match field.name().unwrap_or_default() {
            "csrf" => admitted = gate::same(&text(field).await?, &visitor.session.csrf),
            _ if !admitted => return Err(Trouble::Refused(STRANGE.to_owned())),
            "account" => owner = Some(account(&console, &text(field).await?)?),
            "file" if kept < MAX_FILES && is_filled(&field) => {
                let owner = owner.ok_or(Trouble::Missing("account"))?;
                keep(&console, &visitor, owner, field).await?;
                kept += 1;
            }
            _ => {}
        }
    }
    let owner = owner.filter(|_| admitted).ok_or_else(|| Trouble::Refused(STRANGE.to_owned()))?;
    if kept == 0 {
        return Err(Trouble::Refused("Choose a file first.".to_owned()));
    }
    let back = forms::query(&[("account", owner.name.as_str())]);
    Ok(page::after(&format!("/console/media?{back}"), "kept"))
}

const STRANGE: &str = "The form was made for another session. Go back, reload the page, try again.";

/// Browsers send an empty part for a file that was not chosen.
fn is_filled(field: &Field<'_>) -> bool {
    field.file_name().is_some_and(|name| !name.is_empty())
}

async fn next(form: &mut Multipart) -> Result<Option<Field<'_>>, Trouble> {
    let field = tokio::time::timeout(IDLE.to_std(), form.next_field()).await;
    field.map_err(|_| broken())?.map_err(|_| broken())
}

fn broken() -> Trouble {
    Trouble::Refused("The form did not arrive whole.".to_owned())
}

async fn text(mut field: Field<'_>) -> Result<String, Trouble> {
    let mut text = Vec::new();
    while let Some(chunk) = chunk(&mut field).await.map_err(|_| broken())? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_TEXT {
            return Err(broken());
        }
    }
    String::from_utf8(text).map_err(|_| broken())
}

async fn chunk(field: &mut Field<'_>) -> io::Result<Option<bytes::Bytes>> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let part: Result<_, MultipartError> =
        tokio::time::timeout(IDLE.to_std(), field.chunk()).await.map_err(late)?;
    part.map_err(io::Error::other)
}

async fn keep(
    console: &Console,
    visitor: &Visitor,
    account: &Account,
    field: Field<'_>,
) -> Result<(), Trouble> {
    let core = console.core();
    let mime = field.content_type().and_then(normal_type).filter(|mime| mime.contains('/'));
    let filename = field.file_name().map(str::to_owned);
    let _place = core.media.upload_place().await?;
    let chunks = stream::try_unfold(field, async |mut field| {
        Ok::<_, io::Error>(chunk(&mut field).await?.map(|chunk| (chunk, field)))
    });
    let source = StreamReader::new(Box::pin(chunks));
    let kept = operate::upload(core, visitor.hand(), account, mime, filename, source).await;
    kept.map(drop).map_err(|refusal| match refusal {
        Refusal::TooLarge { limit } => {
            Trouble::Refused(format!("The file is larger than {}.", parts::bytes(limit)))
        }
        Refusal::InvalidField { reason, .. } => Trouble::Refused(format!("The file was not kept: {reason}.")),
        refusal => refusal.into(),
    })
}

pub(super) fn form(console: &Console, visitor: &Visitor, account: &Account) -> Markup {
    let settings = &console.core().config.media;
    let most = account.config.media.max_file_bytes.unwrap_or(u64::MAX).min(settings.max_file_bytes);
    html! {
        h2 #upload-title { "Upload" }
        form.stack method="post" action="/console/media/upload" enctype="multipart/form-data" {
            (csrf(visitor))
            input type="hidden" name="account" value=(account.name);
            div.field {
                label for="upload-file" { "Files for " (account.name) }
                input #upload-file type="file" name="file" multiple required;
                span.hint {
                    "At most " (parts::bytes(most)) " each. Kept for " (parts::span(Span::from_hours(settings.keep_hours)))
                    ", longer while an accepted message needs it. Messages name a file by its id."
                }
            }
            div { button.main type="submit" { "Upload" } }
        }
    }
}
