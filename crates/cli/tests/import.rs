//! `abide import` and `abide export`, with the real binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use support::{Folder, Said};

const CONF: &str = "[program:web]\ncommand=/srv/web/server --port 9000\nuser=web\nautorestart=true\npriority=5\n\
                    [program:job]\ncommand=/srv/job/job\n";

/// Runs `abide` with this on its standard input.
fn with_input(folder: &Folder, arguments: &[&str], input: &str) -> Said {
    let mut command = folder.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn specs_go_to_standard_output_and_the_report_to_standard_error() {
    let folder = Folder::new();
    folder.write("supervisord.conf", CONF);
    let said = folder.abide(&["import", "supervisord.conf"]).ended(0);
    for part in ["name = \"web\"", "name = \"job\"", "run-as = \"web\""] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    for part in ["LINE", "[program:web] priority", "start.after names those", "left", "written for a default"]
    {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    let quiet = folder.abide(&["import", "supervisord", "supervisord.conf", "-q"]).ended(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (said.stdout, ""));
}

#[test]
fn files_are_written_once_and_replaced_only_when_asked() {
    let folder = Folder::new();
    folder.write("supervisord.conf", CONF);
    let words = ["import", "supervisord.conf", "-o", "services"];
    let said = folder.abide(&words).ended(0);
    assert!(said.stdout.contains("wrote") && said.stdout.contains("web.toml"), "{}", said.stdout);
    folder.abide(&["check", "services", "--json"]);
    std::fs::remove_file(folder.path().join("services/web.toml")).unwrap();
    folder.write("services/job.toml", "# mine\n");
    folder.abide(&words).error(1, &["job.toml", "is there already", "--force"]);
    assert!(!folder.path().join("services/web.toml").exists(), "all or nothing");
    assert_eq!(std::fs::read_to_string(folder.path().join("services/job.toml")).unwrap(), "# mine\n");
    folder.abide(&[&words[..], &["--force"]].concat()).ended(0);
    assert!(folder.path().join("services/web.toml").exists());
    let text = std::fs::read_to_string(folder.path().join("services/job.toml")).unwrap();
    assert!(text.contains("name = \"job\""), "{text}");
}

#[test]
fn what_is_wrong_is_shown_where_it_stands() {
    let folder = Folder::new();
    folder.write("supervisord.conf", "[program:web]\ncommand=/srv/web 'x\n");
    folder
        .abide(&["import", "supervisord.conf"])
        .error(6, &["never closed", " --> supervisord.conf:2:18", " 2 | command=/srv/web 'x", "^"]);
    folder.write("notes.txt", "nothing of interest\n");
    folder.abide(&["import", "notes.txt"]).error(6, &["neither name nor content", "supervisord"]);
    folder.abide(&["import", "missing.conf"]).error(1, &["missing.conf cannot be read"]);
    folder.abide(&["import", "cron", "supervisord.conf"]).ended(2);
    folder.abide(&["import", "supervisord.conf", "--force"]).ended(2);
}

#[test]
fn standard_input_needs_a_kind_or_tells_it() {
    let folder = Folder::new();
    let unit = "[Service]\nExecStart=/srv/web/server\n";
    let said = with_input(&folder, &["import", "systemd", "-", "--name", "web"], unit).ended(0);
    assert!(said.stdout.contains("name = \"web\""), "{}", said.stdout);
    with_input(&folder, &["import", "-"], unit).error(6, &["--name NAME"]);
}

#[test]
fn nothing_that_could_run_is_a_failure_with_a_report() {
    let folder = Folder::new();
    folder.write("compose.yaml", "services:\n  db:\n    image: postgres\n");
    let said =
        folder.abide(&["import", "compose.yaml"]).error(6, &["services.db.image", "nothing in compose.yaml"]);
    assert!(said.stderr.contains("container engine"), "{}", said.stderr);
}

#[test]
fn a_spec_comes_back_from_what_it_was_exported_to() {
    let folder = Folder::new();
    folder.write(
        "web.toml",
        "name = \"web\"\n[program]\ncommand = [\"/srv/web/a b\", \"$x\", \"100%\"]\nworking-dir = \"/srv/web\"\n\
         [account]\nrun-as = \"system\"\n[security]\nprofile = \"none\"\n",
    );
    let unit = folder.abide(&["export", "systemd", "web.toml"]).ended(0);
    assert!(unit.stdout.contains("ExecStart=\"/srv/web/a b\" \"$$x\" \"100%%\""), "{}", unit.stdout);
    assert!(unit.stderr.contains("BECAME"), "{}", unit.stderr);
    folder.abide(&["export", "systemd", "web.toml", "-o", "."]).ended(0);
    folder.abide(&["export", "systemd", "web.toml", "-o", "."]).error(1, &["web.service is there already"]);
    let back = folder.abide(&["import", "web.service", "-q"]).ended(0);
    assert!(back.stdout.contains("command = [\"/srv/web/a b\", \"$x\", \"100%\"]"), "{}", back.stdout);
    for kind in ["launchd", "winsw", "nssm"] {
        let json = folder.abide(&["export", kind, "web.toml", "--json"]).ended(0).json();
        assert_eq!((json["schema"].as_str(), json["kind"].as_str()), (Some("abide.export/1"), Some(kind)));
    }
    folder.write("bad.toml", "nam = 1\n");
    folder.abide(&["export", "nssm", "bad.toml"]).error(6, &[" --> bad.toml:1:1", "^^^"]);
}
