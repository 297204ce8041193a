//! Sends the same once more.

use std::sync::Arc;

use model::{
    AccountName, Brief, Submission, TraceParent,
    message::{Body, Draft, PlanSource, Step, StepDraft},
};
use store::Record;

use super::Fault;
use crate::{
    accounts::Account,
    core::Core,
    desk::accept::{self, Prepared},
};

/// The account that is to send something.
///
/// # Errors
/// If it is gone or suspended.
pub fn sending_account(core: &Core, name: &AccountName) -> Result<Arc<Account>, Fault> {
    let account = core.accounts.by_name(name).ok_or(Fault::Missing("account"))?;
    if account.config.suspended {
        return Err(Fault::Conflict("the account is suspended".to_owned()));
    }
    Ok(Arc::clone(account))
}

/// The same plan for the same recipient, as a new message of the same account and dialect, not yet
/// stored. The caller's own id stays with the first message; schedule and expiry are not repeated.
/// `trace` is the trace of whoever asks for it.
///
/// # Errors
/// If the account may not send, or the desk cannot take it now.
pub async fn prepare_again(
    core: &Core,
    record: &Record,
    trace: Option<TraceParent>,
) -> Result<Prepared, Fault> {
    let account = sending_account(core, &record.message.account)?;
    let mut submission = same(record);
    submission.brief.trace = trace;
    Ok(accept::prepare(core, &account, record.message.dialect, submission).await?)
}

/// A submission with the recipient, plan and contents of a message, to leave at once. It keeps
/// the dialect and its memos, so that the caller hears of it as of the first one.
fn same(record: &Record) -> Submission {
    let message = &record.message;
    let steps = message.plan().steps();
    let last = steps.len().saturating_sub(1);
    let steps = steps.iter().enumerate().map(|(index, step)| again(step, index == last)).collect();
    let brief = Brief { send_at: None, expires_at: None, trace: None, ..message.brief().clone() };
    let draft =
        Draft { recipient: message.recipient.clone(), memo: message.memo.clone(), ..Draft::default() };
    Submission {
        bulk: brief.bulk.clone(),
        brief,
        plan: PlanSource::Steps { steps, extend: None },
        recipients: vec![draft],
    }
}

fn again(step: &Step, last: bool) -> StepDraft {
    let mut draft = match &step.body {
        Body::Ready(content) => StepDraft::new(step.channel, content.clone()),
        Body::Void(cause) => StepDraft::void(step.channel, *cause),
    };
    draft.sender.clone_from(&step.sender);
    draft.patience = Some(if last { step.validity } else { step.patience });
    draft.extras = step.extras.clone();
    draft
}
