//! Calling the tools and scripts of a service manager, with a bound on how long they may take.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manager) struct Answer {
    /// The exit code; `None` when a signal ended it.
    pub(in crate::manager) code: Option<i32>,
    /// What it printed.
    pub(in crate::manager) text: String,
    /// What it complained of.
    pub(in crate::manager) errors: String,
}

impl Answer {
    pub(in crate::manager) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// What it complained of first, else what it said last, else how it ended.
    pub(in crate::manager) fn why(&self) -> String {
        let mut complaints = lines(&self.errors).filter(|line| !line.starts_with("WARNING: "));
        complaints.next().or_else(|| lines(&self.text).last()).unwrap_or_else(|| self.end())
    }

    /// What it complained of last, else how it ended: for scripts that let others speak first.
    pub(in crate::manager) fn last_complaint(&self) -> String {
        lines(&self.errors).last().unwrap_or_else(|| self.end())
    }

    fn end(&self) -> String {
        match self.code {
            Some(code) => format!("it ended with exit code {code}"),
            None => "a signal ended it".to_owned(),
        }
    }
}

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(plain).filter(|line| !line.is_empty())
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manager) enum Trouble {
    /// It could not be started, or not be waited for.
    Call(String),
    /// It did not end in time and was ended.
    TimedOut,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(why) => f.write_str(why),
            Self::TimedOut => f.write_str("it did not end in time"),
        }
    }
}

/// How long a call may take that only looks or registers.
pub(in crate::manager) const SHORT: Duration = Duration::from_secs(60);

/// How often it is looked whether a call has ended while something that it started holds its output.
const LOOK: Duration = Duration::from_millis(250);

/// Where tools are searched; `sbin` is on no user's path.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a tool in the clean environment that the service manager itself would give it, with nothing on its standard
/// input.
pub(in crate::manager) fn call(tool: &Path, arguments: &[&str], wait: Duration) -> Result<Answer, Trouble> {
    let fail = |error: std::io::Error| Trouble::Call(error.to_string());
    let mut command = Command::new(tool);
    // Answers are read by us, so they come in one language and without colours.
    command.args(arguments).env_clear().env("PATH", PATH).env("LC_ALL", "C").env("TERM", "dumb");
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(fail)?;
    let (printed, complained) = (Said::default(), Said::default());
    let (tell, closed) = channel();
    if let Some(out) = child.stdout.take() {
        listen(out, &printed, tell.clone());
    }
    if let Some(err) = child.stderr.take() {
        listen(err, &complained, tell);
    }
    let code = await_end(&mut child, &closed, Instant::now().checked_add(wait)).inspect_err(|_| {
        let _ = child.kill();
        let _ = child.wait();
    })?;
    let text =
        |said: &Said| said.lock().map(|said| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default();
    Ok(Answer { code, text: text(&printed), errors: text(&complained) })
}

/// What came so far on a thread of its own.
type Said = Arc<Mutex<Vec<u8>>>;

/// Reads on a thread of its own. The channel closes when there is nothing more to come from either.
fn listen(mut from: impl Read + Send + 'static, said: &Said, tell: std::sync::mpsc::Sender<()>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if let Ok(mut said) = said.lock() {
                said.extend_from_slice(&buffer[..count]);
            }
        }
        drop(tell);
    });
}

/// Its output ends with it, unless it started something that keeps it open: then the end itself is looked for.
fn await_end(
    child: &mut Child,
    closed: &Receiver<()>,
    deadline: Option<Instant>,
) -> Result<Option<i32>, Trouble> {
    let fail = |error: std::io::Error| Trouble::Call(error.to_string());
    loop {
        let left = deadline.map_or(LOOK, |deadline| deadline.saturating_duration_since(Instant::now()));
        let open = matches!(closed.recv_timeout(left.min(LOOK)), Err(RecvTimeoutError::Timeout));
        if !open {
            return child.wait().map(|status| status.code()).map_err(fail);
        }
        if let Some(status) = child.try_wait().map_err(fail)? {
            return Ok(status.code());
        }
        if left.is_zero() {
            return Err(Trouble::TimedOut);
        }
    }
}

/// A line without the marks and brackets that tools for terminals put around it.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            text.push(c);
        }
    }
    let text = text.trim().trim_start_matches(['*', ' ']).trim();
    text.strip_prefix("ERROR: ").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_terminals_are_left_out() {
        let answer =
            |text: &str, errors: &str| Answer { code: Some(1), text: text.into(), errors: errors.into() };
        let started = " * Starting a ... [ ok ]\n";
        let failed =
            " * WARNING: a is slow\nsupervise-daemon: /x does not exist\n * ERROR: a failed to start\n\n";
        assert_eq!(answer(started, failed).why(), "supervise-daemon: /x does not exist");
        assert_eq!(answer(started, failed).last_complaint(), "a failed to start");
        assert_eq!(answer("\u{1b}[31m*\u{1b}[0m a is down\r\n", "").why(), "a is down");
        assert_eq!(answer("", "").why(), "it ended with exit code 1");
        assert_eq!(answer(started, "").last_complaint(), "it ended with exit code 1");
        let killed = Answer { code: None, text: String::new(), errors: String::new() };
        assert_eq!(killed.why(), "a signal ended it");
    }

    #[cfg(unix)]
    #[test]
    fn a_call_is_over_when_it_has_ended() {
        let sh = Path::new("/bin/sh");
        let answer = call(sh, &["-c", "echo a; echo b >&2; exit 3"], SHORT).unwrap();
        assert_eq!(answer.code, Some(3));
        assert_eq!((answer.text.as_str(), answer.errors.as_str()), ("a\n", "b\n"));
        // What it leaves behind holds its output, and is not waited for.
        let answer = call(sh, &["-c", "sleep 60 & echo $!"], SHORT).unwrap();
        assert!(answer.succeeded());
        let pid: u32 = answer.text.trim().parse().unwrap();
        assert!(Path::new(&format!("/proc/{pid}")).exists() || !cfg!(target_os = "linux"));
        call(sh, &["-c", &format!("kill {pid}")], SHORT).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_call_that_never_ends_is_ended() {
        let outcome = call(Path::new("/bin/sleep"), &["600"], Duration::from_millis(50));
        assert_eq!(outcome, Err(Trouble::TimedOut));
        assert!(matches!(call(Path::new("/nonexistent"), &[], SHORT), Err(Trouble::Call(_))));
    }

    #[cfg(unix)]
    #[test]
    fn the_environment_is_clean() {
        let answer = call(Path::new("/usr/bin/env"), &[], SHORT).unwrap();
        let names: Vec<_> = answer.text.lines().filter_map(|line| line.split('=').next()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
