#!/sbin/openrc-run
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.

name='orders'
description='orders'

pidfile='/run/abide-orders.pid'
abide_exit='/run/abide-orders.exit'
abide_supervisor='/usr/local/lib/abide/abide-supervisor-0123456789ab'
abide_status='/var/lib/abide/orders/status.json'
abide_log='/var/log/abide/orders/supervisor.log'
abide_ready_wait=220
abide_stop_wait=20

supervisor=supervise-daemon
command='/usr/local/lib/abide/abide-supervisor-0123456789ab'
command_args='run --manager openrc orders'
output_log='/var/log/abide/orders/supervisor.log'
error_log='/var/log/abide/orders/supervisor.log'
retry=TERM/20/KILL/5
respawn_delay=1
respawn_max=0

depend() {
	use localmount logger netmount net dns
	after bootmisc
	keyword -timeout
}

start_pre() {
	rm -f "$abide_exit" "$abide_status"
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

abide_is_ours() {
	[ -n "$1" ] && { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | grep -qxF "RC_SVCNAME=$RC_SVCNAME"
}

abide_stopped() {
	:
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
