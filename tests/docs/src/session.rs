//! A shell that stays, so that a page's `cd` and variables stay too.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Ends the output of a command: never printed by a program of ours.
const MARK: char = '\u{1e}';

/// What a command printed, both streams as on a terminal, and how it ended.
pub struct Printed {
    pub text: String,
    pub code: i32,
}

pub struct Shell {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    /// What was printed since the last command began.
    seen: Vec<u8>,
}

impl Shell {
    /// `command` runs bash on the machine; `prelude` is run in it first.
    pub fn start(mut command: Command, prelude: &str) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let (Some(input), Some(mut pipe)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a shell without pipes".into());
        };
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                if send.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut shell = Self { child, input, output, seen: Vec::new() };
        let begun = shell.run(&format!("exec 2>&1\n{prelude}"), Duration::from_secs(30))?;
        if begun.code == 0 { Ok(shell) } else { Err(format!("the shell did not begin well: {}", begun.text)) }
    }

    /// Runs a command with nothing on its input.
    pub fn run(&mut self, command: &str, limit: Duration) -> Result<Printed, String> {
        self.send(&format!("eval {} </dev/null\nprintf '\\036%s\\036' \"$?\"\n", quoted(command)))?;
        self.await_mark(limit)
    }

    /// Writes a file, relative to where the session is.
    pub fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        let written =
            self.run(&format!("printf %s {} > {}", quoted(text), quoted(path)), Duration::from_secs(30))?;
        if written.code == 0 { Ok(()) } else { Err(written.text) }
    }

    /// Starts a command that goes on, as in a terminal of its own.
    pub fn begin(&mut self, command: &str) -> Result<(), String> {
        self.send(&format!("set -m\neval {} </dev/null &\n", quoted(&format!("exec {command}"))))
    }

    /// Ctrl-C for what was begun; waits for its end.
    pub fn interrupt(&mut self, limit: Duration) -> Result<Printed, String> {
        self.seen.clear();
        self.send("kill -INT -- -$!\nwait $!\nprintf '\\036%s\\036' \"$?\"\n")?;
        self.await_mark(limit)
    }

    /// What has been printed so far, after a moment for more.
    pub fn so_far(&mut self) -> String {
        if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
            self.seen.extend(bytes);
        }
        while let Ok(bytes) = self.output.try_recv() {
            self.seen.extend(bytes);
        }
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        self.input
            .write_all(text.as_bytes())
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("the shell is gone: {error}"))
    }

    fn await_mark(&mut self, limit: Duration) -> Result<Printed, String> {
        let deadline = Instant::now() + limit;
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if let Some(printed) = cut(&text) {
                self.seen.clear();
                return Ok(printed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!("no end within {} s; it printed:\n{text}", limit.as_secs()));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(format!("the shell ended; it printed:\n{text}"));
                }
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // What still runs is asked to end as by a person, then made to. A shell that hangs is killed.
        let _ = self.send(
            "trap - EXIT\nfor job in $(jobs -p); do kill -INT -- -$job; done\nwait\nprintf '\\036%s\\036' 0\n",
        );
        let _ = self.await_mark(Duration::from_secs(20));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cut(text: &str) -> Option<Printed> {
    let (printed, rest) = text.split_once(MARK)?;
    let (code, _) = rest.split_once(MARK)?;
    Some(Printed { text: printed.replace("\r\n", "\n"), code: code.parse().ok()? })
}

/// One word for the shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_ends_the_output() {
        assert!(cut("half").is_none());
        assert!(cut("half\u{1e}1").is_none());
        let printed = cut("a\r\nb\u{1e}12\u{1e}").unwrap();
        assert_eq!((printed.text.as_str(), printed.code), ("a\nb", 12));
    }

    #[test]
    fn words_are_quoted() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
