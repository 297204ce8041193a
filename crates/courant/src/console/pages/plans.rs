//! Stored plans: fallback steps for APIs that have none. Written here or through the API they take
//! the place of the configuration's, and count from the next message on.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use model::{AccountName, Channel, Span};

use super::{accounts::plan_of, head};
use crate::{
    accounts::Account,
    config::{PlanConfig, PlanStepConfig},
    console::{
        Console,
        forms::{self, Fields},
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    desk::{foresee::Foreseen, stored_plans::Kept},
    operate::{self, plans::MAX_NAME},
    people::Role,
};

/// Steps that the form has room for; as many as there are, if there are more.
const ROWS: usize = 2;

/// A plan being written: as it was typed, so that nothing is lost by a mistake.
struct Draft {
    account: String,
    /// Which one it replaces; none for a new one.
    index: Option<usize>,
    /// The version of the plans when the form was made.
    version: u32,
    attach: String,
    dialect: String,
    patience: String,
    steps: Vec<Row>,
}

#[derive(Clone, Default)]
struct Row {
    channel: String,
    sender: String,
    patience: String,
    text: String,
}

/// `GET /console/scenarios/plans`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let core = console.core();
    let named = core.accounts.by_name(&AccountName::from(query.text("account")));
    let account = named.or_else(|| core.accounts.all().first()).ok_or(Trouble::Missing("account"))?;
    let kept = core.plans.of(account);
    let edited = query.given("edit").and_then(|index| index.parse::<usize>().ok());
    let edited = edited.and_then(|index| Some((index, kept.plans.get(index)?)));
    let draft = match edited {
        Some((index, plan)) => Draft::from(account.name.as_str(), index, kept.version, plan),
        None => Draft::new(account.name.as_str(), kept.version),
    };
    let content = html! {
        p.small { a href="/console/scenarios" { "Scenarios and plans" } " / " span.soft { "plans of " (account.name) } }
        (head("Stored plans", false))
        p { "Webex Connect, Messangi and Kaleyra have no fallback of their own: these steps follow the caller's, for messages accepted from now on." }
        (choice(core, account))
        div.two {
            div { (known(core, &visitor, account, &kept)) }
            section.card aria-labelledby="draft-title" { (editor(&visitor, &draft, None)) }
        }
    };
    Ok(frame(&console, &visitor, query.given("done"), &content))
}

/// `POST /console/scenarios/plans/check`
pub(in crate::console) async fn check(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let account = account(core, &draft.account)?;
    let checked = draft.plan().map(|plan| {
        let foreseen = operate::plans::check(core, account, &plan);
        (plan, foreseen)
    });
    let content = html! {
        p.small { a href={ "/console/scenarios/plans?" (forms::query(&[("account", &draft.account)])) } { "Stored plans" } " / " span.soft { "check" } }
        (head("Check a plan", false))
        section.card aria-labelledby="draft-title" { (editor(&visitor, &draft, Some(&checked))) }
    };
    Ok(frame(&console, &visitor, None, &content))
}

/// `POST /console/scenarios/plans/save`
pub(in crate::console) async fn save(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let account = account(core, &draft.account)?;
    let plan = draft.plan().map_err(|text| Trouble::Refused(parts::sentence(&text) + "."))?;
    let mut plans = core.plans.of(account).plans.clone();
    match draft.index {
        None => plans.push(plan),
        Some(index) => *plans.get_mut(index).ok_or(Trouble::Missing("plan"))? = plan,
    }
    operate::plans::write(core, visitor.hand(), account, plans, draft.version).await?;
    Ok(page::after(&home(&draft.account), "plans"))
}

/// `POST /console/scenarios/plans/remove`
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let account = account(core, form.text("account"))?;
    let mut plans = core.plans.of(account).plans.clone();
    let index = form.text("index").parse().ok().filter(|index| *index < plans.len());
    plans.remove(index.ok_or(Trouble::Missing("plan"))?);
    let version = form.text("version").parse().unwrap_or(0);
    operate::plans::write(core, visitor.hand(), account, plans, version).await?;
    Ok(page::after(&home(account.name.as_str()), "plans"))
}

