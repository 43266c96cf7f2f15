//! What the kernel told of the service's processes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use abide_os::diagnosis::{self, Denial};
use abide_os::manager::{self, Kind};

use super::within;
use crate::scene::Scene;
use crate::words;

/// Where denials are written when an audit daemon runs.
const AUDIT_LOG: &str = "/var/log/audit/audit.log";
/// So much of its end is read, in bytes.
const TAIL: u64 = 1 << 20;
/// For so long the kernel's log is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many of each are kept.
const MOST: usize = 20;

pub(super) fn read(scene: &mut Scene) {
    let mut lines = match within(PATIENCE, diagnosis::kernel_log) {
        Some(Ok(lines)) => lines,
        Some(Err(error)) => {
            scene.kernel.unread = Some(format!("the kernel's log: {error}"));
            Vec::new()
        }
        None => Vec::new(),
    };
    scene.kernel.killed = diagnosis::killed(lines.iter().map(String::as_str));
    lines.extend(tail(Path::new(AUDIT_LOG)));
    let program = scene.valid_spec().and_then(|spec| spec.program.command.first().cloned());
    // The name alone may mean another, and what was denied long ago; it is of use where something is amiss.
    let name = program.as_deref().and_then(words::kernel_name).filter(|_| scene.ails());
    let pids = scene.known.status.pid.map(diagnosis::tree).unwrap_or_default();
    let is_own = |denial: &Denial| {
        denial.pid.is_some_and(|pid| pids.contains(&pid))
            || (name.is_some() && denial.program.as_deref() == name)
    };
    let denials = diagnosis::denials(lines.iter().map(String::as_str)).into_iter().filter(is_own);
    scene.kernel.denials = newest(denials.collect());
    scene.kernel.killed = newest(std::mem::take(&mut scene.kernel.killed));
    // Where systemd starts a service, its group is its own; elsewhere it is shared with others.
    let is_own_group = scene.known.manager.is_some() && manager::detect() == Kind::Systemd;
    let supervisor = scene.known.status.supervisor.pid;
    if is_own_group && supervisor != 0 {
        scene.kernel.group_kills = diagnosis::group(supervisor).and_then(|group| group.kills);
    }
}

fn newest<T>(mut all: Vec<T>) -> Vec<T> {
    let skip = all.len().saturating_sub(MOST);
    all.drain(..skip);
    all
}

/// The last lines of a file; none where it cannot be read.
fn tail(path: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut text = Vec::new();
        file.take(TAIL).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}
