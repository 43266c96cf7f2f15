//! A service manager that is booted in a container.

use std::path::Path;

use abide_machine::{Kind, Machine as Held};

use super::{LIMIT, Machine, copy, hello};
use crate::options::Options;
use crate::session::{Printed, Shell};

/// Runtimes of the recipes that the machine has not. Each is played by a shell script that waits for its end, so that
/// the recipe's service really runs; what the runtime itself would do is not tried.
const STAND_INS: &[&str] = &["node", "java", "dotnet"];

/// We are root there, and curl shows no progress.
const PRELUDE: &str = r#"cd
sudo() { if [ "$1" = -u ]; then runuser -u "$2" -- "${@:3}"; else "$@"; fi; }
curl() { command curl -sS "$@"; }
export SYSTEMD_PAGER= SYSTEMD_COLORS=0"#;

pub struct Container {
    machine: Held,
    shell: Option<Shell>,
    /// Who runs the page, where it is not root.
    user: Option<&'static str>,
}

/// The page of a plain user, who is there without our doing.
const OF_USER: (&str, &str) = ("docs/walk-user.md", "walker");

impl Container {
    pub fn new(options: &Options, kind: Kind) -> Result<Self, String> {
        let machine = Held::boot(&options.root, kind, "docs")?;
        let on = |path: &str| machine.files.join(path);
        copy(&options.programs.join("abide"), &on("usr/local/bin/abide"))?;
        copy(&options.programs.join("abide-supervisor"), &on("usr/local/bin/abide-supervisor"))?;
        copy(&hello(&options.root, &options.programs, ""), &on("srv/hello/hello"))?;
        copy(&options.root.join("examples/python-worker/worker.py"), &on("srv/worker/worker.py"))?;
        copy(&options.root.join("examples/shell-loop/loop.sh"), &on("srv/loop/loop.sh"))?;
        // The README's own example.
        copy(&hello(&options.root, &options.programs, ""), &on("srv/orders/orders-server"))?;
        for name in STAND_INS {
            stand_in(&on("usr/bin").join(name))?;
        }
        let made = machine.exec("useradd").args(["--create-home", "ann"]).status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("no user could be made on the machine".into());
        }
        copy(&hello(&options.root, &options.programs, ""), &on("home/ann/hello"))?;
        if kind == Kind::Systemd {
            copy(&hello(&options.root, &options.programs, ""), &on("home/walker/hello"))?;
        }
        Ok(Self { machine, shell: None, user: None })
    }

    fn shell(&mut self) -> Result<&mut Shell, String> {
        let bash = match self.user {
            Some(user) => self.machine.exec_as(user, "bash"),
            None => self.machine.exec("bash"),
        };
        match &mut self.shell {
            Some(shell) => Ok(shell),
            none => Ok(none.insert(Shell::start(bash, PRELUDE)?)),
        }
    }
}

impl Machine for Container {
    fn begin(&mut self, page: &str) -> Result<(), String> {
        self.user = Some(OF_USER.1).filter(|_| page == OF_USER.0);
        self.shell().map(drop)
    }

    fn run(&mut self, command: &str) -> Result<Printed, String> {
        if command == "sudo reboot" {
            self.shell = None;
            self.machine.restart()?;
            return Ok(Printed { text: String::new(), code: 0 });
        }
        self.shell()?.run(command, LIMIT)
    }

    fn begin_in(&mut self, _terminal: &str, _command: &str) -> Result<(), String> {
        Err("there is one terminal on this machine".into())
    }

    fn so_far(&mut self, _terminal: &str) -> Result<String, String> {
        Ok(String::new())
    }

    fn interrupt(&mut self, _terminal: &str) -> Result<Printed, String> {
        Err("there is one terminal on this machine".into())
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        self.shell()?.write(path, text)
    }

    fn end(&mut self) {
        self.shell = None;
    }
}

fn stand_in(path: &Path) -> Result<(), String> {
    let script = "#!/bin/sh\ntrap 'exit 0' TERM\necho \"$0 $*\"\nwhile :; do sleep 1; done\n";
    let folder = path.parent().unwrap_or(path);
    // A copy of an executable file passes on its mode, on systems that have modes.
    copy(&folder.join("true"), path)
        .and_then(|()| std::fs::write(path, script).map_err(|error| format!("{}: {error}", path.display())))
}
