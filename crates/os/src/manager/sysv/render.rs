//! The script of a service for SysV init. Pure: the same spec and context always give the same text.

use std::fmt::Write as _;

use abide_spec::{Family, Signal, Spec, StartMode, When};

use crate::fs::Access;
use crate::manager::direct::{account, ladder, shown, whole_seconds, working_dir};
use crate::manager::openrc::script::{
    self, after, beside, env_artifact, env_file, exit_file, one_line, own_log, shell_signal,
};
use crate::manager::openrc::{script_path, wants_network};
use crate::manager::{Artifact, Context, Finding, Kind, MARKER, Target, start_budget, stop_budget};
use crate::paths::within;
use crate::quote::{sh, sh_words};

/// The files for SysV init: the script, and the variables of a program that it starts directly.
pub(super) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    let path = script_path(&context.layout, &spec.name);
    let mut artifacts = vec![Artifact {
        target: Target::File { path, access: Access::Executable },
        content: script(spec, context),
    }];
    if !spec.program.supervised {
        artifacts.push(env_artifact(spec, context));
    }
    artifacts
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}={value}");
}

/// What `insserv`, `update-rc.d` and `chkconfig` read.
fn header(spec: &Spec) -> String {
    let name = &spec.name;
    let shown = one_line(spec.shown_name());
    let described = one_line(spec.description.as_deref().unwrap_or_else(|| spec.shown_name()));
    let mut should = vec!["$syslog", "$named", "$time"];
    if wants_network(spec) {
        should.insert(0, "$network");
    }
    should.extend(after(spec));
    let should = should.join(" ");
    let mut text = format!("#!/bin/sh\n{MARKER}\n");
    let _ = writeln!(text, "# chkconfig: 2345 80 20\n# description: {described}");
    let _ = writeln!(text, "### BEGIN INIT INFO\n# Provides:          {name}");
    text.push_str("# Required-Start:    $remote_fs\n# Required-Stop:     $remote_fs\n");
    let _ = writeln!(text, "# Should-Start:      {should}\n# Should-Stop:       {should}");
    text.push_str("# Default-Start:     2 3 4 5\n# Default-Stop:      0 1 6\n");
    let _ =
        writeln!(text, "# Short-Description: {shown}\n# Description:       {described}\n### END INIT INFO\n");
    text
}

fn script(spec: &Spec, context: &Context) -> String {
    let name = &spec.name;
    let layout = &context.layout;
    let path = |what: &str| sh(&beside(layout, name, what).display().to_string());
    let mut text = header(spec);
    line(&mut text, "NAME", &sh(name.as_str()));
    line(&mut text, "SCRIPT", &sh(&script_path(layout, name).display().to_string()));
    line(&mut text, "PIDFILE", &path("pid"));
    line(&mut text, "KEEPERFILE", &path("keeper"));
    line(&mut text, "STOPFILE", &path("stop"));
    line(&mut text, "EXITFILE", &sh(&exit_file(layout, name).display().to_string()));
    line(&mut text, "AFTER", &sh(&after(spec).join(" ")));
    line(&mut text, "DISABLED", if spec.start.mode == StartMode::Disabled { "yes" } else { "" });
    if spec.program.supervised {
        supervised(spec, context, &mut text);
    } else {
        direct(spec, context, &mut text);
    }
    text.push_str(COMMON);
    text
}

fn supervised(spec: &Spec, context: &Context, text: &mut String) {
    let supervisor = context.supervisor.display().to_string();
    line(text, "SUPERVISOR", &sh(&supervisor));
    let state = within(&context.layout.state_of(&spec.name), "status.json").display().to_string();
    line(text, "STATUSFILE", &sh(&state));
    line(text, "LOG", &sh(&own_log(spec, context)));
    line(text, "READY_WAIT", &whole_seconds(start_budget(spec)).to_string());
    line(text, "STOP_WAIT", &whole_seconds(stop_budget(spec, Family::Unix)).to_string());
    line(text, "STOP_SIGNAL", "TERM");
    line(text, "RELOAD", if spec.reload.is_some() { "yes" } else { "" });
    text.push_str(SUPERVISED);
}

