//! JSON Schema of the spec.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    Delay, Duration, GiveUp, Health, HttpRequest, HttpUrl, InheritEnv, Logs, Name, RateLimit, Ready, Restart,
    Rotate, RunAs, Signal, Size, StopStep, TcpAddress,
};

macro_rules! text_schema {
    ($($type:ident: $description:literal, $($key:literal = $value:expr),+;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description, $($key: $value),+ })
            }
        }
    )*};
}

text_schema! {
    Duration: "A length of time: whole numbers with a unit, largest first, such as 200ms, 10s, 1m30s or 1d.",
        "pattern" = "^\\s*(?=[0-9])(0+|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+(us|µs))?([0-9]+ns)?)\\s*$";
    Size: "An amount of bytes: a whole number and a unit, such as 64KiB, 512MiB or 1GB.",
        "pattern" = "^\\s*(0+|[0-9]+\\s*(B|KiB|MiB|GiB|TiB|KB|kB|MB|GB|TB))\\s*$";
    Signal: "A Unix signal by name, such as TERM, HUP, USR1 or RTMIN+3.",
        "pattern" = "^[A-Za-z]+[0-9]?(\\+[0-9]+)?$";
    Name: "The name of a service: 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.",
        "pattern" = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$", "maxLength" = 64;
    HttpUrl: "A plain http URL.", "pattern" = "^[hH][tT][tT][pP]://[^\\s/@]+";
    TcpAddress: "A host and a port, such as 127.0.0.1:9000 or [::1]:9000.", "pattern" = "^.+:[0-9]+$";
    RunAs: "least-privilege, system, local-service, network-service, or the name of a user.", "minLength" = 1;
}

impl JsonSchema for InheritEnv {
    fn schema_name() -> Cow<'static, str> {
        "InheritEnv".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "all, none, or a list of names of environment variables.",
            "anyOf": [
                { "type": "string", "enum": ["all", "none"] },
                { "type": "array", "items": { "type": "string" } }
            ]
        })
    }
}

/// The value of `restart.give-up`.
pub(crate) struct GiveUpOrFalse;

impl JsonSchema for GiveUpOrFalse {
    fn schema_name() -> Cow<'static, str> {
        "GiveUpOrFalse".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean", "const": false }, generator.subschema_for::<GiveUp>()] })
    }
}

/// The JSON Schema of a spec, for editors and for tools that write specs.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(crate::Spec).to_value();
    tidy(&mut schema);
    for (name, keys) in ONE_OF {
        let choices: Vec<Value> = keys.iter().map(|key| json!({ "required": [key] })).collect();
        if let Some(definition) = schema.pointer_mut(&format!("/$defs/{name}")).and_then(Value::as_object_mut)
        {
            definition.insert("oneOf".to_owned(), choices.into());
            if let Some(notify) = definition.get_mut("properties").and_then(|it| it.get_mut("notify")) {
                notify["const"] = true.into();
            }
        }
    }
    for (setting, value) in defaults() {
        if let Some(property) = property_mut(&mut schema, setting) {
            property.insert("default".to_owned(), value);
        }
    }
    schema
}

/// Of these keys a table has exactly one.
const ONE_OF: [(&str, &[&str]); 5] = [
    ("Ready", &["http", "tcp", "exec", "file", "notify", "log"]),
    ("Health", &["http", "tcp", "exec", "file", "notify", "log-silence"]),
    ("StopStep", &["signal", "event", "command", "kill"]),
    ("Reload", &["signal", "command"]),
    ("Act", &["signal", "command", "env", "http"]),
];

/// The settings that have a default worth writing down. A test compares each with the types.
pub(crate) fn defaults() -> Vec<(&'static str, Value)> {
    let text = |it: &dyn std::fmt::Display| Value::from(it.to_string());
    let give_up = GiveUp::default();
    vec![
        ("program.inherit-env", "all".into()),
        ("program.supervised", true.into()),
        ("start.mode", "auto".into()),
        ("start.ready.timeout", text(&Ready::TIMEOUT)),
        ("start.ready.every", text(&Ready::EVERY)),
        ("account.run-as", text(&RunAs::default())),
        ("restart.when", "on-failure".into()),
        ("restart.success-codes", json!([0])),
        ("restart.delay.initial", text(&Delay::INITIAL)),
        ("restart.delay.factor", Delay::FACTOR.into()),
        ("restart.delay.max", text(&Delay::MAX)),
        ("restart.delay.jitter", Delay::JITTER.into()),
        ("restart.give-up.after", give_up.after.into()),
        ("restart.give-up.within", text(&give_up.within)),
        ("restart.reset-after", text(&Restart::RESET_AFTER)),
        ("health.every", text(&Health::EVERY)),
        ("health.timeout", text(&Health::TIMEOUT)),
        ("health.unhealthy-after", Health::UNHEALTHY_AFTER.into()),
        ("health.healthy-after", Health::HEALTHY_AFTER.into()),
        ("health.initial-delay", text(&Duration::ZERO)),
        ("health.then", "restart".into()),
        ("stop.steps.wait", text(&StopStep::WAIT)),
        ("debug.on.http.method", "PUT".into()),
        ("debug.on.http.content-type", HttpRequest::CONTENT_TYPE.into()),
        ("debug.on.http.timeout", text(&HttpRequest::TIMEOUT)),
        ("logs.rotate.size", text(&Rotate::SIZE)),
        ("logs.rotate.keep", Rotate::KEEP.into()),
        ("logs.rotate.compress", "none".into()),
        ("logs.when-full", "block".into()),
        ("logs.buffer", text(&Logs::BUFFER)),
        ("logs.rate-limit.per", text(&RateLimit::PER)),
        ("logs.encoding.stdout", "raw".into()),
        ("logs.encoding.stderr", "raw".into()),
        ("logs.ansi", "keep".into()),
        ("security.profile", "strict".into()),
        ("register.weight", 1.into()),
    ]
}

