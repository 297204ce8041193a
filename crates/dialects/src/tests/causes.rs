//! Every cause, in every dialect, for every request that a transcript shows.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{
    Answer, BatchId, Call, Cause, Channel, Content, MessageId, Plan, Report, Span, Status, Step, StepReport,
    Submission,
    call::MessageReport,
    content::Text,
    message::{Body, Draft, Extras, Message, PlanSource, Shared, StepDraft, Until},
    report::Occasion,
};

use super::settings;
use crate::{
    Dialect, Settings,
    testkit::{NOW, account, context, recorded_requests},
};

/// The submissions of a dialect's transcripts, with the name and the request of each.
fn submissions(dialect: &dyn Dialect, settings: &Settings) -> Vec<(String, Submission)> {
    let recorded = recorded_requests(dialect.name()).into_iter();
    let read = recorded.filter_map(|(name, request)| match dialect.read(&request, &context(settings, "p")) {
        Ok(Call::Submit(submission)) => Some((name, *submission)),
        Ok(_) | Err(_) => None,
    });
    read.collect()
}

fn step(draft: StepDraft) -> Step {
    Step {
        channel: draft.channel,
        sender: draft.sender,
        body: draft.body,
        patience: Span::from_secs(5),
        validity: Span::from_hours(24),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: draft.extras,
    }
}

fn text_by(channel: Channel) -> Step {
    Step {
        channel,
        sender: None,
        body: Body::Ready(Content::Text(Text::new("Hi"))),
        patience: Span::from_secs(5),
        validity: Span::from_hours(24),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras::default(),
    }
}

/// The plan of a submission; for a stored scenario, one of ours.
fn plan(source: &PlanSource) -> Plan {
    let steps = match source {
        PlanSource::Steps { steps, .. } => steps.iter().cloned().map(step).collect(),
        PlanSource::Scenario { .. } => vec![text_by(Channel::Whatsapp), text_by(Channel::Sms)],
    };
    Plan::new(steps).expect("what dialects read has steps")
}

fn message(dialect: &dyn Dialect, submission: &Submission, draft: &Draft) -> Arc<Message> {
    let shared = Shared { brief: submission.brief.clone(), plan: plan(&submission.plan) };
    Arc::new(Message {
        id: MessageId::new(NOW, 1),
        account: account(),
        dialect: dialect.name(),
        batch: BatchId::new(NOW, 0xBA7C),
        position: 0,
        batch_size: 1,
        recipient: draft.recipient.clone(),
        client_ref: draft.client_ref.clone(),
        memo: draft.memo.clone(),
        accepted_at: NOW,
        shared: Arc::new(shared),
    })
}

fn failed_step(step: &Step, cause: Cause) -> StepReport {
    StepReport {
        index: 0,
        channel: step.channel,
        sender: step.sender.clone(),
        status: Status::Failed(cause),
        given_up: None,
        network: None,
        upstream: None,
        attempts: 1,
        parts: 1,
        begun_at: NOW,
        submitted_at: Some(NOW),
        delivered_at: None,
        read_at: None,
        updated_at: NOW,
    }
}

/// The message after its first step failed; without steps if it failed before any began.
fn failed(message: &Arc<Message>, cause: Cause, begun: bool) -> MessageReport {
    let step = failed_step(&message.plan().steps()[0], cause);
    let report = Report {
        status: Status::Failed(cause),
        settled: true,
        updated_at: NOW,
        deciding_step: 0,
        steps: if begun { vec![step] } else { Vec::new() },
    };
    MessageReport { message: Arc::clone(message), report, price: None, mcc_mnc: None }
}

