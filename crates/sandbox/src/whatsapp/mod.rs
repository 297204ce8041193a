//! The simulated WhatsApp network: Meta's Cloud API over HTTP.
//!
//! Any version in the path is taken, and none. Parameters may come in the query, as the Graph API
//! allows.

pub(crate) mod error;
pub(crate) mod events;
mod fetch;
mod ids;
mod interactive;
mod media;
pub(crate) mod mime;
mod read;
pub(crate) mod script;
mod send;
mod templates;
#[cfg(test)]
mod tests;
mod webhook;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, Query, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, Method, StatusCode, header};
use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::{
    WhatsappOptions,
    listener::Running,
    network::{Network, Switches},
    number,
    world::{
        World,
        record::{Action, Record, Upload},
        state::State as Memory,
    },
};

use self::{error::GraphError, events::Business, fetch::Fetcher, media::MediaStore, webhook::Webhook};

/// Most bytes of a request other than an upload.
const MAX_BODY: usize = 1 << 20;
/// The version that answers say they are.
const VERSION: &str = "v23.0";

/// The network.
#[derive(Debug)]
pub(crate) struct Graph {
    world: Arc<World>,
    switches: Arc<Switches>,
    options: WhatsappOptions,
    base: String,
    media: MediaStore,
    fetcher: Fetcher,
    pub(crate) webhook: Arc<Webhook>,
}

impl Graph {
    pub(crate) fn new(
        world: Arc<World>,
        switches: Arc<Switches>,
        options: WhatsappOptions,
        base: String,
        folder: Option<PathBuf>,
        running: Running,
    ) -> Result<Self, reqwest::Error> {
        let webhook = Webhook::start(
            Arc::clone(&world),
            Arc::clone(&switches),
            running,
            options.app_secret.clone(),
            options.verify_token.clone(),
        )?;
        let media = MediaStore::new(Arc::clone(&world), folder, options.app_secret.clone());
        Ok(Self { world, switches, options, base, media, fetcher: Fetcher::new()?, webhook })
    }

    /// The person with this number writes to a business. Gives the id of the message; `None` if no
    /// business is known.
    pub(crate) fn reply(&self, number: &str, to: Option<&str>, text: &str) -> Option<String> {
        let written_by = |state: &Memory| {
            state.handset(number).and_then(|handset| handset.written_by(Network::Whatsapp)).map(str::to_owned)
        };
        let business = match to {
            Some(to) => self.business_named(to),
            None => {
                self.world.read(written_by).map_or_else(|| self.first_business(), |id| self.business(&id))
            }
        }?;
        let (id, now, wamid) = (self.world.fresh_id(), self.world.clock.now(), ids::inbound(number));
        let event = events::text_from(number, business, &wamid, text, now);
        let wrote = Record::Wrote { number: number.to_owned(), at: now };
        self.world.commit(vec![wrote, self.world.job(id, now, 0, Action::Webhook(event))]);
        Some(wamid)
    }

    fn first_business(&self) -> Option<Business> {
        let token = self.options.tokens.iter().find(|token| !token.numbers.is_empty())?;
        Some(token.business(&token.numbers[0]))
    }

    /// The business of a phone number id, which was used before.
    fn business(&self, id: &str) -> Option<Business> {
        let configured = self.options.tokens.iter().find_map(|token| token.find(id));
        let any = || {
            self.options.tokens.iter().find(|token| token.any_number).and_then(|token| token.business_of(id))
        };
        configured.or_else(any)
    }

    /// The business of a number or of a phone number id.
    fn business_named(&self, name: &str) -> Option<Business> {
        let digits = number::digits(name)?;
        let by_number = self.options.tokens.iter().find_map(|token| {
            let number = token
                .numbers
                .iter()
                .find(|number| number::digits(&number.number).as_ref() == Some(&digits))?;
            Some(token.business(number))
        });
        by_number.or_else(|| self.business(&digits))
    }
}

