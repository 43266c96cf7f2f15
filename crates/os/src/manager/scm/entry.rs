//! What the SCM keeps about a service, as values that can be compared and shown.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use abide_spec::{Family, Profile, RunAs, Spec, StartMode, When};

use super::direct;
use crate::manager::{Context, stop_budget};
use crate::quote::{command_text, program_of};

/// The account of the system itself, as the SCM calls it in every language.
pub(crate) const LOCAL_SYSTEM: &str = "LocalSystem";
/// As the SCM takes it in every language.
pub(crate) const LOCAL_SERVICE: &str = r"NT AUTHORITY\LocalService";
/// As the SCM takes it in every language.
pub(crate) const NETWORK_SERVICE: &str = r"NT AUTHORITY\NetworkService";

/// What a program in an account of the service's own needs: passing through folders that it can't list. Everything
/// else, the right to impersonate its callers above all, is taken from it.
pub(crate) const FEW_PRIVILEGES: [&str; 1] = ["SeChangeNotifyPrivilege"];

/// The most restarts that are told to the SCM one by one; the last of them then counts for all that follow.
const MOST_ACTIONS: u32 = 16;

/// The longest reset period: a failure that long ago counts for nothing.
const LONGEST_RESET: Duration = Duration::from_secs(24 * 60 * 60);

/// One thing that the SCM keeps about a service. In the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Setting {
    ImagePath,
    Environment,
    DisplayName,
    Description,
    Start,
    Delayed,
    Dependencies,
    Account,
    SidType,
    Privileges,
    FailureActions,
    FailuresWithoutCrash,
    PreshutdownTimeout,
}

impl Setting {
    pub(crate) const ALL: [Self; 13] = [
        Self::ImagePath,
        Self::Environment,
        Self::DisplayName,
        Self::Description,
        Self::Start,
        Self::Delayed,
        Self::Dependencies,
        Self::Account,
        Self::SidType,
        Self::Privileges,
        Self::FailureActions,
        Self::FailuresWithoutCrash,
        Self::PreshutdownTimeout,
    ];

    /// The name before the `=`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ImagePath => "image-path",
            Self::Environment => "environment",
            Self::DisplayName => "display-name",
            Self::Description => "description",
            Self::Start => "start",
            Self::Delayed => "delayed",
            Self::Dependencies => "depends-on",
            Self::Account => "account",
            Self::SidType => "service-sid",
            Self::Privileges => "privileges",
            Self::FailureActions => "on-failure",
            Self::FailuresWithoutCrash => "failure-without-crash",
            Self::PreshutdownTimeout => "preshutdown-timeout",
        }
    }

    /// Whether a change of it makes a difference to a process that runs.
    pub(crate) const fn needs_restart(self) -> bool {
        matches!(self, Self::ImagePath | Self::Environment | Self::Account | Self::SidType | Self::Privileges)
    }
}

/// When a service starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartType {
    Auto,
    Manual,
    Disabled,
    /// Boot and system drivers: never one of ours.
    Other,
}

/// What the token of a service says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SidType {
    None,
    Unrestricted,
    Restricted,
}

/// What the SCM does when the process that it started dies: the supervisor, or a program that is a service itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FailureActions {
    /// After so long without a failure they are counted anew.
    pub(crate) reset: Duration,
    /// For the first failure, the second, and so on: the service is started again after so long, or left alone. The
    /// last one counts for all that follow.
    pub(crate) actions: Vec<Option<Duration>>,
}

/// What the SCM keeps about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) image_path: String,
    /// `NAME=VALUE` each: what the process gets besides the variables of its account. Nothing for a supervisor.
    pub(crate) environment: Vec<String>,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) start: StartType,
    pub(crate) delayed: bool,
    pub(crate) dependencies: Vec<String>,
    pub(crate) account: String,
    pub(crate) sid_type: SidType,
    /// `None`: all that the account has.
    pub(crate) privileges: Option<Vec<String>>,
    pub(crate) failure: FailureActions,
    pub(crate) failures_without_crash: bool,
    pub(crate) preshutdown: Duration,
}

