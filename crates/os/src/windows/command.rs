//! What `CreateProcess` takes: a command line, a block of environment, and the list of what a process is given.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString, c_void};
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, RawHandle};
use std::path::{Path, PathBuf};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Globalization::CompareStringOrdinal;
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;
use windows_sys::Win32::System::Threading::{
    DeleteProcThreadAttributeList, InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST,
    PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROC_THREAD_ATTRIBUTE_JOB_LIST, UpdateProcThreadAttribute,
};

use super::sys::{check, from_wide, units, wide};
use crate::quote;

/// A program as `CreateProcess` takes it.
#[derive(Debug)]
pub(crate) struct CommandLine {
    /// What is executed, ending with a NUL: the program, or `cmd.exe` for a batch file.
    pub(crate) application: Vec<u16>,
    /// The line it splits into arguments, ending with a NUL. The system may write into it.
    pub(crate) line: Vec<u16>,
}

impl CommandLine {
    pub(crate) fn new<'a>(program: &Path, args: impl IntoIterator<Item = &'a OsString>) -> io::Result<Self> {
        let invalid = |error: quote::QuoteError| io::Error::new(io::ErrorKind::InvalidInput, error);
        let name = units(program)?;
        let args = args.into_iter().map(units).collect::<io::Result<Vec<_>>>()?;
        let args = args.iter().map(Vec::as_slice);
        let (application, mut line) = if quote::is_batch(program) {
            let shell = system_folder()?.join("cmd.exe");
            (wide(&shell)?, quote::batch_line(&units(&shell)?, &name, args).map_err(invalid)?)
        } else {
            (wide(program)?, quote::command_line(&name, args).map_err(invalid)?)
        };
        line.push(0);
        Ok(Self { application, line })
    }
}

/// The folder with the system's own programs, never looked up on a path that others can change.
pub(crate) fn system_folder() -> io::Result<PathBuf> {
    let mut buffer = [0_u16; 512];
    // SAFETY: the buffer has the size that is told.
    let length = unsafe { GetSystemDirectoryW(buffer.as_mut_ptr(), buffer.len() as u32) } as usize;
    if length == 0 || length >= buffer.len() {
        return Err(io::Error::last_os_error());
    }
    Ok(PathBuf::from(from_wide(&buffer)))
}

/// The environment as Windows takes it: `NAME=VALUE` texts, sorted by name without regard to case as programs expect
/// it, closed by a NUL each and one more. Where a name comes twice, the later one holds.
///
/// `SystemRoot` is put in when it is missing: without it no program can open a socket or find the system's libraries.
pub(crate) fn environment(entries: &[(OsString, OsString)]) -> io::Result<Vec<u16>> {
    let mut all: Vec<(Vec<u16>, Vec<u16>)> = Vec::with_capacity(entries.len() + 1);
    if !entries.iter().any(|(name, _)| name.eq_ignore_ascii_case("SystemRoot"))
        && let Some(root) = std::env::var_os("SystemRoot")
    {
        all.push((units("SystemRoot")?, units(root)?));
    }
    for (name, value) in entries {
        all.push((name_units(name)?, units(value)?));
    }
    // The sort keeps the order of equal names, so of those the last one is the one to keep.
    all.sort_by(|a, b| by_name(&a.0, &b.0));
    let mut block = Vec::new();
    for (index, (name, value)) in all.iter().enumerate() {
        if all.get(index + 1).is_some_and(|(next, _)| by_name(name, next) == Ordering::Equal) {
            continue;
        }
        block.extend_from_slice(name);
        block.push(u16::from(b'='));
        block.extend_from_slice(value);
        block.push(0);
    }
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    Ok(block)
}

fn name_units(name: &OsStr) -> io::Result<Vec<u16>> {
    let name_units = units(name)?;
    // The system's own entries of a drive's folder are called `=C:`.
    if name_units.is_empty() || name_units[1..].contains(&u16::from(b'=')) {
        let told = format!("{name:?} can't be the name of an environment variable");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
    }
    Ok(name_units)
}

/// The order in which Windows itself sorts the names.
fn by_name(a: &[u16], b: &[u16]) -> Ordering {
    // SAFETY: both texts have the lengths that are told.
    let answer = unsafe { CompareStringOrdinal(a.as_ptr(), a.len() as i32, b.as_ptr(), b.len() as i32, 1) };
    // 1, 2, 3 for less, equal, greater; 0 is a failure that well-formed texts don't have.
    answer.cmp(&2)
}

/// What a new process is given besides its command: exactly these handles, and its place in a Job Object.
pub(crate) struct Attributes {
    list: Vec<u64>,
    /// The list points to these.
    _handles: Box<[RawHandle]>,
    _jobs: Box<[HANDLE; 1]>,
}

impl Attributes {
    /// The handles have to be inheritable and stay open until the process is made.
    pub(crate) fn new(handles: &[BorrowedHandle<'_>], job: Option<BorrowedHandle<'_>>) -> io::Result<Self> {
        let mut raw: Vec<RawHandle> = handles.iter().map(AsRawHandle::as_raw_handle).collect();
        // The system refuses a list that names a handle twice.
        raw.sort_unstable();
        raw.dedup();
        let count = 1 + u32::from(job.is_some());
        let mut size = 0_usize;
        // SAFETY: with no list, this tells the size that one needs (and fails, as documented).
        unsafe { InitializeProcThreadAttributeList(ptr::null_mut(), count, 0, &raw mut size) };
        let mut list = vec![0_u64; size.div_ceil(8).max(1)];
        // SAFETY: the buffer has the size that was asked for.
        check(unsafe {
            InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), count, 0, &raw mut size)
        })?;
        let jobs = Box::new([job.map_or(ptr::null_mut(), |job| job.as_raw_handle())]);
        let mut this = Self { list, _handles: raw.into_boxed_slice(), _jobs: jobs };
        let (handles, length) = (this._handles.as_ptr().cast(), size_of_val(&*this._handles));
        this.put(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles, length)?;
        if job.is_some() {
            // Not offered before Windows 10. Whoever makes the process looks whether it was born in the job.
            let (jobs, length) = (this._jobs.as_ptr().cast(), size_of_val(&*this._jobs));
            let _ = this.put(PROC_THREAD_ATTRIBUTE_JOB_LIST, jobs, length);
        }
        Ok(this)
    }

    fn put(&mut self, attribute: u32, value: *const c_void, length: usize) -> io::Result<()> {
        // SAFETY: the list is initialised, and the value lives in a box of ours for as long as the list does.
        check(unsafe {
            UpdateProcThreadAttribute(
                self.as_ptr(),
                0,
                attribute as usize,
                value,
                length,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })
    }

    pub(crate) fn as_ptr(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.list.as_mut_ptr().cast()
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the list was initialised in `new`.
        unsafe { DeleteProcThreadAttributeList(self.as_ptr()) };
    }
}
