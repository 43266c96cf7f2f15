//! A property list of launchd, as `/Library/LaunchDaemons` holds them.

use std::fmt::Write;

use abide_spec::{Family, KillScope, RunAs, Spec, StartMode, StopAction, When};

use super::book::{Book, environment};
use super::winsw::escape;
use crate::draft::env_path;

struct Plist(String);

impl Plist {
    fn key(&mut self, key: &str) {
        let _ = writeln!(self.0, "  <key>{}</key>", escape(key));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        let _ = writeln!(self.0, "  <string>{}</string>", escape(value));
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        let _ = writeln!(self.0, "  <integer>{value}</integer>");
    }

    fn truth(&mut self, key: &str, value: bool) {
        self.key(key);
        let _ = writeln!(self.0, "  <{value}/>");
    }
}

pub(super) fn write(book: &Book<'_>, spec: &Spec) -> String {
    let mut plist = Plist(String::new());
    plist.text("Label", spec.name.as_str());
    book.carried("name", "Label");
    book.left("display-name", "a job has its label and no other text");
    book.left("description", "a job has its label and no other text");
    plist.key("ProgramArguments");
    plist.0.push_str("  <array>\n");
    for word in &spec.program.command {
        let _ = writeln!(plist.0, "    <string>{}</string>", escape(word));
    }
    plist.0.push_str("  </array>\n");
    book.carried("program.command", "ProgramArguments");
    if let Some(folder) = spec.program.working_dir.as_ref().and_then(|folder| folder.to_str()) {
        plist.text("WorkingDirectory", folder);
        book.carried("program.working-dir", "WorkingDirectory");
    } else {
        book.note("a job without program.working-dir runs in /, and not in a state folder of its own");
    }
    env(book, spec, &mut plist);
    start(book, spec, &mut plist);
    account(book, spec, &mut plist);
    restart(book, spec, &mut plist);
    stop(book, spec, &mut plist);
    limits(book, spec, &mut plist);
    let log = format!("/var/log/{}", spec.name);
    plist.text("StandardOutPath", &format!("{log}.out.log"));
    plist.text("StandardErrorPath", &format!("{log}.err.log"));
    book.default(
        "logs",
        "StandardOutPath, StandardErrorPath",
        "without them the output is lost; newsyslog has to keep the files small",
    );
    if spec.security.profile == abide_spec::Profile::None {
        book.carried("security.profile", "no sandbox");
    }
    book.left_or_lost("security", "launchd has no sandbox; sandbox-exec and entitlements are macOS's own");
    book.left("reload", "launchd sends no signal to reload");
    book.left("start.ready", "launchd asks nothing: a job is ready when it runs");
    book.leave_common();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n{}</dict>\n</plist>\n",
        plist.0
    )
}

fn env(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    let of = |name: &str| {
        let value = spec.program.env.get(name)?;
        abide_spec::expand::expand(name, value, |_| None).ok()
    };
    let mut entries = String::new();
    for (key, value) in environment(spec, of) {
        match value {
            Ok(value) => {
                let _ = writeln!(
                    entries,
                    "    <key>{}</key>\n    <string>{}</string>",
                    escape(&key),
                    escape(&value)
                );
                book.carried(&env_path(&key), "EnvironmentVariables");
            }
            Err(unknown) => {
                book.left(&env_path(&key), &format!("it refers to {unknown}, and launchd expands nothing"));
            }
        }
    }
    if !entries.is_empty() {
        plist.key("EnvironmentVariables");
        let _ = writeln!(plist.0, "  <dict>\n{entries}  </dict>");
    }
    book.left(
        "program.env-file",
        "launchd reads no such file: write its variables into EnvironmentVariables",
    );
    book.left("program.inherit-env", "a job inherits the variables of launchd");
}

fn start(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    let auto = matches!(spec.start.mode, StartMode::Auto | StartMode::Delayed);
    plist.truth("RunAtLoad", auto);
    match spec.start.mode {
        StartMode::Delayed => book.changed("start.mode", "RunAtLoad", "it starts at boot, not later"),
        StartMode::Disabled => {
            plist.truth("Disabled", true);
            book.carried("start.mode", "Disabled");
        }
        StartMode::Auto => {
            book.carried_or_default("start.mode", "RunAtLoad", "without it a job waits to be asked for")
        }
        StartMode::Manual => book.carried("start.mode", "RunAtLoad"),
    }
    book.left("start.after", "launchd knows no order; let the program wait for what it needs");
}

