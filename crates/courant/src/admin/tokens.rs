//! Who may use the API: bearer tokens with scopes. Tokens of the configuration are known from the
//! start; those made through the API are kept as documents, hashed, so that the store does not
//! hold anything that opens a door.

use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Change, Document, Verdict};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::{
    clock,
    core::Core,
    desk::accept::nobody,
    operate::Hand,
    views::{Moment, Reach, Sight},
};

const KIND: &str = "token";
/// Most tokens made through the API.
const MOST: usize = 1000;
/// Most accounts that a token is limited to.
const MOST_ACCOUNTS: usize = 100;
/// Digits of a hash by which a token is named.
const ID_DIGITS: usize = 16;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything but numbers, contents and secrets.
    Look,
    /// See numbers and contents too.
    Numbers,
    /// Send, cancel, replay, pause. Looking is included.
    Act,
    /// Tokens and backups. Acting is included.
    Administer,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Numbers => "numbers",
            Self::Act => "act",
            Self::Administer => "administer",
        }
    }

    /// Whether having `self` is enough where `wanted` is asked for.
    const fn includes(self, wanted: Self) -> bool {
        match self {
            Self::Administer => matches!(wanted, Self::Administer | Self::Act | Self::Look),
            Self::Act => matches!(wanted, Self::Act | Self::Look),
            Self::Look => matches!(wanted, Self::Look),
            Self::Numbers => matches!(wanted, Self::Numbers | Self::Look),
        }
    }
}

/// A caller of the API, established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whose things it may do it with.
    pub reach: Reach,
}

impl Grant {
    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, wanted: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.includes(wanted))
    }

    /// What it may see.
    #[must_use]
    pub fn sight(&self) -> Sight {
        Sight { numbers: self.may(Scope::Numbers) }
    }

    /// # Errors
    /// 403 if it is limited to some accounts.
    pub(super) fn require_all(&self) -> Result<(), Problem> {
        match &self.reach {
            Reach::All => Ok(()),
            Reach::Only(_) => Err(self.too_far()),
        }
    }

    /// For what concerns accounts that it is not for.
    pub(super) fn too_far(&self) -> Problem {
        Problem::forbidden(format!(
            "token `{}` is only for {}; this concerns other accounts too",
            self.name,
            self.reach.names().join(", ")
        ))
    }

    /// # Errors
    /// 403 if it may not do this.
    pub(super) fn require(&self, wanted: Scope) -> Result<(), Problem> {
        if self.may(wanted) {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "token `{}` lacks the scope `{}`; make one that has it: `courant tokens create NAME --scope {}`",
            self.name,
            wanted.as_str(),
            wanted.as_str()
        )))
    }
}

/// A token as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    scopes: Vec<Scope>,
    /// None for all.
    #[serde(default)]
    accounts: Vec<String>,
    created_at: Moment,
    created_by: String,
}

/// A token in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// By which it is revoked; none for tokens of the configuration.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The accounts whose things it may see and touch; empty for all, and for the gateway itself.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// When it was made; none for tokens of the configuration.
    pub created_at: Option<Moment>,
    /// Who made it: a person, or another token.
    pub created_by: Option<String>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name, for people; no other token may have it.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it may do.
    #[schemars(length(min = 1, max = 4))]
    pub scopes: Vec<Scope>,
    /// The accounts whose things it may see and touch; all, and the gateway itself, if none are
    /// given.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub accounts: Vec<String>,
}

/// A token just made: the only time that it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// The token: keep it, it is shown only now.
    pub token: String,
    /// What lists show of it.
    #[serde(flatten)]
    pub view: TokenView,
}

/// Who asks, by the Authorization header.
///
/// # Errors
/// 401, saying what to do.
pub(super) async fn establish(core: &Core, headers: &HeaderMap) -> Result<Grant, Problem> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme_and_token = value.and_then(|value| value.trim().split_once(' '));
    let token = scheme_and_token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Err(Problem::unauthenticated(absent(core))) };
    grant(core, token.trim()).await?.ok_or_else(|| {
        Problem::unauthenticated("the token is not known; tokens stand in [admin] of the configuration, or are made by `courant tokens create`")
    })
}

fn absent(core: &Core) -> &'static str {
    if core.config.admin.tokens.is_empty() {
        "no token is configured: set tokens = [{ name, scopes, token }] in [admin] of the configuration, then send Authorization: Bearer TOKEN"
    } else {
        "send Authorization: Bearer TOKEN, with a token of [admin] of the configuration or one made by `courant tokens create`"
    }
}

/// What a token may do; `None` if it is not known.
///
/// # Errors
/// If the store cannot answer.
pub async fn grant(core: &Core, token: &str) -> Result<Option<Grant>, store::StoreError> {
    let digest = digest(token);
    let mut known = None;
    // All are compared, so that time does not tell which.
    for configured in &core.config.admin.tokens {
        if bool::from(self::digest(&configured.token).as_bytes().ct_eq(digest.as_bytes())) {
            known = Some(Grant {
                name: configured.name.clone(),
                scopes: configured.scopes.clone(),
                reach: Reach::of(&configured.accounts),
            });
        }
    }
    if known.is_some() {
        return Ok(known);
    }
    let document = core.store.document(nobody(), KIND, digest).await?;
    let kept = document.and_then(|document| serde_json::from_str::<Kept>(&document.json).ok());
    Ok(kept.map(|kept| Grant { reach: Reach::of(&kept.accounts), name: kept.name, scopes: kept.scopes }))
}

