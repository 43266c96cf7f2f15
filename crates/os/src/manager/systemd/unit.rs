//! The unit file of a service. Pure: the same spec and context always give the same text.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use abide_spec::{Family, Network, Profile, RunAs, Spec, StartMode};

use super::escape;
use super::hardening;
use crate::fs::Access;
use crate::manager::{
    Artifact, Context, Finding, Kind, MARKER, Target, capability, start_budget, stop_budget,
};
use crate::paths::{ENV_FILE_CREDENTIAL, SPEC_CREDENTIAL, within};

/// The version from which on systemd has everything that a unit of ours cannot do without (`LoadCredential=`).
pub(crate) const OLDEST: u32 = 247;

/// How long the supervisor may be silent before systemd takes it for dead.
const WATCHDOG: Duration = Duration::from_secs(180);

/// What the supervisor itself needs of the processes and threads a service may have.
const OWN_TASKS: u64 = 8;

/// The files for systemd: the unit and the spec. Settings that systemd cannot honour are left out here and told by
/// [`findings`].
#[must_use]
pub fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let unit = within(&context.layout.units, &format!("{}.service", spec.name));
    vec![
        Artifact {
            target: Target::File { path: context.layout.spec(&spec.name), access: Access::Private },
            content: context.spec_text.clone(),
        },
        Artifact {
            target: Target::File { path: unit, access: Access::Public },
            content: unit_text(spec, context),
        },
    ]
}

/// The unit of a service or of a name in `after`: a name with a suffix of a native unit stays as it is.
pub(crate) fn unit_name(name: &str) -> String {
    const SUFFIXES: [&str; 11] = [
        "service",
        "socket",
        "target",
        "mount",
        "automount",
        "path",
        "timer",
        "device",
        "slice",
        "scope",
        "swap",
    ];
    match name.rsplit_once('.') {
        Some((stem, suffix)) if !stem.is_empty() && SUFFIXES.contains(&suffix) => name.to_owned(),
        _ => format!("{name}.service"),
    }
}

/// The security section as it is applied: a program in a just-in-time runtime gets the profile that lets it run.
pub(crate) fn effective(spec: &Spec, jit: bool) -> abide_spec::Hardening {
    let mut security = spec.security.clone();
    if jit && security.profile == Profile::Strict {
        security.profile = Profile::Jit;
    }
    security.effective()
}

/// The name of the account that systemd makes up for a service while it runs. A name of its own keeps a service
/// called `postgres` from running as the machine's real user of that name.
#[must_use]
pub fn dynamic_user(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let wanted = format!("abide-{name}");
    if wanted.len() <= 31 && name.chars().all(plain) {
        return wanted;
    }
    let stem: String = name.chars().map(|c| if plain(c) { c } else { '-' }).take(8).collect();
    format!("abide-{stem}-{:016x}", crate::manager::content_hash(name.as_bytes()) as u64)
}

fn unit_text(spec: &Spec, context: &Context) -> String {
    let mut unit = Text(format!("{MARKER}\n"));
    unit_section(spec, &mut unit);
    service_section(spec, context, &mut unit);
    unit.section("Install");
    unit.line("WantedBy", "multi-user.target");
    unit.0
}

struct Text(String);

impl Text {
    fn section(&mut self, name: &str) {
        let _ = write!(self.0, "\n[{name}]\n");
    }

    fn line(&mut self, name: &str, value: impl AsRef<str>) {
        let _ = writeln!(self.0, "{name}={}", value.as_ref());
    }
}

