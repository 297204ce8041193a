//! The description of the API as OpenAPI 3.1, made from the table of operations and the types
//! that requests are read into and answers written from.

use std::sync::OnceLock;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    ROOT,
    operations::{Act, Kind, Method, OPERATIONS, Operation, Parameter},
    problem::Problem,
};

/// The description.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(describe)
}

/// The schemas of bodies that we read and of those that we write differ in what must be there.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

fn describe() -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut schemas = Schemas {
        read: settings().for_deserialize().into_generator(),
        written: settings().for_serialize().into_generator(),
    };
    let problem = schemas.written.subschema_for::<Problem>();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(format!("{ROOT}{}", operation.path)).or_insert_with(|| json!({}));
        path[method(operation.method)] = described(operation, &mut schemas);
    }
    let mut definitions = schemas.written.take_definitions(true);
    definitions.extend(schemas.read.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Courant",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "See and steer a running gateway. Lists come in pages: `next` of a page is `after` of the following one. A POST with the header Idempotency-Key is done once; the same request with the same key gets the first answer for a day.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": { "Problem": {
                "description": "It was not done.",
                "content": { "application/problem+json": { "schema": problem } },
            } },
        },
    })
}

const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Delete => "delete",
    }
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> = path_parameters(operation.path).map(path_parameter).collect();
    parameters.extend(operation.query.iter().map(query_parameter));
    if operation.takes_key() {
        parameters.push(idempotency_key());
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses(operation, schemas),
    });
    match operation.scope {
        Some(scope) => described["description"] = format!("Needs the scope `{}`.", scope.as_str()).into(),
        None => described["security"] = json!([]),
    }
    if let Some(body) = operation.body {
        let schema = body(&mut schemas.read);
        described["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if operation.act == Act::UploadMedia {
        let schema = json!({ "type": "string", "format": "binary", "minLength": 1 });
        let form = json!({
            "type": "object",
            "required": ["file"],
            "properties": { "file": { "type": "string", "format": "binary", "minLength": 1 } },
            "additionalProperties": false,
        });
        described["requestBody"] = json!({ "required": true, "content": {
            "application/octet-stream": { "schema": schema },
            "multipart/form-data": { "schema": form },
        }});
    }
    described
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let about = match name {
        "id" => "Any id.",
        "channel" => "A channel's name.",
        "key" => "A scenario's key.",
        _ => "A name.",
    };
    let schema = json!({ "type": "string", "minLength": 1 });
    json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Id => json!({
            "type": "string",
            "pattern": "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
        }),
        Kind::Cursor => json!({ "type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}$" }),
        Kind::Upload => json!({ "type": "string", "pattern": "^[1-9][0-9]{15}$" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Instant => json!({ "type": "string", "format": "date-time" }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words() }),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.about,
        "schema": schema,
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Does the request once, however often it comes.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~][ -~]*$" },
    })
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> Value {
    let schema = (operation.answer)(&mut schemas.written);
    let success = match operation.act {
        Act::StreamEvents => json!({
            "description": "Events; the data of each is an EventView.",
            "content": { "text/event-stream": { "schema": { "type": "string" } } },
            "x-event": schema,
        }),
        Act::RevokeToken | Act::RemoveMedia | Act::ResetPlans | Act::RemoveScenario => {
            json!({ "description": "Done." })
        }
        Act::UploadMedia => json!({
            "description": "It is kept.",
            "content": { "application/json": { "schema": schema } },
            "links": media_links(),
        }),
        Act::Send | Act::Resend => json!({
            "description": "Stored and on its way.",
            "content": { "application/json": { "schema": schema } },
            "links": links(),
        }),
        Act::OpenApi
        | Act::Overview
        | Act::ListMessages
        | Act::FindMessages
        | Act::ReadMessage
        | Act::ReadHistory
        | Act::Cancel
        | Act::ListCallbacks
        | Act::ReplayCallbacks
        | Act::ListRoutes
        | Act::PauseRoute
        | Act::ResumeRoute
        | Act::DrainRoute
        | Act::ListSenders
        | Act::PauseSender
        | Act::ResumeSender
        | Act::DrainSender
        | Act::ListAccounts
        | Act::ReadAccount
        | Act::ReadPlans
        | Act::WritePlans
        | Act::CheckPlans
        | Act::ListScenarios
        | Act::ReadScenario
        | Act::CreateScenario
        | Act::ReplaceScenario
        | Act::ReadBalance
        | Act::ReadLedger
        | Act::TopUp
        | Act::ListMedia
        | Act::ReadMedia
        | Act::ReadStats
        | Act::ListTokens
        | Act::CreateToken
        | Act::Backup => {
            json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } })
        }
    };
    let mut responses = Map::new();
    responses.insert(operation.status.to_string(), success);
    for status in problems(operation) {
        responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    Value::Object(responses)
}

/// What can be done with a message that was just sent.
fn links() -> Value {
    let link =
        |operation: &str| json!({ "operationId": operation, "parameters": { "id": "$response.body#/id" } });
    json!({
        "read": link("readMessage"),
        "history": link("readHistory"),
        "cancel": link("cancelMessage"),
        "resend": link("resendMessage"),
    })
}

/// What can be done with a file that was just uploaded.
fn media_links() -> Value {
    let link =
        |operation: &str| json!({ "operationId": operation, "parameters": { "id": "$response.body#/id" } });
    json!({ "read": link("readMedia"), "remove": link("removeMedia") })
}

/// The problems that an operation can have.
fn problems(operation: &Operation) -> Vec<u16> {
    let mut statuses = vec![400, 500, 503];
    if operation.scope.is_some() {
        statuses.extend([401, 403]);
    }
    if operation.path.contains('{')
        || matches!(operation.act, Act::StreamEvents | Act::Send | Act::UploadMedia | Act::ListMedia)
    {
        statuses.extend([404, 409]);
    }
    if operation.method != Method::Get {
        statuses.extend([409, 413]);
    }
    if operation.body.is_some() {
        statuses.push(415);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}
