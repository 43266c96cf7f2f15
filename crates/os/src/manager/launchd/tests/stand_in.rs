//! Starting, stopping and the boot, with a `launchctl` that plays launchd with files: what is loaded, what is disabled,
//! and a log of what it was asked.

use std::path::PathBuf;

use super::*;
use crate::fs::private_dir;

/// Loaded jobs are files in `jobs`, disabled labels files in `disabled`; a job that is loaded with RunAtLoad runs.
const LAUNCHCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
printf '%s\n' "$*" >>asked
label=${2##*/} tab=$(printf '\t')
job=jobs/$label
case $1 in
print)
  [ -f "$job" ] || { echo "Could not find service \"$label\" in domain for system" >&2; exit 113; }
  # What was told to end is gone when it is looked at for the third time.
  case $(sed -n "s/^${tab}state = //p" "$job") in
  SIGTERMed)
    echo >>"$job.looks"
    if [ "$(wc -l <"$job.looks")" -ge 3 ] && [ ! -e deaf ]; then rm -f "$job" "$job.looks"; exit 113; fi ;;
  esac
  cat "$job" ;;
print-disabled)
  echo 'disabled services = {'
  for file in disabled/*; do [ -e "$file" ] && printf '\t"%s" => disabled\n' "${file##*/}"; done
  echo '}' ;;
enable) rm -f "disabled/$label" ;;
disable) : >"disabled/$label" ;;
bootstrap)
  if [ -e busy ]; then rm busy; echo 'Bootstrap failed: 37: Operation already in progress' >&2; exit 37; fi
  label=$(basename "$3" .plist) job=jobs/$(basename "$3" .plist)
  [ ! -e "disabled/$label" ] || { echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }
  [ ! -e "$job" ] || { echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; }
  if grep -A 1 '<key>RunAtLoad' "$3" | grep -q true; then state='running
	pid = 4242'; else state='not running'; fi
  printf 'system/%s = {\n\tpath = %s\n\tstate = %s\n\tlast exit code = (never exited)\n}\n' "$label" "$3" "$state" >"$job" ;;
bootout)
  [ -f "$job" ] || { echo 'Boot-out failed: 3: No such process' >&2; exit 3; }
  if grep -q running "$job"; then
    printf 'system/%s = {\n\tstate = SIGTERMed\n\tpid = 4242\n}\n' "$label" >"$job"
    echo 'Boot-out failed: 36: Operation now in progress' >&2; exit 36
  fi
  rm "$job" ;;
kickstart)
  [ -f "$job" ] || exit 113
  grep -q running "$job" && ! grep -q 'not running' "$job" && { echo 'Operation already in progress' >&2; exit 37; }
  path=$(sed -n "s/^${tab}path = //p" "$job")
  printf 'system/%s = {\n\tpath = %s\n\tstate = running\n\tpid = 4243\n}\n' "$label" "$path" >"$job" ;;
esac
"#;

struct Machine {
    folder: tempfile::TempDir,
    launchd: Launchd,
    name: Name,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("launchctl");
        crate::manager::executable::put(&tool, LAUNCHCTL);
        for made in ["jobs", "disabled"] {
            private_dir(&folder.path().join(made)).unwrap();
        }
        let mut layout = Layout::macos();
        layout.units = folder.path().join("Launch Daemons");
        private_dir(&layout.units).unwrap();
        let launchctl = Launchctl::new(tool, "system".into());
        Self { folder, launchd: Launchd { layout, launchctl }, name: "orders".parse().unwrap() }
    }

    /// Writes the property list as an apply does.
    fn install(&self, mode: StartMode) {
        let mut spec = spec("");
        spec.start.mode = mode;
        let text = plist_of(&spec, &context(&spec));
        std::fs::write(self.launchd.definition(&self.name), text).unwrap();
        self.launchd.register(&self.name, mode).unwrap();
    }

    fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn look(&self) -> Seen {
        self.launchd.look(&self.name).unwrap()
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.file("asked")).unwrap_or_default()
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_property_list_that_is_not_loaded_is_a_stopped_service() {
    let machine = Machine::new();
    assert_eq!(machine.look(), Seen::NOTHING);
    machine.install(StartMode::Auto);
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
    assert_eq!(
        machine.launchd.definitions().unwrap(),
        [(machine.name.clone(), machine.launchd.definition(&machine.name))]
    );
    assert_eq!(machine.launchd.elsewhere(&machine.name), None);
}

