//! What people filled in: names and values of a form or of a query.

use url::form_urlencoded;

/// Most fields that are looked at.
const MAX_FIELDS: usize = 2000;

/// Fields in order; a name can be there more than once.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(MAX_FIELDS).collect())
    }

    /// The first value of a name, without blanks around it; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// The same, `None` if it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The query with one value replaced, or left out if `None`; empty values are left out.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (known, text) in self.0.iter().filter(|(known, text)| known != name && !text.is_empty()) {
            query.append_pair(known, text);
        }
        if let Some(value) = value {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// `a=b` pairs as a query.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    // Form encoding leaves only letters, digits and `*-._` as they are, but writes a blank as `+`.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_repeated_names_and_a_query_can_be_changed_in_one_place() {
        let fields = Fields::parse(b"id=1&id=2&account=a+b&before=x&empty=");
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.text("account"), "a b");
        assert_eq!(fields.given("empty"), None);
        assert_eq!(fields.with("before", Some("y/z")), "id=1&id=2&account=a+b&before=y%2Fz");
        assert_eq!(fields.with("before", None), "id=1&id=2&account=a+b");
        assert_eq!(segment("a b/c"), "a%20b%2Fc");
    }
}
