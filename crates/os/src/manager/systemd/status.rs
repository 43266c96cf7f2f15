//! What systemd knows about a service, in Abide's words.

use std::time::{Duration, SystemTime};

use super::systemctl::Properties;
use crate::manager::{Enabled, ManagerExit, ManagerState};

/// The properties that a status is made of.
pub(super) const PROPERTIES: &[&str] = &[
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainExitTimestampMonotonic",
    "StatusText",
    "StateChangeTimestampMonotonic",
    "UnitFileState",
    "FragmentPath",
    "NeedDaemonReload",
    "InvocationID",
    "RefuseManualStart",
];

/// What the unit is doing.
pub(super) fn state(properties: &Properties) -> ManagerState {
    match properties.text("ActiveState") {
        "active" | "reloading" | "refreshing" => ManagerState::Running,
        "activating" => ManagerState::Starting,
        "deactivating" => ManagerState::Stopping,
        "inactive" | "maintenance" => ManagerState::Stopped,
        "failed" => ManagerState::Failed,
        _ => ManagerState::Unknown,
    }
}

/// Whether it starts with the machine.
pub(super) fn enabled(properties: &Properties) -> Enabled {
    if properties.text("RefuseManualStart") == "yes" {
        return Enabled::Disabled;
    }
    match properties.text("UnitFileState") {
        "enabled" | "enabled-runtime" => Enabled::Auto,
        "masked" | "masked-runtime" => Enabled::Disabled,
        "" => Enabled::No,
        _ => Enabled::Manual,
    }
}

/// How the supervisor ended, when it has.
pub(super) fn exit(properties: &Properties) -> Option<ManagerExit> {
    const EXITED: u64 = 1;
    if properties.number("ExecMainExitTimestampMonotonic").unwrap_or(0) == 0 {
        return None;
    }
    let status = i32::try_from(properties.number("ExecMainStatus")?).ok()?;
    match properties.number("ExecMainCode")? {
        0 => None,
        EXITED => Some(ManagerExit::Code(status)),
        _ => Some(ManagerExit::Signal(status)),
    }
}

/// Since when it is in its state, given both clocks' "now".
pub(super) fn since(
    properties: &Properties,
    monotonic: Option<Duration>,
    now: SystemTime,
) -> Option<SystemTime> {
    let at = Duration::from_micros(properties.number("StateChangeTimestampMonotonic").filter(|at| *at > 0)?);
    now.checked_sub(monotonic?.checked_sub(at)?)
}

/// Why it failed, in a sentence, or nothing when it has not. `who` is what systemd starts: "the supervisor", "the program".
pub(super) fn why(properties: &Properties, who: &str) -> Option<String> {
    let result = properties.text("Result");
    let exit = exit(properties).map(|exit| exit.to_string());
    Some(match result {
        "" | "success" => return None,
        "exit-code" => match exit {
            Some(exit) => step_of(properties, who).unwrap_or_else(|| format!("{who} ended with {exit}")),
            None => format!("{who} ended with an error"),
        },
        "signal" | "core-dump" => {
            format!("{who} was killed ({})", exit.unwrap_or_else(|| "signal unknown".into()))
        }
        "protocol" => format!("{who} ended or went on without saying that it is ready (READY=1)"),
        "timeout" => "it took longer than the unit allows (TimeoutStartSec= or TimeoutStopSec=)".into(),
        "watchdog" => format!("{who} gave no sign of life (WatchdogSec=)"),
        "start-limit-hit" => "it failed too often in too short a time (`restart.give-up`)".into(),
        "oom-kill" => "the machine or `limits.memory` had no memory left".into(),
        "resources" => {
            "systemd could not set it up (an account, a folder or a file that the unit names)".into()
        }
        other => format!("systemd says `{other}`"),
    })
}

/// systemd reports a failed preparation as an exit code of its own.
fn step_of(properties: &Properties, who: &str) -> Option<String> {
    let text = match properties.number("ExecMainStatus")? {
        200 => "systemd could not enter the working folder",
        203 => return Some(format!("systemd could not execute {who}")),
        216 => "systemd could not switch to the group (`account.groups`)",
        217 => "systemd could not switch to the account (`account.run-as`)",
        218 => "systemd could not set the capabilities (`security.capabilities`)",
        226 => {
            "systemd could not set up what the service sees of the file system (`security.write`, `security.read`)"
        }
        228 => "systemd could not install the system call filter (`security.system-calls`)",
        238..=240 => "systemd could not create the service's own folders",
        243 => "systemd could not hand over the spec or the environment file",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "the supervisor";

    fn properties(text: &str) -> Properties {
        Properties::read(text)
    }

    #[test]
    fn systemds_words_become_ours() {
        for (word, wanted) in [
            ("active", ManagerState::Running),
            ("activating", ManagerState::Starting),
            ("deactivating", ManagerState::Stopping),
            ("inactive", ManagerState::Stopped),
            ("failed", ManagerState::Failed),
            ("new-word", ManagerState::Unknown),
        ] {
            assert_eq!(state(&properties(&format!("ActiveState={word}\n"))), wanted);
        }
    }

    #[test]
    fn an_exit_counts_once_it_happened() {
        let text = "ExecMainCode=1\nExecMainStatus=3\nExecMainExitTimestampMonotonic=";
        assert_eq!(exit(&properties(&format!("{text}5\n"))), Some(ManagerExit::Code(3)));
        assert_eq!(exit(&properties(&format!("{text}0\n"))), None);
        let killed = "ExecMainCode=2\nExecMainStatus=9\nExecMainExitTimestampMonotonic=5\n";
        assert_eq!(exit(&properties(killed)), Some(ManagerExit::Signal(9)));
    }

    #[test]
    fn since_counts_back_from_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let at = properties("StateChangeTimestampMonotonic=5000000\n");
        let found = since(&at, Some(Duration::from_secs(15)), now).unwrap();
        assert_eq!(found, SystemTime::UNIX_EPOCH + Duration::from_secs(990));
        assert_eq!(since(&properties("StateChangeTimestampMonotonic=0\n"), Some(Duration::ZERO), now), None);
        assert_eq!(since(&at, None, now), None);
    }

    #[test]
    fn a_failure_is_told_in_words() {
        assert_eq!(why(&properties("Result=success\n"), WHO), None);
        let spawn =
            "Result=exit-code\nExecMainCode=1\nExecMainStatus=243\nExecMainExitTimestampMonotonic=5\n";
        assert!(why(&properties(spawn), WHO).unwrap().contains("hand over the spec"));
        let plain = "Result=exit-code\nExecMainCode=1\nExecMainStatus=3\nExecMainExitTimestampMonotonic=5\n";
        assert!(why(&properties(plain), WHO).unwrap().contains("exit code 3"));
        assert!(why(&properties("Result=start-limit-hit\n"), WHO).unwrap().contains("give-up"));
    }
}
