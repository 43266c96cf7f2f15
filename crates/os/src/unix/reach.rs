//! Unix side of [`crate::resolve`]: who may do what with a path, by owners and modes.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::resolve::{Barrier, Want, Who};

const READ: u32 = 0o4;
const WRITE: u32 = 0o2;
const EXECUTE: u32 = 0o1;

/// As many symbolic links as Linux itself follows.
const MOST_LINKS: usize = 40;

pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
}

pub(crate) fn reachable(path: &Path, who: &Who, want: Want) -> Result<(), Barrier> {
    let mut whole = PathBuf::from("/");
    walk(path, &mut whole, who, &mut 0)?;
    let Ok(metadata) = whole.metadata() else { return Ok(()) };
    let bits = match want {
        Want::Execute => EXECUTE,
        Want::Read => READ,
        Want::Enter => EXECUTE,
        Want::Write if metadata.is_dir() => WRITE | EXECUTE,
        Want::Write => WRITE,
    };
    if want == Want::Execute && !metadata.is_file() {
        return Err(Barrier { path: whole, why: "is not a file".into() });
    }
    if want == Want::Enter && !metadata.is_dir() {
        return Err(Barrier { path: whole, why: "is not a folder".into() });
    }
    check(&whole, &metadata, who, bits, want)?;
    if want == Want::Execute && is_noexec(&whole) {
        return Err(Barrier { path: whole, why: "is on a file system mounted noexec".into() });
    }
    Ok(())
}

/// Goes down a path from the root, checking that every folder may be searched and following links on the way.
/// `whole` ends as the path without links.
fn walk(path: &Path, whole: &mut PathBuf, who: &Who, links: &mut usize) -> Result<(), Barrier> {
    for part in path.components() {
        match part {
            Component::RootDir => *whole = PathBuf::from("/"),
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir | Component::Prefix(_) => {}
            Component::Normal(name) => {
                if let Ok(folder) = whole.metadata() {
                    if !folder.is_dir() {
                        return Err(Barrier { path: whole.clone(), why: "is not a folder".into() });
                    }
                    check(whole, &folder, who, EXECUTE, Want::Enter)?;
                }
                let next = whole.join(name);
                match next.symlink_metadata() {
                    Ok(metadata) if metadata.is_symlink() => {
                        *links += 1;
                        if *links > MOST_LINKS {
                            return Err(Barrier { path: next, why: "is part of a loop of links".into() });
                        }
                        if let Ok(target) = std::fs::read_link(&next) {
                            walk(&target, whole, who, links)?;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(Barrier { path: next, why: "does not exist".into() });
                    }
                    _ => *whole = next,
                }
            }
        }
    }
    Ok(())
}

fn check(path: &Path, metadata: &Metadata, who: &Who, bits: u32, want: Want) -> Result<(), Barrier> {
    let mode = metadata.mode();
    let allowed = match who {
        // root is held back by nothing but a file that nobody may execute.
        Who::Root => want != Want::Execute || mode & 0o111 != 0,
        Who::User(user) if user.uid == 0 => want != Want::Execute || mode & 0o111 != 0,
        Who::User(user) if user.uid == metadata.uid() => mode >> 6 & bits == bits,
        Who::User(user) if user.groups.contains(&metadata.gid()) => mode >> 3 & bits == bits,
        Who::Stranger { groups } if groups.contains(&metadata.gid()) => mode >> 3 & bits == bits,
        Who::User(_) | Who::Stranger { .. } => mode & bits == bits,
    };
    // An access control list may name the user; a made-up account it cannot.
    if allowed || (matches!(who, Who::User(_)) && has_acl(path)) {
        return Ok(());
    }
    let kind = if metadata.is_dir() { "folder" } else { "file" };
    let verb = match want {
        Want::Execute => "execute",
        Want::Read => "read",
        Want::Enter => "enter",
        Want::Write => "write to",
    };
    let subject = match who {
        Who::Root => "root".to_owned(),
        Who::User(user) => user.name.clone(),
        Who::Stranger { .. } => "an account of the service's own".to_owned(),
    };
    Err(Barrier {
        path: path.to_path_buf(),
        why: format!(
            "is a {kind} that {subject} may not {verb} (mode {:04o}, owner {})",
            mode & 0o7777,
            metadata.uid()
        ),
    })
}

/// The first folder or file on the way to a path that someone else than root (or this process's own user, who makes
/// it so) can replace things in. Sticky folders count as closed: there, nobody replaces what is not theirs.
pub(crate) fn open_to_others(path: &Path) -> Option<Barrier> {
    const STICKY: u32 = 0o1000;
    let own = rustix::process::geteuid().as_raw();
    let real = path.canonicalize().ok()?;
    let mut ways: Vec<&Path> = real.ancestors().collect();
    ways.reverse();
    ways.into_iter().find_map(|path| {
        let metadata = path.metadata().ok()?;
        let mode = metadata.mode();
        let closed = mode & 0o022 == 0 || (metadata.is_dir() && mode & STICKY != 0);
        let why = if metadata.uid() != 0 && metadata.uid() != own {
            format!("belongs to the user {}", metadata.uid())
        } else if !closed {
            format!("can be written by others (mode {:04o})", mode & 0o7777)
        } else {
            return None;
        };
        Some(Barrier { path: path.to_path_buf(), why })
    })
}

#[cfg(target_os = "linux")]
fn has_acl(path: &Path) -> bool {
    let mut room = [0u8; 4];
    match rustix::fs::getxattr(path, "system.posix_acl_access", &mut room[..]) {
        Ok(size) => size > 0,
        Err(error) => error == rustix::io::Errno::RANGE,
    }
}

#[cfg(not(target_os = "linux"))]
fn has_acl(_: &Path) -> bool {
    true
}

fn is_noexec(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::statvfs(path)
        .is_ok_and(|system| system.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}
