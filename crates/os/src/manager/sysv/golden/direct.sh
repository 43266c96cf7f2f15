#!/bin/sh
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.
# chkconfig: 2345 80 20
# description: orders
### BEGIN INIT INFO
# Provides:          orders
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Should-Start:      $network $syslog $named $time
# Should-Stop:       $network $syslog $named $time
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: orders
# Description:       orders
### END INIT INFO

NAME='orders'
SCRIPT='/etc/init.d/orders'
PIDFILE='/run/abide-orders.pid'
KEEPERFILE='/run/abide-orders.keeper'
STOPFILE='/run/abide-orders.stop'
EXITFILE='/run/abide-orders.exit'
AFTER=''
DISABLED=
ENVFILE='/etc/abide/services/orders.env.sh'
WORKING_DIR='/var/lib/abide/orders/data'
ACCOUNT='abide-orders'
STOP_WAIT=10
STOP_SIGNAL=TERM
RELOAD=
RESTART_DELAY=0.2
RESTART_MOST=10
RESTART_WITHIN=600

# Becomes the program, by way of the command it is given.
program() {
	exec "$@" '/srv/orders/orders-server' '--port' '9000'
}

# Whether a program that ended with this exit code is to be started again.
wanted_again() {
	case $1 in
	0) return 1 ;;
	*) return 0 ;;
	esac
}

# Whether this exit code is a success.
is_success() {
	case $1 in
	0) return 0 ;;
	*) return 1 ;;
	esac
}

# The limits of the program.
limits() {
	return 0
}

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
