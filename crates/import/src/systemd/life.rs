//! How a unit starts, restarts, reloads and stops.

use abide_spec::{Duration, GiveUp, Health, Probe, Ready, Reload, Signal, Spec, StopAction, StopStep, When};

use super::specifiers::Known;
use super::unit::{Setting, Unit};
use super::{Environment, exec, times};
use crate::draft;
use crate::ledger::Ledger;

pub(super) fn map(
    ledger: &Ledger,
    spec: &mut Spec,
    unit: &Unit<'_>,
    known: &Known,
    environment: &Environment,
) {
    start(spec, unit);
    restart(ledger, spec, unit);
    codes(spec, unit);
    stop(ledger, spec, unit, known, environment);
    reload(spec, unit, known, environment);
}

/// A time; anything else is told as wrong. `infinity` is the inner nothing.
fn time(setting: &Setting<'_>) -> Option<Option<Duration>> {
    let time = times::span(&setting.value);
    if time.is_none() {
        setting
            .field
            .bad(format!("`{}` is no time", setting.value), Some("times are like 90, 1min 30s or 500ms"));
    }
    time
}

const BACKGROUND: &str = "a program that puts itself into the background is lost sight of: let it stay in the \
                          foreground (most have an option for it), and take Type=forking's place by start.ready";

fn start(spec: &mut Spec, unit: &Unit<'_>) {
    let mut notify = false;
    if let Some(setting) = unit.last("Service", "Type") {
        match setting.value.as_str() {
            "simple" | "exec" | "idle" => setting.field.carried_with("start", "a program is ready as soon as it runs"),
            "notify" => {
                notify = true;
                setting.field.carried("start.ready");
            }
            "notify-reload" => {
                notify = true;
                spec.reload = Some(Reload::Signal(Signal::HUP));
                setting.field.changed("start.ready, reload", "a reload is not waited for");
            }
            "forking" => setting.field.left(BACKGROUND),
            "oneshot" => setting.field.left(
                "a service is a program that goes on; what runs to its end once belongs into a timer or a script",
            ),
            "dbus" => setting.field.left("the name on the bus is not waited for; start.ready can ask in another way"),
            other => setting.field.bad(
                format!("`{other}` is no type of a service"),
                Some("it is simple, exec, notify, forking, oneshot, dbus or idle"),
            ),
        }
    }
    if let Some(setting) = unit.last("Service", "NotifyAccess") {
        setting.field.left("every process of the service may notify");
    }
    if let Some(setting) = unit.last("Service", "PIDFile") {
        setting.field.left("the program is the process that is started; its id is in no file");
    }
    let both = unit.last("Service", "TimeoutSec");
    let own = unit.last("Service", "TimeoutStartSec");
    let limit = own.or(both).and_then(time);
    if notify {
        let mut ready = Ready::new(Probe::Notify);
        ready.timeout = match limit {
            None => Duration::from_secs(90),
            Some(Some(limit)) if !limit.is_zero() => limit,
            Some(_) => Duration::from_secs(24 * 60 * 60),
        };
        spec.start.ready = Some(ready);
    }
    if let Some(setting) = own {
        if notify {
            setting.field.carried("start.ready");
        } else {
            setting
                .field
                .left("a program is ready as soon as it runs; start.ready has a time-out of its own");
        }
    }
    if let Some(setting) = unit.last("Service", "WatchdogSec")
        && let Some(time) = time(setting)
    {
        match time.filter(|time| !time.is_zero()) {
            Some(every) => {
                let mut health = Health::new(Probe::Notify);
                health.every = every;
                health.unhealthy_after = 1;
                spec.health.push(health);
                setting.field.carried("health");
            }
            None => setting.field.left("it is off"),
        }
    }
}

