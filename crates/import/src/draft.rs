//! What all mappings need to make specs of words.

use std::path::PathBuf;
use std::time::Duration as StdDuration;

use abide_spec::{Duration, Name, Profile, Signal, Spec, StopAction, StopStep, expand};

use crate::ledger::{Field, Ledger};

/// The name of a service, made of what the source calls it.
pub(crate) fn name(raw: &str) -> Option<Name> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut text = String::new();
    for c in raw.trim().chars() {
        let c = if allowed(c) { c } else { '-' };
        if c != '-' || !text.ends_with('-') || raw.contains("--") {
            text.push(c);
        }
    }
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let text: String = text.chars().take(Name::MAX).collect();
    let text = text.trim_end_matches(['.', '-']);
    Name::new(text).or_else(|_| Name::new(&format!("{text}-service"))).ok()
}

/// The same, with its fate written. What cannot be a name at all is told as wrong.
pub(crate) fn name_of(field: Field<'_>, raw: &str) -> Option<Name> {
    let made = name(raw);
    match &made {
        Some(name) if name.as_str() == raw => field.carried("name"),
        Some(name) => {
            field.changed("name", format!("a name is made of A-Z a-z 0-9 . _ -, so it is `{name}`"))
        }
        None => field.bad("no name of a service can be made of this", Some("give one with --name NAME")),
    }
    made
}

/// A name that was chosen on the command line, and what the source says of it.
pub(crate) fn name_or(field: Field<'_>, raw: &str, chosen: Option<&Name>) -> Option<Name> {
    match chosen {
        Some(name) if name.as_str() == raw => {
            field.carried("name");
            Some(name.clone())
        }
        Some(name) => {
            field.changed("name", "--name was given");
            Some(name.clone())
        }
        None => name_of(field, raw),
    }
}

/// The place of a variable of the environment in a spec.
pub(crate) fn env_path(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !key.is_empty() && key.chars().all(bare) {
        format!("program.env.{key}")
    } else {
        format!("program.env.{key:?}")
    }
}

/// A variable whose value is literal.
pub(crate) fn literal_env(spec: &mut Spec, field: Field<'_>, key: &str, value: &str) {
    env(spec, field, key, expand::escape(value), None);
}

/// A variable whose value is in the form of a spec already.
pub(crate) fn env(spec: &mut Spec, field: Field<'_>, key: &str, value: String, why: Option<String>) {
    if key.is_empty() || key.contains('=') {
        field.bad(format!("{key:?} cannot be the name of an environment variable"), None);
        return;
    }
    if key == "ABIDE_INSTANCE" || key == "NOTIFY_SOCKET" {
        field.left("Abide sets it itself");
        return;
    }
    spec.program.env.insert(key.to_owned(), value);
    match why {
        Some(why) => field.changed(env_path(key), why),
        None => field.carried(env_path(key)),
    }
}

/// A text for people: one line, not empty.
pub(crate) fn line(field: Field<'_>, text: &str, to: &str, most: usize) -> Option<String> {
    let one: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let one: String = one.chars().filter(|c| !c.is_control()).take(most).collect();
    if one.is_empty() {
        field.left("it is empty");
        return None;
    }
    if one == text {
        field.carried(to);
    } else {
        field.changed(to, "it is one line of text");
    }
    Some(one)
}

pub(crate) fn description(spec: &mut Spec, field: Field<'_>, text: &str) {
    spec.description = line(field, text, "description", 1024);
}

pub(crate) fn display_name(spec: &mut Spec, field: Field<'_>, text: &str) {
    if text == spec.name.as_str() {
        field.carried("name");
        return;
    }
    spec.display_name = line(field, text, "display-name", 256);
}

/// A path, unless it is empty.
pub(crate) fn path(field: Field<'_>, text: &str, to: &str) -> Option<PathBuf> {
    if text.is_empty() {
        field.left("it is empty");
        return None;
    }
    field.carried(to);
    Some(PathBuf::from(text))
}

/// The signal of a name or number.
pub(crate) fn signal(field: Field<'_>, text: &str) -> Option<Signal> {
    let text = text.trim();
    let found = text.parse::<Signal>().ok();
    let found = found.or_else(|| text.parse::<i32>().ok().and_then(Signal::from_number));
    if found.is_none() {
        field.bad(
            format!("`{text}` is not the name of a signal"),
            Some("signals are named like TERM, INT or USR1"),
        );
    }
    found
}

/// A number of seconds, to the millisecond.
pub(crate) fn from_seconds(seconds: f64) -> Duration {
    let exact = StdDuration::try_from_secs_f64(seconds).unwrap_or(StdDuration::MAX);
    Duration(StdDuration::from_millis(u64::try_from(exact.as_millis()).unwrap_or(u64::MAX)))
}

/// The longest wait of a stop step.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A signal and how long it is waited for.
pub(crate) fn signal_step(signal: Signal, wait: Duration) -> StopStep {
    StopStep::new(StopAction::Signal(signal), wait.min(MAX_WAIT))
}

/// A fixed delay before each restart.
pub(crate) fn fixed_delay(spec: &mut Spec, delay: Duration) {
    let fixed = &mut spec.restart.delay;
    fixed.initial = delay;
    fixed.factor = 1.0;
    fixed.jitter = 0.0;
    fixed.max = fixed.max.max(delay);
}

/// The source's tool restricts nothing, so neither does the spec at first.
pub(crate) fn unrestricted(ledger: &Ledger, spec: &mut Spec, tool: &str) {
    spec.security.profile = Profile::None;
    ledger.default(
        Some(spec.name.as_str()),
        "(no sandbox)",
        "security.profile",
        format!(
            "{tool} restricts nothing, so it is \"none\"; take it out and see whether the service still works"
        ),
    );
}

/// Runtimes that write code while they run.
const JIT: [&str; 12] =
    ["node", "nodejs", "npm", "npx", "yarn", "pnpm", "bun", "deno", "java", "dotnet", "pypy3", "php"];

/// Lets just-in-time compilers write code: without that the default profile would end them.
pub(crate) fn jit(ledger: &Ledger, spec: &mut Spec) {
    let Some(program) = spec.program.command.first() else { return };
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let file = file.strip_suffix(".exe").unwrap_or(file);
    if JIT.contains(&file) && spec.security.profile == Profile::Strict {
        spec.security.profile = Profile::Jit;
        let why = format!("{file} writes code while it runs, so it is \"jit\", which lets it");
        ledger.default(Some(spec.name.as_str()), "(no sandbox)", "security.profile", why);
    }
}

/// Gives the accounts that tools write in many ways the words of a spec.
pub(crate) fn windows_account(text: &str) -> abide_spec::RunAs {
    use abide_spec::RunAs;
    let plain: String = text.to_ascii_lowercase().chars().filter(|c| *c != ' ').collect();
    let plain = plain.strip_prefix("ntauthority\\").or(plain.strip_prefix(".\\")).unwrap_or(&plain);
    match plain {
        "localsystem" | "system" => RunAs::System,
        "localservice" => RunAs::LocalService,
        "networkservice" => RunAs::NetworkService,
        _ if text.to_ascii_lowercase().starts_with("nt service\\") => RunAs::LeastPrivilege,
        _ => RunAs::User(text.to_owned()),
    }
}
