//! `[security]`: what a program may touch besides its own folders.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::is_default;

/// What the program may touch besides its own state, log and run folders. A profile sets all of it; single fields
/// loosen or tighten the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Security {
    /// Where to start from.
    #[serde(skip_serializing_if = "is_default")]
    pub profile: Profile,
    /// Folders and files the program may write, besides its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<PathBuf>,
    /// Folders and files the program may read although they lie in what is hidden from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<PathBuf>,
    /// What it sees of home folders. Default: `hidden`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<Home>,
    /// What it reaches over the network. Default: `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Whether it may use devices beyond null, random and terminals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<bool>,
    /// Whether it may make memory writable and executable, as just-in-time compilers must (Java, .NET, node).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_execute: Option<bool>,
    /// Whether it may gain rights by starting another program, as `sudo` does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_privileges: Option<bool>,
    /// Whether it may make namespaces, as container tools and browsers do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<bool>,
    /// Whether it may ask for real-time scheduling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime: Option<bool>,
    /// Whether it sees other users' processes and all of `/proc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<bool>,
    /// Whether it shares `/tmp` with the rest of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_temp: Option<bool>,
    /// Linux capabilities it keeps, such as `CAP_NET_BIND_SERVICE` for ports below 1024.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// System calls or groups of them it may use besides `@system-service`, such as `@mount`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system_calls: Vec<String>,
}

/// A named set of restrictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Everything that a network server usually does not need is forbidden.
    #[default]
    Strict,
    /// `strict`, but memory may be made executable and all of `/proc` is seen: for Java, .NET, node and other just-in-time compilers.
    Jit,
    /// No restrictions but the rights of the account.
    None,
}

/// What a program sees of home folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// Empty.
    #[default]
    Hidden,
    /// It can read them, if its account can.
    ReadOnly,
    /// It can read and write them, if its account can.
    Full,
}

/// What a program reaches over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Everything.
    #[default]
    All,
    /// This machine only.
    Local,
    /// Nothing but Unix sockets.
    None,
}

/// What a [`Security`] comes to once its profile is filled in. `true` means allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// What it sees of home folders.
    pub home: Home,
    /// What it reaches over the network.
    pub network: Network,
    /// Use of devices.
    pub devices: bool,
    /// Memory that is writable and executable.
    pub write_execute: bool,
    /// Gaining rights by starting another program.
    pub new_privileges: bool,
    /// Making namespaces.
    pub namespaces: bool,
    /// Real-time scheduling.
    pub realtime: bool,
    /// Other users' processes and all of `/proc`.
    pub processes: bool,
    /// `/tmp` shared with the rest of the machine.
    pub shared_temp: bool,
    /// Everything else that the profile `none` leaves open: all system calls, all of the file system, all capabilities.
    pub unrestricted: bool,
}

impl Security {
    /// The profile with the single fields laid over it.
    pub fn effective(&self) -> Hardening {
        let none = self.profile == Profile::None;
        let jit = none || self.profile == Profile::Jit;
        Hardening {
            home: self.home.unwrap_or(if none { Home::Full } else { Home::Hidden }),
            network: self.network.unwrap_or(Network::All),
            devices: self.devices.unwrap_or(none),
            write_execute: self.write_execute.unwrap_or(jit),
            new_privileges: self.new_privileges.unwrap_or(none),
            namespaces: self.namespaces.unwrap_or(none),
            realtime: self.realtime.unwrap_or(none),
            processes: self.processes.unwrap_or(jit),
            shared_temp: self.shared_temp.unwrap_or(none),
            unrestricted: none,
        }
    }
}