fn account(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    match &spec.account.run_as {
        RunAs::User(user) => {
            plist.text("UserName", user);
            book.carried("account.run-as", "UserName");
        }
        RunAs::System => book.carried("account.run-as", "no UserName: root"),
        RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService => {
            plist.text("UserName", "nobody");
            let why = "launchd makes no account for a job: make one and name it";
            if book.has("account.run-as") {
                book.changed("account.run-as", "UserName", why);
            } else {
                book.default("account.run-as", "UserName", why);
            }
        }
    }
    book.left("account.groups", "a job has the groups of its user");
    book.left("account.password-file", "passwords are for accounts of Windows");
}

fn restart(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    let rules = &spec.restart;
    match rules.when {
        When::Always => plist.truth("KeepAlive", true),
        When::Never => plist.truth("KeepAlive", false),
        When::OnFailure => {
            plist.key("KeepAlive");
            plist.0.push_str("  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n");
        }
    }
    book.carried_or_default("restart.when", "KeepAlive", "without it a job is not restarted");
    let seconds = rules.delay.initial.get().as_secs().max(1);
    plist.number("ThrottleInterval", seconds);
    let why = "it is whole seconds between two starts, and always the same";
    if book.has("restart.delay") {
        book.changed("restart.delay", "ThrottleInterval", why);
    } else {
        book.default("restart.delay", "ThrottleInterval", "launchd waits 10 s between two starts");
    }
    if rules.when == When::Never {
        book.left("restart.give-up", "nothing is restarted");
    } else if rules.give_up.is_some() {
        book.left_or_lost("restart.give-up", "launchd never gives up");
    } else {
        book.carried("restart.give-up", "KeepAlive");
    }
    book.left("restart", "launchd has no such rule");
}

fn stop(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    let mut wait = None;
    for (index, step) in spec.stop.steps.iter().enumerate() {
        let path = format!("stop.steps[{index}]");
        match &step.action {
            _ if !step.applies_to(Family::Unix) => book.left(&path, "it is a step of Windows"),
            StopAction::Signal(signal) if *signal == abide_spec::Signal::TERM && wait.is_none() => {
                wait = Some(step.wait);
                book.carried(&path, "ExitTimeOut");
            }
            StopAction::Kill(KillScope::Tree) => {
                book.changed(&path, "ExitTimeOut", "launchd kills the process group, not the whole tree")
            }
            _ => book.left(&path, "launchd sends TERM, and then KILL"),
        }
    }
    let seconds = wait.unwrap_or(abide_spec::StopStep::WAIT).get().as_secs().max(1);
    plist.number("ExitTimeOut", seconds);
    if !book.has("stop") {
        book.default("stop.steps", "ExitTimeOut", "launchd waits 20 s");
    }
}

fn limits(book: &Book<'_>, spec: &Spec, plist: &mut Plist) {
    let mut entries = String::new();
    for (path, key, value) in [
        ("limits.open-files", "NumberOfFiles", spec.limits.open_files),
        ("limits.processes", "NumberOfProcesses", spec.limits.processes),
    ] {
        if let Some(value) = value {
            let _ = writeln!(entries, "    <key>{key}</key>\n    <integer>{value}</integer>");
            if key == "NumberOfProcesses" {
                book.changed(path, "HardResourceLimits", "it bounds all processes of the user");
            } else {
                book.carried(path, "HardResourceLimits");
            }
        }
    }
    if !entries.is_empty() {
        for key in ["SoftResourceLimits", "HardResourceLimits"] {
            plist.key(key);
            let _ = writeln!(plist.0, "  <dict>\n{entries}  </dict>");
        }
    }
    book.left("limits.memory", "launchd bounds no memory that macOS would keep to");
    book.left("limits.cpu", "launchd bounds no share of the processors");
}
