//! Messages from people: decoding, and putting parts together.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{Channel, Inbound, RouteName, Time, network::InboundContent};
use serde_json::json;

use super::{
    alphabet,
    pdu::{Delivery, tag},
    settings::Charset,
};

/// Most messages that wait for parts; beyond it the oldest is dropped.
const MAX_WAITING: usize = 4096;
/// Most parts of one message.
const MAX_PARTS: u8 = 255;
/// `esm_class` bit: a user data header stands before the text.
const UDHI: u8 = 0x40;

/// A message from a person, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    key: Key,
    data_coding: u8,
    body: Bytes,
    /// Number of the part, from 1, and how many there are.
    place: (u8, u8),
}

/// What makes parts belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    from: String,
    to: String,
    reference: u16,
    total: u8,
}

/// Reads a delivery: as a whole message, or as a part if a header or TLVs say so.
pub(super) fn read(delivery: &Delivery) -> Fragment {
    let (header, body) = split_header(delivery);
    let (reference, total, number) =
        concatenation(&header).or_else(|| segment_tlvs(delivery)).unwrap_or((0, 1, 1));
    Fragment {
        key: Key { from: delivery.source.clone(), to: delivery.destination.clone(), reference, total },
        data_coding: delivery.data_coding,
        body,
        place: (number, total),
    }
}

fn split_header(delivery: &Delivery) -> (Bytes, Bytes) {
    let message = &delivery.message;
    let length = message.first().map_or(0, |&length| usize::from(length));
    if delivery.esm_class & UDHI == 0 || message.len() <= length {
        return (Bytes::new(), message.clone());
    }
    (message.slice(1..=length), message.slice(1 + length..))
}

/// Reference, total and number of the concatenation element of a user data header.
fn concatenation(header: &[u8]) -> Option<(u16, u8, u8)> {
    let mut rest = header;
    while let [element, length, tail @ ..] = rest {
        let (value, next) = tail.split_at_checked(usize::from(*length))?;
        let found = match (element, value) {
            (0x00, &[reference, total, number]) => Some((u16::from(reference), total, number)),
            (0x08, &[high, low, total, number]) => Some((u16::from_be_bytes([high, low]), total, number)),
            _ => None,
        };
        if found.is_some() {
            return found.filter(sensible);
        }
        rest = next;
    }
    None
}

fn segment_tlvs(delivery: &Delivery) -> Option<(u16, u8, u8)> {
    let tlvs = &delivery.tlvs;
    let reference = tlvs.number(tag::SAR_MSG_REF_NUM)?;
    let (total, number) = (tlvs.octet(tag::SAR_TOTAL_SEGMENTS)?, tlvs.octet(tag::SAR_SEGMENT_SEQNUM)?);
    Some((reference, total, number)).filter(sensible)
}

fn sensible(&(_, total, number): &(u16, u8, u8)) -> bool {
    (1..=MAX_PARTS).contains(&total) && (1..=total).contains(&number)
}

/// A message whose parts are all there, or will not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Names the entry it was put together from, if it had several parts.
    pub(super) key: Option<Key>,
    from: String,
    to: String,
    data_coding: u8,
    /// The parts in order; a gap is a part that did not come.
    parts: Vec<Option<Bytes>>,
}

impl Whole {
    /// The event to tell. Carriers give messages from people no id, so one is made.
    pub(super) fn into_inbound(self, route: &RouteName, charset: Charset, at: Time) -> Inbound {
        let upstream = self.identity(at);
        let content = self.content(charset);
        let Self { from, to, .. } = self;
        Inbound {
            route: route.clone(),
            channel: Channel::Sms,
            upstream,
            from: from.trim_start_matches('+').to_owned(),
            to,
            at,
            profile_name: None,
            content,
            reply_to: None,
        }
    }

    fn identity(&self, at: Time) -> String {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let mut hasher = DefaultHasher::new();
        (&self.from, &self.to, &self.parts).hash(&mut hasher);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        format!("mo-{:x}-{count:x}-{:016x}", at.as_micros(), hasher.finish())
    }

