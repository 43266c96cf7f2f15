//! How the program ended, in words: codes and signals, and what speaks for what.

use abide_lifecycle::{Next, Record};
use abide_os::diagnosis::Killed;
use abide_spec::{Exit, Family};

use crate::finding::{Finding, Step};
use crate::scene::Scene;
use crate::words;

const STEP: Step = Step::Program;

const KILL: i32 = 9;

/// What an end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    id: &'static str,
    likelihood: u8,
    title: &'static str,
    next: &'static str,
}

const fn meaning(id: &'static str, likelihood: u8, title: &'static str, next: &'static str) -> Meaning {
    Meaning { id, likelihood, title, next }
}

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let status = &scene.known.status;
    let Some(exit) = status.last_exit else { return };
    // What stopped it on request, and what it survived long ago, is no fault.
    if !ended_by_itself(scene) || !(scene.ails() || status.state == "stopped") {
        return;
    }
    let signal = match exit {
        Exit::Signal(signal) => Some(signal),
        // A shell between the two tells the signal as a code.
        Exit::Code(code @ 129..=165) if scene.family == Family::Unix => Some(code - 128),
        Exit::Code(_) => None,
    };
    let told = format!("the program ended with {exit}");
    if signal == Some(KILL) {
        found.push(killed(scene).seen(told));
        return;
    }
    let Some(meaning) = signal.map_or_else(|| of_code(exit, scene.family), of_signal) else { return };
    found.push(
        Finding::error(meaning.id, STEP, meaning.likelihood, meaning.title)
            .seen(told)
            .next(meaning.next)
            .next(scene.abide("logs")),
    );
}

fn ended_by_itself(scene: &Scene) -> bool {
    let ends = scene.recent().iter().rev().filter_map(|event| event.record.as_ref());
    let mut ends = ends.filter(|record| matches!(record, Record::Exited { .. } | Record::StoppedBy { .. }));
    match ends.next() {
        // What has finished, and may, has done its work.
        Some(Record::Exited { next: Next::Finish, .. }) => false,
        Some(Record::Exited { exit, .. }) => Some(*exit) == scene.known.status.last_exit,
        Some(_) => false,
        // What a service manager started itself has no events.
        None => scene.events.is_empty(),
    }
}

fn killed(scene: &Scene) -> Finding {
    let last_pid = scene.recent().iter().rev().find_map(|event| match &event.record {
        Some(Record::Exited { pid, .. }) => Some(*pid),
        _ => None,
    });
    let program = scene.valid_spec().and_then(|spec| spec.program.command.first());
    let name = program.and_then(|command| words::kernel_name(command));
    let by_pid = scene.kernel.killed.iter().rev().find(|killed| Some(killed.pid) == last_pid);
    let by_name = || scene.kernel.killed.iter().rev().find(|killed| Some(killed.program.as_str()) == name);
    let group = scene.kernel.group_kills.filter(|kills| *kills > 0);
    let limit = scene.valid_spec().and_then(|spec| spec.limits.memory);
    let out = |likelihood| {
        let finding = Finding::error(
            "killed-out-of-memory",
            STEP,
            likelihood,
            "the kernel killed the program for want of memory",
        );
        let finding = finding.maybe_seen(limit.map(|limit| format!("limits.memory = {limit}")));
        match limit {
            Some(_) => finding.next("raise `limits.memory` in its spec, then `abide apply` it"),
            None => finding.next("free -m   (give the machine more memory, or the program less work)"),
        }
    };
    let line = |killed: &Killed| format!("kernel: {}", killed.line);
    if let Some(killed) = by_pid {
        return out(97).seen(line(killed));
    }
    if let Some(kills) = group {
        return out(85).seen(format!("{kills} processes of its control group were killed for memory"));
    }
    if let Some(killed) = by_name() {
        return out(75).seen(line(killed));
    }
    let finding = Finding::error("killed", STEP, 70, "something killed the program with SIGKILL");
    finding
        .maybe_seen(
            scene
                .kernel
                .unread
                .as_ref()
                .map(|why| format!("whether for want of memory, only root can see: {why}")),
        )
        .next("dmesg | grep -i 'out of memory'")
        .next("who killed it? a person, another program, or the kernel for want of memory")
}

