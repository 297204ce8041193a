//! Fills a store while no gateway runs: messages of the last month, most of them long settled,
//! with the states and histories that the engine gives them. Through the gateway itself ten
//! million would take hours.

use std::{collections::VecDeque, path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use engine::{Cascade, Event, Output, Rules, State};
use model::{
    AccountName, AttemptId, BatchId, Brief, Cause, Channel, Content, Message, MessageId, Phone, Plan,
    Receipt, ReceiptStatus, Recipient, Span, Step, Time,
    content::Text,
    message::{Body, Extras, OnUnknown, RouteChoice, Shared, Until},
};
use store::{
    Change, Facts, Happening, HistoryEntry, Insert, NewMessage, Part, Reply, Store as _, Update, UpstreamRow,
    Verdict,
    sqlite::{SqliteOptions, SqliteStore},
};

use crate::peer::courant::TEXT;

/// Messages per commit, and commits under way.
const CHUNK: u64 = 1000;
/// One message in so many has its history; it is read by its place only, and would double the disk.
const TOLD: u64 = 10;
/// Messages per submission: few, but enough that brief and plan are stored apart.
const GROUP: u64 = 10;
const UNDER_WAY: usize = 4;
/// The first message is so old, younger than the retention; the others follow at this distance.
const AGE: Span = Span::from_hours(29 * 24);
const DISTANCE_MICROS: u64 = 250_000;
/// Recipients, and accounts besides the one of the benchmark.
const RECIPIENTS: u64 = 3_000_000;
const ACCOUNTS: u64 = 50;
/// One message in so many is still under way, failed for a rare reason, or came in by the rarest
/// dialect.
const RARE: u64 = 50_000;

const DIALECTS: &[&str] = &["infobip", "kaleyra", "messangi", "telesign", "webex_connect"];
const CAUSES: [Cause; 4] =
    [Cause::HandsetPermanent, Cause::UnknownSubscriber, Cause::InvalidRecipient, Cause::ContentRejected];

/// What a message of the store is, derived from its number.
#[derive(Clone, Debug)]
pub(crate) struct Seeded {
    /// Its id.
    pub(crate) id: MessageId,
    /// Its submission.
    pub(crate) batch: BatchId,
    /// Whose it is.
    pub(crate) account: String,
    /// Digits of its recipient.
    pub(crate) phone: String,
    /// The caller's own id; one in four has one.
    pub(crate) client_ref: Option<String>,
    /// The caller's id of its bulk; one submission in eight has one.
    pub(crate) bulk: Option<String>,
    /// The network's id; one in four has one.
    pub(crate) upstream: Option<String>,
    /// When it was accepted.
    pub(crate) at: Time,
    dialect: &'static str,
    position: u32,
    told: bool,
    by_whatsapp: bool,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Read,
    Failed(Cause),
    UnderWay,
}

/// The message with this number, if the first one is from `start`.
pub(crate) fn seeded(start: Time, number: u64) -> Seeded {
    let group = number / GROUP;
    let (hash, common) = (mixed(number), mixed(!group));
    let at = start + Span::from_micros(number * DISTANCE_MICROS);
    let wide = u128::from(hash) << 64 | u128::from(mixed(hash));
    let other = common % (2 * ACCOUNTS);
    let of_shop = other < ACCOUNTS && !(group * GROUP).is_multiple_of(RARE);
    let account = if of_shop { format!("shop-{other:02}") } else { "bench".into() };
    let rare = |which: u64| number % RARE == which;
    let (begun, by_whatsapp) =
        (start + Span::from_micros(group * GROUP * DISTANCE_MICROS), common >> 32 & 3 == 0);
    Seeded {
        id: MessageId::new(at, wide),
        batch: BatchId::new(begun, u128::from(common)),
        account,
        phone: format!("1777{:07}", hash % RECIPIENTS),
        client_ref: number.is_multiple_of(4).then(|| format!("{wide:032x}")),
        bulk: group.is_multiple_of(8).then(|| format!("bulk-{group}")),
        upstream: number.is_multiple_of(4).then(|| format!("{hash:016x}")),
        at,
        dialect: if (group * GROUP).is_multiple_of(RARE) {
            DIALECTS[1]
        } else {
            DIALECTS[[0, 2, 3, 4][(common >> 40 & 3) as usize]]
        },
        position: (number % GROUP) as u32,
        told: number.is_multiple_of(TOLD),
        by_whatsapp,
        outcome: match hash % 100 {
            _ if rare(1) => Outcome::UnderWay,
            _ if rare(2) => Outcome::Failed(Cause::Spam),
            0..5 => Outcome::Failed(CAUSES[(hash / 100 % 4) as usize]),
            5..50 if by_whatsapp => Outcome::Read,
            _ => Outcome::Delivered,
        },
    }
}

/// When the first message of a new store was accepted.
pub(crate) fn start(now: Time) -> Time {
    now - AGE
}

/// Adds the messages with these numbers to the store in a folder.
///
/// # Errors
/// If the store says no.
pub(crate) async fn fill(data: &Path, start: Time, numbers: std::ops::Range<u64>) -> Result<()> {
    std::fs::create_dir_all(data)?;
    let dialects: Vec<&'static str> = DIALECTS.iter().copied().chain(["courant"]).collect();
    let mut options = SqliteOptions::new(data.join("courant.db"), dialects.leak());
    options.checkpoint_pages = 32_768;
    options.writer_cache_kib = 65_536;
    let store = SqliteStore::open(options)?;
    let plans = plans();
    let mut replies: VecDeque<Reply<'_, Vec<Verdict>>> = VecDeque::new();
    for first in numbers.clone().step_by(CHUNK as usize) {
        let chunk = first..numbers.end.min(first + CHUNK);
        let messages: Vec<Seeded> = chunk.map(|number| seeded(start, number)).collect();
        let changes =
            messages.chunk_by(|one, other| one.batch == other.batch).flat_map(|group| changes(&plans, group));
        replies.push_back(store.commit(changes.collect()));
        if replies.len() > UNDER_WAY {
            written(replies.pop_front().expect("there are some")).await?;
        }
    }
    for reply in replies {
        written(reply).await?;
    }
    store.close().await?;
    Ok(())
}

async fn written(reply: Reply<'_, Vec<Verdict>>) -> Result<()> {
    let verdicts = reply.await.context("the store did not take messages")?;
    ensure!(verdicts.iter().all(|verdict| *verdict == Verdict::Applied), "messages are there already");
    Ok(())
}

/// By SMS, and by WhatsApp.
fn plans() -> [Plan; 2] {
    let step = |channel, route: &str| Step {
        channel,
        sender: Some("SHOP".into()),
        body: Body::Ready(Content::Text(Text::new(TEXT))),
        patience: Span::from_secs(60),
        validity: Span::from_hours(24),
        until: Until::Delivered,
        routes: vec![RouteChoice { route: route.into(), on_unknown: OnUnknown::AtMostOnce }],
        extras: Extras::default(),
    };
    let sms = || step(Channel::Sms, "sms");
    let steps = [vec![sms()], vec![step(Channel::Whatsapp, "whatsapp")]];
    steps.map(|steps| Plan::new(steps).expect("there are steps"))
}

/// The insert of a submission, and the ends of those of its messages of which the network's id is
/// kept; the others are stored as they ended.
fn changes(plans: &[Plan; 2], group: &[Seeded]) -> Vec<Change> {
    let first = &group[0];
    let plan = plans[usize::from(first.by_whatsapp)].clone();
    let shared = Arc::new(Shared { brief: Brief { bulk: first.bulk.clone(), ..Brief::default() }, plan });
    let (mut messages, mut updates) = (Vec::new(), Vec::new());
    for seeded in group {
        let (new, update) = life(seeded, &shared);
        messages.push(new);
        updates.extend(update.map(Change::Update));
    }
    let insert = Insert { batch: first.batch, shared, messages, remember: None, reserve: None };
    std::iter::once(Change::Insert(insert)).chain(updates).collect()
}

fn life(seeded: &Seeded, shared: &Arc<Shared>) -> (NewMessage, Option<Update>) {
    let message = Arc::new(message(seeded, shared));
    let mut life = Life { message: Arc::clone(&message), state: State::default(), rules: Rules::default() };
    let attempt = AttemptId { message: message.id, step: 0, attempt: 0 };
    let begun = life.take(&[Event::Accepted, Event::Taken { attempt }]);
    let history = if seeded.told { begun } else { Vec::new() };
    let (state, facts) = (life.state.clone(), life.facts());
    let mut new = NewMessage { message, state, facts, history, callbacks: Vec::new() };
    let upstream: Vec<String> = seeded.upstream.iter().cloned().collect();
    let ended = life.take(&end(attempt, upstream.clone(), seeded.outcome));
    if upstream.is_empty() {
        (new.state, new.facts) = (life.state.clone(), life.facts());
        new.history.extend(ended);
        new.history.truncate(if seeded.told { new.history.len() } else { 0 });
        return (new, None);
    }
    let route = &shared.plan.steps()[0].routes[0].route;
    let part = Part { attempt, part: 0 };
    let row = |upstream| UpstreamRow { route: route.clone(), upstream, part };
    let update = Update {
        id: seeded.id,
        version: 1,
        state: life.state.clone(),
        facts: life.facts(),
        history: if seeded.told { ended } else { Vec::new() },
        upstream: upstream.into_iter().map(row).collect(),
        callbacks: Vec::new(),
        money: None,
    };
    (new, Some(update))
}

fn message(seeded: &Seeded, shared: &Arc<Shared>) -> Message {
    Message {
        id: seeded.id,
        account: AccountName::from(seeded.account.as_str()),
        dialect: seeded.dialect,
        batch: seeded.batch,
        position: seeded.position,
        batch_size: GROUP as u32,
        recipient: Recipient::phone(Phone::parse(&seeded.phone).expect("digits")),
        client_ref: seeded.client_ref.clone(),
        memo: None,
        accepted_at: seeded.at,
        shared: Arc::clone(shared),
    }
}

fn end(attempt: AttemptId, upstream: Vec<String>, outcome: Outcome) -> Vec<Event> {
    let received = |status| Event::Received { attempt, part: 0, receipt: Receipt::new(status) };
    let mut events = vec![Event::Submitted { attempt, upstream }];
    match outcome {
        Outcome::Delivered => events.push(received(ReceiptStatus::Delivered)),
        Outcome::Read => events.push(received(ReceiptStatus::Read)),
        Outcome::Failed(cause) => events.push(received(ReceiptStatus::Failed(cause))),
        Outcome::UnderWay => {}
    }
    events
}

/// A message taking events.
struct Life {
    message: Arc<Message>,
    state: State,
    rules: Rules,
}

impl Life {
    fn cascade(&self) -> Cascade<'_> {
        let message = &self.message;
        Cascade { id: message.id, plan: message.plan(), brief: message.brief(), rules: &self.rules }
    }

    fn take(&mut self, events: &[Event]) -> Vec<HistoryEntry> {
        let at = self.message.accepted_at;
        let mut state = std::mem::take(&mut self.state);
        let entry = |event: &Event| {
            let mut output = Output::default();
            self.cascade().handle(&mut state, at, event, &mut output);
            HistoryEntry { at, what: Happening::Event(event.clone()), decisions: output.decisions }
        };
        let entries = events.iter().map(entry).collect();
        self.state = state;
        entries
    }

    fn facts(&self) -> Facts {
        let report = self.cascade().report(&self.state);
        let deciding = self.message.plan().step(report.deciding_step).expect("the plan has this step");
        Facts {
            // Under way for good: an alarm in the past would bring all of them up at the start.
            wake_at: self.state.wake_at().map(|at| at + AGE + AGE),
            queued: None,
            status: report.status,
            channel: deciding.channel,
            settled_at: self.state.settled_at(),
            pullable: false,
        }
    }
}

/// A number as good as random, from another.
pub(crate) const fn mixed(number: u64) -> u64 {
    let one = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let two = (one ^ (one >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let three = (two ^ (two >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    three ^ (three >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn seeded_messages_can_be_read_and_are_what_they_should_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let start = Time::from_secs(1_790_000_000);
        fill(folder.path(), start, 0..40).await.expect("it fills");
        fill(folder.path(), start, 40..60).await.expect("it goes on");
        let options = SqliteOptions::new(folder.path().join("courant.db"), DIALECTS);
        let store = SqliteStore::open(options).expect("it opens");
        let one = seeded(start, 44);
        let records = store.load(vec![one.id, seeded(start, 1).id]).await.expect("it loads");
        let record = records[0].as_ref().expect("it is there");
        assert_eq!(record.message.client_ref, one.client_ref);
        assert!(record.state.is_settled());
        assert!(!records[1].as_ref().expect("it is there").state.is_settled());
        let found = store.by_upstream("sms".into(), one.upstream.into_iter().collect()).await;
        assert_eq!(found.expect("it looks")[0].map(|part| part.attempt.message), Some(one.id));
    }
}
