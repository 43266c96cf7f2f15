//! What was looked at: plain data, so that any scene can be made by hand.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use abide_host::Known;
use abide_lifecycle::Record;
use abide_logs::Level;
use abide_os::diagnosis::{Denial, Killed, Listener};
use abide_os::manager;
use abide_spec::{Family, Name, Spec};
use abide_supervisor::status::Status;

use crate::leak::Sample;

/// Everything that was seen of one service. What was not looked at, or could not be seen, is empty.
#[derive(Debug)]
pub struct Scene {
    /// The service.
    pub name: Name,
    /// When this was seen.
    pub now: SystemTime,
    /// Whose exit codes and signals these are.
    pub family: Family,
    /// The words that the user types before a verb for this service: `--user`, `--dir DIR`, or nothing.
    pub whose: String,
    /// What the supervisor and the service manager say.
    pub known: Known,
    /// Why the status on the disk could not be read, where it could not.
    pub status_trouble: Option<String>,
    /// The status as it stands on the disk names a supervisor that lives. Nothing where that cannot be told.
    pub supervisor_lives: Option<bool>,
    /// Whether the control endpoint takes a connection. Nothing where nobody asked.
    pub supervisor_answers: Option<bool>,
    /// The spec file.
    pub spec: SpecSeen,
    /// Whether what runs is what the spec file says.
    pub applied: Applied,
    /// What speaks against running it here, by the checks that `abide plan` makes.
    pub preflight: Vec<manager::Finding>,
    /// What happened to it, oldest first.
    pub events: Vec<Happened>,
    /// The ports that it is said to listen on.
    pub ports: Vec<Port>,
    /// What the firewall has to say of these ports.
    pub firewall: Firewall,
    /// How it answers the questions of its spec.
    pub health: Vec<Health>,
    /// The hosts that it speaks to, as its environment says.
    pub peers: Vec<Peer>,
    /// The disks that it writes to.
    pub disks: Vec<Disk>,
    /// Its folders and files, and who may write into them.
    pub folders: Vec<Folder>,
    /// What it uses of the machine.
    pub usage: Option<Usage>,
    /// What the kernel told.
    pub kernel: Kernel,
    /// The clock.
    pub clock: Clock,
    /// What it printed since its last start.
    pub output: Output,
    /// What could not be looked at, and why.
    pub blind: Vec<String>,
}

/// The spec file of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum SpecSeen {
    /// There is none, or nobody knows where it is.
    Absent,
    /// It is valid.
    Valid {
        /// The file.
        file: PathBuf,
        /// What it says.
        spec: Box<Spec>,
    },
    /// It is not valid.
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, with line and column.
        errors: Vec<String>,
    },
    /// It cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: String,
        /// For want of rights: then the service manager may read it all the same.
        denied: bool,
    },
}

/// Whether what runs is what the spec says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is.
    Same,
    /// It is not: what differs, in words.
    Differs(Vec<String>),
    /// That cannot be told.
    Unknown,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When.
    pub time: Option<SystemTime>,
    /// In words.
    pub text: String,
    /// For machines; nothing for what another version wrote, and for notes.
    pub record: Option<Record>,
}

/// A port that a service is said to listen on.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// The setting that says so.
    pub from: String,
    /// Who listens on it; nothing when nobody does.
    pub listener: Option<Listener>,
    /// Whether that is a process of the service; nothing where it cannot be told.
    pub is_own: Option<bool>,
    /// What came of a connection to it.
    pub reached: Option<Reached>,
}

/// What came of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was taken, after so long.
    Connected(Duration),
    /// It was refused.
    Refused,
    /// Nothing came back in so long.
    TimedOut(Duration),
    /// The host's name is not known: in the resolver's words.
    Unresolved(String),
    /// It failed otherwise: in the operating system's words.
    Failed(String),
}

/// What the firewall says, as far as it may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firewall {
    /// Rules that keep packets from a port of the service.
    pub rules: Vec<Rule>,
    /// Why it could not be read, where it could not.
    pub unread: Option<String>,
}

/// A rule of a firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The port it is about.
    pub port: u16,
    /// The tool that told it.
    pub tool: &'static str,
    /// The rule itself.
    pub text: String,
}

/// A question to the program, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The setting: `start.ready`, `health[0]`.
    pub from: String,
    /// The question, as `http http://127.0.0.1:9000/healthz`.
    pub question: String,
    /// The host and port that it goes to; empty where it goes to none.
    pub address: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What came.
    pub answer: Answer,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status, after so long.
    Status(u16, Duration),
    /// All is well, after so long.
    Good(Duration),
    /// Nothing within so long.
    TimedOut(Duration),
    /// No connection: in words.
    Unreached(String),
    /// Something that is no answer: in words.
    Broken(String),
    /// The heartbeat file is missing or old: in words.
    Stale(String),
}

/// A host that a program speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is named: `program.env DATABASE_URL`, `health[0]`. Never with the value, which may hold a password.
    pub from: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What came of a connection to it.
    pub reached: Reached,
}

