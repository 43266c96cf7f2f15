//! The script of a service for OpenRC. Pure: the same spec and context always give the same text.

use std::fmt::Write as _;

use abide_spec::{Family, Network, Signal, Spec, StartMode, When};

use super::script::{
    after, beside, env_artifact, env_file, exit_file, limit_processes, one_line, own_log, shell_signal,
};
use crate::fs::Access;
use crate::manager::direct::{account, ladder, shown, whole_seconds, working_dir};
use crate::manager::{Artifact, Context, Finding, Kind, MARKER, Target, start_budget, stop_budget};
use crate::paths::within;
use crate::quote::sh;

/// The files for OpenRC: the script, and the variables of a program that it starts directly.
pub(super) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let path = super::script_path(&context.layout, &spec.name);
    let text = if spec.program.supervised { supervised(spec, context) } else { direct(spec, context) };
    let mut artifacts =
        vec![Artifact { target: Target::File { path, access: Access::Executable }, content: text }];
    if !spec.program.supervised {
        artifacts.push(env_artifact(spec, context));
    }
    artifacts
}

/// A word in a variable that OpenRC splits at white space and evaluates once more before it runs it: one with anything
/// particular in it goes there as the name of another variable.
fn evaluated(text: &mut String, name: &str, word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=,+@".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    line(text, &format!("abide_{name}"), &sh(word));
    format!("\"$abide_{name}\"")
}

/// The same for a variable that holds one word.
fn evaluated_line(text: &mut String, name: &str, word: &str) {
    let value = evaluated(text, name, word);
    line(text, name, &sh(&value));
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}={value}");
}

fn head(spec: &Spec, context: &Context) -> String {
    let name = &spec.name;
    let mut text = format!("#!/sbin/openrc-run\n{MARKER}\n\n");
    line(&mut text, "name", &sh(&one_line(spec.shown_name())));
    let described = spec.description.as_deref().unwrap_or_else(|| spec.shown_name());
    line(&mut text, "description", &sh(&one_line(described)));
    text.push('\n');
    let pid = beside(&context.layout, name, "pid").display().to_string();
    line(&mut text, "pidfile", &sh(&pid));
    let exit = exit_file(&context.layout, name).display().to_string();
    line(&mut text, "abide_exit", &sh(&exit));
    text
}

fn depend(spec: &Spec, text: &mut String) {
    let after = after(spec);
    text.push_str("\ndepend() {\n");
    let network = if wants_network(spec) { " netmount net dns" } else { "" };
    let _ = writeln!(text, "\tuse localmount logger{network}");
    if !after.is_empty() {
        let _ = writeln!(text, "\twant {}", after.join(" "));
    }
    let _ = writeln!(text, "\tafter {}", ["bootmisc"].into_iter().chain(after).collect::<Vec<_>>().join(" "));
    // Who waits for this service waits as long as it takes: its own time-outs are in its spec.
    text.push_str("\tkeyword -timeout\n}\n");
}

/// Refuses to start what is disabled.
fn refuse(spec: &Spec, text: &mut String) {
    if spec.start.mode == StartMode::Disabled {
        let _ = writeln!(text, "\teerror \"$RC_SVCNAME is disabled (start.mode in its spec)\"\n\treturn 1");
    }
}

fn supervised(spec: &Spec, context: &Context) -> String {
    let name = &spec.name;
    let supervisor = context.supervisor.display().to_string();
    let mut text = head(spec, context);
    line(&mut text, "abide_supervisor", &sh(&supervisor));
    let state = within(&context.layout.state_of(name), "status.json").display().to_string();
    line(&mut text, "abide_status", &sh(&state));
    let log = own_log(spec, context);
    line(&mut text, "abide_log", &sh(&log));
    line(&mut text, "abide_ready_wait", &whole_seconds(start_budget(spec)).to_string());
    let patience = whole_seconds(stop_budget(spec, Family::Unix));
    line(&mut text, "abide_stop_wait", &patience.to_string());
    text.push_str("\nsupervisor=supervise-daemon\n");
    evaluated_line(&mut text, "command", &supervisor);
    line(&mut text, "command_args", &sh(&format!("run --manager openrc {name}")));
    evaluated_line(&mut text, "output_log", &log);
    evaluated_line(&mut text, "error_log", &log);
    line(&mut text, "retry", &format!("TERM/{patience}/KILL/5"));
    // How the program ends is the supervisor's matter; this is for the death of the supervisor itself.
    line(&mut text, "respawn_delay", "1");
    line(&mut text, "respawn_max", "0");
    if spec.reload.is_some() {
        text.push_str("extra_started_commands=\"reload\"\n");
        text.push_str("description_reload=\"Let the program read its settings again\"\n");
    }
    depend(spec, &mut text);
    text.push_str("\nstart_pre() {\n");
    refuse(spec, &mut text);
    text.extend([SUPERVISED_START, IS_OURS, NOTHING_LEFT, STOP, STATUS]);
    if spec.reload.is_some() {
        text.push_str(
            "\nreload() {\n\tebegin \"Reloading $name\"\n\t\"$abide_supervisor\" control reload \"$RC_SVCNAME\" >/dev/null\n\
             \teend $? \"Failed to reload $name\"\n}\n",
        );
    }
    text
}

