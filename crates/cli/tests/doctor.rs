//! `abide doctor`: faults that are put into real services, each found by its id.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::{Folder, Running};

/// What this executable does when a service runs it, instead of testing.
const ROLE: &str = "DOCTOR_TEST_ROLE";

/// The program of the services below: does nothing unless it was told its role.
#[test]
fn as_a_program() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (what, value) = role.split_once(' ').unwrap();
    match what {
        // Answers every request like this, after so many milliseconds.
        "serve" => {
            let mut words = value.splitn(3, ' ');
            let mut next = || words.next().unwrap();
            let (port, late, answer) = (next().parse().unwrap(), next().parse().unwrap(), next());
            serve(port, Duration::from_millis(late), answer);
        }
        "leak" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; value.parse().unwrap()]);
                thread::sleep(Duration::from_millis(20));
            }
        }
        "open" => {
            let (count, every) = value.split_once(' ').unwrap();
            let mut kept = Vec::new();
            while kept.len() < count.parse().unwrap() {
                kept.push(File::open("/dev/null").unwrap());
                thread::sleep(Duration::from_millis(every.parse().unwrap()));
            }
            println!("opened");
            thread::sleep(Duration::from_secs(600));
        }
        other => panic!("{other}"),
    }
}

fn serve(port: u16, late: Duration, answer: &str) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    println!("serving");
    for stream in listener.incoming().flatten() {
        let mut stream: TcpStream = stream;
        let answer = answer.to_owned();
        thread::spawn(move || {
            let _ = stream.read(&mut [0; 1024]);
            thread::sleep(late);
            let _ = write!(stream, "{answer}\r\nContent-Length: 0\r\n\r\n");
        });
    }
}

/// A spec whose program is this executable in a role.
fn role(folder: &Folder, name: &str, role: &str, more: &str) {
    let program = std::env::current_exe().unwrap();
    folder.write(
        &format!("{name}.toml"),
        format!(
            "name = \"{name}\"\n{more}\n[program]\ncommand = [{program:?}, \"--exact\", \"as_a_program\", \
             \"--nocapture\"]\nenv = {{ {ROLE} = {role:?} }}\n"
        ),
    );
}

/// A port that nobody listens on for now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn doctor(folder: &Folder, name: &str, more: &[&str]) -> Value {
    let said = folder.abide(&[&["doctor", name, "--json"], more].concat());
    let told = said.json();
    let is_fault = told["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] == "error");
    assert_eq!(said.code, Some(i32::from(is_fault)), "{said:?}");
    told
}

