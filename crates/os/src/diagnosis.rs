//! What an operating system tells that helps to find out why a service does not work. Everything here only looks; what
//! a system does not tell, or not to this user, is left out.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use crate::linux::diagnosis as imp;
use crate::manager::listener as find_listener;

/// A process that listens on a port. What cannot be told, for want of rights say, is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Its process id.
    pub pid: Option<u32>,
    /// The name of its program.
    pub program: Option<String>,
    /// The service whose supervisor started it, by the mark that its environment carries.
    pub service: Option<String>,
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "{program} (process {pid})"),
            (None, Some(pid)) => write!(f, "process {pid}"),
            _ => f.write_str("a process that this user may not see"),
        }
    }
}

/// Who listens on a TCP port of this machine, if anybody does.
#[must_use]
pub fn listener(port: u16) -> Option<Listener> {
    let found = find_listener(port)?;
    Some(Listener { pid: found.pid, program: found.program, service: found.service })
}

/// Room on a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that an ordinary user may still write.
    pub free: u64,
    /// How many files it can hold in all; 0 where that is not bounded.
    pub files: u64,
    /// How many files can still be made.
    pub files_free: u64,
}

/// Room on the disk that a folder is on.
///
/// # Errors
/// Fails when the folder is not there, or the operating system does not tell.
pub fn space(folder: &Path) -> io::Result<Space> {
    #[cfg(unix)]
    {
        let system = rustix::fs::statvfs(folder)?;
        Ok(Space {
            total: system.f_blocks.saturating_mul(system.f_frsize),
            free: system.f_bavail.saturating_mul(system.f_frsize),
            files: system.f_files,
            files_free: system.f_favail,
        })
    }
    #[cfg(windows)]
    {
        let (total, free) = crate::windows::fs::space(folder)?;
        Ok(Space { total, free, files: 0, files_free: 0 })
    }
}

/// How everybody on the machine may write to a file or folder; `None` where they may not, or where that is not told.
/// In a sticky folder nobody removes what is another's.
#[must_use]
pub fn open_to_everybody(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        const STICKY: u32 = 0o1000;
        let metadata = path.metadata().ok()?;
        let mode = metadata.permissions().mode() & 0o7777;
        let sticky = metadata.is_dir() && mode & STICKY != 0;
        (mode & 0o002 != 0 && !sticky).then(|| format!("mode {mode:04o}"))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// What one process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Memory in bytes that it has in the machine's.
    pub memory: u64,
    /// Time that processors worked for it.
    pub cpu: Duration,
    /// How many files it has open; `None` where this user may not know.
    pub descriptors: Option<u64>,
    /// How many it may have open.
    pub descriptor_limit: Option<u64>,
}

/// A thread of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Time that processors worked for it.
    pub cpu: Duration,
    /// Time that it waited for a processor, as far as that is counted.
    pub waited: Duration,
}

/// What the kernel holds of the group that a process is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The most memory that it may use, in bytes: the least of its own bound and those above it.
    pub memory_limit: Option<u64>,
    /// How many of its processes were killed for want of memory, since it is there.
    pub kills: Option<u64>,
}

/// A process and all that come from it, itself first. Linux only; elsewhere the process alone.
#[must_use]
pub fn tree(pid: u32) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    return imp::tree(pid);
    #[cfg(not(target_os = "linux"))]
    vec![pid]
}

/// What a process uses; `None` when it is gone, or where the system does not tell. Linux only.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    #[cfg(target_os = "linux")]
    return imp::process(pid);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

/// The threads of a process. Linux only.
#[must_use]
pub fn threads(pid: u32) -> Vec<Thread> {
    #[cfg(target_os = "linux")]
    return imp::threads(pid);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        Vec::new()
    }
}

