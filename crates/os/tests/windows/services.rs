//! Services of the SCM: installed, started, controlled, changed, removed. This executable is their supervisor.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use abide_os::link::{ManagerKind, Order, host, try_host};
use abide_os::manager::scm::Scm;
use abide_os::manager::{
    ChangeKind, Desired, Enabled, ManagerError, ManagerExit, ManagerState, Plan, ServiceManager, Uninstall,
};
use abide_os::paths::Layout;
use abide_spec::{Exit, Name, Spec};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, CreateServiceW, DeleteService, OpenSCManagerW, OpenServiceW,
    SC_MANAGER_ALL_ACCESS, SERVICE_ALL_ACCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, SERVICE_STATUS,
    SERVICE_WIN32_OWN_PROCESS,
};

pub const TESTS: &[(&str, fn())] = &[
    ("a service is installed, runs, and goes without a trace", whole_life),
    ("a failed start tells the program's code", failed_start),
    ("a change is made with one restart", changes),
    ("a failed apply leaves nothing", rollback),
    ("a service of somebody else is left alone", foreign),
    ("a half-removed service is finished off", halves),
    ("a program that is a service itself is started directly", direct_life),
    ("a program gets a supervisor, and loses it again", direct_and_back),
];

const PATIENCE: Duration = Duration::from_secs(30);

/// Becomes the supervisor of a service when the SCM starts this executable as one.
pub fn serve() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|first| first == "direct") {
        std::process::exit(be_direct(&args));
    }
    let [_, run, manager, kind, name] = args.as_slice() else { return };
    if (run.as_str(), manager.as_str(), kind.as_str()) != ("run", "--manager", "scm") {
        return;
    }
    let told = name.clone();
    let code = host(ManagerKind::Scm, name, move |link| {
        let (orders, taken) = mpsc::channel();
        link.orders_to(Box::new(move |order| {
            let _ = orders.send(order);
        }));
        link.starting(Duration::from_secs(5));
        if told.contains("failing") {
            link.stopped(Exit::Code(7));
            return 7;
        }
        link.ready();
        let notes = std::env::temp_dir().join(format!("{told}.notes"));
        let mut seen = String::new();
        for order in taken {
            seen.push_str(&format!("{order:?}\n"));
            std::fs::write(&notes, &seen).unwrap();
            match order {
                Order::Pause => link.paused(),
                Order::Continue => link.continued(),
                Order::Stop | Order::Shutdown => {
                    link.stopping(Duration::from_secs(5));
                    break;
                }
                _ => {}
            }
        }
        link.stopped(Exit::Code(0));
        0
    });
    std::process::exit(code);
}

/// Is a service without a supervisor, which writes down what it was given.
fn be_direct(args: &[String]) -> i32 {
    let args = args.to_vec();
    try_host(ManagerKind::Scm, "any name", move |link| {
        let mut told = format!("{args:?}\n{:?}\n", std::env::current_dir());
        for variable in ["ABIDE_SERVICE", "ABIDE_WORKING_DIR", "STATE_DIRECTORY", "AWKWARD"] {
            told.push_str(&format!("{variable}={:?}\n", std::env::var(variable)));
        }
        std::fs::write(&args[2], told).unwrap();
        let (orders, taken) = mpsc::channel();
        link.orders_to(Box::new(move |order| {
            let _ = orders.send(order);
        }));
        link.accepts(false, false);
        link.ready();
        while !matches!(taken.recv(), Ok(Order::Stop | Order::Shutdown) | Err(_)) {}
        link.stopped(Exit::Code(0));
        0
    })
    .unwrap_or(1)
}

/// A place for one test, taken away again whatever becomes of it.
struct Place {
    folder: tempfile::TempDir,
    name: Name,
}

