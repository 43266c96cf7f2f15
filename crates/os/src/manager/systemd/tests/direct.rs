//! Programs that systemd starts itself (`program.supervised = false`).

use std::path::Path;

use abide_spec::Spec;

use super::context;
use super::grammar::{assignments, command, only};
use crate::manager::systemd::{findings, render};
use crate::manager::{Artifact, Finding, Level, Target};

/// A spec of such a program; keys of other sections in dotted form.
fn spec(more: &str) -> Spec {
    Spec::parse(&format!(
        "name = \"orders\"\nprogram.supervised = false\nprogram.command = [\"/srv/a b/server\", \"--at\", \"$HOME %h\", \"\"]\n{more}\n"
    ))
    .unwrap()
}

fn unit_of(spec: &Spec, version: Option<u32>) -> String {
    let mut context = context(spec);
    context.version = version;
    super::unit_of(spec, &context)
}

fn value(more: &str, key: &str) -> Option<String> {
    only(&unit_of(&spec(more), Some(254)), "Service", key)
}

fn files(spec: &Spec) -> Vec<Artifact> {
    render(spec, &context(spec))
}

fn found(more: &str, version: Option<u32>) -> Vec<Finding> {
    let spec = spec(more);
    let mut context = context(&spec);
    context.version = version;
    findings(&spec, &context)
}

#[test]
fn the_program_itself_is_started_with_its_very_arguments() {
    let unit = unit_of(&spec(""), None);
    let words: Vec<&[u8]> = vec![b"/srv/a b/server", b"--at", b"$HOME %h", b""];
    assert_eq!(command(&only(&unit, "Service", "ExecStart").unwrap()), words);
    assert!(!unit.contains("abide-supervisor") && !unit.contains("LoadCredential"));
    let service = |key: &str| only(&unit, "Service", key).unwrap();
    assert_eq!(service("Type"), "exec");
    assert_eq!(service("NotifyAccess"), "main");
    assert_eq!(service("WorkingDirectory"), "/var/lib/abide/orders/data");
    assert_eq!(
        value("program.working-dir = \"/srv/a %b\"", "WorkingDirectory").as_deref(),
        Some("/srv/a %%b")
    );
    let own = assignments(&unit).into_iter().filter(|(_, key, _)| key == "Environment");
    let own: Vec<String> = own.map(|(.., value)| value).collect();
    assert_eq!(own, ["\"ABIDE_SERVICE=orders\"", "\"STATE_DIRECTORY=/var/lib/abide/orders/data\""]);
    assert_eq!(service("StateDirectory"), "abide/orders abide/orders/data");
    assert_eq!(service("DynamicUser"), "yes");
    assert_eq!((service("KillMode"), service("KillSignal")), ("mixed".into(), "SIGTERM".into()));
    assert_eq!(service("TimeoutStopSec"), "10s");
    assert_eq!(found("", Some(254)).iter().filter(|finding| finding.level != Level::Note).count(), 0);
}

#[test]
fn an_older_systemd_has_its_folder_made_first() {
    let unit = unit_of(&spec(""), Some(249));
    let service = |key: &str| only(&unit, "Service", key).unwrap();
    assert_eq!(service("StateDirectory"), "abide/orders");
    assert_eq!(service("WorkingDirectory"), "-/var/lib/abide/orders/data");
    let words: Vec<&[u8]> = vec![b"/bin/sh", b"-c", b"mkdir -p -m 0700 \"$STATE_DIRECTORY\""];
    assert_eq!(command(&service("ExecStartPre")), words);
    assert_eq!(only(&unit_of(&spec(""), Some(252)), "Service", "ExecStartPre"), None);
}

#[test]
fn a_program_that_tells_when_it_is_ready_is_waited_for() {
    let more =
        "start.ready = { notify = true, timeout = \"90s\" }\nhealth = [{ notify = true, every = \"7s\" }]";
    assert_eq!(value(more, "Type").as_deref(), Some("notify"));
    assert_eq!(value(more, "TimeoutStartSec").as_deref(), Some("90s"));
    assert_eq!(value(more, "WatchdogSec").as_deref(), Some("7s"));
    assert!(found(more, Some(254)).iter().all(|finding| finding.level == Level::Note));
}

#[test]
fn variables_stand_in_a_file_that_only_root_reads() {
    let more = "program.env = { KEY = \"s3cret $$5\", NEXT = \"${KEY}!\", LINES = \"a\\nb\\\\\" }\n\
                program.env-file = \"/srv/[1] %/.env\"";
    let spec = spec(more);
    let unit = unit_of(&spec, None);
    assert!(!unit.contains("s3cret"));
    let own = assignments(&unit).into_iter().filter(|(_, key, _)| key == "EnvironmentFile");
    let own: Vec<String> = own.map(|(.., value)| value).collect();
    // The later one counts, as `env` does.
    assert_eq!(own, ["/srv/\\[1\\] %%/.env", "/etc/abide/services/orders.env"]);
    let file = files(&spec).into_iter().find_map(|artifact| match artifact.target {
        Target::File { path, access } if path == Path::new("/etc/abide/services/orders.env") => {
            Some((access, artifact.content))
        }
        _ => None,
    });
    let (access, text) = file.unwrap();
    assert_eq!(access, crate::fs::Access::Private);
    assert_eq!(text, "KEY=\"s3cret \\$5\"\nLINES=\"a\nb\\\\\"\nNEXT=\"s3cret \\$5!\"\n");
    assert_eq!(files(&self::spec("")).len(), 2, "no variables, no file");
}

