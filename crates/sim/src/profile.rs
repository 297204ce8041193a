//! What one seed is about: how large, how fast, and which faults. Each seed draws its own mix, so
//! that some faults are absent in some runs and dense in others.

use std::collections::BTreeMap;

use connectors::{Capabilities, PairLimit};
use courant::config::{
    AccountConfig, AccountMedia, Amount, BalanceConfig, ChargeOn, Config, Day, MediaMode, Per, PriceConfig,
    RouteConfig,
};
use model::{Channel, Span, message::OnUnknown};

use crate::dice::Dice;

const CURRENCY: &str = "EUR";

/// Chances are in thousandths.
#[derive(Clone, Debug)]
pub struct Profile {
    /// How long clients ask and faults happen.
    pub busy: Span,
    /// Submissions.
    pub orders: usize,
    /// Most recipients of one.
    pub recipients: u64,
    /// Instants at which the process is killed.
    pub kills: u64,
    /// Orderly restarts.
    pub restarts: u64,
    /// Jumps of the clock.
    pub jumps: u64,
    /// Cancellations.
    pub cancels: u64,
    /// Messages from people.
    pub inbound: u64,
    /// Commits that fail.
    pub commit_fails: u64,
    /// Commits around which the process ends.
    pub commit_crashes: u64,
    /// Commits that take seconds.
    pub commit_slow: u64,
    /// Reads that fail.
    pub read_fails: u64,
    /// Reads whose answer is old when it comes.
    pub read_stale: u64,
    /// Callbacks answered badly.
    pub post_fails: u64,
    /// Submissions sent twice at about the same time.
    pub repeats: u64,
    /// Payments into accounts.
    pub payments: usize,
    /// The networks.
    pub networks: Vec<Network>,
    /// The configuration of the gateway.
    pub config: Config,
}

/// One network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Name of its route.
    pub name: &'static str,
    /// What it serves.
    pub channel: Channel,
    /// The route's policy.
    pub on_unknown: OnUnknown,
    /// Its receipts name our reference; else only its own ids.
    pub refers: bool,
    /// Most parts.
    pub parts: u64,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Refusals.
    pub refuses: u64,
    /// Lost answers.
    pub loses: u64,
    /// Messages without any receipt.
    pub silent: u64,
    /// Messages that fail after they were taken.
    pub fails: u64,
    /// Receipts told twice.
    pub repeats: u64,
    /// Receipts told before the answer.
    pub early: u64,
    /// Receipts told late.
    pub late: u64,
    /// Longest wait for an answer, in milliseconds.
    pub answer_ms: u64,
}

impl Profile {
    /// The profile of a seed.
    pub fn draw(dice: &mut Dice) -> Self {
        let faulty = |dice: &mut Dice, most: u64| if dice.permille(500) { 0 } else { dice.between(1, most) };
        let networks = vec![
            network(dice, "wa", Channel::Whatsapp, OnUnknown::AtMostOnce),
            network(dice, "sms1", Channel::Sms, OnUnknown::AtLeastOnce),
            policy_drawn(dice, "sms2", Channel::Sms),
            policy_drawn(dice, "vib", Channel::Viber),
        ];
        Self {
            busy: Span::from_secs(dice.between(5, 120)),
            orders: dice.between(1, 12) as usize,
            recipients: dice.pick(&[1, 3, 20]),
            kills: faulty(dice, 3),
            restarts: faulty(dice, 1),
            jumps: faulty(dice, 2),
            cancels: faulty(dice, 6),
            inbound: faulty(dice, 4),
            commit_fails: faulty(dice, 150),
            commit_crashes: faulty(dice, 20),
            commit_slow: faulty(dice, 50),
            read_fails: faulty(dice, 60),
            read_stale: faulty(dice, 200),
            post_fails: faulty(dice, 600),
            repeats: faulty(dice, 400),
            config: config(dice, &networks),
            payments: 0,
            networks,
        }
    }

    /// Gives accounts balances and prices, by dice of their own: what the seed does otherwise
    /// stays as it is.
    #[must_use]
    pub fn with_money(mut self, dice: &mut Dice) -> Self {
        for account in &mut self.config.accounts {
            account.balance = balance(dice);
        }
        if dice.permille(800) {
            self.config.prices = prices();
        }
        self.payments = dice.pick(&[0, 2, 8]);
        self
    }
}

fn policy_drawn(dice: &mut Dice, name: &'static str, channel: Channel) -> Network {
    let policy = dice.pick(&[OnUnknown::AtLeastOnce, OnUnknown::AtMostOnce]);
    network(dice, name, channel, policy)
}

