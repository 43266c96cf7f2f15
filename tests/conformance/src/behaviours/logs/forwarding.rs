//! The forwarder: from the files to sinks, here servers of the tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use abide_machine::wait_for;
use serde_json::Value;

use super::{Steered, numbered};
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;
use crate::service::quoted;

pub const LIST: &[Behaviour] = &[
    now(
        "forward-resumes",
        "a forwarder that is killed goes on where the sink had taken it: nothing lost, little twice",
        &[Need::Up],
        resumes,
    ),
    now(
        "forward-outage",
        "what is printed while the sink is down is kept, through rotations, and sent when it is back",
        &[Need::Up],
        outage,
    ),
    now(
        "forward-service",
        "the forwarder is installed as a service, sends to its sinks, heals, and leaves nothing behind",
        &[Need::Manager],
        installed,
    ),
    now("forward-check", "a mistake in the forwarder's configuration is shown with its line", &[], check),
];

/// How long a line may take to its sink on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server of the tests speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// syslog over TCP: takes whatever comes.
    Syslog,
    /// OTLP over HTTP: takes a request, or says that it is down.
    Otlp,
}

/// A sink: all that it has taken, from all who connected.
struct Server {
    port: u16,
    speaks: Speaks,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<u8>>,
    /// Ended with the server.
    open: Mutex<Vec<TcpStream>>,
    is_down: AtomicBool,
    was_asked: AtomicBool,
    has_ended: AtomicBool,
}

impl Server {
    fn start(speaks: Speaks) -> Result<Self, Fault> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let shared = Arc::<Shared>::default();
        let server = Self { port, speaks, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.has_ended.load(Ordering::SeqCst) {
                    return;
                }
                if let (Ok(mut open), Ok(other)) = (shared.open.lock(), stream.try_clone()) {
                    open.push(other);
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || match speaks {
                    Speaks::Syslog => shared.take_all(stream),
                    Speaks::Otlp => while shared.answer(&stream).is_some() {},
                });
            }
        });
        Ok(server)
    }

    fn was_asked(&self) -> bool {
        self.shared.was_asked.load(Ordering::SeqCst)
    }

    fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    fn text(&self) -> String {
        self.shared.taken.lock().map(|taken| String::from_utf8_lossy(&taken).into_owned()).unwrap_or_default()
    }

    /// Waits until it has taken a message with this text.
    fn wait(&self, text: &str) -> Outcome {
        let seen = wait_for(PATIENCE, || self.text().contains(text));
        let taken = self.text();
        let tail: String = taken.chars().skip(taken.chars().count().saturating_sub(600)).collect();
        ensure!(seen, "{text:?} did not arrive; the last that did: {tail:?}");
        Ok(())
    }

    /// The numbers of the numbered lines, as they came.
    fn numbers(&self) -> Vec<u64> {
        let text = self.text();
        let digits = text.split("line ").skip(1).filter_map(|part| part.get(..6));
        digits.filter_map(|digits| digits.parse().ok()).collect()
    }

    /// Fails unless each line from 1 to `last` came, and not more than `twice` of them again.
    fn complete(&self, last: u64, twice: usize) -> Outcome {
        let numbers = self.numbers();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let missing = (1..=last).find(|number| sorted.binary_search(number).is_err());
        ensure!(missing.is_none(), "line {} is missing of {last}", missing.unwrap_or_default());
        let again = numbers.len() - sorted.len();
        ensure!(again <= twice, "{again} lines came twice");
        Ok(())
    }

    /// The configuration that sends a service's output there.
    fn config(&self, c: &Context, service: &str, more: &str) -> Result<String, Fault> {
        let (kind, url, how) = match self.speaks {
            Speaks::Syslog => ("syslog", "tcp", ""),
            Speaks::Otlp => {
                ("otlp", "http", "compress = \"none\"\nretry = { initial = \"50ms\", max = \"500ms\" }\n")
            }
        };
        let text = format!(
            "[[sink]]\nname = \"there\"\nkind = \"{kind}\"\nurl = \"{url}://127.0.0.1:{}\"\nservices = [{}]\nfrom = \"oldest\"\n{how}{more}",
            self.port,
            quoted(service)
        );
        c.write("forward.toml", text)
    }
}

impl Shared {
    fn take(&self, bytes: &[u8]) {
        if let Ok(mut taken) = self.taken.lock() {
            taken.extend_from_slice(bytes);
        }
    }

