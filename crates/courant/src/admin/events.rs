//! What happens to messages, as it happens: server-sent events in the one order of the store.
//! The id of an event is its place in that order, so that a client that comes back with it misses
//! nothing, whatever happened to either side in between.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use model::{AccountName, MessageId, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{HistoryRow, Record, StoreError};
use tokio::sync::watch;

use super::{ask::Ask, messages::identify, problem::Problem};
use crate::{
    app::App,
    views::{self, Reach, Sight, TimelineEntry},
};

/// Transitions read at a time.
const PAGE: usize = 128;
/// A sign of life is sent after this long without events.
const HEARTBEAT: Span = Span::from_secs(15);
/// Most streams at once.
const MOST_STREAMS: usize = 256;

static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its place: come back with it to go on after it.
    pub cursor: String,
    /// The message.
    pub message: String,
    /// Whose.
    pub account: String,
    /// Dialect it came in by.
    pub dialect: String,
    /// The recipient's address, masked for those who may not see it.
    pub to: String,
    /// The message's status at the time of reading.
    pub status: String,
    /// Whether the message is settled at the time of reading.
    pub settled: bool,
    /// What happened.
    pub entry: TimelineEntry,
}

/// A place in the order: a transition, and how many of its entries were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    row: i64,
    told: usize,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.row, self.told)
    }
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (row, told) = text.split_once('-')?;
        let digits =
            |part: &str| (1..=18).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(row) || !digits(told) {
            return None;
        }
        Some(Self { row: row.parse().ok()?, told: told.parse().ok()? })
    }
}

/// Whether a text is an event's id.
pub(super) fn is_cursor(text: &str) -> bool {
    Cursor::parse(text).is_some()
}

/// One client's stream.
struct Stream {
    app: Arc<App>,
    news: watch::Receiver<()>,
    cursor: Cursor,
    message: Option<MessageId>,
    account: Option<AccountName>,
    reach: Reach,
    sight: Sight,
    ready: VecDeque<Bytes>,
    _place: Place,
}

/// A place among the streams, given back when the stream ends.
struct Place;

impl Place {
    fn take() -> Result<Self, Problem> {
        let before = STREAMS.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        if before < MOST_STREAMS { Ok(place) } else { Err(Problem::overloaded()) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Streams until the client goes or the program ends.
pub(super) async fn stream(ask: &Ask<'_>) -> Result<Response, Problem> {
    let core = ask.core();
    let news = core.news.subscribe();
    let given = ask.request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let cursor = match given.or_else(|| ask.text("after")) {
        Some(text) => {
            Cursor::parse(text).ok_or_else(|| Problem::invalid("the cursor is not an event's id"))?
        }
        None => Cursor { row: core.store.history_cursor().await?, told: usize::MAX },
    };
    let message = match ask.text("message") {
        Some(text) => Some(identify(ask, text).await?),
        None => None,
    };
    let stream = Stream {
        app: Arc::clone(ask.app),
        news,
        cursor,
        message,
        account: ask.text("account").map(Into::into),
        reach: ask.reach().clone(),
        sight: ask.sight(),
        ready: VecDeque::from([Bytes::from_static(b": events follow\n\n")]),
        _place: Place::take()?,
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(stream, next)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The next piece, once there is one; `None` ends the stream.
async fn next(mut stream: Stream) -> Option<(Result<Bytes, std::io::Error>, Stream)> {
    loop {
        if let Some(piece) = stream.ready.pop_front() {
            return Some((Ok(piece), stream));
        }
        if stream.app.is_draining() {
            return None;
        }
        stream.news.mark_unchanged();
        match stream.read().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => return Some((Err(std::io::Error::other(error)), stream)),
        }
        let waited = tokio::time::timeout(HEARTBEAT.to_std(), stream.news.changed()).await;
        if waited.is_err() {
            stream.ready.push_back(Bytes::from_static(b": still here\n\n"));
        }
    }
}

impl Stream {
    /// Reads what is new; whether there was anything.
    async fn read(&mut self) -> Result<bool, StoreError> {
        let store = &self.app.core.store;
        // The transition at the cursor is read again, in case not all of it was told.
        let rows = store.history_since(self.cursor.row - 1, PAGE).await?;
        let fresh: Vec<&HistoryRow> = rows.iter().filter(|row| self.untold(row)).collect();
        let Some(last) = fresh.last() else { return Ok(false) };
        let end = Cursor { row: last.cursor, told: last.entries.len() };
        let wanted: Vec<&HistoryRow> = fresh.into_iter().filter(|row| self.wants(row)).collect();
        let records = store.load(wanted.iter().map(|row| row.message).collect()).await?;
        for (row, record) in wanted.into_iter().zip(records) {
            if let Some(record) = record {
                self.tell(row, &record);
            }
        }
        self.cursor = end;
        Ok(true)
    }

    fn untold(&self, row: &HistoryRow) -> bool {
        row.cursor > self.cursor.row
            || (row.cursor == self.cursor.row && self.cursor.told < row.entries.len())
    }

    fn wants(&self, row: &HistoryRow) -> bool {
        self.message.is_none_or(|message| message == row.message)
    }

    fn tell(&mut self, row: &HistoryRow, record: &Record) {
        let of = &record.message.account;
        if !self.reach.covers(of) || self.account.as_ref().is_some_and(|account| account != of) {
            return;
        }
        let told = if row.cursor == self.cursor.row { self.cursor.told } else { 0 };
        for (index, entry) in row.entries.iter().enumerate().skip(told) {
            let cursor = Cursor { row: row.cursor, told: index + 1 };
            let view = EventView {
                cursor: cursor.to_string(),
                message: record.message.id.to_string(),
                account: record.message.account.to_string(),
                dialect: record.message.dialect.to_owned(),
                to: self.sight.recipient(&record.message.recipient),
                status: record.state.status().as_str().to_owned(),
                settled: record.state.is_settled(),
                entry: views::entry(record, entry, self.sight),
            };
            let json = serde_json::to_string(&view).expect("our own types serialise");
            let piece = format!("id: {cursor}\nevent: {}\ndata: {json}\n\n", view.entry.kind);
            self.ready.push_back(Bytes::from(piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { row: 17, told: 2 };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in ["", "17", "-1-2", "17-", "a-b"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