/// The control group (version 2) that a process is in. Linux only.
#[must_use]
pub fn group(pid: u32) -> Option<Group> {
    #[cfg(target_os = "linux")]
    return imp::group(pid);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

/// When a process was started. Linux only.
#[must_use]
pub fn started(pid: u32) -> Option<SystemTime> {
    #[cfg(target_os = "linux")]
    return imp::started(pid);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

/// Memory of the machine, in bytes: what is available, and all of it. Linux only.
#[must_use]
pub fn machine_memory() -> Option<(u64, u64)> {
    #[cfg(target_os = "linux")]
    return imp::machine_memory();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Whether the kernel's clock is synchronised with others. Linux only.
#[must_use]
pub fn clock_is_synchronised() -> Option<bool> {
    #[cfg(target_os = "linux")]
    return imp::clock_is_synchronised();
    #[cfg(not(target_os = "linux"))]
    None
}

/// The lines of the kernel's log that are kept, oldest first, without their prefix. Linux only.
///
/// # Errors
/// Fails for a user who may not read it, and where there is none.
pub fn kernel_log() -> io::Result<Vec<String>> {
    #[cfg(target_os = "linux")]
    return imp::kernel_log();
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// A process that the kernel killed for want of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// Its process id, as the kernel counts: in a container another one.
    pub pid: u32,
    /// The name of its program, at most 15 bytes of it.
    pub program: String,
    /// The line that says so.
    pub line: String,
}

/// The processes that were killed for want of memory, by lines of the kernel's log.
pub fn killed<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Killed> {
    let read = |line: &str| {
        // `Out of memory: Killed process 77 (java) total-vm:…`, `Memory cgroup out of memory: Killed process …`
        let lower = line.to_ascii_lowercase();
        let at = lower.find("out of memory: kill")?;
        let rest = line.get(at..)?.split_once("rocess ")?.1;
        let (pid, rest) = rest.split_once(' ')?;
        let program = rest.strip_prefix('(')?.split_once(')')?.0;
        Some(Killed { pid: pid.parse().ok()?, program: program.to_owned(), line: line.to_owned() })
    };
    lines.into_iter().filter_map(read).collect()
}

/// Something that SELinux or AppArmor denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which of the two.
    pub system: &'static str,
    /// The process.
    pub pid: Option<u32>,
    /// The name of its program.
    pub program: Option<String>,
    /// What it was denied: `{ read } for name=…`, `open /etc/x`.
    pub what: String,
}

/// What SELinux and AppArmor denied, by lines of the kernel's log or of the audit log.
pub fn denials<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Denial> {
    lines.into_iter().filter_map(denial).collect()
}

fn denial(line: &str) -> Option<Denial> {
    let field = |name: &str| {
        let at = line.find(&format!(" {name}="))? + name.len() + 2;
        let rest = line.get(at..)?;
        Some(match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => rest.split(' ').next()?,
        })
    };
    let (system, what) = if line.contains("apparmor=\"DENIED\"") {
        let words = [field("operation"), field("name"), field("capname")];
        ("AppArmor", words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    } else if line.contains("avc:") && line.contains("denied") {
        let what = line.split_once("denied")?.1.trim();
        let object = [field("name"), field("path"), field("dest")].into_iter().flatten().next();
        let act = what.split_once('}').map_or(what, |(act, _)| act).trim_start_matches(['{', ' ']).trim();
        let class = field("tclass");
        ("SELinux", [Some(act), class, object].into_iter().flatten().collect::<Vec<_>>().join(" "))
    } else {
        return None;
    };
    Some(Denial {
        system,
        pid: field("pid").and_then(|pid| pid.parse().ok()),
        program: field("comm").map(str::to_owned),
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_killed_for_memory_are_told_by_the_kernels_words() {
        let lines = [
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task=java,pid=77,uid=0",
            "Memory cgroup out of memory: Killed process 77 (java) total-vm:9000kB, anon-rss:8000kB, file-rss:0kB",
            "Out of memory: Killed process 4121 (my (odd) name) total-vm:1kB",
            "Out of memory: Kill process 5 (old) score 900 or sacrifice child",
            "Out of memory: Killed process x (y)",
            "all is well",
        ];
        let found = killed(lines);
        let told: Vec<_> = found.iter().map(|one| (one.pid, one.program.as_str())).collect();
        assert_eq!(told, [(77, "java"), (4121, "my (odd"), (5, "old")]);
    }

    #[test]
    fn denials_of_both_systems_are_told() {
        let lines = [
            "audit: type=1400 audit(1700000000.123:45): apparmor=\"DENIED\" operation=\"open\" class=\"file\" profile=\"/usr/sbin/mysqld\" name=\"/srv/data/ibdata1\" pid=1234 comm=\"mysqld\" requested_mask=\"r\" denied_mask=\"r\"",
            "type=AVC msg=audit(1700000000.123:456): avc:  denied  { name_bind } for  pid=991 comm=\"httpd\" src=8081 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:port_t:s0 tclass=tcp_socket permissive=0",
            "type=AVC msg=audit(1.2:3): avc:  denied  { read } for  pid=7 comm=\"web\" name=\"secret\" dev=\"sda\" tclass=file",
            "apparmor=\"ALLOWED\" operation=\"open\"",
        ];
        let found = denials(lines);
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found[0].system, found[0].pid, found[0].what.as_str()),
            ("AppArmor", Some(1234), "open /srv/data/ibdata1")
        );
        assert_eq!(found[1].what, "name_bind tcp_socket");
        assert_eq!((found[2].program.as_deref(), found[2].what.as_str()), (Some("web"), "read file secret"));
    }

    #[test]
    fn this_machine_has_disks() {
        let folder = tempfile::tempdir().unwrap();
        let space = space(folder.path()).unwrap();
        assert!(space.total >= space.free && space.total > 0, "{space:?}");
        assert!(super::space(&folder.path().join("none")).is_err() || cfg!(windows));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_known() {
        let own = std::process::id();
        let used = process(own).unwrap();
        assert!(used.memory > 0 && used.descriptors.unwrap() > 2 && used.descriptor_limit.unwrap() > 2);
        assert!(threads(own).iter().any(|thread| thread.id == own));
        assert!(tree(own).starts_with(&[own]));
        assert!(started(own).unwrap() <= SystemTime::now());
        let (available, total) = machine_memory().unwrap();
        assert!(available <= total);
        assert!(process(0x7fff_fff0).is_none() && started(0x7fff_fff0).is_none());
        assert!(threads(0x7fff_fff0).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn what_everybody_may_write_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let with = |mode| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            open_to_everybody(folder.path())
        };
        assert_eq!(with(0o1777), None);
        assert_eq!(with(0o777).as_deref(), Some("mode 0777"));
        assert_eq!(with(0o700), None);
    }
}
