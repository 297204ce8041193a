//! The templates that the simulated business account has.
//!
//! Templates of any other name arrive too, so that nobody has to register anything before trying
//! something, except those named `missing_*` and `paused_*`.

use serde_json::{Value, json};

use super::error::GraphError;

/// An approved template.
#[derive(Debug)]
pub(crate) struct Template {
    id: &'static str,
    name: &'static str,
    language: &'static str,
    category: &'static str,
    body: &'static str,
    header: Option<&'static str>,
}

const TEMPLATES: [Template; 4] = [
    Template {
        id: "700000000000001",
        name: "hello_world",
        language: "en_US",
        category: "UTILITY",
        body: "Hello World. Your templates work.",
        header: None,
    },
    Template {
        id: "700000000000002",
        name: "order_update",
        language: "en_US",
        category: "UTILITY",
        body: "Hello {{1}}, your order {{2}} is on its way.",
        header: None,
    },
    Template {
        id: "700000000000003",
        name: "one_time_code",
        language: "en_US",
        category: "AUTHENTICATION",
        body: "Your code is {{1}}.",
        header: None,
    },
    Template {
        id: "700000000000004",
        name: "season_offer",
        language: "en_US",
        category: "MARKETING",
        body: "{{1}}, have a look at our new season.",
        header: Some("IMAGE"),
    },
];

/// The list, as `GET /{waba}/message_templates` gives it.
pub(crate) fn list(name: Option<&str>) -> Value {
    let data: Vec<Value> = TEMPLATES
        .iter()
        .filter(|one| name.is_none_or(|name| name == one.name))
        .map(Template::shown)
        .collect();
    json!({ "data": data, "paging": { "cursors": { "before": "MAZDZD", "after": "MjQZD" } } })
}

/// The template of an id.
pub(crate) fn by_id(id: &str) -> Option<Value> {
    TEMPLATES.iter().find(|one| one.id == id).map(Template::shown)
}

impl Template {
    fn shown(&self) -> Value {
        let mut components = vec![json!({ "type": "BODY", "text": self.body })];
        if let Some(format) = self.header {
            components.insert(0, json!({ "type": "HEADER", "format": format }));
        }
        json!({
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "status": "APPROVED",
            "category": self.category,
            "parameter_format": "POSITIONAL",
            "components": components,
        })
    }

    fn parameters(&self) -> usize {
        self.body.matches("{{").count()
    }
}

/// A template as it was used in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hydrated {
    /// What the handset shows.
    pub(crate) text: String,
    /// Category, in lower case; unknown templates count as marketing.
    pub(crate) category: String,
}

/// Fills a template.
///
/// # Errors
/// For templates that are missing or paused, and for wrong counts of parameters of known ones.
pub(crate) fn hydrate(name: &str, language: &str, parameters: &[String]) -> Result<Hydrated, GraphError> {
    if name.starts_with("missing_") {
        return Err(GraphError::no_template(name, language));
    }
    if name.starts_with("paused_") {
        return Err(GraphError::template_paused(name));
    }
    let Some(template) = TEMPLATES.iter().find(|one| one.name == name) else {
        let text = [&[name.to_owned()], parameters].concat().join(" ");
        return Ok(Hydrated { text, category: "marketing".to_owned() });
    };
    if parameters.len() != template.parameters() {
        return Err(GraphError::template_parameters(parameters.len(), template.parameters()));
    }
    let fill =
        |text: String, (at, value): (usize, &String)| text.replace(&format!("{{{{{}}}}}", at + 1), value);
    let text = parameters.iter().enumerate().fold(template.body.to_owned(), fill);
    Ok(Hydrated { text, category: template.category.to_lowercase() })
}