fn restart(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>) {
    let name = spec.name.as_str().to_owned();
    let rule = unit.last("Service", "Restart");
    let crashes = [Signal::QUIT, Signal::KILL];
    match rule.map(|setting| (setting.value.as_str(), setting.field)) {
        None => {
            spec.restart.when = When::Never;
            ledger.default(
                Some(&name),
                "Restart",
                "restart.when",
                "without it a unit is not restarted, so it is \"never\"",
            );
        }
        Some(("no", field)) => {
            spec.restart.when = When::Never;
            field.carried("restart.when");
        }
        Some(("always", field)) => {
            spec.restart.when = When::Always;
            field.carried("restart.when");
        }
        Some(("on-failure", field)) => {
            spec.restart.when = When::OnFailure;
            field.carried("restart.when");
        }
        Some(("on-success", field)) => {
            spec.restart.when = When::Never;
            spec.restart.codes.always = vec![0];
            field.carried("restart.when, restart.codes.always");
        }
        Some((value @ ("on-abnormal" | "on-abort" | "on-watchdog"), field)) => {
            spec.restart.when = When::Never;
            let mut signals = crashes.to_vec();
            signals.extend(
                ["ABRT", "SEGV", "BUS", "ILL", "FPE", "TRAP", "SYS"]
                    .iter()
                    .filter_map(|it| it.parse::<Signal>().ok()),
            );
            spec.restart.signals.always = signals;
            field.changed(
                "restart.when, restart.signals.always",
                format!("{value}: after the signals of crashes, and not after exit codes"),
            );
        }
        Some((other, field)) => field.bad(
            format!("`{other}` is no rule for restarts"),
            Some("it is no, always, on-success, on-failure, on-abnormal, on-watchdog or on-abort"),
        ),
    }
    let delay = unit.last("Service", "RestartSec").and_then(|setting| Some((time(setting)??, setting)));
    let most =
        unit.last("Service", "RestartMaxDelaySec").and_then(|setting| Some((time(setting)??, setting)));
    let steps = unit
        .last("Service", "RestartSteps")
        .map(|setting| (setting.value.parse::<u32>().unwrap_or(0), setting));
    if let Some((delay, setting)) = &delay {
        draft::fixed_delay(spec, *delay);
        setting.field.carried("restart.delay");
    }
    if let (Some((max, setting)), Some((steps @ 1.., steps_setting))) = (&most, &steps) {
        let first = delay.as_ref().map_or(Duration::from_millis(100), |(delay, _)| *delay);
        let ratio = max.get().as_secs_f64() / first.get().as_secs_f64().max(0.001);
        let factor = ratio.powf(1.0 / f64::from(*steps));
        spec.restart.delay.initial = first;
        spec.restart.delay.factor = ((factor * 100.0).round() / 100.0).clamp(1.0, 1000.0);
        spec.restart.delay.max = (*max).max(first);
        setting.field.carried("restart.delay");
        steps_setting.field.carried("restart.delay");
    }
    limit(ledger, spec, unit, &name);
}

fn limit(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>, name: &str) {
    let first =
        |keys: &[(&str, &str)]| keys.iter().find_map(|(section, key)| unit.last(section, key)).cloned();
    let interval = first(&[
        ("Unit", "StartLimitIntervalSec"),
        ("Unit", "StartLimitInterval"),
        ("Service", "StartLimitInterval"),
        ("Service", "StartLimitIntervalSec"),
    ]);
    let burst = first(&[("Unit", "StartLimitBurst"), ("Service", "StartLimitBurst")]);
    if interval.is_none() && burst.is_none() {
        if spec.restart.when != When::Never || !spec.restart.codes.always.is_empty() {
            spec.restart.give_up = Some(GiveUp { after: 5, within: Duration::from_secs(10) });
            let why = "a unit gives up after 5 starts within 10 s";
            ledger.default(Some(name), "StartLimitBurst", "restart.give-up", why);
        }
        return;
    }
    let within = interval.as_ref().map_or(Some(Some(Duration::from_secs(10))), time);
    let after = match &burst {
        None => Some(5),
        Some(setting) => {
            let count = setting.value.parse::<u32>().ok();
            if count.is_none() {
                setting.field.bad(format!("`{}` is no number of starts", setting.value), None);
            }
            count
        }
    };
    let (Some(within), Some(after)) = (within, after) else { return };
    let never = within.is_none_or(|within| within.is_zero()) || after == 0;
    spec.restart.give_up = within.filter(|_| !never).map(|within| GiveUp { after, within });
    for setting in interval.iter().chain(&burst) {
        if never {
            setting.field.carried_with("restart.give-up", "it never gives up");
        } else {
            setting.field.changed("restart.give-up", "restarts are counted, and not the first start");
        }
    }
}

