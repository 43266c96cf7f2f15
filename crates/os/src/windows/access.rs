//! The access lists of what is there: who owns it, and making it as it should be.

use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    GetNamedSecurityInfoW, SE_FILE_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, ACL_REVISION, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, InitializeAcl,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};
use windows_sys::Win32::Storage::FileSystem::FILE_ATTRIBUTE_REPARSE_POINT;

use super::security::{Descriptor, Sid};
use super::sys::{check, code, wide};

/// The account that owns a file or folder.
pub(crate) fn owner(path: &Path) -> io::Result<Sid> {
    let path = wide(path)?;
    let (mut sid, mut descriptor): (PSID, PSECURITY_DESCRIPTOR) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the path ends with a NUL; the system allocates the descriptor, and the SID points into it.
    code(unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut sid,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    })?;
    // SAFETY: the SID lies in the descriptor, which is freed after the copy is made.
    let copy = unsafe { Sid::copied(sid) };
    // SAFETY: allocated by the system for us.
    unsafe { LocalFree(descriptor) };
    copy
}

/// Whether a path leads elsewhere: a junction or a symbolic link.
pub(crate) fn leads_elsewhere(path: &Path) -> io::Result<bool> {
    use std::os::windows::fs::MetadataExt;
    Ok(path.symlink_metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0)
}

/// Gives a file or folder an access list in text form (SDDL); nothing comes down from above any more, and what lies in
/// a folder and takes its list from it gets the new one.
pub(crate) fn set(path: &Path, sddl: &str) -> io::Result<()> {
    let descriptor = Descriptor::new(sddl)?;
    let (mut present, mut defaulted) = (0, 0);
    let mut list: *mut ACL = ptr::null_mut();
    // SAFETY: the descriptor is whole, and the places for the answers are ours. The list points into it.
    check(unsafe {
        GetSecurityDescriptorDacl(descriptor.as_ptr(), &raw mut present, &raw mut list, &raw mut defaulted)
    })?;
    set_list(path, list, PROTECTED_DACL_SECURITY_INFORMATION)
}

/// Makes everything below a folder take its access list from that folder, whoever made it.
pub(crate) fn inherit_below(folder: &Path) -> io::Result<()> {
    // An empty list; what comes down from above is then all there is. An ACL has to be aligned.
    let mut empty = [0_u64; 2];
    // SAFETY: the buffer has the size that is told and room for the header of a list.
    check(unsafe { InitializeAcl(empty.as_mut_ptr().cast(), size_of_val(&empty) as u32, ACL_REVISION) })?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if leads_elsewhere(&path)? {
            continue;
        }
        set_list(&path, empty.as_mut_ptr().cast(), UNPROTECTED_DACL_SECURITY_INFORMATION)?;
        if path.is_dir() {
            inherit_below(&path)?;
        }
    }
    Ok(())
}

fn set_list(path: &Path, list: *mut ACL, inheritance: u32) -> io::Result<()> {
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the path ends with a NUL, and the list is whole and lives through the call.
    code(unsafe {
        SetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | inheritance,
            ptr::null_mut(),
            ptr::null_mut(),
            list,
            ptr::null_mut(),
        )
    })
}
