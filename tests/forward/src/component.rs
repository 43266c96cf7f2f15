//! A real program that takes logs, run beside the test.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_machine::{run, wait_for};

/// Long enough for a machine that does ten other things.
pub const SOON: Duration = Duration::from_secs(60);

/// Ends with the test.
pub struct Component {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Component {
    /// Starts it and waits until it listens on all of its ports.
    pub fn start(command: &mut Command, ports: &[u16]) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let printed = Arc::default();
        collect(child.stdout.take(), &printed);
        collect(child.stderr.take(), &printed);
        let mut started = Self { child, printed };
        let mut ended = false;
        let listens = wait_for(SOON, || {
            ended = !matches!(started.child.try_wait(), Ok(None));
            ended || ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        });
        if listens && !ended {
            Ok(started)
        } else {
            Err(format!("it does not listen: {}", started.printed()))
        }
    }

    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.end();
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, into: &Arc<Mutex<Vec<u8>>>) {
    let (Some(mut pipe), into) = (pipe, into.clone()) else { return };
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..length]);
        }
    });
}

/// A port that is free, and that no outgoing connection is given: it stays free while its owner is being restarted.
pub fn port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let at = std::process::id() * 16 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + u16::try_from(at % 20_000).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Where a tool is, fetched if need be; or why it cannot be had.
pub fn tool(name: &str) -> Result<String, String> {
    let script = crate::root().join("tests/forward/tools.sh");
    let output =
        run(Command::new(script).arg(name), Duration::from_secs(580)).map_err(|error| error.to_string())?;
    if output.ok() {
        return Ok(output.text().trim().to_owned());
    }
    let errors = output.errors();
    Err(errors.trim().lines().last().unwrap_or("it could not be fetched in time").to_owned())
}