/// The end of `start_pre`, and the wait for readiness.
///
/// A supervisor that ends by itself stops `supervise-daemon` as its last act ([`super::last_act`]). A start that failed
/// leaves that to it, unless it does not happen: it would kill the supervisor in the middle of its last act.
const SUPERVISED_START: &str = r#"	rm -f "$abide_exit" "$abide_status"
	mkdir -p "${abide_log%/*/*}" && { [ -d "${abide_log%/*}" ] || mkdir -m 0700 "${abide_log%/*}"; } || return 1
	if [ -n "$(find "$abide_log" -size +1024k 2>/dev/null)" ]; then
		mv -f "$abide_log" "$abide_log.old"
	fi
	echo "$PPID" >"${pidfile%.pid}.starting"
}

start_post() {
	"$abide_supervisor" wait "$RC_SVCNAME" ready "$abide_ready_wait"
	case $? in
	0)
		return 0
		;;
	3)
		abide_await_down
		return 0
		;;
	4)
		ewarn "$RC_SVCNAME is not ready yet and goes on trying"
		return 0
		;;
	*)
		abide_await_down
		eerror "$RC_SVCNAME failed; \`abide events $RC_SVCNAME\` tells more"
		return 1
		;;
	esac
}

abide_down() {
	supervise-daemon "$RC_SVCNAME" --stop --pidfile "$pidfile"
}