    fn take_all(&self, mut stream: TcpStream) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            self.take(&buffer[..length]);
        }
        // All is read: what the other side waits for.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }

    /// Takes one request.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        let mut header = String::new();
        while reader.read_line(&mut header).ok()? > 2 {
            let (name, value) = header.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            if name.eq_ignore_ascii_case("expect") {
                (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
            }
            header.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.was_asked.store(true, Ordering::SeqCst);
        let status = if length == 0 || self.is_down.load(Ordering::SeqCst) { "503 Down" } else { "200 OK" };
        if status == "200 OK" {
            self.take(&body);
        }
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
        (&mut &*stream).write_all(answer.as_bytes()).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().iter().flat_map(|open| open.iter()) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A running `abide forward run`, killed with this.
struct Forwarder(Child);

impl Forwarder {
    fn start(c: &Context, config: &str) -> Result<Self, Fault> {
        let child = c
            .abide_command(&["forward", "run", "--config", config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("abide forward run: {error}"))?;
        c.note("$ abide forward run &".into());
        Ok(Self(child))
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn resumes(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["more", "2000"], "")?;
    let server = Server::start(Speaks::Otlp)?;
    let config = server.config(c, steered.name(), "")?;
    let mut last = 2000;
    for _ in 0..3 {
        let forwarder = Forwarder::start(c, &config)?;
        steered.more(c, 5000)?;
        // Killed at some moment in the middle of it.
        let begun =
            wait_for(PATIENCE, || server.numbers().last().is_some_and(|number| *number > last - 1000));
        ensure!(begun, "the forwarder does not go on: {:?}", server.numbers().last());
        last += 5000;
        drop(forwarder);
        steered.more(c, 1000)?;
        last += 1000;
    }
    let _forwarder = Forwarder::start(c, &config)?;
    server.wait(&numbered(last))?;
    // A batch at each of three deaths.
    server.complete(last, 3 * 10_000)
}

fn outage(c: &Context) -> Outcome {
    let logs = "[logs]\nrotate = { size = \"16KiB\", keep = 2, compress = \"zstd\" }";
    let steered = Steered::run(c, &["more", "100"], logs)?;
    let server = Server::start(Speaks::Otlp)?;
    server.set_down(true);
    let config = server.config(c, steered.name(), "")?;
    let _forwarder = Forwarder::start(c, &config)?;
    ensure!(wait_for(PATIENCE, || server.was_asked()), "the forwarder does not begin");
    for _ in 0..20 {
        steered.more(c, 1000)?;
        // No faster than it looks on a busy machine: what retention has taken before that is lost.
        ensure!(
            wait_for(PATIENCE, || keeps_all(c, steered.name())),
            "the forwarder does not keep what is rotated"
        );
    }
    super::wait_last(c, steered.name(), &numbered(20_100))?;
    let kept = c.printed(steered.name())?.lines().count();
    ensure!(kept < 15_000, "retention removed too little: {kept} lines are kept");
    server.set_down(false);
    server.wait(&numbered(20_100))?;
    server.complete(20_100, 10_000)
}

/// Whether the forwarder keeps each file that was rotated so far.
fn keeps_all(c: &Context, name: &str) -> bool {
    let number =
        |file: &super::LogFile| file.name.split('.').nth(1).and_then(|part| part.parse::<u64>().ok());
    let rotated = super::files(c, name, "stdout").iter().filter_map(number).max().unwrap_or(0);
    let told = c.abide(&["forward", "status", "--json"]).map(|output| output.text()).unwrap_or_default();
    let status: Value = serde_json::from_str(&told).unwrap_or_default();
    status[0]["queue"]["files"].as_u64().is_some_and(|files| files >= rotated)
}

fn installed(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["say", "before the forwarder"], "")?;
    let name = steered.name();
    let server = Server::start(Speaks::Syslog)?;
    let is_systemd = c.backend.manager().is_some_and(|manager| manager.machine.name() == "systemd");
    let journal = if is_systemd { "[[sink]]\nname = \"journal\"\nkind = \"journald\"\n" } else { "" };
    let config = server.config(c, name, journal)?;
    let outcome = c.ok(&["forward", "install", "--config", &config]).and_then(|_| {
        c.forget_later("abide-forward");
        server.wait("before the forwarder")?;
        steered.print(c, "while it runs\n")?;
        server.wait("while it runs")?;
        ensure!(server.text().contains(name), "the service is not named: {}", server.text());
        if is_systemd {
            let mut told = String::new();
            let there = wait_for(PATIENCE, || {
                let output = c.backend.ask(&["journalctl", "--no-pager", "-o", "cat", "-t", name]);
                told = output.map(|output| output.text()).unwrap_or_default();
                told.contains("while it runs")
            });
            ensure!(there, "the journal does not have it: {told}");
        }
        let status = c.ok(&["forward", "status"])?;
        ensure!(status.text().contains("there"), "the sink is not in the status: {}", status.text());
        Ok(())
    });
    if outcome.is_err() {
        for told in [&["forward", "status"][..], &["logs", "abide-forward"], &["events", "abide-forward"]] {
            c.abide(told)?;
        }
    }
    let gone = c.abide(&["forward", "uninstall"])?;
    outcome?;
    ensure!(gone.ok(), "`forward uninstall` ended with {:?}: {}", gone.code, gone.errors());
    ensure!(c.peek("abide-forward").is_none(), "it is still there: {:?}", c.peek("abide-forward"));
    Ok(())
}

fn check(c: &Context) -> Outcome {
    let good =
        c.write("good.toml", "[[sink]]\nname = \"a\"\nkind = \"syslog\"\nurl = \"tcp://127.0.0.1:514\"\n")?;
    c.ok(&["forward", "check", "--config", &good])?;
    let bad =
        c.write("bad.toml", "[[sink]]\nname = \"a\"\nkind = \"syslog\"\nurll = \"tcp://127.0.0.1:514\"\n")?;
    let output = c.abide(&["forward", "check", "--config", &bad])?;
    ensure!(output.code == Some(6), "ended with {:?}, not 6", output.code);
    ensure!(
        output.all().contains("urll") && output.all().contains(":4:"),
        "not with its place: {}",
        output.all()
    );
    Ok(())
}
