//! Tests of the s6 backend: rendering against golden files. What it has in common with runit, the real `sh` and a real
//! scanner included, is tested there.

use crate::manager::runit::tests::{DIRECT, context, file, spec};
use crate::manager::s6::{findings, render};
use crate::manager::{Artifact, Level, MARKER};
use crate::paths::Layout;

fn rendered(more: &str, program: &str) -> Vec<Artifact> {
    let spec = spec(more, program);
    render(&spec, &context(&spec, Layout::unix()))
}

#[test]
fn a_supervised_service_is_as_in_the_golden_files() {
    let files = rendered("start.after = [\"postgres\"]", "");
    assert_eq!(file(&files, "run").unwrap(), include_str!("golden/run"));
    assert_eq!(file(&files, "finish").unwrap(), include_str!("golden/finish"));
    assert_eq!(file(&files, "notification-fd").unwrap(), "3\n");
    // The ladder's ten seconds, and ten for the supervisor itself.
    assert_eq!(file(&files, "timeout-kill").unwrap(), "20000\n");
    assert_eq!(file(&files, "down-signal"), None);
}

#[test]
fn a_program_without_a_supervisor_is_as_in_the_golden_files() {
    let files = rendered(DIRECT.0, DIRECT.1);
    assert_eq!(file(&files, "run").unwrap(), include_str!("golden/direct-run"));
    assert_eq!(file(&files, "finish").unwrap(), include_str!("golden/direct-finish"));
    assert_eq!(file(&files, "down-signal").unwrap(), "SIGQUIT\n");
    assert_eq!(file(&files, "timeout-kill").unwrap(), "5000\n");
    assert!(file(&files, "env").unwrap().contains("export GREETING='it'\\''s $5\n100%'\n"));
}

#[test]
fn the_definition_is_first_and_every_script_says_whose_it_is() {
    for program in ["", "supervised = false"] {
        let files = rendered("", program);
        assert!(files[0].target.to_string().ends_with("/etc/abide/s6/orders/run"));
        for artifact in files.iter().filter(|artifact| artifact.content.starts_with("#!")) {
            assert!(artifact.content.lines().take(2).any(|line| line == MARKER), "{}", artifact.target);
        }
    }
}

#[test]
fn what_only_a_supervisor_can_do_is_found() {
    let spec = spec("restart.delay = { initial = \"5s\" }", "supervised = false");
    let found = findings(&spec, &context(&spec, Layout::unix()));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].level, found[0].field.as_deref()), (Level::Error, Some("restart.delay")));
    assert!(found[0].to_string().contains("s6"));
}
