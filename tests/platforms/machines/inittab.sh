# shellcheck shell=bash
# What the machines have in common whose PID 1 is the init of System V and reads /etc/inittab.

# Scripts that are about hardware, disks and networks, which here are those of the machine outside.
FOREIGN="brightness checkfs.sh checkroot.sh checkroot-bootclean.sh hwclock.sh mount-configfs mountall.sh
  mountall-bootclean.sh mountdevsubfs.sh mountnfs.sh mountnfs-bootclean.sh procps umountfs umountnfs.sh umountroot urandom"

prepare() {
  local root=$1 script
  # They keep their place in the order of things, and do nothing.
  for script in $FOREIGN; do
    script=$root/etc/init.d/$script
    [ ! -e "$script" ] || { sed -i '/^### END INIT INFO/q' "$script"; echo 'exit 0' >>"$script"; }
  done
  # No login prompts. The last entry is reached when those above are done, the scripts of runlevel 2 among them.
  sed -i '/getty/d' "$root/etc/inittab"
  echo 'up:2345:once:/usr/bin/touch /run/machine-is-up' >>"$root/etc/inittab"
  # syslog writes to a file, not to a ring in memory.
  echo 'SYSLOG_OPTS="-O /var/log/messages"' >"$root/etc/default/busybox-syslogd"
  # The network is that of the machine outside.
  sed -i 's/^NETDOWN=.*/NETDOWN=no/' "$root/etc/default/halt"
}

is_up() { inside "$1" test -e /run/machine-is-up </dev/null; }

ask_for_reboot() { inside "$1" shutdown -r now; }
