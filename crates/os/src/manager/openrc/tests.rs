//! What the scripts of OpenRC say, as the shell reads them, and what its tools answer.

use std::fs;

use abide_spec::{Name, Spec};
#[cfg(unix)]
use proptest::prelude::*;

use super::render::findings;
use super::*;
use crate::manager::tool::Answer;
use crate::manager::{Level, MARKER, Target};

/// The spec of the golden files, with more settings.
pub(in crate::manager) fn spec(more: &str) -> Spec {
    let text = format!(
        "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders/orders-server\", \"--port\", \"9000\"]\n"
    );
    Spec::parse(&text).unwrap()
}

/// The same for a program that is a service itself.
pub(in crate::manager) fn direct(more: &str) -> Spec {
    let mut spec = spec(more);
    spec.program.supervised = false;
    spec
}

pub(in crate::manager) fn context(spec: &Spec, layout: Layout) -> Context {
    Context {
        supervisor: within(&layout.lib, "abide-supervisor-0123456789ab"),
        layout,
        spec_text: spec.to_toml(),
        version: None,
        jit: false,
    }
}

/// Everything a spec can ask of a script.
pub(in crate::manager) const MUCH: &str = "display-name = \"Orders' API\"\ndescription = \"Takes $orders at `once`\"\n\
     reload.signal = \"HUP\"\nstart = { mode = \"disabled\", after = [\"postgres\", \"net.eth0\"] }\n\
     stop.steps = [{ signal = \"INT\", wait = \"25s\" }]";

/// What a program that is a service itself can ask of one.
pub(in crate::manager) const MUCH_DIRECT: &str = "account.run-as = \"orders\"\nreload.signal = \"USR1\"\n\
     restart = { when = \"always\", delay = { initial = \"1500ms\", factor = 1.0 }, give-up = { after = 5, within = \"1m\" } }\n\
     stop.steps = [{ signal = \"INT\", wait = \"25s\" }]\nlimits = { open-files = 4096, processes = 64 }";

/// The text of the file at a path among the artifacts.
pub(in crate::manager) fn text_at(artifacts: &[Artifact], wanted: &Path) -> String {
    let at = |artifact: &&Artifact| matches!(&artifact.target, Target::File { path, .. } if path == wanted);
    artifacts.iter().find(at).unwrap().content.clone()
}

