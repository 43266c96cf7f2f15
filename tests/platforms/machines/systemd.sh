# shellcheck shell=bash
# systemd, with a user who may have services of their own.

prepare() {
  local root=$1 timer
  # No login prompt, no downloads, an empty machine id: each boot makes its own.
  rm -f "$root/etc/systemd/system/getty.target.wants/"*
  ln -sf /dev/null "$root/etc/systemd/system/console-getty.service"
  for timer in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$timer"
  done
  : >"$root/etc/machine-id"
  in_root "$root" useradd --create-home --uid 1000 --shell /bin/bash walker
}

is_up() {
  local state
  state=$(inside "$1" systemctl is-system-running 2>/dev/null </dev/null) || true
  [ "$state" = running ] || [ "$state" = degraded ]
}

ask_for_reboot() { inside "$1" systemctl reboot; }