impl Entry {
    /// What shall be. An image path that can't be written (a NUL or a quotation mark in the supervisor's path) is left
    /// empty; no path of Windows has either. What can't be written of a program's own command line is a finding.
    pub(crate) fn of(spec: &Spec, context: &Context) -> Self {
        let (failure, failures_without_crash) = failure(spec);
        let (image_path, environment) = if spec.program.supervised {
            (image_path(&windows_text(&context.supervisor), spec.name.as_str()), Vec::new())
        } else {
            (
                direct::image_path(&spec.program.command).unwrap_or_default(),
                direct::environment(spec, context).unwrap_or_default(),
            )
        };
        Self {
            image_path,
            environment,
            display_name: spec.display_name.clone().unwrap_or_else(|| spec.name.as_str().to_owned()),
            description: spec.description.clone().unwrap_or_default(),
            start: match spec.start.mode {
                StartMode::Auto | StartMode::Delayed => StartType::Auto,
                StartMode::Manual => StartType::Manual,
                StartMode::Disabled => StartType::Disabled,
            },
            delayed: spec.start.mode == StartMode::Delayed,
            dependencies: spec.start.after.iter().filter(|name| can_depend_on(name)).cloned().collect(),
            account: account(spec),
            sid_type: SidType::Unrestricted,
            privileges: (is_small(&spec.account.run_as) && spec.security.profile != Profile::None)
                .then(|| FEW_PRIVILEGES.map(str::to_owned).to_vec()),
            failure,
            failures_without_crash,
            preshutdown: stop_budget(spec, Family::Windows),
        }
    }

    /// One setting as text.
    pub(crate) fn value(&self, setting: Setting) -> String {
        let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        match setting {
            Setting::ImagePath => self.image_path.clone(),
            Setting::Environment => self.environment.join("\n"),
            Setting::DisplayName => self.display_name.clone(),
            Setting::Description => self.description.clone(),
            Setting::Start => match self.start {
                StartType::Auto => "auto",
                StartType::Manual => "manual",
                StartType::Disabled => "disabled",
                StartType::Other => "by the system",
            }
            .to_owned(),
            Setting::Delayed => word(self.delayed),
            Setting::Dependencies => self.dependencies.join(", "),
            Setting::Account => self.account.clone(),
            Setting::SidType => match self.sid_type {
                SidType::None => "none",
                SidType::Unrestricted => "unrestricted",
                SidType::Restricted => "restricted",
            }
            .to_owned(),
            Setting::Privileges => self
                .privileges
                .as_ref()
                .map_or_else(|| "all of the account".to_owned(), |list| list.join(", ")),
            Setting::FailureActions => self.failure.to_string(),
            Setting::FailuresWithoutCrash => word(self.failures_without_crash),
            Setting::PreshutdownTimeout => abide_spec::Duration(self.preshutdown).to_string(),
        }
    }

    /// All of it, a line each; a line for every variable.
    pub(crate) fn text(&self) -> String {
        let line = |setting: Setting, value: &str| format!("{} = {value}\n", setting.as_str());
        Setting::ALL
            .iter()
            .map(|&setting| match setting {
                Setting::Environment => {
                    self.environment.iter().map(|entry| line(setting, entry)).collect::<String>()
                }
                _ => line(setting, &self.value(setting)),
            })
            .collect()
    }

    /// Whether it is one of ours: a supervisor for the service of that name, or a program that we told its name.
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        is_supervisor(&self.image_path, name) || direct::is_told(&self.environment, name)
    }

    /// The settings in which two entries differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<Setting> {
        Setting::ALL.into_iter().filter(|&setting| self.value(setting) != other.value(setting)).collect()
    }
}

impl fmt::Display for FailureActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.actions.is_empty() {
            return f.write_str("nothing");
        }
        for (index, action) in self.actions.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match action {
                Some(delay) => write!(f, "{comma}restart after {}", abide_spec::Duration(*delay))?,
                None => write!(f, "{comma}nothing")?,
            }
        }
        write!(f, "; counted anew after {}", abide_spec::Duration(self.reset))
    }
}

