//! WinSW's XML.

use std::fmt::Write;

use abide_spec::{Compress, ConsoleEvent, Family, KillScope, RunAs, Spec, StartMode, StopAction, When};

use super::book::{Book, environment};
use crate::draft::env_path;
use crate::words::windows;

/// A text as XML holds it. What no XML can hold becomes a replacement character.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c if !is_xml(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Whether XML can hold a character at all.
pub(super) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  <{name}>{}</{name}>", escape(text));
}

/// Tells of `%NAME%` in a text, which WinSW would expand.
pub(super) fn percent(text: &str) -> Option<String> {
    windows::variable(text).map(|name| format!("%{name}% in it is expanded there"))
}

pub(super) fn write(book: &Book<'_>, spec: &Spec) -> String {
    let mut out = String::new();
    element(&mut out, "id", spec.name.as_str());
    book.carried("name", "id");
    element(&mut out, "name", spec.shown_name());
    book.carried("display-name", "name");
    if let Some(text) = &spec.description {
        element(&mut out, "description", text);
        book.carried("description", "description");
    } else {
        element(&mut out, "description", spec.shown_name());
        book.default("description", "description", "WinSW wants one");
    }
    run(book, spec, &mut out);
    start(book, spec, &mut out);
    restart(book, spec, &mut out);
    stop(book, spec, &mut out);
    logs(book, spec, &mut out);
    book.left("limits", "WinSW bounds nothing");
    if spec.security.profile == abide_spec::Profile::None {
        book.carried("security.profile", "no sandbox");
    }
    book.left_or_lost("security", "WinSW restricts nothing");
    book.left("reload", "a program of Windows is not told to reload");
    book.left("start.ready", "WinSW asks nothing: a service is running when its program is");
    book.leave_common();
    format!("<service>\n{out}</service>\n")
}

fn run(book: &Book<'_>, spec: &Spec, out: &mut String) {
    let Some((program, arguments)) = spec.program.command.split_first() else { return };
    element(out, "executable", program);
    let line = windows::join(arguments);
    if !arguments.is_empty() {
        element(out, "arguments", &line);
    }
    let odd = spec.program.command.iter().any(|word| !word.chars().all(is_xml));
    match percent(program).or_else(|| percent(&line)) {
        _ if odd => {
            book.changed("program.command", "executable, arguments", "XML cannot hold all of its characters")
        }
        Some(why) => book.changed("program.command", "executable, arguments", &why),
        None => book.carried("program.command", "executable, arguments"),
    }
    if let Some(folder) = spec.program.working_dir.as_ref().and_then(|folder| folder.to_str()) {
        element(out, "workingdirectory", folder);
        match percent(folder) {
            Some(why) => book.changed("program.working-dir", "workingdirectory", &why),
            None => book.carried("program.working-dir", "workingdirectory"),
        }
    } else {
        book.note(
            "a program without program.working-dir runs in the folder of the XML, and not in a state folder",
        );
    }
    for (key, value) in environment(spec, |name| Some(format!("%{name}%"))) {
        let Ok(value) = value else { continue };
        let _ = writeln!(out, "  <env name=\"{}\" value=\"{}\"/>", escape(&key), escape(&value));
        let literal = spec.program.env.get(&key).is_some_and(|text| windows::variable(text).is_some());
        if literal {
            book.changed(&env_path(&key), "env", "%NAME% in it is expanded there");
        } else if value.chars().all(is_xml) {
            book.carried(&env_path(&key), "env");
        } else {
            book.changed(&env_path(&key), "env", "XML cannot hold all of its characters");
        }
    }
    book.left("program.env-file", "WinSW reads no such file: write its variables as <env>");
    book.left("program.inherit-env", "a program inherits the variables of WinSW");
}

fn start(book: &Book<'_>, spec: &Spec, out: &mut String) {
    let mode = match spec.start.mode {
        StartMode::Auto | StartMode::Delayed => "Automatic",
        StartMode::Manual => "Manual",
        StartMode::Disabled => "Disabled",
    };
    element(out, "startmode", mode);
    if spec.start.mode == StartMode::Delayed {
        element(out, "delayedAutoStart", "true");
    }
    book.carried("start.mode", "startmode");
    for after in &spec.start.after {
        element(out, "depend", after);
    }
    book.carried("start.after", "depend");
    let account = match &spec.account.run_as {
        RunAs::System => None,
        RunAs::LeastPrivilege => Some(format!("NT SERVICE\\{}", spec.name)),
        RunAs::LocalService => Some("NT AUTHORITY\\LocalService".into()),
        RunAs::NetworkService => Some("NT AUTHORITY\\NetworkService".into()),
        RunAs::User(user) => Some(user.clone()),
    };
    if let Some(account) = account {
        let _ = writeln!(
            out,
            "  <serviceaccount>\n    <username>{}</username>\n  </serviceaccount>",
            escape(&account)
        );
    }
    book.carried_or_default(
        "account.run-as",
        "serviceaccount",
        "without it a service has the rights of LocalSystem",
    );
    book.left("account.groups", "groups are for Unix");
    book.left(
        "account.password-file",
        "WinSW asks for a password, or has it in the XML: write <password> or <prompt> by hand",
    );
}

