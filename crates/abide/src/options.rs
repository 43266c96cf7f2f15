//! What differs between service managers, typed: each counts on its own platform and is nothing elsewhere.

use std::path::PathBuf;

use abide_spec::{Home, Network, Spec, StartMode};

use crate::Account;

/// What counts on Windows alone.
///
/// ```
/// use abide::{Account, Service, WindowsOptions};
///
/// let service = Service::new("orders").windows(
///     WindowsOptions::new().delayed_start().account(Account::NetworkService).after(["Tcpip"]),
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowsOptions {
    after: Vec<String>,
    account: Option<Account>,
    delayed_start: bool,
    password_file: Option<PathBuf>,
}

impl WindowsOptions {
    /// Nothing in particular.
    ///
    /// ```
    /// assert_eq!(abide::WindowsOptions::new(), abide::WindowsOptions::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with the machine, two minutes after what starts at once.
    ///
    /// ```
    /// let options = abide::WindowsOptions::new().delayed_start();
    /// ```
    #[must_use]
    pub fn delayed_start(self) -> Self {
        Self { delayed_start: true, ..self }
    }

    /// Another account than on other systems.
    ///
    /// ```
    /// let options = abide::WindowsOptions::new().account(abide::Account::LocalService);
    /// ```
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// The file that holds the user's password, for [`Account::User`]. It is read by the install and never stored.
    ///
    /// ```
    /// let options = abide::WindowsOptions::new()
    ///     .account(abide::Account::User(r"CORP\orders".into()))
    ///     .password_file(r"C:\secret\orders.txt");
    /// ```
    #[must_use]
    pub fn password_file(self, path: impl Into<PathBuf>) -> Self {
        Self { password_file: Some(path.into()), ..self }
    }

    /// Services of Windows that must be up before this one starts.
    ///
    /// ```
    /// let options = abide::WindowsOptions::new().after(["Tcpip", "LanmanServer"]);
    /// ```
    #[must_use]
    pub fn after<T: Into<String>>(self, services: impl IntoIterator<Item = T>) -> Self {
        Self { after: services.into_iter().map(Into::into).collect(), ..self }
    }

    pub(crate) fn lay_over(&self, spec: &mut Spec) {
        lay(spec, &self.after, self.account.as_ref());
        if self.delayed_start {
            spec.start.mode = StartMode::Delayed;
        }
        spec.account.password_file.clone_from(&self.password_file);
    }
}

/// What counts under systemd alone.
///
/// ```
/// use abide::{Service, SystemdOptions};
///
/// let service = Service::new("orders")
///     .systemd(SystemdOptions::new().after(["network-online.target"]).capabilities(["CAP_NET_BIND_SERVICE"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemdOptions {
    after: Vec<String>,
    account: Option<Account>,
    groups: Vec<String>,
    capabilities: Vec<String>,
    write: Vec<PathBuf>,
    read: Vec<PathBuf>,
    local_network: bool,
    home: bool,
    unrestricted: bool,
}

impl SystemdOptions {
    /// Nothing in particular.
    ///
    /// ```
    /// assert_eq!(abide::SystemdOptions::new(), abide::SystemdOptions::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Units that must be up before this one starts.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().after(["postgresql.service", "network-online.target"]);
    /// ```
    #[must_use]
    pub fn after<T: Into<String>>(self, units: impl IntoIterator<Item = T>) -> Self {
        Self { after: units.into_iter().map(Into::into).collect(), ..self }
    }

    /// Another account than on other systems.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().account(abide::Account::User("www-data".into()));
    /// ```
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Further groups of the process.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().groups(["dialout"]);
    /// ```
    #[must_use]
    pub fn groups<T: Into<String>>(self, groups: impl IntoIterator<Item = T>) -> Self {
        Self { groups: groups.into_iter().map(Into::into).collect(), ..self }
    }

    /// Capabilities that the process keeps.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().capabilities(["CAP_NET_BIND_SERVICE"]);
    /// ```
    #[must_use]
    pub fn capabilities<T: Into<String>>(self, capabilities: impl IntoIterator<Item = T>) -> Self {
        Self { capabilities: capabilities.into_iter().map(Into::into).collect(), ..self }
    }

    /// Files and folders that it may write, besides its own: everything else is read-only.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().writable(["/srv/orders"]);
    /// ```
    #[must_use]
    pub fn writable<T: Into<PathBuf>>(self, paths: impl IntoIterator<Item = T>) -> Self {
        Self { write: paths.into_iter().map(Into::into).collect(), ..self }
    }

