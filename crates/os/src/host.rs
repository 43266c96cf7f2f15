//! What tells this machine from others.

use std::io;

/// The name of this machine.
///
/// # Errors
/// Fails when the operating system does not tell.
pub fn name() -> io::Result<String> {
    imp::name()
}

/// What tells this machine from all others for as long as its system stays installed: the machine id of systemd and
/// D-Bus, Windows' machine GUID, the UUID of a Mac. `None` where there is none.
#[must_use]
pub fn id() -> Option<String> {
    imp::id().map(|id| id.trim().to_lowercase()).filter(|id| !id.is_empty())
}

/// The system's name in telemetry (`os.type`).
#[must_use]
pub const fn os_type() -> &'static str {
    if cfg!(windows) {
        "windows"
    } else if cfg!(target_vendor = "apple") {
        "darwin"
    } else {
        std::env::consts::OS
    }
}

#[cfg(unix)]
mod imp {
    use std::io;

    pub(super) fn name() -> io::Result<String> {
        Ok(rustix::system::uname().nodename().to_string_lossy().into_owned())
    }

    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn id() -> Option<String> {
        ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"]
            .iter()
            .find_map(|file| std::fs::read_to_string(file).ok().filter(|id| !id.trim().is_empty()))
    }

    #[cfg(target_vendor = "apple")]
    pub(super) fn id() -> Option<String> {
        let mut id = [0_u8; 16];
        let wait = libc::timespec { tv_sec: 1, tv_nsec: 0 };
        // SAFETY: `id` is the 16 bytes that the call fills, and `wait` lives through it.
        let answer = unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const wait) };
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        (answer == 0).then(|| {
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            parts.join("-")
        })
    }
}

#[cfg(windows)]
mod imp {
    use std::io;

    use crate::windows::registry::Key;

    pub(super) fn name() -> io::Result<String> {
        // Set by the system for every process.
        std::env::var("COMPUTERNAME")
            .map_err(|_| io::Error::new(io::ErrorKind::NotFound, "%COMPUTERNAME% is not set"))
    }

    pub(super) fn id() -> Option<String> {
        Key::open(r"SOFTWARE\Microsoft\Cryptography").ok()??.text("MachineGuid").ok()?
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_has_a_name() {
        assert!(!super::name().unwrap().is_empty());
        assert!(super::id().is_none_or(|id| !id.contains(char::is_whitespace)));
        assert!(!super::os_type().is_empty());
    }
}
