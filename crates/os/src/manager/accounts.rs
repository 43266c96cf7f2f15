//! Accounts for services that shall have one of their own, where the service manager does not make one up: made with the
//! system's own tools at apply, removed at uninstall.
//!
//! An account carries its service in its comment field, so that only what Abide made is ever removed.

use std::io;
use std::process::{Command, Stdio};

use abide_spec::{Name, RunAs, Spec};

use super::Kind;
use super::apply::{Act, Step, StepError};
use super::turns::Turn;
use crate::account;

/// The account that a program shall have, where that is one for this service alone which has to be made.
#[must_use]
pub fn own(kind: Kind, spec: &Spec) -> Option<String> {
    // Windows accounts are an error before it comes to this, unless their loss is accepted.
    let own =
        matches!(spec.account.run_as, RunAs::LeastPrivilege | RunAs::LocalService | RunAs::NetworkService);
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
    /// `dscl` of macOS. Its `sysadminctl` only makes role accounts whose names begin with `_`, and people's accounts.
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
                "pw",
                "useradd",
                account,
                "-d",
                NOWHERE,
                "-s",
                "/usr/sbin/nologin",
                "-w",
                "no",
                "-c",
                comment,
            ])],
            // It has ids given, and found: see `make`.
            Self::DirectoryService => Vec::new(),
        }
    }

    fn removing(self, account: &str) -> Vec<Call> {
        match self {
            // With its group, which has no other members.
            Self::Shadow => vec![call(["userdel", account])],
            Self::BusyBox => vec![call(["deluser", account]), call(["delgroup", account])],
            Self::Pw => vec![call(["pw", "userdel", account])],
            Self::DirectoryService => ["/Users/", "/Groups/"]
                .map(|folder| call(["dscl", ".", "-delete", &format!("{folder}{account}")]))
                .to_vec(),
        }
    }
}

/// What makes an account and its group in macOS's directory, under an id that neither has yet.
fn making_in_directory(account: &str, comment: &str, id: u32) -> Vec<Call> {
    let id = id.to_string();
    let group = [("PrimaryGroupID", id.as_str()), ("RealName", comment), ("Password", "*")];
    let user = [
        ("UniqueID", id.as_str()),
        ("PrimaryGroupID", &id),
        ("RealName", comment),
        ("Password", "*"),
        ("NFSHomeDirectory", "/var/empty"),
        ("UserShell", "/usr/bin/false"),
        ("IsHidden", "1"),
    ];
    let create = |folder: &str, (key, value): (&str, &str)| {
        call(["dscl", ".", "-create", &format!("{folder}{account}"), key, value])
    };
    let group = group.map(|attribute| create("/Groups/", attribute));
    let user = user.map(|attribute| create("/Users/", attribute));
    group.into_iter().chain(user).collect()
}

/// An id of the system's share (below 500) that neither users nor groups have, by what `dscl . -list` says of both. Apple
/// gives its own from the low end on.
fn free_id(users: &str, groups: &str) -> Option<u32> {
    let taken: Vec<u32> = users
        .lines()
        .chain(groups.lines())
        .filter_map(|line| line.split_whitespace().next_back()?.parse().ok())
        .collect();
    (400..500).rev().find(|id| !taken.contains(id))
}

/// Makes an account, or nothing.
fn make(tools: Tools, account: &str, comment: &str) -> Result<(), String> {
    if tools != Tools::DirectoryService {
        return run(&tools.making(account, comment));
    }
    let users = listed(&call(["dscl", ".", "-list", "/Users", "UniqueID"]))?;
    let groups = listed(&call(["dscl", ".", "-list", "/Groups", "PrimaryGroupID"]))?;
    let id = free_id(&users, &groups).ok_or("no user id from 400 to 499 is free")?;
    run(&making_in_directory(account, comment, id)).inspect_err(|_| {
        // What came of it so far, which may be neither.
        for call in tools.removing(account) {
            let _ = run(&[call]);
        }
    })
}

fn call<const N: usize>(words: [&str; N]) -> Call {
    words.map(str::to_owned).to_vec()
}

/// Where the tools are: a plain user's PATH often leaves out the folders of those for root.
const SEARCHED: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs tools in order until one fails.
fn run(calls: &[Call]) -> Result<(), String> {
    let _turn = Turn::at_accounts();
    calls.iter().try_for_each(|words| listed(words).map(drop))
}

/// Runs a tool and tells what it printed.
fn listed(words: &Call) -> Result<String, String> {
    let [tool, arguments @ ..] = words.as_slice() else { return Ok(String::new()) };
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
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// Whether there is such an account.
pub(crate) fn exists(account: &str) -> io::Result<bool> {
    Ok(account::user(account)?.is_some())
}

/// Makes the account of a service.
pub(crate) fn make_step<'a>(service: &Name, account: &str) -> Box<dyn Step + 'a> {
    let (service, account) = (service.clone(), account.to_owned());
    let (made, comment) = (account.clone(), comment(&service));
    Box::new(Act::new(
        format!("make account {account}"),
        move |_| make(Tools::here(), &made, &comment).map_err(StepError::new),
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
        let comment = "Abide service orders";
        for tools in [Tools::Shadow, Tools::BusyBox, Tools::Pw, Tools::DirectoryService] {
            let made = match tools {
                Tools::DirectoryService => making_in_directory("abide-orders", comment, 499),
                tools => tools.making("abide-orders", comment),
            };
            let named = |word: &String| word.rsplit('/').next() == Some("abide-orders");
            assert!(made.iter().all(|call| call.iter().any(named)), "{tools:?}");
            assert!(made.iter().flatten().any(|word| word == comment), "{tools:?}");
            let removed = tools.removing("abide-orders");
            assert!(removed.iter().all(|call| call.iter().any(named)), "{tools:?}");
        }
    }

    #[test]
    fn a_free_id_is_one_that_neither_users_nor_groups_have() {
        let users =
            "_mbsetupuser             248\nabide-a                  499\nnobody                   -2\n";
        let groups = "abide-a                  499\nops                      498\n";
        assert_eq!(free_id(users, groups), Some(497));
        assert_eq!(free_id("", ""), Some(499));
        let all: String = (400..500).map(|id| format!("u{id} {id}\n")).collect();
        assert_eq!(free_id(&all, ""), None);
    }
}
