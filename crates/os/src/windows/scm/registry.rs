//! The few keys of the registry that are ours: sources of the Event Log.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WRITE, REG_DWORD, REG_EXPAND_SZ, REG_OPTION_NON_VOLATILE, REG_SZ,
    RRF_NOEXPAND, RRF_RT_REG_DWORD, RRF_RT_REG_EXPAND_SZ, RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW,
    RegDeleteKeyW, RegGetValueW, RegOpenKeyExW, RegSetValueExW,
};

use crate::manager::scm::{EVENT_MESSAGES, EVENT_SOURCES};
use crate::windows::sys::{code, from_wide, is, wide};

/// Error, warning and information.
const TYPES: u32 = 7;

/// By what one of ours is known.
const OWNER: &str = "abide";

struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is ours, and not closed before.
        unsafe { RegCloseKey(self.0) };
    }
}

/// What is registered under the name of a service as a source of the Event Log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Missing,
    /// Registered by Abide, and as it should be or not.
    Ours {
        right: bool,
    },
    /// Registered by somebody else, and left alone.
    Foreign,
}

fn path(name: &str) -> String {
    format!(r"{EVENT_SOURCES}\{name}")
}

fn open(name: &str) -> io::Result<Option<Key>> {
    let path = wide(path(name))?;
    let mut key: HKEY = ptr::null_mut();
    // SAFETY: the path ends with a NUL; the key goes into our place.
    match code(unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, KEY_READ, &raw mut key) }) {
        Ok(()) => Ok(Some(Key(key))),
        Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn source(name: &str) -> io::Result<Source> {
    let Some(key) = open(name)? else { return Ok(Source::Missing) };
    if key.text("ManagedBy")?.as_deref() != Some(OWNER) {
        return Ok(Source::Foreign);
    }
    let right = key.text("EventMessageFile")?.as_deref() == Some(EVENT_MESSAGES)
        && key.number("TypesSupported")? == Some(TYPES);
    Ok(Source::Ours { right })
}

pub(super) fn register_source(name: &str) -> io::Result<()> {
    let path = wide(path(name))?;
    let mut key: HKEY = ptr::null_mut();
    // SAFETY: the path ends with a NUL; the key goes into our place.
    code(unsafe {
        RegCreateKeyExW(
            HKEY_LOCAL_MACHINE,
            path.as_ptr(),
            0,
            ptr::null(),
            REG_OPTION_NON_VOLATILE,
            KEY_WRITE,
            ptr::null(),
            &raw mut key,
            ptr::null_mut(),
        )
    })?;
    let key = Key(key);
    key.set("ManagedBy", REG_SZ, &bytes(OWNER)?)?;
    key.set("EventMessageFile", REG_EXPAND_SZ, &bytes(EVENT_MESSAGES)?)?;
    key.set("TypesSupported", REG_DWORD, &TYPES.to_le_bytes())
}

/// Removes a source; one that is not there counts as removed. Answers whether there was one.
pub(super) fn remove_source(name: &str) -> io::Result<bool> {
    let path = wide(path(name))?;
    // SAFETY: the path ends with a NUL.
    match code(unsafe { RegDeleteKeyW(HKEY_LOCAL_MACHINE, path.as_ptr()) }) {
        Ok(()) => Ok(true),
        Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(false),
        Err(error) => Err(error),
    }
}

fn bytes(text: &str) -> io::Result<Vec<u8>> {
    Ok(wide(text)?.into_iter().flat_map(u16::to_le_bytes).collect())
}

impl Key {
    fn set(&self, name: &str, kind: u32, value: &[u8]) -> io::Result<()> {
        let name = wide(name)?;
        // SAFETY: the name ends with a NUL and the value has the size that is told.
        code(unsafe { RegSetValueExW(self.0, name.as_ptr(), 0, kind, value.as_ptr(), value.len() as u32) })
    }

    fn number(&self, name: &str) -> io::Result<Option<u32>> {
        let mut value = [0; 4];
        Ok(self.get(name, RRF_RT_REG_DWORD, &mut value)?.map(|_| u32::from_le_bytes(value)))
    }

    fn text(&self, name: &str) -> io::Result<Option<String>> {
        let mut value = [0_u8; 1024];
        let length = self.get(name, RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, &mut value)?;
        Ok(length.map(|length| {
            let units: Vec<u16> =
                value[..length].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            from_wide(&units).to_string_lossy().into_owned()
        }))
    }

    /// Reads a value; one that is longer than the buffer, or of another type, is none of ours.
    fn get(&self, name: &str, types: u32, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let name = wide(name)?;
        let mut size = buffer.len() as u32;
        // SAFETY: the name ends with a NUL and the buffer has the size that is told.
        let answer = code(unsafe {
            RegGetValueW(
                self.0,
                ptr::null(),
                name.as_ptr(),
                types,
                ptr::null_mut(),
                buffer.as_mut_ptr().cast(),
                &raw mut size,
            )
        });
        match answer {
            Ok(()) => Ok(Some(size as usize)),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
            Err(error) if is(&error, ERROR_MORE_DATA) || is(&error, 1630) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
