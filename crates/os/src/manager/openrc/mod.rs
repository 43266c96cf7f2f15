//! OpenRC, version 0.45 or later.
//!
//! A service is one script in `/etc/init.d`. `supervise-daemon` keeps its supervisor alive. It would also start again
//! what ended on purpose, so a supervisor that ends by itself has the script tell OpenRC, as its last act.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use abide_spec::{Name, Spec, StartMode};

mod render;
pub(in crate::manager) use self::render::wants_network;
pub(in crate::manager) mod script;
#[cfg(test)]
pub(in crate::manager) mod tests;

use self::script::{beside, env_file, exit_file};
use super::apply::StepError;
use super::native::{Native, Seen};
use super::tool::{Answer, SHORT, Trouble, call};
use super::{Artifact, Context, Finding, Kind, ManagerError, ManagerExit, ManagerState, shared};
use crate::fs::Access;
use crate::paths::{Layout, within};

/// The runlevel of what starts with the machine.
const RUNLEVEL: &str = "default";

/// Where scripts can be as well, none of them ours.
const OTHER_FOLDERS: [&str; 2] = ["/usr/local/etc/init.d", "/usr/etc/init.d"];

/// Where OpenRC keeps what it knows of services, by version.
const STATE_FOLDERS: [&str; 2] = ["/run/openrc", "/lib/rc/init.d"];

/// How often it is looked whether a start is over that is to be cut short.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The OpenRC of this machine.
#[derive(Clone, Debug)]
pub(crate) struct OpenRc {
    layout: Layout,
}

impl OpenRc {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout }
    }

    fn call(&self, tool: &str, arguments: &[&str], wait: Duration) -> Result<Answer, Trouble> {
        call(Path::new(tool), arguments, wait)
    }

    /// `rc-service NAME VERB`, which must succeed.
    fn service(&self, name: &Name, verb: &'static str, wait: Duration) -> Result<(), ManagerError> {
        match self.call("rc-service", &[name.as_str(), verb], wait) {
            Ok(answer) if answer.succeeded() => Ok(()),
            Ok(answer) => {
                Err(ManagerError::Failed { name: name.clone(), verb, why: answer.why(), said: Vec::new() })
            }
            Err(Trouble::TimedOut) => Err(ManagerError::TimedOut {
                name: name.clone(),
                verb,
                after: wait,
                state: format!("`rc-service {name} {verb}` goes on"),
            }),
            Err(Trouble::Call(why)) => {
                Err(ManagerError::Call { call: format!("rc-service {name} {verb}"), why })
            }
        }
    }

    /// Whether a supervisor stands between OpenRC and the program.
    fn is_supervised(&self, name: &Name) -> bool {
        fs::read_to_string(self.definition(name)).is_ok_and(|text| text.contains("\nabide_supervisor="))
    }

    fn runlevel_link(&self, name: &Name) -> PathBuf {
        self.layout.native(&format!("/etc/runlevels/{RUNLEVEL}/{name}"))
    }

    /// `rc-update VERB NAME default`, which must succeed.
    fn update(&self, verb: &str, name: &Name) -> Result<(), StepError> {
        let fail = |why: String| StepError::new(format!("`rc-update {verb} {name} {RUNLEVEL}`: {why}"));
        match self.call("rc-update", &[verb, name.as_str(), RUNLEVEL], SHORT) {
            Ok(answer) if answer.succeeded() => Ok(()),
            Ok(answer) => Err(fail(answer.why())),
            Err(trouble) => Err(fail(trouble.to_string())),
        }
    }
}

/// The script of a service, for SysV init as well.
pub(in crate::manager) fn script_path(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.native("/etc/init.d"), name.as_str())
}

/// The scripts that are there, ours and others', with the names that a service of ours can have.
pub(in crate::manager) fn scripts(layout: &Layout) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
    let there = shared::list(&layout.native("/etc/init.d"))?;
    let named = |path: PathBuf| Some((Name::new(path.file_name()?.to_str()?).ok()?, path));
    Ok(there.into_iter().filter_map(named).collect())
}

impl Native for OpenRc {
    fn kind(&self) -> Kind {
        Kind::OpenRc
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        render::render(spec, context)
    }

    fn findings(&self, spec: &Spec, _: &Context) -> Vec<Finding> {
        render::findings(spec)
    }

    fn definition(&self, name: &Name) -> PathBuf {
        script_path(&self.layout, name)
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        scripts(&self.layout)
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        let run = ["pid", "starting", "env"].map(|what| beside(&self.layout, name, what));
        let pipes = STATE_FOLDERS.map(|folder| self.layout.native(&format!("{folder}/supervise-{name}.ctl")));
        let mut all = run.to_vec();
        all.extend(pipes);
        all.extend([exit_file(&self.layout, name), env_file(&self.layout, name), self.definition(name)]);
        all
    }

