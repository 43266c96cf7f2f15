//! Without a service manager: in a terminal, in the background of a script, and under `abide up`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use abide_machine::{Report, run, wait_for};

use crate::program::{Program, SOON};
use crate::{EXAMPLES, Options};

/// What each of them says when it works, and last.
pub fn words(example: &str) -> (&'static str, &'static str) {
    match example {
        "ticker" => ("tick 1", "stopped after"),
        "web" => ("listening on http://", "everything is answered"),
        _ => ("count 1", "stopping"),
    }
}

fn executable(options: &Options, example: &str) -> PathBuf {
    options.programs.join("examples").join(example)
}

/// The line that runs an example, with what it needs.
fn line(options: &Options, example: &str) -> Vec<String> {
    let mut words = vec![executable(options, example).display().to_string()];
    if example == "web" {
        // Any that is free: it tells which.
        words.extend(["--port".into(), "0".into()]);
    }
    words
}

/// The port on which it says that it listens.
fn port(program: &Program) -> Result<u16, String> {
    program.prints("listening on http://127.0.0.1:")?;
    let told = || {
        let printed = program.printed();
        let (_, rest) = printed.split_once("127.0.0.1:")?;
        let (port, _) = rest.split_once(char::is_whitespace)?;
        port.parse().ok()
    };
    let mut port = None;
    wait_for(SOON, || {
        port = told();
        port.is_some()
    });
    port.ok_or_else(|| format!("it tells no port: {:?}", program.printed()))
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    // What tells of service managers must not come from whoever runs the tests.
    command.args(&words[1..]);
    for variable in ["NOTIFY_SOCKET", "INVOCATION_ID", "ABIDE_INSTANCE", "JOURNAL_STREAM", "STATE_DIRECTORY"]
    {
        command.env_remove(variable);
    }
    command
}

pub fn in_terminal(options: &Options, report: &mut Report) {
    for example in EXAMPLES {
        let (works, last) = words(example);
        report.check(&format!("{example} in a terminal: Ctrl-C ends it in good order"), || {
            let mut program = Program::in_terminal(&line(options, example).join(" "))?;
            program.prints(works)?;
            program.types(b"\x03")?;
            program.ends_well(last)
        });
        report.check(&format!("{example} without a terminal: SIGTERM ends it in good order"), || {
            let program = Program::start(&mut command(&line(options, example)))?;
            program.prints(works)?;
            program.signal("TERM")?;
            program.ends_well(last)
        });
    }
    report.check("the closing of the terminal ends it in good order", || closed(options));
    report.check("under `nohup` the closing of the terminal does not", || nohup(options));
    report.check("Ctrl-Z rests and gives the shell back, `fg` goes on", || suspended(options));
    report.check("signals pause, continue and reload", || signalled(options));
    report.check("requests are answered before it stops", || answered(options));
    report.check("a second Ctrl-C ends at once what hangs", || second(options));
    report.check("what cannot begin says why and ends with code 1", || occupied(options));
    report.check("an argument that it does not know is told", || unknown(options));
}

fn closed(options: &Options) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let said = folder.path().join("said");
    let program = executable(options, "ticker");
    let terminal = Program::in_terminal(&format!("{} 2>{}", program.display(), said.display()))?;
    let read = || std::fs::read_to_string(&said).unwrap_or_default();
    if !wait_for(SOON, || read().contains("tick 1")) {
        return Err("it does not tick".into());
    }
    // `script` is killed, and with it the terminal goes.
    terminal.signal("KILL")?;
    if wait_for(SOON, || read().contains("stopped after")) {
        Ok(())
    } else {
        Err(format!("it said {:?}", read()))
    }
}

fn nohup(options: &Options) -> Result<(), String> {
    let mut words = line(options, "ticker");
    words.insert(0, "nohup".into());
    let program = Program::start(&mut command(&words))?;
    program.prints("tick 1")?;
    program.signal("HUP")?;
    program.prints("tick 3")?;
    program.signal("TERM")?;
    program.ends_well("stopped after")
}

fn suspended(options: &Options) -> Result<(), String> {
    let mut shell = Program::in_terminal("bash --norc --noprofile -i")?;
    let keys = format!("{}\n", executable(options, "pausable").display());
    shell.types(keys.as_bytes())?;
    shell.prints("count 2")?;
    shell.types(b"\x1a")?;
    shell.prints("resting")?;
    shell.prints("Stopped")?;
    shell.types(b"echo shell-is-$((40+2))\n")?;
    shell.prints("shell-is-42")?;
    shell.types(b"fg\n")?;
    shell.prints("counting again")?;
    shell.types(b"\x03")?;
    shell.prints("stopping")?;
    shell.types(b"echo ended-with-$?\nexit\n")?;
    shell.prints("ended-with-0")
}

fn signalled(options: &Options) -> Result<(), String> {
    let program = Program::start(&mut command(&line(options, "pausable")))?;
    program.prints("count 1")?;
    program.signal("TSTP")?;
    program.prints("resting")?;
    program.signal("HUP")?;
    program.prints("settings read again")?;
    let before = program.printed().matches("count ").count();
    program.signal("CONT")?;
    program.prints("counting again")?;
    program.prints_often("count ", before + 1)?;
    program.signal("TERM")?;
    program.ends_well("stopping")
}

