//! Keys of the registry of this machine.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_UNSUPPORTED_TYPE};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WRITE, REG_DWORD, REG_EXPAND_SZ, REG_OPTION_NON_VOLATILE, REG_SZ,
    RRF_NOEXPAND, RRF_RT_REG_DWORD, RRF_RT_REG_EXPAND_SZ, RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW,
    RegDeleteKeyW, RegGetValueW, RegOpenKeyExW, RegSetValueExW,
};

use super::sys::{code, from_wide, is, wide};

/// A key below `HKEY_LOCAL_MACHINE`.
pub(crate) struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is ours, and not closed before.
        unsafe { RegCloseKey(self.0) };
    }
}

impl Key {
    /// Opens a key to read it; `None` when there is none.
    pub(crate) fn open(path: &str) -> io::Result<Option<Self>> {
        let path = wide(path)?;
        let mut key: HKEY = ptr::null_mut();
        // SAFETY: the path ends with a NUL; the key goes into our place.
        match code(unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, KEY_READ, &raw mut key) }) {
            Ok(()) => Ok(Some(Self(key))),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a key to write it, and makes it when there is none.
    pub(crate) fn create(path: &str) -> io::Result<Self> {
        let path = wide(path)?;
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
        Ok(Self(key))
    }

    /// Removes a key that has no keys in it. Answers whether there was one.
    pub(crate) fn remove(path: &str) -> io::Result<bool> {
        let path = wide(path)?;
        // SAFETY: the path ends with a NUL.
        match code(unsafe { RegDeleteKeyW(HKEY_LOCAL_MACHINE, path.as_ptr()) }) {
            Ok(()) => Ok(true),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn set_text(&self, name: &str, text: &str) -> io::Result<()> {
        self.set(name, REG_SZ, &bytes(text)?)
    }

    /// A text in which whoever reads it puts in the variables it names (`%SystemRoot%`).
    pub(crate) fn set_pattern(&self, name: &str, text: &str) -> io::Result<()> {
        self.set(name, REG_EXPAND_SZ, &bytes(text)?)
    }

    pub(crate) fn set_number(&self, name: &str, number: u32) -> io::Result<()> {
        self.set(name, REG_DWORD, &number.to_le_bytes())
    }

    fn set(&self, name: &str, kind: u32, value: &[u8]) -> io::Result<()> {
        let name = wide(name)?;
        // SAFETY: the name ends with a NUL and the value has the size that is told.
        code(unsafe { RegSetValueExW(self.0, name.as_ptr(), 0, kind, value.as_ptr(), value.len() as u32) })
    }

    pub(crate) fn number(&self, name: &str) -> io::Result<Option<u32>> {
        let mut value = [0; 4];
        Ok(self.get(name, RRF_RT_REG_DWORD, &mut value)?.map(|_| u32::from_le_bytes(value)))
    }

    /// A text as it is, variables by name.
    pub(crate) fn pattern(&self, name: &str) -> io::Result<Option<String>> {
        self.get_text(name, RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND)
    }

    /// A text with its variables put in.
    pub(crate) fn text(&self, name: &str) -> io::Result<Option<String>> {
        self.get_text(name, RRF_RT_REG_SZ)
    }

    fn get_text(&self, name: &str, types: u32) -> io::Result<Option<String>> {
        let mut value = [0_u8; 1024];
        let length = self.get(name, types, &mut value)?;
        Ok(length.map(|length| {
            let units: Vec<u16> =
                value[..length].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            from_wide(&units).to_string_lossy().into_owned()
        }))
    }

    /// Reads a value; one that is longer than the buffer, or of another type, counts as missing.
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
            Err(error)
                if [ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_UNSUPPORTED_TYPE]
                    .iter()
                    .any(|&code| is(&error, code)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn bytes(text: &str) -> io::Result<Vec<u8>> {
    Ok(wide(text)?.into_iter().flat_map(u16::to_le_bytes).collect())
}

/// `C:\ProgramData` and `C:\Program Files` as this Windows has them. Not from the environment: whoever starts a process
/// can put there what he likes, and services are not always given the same as programs.
pub(crate) fn machine_folders() -> (String, String) {
    let find = |path: &str, name: &str, usual: &str| {
        let found = Key::open(path).ok().flatten().and_then(|key| key.text(name).ok().flatten());
        found.filter(|folder| !folder.is_empty()).unwrap_or_else(|| usual.to_owned())
    };
    (
        find(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList", "ProgramData", r"C:\ProgramData"),
        find(r"SOFTWARE\Microsoft\Windows\CurrentVersion", "ProgramFilesDir", r"C:\Program Files"),
    )
}
