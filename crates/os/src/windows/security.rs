//! Who may do what: security descriptors from their text form, accounts and the SIDs that stand for them.

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NONE_MAPPED, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW,
    SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetLengthSid, GetTokenInformation, IsValidSid, LookupAccountNameW, LookupAccountSidW,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, SID_NAME_USE, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::sys::{check, from_wide, is, owned, size_of, text_at, wide};

/// A security descriptor made from its text form (SDDL).
pub(crate) struct Descriptor {
    pointer: PSECURITY_DESCRIPTOR,
}

// SAFETY: the descriptor is a block of memory that nobody changes.
unsafe impl Send for Descriptor {}
// SAFETY: as above.
unsafe impl Sync for Descriptor {}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor").finish_non_exhaustive()
    }
}

impl Descriptor {
    pub(crate) fn new(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl)?;
        let mut pointer: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the text ends with a NUL; the system allocates the descriptor and puts its address into our place.
        check(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut pointer,
                ptr::null_mut(),
            )
        })?;
        Ok(Self { pointer })
    }

    pub(crate) fn as_ptr(&self) -> PSECURITY_DESCRIPTOR {
        self.pointer
    }

    /// To be handed to a call that creates something. It points to this descriptor, so it must not outlive it.
    pub(crate) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>(),
            lpSecurityDescriptor: self.pointer,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: allocated by the system for us, and not freed before.
        unsafe { LocalFree(self.pointer) };
    }
}

/// A SID, the number that stands for an account whatever it is called in the language of this Windows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sid {
    /// In 8-byte units, because a SID has to be aligned.
    words: Vec<u64>,
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().unwrap_or_else(|_| "(no SID)".to_owned()))
    }
}

impl Sid {
    /// From its text form, `S-1-5-18`.
    pub(crate) fn parse(text: &str) -> io::Result<Self> {
        let text = wide(text)?;
        let mut sid: PSID = ptr::null_mut();
        // SAFETY: the text ends with a NUL; the system allocates the SID and puts its address into our place.
        check(unsafe { ConvertStringSidToSidW(text.as_ptr(), &raw mut sid) })?;
        // SAFETY: the call has made a whole SID, freed right after it is copied.
        let copy = unsafe { Self::copied(sid) };
        // SAFETY: allocated by the system for us.
        unsafe { LocalFree(sid) };
        copy
    }

    /// # Safety
    /// `sid` points to a SID that lives through the call.
    pub(crate) unsafe fn copied(sid: PSID) -> io::Result<Self> {
        // SAFETY: the caller vouches for the pointer.
        check(unsafe { IsValidSid(sid) })?;
        // SAFETY: as above, and it is a valid SID.
        let length = unsafe { GetLengthSid(sid) } as usize;
        let mut words = vec![0_u64; length.div_ceil(8)];
        // SAFETY: the SID has that many bytes, and the vector no fewer.
        unsafe { ptr::copy_nonoverlapping(sid.cast::<u8>(), words.as_mut_ptr().cast::<u8>(), length) };
        Ok(Self { words })
    }

    pub(crate) fn as_ptr(&self) -> PSID {
        self.words.as_ptr().cast_mut().cast()
    }

    /// `S-1-5-18`.
    pub(crate) fn text(&self) -> io::Result<String> {
        let mut text = ptr::null_mut();
        // SAFETY: the SID is whole; the system allocates the text and puts its address into our place.
        check(unsafe { ConvertSidToStringSidW(self.as_ptr(), &raw mut text) })?;
        // SAFETY: a text that ends with a NUL, freed right after it is copied.
        let copy = unsafe { text_at(text) };
        // SAFETY: allocated by the system for us.
        unsafe { LocalFree(text.cast()) };
        Ok(copy)
    }

    /// The SID of an account by its name; `None` when there is no such account.
    pub(crate) fn of_account(name: &str) -> io::Result<Option<Self>> {
        let wide_name = wide(name)?;
        let (mut sid_size, mut domain_size): (u32, u32) = (0, 0);
        let mut kind: SID_NAME_USE = 0;
        let (mut words, mut domain) = (Vec::<u64>::new(), Vec::<u16>::new());
        loop {
            // SAFETY: both buffers have the sizes that are told.
            let answer = check(unsafe {
                LookupAccountNameW(
                    ptr::null(),
                    wide_name.as_ptr(),
                    if words.is_empty() { ptr::null_mut() } else { words.as_mut_ptr().cast() },
                    &raw mut sid_size,
                    if domain.is_empty() { ptr::null_mut() } else { domain.as_mut_ptr() },
                    &raw mut domain_size,
                    &raw mut kind,
                )
            });
            match answer {
                Ok(()) => return Ok(Some(Self { words })),
                Err(error) if is(&error, ERROR_NONE_MAPPED) => return Ok(None),
                Err(error) if is(&error, ERROR_INSUFFICIENT_BUFFER) && words.is_empty() => {
                    words = vec![0; (sid_size as usize).div_ceil(8).max(1)];
                    domain = vec![0; (domain_size as usize).max(1)];
                    sid_size = (words.len() * 8) as u32;
                    domain_size = domain.len() as u32;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The name of the account, `DOMAIN\NAME`, in the language of this Windows.
    pub(crate) fn account(&self) -> io::Result<String> {
        let (mut name, mut domain) = ([0_u16; 256], [0_u16; 256]);
        let (mut name_size, mut domain_size) = (name.len() as u32, domain.len() as u32);
        let mut kind: SID_NAME_USE = 0;
        // SAFETY: the SID is whole and both buffers have the sizes that are told.
        check(unsafe {
            LookupAccountSidW(
                ptr::null(),
                self.as_ptr(),
                name.as_mut_ptr(),
                &raw mut name_size,
                domain.as_mut_ptr(),
                &raw mut domain_size,
                &raw mut kind,
            )
        })?;
        let (name, domain) = (from_wide(&name), from_wide(&domain));
        let (name, domain) = (name.to_string_lossy(), domain.to_string_lossy());
        Ok(if domain.is_empty() { name.into_owned() } else { format!(r"{domain}\{name}") })
    }

    /// The account this process runs as.
    pub(crate) fn own() -> io::Result<Self> {
        let token = process_token(TOKEN_QUERY)?;
        let buffer = token_information(&token, TokenUser)?;
        // SAFETY: the system filled the buffer, which is aligned for it, with a TOKEN_USER whose SID lies in the buffer.
        unsafe { Self::copied((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
    }
}

/// The token of this process.
pub(crate) fn process_token(access: u32) -> io::Result<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the handle of the own process needs no closing; the token goes into our place.
    check(unsafe { OpenProcessToken(GetCurrentProcess(), access, &raw mut token) })?;
    // SAFETY: opened by the call before.
    unsafe { owned(token) }
}

/// One class of information about a token, in 8-byte units for alignment.
pub(crate) fn token_information(token: &OwnedHandle, class: i32) -> io::Result<Vec<u64>> {
    let mut needed = 0;
    let mut buffer: Vec<u64> = vec![0; 16];
    loop {
        let size = (buffer.len() * 8) as u32;
        // SAFETY: the buffer has the size that is told.
        let answer = check(unsafe {
            GetTokenInformation(
                token.as_raw_handle(),
                class,
                buffer.as_mut_ptr().cast::<c_void>(),
                size,
                &raw mut needed,
            )
        });
        match answer {
            Ok(()) => return Ok(buffer),
            Err(error) if is(&error, ERROR_INSUFFICIENT_BUFFER) && needed > size => {
                buffer = vec![0; (needed as usize).div_ceil(8)];
            }
            Err(error) => return Err(error),
        }
    }
}
