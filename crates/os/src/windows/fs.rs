//! Windows side of [`crate::fs`]: files and folders get their access list when they are made, never after, because what
//! lies below `%ProgramData%` is open to all users until then.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, GENERIC_WRITE, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE, GetDiskFreeSpaceExW, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
    OPEN_ALWAYS,
};

use super::account::is_privileged;
use super::security::{Descriptor, Sid};
use super::sys::{check, is, owned, wide};
use super::task;
use crate::fs::Access;

/// Others may do everything with an open file but keep it from being renamed or removed.
const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// SYSTEM, Administrators, and the account that makes it unless that is an administrator: then the rights are those of
/// all administrators, and a program of the same person that is not elevated has none. Nothing comes down from the folder
/// above. `OICI`: holds for what is made inside of a folder too.
///
/// Below the user's own folder a program of the same person is to get at it in any case.
fn private(path: &Path, inherited: &str) -> io::Result<String> {
    let all = format!("(A;{inherited};FA;;;SY)(A;{inherited};FA;;;BA)");
    if is_privileged() && !task::is_of_user(path) {
        return Ok(format!("O:BAD:P{all}"));
    }
    Ok(format!("D:P{all}(A;{inherited};FA;;;{})", Sid::own()?.text()?))
}

/// Bytes on the disk of a folder: in all, and free for this account.
pub(crate) fn space(folder: &Path) -> io::Result<(u64, u64)> {
    let folder = wide(folder)?;
    let (mut free, mut total) = (0, 0);
    // SAFETY: the path ends with NUL and lives through the call, as do the numbers that it fills.
    check(unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, &raw mut total, ptr::null_mut()) })?;
    Ok((total, free))
}

/// The access list of a new folder.
fn folder_list(path: &Path, private_only: bool) -> io::Result<String> {
    let mut list = private(path, "OICI")?;
    if !private_only {
        list.push_str("(A;OICI;0x1200a9;;;BU)");
    }
    Ok(list)
}

/// The access list of a new file.
fn file_list(path: &Path, access: Access) -> io::Result<String> {
    let mut list = private(path, "")?;
    match access {
        Access::Private => {}
        // Read and execute, for users and for the services' own accounts, which are users too.
        Access::Public | Access::Executable => list.push_str("(A;;0x1200a9;;;BU)"),
    }
    Ok(list)
}

pub(crate) fn create_dir(path: &Path, private: bool) -> io::Result<()> {
    create_dir_with(path, &folder_list(path, private)?)
}

/// Makes a folder with an access list in text form (SDDL). It is never there without.
pub(crate) fn create_dir_with(path: &Path, sddl: &str) -> io::Result<()> {
    let descriptor = Descriptor::new(sddl)?;
    let attributes = descriptor.attributes();
    let path = wide(path)?;
    // SAFETY: the path ends with a NUL, and the descriptor in the attributes lives through the call.
    check(unsafe { CreateDirectoryW(path.as_ptr(), &raw const attributes) })
}

pub(crate) fn create_new(path: &Path, access: Access) -> io::Result<File> {
    create(path, GENERIC_WRITE, CREATE_NEW, &file_list(path, access)?)
}

fn create(path: &Path, access: u32, disposition: u32, sddl: &str) -> io::Result<File> {
    let descriptor = Descriptor::new(sddl)?;
    let attributes = descriptor.attributes();
    let path = wide(path)?;
    // SAFETY: the path ends with a NUL, and the descriptor in the attributes lives through the call; the handle is ours.
    let file = unsafe {
        owned(CreateFileW(
            path.as_ptr(),
            access,
            SHARE_ALL,
            &raw const attributes,
            disposition,
            FILE_ATTRIBUTE_NORMAL,
            ptr::null_mut::<core::ffi::c_void>() as HANDLE,
        ))
    }?;
    Ok(File::from(file))
}

/// How long a file is waited for that somebody else reads at the moment. Reading takes far less.
const UNTIL_READ: Duration = Duration::from_secs(2);

/// A file can't be replaced here while somebody has it open, be it a reader of a status that is about to be out of date.
/// It gives no sign when it is closed, so it is tried again.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        // SAFETY: both paths end with NULs.
        let answer = check(unsafe {
            MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
        });
        match answer {
            Err(error)
                if (is(&error, ERROR_ACCESS_DENIED) || is(&error, ERROR_SHARING_VIOLATION))
                    && begun.elapsed() < UNTIL_READ =>
            {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            answer => return answer,
        }
    }
}

/// A new file gets the access list of its folder: that of a service's logs lets its account in.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).share_mode(SHARE_ALL).open(path)
}

pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    use windows_sys::Win32::Foundation::GENERIC_READ;
    create(path, GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS, &private(path, "")?)
}

/// A file that is open can't make way for another of its name here: removing it leaves the name until it is closed.
pub(crate) fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Windows writes names down by itself.
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_read_is_replaced_when_the_reader_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::write(&to, "old").unwrap();
        std::fs::write(&from, "new").unwrap();
        let reader = OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(&to).unwrap();
        std::thread::scope(|scope| {
            let replaced = scope.spawn(|| replace(&from, &to));
            std::thread::sleep(Duration::from_millis(50));
            drop(reader);
            replaced.join().unwrap().unwrap();
        });
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "new");
    }
}
