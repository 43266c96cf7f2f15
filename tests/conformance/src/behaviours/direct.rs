//! Programs that the service manager starts itself (`program.supervised = false`), through its own reading of what is written
//! for it. What the fixture cannot be (a service of the SCM) the tests of the library are.

use std::path::Path;
use std::time::Duration;

use abide_machine::wait_for;
use serde_json::Value;

use crate::backend::Manager;
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;
use crate::service::{list, quoted};

pub const LIST: &[Behaviour] = &[
    now(
        "direct-program",
        "a program without a supervisor is started, told to reload, restarted after a failure, stopped and removed",
        &[Need::Manager, Need::Notify],
        program,
    ),
    now(
        "direct-quoting",
        "arguments, variables and paths of every kind reach a program without a supervisor byte for byte",
        &[Need::Manager, Need::Notify],
        quoting,
    ),
    now(
        "direct-ends",
        "without a supervisor the service manager restarts after the ends that the spec names, and gives up as it says",
        &[Need::Manager, Need::Signals],
        ends,
    ),
    now(
        "direct-gives-up",
        "without a supervisor the service manager starts a failing program again, and gives up in the end",
        &[Need::Manager, Need::Signals],
        gives_up,
    ),
    now(
        "paths-of-every-kind",
        "paths with blanks, quotes, %, $, backslashes and Unicode are read, written and worked in as they stand in the spec",
        &[Need::Manager, Need::UnixFiles],
        paths,
    ),
];

/// The service manager in its container; a service of the SCM is more than a script can be.
fn manager(c: &Context) -> Result<&'static Manager, Fault> {
    c.backend.manager().ok_or_else(|| Fault::NotHere("tried with the programs of the library".into()))
}

/// Writes down what it was given, in hexadecimal, tells that it is ready, and says how often it was told to reload.
const PROGRAM: &str = r##"#!/usr/bin/python3
import os, signal, socket, sys
report = os.environ["REPORT"]
def tell(text):
    with open(report + ".saying", "w") as out:
        out.write(text)
    os.rename(report + ".saying", report + ".said")
    to = os.environ.get("NOTIFY_SOCKET")
    if not to:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text.encode(), "\0" + to[1:] if to[0] == "@" else to)
reloads = 0
def reload(*_):
    global reloads
    reloads += 1
    tell("STATUS=reloaded %d times" % reloads)
signal.signal(signal.SIGHUP, reload)
with open(report + ".new", "wb") as out:
    for word in sys.argv[1:]:
        out.write(b"arg " + os.fsencode(word).hex().encode() + b"\n")
    for name, value in sorted(os.environb.items()):
        out.write(b"env " + name + b"=" + value.hex().encode() + b"\n")
    out.write(b"cwd " + os.getcwdb().hex().encode() + b"\n")
os.rename(report + ".new", report)
tell("READY=1\nSTATUS=at work")
while True:
    signal.pause()
"##;

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder of this name below the behaviour's, with the program in it; the path of the program on the machine.
fn program_in(c: &Context, folder: &str, name: &str) -> Result<String, Fault> {
    let path = format!("{}/{folder}/{name}", c.folder);
    let outside = c.backend.outside(&path);
    let fail = |error: std::io::Error| format!("{}: {error}", outside.display());
    std::fs::create_dir_all(outside.parent().unwrap_or(Path::new("/"))).map_err(fail)?;
    std::fs::write(&outside, PROGRAM).map_err(fail)?;
    let done = std::process::Command::new("chmod").arg("0755").arg(&outside).status().map_err(fail)?;
    ensure!(done.success(), "chmod {path}");
    Ok(path)
}

/// A spec for it.
fn spec(c: &Context, name: &str, command: &[String], variables: &[(String, String)], more: &str) -> String {
    let table: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name} = {}", quoted(&value.replace('$', "$$"))))
        .chain([format!("REPORT = {}", quoted(&c.path("report")))])
        .collect();
    let ready = match c.backend.manager() {
        Some(manager) if manager.is_notified => "start.ready = { notify = true }",
        _ => "",
    };
    format!(
        "name = {}\nreload.signal = \"HUP\"\n{ready}\n{more}\n\
         program.supervised = false\nprogram.command = {}\nprogram.env = {{ {} }}\n{}",
        quoted(name),
        list(command),
        table.join(", "),
        c.backend.may_write(&c.folder)
    )
}