fn unit_section(spec: &Spec, unit: &mut Text) {
    unit.section("Unit");
    let shown = spec.description.as_deref().unwrap_or_else(|| spec.shown_name());
    unit.line("Description", escape::text(shown));
    let wanted: Vec<_> =
        spec.start.after.iter().filter(|name| is_unit_name(name)).map(|name| unit_name(name)).collect();
    let mut after = wanted.clone();
    // What starts after the network is stopped before it goes, too.
    if effective(spec, false).network != Network::None {
        after.insert(0, "network.target".into());
    }
    if !after.is_empty() {
        unit.line("After", after.join(" "));
    }
    if !wanted.is_empty() {
        unit.line("Wants", wanted.join(" "));
    }
    match spec.restart.give_up {
        Some(give_up) => {
            unit.line("StartLimitIntervalSec", span(give_up.within.0));
            unit.line("StartLimitBurst", give_up.after.max(1).to_string());
        }
        None => unit.line("StartLimitIntervalSec", "0"),
    }
    if spec.start.mode == StartMode::Disabled {
        unit.line("RefuseManualStart", "yes");
    }
}

fn service_section(spec: &Spec, context: &Context, unit: &mut Text) {
    let name = spec.name.as_str();
    unit.section("Service");
    unit.line("Type", "notify");
    unit.line("NotifyAccess", "main");
    unit.line("ExecStart", command(&context.supervisor, &["run", "--manager", "systemd", name]));
    if spec.reload.is_some() {
        unit.line("ExecReload", command(&context.supervisor, &["control", "reload", name]));
    }
    unit.line("TimeoutStartSec", span(start_budget(spec)));
    unit.line("TimeoutStopSec", span(stop_budget(spec, Family::Unix)));
    unit.line("WatchdogSec", span(WATCHDOG));
    unit.line("KillMode", "mixed");
    // How the program ends is the supervisor's matter; this is for the death of the supervisor itself.
    if spec.restart.when == abide_spec::When::Never {
        unit.line("Restart", "no");
    } else {
        unit.line("Restart", "on-abnormal");
        unit.line("RestartSec", span(spec.restart.delay.initial.0.max(Duration::from_millis(100))));
    }
    // A program killed for its memory is restarted by its own policy, not together with its supervisor.
    unit.line("OOMPolicy", "continue");
    unit.line("SyslogIdentifier", name);
    account(spec, unit);
    for directory in ["StateDirectory", "LogsDirectory", "RuntimeDirectory"] {
        unit.line(directory, format!("abide/{name}"));
        unit.line(&format!("{directory}Mode"), "0700");
    }
    credential(SPEC_CREDENTIAL, &context.layout.spec(&spec.name), unit);
    if let Some(env_file) = &spec.program.env_file {
        credential(ENV_FILE_CREDENTIAL, env_file, unit);
    }
    limits(spec, unit);
    let hardening = effective(spec, context.jit);
    for (directive, value) in hardening::directives(spec, &hardening) {
        if context.version.is_none_or(|version| version >= since(directive)) {
            unit.line(directive, value);
        }
    }
}

/// The version that brought a directive, for those younger than [`OLDEST`].
fn since(directive: &str) -> u32 {
    if directive == "PrivateIPC" { 248 } else { OLDEST }
}

fn command(program: &Path, arguments: &[&str]) -> String {
    let mut line = escape::executable(program.as_os_str().as_encoded_bytes());
    for argument in arguments {
        line.push(' ');
        line.push_str(&escape::argument(argument.as_bytes()));
    }
    line
}

fn credential(id: &str, path: &Path, unit: &mut Text) {
    if let Some(path) = escape::rest_path(path) {
        unit.line("LoadCredential", format!("{id}:{path}"));
    }
}

fn account(spec: &Spec, unit: &mut Text) {
    match &spec.account.run_as {
        RunAs::System => unit.line("User", "root"),
        RunAs::User(name) => unit.line("User", escape::text(name)),
        // Windows accounts: an error before it comes to this, unless accepted.
        RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService => {
            unit.line("DynamicUser", "yes");
            unit.line("User", dynamic_user(spec.name.as_str()));
        }
    }
    if !spec.account.groups.is_empty() {
        let groups: Vec<_> = spec.account.groups.iter().map(|group| escape::text(group)).collect();
        unit.line("SupplementaryGroups", groups.join(" "));
    }
}