fn answered(options: &Options) -> Result<(), String> {
    let program = Program::start(&mut command(&line(options, "web")))?;
    let port = port(&program)?;
    let answer = get(port)?;
    if !answer.ends_with("hello\n") {
        return Err(format!("it answers {answer:?}"));
    }
    let mut begun = begun(port)?;
    let mut idle = idle(port)?;
    program.signal("TERM")?;
    closes(&mut idle)?;
    begun.write_all(b"world").map_err(|error| format!("the request that had begun was dropped: {error}"))?;
    let mut answer = String::new();
    begun.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    if !answer.ends_with("hello world") {
        return Err(format!("the request that had begun was answered by {answer:?}"));
    }
    program.ends_well("everything is answered")
}

fn second(options: &Options) -> Result<(), String> {
    let mut program = Program::in_terminal(&line(options, "web").join(" "))?;
    let port = port(&program)?;
    // It waits for the end of this, which does not come.
    let _begun = begun(port)?;
    let mut idle = idle(port)?;
    program.types(b"\x03")?;
    closes(&mut idle)?;
    program.types(b"\x03")?;
    let (code, printed) = program.ends()?;
    match code {
        Some(130) if printed.contains("second Ctrl-C") => Ok(()),
        _ => Err(format!("it ended with {code:?} and printed {printed:?}")),
    }
}

/// A request of which a part is still to come.
fn begun(port: u16) -> Result<TcpStream, String> {
    let mut stream = connect(port)?;
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).map_err(|error| error.to_string())?;
    // This is said when somebody waits for the rest of it.
    let mut said = [0; 25];
    stream.read_exact(&mut said).map_err(|error| error.to_string())?;
    if !said.starts_with(b"HTTP/1.1 100") {
        return Err(format!("it says {:?}", String::from_utf8_lossy(&said)));
    }
    stream.write_all(b"hello ").map_err(|error| error.to_string())?;
    Ok(stream)
}

/// A connection whose one request has been answered, and which stays open.
fn idle(port: u16) -> Result<TcpStream, String> {
    let mut stream = connect(port)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    while !said.ends_with(b"hello\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(|error| error.to_string())?;
        said.push(byte[0]);
    }
    Ok(stream)
}

/// It is closed by the server: so it tells that it has heard of its end.
fn closes(idle: &mut TcpStream) -> Result<(), String> {
    match idle.read(&mut [0]) {
        Ok(0) => Ok(()),
        other => Err(format!("a connection without a request is not closed: {other:?}")),
    }
}

fn occupied(options: &Options) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let web = executable(options, "web").display().to_string();
    let program = Program::start(&mut command(&[web, "--port".into(), port.to_string()]))?;
    match program.ends()? {
        (Some(1), printed) if printed.contains("error: ") && printed.contains("in use") => Ok(()),
        (code, printed) => Err(format!("it ended with {code:?} and printed {printed:?}")),
    }
}

fn unknown(options: &Options) -> Result<(), String> {
    let output = run(Command::new(executable(options, "ticker")).arg("instal"), SOON);
    let output = output.map_err(|error| error.to_string())?;
    let told = output.errors().contains("did you mean `install`") && output.errors().contains("--help");
    if output.code == Some(2) && told { Ok(()) } else { Err(format!("{:?}: {}", output.code, output.all())) }
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, SOON).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(SOON)).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// What an HTTP server on this machine answers.
pub fn get(port: u16) -> Result<String, String> {
    let mut stream = connect(port)?;
    let mut answer = String::new();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .and_then(|()| stream.read_to_string(&mut answer))
        .map_err(|error| error.to_string())?;
    Ok(answer)
}

pub fn under_up(options: &Options, report: &mut Report) {
    for example in EXAMPLES {
        report.check(
            &format!("{example} under `abide up`: ready when it says so, stopped in good order"),
            || up(options, example),
        );
    }
}

fn up(options: &Options, example: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let quoted: Vec<_> = line(options, example).iter().map(|word| format!("{word:?}")).collect();
    let spec = format!(
        "name = {example:?}\n[program]\ncommand = [{}]\n[start]\nready = {{ notify = true }}\n",
        quoted.join(", ")
    );
    let file = folder.path().join(format!("{example}.toml"));
    std::fs::write(&file, spec).map_err(|error| error.to_string())?;
    let abide = options.programs.join("abide");
    let mut up = Command::new(&abide);
    up.arg("up").arg(&file).current_dir(folder.path());
    let (works, last) = words(example);
    let up = Program::start(&mut up)?;
    up.prints(works)?;
    if !wait_for(SOON, || state(&abide, folder.path(), example).as_deref() == Some("running")) {
        return Err(format!("it is {:?}; {}", state(&abide, folder.path(), example), up.printed()));
    }
    up.signal("TERM")?;
    let (_, printed) = up.ends()?;
    if printed.contains(last) { Ok(()) } else { Err(format!("it was not stopped in good order: {printed}")) }
}

fn state(abide: &Path, folder: &Path, name: &str) -> Option<String> {
    let mut ask = Command::new(abide);
    ask.args(["status", name, "--json"]).current_dir(folder);
    let output = run(&mut ask, Duration::from_secs(20)).ok()?;
    let value: serde_json::Value = serde_json::from_str(&output.text()).ok()?;
    let value = if value.is_array() { value.get(0)?.clone() } else { value };
    Some(value.get("state")?.as_str()?.to_owned())
}