fn of_signal(signal: i32) -> Option<Meaning> {
    const DUMP: &str =
        "coredumpctl info   (or run it in a debugger: it is a fault of the program or a library of it)";
    Some(match signal {
        4 => meaning(
            "crashed",
            90,
            "the program executed an instruction that this processor lacks (SIGILL)",
            "was it built for this machine? `uname -m`, `file PROGRAM`",
        ),
        6 => meaning("crashed", 90, "the program aborted itself (SIGABRT)", DUMP),
        7 | 10 => meaning(
            "crashed",
            88,
            "the program touched memory that is not there (SIGBUS)",
            "is a file that it maps, or the disk below, full or gone? `df -h`",
        ),
        8 => meaning("crashed", 90, "the program divided by zero or the like (SIGFPE)", DUMP),
        11 => meaning("crashed", 92, "the program touched memory that is not its own (SIGSEGV)", DUMP),
        13 => meaning(
            "terminated",
            70,
            "whoever read what the program wrote has gone (SIGPIPE)",
            "which pipe or connection was it? its log tells",
        ),
        1 | 2 | 3 | 15 => meaning(
            "terminated",
            75,
            "something told the program to end, and that was not Abide",
            "who sends it signals? a script, a timer, another program that manages it",
        ),
        24 => meaning("terminated", 80, "the program used up its processor time (SIGXCPU)", "ulimit -t"),
        25 => meaning("terminated", 80, "the program wrote a file larger than it may (SIGXFSZ)", "ulimit -f"),
        31 => meaning(
            "crashed",
            88,
            "the program called what its sandbox forbids (SIGSYS)",
            "loosen `security.profile` in its spec",
        ),
        _ => return None,
    })
}

fn of_code(exit: Exit, family: Family) -> Option<Meaning> {
    let Exit::Code(code) = exit else { return None };
    if let Some(meaning) = of_both(code) {
        return Some(meaning);
    }
    if family == Family::Windows {
        return of_windows(code);
    }
    Some(match code {
        2 => meaning(
            "exit-code",
            40,
            "the program does not understand its arguments or configuration, or panicked (code 2)",
            "run its command by hand, with `--help` too",
        ),
        78 => meaning(
            "exit-code",
            80,
            "the program says that its configuration is wrong (code 78)",
            "look at its configuration",
        ),
        98 => meaning("exit-code", 60, "the program says that an address is in use (code 98)", "ss -ltnp"),
        101 => meaning(
            "exit-code",
            41,
            "the program panicked, as programs in Rust do (code 101)",
            "its last lines tell where",
        ),
        126 => meaning(
            "exit-code",
            90,
            "the command was found and could not be executed (code 126)",
            "ls -l PROGRAM   (is it executable, and built for this machine?)",
        ),
        127 => meaning(
            "exit-code",
            92,
            "a command was not found (code 127)",
            "the PATH of a service is short: name programs from the root",
        ),
        137 => return None,
        200..=243 => match systemd(code) {
            Some(why) => meaning("exit-code", 85, why, "systemctl status UNIT"),
            None => return None,
        },
        255 => meaning(
            "exit-code",
            36,
            "the program ended with code 255, as ssh does when a connection fails",
            "its last lines tell why",
        ),
        _ => meaning(
            "exit-code",
            32,
            "the program ended with a code of its own",
            "its documentation and its last lines tell what the code means",
        ),
    })
}

/// What means the same on all systems.
fn of_both(code: i32) -> Option<Meaning> {
    Some(match code {
        0 => meaning(
            "exit-code",
            30,
            "the program ended by itself, and says that all is well",
            "a service must not end: does it fork into the background? then tell it to stay in the foreground",
        ),
        1 => meaning(
            "exit-code",
            36,
            "the program ended with a failure of its own (code 1)",
            "its last lines tell which",
        ),
        _ => return None,
    })
}

fn of_windows(code: i32) -> Option<Meaning> {
    Some(match code.cast_unsigned() {
        2 => meaning(
            "exit-code",
            40,
            "a file was not found (code 2), or the program does not understand its arguments",
            "run its command by hand",
        ),
        5 => meaning(
            "exit-code",
            80,
            "access was denied (code 5)",
            "icacls FILE   (does its account have the rights?)",
        ),
        0xC000_0005 => meaning(
            "crashed",
            92,
            "the program touched memory that is not its own (0xC0000005, access violation)",
            "eventvwr: Application, Application Error names the module",
        ),
        0xC000_013A => meaning(
            "terminated",
            75,
            "Ctrl-C or the end of a console ended the program (0xC000013A)",
            "does a script or another program send it Ctrl-C?",
        ),
        0xC000_0135 => meaning(
            "exit-code",
            93,
            "a DLL that the program needs was not found (0xC0000135)",
            "install the runtime that it needs, or put the DLL beside it",
        ),
        0xC000_0142 => meaning(
            "exit-code",
            85,
            "a DLL of the program could not be initialised (0xC0000142)",
            "too many programs without a window? try it with another account",
        ),
        0xC000_007B => meaning(
            "exit-code",
            93,
            "the program or a DLL of it is for another kind of processor (0xC000007B)",
            "is it 32 or 64 bit? install the fitting runtime",
        ),
        0xC000_00FD => meaning(
            "crashed",
            92,
            "the program's stack overflowed (0xC00000FD)",
            "an endless recursion: its last lines tell where",
        ),
        0xC000_0409 => meaning(
            "crashed",
            90,
            "the program aborted itself, or its stack was overrun (0xC0000409)",
            "eventvwr: Application, Application Error names the module",
        ),
        0xC000_0374 => meaning(
            "crashed",
            90,
            "the program's heap was damaged (0xC0000374)",
            "eventvwr: Application, Application Error names the module",
        ),
        0xE043_4352 => meaning(
            "exit-code",
            85,
            "an exception of .NET was not caught (0xE0434352)",
            "its last lines tell which",
        ),
        _ => meaning(
            "exit-code",
            32,
            "the program ended with a code of its own",
            "its documentation and its last lines tell what the code means",
        ),
    })
}

