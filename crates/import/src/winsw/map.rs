//! A `<service>` as a spec.

use abide_spec::{ConsoleEvent, Duration, GiveUp, RunAs, Spec, StartMode, StopAction, StopStep, When};

use super::element::Element;
use super::logs;
use crate::Options;
use crate::draft;
use crate::ledger::{Field, Ledger};
use crate::nssm::expanded;
use crate::words::windows;

pub(super) fn spec(ledger: &Ledger, service: &Element<'_>, options: &Options) -> Option<Spec> {
    let Some(id) = service.child("id") else {
        service.field.bad("this service has no <id>", Some("add <id>NAME</id>"));
        return None;
    };
    let name = draft::name_or(id.field, &id.text, options.name.as_ref())?;
    let mut spec = Spec::minimal(name, Vec::new());
    command(&mut spec, service)?;
    about(&mut spec, service);
    env(&mut spec, service);
    account(ledger, &mut spec, service);
    restart(ledger, &mut spec, service);
    stop(&mut spec, service);
    logs::map(&mut spec, service);
    rest(service);
    draft::unrestricted(ledger, &mut spec, "WinSW");
    Some(spec)
}

/// Writes the fate of a text in which variables may stand.
fn carried(field: Field<'_>, to: &str, why: Option<String>) {
    match why {
        Some(why) => field.changed(to, why),
        None => field.carried(to),
    }
}

fn expanded_here(text: &str) -> (String, Option<String>) {
    let (text, why) = expanded(text);
    let base = text.to_ascii_uppercase().contains("%BASE%");
    let why = if base {
        Some("nothing is expanded here: write the folder of the XML in the place of %BASE%".to_owned())
    } else {
        why
    };
    (text, why)
}

fn command(spec: &mut Spec, service: &Element<'_>) -> Option<()> {
    let Some(executable) = service.child("executable").filter(|it| !it.text.is_empty()) else {
        service.field.bad("this service has no <executable>", Some("add <executable>PATH</executable>"));
        return None;
    };
    let (program, why) = expanded_here(executable.text.trim_matches('"'));
    carried(executable.field, "program.command", why);
    spec.program.command = vec![program];
    let arguments = service.child("arguments").or_else(|| service.child("argument"));
    let start = service.child("startarguments").or_else(|| service.child("startargument"));
    if let (Some(arguments), Some(_)) = (arguments, start) {
        arguments.field.left("<startarguments> takes its place");
    }
    if let Some(element) = start.or(arguments) {
        let (line, why) = expanded_here(&element.text);
        spec.program.command.extend(windows::split(&line));
        carried(element.field, "program.command", why);
    }
    if let Some(element) = service.child("workingdirectory") {
        let (folder, why) = expanded_here(&element.text);
        if let Some(path) = draft::path(element.field, &folder, "program.working-dir") {
            spec.program.working_dir = Some(path);
            carried(element.field, "program.working-dir", why);
        }
    } else {
        element_note(service);
    }
    Some(())
}

fn element_note(service: &Element<'_>) {
    service.field.ledger().note(
        "WinSW runs a program in the folder of its XML unless <workingdirectory> says otherwise: set \
         program.working-dir to it if the program counts on that",
    );
}

fn about(spec: &mut Spec, service: &Element<'_>) {
    if let Some(element) = service.child("name") {
        draft::display_name(spec, element.field, &element.text);
    }
    if let Some(element) = service.child("description") {
        draft::description(spec, element.field, &element.text);
    }
    if let Some(element) = service.child("startmode") {
        let mode = match element.text.to_ascii_lowercase().as_str() {
            "automatic" => Some(StartMode::Auto),
            "manual" => Some(StartMode::Manual),
            "disabled" => Some(StartMode::Disabled),
            "boot" | "system" => None,
            other => {
                element
                    .field
                    .bad(format!("`{other}` is no start mode"), Some("it is Automatic, Manual or Disabled"));
                None
            }
        };
        match mode {
            Some(mode) => {
                spec.start.mode = mode;
                element.field.carried("start.mode");
            }
            None => element.field.left("only drivers start so early; the service starts at boot"),
        }
    }
    if let Some(element) = service.child("delayedAutoStart") {
        if element.is_on() && spec.start.mode == StartMode::Auto {
            spec.start.mode = StartMode::Delayed;
        }
        element.field.carried("start.mode");
    }
    for element in service.all("depend") {
        if element.text.is_empty() {
            element.field.left("it is empty");
        } else {
            if !spec.start.after.contains(&element.text) {
                spec.start.after.push(element.text.clone());
            }
            element.field.carried("start.after");
        }
    }
}