/// The command line that the SCM starts: program quoted and absolute, arguments each readable in one way only.
pub(crate) fn image_path(supervisor: &str, name: &str) -> String {
    command_text(supervisor, &["run", "--manager", "scm", name]).unwrap_or_default()
}

/// Whether a registered command line is a supervisor of ours for that service.
pub(crate) fn is_supervisor(image_path: &str, name: &str) -> bool {
    let program = program_of(image_path);
    let file = program.rsplit(['\\', '/']).next().unwrap_or(program).to_lowercase();
    file.starts_with("abide-supervisor")
        && image_path.to_lowercase().ends_with(&format!("run --manager scm {}", name.to_lowercase()))
}

/// A path as Windows writes it, also when the plan is made elsewhere.
pub(crate) fn windows_text(path: &Path) -> String {
    path.to_string_lossy().replace('/', "\\")
}

/// Whether a name in `after` can be the name of a service here; units of systemd that are no services can't.
pub(crate) fn can_depend_on(name: &str) -> bool {
    const UNITS: [&str; 10] = [
        ".service", ".socket", ".target", ".mount", ".path", ".timer", ".device", ".slice", ".scope", ".swap",
    ];
    !UNITS.iter().any(|suffix| name.ends_with(suffix)) && !name.contains(['/', '\\']) && !name.is_empty()
}

/// An account with rights on this machine that are its own and few.
fn is_small(run_as: &RunAs) -> bool {
    matches!(run_as, RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService)
}

/// The account as the SCM is told it.
pub(crate) fn account(spec: &Spec) -> String {
    match &spec.account.run_as {
        RunAs::LeastPrivilege => format!(r"NT SERVICE\{}", spec.name),
        RunAs::System => LOCAL_SYSTEM.to_owned(),
        RunAs::LocalService => LOCAL_SERVICE.to_owned(),
        RunAs::NetworkService => NETWORK_SERVICE.to_owned(),
        RunAs::User(name) if name.contains(['\\', '@']) => name.clone(),
        RunAs::User(name) => format!(r".\{name}"),
    }
}

/// The supervisor heals its program; these heal the supervisor, in the same rhythm. Where the supervisor gives up, it
/// says so by stopping in good order, and that must be the end of it: so an orderly stop with an error counts as a
/// failure only where there is no giving up.
///
/// A program that is a service itself is healed by these alone: every end with an error is a failure, and failures are
/// counted anew when it has been well for `reset-after`.
fn failure(spec: &Spec) -> (FailureActions, bool) {
    let restart = &spec.restart;
    if restart.when == When::Never {
        return (FailureActions::default(), false);
    }
    let count = restart.give_up.as_ref().map_or(MOST_ACTIONS, |give_up| give_up.after.clamp(1, MOST_ACTIONS));
    let mut delay = restart.delay.initial.get();
    let mut actions = Vec::new();
    for _ in 0..count {
        actions.push(Some(whole_milliseconds(delay.min(restart.delay.max.get()))));
        delay = Duration::try_from_secs_f64(delay.as_secs_f64() * restart.delay.factor)
            .unwrap_or(restart.delay.max.get())
            .min(restart.delay.max.get());
    }
    let gives_up = restart.give_up.as_ref();
    if gives_up.is_some_and(|give_up| give_up.after <= MOST_ACTIONS) {
        actions.push(None);
    }
    // What follows the last action is the last action again.
    while actions.len() > 1 && actions[actions.len() - 1] == actions[actions.len() - 2] {
        actions.pop();
    }
    let direct = !spec.program.supervised;
    let reset =
        gives_up.filter(|_| !direct).map_or(restart.reset_after.get(), |give_up| give_up.within.get());
    // The SCM counts in whole seconds.
    let reset = Duration::from_secs(reset.min(LONGEST_RESET).as_secs_f64().ceil() as u64);
    (FailureActions { reset, actions }, direct || gives_up.is_none())
}

fn whole_milliseconds(delay: Duration) -> Duration {
    Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).min(u64::from(u32::MAX)))
}
