//! Control groups (version 2) that hold a tree each, where this process may create them below its own.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, Mode, OFlags, openat};

use super::procfs;

/// Groups of Abide are named `abide-NAMESPACE-PID-STARTED-COUNT`, after the process that made them.
const PREFIX: &str = "abide-";

/// Empty groups kept for the next program, so that a restart makes none.
const KEPT: usize = 2;

/// Makes groups below the one this process is in.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Where groups are made; `None` where they cannot be.
    parent: Option<PathBuf>,
    owner: String,
    made: u64,
    idle: Vec<Group>,
    /// Left by trees that were dropped while processes of theirs still died.
    emptying: Vec<Group>,
}

impl Groups {
    /// Finds out where groups can be made. Removes what dead supervisors left behind, with every process in it.
    pub(crate) fn find() -> Self {
        let owner = owner();
        let parent =
            own_group().filter(|parent| rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok());
        if let Some(parent) = &parent {
            remove_stale(parent);
        }
        Self {
            parent: parent.filter(|_| owner.is_some()),
            owner: owner.unwrap_or_default(),
            made: 0,
            idle: Vec::new(),
            emptying: Vec::new(),
        }
    }

    /// An empty group; `None` where there can be none, which is no error: trees are then held together otherwise.
    pub(crate) fn take(&mut self) -> Option<Group> {
        self.tidy();
        if let Some(group) = self.idle.pop() {
            return Some(group);
        }
        let parent = self.parent.as_deref()?;
        self.made += 1;
        let made = Group::create(parent.join(format!("{PREFIX}{}-{}", self.owner, self.made)));
        if made.is_err() {
            self.parent = None;
        }
        made.ok()
    }

    /// Groups turned out to be of no use here, though they can be made.
    pub(crate) fn give_up(&mut self) {
        self.parent = None;
        self.idle.clear();
    }

    /// Takes back the group of a tree that ended or was killed.
    pub(crate) fn give_back(&mut self, group: Group) {
        self.emptying.push(group);
        self.tidy();
    }

    /// Keeps or removes groups that have become empty.
    pub(crate) fn tidy(&mut self) {
        let mut at = 0;
        while at < self.emptying.len() {
            if self.emptying.get(at).is_some_and(Group::is_populated) {
                at += 1;
                continue;
            }
            let group = self.emptying.swap_remove(at);
            if self.idle.len() < KEPT && group.is_reusable() {
                self.idle.push(group);
            }
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.emptying {
            group.wait_empty(Instant::now() + Duration::from_secs(1));
        }
    }
}

/// The group this process is in, as a folder.
fn own_group() -> Option<PathBuf> {
    Hierarchy::find().group_of("self")
}

/// Where the unified hierarchy of groups is mounted.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy {
    /// Root and mount point of each.
    mounts: Vec<(PathBuf, PathBuf)>,
}

impl Hierarchy {
    pub(crate) fn find() -> Self {
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        Self { mounts: mounts.split(|byte| *byte == b'\n').filter_map(parse_mount).collect() }
    }

    /// The group that a process is in, as a folder: the process by its id, or `self`.
    pub(crate) fn group_of(&self, process: &str) -> Option<PathBuf> {
        let own = fs::read(format!("/proc/{process}/cgroup")).ok()?;
        let own = own.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::/"))?;
        let own = PathBuf::from(std::ffi::OsString::from_vec(own.to_vec()));
        // Outside of the visible part of the hierarchy.
        if own.starts_with("..") {
            return None;
        }
        let below = Path::new("/").join(&own);
        self.mounts.iter().find_map(|(root, point)| {
            Some(point.join(below.strip_prefix(root).ok()?)).filter(|path| path.join("cgroup.procs").exists())
        })
    }
}

/// Root and mount point, when the line of mountinfo is a mount of the unified hierarchy.
fn parse_mount(line: &[u8]) -> Option<(PathBuf, PathBuf)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let root = fields.nth(3)?;
    let point = fields.next()?;
    fields.find(|field| *field == b"-")?;
    (fields.next()? == b"cgroup2").then(|| (unescape(root), unescape(point)))
}

/// mountinfo writes blanks and the like as a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn pid_namespace() -> Option<u64> {
    fs::metadata("/proc/self/ns/pid").ok().map(|metadata| metadata.ino())
}

fn owner() -> Option<String> {
    let pid = std::process::id();
    Some(format!("{}-{pid}-{}", pid_namespace()?, procfs::stat(pid)?.started))
}

/// The namespace of process ids, the process and its start that a group of Abide is named after; `None` for other groups.
fn maker(name: &str) -> Option<(u64, u64, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-').map(str::parse::<u64>);
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(of)), Some(Ok(pid)), Some(Ok(started)), Some(Ok(_)), None) => Some((of, pid, started)),
        _ => None,
    }
}

/// The group of Abide that a folder is, or lies in: a program may have made groups of its own below.
pub(crate) fn group_around(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|at| at.file_name().and_then(|name| name.to_str()).and_then(maker).is_some())
}

/// Whether the process that a group is named after is known to be dead. A process of another namespace cannot be judged.
fn is_abandoned(name: &str, namespace: u64) -> bool {
    let Some((of, pid, started)) = maker(name) else { return false };
    let Ok(pid) = u32::try_from(pid) else { return false };
    of == namespace && procfs::stat(pid).is_none_or(|stat| stat.started != started || stat.is_dead())
}

