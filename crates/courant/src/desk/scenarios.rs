//! Stored scenarios of accounts. Those of the configuration exist from the start; those made over
//! the API are documents of the store. At most one is an account's default.

use model::{
    Channel, Refusal,
    call::{FlowStep, Missing, Scenario, ScenarioDraft, ScenarioFilter},
};
use store::{Change, Document, StoreError, Verdict};

use crate::{accounts::Account, clock, config::ScenarioConfig, core::Core};

const KIND: &str = "scenario";
/// Key of the document that names the default.
const DEFAULT: &str = "!default";
/// Most scenarios of an account.
const MAX: usize = 10_000;
/// How often a write is tried again after losing a race.
const TRIES: usize = 5;

/// One scenario.
///
/// # Errors
/// If the account has none with this key.
pub async fn read(core: &Core, account: &Account, key: &str) -> Result<Scenario, Refusal> {
    let all = all(core, account).await?;
    all.into_iter().find(|scenario| scenario.key == key).ok_or(Refusal::NotFound(Missing::Scenario))
}

/// The account's default scenario.
///
/// # Errors
/// If it has none.
pub async fn default(core: &Core, account: &Account) -> Result<Scenario, Refusal> {
    let all = all(core, account).await?;
    all.into_iter().find(|scenario| scenario.default).ok_or(Refusal::NotFound(Missing::DefaultScenario))
}

/// The scenarios that fit, by page.
///
/// # Errors
/// If they cannot be read.
pub async fn list(core: &Core, account: &Account, filter: &ScenarioFilter) -> Result<Vec<Scenario>, Refusal> {
    let all = all(core, account).await?;
    let fits = |scenario: &Scenario| filter.default.is_none_or(|wanted| wanted == scenario.default);
    Ok(all
        .into_iter()
        .filter(fits)
        .skip(filter.page.saturating_mul(filter.limit))
        .take(filter.limit)
        .collect())
}

/// Stores a new scenario. The first of an account becomes its default.
///
/// # Errors
/// If it cannot be stored.
pub async fn create(core: &Core, account: &Account, draft: ScenarioDraft) -> Result<Scenario, Refusal> {
    let known = all(core, account).await?;
    if known.len() >= MAX {
        return Err(Refusal::Overloaded);
    }
    let key = clock::message_id(clock::now()).upper_hex();
    let default = draft.default.unwrap_or(false) || known.is_empty();
    let scenario = Scenario { key, name: draft.name, flow: draft.flow, default };
    put(core, account, &scenario, 0).await?;
    if default {
        set_default(core, account, Some(&scenario.key)).await?;
    }
    Ok(scenario)
}

/// Replaces a scenario; an omitted default flag stays as it is.
///
/// # Errors
/// If there is none with this key, or it cannot be stored.
pub async fn update(
    core: &Core,
    account: &Account,
    key: &str,
    draft: ScenarioDraft,
) -> Result<Scenario, Refusal> {
    let known = read(core, account, key).await?;
    let default = draft.default.unwrap_or(known.default);
    let scenario = Scenario { key: key.to_owned(), name: draft.name, flow: draft.flow, default };
    for _ in 0..TRIES {
        let stored = core.store.document(account.name.clone(), KIND, key.to_owned()).await.map_err(refuse)?;
        if put(core, account, &scenario, stored.map_or(0, |document| document.version)).await.is_ok() {
            if default != known.default {
                set_default(core, account, default.then_some(key)).await?;
            }
            return Ok(scenario);
        }
    }
    Err(Refusal::Overloaded)
}

/// Removes a stored scenario; one of the configuration that it replaced counts again. If it was the
/// default, the configuration's default is.
///
/// # Errors
/// If there is no stored one with this key, or the store cannot take it.
pub async fn remove(core: &Core, account: &Account, key: &str) -> Result<(), Refusal> {
    let gone =
        |key: &str| Change::RemoveDocument { account: account.name.clone(), kind: KIND, key: key.to_owned() };
    let find = |key: &str| core.store.document(account.name.clone(), KIND, key.to_owned());
    if key == DEFAULT || find(key).await.map_err(refuse)?.is_none() {
        return Err(Refusal::NotFound(Missing::Scenario));
    }
    let mut changes = vec![gone(key)];
    let chosen = find(DEFAULT).await.map_err(refuse)?;
    let chosen = chosen.and_then(|document| serde_json::from_str::<Option<String>>(&document.json).ok());
    if chosen.flatten().as_deref() == Some(key) {
        changes.push(gone(DEFAULT));
    }
    core.store.commit(changes).await.map_err(refuse)?;
    Ok(())
}

async fn put(core: &Core, account: &Account, scenario: &Scenario, version: u32) -> Result<(), Refusal> {
    let json = serde_json::to_string(scenario).expect("our own types serialise");
    write(core, account, scenario.key.clone(), json, version).await
}

async fn write(
    core: &Core,
    account: &Account,
    key: String,
    json: String,
    version: u32,
) -> Result<(), Refusal> {
    let document = Document { account: account.name.clone(), kind: KIND, key, json, version };
    let verdicts = core.store.commit(vec![Change::PutDocument(document)]).await.map_err(refuse)?;
    if verdicts.iter().all(|verdict| *verdict == Verdict::Applied) {
        Ok(())
    } else {
        Err(Refusal::Overloaded)
    }
}

async fn set_default(core: &Core, account: &Account, key: Option<&str>) -> Result<(), Refusal> {
    for _ in 0..TRIES {
        let stored =
            core.store.document(account.name.clone(), KIND, DEFAULT.to_owned()).await.map_err(refuse)?;
        let version = stored.map_or(0, |document| document.version);
        let json = serde_json::to_string(&key).expect("a text serialises");
        if write(core, account, DEFAULT.to_owned(), json, version).await.is_ok() {
            return Ok(());
        }
    }
    Err(Refusal::Overloaded)
}

/// All scenarios: stored ones replace configured ones of the same key.
async fn all(core: &Core, account: &Account) -> Result<Vec<Scenario>, Refusal> {
    let documents =
        core.store.documents(account.name.clone(), KIND, String::new(), MAX + 1).await.map_err(refuse)?;
    let mut chosen: Option<Option<String>> = None;
    let mut all: Vec<Scenario> = account.config.scenarios.iter().map(configured).collect();
    for document in documents {
        if document.key == DEFAULT {
            chosen = serde_json::from_str(&document.json).ok();
        } else if let Ok(scenario) = serde_json::from_str::<Scenario>(&document.json) {
            all.retain(|known| known.key != scenario.key);
            all.push(scenario);
        }
    }
    if let Some(chosen) = chosen {
        for scenario in &mut all {
            scenario.default = chosen.as_deref() == Some(&scenario.key);
        }
    }
    Ok(all)
}

fn configured(scenario: &ScenarioConfig) -> Scenario {
    let step = |(label, from): &(String, String)| FlowStep {
        label: label.clone(),
        channel: Channel::parse(&label.to_ascii_lowercase()).unwrap_or(Channel::Unlisted),
        from: (!from.is_empty()).then(|| from.clone()),
    };
    Scenario {
        key: scenario.key.clone(),
        name: scenario.name.clone(),
        flow: scenario.flow.iter().map(step).collect(),
        default: scenario.default,
    }
}

/// A store's error as a refusal.
#[must_use]
pub fn refuse(error: StoreError) -> Refusal {
    match error {
        StoreError::Full | StoreError::Busy | StoreError::Closed => Refusal::Overloaded,
        StoreError::Other(text) => {
            tracing::error!(error = %text, "the store failed");
            Refusal::Internal
        }
    }
}