fn ids(told: &Value) -> Vec<String> {
    let findings = told["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn finds(folder: &Folder, name: &str, wanted: &[&str]) -> Value {
    let told = doctor(folder, name, &[]);
    let found = ids(&told);
    for id in wanted {
        assert!(found.iter().any(|one| one == id), "{name}: {id} is not among {found:?}: {told:#}");
    }
    told
}

/// The findings, once this one is among them: what is asked may have to come about first.
#[track_caller]
fn comes_to(folder: &Folder, name: &str, id: &str) -> Value {
    let until = std::time::Instant::now() + support::LONG;
    loop {
        let told = doctor(folder, name, &[]);
        if ids(&told).iter().any(|one| one == id) {
            return told;
        }
        assert!(std::time::Instant::now() < until, "{id} is not found in time: {told:#}");
    }
}

fn up(folder: &Folder) -> Running {
    folder.up(&["-q", "--no-output"])
}

#[test]
fn programs_that_ended() {
    let folder = Folder::new();
    let never = "[restart]\nwhen = \"never\"";
    let faults: [(&str, &str, &str, &[&str]); 16] = [
        ("one", "echo 'ERROR it is broken'; exit 1", never, &["failed", "exit-code", "log-error"]),
        ("code-127", "exec no-such-command-here", never, &["failed", "exit-code"]),
        ("code-126", "exec /", never, &["failed", "exit-code"]),
        ("kill", "kill -KILL $$", never, &["failed"]),
        ("segv", "kill -SEGV $$", never, &["crashed"]),
        ("abort", "kill -ABRT $$", never, &["crashed"]),
        ("code-139", "exit 139", never, &["crashed"]),
        ("term", "kill -TERM $$", never, &["terminated"]),
        ("code-143", "exit 143", never, &["terminated"]),
        (
            "gives-up",
            "exit 3",
            "[restart]\ngive-up = { after = 2, within = \"1m\" }\ndelay = { initial = \"10ms\" }",
            &["gave-up"],
        ),
        (
            "go",
            "printf 'panic: boom\\n\\ngoroutine 1 [running]:\\nmain.main()\\n\\t/srv/main.go:4 +0x25\\n' >&2; exit 2",
            never,
            &["log-trace"],
        ),
        (
            "port",
            "echo 'listen tcp :80: bind: address already in use' >&2; exit 1",
            never,
            &["log-port-taken"],
        ),
        (
            "module",
            "echo \"ModuleNotFoundError: No module named 'flask'\" >&2; exit 1",
            never,
            &["log-missing"],
        ),
        (
            "memory",
            "echo 'FATAL java.lang.OutOfMemoryError: Java heap space'; exit 1",
            never,
            &["log-memory"],
        ),
        (
            "password",
            "echo 'ERROR password authentication failed for user x'; exit 1",
            never,
            &["log-password"],
        ),
        (
            "late",
            "sleep 60",
            "[restart]\nwhen = \"never\"\n[start]\nready = { log = \"never\", timeout = \"300ms\" }",
            &["not-ready"],
        ),
    ];
    for (name, script, more, _) in &faults {
        folder.shell(name, script, more);
    }
    folder.abide(&["up", "-q", "--no-output"]).ended(1);
    for (name, _, _, wanted) in &faults {
        finds(&folder, name, wanted);
    }
    let killed = ids(&finds(&folder, "kill", &[]));
    assert!(killed.iter().any(|id| id.starts_with("killed")), "{killed:?}");
    let told = finds(&folder, "go", &[]);
    assert!(told.to_string().contains("/srv/main.go:4 in main.main"), "{told:#}");
    // The machine in lines: each of these has a fault.
    let here = folder.path().display().to_string();
    let said = folder.abide(&["doctor", "--dir", &here]).ended(1);
    assert_eq!(
        said.stdout.lines().filter(|line| line.starts_with('✗')).count(),
        faults.len(),
        "{}",
        said.stdout
    );
    let all = folder.abide(&["doctor", "--json", "--dir", &here]).ended(1).json();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["service"]), (faults.len() + 1, &Value::Null));
}

#[test]
fn what_is_well_yields_nothing_and_what_is_stopped_a_word() {
    let folder = Folder::new();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let more = format!(
        "start.ready = {{ http = {url:?} }}\nhealth = [{{ http = {url:?}, timeout = \"20s\" }}]\nregister.port = {port}"
    );
    role(&folder, "web", &format!("serve {port} 0 HTTP/1.1 200 OK"), &more);
    let _up = up(&folder);
    folder.wait_ready("web");
    let told = doctor(&folder, "web", &[]);
    assert_eq!(ids(&told), [""; 0], "{told:#}");
    let said = folder.abide(&["doctor", "web"]).ended(0);
    for step in ["manager", "spec", "program", "access", "ports", "health", "disk", "resources"] {
        assert!(said.stdout.contains(&format!("✓ {step}")), "{step}: {}", said.stdout);
    }
    assert!(said.stderr.contains("nothing wrong"), "{}", said.stderr);
    folder.abide(&["stop", "web"]).ended(0);
    assert_eq!(ids(&finds(&folder, "web", &[])), ["stopped"]);
    folder.abide(&["doctor", "nobody"]).error(5, &["nobody"]);
}

