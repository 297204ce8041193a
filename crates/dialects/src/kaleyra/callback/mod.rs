//! Reports and people's messages as callbacks.
//!
//! Pushed are the rungs sent, delivered and read, and the end of a message. That a step failed is
//! not told while another follows. A run of a flow is told once, when it is over.

mod flat;
mod flow;
mod inbound;
mod meta;
mod profile;

use model::{Inbound, Span, Status, StepReport, call::MessageReport, report::Occasion};

use super::{
    settings::Settings,
    status::Standing,
    wire::{Kind, Memo},
};
use crate::{
    Callback, Context, RetryPolicy, Success,
    occasions::{changed_step, is_first_sign_of_reading},
};

/// Kaleyra: its sample of a retry policy has three tries, ten seconds apart. Any 2xx confirms.
pub(super) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        timeout: Span::from_secs(10),
        delays: vec![Span::from_secs(10); 3],
        success: Success::TwoHundreds,
        final_statuses: Vec::new(),
    }
}

/// A change of a message, as it is told.
pub(super) struct News<'a> {
    pub(super) report: &'a MessageReport,
    pub(super) memo: &'a Memo,
    /// Where the message stands now.
    pub(super) standing: Standing,
    /// The step that changed, if any step has begun.
    pub(super) step: Option<&'a StepReport>,
}

/// The callback for a change of a message, if it is told and there is somebody to tell.
pub(super) fn report(report: &MessageReport, occasion: &Occasion, settings: &Settings) -> Option<Callback> {
    let memo = Memo::of(&report.message);
    let step = changed_step(report, occasion);
    match memo.kind {
        Kind::Flow => flow::ended(report, occasion, &memo, settings),
        Kind::Whatsapp | Kind::FormWhatsapp | Kind::Sms => {
            if !is_told(occasion, step) {
                return None;
            }
            let news = News { report, memo: &memo, standing: standing(report, occasion), step };
            match memo.kind {
                Kind::Whatsapp => meta::callback(&news, settings),
                Kind::FormWhatsapp | Kind::Sms | Kind::Flow => flat::callback(&news, settings),
            }
        }
    }
}

fn is_told(occasion: &Occasion, step: Option<&StepReport>) -> bool {
    if occasion.settles || occasion.late {
        return true;
    }
    match occasion.status {
        Status::Sent | Status::Delivered | Status::Read => true,
        // Kaleyra knows no playing. It is told as reading, unless that was told before.
        Status::Played => step.is_some_and(is_first_sign_of_reading),
        Status::Waiting | Status::Accepted | Status::Submitted | Status::Failed(_) => false,
    }
}

fn standing(report: &MessageReport, occasion: &Occasion) -> Standing {
    if occasion.settles { Standing::of(&report.report) } else { Standing::new(occasion.status, true) }
}

impl News<'_> {
    /// When it happened.
    fn at(&self) -> model::Time {
        self.step.map_or(self.report.report.updated_at, |step| step.updated_at)
    }

    /// The sender, as far as it is known.
    fn sender(&self) -> String {
        let planned = || self.report.message.plan().steps().first().and_then(|step| step.sender.clone());
        self.step.and_then(|step| step.sender.clone()).or_else(planned).unwrap_or_default()
    }

    /// Code and text of a failure.
    fn fault(&self) -> Option<(String, String)> {
        self.standing.fault(self.step.and_then(|step| step.network.as_ref()))
    }
}

/// The callback for a message from a person, if the account wants it.
pub(super) fn inbound(inbound: &Inbound, context: &Context<'_>, settings: &Settings) -> Option<Callback> {
    let profile = settings.profile_of_inbound()?;
    inbound::callback(inbound, context, settings, &profile)
}
