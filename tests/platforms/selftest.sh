#!/usr/bin/env bash
# Proves the platform scripts themselves, without Abide: machines boot, run a service, restart, and leave nothing
# behind, also when they are ended by a signal.
#
#   selftest.sh [systemd] [wine]
. "$(dirname "$0")/common.sh"

passed=0 failed=0
check() {
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); say "ok      $what"; else failed=$((failed + 1)); say "FAILED  $what"; fi
}

# no_trace KIND NAME: no folder, no mount, no process of the machine is left.
no_trace() {
  local dir=$PLATFORMS/$1/run/$2
  [ ! -e "$dir" ] || { say "left: $dir"; return 1; }
  ! grep -F "$dir" /proc/mounts >&2 || return 1
  ! grep -lzF -e "--machine=$2" -e "WINEPREFIX=$dir" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null |
    while IFS=/ read -r _ _ pid _; do
      case $(readlink "/proc/$pid/exe") in *nspawn | *wine*) echo "left: process $pid"; break ;; esac
    done | grep . >&2
}

# Boots, ends the holder by the given signal (or by closing its input), and looks for traces.
ends_clean() {
  local kind=$1 signal=$2 name=selftest-$2 word
  coproc HOLDER { exec "$HERE/$kind.sh" serve "$name"; }
  local pid=$HOLDER_PID
  read -r word <&"${HOLDER[0]}"
  [ "$word" = ready ] || { say "$kind did not boot: $word"; return 1; }
  if [ "$signal" = input ]; then eval "exec ${HOLDER[1]}>&-"; else kill -s "$signal" "$pid"; fi
  wait_until 30 gone "$pid" && wait_until 5 no_trace "${kind}" "$name"
}

systemd_payload() {
  local root
  root=$("$HERE/systemd.sh" path "$ABIDE_MACHINE")
  cat >"$root/etc/systemd/system/payload.service" <<'UNIT'
[Service]
Type=notify
NotifyAccess=all
DynamicUser=yes
ExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep 1000'
[Install]
WantedBy=multi-user.target
UNIT
  inside() { "$HERE/systemd.sh" exec "$ABIDE_MACHINE" "$@"; }
  inside systemctl enable --now payload.service
  [ "$(inside systemctl is-active payload.service)" = active ]
  "$HERE/systemd.sh" reboot "$ABIDE_MACHINE"
  wait_until 10 inside systemctl --quiet is-active payload.service
}

wine_payload() {
  inside() { "$HERE/wine.sh" exec "$ABIDE_MACHINE" "$@" </dev/null | tr -d '\r'; }
  # Its messages differ between versions; what the service manager answers does not.
  inside sc query eventlog | grep '4  RUNNING'
  inside sc create payload binPath= 'C:\windows\system32\svchost.exe -k netsvcs' start= demand
  "$HERE/wine.sh" restart "$ABIDE_MACHINE"
  inside sc query payload | grep '1  STOPPED'
  inside sc delete payload
  ! inside sc query payload >/dev/null
}

case ${1:-} in
  --payload) ABIDE_MACHINE=${ABIDE_MACHINE:?}; "$2_payload"; exit ;;
esac
for kind in "${@:-systemd wine}"; do
  for kind in $kind; do
    check "$kind: a service runs and survives a restart of the machine" \
      "$HERE/$kind.sh" run "selftest-payload" "$0" --payload "$kind"
    check "$kind: nothing is left after a run" no_trace "$kind" selftest-payload
    check "$kind: nothing is left after SIGTERM" ends_clean "$kind" TERM
    check "$kind: nothing is left when the holder's input closes" ends_clean "$kind" input
  done
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
