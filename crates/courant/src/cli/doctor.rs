//! `courant doctor`: looks at what usually goes wrong, and says what to do.

mod certificate;
mod disk;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use model::{Span, Time};
use serde::Serialize;
use tokio::net::TcpStream;

use super::client::{Client, Remote, say};
use crate::{
    accounts::Accounts,
    clock,
    config::{Config, MediaStoreConfig, RouteConfig},
    health::Grade as Health,
    routes::Routes,
};

/// Longest wait for a network.
const REACH: Duration = Duration::from_secs(5);
/// A clock that is off by more than this makes signatures fail.
const MAX_SKEW: Span = Span::from_secs(60);
/// A certificate that ends sooner than this is worth a word.
const SOON: Span = Span::from_hours(21 * 24);

/// Check configuration, disk, clock, networks and certificates, and say what to do.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The configuration file; without it (and without ./courant.toml) only the running Courant is
    /// looked at.
    #[arg(long, short, env = "COURANT_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    /// As it should be.
    Good,
    /// It works, but not for ever or not well.
    Worry,
    /// It does not work.
    Bad,
}

/// What was looked at and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    grade: Grade,
    about: String,
    found: String,
    /// What to do.
    advice: Option<String>,
}

impl Finding {
    pub(super) fn good(about: &str, found: impl Into<String>) -> Self {
        Self { grade: Grade::Good, about: about.to_owned(), found: found.into(), advice: None }
    }

    pub(super) fn worry(about: &str, found: impl Into<String>, advice: &str) -> Self {
        let advice = Some(advice.to_owned());
        Self { grade: Grade::Worry, about: about.to_owned(), found: found.into(), advice }
    }

    pub(super) fn bad(about: &str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Bad, ..Self::worry(about, found, advice) }
    }
}

pub(super) async fn run(arguments: Doctor) -> Result<(), String> {
    let mut findings = Vec::new();
    let standard = PathBuf::from("courant.toml");
    let path = arguments.config.clone().or_else(|| standard.exists().then_some(standard));
    match path {
        Some(path) => configured(&path, &mut findings).await,
        None => findings.push(Finding::worry(
            "configuration",
            "no file was named and there is no ./courant.toml",
            "name it with --config to have disk, networks and certificates looked at",
        )),
    }
    running(&arguments.remote, &mut findings).await;
    report(&findings, arguments.remote.json)
}

fn report(findings: &[Finding], json: bool) -> Result<(), String> {
    if json {
        say(&serde_json::to_string_pretty(findings).unwrap_or_default());
    } else {
        for finding in findings {
            let mark = match finding.grade {
                Grade::Good => "good ",
                Grade::Worry => "worry",
                Grade::Bad => "BAD  ",
            };
            say(&format!("{mark}  {:14} {}", finding.about, finding.found));
            if let Some(advice) = &finding.advice {
                say(&format!("       {:14} → {advice}", ""));
            }
        }
    }
    let bad = findings.iter().filter(|finding| finding.grade == Grade::Bad).count();
    if bad == 0 { Ok(()) } else { Err(format!("{bad} findings need you")) }
}

async fn configured(path: &std::path::Path, findings: &mut Vec<Finding>) {
    super::install_crypto();
    let config = match Config::read(path, &[]) {
        Ok(config) => config,
        Err(error) => {
            let advice = "correct it; `courant config` prints every key with its meaning";
            findings.push(Finding::bad("configuration", error.to_string(), advice));
            return;
        }
    };
    let built = Routes::new(&config).map(drop).and_then(|()| Accounts::new(&config).map(drop));
    findings.push(match built {
        Ok(()) => Finding::good(
            "configuration",
            format!("{} accounts, {} routes", config.accounts.len(), config.routes.len()),
        ),
        Err(error) => Finding::bad("configuration", error, "correct the route or account it names"),
    });
    if config.admin.tokens.is_empty() {
        findings.push(Finding::worry(
            "tokens",
            "[admin] has none: the API and the command line cannot be used",
            "set tokens in [admin]; `courant config` shows how",
        ));
    }
    findings.extend(collector(&config).await);
    findings.extend(disk::look(&config.store.path));
    if let Some(store) = &config.media.store {
        findings.push(objects(store).await);
    }
    for route in &config.routes {
        findings.push(reach(route).await);
    }
    if let Some(path) = &config.server.tls_cert {
        findings.push(expiry(path, clock::now()));
    }
}

/// Whether the object store of uploads takes, gives and removes.
async fn objects(store: &MediaStoreConfig) -> Finding {
    let about = "media store";
    let advice = "check media.store: address, credentials and what they may do (put, get, delete)";
    match store.objects() {
        Err(error) => Finding::bad(about, error, advice),
        Ok(objects) => match objects.probe(&format!("{:032x}", clock::random())).await {
            Ok(()) => Finding::good(about, format!("{} can be used", objects.name())),
            Err(error) => Finding::bad(about, format!("{}: {error}", objects.name()), advice),
        },
    }
}

/// Whether a route's network can be reached at all.
async fn reach(route: &RouteConfig) -> Finding {
    let about = format!("route {}", route.name);
    let Some((host, port)) = address(route) else {
        return Finding::bad(&about, "its address has no host", "correct its base_url");
    };
    match tokio::time::timeout(REACH, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Finding::good(&about, format!("{host}:{port} can be reached")),
        Ok(Err(error)) => Finding::bad(
            &about,
            format!("{host}:{port}: {error}"),
            "check name resolution, firewall and the network's allow-list of addresses",
        ),
        Err(_) => Finding::bad(
            &about,
            format!("{host}:{port} does not answer within {} s", REACH.as_secs()),
            "a firewall drops it, or the network does not know this machine's address",
        ),
    }
}

