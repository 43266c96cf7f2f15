//! Windows side of [`crate::account`].

use std::io;

use windows_sys::Win32::Security::{
    TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation, TokenElevationType, TokenElevationTypeLimited,
};

use super::security::{Sid, process_token, token_information};

/// Whether this process has the full rights of an administrator: it is elevated, not only a member of the group.
pub(crate) fn is_privileged() -> bool {
    let Ok(token) = process_token(TOKEN_QUERY) else { return false };
    if let Ok(buffer) = token_information(&token, TokenElevation) {
        // SAFETY: the system filled the buffer, which is aligned for it, with a TOKEN_ELEVATION.
        return unsafe { (*buffer.as_ptr().cast::<TOKEN_ELEVATION>()).TokenIsElevated != 0 };
    }
    // A system without elevation tells only the type.
    token_information(&token, TokenElevationType)
        .is_ok_and(|buffer| buffer.first().is_some_and(|&kind| kind as i32 != TokenElevationTypeLimited))
}

/// `DOMAIN\NAME` of the account this process runs as.
pub(crate) fn current() -> io::Result<String> {
    Sid::own()?.account()
}
