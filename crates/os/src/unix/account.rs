//! Unix side of [`crate::account`].

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::account::User;

pub(crate) fn is_privileged() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn current() -> io::Result<String> {
    let uid = rustix::process::geteuid().as_raw();
    let found = with_buffer(|entry: *mut libc::passwd, buffer, size, result| {
        // SAFETY: the caller hands over a writable entry, a buffer of `size` bytes and a place for the result.
        unsafe { libc::getpwuid_r(uid, entry, buffer, size, result) }
    })?;
    Ok(found.map_or_else(
        || uid.to_string(),
        |(entry, _buffer)| text(entry.pw_name).to_string_lossy().into_owned(),
    ))
}

/// The home folder of the user who runs this process: as the machine's directory of users says, else `HOME`.
pub(crate) fn home() -> io::Result<PathBuf> {
    let known = user(&current()?)?.map(|user| user.home);
    let home =
        known.filter(|home| home.is_absolute()).or_else(|| std::env::var_os("HOME").map(PathBuf::from));
    home.filter(|home| home.is_absolute()).ok_or_else(|| {
        let uid = rustix::process::geteuid().as_raw();
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("the user with the id {uid} has no home folder; set HOME to one"),
        )
    })
}

/// The folder for what lives as long as the user is there: `XDG_RUNTIME_DIR` where that is the user's own, else where
/// systemd makes it.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn runtime_dir() -> PathBuf {
    use std::os::unix::fs::MetadataExt as _;
    let uid = rustix::process::geteuid().as_raw();
    // After `su` or `sudo` it may still name another user's.
    let own = |folder: &PathBuf| {
        folder.is_absolute() && folder.metadata().is_ok_and(|found| found.is_dir() && found.uid() == uid)
    };
    let told = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(own);
    told.unwrap_or_else(|| PathBuf::from(format!("/run/user/{uid}")))
}

pub(crate) fn user(name: &str) -> io::Result<Option<User>> {
    let Ok(wanted) = CString::new(name) else { return Ok(None) };
    let found = with_buffer(|entry: *mut libc::passwd, buffer, size, result| {
        // SAFETY: as in `current`; `wanted` is a C string that outlives the call.
        unsafe { libc::getpwnam_r(wanted.as_ptr(), entry, buffer, size, result) }
    })?;
    let Some((entry, _buffer)) = found else { return Ok(None) };
    Ok(Some(User {
        name: name.to_owned(),
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        groups: groups(&wanted, entry.pw_gid)?,
        home: PathBuf::from(text(entry.pw_dir)),
        comment: text(entry.pw_gecos).to_string_lossy().into_owned(),
    }))
}

pub(crate) fn group(name: &str) -> io::Result<Option<u32>> {
    let Ok(wanted) = CString::new(name) else { return Ok(None) };
    let found = with_buffer(|entry: *mut libc::group, buffer, size, result| {
        // SAFETY: as in `user`.
        unsafe { libc::getgrnam_r(wanted.as_ptr(), entry, buffer, size, result) }
    })?;
    Ok(found.map(|(entry, _buffer)| entry.gr_gid))
}

/// The clock that stands still while the machine sleeps, since its boot.
pub(crate) fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// What the entry points to lives in the buffer, so both are handed out together.
type Found<T> = Option<(T, Vec<libc::c_char>)>;

/// Calls one of the `get…_r` functions with a buffer that grows until the entry fits.
fn with_buffer<T>(
    call: impl Fn(*mut T, *mut libc::c_char, usize, *mut *mut T) -> libc::c_int,
) -> io::Result<Found<T>> {
    let mut size = 1024;
    loop {
        let mut buffer: Vec<libc::c_char> = vec![0; size];
        let mut entry = std::mem::MaybeUninit::<T>::uninit();
        let mut result = std::ptr::null_mut();
        match call(entry.as_mut_ptr(), buffer.as_mut_ptr(), size, &raw mut result) {
            // SAFETY: success with a result means that the entry was filled in.
            0 if !result.is_null() => return Ok(Some((unsafe { entry.assume_init() }, buffer))),
            // "Not found" is told in several ways.
            0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM => return Ok(None),
            libc::ERANGE if size < 1 << 22 => size *= 4,
            libc::EINTR => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn text<'a>(pointer: *const libc::c_char) -> &'a OsStr {
    if pointer.is_null() {
        return OsStr::new("");
    }
    // SAFETY: the C library fills these fields with C strings that live in the caller's buffer, which the callers
    // keep until they have copied the text.
    OsStr::from_bytes(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

fn groups(name: &CStr, first: libc::gid_t) -> io::Result<Vec<u32>> {
    // macOS takes and gives `int` here.
    #[cfg(target_vendor = "apple")]
    type Id = libc::c_int;
    #[cfg(not(target_vendor = "apple"))]
    type Id = libc::gid_t;

    let mut room: libc::c_int = 32;
    loop {
        let mut list: Vec<Id> = vec![0; usize::try_from(room).unwrap_or(0)];
        let mut count = room;
        // SAFETY: `list` has room for `count` ids, and `name` is a C string.
        let answer =
            unsafe { libc::getgrouplist(name.as_ptr(), first as Id, list.as_mut_ptr(), &raw mut count) };
        if answer >= 0 {
            list.truncate(usize::try_from(count).unwrap_or(0));
            #[allow(clippy::unnecessary_cast, reason = "on macOS it is another type")]
            return Ok(list.into_iter().map(|id| id as u32).collect());
        }
        room = count.max(room.saturating_mul(2));
        if room > 1 << 16 {
            return Err(io::Error::from_raw_os_error(libc::ERANGE));
        }
    }
}
