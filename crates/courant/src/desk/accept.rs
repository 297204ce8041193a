//! Accepts submissions: plans made, messages begun, all stored in one commit; only then is the
//! caller answered and the dispatcher told.

use std::{collections::HashMap, sync::Arc};

use engine::{Command, Event, State};
use model::{
    AccountName, BatchId, Cause, Message, Recipient, Refusal, Submission, Time,
    call::{Accepted, AcceptedMessage},
    message::{Draft, Plan, Shared, StepDraft},
};
use store::{Change, Insert, Record, Remembered, Reserve, Verdict};

use super::{
    plans,
    scenarios::refuse,
    shard::{Job, perform},
    transition::Transition,
};
use crate::{accounts::Account, clock, core::Core, dispatch::Permit, mediadesk::prepare};

/// Submissions of at most this size may leave for their networks without waiting in a lane.
const EXPRESS: usize = 16;

/// A submission ready to be stored.
#[derive(Debug)]
pub struct Prepared {
    /// What the caller will be told.
    pub accepted: Accepted,
    began: Time,
    groups: Vec<Group>,
}

/// Messages that share a plan.
#[derive(Debug)]
struct Group {
    shared: Arc<Shared>,
    messages: Vec<Begun>,
}

/// A message that took its first events.
#[derive(Debug)]
struct Begun {
    place: usize,
    transition: Transition,
    permits: Vec<Permit>,
}

/// What became of storing a submission.
#[derive(Debug)]
pub enum Stored {
    /// It is stored and on its way.
    Done,
    /// Some client ids are taken, and nothing is stored: those messages are marked as rejected,
    /// the rest must be stored again.
    Duplicates(Prepared),
    /// Its idempotency key is taken; this is what stands there.
    Remembered(Remembered),
}

/// Makes the messages of a submission and lets them begin, without storing anything.
///
/// # Errors
/// If its scenario does not exist, or it has too many recipients.
pub async fn prepare(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    submission: Submission,
) -> Result<Prepared, Refusal> {
    let began = clock::now();
    let limit = core.config.limits.recipients_per_request;
    if submission.recipients.len() > limit {
        return Err(Refusal::TooManyRecipients { limit });
    }
    let Submission { mut brief, plan, recipients, bulk } = submission;
    brief.bulk = bulk;
    let drafts = plans::drafts(core, account, dialect, plan).await?;
    core.media.hold(account, &drafts, brief.send_at).await?;
    let now = clock::now();
    let batch = Batch {
        core,
        began,
        account,
        dialect,
        id: clock::batch_id(now),
        now,
        size: u32::try_from(recipients.len()).unwrap_or(u32::MAX),
    };
    Ok(batch.prepare(&brief, &drafts, recipients))
}

struct Batch<'a> {
    began: Time,
    core: &'a Core,
    account: &'a Account,
    dialect: &'static str,
    id: BatchId,
    now: Time,
    size: u32,
}

impl Batch<'_> {
    fn prepare(&self, brief: &model::Brief, drafts: &[StepDraft], recipients: Vec<Draft>) -> Prepared {
        let mut messages = Vec::with_capacity(recipients.len());
        let mut groups: Vec<Group> = Vec::new();
        let mut by_class: HashMap<Class, usize> = HashMap::new();
        for (place, draft) in recipients.into_iter().enumerate() {
            let class = self.class(&draft);
            let group = *by_class.entry(class).or_insert_with(|| {
                let plan = self.plan(drafts, &draft);
                groups.push(Group {
                    shared: Arc::new(Shared { brief: brief.clone(), plan }),
                    messages: Vec::new(),
                });
                groups.len() - 1
            });
            let rejected = draft.void;
            let begun = self.begin(place, draft, Arc::clone(&groups[group].shared));
            messages.push(AcceptedMessage { id: begun.transition.record.message.id, rejected });
            groups[group].messages.push(begun);
        }
        Prepared { accepted: Accepted { batch: self.id, at: self.now, messages }, began: self.began, groups }
    }

    /// Recipients with the same answer have the same plan.
    fn class(&self, draft: &Draft) -> Class {
        let recipient = &draft.recipient;
        let kinds = [
            recipient.phone.is_some(),
            recipient.email.is_some(),
            recipient.push.is_some(),
            recipient.whatsapp_user.is_some(),
            recipient.other.is_some(),
        ];
        let prefixes = self.core.routes.table.class(recipient.phone.as_ref());
        Class { kinds, prefixes: prefixes.into_iter().map(str::to_owned).collect(), void: draft.void }
    }

    fn plan(&self, drafts: &[StepDraft], draft: &Draft) -> Plan {
        let Some(cause) = draft.void else {
            return plans::plan(self.core, self.account, drafts, &draft.recipient);
        };
        let void: Vec<StepDraft> = drafts
            .iter()
            .map(|step| StepDraft { sender: step.sender.clone(), ..StepDraft::void(step.channel, cause) })
            .collect();
        plans::plan(self.core, self.account, &void, &Recipient::default())
    }

    fn begin(&self, place: usize, draft: Draft, shared: Arc<Shared>) -> Begun {
        let message = Message {
            id: clock::message_id(self.now),
            account: self.account.name.clone(),
            dialect: self.dialect,
            batch: self.id,
            position: u32::try_from(place).unwrap_or(u32::MAX),
            batch_size: self.size,
            recipient: draft.recipient,
            client_ref: draft.client_ref,
            memo: draft.memo,
            accepted_at: self.now,
            shared,
        };
        let record = Record { message: Arc::new(message), state: State::default(), version: 1 };
        let mut begun = Begun { place, transition: Transition::new(record), permits: Vec::new() };
        begun.transition.apply(self.core, self.now, Event::Accepted);
        if self.size as usize <= EXPRESS {
            begun.express(self.core, self.now);
        }
        begun
    }
}

