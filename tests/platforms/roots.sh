# shellcheck shell=bash
# The cached roots of the machines: one base, made with debootstrap and holding the packages of all kinds, and a copy of
# it for each kind with that kind's packages installed. A root's name tells what it was made from, so that a change makes
# another one.

BASE_PACKAGES=procps,iproute2,curl,python3-minimal

# Every kind's packages, which the base downloads in one go.
packages_of() {
  case $1 in
    # The last four: for services of users, who have a bus and a session of their own.
    systemd) echo systemd systemd-sysv dbus dbus-user-session libpam-systemd polkitd passwd ;;
    # Those without a journal have a syslog.
    openrc) echo sysvinit-core openrc busybox-syslogd ;;
    runit) echo runit-init runit busybox-static ;;
    s6) echo s6 execline busybox-static ;;
    sysv) echo sysvinit-core sysv-rc initscripts insserv busybox-syslogd ;;
  esac
}

# The syslog of a service manager that runs commands in the foreground.
syslogd_run() { printf '#!/bin/sh\nexec busybox syslogd -n -O /var/log/messages 2>&1\n'; }

mark() { sha256sum | cut -c 1-8; }

base_of_all() { echo "$PLATFORMS/base/root-$(mark <"$HERE/roots.sh")"; }

root_of() { echo "$PLATFORMS/$1/root-$(cat "$HERE/roots.sh" "$HERE/machines/inittab.sh" "$HERE/machines/$1.sh" | mark)"; }

make_root() {
  need_root
  need_tool debootstrap machines
  need_tool systemd-nspawn machines
  local root base
  root=$(root_of "$KIND")
  mkdir -p "$CACHE"
  exec 9>"$CACHE/lock"
  flock 9
  if [ ! -e "$root.complete" ]; then
    make_base
    base=$(base_of_all)
    say "making the root of $KIND (once)"
    discard_roots "$CACHE"
    cp -a --reflink=auto "$base" "$root.new"
    # shellcheck disable=SC2046
    in_root "$root.new" apt-get install -q -y --no-install-recommends --no-download $(packages_of "$KIND") >"$CACHE/install.log" 2>&1 ||
      { tail -n 20 "$CACHE/install.log" >&2; fail "the packages of $KIND could not be installed; see $CACHE/install.log"; }
    in_root "$root.new" apt-get clean
    rm -r "$root.new/usr/sbin/policy-rc.d" "$root.new"/var/lib/apt/lists/*
    prepare "$root.new"
    mv "$root.new" "$root"
    touch "$root.complete"
  fi
  exec 9>&-
}

make_base() {
  local base log=$PLATFORMS/base/make.log kind mirror
  base=$(base_of_all)
  mkdir -p "$PLATFORMS/base"
  exec 7>"$PLATFORMS/base/lock"
  flock 7
  if [ ! -e "$base.complete" ]; then
    mirror=$(mirror_of_this_machine)
    say "making the base of all roots with debootstrap (once)"
    discard_roots "$PLATFORMS/base"
    debootstrap --variant=minbase --include="$BASE_PACKAGES" bookworm "$base.new" ${mirror:+"$mirror"} </dev/null >"$log" 2>&1 9>&- ||
      { tail -n 20 "$log" >&2; fail "debootstrap failed; see $log"; }
    # A root that is thrown away when anything goes wrong needs no syncing, and nothing is to start in it.
    echo force-unsafe-io >"$base.new/etc/dpkg/dpkg.cfg.d/quick"
    printf '#!/bin/sh\nexit 101\n' >"$base.new/usr/sbin/policy-rc.d"
    chmod +x "$base.new/usr/sbin/policy-rc.d"
    in_root "$base.new" apt-get clean
    for kind in systemd openrc runit s6 sysv; do
      # shellcheck disable=SC2046
      in_root "$base.new" apt-get install -q -y --no-install-recommends --download-only $(packages_of $kind) >>"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; fail "the packages of $kind could not be had; see $log"; }
    done
    mv "$base.new" "$base"
    touch "$base.complete"
  fi
  exec 7>&-
}

in_root() {
  local root=$1
  shift
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    ${http_proxy:+"http_proxy=$http_proxy"} "$@" </dev/null 7>&- 9>&-
}

# Takes older and unfinished roots away, except those over which a machine is running.
discard_roots() {
  local old
  for old in "$1"/root "$1"/root-*; do
    case $old in *.complete) continue ;; esac
    [ -d "$old" ] && ! grep -qF "lowerdir=$old," /proc/mounts || continue
    rm -rf --one-file-system "$old" "$old.complete"
  done
}
