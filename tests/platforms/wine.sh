#!/usr/bin/env bash
# A Windows service control manager: that of Wine.
#
#   wine.sh base                     make the cached prefix once (about 15 s)
#   wine.sh serve NAME               boot a fresh copy of that prefix, print "ready", and hold it until standard input
#                                    closes or a signal comes; then leave nothing behind
#   wine.sh exec NAME PROGRAM ARGS…  run a Windows program in it
#   wine.sh path NAME                the folder that is its drive C:
#   wine.sh restart NAME             end everything in it and boot it again: what a restart of the machine is
#   wine.sh run NAME COMMAND…        boot, run COMMAND on this machine (with ABIDE_MACHINE=NAME), stop
. "$(dirname "$0")/common.sh"

CACHE=$PLATFORMS/wine
BASE=$CACHE/base
RUN=$CACHE/run
export WINEARCH=win64 WINEDEBUG=${ABIDE_WINEDEBUG:--all} WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=" XDG_RUNTIME_DIR=/tmp
# Wine reads arguments and names of files by it, whoever starts the tests: without, all but ASCII is lost.
export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY

wine_tool() { command -v "$1" || { [ -x "/usr/lib/wine/$1" ] && echo "/usr/lib/wine/$1"; } || fail "$1 is not installed; run tests/platforms/packages.sh windows"; }

make_base() {
  need_tool wine windows
  need_tool x86_64-w64-mingw32-gcc windows
  mkdir -p "$CACHE" "$RUN"
  exec 9>"$CACHE/lock"
  flock 9
  if [ ! -e "$BASE.complete" ]; then
    say "making the prefix (once)"
    if [ -e "$BASE" ]; then end_prefix "$BASE"; rm -rf --one-file-system "$BASE"; fi
    WINEPREFIX=$BASE wineboot -i </dev/null >"$CACHE/wineboot.log" 2>&1 9>&- || fail "wineboot failed; see $CACHE/wineboot.log"
    WINEPREFIX=$BASE winecfg -v win10 </dev/null >>"$CACHE/wineboot.log" 2>&1 9>&- || fail "winecfg failed; see $CACHE/wineboot.log"
    x86_64-w64-mingw32-gcc -O2 -shared -s -o "$BASE/drive_c/windows/system32/bcryptprimitives.dll" \
      "$HERE/shim/bcryptprimitives.c" -ladvapi32
    end_prefix "$BASE"
    touch "$BASE.complete"
  fi
  exec 9>&-
}

# Every process of this machine that belongs to the prefix, whatever became of its parent.
processes_of() {
  local environ pid
  for environ in $(grep -lzFx "WINEPREFIX=$1" /proc/[0-9]*/environ 2>/dev/null); do
    pid=${environ#/proc/}
    pid=${pid%/environ}
    # Wine's loader and server, not the shells and tests that carry the variable too.
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
      *wine*) gone "$pid" || echo "$pid" ;;
    esac
  done
}

prefix_is_empty() { [ -z "$(processes_of "$1")" ]; }

end_prefix() {
  local prefix=$1 signal patience=60 pid
  # Interrupt, terminate, kill: up to the second the server writes the registry to its files first, which takes its time on
  # a busy machine. What it did not come to write is gone.
  for signal in 2 15 9; do
    WINEPREFIX=$prefix timeout 10 "$(wine_tool wineserver)" "-k$signal" </dev/null >/dev/null 2>&1 || true
    if wait_until "$patience" prefix_is_empty "$prefix"; then return; fi
    patience=8
  done
  for pid in $(processes_of "$prefix"); do kill -9 "$pid" 2>/dev/null || true; done
  wait_until 5 prefix_is_empty "$prefix" || say "warning: processes of $prefix did not end: $(processes_of "$prefix")"
}

services_run() { WINEPREFIX=$1 timeout 60 wine sc query eventlog </dev/null >/dev/null 2>&1; }

boot() {
  local dir=$1
  export WINEPREFIX=$dir/prefix
  # A persistent server: else the last console program to end would take the services down with it. It goes into the
  # background by itself once it can be spoken to.
  timeout 60 "$(wine_tool wineserver)" -p </dev/null >>"$dir/console.log" 2>&1 9>&- || fail "the server did not start; see $dir/console.log"
  timeout 120 wine wineboot </dev/null >>"$dir/console.log" 2>&1 9>&- || fail "the prefix did not boot; see $dir/console.log"
  wait_until 60 services_run "$WINEPREFIX" || fail "the service control manager does not answer"
}

serve() {
  local name=$1
  make_base
  dir=$RUN/$name
  if [ -e "$dir" ] && gone "$(cat "$dir/server" 2>/dev/null || echo 0)"; then
    say "clearing what an earlier prefix named $name has left"
    end_prefix "$dir/prefix"
    rm -rf --one-file-system "$dir"
  fi
  mkdir "$dir" 2>/dev/null || fail "a prefix named $name is running already ($dir)"
  trap take_down EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap 'exit 129' HUP
  echo $$ >"$dir/server"
  cp -a --reflink=auto "$BASE" "$dir/prefix"
  boot "$dir"
  touch "$dir/running"
  echo ready
  # In the background, so that a signal is taken at once.
  exec 8<&0
  ( hold_until_stdin_closes <&8 ) &
  reader=$!
  exec 8<&-
  wait "$reader" || true
  exit 0
}

take_down() {
  local status=$?
  trap '' TERM INT HUP
  set +e
  [ -z "${reader:-}" ] || kill "$reader" 2>/dev/null
  if [ -e "$dir/console.log" ]; then cp "$dir/console.log" "$CACHE/last-console.log"; fi
  end_prefix "$dir/prefix"
  rm -rf --one-file-system "$dir"
  exit "$status"
}

prefix_of() {
  [ -e "$RUN/$1/running" ] || fail "no prefix named $1 is running"
  echo "$RUN/$1/prefix"
}

verb=${1:-}
case $verb in
  base) make_base ;;
  serve) check_name "${2:-}"; serve "$2" ;;
  exec)
    WINEPREFIX=$(prefix_of "$2")
    export WINEPREFIX
    shift 2
    # In the prefix's own drive, so that relative paths and the working folder are Windows ones.
    cd "$WINEPREFIX/drive_c"
    exec wine "$@"
    ;;
  path) prefix_of "$2" >/dev/null; echo "$RUN/$2/prefix/drive_c" ;;
  restart)
    prefix=$(prefix_of "$2")
    WINEPREFIX=$prefix timeout 30 wineboot -k </dev/null >/dev/null 2>&1 || true
    end_prefix "$prefix"
    boot "$RUN/$2"
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
    read -r word <&"${SERVER[0]}" && [ "$word" = ready ] || fail "the prefix did not boot"
    status=0
    ABIDE_MACHINE=$name "$@" || status=$?
    exit "$status"
    ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
