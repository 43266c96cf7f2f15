//! What becomes of the program's output, file by file and line by line.

pub mod content;
pub mod forwarding;
pub mod pressure;
pub mod reading;
pub mod rotation;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc;

use abide_machine::wait_for;

use crate::backend::Kind;
use crate::behaviour::{Fault, Outcome};
use crate::context::{Context, SOON};
use crate::ensure;
use crate::service::Service;

/// The folder of the service's logs, as seen from the tests.
pub fn folder(c: &Context, name: &str) -> PathBuf {
    match c.backend.kind() {
        Kind::Foreground => c.backend.outside(&c.path(".abide")).join("logs").join(name),
        Kind::Container(_) => {
            // With a dynamic user the usual place is a link into a private folder.
            let private = c.backend.outside(&format!("/var/log/private/abide/{name}"));
            if private.exists() { private } else { c.backend.outside(&format!("/var/log/abide/{name}")) }
        }
        Kind::Scm => c.backend.outside(&format!(r"C:\ProgramData\Abide\logs\{name}")),
    }
}

/// One file of a log.
#[derive(Debug)]
struct LogFile {
    name: String,
    size: u64,
}

impl LogFile {
    /// It is rotated, not the one that is being written.
    fn is_old(&self) -> bool {
        self.name.matches('.').count() > 1
    }
}

/// The files with output of one stream, in the order of the log; not their indexes.
fn files(c: &Context, name: &str, stream: &str) -> Vec<LogFile> {
    let Ok(entries) = std::fs::read_dir(folder(c, name)) else { return Vec::new() };
    let mut files: Vec<LogFile> = entries
        .flatten()
        .map(|entry| LogFile {
            name: entry.file_name().to_string_lossy().into_owned(),
            size: entry.metadata().map_or(0, |data| data.len()),
        })
        .filter(|file| file.name.starts_with(stream) && file.name.contains(".log"))
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

/// A service whose program prints what its HTTP server is told to.
struct Steered {
    service: Service,
    port: u16,
}

impl Steered {
    /// Runs it, after these steps.
    fn run(c: &Context, steps: &[&str], tables: &str) -> Result<Self, Fault> {
        let port = c.port()?;
        let text = port.to_string();
        let steps = [steps, &["http", &text, "graceful", "0"]].concat();
        let service = c
            .service(&steps)
            .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\" }}"))
            .with(tables);
        c.run(&service)?;
        Ok(Self { service, port })
    }

    fn name(&self) -> &str {
        &self.service.name
    }

    /// Prints so many lines, numbered on from the last ones; they are in the pipe when this returns.
    fn more(&self, c: &Context, count: u64) -> Outcome {
        let (status, _) = c.get(self.port, &format!("/more?{count}"))?;
        ensure!(status == 200, "the program did not print {count} lines within a minute");
        Ok(())
    }

    /// Prints these bytes.
    fn print(&self, c: &Context, bytes: impl AsRef<[u8]>) -> Outcome {
        let hex: String = bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        c.get(self.port, &format!("/bytes?{hex}")).map(drop)
    }
}

/// Waits until `abide logs` ends with this line.
fn wait_last(c: &Context, name: &str, line: &str) -> Outcome {
    let mut last = String::new();
    let seen = wait_for(SOON * 2, || {
        last = c.logs(name, &["-n", "1", "--stream", "stdout"]).unwrap_or_else(|fault| fault.to_string());
        last.trim_end() == line
    });
    ensure!(seen, "the log does not end with {line:?}, but with {last:?}");
    Ok(())
}

fn numbered(number: u64) -> String {
    format!("line {number:06}")
}

/// Fails unless these are the lines from 1 to `last`, each once and in order.
fn all_of<'t>(lines: impl Iterator<Item = &'t str>, last: u64) -> Outcome {
    let mut next = 1;
    for line in lines {
        ensure!(line == numbered(next), "{line:?} stands where {:?} should", numbered(next));
        next += 1;
    }
    ensure!(next == last + 1, "the lines end with number {} instead of {last}", next - 1);
    Ok(())
}

/// A running `abide logs -f`, which ends with this.
struct Follower {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Follower {
    fn start(c: &Context, arguments: &[&str]) -> Result<Self, Fault> {
        let mut child = c
            .abide_command(&[&["logs"], arguments, &["-f"]].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (send, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, lines })
    }

    fn next(&self) -> Result<String, Fault> {
        let line = self.lines.recv_timeout(SOON * 2);
        Ok(line
            .map(|line| line.trim_end().to_owned())
            .map_err(|_| "`logs -f` shows no further line".to_owned())?)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
