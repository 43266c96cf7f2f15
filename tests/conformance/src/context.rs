//! What a behaviour works with: one backend, a folder of its own, and a transcript of what it did.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use abide_machine::{Output, run, wait_child, wait_for};
use serde_json::Value;

use crate::backend::{Backend, Manager, Process, VERB_LIMIT};
use crate::behaviour::{Fault, Outcome};
use crate::ensure;
use crate::service::Service;

/// How long something may take that should be quick, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// The surroundings of one behaviour on one backend.
pub struct Context<'a> {
    pub backend: &'a dyn Backend,
    /// The behaviour's name: services and folders are named after it.
    pub name: &'static str,
    /// A folder on the machine that programs may write.
    pub folder: String,
    transcript: Mutex<Vec<String>>,
    ups: Mutex<Vec<Up>>,
    services: Mutex<Vec<String>>,
}

/// A running `abide up`.
struct Up {
    child: Child,
    /// Where its output goes.
    output: PathBuf,
}

impl<'a> Context<'a> {
    pub fn new(backend: &'a dyn Backend, name: &'static str) -> Self {
        Self {
            backend,
            name,
            folder: backend.folder(name),
            transcript: Mutex::default(),
            ups: Mutex::default(),
            services: Mutex::default(),
        }
    }

    /// A path below the behaviour's folder, in the machine's own writing.
    pub fn path(&self, name: &str) -> String {
        let separator = if self.backend.windows() { '\\' } else { '/' };
        format!("{}{separator}{name}", self.folder)
    }

    /// Notes something for the report of a failure.
    pub fn note(&self, text: String) {
        if let Ok(mut transcript) = self.transcript.lock() {
            transcript.push(text);
        }
    }

    /// A spec whose program does these steps. It is removed when the behaviour ends.
    pub fn service(&self, steps: &[&str]) -> Service {
        self.named(&self.name.replace(' ', "-"), steps)
    }

    /// The same with a name of its own.
    pub fn named(&self, name: &str, steps: &[&str]) -> Service {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let marker = format!("mark-{}-{}-x", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.forget_later(name);
        Service::new(name.to_owned(), marker, &self.backend.fixture(), steps)
    }

    /// Has the service removed when the behaviour ends.
    pub fn forget_later(&self, name: &str) {
        if let Ok(mut services) = self.services.lock() {
            services.push(name.to_owned());
        }
    }

    /// Writes a file into the behaviour's folder and gives its path on the machine.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String, Fault> {
        let path = self.path(name);
        let outside = self.backend.outside(&path);
        std::fs::write(&outside, content.as_ref())
            .map_err(|error| format!("{}: {error}", outside.display()))?;
        Ok(path)
    }

    pub fn write_spec(&self, service: &Service) -> Result<String, Fault> {
        self.write(&format!("{}.toml", service.name), service.toml())
    }

    /// Runs `abide` with these arguments.
    pub fn abide(&self, arguments: &[&str]) -> Result<Output, Fault> {
        let mut command = self.abide_command(arguments);
        let output =
            run(&mut command, VERB_LIMIT).map_err(|error| format!("abide could not be run: {error}"))?;
        self.note(format!(
            "$ abide {}\n  → {} in {:.1} s{}\n{}{}",
            arguments.join(" "),
            output.code.map_or("no exit code".into(), |code| format!("exit code {code}")),
            output.took.as_secs_f32(),
            if output.timed_out { ", ended because its time was over" } else { "" },
            indented(&output.text()),
            indented(&output.errors()),
        ));
        ensure!(!output.timed_out, "`abide {}` did not come back within {VERB_LIMIT:?}", arguments.join(" "));
        ensure!(
            !output.errors().contains("panicked at"),
            "`abide {}` panicked: {}",
            arguments.join(" "),
            output.errors()
        );
        Ok(output)
    }

