//! Unix side of [`crate::fs`].

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};

use crate::fs::Access;
use crate::process::Identity;

pub(crate) fn create_dir(path: &Path, private: bool) -> io::Result<()> {
    DirBuilder::new().mode(if private { 0o700 } else { 0o755 }).create(path)?;
    if private {
        return Ok(());
    }
    // A narrow umask (077 is common for root) must not lock service accounts out of shared folders.
    std::fs::set_permissions(path, Permissions::from_mode(0o755))
}

pub(crate) fn create_new(path: &Path, access: Access) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    match access {
        Access::Private => {}
        Access::Public => file.set_permissions(Permissions::from_mode(0o644))?,
        Access::Executable => file.set_permissions(Permissions::from_mode(0o755))?,
    }
    Ok(file)
}

pub(crate) fn hand_over(folder: &Path, identity: &Identity) -> io::Result<()> {
    let Identity::User { name, groups } = identity else { return Ok(()) };
    let account = super::accounts::resolve(name, groups)?;
    let us = rustix::process::geteuid().as_raw();
    for above in folder.ancestors().skip(1) {
        let found = std::fs::metadata(above)?;
        let mode = found.mode() & 0o7777;
        if found.uid() != us || mode & 0o011 == 0o011 {
            break;
        }
        std::fs::set_permissions(above, Permissions::from_mode(mode | 0o011))?;
    }
    let before = std::fs::symlink_metadata(folder)?.uid();
    if before == account.uid {
        return Ok(());
    }
    let (to, group) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    let open = rustix::fs::open(folder, FOLDER, Mode::empty())?;
    give(&open, before, to, group)?;
    Ok(rustix::fs::fchown(&open, Some(to), Some(group))?)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Gives on what the account before had in a folder. That account may be at work in it meanwhile, so no link is followed
/// and nothing of anyone else's is touched.
fn give(folder: &OwnedFd, before: u32, to: Uid, group: Gid) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if found.st_uid != before {
            continue;
        }
        if let Ok(inner) = rustix::fs::openat(folder, name, FOLDER, Mode::empty()) {
            give(&inner, before, to, group)?;
        }
        rustix::fs::chownat(folder, name, Some(to), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(path)) else { return false };
    open.dev() == named.dev() && open.ino() == named.ino()
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