#[test]
fn it_is_started_by_loading_and_stopped_by_unloading() {
    let machine = Machine::new();
    machine.install(StartMode::Auto);
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    let seen = machine.look();
    assert_eq!((seen.state, seen.pid.is_some()), (ManagerState::Running, true));
    // Twice is once.
    let before = machine.asked();
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    assert_eq!(machine.asked(), format!("{before}print system/abide.orders\n"));
    // bootout returns before the job is gone, so that is waited for.
    machine.launchd.stop(&machine.name, PATIENCE).unwrap();
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
    machine.launchd.stop(&machine.name, PATIENCE).unwrap();
}

#[test]
fn what_is_still_being_unloaded_is_waited_for() {
    let machine = Machine::new();
    machine.install(StartMode::Auto);
    std::fs::write(machine.file("busy"), "").unwrap();
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    assert_eq!(machine.look().state, ManagerState::Running);
}

#[test]
fn one_started_on_demand_is_started_though_loading_does_not() {
    let machine = Machine::new();
    machine.install(StartMode::Manual);
    assert!(!machine.look().at_boot);
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    assert_eq!(machine.look().state, ManagerState::Running);
    assert!(machine.asked().ends_with("kickstart system/abide.orders\nprint system/abide.orders\n"));
}

#[test]
fn a_job_that_ended_is_loaded_anew_with_the_settings_of_now() {
    let machine = Machine::new();
    machine.install(StartMode::Auto);
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    let ended = "system/abide.orders = {\n\tstate = not running\n\tlast exit code = 1\n}\n";
    std::fs::write(machine.file("jobs/abide.orders"), ended).unwrap();
    assert_eq!(machine.look().state, ManagerState::Failed);
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    assert_eq!(machine.look().state, ManagerState::Running);
    // An apply does the same, without starting it.
    std::fs::write(machine.file("jobs/abide.orders"), ended).unwrap();
    machine.install(StartMode::Auto);
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
}

#[test]
fn disabling_is_kept_by_launchd_and_forgotten_with_the_service() {
    let machine = Machine::new();
    machine.install(StartMode::Disabled);
    assert!(!machine.look().at_boot);
    assert!(machine.file("disabled/abide.orders").exists());
    assert!(machine.launchd.start(&machine.name, PATIENCE).is_err());
    machine.install(StartMode::Auto);
    assert!(machine.look().at_boot);
    machine.install(StartMode::Disabled);
    machine.launchd.forget(&machine.name).unwrap();
    assert!(!machine.file("disabled/abide.orders").exists());
    machine.launchd.forget(&machine.name).unwrap();
}

#[test]
fn one_that_does_not_end_in_time_is_said_to_be_still_there() {
    let machine = Machine::new();
    machine.install(StartMode::Auto);
    machine.launchd.start(&machine.name, PATIENCE).unwrap();
    std::fs::write(machine.file("deaf"), "").unwrap();
    let error = machine.launchd.stop(&machine.name, Duration::ZERO).unwrap_err();
    assert!(matches!(error, ManagerError::TimedOut { verb: "stop", .. }), "{error}");
    assert_eq!(machine.look().state, ManagerState::Stopping);
}

#[test]
fn a_job_from_another_file_is_somebody_elses() {
    let machine = Machine::new();
    let job = "system/abide.orders = {\n\tpath = /opt/other.plist\n\tstate = running\n\tpid = 7\n}\n";
    std::fs::write(machine.file("jobs/abide.orders"), job).unwrap();
    let found = machine.launchd.elsewhere(&machine.name).unwrap();
    assert!(found.contains("system/abide.orders") && found.contains("/opt/other.plist"), "{found}");
}

