//! A program that runs beside the test: what it prints is collected, and it ends with the test.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use abide_machine::{wait_child, wait_for};

/// Long enough for a machine that does ten other things.
pub const SOON: Duration = Duration::from_secs(30);

pub struct Program {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Program {
    /// Starts a command; what it prints on both streams is collected.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let printed = Arc::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| collect(pipe, &printed)));
        readers.extend(child.stderr.take().map(|pipe| collect(pipe, &printed)));
        Ok(Self { child, printed, readers })
    }

    /// A program in a terminal of its own.
    pub fn in_terminal(command: &str) -> Result<Self, String> {
        // `script` gives it a terminal, and types there what it reads itself. It hands the command to a shell, which
        // must not stay: some shells that wait for a program answer Ctrl-C with a code of their own, whatever its code.
        let command = format!("exec {command}");
        Self::start(
            Command::new("script")
                .args(["-qec", &command, "/dev/null"])
                .env("TERM", "dumb")
                .env("SHELL", "/bin/sh"),
        )
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn printed(&self) -> String {
        let bytes = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has printed a text.
    pub fn prints(&self, text: &str) -> Result<(), String> {
        self.prints_often(text, 1)
    }

    /// Waits until it has printed a text so many times.
    pub fn prints_often(&self, text: &str, times: usize) -> Result<(), String> {
        let told = wait_for(SOON, || self.printed().matches(text).count() >= times);
        if told {
            Ok(())
        } else {
            Err(format!("it has not printed {text:?} {times} times, but {:?}", self.printed()))
        }
    }

    /// Types into its terminal.
    pub fn types(&mut self, keys: &[u8]) -> Result<(), String> {
        let input = self.child.stdin.as_mut().ok_or("its input is closed")?;
        input.write_all(keys).and_then(|()| input.flush()).map_err(|error| error.to_string())
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) -> Result<(), String> {
        signal(self.pid(), name)
    }

    /// Waits for its end, and answers its exit code and all that it printed. `None`: a signal ended it.
    pub fn ends(mut self) -> Result<(Option<i32>, String), String> {
        match wait_child(&mut self.child, SOON).map_err(|error| error.to_string())? {
            Some(code) => {
                for reader in self.readers.drain(..) {
                    let _ = reader.join();
                }
                Ok((code, self.printed()))
            }
            None => Err(format!("it does not end; it printed {:?}", self.printed())),
        }
    }

    /// Waits for its end with code 0 and a last word.
    pub fn ends_well(self, last: &str) -> Result<(), String> {
        let (code, printed) = self.ends()?;
        if code == Some(0) && printed.contains(last) {
            return Ok(());
        }
        Err(format!("it ended with code {code:?} and printed {printed:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Closing its input closes a terminal, and `abide up` stops what it runs when it is asked to.
            drop(self.child.stdin.take());
            let _ = signal(self.pid(), "TERM");
            if !matches!(wait_child(&mut self.child, Duration::from_secs(15)), Ok(Some(_))) {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

pub fn signal(pid: u32, name: &str) -> Result<(), String> {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    if sent.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err(format!("cannot send {name} to {pid}"))
    }
}

fn collect(mut pipe: impl Read + Send + 'static, into: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..length]);
        }
    })
}
