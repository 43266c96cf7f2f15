#!/sbin/openrc-run
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.

name='orders'
description='orders'

pidfile='/run/abide-orders.pid'
abide_exit='/run/abide-orders.exit'
abide_env='/etc/abide/services/orders.env.sh'
abide_stop_wait=25

supervisor=supervise-daemon
respawn_delay=2
respawn_max=5
respawn_period=60
abide_own_env='/run/abide-orders.env'
abide_become='. "$0"; exec "$@"'
command=/bin/sh
command_args='-c "$abide_become" "$abide_own_env" /srv/orders/orders-server --port 9000'
directory='/var/lib/abide/orders/data'
command_user='orders'
retry=INT/25/KILL/5
extra_started_commands="reload"
description_reload="Let the program read its settings again"

depend() {
	use localmount logger netmount net dns
	after bootmisc
	keyword -timeout
}

start_pre() {
	rm -f "$abide_exit" "$abide_own_env"
	(umask 077 && cat "$abide_env" >"$abide_own_env") || return 1
	chown 'orders' "$abide_own_env" || return 1
	ulimit -n 4096 || return 1
	if (ulimit -u 64) 2>/dev/null; then ulimit -u 64; else ulimit -p 64; fi || return 1
	return 0
}

abide_stopped() {
	[ -z "$1" ] || kill -s KILL -- "-$1" 2>/dev/null
}

abide_is_ours() {
	[ -n "$1" ] && { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | grep -qxF "RC_SVCNAME=$RC_SVCNAME"
}

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

reload() {
	local child
	ebegin "Reloading $name"
	child=$(service_get_value child_pid)
	[ -n "$child" ] || read -r child <"$pidfile"
	kill -USR1 "$child"
	eend $? "Failed to reload $name"
}
