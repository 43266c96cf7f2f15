//! Unix side of [`crate::fs`].

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::fs::Access;

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
