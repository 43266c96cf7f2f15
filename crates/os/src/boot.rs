//! When this machine was booted.

use std::io;
use std::time::SystemTime;

#[cfg(target_os = "linux")]
use crate::linux::boot as imp;
#[cfg(all(unix, not(target_os = "linux")))]
use crate::unix::boot as imp;
#[cfg(windows)]
use crate::windows::boot as imp;

/// When the machine, as it runs now, was booted; in a container, when that was.
///
/// # Errors
/// Fails when the operating system does not tell.
pub fn started() -> io::Result<SystemTime> {
    imp::started()
}

/// When it was booted before, as far as the operating system keeps a record that everybody may read (`/var/log/wtmp`
/// of Linux), oldest first; the boot of now is not among them.
///
/// # Errors
/// Fails when there is no such record.
pub fn earlier() -> io::Result<Vec<SystemTime>> {
    let now = started()?;
    let mut boots = imp::recorded()?;
    boots.sort_unstable();
    // The record is written a moment after the boot.
    let slack = std::time::Duration::from_secs(60);
    boots.retain(|boot| *boot + slack < now);
    Ok(boots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_was_before_now_and_those_before_it_earlier() {
        let boot = started().unwrap();
        assert!(boot <= SystemTime::now());
        if let Ok(earlier) = earlier() {
            assert!(earlier.iter().all(|before| *before < boot));
        }
    }
}
