//! The scripts as the real `sh` reads them: every word, value and path byte for byte, and the restart policy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use abide_spec::{RunAs, Spec};
use proptest::prelude::*;

use super::{DIRECT, context, file, put, spec};
use crate::manager::{Artifact, Context};
use crate::paths::Layout;

type Render = fn(&Spec, &Context) -> Vec<Artifact>;

/// Both managers start programs through the same lines.
const RENDERED: [(&str, Render); 2] =
    [("runit", crate::manager::runit::render), ("s6", crate::manager::s6::render)];

/// Texts as awkward arguments, paths and values have them.
fn text(least: usize) -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(
        "'\"\\\\'$`%!#&|;<>(){}[]*?~=^ \t\r\n\u{1}\u{1b}\u{7f}abé漢😀-".chars().collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("no NUL", |c| *c != '\0');
    prop::collection::vec(prop_oneof![4 => awkward, 1 => any], least..16)
        .prop_map(|chars| chars.into_iter().collect())
}

/// A name of a file made of such a text.
fn part(text: &str) -> String {
    format!("x{}", text.replace('/', "_"))
}

fn executable(path: &Path, text: &str) {
    crate::manager::executable::put(path, text);
}

/// What a program was given: its folder, arguments and two variables.
fn given(
    render: Render,
    program: &str,
    arguments: &[String],
    folder: &str,
    values: &[String; 2],
) -> Vec<Vec<u8>> {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(part(folder));
    fs::create_dir_all(&place).unwrap();
    let program = place.join(part(program));
    executable(
        &program,
        "#!/bin/sh\n{ pwd; printf '%s\\0%s\\0' \"$ONE\" \"$TWO\"; for word in \"$@\"; do printf '%s\\0' \"$word\"; done; } >\"$OUT\"\n",
    );
    let out = root.path().join("out");
    let mut spec = spec("", "supervised = false");
    spec.account.run_as = RunAs::System;
    spec.program.command = vec![program.to_str().unwrap().to_owned()];
    spec.program.command.extend(arguments.iter().cloned());
    spec.program.working_dir = Some(place.clone());
    let escaped = values.clone().map(|value| abide_spec::expand::escape(&value));
    spec.program.env = BTreeMap::from([
        ("ONE".to_owned(), escaped[0].clone()),
        ("TWO".to_owned(), escaped[1].clone()),
        ("OUT".to_owned(), abide_spec::expand::escape(out.to_str().unwrap())),
    ]);
    let files = render(&spec, &context(&spec, Layout::below(&root.path().join(part(folder)))));
    put(&files);
    let crate::manager::Target::File { path: run, .. } = &files[0].target else { unreachable!() };
    // The third descriptor is s6's.
    let ended = Command::new("sh")
        .args(["-c", "exec ./run 3>/dev/null"])
        .current_dir(run.parent().unwrap())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let mut bytes = fs::read(out).unwrap();
    let physical = fs::canonicalize(&place).unwrap();
    let mut shown = physical.to_str().unwrap().as_bytes().to_vec();
    shown.push(b'\n');
    assert_eq!(&bytes[..shown.len()], shown);
    let rest = bytes.split_off(shown.len());
    let mut parts: Vec<Vec<u8>> = rest.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    parts.pop();
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_word_value_and_path_reaches_the_program_byte_for_byte(
        program in text(1),
        arguments in prop::collection::vec(text(0), 0..5),
        folder in text(1),
        one in text(0),
        two in text(0),
    ) {
        for (manager, render) in RENDERED {
            let values = [one.clone(), two.clone()];
            let read = given(render, &program, &arguments, &folder, &values);
            let expected: Vec<Vec<u8>> =
                values.iter().chain(&arguments).map(|text| text.as_bytes().to_vec()).collect();
            prop_assert_eq!(read, expected, "{}", manager);
        }
    }
}

#[test]
fn every_script_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for (_, render) in RENDERED {
        for (more, program) in
            [("start.after = [\"a\", \"b.socket\"]", ""), DIRECT, ("", "supervised = false")]
        {
            let spec = spec(more, program);
            for artifact in render(&spec, &context(&spec, Layout::unix())) {
                let path = folder.path().join("script");
                fs::write(&path, &artifact.content).unwrap();
                let checked = Command::new("sh").arg("-n").arg(&path).output().unwrap();
                assert!(checked.status.success(), "{}:\n{}", artifact.target, artifact.content);
            }
        }
    }
}

/// What a `finish` script of a program without a supervisor decides: whether it is started again.
fn again(manager: &str, render: Render, folder: &Path, spec: &Spec, end: End) -> bool {
    let files = render(spec, &context(spec, Layout::unix()));
    let script = folder.join("finish");
    executable(&script, &file(&files, "finish").unwrap());
    fs::create_dir_all(folder.join("supervise")).unwrap();
    let control = folder.join("supervise/control");
    let _ = fs::remove_file(&control);
    let (code, signal) = match (end, manager) {
        (End::Code(code), _) => (code, 0),
        (End::Signal(signal), "runit") => (-1, signal),
        (End::Signal(signal), _) => (256, signal),
    };
    let ended = Command::new(&script)
        .args([code.to_string(), signal.to_string()])
        .current_dir(folder)
        .output()
        .unwrap();
    match manager {
        "runit" => !control.exists(),
        _ => ended.status.code() != Some(125),
    }
}

