#!/bin/sh
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.
#
# PROVIDE: orders
# REQUIRE: LOGIN postgresql
# KEYWORD: shutdown
#
# orders_enable in rc.conf(5) says whether it starts with the machine.

# What daemon(8) has in the background: a shell that starts the supervisor, again after a death that asks for it.
run() {
	trap - HUP INT QUIT TERM
	exec '/usr/local/libexec/abide/abide-supervisor-0123456789ab' 'run' '--manager' 'rc.d' 'orders'
}

again() {
	[ "$1" -gt 128 ]
}

pause() {
	delay=1
	told=''
	sleep "$delay" </dev/null >/dev/null 2>&1 &
	nap=$!
	wait "$nap"
	if [ -n "$told" ]; then kill "$nap" 2>/dev/null; fi
	return 0
}

tell() {
	told=yes
	if [ -n "$child" ]; then kill -s "$1" "$child" 2>/dev/null; fi
}

stop() {
	stopped=yes
	tell TERM
}

keep() {
	cd '/var/run/abide/.rc.d/orders' || exit 1
	echo $$ >keeper
	child='' stopped='' killer='' delays='' restarts=''
	trap stop INT TERM
	trap 'tell HUP' HUP
	while [ -z "$stopped" ]; do
		begun=$(date +%s)
		run &
		child=$!
		echo "$child" >main
		# It may have been told to stop while there was nobody to pass that on to.
		if [ -n "$stopped" ]; then stop; fi
		code=127 told=yes
		while [ -n "$told" ]; do
			# A signal that is passed on ends the wait, not the child. 127: it has been waited for.
			told=''
			wait "$child"
			got=$?
			if [ "$got" -ne 127 ]; then code=$got; fi
		done
		child=''
		if [ -n "$stopped" ] || ! again "$code" || ! pause; then break; fi
	done
	if [ -n "$killer" ]; then kill "$killer" 2>/dev/null; fi
	if [ -z "$stopped" ]; then echo "$code" >exit; fi
	rm -f main keeper
	exit 0
}

if [ "$1" = keep ]; then
	export PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin
	keep
fi

. /etc/rc.subr

name=orders
desc='orders'
rcvar=orders_enable
pidfile='/var/run/abide/.rc.d/orders/keeper'
procname='/usr/local/etc/rc.d/orders'
command_interpreter=/bin/sh
command=/usr/sbin/daemon
command_args='-f -S -T orders -p /var/run/abide/.rc.d/orders/lock /bin/sh /usr/local/etc/rc.d/orders keep'
start_precmd=prepare
start_postcmd=await_start
extra_commands=reload

prepare() {
	mkdir -p '/var/run/abide/.rc.d/orders' && rm -f '/var/run/abide/.rc.d/orders'/keeper '/var/run/abide/.rc.d/orders'/main '/var/run/abide/.rc.d/orders'/exit
}

await_start() {
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		[ -s '/var/run/abide/.rc.d/orders'/main ] || [ -s '/var/run/abide/.rc.d/orders'/exit ] && break
		sleep 0.2
	done
	'/usr/local/libexec/abide/abide-supervisor-0123456789ab' 'wait' 'orders' 'ready' '45' >/dev/null
}

load_rc_config "$name"
: "${orders_enable:=NO}"
run_rc_command "$1"
