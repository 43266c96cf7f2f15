//! The right to log on as a service, which a user needs and most do not have.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::STATUS_OBJECT_NAME_NOT_FOUND;
use windows_sys::Win32::Security::Authentication::Identity::{
    LSA_HANDLE, LSA_OBJECT_ATTRIBUTES, LSA_UNICODE_STRING, LsaAddAccountRights, LsaClose,
    LsaEnumerateAccountRights, LsaFreeMemory, LsaNtStatusToWinError, LsaOpenPolicy, LsaRemoveAccountRights,
    POLICY_CREATE_ACCOUNT, POLICY_LOOKUP_NAMES,
};

use crate::windows::security::Sid;
use crate::windows::sys::error;

const RIGHT: &str = "SeServiceLogonRight";

struct Policy(LSA_HANDLE);

impl Drop for Policy {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and not closed before.
        unsafe { LsaClose(self.0) };
    }
}

fn answer(status: i32) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: takes and gives numbers only.
    Err(error(unsafe { LsaNtStatusToWinError(status) }))
}

impl Policy {
    fn open() -> io::Result<Self> {
        let attributes = LSA_OBJECT_ATTRIBUTES::default();
        let mut handle = LSA_HANDLE::default();
        // SAFETY: without a name it is this machine; the attributes are not used, and the handle goes into our place.
        answer(unsafe {
            LsaOpenPolicy(
                ptr::null(),
                &raw const attributes,
                (POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES) as u32,
                &raw mut handle,
            )
        })?;
        Ok(Self(handle))
    }

    fn has(&self, sid: &Sid) -> io::Result<bool> {
        let (mut rights, mut count): (*mut LSA_UNICODE_STRING, u32) = (ptr::null_mut(), 0);
        // SAFETY: the SID is whole; the system allocates the list and puts its address into our place.
        let status =
            unsafe { LsaEnumerateAccountRights(self.0, sid.as_ptr(), &raw mut rights, &raw mut count) };
        if status == STATUS_OBJECT_NAME_NOT_FOUND {
            return Ok(false);
        }
        answer(status)?;
        // SAFETY: the list has that many texts, with lengths in bytes, and is freed after the comparison.
        let found = unsafe {
            std::slice::from_raw_parts(rights, count as usize).iter().any(|text| {
                let units = std::slice::from_raw_parts(text.Buffer, usize::from(text.Length / 2));
                units.iter().copied().eq(RIGHT.encode_utf16())
            })
        };
        // SAFETY: allocated by the system for us.
        unsafe { LsaFreeMemory(rights.cast()) };
        Ok(found)
    }
}

/// The right as the calls take it, in the buffer.
fn right(buffer: &mut Vec<u16>) -> LSA_UNICODE_STRING {
    *buffer = RIGHT.encode_utf16().collect();
    let length = (buffer.len() * 2) as u16;
    LSA_UNICODE_STRING { Length: length, MaximumLength: length, Buffer: buffer.as_mut_ptr() }
}

/// Gives an account the right. Answers whether it did not have it.
pub(super) fn grant(sid: &Sid) -> io::Result<bool> {
    let policy = Policy::open()?;
    if policy.has(sid)? {
        return Ok(false);
    }
    let mut buffer = Vec::new();
    let right = right(&mut buffer);
    // SAFETY: the SID is whole, and the text lives through the call.
    answer(unsafe { LsaAddAccountRights(policy.0, sid.as_ptr(), &raw const right, 1) })?;
    Ok(true)
}

/// Takes the right from an account again.
pub(super) fn revoke(sid: &Sid) -> io::Result<()> {
    let policy = Policy::open()?;
    let mut buffer = Vec::new();
    let right = right(&mut buffer);
    // SAFETY: as in `grant`.
    answer(unsafe { LsaRemoveAccountRights(policy.0, sid.as_ptr(), false, &raw const right, 1) })
}
