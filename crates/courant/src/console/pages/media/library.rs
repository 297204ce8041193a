//! The files of an account, newest first, with previews for those who may see contents.

use maud::{Markup, html};
use media::library::{MediaId, Record};
use model::Time;

use crate::{
    accounts::Account,
    clock,
    console::{Console, forms::Fields, gate::Visitor, parts},
    views,
};

/// Files of a page.
const PAGE: usize = 24;

pub(super) fn list(console: &Console, visitor: &Visitor, account: &Account, query: &Fields) -> Markup {
    let desk = &console.core().media;
    let mut files = desk.newest(account, cursor(query.text("before")), PAGE + 1);
    let more = files.len() > PAGE;
    files.truncate(PAGE);
    let last =
        files.last().filter(|_| more).map(|file| format!("{}-{}", file.created_at.as_micros(), file.id));
    html! {
        div.head {
            h2 #library-title { "Library of " (account.name) }
            span.soft.small { (used(console, account)) }
        }
        @if files.is_empty() { (parts::empty("No file is kept. Uploads by this page, the API and vendors' calls appear here.")) }
        ul.files { @for file in &files { (tile(console, visitor, file)) } }
        nav.more aria-label="Pages" {
            @if query.given("before").is_some() { a href={ "?" (query.with("before", None)) } { "← Newest" } } @else { span {} }
            @if let Some(last) = last { a href={ "?" (query.with("before", Some(&last))) } { "Older →" } }
        }
    }
}

/// `micros-id` of the last file of the page before.
fn cursor(text: &str) -> Option<(Time, MediaId)> {
    let (micros, id) = text.split_once('-')?;
    Some((Time(micros.parse().ok()?), MediaId::parse(id)?))
}

fn used(console: &Console, account: &Account) -> String {
    let (usage, settings) = (console.core().media.usage(account), &console.core().config.media);
    let own = &account.config.media;
    let files = own.max_files.unwrap_or(settings.account_files).min(settings.account_files);
    let bytes = own.max_bytes.unwrap_or(settings.account_bytes).min(settings.account_bytes);
    format!(
        "{} of {} files, {} of {}",
        parts::count(usage.files),
        parts::count(files),
        parts::bytes(usage.bytes),
        parts::bytes(bytes)
    )
}

fn tile(console: &Console, visitor: &Visitor, file: &Record) -> Markup {
    let sees = visitor.sight().numbers;
    let name = file.filename.as_deref().filter(|_| sees);
    html! {
        li {
            a href={ "/console/media/files/" (file.id) } {
                span.thumb { (thumbnail(console, file, sees)) }
                span.name { (name.unwrap_or_else(|| views::short_type(&file.mime))) }
                span.small.soft { (views::short_type(&file.mime)) " · " (parts::bytes(file.bytes)) }
                span.small.soft { "goes " (parts::ago(file.kept_until(), clock::now())) }
            }
        }
    }
}

/// A picture as itself, everything else by its kind.
fn thumbnail(console: &Console, file: &Record, sees: bool) -> Markup {
    let kind = file.mime.split('/').next().unwrap_or_default();
    html! {
        @if sees && kind == "image" && !file.mime.contains("svg") {
            img src=(console.core().media.path_of(file)) alt="" loading="lazy";
        } @else {
            span.kind aria-hidden="true" { (parts::file_mark(&file.mime)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_after_the_last_file_and_passes_over_nonsense() {
        let (at, id) = cursor("1795000000000000-1234567890123456").expect("a place");
        assert_eq!((at.as_micros(), id.to_string()), (1_795_000_000_000_000, "1234567890123456".to_owned()));
        for nonsense in ["", "-", "1-2", "x-1234567890123456"] {
            assert_eq!(cursor(nonsense), None, "{nonsense}");
        }
    }
}
