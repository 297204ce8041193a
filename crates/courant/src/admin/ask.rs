//! Takes a request through: token, scope, parameters, body, idempotency key; then has it done.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use model::{AccountName, Span};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};
use store::Change;

use super::{
    backup, callbacks, chart, events, media, messages, money, openapi,
    operations::{Act, Kind, Method, Operation, Parameter},
    plans,
    problem::Problem,
    routes, scenarios, send,
    tokens::{self, Grant, NewToken},
};
use crate::{
    accounts::Account,
    app::App,
    clock,
    core::Core,
    desk::accept::nobody,
    dispatch::Hold,
    operate::Hand,
    server::{
        body::{self, BodyFault},
        idempotency::Key,
    },
    views::{Moment, Reach, Sight},
};

/// Largest body.
const MAX_BODY: u64 = 1024 * 1024;
/// Entries of a page if the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// An answer that fits into memory.
pub(super) type Whole = http::Response<Bytes>;

/// A request that was let in.
pub(super) struct Ask<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) grant: Grant,
    pub(super) request: http::Request<Bytes>,
    /// Of a POST that has one.
    pub(super) key: Option<Key>,
    path: Vec<(String, String)>,
    query: HashMap<&'static str, String>,
    status: StatusCode,
}

/// Answers one request.
pub(super) async fn answer(
    app: &Arc<App>,
    operation: &'static Operation,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    match exchange(app, operation, parameters, request).await {
        Ok(response) => response,
        Err(problem) => super::reply(&problem),
    }
}

async fn exchange(
    app: &Arc<App>,
    operation: &'static Operation,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let grant = establish(app, operation, request.headers()).await?;
    let path = parameters.map_err(|_| Problem::invalid("the path is not UTF-8"))?;
    let path: Vec<_> = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = query(operation.query, request.uri().query().unwrap_or_default())?;
    // A file is written to disk as it comes.
    let (request, file) = if operation.act == Act::UploadMedia {
        let (head, body) = request.into_parts();
        (http::Request::from_parts(head, Bytes::new()), Some(body))
    } else {
        (with_body(app, operation, request).await?, None)
    };
    let changes = operation.method != Method::Get;
    if changes && app.is_draining() {
        return Err(Problem::overloaded());
    }
    let key = if operation.takes_key() {
        let key = request.headers().get("idempotency-key").map(http::HeaderValue::as_bytes);
        if key.is_some_and(|key| !key.iter().all(|byte| (b' '..=b'~').contains(byte))) {
            return Err(Problem::invalid("Idempotency-Key takes 1 to 255 printable characters"));
        }
        Key::of(&request, &nobody(), &Key::scope_of(&grant.name, &grant.reach.names()))?
    } else {
        None
    };
    let status = StatusCode::from_u16(operation.status).expect("statuses of operations are right");
    let ask = Ask { app, grant, request, key, path, query, status };
    if operation.act == Act::StreamEvents {
        return events::stream(&ask).await;
    }
    if let Some(file) = file {
        return media::upload(&ask, file).await.map(|response| response.map(Body::from));
    }
    if let Some(earlier) = ask.earlier_answer().await? {
        return Ok(earlier.map(Body::from));
    }
    let response = ask.work(operation.act).await?;
    Ok(response.map(Body::from))
}

async fn establish(app: &App, operation: &Operation, headers: &http::HeaderMap) -> Result<Grant, Problem> {
    let Some(scope) = operation.scope else {
        return Ok(Grant { name: "anybody".to_owned(), scopes: Vec::new(), reach: Reach::All });
    };
    let grant = tokens::establish(&app.core, headers).await?;
    grant.require(scope)?;
    if operation.act.concerns_all() {
        grant.require_all()?;
    }
    Ok(grant)
}

async fn with_body(
    app: &App,
    operation: &Operation,
    request: Request,
) -> Result<http::Request<Bytes>, Problem> {
    let (head, body) = request.into_parts();
    if operation.method == Method::Get {
        return Ok(http::Request::from_parts(head, Bytes::new()));
    }
    let timeout = Span::from_millis(app.core.config.server.body_timeout_ms);
    // Who has a token is trusted with the room for a body.
    let bytes = match body::read(body, body::declared(&head.headers), MAX_BODY, timeout, None).await {
        Ok(held) => held.bytes,
        Err(BodyFault::TooLarge) => return Err(Problem::too_large(MAX_BODY)),
        Err(BodyFault::Slow | BodyFault::Broken | BodyFault::NoRoom) => {
            return Err(Problem::invalid("the body did not arrive"));
        }
    };
    if operation.body.is_some() && !is_json(&head) {
        return Err(Problem::wrong_type());
    }
    Ok(http::Request::from_parts(head, bytes))
}

