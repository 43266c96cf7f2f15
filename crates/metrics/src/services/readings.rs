//! What is known of services, as plain values. Times are seconds since 1970, spans seconds.

use crate::model::Histogram;

/// Values that are labels, each with the word that stands for it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$of])* $value,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// The word that stands for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }

            /// What a word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }
    };
}

words! {
    /// What a service does.
    State {
        /// It does not run, and is not to.
        Stopped = "stopped",
        /// It waits for services that it starts after.
        Waiting = "waiting",
        /// It was started and is not ready yet.
        Starting = "starting",
        /// It runs.
        Running = "running",
        /// It is suspended.
        Paused = "paused",
        /// It is being stopped.
        Stopping = "stopping",
        /// It ended, and the next start is waited for.
        BackingOff = "backing-off",
        /// It was given up.
        Failed = "failed",
        /// It cannot be told.
        Unknown = "unknown",
    }
}

words! {
    /// Why a service was started again.
    RestartReason {
        /// Its program ended by itself.
        Exited = "exited",
        /// Its program could not be executed.
        SpawnFailed = "spawn-failed",
        /// It was not ready in time.
        NotReady = "not-ready",
        /// A health check failed.
        Unhealthy = "unhealthy",
        /// Somebody asked for it, or its spec changed.
        Asked = "asked",
        /// It is not known.
        Unknown = "unknown",
    }
}

words! {
    /// How a program ended.
    ExitKind {
        /// By itself, with a code that counts as success.
        Success = "success",
        /// By itself, with another code.
        Code = "code",
        /// By a signal.
        Signal = "signal",
        /// Killed because there was no memory left for it.
        Oom = "oom",
        /// Stopped because it was not ready in time.
        Timeout = "timeout",
        /// Stopped because a health check failed.
        Health = "health",
        /// Stopped because somebody asked for it.
        Asked = "asked",
    }
}

words! {
    /// Which of its outputs a program wrote to.
    Stream {
        /// Standard output.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
    }
}

words! {
    /// Why a line was not kept.
    DropReason {
        /// The disk did not keep up.
        Lost = "lost",
        /// There were more than the spec allows.
        Suppressed = "suppressed",
        /// They were below the level that is kept.
        Filtered = "filtered",
    }
}

/// How a program ended last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastExit {
    /// With this code.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

impl LastExit {
    /// The code a shell would tell: 128 and the number for a signal.
    #[must_use]
    pub fn shell_code(self) -> i64 {
        match self {
            Self::Code(code) => i64::from(code),
            Self::Signal(number) => 128 + i64::from(number),
        }
    }
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceReading {
    /// Its name, which no other service among the readings has: of two alike a reader takes one.
    pub name: String,
    /// What it does.
    pub state: State,
    /// Which version of it runs, where that is known.
    pub version: Option<String>,
    /// Which revision of its spec holds.
    pub revision: Option<String>,
    /// The service manager that runs it.
    pub manager: Option<String>,
    /// Whether its program has shown that it is ready.
    pub ready: Option<bool>,
    /// Whether no health check fails.
    pub healthy: Option<bool>,
    /// Since when it does what it does.
    pub since: Option<f64>,
    /// When the program that runs now was started.
    pub started: Option<f64>,
    /// How often it was started again, where that is known: reasons that are not listed have not been one yet.
    pub restarts: Option<Vec<(RestartReason, u64)>>,
    /// How its programs ended so far, likewise.
    pub exits: Option<Vec<(ExitKind, u64)>>,
    /// How its program ended last.
    pub last_exit: Option<LastExit>,
    /// What its processes use.
    pub usage: Option<UsageReading>,
    /// Its health checks, no two of a name.
    pub checks: Vec<CheckReading>,
    /// What it has written.
    pub logs: Vec<LogReading>,
    /// Lines that were not kept, where that is known; reasons as for restarts.
    pub dropped_lines: Option<Vec<(DropReason, u64)>>,
    /// Bytes that were not kept because the disk did not keep up.
    pub lost_bytes: Option<u64>,
    /// Whether something hinders the capture of its output now.
    pub log_trouble: Option<bool>,
}

impl ServiceReading {
    /// A service of which nothing else is known.
    #[must_use]
    pub fn new(name: impl Into<String>, state: State) -> Self {
        Self {
            name: name.into(),
            state,
            version: None,
            revision: None,
            manager: None,
            ready: None,
            healthy: None,
            since: None,
            started: None,
            restarts: None,
            exits: None,
            last_exit: None,
            usage: None,
            checks: Vec::new(),
            logs: Vec::new(),
            dropped_lines: None,
            lost_bytes: None,
            log_trouble: None,
        }
    }
}

/// What the processes of a service use: bytes, and seconds of processor time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageReading {
    /// Processes.
    pub processes: u64,
    /// Threads.
    pub threads: u64,
    /// Processor time of the programs.
    pub cpu_user: f64,
    /// Processor time of the operating system for them.
    pub cpu_system: f64,
    /// Memory, summed over the processes.
    pub resident: u64,
    /// Memory that the service's control group is charged.
    pub charged: Option<u64>,
    /// What of that cannot be had back without harm.
    pub working_set: Option<u64>,
    /// The most that was charged.
    pub peak: Option<u64>,
    /// The most that may be charged.
    pub memory_limit: Option<u64>,
    /// How many processes were killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// How many open files there may be.
    pub open_files_limit: Option<u64>,
    /// How near that process is to its own limit that is nearest: 0 to 1.
    pub open_files_share: Option<f64>,
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Bytes written.
    pub written_bytes: Option<u64>,
}

