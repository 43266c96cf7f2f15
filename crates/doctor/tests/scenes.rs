//! Faults that are put into a scene by hand, each found by its id, and scenes in which nothing is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use abide_doctor::leak::Sample;
use abide_doctor::{
    Answer, Applied, CATALOG, Disk, Finding, Folder, Happened, Health, Hot, Peer, Port, Reached, Rule, Said,
    Scene, Severity, SpecSeen, Usage, checked, diagnose,
};
use abide_lifecycle::{FailReason, Fault, Next, Record, StopReason};
use abide_logs::Level;
use abide_os::diagnosis::{Denial, Killed, Listener};
use abide_os::manager::{self, Enabled, ManagerExit, ManagerState, ManagerStatus};
use abide_spec::{Exit, Family, Spec};

const MIB: u64 = 1 << 20;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn well() -> Scene {
    let mut scene = Scene::healthy(&"web".parse().unwrap(), now());
    scene.family = Family::Unix;
    scene
}

fn with_spec(more: &str) -> Scene {
    let text = format!("name = \"web\"\n{more}\n[program]\ncommand = [\"/srv/web/server\"]\n");
    let spec = Box::new(Spec::parse(&text).unwrap());
    Scene { spec: SpecSeen::Valid { file: "/etc/abide/services/web.toml".into(), spec }, ..well() }
}

/// Installed and run by a service manager that says this.
fn managed(more: impl FnOnce(&mut ManagerStatus)) -> Scene {
    let mut scene = with_spec("");
    let mut manager = ManagerStatus {
        installed: true,
        managed_by_abide: true,
        enabled: Enabled::Auto,
        state: ManagerState::Running,
        main_pid: Some(77),
        ..ManagerStatus::absent()
    };
    more(&mut manager);
    scene.known.status.supervisor.pid = 77;
    scene.supervisor_lives = Some(manager.state == ManagerState::Running);
    scene.known.manager = Some(manager);
    scene
}

fn happened(ago: u64, record: Record) -> Happened {
    Happened { time: Some(now() - Duration::from_secs(ago)), text: record.sentence(), record: Some(record) }
}

fn exited(ago: u64, exit: Exit, next: Next) -> Happened {
    happened(ago, Record::Exited { pid: 4242, exit, after: Duration::from_millis(300), ready: false, next })
}

/// A program that ended like this and is no longer restarted.
fn ended(exit: Exit) -> Scene {
    let mut scene = with_spec("");
    scene.known.status.state = "failed".into();
    scene.known.status.ready = false;
    scene.known.status.last_exit = Some(exit);
    scene.events = vec![
        happened(9, Record::Starting { attempt: 1 }),
        exited(8, exit, Next::Fail),
        happened(8, Record::Failed { reason: FailReason::NoRestart { fault: Fault::Exited { exit } } }),
    ];
    scene
}

fn port(listener: Option<Listener>, is_own: Option<bool>, reached: Option<Reached>) -> Scene {
    let mut scene = with_spec("");
    scene.ports = vec![Port { number: 9000, from: "register.port".into(), listener, is_own, reached }];
    scene
}

fn listener() -> Option<Listener> {
    Some(Listener { pid: Some(5), program: Some("nginx".into()), service: None })
}

fn answered(answer: Answer) -> Scene {
    let mut scene = with_spec("");
    scene.health = vec![Health {
        from: "health[0]".into(),
        question: "http http://127.0.0.1:9000/healthz".into(),
        address: "127.0.0.1:9000".into(),
        timeout: Duration::from_secs(2),
        answer,
    }];
    scene
}

fn peer(reached: Reached) -> Scene {
    let mut scene = with_spec("");
    scene.known.status.ready = false;
    scene.peers = vec![Peer { from: "program.env DB".into(), host: "db".into(), port: 5432, reached }];
    scene
}

fn disk(free: u64, files_free: u64) -> Scene {
    let disk = Disk {
        what: "logs",
        folder: "/var/log".into(),
        total: 100_000 * MIB,
        free,
        files: 1_000_000,
        files_free,
    };
    Scene { disks: vec![disk], ..with_spec("") }
}

fn using(more: impl FnOnce(&mut Usage)) -> Scene {
    let mut usage = Usage { window: Duration::from_secs(60), memory: 100 * MIB, ..Usage::default() };
    more(&mut usage);
    Scene { usage: Some(usage), ..with_spec("") }
}

