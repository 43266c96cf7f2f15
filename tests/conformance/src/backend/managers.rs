//! What a tester has to know of the service managers in containers, as data: how each is asked, and what it cannot have.

use abide_machine::Kind;

/// A service manager. NAME stands for the service in all its texts.
#[derive(Debug)]
pub struct Manager {
    pub machine: Kind,
    /// A service sees and writes only what its spec lets it.
    pub hides_files: bool,
    /// It listens to what services tell it over `NOTIFY_SOCKET`.
    pub is_notified: bool,
    /// It reads a file of variables for a program that it starts itself.
    pub reads_env_files: bool,
    /// A word that tells where the output of such a program goes.
    pub output: &'static str,
    /// The file that it knows a service by.
    pub definition: &'static str,
    /// Where somebody else's service of that name would be, and what its file could say.
    pub foreign: (&'static str, &'static str),
    /// What takes such a service away.
    pub discard: &'static [&'static [&'static str]],
    /// What it is told after such a file was changed by hand.
    pub reread: &'static [&'static str],
    pub start: &'static [&'static str],
    pub stop: &'static [&'static str],
    /// Asked while a program is not ready.
    pub starting: Answer,
    /// Asked after a program has failed with exit code 7.
    pub failed: Answer,
    /// The system's own log of what happened to a service.
    pub log: &'static [&'static str],
    /// Behaviours that cannot hold, each with the reason.
    pub cannot: &'static [(&'static str, &'static str)],
}

/// A question and all that its answer must contain, or why there is nothing to ask.
pub type Answer = Result<(&'static [&'static str], &'static [&'static str]), &'static str>;

impl Manager {
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|manager| manager.machine.name() == name)
    }

    pub fn definition(&self, name: &str) -> String {
        self.definition.replace("NAME", name)
    }

    /// Where somebody else's service of that name is put, and what its file says.
    pub fn foreign(&self, name: &str) -> (String, String) {
        (self.foreign.0.replace("NAME", name), self.foreign.1.replace("NAME", name))
    }

    /// A command of the table for this service.
    pub fn command(words: &[&str], name: &str) -> Vec<String> {
        words.iter().map(|word| word.replace("NAME", name)).collect()
    }
}

/// What none but systemd has.
const OF_SYSTEMD: &[(&str, &str)] = &[
    ("hardening-score", "a figure of systemd"),
    ("direct-ends", "tells no more of an end than `direct-gives-up` tries"),
    ("user-service", "has no services of users; that it says so is `user-refusal`"),
];

pub static ALL: &[Manager] = &[
    Manager {
        machine: Kind::Systemd,
        hides_files: true,
        is_notified: true,
        reads_env_files: true,
        output: "journalctl",
        definition: "/etc/systemd/system/NAME.service",
        foreign: ("/etc/systemd/system/NAME.service", "[Service]\nExecStart=/bin/sleep 1000\n"),
        discard: &[&["rm", "/etc/systemd/system/NAME.service"]],
        reread: &["systemctl", "daemon-reload"],
        start: &["systemctl", "start", "NAME"],
        stop: &["systemctl", "stop", "NAME"],
        starting: Ok((&["systemctl", "is-active", "NAME"], &["activating"])),
        failed: Ok((
            &["systemctl", "show", "-p", "ActiveState,ExecMainStatus,Result", "NAME"],
            &["ActiveState=failed", "ExecMainStatus=7"],
        )),
        log: &["journalctl", "--no-pager", "-u", "NAME"],
        cannot: &[
            (
                "direct-gives-up",
                "begins to count anew whenever units are read, as other behaviours make it do; `direct-ends` asks for its limits",
            ),
            ("user-refusal", "has services of users"),
        ],
    },
    Manager {
        machine: Kind::OpenRc,
        hides_files: false,
        is_notified: false,
        reads_env_files: false,
        output: "program.supervised",
        definition: "/etc/init.d/NAME",
        foreign: ("/etc/init.d/NAME", "#!/sbin/openrc-run\ncommand=/bin/sleep\ncommand_args=1000\n"),
        discard: &[&["rm", "/etc/init.d/NAME"]],
        reread: &[],
        start: &["rc-service", "NAME", "start"],
        stop: &["rc-service", "NAME", "stop"],
        starting: Ok((&["rc-service", "NAME", "status"], &["starting"])),
        failed: Ok((&["rc-service", "NAME", "status"], &["failed", "7"])),
        log: SYSLOG,
        cannot: OF_SYSTEMD,
    },
    Manager {
        machine: Kind::Runit,
        hides_files: false,
        is_notified: false,
        reads_env_files: false,
        output: "program.supervised",
        definition: "/etc/sv/NAME/run",
        foreign: ("/etc/sv/NAME/run", "#!/bin/sh\nexec sleep 1000\n"),
        discard: &[&["rm", "-rf", "/etc/sv/NAME"]],
        reread: &[],
        start: &["sv", "start", "NAME"],
        stop: &["sv", "stop", "NAME"],
        starting: Err("runit knows no readiness"),
        failed: Ok((&["sv", "status", "NAME"], &["down: "])),
        log: SYSLOG,
        cannot: OF_SYSTEMD,
    },
    Manager {
        machine: Kind::S6,
        hides_files: false,
        is_notified: false,
        reads_env_files: false,
        output: "program.supervised",
        definition: "/etc/abide/s6/NAME/run",
        foreign: ("/service/NAME/run", "#!/bin/sh\nexec sleep 1000\n"),
        discard: &[&["s6-svc", "-wD", "-T", "5000", "-d", "/service/NAME"], &["rm", "-rf", "/service/NAME"]],
        reread: &["s6-svscanctl", "-an", "/service"],
        start: &["s6-svc", "-wu", "-T", "20000", "-u", "/service/NAME"],
        stop: &["s6-svc", "-wD", "-T", "20000", "-d", "/service/NAME"],
        starting: Ok((&["s6-svstat", "-o", "up,ready", "/service/NAME"], &["true false"])),
        failed: Ok((&["s6-svstat", "-o", "up,exitcode", "/service/NAME"], &["false 7"])),
        log: SYSLOG,
        cannot: OF_SYSTEMD,
    },
    Manager {
        machine: Kind::Sysv,
        hides_files: false,
        is_notified: false,
        reads_env_files: false,
        output: "program.supervised",
        definition: "/etc/init.d/NAME",
        foreign: (
            "/etc/init.d/NAME",
            "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: NAME\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2\n# Default-Stop: 6\n### END INIT INFO\nexit 0\n",
        ),
        discard: &[&["rm", "/etc/init.d/NAME"]],
        reread: &[],
        start: &["service", "NAME", "start"],
        stop: &["service", "NAME", "stop"],
        starting: Err("SysV init knows of no state in which a service is"),
        failed: Ok((&["service", "NAME", "status"], &["failed"])),
        log: SYSLOG,
        cannot: OF_SYSTEMD,
    },
];

const SYSLOG: &[&str] = &["grep", "-F", "NAME", "/var/log/messages"];