#[test]
fn a_program_that_ends_again_and_again() {
    let folder = Folder::new();
    let restart = "[restart]\ngive-up = false\ndelay = { initial = \"10ms\", factor = 1.0 }";
    folder.shell("loop", "exit 1", restart);
    folder.write("run.sh", "#!/bin/sh\nrm -- \"$0\"\nexit 1\n");
    let script = folder.path().join("run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    folder.write("vanish.toml", format!("name = \"vanish\"\n{restart}\n[program]\ncommand = [{script:?}]\n"));
    let _up = up(&folder);
    folder.wait("loop", |status| status["restarts"].as_u64() > Some(3));
    finds(&folder, "loop", &["crash-loop"]);
    comes_to(&folder, "vanish", "cannot-start");
    finds(&folder, "vanish", &["program-missing"]);
}

#[test]
fn supervisors_that_died_or_do_not_answer() {
    let folder = Folder::new();
    folder.shell("web", "sleep 600", "");
    let running = up(&folder);
    folder.wait_ready("web");
    running.signal("STOP");
    finds(&folder, "web", &["supervisor-silent"]);
    drop(running);
    finds(&folder, "web", &["supervisor-gone"]);
    folder.write(".abide/state/web/status.json", "{ not json");
    finds(&folder, "web", &["status-unreadable"]);
}

#[test]
fn specs_and_folders_that_were_changed() {
    let folder = Folder::new();
    let made = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let work = made("work");
    let env = folder.write("env", "A=1\n");
    folder.shell("broken", "sleep 600", "");
    folder.shell("newer", "sleep 600", "");
    folder.shell("open", "sleep 600", "");
    folder.shell("ahead", "sleep 600", "");
    let files = format!(
        "program.working-dir = {work:?}\nprogram.env-file = {env:?}\nprogram.command = [\"sleep\", \"600\"]"
    );
    folder.write("files.toml", format!("name = \"files\"\n{files}\n"));
    folder.shell("first", "sleep 600", "[start]\nready = { log = \"never\", timeout = \"1h\" }");
    folder.shell("second", "sleep 600", "[start]\nafter = [\"first\"]");
    let _up = up(&folder);
    for name in ["broken", "newer", "open", "ahead", "files"] {
        folder.wait_ready(name);
    }
    folder.write("broken.toml", "name = \"broken\"\nprogram.comand = 1\n");
    finds(&folder, "broken", &["spec-invalid"]);
    let newer = File::options().write(true).open(folder.path().join("newer.toml")).unwrap();
    newer.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    finds(&folder, "newer", &["spec-not-applied"]);
    let everybody = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path().join(".abide/state/open"), everybody).unwrap();
    finds(&folder, "open", &["folder-open"]);
    let events = folder.path().join(".abide/state/ahead/events.ndjson");
    let line = "{\"schema\":\"abide.event/1\",\"time\":\"2999-01-01T00:00:00.000Z\",\"service\":\"ahead\",\"text\":\"later\",\"record\":{\"kind\":\"paused\"}}\n";
    File::options().append(true).open(events).unwrap().write_all(line.as_bytes()).unwrap();
    finds(&folder, "ahead", &["clock-behind"]);
    fs::remove_dir(&work).unwrap();
    fs::remove_file(&env).unwrap();
    finds(&folder, "files", &["working-dir", "env-file"]);
    finds(&folder, "second", &["waiting"]);
}

#[test]
fn ports_and_peers() {
    let folder = Folder::new();
    let (taken, silent, refused) = (free_port(), free_port(), free_port());
    folder.shell("taken", "sleep 600", &format!("register.port = {taken}"));
    folder.shell("silent", "sleep 600", &format!("register.port = {silent}"));
    let env =
        format!("A = \"postgres://me:secret@127.0.0.1:{refused}/x\"\nB = \"redis://no-such-host.invalid\"\n");
    folder.write(
        "peers.toml",
        format!("name = \"peers\"\n[program]\ncommand = [\"sleep\", \"600\"]\n[program.env]\n{env}"),
    );
    let _up = up(&folder);
    for name in ["taken", "silent", "peers"] {
        folder.wait_ready(name);
    }
    let _listener = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let told = finds(&folder, "taken", &["port-taken"]);
    assert!(told.to_string().contains(&format!("process {}", std::process::id())), "{told:#}");
    finds(&folder, "silent", &["port-not-listening"]);
    let told = finds(&folder, "peers", &["peer-refused", "dns"]);
    assert!(!told.to_string().contains("secret"), "{told:#}");
}