fn limits(spec: &Spec, unit: &mut Text) {
    let limits = &spec.limits;
    if let Some(memory) = limits.memory {
        unit.line("MemoryMax", memory.0.to_string());
    }
    if let Some(cpu) = limits.cpu {
        unit.line("CPUQuota", percent(cpu));
    }
    if let Some(files) = limits.open_files {
        unit.line("LimitNOFILE", files.to_string());
    }
    if let Some(processes) = limits.processes {
        unit.line("TasksMax", processes.saturating_add(OWN_TASKS).to_string());
    }
}

/// Processors as systemd's percentage, which has two decimals and is at least 0.01.
fn percent(processors: f64) -> String {
    let text = format!("{:.2}", (processors * 100.0).max(0.01));
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time span as systemd reads it, exact to the microsecond, rounded up.
fn span(duration: Duration) -> String {
    let micros = duration.as_nanos().div_ceil(1000);
    if micros.is_multiple_of(1_000_000) {
        format!("{}s", micros / 1_000_000)
    } else if micros.is_multiple_of(1000) {
        format!("{}ms", micros / 1000)
    } else {
        format!("{micros}us")
    }
}

fn is_unit_name(name: &str) -> bool {
    !name.is_empty()
        && unit_name(name).len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte))
}

/// What systemd cannot make of this spec, told apart from what is on the machine.
#[must_use]
pub fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Systemd, spec);
    if let Some(version) = context.version.filter(|version| *version < OLDEST) {
        found.push(
            Finding::error(
                None,
                format!("systemd {version} is too old; {OLDEST} is needed for `LoadCredential=`"),
            )
            .with_hint("run the service in the foreground with `abide up`, or upgrade the system"),
        );
    }
    for name in spec.start.after.iter().filter(|name| !is_unit_name(name)) {
        found.push(Finding::error("start.after", format!("`{name}` cannot be the name of a systemd unit")));
    }
    if !escape::can_execute(&context.supervisor) {
        found.push(Finding::error(
            None,
            format!(
                "systemd executes no path with quotes or backslashes, and the supervisor's would be {}",
                context.supervisor.display()
            ),
        ));
    }
    let spoken = [("program.env-file", spec.program.env_file.as_deref())];
    for (field, path) in spoken.into_iter().filter_map(|(field, path)| Some((field, path?))) {
        if escape::rest_path(path).is_none() {
            found.push(unspeakable(field, path));
        }
    }
    found.extend(hardening::unspeakable(spec).map(|path| unspeakable("security", path)));
    notes(spec, context, &mut found);
    found
}

fn unspeakable(field: &'static str, path: &Path) -> Finding {
    Finding::error(field, format!("no systemd unit can name the path {path:?}")).with_hint(
        "give it a path without control characters, and without white space or a backslash at its end",
    )
}

fn notes(spec: &Spec, context: &Context, found: &mut Vec<Finding>) {
    if context.jit && spec.security.profile == Profile::Strict && spec.security.write_execute != Some(true) {
        found.push(match spec.security.write_execute {
            Some(_) => Finding::error(
                "security.write-execute",
                format!("{} compiles while it runs and cannot start under this", spec.program.command[0]),
            )
            .with_hint("leave `security.write-execute` out or set it to true"),
            None => Finding::note(
                "security.profile",
                format!(
                    "`jit` is used: {} compiles while it runs, which `strict` forbids",
                    spec.program.command[0]
                ),
            )
            .with_hint("write `security.profile = \"jit\"` to say so yourself"),
        });
    }
    if spec.account.run_as == RunAs::System && spec.security.profile != Profile::None {
        found.push(
            Finding::note(
                "security",
                "root keeps its rights over files, accounts and ports, but may write only its own folders and \
                 `security.write`",
            )
            .with_hint("`security.profile = \"none\"` lifts this"),
        );
    }
    if spec.account.run_as == RunAs::LeastPrivilege && spec.security.profile == Profile::None {
        found.push(Finding::note(
            "security.profile",
            "an account of the service's own still has a /tmp of its own and can write nothing but its own folders \
             and `security.write`: systemd ties that to such accounts",
        ));
    }
}
