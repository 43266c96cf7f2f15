#!/usr/bin/env bash
# Builds for Windows from Linux.
#
#   windows-build.sh CARGO-ARGUMENTS…          e.g. -p abide-cli -p abide-supervisor --release
#   windows-build.sh --check CARGO-ARGUMENTS…  types only
#   windows-build.sh --where [debug|release]   prints the folder in which the executables are
#
# Uses rustup's x86_64-pc-windows-gnu target where it is installed; else the standard library is built from source
# with Debian's second toolchain (packages.sh windows).
. "$(dirname "$0")/common.sh"

TARGET=x86_64-pc-windows-gnu
. "$HERE/second-toolchain.sh"

if rustup target list --installed 2>/dev/null </dev/null | grep -qx "$TARGET"; then
  cargo=(cargo)
  target_dir=${CARGO_TARGET_DIR:-$REPO/target}
else
  second_toolchain
  target_dir=$CARGO_TARGET_DIR
fi

verb=build
case ${1:-} in
  --where) echo "$target_dir/$TARGET/${2:-debug}"; exit 0 ;;
  --check) verb=check; shift ;;
esac
need_tool x86_64-w64-mingw32-gcc windows
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
cd "$REPO"
exec "${cargo[@]}" "$verb" --target "$TARGET" "$@" </dev/null
