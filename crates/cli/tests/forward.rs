//! `abide forward` with the real binary and a collector that writes down what it is sent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Folder, LONG, Running};

/// Takes what is posted to it, until the test ends.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<u8>>> = Arc::default();
        let taken = bodies.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let taken = taken.clone();
                std::thread::spawn(move || drop(connection.map(|connection| serve(&connection, &taken))));
            }
        });
        Self { url, bodies }
    }

    /// How often a text was sent. Records are UTF-8 within what is binary.
    fn has(&self, text: &str) -> usize {
        let bodies = self.bodies.lock().unwrap();
        bodies.windows(text.len()).filter(|part| *part == text.as_bytes()).count()
    }

    fn wait_for(&self, text: &str) {
        let until = Instant::now() + LONG;
        while self.has(text) == 0 {
            assert!(Instant::now() < until, "{text:?} never came");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn serve(connection: &std::net::TcpStream, taken: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        taken.lock().unwrap().extend(body);
        let mut answer = connection;
        answer.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n",
        )?;
    }
}

fn configured(folder: &Folder, sinks: &[(&str, &Collector)]) {
    let text: String = sinks
        .iter()
        .map(|(name, collector)| {
            format!(
                "[[sink]]\nname = \"{name}\"\nkind = \"otlp\"\nurl = \"{}\"\ncompress = \"none\"\nbatch = {{ every = \"10ms\" }}\n",
                collector.url
            )
        })
        .collect();
    folder.write("forward.toml", text);
}

fn run(folder: &Folder) -> Running {
    let mut command = folder.command(&["forward", "run", "--dir", ".", "--config", "forward.toml"]);
    Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn print(folder: &Folder, line: &str) {
    let logs = folder.path().join(".abide/logs/web");
    std::fs::create_dir_all(&logs).unwrap();
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).open(logs.join("stdout.log")).unwrap();
    writeln!(file, "{line}").unwrap();
}

fn status(folder: &Folder) -> serde_json::Value {
    folder.abide(&["forward", "status", "--json", "--dir", "."]).json()
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_where_it_stands() {
    let folder = Folder::new();
    let said = folder.abide(&["forward", "check", "--config", "forward.toml"]);
    said.error(6, &["forward.toml cannot be read", "[[sink]]"]);
    folder.write("forward.toml", "");
    let said = folder.abide(&["forward", "check", "--config", "forward.toml"]);
    said.error(6, &["no [[sink]]", "kind = \"otlp\""]);
    folder.write("forward.toml", "[[sink]]\nname = \"c\"\nkind = \"otlp\"\nurl = \"ftp://x\"\nlable = 1\n");
    let said = folder.abide(&["forward", "check", "--config", "forward.toml"]);
    said.error(6, &[" --> forward.toml:5:1", "unknown key `lable`", "did you mean"]);
    folder.write(
        "forward.toml",
        "[[sink]]\nname = \"c\"\nkind = \"otlp\"\nurl = \"ftp://x\"\nqueue = \"lots\"\n",
    );
    let said = folder.abide(&["forward", "check", "--json", "--config", "forward.toml"]).ended(6).json();
    assert_eq!((&said["valid"], &said["errors"][0]["line"]), (&false.into(), &5.into()));
}

#[test]
fn files_that_are_missing_here_are_warned_of() {
    let folder = Folder::new();
    let text =
        "[[sink]]\nname = \"c\"\nkind = \"otlp\"\nurl = \"http://127.0.0.1:1\"\ntoken-file = \"no-such\"\n";
    folder.write("forward.toml", text);
    let said = folder.abide(&["forward", "check", "--config", "forward.toml"]).ended(0);
    assert!(said.stdout.contains("ok c (otlp") && said.stderr.contains("no-such"), "{said:?}");
}

#[test]
fn a_test_record_is_taken_or_told_why_not() {
    let folder = Folder::new();
    let collector = Collector::start();
    configured(&folder, &[("collector", &collector)]);
    let test = |sink: &str| folder.abide(&["forward", "test", sink, "--config", "forward.toml"]);
    assert!(test("collector").ended(0).stdout.contains("took a record"));
    assert_eq!(collector.has("a test by `abide forward test collector`"), 1);
    test("colector").error(5, &["there is no sink `colector`", "collector"]);
}

#[test]
fn it_runs_until_it_is_stopped_and_tells_how_it_fares() {
    let folder = Folder::new();
    let collector = Collector::start();
    configured(&folder, &[("collector", &collector)]);
    let said = folder.abide(&["forward", "status", "--dir", "."]).ended(3);
    assert!(said.stderr.contains("nothing was forwarded"), "{said:?}");
    let running = run(&folder);
    let until = Instant::now() + LONG;
    while status(&folder)[0]["state"] != "idle" {
        assert!(Instant::now() < until, "it does not begin: {:?}", status(&folder));
    }
    print(&folder, "the first line");
    collector.wait_for("the first line");
    let second = folder.abide(&["forward", "run", "--dir", ".", "--config", "forward.toml"]);
    second.error(1, &["held by", "abide forward status"]);
    let until = Instant::now() + LONG;
    let fares = loop {
        let fares = status(&folder)[0].clone();
        if fares["counts"]["sent"] == 1 && fares["state"] == "idle" {
            break fares;
        }
        assert!(Instant::now() < until, "{fares:?}");
    };
    assert!(fares["at"].as_str().unwrap().ends_with('Z') && fares["last-error"].is_null());
    let said = folder.abide(&["forward", "status", "--dir", "."]).ended(0);
    assert!(said.stdout.contains("collector") && said.stdout.contains("idle"), "{said:?}");
    // However it ends, the status says so, and the next one goes on.
    drop(running);
    assert_eq!(status(&folder)[0]["state"], "stopped");
    print(&folder, "the second line");
    let running = run(&folder);
    collector.wait_for("the second line");
    drop(running);
    assert_eq!(collector.has("the first line"), 1);
}

#[cfg(unix)]
#[test]
fn a_hangup_reads_the_configuration_again_and_a_signal_ends_it() {
    let folder = Folder::new();
    let (one, other) = (Collector::start(), Collector::start());
    configured(&folder, &[("one", &one)]);
    let running = run(&folder);
    let until = Instant::now() + LONG;
    while status(&folder)[0]["state"] != "idle" {
        assert!(Instant::now() < until, "it does not begin");
    }
    print(&folder, "for one alone");
    one.wait_for("for one alone");
    configured(&folder, &[("one", &one), ("other", &other)]);
    running.signal("HUP");
    let until = Instant::now() + LONG;
    while status(&folder)[1]["state"] != "idle" {
        assert!(Instant::now() < until, "the new sink does not begin");
    }
    print(&folder, "for both");
    one.wait_for("for both");
    other.wait_for("for both");
    assert_eq!(other.has("for one alone"), 0);
    running.signal("TERM");
    running.ended().ended(0);
}
