//! Accounts at run time: who may present themselves, what they may use.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use dialects::{Dialect, RateState, Secret, Settings};
use model::{AccountName, Channel, Phone, Span, Time, message::RouteChoice};

use crate::config::{AccountConfig, Config, QuotaConfig, RouteConfig};

/// One tenant.
#[derive(Debug)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// As configured.
    pub config: AccountConfig,
    /// Its settings for the dialects.
    pub settings: Arc<Settings>,
    bucket: Option<Mutex<Bucket>>,
    window: Option<Mutex<Window>>,
}

/// All tenants, found by name and by what requests present.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: HashMap<AccountName, Arc<Account>>,
    by_identity: HashMap<(&'static str, String), Known>,
    in_order: Vec<Arc<Account>>,
    widest: HashMap<&'static str, Width>,
}

/// How many secrets of each kind somebody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Width {
    /// Passwords, keys and tokens.
    pub plain: usize,
    /// Keys of keyed hashes.
    pub hmac: usize,
}

impl Width {
    /// The width of these secrets.
    #[must_use]
    pub fn of(secrets: &[Secret]) -> Self {
        let hmac = secrets.iter().filter(|secret| matches!(secret, Secret::Hmac(_))).count();
        Self { plain: secrets.len() - hmac, hmac }
    }
}

/// Somebody that a dialect knows by name.
#[derive(Clone, Debug)]
pub struct Known {
    /// The account.
    pub account: Arc<Account>,
    /// What proves it.
    pub secrets: Vec<Secret>,
}

impl Accounts {
    /// The accounts of a configuration.
    ///
    /// # Errors
    /// If two accounts claim the same name within one dialect.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut accounts = Self::default();
        for account in &config.accounts {
            accounts.add(account)?;
        }
        Ok(accounts)
    }

    fn add(&mut self, config: &AccountConfig) -> Result<(), String> {
        let account = Arc::new(Account::new(config));
        for dialect in dialects::ALL {
            for identity in dialect.identities(&account.settings) {
                let key = (dialect.name(), identity.principal);
                let width = Width::of(&identity.secrets);
                let widest = self.widest.entry(dialect.name()).or_insert(Width { plain: 1, hmac: 1 });
                widest.plain = widest.plain.max(width.plain);
                widest.hmac = widest.hmac.max(width.hmac);
                let known = Known { account: Arc::clone(&account), secrets: identity.secrets };
                if let Some(other) = self.by_identity.insert(key, known) {
                    return Err(format!(
                        "accounts `{}` and `{}` have the same {} credentials",
                        other.account.name,
                        account.name,
                        dialect.name()
                    ));
                }
            }
        }
        self.by_name.insert(account.name.clone(), Arc::clone(&account));
        self.in_order.push(account);
        Ok(())
    }

    /// The account of this name.
    #[must_use]
    pub fn by_name(&self, name: &AccountName) -> Option<&Arc<Account>> {
        self.by_name.get(name)
    }

    /// Who presents this name in this dialect.
    #[must_use]
    pub fn known(&self, dialect: &dyn Dialect, principal: &str) -> Option<&Known> {
        self.by_identity.get(&(dialect.name(), principal.to_owned()))
    }

    /// The most secrets of each kind that anybody has in this dialect.
    #[must_use]
    pub fn widest(&self, dialect: &dyn Dialect) -> Width {
        self.widest.get(dialect.name()).copied().unwrap_or(Width { plain: 1, hmac: 1 })
    }

    /// All of them, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Arc<Account>] {
        &self.in_order
    }
}

impl Account {
    /// Whether its messages may leave by this sender: a channel without a list takes any.
    #[must_use]
    pub fn may_send_by(&self, channel: Channel, sender: &str) -> bool {
        let listed = self.config.senders.get(&channel);
        self.config.default_sender.get(&channel).is_some_and(|name| name == sender)
            || (self.config.routes.contains_key(&channel)
                && listed.is_none_or(|names| names.iter().any(|name| name == sender)))
    }

    fn new(config: &AccountConfig) -> Self {
        Self {
            name: AccountName::from(config.name.as_str()),
            settings: Arc::new(config.dialects.clone()),
            bucket: config.requests_per_second.map(|rate| Mutex::new(Bucket::new(rate, rate.max(1.0)))),
            window: config.messages_per_window.map(|quota| Mutex::new(Window::new(quota))),
            config: config.clone(),
        }
    }

    /// Takes one request's worth of the account's rate.
    ///
    /// # Errors
    /// How long to wait for it.
    pub fn admit(&self, now: Time) -> Result<(), Span> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(now, 1.0)
    }

    /// Takes one submission of the account's quota.
    ///
    /// # Errors
    /// How long until the next window; nothing is taken.
    pub fn take_quota(&self, now: Time) -> Result<(), Span> {
        let Some(window) = &self.window else { return Ok(()) };
        window.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(now)
    }

    /// Where the account stands against its quota, if it has one.
    #[must_use]
    pub fn rate(&self, now: Time) -> Option<RateState> {
        let window = self.window.as_ref()?;
        Some(window.lock().unwrap_or_else(std::sync::PoisonError::into_inner).state(now))
    }

    /// The sender a step without one gets.
    #[must_use]
    pub fn default_sender(&self, channel: Channel) -> Option<&str> {
        self.config.default_sender.get(&channel).map(String::as_str)
    }

    /// Whether the account may use this sender.
    #[must_use]
    pub fn may_use(&self, channel: Channel, sender: &str) -> bool {
        self.config.senders.get(&channel).is_none_or(|senders| senders.iter().any(|known| known == sender))
    }

    /// The routes for a channel and number, in order.
    #[must_use]
    pub fn routes(&self, channel: Channel, phone: Option<&Phone>, table: &RouteTable) -> Vec<RouteChoice> {
        let names = self.config.routes.get(&channel).map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(|name| table.choice(name, phone)).collect()
    }
}