/// Why a service manager could not run a supervisor, or a program without one.
pub(super) fn of_manager(code: i32) -> Option<&'static str> {
    Some(match code {
        1053 => "it did not answer in time (1053); does the program take too long, or is it no service?",
        1067 => "the process ended unexpectedly (1067)",
        1069 => "its account could not log on (1069); has the password changed?",
        1058 => "it is disabled (1058)",
        1068 => "a service that it depends on could not be started (1068)",
        1077 => "nobody started it since the machine was booted (1077)",
        2 => "its executable was not found (2)",
        126 => "the command could not be executed (126)",
        127 => "the command was not found (127)",
        _ => return systemd(code),
    })
}

/// systemd's own codes: which step before the program failed (systemd.exec(5)).
fn systemd(code: i32) -> Option<&'static str> {
    Some(match code {
        200 => "its working directory cannot be entered (200/CHDIR)",
        201 => "its priority could not be set (201/NICE)",
        202 => "a descriptor could not be passed on (202/FDS)",
        203 => {
            "the program could not be executed (203/EXEC): missing, not executable, or for another machine"
        }
        204 => "there was no memory for it (204/MEMORY)",
        205 => "a limit could not be set (205/LIMITS)",
        206 => "its OOM score could not be set (206/OOM_ADJUST)",
        207 => "its signals could not be set up (207/SIGNAL_MASK)",
        208 => "its standard input could not be set up (208/STDIN)",
        209 => "its standard output could not be set up (209/STDOUT)",
        210 => "its root directory could not be changed (210/CHROOT)",
        211 => "its IO priority could not be set (211/IOPRIO)",
        212 => "its timer slack could not be set (212/TIMERSLACK)",
        213 => "its secure bits could not be set (213/SECUREBITS)",
        214 => "its scheduling could not be set (214/SETSCHEDULER)",
        215 => "its processors could not be chosen (215/CPUAFFINITY)",
        216 => "its group does not exist or could not be taken on (216/GROUP)",
        217 => "its user does not exist or could not be taken on (217/USER)",
        218 => "its capabilities could not be dropped (218/CAPABILITIES)",
        219 => "its control group could not be set up (219/CGROUP)",
        220 => "its session could not be made (220/SETSID)",
        222 => "its standard error could not be set up (222/STDERR)",
        224 => "PAM refused it (224/PAM)",
        225 => "its network could not be set apart (225/NETWORK)",
        226 => {
            "its view of the file system could not be made (226/NAMESPACE): a path of `security.read` or `security.write` is missing, or the kernel refuses"
        }
        227 => "no new privileges could not be set (227/NO_NEW_PRIVILEGES)",
        228 => "its system call filter could not be set (228/SECCOMP)",
        229 => "its SELinux context could not be set (229/SELINUX_CONTEXT)",
        230 => "its personality could not be set (230/PERSONALITY)",
        231 => "its AppArmor profile could not be set (231/APPARMOR_PROFILE)",
        232 => "its address families could not be restricted (232/ADDRESS_FAMILIES)",
        233 => "its runtime directory could not be made (233/RUNTIME_DIRECTORY)",
        235 => "its owner could not be changed (235/CHOWN)",
        237 => "its keyring could not be set up (237/KEYRING)",
        238 => "its state directory could not be made (238/STATE_DIRECTORY)",
        239 => "its cache directory could not be made (239/CACHE_DIRECTORY)",
        240 => "its log directory could not be made (240/LOGS_DIRECTORY)",
        241 => "its configuration directory could not be made (241/CONFIGURATION_DIRECTORY)",
        242 => "its memory policy could not be set (242/NUMA_POLICY)",
        243 => {
            "its credentials could not be handed over (243/CREDENTIALS): is the spec or the env-file readable?"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_signals_have_their_words() {
        let unix = |code| of_code(Exit::Code(code), Family::Unix).unwrap();
        assert!(unix(127).title.contains("not found"));
        assert!(unix(126).title.contains("could not be executed"));
        assert!(unix(217).title.contains("217/USER"));
        assert_eq!(of_signal(11).unwrap().id, "crashed");
        assert_eq!(of_signal(15).unwrap().id, "terminated");
        let windows = |code: u32| of_code(Exit::Code(code.cast_signed()), Family::Windows).unwrap();
        assert_eq!((windows(0xC000_0005).id, windows(0xC000_013A).id), ("crashed", "terminated"));
        assert!(of_manager(1053).unwrap().contains("in time"));
        assert!(of_manager(226).unwrap().contains("226/NAMESPACE"));
        assert_eq!(of_manager(3), None);
    }
}
