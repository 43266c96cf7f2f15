//! Where Abide keeps things on this machine: specs, state, logs, run-time files and its own executables.
//!
//! | folder | Linux and other Unix | macOS | FreeBSD | Windows | of a project (`abide up`) |
//! |---|---|---|---|---|---|
//! | specs | `/etc/abide/services` | `/Library/Application Support/Abide/services` | `/usr/local/etc/abide/services` | `%ProgramData%\Abide\services` | `DIR/.abide/services` |
//! | state | `/var/lib/abide` | `/Library/Application Support/Abide/state` | `/var/db/abide` | `%ProgramData%\Abide\state` | `DIR/.abide/state` |
//! | logs  | `/var/log/abide` | `/Library/Logs/Abide` | `/var/log/abide` | `%ProgramData%\Abide\logs` | `DIR/.abide/logs` |
//! | run   | `/run/abide` | `/var/run/abide` | `/var/run/abide` | `%ProgramData%\Abide\run` | `DIR/.abide/run` |
//! | lib   | `/usr/local/lib/abide` | `/usr/local/lib/abide` | `/usr/local/libexec/abide` | `%ProgramFiles%\Abide` | `DIR/.abide/lib` |
//!
//! The user's own services (`--user`) have a layout of their own, in which nothing needs rights that the user has not:
//!
//! | folder | Linux | macOS | Windows |
//! |---|---|---|---|
//! | specs | `~/.config/abide/services` | `~/Library/Application Support/Abide/services` | `%LOCALAPPDATA%\Abide\services` |
//! | state | `~/.local/state/abide/state` | `~/Library/Application Support/Abide/state` | `%LOCALAPPDATA%\Abide\state` |
//! | logs  | `~/.local/state/abide/logs` | `~/Library/Logs/Abide` | `%LOCALAPPDATA%\Abide\logs` |
//! | run   | `/run/user/UID/abide` | `~/Library/Application Support/Abide/run` | `%LOCALAPPDATA%\Abide\run` |
//! | lib   | `~/.local/lib/abide` | `~/Library/Application Support/Abide/lib` | `%LOCALAPPDATA%\Abide\lib` |
//! | units | `~/.config/systemd/user` | `~/Library/LaunchAgents` | `%LOCALAPPDATA%\Abide\units` |
//!
//! `ABIDE_ROOT=DIR` in the environment puts a whole system layout below `DIR`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use abide_spec::Name;

use crate::manager::Scope;

/// The variable that moves a system layout below another folder.
pub const ROOT_VARIABLE: &str = "ABIDE_ROOT";

/// The credential under which a service manager hands the spec to a supervisor that may not read the spec file itself.
pub const SPEC_CREDENTIAL: &str = "spec";

/// The credential under which a service manager hands over the environment file.
pub const ENV_FILE_CREDENTIAL: &str = "env-file";

/// The folders of one installation of Abide. All are absolute when the starting folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Folder of the spec files, `NAME.toml` each.
    pub specs: PathBuf,
    /// Folder of what outlives the supervisor, one folder a service.
    pub state: PathBuf,
    /// Folder of the programs' output, one folder a service.
    pub logs: PathBuf,
    /// Folder of what lives as long as the machine is up, one folder a service.
    pub run: PathBuf,
    /// Folder of Abide's own executables, named by their content.
    pub lib: PathBuf,
    /// Folder of the service manager's own files, where it has such (`/etc/systemd/system`).
    pub units: PathBuf,
    /// The folder that `ABIDE_ROOT` named, if it did.
    pub root: Option<PathBuf>,
    /// Whose services these folders are for: the machine's or the user's own.
    pub scope: Scope,
}