fn samples(sample: impl Fn(u64) -> (u64, u64)) -> Vec<Sample> {
    let all = (0..60).map(|n| (n, sample(n)));
    all.map(|(n, (memory, descriptors))| Sample { at: Duration::from_secs(n), memory, descriptors }).collect()
}

fn printed(text: &str) -> Scene {
    let mut scene = with_spec("");
    scene.output.lines = 10;
    scene.output.errors = vec![Said { time: None, level: Some(Level::Error), text: text.into() }];
    scene
}

fn preflight(field: &str, text: &str) -> Scene {
    let mut scene = with_spec("");
    scene.known.status.state = "backing-off".into();
    scene.preflight = vec![manager::Finding::new(manager::Level::Error, Some(field.into()), text.into())];
    scene
}

fn changed(mut scene: Scene, change: impl FnOnce(&mut Scene)) -> Scene {
    change(&mut scene);
    scene
}

/// Every fault by its id, and a scene that has it.
fn faults() -> Vec<(&'static str, Scene)> {
    let absent = |manager: &mut ManagerStatus| *manager = ManagerStatus::absent();
    let refused = "dial tcp 10.0.0.1:5432: connect: connection refused";
    let code = |code| ended(Exit::Code(code));
    let windows =
        |code: u32| changed(ended(Exit::Code(code.cast_signed())), |it| it.family = Family::Windows);
    vec![
        ("not-installed", managed(absent)),
        (
            "half-installed",
            managed(|manager| manager.halves = vec!["the unit is there, the spec is not".into()]),
        ),
        ("not-enabled", managed(|manager| manager.enabled = Enabled::Manual)),
        (
            "disabled",
            changed(managed(|manager| manager.state = ManagerState::Stopped), |scene| {
                let text = "name = \"web\"\nstart.mode = \"disabled\"\n[program]\ncommand = [\"/srv/x\"]\n";
                scene.spec =
                    SpecSeen::Valid { file: "/x".into(), spec: Box::new(Spec::parse(text).unwrap()) };
                scene.known.status.state = "stopped".into();
            }),
        ),
        (
            "supervisor-gone",
            changed(well(), |it| {
                it.known.status.state = "stopped".into();
                it.known.status.orphaned = true;
            }),
        ),
        ("supervisor-silent", changed(managed(|_| ()), |it| it.supervisor_answers = Some(false))),
        ("manager-disagrees", managed(|manager| manager.main_pid = Some(78))),
        (
            "manager-disagrees",
            changed(managed(|manager| manager.state = ManagerState::Stopped), |it| {
                it.supervisor_lives = Some(true);
            }),
        ),
        (
            "manager-gave-up",
            managed(|manager| {
                manager.state = ManagerState::Failed;
                manager.result = Some("start-limit-hit".into());
            }),
        ),
        (
            "manager-exit",
            changed(
                managed(|manager| {
                    manager.state = ManagerState::Failed;
                    manager.exit = Some(ManagerExit::Code(226));
                }),
                |it| it.known.status.state = "failed".into(),
            ),
        ),
        (
            "manager-exit",
            changed(
                managed(|manager| {
                    manager.state = ManagerState::Failed;
                    manager.exit = Some(ManagerExit::Code(1053));
                }),
                |it| it.known.status.state = "failed".into(),
            ),
        ),
        ("status-unreadable", changed(well(), |it| it.status_trouble = Some("not JSON".into()))),
        (
            "spec-invalid",
            changed(well(), |it| {
                it.spec =
                    SpecSeen::Invalid { file: "/x.toml".into(), errors: vec!["line 1: unknown key".into()] };
            }),
        ),
        (
            "spec-unreadable",
            changed(well(), |it| {
                it.spec =
                    SpecSeen::Unreadable { file: "/x.toml".into(), why: "is a folder".into(), denied: false };
            }),
        ),
        (
            "spec-not-applied",
            changed(with_spec(""), |it| it.applied = Applied::Differs(vec!["file /x".into()])),
        ),
        ("spec-not-honoured", preflight("limits.cpu", "runit cannot limit processors")),
        (
            "gave-up",
            changed(ended(Exit::Code(1)), |it| {
                let reason = FailReason::GaveUp {
                    count: 10,
                    within: Duration::from_secs(600),
                    fault: Fault::Exited { exit: Exit::Code(1) },
                };
                it.events.push(happened(1, Record::Failed { reason }));
            }),
        ),
        ("failed", code(3)),
        (
            "crash-loop",
            changed(with_spec(""), |it| {
                let next = Next::Restart { delay: Duration::ZERO, failure: true, count: 1, limit: None };
                it.events = (0..5).rev().map(|n| exited(n, Exit::Code(1), next)).collect();
            }),
        ),
        (
            "cannot-start",
            changed(with_spec(""), |it| {
                it.known.status.state = "backing-off".into();
                it.events = vec![happened(
                    1,
                    Record::SpawnFailed { message: "no such file".into(), next: Next::Fail },
                )];
            }),
        ),
        (
            "not-ready",
            changed(with_spec(""), |it| {
                it.known.status.state = "starting".into();
                it.known.status.ready = false;
                it.events = vec![happened(
                    1,
                    Record::NotReady { timeout: Duration::from_secs(30), next: Next::Fail },
                )];
            }),
        ),
        (
            "stopped",
            changed(with_spec(""), |it| {
                it.known.status.state = "stopped".into();
                it.events = vec![happened(1, Record::Stopped { why: StopReason::Asked })];
            }),
        ),
        ("waiting", changed(with_spec(""), |it| it.known.status.state = "waiting".into())),
        (
            "wont-die",
            changed(with_spec(""), |it| {
                it.events = vec![happened(1, Record::LeftBehind { after: Duration::from_secs(60) })];
            }),
        ),
        (
            "killed-out-of-memory",
            changed(ended(Exit::Signal(9)), |it| {
                let line = "Memory cgroup out of memory: Killed process 4242 (server)".to_owned();
                it.kernel.killed = vec![Killed { pid: 4242, program: "server".into(), line }];
            }),
        ),
        ("killed-out-of-memory", changed(ended(Exit::Signal(9)), |it| it.kernel.group_kills = Some(2))),
        (
            "killed-out-of-memory",
            changed(ended(Exit::Code(137)), |it| {
                it.kernel.killed = vec![Killed { pid: 1, program: "server".into(), line: "x".into() }];
            }),
        ),
        ("killed", ended(Exit::Signal(9))),
        ("terminated", ended(Exit::Signal(15))),
        ("terminated", code(143)),
        ("terminated", windows(0xC000_013A)),
        ("crashed", ended(Exit::Signal(11))),
        ("crashed", code(139)),
        ("crashed", windows(0xC000_0005)),
        ("exit-code", code(127)),
        ("exit-code", code(203)),
        ("exit-code", windows(0xC000_0135)),
        ("program-missing", preflight("program.command[0]", "/srv/web/server does not exist")),
        (
            "program-unreachable",
            preflight("program.command[0]", "/srv/web/server is out of reach: /srv is closed"),
        ),
        ("working-dir", preflight("program.working-dir", "/srv/web does not exist")),
        ("env-file", preflight("program.env-file", "cannot read /srv/web/.env: no such file")),
        ("account", preflight("account.run-as", "there is no user `web`")),
        ("path-unreachable", preflight("health[0].exec[0]", "/srv/check does not exist")),
        (
            "folder-open",
            changed(with_spec(""), |it| {
                let path = PathBuf::from("/var/lib/abide/web");
                it.folders = vec![Folder { what: "its state", path, open: Some("mode 0777".into()) }];
            }),
        ),
        (
            "denied",
            changed(with_spec(""), |it| {
                it.kernel.denials = vec![Denial {
                    system: "SELinux",
                    pid: Some(1),
                    program: None,
                    what: "read file x".into(),
                }];
            }),
        ),
        ("port-taken", port(listener(), Some(false), None)),
        ("port-not-listening", port(None, None, None)),
        (
            "port-blocked",
            changed(port(listener(), Some(true), Some(Reached::TimedOut(Duration::from_secs(2)))), |it| {
                it.firewall.rules =
                    vec![Rule { port: 9000, tool: "nft", text: "tcp dport 9000 drop".into() }];
            }),
        ),
        ("port-silent", port(listener(), Some(true), Some(Reached::TimedOut(Duration::from_secs(2))))),
        ("health-failing", changed(with_spec(""), |it| it.known.status.healthy = false)),
        ("health-error", answered(Answer::Status(503, Duration::ZERO))),
        ("health-refused", answered(Answer::Status(404, Duration::ZERO))),
        ("health-slow", answered(Answer::Status(200, Duration::from_millis(1900)))),
        ("health-timeout", answered(Answer::TimedOut(Duration::from_secs(2)))),
        ("health-broken", answered(Answer::Broken("it begins with \"SSH-2.0\"".into()))),
        ("heartbeat-old", answered(Answer::Stale("it does not exist".into()))),
        ("dns", peer(Reached::Unresolved("no such name".into()))),
        ("peer-refused", peer(Reached::Refused)),
        ("peer-timeout", peer(Reached::TimedOut(Duration::from_secs(2)))),
        ("peer-timeout", peer(Reached::Failed("no route to host".into()))),
        ("disk-full", disk(MIB, 1000)),
        ("inodes-full", disk(9000 * MIB, 3)),
        (
            "logs-troubled",
            changed(with_spec(""), |it| {
                it.known.status.logs.trouble = Some("no space left on device".into());
            }),
        ),
        ("logs-lost", changed(with_spec(""), |it| it.known.status.logs.lost_bytes = 5)),
        ("memory-near-limit", using(|usage| usage.memory_limit = Some(105 * MIB))),
        ("memory-leak", using(|usage| usage.samples = samples(|n| (100 * MIB + n * MIB, 9)))),
        ("descriptors-near-limit", using(|usage| usage.descriptors = Some((5, 1000, 1024)))),
        ("descriptor-leak", using(|usage| usage.samples = samples(|n| (100 * MIB, 9 + n)))),
        (
            "cpu-busy",
            using(|usage| {
                usage.hot = vec![Hot { pid: 5, thread: 6, name: "worker".into(), share: 0.98, waited: 0.0 }];
            }),
        ),
        (
            "cpu-busy",
            using(|usage| {
                usage.hot = vec![Hot { pid: 5, thread: 6, name: "worker".into(), share: 0.5, waited: 0.45 }];
            }),
        ),
        ("machine-memory", using(|usage| usage.machine = Some((10 * MIB, 8000 * MIB)))),
        (
            "clock-behind",
            changed(with_spec(""), |it| it.clock.newest = Some(now() + Duration::from_secs(3600))),
        ),
        ("log-trace", printed("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:4 +0x25")),
        ("log-error", printed("ERROR something is odd")),
        ("log-port-taken", printed("listen tcp :9000: bind: address already in use")),
        ("log-peer", printed(refused)),
        ("log-dns", printed("lookup db: no such host")),
        ("log-memory", printed("java.lang.OutOfMemoryError: Java heap space")),
        ("log-disk", printed("write x: no space left on device")),
        ("log-descriptors", printed("accept: too many open files")),
        ("log-permission", printed("open /etc/x: permission denied")),
        ("log-missing", printed("Error: Cannot find module 'express'")),
        ("log-certificate", printed("x509: certificate signed by unknown authority")),
        ("log-password", printed("FATAL: password authentication failed for user \"web\"")),
    ]
}