/// Waits until the program has said this, and the service manager passes it on if it can.
fn wait_text(c: &Context, manager: &Manager, text: &str) -> Result<Value, Fault> {
    let file = c.backend.outside(&c.path("report.said"));
    let mut said = String::new();
    let heard = wait_for(SOON, || {
        said = std::fs::read_to_string(&file).unwrap_or_default();
        said.ends_with(text)
    });
    ensure!(heard, "the program does not say {text:?}, but {said:?}");
    c.wait_status(c.name, &format!("saying {text:?}"), |status| {
        status["state"] == "running" && (!manager.is_notified || status["text"] == text)
    })
}

fn program(c: &Context) -> Outcome {
    let manager = manager(c)?;
    let command = vec![program_in(c, "p", "program")?];
    c.forget_later(c.name);
    let file = c.write("direct.toml", spec(c, c.name, &command, &[], ""))?;
    c.ok(&["apply", &file])?;
    let first = wait_text(c, manager, "at work")?;
    ensure!(first["state"] == "running" && first["ready"] == true, "{first}");
    let pid = c.pid(c.name)?;
    let line = c.backend.ask(&["cat", &format!("/proc/{pid}/cmdline")])?.text();
    ensure!(line.contains(&command[0]), "process {pid} is not the program but {line:?}");
    if manager.machine == abide_machine::Kind::Systemd {
        read_by_systemd(c, pid)?;
    }

    c.ok(&["reload", c.name])?;
    wait_text(c, manager, "reloaded 1 times")?;
    c.kill(pid)?;
    c.wait_another(c.name, pid)?;
    // What nobody does is said, with where to look instead.
    let logs = c.abide(&["logs", c.name])?;
    ensure!(logs.code == Some(1) && logs.errors().contains(manager.output), "{}", logs.all());
    let again = c.ok(&["apply", &file])?;
    ensure!(again.text().contains("is as the spec says"), "{}", again.all());
    c.ok(&["stop", c.name])?;
    let stopped = c.abide(&["status", c.name])?;
    ensure!(stopped.code == Some(3), "stopped, its status ends with {:?}", stopped.code);
    c.ok(&["uninstall", c.name])?;
    let traces = super::install::traces(c, c.name)?;
    ensure!(traces.is_empty(), "left behind: {traces:?}");
    Ok(())
}

/// systemd runs the program itself, and finds nothing to say about its unit.
fn read_by_systemd(c: &Context, pid: u64) -> Outcome {
    let main = c.backend.ask(&["systemctl", "show", "--property=MainPID", "--value", c.name])?;
    ensure!(main.text().trim() == pid.to_string(), "systemd runs {}, not {pid}", main.text());
    let unit = format!("/etc/systemd/system/{}.service", c.name);
    let verify = c.backend.ask(&["systemd-analyze", "verify", "--man=no", &unit])?;
    ensure!(verify.ok() && !verify.errors().contains(c.name), "systemd-analyze says {}", verify.errors());
    Ok(())
}

/// systemd's own policy of restarts has words for all that a spec says; the others' is tried with their own tests.
fn ends(c: &Context) -> Outcome {
    manager(c)?;
    let show = |name: &str| -> Result<String, Fault> {
        let asked = "--property=ActiveState,NRestarts,StartLimitBurst,StartLimitIntervalUSec";
        Ok(c.backend.ask(&["systemctl", "show", asked, name])?.text())
    };
    // An end that nothing follows, and the state it leaves behind; or one that a restart follows, however often: systemd
    // begins to count anew when it reads its units, as the other behaviours make it do.
    let (failed, stopped, again) = (Some("ActiveState=failed"), Some("ActiveState=inactive"), None);
    let cases = [
        ("finished", &["exit", "0"][..], "", stopped),
        ("never", &["exit", "78"], "restart.codes = { never = [78] }", failed),
        ("success", &["exit", "3"], "restart.success-codes = [0, 3]", stopped),
        ("failed", &["exit", "3"], "restart.give-up = { after = 3, within = \"1m\" }", again),
        ("no-success", &["exit", "0"], "restart.success-codes = [1]", again),
        ("by-signal", &["raise", "15"], "", again),
        ("signal-never", &["raise", "15"], "restart.signals = { never = [\"TERM\"] }", stopped),
        ("always", &["exit", "0"], "restart.when = \"always\"", again),
        ("not-at-all", &["exit", "3"], "restart.when = \"never\"", failed),
    ];
    for (word, steps, more, wanted) in cases {
        let name = format!("{}-{word}", c.name);
        c.forget_later(&name);
        let steps = steps.iter().map(|step| (*step).to_owned());
        let command: Vec<String> = std::iter::once(c.backend.fixture()).chain(steps).collect();
        let text = format!(
            "name = {}\nrestart.delay = {{ initial = \"500ms\", factor = 1, jitter = 0 }}\n{more}\n\
             program.supervised = false\nprogram.command = {}\n",
            quoted(&name),
            list(&command)
        );
        let file = c.write(&format!("{word}.toml"), text)?;
        // Whether the start is seen to succeed depends on how fast the program ends.
        c.abide(&["apply", &file])?;
        let mut last = String::new();
        let seen = wait_for(SOON, || {
            last = show(&name).unwrap_or_default();
            let restarted = !last.contains("NRestarts=0\n");
            wanted.map_or(restarted, |state| !restarted && last.lines().any(|line| line == state))
        });
        ensure!(seen, "{word}: not {} but {last}", wanted.unwrap_or("restarted"));
        let limit = ["StartLimitBurst=3", "StartLimitIntervalUSec=1min"];
        let kept = limit.iter().all(|wanted| last.lines().any(|line| line == *wanted));
        ensure!(word != "failed" || kept, "it would not give up after 3 ends within 1 min: {last}");
    }
    Ok(())
}

