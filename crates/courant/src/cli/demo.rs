//! `courant demo`: the sandbox, one sample message through each API, and what happens to them.

use std::{collections::BTreeMap, net::SocketAddr};

use http::header;
use model::{MessageId, Span, Status, Time};
use store::{HistoryEntry, Record, Search};

use super::{StopSignal, sandbox::RunningSandbox};
use crate::{clock, core::Core, views::words};

/// Longest wait for all samples to come to their end.
const PATIENCE: Span = Span::from_secs(30);
/// How often the timeline is looked at.
const GLANCE: Span = Span::from_millis(40);

/// A request as its vendor prints it.
struct Sample {
    /// Whose API.
    title: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// `{sandbox}` stands for the address of this sandbox.
    body: &'static str,
    /// What it shows.
    shows: &'static str,
}

const SAMPLES: &[Sample] = &[
    Sample {
        title: "Telesign",
        method: "POST",
        path: "/v1/omnichannel",
        headers: &[(
            "authorization",
            "Basic 12345678-9ABC-DEF0-1234-56789ABCDEF0:vjE/ZDfPvDkuGNsuqCFFO4neYIs=",
        )],
        body: r#"{"channels":[{"channel":"whatsapp","fallback_time":600},{"channel":"sms"}],
"phone_number":"15558675309","message_type":"MKT","callback_url":"{sandbox}/sandbox/bin/demo",
"message":{"whatsapp":{"template":"image","parameters":{"url":"{sandbox}/sandbox/media/sample.jpg"}},
"sms":{"template":"text","parameters":{"text":"Buy one get one free! Use code 'BOGO' at checkout on viatushop.com."}}}}"#,
        shows: "WhatsApp stays silent for 600 ms, the SMS delivers",
    },
    Sample {
        title: "Infobip OMNI",
        method: "POST",
        path: "/omni/1/advanced",
        headers: &[("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")],
        body: r#"{"scenarioKey":"CC9F01A5DC7BEE2C2B829D203482A654",
"destinations":[{"to":{"phoneNumber":"41793020001"}}],
"whatsApp":{"text":"This WhatsApp message will be delivered to WhatsApp application on the user device."},
"sms":{"text":"This is the SMS failover message"}}"#,
        shows: "the number has no WhatsApp, the SMS delivers",
    },
    Sample {
        title: "Webex Connect",
        method: "POST",
        path: "/resources/v1/messaging",
        headers: &[("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002")],
        body: r#"{"deliverychannel":"whatsapp","appid":"a_163939937300040800",
"destination":[{"waid":["447700900123"]}],
"channels":{"OTT-Messaging":{"wa":{"type":"video","video":{"url":"{sandbox}/sandbox/media/sample.mp4","mimeType":"VIDEO/MP4"}}}}}"#,
        shows: "a video is delivered and read on WhatsApp",
    },
    Sample {
        title: "Messangi",
        method: "POST",
        path: "/notification",
        headers: &[("authorization", "Bearer sandbox")],
        body: r#"{"channel":"WHATSAPP","request":{"from":"1000000001","to":"+1000000002",
"message":"{sandbox}/sandbox/media/sample.png","type":"image","caption":"The best coffee in the town!",}}"#,
        shows: "an image whose phone is switched off: it stays with WhatsApp (this vendor has no fallback)",
    },
    Sample {
        title: "Kaleyra",
        method: "POST",
        path: "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages",
        headers: &[("api-key", "A0123456789abcdef0123456789abcdef")],
        body: r#"{"messaging_object":{"messaging_product":"whatsapp","recipient_type":"individual",
"to":"+919845012345","type":"document","document":{"link":"{sandbox}/sandbox/media/sample.pdf","caption":"Invoice"}},
"extra_info":{"ref":"customer1","ref1":"marketing","ref2":"dictionary","wa_source":"api"}}"#,
        shows: "a document is delivered and read on WhatsApp",
    },
];

