//! `[restart]`: what happens when a program ends by itself.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Duration, Exit, Signal, is_default};

/// Whether, how soon and how often a program that ended by itself is started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Restart {
    /// After which ends the program is started again.
    #[serde(skip_serializing_if = "is_default")]
    pub when: When,
    /// Exit codes that mean success.
    #[serde(with = "crate::exit_codes", skip_serializing_if = "is_zero_only")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i64>"))]
    pub success_codes: Vec<i32>,
    /// Exit codes that override `when`.
    #[serde(skip_serializing_if = "is_default")]
    pub codes: CodeRules,
    /// Signals that ended the program and that override `when` (Unix).
    #[serde(skip_serializing_if = "is_default")]
    pub signals: SignalRules,
    /// How long to wait before the program is started again: `initial`, then `factor` times more after each failure in
    /// a row, at most `max`. `factor = 1` is a fixed delay, `initial = "0s"` is at once.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Delay,
    /// When to stop trying: after so many restarts within so long. `false` means never.
    #[serde(with = "give_up", skip_serializing_if = "is_usual_give_up")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::GiveUpOrFalse"))]
    pub give_up: Option<GiveUp>,
    /// A program that ran so long is stable: the delay begins anew at `initial`.
    #[serde(skip_serializing_if = "is_usual_reset")]
    pub reset_after: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            when: When::OnFailure,
            success_codes: vec![0],
            codes: CodeRules::default(),
            signals: SignalRules::default(),
            delay: Delay::default(),
            give_up: Some(GiveUp::default()),
            reset_after: Self::RESET_AFTER,
        }
    }
}

impl Restart {
    /// Default of `reset-after`.
    pub const RESET_AFTER: Duration = Duration::from_secs(60);

    /// Whether a program that ended like this by itself is to be started again.
    pub fn wants(&self, exit: &Exit) -> bool {
        let ruled = match exit {
            Exit::Code(code) => rule(code, &self.codes.always, &self.codes.never),
            Exit::Signal(number) => Signal::from_number(*number)
                .and_then(|it| rule(&it, &self.signals.always, &self.signals.never)),
        };
        ruled.unwrap_or(match self.when {
            When::Always => true,
            When::OnFailure => !exit.success(&self.success_codes),
            When::Never => false,
        })
    }
}

fn rule<T: PartialEq>(end: &T, always: &[T], never: &[T]) -> Option<bool> {
    if never.contains(end) {
        Some(false)
    } else if always.contains(end) {
        Some(true)
    } else {
        None
    }
}

fn is_zero_only(codes: &[i32]) -> bool {
    codes == [0]
}

fn is_usual_reset(reset_after: &Duration) -> bool {
    *reset_after == Restart::RESET_AFTER
}

fn is_usual_give_up(give_up: &Option<GiveUp>) -> bool {
    *give_up == Some(GiveUp::default())
}

/// After which ends a program is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// After every end.
    Always,
    /// After an end that is no success.
    #[default]
    OnFailure,
    /// After none.
    Never,
}

/// Exit codes that override `when`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CodeRules {
    /// Start again after these, whatever `when` says.
    #[serde(with = "crate::exit_codes", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i64>"))]
    pub always: Vec<i32>,
    /// Do not start again after these, whatever `when` says.
    #[serde(with = "crate::exit_codes", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i64>"))]
    pub never: Vec<i32>,
}

/// Signals that ended the program and that override `when`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SignalRules {
    /// Start again after these, whatever `when` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<Signal>,
    /// Do not start again after these, whatever `when` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Signal>,
}

/// How long to wait before a program is started again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Delay {
    /// Before the first restart.
    #[serde(skip_serializing_if = "is_usual_initial")]
    pub initial: Duration,
    /// How much longer after each further failure. At least 1.
    #[serde(skip_serializing_if = "is_usual_factor")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1.0, max = 1000.0)))]
    pub factor: f64,
    /// No delay is longer.
    #[serde(skip_serializing_if = "is_usual_max")]
    pub max: Duration,
    /// Random part of each delay, from 0 to 1: 0.1 means up to 10 % more or less, so that many services do not restart at the same moment.
    #[serde(skip_serializing_if = "is_usual_jitter")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub jitter: f64,
}

impl Default for Delay {
    fn default() -> Self {
        Self { initial: Self::INITIAL, factor: Self::FACTOR, max: Self::MAX, jitter: Self::JITTER }
    }
}

impl Delay {
    /// Default of `initial`.
    pub const INITIAL: Duration = Duration::from_millis(200);
    /// Default of `factor`.
    pub const FACTOR: f64 = 2.0;
    /// Default of `max`.
    pub const MAX: Duration = Duration::from_secs(60);
    /// Default of `jitter`.
    pub const JITTER: f64 = 0.1;
}

fn is_usual_initial(initial: &Duration) -> bool {
    *initial == Delay::INITIAL
}

fn is_usual_factor(factor: &f64) -> bool {
    *factor == Delay::FACTOR
}

fn is_usual_max(max: &Duration) -> bool {
    *max == Delay::MAX
}

fn is_usual_jitter(jitter: &f64) -> bool {
    *jitter == Delay::JITTER
}

/// When to stop trying: `after` restarts within `within`, a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GiveUp {
    /// How many restarts. At least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub after: u32,
    /// Within how long.
    pub within: Duration,
}

impl Default for GiveUp {
    fn default() -> Self {
        Self { after: 10, within: Duration::from_secs(600) }
    }
}

mod give_up {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<GiveUp>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(give_up) => give_up.serialize(serializer),
            None => serializer.serialize_bool(false),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<GiveUp>, D::Error> {
        struct TableOrFalse;
        impl<'de> Visitor<'de> for TableOrFalse {
            type Value = Option<GiveUp>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ after = NUMBER, within = DURATION } or false")
            }
            fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Self::Value, E> {
                match yes {
                    false => Ok(None),
                    true => Err(E::custom(
                        "`true` says not when; write { after = 10, within = \"10m\" }, or false for never",
                    )),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                GiveUp::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
            }
        }
        deserializer.deserialize_any(TableOrFalse)
    }
}