    fn optional(&self, name: &Name) -> Vec<PathBuf> {
        vec![env_file(&self.layout, name)]
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        let there = |folder: &&&str| within(&self.layout.native(folder), name.as_str()).exists();
        OTHER_FOLDERS.iter().find(there).map(|folder| format!("script {folder}/{name}"))
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        if !self.definition(name).exists() {
            return Ok(Seen::NOTHING);
        }
        let fail = |why: String| ManagerError::Call { call: format!("rc-service {name} status"), why };
        let answer = self
            .call("rc-service", &[name.as_str(), "status"], SHORT)
            .map_err(|trouble| fail(trouble.to_string()))?;
        let state = state_of(&answer).ok_or_else(|| fail(answer.why()))?;
        let child = STATE_FOLDERS
            .iter()
            .map(|folder| self.layout.native(&format!("{folder}/options/{name}/child_pid")))
            .find(|path| path.exists());
        // Written anew with every start of the child.
        let pid = child.as_deref().and_then(|path| read_pid(path, name));
        let pid = pid.or_else(|| {
            // A program that nothing starts again has its process number in the file.
            let path = beside(&self.layout, name, "pid");
            (child.is_none() && state == ManagerState::Running).then(|| read_pid(&path, name)).flatten()
        });
        let end = End::read(&exit_file(&self.layout, name));
        let result = (state == ManagerState::Failed).then(|| match &end {
            Some(end) => format!("it ended with exit code {}", end.code),
            None => answer.why(),
        });
        Ok(Seen {
            at_boot: self.runlevel_link(name).symlink_metadata().is_ok(),
            state,
            pid,
            since: match (&child, &end) {
                (Some(path), _) if pid.is_some() => written(path),
                (_, Some(end)) => end.at,
                _ => None,
            },
            exit: end.map(|end| ManagerExit::Code(end.code)).filter(|_| pid.is_none()),
            result,
        })
    }

    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        let wanted = matches!(mode, StartMode::Auto | StartMode::Delayed);
        match (wanted, self.runlevel_link(name).symlink_metadata().is_ok()) {
            (true, false) => self.update("add", name),
            (false, true) => self.update("delete", name),
            _ => Ok(()),
        }
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        let link = self.runlevel_link(name);
        if link.symlink_metadata().is_ok() {
            match self.update("delete", name) {
                Ok(()) => {}
                // A link to a script that is gone.
                Err(_) => match fs::remove_file(&link) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StepError::io(&link, &error));
                    }
                    _ => {}
                },
            }
        }
        // The mark of a failure would be shown for a service of that name that comes later.
        if self.definition(name).exists() {
            let _ = self.call("rc-service", &[name.as_str(), "zap"], SHORT);
        }
        for folder in STATE_FOLDERS {
            let mark = self.layout.native(&format!("{folder}/failed/{name}"));
            let _ = fs::remove_file(mark);
        }
        Ok(())
    }

    fn start(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let begun = Instant::now();
        // OpenRC counts what has crashed as started, unless it gave up itself.
        if self.look(name)?.state == ManagerState::Failed {
            let _ = self.call("rc-service", &[name.as_str(), "stop"], wait);
        }
        self.service(name, "start", wait.saturating_sub(begun.elapsed()))
    }

    fn stop(&self, name: &Name, wait: Duration) -> Result<(), ManagerError> {
        let until = Instant::now() + wait;
        let mut told = None;
        loop {
            let seen = self.look(name)?;
            let left = until.saturating_duration_since(Instant::now());
            if seen.state != ManagerState::Starting || !self.is_supervised(name) {
                let done =
                    seen.pid.is_none() && matches!(seen.state, ManagerState::Stopped | ManagerState::Failed);
                return if done { Ok(()) } else { self.service(name, "stop", left) };
            }
            if left.is_zero() {
                return Err(ManagerError::TimedOut {
                    name: name.clone(),
                    verb: "stop",
                    after: wait,
                    state: "it is starting".into(),
                });
            }
            // OpenRC lets nobody stop a service that it is still starting, so its supervisor is asked itself, which ends
            // the start as well.
            if let Some(pid) = seen.pid.filter(|pid| told != Some(*pid)) {
                let _ = self.call("kill", &["-TERM", &pid.to_string()], SHORT);
                told = Some(pid);
            }
            // OpenRC tells nobody when a start is over.
            std::thread::sleep(LOOK_AGAIN.min(left));
        }
    }
}

/// What the exit code of `rc-service NAME status` says; `None` when it says nothing of the service.
fn state_of(answer: &Answer) -> Option<ManagerState> {
    Some(match answer.code? {
        0 => ManagerState::Running,
        3 => ManagerState::Stopped,
        4 => ManagerState::Stopping,
        8 | 16 => ManagerState::Starting,
        32 => ManagerState::Failed,
        // It runs, and nothing would start it again.
        64 => ManagerState::Running,
        _ => return None,
    })
}

