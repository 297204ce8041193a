//! The one adapter for all dialects: find the dialect, bound the body, establish who asks, let the
//! dialect read, act, let the dialect write.

use std::{borrow::Cow, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use dialects::{Context, Dialect, Proof, Settings, support};
use http::{HeaderValue, StatusCode, header};
use model::{Answer, Call, Refusal, Span};

use super::{
    body::{self, BodyFault, Held, Room},
    idempotency::Key,
};
use crate::{
    app::App,
    auth::{self, Caller},
    clock,
    core::Core,
    desk::{
        accept::{self, Stored},
        logs, queries,
        scenarios::{self, refuse},
        sessions,
    },
    exchanges,
    mediadesk::LARGE_BODY,
    metrics::Outcome,
};

/// Answers one request of a caller.
pub(super) async fn answer(app: &Arc<App>, request: Request) -> Response {
    let core = &app.core;
    let segments = support::segments(request.uri().path());
    let parts: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let Some(dialect) = dialects::ALL.iter().copied().find(|dialect| dialect.claims(&parts)) else {
        return no_such_api();
    };
    let (response, outcome) = exchange(app, dialect, request).await;
    core.metrics.request(dialect.name(), outcome);
    response.map(Body::from)
}

async fn exchange(
    app: &Arc<App>,
    dialect: &'static dyn Dialect,
    request: Request,
) -> (http::Response<Bytes>, Outcome) {
    let core = &app.core;
    let (head, body) = request.into_parts();
    let limit = dialect.body_limit(&head);
    // Held until the answer is written: large bodies take memory until then.
    let place = if limit > LARGE_BODY { Some(core.media.upload_place().await) } else { None };
    let room = place.is_none().then_some(&core.room);
    let received = match place.as_ref() {
        Some(Err(refusal)) => Err(refusal.clone()),
        Some(Ok(_)) | None => receive(core, &head, body, limit, room).await,
    };
    // As above: its room is free again when the answer is written.
    let (held, fault) = match received {
        Ok(held) => (Some(held), None),
        Err(refusal) => (None, Some(refusal)),
    };
    let unread = fault.is_some();
    let bytes = held.as_ref().map(|held| held.bytes.clone()).unwrap_or_default();
    let mut exchange = Exchange {
        core,
        dialect,
        request: http::Request::from_parts(head, bytes),
        caller: None,
        fresh: clock::message_id(clock::now()),
    };
    let began = clock::now();
    let result = match fault {
        Some(refusal) => Err(refusal),
        None if app.is_draining() => Err(Refusal::Overloaded),
        None => match core.metrics.enter(core.config.server.max_requests) {
            Some(_in_work) => exchange.work().await,
            None => Err(Refusal::Overloaded),
        },
    };
    core.metrics.accept_time(dialect.name(), clock::now().since(began));
    let (mut response, outcome) = match result {
        Ok(response) => (response, Outcome::Answered),
        Err(refusal) => {
            tracing::debug!(dialect = dialect.name(), refusal = %kind_of(&refusal), "refused");
            (exchange.refuse(&refusal), outcome_of(&refusal))
        }
    };
    if unread {
        // The rest of the body was not read: the connection cannot be used again.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    (response, outcome)
}

async fn receive(
    core: &Core,
    head: &http::request::Parts,
    body: Body,
    limit: u64,
    room: Option<&Room>,
) -> Result<Held, Refusal> {
    let declared = body::declared(&head.headers);
    let received = if limit > LARGE_BODY {
        body::read_steadily(body, declared, limit, core.media.pace()).await
    } else {
        let timeout = Span::from_millis(core.config.server.body_timeout_ms);
        body::read(body, declared, limit, timeout, room).await
    };
    received.map_err(|fault| match fault {
        BodyFault::TooLarge => Refusal::TooLarge { limit },
        BodyFault::Slow | BodyFault::Broken => Refusal::malformed("the body did not arrive"),
        BodyFault::NoRoom => Refusal::Overloaded,
    })
}

/// The refusal in words, without those that may quote the request.
fn kind_of(refusal: &Refusal) -> Cow<'static, str> {
    match refusal {
        Refusal::Malformed(_) => "malformed".into(),
        Refusal::MissingField(_) => "a field is missing".into(),
        Refusal::InvalidField { .. } => "a field has a value that is not taken".into(),
        Refusal::TooLarge { .. }
        | Refusal::Unauthenticated(_)
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::TooManyRecipients { .. }
        | Refusal::UnknownSender
        | Refusal::LowBalance
        | Refusal::RateLimited { .. }
        | Refusal::Overloaded
        | Refusal::KeyConflict
        | Refusal::Internal => refusal.to_string().into(),
    }
}

const fn outcome_of(refusal: &Refusal) -> Outcome {
    match refusal {
        Refusal::Unauthenticated(_) | Refusal::Forbidden => Outcome::Unauthenticated,
        Refusal::RateLimited { .. } => Outcome::RateLimited,
        Refusal::Overloaded => Outcome::Overloaded,
        Refusal::Internal => Outcome::Failed,
        Refusal::TooLarge { .. }
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. }
        | Refusal::UnknownSender
        | Refusal::LowBalance
        | Refusal::KeyConflict => Outcome::Refused,
    }
}