fn network(dice: &mut Dice, name: &'static str, channel: Channel, on_unknown: OnUnknown) -> Network {
    let refers = dice.permille(500);
    let reports_delivery = channel != Channel::Viber || dice.permille(500);
    let some = |dice: &mut Dice, chance: u64| dice.permille(chance);
    let capabilities = Capabilities {
        window: dice.between(1, 8) as usize,
        rate_per_sender: some(dice, 300).then_some(5.0),
        rate: some(dice, 200).then_some(8.0),
        pair_limit: some(dice, 200).then_some(PairLimit { interval: Span::from_secs(3), burst: 2 }),
        answer_timeout: Span::from_secs(20),
        reports_delivery,
        reports_reading: true,
        recalls: some(dice, 500),
        max_validity: None,
        echoes_reference: refers,
    };
    let mut chance = |most: u64| if dice.permille(400) { 0 } else { dice.between(1, most) };
    Network {
        refuses: chance(400),
        loses: chance(300),
        silent: chance(200),
        fails: chance(300),
        repeats: chance(300),
        early: chance(300),
        late: chance(300),
        answer_ms: [30, 300, 15_000][(chance(3) % 3) as usize],
        parts: if refers { 1 } else { 1 + chance(2) },
        name,
        channel,
        on_unknown,
        refers,
        capabilities,
    }
}

fn config(dice: &mut Dice, networks: &[Network]) -> Config {
    let mut config = Config::default();
    config.limits.lane_memory = dice.pick(&[1, 3, 40, 512]);
    config.limits.timers = dice.pick(&[2, 10, 50_000]);
    config.cascade.default_validity_ms = dice.pick(&[30_000, 600_000, 48 * 3_600_000]);
    config.cascade.answer_within_ms = dice.pick(&[25_000, 60_000]);
    config.cascade.grace_ms = dice.pick(&[100, 3_000, 20_000]);
    config.cascade.max_attempts = dice.pick(&[3, 32]);
    config.callbacks.concurrency = dice.pick(&[1, 4, 256]);
    config.callbacks.concurrency_per_host = dice.pick(&[1, 64]);
    config.store.retention_hours = dice.pick(&[1, 720]);
    config.routes = networks.iter().map(route).collect();
    config.accounts = vec![account("acme", &["sms1", "sms2"]), account("globex", &["sms2", "sms1"])];
    config
}

/// No balance, one that soon runs dry, or one that may be owed.
fn balance(dice: &mut Dice) -> Option<BalanceConfig> {
    let initial = Amount(dice.pick(&[0, 200_000, 5_000_000, 100_000_000]));
    let prepaid = dice.permille(600);
    dice.permille(500).then(|| BalanceConfig { prepaid, initial, currency: CURRENCY.to_owned() })
}

/// Some prices are owed as soon as a network takes a message, some once it is delivered.
fn prices() -> Vec<PriceConfig> {
    let price = |channel, prefix: Option<&str>, micros, charge_on| PriceConfig {
        channel,
        sender: None,
        prefix: prefix.map(str::to_owned),
        account: None,
        from: Day::default(),
        per: Per::Message,
        amount: Amount(micros),
        currency: CURRENCY.to_owned(),
        charge_on,
    };
    vec![
        price(Channel::Sms, None, 50_000, ChargeOn::Submitted),
        price(Channel::Sms, Some("44"), 30_000, ChargeOn::Delivered),
        price(Channel::Whatsapp, None, 70_000, ChargeOn::Delivered),
        price(Channel::Viber, None, 20_000, ChargeOn::Submitted),
    ]
}

fn route(network: &Network) -> RouteConfig {
    RouteConfig {
        name: network.name.to_owned(),
        // The second SMS route serves some numbers only: plans differ within one submission.
        prefixes: if network.name == "sms2" { vec!["44".to_owned()] } else { Vec::new() },
        on_unknown: Some(network.on_unknown),
        media: MediaMode::default(),
        whatsapp_cloud: None,
        smpp: None,
    }
}

fn account(name: &str, sms: &[&str]) -> AccountConfig {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    AccountConfig {
        name: name.to_owned(),
        suspended: false,
        routes: BTreeMap::from([
            (Channel::Whatsapp, names(&["wa"])),
            (Channel::Sms, names(sms)),
            (Channel::Viber, names(&["vib"])),
        ]),
        default_sender: BTreeMap::new(),
        senders: BTreeMap::from([(Channel::Whatsapp, names(&[name]))]),
        requests_per_second: None,
        messages_per_window: None,
        balance: None,
        media: AccountMedia::default(),
        plans: Vec::new(),
        scenarios: Vec::new(),
        dialects: settings(name),
    }
}

fn settings(name: &str) -> dialects::Settings {
    let mut telesign = dialects::telesign::Settings::new(name, "c2VjcmV0");
    telesign.callback_url = vec![format!("http://{name}.test/one"), format!("http://spare.test/{name}")];
    telesign.intermediate_callbacks = true;
    let infobip = dialects::infobip::Settings {
        notify_url: Some(format!("http://{name}.test/reports")),
        inbound_url: Some(format!("http://{name}.test/inbound")),
        ..dialects::infobip::Settings::default()
    };
    dialects::Settings { telesign: Some(telesign), infobip: Some(infobip), ..dialects::Settings::default() }
}