fn ids(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|finding| finding.id).collect()
}

#[test]
fn each_fault_is_found_by_its_id() {
    for (id, scene) in faults() {
        let found = diagnose(&scene);
        assert!(ids(&found).contains(&id), "{id} is not among {found:#?}");
        for finding in &found {
            let known = CATALOG.iter().find(|known| known.id == finding.id);
            assert_eq!(known.map(|known| known.step), Some(finding.step), "{}", finding.id);
            assert!(
                !finding.evidence.is_empty()
                    || finding.id == "health-failing"
                    || finding.id == "failed"
                    || finding.id == "stopped"
                    || finding.id == "waiting"
                    || finding.id == "supervisor-gone",
                "{finding:?} has no evidence"
            );
            assert!(!finding.next.is_empty(), "{finding:?} has no next step");
            assert!(finding.likelihood <= 100);
        }
    }
}

#[test]
fn every_fault_of_the_catalogue_can_be_found() {
    let found: Vec<&str> = faults().into_iter().map(|(id, _)| id).collect();
    // Of the machine alone; tried with one below.
    let of_machine = ["clock-free"];
    let missing: Vec<_> = CATALOG
        .iter()
        .map(|known| known.id)
        .filter(|id| !found.contains(id) && !of_machine.contains(id))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_clock_that_runs_free_and_a_full_disk_are_the_machines() {
    let mut machine = abide_doctor::Machine {
        manager: manager::Kind::Foreground,
        manager_trouble: None,
        disks: disk(9000 * MIB, 1000).disks,
        open: Vec::new(),
        memory: Some((4000 * MIB, 8000 * MIB)),
        synchronised: Some(true),
        services: Vec::new(),
    };
    assert_eq!(abide_doctor::diagnose_machine(&machine), []);
    machine.synchronised = Some(false);
    machine.disks = disk(MIB, 1000).disks;
    machine.open = vec![("/etc/abide".into(), "mode 0777".into())];
    let found = abide_doctor::diagnose_machine(&machine);
    assert_eq!(ids(&found), ["disk-full", "folder-open", "clock-free"]);
}

#[test]
fn what_is_well_yields_nothing() {
    let own = port(
        Some(Listener { pid: Some(4242), program: Some("server".into()), service: Some("web".into()) }),
        Some(true),
        Some(Reached::Connected(Duration::from_millis(1))),
    );
    let scenes = [
        well(),
        managed(|_| ()),
        own,
        answered(Answer::Status(200, Duration::from_millis(3))),
        peer(Reached::Connected(Duration::from_millis(3))),
        disk(50_000 * MIB, 900_000),
        using(|usage| {
            usage.memory_limit = Some(1000 * MIB);
            usage.descriptors = Some((5, 60, 1024));
            usage.samples = samples(|n| (100 * MIB + n % 7 * MIB, 9 + n % 3));
            usage.hot = vec![Hot { pid: 5, thread: 5, name: "web".into(), share: 0.4, waited: 0.1 }];
            usage.machine = Some((4000 * MIB, 8000 * MIB));
        }),
        // It was killed once, a day ago, and does well since.
        changed(with_spec(""), |it| {
            it.known.status.last_exit = Some(Exit::Signal(9));
            let next = Next::Restart { delay: Duration::ZERO, failure: true, count: 1, limit: Some(10) };
            it.events = vec![
                exited(86_400, Exit::Signal(9), next),
                happened(86_399, Record::Ready { after: Duration::ZERO }),
            ];
        }),
        // Its last start failed, and the next one did not.
        changed(with_spec(""), |it| {
            it.events = vec![
                happened(9, Record::NotReady { timeout: Duration::from_secs(1), next: Next::AsAsked }),
                happened(5, Record::Ready { after: Duration::ZERO }),
            ];
        }),
    ];
    for scene in scenes {
        let mut scene = scene;
        scene.known.status.ready = true;
        let found = diagnose(&scene);
        assert_eq!(found, [], "{scene:#?}");
        assert!(checked(&scene, &found).iter().all(|step| step.worst.is_none()));
    }
}

#[test]
fn the_cause_stands_before_what_came_of_it() {
    let scene = changed(ended(Exit::Code(1)), |it| {
        it.peers = peer(Reached::Refused).peers;
        it.output = printed("psycopg2.OperationalError: connection refused").output;
    });
    let found = diagnose(&scene);
    assert_eq!(ids(&found), ["peer-refused", "log-peer", "failed", "exit-code"]);
    assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse((finding.severity, finding.likelihood))));
    assert!(found.iter().all(|finding| finding.severity == Severity::Error));
}

