//! One application of PM2, which may be several services.

use abide_spec::{Duration, GiveUp, Name, RunAs, Size, Spec, StartMode, When};

use super::run;
use crate::Options;
use crate::draft;
use crate::ledger::Ledger;
use crate::tree::view::{Entry, View};
use crate::tree::{Data, Node};

/// More processes of one application than this no file means.
const MAX_INSTANCES: u64 = 1000;

/// How PM2 asks a program to end, and how long it waits.
const KILL_TIMEOUT: Duration = Duration::from_millis(1600);

pub(super) fn specs(ledger: &Ledger, node: &Node, index: usize, options: &Options) -> Vec<Spec> {
    let label = node.get("name").and_then(Node::word).unwrap_or_else(|| format!("apps[{index}]"));
    let view = View::open(ledger, Some(&label), "", node);
    let Some(name) = service_name(&view, options) else { return Vec::new() };
    let cwd = view.get("cwd").and_then(|entry| {
        let folder = entry.word()?;
        let why = "a service needs it from the root of the file system";
        if folder.starts_with('/') || folder.contains(":\\") {
            entry.field.carried("program.working-dir");
        } else {
            entry.field.changed("program.working-dir", why);
        }
        Some(folder)
    });
    let Some(command) = run::command(ledger, &view, cwd.as_deref()) else { return Vec::new() };
    let mut spec = Spec::minimal(name, command);
    spec.program.working_dir = cwd.filter(|folder| !folder.is_empty()).map(Into::into);
    env(&mut spec, &view);
    account(&mut spec, &view);
    restart(ledger, &mut spec, &view);
    stop(ledger, &mut spec, &view);
    if let Some(entry) = view.get("max_memory_restart")
        && let Some(size) = size(&entry)
    {
        spec.limits.memory = Some(size);
        entry.field.changed(
            "limits.memory",
            "the operating system ends a program that wants more, and it is restarted",
        );
    }
    if let Some(entry) = view.get("autostart")
        && let Some(yes) = entry.truth()
    {
        spec.start.mode = if yes { StartMode::Auto } else { StartMode::Manual };
        entry.field.carried("start.mode");
    }
    rest(&view);
    draft::jit(ledger, &mut spec);
    instances(&view, spec)
}

fn service_name(view: &View<'_, '_>, options: &Options) -> Option<Name> {
    if let Some(entry) = view.get("name") {
        return draft::name_or(entry.field, &entry.word()?, options.name.as_ref());
    }
    if let Some(name) = &options.name {
        return Some(name.clone());
    }
    // PM2 names an application after its file.
    let script = view.get("script").or_else(|| view.entries().first().copied())?;
    let word = script.node.word()?;
    let file = word.rsplit(['/', '\\']).next().unwrap_or(&word);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name = draft::name(stem);
    if name.is_none() {
        script.field.bad("this application has no `name`", Some("give one with --name NAME"));
    }
    name
}

/// A service for each instance; PM2 tells them apart by a variable.
fn instances(view: &View<'_, '_>, spec: Spec) -> Vec<Spec> {
    let variable = view.get("instance_var").and_then(|entry| {
        entry.field.carried("program.env");
        entry.word()
    });
    let mode = view.get("exec_mode").and_then(|entry| entry.word().map(|word| (word, entry)));
    let cluster = mode.as_ref().is_some_and(|(word, _)| word.contains("cluster"));
    if let Some((word, entry)) = &mode {
        if word.contains("cluster") {
            entry
                .field
                .left("in it PM2 shares one port among processes; let the program fork its own workers");
        } else {
            entry.field.carried("program.command");
        }
    }
    let Some(entry) = view.get("instances") else { return vec![spec] };
    let count = match &entry.node.data {
        Data::Number(text) => text.parse::<i64>().ok(),
        Data::Text(text) => text.parse::<i64>().ok(),
        _ => None,
    };
    match count {
        Some(1) => {
            entry.field.carried("name");
            vec![spec]
        }
        Some(count) if count > 1 && !cluster && count.unsigned_abs() <= MAX_INSTANCES => {
            entry.field.changed("name", format!("each of the {count} is a service of its own"));
            let variable = variable.unwrap_or_else(|| "NODE_APP_INSTANCE".into());
            (0..count)
                .filter_map(|number| {
                    let mut one = spec.clone();
                    one.name = draft::name(&format!("{}-{number}", spec.name))?;
                    one.program.env.insert(variable.clone(), number.to_string());
                    Some(one)
                })
                .collect()
        }
        _ => {
            if let Data::Computed(what) = &entry.node.data {
                entry.computed(what);
            } else if cluster {
                entry.field.left("several processes cannot share one port without PM2; it is one service");
            } else {
                entry.field.left("how many that is depends on the machine; it is one service");
            }
            vec![spec]
        }
    }
}