/// `POST /console/scenarios/plans/reset`
pub(in crate::console) async fn reset(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let account = account(console.core(), form.text("account"))?;
    operate::plans::reset(console.core(), visitor.hand(), account).await?;
    Ok(page::after(&home(account.name.as_str()), "reset"))
}

fn home(account: &str) -> String {
    format!("/console/scenarios/plans?{}", forms::query(&[("account", account)]))
}

fn account<'a>(core: &'a Core, name: &str) -> Result<&'a Arc<Account>, Trouble> {
    core.accounts.by_name(&AccountName::from(name)).ok_or(Trouble::Missing("account"))
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::Scenarios, title: "Stored plans", done }.show(content)
}

impl Draft {
    fn new(account: &str, version: u32) -> Self {
        let sms = Row { channel: "sms".to_owned(), text: "{text} {link}".to_owned(), ..Row::default() };
        Self {
            account: account.to_owned(),
            index: None,
            version,
            attach: String::new(),
            dialect: String::new(),
            patience: "60 s".to_owned(),
            steps: vec![sms],
        }
    }

    fn from(account: &str, index: usize, version: u32, plan: &PlanConfig) -> Self {
        let row = |step: &PlanStepConfig| Row {
            channel: step.channel.as_str().to_owned(),
            sender: step.sender.clone().unwrap_or_default(),
            patience: step.patience_ms.map(written).unwrap_or_default(),
            text: step.text.clone().unwrap_or_default(),
        };
        Self {
            account: account.to_owned(),
            index: Some(index),
            version,
            attach: plan.attach.clone().unwrap_or_default(),
            dialect: plan.dialect.clone().unwrap_or_default(),
            patience: written(plan.patience_ms),
            steps: plan.steps.iter().map(row).collect(),
        }
    }

    fn of(form: &Fields) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        let rows =
            form.all("channel").zip(form.all("sender")).zip(form.all("patience")).zip(form.all("text"));
        let row = |(((channel, sender), patience), text): (((&str, &str), &str), &str)| Row {
            channel: channel.trim().to_owned(),
            sender: sender.trim().to_owned(),
            patience: patience.trim().to_owned(),
            text: text.trim().to_owned(),
        };
        let rows = rows.map(row).filter(|row| !row.channel.is_empty());
        Self {
            account: text("account"),
            index: form.text("index").parse().ok(),
            version: form.text("version").parse().unwrap_or(0),
            attach: text("attach"),
            dialect: text("dialect"),
            patience: text("first"),
            steps: rows.take(operate::plans::MAX_STEPS).collect(),
        }
    }

    /// The plan, or what cannot be, in words.
    fn plan(&self) -> Result<PlanConfig, String> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let first = read_span(&self.patience).ok_or_else(|| told(&self.patience))?;
        let mut steps = Vec::with_capacity(self.steps.len());
        for row in &self.steps {
            let channel = Channel::parse(&row.channel).ok_or("there is no such channel")?;
            let patience_ms = match row.patience.as_str() {
                "" => None,
                text => Some(read_span(text).ok_or_else(|| told(text))?),
            };
            steps.push(PlanStepConfig {
                channel,
                sender: given(&row.sender),
                text: given(&row.text),
                patience_ms,
            });
        }
        let plan = PlanConfig {
            attach: given(&self.attach),
            dialect: given(&self.dialect),
            patience_ms: first,
            steps,
        };
        operate::plans::fault(&plan).map_or(Ok(plan), Err)
    }
}

fn told(text: &str) -> String {
    format!("“{text}” is not a time; write 600 ms, 60 s, 5 min, 2 h or 1 d")
}

/// `600 ms`, `60 s`, `60`, `1.5 min`: in milliseconds.
fn read_span(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "ms" => 1.0,
        "" | "s" => 1e3,
        "min" | "m" => 60e3,
        "h" => 3600e3,
        "d" => 86_400e3,
        _ => return None,
    };
    let millis = number.parse::<f64>().ok()? * unit;
    (1.0..1e12).contains(&millis).then_some(millis as u64)
}

/// Such that [`read_span`] reads the same.
fn written(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{millis} ms"), |(unit, name)| format!("{} {name}", millis / unit))
}

