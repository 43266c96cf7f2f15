//! What `launchctl` says, as it says it.

use crate::manager::launchd::launchctl::{disabled_in, parse_job};
use crate::manager::{ManagerExit, ManagerState};

/// A job that runs, as macOS 14 shows it.
const RUNNING: &str = "system/abide.orders = {
\tactive count = 1
\tpath = /Library/LaunchDaemons/abide.orders.plist
\ttype = LaunchDaemon
\tstate = running

\tprogram = /usr/local/lib/abide/abide-supervisor-0123456789ab
\targuments = {
\t\t/usr/local/lib/abide/abide-supervisor-0123456789ab
\t\trun
\t\t--manager
\t\tlaunchd
\t\torders
\t}

\tstderr path = /Library/Logs/Abide/orders/supervisor.log
\tdefault environment = {
\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin
\t}

\tenvironment = {
\t\tXPC_SERVICE_NAME => abide.orders
\t}

\tdomain = system
\tminimum runtime = 1
\texit timeout = 20
\truns = 1
\tpid = 4242
\timmediate reason = speculative
\tforks = 3
\texecs = 1
\tinitialized = 1
\ttrampolined = 1
\tstarted suspended = 0
\tproxy started suspended = 0
\tlast exit code = (never exited)

\tresource coalition = {
\t\tID = 1234
\t\ttype = resource
\t\tstate = active
\t\tactive count = 1
\t\tname = abide.orders
\t}

\tspawn type = interactive (4)
\tproperties = runatload | inferred program
}
";

#[test]
fn a_running_job_has_its_process() {
    let job = parse_job(RUNNING);
    assert_eq!((job.state, job.pid, job.exit), (ManagerState::Running, Some(4242), None));
    assert_eq!(job.path.unwrap().to_str(), Some("/Library/LaunchDaemons/abide.orders.plist"));
}

fn job(lines: &str) -> (ManagerState, Option<u32>, Option<ManagerExit>) {
    let job = parse_job(&format!(
        "gui/501/abide.orders = {{\n\tpath = /Users/ada/Library/LaunchAgents/abide.orders.plist\n{lines}\
         \tresource coalition = {{\n\t\tstate = active\n\t\tpid = 99\n\t}}\n}}\n"
    ));
    (job.state, job.pid, job.exit)
}

#[test]
fn a_job_without_a_process_is_told_by_how_it_ended() {
    let stopped = job("\tstate = not running\n\truns = 1\n\tlast exit code = 0\n");
    assert_eq!(stopped, (ManagerState::Stopped, None, Some(ManagerExit::Code(0))));
    let never = job("\tstate = waiting\n\truns = 0\n\tlast exit code = (never exited)\n");
    assert_eq!(never, (ManagerState::Stopped, None, None));
    let config = job("\tstate = not running\n\truns = 3\n\tlast exit code = 78: EX_CONFIG\n");
    assert_eq!(config, (ManagerState::Failed, None, Some(ManagerExit::Code(78))));
    // A death by signal has a line of its own, and the exit code none.
    let killed = job("\tstate = not running\n\truns = 1\n\tlast terminating signal = Killed: 9\n");
    assert_eq!(killed, (ManagerState::Failed, None, Some(ManagerExit::Signal(9))));
    let short = job("\tstate = not running\n\truns = 2\n\tlast terminating signal = 15\n");
    assert_eq!(short, (ManagerState::Failed, None, Some(ManagerExit::Signal(15))));
}

#[test]
fn a_job_on_its_way_is_told_as_that() {
    let soon = job("\tstate = spawn scheduled\n\truns = 105\n\tlast terminating signal = Bus error: 10\n");
    assert_eq!(soon, (ManagerState::Starting, None, Some(ManagerExit::Signal(10))));
    assert_eq!(job("\tstate = SIGTERMed\n\tpid = 7\n").0, ManagerState::Stopping);
    assert_eq!(job("\tstate = spawn failed\n").0, ManagerState::Failed);
    // A word of a version to come.
    assert_eq!(job("\tstate = hovering\n\tpid = 7\n").0, ManagerState::Running);
    assert_eq!(job("\tstate = hovering\n").0, ManagerState::Unknown);
    assert_eq!(parse_job("").state, ManagerState::Unknown);
}

#[test]
fn what_is_disabled_is_said_in_two_ways() {
    let new = "\tdisabled services = {\n\t\t\"com.apple.ftpd\" => disabled\n\t\t\"abide.orders\" => enabled\n\t\t\"abide.a\" => disabled\n\t}\n\tlogin item associations = {\n\t}\n";
    assert_eq!(disabled_in(new, "abide.orders"), Some(false));
    assert_eq!(disabled_in(new, "abide.a"), Some(true));
    assert_eq!(disabled_in(new, "abide"), None);
    let old = "disabled services = {\n\t\"abide.a\" => true\n\t\"abide.b\" => false\n}\n";
    assert_eq!((disabled_in(old, "abide.a"), disabled_in(old, "abide.b")), (Some(true), Some(false)));
}

#[test]
fn no_text_upsets_it() {
    for text in
        ["\t", "\tstate", "\tstate = ", "\tpid = -1\n\tlast exit code = :", "a = {\n\tpid = 99999999999\n}"]
    {
        let job = parse_job(text);
        assert_eq!((job.pid, job.exit), (None, None), "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_it_says_is_no_reason_to_fail(text in "[\\t\\n {}=:a-z0-9-]{0,64}", keys in "(\\t(pid|state|last exit code) = .{0,8}\\n){0,4}") {
        let _ = parse_job(&text);
        let _ = parse_job(&keys);
        let _ = disabled_in(&text, "abide.orders");
    }
}