#[derive(Clone, Copy)]
enum End {
    Code(i32),
    Signal(i32),
}

#[test]
fn the_restart_policy_is_kept() {
    use End::{Code, Signal};
    let cases: [(&str, &[(End, bool)]); 4] = [
        ("restart.when = \"on-failure\"", &[(Code(0), false), (Code(1), true), (Signal(9), true)]),
        ("restart.when = \"always\"", &[(Code(0), true), (Code(1), true), (Signal(15), true)]),
        ("restart.when = \"never\"", &[(Code(0), false), (Code(1), false), (Signal(11), false)]),
        (
            "restart = { success-codes = [0, 3], codes = { never = [64], always = [0] }, signals = { never = [\"KILL\"] } }",
            &[
                (Code(0), true),
                (Code(3), false),
                (Code(64), false),
                (Code(5), true),
                (Signal(9), false),
                (Signal(11), true),
            ],
        ),
    ];
    for (manager, render) in RENDERED {
        for (more, ends) in cases {
            let spec = spec(more, "supervised = false");
            for (end, expected) in ends {
                let folder = tempfile::tempdir().unwrap();
                assert_eq!(
                    again(manager, render, folder.path(), &spec, *end),
                    *expected,
                    "{manager}: {more}"
                );
            }
        }
    }
}

#[test]
fn it_gives_up_after_so_many_restarts() {
    for (manager, render) in RENDERED {
        let spec = spec("restart.give-up = { after = 3, within = \"1h\" }", "supervised = false");
        let folder = tempfile::tempdir().unwrap();
        let outcome = |end| again(manager, render, folder.path(), &spec, end);
        assert_eq!([(); 4].map(|()| outcome(End::Code(1))), [true, true, true, false], "{manager}");
        // Begun anew.
        assert!(outcome(End::Code(1)));
    }
}

#[test]
fn restarts_of_long_ago_do_not_count() {
    for (manager, render) in RENDERED {
        let spec = spec("restart.give-up = { after = 1, within = \"10s\" }", "supervised = false");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("supervise")).unwrap();
        fs::write(folder.path().join("supervise/restarts"), "1000 2000\n").unwrap();
        assert!(again(manager, render, folder.path(), &spec, End::Code(1)), "{manager}");
    }
}

/// The end of a supervisor: with a code it stays down, by a signal it is brought back.
#[test]
fn a_supervisor_that_dies_is_brought_back_and_one_that_ends_is_not() {
    for (manager, render) in RENDERED {
        let spec = spec("", "");
        let folder = tempfile::tempdir().unwrap();
        for (end, expected) in
            [(End::Code(0), false), (End::Code(1), false), (End::Code(143), false), (End::Signal(9), true)]
        {
            assert_eq!(again(manager, render, folder.path(), &spec, end), expected, "{manager}");
        }
    }
}

/// The account's groups and the further ones, in the words of each manager's own tools.
#[test]
fn an_account_is_changed_to_by_the_managers_own_tools() {
    let root = tempfile::tempdir().unwrap();
    let tools = root.path().join("bin");
    fs::create_dir(&tools).unwrap();
    let show = "#!/bin/sh\nprintf '%s|' \"${0##*/}\" \"$@\"\n";
    for tool in ["chpst", "s6-setuidgid", "s6-applyuidgid", "s6-softlimit"] {
        executable(&tools.join(tool), show);
    }
    executable(
        &tools.join("id"),
        "#!/bin/sh\ncase $1 in -Gn) echo 'web www-data' ;; -G) echo '7 33' ;; *) echo 7 ;; esac\n",
    );
    executable(&tools.join("getent"), "#!/bin/sh\necho \"$2:x:44:\"\n");
    let said = |render: Render, more: &str| {
        let mut spec = spec(more, "supervised = false");
        spec.program.working_dir = Some(PathBuf::from("/"));
        let files = render(&spec, &context(&spec, Layout::below(root.path())));
        put(&files);
        let crate::manager::Target::File { path: run, .. } = &files[0].target else { unreachable!() };
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let ended = Command::new("sh")
            .args(["-c", "exec ./run 3>/dev/null"])
            .current_dir(run.parent().unwrap())
            .env("PATH", path)
            .output()
            .unwrap();
        String::from_utf8(ended.stdout).unwrap()
    };
    let [(_, runit), (_, s6)] = RENDERED;
    let program = "/srv/orders/server|--port|9000|";
    let web = "account = { run-as = \"web\" }";
    assert_eq!(said(runit, web), format!("chpst|-u|web:web:www-data|{program}"));
    assert_eq!(said(s6, web), format!("s6-setuidgid|web|{program}"));
    let more = "account = { run-as = \"web\", groups = [\"video\"] }";
    assert_eq!(said(runit, more), format!("chpst|-u|web:web:www-data:video|{program}"));
    assert_eq!(said(s6, more), format!("s6-applyuidgid|-u|7|-g|7|-G|7,33,44|{program}"));
    let bounded = format!("{web}\nlimits = {{ processes = 9 }}");
    assert_eq!(said(runit, &bounded), format!("chpst|-p|9|chpst|-u|web:web:www-data|{program}"));
    assert_eq!(said(s6, &bounded), format!("s6-softlimit|-p|9|s6-setuidgid|web|{program}"));
}