/// What decides the plan of a recipient.
#[derive(PartialEq, Eq, Hash)]
struct Class {
    kinds: [bool; 5],
    prefixes: Vec<String>,
    void: Option<Cause>,
}

impl Begun {
    /// If nothing waits before it, the first attempt is taken in the same commit.
    fn express(&mut self, core: &Core, now: Time) {
        let record = &self.transition.record;
        let Some(queued) = record.state.queued().filter(|queued| queued.not_before <= now) else { return };
        // Media are looked at before they take a place; that is the way of the lanes.
        if prepare::concerns(&record.message, queued.attempt) {
            return;
        }
        let Some(permit) = core.dispatcher.try_take(record, queued.attempt, &queued.route, now) else {
            return;
        };
        self.transition.commands.retain(|command| !matches!(command, Command::Enqueue { .. }));
        self.transition.apply(core, now, Event::Taken { attempt: queued.attempt });
        self.permits.push(permit);
    }
}

impl Prepared {
    /// Stores everything and sets it going.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] if the store cannot take it now; nothing is stored then.
    pub async fn store(self, core: &Arc<Core>, remember: Option<Remembered>) -> Result<Stored, Refusal> {
        let Some(change) = self.change(core, remember) else { return Ok(Stored::Done) };
        let commit = clock::now();
        let verdict = core.store.commit(vec![change]).await.map_err(refuse)?.pop();
        match verdict {
            Some(Verdict::Applied) => {
                self.go(core, commit).await;
                Ok(Stored::Done)
            }
            Some(Verdict::Remembered(known)) => Ok(Stored::Remembered(known)),
            Some(Verdict::Duplicate(positions)) => Ok(Stored::Duplicates(self.without(&positions))),
            Some(Verdict::LowBalance) => Err(Refusal::LowBalance),
            Some(Verdict::Conflict) | None => Err(Refusal::Internal),
        }
    }

    /// One change, so that all of a submission is stored, with its key, or nothing of it. If
    /// nothing is left but the key, the answer is still remembered.
    fn change(&self, core: &Core, mut remember: Option<Remembered>) -> Option<Change> {
        let mut reserves = self.reserves(core).into_iter().flatten();
        let insert = |group: &Group| Insert {
            batch: self.accepted.batch,
            shared: Arc::clone(&group.shared),
            messages: group.messages.iter().map(|begun| begun.transition.insertion()).collect(),
            remember: remember.take(),
            reserve: reserves.next(),
        };
        let mut inserts: Vec<Insert> = self.groups.iter().map(insert).collect();
        match inserts.len() {
            0 => remember.map(Change::Remember),
            1 => inserts.pop().map(Change::Insert),
            _ => Some(Change::InsertAll(inserts)),
        }
    }

    /// What to set aside for each group; `None` if the account has no balance.
    fn reserves(&self, core: &Core) -> Option<Vec<Reserve>> {
        let first = self.groups.first()?.messages.first()?;
        let account = &first.transition.record.message.account;
        if !core.billing.keeps_balance(account) {
            return None;
        }
        let most = |group: &Group| group.messages.iter().map(|begun| begun.transition.most(core)).collect();
        core.billing.reserves(account, self.groups.iter().map(most).collect())
    }

    /// Sets going what is stored.
    async fn go(self, core: &Arc<Core>, commit: Time) {
        let (mut calls_back, began, now) = (false, self.began, clock::now());
        for begun in self.groups.into_iter().flat_map(|group| group.messages) {
            calls_back |= begun.transition.calls_back();
            note_accepted(core, &begun.transition.record.message, [began, commit, now]);
            begun.go(core).await;
        }
        core.news.send_replace(());
        if calls_back {
            core.outbox.notify_one();
        }
    }

    /// What has to be stored again without these, which are rejected. Positions count through all
    /// messages of all groups.
    fn without(mut self, positions: &[usize]) -> Self {
        let mut position = 0;
        let accepted = &mut self.accepted;
        for group in &mut self.groups {
            group.messages.retain(|begun| {
                let taken = positions.binary_search(&position).is_ok();
                position += 1;
                if taken {
                    accepted.messages[begun.place].rejected = Some(Cause::Duplicate);
                }
                !taken
            });
        }
        self.groups.retain(|group| !group.messages.is_empty());
        self
    }

    /// Whether nothing is left to be stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Tells log and trace of an acceptance: when it began, was handed to the store, and was stored.
fn note_accepted(core: &Core, message: &Message, [began, commit, stored]: [Time; 3]) {
    tracing::debug!(
        message_id = %message.id,
        account = %message.account,
        dialect = message.dialect,
        batch = %message.batch,
        "accepted"
    );
    if let Some(trace) = core.traces.of(message) {
        trace.accepted(message, began, commit, stored);
    }
}

impl Begun {
    async fn go(mut self, core: &Arc<Core>) {
        let record = self.transition.record;
        core.timers.set(record.message.id, record.state.wake_at());
        core.metrics.accepted(&record);
        if let Some(step) = record.message.plan().step(0) {
            core.stats
                .count(clock::now(), &record.message.account, step.channel, |counts| counts.accepted += 1);
        }
        core.shards.send(Job::Seed(record.clone())).await;
        for command in self.transition.commands {
            perform(core, &record, command, &mut self.permits);
        }
    }
}

/// The account name under which things that belong to no account are remembered.
#[must_use]
pub fn nobody() -> AccountName {
    AccountName::from("")
}