#[test]
fn what_only_the_machine_knows_is_not_put_in() {
    for more in ["program.env = { A = \"${HOME}/x\" }", "program.env = { \"A-B\" = \"x\" }"] {
        let errors = found(more, None);
        assert!(
            errors.iter().any(|it| it.level == Level::Error && it.field.as_deref() == Some("program.env")),
            "{errors:?}"
        );
    }
}

#[test]
fn ends_lead_to_restarts_as_the_spec_says() {
    let more = "restart = { when = \"on-failure\", success-codes = [0, 3], codes = { always = [0, 7], never = [9] }, \
                signals = { always = [\"USR1\"], never = [\"KILL\"] } }";
    assert_eq!(value(more, "Restart").as_deref(), Some("on-failure"));
    assert_eq!(
        value(more, "RestartForceExitStatus").as_deref(),
        Some("0 7 SIGHUP SIGINT SIGPIPE SIGTERM SIGUSR1")
    );
    assert_eq!(value(more, "RestartPreventExitStatus").as_deref(), Some("9 SIGKILL"));
    assert_eq!(value(more, "SuccessExitStatus").as_deref(), Some("3"));
    assert_eq!(
        value("restart.success-codes = [4]", "RestartForceExitStatus").unwrap().split(' ').next(),
        Some("0")
    );
    assert_eq!(value("restart.when = \"always\"", "RestartForceExitStatus"), None);
    assert_eq!(value("restart.when = \"never\"", "Restart").as_deref(), Some("no"));
    assert_eq!(value("restart.when = \"never\"", "RestartSec"), None);
}

#[test]
fn the_delay_grows_where_systemd_can_do_that() {
    let more = "restart.delay = { initial = \"1s\", factor = 2.0, max = \"16s\", jitter = 0 }";
    assert_eq!(value(more, "RestartSec").as_deref(), Some("1s"));
    assert_eq!(value(more, "RestartSteps").as_deref(), Some("4"));
    assert_eq!(value(more, "RestartMaxDelaySec").as_deref(), Some("16s"));
    let old = unit_of(&spec(more), Some(252));
    assert!(old.contains("RestartSec=1s") && !old.contains("RestartSteps"));
    let lost = found(more, Some(252));
    assert!(
        lost.iter().any(|it| it.level == Level::Error && it.field.as_deref() == Some("restart.delay")),
        "{lost:?}"
    );
    let accepted = found(&format!("{more}\naccept = [\"restart.delay\"]"), Some(252));
    assert!(accepted.iter().all(|it| it.level != Level::Error), "{accepted:?}");
    let fixed = "restart.delay = { initial = \"1s\", factor = 1.0, jitter = 0 }";
    assert_eq!(value(fixed, "RestartSteps"), None);
    assert_eq!(found(fixed, Some(252)), []);
}

#[test]
fn a_ladder_of_one_signal_is_systemds_own() {
    let more = "stop.steps = [{ signal = \"INT\", wait = \"3s\" }, { kill = \"tree\" }]";
    assert_eq!(value(more, "KillSignal").as_deref(), Some("SIGINT"));
    assert_eq!(value(more, "TimeoutStopSec").as_deref(), Some("3s"));
    let longer = "stop.steps = [{ signal = \"INT\", wait = \"3s\" }, { signal = \"TERM\", wait = \"4s\" }]";
    let lost = found(longer, None);
    assert!(
        lost.iter().any(|it| it.level == Level::Error && it.field.as_deref() == Some("stop.steps")),
        "{lost:?}"
    );
    assert_eq!(value(longer, "TimeoutStopSec").as_deref(), Some("7s"));
    let at_once = "stop.steps = [{ kill = \"tree\" }]";
    assert_eq!(value(at_once, "KillSignal").as_deref(), Some("SIGKILL"));
}

#[test]
fn reloading_is_told_to_the_program() {
    let by_signal = value("reload.signal = \"HUP\"", "ExecReload").unwrap();
    let words: Vec<&[u8]> = vec![b"/bin/sh", b"-c", b"kill -s HUP \"$MAINPID\""];
    assert_eq!(command(&by_signal), words);
    let by_command = value("reload.command = [\"/srv/re load\", \"$ABIDE_PID\"]", "ExecReload").unwrap();
    assert_eq!(by_command, "\"/usr/bin/env\" ABIDE_PID=${MAINPID} \"/srv/re load\" \"$$ABIDE_PID\"");
}

#[test]
fn a_program_that_systemd_will_not_execute_is_found() {
    let mut spec = spec("");
    spec.program.command[0] = "/srv/it's/server".into();
    let found = findings(&spec, &context(&spec));
    assert!(
        found.iter().any(|it| it.level == Level::Error && it.field.as_deref() == Some("program.command")),
        "{found:?}"
    );
}