/// How what ran last has ended, as it said itself or as the one who started it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manager) struct End {
    /// "ended", "failed" or "stopped".
    pub(in crate::manager) word: String,
    pub(in crate::manager) code: i32,
    pub(in crate::manager) at: Option<SystemTime>,
}

impl End {
    pub(in crate::manager) fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut words = text.split_whitespace();
        let (word, code) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some(Self { word, code, at: written(path) })
    }

    /// Writes down that a supervisor ended by itself, and which process would start it again.
    pub(in crate::manager) fn write(layout: &Layout, name: &Name, code: i32, keeper: Option<u32>) {
        let word = if code == 0 { "ended" } else { "failed" };
        let keeper = keeper.map_or(String::new(), |keeper| format!(" {keeper}"));
        // Status files and events say the same and more; a disk that is full keeps nobody from ending.
        let path = exit_file(layout, name);
        let _ = crate::fs::replace(&path, format!("{word} {code}{keeper}\n").as_bytes(), Access::Public);
    }
}

pub(in crate::manager) fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The number in a file, first in its first line.
pub(in crate::manager) fn read_number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// The process in `child_pid`, if it is one of this service's: OpenRC may have left the number of one that is gone.
fn read_pid(path: &Path, name: &Name) -> Option<u32> {
    let pid = read_number(path)?;
    let process = PathBuf::from(format!("/proc/{pid}"));
    match fs::read(process.join("environ")) {
        Ok(environment) if environment.is_empty() => None,
        Ok(environment) => {
            let wanted = format!("RC_SVCNAME={name}");
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()).then_some(pid)
        }
        // Only root may look; that it is there is all that can be said.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(pid),
        Err(_) => None,
    }
}

/// What is left to do when a supervisor has ended by itself, in a process of its own: its name, `supervise-daemon`'s number,
/// its pid file, the files of the end and of the start, "ended" or "failed", and the supervisor's number.
///
/// `supervise-daemon` starts its child again however it ended, so it is stopped: the one that is meant and no later one. It
/// must have noticed the end first, and is then in the second before it starts the next one; told to stop before that, it
/// waits for the dead as if they lived.
/// `openrc-run` marks a service as started when its start is over, whatever happened meanwhile, so that start is waited for
/// before the service is marked. The marks are made directly: `openrc-run` would first work out the dependencies of all
/// services, which can take longer than what is waited for here.
const LAST_ACT: &str = r#"
PATH=/lib/rc/sbin:/lib/rc/bin:/usr/libexec/rc/sbin:/usr/libexec/rc/bin:/usr/sbin:/usr/bin:/sbin:/bin
RC_SVCNAME=$1
export PATH RC_SVCNAME
gone() {
	tries=0
	while kill -0 "$1" 2>/dev/null && [ "$tries" -lt "$2" ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
}
gone "$7" 100
now=
{ read -r now <"$3"; } 2>/dev/null
[ "${now:-$2}" = "$2" ] || exit 0
kill -TERM "$2"
gone "$2" 1200
if { read -r starter <"$5"; } 2>/dev/null; then
	gone "$starter" 1200
fi
[ -e "$4" ] || exit 0
if service_started "$1"; then
	mark_service_stopped "$1"
fi
if [ "$6" = failed ]; then
	mark_service_failed "$1"
fi
"#;

/// What a supervisor does last: `supervise-daemon` would start it again, so that is stopped, and OpenRC told that the
/// service stopped or failed. Returns at once; another process does it.
pub(crate) fn last_act(layout: &Layout, name: &Name, code: i32) {
    let Some(daemon) = parent_called("supervise-daemon") else { return };
    // A stop waits for this process, and is over only then.
    let stopping = |folder: &str| layout.native(&format!("{folder}/stopping/{name}")).exists();
    if STATE_FOLDERS.into_iter().any(stopping) {
        return;
    }
    End::write(layout, name, code, Some(daemon));
    let mut command = Command::new("setsid");
    command.args(["/bin/sh", "-c", LAST_ACT, "abide-last-act", name.as_str()]).arg(daemon.to_string());
    command.args([beside(layout, name, "pid"), exit_file(layout, name), beside(layout, name, "starting")]);
    command
        .arg(if code == 0 { "ended" } else { "failed" })
        .arg(std::process::id().to_string())
        .current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without it, supervise-daemon starts the supervisor again after a second, and the service runs: nothing worse.
    let _ = command.spawn();
}

/// The process that started this one, if it has that name.
fn parent_called(name: &str) -> Option<u32> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let parent: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
    let comm = fs::read_to_string(format!("/proc/{parent}/comm")).ok()?;
    // The kernel keeps 15 bytes of a name.
    (comm.trim_end() == &name[..name.len().min(15)]).then_some(parent)
}
