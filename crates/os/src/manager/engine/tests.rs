//! The engine against a stand-in for a service manager: definitions in a folder, and a "supervisor" that writes its
//! status when it is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use abide_spec::{Name, Spec, StartMode};

use super::{Awaited, Engine, await_end, await_supervisor};
use crate::fs::Access;
use crate::manager::apply::StepError;
use crate::manager::native::{Native, Seen};
use crate::manager::{
    Artifact, Context, Desired, Enabled, ErrorKind, Finding, Kind, MARKER, ManagerError, ManagerState, Plan,
    Progress, ServiceManager as _, Target, Uninstall,
};
use crate::paths::{Layout, within};

const WAIT: Duration = Duration::from_secs(20);

/// What the stand-in does when it is asked to start a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The program gets ready.
    Ready,
    /// It fails for good.
    Fails,
    /// Nothing of it is ever heard.
    Silent,
}

#[derive(Debug)]
struct StandIn {
    root: PathBuf,
    layout: Layout,
    start: Mutex<Start>,
    /// Whether `register` fails.
    refuses: Mutex<bool>,
    known: Mutex<Vec<(Name, StartMode)>>,
    running: Mutex<Vec<Name>>,
    calls: Mutex<Vec<String>>,
}

impl StandIn {
    fn tell(&self, name: &Name, state: &str, ready: bool) {
        let folder = self.layout.state_of(name);
        fs::create_dir_all(&folder).unwrap();
        let pid = std::process::id();
        let text = serde_json::json!({
            "state": state, "ready": ready, "why": format!("it is {state}"), "text": null,
            "supervisor": { "pid": pid, "start-token": crate::process::start_token(pid) },
        });
        crate::fs::replace(&folder.join("status.json"), text.to_string().as_bytes(), Access::Private)
            .unwrap();
    }

    fn called(&self, what: impl Into<String>) {
        self.calls.lock().unwrap().push(what.into());
    }
}

impl Native for StandIn {
    fn kind(&self) -> Kind {
        // None that makes accounts: these tests change nothing of this machine.
        Kind::Systemd
    }

    fn render(&self, spec: &Spec, context: &Context) -> Vec<Artifact> {
        vec![Artifact {
            target: Target::File { path: self.definition(&spec.name), access: Access::Executable },
            content: format!("#!/bin/sh\n{MARKER}\nexec {} {}\n", context.supervisor.display(), spec.name),
        }]
    }

    fn findings(&self, _: &Spec, _: &Context) -> Vec<Finding> {
        Vec::new()
    }

    fn definition(&self, name: &Name) -> PathBuf {
        within(&self.root.join("defs"), name.as_str())
    }

    fn definitions(&self) -> Result<Vec<(Name, PathBuf)>, ManagerError> {
        let there = crate::manager::shared::list(&self.root.join("defs"))?;
        Ok(there
            .into_iter()
            .filter_map(|path| Some((Name::new(path.file_name()?.to_str()?).ok()?, path)))
            .collect())
    }

    fn belongings(&self, name: &Name) -> Vec<PathBuf> {
        vec![self.definition(name)]
    }

    fn elsewhere(&self, name: &Name) -> Option<String> {
        (name.as_str() == "theirs").then(|| "service theirs of somebody".to_owned())
    }

    fn look(&self, name: &Name) -> Result<Seen, ManagerError> {
        let known =
            self.known.lock().unwrap().iter().any(|(known, mode)| known == name && *mode == StartMode::Auto);
        let running = self.running.lock().unwrap().contains(name);
        Ok(Seen {
            at_boot: known,
            state: if running { ManagerState::Running } else { ManagerState::Stopped },
            pid: running.then(std::process::id),
            ..Seen::NOTHING
        })
    }

    fn register(&self, name: &Name, mode: StartMode) -> Result<(), StepError> {
        self.called(format!("register {name} {mode:?}"));
        if *self.refuses.lock().unwrap() {
            return Err(StepError::new("it does not want to"));
        }
        let mut known = self.known.lock().unwrap();
        known.retain(|(known, _)| known != name);
        known.push((name.clone(), mode));
        Ok(())
    }

    fn forget(&self, name: &Name) -> Result<(), StepError> {
        self.called(format!("forget {name}"));
        self.known.lock().unwrap().retain(|(known, _)| known != name);
        Ok(())
    }

    fn start(&self, name: &Name, _: Duration) -> Result<(), ManagerError> {
        self.called(format!("start {name}"));
        let start = *self.start.lock().unwrap();
        match start {
            Start::Ready => {
                self.running.lock().unwrap().push(name.clone());
                self.tell(name, "running", true);
            }
            Start::Fails => self.tell(name, "failed", false),
            Start::Silent => {}
        }
        Ok(())
    }

    fn stop(&self, name: &Name, _: Duration) -> Result<(), ManagerError> {
        self.called(format!("stop {name}"));
        self.running.lock().unwrap().retain(|running| running != name);
        self.tell(name, "stopped", false);
        Ok(())
    }
}

