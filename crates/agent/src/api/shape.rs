//! The forms of what is taken and answered, as JSON Schema. docs/json.md tells what each key means.

use serde_json::{Value, json};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// What goes with an order.
    Wish,
    /// What goes with the order to switch something.
    Switch,
    /// What came of an order.
    Done,
    /// A service: `abide.status/1`.
    Status,
    /// Many of them.
    Statuses,
    /// Events: `abide.event/1`.
    Events,
    /// Lines of output: `abide.log/1`.
    Lines,
    /// The agent itself.
    Health,
    /// What went wrong.
    Problem,
    /// Targets of Prometheus.
    Targets,
    /// Text.
    Text,
    /// An object that is described elsewhere.
    Any,
}

impl Shape {
    /// Those that have a place of their own in the document.
    pub const NAMED: [Self; 9] = [
        Self::Wish,
        Self::Switch,
        Self::Done,
        Self::Status,
        Self::Events,
        Self::Lines,
        Self::Health,
        Self::Targets,
        Self::Problem,
    ];

    /// The media type that it is answered in.
    pub const fn media(self) -> &'static str {
        if matches!(self, Self::Text) { "text/plain" } else { "application/json" }
    }

    /// Its name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wish => "Wish",
            Self::Switch => "Switch",
            Self::Done => "Done",
            Self::Status | Self::Statuses => "Status",
            Self::Events => "Event",
            Self::Lines => "Line",
            Self::Health => "Agent",
            Self::Problem => "Problem",
            Self::Targets => "TargetGroup",
            Self::Text => "Text",
            Self::Any => "Any",
        }
    }

    /// Where it is used: a reference, or a list of them.
    pub fn used(self) -> Value {
        let one = json!({ "$ref": format!("#/components/schemas/{}", self.name()) });
        match self {
            Self::Statuses | Self::Events | Self::Lines | Self::Targets => {
                json!({ "type": "array", "items": one })
            }
            Self::Text => json!({ "type": "string" }),
            Self::Any => json!({ "type": "object" }),
            _ => one,
        }
    }

    /// What it holds; of a list, what each of it holds.
    pub fn schema(self) -> Value {
        match self {
            Self::Wish => wish(&[], json!({ "timeout": timeout() })),
            Self::Switch => wish(
                &["on"],
                json!({ "timeout": timeout(), "on": { "type": "boolean", "description": "on or off" } }),
            ),
            Self::Done => object(
                &["schema", "text", "status"],
                json!({
                    "schema": constant("abide.done/1"),
                    "text": text("what is so now, in words"),
                    "status": Self::Status.used(),
                }),
            ),
            Self::Status | Self::Statuses => {
                object(&["schema", "name", "state", "ready", "healthy"], status())
            }
            Self::Events => object(
                &["schema", "time", "service", "text", "record"],
                json!({
                    "schema": constant("abide.event/1"),
                    "time": time("when it happened"),
                    "service": text("to which service"),
                    "text": text("what happened and why, in words"),
                    "record": { "type": "object", "description": "the same for programs" },
                }),
            ),
            Self::Lines => object(
                &["schema", "service", "time", "stream", "text", "complete"],
                json!({
                    "schema": constant("abide.log/1"),
                    "service": text("its name"),
                    "time": nullable(time("when the line's end arrived")),
                    "stream": { "type": "string", "enum": ["stdout", "stderr"] },
                    "level": { "type": "string", "enum": ["trace", "debug", "info", "warn", "error", "fatal"] },
                    "text": text("the line"),
                    "complete": { "type": "boolean" },
                }),
            ),
            Self::Health => object(
                &["schema", "version", "pid", "started", "services", "http"],
                json!({
                    "schema": constant("abide.agent/1"),
                    "version": text("of the agent"),
                    "pid": { "type": "integer" },
                    "started": time("when it began"),
                    "services": { "type": "integer", "description": "how many it sees" },
                    "http": nullable(text("where it speaks HTTP to holders of tokens")),
                }),
            ),
            Self::Problem => object(
                &["schema", "kind", "error"],
                json!({
                    "schema": constant("abide.error/1"),
                    "kind": text("what kind it is, for programs"),
                    "error": text("what failed, on what, and why"),
                    "hint": text("what to do next"),
                }),
            ),
            Self::Targets => object(
                &["targets", "labels"],
                json!({
                    "targets": { "type": "array", "items": text("host:port") },
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                }),
            ),
            Self::Text => json!({ "type": "string" }),
            Self::Any => json!({ "type": "object" }),
        }
    }
}

fn status() -> Value {
    json!({
        "schema": constant("abide.status/1"),
        "name": text("of the service"),
        "description": text("of the service"),
        "state": text("stopped, starting, running, paused, stopping, backing-off, failed, waiting or unknown"),
        "ready": { "type": "boolean" },
        "was-ready": { "type": "boolean" },
        "healthy": { "type": "boolean" },
        "since": text("since when the state holds: RFC 3339; empty where that is not known"),
        "pid": nullable(json!({ "type": "integer" })),
        "started": nullable(time("when the program was started")),
        "restarts": { "type": "integer" },
        "failures": { "type": "integer" },
        "next-start": nullable(time("when the next start is due")),
        "last-exit": nullable(json!({ "type": "object" })),
        "why": nullable(text("the newest event")),
        "text": nullable(text("what the program says of itself")),
        "debug": { "type": "boolean" },
        "logs": { "type": "object" },
        "supervisor": { "type": "object" },
        "scope": nullable(text("system or user")),
        "project": nullable(text("the folder of the `abide up` that runs it")),
        "enabled": nullable(text("when it starts by itself")),
        "manager": nullable(json!({ "type": "object" })),
    })
}

/// An object that holds nothing else.
fn wish(required: &[&str], properties: Value) -> Value {
    let mut schema = object(required, properties);
    schema["additionalProperties"] = json!(false);
    schema
}

fn timeout() -> Value {
    let mut schema =
        text("how long it may take, as `30s`, an hour at most; by default as long as the spec allows");
    schema["pattern"] = json!("^([0-9]+(ms|s|m))+$");
    schema["examples"] = json!(["30s", "1m30s"]);
    schema
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn constant(word: &str) -> Value {
    json!({ "const": word })
}

fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

#[cfg(test)]
mod tests {
    use abide_host::{Home, Known};
    use abide_os::paths::Layout;

    use super::*;

    /// What is served and what is described have the same keys.
    #[test]
    fn a_status_is_described_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::Project(Layout::project(folder.path()));
        let mut known = Known::nothing(&"web".parse().unwrap(), &home, "why".into());
        known.status.description = Some("A server".into());
        let told = serde_json::to_value(&known).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let (mut told, mut described) = (keys(&told), keys(&status()));
        told.sort();
        described.sort();
        assert_eq!(told, described);
    }

    #[test]
    fn a_problem_is_described_as_it_is() {
        let problem = super::super::Problem::bad("no").hint("yes");
        let told = serde_json::to_value(&problem).unwrap();
        for key in told.as_object().unwrap().keys() {
            assert!(Shape::Problem.schema()["properties"].get(key).is_some(), "{key}");
        }
    }
}
