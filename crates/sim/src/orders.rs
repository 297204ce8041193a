//! Clients: what they ask, and what they make of the answers.

use std::sync::{Arc, PoisonError};

use courant::{
    clock,
    core::Core,
    desk::{
        accept::{self, Stored},
        queries,
    },
};
use model::{
    AccountName, Cause, Channel, Content, Phone, Recipient, Refusal, Span, Submission,
    call::{Accepted, MessageRef},
    content::Text,
    message::{Brief, Draft, PlanSource, Priority, StepDraft},
};
use store::Remembered;

use crate::{
    dice::Dice,
    world::{Inner, World},
};

/// A submission and what is known of it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Idempotency key.
    pub key: Option<String>,
    /// Whose.
    pub account: &'static str,
    /// In which dialect.
    pub dialect: &'static str,
    /// What is asked; its bulk id names the order.
    pub submission: Submission,
    /// What was answered.
    pub answer: Option<Accepted>,
    /// It was refused, so that nothing of it may exist.
    pub refused: bool,
    /// It was asked at least once without hearing what came of it.
    pub unheard: bool,
}

impl Order {
    /// The bulk id by which its messages are known.
    #[must_use]
    pub fn bulk(&self) -> &str {
        self.submission.bulk.as_deref().unwrap_or_default()
    }

    /// Draws a submission.
    pub fn draw(dice: &mut Dice, index: usize, most_recipients: u64) -> Self {
        let steps = (0..dice.between(1, 3)).map(|_| step(dice)).collect();
        let recipients =
            (0..dice.between(1, most_recipients)).map(|place| recipient(dice, index, place)).collect();
        let now = clock::now();
        let brief = Brief {
            priority: dice.pick(&Priority::ALL),
            send_at: dice.permille(150).then(|| now + dice.millis(1, 60_000)),
            expires_at: dice.permille(150).then(|| now + dice.millis(1, 90_000)),
            memo: dice.permille(500).then(|| r#"{"intermediateReport":true}"#.to_owned()),
            bulk: None,
            ..Brief::default()
        };
        let plan = PlanSource::Steps { steps, extend: None };
        Self {
            key: dice.permille(700).then(|| format!("key-{index}")),
            account: dice.pick(&["acme", "globex"]),
            dialect: dice.pick(&["telesign", "infobip"]),
            submission: Submission { brief, plan, recipients, bulk: Some(format!("order-{index}")) },
            answer: None,
            refused: false,
            unheard: false,
        }
    }
}

fn step(dice: &mut Dice) -> StepDraft {
    let channel = dice.pick(&[Channel::Whatsapp, Channel::Sms, Channel::Sms, Channel::Viber, Channel::Rcs]);
    if dice.permille(50) {
        return StepDraft::void(channel, Cause::MissingContent);
    }
    let mut step = StepDraft::new(channel, Content::Text(Text::new("words")));
    step.patience = dice.permille(800).then(|| dice.millis(50, 40_000));
    step
}

fn recipient(dice: &mut Dice, order: usize, place: u64) -> Draft {
    let prefix = dice.pick(&["44", "34"]);
    let phone = Phone::parse(&format!("{prefix}77009{}", dice.between(0, 4))).expect("digits");
    let recipient = if dice.permille(900) { Recipient::phone(phone) } else { Recipient::default() };
    let client_ref = match dice.below(10) {
        0..5 => None,
        // Now and then two submissions, or two recipients of one, claim the same id.
        5 => Some(format!("ref-{}", dice.below(6))),
        _ => Some(format!("ref-{order}-{place}")),
    };
    let void = dice.permille(40).then_some(Cause::InvalidRecipient);
    Draft { recipient, client_ref, memo: None, void }
}

/// Sends an order and notes the answer.
pub async fn submit(world: World, core: Arc<Core>, index: usize, serial: u64) {
    let order = world.lock().orders[index].clone();
    let answer = ask(&core, &order).await;
    let mut inner = world.lock();
    inner.asking.remove(&serial);
    inner.note(|| format!("order {index} is answered {answer:?}"));
    match answer {
        Ok(accepted) => inner.heard(index, accepted),
        Err(refusal) => inner.refused(index, &refusal),
    }
    drop(inner);
    world.bell.notify_one();
}

impl Inner {
    fn heard(&mut self, index: usize, accepted: Accepted) {
        match &self.orders[index].answer {
            Some(earlier) if *earlier != accepted => {
                self.fail(|| format!("order {index} got two different answers"));
            }
            Some(_) => {}
            None => self.orders[index].answer = Some(accepted),
        }
    }

