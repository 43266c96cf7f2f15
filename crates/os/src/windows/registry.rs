//! Keys of the registry of this machine.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_UNSUPPORTED_TYPE};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_SET_VALUE, KEY_WRITE, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ,
    REG_OPTION_NON_VOLATILE, REG_SZ, RRF_NOEXPAND, RRF_RT_REG_DWORD, RRF_RT_REG_EXPAND_SZ,
    RRF_RT_REG_MULTI_SZ, RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW, RegDeleteKeyW, RegDeleteValueW,
    RegGetValueW, RegOpenKeyExW, RegSetValueExW,
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
        Self::open_for(path, KEY_READ)
    }

    /// Opens a key that is there to change its values; `None` when there is none.
    pub(crate) fn open_to_change(path: &str) -> io::Result<Option<Self>> {
        Self::open_for(path, KEY_SET_VALUE)
    }

    fn open_for(path: &str, access: u32) -> io::Result<Option<Self>> {
        let path = wide(path)?;
        let mut key: HKEY = ptr::null_mut();
        // SAFETY: the path ends with a NUL; the key goes into our place.
        match code(unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, access, &raw mut key) }) {
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

    /// Several texts. An empty one would end the list, so there can be none.
    pub(crate) fn set_list(&self, name: &str, texts: &[String]) -> io::Result<()> {
        let mut all = Vec::new();
        for text in texts.iter().filter(|text| !text.is_empty()) {
            all.extend(bytes(text)?);
        }
        all.extend([0; 2]);
        self.set(name, REG_MULTI_SZ, &all)
    }

    /// Several texts; `None` where there is no such value.
    pub(crate) fn list(&self, name: &str) -> io::Result<Option<Vec<String>>> {
        let mut buffer = vec![0_u8; 1024];
        loop {
            let mut needed = buffer.len();
            match self.get_sized(name, RRF_RT_REG_MULTI_SZ, &mut buffer, &mut needed) {
                Ok(()) => {
                    let units: Vec<u16> = buffer[..needed.min(buffer.len())]
                        .chunks_exact(2)
                        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                        .collect();
                    let texts = units.split(|unit| *unit == 0).take_while(|text| !text.is_empty());
                    return Ok(Some(texts.map(String::from_utf16_lossy).collect()));
                }
                Err(error) if is(&error, ERROR_MORE_DATA) => {
                    buffer = vec![0; needed.max(buffer.len() * 2)];
                }
                Err(error) if is(&error, ERROR_FILE_NOT_FOUND) || is(&error, ERROR_UNSUPPORTED_TYPE) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes a value. None of that name is as good.
    pub(crate) fn remove_value(&self, name: &str) -> io::Result<()> {
        let name = wide(name)?;
        // SAFETY: the name ends with a NUL.
        match code(unsafe { RegDeleteValueW(self.0, name.as_ptr()) }) {
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(()),
            answer => answer,
        }
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
        let mut size = buffer.len();
        match self.get_sized(name, types, buffer, &mut size) {
            Ok(()) => Ok(Some(size)),
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

impl Key {
    /// Reads a value, and tells how many bytes it has or needs.
    fn get_sized(&self, name: &str, types: u32, buffer: &mut [u8], needed: &mut usize) -> io::Result<()> {
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
        *needed = size as usize;
        answer
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