#[test]
fn programs_that_answer_badly_or_not() {
    let folder = Folder::new();
    let ask = |port: u16, timeout: &str| {
        format!(
            "health = [{{ http = \"http://127.0.0.1:{port}/\", timeout = \"{timeout}\", every = \"1h\", initial-delay = \"1h\", then = \"report\" }}]\nstart.ready = {{ log = \"serving\" }}"
        )
    };
    for (name, answer, late, timeout) in [
        ("error", "HTTP/1.1 503 X", 0, "20s"),
        ("refused", "HTTP/1.1 404 X", 0, "20s"),
        ("slow", "HTTP/1.1 200 OK", 5500, "9s"),
        ("stuck", "HTTP/1.1 200 OK", 600_000, "300ms"),
        ("ssh", "SSH-2.0-OpenSSH_9.2", 0, "20s"),
    ] {
        let port = free_port();
        role(&folder, name, &format!("serve {port} {late} {answer}"), &ask(port, timeout));
    }
    let beat = folder.path().join("beat");
    folder.shell(
        "beat",
        "sleep 600",
        &format!("health = [{{ file = {beat:?}, every = \"1h\", initial-delay = \"1h\" }}]"),
    );
    let check = "health = [{ exec = [\"false\"], every = \"50ms\", unhealthy-after = 1, then = \"report\" }]";
    folder.shell("ill", "sleep 600", check);
    let _up = up(&folder);
    for name in ["error", "refused", "slow", "stuck", "ssh", "beat"] {
        folder.wait_ready(name);
    }
    finds(&folder, "error", &["health-error"]);
    finds(&folder, "refused", &["health-refused"]);
    finds(&folder, "slow", &["health-slow"]);
    finds(&folder, "stuck", &["health-timeout"]);
    finds(&folder, "ssh", &["health-broken"]);
    finds(&folder, "beat", &["heartbeat-old"]);
    folder.wait("ill", |status| status["healthy"] == false);
    finds(&folder, "ill", &["health-failing"]);
}

#[test]
fn what_programs_use_of_the_machine() {
    let folder = Folder::new();
    let limit = "accept = [\"limits.memory\"]\nlimits.memory = \"1MiB\"";
    folder.shell("memory", "while :; do sleep 1; done", limit);
    folder.shell("busy", "while :; do :; done", "");
    role(&folder, "files", "open 40 0", "limits.open-files = 48\nstart.ready = { log = \"opened\" }");
    role(&folder, "leak", "leak 1000000", "");
    role(&folder, "handles", "open 100000 10", "");
    let _up = up(&folder);
    for name in ["memory", "busy", "files", "leak", "handles"] {
        folder.wait_ready(name);
    }
    finds(&folder, "memory", &["memory-near-limit"]);
    finds(&folder, "files", &["descriptors-near-limit"]);
    let told = comes_to(&folder, "busy", "cpu-busy");
    assert!(told.to_string().contains("thread "), "{told:#}");
    for (name, id) in [("leak", "memory-leak"), ("handles", "descriptor-leak")] {
        let told = doctor(&folder, name, &["--window", "5s"]);
        assert!(ids(&told).iter().any(|one| one == id), "{id}: {told:#}");
    }
}

