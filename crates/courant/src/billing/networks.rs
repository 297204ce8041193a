//! Which network a number belongs to: by a look-up of ported numbers, else by its prefix.

use std::{collections::HashMap, fmt, fs, path::Path};

use model::{Phone, Time};

use crate::config::NumberPlanConfig;

/// Most lines of a table of ported numbers.
const MAX_LINES: usize = 5_000_000;

/// A mobile network: country code, then network code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network(Box<str>);

impl Network {
    /// The network of these codes: three digits, and two or three.
    #[must_use]
    pub fn new(mcc: &str, mnc: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let right = mcc.len() == 3 && matches!(mnc.len(), 2 | 3) && digits(mcc) && digits(mnc);
        right.then(|| Self(format!("{mcc}{mnc}").into()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Knows which numbers left the network of their prefix. An implementation answers from memory:
/// it is asked whenever a report is made. One that asks a remote service keeps a cache, answers
/// `None` for numbers not in it yet, and fills it in the background.
pub trait Portability: fmt::Debug + Send + Sync {
    /// The network a number belongs to now; `None` to go by its prefix.
    fn network(&self, phone: &Phone) -> Option<Network>;
}

/// A table of ported numbers, read from a file at the start. Empty, it knows nothing.
#[derive(Debug, Default)]
pub struct Ported(HashMap<Box<str>, Network>);

impl Ported {
    /// Reads `number,mcc,mnc` lines; empty lines and lines with `#` in front are left out.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is not of that form.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}:{error}", path.display()))
    }

    /// The same of text.
    ///
    /// # Errors
    /// The number of a line that is not of the form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if index >= MAX_LINES {
                return Err(format!("{}: more than {MAX_LINES} lines", index + 1));
            }
            let (phone, network) =
                entry(line).ok_or_else(|| format!("{}: expected number,mcc,mnc", index + 1))?;
            table.insert(phone.digits().into(), network);
        }
        Ok(Self(table))
    }
}

fn entry(line: &str) -> Option<(Phone, Network)> {
    let mut fields = line.split(',').map(str::trim);
    let (phone, mcc, mnc) = (fields.next()?, fields.next()?, fields.next()?);
    let entry = (Phone::parse(phone)?, Network::new(mcc, mnc)?);
    fields.next().is_none().then_some(entry)
}

impl Portability for Ported {
    fn network(&self, phone: &Phone) -> Option<Network> {
        self.0.get(phone.digits()).cloned()
    }
}

/// Networks by prefix.
#[derive(Debug, Default)]
pub struct NumberPlan(HashMap<String, Vec<(Time, Network)>>);

impl NumberPlan {
    /// The plan of these rows, which are known to be right.
    #[must_use]
    pub fn new(rows: &[NumberPlanConfig]) -> Self {
        let mut plan = Self::default();
        for row in rows {
            if let Some(network) = Network::new(&row.mcc, &row.mnc) {
                plan.0.entry(row.prefix.clone()).or_default().push((row.from.0, network));
            }
        }
        plan
    }

    /// The network of the longest prefix known at the instant.
    #[must_use]
    pub fn network(&self, phone: &Phone, at: Time) -> Option<&Network> {
        let digits = phone.digits();
        (0..=digits.len()).rev().find_map(|length| {
            let rows = self.0.get(&digits[..length])?.iter();
            rows.filter(|(from, _)| *from <= at).max_by_key(|(from, _)| *from).map(|(_, network)| network)
        })
    }
}
