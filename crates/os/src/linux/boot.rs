//! Linux side of [`crate::boot`].

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The record of logins and boots, which everybody may read.
const RECORD: &str = "/var/log/wtmp";
/// The kind of an entry that tells of a boot.
const BOOT_TIME: i16 = 2;
/// Size of an entry, and where in it the seconds are: 32 bits wide where a 32-bit system shares the form.
const FORM: (usize, usize, usize) =
    if cfg!(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm")) {
        (384, 340, 4)
    } else {
        (400, 344, 8)
    };

pub(crate) fn started() -> io::Result<SystemTime> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let seconds =
        text.lines().find_map(|line| line.strip_prefix("btime ")).and_then(|text| text.trim().parse().ok());
    let seconds = seconds
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "/proc/stat tells no time of boot"))?;
    // A container is booted when its own process 1 starts. Where that is hidden, the kernel's boot is all that is told.
    let ticks = super::procfs::stat(1).map_or(0, |first| first.started);
    let first = Duration::from_millis(ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second());
    Ok(UNIX_EPOCH + Duration::from_secs(seconds) + first)
}

pub(crate) fn recorded() -> io::Result<Vec<SystemTime>> {
    let record =
        std::fs::read(RECORD).map_err(|error| io::Error::new(error.kind(), format!("{RECORD}: {error}")))?;
    Ok(boots(&record, FORM))
}

/// The times of the boots in `record`.
fn boots(record: &[u8], (size, at, width): (usize, usize, usize)) -> Vec<SystemTime> {
    let boot = |entry: &[u8]| {
        let kind = i16::from_ne_bytes([entry[0], entry[1]]);
        let seconds = &entry[at..at + width];
        let seconds = match seconds.try_into() {
            Ok(bytes) => u64::from(u32::from_ne_bytes(bytes)),
            Err(_) => u64::from_ne_bytes(seconds.try_into().ok()?),
        };
        (kind == BOOT_TIME && seconds > 0)
            .then(|| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .flatten()
    };
    record.chunks_exact(size).filter_map(boot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_found_among_logins() {
        for form in [(384, 340, 4), (400, 344, 8)] {
            let entry = |kind: i16, seconds: u32| {
                let mut entry = vec![0; form.0];
                entry[..2].copy_from_slice(&kind.to_ne_bytes());
                if form.2 == 4 {
                    entry[form.1..form.1 + 4].copy_from_slice(&seconds.to_ne_bytes());
                } else {
                    entry[form.1..form.1 + 8].copy_from_slice(&u64::from(seconds).to_ne_bytes());
                }
                entry
            };
            let record = [entry(2, 100), entry(7, 150), entry(2, 200), vec![2, 0, 1]].concat();
            let times = boots(&record, form);
            assert_eq!(times, [100, 200].map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)));
        }
    }
}