#[test]
fn a_bundle_holds_no_secret_and_takes_no_other_files_place() {
    const SECRETS: [&str; 6] = [
        "s3cret-of-env",
        "s3cret-of-file",
        "s3cret-of-argument",
        "s3cret-in-print",
        "s3cret-of-pattern-77",
        "p%40ss-w0rd",
    ];
    let folder = Folder::new();
    let env = folder.write("env", "FILE_TOKEN=s3cret-of-file\n");
    let script = "echo \"got $API_KEY and $FILE_TOKEN and $DB\"; echo 'ERROR password=s3cret-in-print'; echo 'card s3cret-of-pattern-77'; echo p@ss-w0rd; exit 1";
    folder.write(
        "web.toml",
        format!(
            "name = \"web\"\nrestart.when = \"never\"\nlogs.redact = [\"never-there\"]\n[program]\n\
             command = [\"sh\", \"-c\", {script:?}, \"--token\", \"s3cret-of-argument\"]\nenv-file = {env:?}\n\
             env = {{ API_KEY = \"s3cret-of-env\", DB = \"postgres://me:p%40ss-w0rd@127.0.0.1:1/x\" }}\n"
        ),
    );
    folder.abide(&["up", "-q"]).ended(1);
    // The spec's own pattern came later than what was printed.
    let spec = fs::read_to_string(folder.path().join("web.toml")).unwrap();
    folder.write("web.toml", spec.replace("never-there", "s3cret-of-pattern-\\\\d+"));
    for name in ["web.tar.zst", "web.tar.gz"] {
        let said = folder.abide(&["doctor", "web", "--bundle", name]).ended(1);
        assert!(said.stdout.contains(&format!("{name} is written")), "{}", said.stdout);
        let path = folder.path().join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let files = unpacked(&path);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        for wanted in [
            "findings.json",
            "spec.toml",
            "status.json",
            "events.txt",
            "output.log",
            "versions.json",
            "README.txt",
        ] {
            assert!(names.contains(&format!("web/{wanted}").as_str()), "{names:?}");
        }
        for (name, text) in &files {
            for secret in SECRETS.into_iter().chain(["p@ss-w0rd"]) {
                // The script itself is a part of the command, and prints these.
                let is_told = text.contains(secret);
                assert!(!is_told, "{secret} stands in {name}: {text}");
            }
        }
        let of = |name: &str| &files.iter().find(|(one, _)| one.ends_with(name)).unwrap().1;
        assert!(of("output.log").contains("got *** and *** and ***"), "{}", of("output.log"));
        assert!(of("spec.toml").contains("API_KEY = \"***\""), "{}", of("spec.toml"));
        serde_json::from_str::<Value>(of("findings.json")).unwrap();
        serde_json::from_str::<Value>(of("status.json")).unwrap();
        let before = fs::read(&path).unwrap();
        folder.abide(&["doctor", "web", "--bundle", name]).error(1, &["is there already"]);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    folder.abide(&["doctor", "web", "--bundle", "web.zip"]).error(2, &[".tar.zst"]);
    assert!(!folder.path().join("web.zip").exists());
    folder.abide(&["doctor", "web", "--bundle", "no/such/x.tar.gz"]).error(1, &["cannot be written"]);
}

/// The files of an archive with their text.
fn unpacked(path: &Path) -> Vec<(String, String)> {
    let file = File::open(path).unwrap();
    let plain: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "zst") {
        Box::new(zstd::Decoder::new(file).unwrap())
    } else {
        Box::new(flate2::read::GzDecoder::new(file))
    };
    let mut archive = tar::Archive::new(plain);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap() & 0o777, 0o600);
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().display().to_string(), text)
    });
    entries.collect()
}

#[test]
fn what_a_program_prints_does_no_harm_to_a_terminal() {
    let folder = Folder::new();
    folder.shell(
        "web",
        "printf 'ERROR \\033[2J\\033]0;owned\\007 bad\\n'; exit 1",
        "[restart]\nwhen = \"never\"",
    );
    folder.abide(&["up", "-q", "--no-output"]).ended(1);
    let said = folder.abide(&["doctor", "web"]).ended(1);
    assert!(said.stdout.contains("bad") && !said.stdout.contains('\x1b'), "{:?}", said.stdout);
}
