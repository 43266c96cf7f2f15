//! What `runsv` says of its service: the twenty bytes of `supervise/status`.

use std::time::{Duration, SystemTime};

/// How far runit's clock is ahead of Unix time: it adds the ten seconds of 1970 and no later leap seconds.
const AHEAD: u64 = 10;

/// A moment of TAI64N, whose clock is so many seconds ahead of Unix time.
pub(crate) fn tai(bytes: &[u8], ahead: u64) -> Option<SystemTime> {
    let seconds = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let nanos = u32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
    let seconds = seconds.checked_sub((1 << 62) + ahead)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos.min(999_999_999)))
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing.
    Down,
    /// `run` runs.
    Run,
    /// `finish` runs.
    Finish,
}

/// What `runsv` wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Since when it does what it does.
    pub(super) since: Option<SystemTime>,
    /// The process that runs, of whichever script.
    pub(super) pid: Option<u32>,
    pub(super) paused: bool,
    /// Whether it shall be up.
    pub(super) wanted: bool,
    pub(super) doing: Doing,
}

impl Status {
    /// Reads the file; `None` when it is none of these.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 20] = bytes.try_into().ok()?;
        let pid = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        Some(Self {
            since: tai(bytes, AHEAD),
            pid: (pid != 0).then_some(pid),
            paused: bytes[16] != 0,
            wanted: bytes[17] == b'u',
            doing: match bytes[19] {
                0 => Doing::Down,
                1 => Doing::Run,
                2 => Doing::Finish,
                _ => return None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: [u8; 20] =
        [0x40, 0, 0, 0, 0x6b, 0x03, 0x3d, 0x1e, 0x17, 0xc2, 0xc5, 0x74, 0xa2, 0x5c, 0, 0, 0, b'u', 0, 1];

    #[test]
    fn a_running_service() {
        let status = Status::read(&UP).unwrap();
        assert_eq!((status.pid, status.wanted, status.doing), (Some(0x5ca2), true, Doing::Run));
        let since = status.since.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::new(0x6b03_3d1e - 10, 0x17c2_c574));
    }

    #[test]
    fn a_stopped_service() {
        let mut down = UP;
        down[12..].copy_from_slice(&[0, 0, 0, 0, 0, b'd', 0, 0]);
        let status = Status::read(&down).unwrap();
        assert_eq!((status.pid, status.wanted, status.doing), (None, false, Doing::Down));
    }

    #[test]
    fn what_is_no_status_is_none() {
        assert_eq!(Status::read(&[]), None);
        assert_eq!(Status::read(&[0; 19]), None);
        assert_eq!(Status::read(&[0xff; 20]), None);
        assert_eq!(Status::read(&[0; 20]).unwrap().since, None);
    }
}
