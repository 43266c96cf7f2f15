//! What is rendered, byte for byte.

use std::path::Path;

use super::{DIRECT, context, file, spec};
use crate::manager::runit::{findings, render};
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
    assert_eq!(file(&files, "check").unwrap(), include_str!("golden/check"));
    assert_eq!(files.len(), 3);
}

#[test]
fn a_program_without_a_supervisor_is_as_in_the_golden_files() {
    let files = rendered(DIRECT.0, DIRECT.1);
    assert_eq!(file(&files, "run").unwrap(), include_str!("golden/direct-run"));
    assert_eq!(file(&files, "finish").unwrap(), include_str!("golden/direct-finish"));
    assert_eq!(file(&files, "env").unwrap(), include_str!("golden/direct-env"));
    assert_eq!(file(&files, "control/t").unwrap(), include_str!("golden/direct-control-t"));
    assert_eq!(files.len(), 4);
}

#[test]
fn the_definition_is_first_and_every_script_says_whose_it_is() {
    for program in ["", "supervised = false"] {
        let files = rendered("", program);
        assert!(files[0].target.to_string().ends_with("/etc/sv/orders/run"));
        for artifact in files {
            assert!(artifact.content.lines().take(2).any(|line| line == MARKER), "{}", artifact.target);
        }
    }
}

#[test]
fn a_moved_layout_is_told_to_the_supervisor() {
    let spec = spec("", "");
    let files = render(&spec, &context(&spec, Layout::below(Path::new("/sand box"))));
    let run = file(&files, "run").unwrap();
    assert!(run.contains("export ABIDE_ROOT='/sand box'\n"), "{run}");
    assert!(files[0].target.to_string().contains("/sand box/etc/sv/orders/run"));
}

#[test]
fn what_only_a_supervisor_can_do_is_found() {
    let found = |more: &str, program: &str| {
        let spec = spec(more, &format!("supervised = false\n{program}"));
        let found = findings(&spec, &context(&spec, Layout::unix()));
        let errors = found.into_iter().filter(|finding| finding.level == Level::Error);
        errors.filter_map(|finding| finding.field).collect::<Vec<_>>()
    };
    assert_eq!(found("", ""), Vec::<String>::new());
    assert_eq!(found("", "env-file = \"/etc/orders.env\""), ["program.env-file"]);
    assert_eq!(found("", "env = { \"a.b\" = \"1\", UID = \"2\" }"), ["program.env", "program.env"]);
    assert_eq!(found("", "env = { PATH = \"/srv:${PATH}\" }"), ["program.env"]);
    assert_eq!(found("restart.delay = { initial = \"5s\" }", ""), ["restart.delay"]);
    assert_eq!(found("stop.steps = [{ signal = \"INT\" }, { signal = \"TERM\" }]", ""), ["stop.steps"]);
    assert_eq!(found("stop.steps = [{ command = [\"/bin/stop\"] }]", ""), ["stop.steps"]);
    assert_eq!(
        found("accept = [\"restart\"]\nrestart.delay = { initial = \"5s\" }", ""),
        Vec::<String>::new()
    );
}

#[test]
fn with_a_supervisor_nothing_of_that_is() {
    let spec = spec(
        "restart.delay = { initial = \"5s\" }",
        "env-file = \"/etc/orders.env\"\nenv = { \"a.b\" = \"1\" }",
    );
    assert_eq!(findings(&spec, &context(&spec, Layout::unix())), []);
}