/// Whether the collector of traces can be reached, if there is one.
async fn collector(config: &Config) -> Option<Finding> {
    let endpoint = url::Url::parse(&config.telemetry.endpoint()?).ok()?;
    let (host, port) = (endpoint.host_str()?.to_owned(), endpoint.port_or_known_default()?);
    let connected = tokio::time::timeout(REACH, TcpStream::connect((host.as_str(), port))).await;
    Some(match connected {
        Ok(Ok(_)) => Finding::good("traces", format!("{host}:{port} can be reached")),
        Ok(Err(_)) | Err(_) => Finding::worry(
            "traces",
            format!("{host}:{port} cannot be reached"),
            "start the collector, or correct telemetry.otlp; messages are not affected",
        ),
    })
}

fn address(route: &RouteConfig) -> Option<(String, u16)> {
    if let Some(smpp) = &route.smpp {
        return Some((smpp.host.clone(), smpp.port));
    }
    let url = url::Url::parse(route.whatsapp_cloud.as_ref()?.base_url.as_ref()).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// When a certificate ends.
fn expiry(path: &std::path::Path, now: Time) -> Finding {
    let about = "certificate";
    let renew = "renew it and restart";
    match certificate::not_after(path) {
        Err(error) => Finding::bad(about, error, "server.tls_cert takes a chain in PEM form"),
        Ok(end) if end <= now => Finding::bad(about, format!("ended {}", crate::views::Moment(end)), renew),
        Ok(end) if end <= now + SOON => {
            Finding::worry(about, format!("ends {}", crate::views::Moment(end)), renew)
        }
        Ok(end) => Finding::good(about, format!("good until {}", crate::views::Moment(end))),
    }
}

/// The running Courant: whether it answers, its clock, routes and parked callbacks.
async fn running(remote: &Remote, findings: &mut Vec<Finding>) {
    let client = match remote.client() {
        Ok(client) => client,
        Err(error) => {
            findings.push(Finding::bad("profile", error, "correct the profile file"));
            return;
        }
    };
    ready(&client, findings).await;
    let before = clock::now();
    let overview = match client.look("/overview", &[]).await {
        Ok(overview) => overview,
        Err(error) => {
            findings.push(Finding::bad(
                "server",
                error,
                "start it (`courant serve`), or name it with --url and --token",
            ));
            return;
        }
    };
    findings
        .push(Finding::good("server", format!("{} answers, version {}", client.url, overview["version"])));
    findings.push(skew(&overview, before, clock::now()));
    findings.push(parked(&overview));
    if let Ok(routes) = client.look("/routes", &[]).await {
        findings.extend(routes["items"].as_array().into_iter().flatten().map(health));
    }
}

/// What the running Courant says of itself; that needs no token.
async fn ready(client: &Client, findings: &mut Vec<Finding>) {
    // Whether it answers at all is told with the overview.
    let Ok(readiness) = client.readiness(REACH).await else { return };
    for check in readiness.checks.into_iter().filter(|check| !check.name.starts_with("route ")) {
        let about = format!("server: {}", check.name);
        let advice = check.advice.unwrap_or_else(|| "see its log".to_owned());
        findings.push(match check.grade {
            Health::Good => Finding::good(&about, check.found),
            Health::Worry => Finding::worry(&about, check.found, &advice),
            Health::Bad => Finding::bad(&about, check.found, &advice),
        });
    }
}

fn skew(overview: &serde_json::Value, before: Time, after: Time) -> Finding {
    let there = overview["now"].as_str().and_then(crate::views::Moment::parse).map(|moment| moment.0);
    let Some(there) = there else {
        return Finding::bad("clock", "the server does not tell its time", "is it another version?");
    };
    let off = before.since(there).max(there.since(after));
    if off > MAX_SKEW {
        let advice = "run a time service (chrony, systemd-timesyncd) on both machines";
        return Finding::bad("clock", format!("{} s apart from the server's", off.as_secs()), advice);
    }
    Finding::good("clock", "agrees with the server's")
}

fn parked(overview: &serde_json::Value) -> Finding {
    match overview["callbacks_parked"].as_u64().unwrap_or(0) {
        0 => Finding::good("callbacks", "none given up"),
        count => Finding::worry(
            "callbacks",
            format!("{count} given up"),
            "see why with `courant callbacks list`, send them again with `courant callbacks replay`",
        ),
    }
}

fn health(route: &serde_json::Value) -> Finding {
    let about = format!("route {}", route["name"].as_str().unwrap_or_default());
    let health = route["health"].as_str().unwrap_or_default();
    if route["up"] != true {
        let error = route["last_error"].as_str().unwrap_or(health);
        return Finding::bad(
            &about,
            error,
            "the network's words say why: check its credentials, addresses and status page; until then messages wait or take other routes",
        );
    }
    match route["standing"].as_str() {
        Some("paused") => Finding::worry(&about, "paused", "open it with `courant routes resume`"),
        Some("draining") => Finding::worry(&about, "draining", "open it with `courant routes resume`"),
        _ => Finding::good(&about, health),
    }
}
