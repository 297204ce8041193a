//! Routes and senders as people see them.

use std::{collections::BTreeMap, sync::Arc};

use model::{Channel, message::Priority};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Lane, StoreError};

use super::{Moment, Reach};
use crate::{
    accounts::Account,
    core::Core,
    dispatch::{Held, Hold},
    routes::Route,
};

/// Most messages counted per lane and class.
const MOST_COUNTED: usize = 1000;
/// Most lanes counted.
const MOST_LANES: usize = 200;

/// A way to a network and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteView {
    /// Its name.
    pub name: String,
    /// The channel it serves.
    pub channel: String,
    /// Whether it can send now.
    pub up: bool,
    /// How it is doing, in words.
    pub health: String,
    /// The last error, if any.
    pub last_error: Option<String>,
    /// Hand-overs that may be unanswered at once.
    pub window: usize,
    /// Messages per second and sender; none if the network sets no limit.
    pub rate_per_sender: Option<f64>,
    /// Whether its network reports delivery.
    pub reports_delivery: bool,
    /// Whether its network reports reading.
    pub reports_reading: bool,
    /// Number prefixes it serves; empty for all.
    pub prefixes: Vec<String>,
    /// `open`, `paused` (nothing leaves) or `draining` (only what is queued leaves).
    pub standing: String,
    /// Hand-overs that are not answered yet, of all accounts; none for those who may not see all.
    pub in_flight: Option<usize>,
    /// Messages queued for it, over all lanes.
    pub queued: usize,
    /// What waits for it, by account, sender and urgency.
    pub lanes: Vec<LaneView>,
}

/// What one account has queued by one sender over one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaneView {
    /// Account.
    pub account: String,
    /// Sender; empty for the route's own.
    pub sender: String,
    /// Messages waiting, by urgency; counted up to 1000 each.
    pub queued: BTreeMap<String, usize>,
    /// Whether a count stopped at its bound.
    pub more: bool,
    /// Since when the one waits that has waited longest (from when it may leave).
    pub oldest: Option<Moment>,
}

/// A sender that accounts use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SenderView {
    /// Channel.
    pub channel: String,
    /// The sender as accounts name it.
    pub name: String,
    /// Accounts that may use it by their configuration, or have messages waiting by it.
    pub accounts: Vec<String>,
    /// `open`, `paused` (nothing leaves) or `draining` (new steps by it fail, so that plans go on).
    pub standing: String,
    /// Messages queued by it.
    pub queued: usize,
    /// Since when the one waits that has waited longest (from when it may leave).
    pub oldest: Option<Moment>,
}

/// All routes by name, with their lanes; for those who may not see all, what their accounts use.
///
/// # Errors
/// If the store cannot answer.
pub async fn routes(core: &Core, reach: &Reach) -> Result<Vec<RouteView>, StoreError> {
    let lanes = lanes(core, reach).await?;
    let used = |route: &&Arc<Route>| {
        *reach == Reach::All || within(core, reach).any(|account| uses(account, route.name.as_str()))
    };
    let mut views: Vec<RouteView> =
        core.routes.all().filter(used).map(|known| route(core, known, &lanes)).collect();
    if *reach != Reach::All {
        views.iter_mut().for_each(|view| view.in_flight = None);
    }
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

/// The accounts within reach.
fn within<'a>(core: &'a Core, reach: &'a Reach) -> impl Iterator<Item = &'a Arc<Account>> {
    core.accounts.all().iter().filter(|account| reach.covers(&account.name))
}

fn uses(account: &Account, route: &str) -> bool {
    account.config.routes.values().flatten().any(|name| name == route)
}

/// All senders that the configuration names or that have messages waiting; for those who may not
/// see all, what is told of their accounts.
///
/// # Errors
/// If the store cannot answer.
pub async fn senders(core: &Core, reach: &Reach) -> Result<Vec<SenderView>, StoreError> {
    let mut senders: BTreeMap<(Channel, String), SenderView> = BTreeMap::new();
    for account in within(core, reach) {
        let config = &account.config;
        let listed =
            config.senders.iter().flat_map(|(channel, names)| names.iter().map(move |name| (channel, name)));
        for (channel, name) in listed.chain(config.default_sender.iter()) {
            sender(&mut senders, *channel, name, account.name.as_str());
        }
    }
    for (lane, view) in lanes(core, reach).await? {
        let Some(route) = core.routes.get(&lane.route).filter(|_| !lane.sender.is_empty()) else { continue };
        let queued: usize = view.queued.values().sum();
        let known = sender(&mut senders, route.connector.channel(), &lane.sender, lane.account.as_str());
        known.queued += queued;
        known.oldest = earlier(known.oldest, view.oldest);
    }
    for (held, hold) in core.dispatcher.holds() {
        if let Held::Sender(channel, name) = held {
            if *reach != Reach::All && !senders.contains_key(&(channel, name.clone())) {
                continue;
            }
            hold.as_str().clone_into(&mut known_sender(&mut senders, channel, &name).standing);
        }
    }
    Ok(senders.into_values().collect())
}

fn sender<'a>(
    senders: &'a mut BTreeMap<(Channel, String), SenderView>,
    channel: Channel,
    name: &str,
    account: &str,
) -> &'a mut SenderView {
    let view = known_sender(senders, channel, name);
    if !view.accounts.iter().any(|known| known == account) {
        view.accounts.push(account.to_owned());
    }
    view
}

