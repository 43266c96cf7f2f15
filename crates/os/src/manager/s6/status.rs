//! What `s6-supervise` says of its service: the file `supervise/status`, or else `s6-svstat`.

use std::time::SystemTime;

use crate::manager::ManagerExit;
use crate::manager::runit::status::tai;

/// What `s6-supervise` wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Since when it is up or down.
    pub(super) since: Option<SystemTime>,
    /// The process of `run`, while it runs.
    pub(super) pid: Option<u32>,
    /// How `run` ended last; nothing before the first time.
    pub(super) exit: Option<ManagerExit>,
    pub(super) paused: bool,
    /// Whether `finish` runs.
    pub(super) finishing: bool,
    /// Whether it shall be up.
    pub(super) wanted: bool,
}

/// How far the clock of s6 is ahead of Unix time: it counts the leap seconds, of which there have been 27 since 1972
/// and none since 2017.
const AHEAD: u64 = 37;

/// Two moments of 12 bytes.
const STAMPS: usize = 24;

impl Status {
    /// Reads the file of s6 2.11 and those before it; `None` when it is another, for which [`Status::told`] is there.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 35] = bytes.try_into().ok()?;
        let pid = u64::from_be_bytes(bytes[STAMPS..STAMPS + 8].try_into().ok()?);
        let wait_status = u16::from_be_bytes([bytes[32], bytes[33]]);
        let flags = bytes[34];
        let finishing = flags & 2 != 0;
        Some(Self {
            since: tai(bytes, AHEAD),
            pid: u32::try_from(pid).ok().filter(|pid| *pid != 0 && !finishing),
            exit: (pid == 0 || finishing).then(|| ended(wait_status)),
            paused: flags & 1 != 0,
            finishing,
            wanted: flags & 4 != 0,
        })
    }

    /// Reads what `s6-svstat -o` answers to [`ASKED`].
    pub(super) fn told(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [up, wanted, paused, pid, code, signal, since] = words.try_into().ok()?;
        let yes = |word: &str| word == "true";
        let number = |word: &str| word.parse::<i32>().ok().filter(|number| *number >= 0);
        let exit = number(signal).filter(|signal| *signal != 0).map(ManagerExit::Signal);
        Some(Self {
            since: stamp(since),
            pid: number(pid).filter(|_| yes(up)).and_then(|pid| u32::try_from(pid).ok()),
            exit: exit.or(number(code).map(ManagerExit::Code)).filter(|_| !yes(up)),
            paused: yes(paused),
            finishing: false,
            wanted: yes(wanted),
        })
    }
}

/// What `s6-svstat` is asked for.
pub(super) const ASKED: &str = "up,wantedup,paused,pid,exitcode,signum,updownsince";

/// A moment as TAI64N text: `@` and 24 hexadecimal digits.
fn stamp(text: &str) -> Option<SystemTime> {
    let digits = text.strip_prefix('@').filter(|digits| digits.len() == 24 && digits.is_ascii())?;
    let pairs = (0..12).map(|pair| u8::from_str_radix(digits.get(2 * pair..2 * pair + 2)?, 16).ok());
    tai(&pairs.collect::<Option<Vec<u8>>>()?, AHEAD)
}

/// The way a process ended, as wait(2) tells it.
fn ended(wait_status: u16) -> ManagerExit {
    match i32::from(wait_status & 0x7f) {
        0 => ManagerExit::Code(i32::from(wait_status >> 8)),
        signal => ManagerExit::Signal(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As s6 2.11 wrote it.
    fn old(pid: u64, wait_status: u16, flags: u8) -> Vec<u8> {
        let mut bytes = vec![0x40, 0, 0, 0, 0x6b, 3, 0x3d, 0x54, 0x1b, 0xc7, 0x2a, 0xc0];
        bytes.extend_from_within(..);
        bytes.extend(pid.to_be_bytes());
        bytes.extend(wait_status.to_be_bytes());
        bytes.push(flags);
        bytes
    }

    #[test]
    fn a_running_service() {
        let status = Status::read(&old(25_774, 0, 4)).unwrap();
        assert_eq!((status.pid, status.wanted, status.exit), (Some(25_774), true, None));
        let since = status.since.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 0x6b03_3d54 - 37);
    }

    #[test]
    fn a_stopped_service_tells_how_it_ended() {
        let status = Status::read(&old(0, 15, 8)).unwrap();
        assert_eq!((status.pid, status.wanted), (None, false));
        assert_eq!(status.exit, Some(ManagerExit::Signal(15)));
        assert_eq!(Status::read(&old(0, 7 << 8, 8)).unwrap().exit, Some(ManagerExit::Code(7)));
    }

    #[test]
    fn the_process_of_finish_is_not_that_of_the_service() {
        let status = Status::read(&old(99, 3 << 8, 6)).unwrap();
        assert_eq!((status.pid, status.finishing, status.wanted), (None, true, true));
        assert_eq!(status.exit, Some(ManagerExit::Code(3)));
    }

    #[test]
    fn the_tool_tells_the_same() {
        let up = Status::told("true true false 25774 -1 -1 @400000006b033d541bc72ac0\n").unwrap();
        assert_eq!(Some(up), Status::read(&old(25_774, 0, 4)));
        let down = Status::told("false false false -1 -1 15 @400000006b033d541bc72ac0").unwrap();
        assert_eq!(Some(down), Status::read(&old(0, 15, 8)));
        let failed = Status::told("false false false -1 7 -1 @400000006b033d541bc72ac0").unwrap();
        assert_eq!(Some(failed), Status::read(&old(0, 7 << 8, 8)));
        assert_eq!(Status::told("true true"), None);
        assert_eq!(Status::told("true true false x y z @€€€€€€€€").unwrap().since, None);
    }

    #[test]
    fn what_is_no_status_is_none() {
        assert_eq!(Status::read(&[]), None);
        assert_eq!(Status::read(&[0; 20]), None);
        assert_eq!(Status::read(&[0; 35]).unwrap().since, None);
        assert_eq!(Status::read(&[0xff; 43]), None);
    }
}
