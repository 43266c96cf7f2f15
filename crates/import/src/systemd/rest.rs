//! What a spec has nothing like.

use super::unit::Unit;

pub(super) fn map(unit: &Unit<'_>) {
    for setting in &unit.settings {
        let why = match (setting.section.as_str(), setting.key.as_str()) {
            ("Unit", "Documentation") => "a spec has a description, and no links",
            (
                "Unit",
                "Before" | "Conflicts" | "DefaultDependencies" | "RequiresMountsFor" | "StopWhenUnneeded",
            ) => "a spec says what it waits for, in start.after, and nothing about other units",
            ("Unit", "OnFailure" | "OnSuccess" | "JobTimeoutSec" | "JobTimeoutAction") => {
                "nothing else is started; `abide events NAME --json -f` tells what happens"
            }
            (
                "Unit" | "Service",
                "StartLimitAction" | "FailureAction" | "SuccessAction" | "RebootArgument",
            ) => "a service does not restart its machine",
            ("Unit", key) if key.starts_with("Condition") || key.starts_with("Assert") => {
                "a service starts without conditions; let the program end with a code of restart.codes.never"
            }
            ("Install", "Alias" | "Also" | "DefaultInstance") => {
                "a service has one name, and is applied by itself"
            }
            ("Service", "ExecStartPre" | "ExecStartPost" | "ExecCondition" | "ExecStopPost") => {
                "a spec has no hooks; start a script that does it and then the program"
            }
            (
                "Service",
                "StandardOutput"
                | "StandardError"
                | "SyslogIdentifier"
                | "SyslogFacility"
                | "SyslogLevel"
                | "SyslogLevelPrefix"
                | "LogLevelMax"
                | "LogExtraFields"
                | "LogNamespace"
                | "LogRateLimitIntervalSec"
                | "LogRateLimitBurst",
            ) => "Abide keeps the output itself: `abide logs NAME` shows it",
            ("Service", "StandardInput" | "StandardInputText" | "TTYPath" | "TTYReset" | "TTYVHangup") => {
                "a program of a service has no input and no terminal"
            }
            (
                "Service",
                "Nice"
                | "CPUWeight"
                | "CPUShares"
                | "IOWeight"
                | "BlockIOWeight"
                | "IOSchedulingClass"
                | "IOSchedulingPriority"
                | "CPUSchedulingPolicy"
                | "CPUSchedulingPriority"
                | "CPUAffinity"
                | "AllowedCPUs"
                | "NUMAPolicy"
                | "NUMAMask"
                | "StartupCPUWeight",
            ) => "a spec has no priorities; limits.cpu bounds the share of the processors",
            (
                "Service",
                "OOMScoreAdjust" | "OOMPolicy" | "MemoryHigh" | "MemoryLow" | "MemoryMin" | "MemorySwapMax",
            ) => "limits.memory is the one bound of memory",
            ("Service", key) if key.starts_with("Limit") => {
                "of the limits of processes a spec has open-files and processes"
            }
            ("Service", key) if key.starts_with("IO") => "what is read and written is not bounded",
            ("Service", key) if key.ends_with("Accounting") => "what a service uses is always counted",
            ("Service", "RemainAfterExit") => "a service whose program has ended is stopped",
            ("Service", "Slice" | "Delegate" | "DelegateSubgroup") => {
                "a service has a control group of its own"
            }
            ("Service", "RootDirectory" | "RootImage" | "MountAPIVFS" | "MountFlags") => {
                "a program runs in the file system of the machine"
            }
            ("Service", "PassEnvironment") => {
                "variables are inherited from the supervisor: see program.inherit-env"
            }
            ("Service", "UnsetEnvironment") => "program.inherit-env says which variables are inherited",
            (
                "Service",
                "RestartMode"
                | "GuessMainPID"
                | "BusName"
                | "Sockets"
                | "FileDescriptorStoreMax"
                | "USBFunctionDescriptors",
            ) => "it is about how systemd itself works",
            (
                "Service",
                "LoadCredential" | "SetCredential" | "LoadCredentialEncrypted" | "SetCredentialEncrypted",
            ) => "secrets come in program.env-file, or in files that the account may read",
            ("Service", "PermissionsStartOnly") => "there are no hooks",
            (
                "Service",
                "StateDirectoryMode"
                | "RuntimeDirectoryMode"
                | "LogsDirectoryMode"
                | "CacheDirectoryMode"
                | "ConfigurationDirectoryMode"
                | "RuntimeDirectoryPreserve",
            ) => "nothing makes the folder",
            ("Service", "TimeoutSec") => {
                setting.field.carried("stop.steps");
                continue;
            }
            (
                "Service",
                "TimeoutAbortSec"
                | "TimeoutStartFailureMode"
                | "TimeoutStopFailureMode"
                | "WatchdogSignal"
                | "FinalKillSignal"
                | "SendSIGHUP"
                | "RestartKillSignal",
            ) => "the ladder of stop.steps is the one way in which a program is ended",
            ("Service", "RuntimeMaxSec" | "RuntimeRandomizedExtraSec") => {
                "a service runs until it is stopped"
            }
            _ => continue,
        };
        let field =
            if setting.key.starts_with("SetCredential") { setting.field.secret() } else { setting.field };
        field.left_unless_taken(why);
    }
}
