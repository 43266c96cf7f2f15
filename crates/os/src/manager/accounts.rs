//! Accounts for services that shall have one of their own, where the service manager does not make one up: made with the
//! system's own tools at apply, removed at uninstall.
//!
//! An account carries its service in its comment field, so that only what Abide made is ever removed.

use std::io;
use std::process::{Command, Stdio};

use abide_spec::{Name, RunAs, Spec};

use super::Kind;
use super::apply::{Act, Step, StepError};
use crate::account;

/// The account that a program shall have, where that is one for this service alone which has to be made.
#[must_use]
pub fn own(kind: Kind, spec: &Spec) -> Option<String> {
    // Windows accounts are an error before it comes to this, unless their loss is accepted.
    let own = matches!(
        spec.account.run_as,
        RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService
    );
    (kind.is_plain() && own).then(|| name_of(&spec.name))
}

/// The name of the account of a service's own, the same under every service manager that is given one.
pub(crate) fn name_of(service: &Name) -> String {
    let name = super::systemd::dynamic_user(service.as_str());
    if !name.contains(|c: char| c.is_ascii_uppercase()) {
        return name;
    }
    // Many tools refuse capitals; the number keeps `Orders` and `orders` apart.
    let stem: String = name.trim_start_matches("abide-").chars().take(8).collect();
    let hash = super::content_hash(service.as_str().as_bytes()) as u64;
    format!("abide-{}-{hash:016x}", stem.to_ascii_lowercase())
}

/// What stands in the comment field of an account that Abide made.
pub(crate) fn comment(service: &Name) -> String {
    format!("Abide service {service}")
}

/// What an account is, for a plan.
pub(crate) fn summary(service: &Name) -> String {
    format!("system account without password, home and shell, for {service} alone\n")
}

/// The account in the words of a plan.
pub(crate) fn target(account: &str) -> String {
    format!("account {account}")
}

/// A tool and its arguments.
type Call = Vec<String>;

/// Which tools make and remove accounts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tools {
    /// `useradd` and `userdel` of most Linux systems.
    Shadow,
    /// `adduser` and `deluser` of BusyBox.
    BusyBox,
    /// `pw` of FreeBSD.
    Pw,
    /// `sysadminctl` and `dscl` of macOS.
    DirectoryService,
}

impl Tools {
    fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::DirectoryService
        } else if cfg!(target_os = "freebsd") {
            Self::Pw
        } else if crate::resolve::program("useradd", Some(SEARCHED.as_ref())).is_ok() {
            Self::Shadow
        } else {
            Self::BusyBox
        }
    }

    fn making(self, account: &str, comment: &str) -> Vec<Call> {
        const NOWHERE: &str = "/nonexistent";
        match self {
            Self::Shadow => vec![call([
                "useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                NOWHERE,
                "--shell",
                "/usr/sbin/nologin",
                "--comment",
                comment,
                account,
            ])],
            Self::BusyBox => vec![
                call(["addgroup", "-S", account]),
                call([
                    "adduser",
                    "-S",
                    "-D",
                    "-H",
                    "-h",
                    NOWHERE,
                    "-s",
                    "/sbin/nologin",
                    "-g",
                    comment,
                    "-G",
                    account,
                    account,
                ]),
            ],
            Self::Pw => vec![call([
                "pw", "useradd", account, "-d", NOWHERE, "-s", "/usr/sbin/nologin", "-w", "no", "-c", comment,
            ])],
            Self::DirectoryService => vec![call([
                "sysadminctl",
                "-addUser",
                account,
                "-fullName",
                comment,
                "-home",
                "/var/empty",
                "-shell",
                "/usr/bin/false",
                "-roleAccount",
            ])],
        }
    }

    fn removing(self, account: &str) -> Vec<Call> {
        match self {
            // With its group, which has no other members.
            Self::Shadow => vec![call(["userdel", account])],
            Self::BusyBox => vec![call(["deluser", account]), call(["delgroup", account])],
            Self::Pw => vec![call(["pw", "userdel", account])],
            Self::DirectoryService => vec![call(["sysadminctl", "-deleteUser", account])],
        }
    }
}

fn call<const N: usize>(words: [&str; N]) -> Call {
    words.map(str::to_owned).to_vec()
}

/// Where the tools are: a plain user's PATH often leaves out the folders of those for root.
const SEARCHED: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs tools in order until one fails.
fn run(calls: &[Call]) -> Result<(), String> {
    for words in calls {
        let [tool, arguments @ ..] = words.as_slice() else { continue };
        let ended = Command::new(tool)
            .args(arguments)
            .env("PATH", SEARCHED)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{tool}: {error}"))?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{}: {}", words.join(" "), said.trim()));
        }
    }
    Ok(())
}

/// Whether there is such an account.
pub(crate) fn exists(account: &str) -> io::Result<bool> {
    Ok(account::user(account)?.is_some())
}

/// Makes the account of a service.
pub(crate) fn make_step<'a>(service: &Name, account: &str) -> Box<dyn Step + 'a> {
    let making = Tools::here().making(account, &comment(service));
    let (service, account) = (service.clone(), account.to_owned());
    Box::new(Act::new(
        format!("make account {account}"),
        move |_| run(&making).map_err(StepError::new),
        move || remove(&service).map(drop),
    ))
}

/// Removes the account of a service, if Abide made it; true when there was one.
pub(crate) fn remove(service: &Name) -> Result<bool, String> {
    let account = name_of(service);
    let found = account::user(&account).map_err(|error| error.to_string())?;
    if found.is_none_or(|user| user.comment != comment(service)) {
        return Ok(false);
    }
    run(&Tools::here().removing(&account)).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_for_plain_managers_and_least_privilege() {
        let spec = |more: &str| {
            Spec::parse(&format!("name = \"a.b\"\n{more}\n[program]\ncommand = [\"/bin/true\"]\n")).unwrap()
        };
        assert_eq!(own(Kind::OpenRc, &spec("")), Some(name_of(&"a.b".parse().unwrap())));
        assert_eq!(own(Kind::Systemd, &spec("")), None);
        assert_eq!(own(Kind::OpenRc, &spec("account.run-as = \"system\"")), None);
        assert_eq!(own(Kind::Runit, &spec("account.run-as = \"daemon\"")), None);
    }

    #[test]
    fn every_tool_is_given_the_account_and_says_whose_it_is() {
        for tools in [Tools::Shadow, Tools::BusyBox, Tools::Pw, Tools::DirectoryService] {
            let made = tools.making("abide-orders", "Abide service orders");
            let words: Vec<&str> = made.iter().flatten().map(String::as_str).collect();
            assert!(words.contains(&"abide-orders") && words.contains(&"Abide service orders"), "{tools:?}");
            let removed = tools.removing("abide-orders");
            assert!(removed.iter().all(|call| call.iter().any(|word| word == "abide-orders")), "{tools:?}");
        }
    }
}