fn env(spec: &mut Spec, view: &View<'_, '_>) {
    for entry in view.entries() {
        let key = entry.key.text.as_str();
        if key == "env" && matches!(entry.node.data, Data::Map(_)) {
            for variable in view.descend(*entry).entries() {
                if let Some(value) = variable.word() {
                    draft::literal_env(spec, variable.field.secret(), &variable.key.text, &value);
                }
            }
        } else if key == "env" {
            if let Data::Computed(what) = &entry.node.data {
                entry.computed(what)
            } else {
                entry.wrong("a map")
            }
        } else if let Some(name) = key.strip_prefix("env_") {
            if key == "env_file" {
                if let Some(path) = entry.word() {
                    spec.program.env_file = draft::path(entry.field, &path, "program.env-file");
                }
                continue;
            }
            let why = format!(
                "it is in force with `--env {name}` only; put into program.env what is to be in force"
            );
            if matches!(entry.node.data, Data::Map(_)) {
                for variable in view.descend(*entry).entries() {
                    variable.field.secret().left(why.as_str());
                }
            } else {
                entry.field.left(why);
            }
        }
    }
}

fn account(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.any(&["uid", "user"])
        && let Some(user) = entry.word()
    {
        if user == "0" || user == "root" {
            spec.account.run_as = RunAs::System;
            entry.field.carried("account.run-as");
        } else if user.chars().all(|c| c.is_ascii_digit()) {
            entry.field.left("it is a number; account.run-as wants the name of the user");
        } else {
            spec.account.run_as = RunAs::User(user);
            entry.field.carried("account.run-as");
        }
    } else {
        view_note(spec, view);
    }
    if let Some(entry) = view.get("gid")
        && let Some(group) = entry.word()
    {
        if group.is_empty() || group.chars().all(|c| c.is_ascii_digit()) {
            entry.field.left("it is a number; account.groups wants the name of the group");
        } else {
            spec.account.groups = vec![group];
            entry.field.changed("account.groups", "the program belongs to it beside the user's own group");
        }
    }
}

fn view_note(_spec: &Spec, view: &View<'_, '_>) {
    if let Some(first) = view.entries().first() {
        first.field.ledger().note(
            "PM2 ran the applications as the user who started it; a service has an account of its own with few rights, \
             and may write its own folders only: set account.run-as or security.write if that does not suffice",
        );
    }
}

/// Milliseconds as a number, or `10s`, `1m`, `1h`, `1d`.
fn time(entry: &Entry<'_, '_>) -> Option<Duration> {
    let word = entry.word()?;
    let text = word.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = text[..digits].parse::<f64>().ok();
    let factor = match text[digits..].trim() {
        "" | "ms" => Some(0.001),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        "d" => Some(86_400.0),
        _ => None,
    };
    match number.zip(factor) {
        Some((number, factor)) if number * factor < 1e9 => Some(draft::from_seconds(number * factor)),
        _ => {
            entry.wrong("a number of milliseconds, or a text like \"10s\"");
            None
        }
    }
}

/// `300M`, `1G`, `64K`: powers of 1024.
fn size(entry: &Entry<'_, '_>) -> Option<Size> {
    let word = entry.word()?;
    let upper = word.trim().to_ascii_uppercase();
    let upper = upper.strip_suffix('B').unwrap_or(&upper);
    let split = upper.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(upper.len());
    let number = upper[..split].parse::<f64>().ok();
    let factor = match &upper[split..] {
        "" => Some(1u64),
        "K" => Some(1 << 10),
        "M" => Some(1 << 20),
        "G" => Some(1 << 30),
        _ => None,
    };
    let bytes = number.zip(factor).map(|(number, factor)| number * factor as f64);
    match bytes.filter(|bytes| (1.0..9e18).contains(bytes)) {
        Some(bytes) => Some(Size(bytes as u64)),
        None => {
            entry.wrong("a size like \"300M\" or \"1G\"");
            None
        }
    }
}