struct Exchange<'a> {
    core: &'a Arc<Core>,
    dialect: &'static dyn Dialect,
    request: http::Request<Bytes>,
    caller: Option<Caller>,
    fresh: model::MessageId,
}

impl Exchange<'_> {
    async fn work(&mut self) -> Result<http::Response<Bytes>, Refusal> {
        self.establish_caller().await?;
        let account = self.caller.as_ref().map(|caller| &caller.account.name);
        let core = self.core;
        let place = account.map(|name| core.admission.request(name).ok_or(Refusal::Overloaded));
        let _place = place.transpose()?;
        let call = self.dialect.read(&self.request, &self.context())?;
        match call {
            Call::Submit(_) => self.submit(call).await,
            Call::SignIn { ref user, ref password } => {
                let (caller, token) = sessions::sign_in(self.core, self.dialect, user, password).await?;
                self.caller = Some(caller);
                Ok(self.write(&call, &Answer::SignedIn { token }))
            }
            Call::Status(_)
            | Call::Cancel(_)
            | Call::CreateScenario(_)
            | Call::UpdateScenario(..)
            | Call::ReadScenario(_)
            | Call::ListScenarios(_)
            | Call::TakeReports(_)
            | Call::ReadLogs(_)
            | Call::SignOut
            | Call::Upload(_)
            | Call::Ping => {
                let caller = self.caller.clone().ok_or(Refusal::Forbidden)?;
                let answer = self.act(&caller, &call).await?;
                Ok(self.write(&call, &answer))
            }
        }
    }

    async fn establish_caller(&mut self) -> Result<(), Refusal> {
        let Some(credentials) = self.dialect.credentials(&self.request)? else { return Ok(()) };
        let now = clock::now();
        let caller = match &credentials.proof {
            Proof::Session(token) => sessions::find(self.core, self.dialect, token, now).await?,
            Proof::Plain(_) => auth::check(self.dialect, &credentials, &self.core.accounts)?,
            Proof::Hmac(signed) => {
                let caller = auth::check(self.dialect, &credentials, &self.core.accounts)?;
                let (account, principal) = (&caller.account.name, &caller.principal);
                auth::replay::admit(self.core, account, principal, signed).await?;
                caller
            }
        };
        let admitted = caller.account.admit(now);
        self.caller = Some(caller);
        admitted.map_err(|retry_after| Refusal::RateLimited { retry_after })
    }

    async fn act(&self, caller: &Caller, call: &Call) -> Result<Answer, Refusal> {
        let (core, account, name) = (self.core, &caller.account, self.dialect.name());
        match call {
            Call::Status(reference) => {
                let report = queries::status(core, account, name, reference).await?;
                Ok(Answer::Status(Box::new(report)))
            }
            Call::Cancel(reference) => {
                queries::cancel(core, account, name, reference).await?;
                Ok(Answer::Cancelled)
            }
            Call::CreateScenario(draft) => {
                Ok(Answer::Scenario(scenarios::create(core, account, draft.clone()).await?))
            }
            Call::UpdateScenario(key, draft) => {
                Ok(Answer::Scenario(scenarios::update(core, account, key, draft.clone()).await?))
            }
            Call::ReadScenario(key) => Ok(Answer::Scenario(scenarios::read(core, account, key).await?)),
            Call::ListScenarios(filter) => {
                Ok(Answer::Scenarios(scenarios::list(core, account, filter).await?))
            }
            Call::TakeReports(filter) => {
                Ok(Answer::Reports(queries::take_reports(core, account, name, filter).await?))
            }
            Call::ReadLogs(filter) => Ok(Answer::Logs(logs::logs(core, account, name, filter).await?)),
            Call::SignOut => {
                if let Ok(Some(dialects::Credentials { proof: Proof::Session(token), .. })) =
                    self.dialect.credentials(&self.request)
                {
                    sessions::sign_out(core, &token).await?;
                }
                Ok(Answer::Done)
            }
            Call::Upload(upload) => {
                let (id, url) = core.media.upload(account, upload).await?;
                Ok(Answer::Uploaded { id, url })
            }
            Call::Ping => Ok(Answer::Done),
            Call::Submit(_) | Call::SignIn { .. } => Err(Refusal::Internal),
        }
    }

    /// The answer is worded before the commit, so that an idempotency key can be stored with it.
    async fn submit(&self, mut call: Call) -> Result<http::Response<Bytes>, Refusal> {
        let caller = self.caller.clone().ok_or(Refusal::Forbidden)?;
        let key = Key::of(&self.request, &caller.account.name, self.dialect.name())?;
        if let Some(response) = self.earlier_answer(key.as_ref()).await? {
            return Ok(response);
        }
        let Call::Submit(submission) = &mut call else { return Err(Refusal::Internal) };
        submission.brief.trace = self.core.traces.parent(self.request.headers());
        let submission = (**submission).clone();
        let room = self.core.admission.messages(&caller.account.name, submission.recipients.len());
        let _room = room.ok_or(Refusal::Overloaded)?;
        let taken = caller.account.take_quota(clock::now());
        taken.map_err(|retry_after| Refusal::RateLimited { retry_after })?;
        let mut prepared =
            accept::prepare(self.core, &caller.account, self.dialect.name(), submission).await?;
        loop {
            let (response, batch) =
                (self.write(&call, &Answer::Accepted(prepared.accepted.clone())), prepared.accepted.batch);
            let remember = key.as_ref().map(|key| key.remember(&response, clock::now()));
            match prepared.store(self.core, remember).await? {
                Stored::Done => {
                    let (name, batch) = (&caller.account.name, batch);
                    exchanges::keep(self.core, name, batch, &self.request, &response);
                    return Ok(response);
                }
                Stored::Remembered(known) => {
                    return key.as_ref().map_or(Err(Refusal::Internal), |key| key.replay(&known));
                }
                Stored::Duplicates(rest) => prepared = rest,
            }
        }
    }

    async fn earlier_answer(&self, key: Option<&Key>) -> Result<Option<http::Response<Bytes>>, Refusal> {
        let Some(key) = key else { return Ok(None) };
        let (account, kind, name) = key.place();
        let known = self.core.store.recall(account, kind, name).await.map_err(refuse)?;
        known.filter(|known| known.until > clock::now()).map(|known| key.replay(&known)).transpose()
    }

    fn context(&self) -> Context<'_> {
        static NO_SETTINGS: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);
        let (now, fresh) = (clock::now(), self.fresh);
        match &self.caller {
            Some(Caller { account, principal }) => Context {
                now,
                fresh,
                account: account.name.as_str(),
                principal,
                settings: &account.settings,
                rate: account.rate(now),
            },
            None => Context { now, fresh, account: "", principal: "", settings: &NO_SETTINGS, rate: None },
        }
    }

    fn write(&self, call: &Call, answer: &Answer) -> http::Response<Bytes> {
        self.dialect.write(&self.request, call, answer, &self.context())
    }

    fn refuse(&self, refusal: &Refusal) -> http::Response<Bytes> {
        self.dialect.refuse(&self.request, refusal, &self.context())
    }
}

/// For paths that no dialect has.
fn no_such_api() -> Response {
    let body = r#"{"error":"no such path","hint":"the paths of each API are listed in docs/dialects"}"#;
    let mut response = http::Response::new(Body::from(body));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