fn env(spec: &mut Spec, service: &Element<'_>) {
    for element in service.all("env") {
        let (Some(name), Some(value)) = (element.attribute("name"), element.attribute("value")) else {
            element
                .field
                .bad("<env> needs `name` and `value`", Some("write <env name=\"KEY\" value=\"VALUE\"/>"));
            continue;
        };
        element.field.group();
        let base = value.value.to_ascii_uppercase().contains("%BASE%");
        let why = base.then(|| "set the variable BASE to the folder of the XML".to_owned());
        draft::env(spec, value.field.secret(), &name.value, windows::to_spec_variables(&value.value), why);
        if spec.program.env.contains_key(&name.value) {
            name.field.carried(draft::env_path(&name.value));
        } else {
            name.field.left("its value is left");
        }
    }
}

fn account(ledger: &Ledger, spec: &mut Spec, service: &Element<'_>) {
    let Some(account) = service.child("serviceaccount") else {
        spec.account.run_as = RunAs::System;
        let why = "services run as LocalSystem unless told otherwise; \"least-privilege\" is better where it suffices";
        ledger.default(Some(spec.name.as_str()), "serviceaccount", "account.run-as", why);
        return;
    };
    account.field.group();
    let domain = account.child("domain");
    if let Some(user) = account.child("username").or_else(|| account.child("user")) {
        let full = match domain.map(|it| it.text.as_str()) {
            Some(domain) if !domain.is_empty() && !user.text.contains(['\\', '@']) => {
                format!("{domain}\\{}", user.text)
            }
            _ => user.text.clone(),
        };
        spec.account.run_as = draft::windows_account(&full);
        user.field.carried("account.run-as");
        if let Some(domain) = domain {
            domain.field.carried("account.run-as");
        }
    }
    if let Some(password) = account.child("password") {
        password.field.secret().left("put it into a file and name that in account.password-file");
    }
    if let Some(right) = account.child("allowservicelogon") {
        right.field.left("an account that a service is to have is given the right to log on as one");
    }
    if let Some(prompt) = account.child("prompt") {
        prompt.field.left("put the password into a file and name that in account.password-file");
    }
}

/// `10 sec`, `1 hour`, `500 ms`; a plain number is milliseconds.
fn duration(field: Field<'_>, text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse::<u64>().ok();
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "millisecond" | "milliseconds" | "msec" | "msecs" => Some(1),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1000),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60_000),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600_000),
        "d" | "day" | "days" => Some(86_400_000),
        _ => None,
    };
    let millis = number.zip(unit).and_then(|(number, unit): (u64, u64)| number.checked_mul(unit));
    // Three hundred years are enough.
    match millis.filter(|millis| *millis < 1 << 43) {
        Some(millis) => Some(Duration::from_millis(millis)),
        None => {
            field.bad(format!("`{text}` is no time"), Some("times are like 10 sec, 500 ms or 1 hour"));
            None
        }
    }
}