fn known_sender<'a>(
    senders: &'a mut BTreeMap<(Channel, String), SenderView>,
    channel: Channel,
    name: &str,
) -> &'a mut SenderView {
    senders.entry((channel, name.to_owned())).or_insert_with(|| SenderView {
        channel: channel.to_string(),
        name: name.to_owned(),
        accounts: Vec::new(),
        standing: Hold::Open.as_str().to_owned(),
        queued: 0,
        oldest: None,
    })
}

/// The earlier of two instants that may be missing.
fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    [one, other].into_iter().flatten().min()
}

/// One route; `lanes` are those of all routes.
#[must_use]
pub fn route(core: &Core, route: &Route, lanes: &[(Lane, LaneView)]) -> RouteView {
    let (capabilities, health) = (route.connector.capabilities(), route.connector.health());
    let lanes: Vec<LaneView> =
        lanes.iter().filter(|(lane, _)| lane.route == route.name).map(|(_, view)| view.clone()).collect();
    let config = core.config.routes.iter().find(|config| *config.name == *route.name.as_str());
    RouteView {
        name: route.name.to_string(),
        channel: route.connector.channel().to_string(),
        up: health.up,
        health: health.text,
        last_error: health.last_error,
        window: capabilities.window,
        rate_per_sender: capabilities.rate_per_sender,
        reports_delivery: capabilities.reports_delivery,
        reports_reading: capabilities.reports_reading,
        prefixes: config.map(|config| config.prefixes.clone()).unwrap_or_default(),
        standing: core.dispatcher.hold(&Held::Route(route.name.clone())).as_str().to_owned(),
        in_flight: Some(core.dispatcher.in_flight(&route.name)),
        queued: lanes.iter().flat_map(|lane| lane.queued.values()).sum(),
        lanes,
    }
}

/// Lanes with queued messages, counted within bounds.
async fn lanes(core: &Core, reach: &Reach) -> Result<Vec<(Lane, LaneView)>, StoreError> {
    let mut views = Vec::new();
    for lane in
        core.store.lanes().await?.into_iter().filter(|lane| reach.covers(&lane.account)).take(MOST_LANES)
    {
        let view = depth(core, &lane).await?;
        views.push((lane, view));
    }
    Ok(views)
}

async fn depth(core: &Core, lane: &Lane) -> Result<LaneView, StoreError> {
    let mut view = LaneView {
        account: lane.account.to_string(),
        sender: lane.sender.clone(),
        queued: BTreeMap::new(),
        more: false,
        oldest: None,
    };
    for class in Priority::ALL {
        let places = core.store.queued(lane.clone(), class, None, MOST_COUNTED).await?;
        view.oldest = earlier(view.oldest, places.first().map(|place| place.not_before.into()));
        let count = places.len();
        view.more |= count == MOST_COUNTED;
        if count > 0 {
            view.queued.insert(class.as_str().to_owned(), count);
        }
    }
    Ok(view)
}
