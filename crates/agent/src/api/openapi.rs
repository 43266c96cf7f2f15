//! The OpenAPI 3.1 document, made from the table of routes.

use std::collections::BTreeMap;

use axum::Json;
use serde_json::{Map, Value, json};

use super::routes::{Route, TABLE};
use super::shape::Shape;

/// Answers the document.
pub async fn serve() -> Json<Value> {
    Json(document())
}

/// The whole document.
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in TABLE {
        paths.entry(route.path).or_default().insert(route.method.to_lowercase(), operation(route));
    }
    let schemas: Map<String, Value> =
        Shape::NAMED.iter().map(|shape| (shape.name().to_owned(), shape.schema())).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Abide agent",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The services of one machine. At the agent's endpoint everything is allowed; over TCP a token says who asks.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters = Vec::new();
    if route.path.contains("{name}") {
        parameters.push(json!({
            "name": "name",
            "in": "path",
            "required": true,
            "description": "the service",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
        }));
    }
    for (name, kind, description) in route.query {
        let mut schema = json!({ "type": kind });
        if *kind == "integer" {
            schema["minimum"] = json!(0);
            schema["maximum"] = json!(super::query::MOST);
        }
        parameters.push(json!({ "name": name, "in": "query", "description": description, "schema": schema }));
    }
    let mut content = json!({});
    content[route.answer.media()] = json!({ "schema": route.answer.used() });
    if let Some(events) = route.stream {
        content["text/event-stream"] = json!({ "schema": { "type": "string", "description": events } });
    }
    let mut responses = json!({ "200": { "description": "it is so", "content": content } });
    for (status, description) in problems(route) {
        responses[status] = json!({
            "description": description,
            "content": { "application/json": { "schema": Shape::Problem.used() } },
        });
    }
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "description": format!("Takes the role `{}`.", route.role),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = route.body {
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": body.used() } } });
    }
    operation
}

/// What can go wrong.
fn problems(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![
        ("400", "what was asked is not understood"),
        ("401", "no token, or none that is known"),
        ("403", "the caller may not, or the agent itself may not"),
    ];
    if route.path.contains("{name}") {
        problems.push(("404", "there is no such service"));
        problems.push(("409", "the service does not, for the reason told"));
    }
    if route.body.is_some() {
        problems.push(("413", "the body is too large"));
        problems.push(("422", "the spec is not valid, or cannot be honoured here"));
    }
    problems.push(("429", "too many requests"));
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_once_and_every_reference_leads_somewhere() {
        let document = document();
        let mut ids = BTreeSet::new();
        for route in TABLE {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert_eq!(operation["operationId"], route.id);
            assert!(ids.insert(route.id), "{} twice", route.id);
        }
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
