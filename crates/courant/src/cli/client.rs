//! Talks to a running Courant: where it is, with which token, and what to say when that fails.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _, path::PathBuf, time::Duration};

use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::install_crypto;
use crate::{
    admin::{Problem, ROOT},
    health::Readiness,
};

const DEFAULT_URL: &str = "http://127.0.0.1:8480";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
/// What stays as it is in a path's segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which Courant to talk to.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Remote {
    /// Address of the running Courant [default: http://127.0.0.1:8480].
    #[arg(long, env = "COURANT_URL", hide_env_values = true)]
    url: Option<String>,
    /// Token of its API.
    #[arg(long, env = "COURANT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Section of the profile file (~/.config/courant/profiles.toml) with `url` and `token`.
    #[arg(long, env = "COURANT_PROFILE", hide_env_values = true)]
    profile: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A section of the profile file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: Option<String>,
    token: Option<String>,
}

/// A connection to a running Courant.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    pub(super) url: String,
    token: Option<String>,
    pub(super) json: bool,
}

impl Remote {
    /// The connection that arguments, environment and profile describe, in this order.
    pub(super) fn client(&self) -> Result<Client, String> {
        install_crypto();
        let profile = self.read_profile()?;
        let url = self.url.clone().or(profile.url).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("courant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client cannot be made: {error}"))?;
        let token = self.token.clone().or(profile.token);
        Ok(Client { http, url: url.trim_end_matches('/').to_owned(), token, json: self.json })
    }

    fn read_profile(&self) -> Result<Profile, String> {
        let Some(path) = profile_path() else { return Ok(Profile::default()) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if self.profile.is_none() => return Ok(Profile::default()),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let mut profiles: BTreeMap<String, Profile> =
            toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message()))?;
        let name = self.profile.as_deref().unwrap_or("default");
        match (profiles.remove(name), &self.profile) {
            (Some(profile), _) => Ok(profile),
            (None, None) => Ok(Profile::default()),
            (None, Some(name)) => Err(format!("{} has no section [{name}]", path.display())),
        }
    }
}

/// `$XDG_CONFIG_HOME/courant/profiles.toml`, or the same below `~/.config`.
fn profile_path() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("courant").join("profiles.toml"))
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Prints; whoever closed our output wants no more of it.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints rows in columns, as wide as their widest cell.
pub(super) fn table(titles: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([titles[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        line.trim_end().to_owned()
    };
    say(&line(&mut titles.iter().copied()));
    for row in rows {
        say(&line(&mut row.iter().map(String::as_str)));
    }
}

impl Client {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{ROOT}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Looks.
    pub(super) async fn look(&self, path: &str, query: &[(&str, String)]) -> Result<Value, String> {
        self.answer(self.request(Method::GET, path).query(query).timeout(ANSWER)).await
    }

    /// Has something done, once for each key.
    pub(super) async fn act(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> Result<Value, String> {
        let mut request = self.request(Method::POST, path).timeout(ANSWER);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.answer(request).await
    }

    /// Has something without a body done.
    pub(super) async fn act_plainly(&self, path: &str) -> Result<Value, String> {
        self.act(path, None::<&Value>, None).await
    }

    /// As [`Self::act`], without a bound on the time it takes.
    pub(super) async fn act_slowly(&self, path: &str) -> Result<Value, String> {
        self.answer(self.request(Method::POST, path)).await
    }

    /// Sends a file, read as it goes.
    pub(super) async fn upload(
        &self,
        path: &str,
        query: &[(&str, String)],
        mime: &str,
        file: std::fs::File,
    ) -> Result<Value, String> {
        let request = self.request(Method::POST, path).query(query);
        let request = request.header(reqwest::header::CONTENT_TYPE, mime);
        self.answer(request.body(tokio::fs::File::from_std(file))).await
    }

    /// Removes something.
    pub(super) async fn remove(&self, path: &str) -> Result<(), String> {
        self.answered(self.request(Method::DELETE, path).timeout(ANSWER)).await.map(drop)
    }

    /// Asks for a path outside of the API, without a token.
    pub(super) async fn plain(&self, path: &str, patience: Duration) -> Result<Response, String> {
        let request = self.http.get(format!("{}{path}", self.url)).timeout(patience);
        let answer = request.header(reqwest::header::ACCEPT, "application/json").send().await;
        answer.map_err(|error| format!("{} does not answer: {}", self.url, error.without_url()))
    }

    /// Asks whether it takes work.
    pub(super) async fn readiness(&self, patience: Duration) -> Result<Readiness, String> {
        let answer = self.plain("/readyz", patience).await?;
        answer.json().await.map_err(|_| format!("{} is no Courant, or of another version", self.url))
    }

    /// Opens a stream of events after a cursor.
    pub(super) async fn stream(
        &self,
        query: &[(&str, String)],
        after: Option<&str>,
    ) -> Result<Response, String> {
        let mut request = self.request(Method::GET, "/events").query(query);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        self.answered(request).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, String> {
        let response = self.answered(request).await?;
        response.json().await.map_err(|error| format!("the answer cannot be read: {error}"))
    }

    async fn answered(&self, request: RequestBuilder) -> Result<Response, String> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Option<Problem> = response.json().await.ok();
        Err(self.advise(status.as_u16(), problem))
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        let why = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
        format!(
            "{} {why}: start it (`courant serve` or `courant sandbox`), or name another with --url, COURANT_URL or --profile",
            self.url
        )
    }

    fn advise(&self, status: u16, problem: Option<Problem>) -> String {
        let detail = problem.map_or_else(
            || format!("{} answered {status}, and not as Courant does; is the address right?", self.url),
            |problem| problem.detail,
        );
        match (status, &self.token) {
            (401, None) => format!(
                "{} wants a token: give it with --token, COURANT_TOKEN or a profile (the sandbox's is `sandbox`); {detail}",
                self.url
            ),
            (401, Some(_)) => format!("{} does not take this token: {detail}", self.url),
            _ => detail,
        }
    }

    /// Prints an answer: as it is, or in words.
    pub(super) fn show<T: DeserializeOwned>(
        &self,
        answer: Value,
        words: impl FnOnce(T),
    ) -> Result<(), String> {
        if self.json {
            say(&serde_json::to_string_pretty(&answer).unwrap_or_default());
            return Ok(());
        }
        let view = serde_json::from_value(answer)
            .map_err(|error| format!("the server speaks another version of the API: {error}"))?;
        words(view);
        Ok(())
    }
}