fn millis(time: abide_spec::Duration) -> String {
    format!("{} ms", time.get().as_millis())
}

fn restart(book: &Book<'_>, spec: &Spec, out: &mut String) {
    let rules = &spec.restart;
    if rules.when == When::Never {
        book.carried("restart.when", "no onfailure");
        book.left("restart", "nothing is restarted");
        return;
    }
    // The last action is done again and again.
    let mut delay = rules.delay.initial.get();
    let steps = rules.give_up.map_or(8, |give_up| give_up.after.min(8));
    for _ in 0..steps {
        let _ = writeln!(out, "  <onfailure action=\"restart\" delay=\"{}\"/>", millis(delay.into()));
        let next = delay.mul_f64(rules.delay.factor.min(1000.0)).min(rules.delay.max.get());
        if next == delay {
            break;
        }
        delay = next;
    }
    if let Some(give_up) = rules.give_up {
        if give_up.after <= 8 {
            out.push_str("  <onfailure action=\"none\"/>\n");
            book.changed("restart.give-up", "onfailure", "failures are counted until <resetfailure> is over");
        } else {
            book.left_or_lost("restart.give-up", "the last <onfailure> is done again and again");
        }
    } else {
        book.carried("restart.give-up", "onfailure");
    }
    element(out, "resetfailure", &millis(rules.reset_after));
    book.changed(
        "restart.reset-after",
        "resetfailure",
        "failures are forgotten when the service ran so long",
    );
    if rules.when == When::Always {
        book.changed(
            "restart.when",
            "onfailure",
            "an end with code 0 is no failure, and is not followed by a restart",
        );
    } else {
        book.carried_or_default("restart.when", "onfailure", "without it a program is not restarted");
    }
    book.changed(
        "restart.delay.initial",
        "onfailure",
        "it is WinSW that is restarted, and with it the program",
    );
    book.changed("restart.delay.factor", "onfailure", "the first delays are written out");
    book.changed("restart.delay.max", "onfailure", "the first delays are written out");
    book.left("restart.delay.jitter", "delays have no random part");
    for path in ["restart.codes", "restart.signals", "restart.success-codes"] {
        book.left(path, "only 0 is a success, and nothing else is asked");
    }
}

fn stop(book: &Book<'_>, spec: &Spec, out: &mut String) {
    let mut wait = None;
    for (index, step) in spec.stop.steps.iter().enumerate() {
        let path = format!("stop.steps[{index}]");
        match &step.action {
            _ if !step.applies_to(Family::Windows) => book.left(&path, "it is a step of Unix"),
            StopAction::Event(ConsoleEvent::CtrlC) if wait.is_none() => {
                wait = Some(step.wait);
                book.carried(&path, "stoptimeout");
            }
            StopAction::Command(command) if wait.is_none() => {
                if let Some((program, arguments)) = command.split_first() {
                    element(out, "stopexecutable", program);
                    if !arguments.is_empty() {
                        element(out, "stoparguments", &windows::join(arguments));
                    }
                }
                wait = Some(step.wait);
                book.carried(&path, "stopexecutable, stoparguments, stoptimeout");
            }
            StopAction::Kill(KillScope::Tree) => book.carried(&path, "stoptimeout"),
            _ => book.left(&path, "WinSW presses Ctrl-C, or runs one command, and then ends the program"),
        }
    }
    let wait = wait.unwrap_or(abide_spec::StopStep::WAIT);
    element(out, "stoptimeout", &millis(wait));
    if !book.has("stop") {
        book.default("stop.steps", "stoptimeout", "WinSW waits 15 s");
    }
}

fn logs(book: &Book<'_>, spec: &Spec, out: &mut String) {
    let rotate = &spec.logs.rotate;
    let kib = (rotate.size.bytes() / 1024).max(1);
    let _ = writeln!(
        out,
        "  <log mode=\"roll-by-size\">\n    <sizeThreshold>{kib}</sizeThreshold>\n    <keepFiles>{}</keepFiles>\n  </log>",
        rotate.keep
    );
    book.carried("logs.rotate.size", "log sizeThreshold");
    book.carried("logs.rotate.keep", "log keepFiles");
    if !book.has("logs.rotate") {
        book.default("logs.rotate", "log", "without it files grow without end");
    }
    book.left("logs.rotate.every", "files begin anew by their size");
    if rotate.compress != Compress::None {
        book.left("logs.rotate.compress", "old files are compressed by date only");
    }
    book.left("logs.buffer", "output goes straight to its file");
    book.left("logs.when-full", "output goes straight to its file");
}
