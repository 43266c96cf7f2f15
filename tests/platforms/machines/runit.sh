# shellcheck shell=bash
# runit as PID 1. runsvdir watches /etc/service; services are kept in /etc/sv.

prepare() {
  local root=$1 folder
  # No login prompts, and none of the scripts of System V: they are about disks and networks of the machine outside.
  rm -f "$root"/etc/runit/runsvdir/*/getty-*
  mkdir -p "$root/etc/sv/syslogd"
  syslogd_run >"$root/etc/sv/syslogd/run"
  chmod +x "$root/etc/sv/syslogd/run"
  rm -rf "$root"/etc/runit/runsvdir/default/default-syslog
  ln -s /etc/sv/syslogd "$root/etc/runit/runsvdir/default/syslogd"
  touch "$root/etc/runit/no.emulate.sysv" "$root/etc/runit/native.boot.run"
  mkdir -p "$root/etc/runit/boot-run" "$root/etc/runit/shutdown-run"
  for folder in boot-run shutdown-run; do
    rm -f "$root/etc/runit/$folder"/*
    echo : >"$root/etc/runit/$folder/nothing.sh"
  done
}

# Stage 1 is over, and runsvdir, which stage 2 ends in, is there.
is_up() { inside "$1" sh -c 'test -e /run/runit.stopit && pgrep -x runsvdir' </dev/null >/dev/null; }

ask_for_reboot() { inside "$1" init 6; }
