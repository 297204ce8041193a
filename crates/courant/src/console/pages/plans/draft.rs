//! A stored plan as it is typed, and what it means.

use model::Channel;

use crate::{
    config::{PlanConfig, PlanStepConfig},
    console::forms::Fields,
    operate,
};

/// A plan being written: as it was typed, so that nothing is lost by a mistake.
pub(super) struct Draft {
    pub(super) account: String,
    /// Which one it replaces; none for a new one.
    pub(super) index: Option<usize>,
    /// The version of the plans when the form was made.
    pub(super) version: u32,
    pub(super) attach: String,
    pub(super) dialect: String,
    pub(super) patience: String,
    pub(super) steps: Vec<Row>,
}

#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) channel: String,
    pub(super) sender: String,
    pub(super) patience: String,
    pub(super) text: String,
}

impl Draft {
    pub(super) fn new(account: &str, version: u32) -> Self {
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

    pub(super) fn from(account: &str, index: usize, version: u32, plan: &PlanConfig) -> Self {
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

    pub(super) fn of(form: &Fields) -> Self {
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
    pub(super) fn plan(&self) -> Result<PlanConfig, String> {
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
