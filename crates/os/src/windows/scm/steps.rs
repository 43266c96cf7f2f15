//! The steps of an apply that only Windows has, each with its undoing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use windows_sys::Win32::Foundation::ERROR_SERVICE_MARKED_FOR_DELETE;
use windows_sys::Win32::System::Services::{
    SC_MANAGER_CONNECT, SC_MANAGER_CREATE_SERVICE, SERVICE_ALL_ACCESS,
};

use super::calls::{Manager, Service};
use super::{holders, words};
use crate::manager::Access;
use crate::manager::apply::{PutFile, Step, StepError};
use crate::manager::scm::{Entry, Setting};
use crate::windows::{access, fs as own_fs};

pub(super) fn step_error(error: &io::Error) -> StepError {
    StepError { why: words::why(error), hint: words::hint(error) }
}

/// The access list of a folder of the service: the account may change everything in it, and not the list itself.
pub(super) fn folder_list(sid: Option<&str>) -> String {
    let own = sid.map_or_else(String::new, |sid| format!("(A;OICI;0x1301ff;;;{sid})"));
    format!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA){own}")
}

/// The access list of the spec: the account may read it.
pub(super) fn spec_list(sid: Option<&str>) -> String {
    let own = sid.map_or_else(String::new, |sid| format!("(A;;FR;;;{sid})"));
    format!("D:P(A;;FA;;;SY)(A;;FA;;;BA){own}")
}

/// Makes a folder that belongs to a service, never open to others for a moment; one that is there gets the access list.
pub(super) struct OwnFolder {
    pub(super) path: PathBuf,
    pub(super) list: String,
    pub(super) made: bool,
}

impl Step for OwnFolder {
    fn describe(&self) -> String {
        format!("make folder {}", self.path.display())
    }

    fn run(&mut self, _: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        let fail = |error: io::Error| StepError::io(&self.path, &error);
        match own_fs::create_dir_with(&self.path, &self.list) {
            Ok(()) => {
                self.made = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if access::leads_elsewhere(&self.path).map_err(fail)? || !self.path.is_dir() {
                    return Err(StepError {
                        why: "there is something else in its place".into(),
                        hint: Some(format!("move {} away", self.path.display())),
                    });
                }
                access::set(&self.path, &self.list).map_err(fail)?;
                // What an earlier account made there for itself alone.
                access::inherit_below(&self.path).map_err(fail)
            }
            Err(error) => Err(fail(error)),
        }
    }

    /// A list that was set stays: it lets in fewer than any folder above.
    fn undo(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.made) {
            return Ok(());
        }
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

/// Writes the copy of the supervisor. It is named by its content, so one that came to be there meanwhile, by another
/// apply, is the same; it may run already, and could not be replaced.
pub(super) struct PutCopy<'a> {
    file: PutFile<'a>,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl<'a> PutCopy<'a> {
    /// `in_use` tells, when it is to be taken back, whether another service counts on it by now.
    pub(super) fn new(path: &Path, bytes: &[u8], in_use: impl Fn() -> bool + 'a) -> Self {
        let file = PutFile::write(path, bytes.to_vec(), Access::Executable).shared(in_use);
        Self { file, path: path.to_path_buf(), bytes: bytes.to_vec() }
    }

    fn is_there(&self) -> bool {
        fs::read(&self.path).is_ok_and(|there| there == self.bytes)
    }
}

impl Step for PutCopy<'_> {
    fn describe(&self) -> String {
        self.file.describe()
    }

    fn run(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        if self.is_there() {
            return Ok(());
        }
        // It may also come between the look and the writing.
        self.file.run(say).or_else(|error| if self.is_there() { Ok(()) } else { Err(error) })
    }

    fn undo(&mut self) -> Result<(), String> {
        self.file.undo()
    }

    fn settle(&mut self) {
        self.file.settle();
    }
}

/// Opens a file that was written for SYSTEM and Administrators alone to the account of the service.
pub(super) struct OpenUp {
    pub(super) path: PathBuf,
    pub(super) list: String,
}

impl Step for OpenUp {
    fn describe(&self) -> String {
        format!("let the service's account read {}", self.path.display())
    }

    fn run(&mut self, _: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        access::set(&self.path, &self.list).map_err(|error| StepError::io(&self.path, &error))
    }

