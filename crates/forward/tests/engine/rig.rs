//! A machine for tests: a folder of logs, programs that print, a forwarder here or in a process of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abide_forward::Forwarder;
use abide_forward::config::Config;
use abide_forward::engine::status::SinkStatus;
use abide_forward::engine::{Places, StartError};
use abide_forward::sink::{Host, Sink};
use abide_logs::{Capture, Settings, Stream};
use abide_os::paths::Layout;

use crate::taker::{Taker, TestSink};

/// What a loaded machine may take for anything.
pub const LONG: Duration = Duration::from_secs(90);

pub struct Rig {
    root: tempfile::TempDir,
    pub places: Places,
    pub taker: Taker,
    /// Lines of `[[sink]]` beyond what every test has.
    pub settings: String,
}

impl Rig {
    pub fn new(settings: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = Places::of(&Layout::below(root.path()));
        std::fs::create_dir_all(&places.logs).unwrap();
        Self { root, places, taker: Taker::start(), settings: settings.to_owned() }
    }

    fn config(&self) -> String {
        let retry = match self.settings.contains("retry") {
            true => "",
            false => "retry = { initial = \"10ms\", max = \"50ms\" }\n",
        };
        format!(
            "[[sink]]\nname = \"taker\"\nkind = \"otlp\"\nurl = \"http://{}\"\n{retry}{}\n",
            self.taker.address, self.settings
        )
    }

    /// A service that prints.
    pub fn program(&self, name: &str, settings: &Settings) -> Program {
        let logs = self.places.logs.join(name);
        std::fs::create_dir_all(&logs).unwrap();
        let capture = Capture::open(&logs, settings).unwrap();
        Program { logs, capture }
    }

    pub fn start(&self) -> Result<Forwarder, StartError> {
        start(&self.config(), &self.places, self.taker.address)
    }

    /// A forwarder that can be killed.
    pub fn process(&self) -> Process {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "forwarder_process", "--include-ignored", "--nocapture"])
            .env("FORWARD_TEST_ROOT", self.root.path())
            .env("FORWARD_TEST_CONFIG", self.config())
            .env("FORWARD_TEST_ADDRESS", self.taker.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process(child)
    }

    /// How the sink fares, as it last said.
    pub fn status(&self) -> Option<SinkStatus> {
        let name = "taker".parse().unwrap();
        SinkStatus::read(&self.places.sink(&name).status()).unwrap()
    }

    pub fn queue(&self, service: &str) -> PathBuf {
        self.places.own.join("taker/queue").join(service)
    }

    /// The sorted numbers of the lines that arrived.
    pub fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.taker.arrived().iter().filter_map(|it| number(&it.body)).collect();
        numbers.sort_unstable();
        numbers
    }

    pub fn wait_for_lines(&self, count: usize) {
        wait(&format!("{count} lines"), || self.taker.count() >= count);
    }
}

/// The number of a line that a [`Program`] printed.
pub fn number(body: &str) -> Option<u64> {
    body.strip_prefix("line ")?.split(' ').next()?.parse().ok()
}

pub struct Program {
    pub logs: PathBuf,
    capture: Capture,
}

impl Program {
    pub fn print(&self, stream: Stream, text: &str) {
        self.capture.write(stream, text.as_bytes(), SystemTime::now());
    }

    /// Prints numbered lines of about 100 bytes.
    pub fn lines(&self, numbers: std::ops::Range<u64>) {
        let text: String =
            numbers.map(|n| format!("line {n} {}\n", "x".repeat(85 - n.to_string().len()))).collect();
        self.print(Stream::Stdout, &text);
    }

    pub fn rotate(&self) {
        self.capture.rotate().unwrap();
    }
}

/// A forwarder in a process of its own, killed at the end of the test at the latest.
pub struct Process(Child);

impl Process {
    /// At once, wherever it is.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn start(config: &str, places: &Places, address: std::net::SocketAddr) -> Result<Forwarder, StartError> {
    let config = Config::parse(config).unwrap();
    let opener = Arc::new(move |_: &_, _: &Arc<Host>| {
        Ok(Box::new(TestSink { address, connection: None }) as Box<dyn Sink>)
    });
    Forwarder::start(&config, places, &Arc::default(), opener, Arc::new(|_, _| {}))
}

pub fn stop(forwarder: Forwarder) {
    assert!(forwarder.stop(LONG));
}

pub fn wait(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < until, "not so in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the process that is killed runs: see [`Rig::process`]. It ends when whoever started it does.
pub fn be_the_process() {
    let Some(root) = std::env::var_os("FORWARD_TEST_ROOT") else { return };
    let (config, address) =
        (std::env::var("FORWARD_TEST_CONFIG").unwrap(), std::env::var("FORWARD_TEST_ADDRESS").unwrap());
    let places = Places::of(&Layout::below(root.as_ref()));
    let forwarder = start(&config, &places, address.parse().unwrap()).unwrap();
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    stop(forwarder);
}