/// `SuccessExitStatus=143 SIGKILL TEMPFAIL`: codes, signals, and what is neither.
fn statuses(setting: &Setting<'_>) -> (Vec<i32>, Vec<Signal>, Vec<String>) {
    let (mut codes, mut signals, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for word in setting.words() {
        if let Ok(code) = word.parse::<u8>() {
            codes.push(i32::from(code));
        } else if let Ok(signal) = word.parse::<Signal>() {
            signals.push(signal);
        } else if let Some((_, code)) = CODES.iter().find(|(name, _)| *name == word) {
            codes.push(*code);
        } else {
            other.push(word);
        }
    }
    (codes, signals, other)
}

/// The names that programs commonly use.
const CODES: [(&str, i32); 12] = [
    ("SUCCESS", 0),
    ("FAILURE", 1),
    ("USAGE", 64),
    ("DATAERR", 65),
    ("NOINPUT", 66),
    ("UNAVAILABLE", 69),
    ("SOFTWARE", 70),
    ("OSERR", 71),
    ("IOERR", 74),
    ("TEMPFAIL", 75),
    ("NOPERM", 77),
    ("CONFIG", 78),
];

fn codes(spec: &mut Spec, unit: &Unit<'_>) {
    for (key, to) in [
        ("SuccessExitStatus", "restart.success-codes"),
        ("RestartPreventExitStatus", "restart.codes.never"),
        ("RestartForceExitStatus", "restart.codes.always"),
    ] {
        for setting in unit.list("Service", key) {
            let (codes, signals, other) = statuses(setting);
            let rules = &mut spec.restart;
            let (codes_to, signals_to) = match key {
                "SuccessExitStatus" => (&mut rules.success_codes, &mut rules.signals.never),
                "RestartPreventExitStatus" => (&mut rules.codes.never, &mut rules.signals.never),
                _ => (&mut rules.codes.always, &mut rules.signals.always),
            };
            for code in codes {
                if !codes_to.contains(&code) {
                    codes_to.push(code);
                }
            }
            let with_signals = !signals.is_empty();
            for signal in signals {
                if !signals_to.contains(&signal) {
                    signals_to.push(signal);
                }
            }
            if !other.is_empty() {
                setting.field.changed(to, format!("{} is left: write its number", other.join(" ")));
            } else if with_signals && key == "SuccessExitStatus" {
                setting.field.changed(
                    format!("{to}, restart.signals.never"),
                    "after a signal of it there is no restart",
                );
            } else {
                setting.field.carried(to);
            }
        }
    }
}

fn stop(ledger: &Ledger, spec: &mut Spec, unit: &Unit<'_>, known: &Known, environment: &Environment) {
    let mut steps: Vec<StopStep> = Vec::new();
    let limit = unit.last("Service", "TimeoutStopSec").or_else(|| unit.last("Service", "TimeoutSec"));
    let wait = limit.and_then(time);
    // Longer than a day no stop takes.
    let day = Duration::from_secs(24 * 60 * 60);
    let wait = match wait {
        None => Duration::from_secs(90),
        Some(wait) => wait.filter(|wait| !wait.is_zero()).unwrap_or(day).min(day),
    };
    for setting in unit.list("Service", "ExecStop") {
        for line in exec::lines(setting, known).unwrap_or_default() {
            if let Some(signal) = exec::kill(&line) {
                steps.push(draft::signal_step(signal, wait));
                setting.field.carried_with("stop.steps", format!("it sends the signal {signal}"));
            } else if exec::needs_pid(&line) {
                setting
                    .field
                    .left("a command is not told the id of the process; a step with a signal reaches it");
            } else {
                let (command, told) = exec::command(&line, &environment.variables());
                steps.push(StopStep::new(StopAction::Command(command), wait));
                match told {
                    Some(told) => setting.field.changed("stop.steps", told),
                    None => setting.field.carried("stop.steps"),
                }
            }
        }
    }
    let signal = unit.last("Service", "KillSignal").and_then(|setting| {
        let signal = draft::signal(setting.field, &setting.value)?;
        setting.field.carried("stop.steps");
        Some(signal)
    });
    if signal.is_some() || !steps.iter().any(|step| matches!(step.action, StopAction::Signal(_))) {
        steps.push(draft::signal_step(signal.unwrap_or(Signal::TERM), wait));
    }
    match limit {
        Some(setting) if setting.value == "infinity" || setting.value == "0" => {
            setting.field.changed("stop.steps", "a step waits a day at most");
        }
        Some(setting) => setting.field.carried("stop.steps"),
        None => {
            let why = "a unit is given 90 s to stop, which is the wait of its steps";
            ledger.default(Some(spec.name.as_str()), "TimeoutStopSec", "stop.steps", why);
        }
    }
    if let Some(setting) = unit.last("Service", "KillMode") {
        let tree =
            "the signal goes to the program alone; what is left of its process tree is killed afterwards";
        match setting.value.as_str() {
            "mixed" => setting.field.carried("stop.steps"),
            "control-group" => setting.field.changed("stop.steps", tree),
            _ => setting.field.left("every stop ends with the death of the whole process tree"),
        }
    }
    if let Some(setting) = unit.last("Service", "SendSIGKILL")
        && setting.truth() == Some(false)
    {
        setting.field.left("every stop ends with the death of the whole process tree");
    }
    spec.stop.steps = steps;
}

fn reload(spec: &mut Spec, unit: &Unit<'_>, known: &Known, environment: &Environment) {
    let settings = unit.list("Service", "ExecReload");
    for (index, setting) in settings.iter().enumerate() {
        if index > 0 {
            setting.field.left("a spec has one way to reload");
            continue;
        }
        let Some(lines) = exec::lines(setting, known) else { return };
        let Some(line) = lines.first() else { continue };
        if let Some(signal) = exec::kill(line) {
            spec.reload = Some(Reload::Signal(signal));
            setting.field.carried("reload");
        } else if exec::needs_pid(line) {
            setting.field.left("a command is not told the id of the process; reload.signal reaches it");
        } else {
            let (command, told) = exec::command(line, &environment.variables());
            spec.reload = Some(Reload::Command(command));
            match told {
                Some(told) => setting.field.changed("reload", told),
                None => setting.field.carried("reload"),
            }
        }
    }
    if let Some(setting) = unit.last("Service", "ReloadSignal")
        && let Some(signal) = draft::signal(setting.field, &setting.value)
    {
        spec.reload = Some(Reload::Signal(signal));
        setting.field.carried("reload");
    }
}
