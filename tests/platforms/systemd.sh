#!/usr/bin/env bash
# A booted systemd in a container.
#
#   systemd.sh root                  make the cached root once (about 30 s)
#   systemd.sh serve NAME            boot a machine over a fresh overlay of that root, print "ready", and hold it until
#                                    standard input closes or a signal comes; then leave nothing behind
#   systemd.sh exec NAME COMMAND…    run a command inside
#   systemd.sh path NAME             the folder under which the machine's files are seen from outside
#   systemd.sh reboot NAME           reboot inside and wait until it is up again
#   systemd.sh pid NAME              its PID 1, as seen from outside
#   systemd.sh run NAME COMMAND…     boot, run COMMAND on this machine (with ABIDE_MACHINE=NAME), stop
. "$(dirname "$0")/common.sh"

CACHE=$PLATFORMS/systemd
ROOT=$CACHE/root
RUN=$CACHE/run
PACKAGES=systemd,systemd-sysv,dbus,procps,iproute2,curl,python3-minimal

make_root() {
  need_root
  need_tool debootstrap systemd
  need_tool systemd-nspawn systemd
  mkdir -p "$CACHE" "$RUN"
  exec 9>"$CACHE/lock"
  flock 9
  if [ ! -e "$ROOT.complete" ]; then
    local mirror
    mirror=$(mirror_of_this_machine)
    say "making the root with debootstrap (once)"
    rm -rf --one-file-system "$ROOT" "$ROOT.new"
    debootstrap --variant=minbase --include="$PACKAGES" bookworm "$ROOT.new" "$mirror" </dev/null >"$CACHE/debootstrap.log" 2>&1 ||
      { tail -n 20 "$CACHE/debootstrap.log" >&2; fail "debootstrap failed; see $CACHE/debootstrap.log"; }
    # No login prompt, no downloads, an empty machine id: each boot makes its own.
    rm -f "$ROOT.new/etc/systemd/system/getty.target.wants/"* "$ROOT.new"/var/cache/apt/archives/*.deb
    ln -sf /dev/null "$ROOT.new/etc/systemd/system/console-getty.service"
    for timer in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
      ln -sf /dev/null "$ROOT.new/etc/systemd/system/$timer"
    done
    : >"$ROOT.new/etc/machine-id"
    mv "$ROOT.new" "$ROOT"
    touch "$ROOT.complete"
  fi
  exec 9>&-
}

# The archive this machine itself installs from, so that proxies and local mirrors are honoured.
mirror_of_this_machine() {
  { set +e
    sed -n 's/^URIs:[[:space:]]*\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^ ]*\)[[:space:]].*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    echo http://deb.debian.org/debian; } 2>/dev/null | awk '/\/debian\/?$/ && !found { print; found = 1 }'
}

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

is_up() {
  local state
  state=$(inside "$1" systemctl is-system-running 2>/dev/null </dev/null) || true
  [ "$state" = running ] || [ "$state" = degraded ]
}

booted() {
  local nspawn=$1 pid
  pid=$(find_init "$nspawn") && is_up "$pid"
}

serve() {
  local name=$1
  need_root
  make_root
  dir=$RUN/$name
  nspawn= merged=$dir/merged
  clear_stale
  mkdir "$dir" 2>/dev/null || fail "a machine named $name is running already ($dir)"
  trap take_down EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap 'exit 129' HUP
  echo $$ >"$dir/server"
  mkdir "$dir/upper" "$dir/work" "$merged"
  # Fall back to a copy where the file system can't carry an overlay's upper folder (an overlay itself, say).
  if ! mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$dir/upper,workdir=$dir/work" "$merged" 2>/dev/null; then
    rmdir "$merged"
    cp -a --reflink=auto "$ROOT" "$merged"
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
    # 133 is nspawn's word for: the machine asked for a reboot.
    if [ "$status" != 133 ]; then
      fail "the machine ended by itself with status $status; see $dir/console.log"
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
  pid=$(cat "$RUN/$1/pid" 2>/dev/null) || fail "no machine named $1 is running"
  echo "$pid"
}

verb=${1:-}
case $verb in
  root) make_root ;;
  serve) check_name "${2:-}"; serve "$2" ;;
  exec)
    pid=$(machine_pid "$2")
    shift 2
    replace=exec
    inside "$pid" "$@"
    ;;
  path) [ -e "$RUN/$2/pid" ] || fail "no machine named $2 is running"; echo "$RUN/$2/merged" ;;
  pid) machine_pid "$2" ;;
  reboot)
    before=$(machine_pid "$2")
    inside "$before" systemctl reboot </dev/null >/dev/null 2>&1 || true
    another() { [ "$(cat "$RUN/$1/pid" 2>/dev/null)" != "$before" ]; }
    wait_until 120 another "$2" || fail "the machine did not come back within 120 s"
    ;;
  run)
    check_name "${2:-}"
    name=$2
    shift 2
    coproc SERVER { exec "$0" serve "$name"; }
    server=$SERVER_PID
    trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    read -r word <&"${SERVER[0]}" && [ "$word" = ready ] || fail "the machine did not boot"
    status=0
    ABIDE_MACHINE=$name "$@" || status=$?
    exit "$status"
    ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
