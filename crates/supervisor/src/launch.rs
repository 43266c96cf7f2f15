//! From a spec to what the operating system is asked to start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use abide_os::account::is_privileged;
use abide_os::link::ManagerKind;
use abide_os::manager::own_account;
use abide_os::process::{Identity, Launch, OutputMode};
use abide_spec::{Limits, RunAs, Spec};

use crate::environment::{self, EnvironmentError, Sources};
use crate::place::Place;

/// What a launch is made from.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The service.
    pub spec: &'a Spec,
    /// Its folders.
    pub place: &'a Place,
    /// Where a program without `working-dir` runs; without either, in the folder it lies in.
    pub base: Option<&'a PathBuf>,
    /// The env-file as this process can read it, when not where the spec says.
    pub env_file: Option<&'a PathBuf>,
    /// Added by `abide debug`.
    pub debug_env: &'a BTreeMap<String, String>,
    /// Who runs the supervisor: what a service manager has applied is not applied again.
    pub manager: ManagerKind,
    /// The notification socket, where there is one.
    pub notify: Option<PathBuf>,
}

impl Plan<'_> {
    /// How to start the service's program.
    pub fn program(&self) -> Result<Launch, EnvironmentError> {
        self.launch(&self.spec.program.command, OutputMode::Pipes, None)
    }

    /// How to start a helper beside the program whose process id is `main`: same account, same
    /// environment, no output.
    pub fn helper(&self, command: &[String], main: Option<u32>) -> Result<Launch, EnvironmentError> {
        self.launch(command, OutputMode::Null, main)
    }

    fn launch(
        &self,
        command: &[String],
        output: OutputMode,
        main: Option<u32>,
    ) -> Result<Launch, EnvironmentError> {
        let mut words = command.iter();
        let program = words.next().map(PathBuf::from).unwrap_or_default();
        // `abide up` runs programs where their spec lies.
        let base = || self.base.cloned().unwrap_or_else(|| self.place.data());
        let working_dir = Some(self.spec.program.working_dir.clone().unwrap_or_else(base));
        Ok(Launch {
            args: words.map(OsString::from).collect(),
            env: self.environment(main)?,
            working_dir,
            identity: identity(self.spec, self.manager),
            limits: self.limits(),
            instance: instance(self.spec),
            output,
            notify: self.notify.clone(),
            program,
        })
    }

    fn environment(&self, main: Option<u32>) -> Result<Vec<(OsString, OsString)>, EnvironmentError> {
        let mut own = marks(self.spec, self.place);
        own.extend(main.map(|pid| ("ABIDE_PID".into(), pid.to_string().into())));
        environment::build(Sources {
            program: &self.spec.program,
            env_file: self.env_file.map(PathBuf::as_path),
            inherited: std::env::vars_os().collect(),
            debug: self.debug_env,
            own,
        })
    }

    /// systemd holds the whole unit to its limits; elsewhere they are ours to apply.
    fn limits(&self) -> Limits {
        match self.manager {
            ManagerKind::Systemd => Limits::default(),
            _ => self.spec.limits,
        }
    }
}

/// What every process of a service is told of it, and is known by as long as it keeps it.
pub fn marks(spec: &Spec, place: &Place) -> Vec<(OsString, OsString)> {
    vec![("ABIDE_SERVICE".into(), spec.name.as_str().into()), ("STATE_DIRECTORY".into(), place.data().into())]
}

/// Who the program runs as. Some service managers have already changed to the right account; those that start
/// supervisors as root leave it to them.
pub fn identity(spec: &Spec, manager: ManagerKind) -> Identity {
    let user = |name: String| Identity::User { name, groups: spec.account.groups.clone() };
    match &spec.account.run_as {
        RunAs::User(name) if manager == ManagerKind::Foreground => user(name.clone()),
        // A user's own supervisor has nothing to change.
        _ if !manager.is_plain() || !is_privileged() => Identity::Inherit,
        RunAs::User(name) => user(name.clone()),
        _ => own_account(manager, spec).map_or(Identity::Inherit, user),
    }
}

/// A mark that no other tree of this machine has.
fn instance(spec: &Spec) -> String {
    format!("{}.{:016x}", spec.name, random())
}

/// An unpredictable number: the standard library seeds every hash state from the system's randomness.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