fn direct(spec: &Spec, context: &Context, text: &mut String) {
    let (signal, wait) = ladder(spec).unwrap_or((Signal::TERM, std::time::Duration::from_secs(10)));
    let restart = &spec.restart;
    line(text, "ENVFILE", &sh(&env_file(&context.layout, &spec.name).display().to_string()));
    line(text, "WORKING_DIR", &sh(&shown(&working_dir(spec, context))));
    line(text, "ACCOUNT", &sh(&account(spec).unwrap_or_default()));
    line(text, "STOP_WAIT", &whole_seconds(wait).to_string());
    line(text, "STOP_SIGNAL", &shell_signal(signal));
    let reload = match &spec.reload {
        Some(abide_spec::Reload::Signal(signal)) => shell_signal(*signal),
        _ => String::new(),
    };
    line(text, "RELOAD", &reload);
    line(text, "RESTART_DELAY", &fraction(restart.delay.initial.0));
    let (most, within) =
        restart.give_up.map_or((0, 1), |give_up| (give_up.after, whole_seconds(give_up.within.0)));
    line(text, "RESTART_MOST", &most.to_string());
    line(text, "RESTART_WITHIN", &within.to_string());
    let command = sh_words(&spec.program.command);
    let _ = write!(
        text,
        "\n# Becomes the program, by way of the command it is given.\nprogram() {{\n\texec \"$@\" {command}\n}}\n"
    );
    let _ = write!(
        text,
        "\n# Whether a program that ended with this exit code is to be started again.\nwanted_again() {{\n\tcase $1 in\n"
    );
    let codes = |codes: &mut dyn Iterator<Item = String>| codes.collect::<Vec<_>>().join("|");
    // To a shell, a death by signal is the signal's number and 128.
    let signals = |signals: &[Signal]| -> Vec<String> {
        let number = |signal: &Signal| Some((128 + signal.number()?).to_string());
        signals.iter().filter_map(number).collect()
    };
    let shell_code = |code: &i32| (code & 0xff).to_string();
    let never = codes(&mut restart.codes.never.iter().map(shell_code).chain(signals(&restart.signals.never)));
    let always =
        codes(&mut restart.codes.always.iter().map(shell_code).chain(signals(&restart.signals.always)));
    let success = codes(&mut restart.success_codes.iter().map(shell_code));
    for (pattern, answer) in [(never, 1), (always, 0)] {
        if !pattern.is_empty() {
            let _ = writeln!(text, "\t{pattern}) return {answer} ;;");
        }
    }
    match restart.when {
        When::Always => text.push_str("\t*) return 0 ;;\n"),
        When::Never => text.push_str("\t*) return 1 ;;\n"),
        When::OnFailure if success.is_empty() => text.push_str("\t*) return 0 ;;\n"),
        When::OnFailure => {
            let _ = writeln!(text, "\t{success}) return 1 ;;\n\t*) return 0 ;;");
        }
    }
    text.push_str("\tesac\n}\n");
    let _ = write!(text, "\n# Whether this exit code is a success.\nis_success() {{\n\tcase $1 in\n");
    if !success.is_empty() {
        let _ = writeln!(text, "\t{success}) return 0 ;;");
    }
    text.push_str("\t*) return 1 ;;\n\tesac\n}\n\n# The limits of the program.\nlimits() {\n");
    if let Some(files) = spec.limits.open_files {
        let _ = writeln!(text, "\tulimit -n {files} || return 1");
    }
    if let Some(processes) = spec.limits.processes {
        let _ = writeln!(text, "{}", script::limit_processes(processes));
    }
    text.push_str("\treturn 0\n}\n");
    text.push_str(DIRECT);
}

/// Seconds with the fraction that `sleep` takes on Linux.
fn fraction(duration: std::time::Duration) -> String {
    let text = format!("{}.{:03}", duration.as_secs(), duration.subsec_millis());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What SysV init cannot make of a spec.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    let mut found = script::findings(Kind::Sysv, spec);
    let delay = &spec.restart.delay;
    if !spec.program.supervised && spec.restart.when != When::Never && delay.factor > 1.0 {
        found.push(Finding::note(
            "restart.delay",
            "SysV init waits the initial delay before each start, which does not grow",
        ));
    }
    found
}

/// What is done for a service with a supervisor.
///
/// `keep` is a process that does nothing but wait for the supervisor and start it again when a signal killed it. A
/// supervisor that ends by itself leaves a word in `EXITFILE` first. `keep` runs it in its foreground, since a shell makes
/// what runs in its background deaf to INT and QUIT.
const SUPERVISED: &str = r#"
able() {
	[ -x "$SUPERVISOR" ] || { complain "$SUPERVISOR is not there"; return 5; }
}

run() {
	exec "$SUPERVISOR" run --manager sysv "$NAME"
}

keep() {
	mkdir -p "${LOG%/*/*}" && { [ -d "${LOG%/*}" ] || mkdir -m 0700 "${LOG%/*}"; }
	if [ -n "$(find "$LOG" -size +1024k 2>/dev/null)" ]; then
		mv -f "$LOG" "$LOG.old"
	fi
	while [ ! -e "$STOPFILE" ]; do
		"$SCRIPT" run-program </dev/null >>"$LOG" 2>&1
		code=$?
		[ ! -e "$EXITFILE" ] || break
		if [ "$code" -le 128 ]; then
			echo "failed $code" >"$EXITFILE"
			break
		fi
		[ -e "$STOPFILE" ] || sleep 1
	done
}