    /// The command line of `abide` with these arguments, not yet run.
    pub fn abide_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.backend.abide();
        if self.backend.foreground() {
            command.args(["--dir", &self.folder]);
        }
        command.args(arguments);
        command
    }

    /// Runs `abide` and expects success.
    pub fn ok(&self, arguments: &[&str]) -> Result<Output, Fault> {
        let output = self.abide(arguments)?;
        ensure!(
            output.ok(),
            "`abide {}` ended with {:?} instead of 0: {}",
            arguments.join(" "),
            output.code,
            output.errors().trim()
        );
        Ok(output)
    }

    /// Makes these specs known and has them run: `abide up` in the foreground, `apply` and `start` elsewhere.
    /// Returns as soon as the verbs do; what they said is the result.
    pub fn bring_up(&self, services: &[&Service]) -> Outcome {
        let files = services.iter().map(|service| self.write_spec(service)).collect::<Result<Vec<_>, _>>()?;
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        if self.backend.foreground() {
            self.up(&files)?;
            for service in services {
                let name = &service.name;
                let known = wait_for(SOON, || self.peek(name).is_some());
                ensure!(known, "`abide up` did not make {name} known within {SOON:?}:\n{}", self.up_output());
            }
            return Ok(());
        }
        self.ok(&[&["apply"], &files[..]].concat())?;
        for service in services {
            self.ok(&["start", &service.name])?;
        }
        Ok(())
    }

    /// Makes one service known and waits until it is running and ready.
    pub fn run(&self, service: &Service) -> Outcome {
        self.bring_up(&[service])?;
        self.wait_ready(&service.name).map(drop)
    }

    /// Makes one service known, whatever becomes of its start.
    pub fn try_run(&self, service: &Service) -> Outcome {
        self.try_run_all(&[service])
    }

    /// Makes services known, whatever becomes of their start.
    pub fn try_run_all(&self, services: &[&Service]) -> Outcome {
        if self.backend.foreground() {
            return self.bring_up(services);
        }
        for service in services {
            let file = self.write_spec(service)?;
            self.abide(&["apply", &file])?;
            let never_ran =
                |status: serde_json::Value| status["state"] == "stopped" && status["last-exit"].is_null();
            if self.peek(&service.name).is_none_or(never_ran) {
                self.abide(&["start", &service.name])?;
            }
        }
        Ok(())
    }

    /// Starts `abide up` with these files.
    pub fn up(&self, files: &[&str]) -> Outcome {
        let abide = self.abide_command(&[&["up"], files].concat());
        // Where the tests die, so does the `up`.
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "TERM"]).arg(abide.get_program()).args(abide.get_args());
            command
        } else {
            abide
        };
        let mut ups = self.ups.lock().map_err(|_| "poisoned".to_owned())?;
        let output =
            std::env::temp_dir().join(format!("abide-up-{}-{}-{}", std::process::id(), self.name, ups.len()));
        let file = std::fs::File::create(&output).map_err(|error| error.to_string())?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("abide up: {error}"))?;
        self.note(format!("$ abide up {} &", files.join(" ")));
        ups.push(Up { child, output });
        Ok(())
    }

    /// What the `up`s of this behaviour have printed.
    pub fn up_output(&self) -> String {
        let Ok(ups) = self.ups.lock() else { return String::new() };
        ups.iter().map(|up| std::fs::read_to_string(&up.output).unwrap_or_default()).collect()
    }

    /// Process id of the newest `up`.
    pub fn up_pid(&self) -> Option<u32> {
        self.ups.lock().ok()?.last().map(|up| up.child.id())
    }

    /// Waits for the newest `up` to end and gives its exit code.
    pub fn up_ends(&self, limit: Duration) -> Option<Option<i32>> {
        wait_child(&mut self.ups.lock().ok()?.last_mut()?.child, limit).ok()?
    }

    /// `abide status NAME --json`, `None` when there is none to be had.
    pub fn peek(&self, name: &str) -> Option<Value> {
        let output = run(&mut self.abide_command(&["status", name, "--json"]), VERB_LIMIT).ok()?;
        let value: Value = serde_json::from_slice(&output.stdout).ok()?;
        match value {
            Value::Array(mut list) if !list.is_empty() => Some(list.swap_remove(0)),
            Value::Object(_) if value["state"].is_string() => Some(value),
            _ => None,
        }
    }

    /// `abide status NAME --json`, which has to be there.
    pub fn status(&self, name: &str) -> Result<Value, Fault> {
        Ok(self.peek(name).ok_or_else(|| format!("`abide status {name} --json` tells nothing"))?)
    }

    /// Waits until the status is as wanted.
    pub fn wait_status(
        &self,
        name: &str,
        wanted: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value, Fault> {
        let mut last = Value::Null;
        let seen = wait_for(SOON, || {
            last = self.peek(name).unwrap_or(Value::Null);
            condition(&last)
        });
        ensure!(seen, "{name} is not {wanted} within {SOON:?}; its status: {last}");
        Ok(last)
    }

    pub fn wait_ready(&self, name: &str) -> Result<Value, Fault> {
        self.wait_status(name, "running and ready", |status| {
            status["state"] == "running" && status["ready"] == true
        })
    }

    pub fn wait_state(&self, name: &str, state: &str) -> Result<Value, Fault> {
        self.wait_status(name, state, |status| status["state"] == state)
    }

    /// Waits until another process than `before` runs and is ready.
    pub fn wait_another(&self, name: &str, before: u64) -> Result<Value, Fault> {
        self.wait_status(name, "running as a new process", |status| {
            status["state"] == "running"
                && status["ready"] == true
                && status["pid"].as_u64().is_some_and(|pid| pid != before)
        })
    }

    /// The id of the service's process, which has to run.
    pub fn pid(&self, name: &str) -> Result<u64, Fault> {
        let status = self.status(name)?;
        Ok(status["pid"].as_u64().ok_or_else(|| format!("{name} runs no process: {status}"))?)
    }

    pub fn kill(&self, pid: u64) -> Outcome {
        self.note(format!("kill -9 {pid}"));
        Ok(self.backend.kill(pid as u32)?)
    }

    /// The events as JSON, oldest first.
    pub fn events(&self, name: &str) -> Result<Vec<Value>, Fault> {
        let output = run(&mut self.abide_command(&["events", name, "--json"]), VERB_LIMIT)
            .map_err(|e| e.to_string())?;
        ensure!(
            output.ok(),
            "`abide events {name} --json` ended with {:?}: {}",
            output.code,
            output.errors()
        );
        let events: Result<Vec<Value>, _> = output.text().lines().map(serde_json::from_str).collect();
        Ok(events.map_err(|error| format!("`abide events --json` is not a JSON object a line: {error}"))?)
    }

    /// The words of all events, a line each.
    pub fn told(&self, name: &str) -> Result<String, Fault> {
        Ok(self
            .events(name)?
            .iter()
            .filter_map(|event| event["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"))
    }

    /// How many events are of this kind.
    pub fn count(&self, name: &str, kind: &str) -> Result<usize, Fault> {
        Ok(self.events(name)?.iter().filter(|event| event["record"]["kind"] == kind).count())
    }

    /// What the program wrote, as `abide logs` tells it.
    pub fn logs(&self, name: &str, arguments: &[&str]) -> Result<String, Fault> {
        let arguments = [&["logs", name], arguments].concat();
        let output =
            run(&mut self.abide_command(&arguments), VERB_LIMIT).map_err(|error| error.to_string())?;
        ensure!(
            output.ok(),
            "`abide {}` ended with {:?}: {}",
            arguments.join(" "),
            output.code,
            output.errors()
        );
        Ok(output.text())
    }

    /// Everything the program wrote to its standard output.
    pub fn printed(&self, name: &str) -> Result<String, Fault> {
        self.logs(name, &["-n", "1000000", "--stream", "stdout"])
    }

    /// Waits until the program has written a line with this text.
    pub fn wait_printed(&self, name: &str, text: &str) -> Result<String, Fault> {
        let mut last = String::new();
        let seen = wait_for(SOON, || {
            last = self.printed(name).unwrap_or_default();
            last.contains(text)
        });
        ensure!(seen, "{name} did not print {text:?}; it printed:\n{}", indented(&last));
        Ok(last)
    }

    /// Processes of the service's program and of what it started.
    pub fn processes(&self, service: &Service) -> Vec<Process> {
        self.backend.processes(&service.marker)
    }

    /// Fails unless no process of the service is there now, a blink aside in which the dying are still listed.
    pub fn nothing_runs(&self, service: &Service) -> Outcome {
        let mut left = Vec::new();
        let gone = wait_for(Duration::from_millis(300), || {
            left = self.processes(service);
            left.is_empty()
        });
        ensure!(gone, "processes of {} are left: {left:?}", service.name);
        Ok(())
    }

    /// A port that nobody uses.
    pub fn port(&self) -> Result<u16, Fault> {
        static TAKEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
        for _ in 0..50 {
            let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
            let port = listener.local_addr().map_err(|error| error.to_string())?.port();
            if let Ok(mut taken) = TAKEN.lock()
                && !taken.contains(&port)
            {
                taken.push(port);
                return Ok(port);
            }
        }
        Err(Fault::Failed("no free port".into()))
    }

    /// Asks the fixture's HTTP server; status and body.
    pub fn get(&self, port: u16, path: &str) -> Result<(u16, String), Fault> {
        let answer =
            http_get(port, path).map_err(|error| format!("http://127.0.0.1:{port}{path}: {error}"))?;
        self.note(format!("GET :{port}{path} → {} {}", answer.0, answer.1));
        Ok(answer)
    }

    /// Ends everything the behaviour started.
    pub fn clean_up(&self) {
        if let Ok(mut ups) = self.ups.lock() {
            for up in ups.iter_mut() {
                if matches!(up.child.try_wait(), Ok(None)) {
                    let _ = Command::new("kill").arg(up.child.id().to_string()).status();
                    if !matches!(wait_child(&mut up.child, Duration::from_secs(30)), Ok(Some(_))) {
                        let _ = up.child.kill();
                        let _ = up.child.wait();
                    }
                }
                let _ = std::fs::remove_file(&up.output);
            }
        }
        if self.backend.lacks(crate::behaviour::Need::Manager).is_none()
            && let Ok(services) = self.services.lock()
        {
            for service in services.iter() {
                let _ = run(&mut self.abide_command(&["uninstall", service]), VERB_LIMIT);
            }
        }
    }

    /// Runs a command of the service manager's table for a service.
    pub fn ask_manager(&self, words: &[&str], name: &str) -> Result<Output, Fault> {
        let words = Manager::command(words, name);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.backend.ask(&words)?;
        self.note(format!("$ {}\n{}", words.join(" "), indented(&output.all())));
        Ok(output)
    }

    /// Everything that helps to see why the behaviour failed.
    pub fn report(&self) -> String {
        let mut report = self.transcript.lock().map(|lines| lines.join("\n")).unwrap_or_default();
        let mut add = |title: String, text: String| {
            report.push_str(&format!("\n{title}\n{}", indented(&text)));
        };
        if let Ok(ups) = self.ups.lock()
            && !ups.is_empty()
        {
            drop(ups);
            add("abide up printed:".into(), self.up_output());
        }
        let services = self.services.lock().map(|services| services.clone()).unwrap_or_default();
        for name in &services {
            for arguments in [&["status", name][..], &["events", name], &["logs", name, "-n", "30"]] {
                if let Ok(output) = run(&mut self.abide_command(arguments), Duration::from_secs(20)) {
                    add(format!("$ abide {}", arguments.join(" ")), output.all());
                }
            }
            if let Some(manager) = self.backend.manager()
                && let Ok(output) = self.ask_manager(manager.log, name)
            {
                add(manager.log.join(" ").replace("NAME", name), last_lines(&output.text(), 15));
            }
        }
        report
    }
}

/// A GET request without a library.
pub fn http_get(port: u16, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    // The program may end before it has answered (`/exit`).
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Four spaces before every line.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
