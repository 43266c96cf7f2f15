//! Starting a program as somebody else: only accounts of the system itself, which have no password. Users with one get
//! their program by way of the service control manager, which keeps it.

use std::io;
use std::os::windows::io::OwnedHandle;
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{LOGON32_LOGON_SERVICE, LOGON32_PROVIDER_DEFAULT, LogonUserW};

use super::security::Sid;
use super::sys::{check, owned, wide};

/// The one that knows the services' own accounts (winbase.h).
const LOGON32_PROVIDER_VIRTUAL: u32 = 4;

/// `LocalService` and `NetworkService`, whatever this Windows calls them.
const SYSTEM_ACCOUNTS: [&str; 2] = ["S-1-5-19", "S-1-5-20"];

/// A token for an account that needs no password. Needs the rights of the system itself.
pub(crate) fn token_of(account: &str) -> io::Result<OwnedHandle> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("there is no account {account:?}"));
    let (domain, name, provider) = if let Some(service) = strip_domain(account, "NT SERVICE") {
        ("NT SERVICE".to_owned(), service.to_owned(), LOGON32_PROVIDER_VIRTUAL)
    } else {
        let sid = Sid::of_account(account)?.ok_or_else(unknown)?;
        if !SYSTEM_ACCOUNTS.contains(&sid.text()?.as_str()) {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{account} has a password, which only the service control manager keeps"),
            ));
        }
        let (domain, name) = sid.account().map(|full| match full.split_once('\\') {
            Some((domain, name)) => (domain.to_owned(), name.to_owned()),
            None => (String::new(), full),
        })?;
        (domain, name, LOGON32_PROVIDER_DEFAULT)
    };
    let (name, domain) = (wide(name)?, wide(domain)?);
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the texts end with NULs, these accounts take no password, and the token goes into our place.
    check(unsafe {
        LogonUserW(
            name.as_ptr(),
            domain.as_ptr(),
            ptr::null(),
            LOGON32_LOGON_SERVICE,
            provider,
            &raw mut token,
        )
    })?;
    // SAFETY: made by the call before.
    unsafe { owned(token) }
}

fn strip_domain<'a>(account: &'a str, domain: &str) -> Option<&'a str> {
    let (given, name) = account.split_once('\\')?;
    given.eq_ignore_ascii_case(domain).then_some(name)
}