await_ready() {
	"$SUPERVISOR" wait "$NAME" ready "$READY_WAIT"
	case $? in
	0 | 3) return 0 ;;
	4) complain "$NAME is not ready yet and goes on trying" ;;
	*) complain "$NAME failed; \`abide events $NAME\` tells more" ;;
	esac
	return 1
}

reload() {
	"$SUPERVISOR" control reload "$NAME" >/dev/null
}
"#;

/// What is done for a program that is a service itself.
const DIRECT: &str = r#"
able() {
	[ -z "$ACCOUNT" ] || id "$ACCOUNT" >/dev/null 2>&1 || { complain "there is no user $ACCOUNT"; return 5; }
}

run() {
	cd "$WORKING_DIR" || exit 1
	limits || exit 1
	if [ -n "$ACCOUNT" ]; then
		group=$(id -g "$ACCOUNT") || exit 1
		USER=$ACCOUNT
		LOGNAME=$ACCOUNT
		HOME=$(getent passwd "$ACCOUNT" | cut -d : -f 6)
		export USER LOGNAME HOME
	fi
	# The variables may be called like those of this script, which needs none of its own after this.
	set --
	# A process group of its own, which ends with it.
	! command -v setsid >/dev/null || set -- "$(command -v setsid)"
	if [ -z "$ACCOUNT" ]; then
		:
	elif setpriv --reuid "$ACCOUNT" --regid "$group" --init-groups true 2>/dev/null; then
		set -- "$@" "$(command -v setpriv)" --reuid "$ACCOUNT" --regid "$group" --init-groups
	else
		set -- "$@" "$(command -v start-stop-daemon)" --start --quiet --pidfile /nonexistent --chuid "$ACCOUNT" \
			--startas /bin/sh -- -c 'exec "$0" "$@"'
	fi
	. "$ENVFILE" || exit 1
	program "$@"
}

# What a program left behind in its process group.
end_group() {
	{ read -r group <"$PIDFILE"; } 2>/dev/null && kill -s KILL -- "-$group" 2>/dev/null
}