/// The API as a service.
pub(crate) fn service(graph: Arc<Graph>) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(media::MAX_UPLOAD)).with_state(graph)
}

async fn serve(
    State(graph): State<Arc<Graph>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let latency = graph.switches.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    route(&graph, query.0, request).await.unwrap_or_else(IntoResponse::into_response)
}

type Answer = Result<Response, GraphError>;

async fn route(graph: &Arc<Graph>, query: HashMap<String, String>, request: Request) -> Answer {
    let token = graph.authenticate(&request, &query)?;
    let path = request.uri().path().to_owned();
    let mut segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).collect();
    if segments.first().is_some_and(|first| is_version(first)) {
        segments.remove(0);
    }
    let method = request.method().clone();
    match (method.as_str(), segments.as_slice()) {
        ("POST", [id, "messages" | "marketing_messages"]) => {
            let business = known(token, "post", id)?;
            let body = parameters(query, request).await?;
            send::send(graph, business, &body).await
        }
        ("POST", [id, "media"]) => {
            let business = known(token, "post", id)?;
            graph.media.upload(&business.id, &query, request).await
        }
        ("GET", ["lookaside", id]) => Ok(graph.media.download(id, &query).await),
        ("GET", [_, "message_templates"]) => Ok(ok(&templates::list(query.get("name").map(String::as_str)))),
        ("GET", [_, "phone_numbers"]) => Ok(ok(&phone_numbers(token))),
        ("POST", [_, "subscribed_apps"]) => subscribe(graph, &parameters(query, request).await?).await,
        ("GET", [_, "subscribed_apps"]) => Ok(ok(&subscribed_apps())),
        ("DELETE", [_, "subscribed_apps"]) => Ok(success()),
        ("POST", [id, "register" | "deregister" | "request_code" | "verify_code"]) => {
            known(token, "post", id)?;
            Ok(success())
        }
        ("GET", [id]) => object(graph, token, id, &query),
        ("POST", [id]) => {
            known(token, "post", id)?;
            let body = parameters(query, request).await?;
            subscribe(graph, read::object(&body, "webhook_configuration")?).await
        }
        ("DELETE", [id]) => {
            let owner = query.get("phone_number_id").map(String::as_str);
            graph.upload_of(token, id, owner).ok_or_else(|| GraphError::no_object("delete", id))?;
            graph.media.remove(id).await;
            Ok(success())
        }
        (_, [id, ..]) => Err(GraphError::no_object(&method_name(&method), id)),
        (_, []) => Err(GraphError::no_object(&method_name(&method), "")),
    }
}

fn method_name(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

/// `v23.0`
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

impl Graph {
    /// An upload that the token may see.
    fn upload_of(&self, token: &crate::Token, id: &str, owner: Option<&str>) -> Option<Upload> {
        self.media.find(id, owner).filter(|upload| token.business_of(&upload.owner).is_some())
    }

    fn authenticate(
        &self,
        request: &Request,
        query: &HashMap<String, String>,
    ) -> Result<&crate::Token, GraphError> {
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth"))
                .then(|| token.trim())
        });
        let token = bearer
            .or_else(|| query.get("access_token").map(String::as_str))
            .ok_or_else(GraphError::no_token)?;
        self.options.tokens.iter().find(|known| known.token == token).ok_or_else(GraphError::bad_token)
    }
}

fn known(token: &crate::Token, method: &str, id: &str) -> Result<Business, GraphError> {
    token.business_of(id).ok_or_else(|| GraphError::no_object(method, id))
}

/// Parameters of the body, JSON or form, and those of the query that the body lacks.
async fn parameters(
    query: HashMap<String, String>,
    request: Request,
) -> Result<Map<String, Value>, GraphError> {
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| mime::essence(value) == "application/x-www-form-urlencoded");
    let body = to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| GraphError::parameter("The request is too large."))?;
    let mut parameters = if body.is_empty() {
        Map::new()
    } else if form {
        form_parameters(&body)
    } else {
        serde_json::from_slice(&body).map_err(|_| GraphError::parameter("The body is not a JSON object."))?
    };
    for (name, value) in query {
        parameters.entry(name).or_insert(Value::String(value));
    }
    Ok(parameters)
}