impl Layout {
    /// The layout of this machine, moved below `ABIDE_ROOT` when that is set and not empty.
    #[must_use]
    pub fn system() -> Self {
        match std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty()) {
            Some(root) => Self::below(Path::new(&root)),
            None => Self::plain(),
        }
    }

    /// The system layout below another folder, as `ABIDE_ROOT` makes it.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        let plain = Self::plain();
        let moved = |path: &Path| root.join(relative(path));
        Self {
            specs: moved(&plain.specs),
            state: moved(&plain.state),
            logs: moved(&plain.logs),
            run: moved(&plain.run),
            lib: moved(&plain.lib),
            units: moved(&plain.units),
            root: Some(root.to_path_buf()),
            scope: Scope::System,
        }
    }

    /// The layout of the machine, or of the user who runs this process.
    pub fn of(scope: Scope) -> io::Result<Self> {
        match scope {
            Scope::System => Ok(Self::system()),
            Scope::User => Self::user(),
        }
    }

    /// The layout of the services of the user who runs this process. Fails when nobody can tell where that user's home
    /// is.
    ///
    /// The home is the one of the machine's directory of users, not `HOME`: the user's service manager goes by that,
    /// and both have to find the same files.
    pub fn user() -> io::Result<Self> {
        #[cfg(windows)]
        {
            let local = std::env::var("LOCALAPPDATA").ok().filter(|path| Path::new(path).is_absolute());
            local.map(|local| Self::user_of_windows(&local)).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "%LOCALAPPDATA% names no folder for the user's own services",
                )
            })
        }
        #[cfg(target_vendor = "apple")]
        return Ok(Self::user_of_macos(&crate::unix::account::home()?));
        #[cfg(all(unix, not(target_vendor = "apple")))]
        return Ok(Self::user_of_linux(&crate::unix::account::home()?, &crate::unix::account::runtime_dir()));
    }

    /// A user's layout on Linux, for plans that are made elsewhere.
    #[must_use]
    pub fn user_of_linux(home: &Path, runtime_dir: &Path) -> Self {
        let at = |path: &str| within(home, path);
        Self {
            specs: at(".config/abide/services"),
            state: at(".local/state/abide/state"),
            logs: at(".local/state/abide/logs"),
            run: within(runtime_dir, "abide"),
            lib: at(".local/lib/abide"),
            units: at(".config/systemd/user"),
            root: None,
            scope: Scope::User,
        }
    }

    /// A user's layout on macOS, for plans that are made elsewhere.
    #[must_use]
    pub fn user_of_macos(home: &Path) -> Self {
        let own = within(home, "Library/Application Support/Abide");
        Self {
            specs: within(&own, "services"),
            state: within(&own, "state"),
            logs: within(home, "Library/Logs/Abide"),
            run: within(&own, "run"),
            lib: within(&own, "lib"),
            units: within(home, "Library/LaunchAgents"),
            root: None,
            scope: Scope::User,
        }
    }

    /// A user's layout on Windows, for plans that are made elsewhere: `%LOCALAPPDATA%` is given.
    #[must_use]
    pub fn user_of_windows(local_app_data: &str) -> Self {
        let below = |name: &str| PathBuf::from(format!(r"{local_app_data}\Abide\{name}"));
        Self {
            specs: below("services"),
            state: below("state"),
            logs: below("logs"),
            run: below("run"),
            lib: below("lib"),
            units: below("units"),
            root: None,
            scope: Scope::User,
        }
    }

    /// The layout of `abide up` in a folder: everything in `DIR/.abide`.
    #[must_use]
    pub fn project(dir: &Path) -> Self {
        let own = dir.join(".abide");
        Self {
            specs: own.join("services"),
            state: own.join("state"),
            logs: own.join("logs"),
            run: own.join("run"),
            lib: own.join("lib"),
            units: own.join("units"),
            root: None,
            scope: Scope::System,
        }
    }

    fn plain() -> Self {
        #[cfg(target_vendor = "apple")]
        return Self::macos();
        #[cfg(target_os = "freebsd")]
        return Self::freebsd();
        #[cfg(not(any(windows, target_vendor = "apple", target_os = "freebsd")))]
        return Self::unix();
        #[cfg(windows)]
        {
            let (data, programs) = crate::windows::registry::machine_folders();
            Self::windows(&data, &programs)
        }
    }

    /// The system layout of macOS, for plans that are made elsewhere. It has no `/run`, and none can be made.
    #[must_use]
    pub fn macos() -> Self {
        Self {
            specs: "/Library/Application Support/Abide/services".into(),
            state: "/Library/Application Support/Abide/state".into(),
            logs: "/Library/Logs/Abide".into(),
            run: "/var/run/abide".into(),
            lib: "/usr/local/lib/abide".into(),
            units: "/Library/LaunchDaemons".into(),
            root: None,
            scope: Scope::System,
        }
    }

    /// The system layout of FreeBSD, for plans that are made elsewhere: what does not come with the system is below
    /// `/usr/local` there (hier(7)).
    #[must_use]
    pub fn freebsd() -> Self {
        Self {
            specs: "/usr/local/etc/abide/services".into(),
            state: "/var/db/abide".into(),
            logs: "/var/log/abide".into(),
            run: "/var/run/abide".into(),
            lib: "/usr/local/libexec/abide".into(),
            units: "/usr/local/etc/rc.d".into(),
            root: None,
            scope: Scope::System,
        }
    }

    /// The system layout of Linux and other Unix systems, for plans that are made elsewhere.
    #[must_use]
    pub fn unix() -> Self {
        Self {
            specs: "/etc/abide/services".into(),
            state: "/var/lib/abide".into(),
            logs: "/var/log/abide".into(),
            run: "/run/abide".into(),
            lib: "/usr/local/lib/abide".into(),
            units: "/etc/systemd/system".into(),
            root: None,
            scope: Scope::System,
        }
    }

    /// The system layout of Windows, for plans that are made elsewhere: `%ProgramData%` and `%ProgramFiles%` are given.
    #[must_use]
    pub fn windows(data: &str, programs: &str) -> Self {
        let below = |name: &str| PathBuf::from(format!(r"{data}\Abide\{name}"));
        Self {
            specs: below("services"),
            state: below("state"),
            logs: below("logs"),
            run: below("run"),
            lib: PathBuf::from(format!(r"{programs}\Abide")),
            units: below("units"),
            root: None,
            scope: Scope::System,
        }
    }

    /// A path of the machine that is not ours to choose (`/etc/init.d`), below the layout's root where it has one.
    pub(crate) fn native(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => within(root, path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// The spec file of a service.
    #[must_use]
    pub fn spec(&self, name: &Name) -> PathBuf {
        within(&self.specs, &format!("{}.toml", name.as_str()))
    }

    /// The state folder of a service: `status.json`, `events.ndjson`, `lock`.
    #[must_use]
    pub fn state_of(&self, name: &Name) -> PathBuf {
        within(&self.state, name.as_str())
    }

    /// The log folder of a service.
    #[must_use]
    pub fn logs_of(&self, name: &Name) -> PathBuf {
        within(&self.logs, name.as_str())
    }

    /// The run-time folder of a service, with its control endpoint.
    #[must_use]
    pub fn run_of(&self, name: &Name) -> PathBuf {
        within(&self.run, name.as_str())
    }

    /// The control endpoint of a service's supervisor.
    #[must_use]
    pub fn control(&self, name: &Name) -> PathBuf {
        within(&self.run_of(name), "control.sock")
    }

    /// The lock that whoever changes a service's installation holds. Names start with a letter or digit, so no
    /// service can be called `.locks`.
    #[must_use]
    pub fn change_lock(&self, name: &Name) -> PathBuf {
        // A user's run folder comes with the user's first login, and services can be installed before.
        let folder = match self.scope {
            Scope::System => &self.run,
            Scope::User => &self.state,
        };
        within(&within(folder, ".locks"), name.as_str())
    }
}

/// A file in a folder of a layout, which may be one of another system: `/` or `\` as the folder itself has it.
#[must_use]
pub fn within(folder: &Path, name: &str) -> PathBuf {
    let Some(text) = folder.to_str() else { return folder.join(name) };
    let windows = text.starts_with(r"\\") || text.as_bytes().get(1) == Some(&b':');
    match (text.starts_with('/'), windows) {
        (true, _) => PathBuf::from(format!("{}/{name}", text.trim_end_matches('/'))),
        (_, true) => PathBuf::from(format!(r"{}\{name}", text.trim_end_matches('\\'))),
        _ => folder.join(name),
    }
}

/// The path without its root (and drive), to be joined to another folder.
fn relative(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect()
}

/// The file that the service manager handed to this process under `name` (systemd's `LoadCredential=`), if it did.
#[must_use]
pub fn credential(name: &str) -> Option<PathBuf> {
    credential_in(std::env::var_os("CREDENTIALS_DIRECTORY"), name)
}

fn credential_in(folder: Option<OsString>, name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(folder.filter(|folder| !folder.is_empty())?).join(name);
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_moved_layout_lies_wholly_below_its_root() {
        let root = Path::new(if cfg!(windows) { r"D:\sand" } else { "/sand" });
        let layout = Layout::below(root);
        for path in [&layout.specs, &layout.state, &layout.logs, &layout.run, &layout.lib, &layout.units] {
            assert!(path.starts_with(root) && path != root, "{}", path.display());
        }
    }

    #[test]
    fn layouts_of_other_systems_keep_their_separators() {
        let unix = Layout::unix();
        assert_eq!(unix.spec(&name("a")).to_str(), Some("/etc/abide/services/a.toml"));
        assert_eq!(unix.change_lock(&name("a")).to_str(), Some("/run/abide/.locks/a"));
        let windows = Layout::windows(r"C:\ProgramData", r"C:\Program Files");
        assert_eq!(windows.spec(&name("a")).to_str(), Some(r"C:\ProgramData\Abide\services\a.toml"));
        assert_eq!(within(&windows.lib, "b.exe").to_str(), Some(r"C:\Program Files\Abide\b.exe"));
        assert_eq!(within(Path::new(r"\\host\share"), "b").to_str(), Some(r"\\host\share\b"));
    }

    #[test]
    fn a_users_layout_lies_in_the_users_own_folders() {
        let layout = Layout::user_of_linux(Path::new("/home/a b"), Path::new("/run/user/1000"));
        assert_eq!(layout.spec(&name("a")).to_str(), Some("/home/a b/.config/abide/services/a.toml"));
        assert_eq!(layout.control(&name("a")).to_str(), Some("/run/user/1000/abide/a/control.sock"));
        let layouts = [
            layout,
            Layout::user_of_macos(Path::new("/Users/a")),
            Layout::user_of_windows(r"C:\Users\a\AppData\Local"),
        ];
        for layout in layouts {
            assert_eq!(layout.scope, Scope::User);
            let text = layout.spec(&name("a")).display().to_string();
            assert!(text.contains("services") && text.starts_with('/') != text.contains('\\'), "{text}");
        }
        #[cfg(unix)]
        {
            let own = Layout::user().unwrap();
            assert!(own.specs.is_absolute() && own.run.is_absolute());
            assert_eq!(Layout::of(Scope::User).unwrap(), own);
        }
        assert_eq!(Layout::of(Scope::System).unwrap().scope, Scope::System);
    }

    #[test]
    fn no_service_shares_a_path_with_another_or_with_the_locks() {
        let layout = Layout::project(Path::new("/p"));
        assert_ne!(layout.run_of(&name("a")), layout.run_of(&name("a.toml")));
        assert_eq!(layout.change_lock(&name("a")), Path::new("/p/.abide/run/.locks/a"));
        assert!(".locks".parse::<Name>().is_err());
    }

    #[test]
    fn a_credential_is_found_only_where_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("spec"), "x").unwrap();
        let given = Some(folder.path().as_os_str().to_owned());
        assert!(credential_in(given.clone(), "spec").is_some());
        assert!(credential_in(given, "env-file").is_none());
        assert!(credential_in(None, "spec").is_none());
        assert!(credential_in(Some(OsString::new()), "spec").is_none());
    }
}