#[test]
fn what_somebody_stopped_has_no_fault() {
    let scene = changed(with_spec(""), |it| {
        it.known.status.state = "stopped".into();
        it.known.status.ready = false;
        it.events = vec![happened(1, Record::Stopped { why: StopReason::Asked })];
        it.peers = peer(Reached::Refused).peers;
        it.output = printed("ERROR the last word").output;
    });
    assert!(
        diagnose(&scene).iter().all(|finding| finding.severity < Severity::Error),
        "{:#?}",
        diagnose(&scene)
    );
}

#[test]
fn a_trace_is_read_down_to_its_line() {
    let found =
        diagnose(&printed("panic: boom\n\ngoroutine 1 [running]:\nmain.serve()\n\t/srv/main.go:4 +0x25"));
    assert_eq!(found[0].title, "Go failed at /srv/main.go:4 in main.serve");
    assert!(found[0].next.contains(&"look at /srv/main.go:4 in main.serve".to_owned()), "{found:?}");
}

#[test]
fn what_a_program_says_can_do_no_harm_to_a_terminal() {
    for finding in diagnose(&printed("ERROR \x1b[2J\x1b]0;owned\x07 it went wrong\u{202e}")) {
        let text = format!("{}{}", finding.title, finding.evidence.concat());
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}
