//! Where the program finds itself: who started it, and which service managers there are.

use std::fmt;

use abide_os::manager::{self, Kind};

/// A service manager.
///
/// ```
/// use abide::Backend;
///
/// assert_eq!(Backend::Systemd.to_string(), "systemd");
/// assert!(Backend::ALL.contains(&Backend::WindowsScm));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// systemd (Linux).
    Systemd,
    /// OpenRC (Alpine, Gentoo).
    OpenRc,
    /// runit (Void).
    Runit,
    /// s6.
    S6,
    /// SysV init (Devuan and old Linux).
    Sysv,
    /// launchd (macOS).
    Launchd,
    /// rc.d (FreeBSD).
    Rcd,
    /// The Service Control Manager of Windows.
    WindowsScm,
}

impl Backend {
    /// All of them.
    ///
    /// ```
    /// assert_eq!(abide::Backend::ALL.len(), 8);
    /// ```
    pub const ALL: &'static [Self] = &[
        Self::Systemd,
        Self::OpenRc,
        Self::Runit,
        Self::S6,
        Self::Sysv,
        Self::Launchd,
        Self::Rcd,
        Self::WindowsScm,
    ];

    /// Those that run on this machine.
    ///
    /// ```
    /// for backend in abide::Backend::available() {
    ///     println!("this machine has {backend}");
    /// }
    /// ```
    #[must_use]
    pub fn available() -> Vec<Self> {
        manager::available().into_iter().filter_map(Self::of).collect()
    }

    /// The one that is used on this machine: the one that started it. None in most containers.
    ///
    /// ```
    /// match abide::Backend::chosen() {
    ///     Some(backend) => println!("services are installed for {backend}"),
    ///     None => println!("programs run in the foreground here"),
    /// }
    /// ```
    #[must_use]
    pub fn chosen() -> Option<Self> {
        Self::of(manager::detect())
    }

    pub(crate) fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Systemd => Self::Systemd,
            Kind::OpenRc => Self::OpenRc,
            Kind::Runit => Self::Runit,
            Kind::S6 => Self::S6,
            Kind::Sysv => Self::Sysv,
            Kind::Launchd => Self::Launchd,
            Kind::Rcd => Self::Rcd,
            Kind::Scm => Self::WindowsScm,
            _ => return None,
        })
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Systemd => Kind::Systemd,
            Self::OpenRc => Kind::OpenRc,
            Self::Runit => Kind::Runit,
            Self::S6 => Kind::S6,
            Self::Sysv => Kind::Sysv,
            Self::Launchd => Kind::Launchd,
            Self::Rcd => Kind::Rcd,
            Self::WindowsScm => Kind::Scm,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())
    }
}

/// Who started this process.
///
/// ```
/// let colours = abide::Origin::detect() == abide::Origin::Terminal;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Somebody at a terminal.
    Terminal,
    /// A service manager.
    Backend(Backend),
    /// `abide up`, or Abide's supervisor for programs that are no services themselves.
    Abide,
    /// Something else, without a terminal: a container, a script, a scheduled task.
    Unknown,
}

impl Origin {
    /// Finds out who started this process.
    ///
    /// ```
    /// if let abide::Origin::Backend(backend) = abide::Origin::detect() {
    ///     println!("{backend} started this");
    /// }
    /// ```
    #[must_use]
    pub fn detect() -> Self {
        match abide_os::origin::origin() {
            abide_os::origin::Origin::Terminal => Self::Terminal,
            abide_os::origin::Origin::Manager(kind) => Backend::of(kind).map_or(Self::Unknown, Self::Backend),
            abide_os::origin::Origin::Supervisor => Self::Abide,
            abide_os::origin::Origin::Unknown => Self::Unknown,
        }
    }
}

/// The name of the service manager that is used on this machine, `"foreground"` where there is none.
///
/// ```
/// println!("running on {}", abide::platform());
/// ```
#[must_use]
pub fn platform() -> &'static str {
    manager::detect().as_str()
}

/// Whether somebody at a terminal started this process.
///
/// ```
/// if abide::interactive() {
///     println!("Ctrl-C stops it");
/// }
/// ```
#[must_use]
pub fn interactive() -> bool {
    Origin::detect() == Origin::Terminal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_a_kind_and_every_kind_a_backend() {
        for backend in Backend::ALL {
            assert_eq!(Backend::of(backend.kind()), Some(*backend));
        }
        let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Foreground);
        assert_eq!(kinds.filter_map(Backend::of).count(), Backend::ALL.len());
    }
}
