//! The small values of a spec: never a panic, and what is accepted reads back the same from its own text.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use abide_spec::{Duration, HttpUrl, Name, Signal, Size, TcpAddress};
use libfuzzer_sys::fuzz_target;

fn round_trip<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

fuzz_target!(|text: &str| {
    round_trip::<Duration>(text);
    round_trip::<Size>(text);
    round_trip::<Signal>(text);
    round_trip::<Name>(text);
    round_trip::<HttpUrl>(text);
    round_trip::<TcpAddress>(text);
});
