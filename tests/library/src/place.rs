//! A machine with the examples on it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use abide_machine::{Kind, Machine, Output, install, run, wait_for};

use crate::program::SOON;
use crate::{EXAMPLES, Options};

/// A start or stop may take that long.
const VERB: Duration = Duration::from_secs(150);

pub struct Place {
    pub kind: Kind,
    machine: Machine,
}

impl Place {
    pub fn boot(kind: Kind, options: &Options) -> Result<Self, String> {
        let place = Self { kind, machine: Machine::boot(&options.root, kind, "library")? };
        let (programs, strip) = match kind {
            Kind::Wine => (&options.windows_programs, "x86_64-w64-mingw32-strip"),
            _ => (&options.programs, "strip"),
        };
        for example in EXAMPLES {
            place.put(&programs.join("examples"), example, strip)?;
        }
        // One to send the controls of Windows; the command that knows all services.
        let other = if kind == Kind::Wine { "abide-fixture" } else { "abide" };
        place.put(programs, other, strip)?;
        Ok(place)
    }

    fn put(&self, folder: &Path, name: &str, strip: &str) -> Result<(), String> {
        let file = if self.kind == Kind::Wine { format!("{name}.exe") } else { name.to_owned() };
        install(&folder.join(file), &self.machine.outside(&self.path(name)), strip)
    }

    fn path(&self, name: &str) -> String {
        match self.kind {
            Kind::Wine => format!(r"C:\library\{name}.exe"),
            _ => format!("/usr/local/bin/{name}"),
        }
    }

    /// Runs a program of the machine.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> Result<Output, String> {
        let mut command: Command = self.machine.exec(program);
        let output = run(command.args(arguments), VERB).map_err(|error| format!("{program}: {error}"))?;
        if output.timed_out {
            Err(format!("{program} {arguments:?} does not end: {}", output.all()))
        } else {
            Ok(output)
        }
    }

    /// Runs an example as one of the machine's users.
    pub fn ask_as(&self, user: &str, name: &str, arguments: &[&str]) -> Result<Output, String> {
        let mut command = self.machine.exec_as(user, &self.path(name));
        run(command.args(arguments), VERB).map_err(|error| format!("{name}: {error}"))
    }

    /// Runs an example with these arguments.
    pub fn example(&self, name: &str, arguments: &[&str]) -> Result<Output, String> {
        self.ask(&self.path(name), arguments)
    }

    /// The same; it has to end with this code and say this.
    pub fn says(&self, name: &str, arguments: &[&str], code: i32, text: &str) -> Result<(), String> {
        let output = self.example(name, arguments)?;
        if output.code == Some(code) && output.all().contains(text) {
            return Ok(());
        }
        Err(format!(
            "`{name} {}` ended with {:?} and said {:?}",
            arguments.join(" "),
            output.code,
            output.all()
        ))
    }

    /// What `status --json` says of an example.
    pub fn status(&self, name: &str) -> Result<serde_json::Value, String> {
        let output = self.example(name, &["status", "--json"])?;
        serde_json::from_str(&output.text()).map_err(|error| format!("{error}: {}", output.all()))
    }

    /// Its process.
    pub fn pid(&self, name: &str) -> Result<u64, String> {
        let status = self.status(name)?;
        status["pid"].as_u64().ok_or_else(|| format!("no process: {status}"))
    }

    /// Waits until it is in this state.
    pub fn becomes(&self, name: &str, state: &str) -> Result<(), String> {
        let mut last = String::new();
        let so = wait_for(SOON, || match self.status(name) {
            Ok(status) => {
                last = status.to_string();
                status["state"] == state
            }
            Err(why) => {
                last = why;
                false
            }
        });
        if so { Ok(()) } else { Err(format!("it does not become {state}: {last}")) }
    }

    /// Everything that the service has logged where services of this machine log; `None` where that cannot be read.
    pub fn log(&self, name: &str) -> Option<String> {
        let (program, arguments) = match self.kind {
            Kind::Systemd => ("journalctl", vec!["-o", "cat", "-t", name]),
            // Wine's keeps nothing.
            Kind::Wine => return None,
            // Those that keep the output of their services keep it with their own.
            _ => (
                "sh",
                vec!["-c", "cat /var/log/messages /var/log/abide/*/* /var/log/*/current 2>/dev/null; true"],
            ),
        };
        self.ask(program, &arguments).ok().map(|output| output.text())
    }

    /// Waits until it has logged this. Nothing to wait for where the log cannot be read.
    pub fn logs(&self, name: &str, text: &str) -> Result<(), String> {
        let mut last = String::new();
        let told = wait_for(SOON, || match self.log(name) {
            Some(log) => {
                last = log;
                last.contains(text)
            }
            None => true,
        });
        if told { Ok(()) } else { Err(format!("it has not logged {text:?}, but {last:?}")) }
    }

    /// The number in the file that `pausable` keeps.
    pub fn count(&self) -> Option<u64> {
        let text = match self.kind {
            Kind::Wine => {
                let file = r"C:\ProgramData\Abide\state\pausable\data\count";
                std::fs::read_to_string(self.machine.outside(file)).ok()?
            }
            _ => {
                let files =
                    "cat /var/lib/abide/pausable/count /var/lib/abide/pausable/data/count 2>/dev/null";
                self.ask("sh", &["-c", files]).ok()?.text()
            }
        };
        text.trim().parse().ok()
    }

    /// Tells it something: a signal, or the control of Windows that stands for it.
    pub fn tell(&self, name: &str, signal: &str, control: &str) -> Result<(), String> {
        let output = match self.kind {
            Kind::Wine => self.ask(&self.path("abide-fixture"), &["control", name, control])?,
            _ => self.ask("kill", &["-s", signal, &self.pid(name)?.to_string()])?,
        };
        if output.ok() { Ok(()) } else { Err(output.all()) }
    }

    pub fn restart(&self) -> Result<(), String> {
        self.machine.restart()
    }
}
