# shellcheck shell=bash
# Shared by the platform scripts: where things live, how to fail, and how to wait for a condition.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)
# Cached roots (made once) and the folders of running machines (gone when they stop).
PLATFORMS=${ABIDE_PLATFORMS:-$REPO/target/platforms}

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# wait_until SECONDS COMMAND…: polls the condition; fails when the time is over.
wait_until() {
  local seconds=$1 deadline
  shift
  deadline=$((SECONDS + seconds))
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# gone PID: true when no such process exists, or only its zombie.
gone() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
  [ -z "$state" ] || [ "$state" = Z ]
}

need_root() { [ "$(id -u)" = 0 ] || fail "needs root (mounts and namespaces); run it with sudo"; }

need_tool() { command -v "$1" >/dev/null || fail "$1 is not installed; run tests/platforms/packages.sh $2"; }

check_name() {
  case ${1:-} in
    '' | *[!A-Za-z0-9-]*) fail "give the machine a name of letters, digits and dashes" ;;
  esac
}

# Returns when the one who started us closes our standard input, also by dying.
hold_until_stdin_closes() {
  # `read` returns on end of file; whatever is written meanwhile is ignored.
  while IFS= read -r _; do :; done
}

# The archive this machine itself installs from, so that proxies and local mirrors are honoured; nothing
# when it can't be told.
mirror_of_this_machine() {
  { set +e
    sed -n 's/^URIs:[[:space:]]*\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^ ]*\)[[:space:]].*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    true; } 2>/dev/null | awk '/\/debian\/?$/ && !found { print; found = 1 }'
}
