//! Machines to test on: a service manager in a container, or that of Wine, held by a script of `tests/platforms`.

mod report;
mod run;

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

pub use report::Report;
pub use run::{Output, reader, run, wait_child, wait_for};

/// A script may need that long for what it is asked: a restart of the machine, say.
const PATIENCE: Duration = Duration::from_secs(200);

/// What a machine has for a service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// systemd.
    Systemd,
    /// OpenRC, started by the init of System V.
    OpenRc,
    /// runit.
    Runit,
    /// s6, without s6-rc.
    S6,
    /// The init of System V with its scripts.
    Sysv,
    /// The service control manager of Wine.
    Wine,
}

impl Kind {
    /// Those that are booted in a container.
    pub const CONTAINERS: [Self; 5] = [Self::Systemd, Self::OpenRc, Self::Runit, Self::S6, Self::Sysv];

    /// Its name, as the scripts and the tests have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::OpenRc => "openrc",
            Self::Runit => "runit",
            Self::S6 => "s6",
            Self::Sysv => "sysv",
            Self::Wine => "wine",
        }
    }

    /// The script that holds it, and the arguments that come before the verb.
    fn script(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Wine => ("wine.sh", None),
            container => ("machine.sh", Some(container.name())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A running machine. It ends when this is dropped, and also when this process dies: the script then sees its input close.
pub struct Machine {
    kind: Kind,
    script: PathBuf,
    name: String,
    holder: Child,
    _output: BufReader<ChildStdout>,
    /// The folder under which the machine's files are seen from here.
    pub files: PathBuf,
}

impl Machine {
    /// Boots a machine. `root` is the repository, `user` a word that tells whose machine it is.
    pub fn boot(root: &Path, kind: Kind, user: &str) -> Result<Self, String> {
        let script = root.join("tests/platforms").join(kind.script().0);
        let name = format!("{user}-{}", std::process::id());
        let mut holder = command(&script, kind, "serve", &name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let Some(output) = holder.stdout.take() else { return Err("no output of the machine".into()) };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        if read.is_err() || line.trim() != "ready" {
            let _ = wait_child(&mut holder, Duration::from_secs(30));
            return Err(format!("the machine did not boot; see what {} said above", script.display()));
        }
        let mut machine = Self { kind, script, name, holder, _output: output, files: PathBuf::new() };
        machine.files = machine.ask("path")?.into();
        Ok(machine)
    }

    /// A command on the machine.
    pub fn exec(&self, program: &str) -> Command {
        let mut command = command(&self.script, self.kind, "exec", &self.name);
        command.arg(program);
        command
    }

    /// A command on the machine as one of its users. Containers only.
    pub fn exec_as(&self, user: &str, program: &str) -> Command {
        let mut command = command(&self.script, self.kind, "exec-user", &self.name);
        command.args([user, program]);
        command
    }

    /// Restarts it and waits until it is up again.
    pub fn restart(&self) -> Result<(), String> {
        self.ask(if self.kind == Kind::Wine { "restart" } else { "reboot" }).map(drop)
    }

    fn ask(&self, verb: &str) -> Result<String, String> {
        let output = run(&mut command(&self.script, self.kind, verb, &self.name), PATIENCE)
            .map_err(|error| format!("{}: {error}", self.script.display()))?;
        if output.ok() { Ok(output.text().trim().to_owned()) } else { Err(output.errors()) }
    }

    /// Where a file of the machine, `/…` or `C:\…`, is seen from here.
    pub fn outside(&self, path: &str) -> PathBuf {
        match self.kind {
            Kind::Wine => {
                let rest = path.strip_prefix(r"C:\").unwrap_or(path);
                rest.split('\\').fold(self.files.clone(), |folder, part| folder.join(part))
            }
            _ => self.files.join(path.trim_start_matches('/')),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if !matches!(wait_child(&mut self.holder, Duration::from_secs(60)), Ok(Some(_))) {
            eprintln!("warning: {} {} did not end", self.script.display(), self.name);
        }
    }
}

fn command(script: &Path, kind: Kind, verb: &str, name: &str) -> Command {
    let mut command = Command::new(script);
    command.args(kind.script().1).args([verb, name]);
    command
}

/// Copies an executable, without what only a debugger needs if the tool for that is at hand: a tenth of the size, and the
/// product reads its own executables at each apply.
pub fn install(from: &Path, to: &Path, strip: &str) -> Result<(), String> {
    let failed = |error| format!("copying {} to {}: {error}", from.display(), to.display());
    std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(failed)?;
    let stripped = run(Command::new(strip).arg("-o").arg(to).arg(from), Duration::from_secs(60));
    if stripped.is_ok_and(|output| output.ok()) {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(failed)
}
