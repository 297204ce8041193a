//! Money of an account: what it has, what moved, money put in.

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};
use store::Balance;

use super::{account, frame};
use crate::{
    billing::TopUpFault,
    clock,
    console::{
        Console,
        forms::{Fields, segment},
        gate::Visitor,
        page::{self, Answer, Trouble, csrf},
        pages::head,
        parts,
    },
    operate,
    people::Role,
    views::{self, BalanceView, LedgerView},
};

/// Movements of a page.
const PAGE: usize = 50;

/// `GET /console/accounts/{name}/balance`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
    query: Fields,
) -> Answer {
    let core = console.core();
    let account = account(&console, &name)?;
    let kept = views::balance_of(core, account).await?.ok_or(Trouble::Missing("balance"))?;
    let before = query.text("before").parse().unwrap_or(i64::MAX);
    let mut rows = core.store.ledger_newest(account.name.clone(), before, PAGE + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let last = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let rows: Vec<LedgerView> = rows.iter().map(views::movement).collect();
    let title = format!("Balance of {name}");
    let content = html! {
        p.small { a href="/console/accounts" { "Accounts" } " / " a href={ "/console/accounts/" (segment(&name)) } { (name) } " / " span.soft { "balance" } }
        (head(&title, false))
        (tiles(&views::balance(&kept)))
        div.compose.wide-first {
            section.card aria-labelledby="ledger-title" {
                h2 #ledger-title { "Movements, newest first" }
                (ledger(&rows))
                nav.more aria-label="Pages" {
                    @if query.given("before").is_some() { a href={ "?" (query.with("before", None)) } { "← Newest" } } @else { span {} }
                    @if let Some(last) = last { a href={ "?" (query.with("before", Some(&last))) } { "Older →" } }
                }
            }
            @if visitor.may(Role::Administer) {
                section.card aria-labelledby="put-title" { (form(&visitor, &name, &kept)) }
            }
        }
    };
    Ok(frame(&console, &visitor, &title, query.given("done"), &content))
}

/// `POST /console/accounts/{name}/top-up`
pub(in crate::console) async fn put_in(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
    form: Fields,
) -> Answer {
    let account = account(&console, &name)?;
    let reference = form.given("reference").map(str::to_owned);
    let amount = form.text("amount");
    operate::top_up(console.core(), visitor.hand(), &account.name, amount, reference).await?;
    Ok(page::after(&format!("/console/accounts/{}/balance", segment(&name)), "topped-up"))
}

impl From<TopUpFault> for Trouble {
    fn from(fault: TopUpFault) -> Self {
        match fault {
            TopUpFault::NoBalance => Self::Missing("balance"),
            TopUpFault::BadAmount => {
                Self::Refused("An amount is a decimal number below a billion with at most six places.".into())
            }
            TopUpFault::BadReference => Self::Refused(parts::sentence(&fault.to_string()) + "."),
            TopUpFault::KnownPayment => Self::Refused(
                "The payment of this number is in the ledger already. Nothing was changed.".into(),
            ),
            TopUpFault::Store(error) => error.into(),
        }
    }
}

fn tiles(balance: &BalanceView) -> Markup {
    html! {
        div.tiles {
            div.card.tile {
                h3 { "Available" }
                div.big { (balance.available) " " span.unit { (balance.currency) } }
                div.small.soft { "may still be spent" }
            }
            div.card.tile {
                h3 { "Set aside" }
                div.big { (balance.held) " " span.unit { (balance.currency) } }
                div.small.soft { "for messages on their way" }
            }
        }
    }
}

fn ledger(rows: &[LedgerView]) -> Markup {
    let now = clock::now();
    html! {
        @if rows.is_empty() { (parts::empty("Nothing moved yet.")) } @else {
            (parts::table("Movements, newest first", &html! {
                thead { tr { th scope="col" { "When" } th scope="col" { "What" } th.number scope="col" { "Amount" } th.number scope="col" { "Available" } th scope="col" { "For" } } }
                tbody { @for row in rows { (movement(row, now)) } }
            }))
        }
    }
}

fn movement(row: &LedgerView, now: model::Time) -> Markup {
    html! {
        tr {
            td { (parts::ago(row.at.0, now)) }
            td { (row.kind.replace('_', " ")) }
            td.number { (row.amount) }
            td.number { (row.available) }
            td {
                @match (&row.message, &row.reference) {
                    (Some(id), _) => {
                        a.mono href={ "/console/messages/" (id) } { (&id[..id.len().min(12)]) "…" }
                        @if let Some(step) = row.step { span.soft.small { " step " (step) } }
                    }
                    (None, Some(reference)) => { "payment " span.mono { (reference) } }
                    (None, None) => span.soft { "—" },
                }
            }
        }
    }
}

fn form(visitor: &Visitor, name: &str, balance: &Balance) -> Markup {
    html! {
        h2 #put-title { "Put money in" }
        form.stack method="post" action={ "/console/accounts/" (segment(name)) "/top-up" } data-confirm="Change the balance of this account?" {
            (csrf(visitor))
            div.field {
                label for="amount" { "Amount in " (balance.currency) }
                input #amount name="amount" required inputmode="decimal" maxlength="18" pattern="-?[0-9]{1,9}([.][0-9]{1,6})?" placeholder="250.00" autocomplete="off";
                span.hint { "A negative amount takes money out." }
            }
            div.field {
                label for="reference" { "Number of the payment" }
                input #reference name="reference" maxlength="100" autocomplete="off";
                span.hint { "Counts once: the same number again changes nothing." }
            }
            div { button.main type="submit" { "Put in" } }
        }
    }
}