fn is_json(head: &http::request::Parts) -> bool {
    let value = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A body. Whole numbers may be written in any way: to JSON, `1000.0` is one too.
pub(super) fn read_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).or_else(|error| {
        let plain = serde_json::from_slice(bytes).ok().map(with_plain_integers);
        let read = plain.and_then(|value| serde_json::from_value(value).ok());
        read.ok_or_else(|| Problem::invalid(format!("the body cannot be read: {error}")))
    })
}

/// The parameters of a query, checked against the table.
pub(super) fn query(
    known: &'static [Parameter],
    text: &str,
) -> Result<HashMap<&'static str, String>, Problem> {
    let mut values = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
            let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let name: String = name.chars().take(50).collect();
            return Err(Problem::invalid(format!("there is no parameter `{name}`; this path has {names}")));
        };
        check(parameter, &value)?;
        if values.insert(parameter.name, value.into_owned()).is_some() {
            return Err(Problem::invalid(format!("`{}` is given twice", parameter.name)));
        }
    }
    match known.iter().find(|parameter| parameter.required && !values.contains_key(parameter.name)) {
        Some(missing) => Err(Problem::invalid(format!("`{}` is missing", missing.name))),
        None => Ok(values),
    }
}

fn check(parameter: &Parameter, value: &str) -> Result<(), Problem> {
    let (right, expected) = match parameter.kind {
        Kind::Text(most) => {
            (!value.is_empty() && value.chars().count() <= most, format!("1 to {most} characters"))
        }
        Kind::Integer(least, most) => {
            let number =
                value.parse::<i64>().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
            (
                number.is_some_and(|number| (least..=most).contains(&number)),
                format!("a whole number from {least} to {most}"),
            )
        }
        Kind::Flag => (matches!(value, "true" | "false"), "`true` or `false`".to_owned()),
        Kind::Instant => {
            (Moment::parse(value).is_some(), "an instant such as 2026-01-31T08:00:00Z".to_owned())
        }
        Kind::Id => (model::MessageId::parse(value).is_some(), "32 hex digits or a UUID".to_owned()),
        Kind::Cursor => (events::is_cursor(value), "the id of an event, such as 17-1".to_owned()),
        Kind::Upload => (::media::library::MediaId::parse(value).is_some(), "the id of an upload".to_owned()),
        Kind::OneOf(words) => (words().contains(&value), format!("one of {}", words().join(", "))),
    };
    if right { Ok(()) } else { Err(Problem::invalid(format!("`{}` takes {expected}", parameter.name))) }
}