struct Machine {
    root: tempfile::TempDir,
    engine: Engine<StandIn>,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::below(root.path());
        fs::write(root.path().join("abide-supervisor"), "supervisor").unwrap();
        let native = StandIn {
            root: root.path().to_path_buf(),
            layout: layout.clone(),
            start: Mutex::new(Start::Ready),
            refuses: Mutex::new(false),
            known: Mutex::default(),
            running: Mutex::default(),
            calls: Mutex::default(),
        };
        Self { engine: Engine { native, layout, ask_rights: false }, root }
    }

    fn desired(&self, more: &str) -> Desired {
        let program = std::env::current_exe().unwrap();
        let text = format!(
            "name = \"web\"\n{more}\n[account]\nrun-as = \"system\"\n[program]\ncommand = [{:?}]\n",
            program.display().to_string()
        );
        Desired::new(Spec::parse(&text).unwrap(), Some(&text), self.root.path().join("abide-supervisor"))
    }

    fn plan(&self, more: &str) -> Plan {
        self.engine.plan(&self.desired(more)).unwrap()
    }

    fn apply(&self, more: &str) -> crate::manager::Applied {
        self.engine.apply(&self.plan(more), &mut |_| {}).unwrap()
    }

    fn start(&self) -> Result<(), ManagerError> {
        self.engine.start(&web(), WAIT, &mut |_| {})
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.engine.native.calls.lock().unwrap())
    }

    /// Every file below the root, with its content.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root.path(), &mut found);
        found.sort();
        found
    }
}

fn web() -> Name {
    "web".parse().unwrap()
}

const ALL: Uninstall = Uninstall { keep_logs: false, wait: WAIT };

#[test]
fn an_apply_makes_what_the_plan_shows_and_the_next_one_nothing() {
    let machine = Machine::new();
    let plan = machine.plan("");
    assert!(!plan.blocked(), "{:?}", plan.findings);
    let targets: Vec<&str> = plan.changes.iter().map(|change| change.target.as_str()).collect();
    assert_eq!(targets.iter().filter(|target| target.contains("abide-supervisor-")).count(), 1);
    assert!(targets.iter().any(|target| target.ends_with("web.toml")));
    assert!(targets.iter().any(|target| target.ends_with("defs/web") || target.ends_with(r"defs\web")));
    assert_eq!(targets.last(), Some(&"start at boot"));
    assert!(machine.apply("").changed);
    assert_eq!(machine.calls(), ["register web Auto"]);
    assert!(machine.plan("").is_empty());
    assert!(!machine.apply("").changed);
    assert_eq!(machine.engine.installed().unwrap(), [web()]);
    let status = machine.engine.status(&web()).unwrap();
    assert!(status.installed && status.managed_by_abide && status.halves.is_empty());
    assert_eq!((status.enabled, status.state), (Enabled::Auto, ManagerState::Stopped));
}

#[test]
fn a_step_that_fails_leaves_everything_as_it_was() {
    let machine = Machine::new();
    let before = machine.files();
    *machine.engine.native.refuses.lock().unwrap() = true;
    let error = machine.engine.apply(&machine.plan(""), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("it does not want to"), "{error}");
    assert_eq!(machine.files(), before);
    assert_eq!(machine.calls(), ["register web Auto", "forget web"]);

    *machine.engine.native.refuses.lock().unwrap() = false;
    machine.apply("");
    let installed = machine.files();
    machine.calls();
    *machine.engine.native.refuses.lock().unwrap() = true;
    let plan = machine.plan("start.mode = \"manual\"");
    assert!(machine.engine.apply(&plan, &mut |_| {}).is_err());
    assert_eq!(machine.files(), installed);
    // Told again how it was.
    assert_eq!(machine.calls(), ["register web Manual", "register web Auto"]);
}

#[test]
fn a_running_service_is_restarted_once_when_what_it_runs_by_changes() {
    let machine = Machine::new();
    machine.apply("");
    machine.start().unwrap();
    machine.calls();
    // Nothing that a running program would notice.
    assert!(!machine.apply("description = \"x\"").restarted);
    assert_eq!(machine.calls(), Vec::<String>::new());
    assert!(machine.apply("restart.when = \"always\"").restarted);
    assert_eq!(machine.calls(), ["stop web", "start web"]);
}

#[test]
fn starts_and_stops_are_told_by_the_supervisor() {
    let machine = Machine::new();
    machine.apply("");
    machine.start().unwrap();
    assert_eq!(machine.engine.status(&web()).unwrap().state, ManagerState::Running);
    machine.calls();
    // Running already.
    machine.start().unwrap();
    assert_eq!(machine.calls(), Vec::<String>::new());
    machine.engine.stop(&web(), WAIT, &mut |_| {}).unwrap();
    assert_eq!(machine.engine.status(&web()).unwrap().state, ManagerState::Stopped);
    machine.engine.stop(&web(), WAIT, &mut |_| {}).unwrap();
    assert_eq!(machine.calls(), ["stop web"]);

    *machine.engine.native.start.lock().unwrap() = Start::Fails;
    let error = machine.start().unwrap_err();
    assert!(error.to_string().contains("it is failed"), "{error}");
    *machine.engine.native.start.lock().unwrap() = Start::Silent;
    let error = machine.start().unwrap_err();
    assert!(error.to_string().contains("web did not start"), "{error}");
}