    fn content(&self, charset: Charset) -> InboundContent {
        // Joined before decoding, because some carriers cut characters in two; but a gap parts
        // what does not belong together.
        let runs = self.parts.split(Option::is_none).map(|run| {
            run.iter().flatten().fold(Vec::new(), |mut octets, part| {
                octets.extend_from_slice(part);
                octets
            })
        });
        let texts: Option<Vec<String>> =
            runs.clone().map(|octets| decode(self.data_coding, charset, &octets)).collect();
        match texts {
            Some(texts) => InboundContent::Text(texts.join("…")),
            None => {
                let octets = runs.flatten().collect::<Vec<u8>>();
                InboundContent::Other(json!({
                    "data_coding": self.data_coding,
                    "binary": hex::encode(octets),
                }))
            }
        }
    }
}

/// Text of a `data_coding`; `None` if it is not text that we know.
fn decode(data_coding: u8, charset: Charset, octets: &[u8]) -> Option<String> {
    match data_coding {
        0x00 => Some(alphabet::decode(charset, octets)),
        0x01 => Some(alphabet::decode_latin1(octets)),
        0x03 => Some(alphabet::decode_latin1(octets)),
        0x08 | 0x18..=0x1B => Some(alphabet::decode_ucs2(octets)),
        0x10..=0x13 | 0xF0..=0xF3 => Some(alphabet::decode_gsm(octets)),
        _ => None,
    }
}

/// Parts that wait for their fellows, of all sessions of a route.
#[derive(Debug)]
pub(super) struct Reassembly {
    patience: Duration,
    waiting: Mutex<HashMap<Key, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    data_coding: u8,
    parts: Vec<Option<Bytes>>,
    /// Handed on; kept so that repeated parts are known.
    done: bool,
}

impl Reassembly {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, waiting: Mutex::default() }
    }

    /// Takes a part; gives the message if it is whole now. A message of several parts must be
    /// closed by [`Self::settle`].
    pub(super) fn offer(&self, fragment: Fragment, now: Instant) -> Option<Whole> {
        let Fragment { key, data_coding, body, place: (number, total) } = fragment;
        if total == 1 {
            let Key { from, to, .. } = key;
            return Some(Whole { key: None, from, to, data_coding, parts: vec![Some(body)] });
        }
        let mut waiting = self.lock();
        make_room(&mut waiting, &key);
        let entry = waiting.entry(key.clone()).or_insert_with(|| Waiting::new(now, data_coding, total));
        let index = usize::from(number) - 1;
        if entry.done {
            if entry.parts[index].as_ref() == Some(&body) {
                return None;
            }
            // The handset uses its reference again for another message.
            *entry = Waiting::new(now, data_coding, total);
        }
        entry.parts[index] = Some(body);
        entry.parts.iter().all(Option::is_some).then(|| entry.whole(key))
    }

    /// Closes a message that was handed on, if it could be stored; else its last part, told
    /// again by the carrier, completes it again.
    pub(super) fn settle(&self, key: &Key, stored: bool) {
        if let Some(entry) = self.lock().get_mut(key).filter(|_| stored) {
            entry.done = true;
        }
    }

    /// The messages whose missing parts did not come in time. They stay until settled.
    pub(super) fn expired(&self, now: Instant) -> Vec<Whole> {
        let mut waiting = self.lock();
        let over = |entry: &Waiting| now.saturating_duration_since(entry.since) >= self.patience;
        waiting.retain(|_, entry| !(entry.done && over(entry)));
        waiting
            .iter_mut()
            .filter(|(_, entry)| over(entry))
            .map(|(key, entry)| entry.whole(key.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new(since: Instant, data_coding: u8, total: u8) -> Self {
        Self { since, data_coding, parts: vec![None; usize::from(total)], done: false }
    }

    fn whole(&self, key: Key) -> Whole {
        Whole {
            from: key.from.clone(),
            to: key.to.clone(),
            data_coding: self.data_coding,
            parts: self.parts.clone(),
            key: Some(key),
        }
    }
}

/// Keeps the number of waiting messages bounded: the oldest makes room. Its parts are lost, which
/// takes thousands of unfinished messages to happen.
fn make_room(waiting: &mut HashMap<Key, Waiting>, key: &Key) {
    if waiting.len() < MAX_WAITING || waiting.contains_key(key) {
        return;
    }
    let oldest =
        waiting.iter().min_by_key(|(_, entry)| (!entry.done, entry.since)).map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        tracing::warn!("too many incomplete messages; the oldest was dropped");
        waiting.remove(&oldest);
    }
}
