//! Routes at run time: connectors by name.

use std::{collections::BTreeMap, sync::Arc};

use connectors::{Connector, smpp::Smpp, whatsapp_cloud::WhatsappCloud};
use model::{Channel, RouteName, message::OnUnknown};

use crate::{
    accounts::RouteTable,
    config::{Config, MediaMode, RouteConfig},
};

/// A configured route with its connector.
pub struct Route {
    /// Its name.
    pub name: RouteName,
    /// The client of its network.
    pub connector: Arc<dyn Connector>,
    /// How media reach its network.
    pub media: MediaMode,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Route").field(&self.name).finish()
    }
}

/// All routes.
pub struct Routes {
    /// In order of their names, so that they start in the same order each time.
    by_name: BTreeMap<RouteName, Arc<Route>>,
    /// For choosing.
    pub table: RouteTable,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

impl Routes {
    /// Builds the connectors of a configuration; none of them connects yet.
    ///
    /// # Errors
    /// What is wrong with a route's settings.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut connectors = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            let name = RouteName::from(route.name.as_str());
            let connector = connector(route, &name).map_err(|error| format!("route `{name}`: {error}"))?;
            connectors.push((name, connector));
        }
        Ok(Self::given(config, connectors))
    }

    /// The configured routes with these connectors.
    #[must_use]
    pub fn given(
        config: &Config,
        connectors: impl IntoIterator<Item = (RouteName, Arc<dyn Connector>)>,
    ) -> Self {
        let media = |name: &RouteName| {
            let configured = config.routes.iter().find(|route| route.name == name.as_str());
            configured.map(|route| route.media).unwrap_or_default()
        };
        let route = |(name, connector): (RouteName, _)| {
            (name.clone(), Arc::new(Route { media: media(&name), name, connector }))
        };
        Self {
            by_name: connectors.into_iter().map(route).collect(),
            table: RouteTable::new(&config.routes, default_policy),
        }
    }

    /// The route of this name.
    #[must_use]
    pub fn get(&self, name: &RouteName) -> Option<&Arc<Route>> {
        self.by_name.get(name)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.by_name.values()
    }
}

fn connector(route: &RouteConfig, name: &RouteName) -> Result<Arc<dyn Connector>, String> {
    if let Some(settings) = &route.whatsapp_cloud {
        let connector =
            WhatsappCloud::new(settings.clone(), name.clone()).map_err(|error| error.to_string())?;
        return Ok(Arc::new(connector));
    }
    if let Some(settings) = &route.smpp {
        let connector = Smpp::new(settings.clone(), name.clone()).map_err(|error| error.to_string())?;
        return Ok(Arc::new(connector));
    }
    Err("no connector table".to_owned())
}

/// At most once where a double is worse than a loss, because another channel follows.
fn default_policy(route: &RouteConfig) -> OnUnknown {
    match channel_of(route) {
        Channel::Whatsapp | Channel::Voice => OnUnknown::AtMostOnce,
        _ => OnUnknown::AtLeastOnce,
    }
}

/// The channel a route's connector serves.
#[must_use]
pub fn channel_of(route: &RouteConfig) -> Channel {
    if route.whatsapp_cloud.is_some() { Channel::Whatsapp } else { Channel::Sms }
}