#[test]
fn a_disabled_service_is_known_and_not_started() {
    let machine = Machine::new();
    machine.apply("start.mode = \"disabled\"");
    assert!(matches!(machine.start(), Err(ManagerError::Disabled { .. })));
    assert_eq!(machine.engine.status(&web()).unwrap().enabled, Enabled::Disabled);
    machine.apply("start.mode = \"manual\"");
    assert_eq!(machine.engine.status(&web()).unwrap().enabled, Enabled::Manual);
    machine.start().unwrap();
}

#[test]
fn what_is_someone_elses_is_left_alone() {
    let machine = Machine::new();
    fs::create_dir(machine.root.path().join("defs")).unwrap();
    fs::write(machine.root.path().join("defs/web"), "#!/bin/sh\nsomething\n").unwrap();
    let before = machine.files();
    for error in [
        machine.engine.plan(&machine.desired("")).unwrap_err(),
        machine.start().unwrap_err(),
        machine.engine.uninstall(&web(), ALL, &mut |_| {}).unwrap_err(),
    ] {
        assert!(matches!(error, ManagerError::Foreign { .. }), "{error}");
    }
    assert_eq!(machine.files(), before);
    assert!(machine.engine.installed().unwrap().is_empty());
    let theirs = "theirs".parse().unwrap();
    assert!(matches!(machine.engine.start(&theirs, WAIT, &mut |_| {}), Err(ManagerError::Foreign { .. })));
}

#[test]
fn an_uninstall_leaves_nothing_and_finishes_what_was_cut_short() {
    let machine = Machine::new();
    let before = machine.files();
    machine.apply("");
    machine.start().unwrap();
    let mut steps = 0;
    let removed = machine
        .engine
        .uninstall(&web(), ALL, &mut |progress| {
            steps += usize::from(matches!(progress, Progress::Step { .. }))
        })
        .unwrap();
    assert_eq!(steps, super::remove::STEPS);
    assert!(removed.removed.iter().any(|what| what.ends_with("web.toml")), "{removed:?}");
    assert_eq!(machine.files(), before);
    let again = machine.engine.uninstall(&web(), ALL, &mut |_| {}).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotInstalled);

    // The definition is gone, the spec and the state are not.
    machine.apply("");
    machine.start().unwrap();
    machine.engine.stop(&web(), WAIT, &mut |_| {}).unwrap();
    fs::remove_file(machine.engine.native.definition(&web())).unwrap();
    let halves = machine.engine.status(&web()).unwrap().halves;
    assert!(halves[0].contains("its definition"), "{halves:?}");
    machine.engine.uninstall(&web(), ALL, &mut |_| {}).unwrap();
    assert_eq!(machine.files(), before);
}

#[test]
fn a_program_without_supervisor_needs_none() {
    let machine = Machine::new();
    let mut desired = machine.desired("");
    desired.supervisor = None;
    let plan = machine.engine.plan(&desired).unwrap();
    assert!(plan.blocked());
    desired.spec.program.supervised = false;
    desired.text = desired.spec.to_toml();
    let plan = machine.engine.plan(&desired).unwrap();
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(plan.changes.iter().all(|change| !change.target.contains("abide-supervisor-")));
    machine.engine.apply(&plan, &mut |_| {}).unwrap();
    machine.start().unwrap();
}

#[test]
fn scripts_can_wait_for_a_supervisor() {
    let machine = Machine::new();
    let native = &machine.engine.native;
    let folder = machine.engine.layout.state_of(&web());
    fs::create_dir_all(&folder).unwrap();
    let soon = || Instant::now() + Duration::from_millis(20);
    assert_eq!(await_supervisor(&folder, soon()).unwrap(), Awaited::TimedOut);
    native.tell(&web(), "starting", false);
    assert_eq!(await_supervisor(&folder, soon()).unwrap(), Awaited::TimedOut);
    assert!(!await_end(&folder, soon()).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| native.tell(&web(), "running", true));
        assert_eq!(await_supervisor(&folder, Instant::now() + WAIT).unwrap(), Awaited::Ready);
    });
    native.tell(&web(), "failed", false);
    assert_eq!(
        await_supervisor(&folder, Instant::now() + WAIT).unwrap(),
        Awaited::Failed("it is failed".into())
    );
    // Written by a process that is gone.
    fs::write(
        folder.join("status.json"),
        r#"{"state":"stopped","ready":false,"why":"done","text":null,"supervisor":{"pid":1,"start-token":null}}"#,
    )
    .unwrap();
    assert_eq!(await_supervisor(&folder, Instant::now() + WAIT).unwrap(), Awaited::Ended("done".into()));
    assert!(await_end(&folder, Instant::now() + WAIT).unwrap());
}