    /// The file itself is put back by the step that wrote it.
    fn undo(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Makes the service, or changes what differs.
pub(super) struct Configure<'a> {
    pub(super) name: &'a str,
    pub(super) entry: &'a Entry,
    pub(super) before: Option<&'a Entry>,
    pub(super) settings: &'a [Setting],
    /// Where the password is, for an account that has one.
    pub(super) password_file: Option<&'a Path>,
    pub(super) made: bool,
    /// What was changed so far.
    pub(super) done: Vec<Setting>,
}

/// Settings that have a call of their own. The privileges come after the account that has them.
const OWN_CALL: [Setting; 8] = [
    // First, because a service is known by it to be ours.
    Setting::Environment,
    Setting::Description,
    Setting::Delayed,
    Setting::SidType,
    Setting::Privileges,
    Setting::FailureActions,
    Setting::FailuresWithoutCrash,
    Setting::PreshutdownTimeout,
];

impl Configure<'_> {
    fn open(&self) -> io::Result<Option<Service>> {
        Manager::open(SC_MANAGER_CONNECT)?.service(self.name, SERVICE_ALL_ACCESS)
    }

    fn create(&mut self) -> Result<Service, StepError> {
        let password = self.password_file.map(Password::read).transpose()?;
        let manager = Manager::open(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE)
            .map_err(|error| step_error(&error))?;
        let password = password.as_ref().map(|password| password.0.as_slice());
        let service =
            manager.create(self.name, self.entry, password, SERVICE_ALL_ACCESS).map_err(|error| {
                let mut told = step_error(&error);
                if error.raw_os_error() == Some(ERROR_SERVICE_MARKED_FOR_DELETE.cast_signed()) {
                    told.hint = Some(holders::hint());
                }
                told
            })?;
        self.made = true;
        Ok(service)
    }

    fn change(&mut self) -> Result<Service, StepError> {
        let service = self.open().map_err(|error| step_error(&error))?;
        let service = service.ok_or_else(|| StepError::new("it has gone meanwhile"))?;
        let together: Vec<Setting> =
            self.settings.iter().copied().filter(|it| !OWN_CALL.contains(it)).collect();
        if !together.is_empty() {
            let password = self.password_file.map(Password::read).transpose()?;
            let password = password.as_ref().map(|password| password.0.as_slice());
            let account = together.contains(&Setting::Account).then_some(password);
            service.change(self.entry, account).map_err(|error| step_error(&error))?;
            self.done.extend(together);
        }
        Ok(service)
    }
}

impl Step for Configure<'_> {
    fn describe(&self) -> String {
        format!("{} service {}", if self.before.is_some() { "change" } else { "create" }, self.name)
    }

    fn run(&mut self, _: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        let service = if self.before.is_some() { self.change()? } else { self.create()? };
        for setting in OWN_CALL {
            if self.before.is_some() && !self.settings.contains(&setting) {
                continue;
            }
            // To have all privileges of an account is what a new service has without being told.
            if self.made && setting == Setting::Privileges && self.entry.privileges.is_none() {
                continue;
            }
            if self.made && setting == Setting::Environment && self.entry.environment.is_empty() {
                continue;
            }
            // One that this SCM does not offer is in the plan as a warning.
            service.set(setting, self.entry).map_err(|error| {
                let mut told = step_error(&error);
                told.why = format!("`{}` was refused: {}", setting.as_str(), told.why);
                told
            })?;
            self.done.push(setting);
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), String> {
        let told = |error: io::Error| words::why(&error);
        if !self.made && self.done.is_empty() {
            return Ok(());
        }
        let Some(service) = self.open().map_err(told)? else { return Ok(()) };
        if std::mem::take(&mut self.made) {
            return service.delete().map_err(told);
        }
        let Some(before) = self.before else { return Ok(()) };
        let done = std::mem::take(&mut self.done);
        if done.iter().any(|setting| !OWN_CALL.contains(setting)) {
            let account = done.contains(&Setting::Account).then_some(None);
            service.change(before, account).map_err(told)?;
        }
        for setting in done.into_iter().filter(|setting| OWN_CALL.contains(setting)) {
            service.set(setting, before).map_err(told)?;
        }
        Ok(())
    }
}

/// A password with its closing NUL, overwritten when it is done with.
struct Password(Vec<u16>);

impl Password {
    fn read(file: &Path) -> Result<Self, StepError> {
        let mut bytes = fs::read(file).map_err(|error| StepError::io(file, &error))?;
        let outcome = match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains('\0') => {
                Err(StepError::new(format!("{} has a NUL in it", file.display())))
            }
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end_matches(['\r', '\n']);
                Ok(Self(text.encode_utf16().chain([0]).collect()))
            }
            Err(_) => Err(StepError::new(format!("{} is not UTF-8 text", file.display()))),
        };
        wipe(&mut bytes);
        outcome
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites a secret, so that it is not found in memory that is used again.
fn wipe<T: Default>(secret: &mut [T]) {
    for unit in secret {
        // SAFETY: a valid reference; volatile, so that it is not left out because nobody reads it again.
        unsafe { std::ptr::write_volatile(unit, T::default()) };
    }
}
