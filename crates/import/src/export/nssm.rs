//! A script of NSSM commands.

use abide_spec::{ConsoleEvent, Family, InheritEnv, RunAs, Spec, StartMode, StopAction, When};

use super::book::{Book, environment};
use super::winsw::percent;
use crate::draft::env_path;
use crate::words::windows;

struct Script<'a> {
    name: &'a str,
    lines: Vec<String>,
}

impl Script<'_> {
    /// Adds a command. False if no line of a script can say it.
    fn command(&mut self, verb: &str, rest: &[&str]) -> bool {
        let mut words = vec!["nssm".to_owned(), verb.to_owned(), self.name.to_owned()];
        words.extend(rest.iter().map(|word| (*word).to_owned()));
        match windows::script_line(&words) {
            Some(line) => {
                self.lines.push(line);
                true
            }
            None => false,
        }
    }

    fn set(&mut self, rest: &[&str]) -> bool {
        self.command("set", rest)
    }
}

const LINE_BREAK: &str = "a line break stands in it, which no line of a script can hold";

pub(super) fn write(book: &Book<'_>, spec: &Spec) -> String {
    let mut script = Script { name: spec.name.as_str(), lines: vec!["@echo off".into()] };
    book.carried("name", "install");
    run(book, spec, &mut script);
    about(book, spec, &mut script);
    restart(book, spec, &mut script);
    stop(book, spec, &mut script);
    logs(book, spec, &mut script);
    book.left("limits", "NSSM bounds nothing");
    if spec.security.profile == abide_spec::Profile::None {
        book.carried("security.profile", "no sandbox");
    }
    book.left_or_lost("security", "NSSM restricts nothing");
    book.left("reload", "a program of Windows is not told to reload");
    book.left("start.ready", "NSSM asks nothing: a service is running when its program is");
    book.leave_common();
    script.lines.join("\r\n") + "\r\n"
}

fn carried(book: &Book<'_>, path: &str, to: &str, said: bool, why: Option<String>) {
    match (said, why) {
        (false, _) => book.left(path, LINE_BREAK),
        (true, Some(why)) => book.changed(path, to, &why),
        (true, None) => book.carried(path, to),
    }
}

fn run(book: &Book<'_>, spec: &Spec, script: &mut Script<'_>) {
    let Some((program, arguments)) = spec.program.command.split_first() else { return };
    let line = windows::join(arguments);
    let mut said = script.command("install", &[program]);
    if !arguments.is_empty() {
        said &= script.set(&["AppParameters", &line]);
    }
    let why = percent(program).or_else(|| percent(&line));
    carried(book, "program.command", "install, AppParameters", said, why);
    if let Some(folder) = spec.program.working_dir.as_ref().and_then(|folder| folder.to_str()) {
        let said = script.set(&["AppDirectory", folder]);
        carried(book, "program.working-dir", "AppDirectory", said, percent(folder));
    } else {
        book.note("a program without program.working-dir runs in its own folder, and not in a state folder");
    }
    let mut entries = Vec::new();
    for (key, value) in environment(spec, |name| Some(format!("%{name}%"))) {
        let Ok(value) = value else { continue };
        let path = env_path(&key);
        if value.contains(['\r', '\n']) || key.contains(['\r', '\n']) {
            book.left(&path, LINE_BREAK);
            continue;
        }
        let literal = spec.program.env.get(&key).is_some_and(|text| windows::variable(text).is_some());
        let why = literal.then(|| "%NAME% in it is expanded there".to_owned());
        carried(book, &path, "AppEnvironmentExtra", true, why);
        entries.push(format!("{key}={value}"));
    }
    if !entries.is_empty() {
        let none = spec.program.inherit_env == InheritEnv::None;
        let key = if none { "AppEnvironment" } else { "AppEnvironmentExtra" };
        let words: Vec<&str> = std::iter::once(key).chain(entries.iter().map(String::as_str)).collect();
        script.set(&words);
    }
    match spec.program.inherit_env {
        InheritEnv::All => book.carried("program.inherit-env", "AppEnvironmentExtra"),
        InheritEnv::None => book.carried("program.inherit-env", "AppEnvironment"),
        InheritEnv::Only(_) => book.left("program.inherit-env", "a program inherits all variables, or none"),
    }
    book.left("program.env-file", "NSSM reads no such file: write its variables into AppEnvironmentExtra");
}

fn about(book: &Book<'_>, spec: &Spec, script: &mut Script<'_>) {
    if let Some(name) = &spec.display_name {
        script.set(&["DisplayName", name]);
        book.carried("display-name", "DisplayName");
    }
    if let Some(text) = &spec.description {
        script.set(&["Description", text]);
        book.carried("description", "Description");
    }
    let mode = match spec.start.mode {
        StartMode::Auto => "SERVICE_AUTO_START",
        StartMode::Delayed => "SERVICE_DELAYED_AUTO_START",
        StartMode::Manual => "SERVICE_DEMAND_START",
        StartMode::Disabled => "SERVICE_DISABLED",
    };
    script.set(&["Start", mode]);
    book.carried("start.mode", "Start");
    if !spec.start.after.is_empty() {
        let words: Vec<&str> =
            std::iter::once("DependOnService").chain(spec.start.after.iter().map(String::as_str)).collect();
        script.set(&words);
        book.carried("start.after", "DependOnService");
    }
    let account = match &spec.account.run_as {
        RunAs::System => "LocalSystem".to_owned(),
        RunAs::LeastPrivilege => format!("NT Service\\{}", spec.name),
        RunAs::LocalService => "NT AUTHORITY\\LocalService".into(),
        RunAs::NetworkService => "NT AUTHORITY\\NetworkService".into(),
        RunAs::User(user) => user.clone(),
    };
    script.set(&["ObjectName", &account]);
    if matches!(spec.account.run_as, RunAs::User(_)) {
        book.changed("account.run-as", "ObjectName", "the password of the user has to be put behind it");
    } else {
        book.carried_or_default(
            "account.run-as",
            "ObjectName",
            "without it a service has the rights of LocalSystem",
        );
    }
    book.left("account.groups", "groups are for Unix");
    book.left("account.password-file", "the password of the user has to be put behind ObjectName");
}

