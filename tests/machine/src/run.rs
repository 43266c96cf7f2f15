//! Running a command with a deadline, and waiting for conditions.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How a command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Output {
    /// `None`: ended by a signal, or by us when its time was over.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// Ended by us.
    pub timed_out: bool,
    /// From its start to its end.
    pub took: Duration,
}

impl Output {
    /// Its standard output, with line ends as Unix has them.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).replace("\r\n", "\n")
    }

    /// Its standard error, likewise.
    #[must_use]
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).replace("\r\n", "\n")
    }

    /// Both streams: for messages whose stream is another behaviour's business.
    #[must_use]
    pub fn all(&self) -> String {
        self.text() + &self.errors()
    }

    /// Whether it ended with exit code 0.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// What Wine says when it could not create a process at all, as happens on a busy machine now and then.
const NOT_STARTED: &str = "ShellExecuteEx failed";
/// How often a program that Wine could not start is tried.
const TRIES: usize = 3;

/// Runs `command` with nothing on its standard input, and ends it when `limit` is over.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Output> {
    let mut output = run_once(command, limit)?;
    for _ in 1..TRIES {
        if !was_not_started(command, &output) {
            break;
        }
        output = run_once(command, limit)?;
    }
    Ok(output)
}

/// Whether Wine failed before the program began: it says so, or ends with 1 and not a word, as no verb of ours does, or
/// stands still until its time is over. The last might be the program's own doing, and is told.
fn was_not_started(command: &Command, output: &Output) -> bool {
    let is_wine = Path::new(command.get_program()).file_name().is_some_and(|name| name == "wine.sh");
    let silent = output.all().is_empty();
    if is_wine && silent && output.timed_out {
        let words: Vec<_> = command.get_args().skip(2).map(|word| word.to_string_lossy()).collect();
        eprintln!("   UNSTEADY  {} said nothing for {:.0?}", words.join(" "), output.took);
    }
    is_wine
        && (output.errors().contains(NOT_STARTED) || silent && (output.timed_out || output.code == Some(1)))
}

fn run_once(command: &mut Command, limit: Duration) -> io::Result<Output> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let (code, timed_out) = match wait_child(&mut child, limit)? {
        Some(code) => (code, false),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            (None, true)
        }
    };
    let took = began.elapsed();
    // A process it left behind may hold the pipes; what came is enough.
    let collect = |reader: mpsc::Receiver<Vec<u8>>| {
        let mut all = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(3);
        while let Ok(part) = reader.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            all.extend(part);
        }
        all
    };
    Ok(Output { code, stdout: collect(stdout), stderr: collect(stderr), timed_out, took })
}

/// Waits for a child with a deadline: `None` when it is still there.
pub fn wait_child(child: &mut Child, limit: Duration) -> io::Result<Option<Option<i32>>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code()));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Reads a pipe to its end in a thread of its own.
pub fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length) = pipe.read(&mut buffer) {
                if length == 0 || send.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    receive
}

/// Polls `condition` until it holds or `limit` is over.
pub fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(30));
    }
}
