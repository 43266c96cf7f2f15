//! The Task Scheduler of this machine, for the user's own services. What a task shall be is worked out in
//! [`crate::manager::task`].
//!
//! A service is known by the file with its task; the Task Scheduler has a copy of it. While a supervisor runs, an event
//! is there (see [`ending`]) by which it is seen and asked to end: the Task Scheduler itself can only kill.

use std::ffi::OsString;
use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::{Duration, Instant};

use abide_spec::{Name, Spec, StartMode};
use serde::Deserialize;
use windows_sys::Win32::System::Threading::{
    CreateProcessW, DETACHED_PROCESS, OpenProcess, PROCESS_INFORMATION, PROCESS_SYNCHRONIZE, STARTUPINFOW,
    WaitForSingleObject,
};

mod com;
pub(crate) mod ending;

use self::com::{TaskState, with_folder};
use super::command::CommandLine;
use super::security::Sid;
use super::sys::{check, milliseconds, owned, size_of, wide};
use crate::manager::apply::StepError;
use crate::manager::native::{Native, Seen};
use crate::manager::shared;
use crate::manager::task::{EXTENSION, findings, path, render_for};
use crate::manager::{Artifact, Context, Finding, Kind, ManagerError, ManagerState};
use crate::paths::{Layout, within};
use crate::process::{StartToken, is_alive};

/// How soon it is seen that a supervisor has come or gone. Neither wakes anybody.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long the Task Scheduler may take to start a process.
const UNTIL_STARTED: Duration = Duration::from_secs(30);

/// The Task Scheduler, for the services of the user whose process this is.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    layout: Layout,
    /// The user, as the text form of a SID.
    user: String,
}

/// The part of `status.json` (`abide.status/1`) that tells which process the supervisor is.
#[derive(Deserialize)]
struct Told {
    supervisor: Supervisor,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Supervisor {
    pid: u32,
    start_token: Option<StartToken>,
}

impl Task {
    pub(crate) fn new(layout: Layout) -> io::Result<Self> {
        Ok(Self { layout, user: Sid::own()?.text()? })
    }

    fn path(&self, name: &Name) -> String {
        path(name.as_str(), &self.user)
    }

    fn is_there(&self, name: &Name) -> io::Result<bool> {
        ending::is_there(&self.layout.control(name))
    }

    /// The process of the supervisor, by its own word.
    fn supervisor(&self, name: &Name) -> Option<u32> {
        let status = std::fs::read(self.layout.state_of(name).join("status.json")).ok()?;
        let Supervisor { pid, start_token } = serde_json::from_slice::<Told>(&status).ok()?.supervisor;
        start_token.is_some_and(|token| is_alive(pid, &token)).then_some(pid)
    }

    fn call(&self, call: &str, name: &Name, error: &io::Error) -> ManagerError {
        ManagerError::Call { call: format!("{call} task {}", self.path(name)), why: why(error) }
    }

    /// Has the Task Scheduler start the supervisor; where it starts nothing, it is started from here.
    fn run(&self, name: &Name) -> Result<(), ManagerError> {
        let path = self.path(name);
        let ran = with_folder(|folder| match folder.task(&path)? {
            Some(task) => task.run(),
            None => Err(io::ErrorKind::NotFound.into()),
        });
        match ran {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody removed the task; its file tells what it was.
                self.register(name, StartMode::Auto).map_err(|error| ManagerError::Call {
                    call: format!("registering {path}"),
                    why: error.why,
                })?;
                self.run_again(name)
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.run_here(name),
            Err(error) => Err(self.call("running", name, &error)),
        }
    }

    fn run_again(&self, name: &Name) -> Result<(), ManagerError> {
        let path = self.path(name);
        let ran = with_folder(|folder| folder.task(&path)?.map_or(Ok(()), |task| task.run()));
        match ran {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.run_here(name),
            answer => answer.map_err(|error| self.call("running", name, &error)),
        }
    }