/// Where each dialect is asked for the state of a message; Messangi only pushes it.
const QUESTIONS: [(&str, &str); 9] = [
    ("telesign", "/v1/omnichannel/01A1FCC3B3DB00000000000000000001"),
    ("telesign", "/v1/messaging/01A1FCC3B3DB00000000000000000001"),
    ("infobip", "/omni/1/reports"),
    ("infobip", "/omni/1/logs"),
    ("kaleyra", "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/messages/A03H9UQXLGHW5ME246IFJJWJNG"),
    ("kaleyra", "/v1/HXAP16XXXXXX97IN/messages/status?message_ids=01a1fae0-e11b-0000-0000-000000000001:1"),
    ("kaleyra", "/v1/HXAP16XXXXXX97IN/sms/status?message_ids=01a1fae0-e11b-0000-0000-000000000001:1"),
    ("webex_connect", "/v2/messages/01a1fcc3-b3db-0000-0000-000000000001"),
    ("webex_connect", "/v2/messages/01A1FCC3B3DB00000000000000000001"),
];

/// The desk's answer to a question about a message.
fn answer(call: &Call, report: &MessageReport) -> Answer {
    match call {
        Call::Status(_) => Answer::Status(Box::new(report.clone())),
        Call::TakeReports(_) => Answer::Reports(vec![report.clone()]),
        Call::ReadLogs(_) => Answer::Logs(vec![report.clone()]),
        other => panic!("not a question about messages: {other:?}"),
    }
}

fn asked(path: &str) -> Request<Bytes> {
    let request = Request::get(path).header("authorization", "Basic bWU6aHVudGVyMg==");
    request.body(Bytes::new()).expect("a request")
}

fn push(dialect: &dyn Dialect, report: &MessageReport, cause: Cause, settings: &Settings) {
    for (settles, late) in [(true, false), (false, false), (false, true)] {
        let occasion = Occasion { step: 0, status: Status::Failed(cause), settles, late };
        for callback in dialect.callback(report, &occasion, &context(settings, "p")) {
            assert!(callback.url.starts_with("http"), "{}", callback.url);
        }
    }
}

fn tell(dialect: &dyn Dialect, report: &MessageReport, settings: &Settings) {
    let context = context(settings, "p");
    for (_, path) in QUESTIONS.iter().filter(|(name, _)| *name == dialect.name()) {
        let request = asked(path);
        let call = dialect.read(&request, &context).unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"));
        let response = dialect.write(&request, &call, &answer(&call, report), &context);
        assert!(response.status().as_u16() < 500, "{path} {}", response.status());
        serde_json::from_slice::<serde_json::Value>(response.body()).expect("JSON");
    }
}

#[test]
fn every_cause_is_told_of_every_message_that_transcripts_send() {
    let settings = settings();
    for (name, dialect) in super::all() {
        let submissions = submissions(dialect, &settings);
        assert!(submissions.len() > 5, "{name} has transcripts that send");
        for (_, submission) in &submissions {
            let message = message(dialect, submission, &submission.recipients[0]);
            for cause in Cause::ALL {
                for begun in [true, false] {
                    let report = failed(&message, *cause, begun);
                    push(dialect, &report, *cause, &settings);
                    tell(dialect, &report, &settings);
                }
            }
        }
    }
}

/// One plain transcript of each dialect, whose end is pushed.
const PLAIN: [(&str, &str); 5] = [
    ("telesign", "send_sample"),
    ("infobip", "sample_send_text"),
    ("kaleyra", "send_location"),
    ("webex_connect", "sms"),
    ("messangi", "sms"),
];

#[test]
fn the_end_of_a_failed_message_is_pushed_with_a_body_whatever_the_cause() {
    let settings = settings();
    for (name, transcript) in PLAIN {
        let dialect = crate::by_name(name).expect("a dialect");
        let submissions = submissions(dialect, &settings);
        let (_, submission) =
            submissions.iter().find(|(name, ..)| name == transcript).expect("the transcript sends");
        let message = message(dialect, submission, &submission.recipients[0]);
        for cause in Cause::ALL {
            let occasion = Occasion { step: 0, status: Status::Failed(*cause), settles: true, late: false };
            let report = failed(&message, *cause, true);
            let callbacks = dialect.callback(&report, &occasion, &context(&settings, "p"));
            assert!(!callbacks.is_empty(), "{name} {cause}");
            assert!(callbacks.iter().all(|callback| !callback.body.is_empty()), "{name} {cause}");
        }
    }
}
