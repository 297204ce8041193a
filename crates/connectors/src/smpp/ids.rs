//! Spelling of message ids: the id of a submit and that of its receipt are often not the same
//! text. Both are brought to one canonical spelling, by which receipts are found.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use super::settings::IdRule;

/// Most characters of an id that are kept.
const MAX_ID: usize = 64;
/// How many submits the learner remembers.
const REMEMBERED: usize = 32_768;

/// Brings ids to canonical spelling, by a fixed rule or by learning one.
#[derive(Debug)]
pub(super) struct Ids {
    rule: IdRule,
    learner: Mutex<Learner>,
}

impl Ids {
    /// By this rule.
    pub(super) fn new(rule: IdRule) -> Self {
        Self { rule, learner: Mutex::default() }
    }

    /// Canonical spelling of the id in the answer to a submit.
    pub(super) fn of_submit(&self, id: &str) -> String {
        let id = tidy(id);
        match self.rule {
            IdRule::String => id.to_owned(),
            IdRule::Trim0 => trim_zeros(id).to_owned(),
            IdRule::CaseFold => id.to_ascii_lowercase(),
            IdRule::First10 => first_ten(id),
            IdRule::HexToDec => hex_to_dec(id).unwrap_or_else(|| id.to_owned()),
            IdRule::DecToHex => trim_zeros(id).to_owned(),
            IdRule::Auto => {
                self.lock().remember(id);
                id.to_owned()
            }
        }
    }

    /// Canonical spelling of the id in a receipt.
    pub(super) fn of_receipt(&self, id: &str) -> String {
        let id = tidy(id);
        match self.rule {
            IdRule::String => id.to_owned(),
            IdRule::Trim0 | IdRule::HexToDec => trim_zeros(id).to_owned(),
            IdRule::CaseFold => id.to_ascii_lowercase(),
            IdRule::First10 => first_ten(id),
            IdRule::DecToHex => hex_to_dec(id).unwrap_or_else(|| id.to_owned()),
            IdRule::Auto => self.lock().recognise(id),
        }
    }

    /// Canonical spelling of an id in a receipt that is spelled as in the answer to the submit.
    pub(super) fn of_submit_again(&self, id: &str) -> String {
        match self.rule {
            IdRule::String
            | IdRule::Trim0
            | IdRule::CaseFold
            | IdRule::First10
            | IdRule::HexToDec
            | IdRule::DecToHex => self.of_submit(id),
            IdRule::Auto => self.of_receipt(id),
        }
    }