    /// Files and folders that it may read although they lie in what is hidden from it.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().readable(["/home/eve/orders"]);
    /// ```
    #[must_use]
    pub fn readable<T: Into<PathBuf>>(self, paths: impl IntoIterator<Item = T>) -> Self {
        Self { read: paths.into_iter().map(Into::into).collect(), ..self }
    }

    /// It reaches this machine alone over the network.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().local_network_only();
    /// ```
    #[must_use]
    pub fn local_network_only(self) -> Self {
        Self { local_network: true, ..self }
    }

    /// It sees home folders, as far as its account may.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().with_homes();
    /// ```
    #[must_use]
    pub fn with_homes(self) -> Self {
        Self { home: true, ..self }
    }

    /// No restrictions but the rights of the account: for programs that start others of all kinds.
    ///
    /// ```
    /// let options = abide::SystemdOptions::new().unrestricted();
    /// ```
    #[must_use]
    pub fn unrestricted(self) -> Self {
        Self { unrestricted: true, ..self }
    }

    pub(crate) fn lay_over(&self, spec: &mut Spec) {
        lay(spec, &self.after, self.account.as_ref());
        spec.account.groups.extend(self.groups.iter().cloned());
        let security = &mut spec.security;
        security.capabilities.clone_from(&self.capabilities);
        security.write.clone_from(&self.write);
        security.read.clone_from(&self.read);
        if self.local_network {
            security.network = Some(Network::Local);
        }
        if self.home {
            security.home = Some(Home::Full);
        }
        if self.unrestricted {
            security.profile = abide_spec::Profile::None;
        }
    }
}

/// What counts under launchd alone.
///
/// ```
/// use abide::{Account, LaunchdOptions, Service};
///
/// let service = Service::new("orders").launchd(LaunchdOptions::new().account(Account::User("_www".into())));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchdOptions {
    account: Option<Account>,
    on_demand: bool,
}

impl LaunchdOptions {
    /// Nothing in particular.
    ///
    /// ```
    /// assert_eq!(abide::LaunchdOptions::new(), abide::LaunchdOptions::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another account than on other systems.
    ///
    /// ```
    /// let options = abide::LaunchdOptions::new().account(abide::Account::User("_www".into()));
    /// ```
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// It is not started when it is loaded (`RunAtLoad`), but when it is asked for.
    ///
    /// ```
    /// let options = abide::LaunchdOptions::new().on_demand();
    /// ```
    #[must_use]
    pub fn on_demand(self) -> Self {
        Self { on_demand: true, ..self }
    }

    pub(crate) fn lay_over(&self, spec: &mut Spec) {
        lay(spec, &[], self.account.as_ref());
        if self.on_demand {
            spec.start.mode = StartMode::Manual;
        }
    }
}

/// What counts alone under service managers that run scripts: OpenRC, runit, s6, SysV init, rc.d.
///
/// ```
/// use abide::{Service, ScriptOptions};
///
/// let service = Service::new("orders").scripts(ScriptOptions::new().after(["net"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptOptions {
    after: Vec<String>,
    account: Option<Account>,
    groups: Vec<String>,
}

impl ScriptOptions {
    /// Nothing in particular.
    ///
    /// ```
    /// assert_eq!(abide::ScriptOptions::new(), abide::ScriptOptions::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Services, by their names there, that must be up before this one starts.
    ///
    /// ```
    /// let options = abide::ScriptOptions::new().after(["net", "postgresql"]);
    /// ```
    #[must_use]
    pub fn after<T: Into<String>>(self, services: impl IntoIterator<Item = T>) -> Self {
        Self { after: services.into_iter().map(Into::into).collect(), ..self }
    }

    /// Another account than on other systems.
    ///
    /// ```
    /// let options = abide::ScriptOptions::new().account(abide::Account::System);
    /// ```
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Further groups of the process.
    ///
    /// ```
    /// let options = abide::ScriptOptions::new().groups(["dialout"]);
    /// ```
    #[must_use]
    pub fn groups<T: Into<String>>(self, groups: impl IntoIterator<Item = T>) -> Self {
        Self { groups: groups.into_iter().map(Into::into).collect(), ..self }
    }

    pub(crate) fn lay_over(&self, spec: &mut Spec) {
        lay(spec, &self.after, self.account.as_ref());
        spec.account.groups.extend(self.groups.iter().cloned());
    }
}

fn lay(spec: &mut Spec, after: &[String], account: Option<&Account>) {
    spec.start.after.extend(after.iter().cloned());
    if let Some(account) = account {
        spec.account.run_as = account.clone().into();
    }
}
