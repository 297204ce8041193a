//! The end of a fallback flow.

use std::collections::BTreeMap;

use model::{Channel, Message, StepReport, call::MessageReport, report::Occasion};

use super::profile;
use crate::{
    Callback,
    kaleyra::{
        ids,
        settings::{Method, Profile, Settings},
        status::Standing,
        wire::{FlowCallback, FlowChannel, Kind, Memo, recipient},
    },
    support,
};

/// Kaleyra: told once, when the run is complete.
pub(super) fn ended(
    report: &MessageReport,
    occasion: &Occasion,
    memo: &Memo,
    settings: &Settings,
) -> Option<Callback> {
    if !occasion.settles {
        return None;
    }
    let flow = memo.flow.as_ref().and_then(|id| settings.flows.get(id));
    let profile = settings.profile(flow.and_then(|flow| flow.callback_profile.as_deref()))?;
    let payload = support::json_bytes(&body(report, memo));
    // Kaleyra: by POST, and the body of such a profile is a mere placeholder for the event.
    let profile = Profile { method: Method::Post, body: None, ..profile.into_owned() };
    Some(profile::callback(&profile, &Vec::new(), Some(payload)))
}

fn body(report: &MessageReport, memo: &Memo) -> FlowCallback {
    let message = &report.message;
    let channels = report.report.steps.iter().map(|step| (format!("channel{}", step.index + 1), step));
    let result: BTreeMap<String, FlowChannel> =
        channels.map(|(name, step)| (name, channel(message, step, memo))).collect();
    FlowCallback {
        workflow_invocation_id: ids::run(message.batch),
        execution_status: "COMPLETED",
        timestamp: support::rfc3339_millis(report.report.updated_at),
        result,
    }
}

fn channel(message: &Message, step: &StepReport, memo: &Memo) -> FlowChannel {
    let standing = Standing::of_step(step);
    let patience = message.plan().step(step.index).map(|step| step.patience.as_secs());
    FlowChannel {
        created_at: support::rfc3339_millis(step.begun_at),
        from: step.sender.clone().unwrap_or_default(),
        to: recipient(message),
        message_id: step.upstream.clone().unwrap_or_else(|| ids::campaign(message.id, Kind::Flow)),
        client_message_id: memo.request_id.clone().unwrap_or_default(),
        channel: if step.channel == Channel::Whatsapp { "whatsapp" } else { "sms" },
        status_code: standing.flow(),
        timeout: patience.filter(|_| standing.flow() == "TIMEOUT").map(|seconds| format!("PT{seconds}S")),
    }
}