keep() {
	times=
	while [ ! -e "$STOPFILE" ]; do
		"$SCRIPT" run-program </dev/null >/dev/null 2>&1
		code=$?
		end_group
		[ ! -e "$STOPFILE" ] || { echo "stopped $code" >"$EXITFILE"; break; }
		if ! wanted_again "$code"; then
			if is_success "$code"; then echo "ended $code"; else echo "failed $code"; fi >"$EXITFILE"
			break
		fi
		now=$(date +%s)
		recent=
		for time in $times; do
			[ "$((now - time))" -ge "$RESTART_WITHIN" ] || recent="$recent $time"
		done
		times="$recent $now"
		set -- $times
		if [ "$RESTART_MOST" -gt 0 ] && [ $# -gt "$RESTART_MOST" ]; then
			echo "failed $code" >"$EXITFILE"
			break
		fi
		sleep "$RESTART_DELAY"
	done
}

await_ready() {
	tries=0
	until is_alive; do
		if { read -r word code <"$EXITFILE"; } 2>/dev/null; then
			[ "$word" != failed ] && return 0
			complain "$NAME ended with exit code $code"
			return 1
		fi
		[ "$tries" -lt 100 ] || { complain "$NAME did not start"; return 1; }
		sleep 0.1
		tries=$((tries + 1))
	done
}

reload() {
	kill -"$RELOAD" "$(pid_of "$PIDFILE")"
}
"#;

/// What is the same for both.
const COMMON: &str = r#"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
cd /

complain() {
	echo "$*" >&2
}

# When a process was started, in ticks since the machine booted: a number that is used again has another one.
birth_of() (
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	set -- ${stat##*) }
	[ "$1" != Z ] && echo "${20}"
)

# The process that a file names, if it is still that one: its number, and when it was started.
pid_of() (
	[ -r "$1" ] || return 1
	{ read -r pid && read -r birth; } <"$1" || return 1
	[ -n "$birth" ] && [ "$(birth_of "$pid")" = "$birth" ] && echo "$pid"
)

remember() {
	printf '%s\n%s\n' "$$" "$(birth_of "$$")" >"$1"
}

is_alive() {
	pid_of "$PIDFILE" >/dev/null
}

is_kept() {
	pid_of "$KEEPERFILE" >/dev/null
}

# A process of its own, with nothing of this one's environment, terminal or open files.
detach() {
	set -- "$SCRIPT" keep-running
	if command -v start-stop-daemon >/dev/null; then
		set -- start-stop-daemon --start --quiet --background --pidfile /nonexistent --startas "$1" -- "$2"
		env -i PATH="$PATH" ${LANG:+LANG="$LANG"} "$@" </dev/null >/dev/null 2>&1
	elif command -v setsid >/dev/null; then
		env -i PATH="$PATH" ${LANG:+LANG="$LANG"} setsid "$@" </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	else
		(
			trap '' HUP
			exec env -i PATH="$PATH" ${LANG:+LANG="$LANG"} "$@"
		) </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	fi
}

may_change() {
	[ "$(id -u)" = 0 ] || { complain "changing $NAME needs root"; exit 4; }
}

# Starts what this service comes after. SysV init does it at boot alone.
start_others() {
	for service in $AFTER; do
		case " ${ABIDE_STARTING:-} " in
		*" $service "*) continue ;;
		esac
		other=${SCRIPT%/*}/$service
		[ -x "$other" ] || continue
		"$other" status >/dev/null 2>&1 </dev/null ||
			env -i PATH="$PATH" ABIDE_STARTING="${ABIDE_STARTING:-} $NAME" "$other" start </dev/null
	done
}

start() {
	[ -z "$DISABLED" ] || { complain "$NAME is disabled (start.mode in its spec)"; return 6; }
	able || return
	is_alive && return 0
	if ! is_kept; then
		start_others
		rm -f "$EXITFILE" "$STOPFILE" "$PIDFILE" ${STATUSFILE:+"$STATUSFILE"}
		detach || return 1
	fi
	await_ready
}

stop() {
	is_alive || is_kept || { rm -f "$PIDFILE" "$KEEPERFILE"; return 0; }
	: >"$STOPFILE" || return 1
	told=
	tries=0
	while pid=$(pid_of "$PIDFILE") || is_kept; do
		if [ -n "$pid" ]; then
			[ "$told" = "$pid" ] || kill -"$STOP_SIGNAL" "$pid" 2>/dev/null
			told=$pid
		elif [ "$tries" -gt 10 ]; then
			# It waits before it would start the next one.
			kill -TERM "$(pid_of "$KEEPERFILE")" 2>/dev/null
		fi
		if [ "$tries" -ge "$((STOP_WAIT * 10))" ]; then
			[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
		fi
		[ "$tries" -lt "$((STOP_WAIT * 10 + 100))" ] || { complain "$NAME does not end"; return 1; }
		sleep 0.1
		tries=$((tries + 1))
	done
	code=0
	{ read -r word code <"$EXITFILE"; } 2>/dev/null
	echo "stopped $code" >"$EXITFILE"
	rm -f "$PIDFILE" "$KEEPERFILE" "$STOPFILE"
}

status() {
	if pid=$(pid_of "$PIDFILE"); then
		echo "$NAME is running (process $pid)"
		return 0
	fi
	if is_kept; then
		echo "$NAME is about to be started again"
		return 1
	fi
	word=
	{ read -r word code <"$EXITFILE"; } 2>/dev/null
	if [ "$word" = failed ]; then
		echo "$NAME has failed (exit code $code)"
		return 1
	fi
	if [ -e "$PIDFILE" ]; then
		[ -r "$PIDFILE" ] || { echo "$NAME: only root may know"; return 4; }
		echo "$NAME has died"
		return 1
	fi
	echo "$NAME is stopped"
	return 3
}

# Says what is done and how it went, and ends with its exit code.
tell() {
	printf '%s %s... ' "$1" "$NAME"
	"$2"
	code=$?
	if [ "$code" = 0 ]; then echo "done."; else echo "failed."; fi
	return "$code"
}

case ${1:-} in
start)
	may_change
	tell Starting start
	;;
stop)
	may_change
	tell Stopping stop
	;;
restart)
	may_change
	tell Stopping stop && tell Starting start
	;;
try-restart | condrestart)
	may_change
	if is_alive || is_kept; then tell Stopping stop && tell Starting start; fi
	;;
reload)
	may_change
	[ -n "$RELOAD" ] || { complain "$NAME cannot reload; \`restart\` restarts it"; exit 3; }
	is_alive || { complain "$NAME does not run"; exit 7; }
	tell Reloading reload
	;;
force-reload)
	may_change
	if [ -n "$RELOAD" ] && is_alive; then
		tell Reloading reload
	else
		tell Stopping stop && tell Starting start
	fi
	;;
status)
	status
	;;
keep-running)
	remember "$KEEPERFILE"
	keep
	rm -f "$KEEPERFILE"
	if [ -e "$EXITFILE" ]; then rm -f "$PIDFILE"; fi
	;;
run-program)
	remember "$PIDFILE"
	[ ! -e "$STOPFILE" ] || exit 0
	run
	;;
*)
	complain "Usage: $0 {start|stop|restart|try-restart|reload|force-reload|status}"
	exit 2
	;;
esac
"#;