fn gives_up(c: &Context) -> Outcome {
    manager(c)?;
    c.forget_later(c.name);
    let starts = c.path("starts");
    let script = format!("echo start >>{starts}; exit 3");
    let text = format!(
        "name = {}\nrestart.give-up = {{ after = 2, within = \"1m\" }}\nprogram.supervised = false\nprogram.command = {}\n{}",
        quoted(c.name),
        list(&["/bin/sh", "-c", &script]),
        c.backend.may_write(&c.folder)
    );
    let file = c.write("direct.toml", text)?;
    // Whether the start is seen to succeed depends on how fast the program ends.
    c.abide(&["apply", &file])?;
    let status = c.wait_state(c.name, "failed")?;
    let count = std::fs::read_to_string(c.backend.outside(&starts)).unwrap_or_default().lines().count();
    // Some count ends, some starts after the first.
    ensure!((2..=3).contains(&count), "failed after {count} starts: {status}");
    // It can be started by hand again.
    c.abide(&["start", c.name])?;
    let again = wait_for(SOON, || {
        let now = std::fs::read_to_string(c.backend.outside(&starts)).unwrap_or_default().lines().count();
        now > count
    });
    ensure!(again, "it is not started again by hand");
    Ok(())
}

/// Texts made of what quoting gets wrong, the same ones in every run of a seed.
struct Texts(u64);

impl Texts {
    /// From a generator by Marsaglia: enough to mix characters.
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn text(&mut self, most: usize, characters: &[&str]) -> String {
        let length = self.next(most + 1);
        (0..length).map(|_| characters[self.next(characters.len())]).collect()
    }
}

const CHARACTERS: &[&str] = &[
    " ", "\t", "\n", "\r", "\"", "'", "\\", "%", "$", "`", "{", "}", "(", ")", ";", "#", "&", "|", "<", ">",
    "*", "?", "[", "]", "~", "!", "=", ":", "@", "-", "+", ",", "a", "n", "x", "0", "7", "HOME", "%h",
    "${A}", "$A", "\\x41", "\\n", "\\s", "ä", "日", "🌍", "\u{7f}", "\u{1b}", "\u{200b}",
];

/// What a path of an executable can be made of: systemd executes none with quotes, backslashes or control characters.
const PATH_CHARACTERS: &[&str] = &[
    " ", "%", "$", "`", "{", "}", ";", "#", "a", "b", "%h", "${A}", "ä", "日", "-", "=", ":", "~", "*", "?",
    "[",
];

/// What any path can be made of that a unit can name.
const ANY_PATH_CHARACTERS: &[&str] = &[
    " ", "\"", "'", "\\", "%", "$", "`", "{", "}", "(", ")", ";", "#", "&", "|", "<", ">", "*", "?", "[",
    "]", "~", "!", "=", ":", "@", "-", "+", ",", "a", "n", "x41", "%h", "${A}", "ä", "日", "🌍",
];

