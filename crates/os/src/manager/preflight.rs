//! What can be told to go wrong before anything is touched: programs that are not there or out of reach of the
//! account they will run as, missing folders, unreadable files, ports that someone else has.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use abide_spec::{Hardening, Home, Probe, Reload, RunAs, Spec, StopAction};

use super::ports::{Listener, listener};
use super::systemd::below_homes;
use super::{Finding, Kind, Level};
use crate::account;
use crate::resolve::{self, Want, Who, interpreter, reachable};

/// What the checks need to know.
pub(crate) struct Ground<'a> {
    pub(crate) kind: Kind,
    pub(crate) spec: &'a Spec,
    /// What is hidden from the program, where the service manager hides anything.
    pub(crate) hardening: Option<Hardening>,
    /// The name by which the service's own processes are told, while it runs.
    pub(crate) running_unit: Option<String>,
    /// Where commands are searched.
    pub(crate) path: Option<&'a OsStr>,
}

/// Everything that speaks against running this service here.
pub(crate) fn findings(ground: &Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let who = ground.who(&mut found);
    ground.programs(who.as_ref(), &mut found);
    ground.paths(who.as_ref(), &mut found);
    ground.ports(&mut found);
    found
}

impl Ground<'_> {
    /// Whether the service manager is root and changes to the program's account from there.
    fn starts_as_root(&self) -> bool {
        self.kind == Kind::Systemd || self.kind.is_plain()
    }

    /// Whose rights the program will have; what stands against that is told.
    fn who(&self, found: &mut Vec<Finding>) -> Option<Who> {
        let mut groups = Vec::new();
        if !cfg!(windows) {
            for name in &self.spec.account.groups {
                match account::group(name) {
                    Ok(Some(id)) => groups.push(id),
                    Ok(None) => {
                        found.push(Finding::error("account.groups", format!("there is no group `{name}`")))
                    }
                    Err(error) => {
                        found.push(Finding::warning(
                            "account.groups",
                            format!("cannot look up `{name}`: {error}"),
                        ));
                    }
                }
            }
        }
        match &self.spec.account.run_as {
            RunAs::System if self.starts_as_root() => Some(Who::Root),
            RunAs::User(name) if !cfg!(windows) => match account::user(name) {
                Ok(Some(mut user)) => {
                    user.groups.extend(groups);
                    Some(Who::User(user))
                }
                Ok(None) => {
                    found.push(
                        Finding::error("account.run-as", format!("there is no user `{name}`")).with_hint(
                            "create it, or leave `account.run-as` out for an account of the service's own",
                        ),
                    );
                    None
                }
                Err(error) => {
                    found.push(Finding::error("account.run-as", format!("cannot look up `{name}`: {error}")));
                    None
                }
            },
            RunAs::LeastPrivilege if self.starts_as_root() => Some(Who::Stranger { groups }),
            // In the foreground programs run as whoever runs `abide up`, whose rights the checks below show anyway.
            _ => None,
        }
    }

    fn programs(&self, who: Option<&Who>, found: &mut Vec<Finding>) {
        self.program("program.command[0]", &self.spec.program.command, who, found);
        self.arguments(who, found);
        let mut others: Vec<(String, &Vec<String>)> = Vec::new();
        if let Some(Probe::Exec(command)) = self.spec.start.ready.as_ref().map(|ready| &ready.probe) {
            others.push(("start.ready.exec[0]".into(), command));
        }
        for (index, health) in self.spec.health.iter().enumerate() {
            if let Probe::Exec(command) = &health.probe {
                others.push((format!("health[{index}].exec[0]"), command));
            }
        }
        for (index, step) in self.spec.stop.steps.iter().enumerate() {
            if let StopAction::Command(command) = &step.action
                && step.applies_to(self.kind.family())
            {
                others.push((format!("stop.steps[{index}].command[0]"), command));
            }
        }
        if let Some(Reload::Command(command)) = &self.spec.reload {
            others.push(("reload.command[0]".into(), command));
        }
        for (field, command) in others {
            self.program(&field, command, who, found);
        }
    }

    fn program(&self, field: &str, command: &[String], who: Option<&Who>, found: &mut Vec<Finding>) {
        let Some(first) = command.first() else { return };
        let path = Path::new(first);
        if !path.is_absolute() {
            return;
        }
        if let Err(error) = path.metadata()
            && error.kind() == io::ErrorKind::NotFound
        {
            found.push(
                error_at(field, format!("{first} does not exist"))
                    .with_hint("build or install it, or write where it is"),
            );
            return;
        }
        if path.is_dir() {
            found.push(error_at(field, format!("{first} is a folder, not a program")));
            return;
        }
        if path.is_file() && !resolve::is_executable(path) {
            found.push(
                error_at(field, format!("{first} is not executable")).with_hint(format!(
                    "`chmod +x {first}`, or put its interpreter before it in the command"
                )),
            );
            return;
        }
        if let Err(finding) = self.reach(field, path, who, Want::Execute) {
            found.push(finding);
            return;
        }
        if who == Some(&Who::Root)
            && let Some(barrier) = resolve::open_to_others(path)
        {
            found.push(
                Finding::new(
                    Level::Warning,
                    Some(field.to_owned()),
                    format!("{first} will run as root, but {barrier}: whoever can write there becomes root"),
                )
                .with_hint("give it to root (`chown root`, `chmod go-w`), or run it as another account"),
            );
        }
        // A script is run by its interpreter, which has to be there and in reach as well.
        if let Some(interpreter) = interpreter(path, self.path) {
            if !interpreter.exists() {
                found.push(error_at(
                    field,
                    format!("{first} is a script for {}, which does not exist", interpreter.display()),
                ));
            } else if let Err(finding) = self.reach(field, &interpreter, who, Want::Execute) {
                found.push(Finding { text: format!("{first} is a script: {}", finding.text), ..finding });
            } else if let Err(finding) = self.reach(field, path, who, Want::Read) {
                found.push(finding);
            }
        }
    }

    /// Arguments that name files: a script given to an interpreter, a configuration. Whether the program reads them
    /// cannot be known, so this only warns; but the first one after an interpreter is as good as the program.
    fn arguments(&self, who: Option<&Who>, found: &mut Vec<Finding>) {
        for (index, argument) in self.spec.program.command.iter().enumerate().skip(1) {
            let path = Path::new(argument);
            if !path.is_absolute() || !path.exists() {
                continue;
            }
            let want = if path.is_dir() { Want::Enter } else { Want::Read };
            if let Err(finding) = self.reach(&format!("program.command[{index}]"), path, who, want) {
                let level = if index == 1 && path.is_file() { Level::Error } else { Level::Warning };
                found.push(Finding { level, ..finding });
            }
        }
    }

    fn paths(&self, who: Option<&Who>, found: &mut Vec<Finding>) {
        if let Some(folder) = &self.spec.program.working_dir {
            let field = "program.working-dir";
            if !folder.exists() {
                let text = format!("{} does not exist", folder.display());
                found.push(error_at(field, text).with_hint("create it, or leave `program.working-dir` out"));
            } else if !folder.is_dir() {
                found.push(error_at(field, format!("{} is not a folder", folder.display())));
            } else if let Err(finding) = self.reach(field, folder, who, Want::Enter) {
                found.push(finding);
            }
        }
        if let Some(file) = &self.spec.program.env_file {
            found.extend(self.env_file(file));
        }
        for (field, paths, want) in [
            ("security.write", &self.spec.security.write, Want::Write),
            ("security.read", &self.spec.security.read, Want::Read),
        ] {
            for path in paths {
                if !path.exists() {
                    found.push(
                        error_at(field, format!("{} does not exist", path.display()))
                            .with_hint("create it, or take it off the list"),
                    );
                } else if let Some(Err(barrier)) = who.map(|who| reachable(path, who, want)) {
                    found.push(Finding::warning(field, barrier.to_string()));
                }
            }
        }
    }

    fn env_file(&self, file: &Path) -> Option<Finding> {
        let field = "program.env-file";
        match std::fs::File::open(file) {
            Ok(_) if file.is_dir() => Some(error_at(field, format!("{} is a folder", file.display()))),
            Ok(_) => None,
            // A service manager that runs as root reads what this plain user cannot.
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && self.starts_as_root()
                    && !account::is_privileged() =>
            {
                Some(Finding::note(field, format!("{} can only be checked by root", file.display())))
            }
            Err(error) => Some(
                error_at(field, format!("cannot read {}: {error}", file.display()))
                    .with_hint("create it or correct its permissions, or leave `program.env-file` out"),
            ),
        }
    }

    /// Whether the account can use a path: what is hidden from it first, then the permissions on the way.
    fn reach(&self, field: &str, path: &Path, who: Option<&Who>, want: Want) -> Result<(), Finding> {
        let Some(who) = who else { return Ok(()) };
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let hidden = self.hidden(&real);
        let ways = self.ways_out(&real, hidden.is_some());
        if let Some(hidden) = hidden {
            return Err(error_at(field, format!("{} {hidden}", path.display())).with_hint(ways));
        }
        reachable(path, who, want).map_err(|barrier| {
            let text = if barrier.path == path {
                barrier.to_string()
            } else {
                format!("{} is out of reach: {barrier}", path.display())
            };
            error_at(field, text).with_hint(ways)
        })
    }

    fn hidden(&self, path: &Path) -> Option<&'static str> {
        let hardening = self.hardening?;
        let shown = |shown: &PathBuf| path.starts_with(shown);
        if self.spec.security.read.iter().chain(&self.spec.security.write).any(shown) {
            return None;
        }
        if hardening.home == Home::Hidden && below_homes(path) {
            return Some("is in a home folder, and those are hidden from the service (`security.home`)");
        }
        if !hardening.shared_temp && below_temp(path) {
            return Some("is in /tmp, and the service has a /tmp of its own (`security.shared-temp`)");
        }
        None
    }

    fn ways_out(&self, path: &Path, hidden: bool) -> String {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut ways = vec![format!("move it to /opt or /srv (`/srv/{}/{name}`)", self.spec.name)];
        let home = path.starts_with("/home") || path.starts_with("/root");
        if home {
            let owner = path.strip_prefix("/home").ok().and_then(|rest| rest.iter().next());
            let owner = owner.map_or_else(|| "root".to_owned(), |owner| owner.to_string_lossy().into_owned());
            let home = "`security.home = \"read-only\"`";
            ways.push(match (&self.spec.account.run_as, owner.as_str()) {
                (RunAs::User(user), owner) if user == owner => format!("set {home}"),
                (RunAs::System, _) => format!("set {home}"),
                (_, "root") => format!("run it as root (`account.run-as = \"system\"`) with {home}"),
                (_, owner) => format!("run it as its owner (`account.run-as = \"{owner}\"`) with {home}"),
            });
        } else if hidden {
            let folder = path.parent().filter(|_| path.is_file()).unwrap_or(path);
            ways.push(format!(
                "show it to the service (`security.read = [{:?}]`)",
                folder.display().to_string()
            ));
        } else {
            ways.push("let everyone read and enter it (`chmod o+rX`)".into());
        }
        ways.join(", or ")
    }

    fn ports(&self, found: &mut Vec<Finding>) {
        for (field, port) in declared_ports(self.spec) {
            let Some(listener) = listener(port) else { continue };
            if let Some(finding) = self.taken(field, port, &listener) {
                found.push(finding);
            }
        }
    }

    fn taken(&self, field: &'static str, port: u16, listener: &Listener) -> Option<Finding> {
        let text = format!("port {port} is in use by {listener}");
        let hint = "stop that program, or give the service another port";
        match &self.running_unit {
            // Nothing is known about the process: it may well be the service's own.
            Some(unit) if listener.group.is_none() || listener.is_of_unit(unit) => None,
            Some(_) => Some(Finding::warning(field, text).with_hint(hint)),
            None => Some(Finding::error(field, text).with_hint(hint)),
        }
    }
}

fn below_temp(path: &Path) -> bool {
    path.starts_with("/tmp") || path.starts_with("/var/tmp")
}

fn error_at(field: &str, text: String) -> Finding {
    Finding::new(Level::Error, Some(field.to_owned()), text)
}

/// The ports the program is said to listen on, each once.
fn declared_ports(spec: &Spec) -> Vec<(&'static str, u16)> {
    let mut ports: Vec<(&'static str, u16)> = Vec::new();
    let mut add = |field, port| {
        if ports.iter().all(|(_, known)| *known != port) {
            ports.push((field, port));
        }
    };
    if let Some(register) = &spec.register {
        add("register.port", register.port);
    }
    let probes = spec.start.ready.iter().map(|ready| ("start.ready", &ready.probe));
    for (field, probe) in probes.chain(spec.health.iter().map(|health| ("health", &health.probe))) {
        match probe {
            Probe::Http(url) if is_here(url.host()) => add(field, url.port()),
            Probe::Tcp(address) if is_here(address.host()) => add(field, address.port()),
            _ => {}
        }
    }
    ports
}

fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
