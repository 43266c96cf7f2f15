//! How programs are started, and what is said when they cannot be.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use abide_os::events::Loop;
use abide_os::process::{Identity, OutputMode, Stage, Tree};
use abide_spec::Exit;
use support::*;

#[test]
fn a_program_starts_clean() {
    both(|events| {
        let script = "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.*\\)/\\1 \\2/p'; \
            grep -E 'Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f6 /proc/$$/stat";
        let _open = fs::File::open("/etc/passwd").unwrap();
        let mut spawned = start(&sh(script), events);
        let pid = spawned.tree.pid();
        let text = Lines::of(&mut spawned).rest();
        assert_eq!(wait_exit(events, pid), Exit::Code(0));
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap(), "0 /dev/null");
        assert!(lines.next().unwrap().starts_with("1 pipe:"), "{text}");
        assert!(lines.next().unwrap().starts_with("2 pipe:"), "{text}");
        assert!(lines.next().unwrap().starts_with("3 /proc/"), "{text}");
        for kind in ["SigBlk", "SigIgn"] {
            assert_eq!(lines.next().unwrap(), format!("{kind}:\t0000000000000000"));
        }
        assert_eq!(lines.next().unwrap(), pid.to_string(), "a session of its own");
        assert_eq!(lines.next(), None);
    });
}

#[test]
fn arguments_and_environment_pass_byte_for_byte() {
    let _alone = alone();
    let events = &mut new_loop();
    let odd = ["", " ", "a b", "\"'\\", "%PATH% $HOME", "line\nbreak", "tail\\", "ünï€𝄞"];
    let mut launch = launch("/usr/bin/env", &["sh", "-c", "printf '%s\\0' \"$@\"; printf %s \"$ODD\"", "x"]);
    launch.args.extend(odd.iter().map(Into::into));
    launch.args.push(std::ffi::OsString::from_vec(vec![0xff, 0xfe]));
    launch.env.push(("ODD".into(), std::ffi::OsString::from_vec(b"\xff=\n ".to_vec())));
    let mut spawned = start(&launch, events);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut spawned.output.take().unwrap().0, &mut bytes).unwrap();
    let mut expected = Vec::new();
    for arg in odd {
        expected.extend_from_slice(arg.as_bytes());
        expected.push(0);
    }
    expected.extend_from_slice(b"\xff\xfe\0\xff=\n ");
    assert_eq!(bytes, expected);
}

#[test]
fn the_environment_is_whole_and_marked() {
    let _alone = alone();
    let events = &mut new_loop();
    let mut launch = launch("/usr/bin/env", &[]);
    launch.env = vec![
        ("A".into(), "1".into()),
        ("NOTIFY_SOCKET".into(), "/theirs".into()),
        ("ABIDE_INSTANCE".into(), "x".into()),
    ];
    let mut spawned = start(&launch, events);
    assert_eq!(Lines::of(&mut spawned).rest(), format!("A=1\nABIDE_INSTANCE={}\n", launch.instance));
    launch.notify = Some("/ours".into());
    let mut spawned = start(&launch, events);
    let expected = format!("A=1\nABIDE_INSTANCE={}\nNOTIFY_SOCKET=/ours\n", launch.instance);
    assert_eq!(Lines::of(&mut spawned).rest(), expected);
}

#[test]
fn output_can_go_nowhere() {
    let _alone = alone();
    let events = &mut new_loop();
    let mut launch = sh("[ /dev/null -ef /proc/$$/fd/1 ] && [ /dev/null -ef /proc/$$/fd/2 ] && exit 5");
    launch.output = OutputMode::Null;
    let spawned = start(&launch, events);
    assert!(spawned.output.is_none());
    assert_eq!(wait_exit(events, spawned.tree.pid()), Exit::Code(5));
}

fn refused(launch: &abide_os::process::Launch, events: &mut Loop<u32>) -> (Stage, String) {
    match Tree::spawn(launch, events) {
        Err(error) => (error.stage, error.to_string()),
        Ok(spawned) => panic!("{spawned:?} runs"),
    }
}

