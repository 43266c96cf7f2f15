//! Exit codes in a spec: Windows programs speak of `0xC0000005`, which is the bits of a negative `i32`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(codes: &[i32], serializer: S) -> Result<S::Ok, S::Error> {
    codes.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i32>, D::Error> {
    let codes = Vec::<i64>::deserialize(deserializer)?;
    codes
        .into_iter()
        .map(|code| {
            i32::try_from(code).or_else(|_| u32::try_from(code).map(|bits| bits as i32)).map_err(|_| {
                D::Error::custom(format!("exit code {code} does not fit into 32 bits; codes go from 0 to 255 on Unix and to 0xFFFFFFFF on Windows"))
            })
        })
        .collect()
}