    fn refused(&mut self, index: usize, refusal: &Refusal) {
        if *refusal == Refusal::LowBalance {
            return self.cannot_pay(index);
        }
        if !matches!(refusal, Refusal::Overloaded | Refusal::Internal) {
            self.fail(|| format!("order {index} is refused: {refusal}"));
        }
        let order = &mut self.orders[index];
        if order.key.is_none() {
            order.refused = true;
        } else {
            self.lose_answer(index, clock::now());
        }
    }

    /// The client gives up, or hopes for a payment.
    fn cannot_pay(&mut self, index: usize) {
        let account = self.orders[index].account;
        let mut prepaid = self.profile.config.accounts.iter().filter(|one| one.name == account);
        if !prepaid.any(|one| one.balance.as_ref().is_some_and(|balance| balance.prepaid)) {
            self.fail(|| format!("order {index} is refused for want of money, and nothing is prepaid"));
        }
        if self.fault(700) {
            self.lose_answer(index, clock::now());
        }
        self.orders[index].refused = true;
    }
}

/// What the HTTP adapter does with a submission and its key.
async fn ask(core: &Arc<Core>, order: &Order) -> Result<Accepted, Refusal> {
    let name = AccountName::from(order.account);
    let account = Arc::clone(core.accounts.by_name(&name).expect("the account is configured"));
    if let Some(key) = &order.key {
        let known = core.store.recall(name.clone(), "idempotency", key.clone()).await;
        if let Some(known) = known.map_err(|_| Refusal::Overloaded)? {
            return Ok(replay(&known));
        }
    }
    let mut prepared = accept::prepare(core, &account, order.dialect, order.submission.clone()).await?;
    loop {
        let accepted = prepared.accepted.clone();
        let remember = order.key.as_ref().map(|key| remember(&name, key, &accepted));
        match prepared.store(core, remember).await? {
            Stored::Done => return Ok(accepted),
            Stored::Remembered(known) => return Ok(replay(&known)),
            Stored::Duplicates(rest) => prepared = rest,
        }
    }
}

fn remember(account: &AccountName, key: &str, accepted: &Accepted) -> Remembered {
    Remembered {
        account: account.clone(),
        kind: "idempotency",
        key: key.to_owned(),
        value: serde_json::to_vec(accepted).expect("our own types serialise"),
        until: clock::now() + Span::from_hours(24),
    }
}

fn replay(known: &Remembered) -> Accepted {
    serde_json::from_slice(&known.value).expect("we wrote it")
}

/// Cancels some message, by our id or by the client's.
pub async fn cancel(world: World, core: Arc<Core>) {
    let Some((account, dialect, reference)) = target(&mut world.lock()) else { return };
    let account = Arc::clone(core.accounts.by_name(&account.into()).expect("the account is configured"));
    let answer = queries::cancel(&core, &account, dialect, &reference).await;
    let mut inner = world.lock();
    inner.note(|| format!("cancelling {reference:?}: {answer:?}"));
    let MessageRef::Id(id) = reference else { return };
    if answer.is_ok() {
        let tables = world.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.row(id).is_some_and(|row| !row.record.state.is_settled()) {
            inner.fail(|| format!("{id} was cancelled and is not settled"));
        }
    }
}

fn target(inner: &mut Inner) -> Option<(&'static str, &'static str, MessageRef)> {
    let index = inner.dice.below(inner.orders.len());
    let (by_ref, place) = (inner.dice.permille(500), inner.dice.bits() as usize);
    let order = inner.orders.get(index)?;
    let drafts = &order.submission.recipients;
    let reference = if by_ref {
        MessageRef::Client(drafts[place % drafts.len()].client_ref.clone()?)
    } else {
        let messages = &order.answer.as_ref()?.messages;
        MessageRef::Id(messages[place % messages.len()].id)
    };
    Some((order.account, order.dialect, reference))
}