#[test]
fn failures_to_start_say_what_to_do() {
    both(|events| {
        // Dead ones of earlier tests.
        let before = children();
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let file = |name: &str, content: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let mut check = |launch: &abide_os::process::Launch, stage: Stage, text: &str| {
            assert_eq!(
                refused(launch, events),
                (stage, format!("cannot start {}: {text}", launch.program.display()))
            );
        };
        let missing = format!("{at}/none");
        check(&launch(&missing, &[]), Stage::Exec, "there is no such file");
        let path = file("plain", "#!/bin/sh\n", 0o644);
        check(&launch(&path, &[]), Stage::Exec, &format!("the file is not executable; run: chmod +x {path}"));
        check(&launch(&at, &[]), Stage::Exec, "it is a directory");
        let path = file("script", "#!/opt/none/python3 -u\n", 0o755);
        let text = "the interpreter /opt/none/python3 in its first line does not exist; install it or correct the line";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("dos", "#!/bin/sh\r\necho\r\n", 0o755);
        let text = "its first line names the interpreter /bin/sh with a carriage return at the end; save the file with Unix line ends";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("bare", "echo hello\n", 0o755);
        let text = "the file is neither an executable of this machine nor a script that names its interpreter; begin a script with a line such as #!/bin/sh";
        check(&launch(&path, &[]), Stage::Exec, text);
        let path = file("empty", "", 0o755);
        check(&launch(&path, &[]), Stage::Exec, "the file is empty");
        let big = "x".repeat(200_000);
        check(
            &launch("/bin/true", &[&big]),
            Stage::Exec,
            "its arguments and environment are larger than the system allows",
        );

        let mut it = launch("/bin/true", &[]);
        it.working_dir = Some(missing.clone().into());
        let text =
            format!("its working directory {missing} does not exist; create it or correct working-dir");
        check(&it, Stage::WorkingDir, &text);
        it.working_dir = Some("/bin/true".into());
        check(
            &it,
            Stage::WorkingDir,
            "its working directory /bin/true is not a directory; correct working-dir",
        );
        it.working_dir = Some("here".into());
        check(&it, Stage::Arguments, "the working directory here is not absolute");
        check(&launch("true", &[]), Stage::Arguments, "the program true is not absolute");
        check(&launch("/bin/true", &["a", "b\0c"]), Stage::Arguments, "argument 2 contains a NUL byte");
        let mut it = launch("/bin/true", &[]);
        it.env.push(("SECRET".into(), "x\0y".into()));
        check(&it, Stage::Arguments, "environment variable SECRET contains a NUL byte");
        let mut it = launch("/bin/true", &[]);
        it.identity = Identity::User { name: "no-such-user".into(), groups: vec![] };
        check(
            &it,
            Stage::Identity,
            "changing to its account failed: there is no user \"no-such-user\" on this machine",
        );
        // No process of any of them is left, not even a dead one.
        assert_eq!(children(), before);
    });
}

#[test]
fn another_user_can_be_had() {
    if !am_root() {
        return;
    }
    both(|events| {
        let mut launch = sh("id -u; id -g; id -G; grep NoNewPrivs /proc/self/status; pwd");
        launch.identity = Identity::User { name: "nobody".into(), groups: vec!["7".into()] };
        launch.working_dir = Some("/".into());
        let mut spawned = start(&launch, events);
        let text = Lines::of(&mut spawned).rest();
        assert_eq!(text, "65534\n65534\n65534 7\nNoNewPrivs:\t1\n/\n");

        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        launch.working_dir = Some(private.path().to_owned());
        let (stage, text) = refused(&launch, events);
        assert_eq!(stage, Stage::WorkingDir);
        assert!(text.contains("user nobody may not enter its working directory"), "{text}");
        let program = private.path().join("x");
        fs::copy("/bin/true", &program).unwrap();
        launch.working_dir = None;
        launch.program = program;
        let (stage, text) = refused(&launch, events);
        assert_eq!(stage, Stage::Exec);
        assert!(text.contains("user nobody may not execute it"), "{text}");
    });
}

#[test]
fn limits_hold() {
    both(|events| {
        let mut launch = sh("ulimit -n; ulimit -u 2>/dev/null || grep 'Max processes' /proc/self/limits");
        launch.limits.open_files = Some(77);
        let mut spawned = start(&launch, events);
        assert_eq!(Lines::of(&mut spawned).next(), "77");
        wait_exit(events, spawned.tree.pid());
    });
}
