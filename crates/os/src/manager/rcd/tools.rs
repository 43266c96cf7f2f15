//! FreeBSD's own tools: sysrc(8) for what rc.conf(5) says, service(8) to start and stop, ps(1) for who is there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::Name;

use crate::manager::ManagerError;
use crate::manager::tool::{Answer, SHORT, Trouble, call};
use crate::paths::{Layout, within};

/// The tools, and whose rc.conf they are for.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub(super) sysrc: PathBuf,
    pub(super) ps: PathBuf,
    /// Nothing where the scripts are not in a folder that service(8) looks in: then they are run as they are.
    pub(super) service: Option<PathBuf>,
    /// The file with the switches, where it is not the system's own.
    pub(super) conf: Option<PathBuf>,
}

impl Tools {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            sysrc: "/usr/sbin/sysrc".into(),
            ps: "/bin/ps".into(),
            service: layout.root.is_none().then(|| "/usr/sbin/service".into()),
            conf: layout.root.as_ref().map(|root| within(root, "etc/rc.conf")),
        }
    }

    fn sysrc(&self, words: &[&str]) -> Result<Answer, ManagerError> {
        let conf = self.conf.as_ref().map(|conf| conf.display().to_string());
        let mut all = conf.as_deref().map_or_else(Vec::new, |conf| vec!["-f", conf]);
        all.extend(words);
        call(&self.sysrc, &all, SHORT).map_err(|trouble| failed("sysrc", words, trouble.to_string()))
    }

    fn set(&self, words: &[&str]) -> Result<(), ManagerError> {
        let answer = self.sysrc(words)?;
        if answer.succeeded() { Ok(()) } else { Err(failed("sysrc", words, answer.why())) }
    }

    /// Whether a switch is on.
    pub(super) fn is_enabled(&self, switch: &str) -> Result<bool, ManagerError> {
        Ok(self.value(switch)?.is_some_and(|value| is_yes(&value)))
    }

    /// The value of a switch; nothing where rc.conf has none of that name.
    fn value(&self, switch: &str) -> Result<Option<String>, ManagerError> {
        let words = ["-n", switch];
        let answer = self.sysrc(&words)?;
        if answer.succeeded() {
            return Ok(Some(answer.text.trim().to_owned()));
        }
        if answer.errors.contains("unknown variable") {
            return Ok(None);
        }
        Err(failed("sysrc", &words, answer.why()))
    }

    /// Sets a switch, where it is not as it shall be.
    pub(super) fn switch(&self, switch: &str, on: bool) -> Result<(), ManagerError> {
        if self.value(switch)?.is_some_and(|value| is_yes(&value) == on) {
            return Ok(());
        }
        self.set(&[&format!("{switch}={}", if on { "YES" } else { "NO" })])
    }

    /// Takes a switch out of rc.conf.
    pub(super) fn drop_switch(&self, switch: &str) -> Result<(), ManagerError> {
        if self.value(switch)?.is_none() {
            return Ok(());
        }
        self.set(&["-x", switch])
    }

    /// Whether that process is the shell that stays of a script.
    pub(super) fn is_keeper(&self, pid: u32, script: &Path) -> bool {
        let command = self.shown(pid, "command=").unwrap_or_default();
        command.ends_with(&format!("{} keep", script.display()))
    }

    /// Whether that process is the supervisor of a service.
    pub(super) fn is_supervisor(&self, pid: u32, name: &Name) -> bool {
        self.shown(pid, "command=")
            .is_some_and(|command| command.ends_with(&format!(" run --manager rc.d {name}")))
    }

    /// Sends SIGTERM.
    pub(super) fn terminate(&self, pid: u32) -> Result<(), ManagerError> {
        let (pid, tool) = (pid.to_string(), Path::new("/bin/kill"));
        let words = ["-TERM", pid.as_str()];
        let answer =
            call(tool, &words, SHORT).map_err(|trouble| failed("kill", &words, trouble.to_string()))?;
        if answer.succeeded() { Ok(()) } else { Err(failed("kill", &words, answer.why())) }
    }

    /// Whether a process is a child of another.
    pub(super) fn is_child(&self, pid: u32, parent: u32) -> bool {
        self.shown(pid, "ppid=").and_then(|text| text.parse().ok()) == Some(parent)
    }

    fn shown(&self, pid: u32, what: &str) -> Option<String> {
        let answer = call(&self.ps, &["-ww", "-o", what, "-p", &pid.to_string()], SHORT).ok()?;
        Some(answer.text.trim().to_owned()).filter(|text| answer.succeeded() && !text.is_empty())
    }

    /// Has the script of a service do something, and waits until it has.
    pub(super) fn service(
        &self,
        name: &Name,
        script: &Path,
        what: &'static str,
        wait: Duration,
    ) -> Result<(), ManagerError> {
        let answer = match &self.service {
            Some(service) => call(service, &[name.as_str(), what], wait),
            None => call(script, &[what], wait),
        };
        let verb = if what == "onestop" { "stop" } else { "start" };
        match answer {
            Ok(answer) if answer.succeeded() => Ok(()),
            Ok(answer) => Err(failed("service", &[name.as_str(), what], answer.why())),
            Err(Trouble::TimedOut) => {
                let state = format!("`service {name} {what}` went on");
                Err(ManagerError::TimedOut { name: name.clone(), verb, after: wait, state })
            }
            Err(trouble) => Err(failed("service", &[name.as_str(), what], trouble.to_string())),
        }
    }
}

fn failed(tool: &str, words: &[&str], why: String) -> ManagerError {
    ManagerError::Call { call: format!("{tool} {}", words.join(" ")), why }
}

/// What checkyesno of rc.subr(8) takes for yes.
fn is_yes(value: &str) -> bool {
    ["yes", "true", "on", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}