    /// The id of a submit as the carrier spelled it, for asking about it. Exact for the rules
    /// that keep the spelling; the others give the nearest that carriers take.
    pub(super) fn as_submitted(&self, canonical: &str) -> String {
        match self.rule {
            IdRule::HexToDec => dec_to_hex(canonical).unwrap_or_else(|| canonical.to_owned()),
            IdRule::String
            | IdRule::Trim0
            | IdRule::CaseFold
            | IdRule::First10
            | IdRule::DecToHex
            | IdRule::Auto => canonical.to_owned(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Learner> {
        self.learner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How a receipt's id was found to relate to its submit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    /// The same text.
    Exact,
    /// The same but for case and leading zeros.
    Folded,
    /// The submit's is hexadecimal, the receipt's decimal.
    HexToDec,
    /// The submit's is decimal, the receipt's hexadecimal.
    DecToHex,
}

/// Remembers recent submits under every spelling that a receipt may use.
#[derive(Debug, Default)]
struct Learner {
    order: VecDeque<String>,
    spellings: HashMap<String, String>,
    learned: Option<Kinship>,
    /// Spelling of the last submit: whether in capitals, and how long.
    capitals: bool,
    width: usize,
}

impl Learner {
    fn remember(&mut self, id: &str) {
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            for key in keys(&oldest) {
                self.spellings.remove(&key);
            }
        }
        self.capitals = id.bytes().any(|octet| octet.is_ascii_uppercase());
        self.width = id.len();
        for key in keys(id) {
            self.spellings.entry(key).or_insert_with(|| id.to_owned());
        }
        self.order.push_back(id.to_owned());
    }

    fn recognise(&mut self, id: &str) -> String {
        let folded = fold(id);
        let candidates = [
            (Kinship::Exact, Some(format!("={id}"))),
            (self.learned.unwrap_or(Kinship::Folded), self.learned.and_then(|kinship| key(kinship, &folded))),
            (Kinship::Folded, key(Kinship::Folded, &folded)),
            (Kinship::HexToDec, key(Kinship::HexToDec, &folded)),
            (Kinship::DecToHex, key(Kinship::DecToHex, &folded)),
        ];
        for (kinship, key) in candidates {
            if let Some(found) = key.and_then(|key| self.spellings.get(&key)) {
                let found = found.clone();
                self.learn(kinship);
                return found;
            }
        }
        self.guess(id, &folded)
    }

    fn learn(&mut self, kinship: Kinship) {
        if self.learned != Some(kinship) {
            tracing::info!(?kinship, "learned how receipt ids relate to submit ids");
            self.learned = Some(kinship);
        }
    }

    /// The submit is not remembered (we were restarted, or it is long ago): spell the id as the
    /// learned kinship has it.
    fn guess(&self, id: &str, folded: &str) -> String {
        let spelled = match self.learned {
            None | Some(Kinship::Exact | Kinship::Folded) => None,
            Some(Kinship::HexToDec) => dec_to_hex(folded),
            Some(Kinship::DecToHex) => hex_to_dec(folded),
        };
        let width = self.width;
        match spelled {
            None => id.to_owned(),
            Some(text) if self.capitals => format!("{:0>width$}", text.to_ascii_uppercase()),
            Some(text) => format!("{text:0>width$}"),
        }
    }
}

/// The keys under which a submit's id is remembered.
fn keys(id: &str) -> impl Iterator<Item = String> + use<> {
    let folded = fold(id);
    let decimal = hex_to_dec(&folded).map(|decimal| format!("d{decimal}"));
    let hexadecimal = dec_to_hex(&folded).map(|hex| format!("x{hex}"));
    [Some(format!("={id}")), Some(format!("f{folded}")), decimal, hexadecimal].into_iter().flatten()
}

/// The key under which a receipt's id looks for its submit.
fn key(kinship: Kinship, folded: &str) -> Option<String> {
    match kinship {
        Kinship::Exact => None,
        Kinship::Folded => Some(format!("f{folded}")),
        Kinship::HexToDec => is_decimal(folded).then(|| format!("d{folded}")),
        Kinship::DecToHex => is_hexadecimal(folded).then(|| format!("x{folded}")),
    }
}

fn fold(id: &str) -> String {
    trim_zeros(id).to_ascii_lowercase()
}

fn tidy(id: &str) -> &str {
    let id = id.trim_matches(|character: char| character.is_whitespace() || character == '\0');
    let end = id.char_indices().nth(MAX_ID).map_or(id.len(), |(at, _)| at);
    &id[..end]
}

fn first_ten(id: &str) -> String {
    id.chars().take(10).collect()
}

/// Without leading zeros, but never empty.
fn trim_zeros(id: &str) -> &str {
    let trimmed = id.trim_start_matches('0');
    if trimmed.is_empty() && !id.is_empty() { "0" } else { trimmed }
}

fn is_decimal(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_digit())
}

fn is_hexadecimal(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// The decimal spelling of a hexadecimal number of any size; `None` if it is not one.
pub(super) fn hex_to_dec(id: &str) -> Option<String> {
    convert(id, 16, 10)
}

/// The hexadecimal spelling, in lower case, of a decimal number of any size.
pub(super) fn dec_to_hex(id: &str) -> Option<String> {
    convert(id, 10, 16)
}

/// Ids go up to 64 digits, more than any integer holds.
fn convert(id: &str, from: u32, to: u32) -> Option<String> {
    if id.is_empty() || id.len() > MAX_ID {
        return None;
    }
    if let Ok(small) = u64::from_str_radix(id, from)
        && !id.starts_with('+')
    {
        return Some(if to == 16 { format!("{small:x}") } else { small.to_string() });
    }
    let mut digits: Vec<u32> = Vec::new(); // of the target base, lowest first
    for character in id.chars() {
        let mut carry = character.to_digit(from)?;
        for digit in &mut digits {
            carry += *digit * from;
            *digit = carry % to;
            carry /= to;
        }
        while carry > 0 {
            digits.push(carry % to);
            carry /= to;
        }
    }
    let spelled: String =
        digits.iter().rev().map(|&digit| char::from_digit(digit, to).expect("below the base")).collect();
    Some(if spelled.is_empty() { "0".to_owned() } else { spelled })
}