fn choice(core: &Core, chosen: &Account) -> Markup {
    html! {
        form.filters action="/console/scenarios/plans" method="get" aria-label="Choose an account" {
            div.field {
                label for="account" { "Account" }
                select #account name="account" data-submit {
                    @for account in core.accounts.all() {
                        (parts::option(account.name.as_str(), account.name.as_str(), chosen.name.as_str()))
                    }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

fn known(core: &Core, visitor: &Visitor, account: &Account, kept: &Kept) -> Markup {
    let (name, may) = (account.name.as_str(), visitor.may(Role::Administer));
    html! {
        section.card aria-label={ "Stored plans of " (name) } {
            div.head {
                h2 { "Plans of " (name) }
                @if kept.version == 0 { span.soft.small { "from the configuration" } }
                @else { span.soft.small { "written here, " (kept.version) @if kept.version == 1 { " time" } @else { " times" } } }
            }
            @if kept.plans.is_empty() { (parts::empty("None: such messages have one step.")) }
            @for (index, plan) in kept.plans.iter().enumerate() {
                div.plan-card {
                    (plan_of(plan))
                    (findings(plan, &operate::plans::check(core, account, plan)))
                    @if may {
                        div.line {
                            a.button href={ "/console/scenarios/plans?" (forms::query(&[("account", name), ("edit", &index.to_string())])) "#draft-title" } {
                                "Edit" span.hidden { " plan " (index + 1) }
                            }
                            form method="post" action="/console/scenarios/plans/remove" data-confirm="Remove this plan?" {
                                (csrf(visitor))
                                (hidden(name, kept.version, Some(index)))
                                button.quiet type="submit" { "Remove" span.hidden { " plan " (index + 1) } }
                            }
                        }
                    }
                }
            }
            @if may && kept.version > 0 {
                form.more method="post" action="/console/scenarios/plans/reset" data-confirm="Give up all changes, and go back to the plans of the configuration?" {
                    (csrf(visitor))
                    input type="hidden" name="account" value=(name);
                    button.quiet type="submit" { "Back to the configuration's plans" }
                }
            }
        }
    }
}

fn hidden(account: &str, version: u32, index: Option<usize>) -> Markup {
    html! {
        input type="hidden" name="account" value=(account);
        input type="hidden" name="version" value=(version);
        @if let Some(index) = index { input type="hidden" name="index" value=(index); }
    }
}

/// What can never be sent, and how long the worst case takes.
fn findings(plan: &PlanConfig, foreseen: &Foreseen) -> Markup {
    let never = foreseen.steps.iter().filter(|step| step.never.is_some()).count();
    html! {
        @for (index, (step, foreseen)) in plan.steps.iter().zip(&foreseen.steps).enumerate() {
            @if let Some(why) = &foreseen.never {
                p.small {
                    span.badge.bad { "never sent" } " Added step " (index + 1) ", " (parts::channel(step.channel)) ": " (parts::named(&why.replace('`', ""))) "."
                }
            }
        }
        @if never == foreseen.steps.len() {
            p.small { span.badge.bad { "no fallback" } " None of its steps can be sent: the message ends with the caller's own." }
        }
        p.small.soft { "Worst case " (parts::span(Span::from_millis(foreseen.longest_ms))) ", the caller's own step included." }
    }
}

type Checked = Result<(PlanConfig, Foreseen), String>;

fn editor(visitor: &Visitor, draft: &Draft, checked: Option<&Checked>) -> Markup {
    let rows = ROWS.max(draft.steps.len() + 1).min(operate::plans::MAX_STEPS);
    html! {
        h2 #draft-title { @match draft.index { Some(index) => { "Edit plan " (index + 1) } None => "A new plan" } }
        @match checked {
            Some(Ok((plan, foreseen))) => div.flash role="status" { (findings(plan, foreseen)) },
            Some(Err(fault)) => p.flash.bad role="alert" { (parts::sentence(fault)) "." },
            None => {}
        }
        form.stack method="post" action="/console/scenarios/plans/check" {
            (csrf(visitor))
            (hidden(&draft.account, draft.version, draft.index))
            div.filters {
                div.field {
                    label for="plan-attach" { "For" }
                    input #plan-attach name="attach" value=(draft.attach) maxlength=(MAX_NAME) placeholder="everything else" autocomplete="off";
                }
                div.field {
                    label for="plan-dialect" { "Only by" }
                    select #plan-dialect name="dialect" {
                        (parts::option("", "any API", &draft.dialect))
                        @for name in crate::app::dialect_names() { (parts::option(name, parts::dialect_name(name), &draft.dialect)) }
                    }
                }
                div.field {
                    label for="plan-first" { "Caller's own step waits" }
                    input #plan-first name="first" value=(draft.patience) required maxlength="20" autocomplete="off";
                }
            }
            p.hint { "“For” takes a sender, an app id or the name of a service key. Empty is for everything that has no plan of its own." }
            @for index in 0..rows { (row(index, draft.steps.get(index))) }
            p.hint { code { "{text}" } ", " code { "{link}" } " and " code { "{media_link}" } " stand for what the caller's step says and links to. An empty text is " code { "{text} {link}" } "." }
            div.line {
                button type="submit" { "Check" }
                @if visitor.may(Role::Administer) { button.main type="submit" formaction="/console/scenarios/plans/save" { "Save" } }
                @else { span.hint { "Saving needs the role “administer”." } }
            }
        }
    }
}

fn row(index: usize, step: Option<&Row>) -> Markup {
    let empty = Row::default();
    let (step, number) = (step.unwrap_or(&empty), index + 1);
    html! {
        fieldset.step {
            legend { @if index == 0 { "Then" } @else { "Then, if that fails too" } }
            div.filters {
                div.field {
                    label for={ "channel-" (index) } { "Channel" span.hidden { " of step " (number) } }
                    select id={ "channel-" (index) } name="channel" {
                        (parts::option("", "—", &step.channel))
                        @for channel in Channel::ALL.iter().filter(|channel| **channel != Channel::Unlisted) {
                            (parts::option(channel.as_str(), parts::channel_name(channel.as_str()), &step.channel))
                        }
                    }
                }
                div.field {
                    label for={ "sender-" (index) } { "Sender" span.hidden { " of step " (number) } }
                    input id={ "sender-" (index) } name="sender" value=(step.sender) placeholder="the default" maxlength=(MAX_NAME) autocomplete="off";
                }
                div.field {
                    label for={ "patience-" (index) } { "Waits" span.hidden { " in step " (number) } }
                    input id={ "patience-" (index) } name="patience" value=(step.patience) placeholder="the default" maxlength="20" autocomplete="off";
                }
            }
            div.field {
                label for={ "text-" (index) } { "Text" span.hidden { " of step " (number) } }
                input id={ "text-" (index) } name="text" value=(step.text) placeholder="{text} {link}" maxlength=(operate::plans::MAX_TEXT) autocomplete="off";
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them_and_written_so_that_they_are_read_again() {
        let cases =
            [("60", 60_000), ("60 s", 60_000), ("600ms", 600), ("1.5 min", 90_000), ("2h", 7_200_000)];
        for (text, millis) in cases {
            assert_eq!(read_span(text), Some(millis), "{text}");
            assert_eq!(read_span(&written(millis)), Some(millis));
        }
        for nonsense in ["", "soon", "-5 s", "0", "1 week", "1e400", "99999999999 d"] {
            assert_eq!(read_span(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_form_becomes_a_plan_and_a_plan_the_same_form() {
        let form = Fields::parse(
            b"account=shop&version=3&index=0&attach=SHOP&dialect=messangi&first=60+s\
              &channel=rcs&sender=&patience=30+s&text=&channel=&sender=x&patience=&text=\
              &channel=sms&sender=SHOP&patience=&text=%7Btext%7D",
        );
        let draft = Draft::of(&form);
        let plan = draft.plan().expect("a plan");
        let channels: Vec<Channel> = plan.steps.iter().map(|step| step.channel).collect();
        assert_eq!(channels, [Channel::Rcs, Channel::Sms]);
        assert_eq!((plan.patience_ms, plan.steps[0].patience_ms), (60_000, Some(30_000)));
        assert_eq!(plan.steps[1].sender.as_deref(), Some("SHOP"));
        assert_eq!(Draft::from("shop", 0, 3, &plan).plan(), Ok(plan));
        let none = Draft { steps: Vec::new(), ..draft };
        assert!(none.plan().is_err_and(|text| text.contains("1 to 15 steps")));
    }
}
