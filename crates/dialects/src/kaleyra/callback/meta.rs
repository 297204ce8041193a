//! Callbacks of version 2: Meta's status object in an envelope, or the reason for not sending.

use model::{Message, StepReport};

use super::{News, flat, profile};
use crate::{
    Callback,
    kaleyra::{
        ids,
        settings::Settings,
        status::{self, Standing},
        wire::{
            ErrorData, ExtraInfo, MetaError, MetaObject, MetaStatus, Metadata, NotSentCallback,
            StatusCallback, StatusValue, recipient,
        },
    },
    support,
};

pub(super) fn callback(news: &News<'_>, settings: &Settings) -> Option<Callback> {
    let profile = settings.profile(news.memo.profile.as_deref())?;
    Some(profile::callback(&profile, &flat::variables(news), Some(payload(news, settings))))
}

fn payload(news: &News<'_>, settings: &Settings) -> Vec<u8> {
    match news.standing {
        Standing::NotSent(cause) => {
            let status::NotSent { code, reason } = status::not_sent(cause);
            support::json_bytes(&NotSentCallback {
                code,
                status: news.standing.whatsapp(),
                reason,
                message_id: ids::in_batch(&news.report.message),
                extra_info: extra_info(news, settings, false),
            })
        }
        Standing::Accepted | Standing::Sent | Standing::Delivered | Standing::Read | Standing::Failed(_) => {
            support::json_bytes(&status_callback(news, settings))
        }
    }
}

fn status_callback(news: &News<'_>, settings: &Settings) -> StatusCallback {
    let value = StatusValue {
        messaging_product: "whatsapp",
        metadata: metadata(news.sender(), settings),
        statuses: vec![meta_status(news)],
    };
    StatusCallback {
        meta_object: MetaObject { value, field: "messages" },
        extra_info: extra_info(news, settings, true),
        status: news.standing.whatsapp(),
        message_id: ids::in_batch(&news.report.message),
    }
}

/// Our side of the conversation.
pub(super) fn metadata(display_phone_number: String, settings: &Settings) -> Metadata {
    let phone_number_id = settings.phone_number_ids.get(&display_phone_number).cloned().unwrap_or_default();
    Metadata { display_phone_number, phone_number_id }
}

fn meta_status(news: &News<'_>) -> MetaStatus {
    MetaStatus {
        id: news.step.and_then(|step| step.upstream.clone()).unwrap_or_default(),
        status: news.standing.whatsapp(),
        timestamp: news.at().as_secs().to_string(),
        recipient_id: recipient(&news.report.message),
        errors: errors(news.standing, news.step),
    }
}

fn errors(standing: Standing, step: Option<&StepReport>) -> Vec<MetaError> {
    let Standing::Failed(cause) = standing else { return Vec::new() };
    let (code, title) = status::meta_code(cause, step.and_then(|step| step.network.as_ref()));
    let error_data = Some(ErrorData { details: cause.text().to_owned() });
    vec![MetaError { code, message: title.clone(), title, error_data }]
}

fn extra_info(news: &News<'_>, settings: &Settings, traced: bool) -> ExtraInfo {
    let message: &Message = &news.report.message;
    ExtraInfo {
        trace_id: traced.then(|| message.id.uuid()),
        message_id: ids::in_batch(message),
        waba_id: settings.waba_id.clone(),
        refs: news.memo.refs.clone(),
        enable_url_tracking_body: false,
        enable_url_tracking_button: false,
    }
}
