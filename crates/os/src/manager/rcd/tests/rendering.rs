//! What a spec becomes for rc.d.

use super::*;
use crate::fs::Access;
use crate::manager::{Artifact, Finding, Level, Target};

/// The golden files, by name.
const GOLDEN: &[(&str, &str)] = &[
    ("plain", include_str!("golden/plain.sh")),
    ("ready", include_str!("golden/ready.sh")),
    ("disabled", include_str!("golden/disabled.sh")),
    ("direct", include_str!("golden/direct.sh")),
    ("direct-awkward", include_str!("golden/direct-awkward.sh")),
];

const AWKWARD: &str = r#"
name = "7.awkward-name"
description = "It's \"here\" $(true) `true`"
accept = ["start.after"]
start = { mode = "manual", after = ["postgresql", "my-app.service", "network.target"] }
account = { run-as = "www", groups = ["video", "dialer"] }
restart.when = "always"
restart.delay = { initial = "1500ms", factor = 3.0, max = "20s", jitter = 0.0 }
restart.give-up = { after = 3, within = "1m" }
restart.codes = { never = [3, 200], always = [0] }
restart.signals = { never = ["KILL"] }
stop.steps = [{ signal = "INT", wait = "2500ms" }, { kill = "tree" }]
reload.signal = "USR1"
limits = { open-files = 65536, processes = 64 }
[program]
command = ["/srv/it's \"here\"/run <it> & go", "", "a b", "100%", "$HOME", "back\\slash\\", "line\nfeed\r\n", "漢字 😀"]
working-dir = "/srv/my folder & more"
supervised = false
[program.env]
EMPTY = ""
MONEY = "$$5 and 100%"
WORDS = "it's 'quoted' and \"quoted\""
"#;

fn cases() -> Vec<(&'static str, Spec)> {
    vec![
        ("plain", spec("description = \"Takes orders\"")),
        (
            "ready",
            spec(
                "start = { after = [\"postgresql\"], ready = { tcp = \"127.0.0.1:9000\", timeout = \"45s\" } }\nreload.signal = \"HUP\"",
            ),
        ),
        ("disabled", spec("start.mode = \"disabled\"\nrestart.when = \"never\"")),
        ("direct", direct("account.run-as = \"system\"")),
        ("direct-awkward", Spec::parse(AWKWARD).unwrap()),
    ]
}

#[test]
fn each_spec_becomes_its_golden_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manager/rcd/tests/golden");
    let mut names = Vec::new();
    for (name, spec) in cases() {
        names.push(name);
        let text = script_of(&spec, &context(&spec));
        // To take over a change that is meant: ABIDE_GOLDEN=write cargo test -p abide-os rcd
        if std::env::var_os("ABIDE_GOLDEN").is_some_and(|value| value == "write") {
            std::fs::write(folder.join(format!("{name}.sh")), &text).unwrap();
            continue;
        }
        let golden = GOLDEN.iter().find(|(golden, _)| *golden == name).map(|(_, text)| *text);
        assert_eq!(Some(text.as_str()), golden, "{name}");
    }
    assert_eq!(names, GOLDEN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn every_golden_file_is_a_script_to_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in GOLDEN {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output = std::process::Command::new("sh").arg("-n").arg(&file).output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_script_says_whose_it_is_and_secrets_stand_elsewhere() {
    let spec = Spec::parse(AWKWARD).unwrap();
    let [script, variables] = render(&spec, &context(&spec)).try_into().unwrap();
    let file = |artifact: &Artifact| match &artifact.target {
        Target::File { path, access } => (path.to_str().unwrap().to_owned(), *access),
        Target::Entry(text) => panic!("{text}"),
    };
    assert_eq!(file(&script), ("/usr/local/etc/rc.d/7.awkward-name".into(), Access::Executable));
    assert_eq!(
        file(&variables),
        ("/usr/local/etc/abide/services/7.awkward-name.env.sh".into(), Access::Private)
    );
    assert_eq!(script.content.lines().nth(1), Some(crate::manager::MARKER));
    assert!(!script.content.contains("MONEY"));
    assert_eq!(variables.content.lines().next(), Some("export EMPTY=''"));
}

#[test]
fn names_become_variables() {
    let name = |text: &str| render::variable(&text.parse().unwrap());
    assert_eq!(name("orders"), "orders");
    assert_eq!(name("my-app.v2"), "my_app_v2");
    assert_eq!(name("7zip"), "_7zip");
    assert_eq!(render::requirement("postgresql.service"), Some("postgresql"));
    for no in ["network.target", "", "a b", "$(x)", "a\nb", "#"] {
        assert_eq!(render::requirement(no), None, "{no:?}");
    }
}

#[test]
fn delays_grow_as_the_spec_says_in_whole_seconds() {
    let delays = |text: &str| keep::delays(&spec(&format!("restart.delay = {{ {text} }}")));
    assert_eq!(delays("initial = \"200ms\", factor = 2.0, max = \"5s\""), [1, 1, 1, 2, 4, 5]);
    assert_eq!(delays("initial = \"0s\""), [1]);
    assert_eq!(delays("initial = \"3s\", factor = 1.0, max = \"1m\""), [3]);
    assert!(delays("initial = \"1s\", factor = 1.0001, max = \"1m\"").len() <= 64);
}

fn found(spec: &Spec) -> Vec<Finding> {
    findings(spec, &context(spec))
}

fn errors(spec: &Spec) -> Vec<String> {
    found(spec)
        .into_iter()
        .filter(|it| it.level == Level::Error)
        .map(|it| it.field.unwrap_or_default())
        .collect()
}

#[test]
fn a_plain_spec_loses_nothing() {
    assert_eq!(found(&spec("")), []);
    assert_eq!(errors(&direct("")), [""; 0]);
}

#[test]
fn what_rc_d_cannot_do_is_an_error() {
    for (more, field) in
        [("start.after = [\"network.target\"]", "start.after"), ("start.mode = \"delayed\"", "start.mode")]
    {
        assert_eq!(errors(&spec(more)), [field], "{more}");
    }
    for (more, field) in [
        (
            "stop.steps = [{ signal = \"INT\", wait = \"3s\" }, { signal = \"TERM\", wait = \"3s\" }]",
            "stop.steps",
        ),
        ("stop.steps = [{ signal = \"RTMIN+1\", wait = \"3s\" }]", "stop.steps"),
        ("health = [{ tcp = \"127.0.0.1:9000\" }]", "health"),
    ] {
        assert_eq!(errors(&direct(more)), [field], "{more}");
    }
    let mut odd = direct("");
    odd.program.env.insert("my.variable".into(), "1".into());
    assert_eq!(errors(&odd), ["program.env"]);
}

#[test]
fn names_that_rc_d_passes_over_are_errors() {
    for name in ["rc", "backup.orig", "start.sh", "a.sample"] {
        let spec =
            Spec::parse(&format!("name = \"{name}\"\n[program]\ncommand = [\"/bin/true\"]\n")).unwrap();
        assert_eq!(errors(&spec), ["name"], "{name}");
    }
}

#[test]
fn a_ladder_longer_than_the_shutdown_is_warned_of() {
    let spec = spec("stop.steps = [{ signal = \"TERM\", wait = \"5m\" }]");
    let warnings: Vec<_> = found(&spec).into_iter().filter(|it| it.level == Level::Warning).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].hint.as_ref().unwrap().contains("rcshutdown_timeout=310"), "{}", warnings[0]);
}
