#!/usr/bin/env bash
# Proves the platform scripts themselves, without Abide: machines boot, run a service, restart, and leave nothing
# behind, also when they are ended by a signal.
#
#   selftest.sh [KIND]…      systemd, openrc, runit, s6, sysv, wine
. "$(dirname "$0")/common.sh"

passed=0 failed=0
check() {
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); say "ok      $what"; else failed=$((failed + 1)); say "FAILED  $what"; fi
}

# script KIND VERB…: asks the script that holds machines of this kind.
script() {
  local kind=$1
  shift
  if [ "$kind" = wine ]; then "$HERE/wine.sh" "$@"; else "$HERE/machine.sh" "$kind" "$@"; fi
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
  if [ "$kind" = wine ]; then
    coproc HOLDER { exec "$HERE/wine.sh" serve "$name"; }
  else
    coproc HOLDER { exec "$HERE/machine.sh" "$kind" serve "$name"; }
  fi
  local pid=$HOLDER_PID
  read -r word <&"${HOLDER[0]}"
  [ "$word" = ready ] || { say "$kind did not boot: $word"; return 1; }
  if [ "$signal" = input ]; then eval "exec ${HOLDER[1]}>&-"; else kill -s "$signal" "$pid"; fi
  wait_until 30 gone "$pid" && wait_until 5 no_trace "${kind}" "$name"
}

systemd_payload() {
  local root
  root=$(script systemd path "$ABIDE_MACHINE")
  cat >"$root/etc/systemd/system/payload.service" <<'UNIT'
[Service]
Type=notify
NotifyAccess=all
DynamicUser=yes
ExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep 1000'
[Install]
WantedBy=multi-user.target
UNIT
  inside() { script systemd exec "$ABIDE_MACHINE" "$@"; }
  inside systemctl enable --now payload.service
  [ "$(inside systemctl is-active payload.service)" = active ]
  script systemd reboot "$ABIDE_MACHINE"
  wait_until 10 inside systemctl --quiet is-active payload.service
  [ "$(script systemd exec-user "$ABIDE_MACHINE" walker id -un)" = walker ]
}

# The others: a service of their own kind that leaves a line for each boot.
boots() {
  local kind=$1 root
  root=$(script "$kind" path "$ABIDE_MACHINE")
  twice() { [ "$(grep -c up "$root/boots" 2>/dev/null)" = "$1" ]; }
  wait_until 20 twice 1
  script "$kind" reboot "$ABIDE_MACHINE"
  wait_until 20 twice 2
}

openrc_payload() {
  local root
  root=$(script openrc path "$ABIDE_MACHINE")
  printf '#!/sbin/openrc-run\nstart() { echo up >>/boots; }\n' >"$root/etc/init.d/payload"
  chmod +x "$root/etc/init.d/payload"
  script openrc exec "$ABIDE_MACHINE" rc-update add payload default
  script openrc exec "$ABIDE_MACHINE" rc-service payload start
  boots openrc
}

sysv_payload() {
  local root
  root=$(script sysv path "$ABIDE_MACHINE")
  cat >"$root/etc/init.d/payload" <<'SCRIPT'
#!/bin/sh
### BEGIN INIT INFO
# Provides: payload
# Required-Start: $local_fs
# Required-Stop: $local_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
[ "$1" = stop ] || echo up >>/boots
SCRIPT
  chmod +x "$root/etc/init.d/payload"
  script sysv exec "$ABIDE_MACHINE" update-rc.d payload defaults
  script sysv exec "$ABIDE_MACHINE" service payload start
  boots sysv
}

# supervised KIND FOLDER: a service in a folder of its own.
supervised() {
  local root
  root=$(script "$1" path "$ABIDE_MACHINE")
  mkdir -p "$root$2/payload"
  printf '#!/bin/sh\necho up >>/boots\nexec sleep 1000\n' >"$root$2/payload/run"
  chmod +x "$root$2/payload/run"
}

runit_payload() {
  supervised runit /etc/sv
  script runit exec "$ABIDE_MACHINE" ln -s /etc/sv/payload /etc/service/payload
  boots runit
}

s6_payload() {
  supervised s6 /service
  script s6 exec "$ABIDE_MACHINE" s6-svscanctl -a /service
  boots s6
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
for kind in "${@:-systemd openrc runit s6 sysv wine}"; do
  for kind in $kind; do
    check "$kind: a service runs and survives a restart of the machine" \
      script "$kind" run "selftest-payload" "$0" --payload "$kind"
    check "$kind: nothing is left after a run" no_trace "$kind" selftest-payload
    check "$kind: nothing is left after SIGTERM" ends_clean "$kind" TERM
    check "$kind: nothing is left when the holder's input closes" ends_clean "$kind" input
  done
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
