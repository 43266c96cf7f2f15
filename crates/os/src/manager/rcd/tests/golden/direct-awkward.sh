#!/bin/sh
# Managed by abide; change the spec and run `abide apply`, changes made here are lost.
#
# PROVIDE: 7.awkward-name
# REQUIRE: LOGIN postgresql my-app
# KEYWORD: shutdown
#
# _7_awkward_name_enable in rc.conf(5) says whether it starts with the machine.

# What daemon(8) has in the background: a shell that starts the program, again after a death that asks for it.
run() {
	trap - HUP INT QUIT TERM
	ulimit -n 65536 || exit 126
	ulimit -u 64 || exit 126
	user='www'
	group=$(id -gn "$user") groups=$(id -Gn "$user") || exit 126
	groups=$(printf %s "$groups" | tr ' ' ',')',video,dialer'
	home=$(getent passwd "$user" 2>/dev/null | cut -d: -f6)
	export USER="$user" LOGNAME="$user" HOME="${home:-/}"
	export ABIDE_SERVICE='7.awkward-name'
	export STATE_DIRECTORY='/var/db/abide/7.awkward-name/data'
	. '/usr/local/etc/abide/services/7.awkward-name.env.sh'
	exec /usr/sbin/chroot -u "$user" -g "$group" -G "$groups" / /bin/sh -c 'cd "$0" && exec "$@"' '/srv/my folder & more' '/srv/it'\''s "here"/run <it> & go' '' 'a b' '100%' '$HOME' 'back\slash\' 'line
feed
' '漢字 😀'
}

again() {
	signal=''
	[ "$1" -le 128 ] || signal=$(kill -l "$1" 2>/dev/null)
	case $1:$signal in
	3: | 200:* | *:KILL) return 1 ;;
	0:) return 0 ;;
	*) return 0 ;;
	esac
}

pause() {
	now=$(date +%s)
	count=0 recent=''
	for time in $restarts; do
		if [ $((now - time)) -lt 60 ]; then recent="$recent $time" count=$((count + 1)); fi
	done
	if [ "$count" -ge 3 ]; then
		echo 'given up: 3 restarts within 1m' >&2
		return 1
	fi
	restarts="$recent $now"
	if [ $((now - begun)) -ge 60 ]; then delays=''; fi
	# shellcheck disable=SC2086
	set -- ${delays:-2 5 14 20}
	delay=$1
	if [ $# -gt 1 ]; then shift; fi
	delays="$*"
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
	tell INT
	if [ -z "$child" ] || [ -n "$killer" ]; then return; fi
	(
		trap - TERM
		sleep 3 &
		nap=$!
		trap 'kill "$nap"; exit' TERM
		wait "$nap"
		kill -s KILL "$child"
	) </dev/null >/dev/null 2>&1 &
	killer=$!
}

keep() {
	cd '/var/run/abide/.rc.d/7.awkward-name' || exit 1
	echo $$ >keeper
	child='' stopped='' killer='' delays='' restarts=''
	trap stop INT TERM
	trap 'tell USR1' HUP
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

name=_7_awkward_name
desc='It'\''s "here" $(true) `true`'
rcvar=_7_awkward_name_enable
pidfile='/var/run/abide/.rc.d/7.awkward-name/keeper'
procname='/usr/local/etc/rc.d/7.awkward-name'
command_interpreter=/bin/sh
command=/usr/sbin/daemon
command_args='-f -S -T 7.awkward-name -p /var/run/abide/.rc.d/7.awkward-name/lock /bin/sh /usr/local/etc/rc.d/7.awkward-name keep'
start_precmd=prepare
start_postcmd=await_start
extra_commands=reload

prepare() {
	mkdir -p '/var/run/abide/.rc.d/7.awkward-name' && rm -f '/var/run/abide/.rc.d/7.awkward-name'/keeper '/var/run/abide/.rc.d/7.awkward-name'/main '/var/run/abide/.rc.d/7.awkward-name'/exit
}

await_start() {
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		[ -s '/var/run/abide/.rc.d/7.awkward-name'/main ] || [ -s '/var/run/abide/.rc.d/7.awkward-name'/exit ] && break
		sleep 0.2
	done
}

load_rc_config "$name"
: "${_7_awkward_name_enable:=NO}"
run_rc_command "$1"