fn remove_stale(parent: &Path) {
    let Some(namespace) = pid_namespace() else { return };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| is_abandoned(name, namespace))
            && let Ok(mut group) = Group::open(entry.path())
        {
            let _ = group.kill();
            group.wait_empty(Instant::now() + Duration::from_millis(500));
        }
    }
}

/// One group. Removed when dropped, unless processes are still in it.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
    folder: OwnedFd,
    events: File,
    /// Was killed once. Kernels from about 6.12 on kill what is created in such a group by clone3 from outside.
    killed: bool,
}

impl Group {
    fn create(path: PathBuf) -> io::Result<Self> {
        fs::create_dir(&path)?;
        Self::open(path.clone()).inspect_err(|_| {
            let _ = fs::remove_dir(&path);
        })
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty())?;
        let events = openat(&folder, "cgroup.events", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { path, folder, events: events.into(), killed: false })
    }

    /// The folder, for a process to be created in.
    pub(crate) fn folder(&self) -> RawFd {
        self.folder.as_raw_fd()
    }

    /// Opens the file into which a process writes `0` to enter.
    pub(crate) fn entrance(&self) -> io::Result<OwnedFd> {
        Ok(openat(&self.folder, "cgroup.procs", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?)
    }

    fn event(&self, key: &str) -> Option<bool> {
        let mut bytes = [0_u8; 128];
        let length = self.events.read_at(&mut bytes, 0).ok()?;
        let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ').map(|value| value == "1"))
    }

    /// Whether a living process is in the group or a group below. Reading it arms [`Self::events`] anew.
    pub(crate) fn is_populated(&self) -> bool {
        self.event("populated").unwrap_or(false)
    }

    /// Reports priority data when it is worth asking [`Self::is_populated`] again.
    pub(crate) fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// A program may have made groups of its own below, or changed settings of this one.
    fn is_reusable(&self) -> bool {
        !self.killed && self.has_no_groups_below() && self.event("frozen") != Some(true)
    }

    fn has_no_groups_below(&self) -> bool {
        // A group's link count is two and one for every group directly below.
        rustix::fs::fstat(&self.folder).is_ok_and(|stat| stat.st_nlink <= 2)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let file = openat(&self.folder, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).write_all(text.as_bytes())
    }

    /// Kills every process in the group and below, with those being created now.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.killed = true;
        match self.write("cgroup.kill", "1") {
            // Kernels before 5.14 have no such file: stop all from forking first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = self.write("cgroup.freeze", "1");
                for pid in self.members() {
                    // SAFETY: a system call without pointers. The process is in the group, or has just ended.
                    unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
                }
                self.write("cgroup.freeze", "0")
            }
            result => result,
        }
    }

    /// Stops everything in the group from running, or lets it run again.
    pub(crate) fn freeze(&self, frozen: bool) -> io::Result<()> {
        self.write("cgroup.freeze", if frozen { "1" } else { "0" })
    }

    /// The processes in the group and below.
    pub(crate) fn members(&self) -> Vec<u32> {
        let mut members = Vec::new();
        collect_members(&self.path, &mut members);
        members
    }

    fn wait_empty(&self, until: Instant) {
        while self.is_populated() {
            let left = until.saturating_duration_since(Instant::now());
            let (false, Ok(left)) = (left.is_zero(), Timespec::try_from(left)) else { return };
            if poll(&mut [PollFd::new(&self.events, PollFlags::PRI)], Some(&left)).is_err() {
                return;
            }
        }
    }
}

pub(crate) fn collect_members(folder: &Path, members: &mut Vec<u32>) {
    let mut text = String::new();
    if File::open(folder.join("cgroup.procs")).and_then(|mut file| file.read_to_string(&mut text)).is_ok() {
        members.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid != 0));
    }
    for below in folders_below(folder) {
        collect_members(&below, members);
    }
}

fn folders_below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

fn remove_below(folder: &Path) {
    for below in folders_below(folder) {
        remove_below(&below);
        let _ = fs::remove_dir(below);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.has_no_groups_below() {
            remove_below(&self.path);
        }
        let _ = rustix::fs::unlinkat(rustix::fs::CWD, &self.path, AtFlags::REMOVEDIR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mount_lines() {
        let line = b"35 24 0:30 / /sys/fs/cgroup/a\\040b rw,nosuid shared:9 - cgroup2 cgroup2 rw";
        assert_eq!(parse_mount(line), Some(("/".into(), "/sys/fs/cgroup/a b".into())));
        let line = b"36 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
        assert_eq!(parse_mount(line), None);
        assert_eq!(parse_mount(b"36 24"), None);
    }

    #[test]
    fn finds_the_group_around_one_of_the_programs_own() {
        let own = Path::new("/sys/fs/cgroup/system.slice/x.service/abide-4-5-6-7");
        assert_eq!(group_around(own), Some(own));
        assert_eq!(group_around(&own.join("workers/1")), Some(own));
        assert_eq!(group_around(Path::new("/sys/fs/cgroup/system.slice/abide-orders.service")), None);
        assert_eq!(group_around(Path::new("/")), None);
    }

    #[test]
    fn judges_only_its_own_names() {
        let namespace = pid_namespace().unwrap();
        assert!(!is_abandoned(&format!("abide-{}-1", owner().unwrap()), namespace));
        assert!(is_abandoned(&format!("abide-{namespace}-{}-5-1", std::process::id()), namespace));
        assert!(!is_abandoned(&format!("abide-{}-2000000000-5-1", namespace + 1), namespace));
        assert!(!is_abandoned("abide-x", namespace));
        assert!(!is_abandoned("user.slice", namespace));
    }
}