#[test]
fn a_user_who_is_not_logged_in_has_stopped_services() {
    let mut machine = Machine::new();
    machine.install(StartMode::Auto);
    std::fs::write(
        machine.file("launchctl"),
        "#!/bin/sh\necho 'Domain does not support specified action' >&2\nexit 125\n",
    )
    .unwrap();
    machine.launchd.launchctl = Launchctl::new(machine.file("launchctl"), "gui/501".into());
    machine.launchd.layout.scope = Scope::User;
    assert_eq!(machine.look(), Seen { at_boot: true, ..Seen::NOTHING });
    machine.launchd.stop(&machine.name, PATIENCE).unwrap();
    let error = machine.launchd.start(&machine.name, PATIENCE).unwrap_err().to_string();
    assert!(error.contains("gui/501 is there while its user is logged in"), "{error}");
}

#[test]
fn what_launchctl_says_is_told() {
    let machine = Machine::new();
    std::fs::write(
        machine.file("launchctl"),
        "#!/bin/sh\necho 'Domain does not support specified action' >&2\nexit 125\n",
    )
    .unwrap();
    let error = machine.launchd.look(&machine.name).unwrap_err().to_string();
    assert!(
        error.contains("launchctl print system/abide.orders") && error.contains("does not support"),
        "{error}"
    );
}

/// Through the engine: an agent of a user's own, which takes no rights.
#[test]
fn an_agent_is_installed_changed_run_and_removed() {
    use crate::manager::{Desired, ServiceManager as _, Uninstall};

    let machine = Machine::new();
    let home = machine.file("home");
    private_dir(&home).unwrap();
    let layout = Layout::user_of_macos(&home);
    let launchd = Launchd { layout: layout.clone(), launchctl: machine.launchd.launchctl.clone() };
    let engine = crate::manager::engine::Engine::new(launchd, layout.clone());
    let desired = |more: &str| {
        let text = format!(
            "name = \"orders\"\n{more}\n[program]\ncommand = [\"/bin/sleep\", \"60\"]\nsupervised = false\n"
        );
        Desired::new(Spec::parse(&text).unwrap(), Some(&text), None)
    };
    let apply = |more: &str| {
        let plan = engine.plan(&desired(more)).unwrap();
        assert!(!plan.blocked(), "{:?}", plan.findings);
        engine.apply(&plan, &mut |_| {}).unwrap()
    };
    let quiet = &mut |_: crate::manager::Progress<'_>| {};
    assert!(apply("").changed && !apply("").changed);
    assert_eq!(engine.installed().unwrap(), std::slice::from_ref(&machine.name));
    let status = engine.status(&machine.name).unwrap();
    assert_eq!((status.enabled, status.state), (crate::manager::Enabled::Auto, ManagerState::Stopped));
    engine.start(&machine.name, PATIENCE, quiet).unwrap();
    assert_eq!(engine.status(&machine.name).unwrap().state, ManagerState::Running);
    // A change that matters to what runs is taken over at once, by loading the job anew.
    assert!(apply("limits.open-files = 100").restarted);
    assert_eq!(engine.status(&machine.name).unwrap().state, ManagerState::Running);
    assert!(
        machine.asked().matches("bootstrap gui/").count() == 0
            && machine.asked().matches("bootstrap").count() == 2
    );
    engine.stop(&machine.name, PATIENCE, quiet).unwrap();
    assert!(apply("start.mode = \"disabled\"").changed);
    assert_eq!(engine.status(&machine.name).unwrap().enabled, crate::manager::Enabled::Disabled);
    assert!(matches!(engine.start(&machine.name, PATIENCE, quiet), Err(ManagerError::Disabled { .. })));
    engine.uninstall(&machine.name, Uninstall { keep_logs: false, wait: PATIENCE }, quiet).unwrap();
    assert!(!engine.status(&machine.name).unwrap().installed);
    assert!(
        !layout.units.join("abide.orders.plist").exists() && !machine.file("disabled/abide.orders").exists()
    );
}
