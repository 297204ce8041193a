//! `courant callbacks`, `accounts`, `routes`, `senders`, `tokens` and `backup`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{
    client::{Client, Remote, say, segment, table},
    paging::{Paging, say_more},
};
use crate::{
    admin::{BackupView, MadeToken, Page, Scope, TokenView},
    views::{AccountView, BalanceView, CallbackView, LedgerView, RouteView, SenderView},
};

/// Callbacks that were given up.
#[derive(Debug, Subcommand)]
pub(super) enum Callbacks {
    /// List callbacks that were given up, oldest first.
    List {
        /// Only of this account.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        remote: Remote,
    },
    /// Send callbacks again.
    Replay {
        /// These ids.
        #[arg(required_unless_present_any = ["account", "url_prefix"])]
        ids: Vec<i64>,
        /// All of this account.
        #[arg(long)]
        account: Option<String>,
        /// All whose address begins like this.
        #[arg(long)]
        url_prefix: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(super) async fn callbacks(command: Callbacks) -> Result<(), String> {
    match command {
        Callbacks::List { account, paging, remote } => {
            let client = remote.client()?;
            let mut query = paging.query();
            query.extend(account.map(|account| ("account", account)));
            client.show(client.look("/callbacks", &query).await?, print_callbacks)
        }
        Callbacks::Replay { ids, account, url_prefix, remote } => {
            let client = remote.client()?;
            let mut body = json!({});
            if !ids.is_empty() {
                body["ids"] = json!(ids);
            }
            if let Some(account) = account {
                body["account"] = account.into();
            }
            if let Some(prefix) = url_prefix {
                body["url_prefix"] = prefix.into();
            }
            let answer = client.act("/callbacks/replay", Some(&body), None).await?;
            let more = answer["more"] == true;
            client.show(answer, |answer: serde_json::Value| {
                say(&format!("{} callbacks are sent again", answer["replayed"]));
                if more {
                    say("there are more: call it again");
                }
            })
        }
    }
}

fn print_callbacks(page: Page<CallbackView>) {
    let row = |view: CallbackView| {
        let result = view.last_result.unwrap_or_default();
        vec![view.id.to_string(), view.account, view.about, view.url, view.tries.to_string(), result]
    };
    let rows: Vec<_> = page.items.into_iter().map(row).collect();
    table(&["ID", "ACCOUNT", "ABOUT", "ADDRESS", "TRIES", "RESULT"], &rows);
    say_more(page.next.as_deref());
}

/// Accounts: list them; their money: show it, put some in.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Accounts {
    #[command(subcommand)]
    command: Option<Money>,
    #[command(flatten)]
    remote: Remote,
}

/// Money of accounts.
#[derive(Debug, Subcommand)]
enum Money {
    /// Show what an account has.
    Balance {
        /// Its name.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show what moved an account's money, oldest first.
    Ledger {
        /// Its name.
        name: String,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        remote: Remote,
    },
    /// Put money into an account.
    TopUp {
        /// Its name.
        name: String,
        /// How much: 12.50; a negative amount takes money out.
        #[arg(allow_negative_numbers = true)]
        amount: String,
        /// Number of the payment; one that is in the ledger already is refused.
        #[arg(long)]
        reference: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(super) async fn accounts(arguments: Accounts) -> Result<(), String> {
    match arguments.command {
        Some(command) => money(command).await,
        None => list_accounts(&arguments.remote.client()?).await,
    }
}

async fn money(command: Money) -> Result<(), String> {
    match command {
        Money::Balance { name, remote } => {
            let client = remote.client()?;
            let path = format!("/accounts/{}/balance", segment(&name));
            client.show(client.look(&path, &[]).await?, print_balance)
        }
        Money::Ledger { name, paging, remote } => {
            let client = remote.client()?;
            let path = format!("/accounts/{}/ledger", segment(&name));
            client.show(client.look(&path, &paging.query()).await?, print_ledger)
        }
        Money::TopUp { name, amount, reference, remote } => {
            let client = remote.client()?;
            let mut body = json!({ "amount": amount });
            if let Some(reference) = reference {
                body["reference"] = reference.into();
            }
            let path = format!("/accounts/{}/top-ups", segment(&name));
            client.show(client.act(&path, Some(&body), None).await?, print_balance)
        }
    }
}

fn print_balance(view: BalanceView) {
    say(&format!("{0} {1} available, {2} {1} set aside", view.available, view.currency, view.held));
}

fn print_ledger(page: Page<LedgerView>) {
    let row = |view: LedgerView| {
        let about = view.message.or(view.reference).unwrap_or_default();
        let step = view.step.map(|step| format!(" (step {step})")).unwrap_or_default();
        vec![
            view.id.to_string(),
            view.at.to_string(),
            view.kind,
            view.amount,
            view.available,
            format!("{about}{step}"),
        ]
    };
    let rows: Vec<_> = page.items.into_iter().map(row).collect();
    table(&["ID", "AT", "KIND", "AMOUNT", "AVAILABLE", "FOR"], &rows);
    say_more(page.next.as_deref());
}

async fn list_accounts(client: &Client) -> Result<(), String> {
    let row = |view: AccountView| {
        let channels: Vec<String> = view.routes.keys().cloned().collect();
        let suspended = if view.suspended { "suspended" } else { "" };
        vec![
            view.name,
            view.dialects.join(","),
            channels.join(","),
            view.unfinished.to_string(),
            view.balance.map(|money| format!("{} {}", money.available, money.currency)).unwrap_or_default(),
            suspended.to_owned(),
        ]
    };
    client.show(client.look("/accounts", &[]).await?, |page: Page<AccountView>| {
        let rows: Vec<_> = page.items.into_iter().map(row).collect();
        table(&["NAME", "DIALECTS", "CHANNELS", "UNFINISHED", "BALANCE", ""], &rows);
    })
}

/// Routes: list, pause, resume, drain.
#[derive(Debug, Subcommand)]
pub(super) enum Routes {
    /// List the routes and how they are doing.
    List(Listing),
    /// Hand nothing more over; messages stay queued.
    Pause(RouteArguments),
    /// Work as usual again.
    Resume(RouteArguments),
    /// Plan new messages without it, where the channel has another; what is queued still goes.
    Drain(RouteArguments),
}

/// Where to look.
#[derive(Debug, Args)]
pub(super) struct Listing {
    #[command(flatten)]
    remote: Remote,
}

/// Which route.
#[derive(Debug, Args)]
pub(super) struct RouteArguments {
    /// Its name.
    name: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn routes(command: Routes) -> Result<(), String> {
    let (arguments, verb) = match command {
        Routes::List(listing) => {
            let client = listing.remote.client()?;
            return client
                .show(client.look("/routes", &[]).await?, |page: Page<RouteView>| print_routes(page.items));
        }
        Routes::Pause(arguments) => (arguments, "pause"),
        Routes::Resume(arguments) => (arguments, "resume"),
        Routes::Drain(arguments) => (arguments, "drain"),
    };
    let client = arguments.remote.client()?;
    let path = format!("/routes/{}/{verb}", segment(&arguments.name));
    client.show(client.act_plainly(&path).await?, |view: RouteView| print_routes(vec![view]))
}

fn print_routes(views: Vec<RouteView>) {
    let row = |view: RouteView| {
        let up = if view.up { "up" } else { "down" };
        vec![
            view.name,
            view.channel,
            up.to_owned(),
            view.standing,
            view.in_flight.map(|count| count.to_string()).unwrap_or_default(),
            view.queued.to_string(),
            view.last_error.unwrap_or(view.health),
        ]
    };
    let rows: Vec<_> = views.into_iter().map(row).collect();
    table(&["NAME", "CHANNEL", "", "STANDING", "IN FLIGHT", "QUEUED", "HEALTH"], &rows);
}

/// Senders: list, pause, resume, drain.
#[derive(Debug, Subcommand)]
pub(super) enum Senders {
    /// List the senders that accounts use.
    List(Listing),
    /// Hand nothing more over by this sender; messages stay queued.
    Pause(SenderArguments),
    /// Work as usual again.
    Resume(SenderArguments),
    /// Fail new steps by it, so that plans go on without it; what is queued still goes.
    Drain(SenderArguments),
}

/// Which sender.
#[derive(Debug, Args)]
pub(super) struct SenderArguments {
    /// Its channel.
    channel: String,
    /// Its name.
    name: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn senders(command: Senders) -> Result<(), String> {
    let (arguments, verb) = match command {
        Senders::List(listing) => {
            let client = listing.remote.client()?;
            return client.show(client.look("/senders", &[]).await?, |page: Page<SenderView>| {
                print_senders(page.items);
            });
        }
        Senders::Pause(arguments) => (arguments, "pause"),
        Senders::Resume(arguments) => (arguments, "resume"),
        Senders::Drain(arguments) => (arguments, "drain"),
    };
    let client = arguments.remote.client()?;
    let path = format!("/senders/{}/{}/{verb}", segment(&arguments.channel), segment(&arguments.name));
    client.show(client.act_plainly(&path).await?, |view: SenderView| print_senders(vec![view]))
}

fn print_senders(views: Vec<SenderView>) {
    let row = |view: SenderView| {
        vec![view.channel, view.name, view.standing, view.queued.to_string(), view.accounts.join(",")]
    };
    let rows: Vec<_> = views.into_iter().map(row).collect();
    table(&["CHANNEL", "NAME", "STANDING", "QUEUED", "ACCOUNTS"], &rows);
}

/// What a token may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ScopeName {
    /// See everything but numbers, contents and secrets.
    Look,
    /// See numbers and contents too.
    Numbers,
    /// Send, cancel, replay, pause.
    Act,
    /// Tokens and backups.
    Administer,
}

impl ScopeName {
    const fn scope(self) -> Scope {
        match self {
            Self::Look => Scope::Look,
            Self::Numbers => Scope::Numbers,
            Self::Act => Scope::Act,
            Self::Administer => Scope::Administer,
        }
    }
}

/// Tokens of the API.
#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Make a token; it is shown only now.
    Create {
        /// Its name.
        name: String,
        /// What it may do; repeat it for more.
        #[arg(long = "scope", required = true)]
        scopes: Vec<ScopeName>,
        /// The account whose things it may see and touch; repeat it for more [default: all, and the gateway
        /// itself].
        #[arg(long = "account")]
        accounts: Vec<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the tokens, without the tokens themselves.
    List(Listing),
    /// Revoke a token.
    Revoke {
        /// Its id or name.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(super) async fn tokens(command: Tokens) -> Result<(), String> {
    match command {
        Tokens::Create { name, scopes, accounts, remote } => {
            let client = remote.client()?;
            let scopes: Vec<Scope> = scopes.into_iter().map(ScopeName::scope).collect();
            let body = json!({ "name": name, "scopes": scopes, "accounts": accounts });
            client.show(client.act("/tokens", Some(&body), None).await?, |made: MadeToken| say(&made.token))
        }
        Tokens::List(listing) => {
            let client = listing.remote.client()?;
            client.show(client.look("/tokens", &[]).await?, print_tokens)
        }
        Tokens::Revoke { id, remote } => revoke(&remote.client()?, &id).await,
    }
}

async fn revoke(client: &Client, id: &str) -> Result<(), String> {
    client.remove(&format!("/tokens/{}", segment(id))).await?;
    client.show(json!({ "revoked": id }), |_: serde_json::Value| say(&format!("revoked {id}")))
}

fn print_tokens(page: Page<TokenView>) {
    let row = |view: TokenView| {
        let scopes: Vec<&str> = view.scopes.iter().map(|scope| scope.as_str()).collect();
        vec![
            view.id.unwrap_or_else(|| "(configuration)".to_owned()),
            view.name,
            scopes.join(","),
            if view.accounts.is_empty() { "all".to_owned() } else { view.accounts.join(",") },
            view.created_at.map(|at| at.to_string()).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.into_iter().map(row).collect();
    table(&["ID", "NAME", "SCOPES", "ACCOUNTS", "CREATED"], &rows);
}

/// Have the running server write a consistent copy of its messages and media.
#[derive(Debug, Args)]
#[command(
    after_help = "The copy is a folder within `backups` of the data folder; move it to another machine. `courant\nrestore` makes a data folder of it. What was accepted after the copy was begun is not in it."
)]
pub(super) struct Backup {
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn backup(arguments: Backup) -> Result<(), String> {
    let client = arguments.remote.client()?;
    client.show(client.act_slowly("/backup").await?, |view: BackupView| {
        say(&format!("{} ({} bytes, on the server)", view.path, view.bytes));
    })
}