impl Ask<'_> {
    pub(super) fn core(&self) -> &Arc<Core> {
        &self.app.core
    }

    /// Whose hand it is, for the log of actions.
    pub(super) fn hand(&self) -> Hand<'_> {
        Hand::Token(&self.grant.name)
    }

    pub(super) fn sight(&self) -> Sight {
        self.grant.sight()
    }

    /// Whose things may be seen and touched.
    pub(super) fn reach(&self) -> &Reach {
        &self.grant.reach
    }

    /// An account by its name; one out of reach does not exist.
    pub(super) fn account(&self, name: &str) -> Result<Arc<Account>, Problem> {
        let account = self.core().accounts.by_name(&AccountName::from(name)).map(Arc::clone);
        let account = account.filter(|account| self.reach().covers(&account.name));
        account.ok_or_else(|| {
            Problem::missing("there is no account of this name; `courant accounts` lists them")
        })
    }

    /// The account whose name is in the path.
    pub(super) fn path_account(&self) -> Result<Arc<Account>, Problem> {
        self.account(self.path("name"))
    }

    /// A parameter of the path.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A parameter of the query.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A numeric parameter of the query; it was checked.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// How many entries a page has.
    pub(super) fn limit(&self) -> usize {
        self.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT)
    }

    /// The body.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read_body(self.request.body())
    }

    /// An answer in JSON with the operation's status of success.
    pub(super) fn json(&self, answer: &impl Serialize) -> Whole {
        let json = serde_json::to_vec(answer).expect("our own types serialise");
        let mut response = http::Response::new(Bytes::from(json));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// An answer without a body, with the operation's status of success.
    pub(super) fn nothing(&self) -> Whole {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = self.status;
        response
    }

    async fn earlier_answer(&self) -> Result<Option<Whole>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        let (account, kind, name) = key.place();
        let known = self.core().store.recall(account, kind, name).await?;
        let known = known.filter(|known| known.until > clock::now());
        Ok(known.map(|known| key.replay(&known)).transpose()?)
    }

    /// Remembers the answer under the request's key, so that the same request again gets it.
    async fn remembered(&self, response: Whole) -> Result<Whole, Problem> {
        if let Some(key) = &self.key {
            let remember = Change::Remember(key.remember(&response, clock::now()));
            self.core().store.commit(vec![remember]).await?;
        }
        Ok(response)
    }

    async fn work(&self, act: Act) -> Result<Whole, Problem> {
        match act {
            Act::OpenApi => Ok(self.json(openapi::document())),
            Act::Overview => Ok(self.json(&crate::views::overview(self.core(), self.reach()).await?)),
            Act::ListMessages => messages::list(self).await,
            Act::FindMessages => messages::find(self).await,
            Act::ReadMessage => messages::read(self).await,
            Act::ReadHistory => messages::history(self).await,
            // These two store the answer in the commit of the message itself.
            Act::Send => send::send(self).await,
            Act::Resend => send::resend(self).await,
            Act::Cancel => self.remembered(messages::cancel(self).await?).await,
            Act::ListCallbacks => callbacks::list(self).await,
            Act::ReplayCallbacks => self.remembered(callbacks::replay(self).await?).await,
            Act::ListRoutes => routes::list(self).await,
            Act::PauseRoute => self.remembered(routes::hold_route(self, Hold::Paused).await?).await,
            Act::ResumeRoute => self.remembered(routes::hold_route(self, Hold::Open).await?).await,
            Act::DrainRoute => self.remembered(routes::hold_route(self, Hold::Draining).await?).await,
            Act::ListSenders => routes::list_senders(self).await,
            Act::PauseSender => self.remembered(routes::hold_sender(self, Hold::Paused).await?).await,
            Act::ResumeSender => self.remembered(routes::hold_sender(self, Hold::Open).await?).await,
            Act::DrainSender => self.remembered(routes::hold_sender(self, Hold::Draining).await?).await,
            Act::ListAccounts => routes::list_accounts(self).await,
            Act::ReadAccount => routes::read_account(self).await,
            Act::ReadStats => Ok(self.json(&chart::chart(
                self.core(),
                self.number("minutes").unwrap_or(60),
                self.text("account"),
                self.reach(),
            ))),
            Act::ReadPlans => plans::read(self),
            Act::WritePlans => self.remembered(plans::write(self).await?).await,
            Act::ResetPlans => plans::reset(self).await,
            Act::ListScenarios => scenarios::list(self).await,
            Act::ReadScenario => scenarios::read(self).await,
            Act::CreateScenario => self.remembered(scenarios::create(self).await?).await,
            Act::ReplaceScenario => self.remembered(scenarios::replace(self).await?).await,
            Act::RemoveScenario => scenarios::remove(self).await,
            Act::CheckPlans => plans::check(self),
            Act::ReadBalance => money::balance(self).await,
            Act::ReadLedger => money::ledger(self).await,
            Act::TopUp => self.remembered(money::put_in(self).await?).await,
            Act::ListMedia => media::list(self),
            Act::ReadMedia => media::read(self),
            Act::RemoveMedia => media::remove(self).await,
            // These have answers or bodies that do not fit into memory.
            Act::StreamEvents | Act::UploadMedia => Err(Problem::internal()),
            Act::ListTokens => {
                Ok(self.json(&messages::Page::all(tokens::list(self.core(), self.reach()).await?)))
            }
            Act::CreateToken => {
                let new: NewToken = self.body()?;
                if !self.reach().includes(&Reach::of(&new.accounts)) {
                    return Err(self.grant.too_far());
                }
                Ok(self.json(&tokens::create(self.core(), self.hand(), new).await?))
            }
            Act::RevokeToken => {
                tokens::revoke(self.core(), self.hand(), self.path("id"), self.reach()).await?;
                Ok(self.nothing())
            }
            Act::Backup => self.remembered(backup::write(self).await?).await,
        }
    }
}

/// The same value with every whole number written without a fraction.
fn with_plain_integers(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(plain_integer(&number).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(with_plain_integers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, with_plain_integers(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

/// `None` if it is none, or is too large for a float to name it exactly.
fn plain_integer(number: &Number) -> Option<Number> {
    let exact = |float: &f64| float.fract() == 0.0 && float.abs() < 9e15;
    number.as_f64().filter(|float| number.is_f64() && exact(float)).map(|float| Number::from(float as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::with_plain_integers;

    #[test]
    fn whole_numbers_lose_their_fraction_and_others_stay() {
        let written = json!({ "a": [1000.0, -2.0, 1.5, 1e300, 7, "1.0", null], "b": { "c": 0.0 } });
        let plain = json!({ "a": [1000, -2, 1.5, 1e300, 7, "1.0", null], "b": { "c": 0 } });
        assert_eq!(with_plain_integers(written), plain);
    }
}
