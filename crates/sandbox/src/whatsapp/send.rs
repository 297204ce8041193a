//! Takes messages.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::{
    behaviour::Behaviour,
    clock::Millis,
    network::Network,
    world::record::{Action, Entry, Job, Media, Record, Shown},
};

use super::{
    Answer, Graph,
    error::GraphError,
    events::Business,
    fetch::Found,
    ids, ok,
    read::{self, Request, Send, Source},
    script::{self, Answering, Fetch, Outbound},
    success,
};

/// How long a request that is never answered is held open, if the client waits that long.
const NEVER: Duration = Duration::from_secs(600);

/// Answers a request to `/{phone number id}/messages`.
pub(crate) async fn send(graph: &Arc<Graph>, business: Business, body: &Map<String, Value>) -> Answer {
    let send = match read::read(body)? {
        Request::Read => return Ok(success()),
        Request::Send(send) => *send,
    };
    if business.number == send.number {
        return Err(GraphError::same_number());
    }
    if !graph.switches.admit() {
        return Err(GraphError::throttled());
    }
    let (file, wrong_file) = file_of(graph, &business, &send)?;
    let (answering, wamid) = accept(graph, &business, &send, file, wrong_file)?;
    match answering {
        Answering::Never => {
            tokio::time::sleep(NEVER).await;
            Err(GraphError::server())
        }
        Answering::After(ms) => {
            tokio::time::sleep(graph.world.clock.delay(ms)).await;
            Ok(accepted(&send, &wamid))
        }
    }
}

fn accepted(send: &Send, wamid: &str) -> Response {
    let contact = if send.by_user_id {
        json!({ "input": send.input, "user_id": send.input })
    } else {
        json!({ "input": send.input, "wa_id": send.number })
    };
    let mut message = json!({ "id": wamid });
    if send.template {
        message["message_status"] = "accepted".into();
    }
    ok(&json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] }))
}

/// The file as the handset will show it, and what is wrong with it.
type File = (Option<Media>, Option<GraphError>);

fn file_of(graph: &Graph, business: &Business, send: &Send) -> Result<File, GraphError> {
    let Some(media) = &send.shown.media else { return Ok((None, None)) };
    let blank = Media {
        url: None,
        mime_type: None,
        size: None,
        filename: media.filename.clone(),
        caption: media.caption.clone(),
        unverified: false,
    };
    match &media.source {
        Source::Link(link) => Ok((Some(Media { url: Some(link.clone()), ..blank }), None)),
        Source::Id(id) => {
            let upload = graph
                .media
                .find(id, Some(&business.id))
                .ok_or_else(|| GraphError::value(format!("There is no media with the id {id}.")))?;
            let unfit = !media.kind.takes(&upload.mime_type) || upload.size > media.kind.limit();
            let error = unfit.then(|| {
                GraphError::media(format!(
                    "Unsupported media type {:?} for this kind of message.",
                    upload.mime_type
                ))
            });
            let url = Some(format!("{}/{id}", graph.base));
            Ok((
                Some(Media { url, mime_type: Some(upload.mime_type), size: Some(upload.size), ..blank }),
                error,
            ))
        }
    }
}

/// Records the message and what will become of it, or refuses it.
fn accept(
    graph: &Graph,
    business: &Business,
    send: &Send,
    file: Option<Media>,
    wrong_file: Option<GraphError>,
) -> Result<(Answering, String), GraphError> {
    let (world, number) = (&graph.world, &send.number);
    world.change(|state| {
        let now = world.clock.now();
        let tries = state.handset(number).map_or(0, |handset| handset.tries(Network::Whatsapp));
        let window_open = state.handset(number).is_some_and(|handset| handset.window_open(now));
        let behaviour = state.behaviour(number);
        let mut records = vec![Record::Tried { number: number.clone(), network: Network::Whatsapp }];
        if let Some(error) = script::refusal(behaviour, tries) {
            return (records, Err(error));
        }
        let answering = script::answering(behaviour, tries);
        let outbound = outbound(business, send, file, behaviour, now);
        let wamid = outbound.entry.network_id.clone();
        let from = starts(graph, answering, now);
        records.push(Record::WrittenTo {
            number: number.clone(),
            network: Network::Whatsapp,
            business: business.id.clone(),
        });
        let id = world.fresh_id();
        let failure = script::failure(&outbound, window_open).or(wrong_file);
        records.extend(match (failure, link_of(send)) {
            (Some(error), _) => script::fail(world, id, &outbound, &error, from),
            (None, Some((kind, link))) => {
                vec![world.job(id, from, 0, Action::Fetch(Box::new(Fetch { outbound, kind, link })))]
            }
            (None, None) => script::arrive(world, id, &outbound, from),
        });
        (records, Ok((answering, wamid)))
    })
}

fn outbound(
    business: &Business,
    send: &Send,
    file: Option<Media>,
    behaviour: Behaviour,
    now: Millis,
) -> Outbound {
    let entry = Entry {
        channel: Network::Whatsapp,
        network_id: ids::outbound(&send.number),
        from: business.number.clone(),
        kind: send.kind.clone(),
        text: send.shown.text.clone(),
        media: file,
        at: now,
        state: Shown::Delivered,
    };
    Outbound {
        business: business.clone(),
        number: send.number.clone(),
        user_id: send.by_user_id.then(|| send.input.clone()),
        opaque: send.opaque.clone(),
        category: send.shown.category.clone().unwrap_or_else(|| "service".to_owned()),
        conversation: ids::random_upper_hex(16).to_lowercase(),
        free_form: !send.template,
        entry,
        behaviour,
    }
}

/// When the message goes on its way: when it is answered, or at once if the answer stays out.
fn starts(graph: &Graph, answering: Answering, now: Millis) -> Millis {
    match answering {
        Answering::After(ms) => now + graph.world.clock.span(ms),
        Answering::Never => now,
    }
}

fn link_of(send: &Send) -> Option<(super::mime::MediaKind, String)> {
    let media = send.shown.media.as_ref()?;
    match &media.source {
        Source::Link(link) => Some((media.kind, link.clone())),
        Source::Id(_) => None,
    }
}

impl Graph {
    /// Fetches a link, and lets the message go on or fail.
    pub(crate) async fn fetch(&self, job: &Job, fetch: &Fetch) {
        let found = self.fetcher.fetch(&fetch.link, fetch.kind).await;
        let now = self.world.clock.now();
        let mut outbound = fetch.outbound.clone();
        let mut records = vec![Record::Done { job: job.id, at: now }];
        records.extend(match found {
            Ok(found) => {
                describe(&mut outbound.entry, found);
                script::arrive(&self.world, job.message, &outbound, job.due.max(now))
            }
            Err(error) => script::fail(&self.world, job.message, &outbound, &error, now),
        });
        self.world.commit(records);
    }
}

fn describe(entry: &mut Entry, found: Found) {
    let Some(media) = &mut entry.media else { return };
    match found {
        Found::File { mime, size } => {
            media.mime_type = Some(mime);
            media.size = Some(size);
        }
        Found::Unverified => media.unverified = true,
    }
}
