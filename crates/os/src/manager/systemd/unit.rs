//! The unit file of a service. Pure: the same spec and context always give the same text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_spec::{Hardening, Home, Name, Network, Profile, RunAs, Spec, StartMode};

use super::{direct, escape, hardening, supervised};
use crate::fs::Access;
use crate::manager::{Artifact, Context, MARKER, Scope, Target};
use crate::paths::{Layout, within};

/// The version from which on systemd has everything that a unit of ours cannot do without (`LoadCredential=`).
pub(crate) const OLDEST: u32 = 247;

/// The files for systemd: the spec, the unit, and the environment of a program that it starts directly. Settings that systemd cannot honour are left out here and told by
/// [`findings`].
#[must_use]
pub fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let unit = within(&context.layout.units, &format!("{}.service", spec.name));
    let file = |path, access, content| Artifact { target: Target::File { path, access }, content };
    let mut files = vec![file(context.layout.spec(&spec.name), Access::Private, context.spec_text.clone())];
    if let Some(variables) = direct::variables(spec) {
        files.push(file(variables_file(&context.layout, &spec.name), Access::Private, variables));
    }
    files.push(file(unit, Access::Public, unit_text(spec, context)));
    files
}

/// The file with the variables of a program that systemd starts directly. They stand in no unit, which everybody can
/// read.
pub(super) fn variables_file(layout: &Layout, name: &Name) -> PathBuf {
    within(&layout.specs, &format!("{name}.env"))
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

/// The security section as it is applied: a program in a just-in-time runtime gets the profile that lets it run, and the
/// user's own service manager hides nothing that the spec does not name.
pub(crate) fn effective(spec: &Spec, jit: bool, scope: Scope) -> Hardening {
    let mut security = spec.security.clone();
    if jit && security.profile == Profile::Strict {
        security.profile = Profile::Jit;
    }
    let whole = security.effective();
    match scope {
        Scope::System => whole,
        Scope::User => Hardening {
            // Hiding it altogether is refused.
            home: if security.home == Some(Home::ReadOnly) { Home::ReadOnly } else { Home::Full },
            network: if whole.network == Network::None { Network::None } else { Network::All },
            devices: security.devices != Some(false),
            processes: security.processes != Some(false),
            shared_temp: security.shared_temp != Some(false),
            ..whole
        },
    }
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
    unit_section(spec, context.layout.scope, &mut unit);
    if spec.program.supervised {
        supervised::service_section(spec, context, &mut unit);
    } else {
        direct::service_section(spec, context, &mut unit);
    }
    unit.section("Install");
    unit.line("WantedBy", boot_target(context.layout.scope));
    unit.0
}

/// What pulls services in at boot.
pub(super) const fn boot_target(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "multi-user.target",
        Scope::User => "default.target",
    }
}

/// The text of a unit.
pub(super) struct Text(String);

impl Text {
    pub(super) fn section(&mut self, name: &str) {
        let _ = write!(self.0, "\n[{name}]\n");
    }

    pub(super) fn line(&mut self, name: &str, value: impl AsRef<str>) {
        let _ = writeln!(self.0, "{name}={}", value.as_ref());
    }
}

fn unit_section(spec: &Spec, scope: Scope, unit: &mut Text) {
    unit.section("Unit");
    let shown = spec.description.as_deref().unwrap_or_else(|| spec.shown_name());
    unit.line("Description", escape::text(shown));
    let wanted: Vec<_> =
        spec.start.after.iter().filter(|name| is_unit_name(name)).map(|name| unit_name(name)).collect();
    let mut after = wanted.clone();
    // What starts after the network is stopped before it goes, too. The user's service manager knows no such unit.
    if scope == Scope::System && effective(spec, false, scope).network != Network::None {
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

/// The version that brought a directive, for those younger than [`OLDEST`].
fn since(directive: &str) -> u32 {
    if directive == "PrivateIPC" { 248 } else { OLDEST }
}

/// What restricts the program, as far as this version knows the words.
pub(super) fn restrictions(spec: &Spec, context: &Context, unit: &mut Text) {
    let scope = context.layout.scope;
    let hardening = effective(spec, context.jit, scope);
    let directives = match scope {
        Scope::System => hardening::directives(spec, &hardening),
        Scope::User => hardening::of_user(spec, &hardening, context),
    };
    for (directive, value) in directives {
        if context.version.is_none_or(|version| version >= since(directive)) {
            unit.line(directive, value);
        }
    }
}

/// The command line of a program and its arguments.
pub(super) fn command(program: &Path, arguments: &[&str]) -> String {
    let mut line = escape::executable(program.as_os_str().as_encoded_bytes());
    for argument in arguments {
        line.push(' ');
        line.push_str(&escape::argument(argument.as_bytes()));
    }
    line
}

/// Whose rights the processes have. In the user's own service manager they have the user's.
pub(super) fn account(spec: &Spec, scope: Scope, unit: &mut Text) {
    if scope == Scope::User {
        return;
    }
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

/// The bounds of the whole unit, in which so many processes and threads are Abide's own.
pub(super) fn limits(spec: &Spec, own_tasks: u64, unit: &mut Text) {
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
        unit.line("TasksMax", processes.saturating_add(own_tasks).to_string());
    }
}

/// Processors as systemd's percentage, which has two decimals and is at least 0.01.
fn percent(processors: f64) -> String {
    let text = format!("{:.2}", (processors * 100.0).max(0.01));
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time span as systemd reads it, exact to the microsecond, rounded up.
pub(super) fn span(duration: Duration) -> String {
    let micros = duration.as_nanos().div_ceil(1000);
    if micros.is_multiple_of(1_000_000) {
        format!("{}s", micros / 1_000_000)
    } else if micros.is_multiple_of(1000) {
        format!("{}ms", micros / 1000)
    } else {
        format!("{micros}us")
    }
}

/// Whether a name can be one of a unit.
pub(super) fn is_unit_name(name: &str) -> bool {
    !name.is_empty()
        && unit_name(name).len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte))
}
