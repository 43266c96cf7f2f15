//! The error codes of the SCM in words, with what to do about them.

use std::io;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_CIRCULAR_DEPENDENCY, ERROR_DEPENDENT_SERVICES_RUNNING,
    ERROR_DUPLICATE_SERVICE_NAME, ERROR_INVALID_SERVICE_ACCOUNT, ERROR_PROCESS_ABORTED,
    ERROR_SERVICE_DEPENDENCY_DELETED, ERROR_SERVICE_DEPENDENCY_FAIL, ERROR_SERVICE_DISABLED,
    ERROR_SERVICE_EXISTS, ERROR_SERVICE_LOGON_FAILED, ERROR_SERVICE_MARKED_FOR_DELETE,
    ERROR_SERVICE_REQUEST_TIMEOUT,
};

use super::calls::Exit;

/// Why a call failed.
pub(super) fn why(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    match known(code.cast_unsigned()) {
        Some((words, _)) => format!("{words} (error {code})"),
        None => error.to_string(),
    }
}

/// What to do about it.
pub(super) fn hint(error: &io::Error) -> Option<String> {
    known(error.raw_os_error()?.cast_unsigned()).and_then(|(_, hint)| hint).map(str::to_owned)
}

fn known(code: u32) -> Option<(&'static str, Option<&'static str>)> {
    Some(match code {
        ERROR_ACCESS_DENIED => ("access is denied", Some("use an elevated prompt")),
        ERROR_SERVICE_MARKED_FOR_DELETE => (
            "a service of this name is marked for deletion, and goes when the last program that has it open closes it",
            Some("close services.msc, Task Manager and Event Viewer, then repeat"),
        ),
        ERROR_SERVICE_EXISTS => ("a service of this name exists already", None),
        ERROR_DUPLICATE_SERVICE_NAME => (
            "another service has this display name",
            Some("set `display-name` to one that no other service has"),
        ),
        ERROR_INVALID_SERVICE_ACCOUNT => (
            "the account does not exist, or its password is wrong",
            Some("check `account.run-as` and `account.password-file`"),
        ),
        ERROR_SERVICE_LOGON_FAILED => (
            "its account could not log on: a wrong password, or no right to log on as a service",
            Some("check `account.run-as` and `account.password-file`, then apply again"),
        ),
        ERROR_SERVICE_DISABLED => ("it, or a service it depends on, is disabled", None),
        ERROR_SERVICE_DEPENDENCY_DELETED => (
            "a service that it depends on does not exist",
            Some("install that service, or take it out of `start.after`"),
        ),
        ERROR_SERVICE_DEPENDENCY_FAIL => ("a service that it depends on did not start", None),
        ERROR_CIRCULAR_DEPENDENCY => {
            ("services would wait for each other in a circle", Some("take one of them out of `start.after`"))
        }
        ERROR_SERVICE_REQUEST_TIMEOUT => ("it did not answer the service control manager in time", None),
        ERROR_PROCESS_ABORTED => ("its process died without a word", None),
        ERROR_DEPENDENT_SERVICES_RUNNING => {
            ("services that depend on it are running", Some("stop those first"))
        }
        _ => return None,
    })
}

/// How a service ended, in words.
pub(super) fn ended(exit: Exit) -> String {
    match exit {
        Exit::Never => "it never ran".to_owned(),
        Exit::Windows(0) => "it stopped by itself".to_owned(),
        Exit::Own(code) => format!("it stopped with {}", abide_spec::Exit::Code(code.cast_signed())),
        Exit::Windows(code) => {
            format!("it stopped: {}", why(&io::Error::from_raw_os_error(code.cast_signed())))
        }
    }
}
