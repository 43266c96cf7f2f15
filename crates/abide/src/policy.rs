//! The settings of a service that are words: when it starts, whose rights it has, when it is started again.

use std::fmt;
use std::time::Duration;

use abide_spec::{Delay, GiveUp, RunAs, When};

/// When a service starts.
///
/// ```
/// use abide::{Service, StartMode};
///
/// let service = Service::new("orders").start_mode(StartMode::Manual);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartMode {
    /// With the machine (or with the user's session, for the user's own services).
    #[default]
    Auto,
    /// With the machine, after what starts at once. Windows alone knows that; see
    /// [`WindowsOptions::delayed_start`](crate::WindowsOptions::delayed_start).
    Delayed,
    /// On demand only.
    Manual,
    /// Not even on demand.
    Disabled,
}

impl fmt::Display for StartMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Delayed => "delayed",
            Self::Manual => "manual",
            Self::Disabled => "disabled",
        })
    }
}

impl From<StartMode> for abide_spec::StartMode {
    fn from(mode: StartMode) -> Self {
        match mode {
            StartMode::Auto => Self::Auto,
            StartMode::Delayed => Self::Delayed,
            StartMode::Manual => Self::Manual,
            StartMode::Disabled => Self::Disabled,
        }
    }
}

/// Whose rights a service has.
///
/// ```
/// use abide::{Account, Service};
///
/// let service = Service::new("orders").account(Account::User("www-data".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Account {
    /// An account of the service's own, with no rights but to its own folders: a dynamic user of systemd, a system
    /// account elsewhere on Unix, a virtual account (`NT SERVICE\NAME`) on Windows. Made by the install, gone with the
    /// uninstall.
    #[default]
    LeastPrivilege,
    /// root; LocalSystem on Windows.
    System,
    /// `NT AUTHORITY\LocalService` on Windows.
    LocalService,
    /// `NT AUTHORITY\NetworkService` on Windows.
    NetworkService,
    /// A user by name.
    User(String),
}

impl From<Account> for RunAs {
    fn from(account: Account) -> Self {
        match account {
            Account::LeastPrivilege => Self::LeastPrivilege,
            Account::System => Self::System,
            Account::LocalService => Self::LocalService,
            Account::NetworkService => Self::NetworkService,
            Account::User(name) => Self::User(name),
        }
    }
}

/// Whether, how soon and how often a program that ended by itself is started again. The service manager does it.
///
/// ```
/// use std::time::Duration;
/// use abide::Restart;
///
/// let restart = Restart::always()
///     .backoff(Duration::from_millis(200), Duration::from_secs(60))
///     .give_up_after(10, Duration::from_secs(600));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    pub(crate) spec: abide_spec::Restart,
}

impl Restart {
    fn when(when: When) -> Self {
        Self { spec: abide_spec::Restart { when, ..abide_spec::Restart::default() } }
    }

    /// Again after every end that nobody asked for.
    ///
    /// ```
    /// let service = abide::Service::new("orders").restart_policy(abide::Restart::always());
    /// ```
    #[must_use]
    pub fn always() -> Self {
        Self::when(When::Always)
    }

    /// Again after every end but success: the default.
    ///
    /// ```
    /// assert_eq!(abide::Restart::on_failure(), abide::Restart::default());
    /// ```
    #[must_use]
    pub fn on_failure() -> Self {
        Self::when(When::OnFailure)
    }

    /// Not again.
    ///
    /// ```
    /// let service = abide::Service::new("report").restart_policy(abide::Restart::never());
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self::when(When::Never)
    }

    /// The same delay before each restart.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let restart = abide::Restart::on_failure().delay(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        let delay = abide_spec::Duration(delay);
        self.spec.delay = Delay { initial: delay, max: delay, factor: 1.0, jitter: 0.0 };
        self
    }

    /// A delay that doubles with each failure in a row, from the first to the longest. The default, from 200 ms to a
    /// minute. A service manager that knows fixed delays alone says so in the plan.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let restart = abide::Restart::on_failure().backoff(Duration::from_secs(1), Duration::from_secs(300));
    /// ```
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        let (initial, max) = (abide_spec::Duration(first), abide_spec::Duration(longest));
        self.spec.delay = Delay { initial, max, ..Delay::default() };
        self
    }

    /// Stop trying after so many restarts within so long. The default is 10 within 10 minutes.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let restart = abide::Restart::always().give_up_after(3, Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn give_up_after(mut self, restarts: u32, within: Duration) -> Self {
        self.spec.give_up = Some(GiveUp { after: restarts, within: abide_spec::Duration(within) });
        self
    }

    /// Never stop trying.
    ///
    /// ```
    /// let restart = abide::Restart::always().never_give_up();
    /// ```
    #[must_use]
    pub fn never_give_up(mut self) -> Self {
        self.spec.give_up = None;
        self
    }

    /// The exit codes that are no failure, besides 0.
    ///
    /// ```
    /// let restart = abide::Restart::on_failure().success_codes([3, 143]);
    /// ```
    #[must_use]
    pub fn success_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.spec.success_codes =
            std::iter::once(0).chain(codes.into_iter().filter(|code| *code != 0)).collect();
        self
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::on_failure()
    }
}
