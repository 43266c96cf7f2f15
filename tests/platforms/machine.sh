#!/usr/bin/env bash
# A machine with a booted service manager, in a container.
#
#   machine.sh KIND root                       make the cached root once (about 40 s for the first kind, 5 for another)
#   machine.sh KIND serve NAME                 boot a machine over a fresh overlay of that root, print "ready", and hold
#                                              it until standard input closes or a signal comes; then leave nothing behind
#   machine.sh KIND exec NAME COMMAND…         run a command inside
#   machine.sh KIND exec-user NAME USER COMMAND…   the same as a user, with what a session of theirs would have
#   machine.sh KIND path NAME                  the folder under which the machine's files are seen from outside
#   machine.sh KIND reboot NAME                reboot inside and wait until it is up again
#   machine.sh KIND pid NAME                   its PID 1, as seen from outside
#   machine.sh KIND run NAME COMMAND…          boot, run COMMAND on this machine (with ABIDE_MACHINE=NAME), stop
#
# KIND is systemd, openrc, runit, s6 or sysv; what differs between them is in machines/KIND.sh.
. "$(dirname "$0")/common.sh"

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }

KIND=${1:-} verb=${2:-}
case $KIND in systemd | openrc | runit | s6 | sysv) shift 2 || usage ;; *) usage ;; esac
CACHE=$PLATFORMS/$KIND
RUN=$CACHE/run
# How nspawn says that the machine asked for a reboot.
REBOOT_STATUS=133
. "$HERE/roots.sh"
. "$HERE/machines/$KIND.sh"

# The container's PID 1: the child of nspawn that is number 1 in its own namespace.
find_init() {
  local nspawn=$1 task pid
  for task in /proc/"$nspawn"/task/*/children; do
    for pid in $(cat "$task" 2>/dev/null); do
      if [ "$(awk '/^NSpid:/ { print NF, $NF }' "/proc/$pid/status" 2>/dev/null)" = "3 1" ]; then
        echo "$pid"
        return 0
      fi
    done
  done
  return 1
}

inside() {
  local pid=$1
  shift
  # A clean environment: nothing of this machine's leaks in. The command ends with its nsenter: one that is left over
  # could not be reaped while the machine shuts down, which would wait for it for minutes.
  ${replace:-} nsenter -t "$pid" -m -u -i -p -n -C -r -w setpriv --pdeathsig KILL env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 "$@"
}

booted() {
  local nspawn=$1 pid
  pid=$(find_init "$nspawn") && is_up "$pid"
}

serve() {
  local name=$1 root
  need_root
  make_root
  root=$(root_of "$KIND")
  dir=$RUN/$name
  nspawn= merged=$dir/merged
  mkdir -p "$RUN"
  clear_stale
  mkdir "$dir" 2>/dev/null || fail "a machine named $name is running already ($dir)"
  trap take_down EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap 'exit 129' HUP
  echo $$ >"$dir/server"
  mkdir "$dir/upper" "$dir/work" "$merged"
  # Fall back to a copy where the file system can't carry an overlay's upper folder (an overlay itself, say).
  if ! mount -t overlay overlay -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" "$merged" 2>/dev/null; then
    rmdir "$merged"
    cp -a --reflink=auto "$root" "$merged"
  fi
  boot "$dir" "$name"
  echo ready
  # Reader of our standard input and keeper of the machine, side by side.
  exec 8<&0
  ( hold_until_stdin_closes <&8 ) &
  reader=$!
  exec 8<&-
  local status which
  while :; do
    which=
    status=0
    wait -n -p which "$nspawn" "$reader" || status=$?
    if [ "${which:-}" = "$reader" ]; then
      return 0
    fi
    if [ "$status" != "$REBOOT_STATUS" ]; then
      fail "the machine ended by itself with status $status; see $CACHE/last-console.log"
    fi
    boot "$dir" "$name"
  done
}

boot() {
  local dir=$1 name=$2
  local -a keep=(--register=no)
  # Without a service manager on this machine there is nobody to ask for a scope.
  [ -d /run/systemd/system ] || keep+=(--keep-unit)
  setsid systemd-nspawn -q -D "$merged" -b --machine="$name" "${keep[@]}" --console=passive --resolv-conf=off \
    --timezone=off --link-journal=no </dev/null >>"$dir/console.log" 2>&1 9>&- &
  nspawn=$!
  if ! wait_until 90 booted "$nspawn"; then
    tail -n 30 "$dir/console.log" >&2
    fail "the machine did not come up within 90 s"
  fi
  find_init "$nspawn" >"$dir/pid.new"
  mv "$dir/pid.new" "$dir/pid"
}

# What a holder that was killed itself has left.
clear_stale() {
  [ -e "$dir" ] && gone "$(cat "$dir/server" 2>/dev/null || echo 0)" || return 0
  say "clearing what an earlier machine named $name has left"
  nspawn=$(grep -lzFx -e "--machine=$name" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | head -n 1) || true
  remove_machine
  nspawn=
}

take_down() {
  local status=$?
  trap '' TERM INT HUP
  if [ -e "$dir/console.log" ]; then cp "$dir/console.log" "$CACHE/last-console.log"; fi
  remove_machine
  exit "$status"
}

remove_machine() (
  set +e
  [ -z "${reader:-}" ] || kill "$reader" 2>/dev/null
  if [ -n "$nspawn" ] && ! gone "$nspawn"; then
    local init
    # Pull the plug: the overlay is thrown away, so nothing is gained by an orderly shutdown.
    init=$(find_init "$nspawn") && kill -9 "$init" 2>/dev/null
    wait_until 10 gone "$nspawn" || kill -9 "$nspawn" 2>/dev/null
  fi
  local mounted
  # Deepest first; the machine's own mounts died with its namespace.
  for mounted in $(awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r); do
    umount "$mounted" 2>/dev/null || umount -l "$mounted"
  done
  rm -rf --one-file-system "$dir"
)

machine_pid() {
  local pid
  pid=$(cat "$RUN/$1/pid" 2>/dev/null) || fail "no $KIND machine named $1 is running"
  echo "$pid"
}

case $verb in
  root) make_root ;;
  serve) check_name "${1:-}"; serve "$1" ;;
  exec)
    pid=$(machine_pid "$1")
    shift
    replace=exec
    inside "$pid" "$@"
    ;;
  exec-user)
    pid=$(machine_pid "$1") user=$2
    IFS=: read -r _ _ id _ _ home _ < <(grep "^$user:" "$RUN/$1/merged/etc/passwd") || fail "there is no user $user on $1"
    shift 2
    replace=exec
    inside "$pid" runuser -u "$user" -- env "HOME=$home" "USER=$user" "LOGNAME=$user" "XDG_RUNTIME_DIR=/run/user/$id" "$@"
    ;;
  path) machine_pid "$1" >/dev/null; echo "$RUN/$1/merged" ;;
  pid) machine_pid "$1" ;;
  reboot)
    before=$(machine_pid "$1")
    ask_for_reboot "$before" </dev/null >/dev/null 2>&1 || true
    another() { [ "$(cat "$RUN/$1/pid" 2>/dev/null)" != "$before" ]; }
    wait_until 120 another "$1" || fail "the machine did not come back within 120 s"
    ;;
  run)
    check_name "${1:-}"
    name=$1
    shift
    coproc SERVER { exec "$0" "$KIND" serve "$name"; }
    server=$SERVER_PID
    trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    read -r word <&"${SERVER[0]}" && [ "$word" = ready ] || fail "the machine did not boot"
    status=0
    ABIDE_MACHINE=$name "$@" || status=$?
    exit "$status"
    ;;
  *) usage ;;
esac