impl Place {
    fn new(name: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), name: Name::new(name).unwrap() }
    }

    fn layout(&self) -> Layout {
        Layout::below(&self.folder.path().join("root"))
    }

    fn scm(&self) -> Scm {
        Scm::new(self.layout())
    }

    fn desired(&self, more: &str) -> Desired {
        let own = std::env::current_exe().unwrap();
        let text = format!("name = \"{}\"\n{more}\n[program]\ncommand = ['{}']\n", self.name, own.display());
        Desired::new(Spec::parse(&text).unwrap(), Some(&text), own)
    }

    fn plan(&self, more: &str) -> Plan {
        self.scm().plan(&self.desired(more)).unwrap()
    }

    fn apply(&self, more: &str) -> abide_os::manager::Applied {
        let plan = self.plan(more);
        assert!(!plan.blocked(), "{:?}", plan.findings);
        self.scm().apply(&plan, &mut |_| {}).unwrap()
    }

    fn start(&self) -> Result<(), ManagerError> {
        self.scm().start(&self.name, PATIENCE, &mut |_| {})
    }

    fn stop(&self) {
        self.scm().stop(&self.name, PATIENCE, &mut |_| {}).unwrap();
    }

    fn uninstall(&self) -> Result<abide_os::manager::Removed, ManagerError> {
        self.scm().uninstall(&self.name, Uninstall { keep_logs: false, wait: PATIENCE }, &mut |_| {})
    }

    fn state(&self) -> ManagerState {
        self.scm().status(&self.name).unwrap().state
    }

    /// All files and folders that there are.
    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), found);
                }
                found.push(entry.path());
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.path().join("root"), &mut found);
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.uninstall();
        let _ = std::fs::remove_file(std::env::temp_dir().join(format!("{}.notes", self.name)));
    }
}

fn control(name: &Name, control: u32) {
    assert_eq!(try_control(name, control), Ok(()));
}