/// A health check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReading {
    /// What it is called.
    pub name: String,
    /// Whether it passes; nothing before its first answer.
    pub up: Option<bool>,
    /// How often it passed.
    pub passed: Option<u64>,
    /// How often it failed.
    pub failed: Option<u64>,
    /// How long its answers took.
    pub duration: Option<Histogram>,
}

/// What a service wrote to one of its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct LogReading {
    /// To which.
    pub stream: Stream,
    /// Lines by level, in small letters; an empty one stands for lines without.
    pub lines: Vec<(String, u64)>,
    /// Bytes of all its lines.
    pub bytes: Option<u64>,
}

/// A place that logs are sent to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkReading {
    /// What it is called.
    pub name: String,
    /// Bytes that wait to be sent.
    pub queue_bytes: Option<u64>,
    /// How long the oldest of them has waited.
    pub oldest_age: Option<f64>,
    /// Records sent.
    pub sent: Option<u64>,
    /// Records given up.
    pub dropped: Option<u64>,
    /// Requests, by the code of the answer: `200`, `error` where there was none.
    pub requests: Vec<(String, u64)>,
}

/// What was built, and of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// The version of Abide.
    pub version: String,
    /// The commit that it was built from.
    pub revision: Option<String>,
    /// What it was built for: `x86_64-unknown-linux-gnu`.
    pub target: Option<String>,
}

/// What the agent tells of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentReading {
    /// Its build.
    pub built: Built,
    /// Its own process.
    pub process: ProcessReading,
    /// How long the last look at the services took.
    pub look_duration: Option<f64>,
    /// Looks so far.
    pub looks: Option<u64>,
    /// Looks so far that could not tell everything.
    pub look_errors: Option<u64>,
    /// How often the metrics were read.
    pub scrapes: Option<u64>,
}

/// A process, as the names that are usual for it have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessReading {
    /// When it was started.
    pub start_time: Option<f64>,
    /// Processor time, the system's for it included.
    pub cpu: Option<f64>,
    /// Bytes of memory in use.
    pub resident: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// How many it may have.
    pub open_files_limit: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

pub(super) fn example() -> super::Readings {
    const START: f64 = 1_796_083_200.0;
    let mut duration = Histogram::new(super::service::CHECK_BOUNDS);
    [0.002, 0.004, 0.004, 0.03, 1.5].into_iter().for_each(|seconds| duration.observe(seconds));
    let check = |up| CheckReading {
        name: "http :9000/healthz".into(),
        up: Some(up),
        passed: Some(5),
        failed: Some(1),
        duration: Some(duration.clone()),
    };
    let well = ServiceReading {
        version: Some("1.8.2".into()),
        revision: Some("9f3c1a2".into()),
        manager: Some("systemd".into()),
        ready: Some(true),
        healthy: Some(true),
        since: Some(START + 60.0),
        started: Some(START + 58.5),
        restarts: Some(vec![(RestartReason::Exited, 1), (RestartReason::Asked, 2)]),
        exits: Some(vec![(ExitKind::Code, 1), (ExitKind::Asked, 2)]),
        last_exit: Some(LastExit::Code(0)),
        usage: Some(UsageReading {
            processes: 3,
            threads: 12,
            cpu_user: 81.25,
            cpu_system: 9.5,
            resident: 88_080_384,
            charged: Some(99_614_720),
            working_set: Some(90_177_536),
            peak: Some(134_217_728),
            memory_limit: Some(536_870_912),
            oom_kills: Some(0),
            open_files: Some(61),
            open_files_limit: Some(3072),
            open_files_share: Some(0.05),
            read_bytes: Some(1_048_576),
            written_bytes: Some(20_971_520),
        }),
        checks: vec![check(true)],
        logs: vec![
            LogReading {
                stream: Stream::Stdout,
                lines: vec![("info".into(), 1200), ("warn".into(), 3)],
                bytes: Some(120_300),
            },
            LogReading { stream: Stream::Stderr, lines: vec![(String::new(), 4)], bytes: Some(512) },
        ],
        dropped_lines: Some(Vec::new()),
        lost_bytes: Some(0),
        log_trouble: Some(false),
        ..ServiceReading::new("orders", State::Running)
    };
    let failed = ServiceReading {
        ready: Some(false),
        healthy: Some(false),
        since: Some(START + 90.0),
        restarts: Some(vec![(RestartReason::Unhealthy, 5)]),
        exits: Some(vec![(ExitKind::Health, 4), (ExitKind::Signal, 2)]),
        last_exit: Some(LastExit::Signal(9)),
        checks: vec![check(false)],
        ..ServiceReading::new("payments", State::Failed)
    };
    let starting = ServiceReading {
        ready: Some(false),
        healthy: Some(true),
        ..ServiceReading::new("worker", State::Starting)
    };
    super::Readings {
        agent: AgentReading {
            built: Built {
                version: "0.1.0".into(),
                revision: Some("728367a".into()),
                target: Some("x86_64-unknown-linux-gnu".into()),
            },
            process: ProcessReading {
                start_time: Some(START),
                cpu: Some(3.75),
                resident: Some(9_437_184),
                open_files: Some(24),
                open_files_limit: Some(1024),
                threads: Some(4),
            },
            look_duration: Some(0.0081),
            looks: Some(360),
            look_errors: Some(0),
            scrapes: Some(120),
        },
        services: vec![well, failed, starting],
        sinks: vec![SinkReading {
            name: "otlp".into(),
            queue_bytes: Some(4096),
            oldest_age: Some(2.5),
            sent: Some(1203),
            dropped: Some(0),
            requests: vec![("200".into(), 40), ("503".into(), 2), ("error".into(), 1)],
        }],
    }
}
