//! What each service manager has to offer apart from the settings of a spec, as data: who heals a supervisor that died,
//! whose word "started" is, how far it was proven.

use serde::Serialize;

use super::Kind;

/// One thing that a service manager may have to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// What it is, in a few words.
    pub what: &'static str,
    /// Whether it is to be had.
    pub has: Has,
    /// How, or what is in its place.
    pub how: &'static str,
}

/// Whether something is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Has {
    /// Yes.
    Yes,
    /// In part, or in another way.
    Partly,
    /// No.
    No,
}

const fn yes(how: &'static str) -> (Has, &'static str) {
    (Has::Yes, how)
}

const fn partly(how: &'static str) -> (Has, &'static str) {
    (Has::Partly, how)
}

const fn no(how: &'static str) -> (Has, &'static str) {
    (Has::No, how)
}

type Row = (&'static str, fn(Kind) -> (Has, &'static str));

static ROWS: &[Row] = &[
    ("run for real", |kind| match kind {
        Kind::Systemd | Kind::OpenRc | Kind::Runit | Kind::S6 | Kind::Sysv => {
            yes("the conformance list ran against it, booted in a container, with reboots")
        }
        Kind::Scm => partly("the conformance list ran against the SCM of Wine, with restarts"),
        Kind::Foreground => yes("the conformance list ran against it"),
        Kind::Launchd => no("checked, not yet run: compiled for macOS, its files parsed by `plutil`"),
        Kind::Rcd => no("checked, not yet run: its scripts run by `sh` with a stand-in for rc.subr"),
        Kind::Task => partly("its tasks were registered and run under Wine, which has no logon"),
    }),
    ("starts services with the machine", |kind| match kind {
        Kind::Foreground => no("services run as long as `abide up` does"),
        Kind::Task => partly("when the user logs on"),
        _ => yes(""),
    }),
    ("brings a killed supervisor back", |kind| match kind {
        Kind::Systemd => yes("Restart="),
        Kind::OpenRc => yes("supervise-daemon"),
        Kind::Runit => yes("runsv"),
        Kind::S6 => yes("s6-supervise"),
        Kind::Sysv => yes("a small process that its script leaves beside it"),
        Kind::Launchd => yes("KeepAlive"),
        Kind::Rcd => yes("daemon -r"),
        Kind::Scm => yes("failure actions"),
        Kind::Task => partly("once a minute, three times"),
        Kind::Foreground => no("`abide up` is the supervisor"),
    }),
    ("its own tools say started when the program is ready", |kind| match kind {
        Kind::Systemd => yes("Type=notify"),
        Kind::OpenRc | Kind::Sysv | Kind::Rcd => yes("the script waits until it is ready"),
        Kind::Runit => yes("`sv start` and `sv check` ask the supervisor"),
        Kind::S6 => yes("notification-fd"),
        Kind::Scm => yes("start pending until it is ready"),
        Kind::Launchd | Kind::Task => no("it knows no readiness; `abide start` waits for it"),
        Kind::Foreground => no("it has none"),
    }),
    ("an account of the service's own", |kind| match kind {
        Kind::Systemd => yes("DynamicUser="),
        Kind::Scm => yes("a virtual account, NT SERVICE\\NAME"),
        Kind::Task => no("programs run as the user"),
        Kind::Foreground => no("programs run as whoever runs `abide up`"),
        _ => yes("a system account that apply makes and uninstall removes"),
    }),
    ("a sandbox (`security`)", |kind| match kind {
        Kind::Systemd => yes("namespaces, system call filters, capabilities"),
        Kind::Scm => partly("service SID and required privileges"),
        _ => no("the account alone"),
    }),
    ("services of a user's own (`--user`)", |kind| match kind {
        Kind::Systemd => yes("systemd --user with linger"),
        Kind::Launchd => yes("LaunchAgents"),
        Kind::Scm => partly("as a logon task"),
        Kind::Task => yes("a hidden logon task"),
        Kind::Foreground => yes("`abide up` needs no rights"),
        _ => no("it has none"),
    }),
];

/// What a service manager has to offer.
#[must_use]
pub fn offers(kind: Kind) -> Vec<Offer> {
    ROWS.iter()
        .map(|(what, by)| {
            let (has, how) = by(kind);
            Offer { what, has, how }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_of_every_kind() {
        for kind in Kind::ALL {
            let offers = offers(kind);
            assert_eq!(offers.len(), ROWS.len());
            for offer in offers {
                assert!(offer.has == Has::Yes || !offer.how.is_empty(), "{kind}: {}", offer.what);
            }
        }
    }
}
