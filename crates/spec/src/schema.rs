//! JSON Schema of the spec.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Duration, HttpUrl, InheritEnv, Name, RunAs, Signal, Size, TcpAddress};

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
        "pattern" = "^\\s*(0+|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+(us|µs))?([0-9]+ns)?)\\s*$", "minLength" = 1;
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
