//! Unix side of [`crate::process`].

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use abide_spec::{KillScope, Signal, StopAction};

use super::child::{self, Failure, Plan};
use super::children::Shared;
use super::events::Core;
use super::extras::cgroup::Group;
use super::extras::clone;
use super::{accounts, explain, signals};
use crate::pipes::PipeReader;
use crate::process::{
    ActError, INSTANCE_VARIABLE, Identity, Launch, OutputMode, SpawnError, Stage, StartToken,
};

pub(crate) use super::extras::kin::start_token;

#[derive(Debug)]
pub(crate) struct Tree {
    id: u64,
    pid: u32,
    children: Shared,
}

type Output = Option<(PipeReader, PipeReader)>;

impl Tree {
    pub(crate) fn spawn(launch: &Launch, core: &mut Core) -> Result<(Self, Output), SpawnError> {
        let failed = |stage, source| explain::spawn_error(launch, stage, source);
        let mut plan = prepare(launch)?;
        let null = core.null().map_err(|error| failed(Stage::Streams, error))?;
        let (output, _writers) = match launch.output {
            OutputMode::Null => {
                plan.streams = [null, null, null];
                (None, None)
            }
            OutputMode::Pipes => {
                let (out, out_writer) = pipe().map_err(|error| failed(Stage::Pipes, error))?;
                let (err, err_writer) = pipe().map_err(|error| failed(Stage::Pipes, error))?;
                plan.streams = [null, out_writer.as_raw_fd(), err_writer.as_raw_fd()];
                (Some((PipeReader::from(out), PipeReader::from(err))), Some((out_writer, err_writer)))
            }
        };
        let children = core.children();
        let mut all = children.lock();
        let (pid, group) = start(&mut plan, &mut all.groups).map_err(|error| failed(Stage::Fork, error))?;
        if let Some(stage) = plan.failure.stage() {
            wait_for(pid);
            if let Some(group) = group {
                all.groups.give_back(group);
            }
            return Err(failed(stage, io::Error::from_raw_os_error(plan.failure.errno)));
        }
        let id = all.add(pid, launch.instance.clone(), group);
        drop(all);
        Ok((Self { id, pid, children }, output))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn started_at(&self) -> StartToken {
        start_token(self.pid).unwrap_or_else(|| StartToken(String::new()))
    }

    pub(crate) fn act(&mut self, action: &StopAction) -> Result<(), ActError> {
        let unsupported =
            |why: &str| ActError::Unsupported { action: action.to_string(), why: why.to_owned() };
        let killed = match action {
            StopAction::Signal(signal) => return self.signal(signal),
            StopAction::Kill(KillScope::Tree) => self.kill(),
            StopAction::Kill(KillScope::Program) => self.kill_program(),
            StopAction::Event(_) => {
                return Err(unsupported("console events exist on Windows only; use a signal"));
            }
            StopAction::Command(_) => return Err(unsupported("a command is run as a program of its own")),
        };
        killed.map_err(|source| ActError::Os { action: action.to_string(), pid: self.pid, source })
    }

    pub(crate) fn signal(&mut self, signal: &Signal) -> Result<(), ActError> {
        let action = || format!("signal {signal}");
        let number = signal.number().ok_or_else(|| ActError::Unsupported {
            action: action(),
            why: "this system has no such signal; use TERM, INT, HUP, USR1 or USR2".to_owned(),
        })?;
        let mut all = self.children.lock();
        let result = all.signal(self.id, number);
        if result.is_ok() && all.tree(self.id).is_some_and(|tree| tree.suspended) && number != libc::SIGSTOP {
            let _ = all.resume(self.id);
        }
        result.map_err(|source| match source.raw_os_error() {
            Some(libc::ESRCH) => ActError::Ended,
            _ => ActError::Os { action: action(), pid: self.pid, source },
        })
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.children.lock().kill(self.id)
    }

    pub(crate) fn kill_program(&mut self) -> io::Result<()> {
        match self.children.lock().signal(self.id, libc::SIGKILL) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        self.children.lock().is_gone(self.id)
    }

    pub(crate) fn members(&mut self) -> Vec<u32> {
        self.children.lock().members(self.id)
    }

    pub(crate) fn contains(&mut self, pid: u32) -> bool {
        self.children.lock().contains(self.id, pid)
    }

    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        self.children.lock().suspend(self.id)
    }

    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.children.lock().resume(self.id)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.children.lock().remove(self.id);
    }
}