fn try_control(name: &Name, control: u32) -> Result<(), Option<i32>> {
    let name: Vec<u16> = name.as_str().encode_utf16().chain([0]).collect();
    // SAFETY: the name ends with a NUL, and both handles are closed once.
    unsafe {
        let manager = OpenSCManagerW(std::ptr::null(), std::ptr::null(), SC_MANAGER_ALL_ACCESS);
        let service = OpenServiceW(manager, name.as_ptr(), SERVICE_ALL_ACCESS);
        let mut status = SERVICE_STATUS::default();
        let answer = match ControlService(service, control, &raw mut status) {
            0 => Err(std::io::Error::last_os_error().raw_os_error()),
            _ => Ok(()),
        };
        CloseServiceHandle(service);
        CloseServiceHandle(manager);
        answer
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn whole_life() {
    let place = Place::new("abide-test-life");
    let scm = place.scm();
    assert!(matches!(place.start(), Err(ManagerError::NotInstalled { .. })));
    let plan = place.plan("description = \"Tests; 100% \\\"é\\\"\"");
    assert!(plan.changes.iter().all(|change| change.kind == ChangeKind::Create), "{:?}", plan.changes);
    assert!(place.files().is_empty());
    let applied = place.apply("description = \"Tests; 100% \\\"é\\\"\"");
    assert!(applied.changed && !applied.restarted);
    let again = place.plan("description = \"Tests; 100% \\\"é\\\"\"");
    assert!(again.is_empty(), "{:#?}", again.changes);

    let status = scm.status(&place.name).unwrap();
    assert!(status.installed && status.managed_by_abide && status.halves.is_empty(), "{status:?}");
    assert_eq!((status.state, status.enabled), (ManagerState::Stopped, Enabled::Auto));
    assert!(scm.installed().unwrap().contains(&place.name));

    place.start().unwrap();
    place.start().unwrap();
    let status = scm.status(&place.name).unwrap();
    assert_eq!(status.state, ManagerState::Running);
    assert!(status.main_pid.is_some() && status.since.is_some(), "{status:?}");
    let notes = std::env::temp_dir().join(format!("{}.notes", place.name));
    for (code, word) in [
        (2, "Pause"),
        (3, "Continue"),
        (128, "Debug(true)"),
        (129, "Debug(false)"),
        (130, "Rotate"),
        (6, "Reload"),
    ] {
        control(&place.name, code);
        until(word, || std::fs::read_to_string(&notes).is_ok_and(|seen| seen.trim_end().ends_with(word)));
        until("it runs on", || matches!(place.state(), ManagerState::Running | ManagerState::Paused));
    }
    scm.reload(&place.name, PATIENCE, &mut |_| {}).unwrap();
    until("it was told", || {
        std::fs::read_to_string(&notes).is_ok_and(|seen| seen.ends_with("Reload\nReload\n"))
    });
    scm.restart(&place.name, PATIENCE, &mut |_| {}).unwrap();
    assert_ne!(scm.status(&place.name).unwrap().main_pid, status.main_pid);
    place.stop();
    place.stop();
    let status = scm.status(&place.name).unwrap();
    assert_eq!((status.state, status.exit), (ManagerState::Stopped, Some(ManagerExit::Code(0))));

    place.start().unwrap();
    let removed = place.uninstall().unwrap();
    assert!(removed.removed.iter().any(|what| what == "service abide-test-life"), "{removed:?}");
    assert!(removed.removed.iter().any(|what| what.starts_with("event source")), "{removed:?}");
    let left: Vec<_> = place.files().into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    assert!(matches!(place.uninstall(), Err(ManagerError::NotInstalled { .. })));
    assert!(!scm.installed().unwrap().contains(&place.name));
}

fn failed_start() {
    let place = Place::new("abide-test-failing");
    place.apply("");
    let error = place.start().unwrap_err().to_string();
    assert!(error.contains("code 7"), "{error}");
    let status = place.scm().status(&place.name).unwrap();
    assert_eq!((status.state, status.exit), (ManagerState::Failed, Some(ManagerExit::Code(7))));
}

fn changes() {
    let place = Place::new("abide-test-changes");
    place.apply("start.mode = \"manual\"");
    place.start().unwrap();
    let before = place.scm().status(&place.name).unwrap();
    assert_eq!(before.enabled, Enabled::Manual);

    // What a running program does not notice needs no restart.
    let applied = place.apply("start.mode = \"auto\"\ndisplay-name = \"Changed\"\ndescription = \"new\"");
    assert!(applied.changed && !applied.restarted);
    assert_eq!(place.scm().status(&place.name).unwrap().main_pid, before.main_pid);
    assert_eq!(place.scm().status(&place.name).unwrap().enabled, Enabled::Auto);

    // Edited in place, as the file itself suggests.
    let edited = place.desired("limits.memory = \"64MiB\"");
    std::fs::write(place.layout().spec(&place.name), &edited.text).unwrap();
    let running = place.scm().status(&place.name).unwrap().main_pid;
    let plan = place.scm().plan(&edited).unwrap();
    assert!(plan.changes.iter().any(|change| change.kind == ChangeKind::Run), "{:?}", plan.changes);
    assert!(place.scm().apply(&plan, &mut |_| {}).unwrap().restarted);
    assert_ne!(place.scm().status(&place.name).unwrap().main_pid, running);
    assert!(place.scm().plan(&edited).unwrap().is_empty());

    let more = "account.run-as = \"system\"\nstop.steps = [{ event = \"ctrl-c\", wait = \"1s\" }]";
    let plan = place.plan(more);
    let entry =
        plan.changes.iter().find(|change| change.target == format!("service {}", place.name)).unwrap();
    assert!(entry.before.as_ref().unwrap().contains(r"account = NT SERVICE\abide-test-changes"), "{entry:?}");
    assert!(entry.after.as_ref().unwrap().contains("account = LocalSystem"), "{entry:?}");
    let applied = place.scm().apply(&plan, &mut |_| {}).unwrap();
    assert!(applied.changed && applied.restarted);
    assert_ne!(place.scm().status(&place.name).unwrap().main_pid, before.main_pid);
    assert_eq!(place.state(), ManagerState::Running);
    assert!(place.plan(more).is_empty());

    place.apply("start.mode = \"disabled\"");
    place.stop();
    assert!(matches!(place.start(), Err(ManagerError::Disabled { .. })));
}

fn rollback() {
    let place = Place::new("abide-test-rollback");
    // A file where a folder has to be.
    let logs = place.layout().logs;
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join(place.name.as_str()), "in the way").unwrap();
    let before = place.files();
    let plan = place.plan("");
    let error = place.scm().apply(&plan, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, ManagerError::RolledBack { left, .. } if left.is_empty()), "{error}");
    let mut after = place.files();
    after.retain(|path| !before.contains(path) && path.is_file());
    assert_eq!(after, Vec::<PathBuf>::new());
    assert!(!place.scm().status(&place.name).unwrap().installed);
}

