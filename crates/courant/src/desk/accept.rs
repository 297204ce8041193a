//! Accepts submissions: plans made, messages begun, all stored in one commit; only then is the
//! caller answered and the dispatcher told.

use std::{collections::HashMap, sync::Arc};

use engine::{Command, Event, State};
use model::{
    AccountName, BatchId, Cause, Message, Recipient, Refusal, Submission, Time,
    call::{Accepted, AcceptedMessage},
    message::{Draft, Plan, Shared, StepDraft},
};
use store::{Change, Insert, Record, Remembered, Verdict};

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
    /// Some client ids are taken; those messages are marked as rejected, the rest must be stored
    /// again.
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
        account,
        dialect,
        id: clock::batch_id(now),
        now,
        size: u32::try_from(recipients.len()).unwrap_or(u32::MAX),
    };
    Ok(batch.prepare(&brief, &drafts, recipients))
}

struct Batch<'a> {
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
        Prepared { accepted: Accepted { batch: self.id, at: self.now, messages }, groups }
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
        let changes = self.changes(core, remember);
        let verdicts = core.store.commit(changes).await.map_err(refuse)?;
        for verdict in &verdicts {
            if let Verdict::Remembered(known) = verdict {
                return Ok(Stored::Remembered(known.clone()));
            }
        }
        Ok(self.go(core, &verdicts).await)
    }

    fn changes(&self, core: &Core, mut remember: Option<Remembered>) -> Vec<Change> {
        let insert = |group: &Group| {
            Change::Insert(Insert {
                batch: self.accepted.batch,
                shared: Arc::clone(&group.shared),
                messages: group.messages.iter().map(|begun| begun.transition.insertion(core)).collect(),
                remember: remember.take(),
            })
        };
        self.groups.iter().map(insert).collect()
    }

    /// Sets going what is stored, and keeps what has to be stored again.
    async fn go(mut self, core: &Arc<Core>, verdicts: &[Verdict]) -> Stored {
        let mut again = Vec::new();
        let mut calls_back = false;
        for (mut group, verdict) in std::mem::take(&mut self.groups).into_iter().zip(verdicts) {
            if let Verdict::Duplicate(positions) = verdict {
                for position in positions.iter().rev() {
                    let begun = group.messages.remove(*position);
                    self.accepted.messages[begun.place].rejected = Some(Cause::Duplicate);
                }
                again.push(group);
                continue;
            }
            for begun in group.messages {
                calls_back |= begun.transition.calls_back();
                begun.go(core).await;
            }
        }
        if calls_back {
            core.outbox.notify_one();
        }
        again.retain(|group| !group.messages.is_empty());
        if again.is_empty() {
            return Stored::Done;
        }
        self.groups = again;
        Stored::Duplicates(self)
    }

    /// Whether nothing is left to be stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl Begun {
    async fn go(mut self, core: &Arc<Core>) {
        let record = self.transition.record;
        core.timers.set(record.message.id, record.state.wake_at());
        core.metrics.accepted(&record);
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