fn millis(time: abide_spec::Duration) -> String {
    time.get().as_millis().min(u128::from(u32::MAX)).to_string()
}

fn restart(book: &Book<'_>, spec: &Spec, script: &mut Script<'_>) {
    let rules = &spec.restart;
    let default = match rules.when {
        When::Always | When::OnFailure => "Restart",
        When::Never => "Exit",
    };
    script.set(&["AppExit", "Default", default]);
    if rules.when == When::OnFailure {
        for code in &rules.success_codes {
            script.set(&["AppExit", &code.to_string(), "Exit"]);
        }
        book.carried("restart.success-codes", "AppExit");
    } else {
        book.left("restart.success-codes", "they decide nothing here");
    }
    book.carried_or_default("restart.when", "AppExit", "NSSM restarts however a program ends");
    for (codes, action, path) in [
        (&rules.codes.never, "Exit", "restart.codes.never"),
        (&rules.codes.always, "Restart", "restart.codes.always"),
    ] {
        for code in codes {
            script.set(&["AppExit", &code.to_string(), action]);
        }
        book.carried(path, "AppExit");
    }
    script.set(&["AppRestartDelay", &millis(rules.delay.initial)]);
    script.set(&["AppThrottle", &millis(rules.reset_after)]);
    book.carried("restart.delay.initial", "AppRestartDelay");
    book.carried("restart.reset-after", "AppThrottle");
    for path in ["restart.delay.factor", "restart.delay.max", "restart.delay.jitter"] {
        book.changed(
            path,
            "AppThrottle",
            "a program that ends sooner is restarted after twice the time before, up to 256 s",
        );
    }
    book.left("restart.signals", "signals are for Unix");
    if rules.give_up.is_none() {
        book.carried("restart.give-up", "AppExit");
    } else if rules.when == When::Never {
        book.left("restart.give-up", "nothing is restarted");
    } else {
        book.left_or_lost("restart.give-up", "NSSM never gives up");
    }
}

fn stop(book: &Book<'_>, spec: &Spec, script: &mut Script<'_>) {
    let (mut console, mut window) = (None, None);
    for (index, step) in spec.stop.steps.iter().enumerate() {
        let path = format!("stop.steps[{index}]");
        match &step.action {
            _ if !step.applies_to(Family::Windows) => book.left(&path, "it is a step of Unix"),
            StopAction::Event(ConsoleEvent::CtrlC) if console.is_none() && window.is_none() => {
                console = Some(step.wait);
                book.carried(&path, "AppStopMethodConsole");
            }
            StopAction::Event(ConsoleEvent::CloseWindow) if window.is_none() => {
                window = Some(step.wait);
                book.carried(&path, "AppStopMethodWindow");
            }
            StopAction::Kill(_) => book.carried(&path, "AppKillProcessTree"),
            _ => book.left(&path, "NSSM presses Ctrl-C, closes windows, and then ends the program"),
        }
    }
    if console.is_none() && window.is_none() {
        for step in spec.effective_stop(Family::Windows) {
            match step.action {
                StopAction::Event(ConsoleEvent::CtrlC) => console = Some(step.wait),
                StopAction::Event(ConsoleEvent::CloseWindow) => window = Some(step.wait),
                _ => {}
            }
        }
        book.default(
            "stop.steps",
            "AppStopMethodConsole, AppStopMethodWindow",
            "NSSM waits 1.5 s for each of its steps",
        );
    }
    // 1 is Ctrl-C, 2 windows, 4 threads.
    let skip = u8::from(console.is_none()) + 2 * u8::from(window.is_none()) + 4;
    script.set(&["AppStopMethodSkip", &skip.to_string()]);
    if let Some(wait) = console {
        script.set(&["AppStopMethodConsole", &millis(wait)]);
    }
    if let Some(wait) = window {
        script.set(&["AppStopMethodWindow", &millis(wait)]);
    }
}

fn logs(book: &Book<'_>, spec: &Spec, script: &mut Script<'_>) {
    let rotate = &spec.logs.rotate;
    for (key, stream) in [("AppStdout", "out"), ("AppStderr", "err")] {
        script.set(&[key, &format!("C:\\ProgramData\\{}\\{stream}.log", spec.name)]);
    }
    book.default(
        "logs",
        "AppStdout, AppStderr",
        "without them the output is lost; the folder has to be there",
    );
    script.set(&["AppRotateFiles", "1"]);
    script.set(&["AppRotateOnline", "1"]);
    script.set(&["AppRotateBytes", &rotate.size.bytes().min(u64::from(u32::MAX)).to_string()]);
    book.carried("logs.rotate.size", "AppRotateBytes");
    if let Some(every) = rotate.every {
        script.set(&["AppRotateSeconds", &every.get().as_secs().to_string()]);
        book.carried("logs.rotate.every", "AppRotateSeconds");
    }
    book.left("logs.rotate.keep", "NSSM never removes an old file");
    book.left("logs.rotate.compress", "old files are not compressed");
    book.left("logs.buffer", "output goes straight to its file");
    book.left("logs.when-full", "output goes straight to its file");
}