/// The same texts in every run, unless `ABIDE_SEED` asks for others.
fn texts(c: &Context) -> Texts {
    let asked = std::env::var("ABIDE_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    c.note(format!("ABIDE_SEED={}", asked.unwrap_or(0)));
    Texts(0x9e37_79b9_7f4a_7c15 ^ asked.unwrap_or(0))
}

/// A service with a supervisor, whose unit names the folders it may write and its environment file.
fn paths(c: &Context) -> Outcome {
    let mut texts = texts(c);
    let mut folder = || -> Result<String, Fault> {
        let name = format!("f{}x", texts.text(9, ANY_PATH_CHARACTERS));
        let path = format!("{}/{name}", c.folder);
        let outside = c.backend.outside(&path);
        let made = std::fs::create_dir_all(&outside).map_err(|error| error.to_string());
        made.map_err(|error| format!("{path}: {error}"))?;
        let open = std::process::Command::new("chmod").arg("0777").arg(&outside).status();
        ensure!(open.is_ok_and(|status| status.success()), "chmod {path:?}");
        Ok(path)
    };
    let folders = (0..12).map(|_| folder()).collect::<Result<Vec<_>, Fault>>()?;
    let file = c.write(&format!("e{}x", texts.text(9, ANY_PATH_CHARACTERS)), "FROM_FILE=read\n")?;
    let mut steps = vec!["cwd", "env", "FROM_FILE"];
    let written: Vec<String> = folders.iter().map(|folder| format!("{folder}/written")).collect();
    steps.extend(written.iter().flat_map(|file| ["write", file.as_str()]));
    steps.extend(["say", "that is all"]);
    let mut service = c
        .service(&steps)
        .program(&format!("working-dir = {}", quoted(&folders[0])))
        .program(&format!("env-file = {}", quoted(&file)));
    if !c.backend.may_write("").is_empty() {
        service = service.with(&format!("[security]\nwrite = {}", list(&folders)));
    }
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    ensure!(
        printed.contains(&format!("cwd {}\n", folders[0])),
        "it does not run in {:?}:\n{printed}",
        folders[0]
    );
    ensure!(
        printed.contains(&format!("env FROM_FILE={}\n", hex("read"))),
        "{file:?} was not read:\n{printed}"
    );
    for file in written {
        ensure!(c.backend.exists(&file), "it could not write {file:?}:\n{printed}");
    }
    Ok(())
}

fn quoting(c: &Context) -> Outcome {
    let manager = manager(c)?;
    let mut texts = texts(c);
    for round in 0..6 {
        let folder = format!("{round}{}x", texts.text(6, PATH_CHARACTERS));
        let file = format!("p{}", texts.text(6, PATH_CHARACTERS));
        let mut command = vec![program_in(c, &folder, &file)?];
        command.extend((0..200).map(|_| texts.text(8, CHARACTERS)));
        command.push(String::new());
        let variables: Vec<(String, String)> =
            (0..80).map(|index| (format!("T_{index}"), texts.text(8, CHARACTERS))).collect();
        let file = format!("e{}[1] {{x}}*?.env", texts.text(6, PATH_CHARACTERS));
        let file = c.write(&file, "T_FILE=plain\nT_0=lost\n")?;
        // Where no such file is read, the plan says so.
        one(c, round, &command, &variables, manager.reads_env_files.then_some(&*file))?;
    }
    Ok(())
}

/// One service with all of that, and what its program saw.
fn one(
    c: &Context,
    round: usize,
    command: &[String],
    variables: &[(String, String)],
    env_file: Option<&str>,
) -> Outcome {
    let folder = command[0].rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut more = format!("program.working-dir = {}\ndescription = {}", quoted(folder), quoted(folder));
    if let Some(file) = env_file {
        more.push_str(&format!("\nprogram.env-file = {}", quoted(file)));
    }
    let report = c.backend.outside(&c.path("report"));
    let _ = std::fs::remove_file(&report);
    let name = format!("{}-{round}", c.name);
    c.forget_later(&name);
    let file = c.write(&format!("{name}.toml"), spec(c, &name, command, variables, &more))?;
    c.ok(&["apply", &file])?;
    let seen = wait_for(SOON.max(Duration::from_secs(20)), || report.exists());
    ensure!(seen, "the program has reported nothing");
    let text = std::fs::read_to_string(&report).map_err(|error| error.to_string())?;
    let arguments: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("arg ")).collect();
    let wanted: Vec<String> = command[1..].iter().map(|word| hex(word)).collect();
    for (index, (got, wanted)) in arguments.iter().zip(&wanted).enumerate() {
        ensure!(got == wanted, "argument {index}, {:?}, arrived as {got}, not {wanted}", command[index + 1]);
    }
    ensure!(arguments.len() == wanted.len(), "{} arguments instead of {}", arguments.len(), wanted.len());
    for (name, value) in variables {
        let line = format!("env {name}={}", hex(value));
        ensure!(text.lines().any(|it| it == line), "{name}={value:?} did not arrive:\n{text}");
    }
    let folder = command[0].rsplit_once('/').map_or("", |(folder, _)| folder);
    ensure!(
        text.lines().any(|it| it == format!("cwd {}", hex(folder))),
        "it does not run in {folder:?}:\n{text}"
    );
    c.ok(&["uninstall", &name]).map(drop)
}