    fn run_here(&self, name: &Name) -> Result<(), ManagerError> {
        let text = std::fs::read_to_string(self.definition(name)).map_err(|source| ManagerError::File {
            what: "read",
            path: self.definition(name),
            source,
        })?;
        let file = program_in(&text).ok_or_else(|| ManagerError::Call {
            call: format!("reading task {}", self.path(name)),
            why: format!("{} names no supervisor", self.definition(name).display()),
        })?;
        let program = self.layout.lib.join(file);
        let args = ["run", "--manager", "task", "--user", name.as_str()].map(OsString::from);
        detached(&program, &args, &self.layout.lib).map_err(|source| ManagerError::File {
            what: "start",
            path: program,
            source,
        })
    }
}

/// Starts a program that shares nothing with this one: no window, no console, and none of its handles, so that whoever
/// reads what this process prints does not wait for that one.
fn detached(program: &Path, args: &[OsString], folder: &Path) -> io::Result<()> {
    let mut command = CommandLine::new(program, args)?;
    let folder = wide(folder)?;
    let startup = STARTUPINFOW { cb: size_of::<STARTUPINFOW>(), ..Default::default() };
    let mut made = PROCESS_INFORMATION::default();
    // SAFETY: the texts end with NULs and the structures are whole.
    check(unsafe {
        CreateProcessW(
            command.application.as_ptr(),
            command.line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            0,
            DETACHED_PROCESS,
            ptr::null(),
            folder.as_ptr(),
            &raw const startup,
            &raw mut made,
        )
    })?;
    // SAFETY: both handles were just made for us.
    unsafe { (owned(made.hProcess)?, owned(made.hThread)?) };
    Ok(())
}

/// The file name of the supervisor in a task of ours.
fn program_in(xml: &str) -> Option<&str> {
    let (_, command) = xml.split_once("<Command>")?;
    let (command, _) = command.split_once("</Command>")?;
    let file = command.rsplit('\\').next()?.trim_end_matches("&quot;");
    file.starts_with("abide-supervisor").then_some(file)
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such task".to_owned(),
        io::ErrorKind::Unsupported => "this Task Scheduler does not offer it".to_owned(),
        _ => error.to_string(),
    }
}

fn step_error(error: &io::Error) -> StepError {
    let hint = (error.kind() == io::ErrorKind::PermissionDenied).then(|| {
        "an administrator may have forbidden users to make tasks; install it for the machine, without --user"
            .to_owned()
    });
    StepError { why: why(error), hint }
}

impl Native for Task {
    fn kind(&self) -> Kind {
        Kind::Task
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render_for(spec, context, &self.user)
    }

    fn findings(&self, spec: &Spec, context: &Context) -> Vec<Finding> {
        findings(spec, context)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        within(&self.layout.units, &format!("{name}.{EXTENSION}"))
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        let is_task = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
        let files = shared::list(&self.layout.units)?.into_iter().filter(is_task);
        Ok(files.filter_map(|path| Some((shared::stem(&path)?, path))).collect())
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        vec![self.definition(name)]
    }

    fn shared_folders(&self) -> Vec<PathBuf> {
        let own = self.layout.units.parent().map(Path::to_path_buf);
        [self.layout.units.clone()].into_iter().chain(own).collect()
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        // The path is made of service and user: what has it can only be left of ours, and is made anew.
        let _ = name;
        None
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        let asked = |error: io::Error| self.call("looking at", name, &error);
        let path = self.path(name);
        let task = with_folder(|folder| folder.task(&path)?.map(|task| task.state()).transpose());
        let task = task.map_err(asked)?;
        // What is registered is what stands in the file, unless somebody switched it off.
        let at_boot = task.is_some_and(|state| state != TaskState::Disabled)
            && std::fs::read_to_string(self.definition(name)).is_ok_and(|xml| starts_at_logon(&xml));
        let (state, pid) = if self.is_there(name).map_err(asked)? {
            // It is there a moment before it has said which process it is.
            let pid = self.supervisor(name);
            (pid.map_or(ManagerState::Starting, |_| ManagerState::Running), pid)
        } else if matches!(task, Some(TaskState::Running | TaskState::Queued)) {
            (ManagerState::Starting, None)
        } else {
            (ManagerState::Stopped, None)
        };
        Ok(Seen { at_boot, state, pid, ..Seen::NOTHING })
    }