/// Runs the demo; with `once`, ends when all samples have, and fails if one did not end well.
pub(super) async fn run(listen: SocketAddr, once: bool) -> Result<(), String> {
    let mut stop = StopSignal::listen()?;
    let sandbox = RunningSandbox::start(listen, None, &[]).await?;
    let url = sandbox.gateway.app.url().to_owned();
    println!("ready {url}\n");
    let told = tokio::select! {
        told = play(&sandbox.gateway.app.core, &url) => told,
        () = stop.told() => Ok(()),
    };
    if !once && told.is_ok() {
        println!("\nThe sandbox goes on at {url}; press Ctrl-C to end it.");
        stop.told().await;
    }
    let stopped = sandbox.stop().await;
    told.and(stopped)
}

async fn play(core: &Core, url: &str) -> Result<(), String> {
    let client = reqwest::Client::new();
    let began = clock::now();
    let samples = SAMPLES.iter().filter(|sample| spoken(sample));
    let mut sent = 0;
    for sample in samples {
        send(&client, url, sample).await?;
        sent += 1;
    }
    println!("\nWhat happens (times in seconds since the first request):\n");
    let failed = follow(core, began, sent).await?;
    match failed.as_slice() {
        [] => {
            println!("\nAll {sent} samples ended as they should.");
            Ok(())
        }
        failed => Err(format!("these samples did not end as they should: {}", failed.join(", "))),
    }
}

/// Whether a dialect of this build takes the sample's path.
fn spoken(sample: &Sample) -> bool {
    let segments = dialects::support::segments(sample.path);
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    dialects::ALL.iter().any(|dialect| dialect.claims(&segments))
}

async fn send(client: &reqwest::Client, url: &str, sample: &Sample) -> Result<(), String> {
    println!("{}: {} {}\n  ({})", sample.title, sample.method, sample.path, sample.shows);
    let body = sample.body.replace("{sandbox}", url);
    let mut request =
        client.post(format!("{url}{}", sample.path)).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in sample.headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body).send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    println!("  {status} {text}");
    if status.is_success() { Ok(()) } else { Err(format!("{} refused its sample", sample.title)) }
}

/// Prints each new entry of the histories until all messages have come to their end; the titles
/// of those that did not end well.
async fn follow(core: &Core, began: Time, expected: usize) -> Result<Vec<String>, String> {
    let mut told: BTreeMap<MessageId, usize> = BTreeMap::new();
    loop {
        let search = Search { since: Some(began), ..Search::default() };
        let records = core.store.search(search, None, 100).await.map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        for record in &records {
            let history = core.store.history(record.message.id).await.map_err(|error| error.to_string())?;
            let seen = told.entry(record.message.id).or_default();
            lines.extend(history.iter().skip(*seen).flat_map(|entry| describe(record, entry)));
            *seen = history.len();
        }
        lines.sort_by_key(|(at, _)| *at);
        for (at, line) in lines {
            println!("  {:7.3}  {line}", at.since(began).as_micros() as f64 * 1e-6);
        }
        let ended = records.iter().filter(|record| has_ended(record)).count();
        if ended >= expected {
            return Ok(records
                .iter()
                .filter(|record| !ended_well(record))
                .map(|record| title(record).to_owned())
                .collect());
        }
        if clock::now().since(began) > PATIENCE {
            return Ok(records
                .iter()
                .filter(|record| !has_ended(record))
                .map(|record| title(record).to_owned())
                .collect());
        }
        tokio::time::sleep(GLANCE.to_std()).await;
    }
}

/// Settled; or, for the phone that is switched off, waiting at the network.
fn has_ended(record: &Record) -> bool {
    record.state.is_settled() || (is_silent(record) && record.state.status() == Status::Sent)
}

fn ended_well(record: &Record) -> bool {
    record.state.status().is_delivered() || is_silent(record)
}

fn is_silent(record: &Record) -> bool {
    record.message.recipient.display().ends_with("0002")
}

fn title(record: &Record) -> &'static str {
    record.message.dialect
}

fn describe(record: &Record, entry: &HistoryEntry) -> Vec<(Time, String)> {
    let name = title(record);
    let mut lines = vec![(entry.at, format!("{name:14} {}", words::happening(record, &entry.what)))];
    let decisions = entry.decisions.iter().filter_map(|decision| words::decision(record, decision));
    lines.extend(decisions.map(|words| (entry.at, format!("{:14}   → {words}", ""))));
    lines
}
