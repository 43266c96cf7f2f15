#!/usr/bin/env bash
# Installs the Debian packages that the tests need. Idempotent: touches apt only for what is missing.
#
#   packages.sh [machines|windows|forward|checks|all]…      (default: all)
#   packages.sh --missing GROUP             prints what is missing, installs nothing
. "$(dirname "$0")/common.sh"

packages_of() {
  case $1 in
    # Service managers booted in containers.
    machines) echo debootstrap systemd-container dbus iproute2 procps util-linux curl ;;
    # A second Rust toolchain that carries the source of the standard library, the Windows linker, and Wine.
    windows) echo curl rustc-web cargo-web rust-web-src gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64 wine64 wine ;;
    # What fetches the programs that take logs; journald runs in a container.
    forward) echo "$(packages_of machines) python3 python3-venv" ;;
    # What reads the files that are made for other systems.
    checks) echo libplist-utils ;;
    all) echo "$(packages_of machines) $(packages_of windows) $(packages_of forward) $(packages_of checks)" ;;
    *) fail "unknown group $1; one of: machines windows forward checks all" ;;
  esac
}

missing_of() {
  local package
  for package in $(packages_of "$1"); do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
  done
}

if [ "${1:-}" = --missing ]; then
  missing_of "${2:-all}"
  exit 0
fi

command -v apt-get >/dev/null || fail "apt-get not found: these scripts are for Debian and Ubuntu"
missing=
for group in "${@:-all}"; do
  missing+=" $(missing_of "$group")"
done
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
if [ -z "${missing// /}" ]; then
  say "nothing to install"
  exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "needs root to install: $missing"
  as_root=(sudo -n)
fi
say "installing $missing"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q </dev/null >&2 || say "apt-get update failed; trying with the lists at hand"
# shellcheck disable=SC2086
"${as_root[@]}" apt-get install -q -y --no-install-recommends $missing </dev/null >&2