abide_await_down() {
	local tries
	tries=0
	while [ -s "$pidfile" ] && [ "$tries" -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	if [ -s "$pidfile" ]; then
		abide_down
	fi
}
"#;

/// Whether a process is the service's own: OpenRC's word for it is in its environment.
const IS_OURS: &str = r#"
abide_is_ours() {
	[ -n "$1" ] && { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | grep -qxF "RC_SVCNAME=$RC_SVCNAME"
}
"#;

/// Stopping also what is left when `supervise-daemon` itself was killed.
const STOP: &str = r#"
stop() {
	local child tries
	child=$(service_get_value child_pid)
	default_stop || return 1
	if abide_is_ours "$child"; then
		kill -TERM "$child"
		tries=0
		while abide_is_ours "$child" && [ "$tries" -lt "$((abide_stop_wait * 10))" ]; do
			sleep 0.1
			tries=$((tries + 1))
		done
		abide_is_ours "$child" && kill -KILL "$child"
	fi
	abide_stopped "$child"
	return 0
}
"#;

/// A supervisor leaves nothing behind.
const NOTHING_LEFT: &str = r#"
abide_stopped() {
	:
}
"#;

/// What a program leaves behind that has no supervisor, as far as it is in the program's process group.
const GROUP_LEFT: &str = r#"
abide_stopped() {
	[ -z "$1" ] || kill -s KILL -- "-$1" 2>/dev/null
}
"#;

/// The status of what gave up, which is stopped to OpenRC, and of what ended before OpenRC had noted that it was started.
const STATUS: &str = r#"
status() {
	local word code daemon
	if service_started && [ -e "$abide_exit" ] && [ ! -s "$pidfile" ]; then
		mark_service_stopped 2>/dev/null
		{ read -r word code daemon <"$abide_exit"; } 2>/dev/null
		if [ "$word" != failed ]; then
			einfo "status: stopped"
			return 3
		fi
		mark_service_failed 2>/dev/null
	fi
	if service_stopped && [ -e "$RC_SVCDIR/failed/$RC_SVCNAME" ]; then
		{ read -r word code daemon <"$abide_exit"; } 2>/dev/null
		eerror "status: crashed${code:+ (failed with exit code $code)}"
		return 32
	fi
	default_status
}
"#;

/// Stopping what nothing starts again, and telling when it has ended: Debian's start-stop-daemon does not tell OpenRC
/// what it started.
const ONCE: &str = r#"
abide_child() {
	local child
	{ read -r child <"$pidfile"; } 2>/dev/null && [ -d "/proc/$child" ] && echo "$child"
}

stop() {
	local child code
	ebegin "Stopping $name"
	code=0
	if child=$(abide_child); then
		start-stop-daemon --stop --retry "$retry" --pidfile "$pidfile"
		code=$?
		abide_stopped "$child"
	fi
	rm -f "$pidfile"
	eend "$code" "Failed to stop $name"
}

status() {
	if service_started && ! abide_child >/dev/null; then
		eerror "status: crashed"
		return 32
	fi
	default_status
}
"#;

fn direct(spec: &Spec, context: &Context) -> String {
    let mut text = head(spec, context);
    let command = &spec.program.command;
    let (signal, wait) = ladder(spec).unwrap_or((Signal::TERM, std::time::Duration::from_secs(10)));
    line(&mut text, "abide_env", &sh(&env_file(&context.layout, &spec.name).display().to_string()));
    line(&mut text, "abide_stop_wait", &whole_seconds(wait).to_string());
    text.push('\n');
    if spec.restart.when == When::Never {
        text.push_str("command_background=yes\n");
    } else {
        text.push_str("supervisor=supervise-daemon\n");
        line(&mut text, "respawn_delay", &whole_seconds(spec.restart.delay.initial.0).to_string());
        let give_up = spec.restart.give_up;
        line(&mut text, "respawn_max", &give_up.map_or(0, |give_up| give_up.after).to_string());
        if let Some(give_up) = give_up {
            line(&mut text, "respawn_period", &whole_seconds(give_up.within.0).to_string());
        }
    }
    // The variables are set by a shell that becomes the program, where they can be mistaken for none of the script's.
    line(&mut text, "abide_own_env", &sh(&beside(&context.layout, &spec.name, "env").display().to_string()));
    line(&mut text, "abide_become", &sh(". \"$0\"; exec \"$@\""));
    line(&mut text, "command", "/bin/sh");
    let mut words = vec!["-c \"$abide_become\" \"$abide_own_env\"".to_owned()];
    for (number, word) in command.iter().enumerate() {
        words.push(evaluated(&mut text, &format!("word_{number}"), word));
    }
    line(&mut text, "command_args", &sh(&words.join(" ")));
    evaluated_line(&mut text, "directory", &shown(&working_dir(spec, context)));
    if let Some(account) = account(spec) {
        evaluated_line(&mut text, "command_user", &account);
    }
    line(&mut text, "retry", &format!("{}/{}/KILL/5", shell_signal(signal), whole_seconds(wait)));
    let reload = match &spec.reload {
        Some(abide_spec::Reload::Signal(signal)) => Some(shell_signal(*signal)),
        _ => None,
    };
    if reload.is_some() {
        text.push_str("extra_started_commands=\"reload\"\n");
        text.push_str("description_reload=\"Let the program read its settings again\"\n");
    }
    depend(spec, &mut text);
    text.push_str("\nstart_pre() {\n");
    refuse(spec, &mut text);
    text.push_str("\trm -f \"$abide_exit\" \"$abide_own_env\"\n");
    text.push_str("\t(umask 077 && cat \"$abide_env\" >\"$abide_own_env\") || return 1\n");
    if let Some(account) = account(spec) {
        let _ = writeln!(text, "\tchown {} \"$abide_own_env\" || return 1", sh(&account));
    }
    if let Some(files) = spec.limits.open_files {
        let _ = writeln!(text, "\tulimit -n {files} || return 1");
    }
    if let Some(processes) = spec.limits.processes {
        let _ = writeln!(text, "{}", limit_processes(processes));
    }
    text.push_str("\treturn 0\n}\n");
    text.push_str(GROUP_LEFT);
    if spec.restart.when == When::Never {
        text.push_str(ONCE);
    } else {
        text.extend([IS_OURS, STOP, STATUS]);
    }
    if let Some(signal) = reload {
        let _ = write!(
            text,
            "\nreload() {{\n\tlocal child\n\tebegin \"Reloading $name\"\n\tchild=$(service_get_value child_pid)\n\
             \t[ -n \"$child\" ] || read -r child <\"$pidfile\"\n\
             \tkill -{signal} \"$child\"\n\teend $? \"Failed to reload $name\"\n}}\n",
        );
    }
    text
}

/// What OpenRC cannot make of a spec.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    let mut found = super::script::findings(Kind::OpenRc, spec);
    if !spec.program.supervised {
        restarts(spec, &mut found);
    }
    found
}

/// What becomes of the restart policy of a program that is a service itself.
fn restarts(spec: &Spec, found: &mut Vec<Finding>) {
    let kind = Kind::OpenRc;
    let lost = |field, why, nearest| crate::manager::capability::lost(spec, field, kind, why, nearest);
    let restart = &spec.restart;
    if restart.when == When::OnFailure {
        found.push(Finding::note(
            "restart.when",
            "supervise-daemon of OpenRC starts the program again after every end, a success included",
        ));
    }
    if restart.when == When::Never {
        found.push(Finding::note(
            "restart.when",
            "OpenRC counts a program that ended by itself as crashed, whatever its exit code; `rc-service NAME restart` \
             starts it again",
        ));
    }
    const SUPERVISE: &str = "leaving `program.supervised` out";
    if restart.codes != Default::default() {
        found.push(lost(
            "restart.codes",
            "does not look at exit codes before it starts a program again",
            SUPERVISE,
        ));
    }
    if restart.signals != Default::default() {
        found.push(lost(
            "restart.signals",
            "does not look at signals before it starts a program again",
            SUPERVISE,
        ));
    }
    if restart.when != When::Never && restart.delay != abide_spec::Delay::default() {
        found.push(Finding::note(
            "restart.delay",
            "OpenRC waits the initial delay before each start, in whole seconds and at least one",
        ));
    }
}

/// Whether the program may use a network.
pub(in crate::manager) fn wants_network(spec: &Spec) -> bool {
    spec.security.network != Some(Network::None)
}
