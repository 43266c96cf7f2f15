//! What `/proc` tells about processes.

use std::fs;
use std::io::Read;
use std::time::Duration;

use crate::process::{INSTANCE_VARIABLE, StartToken};

/// Where a process stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: u8,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// Clock ticks since boot.
    pub(crate) started: u64,
}

impl Stat {
    /// Whether the process has ended and only waits for being reaped.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// What a process has used, as the same line tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    /// Clock ticks: of the program and of the system for it, then the same of the children it has waited for.
    pub(crate) ticks: [u64; 4],
    pub(crate) threads: u32,
    pub(crate) resident_pages: u64,
}

/// The fields behind the name, from the state on.
fn fields(bytes: &[u8]) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    // The name stands in parentheses and may contain anything, parentheses too.
    let after = bytes.iter().rposition(|byte| *byte == b')')? + 2;
    Some(std::str::from_utf8(bytes.get(after..)?).ok()?.split_ascii_whitespace())
}

fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let mut fields = fields(bytes)?;
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some(Stat { state, parent, group, session, started })
}

fn parse_costs(bytes: &[u8]) -> Option<Costs> {
    // The 14th field of the line.
    let mut fields = fields(bytes)?.skip(11);
    let mut ticks = [0; 4];
    for ticks in &mut ticks {
        // A sum over children may be told as less than nothing, for a moment.
        *ticks = fields.next()?.parse().unwrap_or(0);
    }
    let threads = fields.nth(2)?.parse().ok()?;
    let resident_pages = fields.nth(3)?.parse().unwrap_or(0);
    Some(Costs { ticks, threads, resident_pages })
}

/// `None` when there is no such process (any more).
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(line(pid, &mut [0; 1024])?)
}

/// The same, with what the process has used.
pub(crate) fn stat_and_costs(pid: u32) -> Option<(Stat, Costs)> {
    let mut bytes = [0; 1024];
    let line = line(pid, &mut bytes)?;
    Some((parse_stat(line)?, parse_costs(line)?))
}

fn line(pid: u32, bytes: &mut [u8; 1024]) -> Option<&[u8]> {
    let length = fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(bytes).ok()?;
    bytes.get(..length)
}

fn numbers(folder: &str) -> impl Iterator<Item = u32> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Every process.
pub(crate) fn all() -> impl Iterator<Item = u32> {
    numbers("/proc")
}

/// The processes whose parent is this one, dead ones included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for thread in numbers(&format!("/proc/{pid}/task")) {
        match fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")) {
            Ok(text) => {
                found.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()))
            }
            // The thread ended meanwhile, or this kernel has no such file.
            Err(_) if fs::exists(format!("/proc/{pid}/task/{thread}")).unwrap_or(false) => {
                return numbers("/proc")
                    .filter(|other| stat(*other).is_some_and(|stat| stat.parent == pid))
                    .collect();
            }
            Err(_) => {}
        }
    }
    found
}

/// The mark of the tree that a process was started in, if it still carries it.
///
/// While a process executes a new program, there is a moment in which it has no environment to be read; that passes, and
/// is waited for. A process that was given no environment has none for good.
pub(crate) fn instance(pid: u32) -> Option<String> {
    let mut bytes = Vec::new();
    for attempt in 0..200 {
        fs::File::open(format!("/proc/{pid}/environ")).ok()?.take(4 << 20).read_to_end(&mut bytes).ok()?;
        if !bytes.is_empty() || !is_executing(pid) {
            break;
        }
        if attempt < 20 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    bytes.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(INSTANCE_VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// Whether a process is between two programs: alive, and with no place for an environment yet.
fn is_executing(pid: u32) -> bool {
    let mut bytes = [0_u8; 1024];
    let read = fs::File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut bytes));
    let line = read.ok().and_then(|length| bytes.get(..length)).unwrap_or_default();
    let text =
        line.iter().rposition(|byte| *byte == b')').and_then(|at| line.get(at + 2..)).unwrap_or_default();
    let mut fields = text.split(|byte| *byte == b' ');
    // The 3rd and the 51st field of the line.
    let (state, environment_end) = (fields.next(), fields.nth(47));
    !matches!(state, None | Some(b"Z" | b"X")) && environment_end == Some(b"0")
}

/// The start time, in clock ticks since the boot. The boot itself is left out: a process that is shut off from most of
/// `/proc`, or in a container, reads another id of it than one outside, or none. A dead process that nobody reaped yet
/// has no token.
pub(crate) fn start_token(pid: u32) -> Option<StartToken> {
    let stat = stat(pid).filter(|stat| !stat.is_dead())?;
    Some(StartToken(stat.started.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_name_with_parentheses() {
        let line = b"42 (a) b (c) S 7 41 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";
        let stat = parse_stat(line).unwrap();
        assert_eq!(stat, Stat { state: b'S', parent: 7, group: 41, session: 40, started: 987_654 });
        assert!(!stat.is_dead());
        assert_eq!(parse_stat(b""), None);
        assert_eq!(parse_stat(b"42 (x)"), None);
        assert_eq!(parse_stat(b"42 (x) S 1"), None);
    }

    #[test]
    fn reads_what_a_process_has_used() {
        let line = b"42 (a) b (c) S 7 41 40 0 -1 4194560 1 2 3 4 50 60 70 80 20 0 9 0 987654 1000 21 5 6";
        let costs = Costs { ticks: [50, 60, 70, 80], threads: 9, resident_pages: 21 };
        assert_eq!(parse_costs(line), Some(costs));
        assert_eq!(parse_stat(line).unwrap().started, 987_654);
        assert_eq!(parse_costs(b"42 (x) S 1 2 3"), None);
    }

    #[test]
    fn this_process_is_not_between_programs() {
        assert!(!is_executing(std::process::id()));
        assert!(!is_executing(0x7fff_fff0));
        assert_eq!(instance(0x7fff_fff0), None);
    }

    #[test]
    fn knows_this_process() {
        let me = std::process::id();
        assert_eq!(stat(me).unwrap().parent, std::os::unix::process::parent_id());
        assert!(start_token(me).is_some());
        assert_eq!(start_token(0x7fff_fff0), None);
    }
}