/// Makes the schema say what TOML can say: there is no null, and a description is one paragraph.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            drop_null(object);
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(array) => array.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn drop_null(object: &mut Map<String, Value>) {
    // "type": ["string", "null"]
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    // "anyOf": [{ "$ref": … }, { "type": "null" }]
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|it| it.get("type").is_none_or(|it| it != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
}

/// The property of a setting like `restart.delay.max`.
fn property_mut<'s>(schema: &'s mut Value, setting: &str) -> Option<&'s mut Map<String, Value>> {
    let mut at = String::new();
    for key in setting.split('.') {
        at = format!("{}/properties/{key}", table_of(schema, &at)?);
    }
    schema.pointer_mut(&at)?.as_object_mut()
}

/// Where the table that a property holds is defined, itself or as the elements of a list.
fn table_of(schema: &Value, at: &str) -> Option<String> {
    let node = schema.pointer(at)?;
    if node.get("properties").is_some() {
        return Some(at.to_owned());
    }
    if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
        return table_of(schema, reference.strip_prefix('#')?);
    }
    if node.get("items").is_some() {
        return table_of(schema, &format!("{at}/items"));
    }
    let choices = node.get("anyOf").or_else(|| node.get("oneOf"))?.as_array()?;
    let key = if node.get("anyOf").is_some() { "anyOf" } else { "oneOf" };
    (0..choices.len()).find_map(|index| table_of(schema, &format!("{at}/{key}/{index}")))
}

/// The property of a setting, and the definition that it refers to, if it does.
pub(crate) fn property<'s>(schema: &'s Value, setting: &str) -> Option<(&'s Value, Option<&'s Value>)> {
    let mut at = String::new();
    for key in setting.split('.') {
        at = format!("{}/properties/{key}", table_of(schema, &at)?);
    }
    let property = schema.pointer(&at)?;
    let definition =
        property.get("$ref").and_then(Value::as_str).and_then(|it| schema.pointer(it.strip_prefix('#')?));
    Some((property, definition))
}

/// All settings that the types have.
#[cfg(test)]
pub(crate) fn all_settings(schema: &Value) -> Vec<String> {
    fn walk(schema: &Value, at: &str, prefix: &str, out: &mut Vec<String>) {
        let Some(table) = table_of(schema, at) else {
            out.push(prefix.to_owned());
            return;
        };
        let properties = schema.pointer(&format!("{table}/properties")).and_then(Value::as_object);
        for key in properties.into_iter().flat_map(|it| it.keys()) {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            walk(schema, &format!("{table}/properties/{key}"), &name, out);
        }
    }
    let mut out = Vec::new();
    walk(schema, "", "", &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spec;
    use crate::settings::SETTINGS;

    #[test]
    fn the_list_of_settings_is_that_of_the_types() {
        let mut listed: Vec<&str> = SETTINGS.to_vec();
        let mut real = all_settings(&schema());
        listed.sort_unstable();
        real.sort_unstable();
        assert_eq!(listed, real);
    }

    #[test]
    fn each_default_means_the_same_as_leaving_it_out() {
        // What a setting can be given in, where it cannot stand alone.
        let beside = [
            ("start.ready", "start.ready.notify = true\n"),
            ("health", "health.tcp = \"localhost:1\"\n"),
            ("stop.steps", "stop.steps.signal = \"HUP\"\n"),
            ("register", "register.port = 1\n"),
            ("debug", "debug.off.signal = \"USR1\"\ndebug.on.http.url = \"http://localhost/\"\n"),
            ("logs.rate-limit", "logs.rate-limit.lines = 1\n"),
        ];
        for (setting, value) in defaults() {
            let base =
                beside.iter().find(|(prefix, _)| setting.starts_with(prefix)).map_or("", |(_, text)| text);
            let start = format!("name = \"a\"\nprogram.command = [\"x\"]\n{base}");
            let read = |text: String| {
                // A list of tables is written with a header.
                let text = match setting.split_once('.') {
                    Some(("health", _)) => {
                        text.replace("\nhealth.tcp", "\n[[health]]\ntcp").replace("\nhealth.", "\n")
                    }
                    Some(("stop", _)) => text
                        .replace("\nstop.steps.signal", "\n[[stop.steps]]\nsignal")
                        .replace("\nstop.steps.", "\n"),
                    _ => text,
                };
                Spec::parse(&text)
                    .unwrap_or_else(|errors| panic!("{}", errors.render("x".as_ref(), &text, false)))
            };
            assert_eq!(read(format!("{start}{setting} = {value}\n")), read(start), "{setting}");
        }
    }

    #[test]
    fn every_default_has_a_place_in_the_schema() {
        let schema = schema();
        for (setting, value) in defaults() {
            let (found, _) = property(&schema, setting).unwrap_or_else(|| panic!("no {setting}"));
            assert_eq!(found.get("default"), Some(&value), "{setting}");
        }
    }
}
