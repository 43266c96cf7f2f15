//! What a spec becomes for launchd.

use super::*;
use crate::fs::Access;
use crate::manager::{Artifact, Finding, Level};

/// The golden files, by name.
pub(super) const GOLDEN: &[(&str, &str)] = &[
    ("plain", include_str!("golden/plain.plist")),
    ("manual", include_str!("golden/manual.plist")),
    ("disabled", include_str!("golden/disabled.plist")),
    ("user", include_str!("golden/user.plist")),
    ("patient", include_str!("golden/patient.plist")),
    ("direct", include_str!("golden/direct.plist")),
    ("direct-always-manual", include_str!("golden/direct-always-manual.plist")),
    ("direct-user", include_str!("golden/direct-user.plist")),
];

const AWKWARD: &str = r#"
name = "awkward.name-1"
start.mode = "manual"
restart.when = "always"
account.run-as = "www data"
limits = { open-files = 65536, processes = 64 }
stop.steps = [{ signal = "TERM", wait = "2500ms" }, { kill = "tree" }]
[program]
command = ["/srv/it's \"here\"/run <it> & go", "", "a b", "100%", "$HOME", "back\\slash\\", "line\nfeed\r\n", "漢字 😀", "]]>", "&amp;"]
working-dir = "/srv/my folder & more"
supervised = false
[program.env]
EMPTY = ""
MONEY = "$$5 and 100%"
WORDS = "two words, <b>'quoted'</b> & \"quoted\""
"#;

type Case = (&'static str, Spec, fn(&Spec) -> Context);

fn cases() -> Vec<Case> {
    let direct = |more: &str| {
        Spec::parse(&format!(
            "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders/orders-server\", \"run\"]\nsupervised = false\n"
        ))
        .unwrap()
    };
    vec![
        ("plain", spec(""), context),
        ("manual", spec("start.mode = \"manual\""), context),
        ("disabled", spec("start.mode = \"disabled\"\nrestart.when = \"never\""), context),
        ("user", spec(""), user_context),
        (
            "patient",
            spec(
                "restart.delay = { initial = \"2500ms\", max = \"1h\" }\nstop.steps = [{ signal = \"INT\", wait = \"3m\" }]",
            ),
            context,
        ),
        ("direct", direct(""), context),
        ("direct-always-manual", Spec::parse(AWKWARD).unwrap(), context),
        ("direct-user", direct("restart.when = \"always\"\nrestart.delay.initial = \"0s\""), user_context),
    ]
}

#[test]
fn each_spec_becomes_its_golden_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manager/launchd/tests/golden");
    let mut names = Vec::new();
    for (name, spec, context) in cases() {
        let text = plist_of(&spec, &context(&spec));
        // To take over a change that is meant: ABIDE_GOLDEN=write cargo test -p abide-os launchd
        if std::env::var_os("ABIDE_GOLDEN").is_some_and(|value| value == "write") {
            std::fs::write(folder.join(format!("{name}.plist")), &text).unwrap();
            names.push(name);
            continue;
        }
        let golden =
            GOLDEN.iter().find(|(golden, _)| *golden == name).map(|(_, text)| text.replace("\r\n", "\n"));
        assert_eq!(Some(text), golden, "{name}");
        names.push(name);
    }
    assert_eq!(names, GOLDEN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn the_marker_is_among_the_first_lines_and_the_file_is_named_by_its_label() {
    let spec = spec("");
    let [Artifact { target, content }] = render(&spec, &context(&spec)).try_into().unwrap();
    assert!(content.lines().take(3).any(|line| line.contains(crate::manager::MARKER)), "{content}");
    let Target::File { path, access } = target else { panic!("{target}") };
    assert_eq!(path.to_str(), Some("/Library/LaunchDaemons/abide.orders.plist"));
    assert_eq!(access, Access::Public);
    assert_eq!(name_of(&path), Some("orders".parse().unwrap()));
    for other in ["orders.plist", "abide..plist", "abide.orders", "com.apple.abide.orders.plist"] {
        assert_eq!(name_of(std::path::Path::new(other)), None, "{other}");
    }
}

#[test]
fn variables_that_everyone_sees_are_warned_of() {
    let spec = Spec::parse(AWKWARD).unwrap();
    assert!(
        found(&spec)
            .iter()
            .any(|it| it.level == Level::Warning && it.field.as_deref() == Some("program.env"))
    );
}

#[test]
fn what_starts_at_load_is_read_from_our_own_files() {
    for (name, expected) in [("plain", true), ("manual", false), ("disabled", false), ("direct-user", true)] {
        let (_, text) = GOLDEN.iter().find(|(golden, _)| *golden == name).unwrap();
        assert_eq!(starts_at_load(text), expected, "{name}");
    }
    assert!(!starts_at_load(""));
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
    let spec = spec("");
    assert_eq!(findings(&spec, &user_context(&spec)), []);
}

#[test]
fn what_launchd_cannot_do_for_a_program_that_it_starts_itself_is_an_error() {
    let direct = |more: &str| {
        Spec::parse(&format!(
            "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders-server\"]\nsupervised = false\n"
        ))
        .unwrap()
    };
    assert_eq!(errors(&direct("")), [""; 0]);
    for (more, field) in [
        ("stop.steps = [{ signal = \"INT\", wait = \"3s\" }]", "stop.steps"),
        ("restart.codes.never = [3]", "restart.codes"),
        ("restart.success-codes = [0, 3]", "restart.success-codes"),
        ("restart.give-up = { after = 3, within = \"1m\" }", "restart.give-up"),
        ("restart.delay = { initial = \"1s\", factor = 3.0 }", "restart.delay.factor"),
        ("account.groups = [\"www\"]", "account.groups"),
    ] {
        assert_eq!(errors(&direct(more)), [field], "{more}");
        // And can be accepted.
        let accepted = format!("accept = [\"{field}\"]\n{more}");
        assert_eq!(errors(&direct(&accepted)), [""; 0], "{accepted}");
    }
    assert_eq!(errors(&direct("restart.give-up = false")), [""; 0]);
}

#[test]
fn what_no_property_list_carries_is_an_error_that_tells_no_secret() {
    let mut spec = Spec::parse(AWKWARD).unwrap();
    assert_eq!(errors(&spec), [""; 0]);
    spec.program.command.push("bell\u{7}".into());
    spec.program.env.insert("TOKEN".into(), "geheim\u{1b}".into());
    assert_eq!(errors(&spec), ["program.command", "program.env"]);
    let text = found(&spec).iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("TOKEN") && !text.contains("geheim"), "{text}");
    // Neither goes into a property list where a supervisor reads the spec itself.
    spec.program.supervised = true;
    assert!(!errors(&spec).iter().any(|field| field.starts_with("program")));
}

#[test]
fn a_users_own_service_has_no_other_account() {
    let spec = spec("account.run-as = \"root\"");
    let found = findings(&spec, &user_context(&spec));
    assert_eq!(found[0].field.as_deref(), Some("account.run-as"));
    assert_eq!(errors(&spec), [""; 0]);
}

#[test]
fn a_name_that_makes_a_socket_too_long_is_an_error_where_it_does() {
    let name = "a".repeat(64);
    let spec = Spec::parse(&format!("name = \"{name}\"\n[program]\ncommand = [\"/bin/true\"]\n")).unwrap();
    assert_eq!(errors(&spec), [""; 0]);
    let found = findings(&spec, &user_context(&spec));
    assert_eq!(found.iter().map(|it| it.field.as_deref()).collect::<Vec<_>>(), [Some("name")]);
}