/// In forms, objects are JSON in a text.
fn form_parameters(body: &[u8]) -> Map<String, Value> {
    let mut url = Url::parse("http://form/").expect("a constant");
    url.set_query(Some(&String::from_utf8_lossy(body).replace('+', "%20")));
    let read = |text: &str| match text.starts_with(['{', '[']) {
        true => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        false => text.into(),
    };
    url.query_pairs().map(|(name, value)| (name.into_owned(), read(&value))).collect()
}

fn phone_numbers(token: &crate::Token) -> Value {
    let data: Vec<Value> =
        token.numbers.iter().map(|number| shown_number(&token.business(number), &number.name)).collect();
    json!({ "data": data })
}

fn shown_number(business: &Business, name: &str) -> Value {
    json!({
        "id": business.id,
        "display_phone_number": business.number,
        "verified_name": name,
        "quality_rating": "GREEN",
        "name_status": "APPROVED",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "status": "CONNECTED",
        "throughput": { "level": "STANDARD" },
        "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
    })
}

fn object(graph: &Graph, token: &crate::Token, id: &str, query: &HashMap<String, String>) -> Answer {
    let owner = query.get("phone_number_id").map(String::as_str);
    if let Some(upload) = graph.upload_of(token, id, owner) {
        return Ok(ok(&json!({
            "messaging_product": "whatsapp",
            "url": graph.media.link(&graph.base, id),
            "mime_type": upload.mime_type,
            "sha256": upload.sha256,
            "file_size": upload.size.to_string(),
            "id": id,
        })));
    }
    if let Some(template) = templates::by_id(id) {
        return Ok(ok(&template));
    }
    let business = known(token, "get", id)?;
    let name = token.numbers.iter().find(|number| number.id == id).map_or("Sandbox", |number| &number.name);
    Ok(ok(&only(shown_number(&business, name), query.get("fields"))))
}

/// The fields that were asked for; the id always.
fn only(object: Value, fields: Option<&String>) -> Value {
    let (Some(fields), Value::Object(mut object)) = (fields, object.clone()) else { return object };
    let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
    object.retain(|name, _| name == "id" || fields.contains(&name.as_str()));
    Value::Object(object)
}

fn subscribed_apps() -> Value {
    json!({ "data": [{ "whatsapp_business_api_data": { "id": "1000000000000000", "name": "Courant sandbox" } }] })
}

/// Subscribes, with an address of its own if one is given.
async fn subscribe(graph: &Graph, body: &Map<String, Value>) -> Answer {
    let Some(address) = read::text(body, "override_callback_uri") else { return Ok(success()) };
    let url = Url::parse(address)
        .map_err(|_| GraphError::parameter("Param override_callback_uri is not a URL."))?;
    let token = read::text(body, "verify_token").unwrap_or_default();
    if graph.webhook.set_verified(url, token).await {
        Ok(success())
    } else {
        Err(GraphError::parameter("The callback URL could not be verified."))
    }
}

fn ok(body: &Value) -> Response {
    answer(StatusCode::OK, body)
}

fn success() -> Response {
    ok(&json!({ "success": true }))
}

/// An answer with the headers that the Graph API sends.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=UTF-8".to_owned()),
        (header::CACHE_CONTROL, "private, no-cache, no-store, must-revalidate".to_owned()),
        (HeaderName::from_static("facebook-api-version"), VERSION.to_owned()),
        (HeaderName::from_static("x-fb-request-id"), ids::random_upper_hex(8)),
        (HeaderName::from_static("x-fb-trace-id"), ids::random_upper_hex(8)),
        (HeaderName::from_static("x-fb-rev"), "1000000000".to_owned()),
    ];
    (status, headers, body.to_string()).into_response()
}
