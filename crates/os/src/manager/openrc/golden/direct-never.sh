#!/sbin/openrc-run
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.

name='orders'
description='orders'

pidfile='/run/abide-orders.pid'
abide_exit='/run/abide-orders.exit'
abide_env='/etc/abide/services/orders.env.sh'
abide_stop_wait=10

command_background=yes
abide_own_env='/run/abide-orders.env'
abide_become='. "$0"; exec "$@"'
command=/bin/sh
command_args='-c "$abide_become" "$abide_own_env" /srv/orders/orders-server --port 9000'
directory='/var/lib/abide/orders/data'
command_user='abide-orders'
retry=TERM/10/KILL/5

depend() {
	use localmount logger netmount net dns
	after bootmisc
	keyword -timeout
}

start_pre() {
	rm -f "$abide_exit" "$abide_own_env"
	(umask 077 && cat "$abide_env" >"$abide_own_env") || return 1
	chown 'abide-orders' "$abide_own_env" || return 1
	return 0
}

abide_stopped() {
	[ -z "$1" ] || kill -s KILL -- "-$1" 2>/dev/null
}

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
