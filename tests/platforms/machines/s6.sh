# shellcheck shell=bash
# s6-svscan as PID 1, over the scan directory /service.

# The code that PID 1 ends with: a reboot of its own is more than s6 has.
REBOOT_STATUS=75

prepare() {
  local root=$1
  mkdir -p "$root/service/.s6-svscan" "$root/service/syslogd"
  syslogd_run >"$root/service/syslogd/run"
  cat >"$root/sbin/init" <<'INIT'
#!/bin/sh
# The service manager takes over as soon as it has a folder for what does not outlive a boot. Services inherit its
# variables, so none of the container's are left.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /run/lock
exec env -i "PATH=$PATH" s6-svscan /service
INIT
  # PID 1 becomes this when all services are down.
  cat >"$root/service/.s6-svscan/finish" <<'FINISH'
#!/bin/sh
exit 75
FINISH
  cat >"$root/sbin/reboot" <<'REBOOT'
#!/bin/sh
exec s6-svscanctl -t /service
REBOOT
  chmod +x "$root/service/syslogd/run" "$root/sbin/init" "$root/service/.s6-svscan/finish" "$root/sbin/reboot"
}

# Asking it to look at its folder again is refused while nobody reads its orders.
is_up() { inside "$1" s6-svscanctl -a /service </dev/null 2>/dev/null; }

ask_for_reboot() { inside "$1" reboot; }