/// Creates the process with no signal able to reach it before it is ready for signals.
fn start(plan: &mut Plan, groups: &mut super::extras::cgroup::Groups) -> io::Result<(u32, Option<Group>)> {
    let before = signals::block_all();
    let mut group = groups.take();
    let mut result = clone::start(plan, group.as_ref());
    if group.is_some() && is_refused(&result, plan) {
        if let Ok(pid) = result {
            wait_for(pid);
        }
        groups.give_up();
        group = None;
        result = clone::start(plan, None);
    }
    signals::restore(&before);
    result.map(|pid| (pid, group))
}

/// Whether it was the group that the process could not be created in. Some kernels kill what is created in a group while
/// another group was killed in its life, so a process that did not come to its first instruction counts too.
fn is_refused(result: &io::Result<u32>, plan: &Plan) -> bool {
    match result {
        Ok(_) => plan.failure.is_not_begun() || plan.failure.stage() == Some(Stage::Group),
        Err(error) => error.raw_os_error() != Some(libc::EAGAIN),
    }
}

/// Reaps a child that has ended.
fn wait_for(pid: u32) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // SAFETY: no status is asked for.
    while unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// A pipe whose ends cannot be mistaken for standard streams, closed by exec.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((above_standard(reader.into())?, above_standard(writer.into())?))
}

/// Moves a descriptor above those of the standard streams, if need be.
pub(super) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { Ok(rustix::io::fcntl_dupfd_cloexec(&fd, 3)?) }
}

fn prepare(launch: &Launch) -> Result<Plan, SpawnError> {
    let invalid = |text: String| {
        explain::spawn_error(launch, Stage::Arguments, io::Error::new(io::ErrorKind::InvalidInput, text))
    };
    let c_path = |what: &str, path: &Path| {
        if !path.is_absolute() {
            return Err(invalid(format!("{what} {} is not absolute", path.display())));
        }
        CString::new(path.as_os_str().as_bytes())
            .map_err(|_| invalid(format!("{what} {} contains a NUL byte", path.display())))
    };
    let program = c_path("the program", &launch.program)?;
    let working_dir =
        launch.working_dir.as_deref().map(|path| c_path("the working directory", path)).transpose()?;

    let mut strings = Vec::with_capacity(4096);
    // What a string is called is put into words only when it is told: there are many, and this is on the way of a restart.
    let mut push = |what: &dyn Fn() -> String, parts: &[&OsStr]| {
        for part in parts {
            if part.as_bytes().contains(&0) {
                return Err(invalid(format!("{} contains a NUL byte", what())));
            }
            strings.extend_from_slice(part.as_bytes());
        }
        strings.push(0);
        Ok(())
    };
    push(&|| "the program".to_owned(), &[launch.program.as_os_str()])?;
    for (at, arg) in launch.args.iter().enumerate() {
        push(&|| format!("argument {}", at + 1), &[arg.as_os_str()])?;
    }
    let equals = OsStr::new("=");
    let mut variables = 1;
    for (name, value) in &launch.env {
        if name == INSTANCE_VARIABLE || name == "NOTIFY_SOCKET" {
            continue;
        }
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(invalid(format!("{name:?} cannot be the name of an environment variable")));
        }
        // The name is left out of the text when it is all that is known to be harmless: values may be secret.
        push(&|| format!("environment variable {}", name.display()), &[name, equals, value])?;
        variables += 1;
    }
    push(
        &|| "the instance".to_owned(),
        &[OsStr::new(INSTANCE_VARIABLE), equals, OsStr::new(&launch.instance)],
    )?;
    if let Some(socket) = &launch.notify {
        push(
            &|| "the notification socket".to_owned(),
            &[OsStr::new("NOTIFY_SOCKET"), equals, socket.as_os_str()],
        )?;
        variables += 1;
    }
    let pointers = child::pointers(&strings, launch.args.len() + variables + 2);
    let mut argv = pointers;
    let mut envp = argv.split_off(launch.args.len() + 1);
    argv.push(std::ptr::null());
    if envp.is_empty() {
        envp.push(std::ptr::null());
    }

    let account = match &launch.identity {
        Identity::Inherit => None,
        Identity::User { name, groups } => Some(
            accounts::resolve(name, groups)
                .map_err(|error| explain::spawn_error(launch, Stage::Identity, error))?,
        ),
    };
    let limit =
        |resource, most: Option<u64>| most.map(|most| (resource as libc::c_int, most as libc::rlim_t));
    Ok(Plan {
        program,
        argv,
        envp,
        working_dir,
        streams: [-1; 3],
        entrance: -1,
        limits: [
            limit(libc::RLIMIT_NOFILE as libc::c_int, launch.limits.open_files),
            limit(libc::RLIMIT_NPROC as libc::c_int, launch.limits.processes),
        ],
        account,
        // SAFETY: a call without pointers.
        parent: unsafe { libc::getpid() },
        report: -1,
        failure: Failure::NONE,
        strings,
    })
}
