//! Users and groups by name, as numbers for a new process.

use std::ffi::{CStr, CString};
use std::io;
use std::ptr;

/// Who a process is to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All supplementary groups, the main group among them.
    pub(crate) groups: Vec<libc::gid_t>,
}

fn not_found(what: &str, name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {what} {name:?} on this machine"))
}

fn c_name(what: &str, name: &str) -> io::Result<CString> {
    CString::new(name).map_err(|_| not_found(what, name))
}

/// Calls a `get…_r` function with a buffer that grows until the answer fits. `None`: no such entry.
fn with_buffer(mut call: impl FnMut(&mut [libc::c_char]) -> (libc::c_int, bool)) -> io::Result<bool> {
    let mut buffer: Vec<libc::c_char> = vec![0; 1024];
    loop {
        match call(&mut buffer) {
            (libc::ERANGE, _) if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 4, 0),
            (0, found) => return Ok(found),
            // Name services spell "no such entry" in several ways.
            (libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM, _) => return Ok(false),
            (error, _) => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Finds a user by name, or by number in digits.
///
/// `groups` are further groups by name or number; with none given, the user's own are taken.
pub(crate) fn resolve(name: &str, groups: &[String]) -> io::Result<Account> {
    let number = name.parse::<u32>().ok();
    let c_user = c_name("user", name)?;
    let mut account = None;
    let mut user_name = None;
    with_buffer(|buffer| {
        // SAFETY: the structure is plain data, the name NUL-terminated, the buffer as long as said; the strings the
        // structure points to are copied while the buffer is alive.
        unsafe {
            let mut entry: libc::passwd = std::mem::zeroed();
            let mut found = ptr::null_mut();
            let (place, length) = (buffer.as_mut_ptr(), buffer.len());
            let result = match number {
                Some(uid) => libc::getpwuid_r(uid, &raw mut entry, place, length, &raw mut found),
                None => libc::getpwnam_r(c_user.as_ptr(), &raw mut entry, place, length, &raw mut found),
            };
            if result == 0 && !found.is_null() {
                account = Some((entry.pw_uid, entry.pw_gid));
                user_name = Some(CStr::from_ptr(entry.pw_name).to_owned());
            }
            (result, !found.is_null())
        }
    })?;
    let (uid, gid) = match (account, number) {
        (Some(account), _) => account,
        // A number needs no entry; its group is then the one of the same number.
        (None, Some(uid)) => (uid, uid),
        (None, None) => return Err(not_found("user", name)),
    };
    let mut all = vec![gid];
    if groups.is_empty() {
        if let Some(user) = user_name {
            all = groups_of(&user, gid);
        }
    } else {
        for group in groups {
            let group = group_id(group)?;
            if !all.contains(&group) {
                all.push(group);
            }
        }
    }
    Ok(Account { uid, gid, groups: all })
}

fn group_id(name: &str) -> io::Result<libc::gid_t> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let c_group = c_name("group", name)?;
    let mut id = None;
    with_buffer(|buffer| {
        // SAFETY: as in `resolve`; only the number is taken from the structure.
        unsafe {
            let mut entry: libc::group = std::mem::zeroed();
            let mut found = ptr::null_mut();
            let result = libc::getgrnam_r(
                c_group.as_ptr(),
                &raw mut entry,
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            );
            if result == 0 && !found.is_null() {
                id = Some(entry.gr_gid);
            }
            (result, !found.is_null())
        }
    })?;
    id.ok_or_else(|| not_found("group", name))
}

/// Number type of a list of groups in `getgrouplist`.
#[cfg(any(target_os = "macos", target_os = "ios"))]
type ListedGroup = libc::c_int;
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
type ListedGroup = libc::gid_t;

fn groups_of(user: &CStr, gid: libc::gid_t) -> Vec<libc::gid_t> {
    let mut groups: Vec<ListedGroup> = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name is NUL-terminated and `count` is the room there is; the call writes no more than that.
        let result =
            unsafe { libc::getgrouplist(user.as_ptr(), gid as _, groups.as_mut_ptr(), &raw mut count) };
        let needed = usize::try_from(count).unwrap_or(0);
        if result >= 0 {
            groups.truncate(needed);
            return groups.into_iter().map(|group| group as libc::gid_t).collect();
        }
        if groups.len() >= 1 << 16 {
            return vec![gid];
        }
        groups.resize((groups.len() * 2).max(needed), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_root_by_name_and_number() {
        let by_name = resolve("root", &[]).unwrap();
        assert_eq!((by_name.uid, by_name.gid), (0, 0));
        assert_eq!(resolve("0", &[]).unwrap().uid, 0);
    }

    #[test]
    fn names_what_is_missing() {
        let error = resolve("no-such-user", &[]).unwrap_err();
        assert_eq!(error.to_string(), "there is no user \"no-such-user\" on this machine");
        let error = resolve("root", &["no-such-group".into()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no group \"no-such-group\" on this machine");
        assert_eq!(resolve("a\0b", &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn takes_given_groups_beside_the_main_one() {
        assert_eq!(resolve("root", &["7".into(), "7".into()]).unwrap().groups, [0, 7]);
        assert_eq!(resolve("54321", &[]).unwrap(), Account { uid: 54321, gid: 54321, groups: vec![54321] });
    }
}
