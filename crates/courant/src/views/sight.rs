//! Who may see what.

use model::{Phone, Recipient};

/// What somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Addresses of people in full, and what messages say; otherwise addresses are masked and
    /// contents are only named by their kind.
    pub numbers: bool,
}

impl Sight {
    /// Everything but secrets.
    pub const FULL: Self = Self { numbers: true };
    /// No addresses, no contents.
    pub const MASKED: Self = Self { numbers: false };

    /// A person's address as this one may see it.
    #[must_use]
    pub fn address(self, address: &str) -> String {
        if self.numbers { address.to_owned() } else { mask(address) }
    }

    /// A recipient's address.
    #[must_use]
    pub fn recipient(self, recipient: &Recipient) -> String {
        self.address(recipient.display())
    }

    /// A text of a network, which may repeat the recipient's address.
    #[must_use]
    pub fn text(self, text: &str, recipient: &Recipient) -> String {
        let phone = recipient.phone.as_ref().map(Phone::digits);
        let addresses = [
            phone,
            recipient.email.as_deref(),
            recipient.push.as_deref(),
            recipient.whatsapp_user.as_deref(),
            recipient.other.as_deref(),
        ];
        let mut text = text.to_owned();
        for address in addresses.into_iter().flatten().filter(|address| !address.is_empty()) {
            if !self.numbers && text.contains(address) {
                text = text.replace(address, &mask(address));
            }
        }
        text
    }
}

/// The first three and the last two characters; of short ones only the last two.
fn mask(address: &str) -> String {
    let count = address.chars().count();
    let shown_first = if count >= 8 { 3 } else { 0 };
    let shown_last = count.saturating_sub(2).min(count);
    let masked = |(index, character)| {
        if index < shown_first || (count > 4 && index >= shown_last) { character } else { '*' }
    };
    address.chars().enumerate().map(masked).collect()
}