/// Whose things a token that is to be made may touch.
fn reach_of(core: &Core, accounts: &[String]) -> Result<Reach, Problem> {
    if accounts.len() > MOST_ACCOUNTS {
        return Err(Problem::invalid(format!("`accounts` names at most {MOST_ACCOUNTS}")));
    }
    match accounts.iter().find(|name| core.accounts.by_name(&name.as_str().into()).is_none()) {
        Some(unknown) => Err(Problem::invalid(format!("`accounts` names `{unknown}`, which is no account"))),
        None => Ok(Reach::of(accounts)),
    }
}

/// Makes a token. Whoever makes it gives nothing that they have not: a token for some accounts makes
/// tokens for these.
///
/// # Errors
/// If name, scopes or accounts are not good, or the name is taken.
pub async fn create(core: &Core, hand: Hand<'_>, new: NewToken) -> Result<MadeToken, Problem> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("`name` has 1 to 100 printable characters"));
    }
    let mut scopes = new.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Problem::invalid("`scopes` names at least one of look, numbers, act, administer"));
    }
    let reach = reach_of(core, &new.accounts)?;
    let known = list(core, &Reach::All).await?;
    if known.len() >= MOST {
        return Err(Problem::conflict(format!("there are {MOST} tokens; revoke some first")));
    }
    if known.iter().any(|known| known.name == name) {
        return Err(Problem::conflict(format!(
            "a token named `{name}` exists; revoke it first, or take another name"
        )));
    }
    let token = format!("courant_{:032x}{:032x}", clock::random(), clock::random());
    let created_at = Moment(clock::now());
    let accounts = reach.names();
    let kept = Kept {
        name: name.clone(),
        scopes: scopes.clone(),
        accounts: accounts.clone(),
        created_at,
        created_by: hand.to_string(),
    };
    let digest = digest(&token);
    let json = serde_json::to_string(&kept).expect("our own types serialise");
    let document = Document { account: nobody(), kind: KIND, key: digest.clone(), json, version: 0 };
    let verdicts = core.store.commit(vec![Change::PutDocument(document)]).await?;
    if verdicts.iter().any(|verdict| *verdict != Verdict::Applied) {
        return Err(Problem::internal());
    }
    let view = TokenView {
        id: Some(digest[..ID_DIGITS].to_owned()),
        name,
        scopes,
        accounts,
        created_at: Some(created_at),
        created_by: Some(hand.to_string()),
    };
    let words: Vec<&str> = view.scopes.iter().map(|scope| scope.as_str()).collect();
    let whose = if view.accounts.is_empty() { "all accounts".to_owned() } else { view.accounts.join(", ") };
    hand.did(core, "made a token", &view.name, &format!("{} for {whose}", words.join(", "))).await;
    Ok(MadeToken { token, view })
}

/// All tokens that open nothing out of reach: those of the configuration first.
///
/// # Errors
/// If the store cannot answer.
pub async fn list(core: &Core, reach: &Reach) -> Result<Vec<TokenView>, Problem> {
    let configured = core.config.admin.tokens.iter().map(|token| TokenView {
        id: None,
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        accounts: token.accounts.clone(),
        created_at: None,
        created_by: None,
    });
    let mut views: Vec<TokenView> = configured.collect();
    for document in core.store.documents(nobody(), KIND, String::new(), MOST).await? {
        let Ok(kept) = serde_json::from_str::<Kept>(&document.json) else { continue };
        views.push(TokenView {
            id: document.key.get(..ID_DIGITS).map(str::to_owned),
            name: kept.name,
            scopes: kept.scopes,
            accounts: kept.accounts,
            created_at: Some(kept.created_at),
            created_by: Some(kept.created_by),
        });
    }
    views.retain(|view| reach.includes(&Reach::of(&view.accounts)));
    Ok(views)
}

/// Revokes a token by id or name.
///
/// # Errors
/// If there is none within reach, or it stands in the configuration.
pub async fn revoke(core: &Core, hand: Hand<'_>, id: &str, reach: &Reach) -> Result<(), Problem> {
    let is = |view: &TokenView| view.name == id || view.id.as_deref() == Some(id);
    let Some(known) = list(core, reach).await?.into_iter().find(is) else { return Err(unknown(id)) };
    let Some(digits) = known.id else {
        return Err(Problem::conflict("this token stands in the configuration; remove it there and restart"));
    };
    for document in core.store.documents(nobody(), KIND, String::new(), MOST).await? {
        if document.key.get(..ID_DIGITS) == Some(&digits) {
            let change = Change::RemoveDocument { account: nobody(), kind: KIND, key: document.key };
            core.store.commit(vec![change]).await?;
            hand.did(core, "revoked a token", id, "").await;
            return Ok(());
        }
    }
    Err(unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::missing(format!("no token has the id or name `{id}`; `courant tokens list` shows them"))
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