fn foreign() {
    let place = Place::new("abide-test-foreign");
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let (name, path) = (wide(place.name.as_str()), wide(r"C:\windows\other.exe"));
    // SAFETY: the texts end with NULs, and the handles are closed once.
    let (manager, service) = unsafe {
        let manager = OpenSCManagerW(std::ptr::null(), std::ptr::null(), SC_MANAGER_ALL_ACCESS);
        let service = CreateServiceW(
            manager,
            name.as_ptr(),
            name.as_ptr(),
            SERVICE_ALL_ACCESS,
            SERVICE_WIN32_OWN_PROCESS,
            SERVICE_DEMAND_START,
            SERVICE_ERROR_NORMAL,
            path.as_ptr(),
            std::ptr::null(),
            std::ptr::null_mut(),
            std::ptr::null(),
            std::ptr::null(),
            std::ptr::null(),
        );
        (manager, service)
    };
    assert!(!service.is_null(), "{}", std::io::Error::last_os_error());
    let plan = place.scm().plan(&place.desired(""));
    let (start, uninstall) = (place.start(), place.uninstall());
    let status = place.scm().status(&place.name).unwrap();
    // SAFETY: as above.
    unsafe {
        DeleteService(service);
        CloseServiceHandle(service);
        CloseServiceHandle(manager);
    }
    for error in [plan.map(drop).unwrap_err(), start.unwrap_err(), uninstall.map(drop).unwrap_err()] {
        assert!(matches!(error, ManagerError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("other.exe"), "{error}");
    }
    assert!(status.installed && !status.managed_by_abide);
}

fn halves() {
    let place = Place::new("abide-test-halves");
    place.apply("");
    std::fs::remove_file(place.layout().spec(&place.name)).unwrap();
    let status = place.scm().status(&place.name).unwrap();
    assert_eq!(status.halves.len(), 1, "{status:?}");
    // Applying again mends it, removing it works as well.
    let plan = place.plan("");
    assert_eq!(plan.changes.len(), 1, "{:?}", plan.changes);
    place.apply("");
    assert!(place.scm().status(&place.name).unwrap().halves.is_empty());
    std::fs::remove_file(place.layout().spec(&place.name)).unwrap();
    place.uninstall().unwrap();
    assert!(!place.scm().status(&place.name).unwrap().installed);
}

/// A command of this executable that writes down its arguments, some of them awkward, and the folder of that.
fn direct(place: &Place, more: &str) -> (Desired, PathBuf, Vec<String>) {
    let own = std::env::current_exe().unwrap().display().to_string();
    let notes = place.folder.path().join("notes of it.txt");
    let arguments = ["", "a b\\", "%PATH%", "\"q\" %TEMP%", "$x", "é 日", "two\nlines"];
    let mut command = vec![own, "direct".into(), notes.display().to_string()];
    command.extend(arguments.map(str::to_owned));
    let mut spec: Spec =
        Spec::parse(&format!("name = \"{}\"\n{more}\n[program]\ncommand = [\"x\"]\n", place.name)).unwrap();
    spec.program.command = command.clone();
    spec.program.supervised = false;
    spec.program.env.insert("BASE".into(), "b $$ %PATH% é".into());
    spec.program.env.insert("AWKWARD".into(), "\"${BASE}\" = x".into());
    (Desired::new(spec, None, None), notes, command)
}

fn direct_life() {
    let place = Place::new("abide-test-direct");
    let scm = place.scm();
    let (desired, notes, command) = direct(&place, "restart.give-up = { after = 2, within = \"1m\" }");
    let plan = scm.plan(&desired).unwrap();
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(scm.apply(&plan, &mut |_| {}).unwrap().changed);
    let again = scm.plan(&desired).unwrap();
    assert!(again.is_empty(), "{:#?}", again.changes);
    assert!(scm.installed().unwrap().contains(&place.name));
    assert!(!place.layout().lib.exists(), "no supervisor is installed");

    place.start().unwrap();
    let status = scm.status(&place.name).unwrap();
    assert!(status.installed && status.managed_by_abide && status.halves.is_empty(), "{status:?}");
    assert_eq!(status.state, ManagerState::Running);
    assert!(status.main_pid.is_some_and(|pid| pid != std::process::id()), "{status:?}");
    let told = std::fs::read_to_string(&notes).unwrap();
    let data = place.layout().state_of(&place.name).join("data");
    assert!(told.starts_with(&format!("{command:?}\n{:?}\n", Ok::<_, ()>(&data))), "{told}");
    assert!(data.is_dir());
    for (variable, value) in [
        ("ABIDE_SERVICE", place.name.to_string()),
        ("ABIDE_WORKING_DIR", data.display().to_string()),
        ("STATE_DIRECTORY", data.display().to_string()),
        ("AWKWARD", "\"b $ %PATH% é\" = x".to_owned()),
    ] {
        let line = format!("{variable}={:?}\n", Ok::<_, ()>(value));
        assert!(told.contains(&line), "{line} in {told}");
    }
    // It can't be paused, nor read its settings again, and said so.
    assert_eq!(try_control(&place.name, 2), Err(Some(1052)));
    let error = scm.reload(&place.name, PATIENCE, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("does not take that order"), "{error}");
    let pid = status.main_pid;

    // What the program does not notice needs no restart; what it does needs one.
    let (mut other, ..) = direct(&place, "restart.give-up = false\ndescription = \"other\"");
    assert!(!scm.apply(&scm.plan(&other).unwrap(), &mut |_| {}).unwrap().restarted);
    assert_eq!(scm.status(&place.name).unwrap().main_pid, pid);
    other.spec.program.env.insert("MORE".into(), "1".into());
    let other = Desired::new(other.spec, None, None);
    assert!(scm.apply(&scm.plan(&other).unwrap(), &mut |_| {}).unwrap().restarted);
    assert_ne!(scm.status(&place.name).unwrap().main_pid, pid);

    place.stop();
    assert_eq!(place.state(), ManagerState::Stopped);
    place.uninstall().unwrap();
    let left: Vec<_> = place.files().into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    assert!(!scm.status(&place.name).unwrap().installed);
}

fn direct_and_back() {
    let place = Place::new("abide-test-both");
    let scm = place.scm();
    place.apply("");
    place.start().unwrap();
    let (desired, notes, _) = direct(&place, "");
    let applied = scm.apply(&scm.plan(&desired).unwrap(), &mut |_| {}).unwrap();
    assert!(applied.restarted && notes.exists());
    assert!(scm.plan(&desired).unwrap().is_empty());
    assert!(place.apply("").restarted);
    assert_eq!(place.state(), ManagerState::Running);
    assert!(place.plan("").is_empty());
    place.uninstall().unwrap();
}