fn restart(ledger: &Ledger, spec: &mut Spec, view: &View<'_, '_>) {
    let name = spec.name.as_str().to_owned();
    match view.get("autorestart") {
        Some(entry) => {
            if let Some(yes) = entry.truth() {
                spec.restart.when = if yes { When::Always } else { When::Never };
                entry.field.carried("restart.when");
            }
        }
        None => {
            spec.restart.when = When::Always;
            let why = "PM2 restarts however a program ends, so it is \"always\"";
            ledger.default(Some(&name), "autorestart", "restart.when", why);
        }
    }
    if let Some(entry) = view.get("stop_exit_codes")
        && let Some(words) = entry.words()
    {
        let codes: Option<Vec<i32>> =
            words.iter().map(|word| word.parse::<u8>().ok().map(i32::from)).collect();
        match codes {
            Some(codes) => {
                spec.restart.codes.never = codes;
                entry.field.carried("restart.codes.never");
            }
            None => entry.wrong("a list of exit codes"),
        }
    }
    if let Some(entry) = view.get("restart_delay")
        && let Some(delay) = time(&entry)
    {
        draft::fixed_delay(spec, delay);
        entry.field.carried("restart.delay");
    }
    if let Some(entry) = view.get("exp_backoff_restart_delay")
        && let Some(delay) = time(&entry)
    {
        spec.restart.delay.initial = delay;
        spec.restart.delay.factor = 1.5;
        spec.restart.delay.max = Duration::from_secs(15).max(delay);
        spec.restart.reset_after = Duration::from_secs(30);
        entry.field.carried("restart.delay, restart.reset-after");
    }
    let uptime = view.get("min_uptime").and_then(|entry| time(&entry).map(|time| (time, entry)));
    if let Some((time, entry)) = &uptime {
        spec.restart.reset_after = *time;
        entry.field.carried_with("restart.reset-after", "a program that ran so long is stable");
    }
    if let Some(entry) = view.get("max_restarts")
        && let Some(count) = entry.number()
    {
        match u32::try_from(count).ok().filter(|count| *count > 0) {
            Some(after) => {
                let one = uptime.map_or(1.0, |(time, _)| time.get().as_secs_f64()).max(1.0);
                let within = draft::from_seconds((one * f64::from(after) * 2.0).min(1e8));
                spec.restart.give_up = Some(GiveUp { after, within });
                entry.field.changed(
                    "restart.give-up",
                    "PM2 counts starts that end before min_uptime; here so many restarts within twice that time each",
                );
            }
            None => entry.field.left("restart.give-up needs at least one restart"),
        }
    }
}

fn stop(ledger: &Ledger, spec: &mut Spec, view: &View<'_, '_>) {
    let timeout = view.get("kill_timeout");
    let signal = view.get("kill_signal").and_then(|entry| {
        let signal = draft::signal(entry.field, &entry.word()?)?;
        entry.field.carried("stop.steps");
        Some(signal)
    });
    let wait = timeout.and_then(|entry| {
        let wait = time(&entry)?;
        entry.field.carried("stop.steps");
        Some(wait)
    });
    if signal.is_none() {
        let why = "PM2 stops with INT and kills after 1.6 s, so that is the ladder";
        ledger.default(Some(spec.name.as_str()), "(signal)", "stop.steps", why);
    }
    let signal = signal.unwrap_or(abide_spec::Signal::INT);
    spec.stop.steps = vec![draft::signal_step(signal, wait.unwrap_or(KILL_TIMEOUT))];
    if let Some(entry) = view.get("treekill") {
        match entry.truth() {
            Some(true) => entry.field.carried("stop.steps"),
            _ => entry.field.left("every stop ends with the death of the whole process tree"),
        }
    }
}

/// What a spec has nothing like.
fn rest(view: &View<'_, '_>) {
    for entry in view.entries() {
        let off = matches!(entry.node.data, Data::Bool(false));
        let why = match entry.key.text.as_str() {
            "watch" if off => "nothing is watched anyway",
            "watch" | "ignore_watch" | "watch_delay" | "watch_options" => {
                "files are not watched; `abide restart NAME` after a change"
            }
            "error_file" | "err_file" | "error" | "err" | "out_file" | "output" | "out" | "log_file"
            | "log" | "combine_logs" | "merge_logs" | "disable_logs" | "pid_file" | "pid" => {
                "Abide keeps the output itself: `abide logs NAME` shows it"
            }
            "log_date_format" | "time" | "log_type" => {
                "Abide knows the time of each line: `abide logs NAME --timestamps`, `--json`"
            }
            "wait_ready" if off => "a program is ready as soon as it runs",
            "wait_ready" => "process.send('ready') reaches nobody; start.ready asks the program",
            "listen_timeout" => "it belongs to start.ready, whose timeout says how long a start may take",
            "shutdown_with_message" => "a program is told to end by a signal",
            "cron_restart" | "cron" => {
                "nothing is done at a time of day; a timer can run `abide restart NAME`"
            }
            "namespace" => "services have no groups",
            "increment_var" => "set a variable of its own in each of the specs",
            "vizion"
            | "post_update"
            | "force"
            | "automation"
            | "pmx"
            | "trace"
            | "disable_trace"
            | "deep_monitoring"
            | "source_map_support"
            | "disable_source_map_support"
            | "filter_env"
            | "append_env_to_name"
            | "kill_retry_time"
            | "windowsHide"
            | "instance_id" => "it is about PM2 itself",
            _ => continue,
        };
        entry.field.left(why);
    }
}