fn script(spec: &Spec) -> String {
    let context = context(spec, Layout::unix());
    text_at(&render::render(spec, &context), &script_path(&context.layout, &spec.name))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn the_scripts_are_as_they_were_read() {
    for (spec, golden) in [
        (spec(""), include_str!("golden/supervised.sh")),
        (spec(MUCH), include_str!("golden/much.sh")),
        (direct(""), include_str!("golden/direct.sh")),
        (direct(MUCH_DIRECT), include_str!("golden/direct-much.sh")),
        (direct("restart.when = \"never\""), include_str!("golden/direct-never.sh")),
    ] {
        assert_eq!(script(&spec), golden.replace("\r\n", "\n"));
    }
}

#[test]
fn a_script_is_known_as_ours_and_can_be_executed() {
    let spec = spec("");
    let artifacts = render::render(&spec, &context(&spec, Layout::unix()));
    assert_eq!(artifacts.len(), 1);
    let text = script(&spec);
    assert_eq!(text.lines().next(), Some("#!/sbin/openrc-run"));
    assert_eq!(text.lines().nth(1), Some(MARKER));
    assert!(matches!(artifacts[0].target, Target::File { access: Access::Executable, .. }));
    assert_eq!(artifacts[0].target.to_string(), "file /etc/init.d/orders");
}

#[test]
fn secrets_stand_in_no_script() {
    let mut spec = direct("");
    spec.program.env.insert("TOKEN".into(), "hunter2".into());
    let artifacts = render::render(&spec, &context(&spec, Layout::unix()));
    assert!(!artifacts[0].content.contains("hunter2"));
    assert!(artifacts[1].content.contains("export TOKEN='hunter2'\n"));
    let private = Target::File { path: "/etc/abide/services/orders.env.sh".into(), access: Access::Private };
    assert_eq!(artifacts[1].target, private);
}

#[test]
fn a_plain_spec_loses_nothing() {
    assert_eq!(findings(&spec("")), []);
    assert_eq!(findings(&spec("start.after = [\"postgres\"]")), []);
    let levels = |spec: &Spec| findings(spec).iter().map(|finding| finding.level).max();
    assert_eq!(levels(&direct("")), Some(Level::Note));
    assert_eq!(levels(&direct("restart.when = \"always\"")), None);
}

#[test]
fn what_a_script_cannot_do_is_found() {
    let found = |spec: &Spec, field: &str| {
        let found = findings(spec);
        let of =
            |finding: &&Finding| finding.level == Level::Error && finding.field.as_deref() == Some(field);
        assert_eq!(found.iter().filter(of).count(), 1, "{field}: {found:?}");
    };
    found(&spec("start.after = [\"a;b\"]"), "start.after");
    found(&direct("restart.codes.never = [3]"), "restart.codes");
    found(&direct("restart.signals.never = [\"TERM\"]"), "restart.signals");
    found(&direct("account.groups = [\"video\"]"), "account.groups");
    found(&direct("stop.steps = [{ command = [\"/bin/true\"] }]"), "stop.steps");
    let mut bad = direct("");
    bad.program.env.insert("a.b".into(), "x".into());
    found(&bad, "program.env");
    let mut bad = direct("");
    bad.program.env.insert("A".into(), "${HOME}".into());
    found(&bad, "program.env");
}

#[test]
fn answers_of_rc_service_are_told_apart() {
    let state =
        |code: i32| state_of(&Answer { code: Some(code), text: String::new(), errors: String::new() });
    assert_eq!(state(0), Some(ManagerState::Running));
    assert_eq!(state(3), Some(ManagerState::Stopped));
    assert_eq!(state(4), Some(ManagerState::Stopping));
    assert_eq!(state(8), Some(ManagerState::Starting));
    assert_eq!(state(32), Some(ManagerState::Failed));
    assert_eq!(state(64), Some(ManagerState::Running));
    // The service is not known.
    assert_eq!(state(1), None);
    assert_eq!(state_of(&Answer { code: None, text: String::new(), errors: String::new() }), None);
}

#[test]
fn the_last_word_of_a_supervisor_is_read_back() {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    let orders = name("orders");
    let path = exit_file(&layout, &orders);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert_eq!(End::read(&path), None);
    for (code, word) in [(0, "ended"), (7, "failed")] {
        End::write(&layout, &orders, code, Some(12));
        let end = End::read(&path).unwrap();
        assert_eq!((end.word.as_str(), end.code), (word, code));
        assert!(end.at.is_some());
    }
    for torn in ["", "failed", "failed x", "\0\0"] {
        fs::write(&path, torn).unwrap();
        assert_eq!(End::read(&path), None, "{torn:?}");
    }
    // This test's parent is no supervise-daemon.
    fs::remove_file(&path).unwrap();
    last_act(&layout, &orders, 7);
    assert_eq!(End::read(&path), None);
}

#[test]
fn scripts_are_listed_by_the_names_services_can_have() {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::below(root.path());
    assert_eq!(scripts(&layout).unwrap(), []);
    let folder = root.path().join("etc/init.d");
    fs::create_dir_all(&folder).unwrap();
    for file in ["orders", ".orders.before", "a b"] {
        fs::write(folder.join(file), "x").unwrap();
    }
    assert_eq!(scripts(&layout).unwrap(), [(name("orders"), folder.join("orders"))]);
    let native = OpenRc::new(layout);
    assert_eq!(native.look(&name("other")).unwrap(), Seen::NOTHING);
    assert_eq!(native.elsewhere(&name("orders")), None);
    fs::create_dir_all(root.path().join("usr/local/etc/init.d")).unwrap();
    fs::write(root.path().join("usr/local/etc/init.d/orders"), "x").unwrap();
    assert_eq!(native.elsewhere(&name("orders")).as_deref(), Some("script /usr/local/etc/init.d/orders"));
}

#[cfg(unix)]
#[test]
fn the_shell_takes_every_script() {
    assert_takes(LAST_ACT);
    for text in [script(&spec("")), script(&spec(MUCH)), script(&direct("")), script(&direct(MUCH_DIRECT))] {
        assert_takes(&text);
    }
}

/// Has the shell parse a script without running it.
#[cfg(unix)]
pub(in crate::manager) fn assert_takes(script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    fs::write(&path, script).unwrap();
    let output = Command::new("sh").arg("-n").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

/// Texts as awkward arguments, paths and values have them.
#[cfg(unix)]
pub(in crate::manager) fn awkward() -> impl Strategy<Value = String> {
    let awkward =
        prop::sample::select("'\"\\'$`%!#&|;<>(){}[]*?~=^ \t\r\n\u{1}abé漢😀-".chars().collect::<Vec<_>>());
    prop::collection::vec(awkward, 0..16).prop_map(|chars| chars.into_iter().collect())
}

/// What a program gets that OpenRC starts: it sources the script, and evaluates the command line once more.
#[cfg(unix)]
fn started(spec: &Spec, root: &Path) -> String {
    const AS_OPENRC: &str = r#"
        . "$1/etc/init.d/orders"
        abide_own_env=$abide_env
        eval cd $directory
        eval $command $command_args
    "#;
    let context = context(spec, Layout::below(root));
    for artifact in render::render(spec, &context) {
        let Target::File { path, .. } = artifact.target else { panic!("a file") };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, artifact.content).unwrap();
    }
    let output = Command::new("sh").args(["-c", AS_OPENRC, "sh"]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_program_gets_every_word_byte_for_byte(
        words in prop::collection::vec(awkward(), 0..4),
        program in "[a' \t\n\"$`%\\\\*?é&;#~-]{1,8}",
        folder in "[a' \t\"$`%\\\\*?é&;#~-]{1,8}",
        value in awkward(),
    ) {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().canonicalize().unwrap();
        let (program, folder) = (home.join(format!("p{program}")), home.join(format!("f{folder}")));
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        fs::create_dir(&folder).unwrap();
        let printing = "pwd; printf '%s' \"$command\"; for word do printf '\\0%s' \"$word\"; done";
        let mut spec = direct("account.run-as = \"system\"");
        spec.program.command = [program.to_str().unwrap(), "-c", printing, "sh"].map(str::to_owned).to_vec();
        spec.program.command.extend(words.iter().cloned());
        spec.program.working_dir = Some(folder.clone());
        // A name that the script uses itself.
        spec.program.env.insert("command".into(), abide_spec::expand::escape(&value));
        spec.program.env.insert("PATH".into(), "/nonexistent".into());
        let mut wanted = format!("{}\n{value}", folder.display());
        for word in &words {
            wanted.push('\0');
            wanted.push_str(word);
        }
        prop_assert_eq!(started(&spec, root.path()), wanted);
    }

    #[test]
    fn descriptions_stay_on_their_line(text in awkward()) {
        let mut spec = spec("");
        spec.description = Some(format!("x{text}"));
        let text = script(&spec);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("description=")).collect();
        prop_assert_eq!(lines.len(), 1);
        assert_takes(&text);
    }
}