/// A disk that a service writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What for: `logs`, `state`.
    pub what: &'static str,
    /// The folder on it.
    pub folder: PathBuf,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are free for the program.
    pub free: u64,
    /// Files in all that it can hold; 0 where it has no bound.
    pub files: u64,
    /// Files that can still be made.
    pub files_free: u64,
}

/// A folder or file of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// What it is: `the spec`, `its state`.
    pub what: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// How others could write into it; nothing where they cannot.
    pub open: Option<String>,
}

/// What a program and its children use of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// How long was looked.
    pub window: Duration,
    /// Memory in bytes.
    pub memory: u64,
    /// The most memory that it may use, in bytes.
    pub memory_limit: Option<u64>,
    /// Processors kept busy: 1.0 is one of them all the time.
    pub cpu: f64,
    /// The processors that it may use, where they are limited.
    pub cpu_limit: Option<f64>,
    /// The process with the most open files for what it may have: its id, how many, and how many it may.
    pub descriptors: Option<(u32, u64, u64)>,
    /// The busiest threads.
    pub hot: Vec<Hot>,
    /// Memory and descriptors over time.
    pub samples: Vec<Sample>,
    /// Memory of the machine that is available, and all of it, in bytes.
    pub machine: Option<(u64, u64)>,
}

/// A busy thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Hot {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub thread: u32,
    /// Its name.
    pub name: String,
    /// How much of one processor it keeps busy: 1.0 is all of it.
    pub share: f64,
    /// How much of the time it waited for a processor that others kept busy.
    pub waited: f64,
}

/// What the kernel told of the service's processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Processes that it killed for want of memory.
    pub killed: Vec<Killed>,
    /// How many it killed in the service's control group.
    pub group_kills: Option<u64>,
    /// What SELinux or AppArmor denied.
    pub denials: Vec<Denial>,
    /// Why its log could not be read, where it could not.
    pub unread: Option<String>,
}

/// What is known of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The newest moment that something was written down at.
    pub newest: Option<SystemTime>,
    /// Whether it is synchronised, where that can be told.
    pub synchronised: Option<bool>,
}

/// What a program printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// How many lines were looked at.
    pub lines: usize,
    /// The entries of level error and above, and stack traces, oldest first.
    pub errors: Vec<Said>,
    /// The last lines before the end of the program, oldest first.
    pub last: Vec<String>,
    /// Why it could not be read, where it could not.
    pub unread: Option<String>,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub time: Option<SystemTime>,
    /// How much it matters.
    pub level: Option<Level>,
    /// Its lines.
    pub text: String,
}

impl Scene {
    /// The scene of a service that runs as it should and of which nothing else was looked at.
    #[must_use]
    pub fn healthy(name: &Name, now: SystemTime) -> Self {
        let mut status = Status::never_ran(name, "running");
        status.ready = true;
        status.was_ready = true;
        Self::of(name, now, Known { status, scope: None, project: None, enabled: None, manager: None })
    }

    /// A scene of which nothing but what is known was looked at.
    #[must_use]
    pub fn of(name: &Name, now: SystemTime, known: Known) -> Self {
        Self {
            name: name.clone(),
            now,
            family: Family::current(),
            whose: String::new(),
            known,
            status_trouble: None,
            supervisor_lives: None,
            supervisor_answers: None,
            spec: SpecSeen::Absent,
            applied: Applied::Unknown,
            preflight: Vec::new(),
            events: Vec::new(),
            ports: Vec::new(),
            firewall: Firewall::default(),
            health: Vec::new(),
            peers: Vec::new(),
            disks: Vec::new(),
            folders: Vec::new(),
            usage: None,
            kernel: Kernel::default(),
            clock: Clock::default(),
            output: Output::default(),
            blind: Vec::new(),
        }
    }

    /// The spec, where it is valid.
    #[must_use]
    pub fn valid_spec(&self) -> Option<&Spec> {
        match &self.spec {
            SpecSeen::Valid { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// The state, as the status has it.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.known.status.state
    }

    /// Whether the program runs now.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(self.state(), "running" | "paused")
    }

    /// Whether the program is not as its spec says it should be.
    pub(crate) fn ails(&self) -> bool {
        let status = &self.known.status;
        // What somebody stopped, or what has done its work, is as it should be.
        if status.state == "stopped" {
            return status.orphaned;
        }
        matches!(self.state(), "backing-off" | "failed" | "starting") || !status.ready || !status.healthy
    }

    /// The command `abide VERB NAME` for this service, as the user types it.
    pub(crate) fn abide(&self, verb: &str) -> String {
        let space = if self.whose.is_empty() { "" } else { " " };
        format!("abide {}{space}{verb} {}", self.whose, self.name)
    }

    /// The last run: from the newest start that was not a restart on, all events of the supervisor's newest life.
    pub(crate) fn recent(&self) -> &[Happened] {
        let first = self
            .events
            .iter()
            .rposition(|event| matches!(event.record, Some(Record::Starting { attempt: 1 })))
            .unwrap_or(0);
        self.events.get(first..).unwrap_or_default()
    }
}
