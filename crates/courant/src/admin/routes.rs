//! Routes, senders and accounts: shown, paused, drained and resumed.

use model::{Channel, RouteName};

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{
    dispatch::{Held, Hold},
    operate,
    views::{self, Reach},
};

pub(super) async fn list(ask: &Ask<'_>) -> Result<Whole, Problem> {
    Ok(ask.json(&Page::all(views::routes(ask.core(), ask.reach()).await?)))
}

pub(super) async fn list_senders(ask: &Ask<'_>) -> Result<Whole, Problem> {
    Ok(ask.json(&Page::all(views::senders(ask.core(), ask.reach()).await?)))
}

pub(super) async fn hold_route(ask: &Ask<'_>, hold: Hold) -> Result<Whole, Problem> {
    let (core, name) = (ask.core(), RouteName::from(ask.path("name")));
    if core.routes.get(&name).is_none() {
        return Err(Problem::missing("there is no route of this name; `courant routes` shows them"));
    }
    operate::hold(core, ask.hand(), Held::Route(name.clone()), hold).await?;
    let view = views::routes(core, ask.reach()).await?.into_iter().find(|view| view.name == name.as_str());
    view.map(|view| ask.json(&view)).ok_or_else(Problem::internal)
}

pub(super) async fn hold_sender(ask: &Ask<'_>, hold: Hold) -> Result<Whole, Problem> {
    let (core, name) = (ask.core(), ask.path("name").to_owned());
    let channel = Channel::parse(ask.path("channel"));
    let channel = channel.ok_or_else(|| Problem::missing("there is no channel of this name"))?;
    let same = |view: &views::SenderView| view.channel == channel.as_str() && view.name == name;
    let known = views::senders(core, ask.reach()).await?.iter().any(same);
    let serves = core.routes.all().any(|route| route.connector.channel() == channel);
    if name.len() > 100 || (!known && !serves) {
        return Err(unknown_sender());
    }
    within_reach(ask, channel, &name)?;
    operate::hold(core, ask.hand(), Held::Sender(channel, name.clone()), hold).await?;
    let view = views::senders(core, ask.reach()).await?.into_iter().find(same);
    let view = view.unwrap_or_else(|| views::SenderView {
        channel: channel.to_string(),
        name: name.clone(),
        accounts: Vec::new(),
        standing: hold.as_str().to_owned(),
        queued: 0,
        oldest: None,
    });
    Ok(ask.json(&view))
}

/// A sender is held for everybody who may use it.
fn within_reach(ask: &Ask<'_>, channel: Channel, name: &str) -> Result<(), Problem> {
    if *ask.reach() == Reach::All {
        return Ok(());
    }
    let accounts = ask.core().accounts.all().iter();
    let users = accounts.filter(|account| account.may_send_by(channel, name));
    let (ours, others): (Vec<_>, Vec<_>) = users.partition(|account| ask.reach().covers(&account.name));
    match (ours.is_empty(), others.is_empty()) {
        (true, _) => Err(unknown_sender()),
        (false, false) => Err(ask.grant.too_far()),
        (false, true) => Ok(()),
    }
}

fn unknown_sender() -> Problem {
    Problem::missing("no account uses this sender; `courant senders` shows those known")
}

pub(super) async fn list_accounts(ask: &Ask<'_>) -> Result<Whole, Problem> {
    Ok(ask.json(&Page::all(views::accounts(ask.core(), ask.reach()).await?)))
}

pub(super) async fn read_account(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let account = ask.path_account()?;
    let unfinished = ask.core().store.unfinished().await?;
    let unfinished = unfinished.iter().find(|(known, _)| *known == account.name);
    let unfinished = unfinished.map_or(0, |(_, count)| *count);
    let balance = views::balance_of(ask.core(), &account).await?;
    Ok(ask.json(&views::account(ask.core(), &account, unfinished, balance.as_ref())))
}