fn restart(ledger: &Ledger, spec: &mut Spec, service: &Element<'_>) {
    let name = spec.name.as_str().to_owned();
    let mut delays = Vec::new();
    let mut ends = false;
    let mut any = false;
    for element in service.all("onfailure") {
        element.field.group();
        let Some(action) = element.attribute("action") else {
            element.field.bad("<onfailure> needs an `action`", Some("it is restart, reboot or none"));
            continue;
        };
        any = true;
        let delay = element.attribute("delay");
        match action.value.to_ascii_lowercase().as_str() {
            "restart" if ends => action.field.left("it comes after the last one"),
            "restart" => {
                action.field.carried("restart.when");
                let wait =
                    delay.and_then(|delay| duration(delay.field, &delay.value)).unwrap_or(Duration::ZERO);
                delays.push(wait);
            }
            "none" => {
                ends = true;
                action.field.carried("restart.give-up");
            }
            "reboot" => {
                ends = true;
                action.field.left("a service does not restart its machine; `abide events NAME --json -f` tells that it failed");
            }
            other => {
                action.field.bad(format!("`{other}` is no action"), Some("it is restart, reboot or none"))
            }
        }
        if let Some(delay) = delay {
            if action.value.eq_ignore_ascii_case("restart") && !delays.is_empty() {
                delay.field.carried("restart.delay");
            } else {
                delay.field.left("what it delays is not done");
            }
        }
    }
    let window = service.child("resetfailure").and_then(|element| {
        let window = duration(element.field, &element.text)?;
        element.field.changed("restart.reset-after", "failures are forgotten when the program ran so long");
        Some(window)
    });
    if let Some(window) = window.filter(|window| !window.is_zero()) {
        spec.restart.reset_after = window;
    }
    let (Some(first), Some(last)) = (delays.first().copied(), delays.last().copied()) else {
        spec.restart.when = When::Never;
        if !any {
            let why = "without it a program that failed is not restarted, so it is \"never\"; take it out to have it restarted";
            ledger.default(Some(&name), "onfailure", "restart.when", why);
        }
        return;
    };
    spec.restart.when = When::OnFailure;
    let delay = &mut spec.restart.delay;
    delay.initial = first;
    delay.jitter = 0.0;
    if last > first {
        let second = delays.get(1).copied().unwrap_or(last);
        let ratio = second.get().as_secs_f64() / first.get().as_secs_f64().max(0.001);
        delay.factor = ((ratio * 100.0).round() / 100.0).clamp(1.0, 1000.0);
        delay.max = last;
    } else {
        delay.factor = 1.0;
        delay.max = first.max(abide_spec::Delay::MAX);
    }
    if ends {
        let within = window.filter(|window| !window.is_zero()).unwrap_or(Duration::from_secs(24 * 60 * 60));
        let after = u32::try_from(delays.len()).unwrap_or(u32::MAX);
        spec.restart.give_up = Some(GiveUp { after, within });
    } else {
        spec.restart.give_up = None;
        ledger.default(
            Some(&name),
            "(no limit)",
            "restart.give-up",
            "the last <onfailure> is done again and again, so it is false",
        );
    }
}

fn stop(spec: &mut Spec, service: &Element<'_>) {
    let timeout = service.child("stoptimeout");
    let wait = timeout.and_then(|element| duration(element.field, &element.text));
    let wait = wait.unwrap_or(Duration::from_secs(15)).min(Duration::from_secs(24 * 60 * 60));
    let executable = service.child("stopexecutable");
    let arguments = service.child("stoparguments").or_else(|| service.child("stopargument"));
    if let (Some(_), Some(other)) = (service.child("stoparguments"), service.child("stopargument")) {
        other.field.left("<stoparguments> takes its place");
    }
    if executable.is_some() || arguments.is_some() {
        let program = match executable {
            Some(element) => {
                let (program, why) = expanded_here(element.text.trim_matches('"'));
                carried(element.field, "stop.steps", why);
                program
            }
            None => spec.program.command.first().cloned().unwrap_or_default(),
        };
        let mut command = vec![program];
        if let Some(element) = arguments {
            let (line, why) = expanded_here(&element.text);
            command.extend(windows::split(&line));
            carried(element.field, "stop.steps", why);
        }
        spec.stop.steps = vec![StopStep::new(StopAction::Command(command), wait)];
    } else if timeout.is_some() {
        spec.stop.steps = vec![StopStep::new(StopAction::Event(ConsoleEvent::CtrlC), wait)];
    }
    if let Some(element) = timeout {
        element.field.carried("stop.steps");
    }
    if let Some(element) = service.child("stopparentprocessfirst") {
        element.field.left("the program is asked first, and then its whole process tree is ended");
    }
}

/// What a spec has nothing like.
fn rest(service: &Element<'_>) {
    for child in &service.children {
        let why = match child.name.to_ascii_lowercase().as_str() {
            "prestart" | "poststart" | "prestop" | "poststop" => {
                "a spec has no hooks; start a script that does it and then the program"
            }
            "priority" => "a spec has no priority; limits.cpu bounds its share",
            "interactive" => "a service has no desktop since Windows Vista",
            "beeponshutdown" => "nothing beeps",
            "hidewindow" => "a program never has a window",
            "waithint" | "sleeptime" => "the service manager is told of each step as it is made",
            "download" => "nothing is downloaded at a start; put the file there when you deploy",
            "extensions" => "extensions of WinSW have no place in a spec",
            "shareddirectorymapping" => {
                "drives are not mapped; name the share by its path, \\\\server\\share"
            }
            "preshutdown" | "preshutdowntimeout" => "the service is always told before the machine goes down",
            "securitydescriptor" => "who may start and stop it is not in a spec",
            "autorefresh" => "`abide apply` takes a changed spec over",
            _ => continue,
        };
        child.leave(why);
    }
}