    fn register(&self, name: &Name, _: StartMode) -> Result<(), StepError> {
        // The mode stands in the file.
        let file = self.definition(name);
        let xml = std::fs::read_to_string(&file).map_err(|error| StepError::io(&file, &error))?;
        let path = self.path(name);
        with_folder(|folder| folder.register(&path, &xml)).map_err(|error| step_error(&error))
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        let path = self.path(name);
        with_folder(|folder| folder.delete(&path)).map(drop).map_err(|error| step_error(&error))
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let asked = |error: io::Error| self.call("looking at", name, &error);
        if self.is_there(name).map_err(asked)? {
            return Ok(());
        }
        self.run(name)?;
        let begun = Instant::now();
        while !self.is_there(name).map_err(asked)? {
            if begun.elapsed() >= UNTIL_STARTED.min(wait) {
                return Err(ManagerError::Failed {
                    name: name.clone(),
                    verb: "start",
                    why: format!("the Task Scheduler did not start {}", self.path(name)),
                    said: Vec::new(),
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let endpoint = self.layout.control(name);
        let process = self.supervisor(name).and_then(opened);
        let asked = ending::ask(&endpoint).map_err(|error| self.call("stopping", name, &error))?;
        if !asked {
            return Ok(());
        }
        let begun = Instant::now();
        if let Some(process) = &process {
            // SAFETY: the handle is open.
            unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds(wait)) };
        }
        while self.is_there(name).map_err(|error| self.call("looking at", name, &error))? {
            if begun.elapsed() >= wait {
                return Err(ManagerError::TimedOut {
                    name: name.clone(),
                    verb: "stop",
                    after: wait,
                    state: ManagerState::Stopping.as_str().to_owned(),
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

/// Whether the trigger of a task, and the task, are on. What is on may be left out.
fn starts_at_logon(xml: &str) -> bool {
    let part = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(part, _)| part)
    };
    let on = |part: &str| !part.contains("<Enabled>false</Enabled>");
    part("LogonTrigger").is_some_and(on) && part("Settings").is_none_or(on)
}

/// A process, to be waited for.
fn opened(pid: u32) -> Option<OwnedHandle> {
    // SAFETY: takes numbers; the handle is ours.
    unsafe { owned(OpenProcess(PROCESS_SYNCHRONIZE, 0, pid)) }.ok()
}

/// Whether a folder is below the user's own, where files are for that user in any case.
pub(crate) fn is_of_user(path: &Path) -> bool {
    std::env::var_os("LOCALAPPDATA").filter(|own| !own.is_empty()).is_some_and(|own| path.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supervisor_is_found_in_a_task() {
        let xml = "<Exec><Command>&quot;C:\\a b\\abide-supervisor-01.exe&quot;</Command></Exec>";
        assert_eq!(program_in(xml), Some("abide-supervisor-01.exe"));
        assert_eq!(program_in("<Command>C:\\other.exe</Command>"), None);
    }

    #[test]
    fn a_trigger_that_is_off_starts_nothing() {
        let xml = |trigger: &str, task: &str| {
            format!("<LogonTrigger>{trigger}</LogonTrigger><Settings>{task}</Settings>")
        };
        assert!(starts_at_logon(&xml("", "")));
        assert!(!starts_at_logon(&xml("<Enabled>false</Enabled>", "")));
        assert!(!starts_at_logon(&xml("<Enabled>true</Enabled>", "<Enabled>false</Enabled>")));
        assert!(!starts_at_logon("<Settings></Settings>"));
    }

    #[test]
    fn a_task_is_registered_kept_and_removed() {
        let path = format!(r"\Abide-unit-test-{}", std::process::id());
        let user = Sid::own().unwrap().text().unwrap();
        let spec: Spec =
            Spec::parse("name = \"t\"\nstart.mode = \"manual\"\n[program]\ncommand = ['C:\\a.exe']\n")
                .unwrap();
        let context = Context {
            layout: Layout::user_of_windows(r"C:\Users\a & b\AppData\Local"),
            supervisor: PathBuf::from(r"C:\Users\a & b\AppData\Local\Abide\lib\abide-supervisor-01.exe"),
            spec_text: String::new(),
            version: None,
            jit: false,
        };
        let mut xml = render_for(&spec, &context, &user).remove(0).content;
        xml = xml.replace(&super::path("t", &user), &path);
        let kept = with_folder(|folder| {
            folder.register(&path, &xml)?;
            let task = folder.task(&path)?.ok_or(io::ErrorKind::NotFound)?;
            task.state()
        });
        let removed = with_folder(|folder| Ok((folder.delete(&path)?, folder.delete(&path)?)));
        let after = with_folder(|folder| Ok(folder.task(&path)?.is_none())).unwrap();
        assert_eq!(kept.unwrap(), TaskState::Ready);
        assert_eq!(removed.unwrap(), (true, false));
        assert!(after);
    }

    #[test]
    fn a_supervisor_is_seen_and_asked_by_its_event() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = folder.path().join("orders").join("control.sock");
        assert!(!ending::is_there(&endpoint).unwrap() && !ending::ask(&endpoint).unwrap());
        let event = ending::create(&endpoint).unwrap();
        assert!(ending::is_there(&endpoint).unwrap());
        assert_eq!(ending::create(&endpoint).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(ending::ask(&endpoint).unwrap());
        // SAFETY: the event is open.
        assert_eq!(unsafe { WaitForSingleObject(event.as_raw_handle(), 0) }, 0);
        drop(event);
        assert!(!ending::is_there(&endpoint).unwrap());
    }
}
