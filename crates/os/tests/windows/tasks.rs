//! The user's own services: tasks of the Task Scheduler. This executable is their supervisor.

use std::sync::mpsc;
use std::time::Duration;

use abide_os::link::{ManagerKind, Order, host};
use abide_os::manager::{
    ChangeKind, Desired, Enabled, Kind, Level, ManagerState, Scope, ServiceManager, Uninstall, connect,
};
use abide_os::paths::Layout;
use abide_spec::{Exit, Name, Spec};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;

pub const TESTS: &[(&str, fn())] = &[("a service of the user is a hidden task", whole_life)];

const PATIENCE: Duration = Duration::from_secs(30);

/// Becomes the supervisor of a service when the Task Scheduler starts this executable as one.
pub fn serve() {
    let args: Vec<String> = std::env::args().collect();
    let [_, run, manager, kind, user, name] = args.as_slice() else { return };
    if [run, manager, kind, user] != ["run", "--manager", "task", "--user"] {
        return;
    }
    let told = Name::new(name).unwrap();
    let code = host(ManagerKind::Task, name, move |link| {
        let (orders, taken) = mpsc::channel();
        link.orders_to(Box::new(move |order| {
            let _ = orders.send(order);
        }));
        let state = Layout::user().unwrap().state_of(&told);
        let pid = std::process::id();
        let token = serde_json::to_value(abide_os::process::start_token(pid)).unwrap();
        let status = |state: &str| {
            serde_json::json!({
                "state": state, "ready": true, "why": null, "text": null,
                "supervisor": { "pid": pid, "start-token": token },
            })
        };
        std::fs::create_dir_all(&state).unwrap();
        let write = |word: &str| std::fs::write(state.join("status.json"), status(word).to_string()).unwrap();
        write("running");
        while !matches!(taken.recv(), Ok(Order::Stop) | Err(_)) {}
        write("stopped");
        link.stopped(Exit::Code(3));
        3
    });
    std::process::exit(code);
}

struct Installed {
    name: Name,
    manager: Box<dyn ServiceManager>,
}

impl Drop for Installed {
    fn drop(&mut self) {
        let how = Uninstall { keep_logs: false, wait: PATIENCE };
        let _ = self.manager.uninstall(&self.name, how, &mut |_| {});
    }
}

/// Whether somebody is logged on here, as a task of this kind needs.
fn has_session() -> bool {
    let mut session = 0;
    // SAFETY: the place for the answer is ours.
    unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) != 0 && session != 0 }
}

fn whole_life() {
    let name = Name::new(&format!("abide-test-task-{}", std::process::id())).unwrap();
    let manager = connect(None, Scope::User).unwrap();
    assert_eq!(manager.kind(), Kind::Task);
    let this = Installed { name: name.clone(), manager };
    let manager = &this.manager;
    let own = std::env::current_exe().unwrap();
    let desired = |more: &str| {
        let text = format!("name = \"{name}\"\n{more}\n[program]\ncommand = ['{}']\n", own.display());
        Desired::new(Spec::parse(&text).unwrap(), Some(&text), own.clone())
    };
    let plan = manager.plan(&desired("")).unwrap();
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(plan.findings(Level::Warning).next().is_none(), "{:?}", plan.findings);
    let task = plan.changes.iter().find(|change| change.target.ends_with(".xml")).unwrap();
    assert_eq!(task.kind, ChangeKind::Create);
    assert!(task.after.as_ref().is_some_and(|xml| xml.contains("<Hidden>true</Hidden>")), "{task:?}");
    assert!(manager.apply(&plan, &mut |_| {}).unwrap().changed);
    let again = manager.plan(&desired("")).unwrap();
    assert!(again.is_empty(), "{:#?}", again.changes);
    let status = manager.status(&name).unwrap();
    assert!(status.installed && status.managed_by_abide && status.halves.is_empty(), "{status:?}");
    assert_eq!((status.state, status.enabled), (ManagerState::Stopped, Enabled::Auto));
    assert!(manager.installed().unwrap().contains(&name));

    if has_session() {
        manager.start(&name, PATIENCE, &mut |_| {}).unwrap();
        manager.start(&name, PATIENCE, &mut |_| {}).unwrap();
        let status = manager.status(&name).unwrap();
        assert_eq!(status.state, ManagerState::Running);
        assert!(status.main_pid.is_some_and(|pid| pid != std::process::id()), "{status:?}");
        manager.restart(&name, PATIENCE, &mut |_| {}).unwrap();
        assert_ne!(manager.status(&name).unwrap().main_pid, status.main_pid);
        // What a supervisor reads anew needs a restart, one.
        let other = desired("stop.steps = [{ event = \"ctrl-break\", wait = \"2s\" }]");
        assert!(manager.apply(&manager.plan(&other).unwrap(), &mut |_| {}).unwrap().restarted);
        manager.stop(&name, PATIENCE, &mut |_| {}).unwrap();
        manager.stop(&name, PATIENCE, &mut |_| {}).unwrap();
        assert_eq!(manager.status(&name).unwrap().state, ManagerState::Stopped);
        manager.start(&name, PATIENCE, &mut |_| {}).unwrap();
    } else {
        print!("(nobody is logged on here, so no task was started) ");
    }
    manager.apply(&manager.plan(&desired("start.mode = \"manual\"")).unwrap(), &mut |_| {}).unwrap();
    assert_eq!(manager.status(&name).unwrap().enabled, Enabled::Manual);
    let how = Uninstall { keep_logs: false, wait: PATIENCE };
    let removed = manager.uninstall(&name, how, &mut |_| {}).unwrap();
    assert!(removed.removed.iter().any(|what| what.ends_with(".xml")), "{removed:?}");
    assert!(!manager.status(&name).unwrap().installed);
    assert!(!manager.installed().unwrap().contains(&name));
    let layout = Layout::user().unwrap();
    assert!(!layout.state_of(&name).exists() && !layout.spec(&name).exists());
}