/// What is needed of the configured routes to choose among them.
#[derive(Debug)]
pub struct RouteTable {
    routes: HashMap<String, (RouteConfig, RouteChoice)>,
    prefixes: HashSet<String>,
}

impl RouteTable {
    /// The table of these routes; `default_policy` says what an unknown outcome means where the
    /// configuration does not.
    pub fn new(
        routes: &[RouteConfig],
        default_policy: impl Fn(&RouteConfig) -> model::message::OnUnknown,
    ) -> Self {
        let entry = |route: &RouteConfig| {
            let on_unknown = route.on_unknown.unwrap_or_else(|| default_policy(route));
            (
                route.name.clone(),
                (route.clone(), RouteChoice { route: route.name.as_str().into(), on_unknown }),
            )
        };
        Self {
            routes: routes.iter().map(entry).collect(),
            prefixes: routes.iter().flat_map(|route| route.prefixes.clone()).collect(),
        }
    }

    /// The route if it serves this number.
    fn choice(&self, name: &str, phone: Option<&Phone>) -> Option<RouteChoice> {
        let (config, choice) = self.routes.get(name)?;
        let digits = phone.map(Phone::digits).unwrap_or_default();
        let serves =
            config.prefixes.is_empty() || config.prefixes.iter().any(|prefix| digits.starts_with(prefix));
        serves.then(|| choice.clone())
    }

    /// Which configured prefixes a number has: numbers with the same answer have the same routes.
    #[must_use]
    pub fn class(&self, phone: Option<&Phone>) -> Vec<&str> {
        let digits = phone.map(Phone::digits).unwrap_or_default();
        let mut class: Vec<&str> =
            self.prefixes.iter().map(String::as_str).filter(|prefix| digits.starts_with(prefix)).collect();
        class.sort_unstable();
        class
    }
}

/// A fixed window of submissions: it begins with the first and is whole again when it ends.
#[derive(Debug)]
pub struct Window {
    limit: u32,
    length: Span,
    begun: Option<Time>,
    used: u32,
}

impl Window {
    /// A window not begun.
    #[must_use]
    pub const fn new(quota: QuotaConfig) -> Self {
        Self { limit: quota.requests, length: Span::from_secs(quota.seconds), begun: None, used: 0 }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long until the window ends; nothing is taken.
    pub fn take(&mut self, now: Time) -> Result<(), Span> {
        let left = self.left(now);
        if left == Span::ZERO {
            (self.begun, self.used) = (Some(now), 1);
            return Ok(());
        }
        if self.used >= self.limit {
            return Err(left);
        }
        self.used += 1;
        Ok(())
    }

    /// Where it stands. A window not begun has its whole length before it.
    #[must_use]
    pub fn state(&self, now: Time) -> RateState {
        let (left, window) = (self.left(now), self.length);
        if left == Span::ZERO {
            return RateState { limit: self.limit, window, remaining: self.limit, reset_in: window };
        }
        let remaining = self.limit.saturating_sub(self.used);
        RateState { limit: self.limit, window, remaining, reset_in: left }
    }

    fn left(&self, now: Time) -> Span {
        self.begun.map_or(Span::ZERO, |begun| (begun + self.length).since(now))
    }
}

/// A token bucket on our own clock.
#[derive(Debug)]
pub struct Bucket {
    rate: f64,
    burst: f64,
    level: f64,
    at: Option<Time>,
}

impl Bucket {
    /// `rate` tokens per second, at most `burst` at once; full at first.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        let rate = rate.max(0.001);
        Self { rate, burst: burst.max(1.0), level: burst.max(1.0), at: None }
    }

    /// The same with so many tokens at first.
    #[must_use]
    pub fn with_level(self, level: f64) -> Self {
        Self { level: level.min(self.burst), ..self }
    }

    /// Whether so many tokens are there.
    pub fn has(&mut self, now: Time, tokens: f64) -> bool {
        self.fill(now);
        self.level + 1e-9 >= tokens
    }

    /// Takes tokens.
    ///
    /// # Errors
    /// How long until they are there; nothing is taken.
    pub fn take(&mut self, now: Time, tokens: f64) -> Result<(), Span> {
        if self.has(now, tokens) {
            self.level -= tokens;
            return Ok(());
        }
        let seconds = (tokens - self.level) / self.rate;
        Err(Span::from_micros((seconds * 1e6).ceil() as u64))
    }

    /// Takes tokens whether they are there or not: later takers wait for as much longer.
    pub fn take_ahead(&mut self, now: Time, tokens: f64) {
        self.fill(now);
        self.level -= tokens;
    }

    /// Gives tokens back that were taken and not used.
    pub fn give_back(&mut self, tokens: f64) {
        self.level = (self.level + tokens).min(self.burst);
    }

    fn fill(&mut self, now: Time) {
        let since = self.at.map_or(Span::ZERO, |at| now.since(at));
        self.level = (self.level + since.as_micros() as f64 * 1e-6 * self.rate).min(self.burst);
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
    }
}
